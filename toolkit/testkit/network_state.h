// SPDX-License-Identifier: BSD-3-Clause
// Network::State: links, their wires, the calls under way.
//
//     Send --wire's requests, in order--> Apply at the store --wire's replies, in order--> Deliver
//        '--deadline, stop, break, kill: Finish, whatever comes later is thrown away
//
// A wire is one connection, a queue each way. Every message has a moment at which the next of its
// queue arrives; behind a partition such moments are counted, and given again at the healing. A
// wire that breaks begins a new epoch, and what was on it is lost. A call remembers which life of
// the store it was sent to; the next one knows nothing of its connection.
//
// Everything happens on the thread that moves the time. Shared by the network and its clients.
#ifndef CAIRN_TOOLKIT_TESTKIT_NETWORK_STATE_H_
#define CAIRN_TOOLKIT_TESTKIT_NETWORK_STATE_H_

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "cairn/testkit/network.h"
#include "cairn/testkit/seeded_random.h"

namespace cairn::cache {

namespace testkit {

struct Stream {
  std::deque<Work> messages;
  std::size_t held = 0;  // moments that a partition has taken
  TimePoint last_due;
};

struct Wire {
  std::uint64_t epoch = 1;
  Stream requests;
  Stream replies;
  // Of Client::Reserve; null: any call may use the wire.
  std::unique_ptr<Connection> session;
  // Of Client::Track, while the store has it.
  std::unique_ptr<Tracking> tracking;
  std::function<void()> on_lost;
  bool is_reserved = false;

  bool has_end_at_store() const { return !is_reserved || session || tracking; }
  // What the store has of it goes.
  void Hang() {
    session.reset();
    tracking.reset();
  }
};

struct Link {
  Link(std::string_view client, const LinkOptions& how, std::uint64_t seed)
      : name(client), options(how), random(seed), wires(std::max<std::size_t>(1, how.connections)) {
    for (auto& wire : wires) wire = std::make_unique<Wire>();
  }
  const std::string name;
  const LinkOptions options;
  SeededRandom random;
  std::vector<std::unique_ptr<Wire>> wires;
  bool is_partitioned = false;
  bool is_dead = false;
  std::vector<Work> held;  // messages in no order, behind the partition
};

struct Call {
  static constexpr std::size_t kInFlightMax = 65'536;

  std::uint64_t number = 0;
  std::shared_ptr<Link> link;
  std::size_t wire = 0;
  std::uint64_t store_life = 0;
  std::vector<Command> commands;  // more than one: of a transaction
  bool is_transaction = false;
  ReplyCallback done;
  Executor* executor = nullptr;
  TimerNumber timer = 0;
  bool is_over = false;
  std::stop_source at_store;  // the connection is closed there
  std::optional<std::stop_callback<std::function<void()>>> on_stop;
};

}  // namespace testkit

class Network::State : public std::enable_shared_from_this<Network::State> {
 public:
  using Link = testkit::Link;
  using Call = testkit::Call;
  using Wire = testkit::Wire;

  State(VirtualTime& time, NetworkOptions options)
      : time_(time), options_(std::move(options)), random_(options_.seed) {}

  Result<void> OpenStore();
  Store Join(std::string_view name, const LinkOptions& link);
  std::shared_ptr<Link> Find(std::string_view name) const;
  void Partition(Link& link);
  void Heal(const std::shared_ptr<Link>& link);
  void Break(const std::shared_ptr<Link>& link);
  void Kill(const std::shared_ptr<Link>& link);
  void Crash();
  Result<void> Restart();
  // No call gets an answer any more.
  void Close();

  // `done` is called once, maybe before this returns. REQUIRES: !commands.empty()
  void Send(const std::shared_ptr<Link>& link, std::size_t wire, std::vector<Command> commands,
            bool is_transaction, const CallOptions& options, ReplyCallback done);
  // A wire that is nobody's own.
  std::size_t PickWire(Link& link);
  Result<std::size_t> ReserveWire(Link& link, std::string_view key);
  // One of one's own.
  static std::size_t TakeWire(Link& link);
  void GiveBackWire(Link& link, std::size_t wire);
  // The next message of the stream arrives some time later.
  void Push(const std::shared_ptr<Link>& link, std::size_t wire, testkit::Stream Wire::* stream,
            Work message);
  // In no order with others.
  void PushLoose(const std::shared_ptr<Link>& link, Work message);

  VirtualTime& time() { return time_; }
  const LinkOptions& link_default() const { return options_.link; }
  const std::optional<Store>& store() const { return store_; }
  void set_watcher(std::function<void(const NetworkEvent&)> watcher) {
    watcher_ = std::move(watcher);
  }

 private:
  using CallPtr = std::shared_ptr<Call>;

  Duration Delay(Link& link);
  void Schedule(const std::shared_ptr<Link>& link, std::size_t wire,
                testkit::Stream Wire::* stream);
  void ArriveNext(const std::shared_ptr<Link>& link, std::size_t wire,
                  testkit::Stream Wire::* stream);
  // The call's connection is lost a delay later, if it is still under way then.
  void PushBreak(const CallPtr& call);

  void Apply(const CallPtr& call);
  void OnAnswer(const CallPtr& call, bool is_at_once, Result<Reply> reply);
  void Deliver(const CallPtr& call, Result<Reply> reply);
  // The caller gives up; the store learns of it later.
  void GiveUp(const CallPtr& call, Errc code, std::string detail);
  void Fail(const CallPtr& call, Error error);
  void Finish(const CallPtr& call, NetworkEvent::Kind kind, Result<Reply> reply);
  void BreakWire(const std::shared_ptr<Link>& link, std::size_t wire);
  std::vector<CallPtr> CallsOf(const Link& link) const;
  void Tell(NetworkEvent::Kind kind, std::string_view client, const Call* call = nullptr,
            const Result<Reply>* reply = nullptr) const;

  VirtualTime& time_;
  const NetworkOptions options_;
  SeededRandom random_;
  std::optional<Store> store_;  // none: it is down
  std::uint64_t store_life_ = 0;
  std::vector<std::shared_ptr<Link>> links_;  // in the order of their joining
  std::vector<std::weak_ptr<Link>> joined_;   // those that were killed, too
  std::map<std::uint64_t, CallPtr> calls_;    // under way
  std::uint64_t next_call_ = 1;
  std::function<void(const NetworkEvent&)> watcher_;
};

}  // namespace cairn::cache

#endif  // CAIRN_TOOLKIT_TESTKIT_NETWORK_STATE_H_
