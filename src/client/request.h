// SPDX-License-Identifier: BSD-3-Clause
// Request: one batch of commands on its way to a server: a single call, a pipeline, a transaction.
//
//     made (any thread) --posted--> waits in a channel --written--> sent --all replies--> done
//                                     |-- deadline, cancelled, connection lost ---------> done
//
// `done` is called exactly once, by Finish, whoever comes first; a reply that comes later is thrown
// away. Everything but making it happens on the loop's thread. Shared between the channel's queue,
// the reactor's deadlines and whoever cancels it.
#ifndef CAIRN_CLIENT_REQUEST_H_
#define CAIRN_CLIENT_REQUEST_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>

#include "base/ids.h"
#include "cairn/client.h"

namespace cairn::client {

class Channel;

class Request {
 public:
  // How often one may be sent, redirections not counted.
  static constexpr int kSendsMax = 3;

  std::string bytes = {};
  std::size_t reply_count = 1;
  bool is_idempotent = false;
  MonotonicUs deadline_us = INT64_MAX;  // by the loop's clock
  int slot = -1;                        // of its keys; -1: it has none
  cache::Executor* executor = nullptr;
  // One of the two: the first for the only reply of a single command.
  cache::ReplyCallback done_one = {};
  cache::RepliesCallback done = {};
  // For one with a connection of its own: on another one, once it has been told where.
  std::function<void()> resend = {};

  // Where it stands.
  cache::Replies replies = {};  // those that have come
  bool is_done = false;
  bool is_sent = false;           // by the last connection that it was given to, at least in part
  bool may_have_applied = false;  // was sent to one that was lost
  bool is_asking = false;         // ASKING goes ahead of it, with a reply of its own
  bool awaits_asking = false;
  int sends = 0;
  int redirections = 0;
  MonotonicUs sent_us = 0;
  Channel* channel = nullptr;  // that has it in a queue
  bool is_timed = false;       // the reactor looks after its deadline
  std::optional<std::stop_callback<std::function<void()>>> on_stop = {};

  // With the replies that have come, and `error` for those that have not.
  void Fail(cache::Error error) {
    if (is_done) return;
    error.may_have_applied |= may_have_applied || (is_sent && !is_idempotent);
    while (replies.size() < reply_count) replies.emplace_back(std::unexpected(error));
    Finish();
  }
  void Finish() {
    if (std::exchange(is_done, true)) return;
    on_stop.reset();
    resend = {};
    std::string().swap(bytes);  // the deadlines hold it for a while
    if (executor == nullptr) return Tell(done_one, done, replies);
    executor->Post([one = std::move(done_one), all = std::move(done),
                    come = std::move(replies)]() mutable { Tell(one, all, come); });
  }

 private:
  // What is told goes with this call, and not with the request.
  static void Tell(cache::ReplyCallback& one, cache::RepliesCallback& all, cache::Replies& come) {
    if (!one) return std::exchange(all, {})(std::move(come));
    std::exchange(one, {})(std::move(come[0]));
  }
};

using RequestPtr = std::shared_ptr<Request>;

}  // namespace cairn::client

#endif  // CAIRN_CLIENT_REQUEST_H_
