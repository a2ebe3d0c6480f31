// SPDX-License-Identifier: BSD-3-Clause
// AofRewrites: when the append only file is rewritten by itself, and how the last ones went.
//
// It is due when the files have grown by so many percent since they were last made anew. After
// kFailuresFree failures in a row the next attempt waits, twice as long each time, as in Redis: a
// rewrite that fails for want of space only takes more of it. Belongs to whoever locks it.
#ifndef CAIRN_PERSIST_AOF_REWRITES_H_
#define CAIRN_PERSIST_AOF_REWRITES_H_

#include <cstdint>

#include "base/ids.h"

namespace cairn::persist {

struct AofGrowth {
  std::int64_t percent = 100;                    // auto-aof-rewrite-percentage; 0: never
  std::uint64_t bytes_min = 64UL * 1024 * 1024;  // auto-aof-rewrite-min-size
};

class AofRewrites {
 public:
  static constexpr int kFailuresFree = 3;
  static constexpr std::int64_t kPauseUs = 60'000'000;
  static constexpr std::int64_t kPauseMaxUs = 60 * kPauseUs;

  struct Figures {
    std::int64_t last_s = -1;  // how long it took
    std::int64_t current_s = -1;
    bool last_ok = true;
    std::uint64_t begun = 0;
    std::uint64_t failures_in_a_row = 0;
  };

  static bool HasGrown(std::uint64_t bytes, std::uint64_t base_bytes, const AofGrowth& growth);

  // Whether failures do not forbid it now.
  bool MayTry(MonotonicUs now_us) const { return now_us >= not_before_us_; }
  // Somebody asks for one: what failed before does not count.
  void Forgive() {
    figures_.failures_in_a_row = 0;
    not_before_us_ = INT64_MIN;
  }
  void Begin(MonotonicUs now_us) {
    began_us_ = now_us;
    ++figures_.begun;
  }
  void End(MonotonicUs now_us, bool ok);
  // It was to end early, which says nothing of the next.
  void GiveUp(MonotonicUs now_us);
  // One that was asked for could not even begin.
  void NoteRefused() { figures_.last_ok = false; }
  Figures FiguresAt(MonotonicUs now_us) const;

 private:
  static constexpr MonotonicUs kNone = INT64_MIN;

  Figures figures_;
  MonotonicUs began_us_ = kNone;
  MonotonicUs not_before_us_ = INT64_MIN;
};

}  // namespace cairn::persist

#endif  // CAIRN_PERSIST_AOF_REWRITES_H_
