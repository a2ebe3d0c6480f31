// SPDX-License-Identifier: BSD-3-Clause
// WorkQueue: jobs that are done by one worker each, and that no worker takes to its grave.
//
//   const WorkQueue mails(store, {.prefix = "mails"});
//   mails.Push("welcome ada", {.id = "welcome:42", .delay = 5min});
//   while (Result<std::optional<Job>> job = mails.Reserve(1s)) {
//     if (*job) Send((*job)->payload) ? mails.Ack(**job) : mails.Nack(**job);
//   }
//
//     Push --> delayed --due--> ready --Reserve--> reserved --Ack--> gone
//                 ^               ^                   |-- its time is over: the worker is dead
//                 '-- Nack -------+-------------------'
//                                 '--Redrive-- dead <-- deliveries_max
//
// A job is reserved for `visibility`; who needs longer calls Extend. A worker that dies
// acknowledges nothing, so its job is ready again when that time is over. So a job is done AT LEAST
// once. Ready jobs come by priority, then in the order in which they were pushed; one that comes
// back has its old place. All times are the server's.
//
// Sorted sets and scripts, not a stream: a stream has neither delays nor priorities nor ids of
// one's own, and BLPOP would take the job out of the store before anybody has done it. Every step
// is one script over keys of one slot, "{prefix}:...": a crash can part nothing.
//
// Errors: kInvalid of a visibility, a priority or an id that can be none, kLimit when jobs_max are
// there, those of the store. A server that evicts keys without TTL may drop jobs: use noeviction or
// a volatile policy. Thread safety: any thread. Lifetimes: holds the store. Cost: one script a
// call, O(log n); waiting workers are woken, they do not poll.
#ifndef CAIRN_WORK_QUEUE_H_
#define CAIRN_WORK_QUEUE_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "cairn/clock.h"
#include "cairn/result.h"
#include "cairn/retry_policy.h"
#include "cairn/store.h"
#include "cairn/task.h"

namespace cairn::cache {

struct WorkQueueOptions {
  // What the keys begin with, in braces.
  std::string prefix = {};
  // How long a worker has a job, if it says nothing. 1 ms or more.
  Millis visibility{30'000};
  RetryPolicy retry = {};
  // Ready, delayed, reserved and dead together.
  std::size_t jobs_max = 1'000'000;
};

struct PushOptions {
  // A job with this id is not pushed again while it is in the queue, dead ones included. Empty: an
  // id is made. Does not begin with '#'.
  std::string id = {};
  Millis delay{0};
  // 0 to WorkQueue::kPriorityMax; higher ones come first.
  int priority = 0;
};

struct Pushed {
  std::string id = {};
  bool is_new = false;  // false: it is there already, and stays as it is
};

struct Job {
  std::string id = {};
  std::string payload = {};
  std::int64_t delivery = 1;  // from 1
  std::int64_t token = 0;     // of this reservation
};

struct NackOptions {
  // Until the next delivery. Unset: what the queue's RetryPolicy says.
  std::optional<Millis> delay = {};
  std::string error = {};
};

struct QueueSizes {
  std::size_t ready = 0;
  std::size_t delayed = 0;
  std::size_t reserved = 0;
  std::size_t dead = 0;
  // Since the next ready job was pushed.
  Millis lag{0};
};

struct DeadJob {
  std::string id = {};
  std::string payload = {};
  std::string error = {};
};

class WorkQueue {
 public:
  static constexpr int kPriorityMax = 15;

  WorkQueue(Store store, WorkQueueOptions options);

  Result<Pushed> Push(std::string_view payload, PushOptions options = {}) const;
  Task<Result<Pushed>> CoPush(std::string payload, PushOptions options = {}) const;

  // The next job, waited for, a year (kWaitMax) at most; nothing if none came.
  Result<std::optional<Job>> Reserve(Millis wait = Millis(0), std::stop_token stop = {}) const;
  Task<Result<std::optional<Job>>> CoReserve(Millis wait = Millis(0),
                                             std::stop_token stop = {}) const;

  // The job is done, and gone. False: its time was over and it is another's now; also when it was
  // done before.
  Result<bool> Ack(const Job& job) const;
  Task<Result<bool>> CoAck(Job job) const;
  // It has failed: delivered again later, or dead. False as above.
  Result<bool> Nack(const Job& job, NackOptions options = {}) const;
  Task<Result<bool>> CoNack(Job job, NackOptions options = {}) const;
  // Ours for so long from now on. False as above.
  Result<bool> Extend(const Job& job, Millis visibility) const;
  Task<Result<bool>> CoExtend(Job job, Millis visibility) const;

  Result<QueueSizes> Sizes() const;
  Task<Result<QueueSizes>> CoSizes() const;
  // The longest dead first; 1,000 at most, as of Redrive.
  Result<std::vector<DeadJob>> Dead(std::size_t count) const;
  Task<Result<std::vector<DeadJob>>> CoDead(std::size_t count) const;
  // Makes so many dead jobs ready, as if they had never been delivered; how many there were.
  Result<std::size_t> Redrive(std::size_t count) const;
  Task<Result<std::size_t>> CoRedrive(std::size_t count) const;

 private:
  std::vector<std::string> Keys() const;
  Result<std::vector<std::string>> PushArguments(std::string_view payload,
                                                 const PushOptions& options) const;
  std::vector<std::string> NackArguments(const Job& job, const NackOptions& options) const;

  Store store_;
  WorkQueueOptions options_;
};

}  // namespace cairn::cache

#endif  // CAIRN_WORK_QUEUE_H_
