// SPDX-License-Identifier: BSD-3-Clause
// One thread for all stores: destroying one does not wait for another.
#include "store/reaper.h"

#include <cstdint>
#include <deque>
#include <memory>
#include <utility>

#include "base/mutex.h"
#include "base/thread.h"
#include "client/own_thread.h"

namespace cairn::store {
namespace {

using cache::Store;

class Reaper {
 public:
  // Never destroyed: a thread that outlives main may still come.
  static Reaper& Get() {
    static Reaper* const reaper = std::make_unique<Reaper>().release();
    static const AtExit at_exit(*reaper);
    return *reaper;
  }

  void Take(std::unique_ptr<Store::Body> body) {
    {
      const MutexLock hold(mutex_);
      bodies_.push_back(std::move(body));
      // The process ends, and all of it goes.
      if (is_over_) return;
      if (!thread_.joinable()) thread_ = Thread("cairn-reaper", [this] { Run(); });
    }
    changed_.Notify();
  }

 private:
  static constexpr std::int64_t kIdleUs = 3'600'000'000;

  struct AtExit {
    explicit AtExit(Reaper& its_reaper) : reaper(its_reaper) {}
    ~AtExit() { reaper.Finish(); }
    Reaper& reaper;
  };

  // What was taken is destroyed first.
  void Finish() {
    Thread thread;
    {
      const MutexLock hold(mutex_);
      is_over_ = true;
      // exit() from a callback: the reaper may wait for this very thread.
      if (client::is_own_thread) return;
      thread = std::move(thread_);
    }
    changed_.Notify();
    thread.Join();
  }

  void Run() {
    for (;;) {
      std::unique_ptr<Store::Body> body;
      {
        const MutexLock hold(mutex_);
        if (bodies_.empty() && is_over_) return;
        if (!bodies_.empty()) {
          body = std::move(bodies_.front());
          bodies_.pop_front();
        }
      }
      if (body == nullptr) changed_.WaitFor(kIdleUs);
    }
  }

  Mutex mutex_;
  std::deque<std::unique_ptr<Store::Body>> bodies_ GUARDED_BY(mutex_);  // as many as stores were
  bool is_over_ GUARDED_BY(mutex_) = false;
  Thread thread_ GUARDED_BY(mutex_);
  Event changed_;
};

}  // namespace

void Dispose(Store::Body* body) {
  std::unique_ptr<Store::Body> owned(body);
  if (client::is_own_thread) Reaper::Get().Take(std::move(owned));
}

}  // namespace cairn::store
