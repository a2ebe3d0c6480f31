// SPDX-License-Identifier: BSD-3-Clause
// RemovalLags: how late expired keys went, and what eviction cost those who waited for it.
//
// Any thread records. A figure beyond 2^40 (18 minutes, a TiB) counts as that.
#ifndef CAIRN_KEYSPACE_REMOVAL_LAGS_H_
#define CAIRN_KEYSPACE_REMOVAL_LAGS_H_

#include <cstdint>

#include "base/latency_histogram.h"

namespace cairn::keyspace {

struct RemovalLags {
  static constexpr std::uint64_t kNsPerMs = 1'000'000;

  // From a key's time to its removal, by the keeper or by who came upon it.
  SharedLatencyHistogram expiry_ns;
  // Of commands that found more memory used than maxmemory: how much more, in bytes, and how long
  // they waited until there was room, or there was none to be had.
  SharedLatencyHistogram eviction_over_bytes;
  SharedLatencyHistogram eviction_wait_ns;

  void Reset() {
    for (SharedLatencyHistogram* histogram : {&expiry_ns, &eviction_over_bytes, &eviction_wait_ns})
      histogram->Reset();
  }
};

}  // namespace cairn::keyspace

#endif  // CAIRN_KEYSPACE_REMOVAL_LAGS_H_
