// SPDX-License-Identifier: BSD-3-Clause
// Rows of the configuration: memory, eviction, expiry, freeing, and how values are encoded.
#ifndef CAIRN_SERVER_CONFIG_ROWS_MEMORY_H_
#define CAIRN_SERVER_CONFIG_ROWS_MEMORY_H_

#include "server/config_row.h"

namespace cairn::server::rows {

inline constexpr ConfigRow kMemoryRows[] = {
    Integer("databases", "16", {1, kInt32Max}).Immutable().Applied().Does("databases of SELECT"),
    Row("maxmemory", "0", ConfigKind::kMemoryOfHost)
        .Applied()
        .Does("memory for data, in bytes or percent of what this process may use; 0 no limit"),
    Choice("maxmemory-policy", "noeviction", kMaxmemoryPolicies)
        .Applied()
        .Does("which keys go when maxmemory is reached"),
    Integer("maxmemory-samples", "5", {1, kInt32Max})
        .Applied()
        .Does("keys looked at for each one evicted"),
    Bool("cairn-miss-ratio-curve", "no")
        .Applied()
        .Does("follow a sample of the keys, so that CACHE.MRC tells what more memory would do"),
    Bool("cairn-ttl-advisor", "no")
        .Applied()
        .Does("watch a sample of what expires, so that CACHE.ADVISE tells of reloads for nothing"),
    Integer("maxmemory-eviction-tenacity", "10", {0, 100})
        .Ignored()
        .Does("a command evicts at most 128 keys before it runs, at any setting"),
    Integer("lfu-log-factor", "10", {0, kInt32Max})
        .Applied()
        .Does("how slowly the frequency counter grows"),
    Integer("lfu-decay-time", "1", {0, kInt32Max})
        .Applied()
        .Does("minutes after which the frequency counter falls by one; 0 never"),
    Integer("active-expire-effort", "1", {1, 10})
        .Ignored()
        .Does("every expired key is found within 100 ms at any setting"),
    // Trash::Dispose decides by the value alone. A string is one allocation, or one and its blob.
    Bool("lazyfree-lazy-eviction", "no")
        .Ignored()
        .Does("an evicted value of more than 64 elements is always freed in the background"),
    Bool("lazyfree-lazy-expire", "no")
        .Ignored()
        .Does("an expired value of more than 64 elements is always freed in the background"),
    Bool("lazyfree-lazy-server-del", "no")
        .Ignored()
        .Does("an overwritten value of more than 64 elements is always freed in the background"),
    Bool("lazyfree-lazy-user-del", "no")
        .Ignored()
        .Does("DEL and UNLINK are one: more than 64 elements are freed in the background"),
    Bool("lazyfree-lazy-user-flush", "no")
        .Ignored()
        .Does("FLUSHALL and FLUSHDB, SYNC or ASYNC, always free in the background"),
    Bool("activerehashing", "yes").Ignored().Does("tables grow by segments and never rehash"),
    Bool("jemalloc-bg-thread", "yes")
        .Applied()
        .Does("freed pages go back to the system within about a second, by a thread of their own"),
    Bool("activedefrag", "no").Does("move entries together to give memory back"),
    Memory("active-defrag-ignore-bytes", "100mb", {1, kInt64Max})
        .Does("waste below which defragmentation rests"),
    Integer("active-defrag-threshold-lower", "10", {0, 1000})
        .Does("percent of waste at which defragmentation begins"),
    Integer("active-defrag-threshold-upper", "100", {0, 1000})
        .Does("percent of waste at which it works hardest"),
    Integer("active-defrag-cycle-min", "1", {1, 99}).Does("percent of a core at the lower bound"),
    Integer("active-defrag-cycle-max", "25", {1, 99}).Does("percent of a core at the upper bound"),
    Integer("active-defrag-max-scan-fields", "1000", {1, kInt64Max})
        .Does("elements of one value handled in one step"),
};

inline constexpr ConfigRow kEncodingRows[] = {
    Integer("hash-max-listpack-entries", "512", {0, kInt64Max})
        .Alias("hash-max-ziplist-entries")
        .Applied()
        .Does("fields of a packed hash"),
    Memory("hash-max-listpack-value", "64", {0, kInt64Max})
        .Alias("hash-max-ziplist-value")
        .Applied()
        .Does("longest field or value in a packed hash"),
    Integer("list-max-listpack-size", "-2", {kInt32Min, kInt32Max})
        .Alias("list-max-ziplist-size")
        .Applied()
        .Does("elements in a node of a list, or as -1 to -5: 4, 8, 16, 32, 64 KiB"),
    Integer("list-compress-depth", "0", {0, kInt32Max})
        .Applied()
        .Does("nodes at each end of a list that are never compressed; 0 no compression"),
    Integer("set-max-intset-entries", "512", {0, kInt64Max})
        .Applied()
        .Does("members of a set of integers"),
    Integer("set-max-listpack-entries", "128", {0, kInt64Max})
        .Applied()
        .Does("members of a packed set"),
    Memory("set-max-listpack-value", "64", {0, kInt64Max})
        .Applied()
        .Does("longest member of a packed set"),
    Integer("zset-max-listpack-entries", "128", {0, kInt64Max})
        .Alias("zset-max-ziplist-entries")
        .Applied()
        .Does("members of a packed sorted set"),
    Memory("zset-max-listpack-value", "64", {0, kInt64Max})
        .Alias("zset-max-ziplist-value")
        .Applied()
        .Does("longest member of a packed sorted set"),
    Memory("hll-sparse-max-bytes", "3000", {0, kInt64Max})
        .Applied()
        .Does("size at which a HyperLogLog turns dense"),
    Memory("stream-node-max-bytes", "4kb", {0, kInt64Max})
        .Applied()
        .Does("size of a node of a stream"),
    Integer("stream-node-max-entries", "100", {0, kInt64Max})
        .Applied()
        .Does("entries in such a node"),
};

}  // namespace cairn::server::rows

#endif  // CAIRN_SERVER_CONFIG_ROWS_MEMORY_H_
