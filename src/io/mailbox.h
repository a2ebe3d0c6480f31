// SPDX-License-Identifier: BSD-3-Clause
// Mailbox: work handed to a loop by other threads.
//
// State goes to its owner as a task, not by a lock around the state. Posting is a push under a
// mutex; the owner swaps the whole list out and runs it. The owner's eventfd is written only if it
// sleeps, and only by the first who finds it asleep, so a burst of posts costs one system call.
//
//     producers --Post--> [tasks_] --Drain (swap)--> owner runs them in order
//                            \--first while asleep: eventfd--> wakes epoll_wait
//
// Invariants
//   (1) Tasks of one producer run in the order in which they were posted.
//   (2) Never is a task in the list while the owner sleeps with no wake-up under way: emptiness and
//   sleep are decided under the same mutex.
//   (3) At most kTasksMax tasks wait; Post says no beyond, and the poster decides what that means.
//   PostOwed says no to nobody: its posters hold their number down themselves.
//
// A lock-free list was refused: at one lock a loop pass it gains nothing, and the swap keeps tasks
// in one cache-friendly array. Thread safety: Post and Wake from any thread, the rest by the owner.
#ifndef CAIRN_IO_MAILBOX_H_
#define CAIRN_IO_MAILBOX_H_

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

#include "base/mutex.h"
#include "base/status.h"
#include "io/fd.h"

namespace cairn::io {

using Task = std::move_only_function<void()>;

class Mailbox {
 public:
  static constexpr std::size_t kTasksMax = 1024 * 1024;

  static Result<std::unique_ptr<Mailbox>> Create(std::size_t tasks_max = kTasksMax);
  Mailbox(const Mailbox&) = delete;
  Mailbox& operator=(const Mailbox&) = delete;

  // False, and the task is destroyed, if the mailbox is full.
  [[nodiscard]] bool Post(Task task);
  // Is not refused: for what somebody waits for and nobody would post again. The poster keeps the
  // number of those that wait within a bound of its own, such as one a client.
  void PostOwed(Task task);
  // Wakes the owner without a task.
  void Wake();

  // Owner: true if there is nothing to do and the owner may sleep; a Post from now on wakes it.
  bool PrepareSleep();
  // Owner: awake again; posts need not write to the eventfd.
  void Awake();
  // Owner: runs all tasks that wait, not those they post; returns how many. May be called by a
  // task.
  std::size_t Drain();

  // Readable when woken; watch it edge-triggered, it is never read.
  int descriptor() const { return event_.get(); }

 private:
  Mailbox(Fd event, std::size_t tasks_max) : tasks_max_(tasks_max), event_(std::move(event)) {}
  void Ring();
  std::size_t RunTaken();

  // Constant after construction.
  const std::size_t tasks_max_;
  const Fd event_;
  // Guarded by mu_.
  Mutex mu_;
  std::vector<Task> tasks_ GUARDED_BY(mu_);
  bool asleep_ GUARDED_BY(mu_) = false;
  bool woken_ GUARDED_BY(mu_) = false;  // by Wake; forbids the next sleep
  // Owner only: the list being run; kept for its memory.
  std::vector<Task> running_;
  std::size_t next_ = 0;  // of them
};

}  // namespace cairn::io

#endif  // CAIRN_IO_MAILBOX_H_
