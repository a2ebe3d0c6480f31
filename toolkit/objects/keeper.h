// SPDX-License-Identifier: BSD-3-Clause
// Keeper: keeps what is held at a store for a time (a lock, a permit): asks for more time before it
// is over, and tells the loss before it happens.
//
//      asked                  + ttl / 3          + ttl - margin    + ttl
//        |-- held ---------------|-- renewal, again and again --|-- lost is told --|-- others
//
// All is counted from the clock's reading before a question was sent, so it ends here before it
// ends at the store, however long the way was. A renewal that is refused is told at once; one that
// is not answered is tried again until the margin begins.
//
// Invariants
//   (1) Once the loss has been told, or End was called, nothing changes any more.
//   (2) After End neither the scheduler nor `ask` is used.
//   (3) `ask` is called with the gate held, so that End waits for it; what stops with lost() runs
//       without any lock.
//
// Thread safety: any thread. Shared between its holder and the answers under way, which hold it
// weakly.
#ifndef CAIRN_TOOLKIT_OBJECTS_KEEPER_H_
#define CAIRN_TOOLKIT_OBJECTS_KEEPER_H_

#include <functional>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>

#include "cairn/clock.h"
#include "cairn/executor.h"
#include "cairn/result.h"

namespace cairn::cache::internal {

// What a ttl and a margin may be: 10 ms to 10^12 ms, and less than half of that.
Result<void> CheckTimes(Duration ttl, Duration margin);
// The lost() of a handle that is empty: nothing is held by it.
std::stop_token StoppedToken();
// As the commands of a store want it.
std::string MillisText(Duration span);

struct KeepOptions {
  Duration ttl{0};
  Duration margin{0};
  bool renews = true;
};

class Keeper : public std::enable_shared_from_this<Keeper> {
 public:
  // True: it is ours for `ttl` from when it was asked. False: it is not ours any more.
  using Answer = std::move_only_function<void(Result<bool>)>;
  struct Question {
    Duration ttl;
    Duration timeout;
  };
  // Calls the answer once, on any thread, maybe at once.
  using Ask = std::function<void(Question, Answer)>;

  // The scheduler outlives End; what `ask` refers to, too.
  Keeper(Scheduler& scheduler, KeepOptions options, Ask ask)
      : scheduler_(scheduler), options_(options), ask_(std::move(ask)) {}

  // It was granted, and had been asked for at `asked`.
  void Begin(TimePoint asked);
  // It is to be given back. True if it was ours until now. Waits for a question that is being sent.
  bool End();
  // It is ours for `ttl` from `asked` on. False if it was lost meanwhile.
  bool Prolong(TimePoint asked, Duration ttl);
  // It is not ours any more: tells.
  void Lose();

  bool is_held() const;
  // What is left of it at the store, at least.
  Duration left() const;
  std::stop_token lost() const { return lost_.get_token(); }

 private:
  enum class State : std::uint8_t { kHeld, kLost, kEnded };

  void Arm();
  void Tick();
  void OnAnswer(TimePoint asked, const Result<bool>& answer);

  Scheduler& scheduler_;
  const KeepOptions options_;
  const Ask ask_;
  std::stop_source lost_;
  std::mutex gate_;  // before mutex_

  mutable std::mutex mutex_;
  // Guarded by mutex_.
  State state_ = State::kHeld;
  bool is_asking_ = false;
  bool is_refused_ = false;  // to be told by the timer
  TimePoint until_{};        // over at the store then, or later
  TimePoint ask_at_{};
  TimerNumber timer_ = 0;
};

}  // namespace cairn::cache::internal

#endif  // CAIRN_TOOLKIT_OBJECTS_KEEPER_H_
