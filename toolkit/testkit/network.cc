// SPDX-License-Identifier: BSD-3-Clause
// The network's face, and the client at its end.
#include "cairn/testkit/network.h"

#include <algorithm>
#include <utility>

#include "testkit/network_state.h"
#include "testkit/tracked_wire.h"

namespace cairn::cache {
namespace {

using StatePtr = std::shared_ptr<Network::State>;
using LinkPtr = std::shared_ptr<testkit::Link>;

// Lets time pass until `value` is there; every call has a deadline, so it comes.
template <class T>
T Await(VirtualTime& time, std::optional<T>& value) {
  while (!value && time.Step()) {
  }
  return std::move(*value);
}

Result<Reply> Exchange(const StatePtr& state, const LinkPtr& link, std::size_t wire,
                       std::vector<Command> commands, bool is_transaction,
                       const CallOptions& options) {
  // Shared with the callback, which comes at the latest with the deadline.
  auto reply = std::make_shared<std::optional<Result<Reply>>>();
  state->Send(link, wire, std::move(commands), is_transaction, options,
              [reply](Result<Reply> got) { reply->emplace(std::move(got)); });
  return Await(state->time(), *reply);
}

// What the calls of a pipeline have come to, until all are there.
struct Gathering {
  Replies replies;
  std::size_t left = 0;
  RepliesCallback done;
};

// All over one wire, each a message: who else writes may come between, and a break may part them.
void SendAll(const StatePtr& state, const LinkPtr& link, std::size_t wire,
             std::vector<Command> commands, const CallOptions& options, RepliesCallback done) {
  if (commands.empty()) return done({});
  auto gathering = std::make_shared<Gathering>();
  gathering->left = commands.size();
  gathering->done = std::move(done);
  gathering->replies.resize(commands.size());
  for (std::size_t i = 0; i < commands.size(); ++i) {
    std::vector<Command> one;
    one.push_back(std::move(commands[i]));
    state->Send(link, wire, std::move(one), false, options, [gathering, i](Result<Reply> reply) {
      gathering->replies[i] = std::move(reply);
      if (--gathering->left == 0) gathering->done(std::move(gathering->replies));
    });
  }
}

Replies ExchangeAll(const StatePtr& state, const LinkPtr& link, std::size_t wire,
                    std::span<const Command> commands, const CallOptions& options) {
  auto replies = std::make_shared<std::optional<Replies>>();
  SendAll(state, link, wire, {commands.begin(), commands.end()}, options,
          [replies](Replies got) { replies->emplace(std::move(got)); });
  return Await(state->time(), *replies);
}

class OwnWire final : public Connection {
 public:
  OwnWire(StatePtr state, LinkPtr link, std::size_t wire)
      : state_(std::move(state)),
        link_(std::move(link)),
        wire_(wire),
        epoch_(link_->wires[wire]->epoch) {}
  ~OwnWire() override {
    if (!IsLost()) state_->GiveBackWire(*link_, wire_);
    link_->wires[wire_]->is_reserved = false;
  }
  Result<Reply> Call(const Command& command, const CallOptions& options) override {
    if (IsLost()) return Fail(Errc::kClosed, "the connection was lost");
    return Exchange(state_, link_, wire_, {command}, false, options);
  }
  Replies Pipeline(std::span<const Command> commands, const CallOptions& options) override {
    if (IsLost()) return Replies(commands.size(), Fail(Errc::kClosed, "the connection was lost"));
    return ExchangeAll(state_, link_, wire_, commands, options);
  }

 private:
  bool IsLost() const { return link_->wires[wire_]->epoch != epoch_; }

  const StatePtr state_;
  const LinkPtr link_;
  const std::size_t wire_;
  const std::uint64_t epoch_;
};

class LinkTracking final : public Tracking {
 public:
  LinkTracking(StatePtr state, std::shared_ptr<testkit::TrackedWire> wire)
      : state_(std::move(state)), wire_(std::move(wire)) {}
  ~LinkTracking() override { wire_->Close(); }

  std::uint64_t epoch() const override { return wire_->epoch(); }
  void Start(Command command, CallOptions options, ReplyCallback done) override {
    wire_->Start(std::move(command), options, std::move(done));
  }
  Result<Reply> Call(const Command& command, const CallOptions& options) override {
    auto reply = std::make_shared<std::optional<Result<Reply>>>();
    wire_->Start(command, options, [reply](Result<Reply> got) { reply->emplace(std::move(got)); });
    return Await(state_->time(), *reply);
  }

 private:
  const StatePtr state_;
  const std::shared_ptr<testkit::TrackedWire> wire_;  // shared with what is under way
};

class LinkClient final : public Client {
 public:
  LinkClient(StatePtr state, LinkPtr link) : state_(std::move(state)), link_(std::move(link)) {}

