// SPDX-License-Identifier: BSD-3-Clause
// Tunables: what the configuration may change in a running keyspace.
//
// Relaxed atomics: each is read by itself, and a command that sees the old value a moment longer is
// as good as one that came earlier.
#ifndef CAIRN_KEYSPACE_TUNABLES_H_
#define CAIRN_KEYSPACE_TUNABLES_H_

#include <atomic>
#include <cstdint>

#include "keyspace/events.h"

namespace cairn::keyspace {

enum class EvictionPolicy : std::uint8_t {
  kVolatileLru,
  kVolatileLfu,
  kVolatileS3Fifo,
  kVolatileRandom,
  kVolatileTtl,
  kAllkeysLru,
  kAllkeysLfu,
  kAllkeysS3Fifo,
  kAllkeysRandom,
  kNoEviction,
};

constexpr bool IsLfu(EvictionPolicy policy) {
  return policy == EvictionPolicy::kVolatileLfu || policy == EvictionPolicy::kAllkeysLfu;
}
constexpr bool IsS3Fifo(EvictionPolicy policy) {
  return policy == EvictionPolicy::kVolatileS3Fifo || policy == EvictionPolicy::kAllkeysS3Fifo;
}
constexpr bool IsVolatileOnly(EvictionPolicy policy) {
  return policy <= EvictionPolicy::kVolatileTtl;
}

// The longest key or string that an entry can hold, whatever proto-max-bulk-len says.
inline constexpr std::int64_t kStringBytesMax = (std::int64_t{1} << 31) - 1;

struct Tunables {
  std::atomic<std::int64_t> maxmemory_bytes{0};  // 0: no limit
  std::atomic<int> maxmemory_samples{5};
  std::atomic<int> lfu_log_factor{10};
  std::atomic<int> lfu_decay_minutes{1};
  std::atomic<bool> active_expire{true};     // DEBUG SET-ACTIVE-EXPIRE
  std::atomic<bool> is_replaying{false};     // an AOF: what is due may not be so further on
  std::atomic<EventClass> event_classes{0};  // notify-keyspace-events; 0 without K and E
  std::atomic<std::int64_t> hll_sparse_bytes_max{3000};
  // Where collections change their form: *-max-listpack-*, set-max-intset-entries and the like.
  std::atomic<int> list_node_fill{-2};
  std::atomic<int> list_compress_depth{0};
  std::atomic<std::size_t> hash_packed_entries{512};
  std::atomic<std::size_t> hash_packed_value_bytes{64};
  std::atomic<std::size_t> set_int_entries{512};
  std::atomic<std::size_t> set_packed_entries{128};
  std::atomic<std::size_t> set_packed_value_bytes{64};
  std::atomic<std::size_t> sorted_set_packed_entries{128};
  std::atomic<std::size_t> sorted_set_packed_value_bytes{64};
  std::atomic<std::size_t> stream_node_bytes{4096};
  std::atomic<std::size_t> stream_node_entries{100};
  std::atomic<bool> compress_dumps{true};                           // rdbcompression
  std::atomic<std::size_t> tracked_keys_max{1'000'000};             // 0: no limit
  std::atomic<std::int64_t> string_bytes_max{512LL * 1024 * 1024};  // proto-max-bulk-len

  EvictionPolicy policy() const { return policy_.load(std::memory_order_relaxed); }
  void SetPolicy(EvictionPolicy policy) {
    policy_.store(policy, std::memory_order_relaxed);
    UpdateTracing();
  }
  // cairn-miss-ratio-curve.
  bool draws_curve() const { return draws_curve_.load(std::memory_order_relaxed); }
  void SetDrawsCurve(bool draws) {
    draws_curve_.store(draws, std::memory_order_relaxed);
    UpdateTracing();
  }
  // Whether an access leaves anything but the second in which it was: one test for all that does,
  // so that the others do not pay for it.
  bool traces_access() const { return traces_access_.load(std::memory_order_relaxed); }

 private:
  void UpdateTracing() {
    traces_access_.store(IsLfu(policy()) || IsS3Fifo(policy()) || draws_curve(),
                         std::memory_order_relaxed);
  }

  std::atomic<EvictionPolicy> policy_{EvictionPolicy::kNoEviction};
  std::atomic<bool> draws_curve_{false};
  std::atomic<bool> traces_access_{false};
};

}  // namespace cairn::keyspace

#endif  // CAIRN_KEYSPACE_TUNABLES_H_
