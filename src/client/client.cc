// SPDX-License-Identifier: BSD-3-Clause
// What every client does in the same way, over what its transport does: coroutines, scripts by
// digest, optimistic transactions.
#include "cairn/client.h"

#include <utility>

#include "base/sha1.h"
#include "client/exec_reply.h"

namespace cairn::cache {
namespace {

// Suspends until a callback came. Whichever is second, the suspension or the callback, lets the
// coroutine go on, so one that is called within Start costs no resumption.
template <class Value>
class Arrival {
 public:
  bool await_ready() const { return false; }
  template <class Promise, class Start>
  bool Suspend(std::coroutine_handle<Promise> waiter, CallOptions& options, Start start) {
    waiter_ = waiter;
    if (!options.stop.stop_possible()) options.stop = waiter.promise().stop();
    start([this](Value value) {
      value_.emplace(std::move(value));
      // acq_rel: publishes the value to the coroutine, or its handle to us.
      if (is_second_.exchange(true, std::memory_order_acq_rel)) waiter_.resume();
    });
    return !is_second_.exchange(true, std::memory_order_acq_rel);
  }
  Value Take() { return std::move(*value_); }

 private:
  std::coroutine_handle<> waiter_;
  std::optional<Value> value_;
  std::atomic<bool> is_second_{false};
};

class CallArrival : public Arrival<Result<Reply>> {
 public:
  // Both are the coroutine's own, and are moved from.
  CallArrival(Client& client, Command& command, CallOptions& options)
      : client_(client), command_(command), options_(options) {}
  template <class Promise>
  bool await_suspend(std::coroutine_handle<Promise> waiter) {
    return Suspend(waiter, options_, [this](auto done) {
      client_.Start(std::move(command_), std::move(options_), std::move(done));
    });
  }
  Result<Reply> await_resume() { return Take(); }

 private:
  Client& client_;
  Command& command_;
  CallOptions& options_;
};

class PipelineArrival : public Arrival<Replies> {
 public:
  PipelineArrival(Client& client, std::vector<Command> commands, CallOptions options)
      : client_(client), commands_(std::move(commands)), options_(std::move(options)) {}
  template <class Promise>
  bool await_suspend(std::coroutine_handle<Promise> waiter) {
    return Suspend(waiter, options_, [this](auto done) {
      client_.StartPipeline(std::move(commands_), std::move(options_), std::move(done));
    });
  }
  Replies await_resume() { return Take(); }

 private:
  Client& client_;
  std::vector<Command> commands_;
  CallOptions options_;
};

Command EvalCommand(std::string_view name, std::string_view body, std::span<const std::string> keys,
                    std::span<const std::string> arguments) {
  Command command(name, body, keys.size());
  command.AddAll(keys);
  command.AddAll(arguments);
  return command;
}

// The server said that it has never seen the script: nothing has run.
bool IsUnknownScript(const Result<Reply>& reply) {
  return !reply && reply.error().server_code() == "NOSCRIPT";
}

}  // namespace

Script::Script(std::string source) : source_(std::move(source)), digest_(View(Sha1Hex(source_))) {}

Task<Result<Reply>> Client::CoCall(Command command, CallOptions options) {
  co_return co_await CallArrival(*this, command, options);
}

Task<Replies> Client::CoPipeline(std::vector<Command> commands, CallOptions options) {
  co_return co_await PipelineArrival(*this, std::move(commands), std::move(options));
}

Result<Reply> Client::Eval(const Script& script, std::span<const std::string> keys,
                           std::span<const std::string> arguments, const CallOptions& options) {
  Result<Reply> reply = Call(EvalCommand("EVALSHA", script.digest(), keys, arguments), options);
  if (!IsUnknownScript(reply)) return reply;
  return Call(EvalCommand("EVAL", script.source(), keys, arguments), options);
}

Task<Result<Reply>> Client::CoEval(const Script& script, std::vector<std::string> keys,
                                   std::vector<std::string> arguments, CallOptions options) {
  Result<Reply> reply =
      co_await CoCall(EvalCommand("EVALSHA", script.digest(), keys, arguments), options);
  if (!IsUnknownScript(reply)) co_return reply;
  co_return co_await CoCall(EvalCommand("EVAL", script.source(), keys, arguments), options);
}

Result<std::vector<Reply>> Client::Transaction(std::span<const std::string> keys,
                                               const TransactionBody& body,
                                               const TransactionOptions& options) {
  if (keys.empty()) return Fail(Errc::kInvalid, "a transaction with a body has no keys to watch");
  if (!body) return Fail(Errc::kInvalid, "a transaction's body is empty");
  if (options.attempts_max == 0)
    return Fail(Errc::kInvalid, "TransactionOptions::attempts_max is 0");
  auto connection = Reserve(keys[0], options.call);
  if (!connection) return Pass(std::move(connection));
  Command watch("WATCH");
  watch.AddAll(keys);
  for (std::size_t attempt = 0; attempt < options.attempts_max; ++attempt) {
    Result<Reply> watched = (*connection)->Call(watch, options.call);
    if (!watched && watched.error().server_code() == "MOVED") {
      // The client has learnt where the keys are now.
      connection = Reserve(keys[0], options.call);
      if (!connection) return Pass(std::move(connection));
      continue;
    }
    if (!watched) return Pass(std::move(watched));
    Result<std::vector<Command>> commands = body(**connection);
    if (!commands || commands->empty()) {
      Result<Reply> unwatched = (*connection)->Call(Command("UNWATCH"), options.call);
      if (!commands) return Pass(std::move(commands));
      if (!unwatched) return Pass(std::move(unwatched));
      return std::vector<Reply>();
    }
    commands->insert(commands->begin(), Command("MULTI"));
    commands->emplace_back("EXEC");
    Result<std::vector<Reply>> replies =
        client::TakeExecReply((*connection)->Pipeline(*commands, options.call));
    if (replies || replies.error().code != Errc::kConflict) return replies;
  }
  return Fail(Errc::kConflict, "a watched key was changed in each of " +
                                   std::to_string(options.attempts_max) + " attempts");
}

}  // namespace cairn::cache
