// SPDX-License-Identifier: BSD-3-Clause
// The executor of work that blocks: threads that take turns at one queue.
#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "cairn/executor.h"

namespace cairn::cache {
namespace {

class ThreadPool final : public Executor {
 public:
  explicit ThreadPool(std::size_t threads) {
    for (std::size_t i = 0; i < std::clamp<std::size_t>(threads, 1, kPoolThreadsMax); ++i)
      threads_.emplace_back([this] { Run(); });
  }
  ~ThreadPool() override {
    {
      const std::lock_guard hold(mutex_);
      is_over_ = true;
    }
    changed_.notify_all();
    for (std::thread& thread : threads_) thread.join();
  }

  void Post(Work work) override {
    {
      const std::lock_guard hold(mutex_);
      queue_.push_back(std::move(work));
    }
    changed_.notify_one();
  }

 private:
  void Run() {
    while (Work work = Next()) work();
  }
  // None: it is over, and nothing is left.
  Work Next() {
    std::unique_lock hold(mutex_);
    changed_.wait(hold, [&] { return !queue_.empty() || is_over_; });
    if (queue_.empty()) return {};
    Work work = std::move(queue_.front());
    queue_.pop_front();
    return work;
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Work> queue_;  // guarded by mutex_, as is_over_
  bool is_over_ = false;
  std::vector<std::thread> threads_;  // last: run on all of the above
};

}  // namespace

std::unique_ptr<Executor> MakeThreadPool(std::size_t threads) {
  return std::make_unique<ThreadPool>(threads);
}

}  // namespace cairn::cache
