// SPDX-License-Identifier: BSD-3-Clause
// Client: every command of a store, whatever carries it: the embedded engine, one server, a
// Sentinel's master, a cluster.
//
//   Result<Reply> reply = client.Call(Command("GET", "k"));               // waits
//   Result<Reply> later = co_await client.CoCall(Command("GET", "k"));    // suspends
//   auto replies = client.Pipeline({{Command("INCR", "a"), Command("INCR", "b")}});
//
// Concurrent calls share a connection and are pipelined by themselves. What belongs to one
// connection (SELECT, WATCH, CLIENT REPLY, SUBSCRIBE as a plain command) is refused by Call with
// kInvalid: a Connection of one's own takes it, and Subscribe and Track have their own functions.
//
// Errors: as values; kServer with the server's text for a command that failed there. Thread safety:
// a Client from any thread; a Connection, a Subscription and a Tracking belong to one thread at a
// time. Lifetimes: the Store owns the Client and outlives what was made by it. Cost: a call is one
// round trip, shared by those that run beside it; an embedded one is a function call.
#ifndef CAIRN_CLIENT_H_
#define CAIRN_CLIENT_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cairn/call_options.h"
#include "cairn/command.h"
#include "cairn/reply.h"
#include "cairn/result.h"
#include "cairn/task.h"

namespace cairn::cache {

using ReplyCallback = std::move_only_function<void(Result<Reply>)>;
using Replies = std::vector<Result<Reply>>;  // one a command, in their order
using RepliesCallback = std::move_only_function<void(Replies)>;

// A Lua script, known to the server by its digest.
class Script {
 public:
  explicit Script(std::string source);
  const std::string& source() const { return source_; }
  // SHA-1, 40 hexadecimal digits.
  const std::string& digest() const { return digest_; }

 private:
  std::string source_;
  std::string digest_;
};

// A connection (embedded: a session) of one's own, with what the server remembers of it. It goes
// back to the pool when it is destroyed, if nothing was changed that a successor would notice.
class Connection {
 public:
  virtual ~Connection() = default;
  virtual Result<Reply> Call(const Command& command, const CallOptions& options = {}) = 0;
  // All are sent at once.
  virtual Replies Pipeline(std::span<const Command> commands, const CallOptions& options = {}) = 0;
};

struct Message {
  std::string channel;
  std::string payload;
  std::string pattern = {};  // the one that matched, if it came by a pattern
};

struct SubscriptionOptions {
  std::vector<std::string> channels = {};
  std::vector<std::string> patterns = {};
  // Sharded channels (SSUBSCRIBE).
  std::vector<std::string> shard_channels = {};
  // After a lost connection everything is subscribed to again by itself; messages sent meanwhile
  // are lost, and this is called when they may have been.
  std::function<void()> on_gap = {};
};

// Lives as long as the messages are wanted. Its destruction waits for a handler or an on_gap that
// runs, unless it is that one that destroys it: then it does not wait, what runs lives until it has
// returned, and no further message comes.
class Subscription {
 public:
  virtual ~Subscription() = default;
};

// What has changed at the server, for a near cache.
struct Invalidation {
  enum class Kind : std::uint8_t {
    kKeys,   // `keys` are no longer what they were
    kAll,    // nothing is (FLUSHALL)
    kEpoch,  // a new connection, `epoch`: what was read under an older one is not being tracked.
             // 0: there is none at the moment
  };
  Kind kind = Kind::kKeys;
  std::span<const std::string> keys = {};
  std::uint64_t epoch = 0;
};

struct TrackingOptions {
  // Broadcast: every change of keys with one of these prefixes is told, whoever read them; not in
  // a cluster. Empty: those that this client has read.
  std::vector<std::string> prefixes = {};
  // Tell also of this client's own writes.
  bool own_writes = true;
  // EVAL and its like may be used to read by. Whoever sends one knows that it reads its keys only,
  // and that this server tracks what scripts read.
  bool scripts = false;
};

// Lives as long as invalidations are wanted. Its destruction waits for a handler that runs, unless
// it is the handler that destroys it: then it does not wait, the handler lives until it has
// returned, and is called no more.
class Tracking {
 public:
  virtual ~Tracking() = default;
  // The current epoch, 0 while there is none. A value may be kept if it was read by Call below,
  // under the epoch that was current before the call was made and still is.
  virtual std::uint64_t epoch() const = 0;
  // Reads on the connection that is tracked: its invalidation is told after the reply, never lost.
  // kInvalid, and nothing is sent, for any other command than reads whose reply may be kept: GET,
  // HGETALL, ZRANGE, CACHE.GET without WAIT, and so on. TTL, SRANDMEMBER or SCAN are none: nobody
  // tells when their replies become others.
  virtual void Start(Command command, CallOptions options, ReplyCallback done) = 0;
  virtual Result<Reply> Call(const Command& command, const CallOptions& options = {}) = 0;
};

// Handlers do not throw, nor does on_gap: nobody would catch it, and the process ends
// (std::terminate). A Topic (cairn/topic.h) takes handlers that do.
//
// May block and call the client; meanwhile all other messages of this client wait.
using MessageHandler = std::move_only_function<void(const Message&)>;
// Called on the client's thread, in the order in which the server told; must not block or call the
// client synchronously.
using InvalidationHandler = std::move_only_function<void(const Invalidation&)>;

struct TransactionOptions {
  // How often an optimistic transaction is tried before it is kConflict.
  std::size_t attempts_max = 16;
  CallOptions call = {};
};
// Reads through the connection that watches, and says what is to be done; no commands: nothing.
using TransactionBody = std::function<Result<std::vector<Command>>(Connection&)>;

class Client {
 public:
  virtual ~Client() = default;

