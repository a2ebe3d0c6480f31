// SPDX-License-Identifier: BSD-3-Clause
// Request: one batch of commands on its way to a server: a single call, a pipeline, a transaction.
//
//     made (any thread) --posted--> waits in a channel --written--> sent --all replies--> done
//                                     |-- deadline, cancelled, connection lost ---------> done
//
// `done` is called exactly once, by Finish, whoever comes first; a reply that comes later is thrown
// away. Everything but making it happens on the loop's thread. Shared between the channel's queue,
// its timer and whoever cancels it.
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
#include "io/timer_heap.h"

namespace cairn::client {

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
  io::TimerId timer = {};
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
    if (executor == nullptr) return std::exchange(done, {})(std::move(replies));
    executor->Post([done = std::move(done), replies = std::move(replies)]() mutable {
      done(std::move(replies));
    });
  }
};

using RequestPtr = std::shared_ptr<Request>;

}  // namespace cairn::client

#endif  // CAIRN_CLIENT_REQUEST_H_
