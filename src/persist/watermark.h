// SPDX-License-Identifier: BSD-3-Clause
// Watermark: how far the log is safe, and how far replies may leave.
//
//     writer's thread   Set ------------------> workers that hold something are woken
//     a worker, having run a batch:   holds()?  the batch's replies wait for log.end() of that
//                                     moment: its own writes lie before it, and so does whatever
//                                     its reads have seen
//
// Replies are free up to what is safe, with appendfsync always; up to what is written, where syncs
// are left out meanwhile (no-appendfsync-on-rewrite); and all of them where nothing waits for the
// disk (no AOF, everysec): then holds() is all there is to it, one load.
// Thread safety: any thread.
#ifndef CAIRN_PERSIST_WATERMARK_H_
#define CAIRN_PERSIST_WATERMARK_H_

#include <atomic>
#include <cstdint>

#include "base/ids.h"

namespace cairn::persist {

class Watermark {
 public:
  static constexpr Lsn kAll{UINT64_MAX};

  struct Level {
    bool failing = false;  // the disk does not take what there is to write: who only reads goes on
    bool counts = false;   // there is an AOF, is to stay, and is whole up to `safe`
    Lsn safe{};
    Lsn free = kAll;  // replies that wait for no more may leave
  };

  bool holds() const { return free_.load(std::memory_order_relaxed) != kAll.value; }
  // Whether replies may leave that wait for what lies before `position`. acquire: see Covers.
  bool Frees(Lsn position) const { return position.value <= free_.load(std::memory_order_acquire); }
  bool failing() const { return failing_.load(std::memory_order_relaxed); }
  // Whether what lies before `position` is safe. acquire: so is what was said when it became so.
  bool Covers(Lsn position) const {
    return position.value < covered_.load(std::memory_order_acquire);
  }
  bool counts() const { return covered_.load(std::memory_order_relaxed) != 0; }

  // By one thread at a time.
  void Set(const Level& level) {
    failing_.store(level.failing, std::memory_order_relaxed);
    covered_.store(level.counts ? level.safe.value + 1 : 0, std::memory_order_release);
    free_.store(level.free.value, std::memory_order_release);
    moves_.fetch_add(1);
  }
  // How often it was set. Who reads this, looks, says that he waits, and reads it again unchanged,
  // has missed nothing (seq_cst): who sets it looks afterwards for those that wait.
  std::uint64_t moves() const { return moves_.load(); }

 private:
  std::atomic<bool> failing_{false};
  // One more than what is safe; 0: nothing counts. In one word, so that nobody takes the position
  // of one AOF for another's, as one may follow the other at any moment.
  std::atomic<std::uint64_t> covered_{0};
  std::atomic<std::uint64_t> free_{kAll.value};
  std::atomic<std::uint64_t> moves_{0};
};

}  // namespace cairn::persist

#endif  // CAIRN_PERSIST_WATERMARK_H_