  // Waits for the reply. An error reply is an Error with kServer.
  virtual Result<Reply> Call(const Command& command, const CallOptions& options = {}) = 0;
  // `done` is called exactly once, maybe before this returns.
  virtual void Start(Command command, CallOptions options, ReplyCallback done) = 0;
  Task<Result<Reply>> CoCall(Command command, CallOptions options = {});

  // All in one batch, not atomic: others' commands may come between.
  virtual Replies Pipeline(std::span<const Command> commands, const CallOptions& options = {}) = 0;
  virtual void StartPipeline(std::vector<Command> commands, CallOptions options,
                             RepliesCallback done) = 0;
  Task<Replies> CoPipeline(std::vector<Command> commands, CallOptions options = {});

  // MULTI, the commands, EXEC: nobody's command comes between. The replies; a command that failed
  // when it ran is a Reply of type kError. Never sent twice, unless the options say idempotent.
  virtual Result<std::vector<Reply>> Transaction(std::span<const Command> commands,
                                                 const CallOptions& options = {}) = 0;
  // Optimistic: `keys` are watched while `body` reads and decides; if one of them was changed
  // before EXEC, everything is done again. kConflict after attempts_max; kInvalid without keys,
  // body or attempts.
  Result<std::vector<Reply>> Transaction(std::span<const std::string> keys,
                                         const TransactionBody& body,
                                         const TransactionOptions& options = {});

  // By digest; the source is sent when the server does not know it.
  Result<Reply> Eval(const Script& script, std::span<const std::string> keys,
                     std::span<const std::string> arguments, const CallOptions& options = {});
  Task<Result<Reply>> CoEval(const Script& script, std::vector<std::string> keys,
                             std::vector<std::string> arguments, CallOptions options = {});

  // A connection of one's own. In a cluster: to the node that serves `key`.
  virtual Result<std::unique_ptr<Connection>> Reserve(std::string_view key = {},
                                                      const CallOptions& options = {}) = 0;

  // Messages, handed to `handler` one at a time, on a thread that the client keeps for them; an
  // embedded store's on StoreOptions::scheduler, if there is one. Both are kInvalid without a
  // handler, Subscribe also without a channel or a pattern.
  virtual Result<std::unique_ptr<Subscription>> Subscribe(SubscriptionOptions options,
                                                          MessageHandler handler) = 0;
  virtual Result<std::unique_ptr<Tracking>> Track(TrackingOptions options,
                                                  InvalidationHandler handler) = 0;
};

}  // namespace cairn::cache

#endif  // CAIRN_CLIENT_H_
