// SPDX-License-Identifier: BSD-3-Clause
// Rows of the configuration: RDB and AOF files, replication, cluster.
#ifndef CAIRN_SERVER_CONFIG_ROWS_STORAGE_H_
#define CAIRN_SERVER_CONFIG_ROWS_STORAGE_H_

#include "server/config_row.h"

namespace cairn::server::rows {

inline constexpr ConfigRow kPersistenceRows[] = {
    Text("dir", ".", TextRule::kDirectory).Guarded().Applied().Does("the working folder"),
    Row("save", "3600 1 300 100 60 10000", ConfigKind::kSavePoints)
        .Applied()
        .Does("save after so many seconds with so many changes; empty never"),
    Text("dbfilename", "dump.rdb", TextRule::kFileName)
        .Guarded()
        .Applied()
        .Does("name of the RDB file"),
    Bool("rdbcompression", "yes").Applied().Does("compress strings in RDB files"),
    Bool("rdbchecksum", "yes").Immutable().Applied().Does("write and check the sum of an RDB file"),
    Bool("rdb-del-sync-files", "no").Does("delete RDB files that were only for replication"),
    Bool("rdb-save-incremental-fsync", "yes")
        .Applied()
        .Does("sync an RDB file while it is written"),
    Bool("stop-writes-on-bgsave-error", "yes").Applied().Does("refuse writes after a failed save"),
    Choice("sanitize-dump-payload", "no", kSanitizeDumps)
        .Does("check RESTORE payloads and RDB files in full"),
    Bool("appendonly", "no").Applied().Does("keep an append only file"),
    Text("appendfilename", "appendonly.aof", TextRule::kNeededFileName)
        .Applied()
        .Immutable()
        .Does("first part of the names of AOF files"),
    Text("appenddirname", "appendonlydir", TextRule::kDirectoryName)
        .Applied()
        .Immutable()
        .Does("folder of the AOF files"),
    Choice("appendfsync", "everysec", kAppendFsyncs)
        .Applied()
        .Does("when AOF writes are made durable. Unless `always`, they are also written after the "
              "reply: kill -9 may cost the last tens of milliseconds"),
    Bool("no-appendfsync-on-rewrite", "no")
        .Applied()
        .Does("leave out the syncs of the AOF while anything is saved; with `always`, replies then "
              "wait for the write alone"),
    Integer("auto-aof-rewrite-percentage", "100", {0, kInt32Max})
        .Applied()
        .Does("growth of the AOF that starts a rewrite"),
    Memory("auto-aof-rewrite-min-size", "64mb", {0, kInt64Max})
        .Applied()
        .Does("size below which no rewrite is started"),
    Bool("aof-load-truncated", "yes").Applied().Does("load an AOF whose tail is torn"),
    Bool("aof-use-rdb-preamble", "yes").Applied().Does("begin a rewritten AOF with an RDB image"),
    Bool("aof-timestamp-enabled", "no").Applied().Does("write times into the AOF"),
    Bool("aof-rewrite-incremental-fsync", "yes")
        .Applied()
        .Does("sync an AOF while it is rewritten"),
    Bool("aof-disable-auto-gc", "no")
        .Applied()
        .Hidden()
        .Does("keep AOF files that are no longer needed"),
    Integer("rdb-key-save-delay", "0", {kInt32Min, kInt32Max})
        .Applied()
        .Hidden()
        .Does("for tests: microseconds to wait after each saved key"),
    Integer("key-load-delay", "0", {kInt32Min, kInt32Max})
        .Applied()
        .Hidden()
        .Does("for tests: microseconds to wait after each loaded key"),
    Integer("loading-process-events-interval-bytes", "2097152", {1024, kInt32Max})
        .Hidden()
        .Ignored()
        .Does("workers serve clients while a file is loaded"),
};

inline constexpr ConfigRow kReplicationRows[] = {
    Row("replicaof", "", ConfigKind::kReplicaOf)
        .Alias("slaveof")
        .Immutable()
        .DropsEmpty()
        .Does("host and port of the primary"),
    Text("masteruser", "").Secret().DropsEmpty().Does("user name to give to the primary"),
    Text("masterauth", "").Secret().DropsEmpty().Does("password to give to the primary"),
    Bool("replica-serve-stale-data", "yes")
        .Alias("slave-serve-stale-data")
        .Does("answer while the primary is away"),
    Bool("replica-read-only", "yes").Alias("slave-read-only").Does("refuse writes on a replica"),
    Bool("replica-ignore-maxmemory", "yes")
        .Alias("slave-ignore-maxmemory")
        .Does("leave eviction to the primary"),
    Bool("replica-lazy-flush", "no")
        .Alias("slave-lazy-flush")
        .Does("free old data in the background at a full sync"),
    Integer("replica-priority", "100", {0, kInt32Max})
        .Alias("slave-priority")
        .Does("Sentinel prefers small numbers; 0 is never promoted"),
    Bool("replica-announced", "yes").Does("let Sentinel show this replica"),
    Text("replica-announce-ip", "")
        .Alias("slave-announce-ip")
        .DropsEmpty()
        .Does("address to tell the primary"),
    Integer("replica-announce-port", "0", {0, 65535})
        .Alias("slave-announce-port")
        .Does("port to tell the primary"),
    Bool("replica-ignore-disk-write-errors", "no").Does("go on when the disk fails a replica"),
    Bool("repl-disable-tcp-nodelay", "no").Does("send to replicas in fewer, later packets"),
    Bool("repl-diskless-sync", "yes").Does("full sync without a file"),
    Integer("repl-diskless-sync-delay", "5", {0, kInt32Max})
        .Does("seconds to wait for more replicas before a full sync"),
    Integer("repl-diskless-sync-max-replicas", "0", {0, kInt32Max})
        .Does("replicas that end this wait; 0 none"),
    Choice("repl-diskless-load", "disabled", kDisklessLoads)
        .Does("load a full sync from the socket"),
    Integer("repl-timeout", "60", {1, kInt32Max}).Does("seconds of silence that end a link"),
    Integer("repl-ping-replica-period", "10", {1, kInt32Max})
        .Alias("repl-ping-slave-period")
        .Does("seconds between pings to replicas"),
    Memory("repl-backlog-size", "1mb", {1, kInt64Max}).Does("log kept for replicas that come back"),
    Integer("repl-backlog-ttl", "3600", {0, kInt64Max})
        .Does("seconds the backlog outlives the last replica; 0 for ever"),
    Integer("min-replicas-to-write", "0", {0, kInt32Max})
        .Alias("min-slaves-to-write")
        .Does("refuse writes with fewer good replicas"),
    Integer("min-replicas-max-lag", "10", {0, kInt32Max})
        .Alias("min-slaves-max-lag")
        .Does("seconds of lag at which a replica is no longer good"),
    Choice("propagation-error-behavior", "ignore", kPropagationErrors)
        .Does("what to do when a replicated command fails"),
};

inline constexpr ConfigRow kClusterRows[] = {
    Bool("cluster-enabled", "no").Immutable().Does("be a node of a cluster"),
    Text("cluster-config-file", "nodes.conf").Immutable().Does("file of the cluster's nodes"),
    Integer("cluster-port", "0", {0, 65535}).Immutable().Does("bus port; 0 is port + 10000"),
    Integer("cluster-node-timeout", "15000", {0, kInt64Max})
        .Does("milliseconds after which a silent node counts as failed"),
    Integer("cluster-migration-barrier", "1", {0, kInt32Max})
        .Does("replicas a primary keeps before one may move away"),
    Integer("cluster-replica-validity-factor", "10", {0, kInt32Max})
        .Alias("cluster-slave-validity-factor")
        .Does("how stale a replica may be and still be promoted"),
    Bool("cluster-replica-no-failover", "no")
        .Alias("cluster-slave-no-failover")
        .Does("never promote this replica by itself"),
    Bool("cluster-require-full-coverage", "yes").Does("stop when a slot has no owner"),
    Bool("cluster-allow-reads-when-down", "no").Does("read while the cluster is down"),
    Bool("cluster-allow-pubsubshard-when-down", "yes")
        .Does("sharded publish while the cluster is down"),
    Bool("cluster-allow-replica-migration", "yes").Does("let replicas move to bare primaries"),
    Text("cluster-announce-ip", "").DropsEmpty().Does("address to tell other nodes"),
    Text("cluster-announce-hostname", "", TextRule::kHostName)
        .DropsEmpty()
        .Does("host name to tell other nodes"),
    Text("cluster-announce-human-nodename", "", TextRule::kNodeName)
        .DropsEmpty()
        .Does("name of this node in logs"),
    Integer("cluster-announce-port", "0", {0, 65535}).Does("port to tell other nodes"),
    Integer("cluster-announce-tls-port", "0", {0, 65535}).Does("TLS port to tell other nodes"),
    Integer("cluster-announce-bus-port", "0", {0, 65535}).Does("bus port to tell other nodes"),
    Choice("cluster-preferred-endpoint-type", "ip", kEndpointTypes)
        .Does("what redirections name: address, host name or nothing"),
    Memory("cluster-link-sendbuf-limit", "0", {0, kInt64Max})
        .Does("bytes waiting on one bus link; 0 no limit"),
};

}  // namespace cairn::server::rows

#endif  // CAIRN_SERVER_CONFIG_ROWS_STORAGE_H_
