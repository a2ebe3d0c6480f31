// SPDX-License-Identifier: BSD-3-Clause
// Reactor: the thread on which a client's connections are read and written.
//
// Work of all callers that comes within one pass is written at its end, in one system call a
// connection: that is automatic pipelining. It also looks after the requests' deadlines.
//
// Thread safety: the loop's Post and PostOwed, now_us and IsHere from any thread, the rest on the
// loop's.
#ifndef CAIRN_CLIENT_REACTOR_H_
#define CAIRN_CLIENT_REACTOR_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "base/thread.h"
#include "cairn/result.h"
#include "client/deadlines.h"
#include "io/event_loop.h"

namespace cairn::client {

class Channel;

class Reactor {
 public:
  static cache::Result<std::unique_ptr<Reactor>> Start();
  // REQUIRES: nothing is registered, and not on the loop's thread.
  ~Reactor();
  Reactor(const Reactor&) = delete;
  Reactor& operator=(const Reactor&) = delete;

  io::EventLoop& loop() { return *loop_; }
  MonotonicUs now_us() const { return clock_.NowMonotonicUs(); }
  bool IsHere() const { return thread_id_.load(std::memory_order_relaxed) == Thread::CurrentId(); }
  Random& random() { return random_; }
  // Of this pass: read once in each.
  MonotonicUs pass_us() {
    if (pass_us_ == 0) pass_us_ = now_us();
    return pass_us_;
  }
  // The channel has something to write: it is called at the end of the pass.
  void FlushLater(std::shared_ptr<Channel> channel);
  // Runs `work` at the end of the pass, before what it has made to write is written.
  void RunLater(std::move_only_function<void()> work) { later_.push_back(std::move(work)); }
  // From now on the request fails when its deadline passes.
  void Watch(RequestPtr request);

 private:
  Reactor();
  void EndPass();
  void ArmTimer();
  void OnTimer();

  cairn::SystemClock clock_;
  Random random_;
  std::unique_ptr<io::EventLoop> loop_;
  std::vector<std::shared_ptr<Channel>> to_flush_;
  std::vector<std::move_only_function<void()>> later_;
  MonotonicUs pass_us_ = 0;  // 0: not read in this pass
  Deadlines deadlines_;
  io::TimerId timer_ = {};
  MonotonicUs timer_us_ = INT64_MAX;  // when it is due
  std::atomic<std::uintptr_t> thread_id_{0};
  Thread thread_;
};

}  // namespace cairn::client

#endif  // CAIRN_CLIENT_REACTOR_H_