  Result<Reply> Call(const Command& command, const CallOptions& options) override {
    return Exchange(state_, link_, state_->PickWire(*link_), {command}, false, options);
  }
  void Start(Command command, CallOptions options, ReplyCallback done) override {
    std::vector<Command> commands;
    commands.push_back(std::move(command));
    state_->Send(link_, state_->PickWire(*link_), std::move(commands), false, options,
                 std::move(done));
  }
  Replies Pipeline(std::span<const Command> commands, const CallOptions& options) override {
    return ExchangeAll(state_, link_, state_->PickWire(*link_), commands, options);
  }
  void StartPipeline(std::vector<Command> commands, CallOptions options,
                     RepliesCallback done) override {
    SendAll(state_, link_, state_->PickWire(*link_), std::move(commands), options, std::move(done));
  }
  using Client::Transaction;
  Result<std::vector<Reply>> Transaction(std::span<const Command> commands,
                                         const CallOptions& options) override {
    if (commands.empty()) return std::vector<Reply>();
    Result<Reply> reply = Exchange(state_, link_, state_->PickWire(*link_),
                                   {commands.begin(), commands.end()}, true, options);
    if (!reply) return Pass(std::move(reply));
    return std::move(*reply).TakeElements();
  }
  Result<std::unique_ptr<Connection>> Reserve(std::string_view key, const CallOptions&) override {
    Result<std::size_t> wire = state_->ReserveWire(*link_, key);
    if (!wire) return Pass(std::move(wire));
    return std::make_unique<OwnWire>(state_, link_, *wire);
  }
  Result<std::unique_ptr<Subscription>> Subscribe(SubscriptionOptions, MessageHandler) override {
    return Fail(Errc::kUnsupported, "a simulated network carries no subscriptions");
  }
  Result<std::unique_ptr<Tracking>> Track(TrackingOptions options,
                                          InvalidationHandler handler) override {
    if (handler == nullptr) return Fail(Errc::kInvalid, "a tracking without a handler");
    if (link_->is_dead) return Fail(Errc::kClosed, "the process was killed");
    const auto wire = std::make_shared<testkit::TrackedWire>(state_, link_, std::move(options),
                                                             std::move(handler));
    wire->Open();
    return std::make_unique<LinkTracking>(state_, wire);
  }

 private:
  const StatePtr state_;
  const LinkPtr link_;
};

std::string_view NameOf(NetworkEvent::Kind kind) {
  switch (kind) {
    case NetworkEvent::Kind::kSent:
      return "sent";
    case NetworkEvent::Kind::kApplied:
      return "applied";
    case NetworkEvent::Kind::kDelivered:
      return "delivered";
    case NetworkEvent::Kind::kFailed:
      return "failed";
    case NetworkEvent::Kind::kPartition:
      return "partition";
    case NetworkEvent::Kind::kHeal:
      return "heal";
    case NetworkEvent::Kind::kBreak:
      return "break";
    case NetworkEvent::Kind::kKill:
      return "kill";
    case NetworkEvent::Kind::kCrash:
      return "crash";
    case NetworkEvent::Kind::kRestart:
      return "restart";
  }
  return "";
}

std::string Shown(const Result<Reply>& reply) {
  if (!reply) return std::string(ErrcName(reply.error().code));
  if (reply->is_null()) return "null";
  if (reply->is_aggregate()) return "[" + std::to_string(reply->elements().size()) + "]";
  if (reply->type() == Reply::Type::kText) return std::to_string(reply->text().size()) + " bytes";
  if (const Result<std::int64_t> number = reply->AsInteger()) return std::to_string(*number);
  return std::string(reply->text());
}

}  // namespace

std::string ToString(const NetworkEvent& event) {
  const std::int64_t us =
      std::chrono::floor<std::chrono::microseconds>(event.at.time_since_epoch()).count();
  std::string fraction = std::to_string(us % 1000);
  fraction.insert(0, 3 - fraction.size(), '0');
  std::string text = std::to_string(us / 1000) + "." + fraction + "ms ";
  text += event.client.empty() ? "store" : event.client;
  if (event.call != 0) text += " " + std::to_string(event.call);
  text += " ";
  text += NameOf(event.kind);
  if (event.command != nullptr) {
    for (std::size_t i = 0; i < std::min<std::size_t>(2, event.command->size()); ++i)
      text.append(" ").append((*event.command)[i]);
  }
  if (event.reply != nullptr) text += ": " + Shown(*event.reply);
  return text;
}

Result<std::unique_ptr<Network>> Network::Open(VirtualTime& time, NetworkOptions options) {
  auto state = std::make_shared<State>(time, std::move(options));
  if (Result<void> opened = state->OpenStore(); !opened) return Pass(std::move(opened));
  return std::unique_ptr<Network>(new Network(std::move(state)));
}

Network::~Network() { state_->Close(); }

Store Network::State::Join(std::string_view name, const LinkOptions& options) {
  if (const auto old = Find(name)) Kill(old);
  const auto link = std::make_shared<Link>(name, options, random_.Next());
  links_.push_back(link);
  joined_.emplace_back(link);
  Capabilities capabilities = store_ ? store_->capabilities() : Capabilities();
  // What is behind a network is a server.
  capabilities.kind = Capabilities::Kind::kCairn;
  capabilities.subscriptions = false;
  const StoreOptions store{.timeout = options.timeout, .clock = &time_, .scheduler = &time_};
  return Store::Over(std::make_shared<LinkClient>(shared_from_this(), link),
                     std::move(capabilities), store);
}

Store Network::Join(std::string_view name) { return Join(name, state_->link_default()); }
Store Network::Join(std::string_view name, const LinkOptions& link) {
  return state_->Join(name, link);
}
void Network::Partition(std::string_view name) {
  if (const auto link = state_->Find(name)) state_->Partition(*link);
}
void Network::Heal(std::string_view name) {
  if (const auto link = state_->Find(name)) state_->Heal(link);
}
void Network::Break(std::string_view name) {
  if (const auto link = state_->Find(name)) state_->Break(link);
}
void Network::Kill(std::string_view name) {
  if (const auto link = state_->Find(name)) state_->Kill(link);
}
void Network::Crash() { state_->Crash(); }
Result<void> Network::Restart() { return state_->Restart(); }
const Store* Network::store() const { return state_->store() ? &*state_->store() : nullptr; }
void Network::Watch(std::function<void(const NetworkEvent&)> watcher) {
  state_->set_watcher(std::move(watcher));
}

}  // namespace cairn::cache
