// SPDX-License-Identifier: BSD-3-Clause
// Trust: whether a script is known to touch only the stripes of the keys that it declares.
//
//     not trusted --kTrustedAfter runs in a row that kept to their stripes--> trusted
//          ^------------- one that did not: twice as many runs are wanted next time --'
//
// Who is not trusted takes turns with others like it; see docs/decisions/0018-script-locks.md.
//
// Thread safety: any thread, relaxed: it decides which locks are taken, not what may be touched.
#ifndef CAIRN_SCRIPTING_TRUST_H_
#define CAIRN_SCRIPTING_TRUST_H_

#include <algorithm>
#include <atomic>
#include <cstdint>

namespace cairn::scripting {

class Trust {
 public:
  static constexpr std::uint32_t kTrustedAfter = 16;
  static constexpr std::uint32_t kTrustedAfterMax = 1u << 20;

  bool is_trusted() const { return missing_.load(std::memory_order_relaxed) == 0; }
  // It has touched none but its own.
  void NoteGoodRun() {
    std::uint32_t missing = missing_.load(std::memory_order_relaxed);
    while (missing > 0 &&
           !missing_.compare_exchange_weak(missing, missing - 1, std::memory_order_relaxed)) {
    }
  }
  // It has touched others. What it lost once it loses again, so each time costs twice as much.
  void NoteStray() {
    if (is_trusted()) {
      const std::uint32_t wanted = wanted_.load(std::memory_order_relaxed);
      wanted_.store(std::min(2 * wanted, kTrustedAfterMax), std::memory_order_relaxed);
    }
    missing_.store(wanted_.load(std::memory_order_relaxed), std::memory_order_relaxed);
  }

 private:
  std::atomic<std::uint32_t> wanted_{kTrustedAfter};
  std::atomic<std::uint32_t> missing_{kTrustedAfter};
};

}  // namespace cairn::scripting

#endif  // CAIRN_SCRIPTING_TRUST_H_
