// SPDX-License-Identifier: BSD-3-Clause
// Network: clients of one store, with a network between them that fails as networks do, all of it
// from a seed and in virtual time.
//
//   VirtualTime time;
//   auto network = Network::Open(time, {.seed = 7, .link = {.break_reply_part = 0.05}}).value();
//   const Users a(network->Join("a"));
//   const Users b(network->Join("b"));
//   network->Partition("b");
//   auto entry = time.Run(a.CoGetOrLoad(1, loader));
//   network->Heal("b");
//
// What can happen, and what the caller sees of it:
//
//   slow            a message takes its time; behind it on its connection all others
//   break           the connection is lost with a request, or with a reply: kClosed. The request
//                   may have been applied or not, the caller cannot know: may_have_applied
//   partition       nothing passes, either way, and nobody is told. The caller's deadline passes:
//                   kTimeout, may_have_applied. What was sent arrives after the healing, as TCP
//                   sends it again, though its caller has given up long ago
//   kill            a client's process is gone: its calls end with kClosed, so that its coroutines
//                   end. What it has sent still arrives
//   crash           the store is gone, every connection is lost: kClosed, then kUnreachable, until
//                   Restart opens it anew: empty, or, of "embedded:DIR?fsync=always", as it was
//
// Requests of one connection arrive in the order in which they were sent, as over TCP; those of
// different ones overtake each other. A client has several; one that waits at the store (BLPOP)
// holds up no other. Nothing is sent twice, so a caller sees each fault.
//
// Coroutines (CoCall, CoGetOrLoad) are what simulations use: start them with Detach and move the
// time, or wait for one with VirtualTime::Run. Client::Call, Pipeline and Transaction let time pass
// until the reply is there; that is right in the body of a test, while within what the time itself
// runs others go on below the caller, who may be held up by them. SyncWait, and with it the
// synchronous GetOrLoad, blocks the thread that would move the time: it never returns. Track has a
// connection of its own, whose first epoch begins when time passes. Subscribe is kUnsupported.
//
// The same seed and the same calls give the same events, at the same times.
//
// Errors: of calls as above; of Open and Restart those of Store::Open. Thread safety: the thread
// that moves the time. Lifetimes: the time outlives the network and the stores; a Store may outlive
// the network, its calls are kClosed then. Cost: some timers a call; no thread, and no real time.
#ifndef CAIRN_TESTKIT_NETWORK_H_
#define CAIRN_TESTKIT_NETWORK_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "cairn/command.h"
#include "cairn/result.h"
#include "cairn/store.h"
#include "cairn/testkit/virtual_time.h"

namespace cairn::cache {

// Of one client's messages. Parts are shares from 0 to 1.
struct LinkOptions {
  // One way.
  Duration delay_min = std::chrono::microseconds(100);
  Duration delay_max = std::chrono::milliseconds(1);
  // So many messages take up to slow_max instead.
  double slow_part = 0;
  Duration slow_max = std::chrono::milliseconds(100);
  // The connection is lost: before the request arrives, or after it was obeyed.
  double break_request_part = 0;
  double break_reply_part = 0;
  // Each call takes one of these, by chance.
  std::size_t connections = 2;
  // Of calls that say nothing else.
  Duration timeout = std::chrono::seconds(1);
};

struct NetworkOptions {
  std::uint64_t seed = 1;
  LinkOptions link = {};
  // The store behind the network.
  std::string store = "embedded:";
};

// What happens, for a log or for what a test has to know. Views are good during the call.
struct NetworkEvent {
  enum class Kind : std::uint8_t {
    kSent,
    kApplied,    // the store has answered; `reply` is what it said
    kDelivered,  // so has the caller been told
    kFailed,     // the caller was told an error that is the network's
    kPartition,
    kHeal,
    kBreak,
    kKill,
    kCrash,
    kRestart,
  };
  Kind kind = Kind::kSent;
  TimePoint at;
  std::string_view client = {};      // empty: the store itself
  std::uint64_t call = 0;            // 0: none
  const Command* command = nullptr;  // of a transaction, the first
  const Result<Reply>* reply = nullptr;
};
// "12.345ms a 17 applied CACHE.GET user:{1}": without values and tokens, which are drawn at random.
std::string ToString(const NetworkEvent& event);

class Network {
 public:
  // Errors: those of Store::Open.
  static Result<std::unique_ptr<Network>> Open(VirtualTime& time, NetworkOptions options = {});
  ~Network();
  Network(const Network&) = delete;
  Network& operator=(const Network&) = delete;

  // A client of that name. One that was killed comes back as a new process, with a new Store.
  Store Join(std::string_view name);
  Store Join(std::string_view name, const LinkOptions& link);

  // By the names that have joined; others have no effect.
  void Partition(std::string_view name);
  void Heal(std::string_view name);
  void Break(std::string_view name);
  void Kill(std::string_view name);

  void Crash();
  Result<void> Restart();

  // The store itself, without a network; null while it is down.
  const Store* store() const;
  // Called with each event, after it has happened. It must not call the network.
  void Watch(std::function<void(const NetworkEvent&)> watcher);

  class State;

 private:
  explicit Network(std::shared_ptr<State> state) : state_(std::move(state)) {}

  std::shared_ptr<State> state_;  // shared with the clients of the stores
};

}  // namespace cairn::cache

#endif  // CAIRN_TESTKIT_NETWORK_H_
