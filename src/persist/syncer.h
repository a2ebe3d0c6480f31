// SPDX-License-Identifier: BSD-3-Clause
// Syncer: fdatasync on a thread of its own, so that who writes the file can go on writing it.
//
//     kIdle --Begin--> kBusy --the kernel is done--> kDone --Take--> kIdle
//
// One sync at a time. Begin and Take belong to one thread, which is told by `done` when a result is
// there. Without Start, Begin does the work itself: for tests that own the order of things.
#ifndef CAIRN_PERSIST_SYNCER_H_
#define CAIRN_PERSIST_SYNCER_H_

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>

#include "base/mutex.h"
#include "base/status.h"
#include "base/thread.h"
#include "io/disk.h"

namespace cairn::persist {

class Syncer {
 public:
  // `done` outlives this.
  explicit Syncer(Event& done) : done_(done) {}
  ~Syncer() { Stop(); }
  Syncer(const Syncer&) = delete;
  Syncer& operator=(const Syncer&) = delete;

  // The thread's name is shown.
  void Start(std::string name);
  void Stop();

  bool is_busy() const { return state_.load(std::memory_order_acquire) == State::kBusy; }
  // The file outlives the sync. REQUIRES: nothing begun whose result was not taken.
  void Begin(io::File& file);
  // The result, once.
  std::optional<Status> Take();
  // The same, when it is there; nothing if nothing was begun.
  std::optional<Status> WaitAndTake();

 private:
  enum class State : std::uint8_t { kIdle, kBusy, kDone };
  static constexpr std::int64_t kPatienceUs = 1'000'000;

  void Loop();
  void Sync();

  Event& done_;
  Event begin_;
  Event finished_;
  std::atomic<State> state_{State::kIdle};  // release: file_ on kBusy, result_ on kDone
  std::atomic<bool> stopping_{false};
  io::File* file_ = nullptr;
  Status result_;
  Thread thread_;
};

}  // namespace cairn::persist

#endif  // CAIRN_PERSIST_SYNCER_H_
