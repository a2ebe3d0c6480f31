// SPDX-License-Identifier: BSD-3-Clause
// Messages and their fates. Callers are told last, as they may send again at once.
#include "testkit/network_state.h"

#include <algorithm>
#include <utility>

namespace cairn::cache {

using testkit::Stream;

Result<void> Network::State::OpenStore() {
  const StoreOptions options{.clock = &time_, .scheduler = &time_};
  Result<Store> store = Store::Open(options_.store, options);
  if (!store) return Pass(std::move(store));
  store_ = *std::move(store);
  ++store_life_;
  return {};
}

std::shared_ptr<testkit::Link> Network::State::Find(std::string_view name) const {
  for (const auto& link : links_) {
    if (link->name == name) return link;
  }
  return nullptr;
}

void Network::State::Partition(Link& link) {
  link.is_partitioned = true;
  Tell(NetworkEvent::Kind::kPartition, link.name);
}

void Network::State::Heal(const std::shared_ptr<Link>& link) {
  link->is_partitioned = false;
  Tell(NetworkEvent::Kind::kHeal, link->name);
  for (std::size_t i = 0; i < link->wires.size(); ++i) {
    for (Stream Wire::* stream : {&Wire::requests, &Wire::replies}) {
      const std::size_t held = std::exchange((*link->wires[i].*stream).held, 0);
      for (std::size_t n = 0; n < held; ++n) Schedule(link, i, stream);
    }
  }
  for (Work& message : std::exchange(link->held, {})) PushLoose(link, std::move(message));
}

void Network::State::Break(const std::shared_ptr<Link>& link) {
  Tell(NetworkEvent::Kind::kBreak, link->name);
  for (std::size_t i = 0; i < link->wires.size(); ++i) BreakWire(link, i);
}

void Network::State::Kill(const std::shared_ptr<Link>& link) {
  link->is_dead = true;
  std::erase(links_, link);
  for (const auto& wire : link->wires) {
    wire->Hang();
    if (wire->on_lost) wire->on_lost();
  }
  Tell(NetworkEvent::Kind::kKill, link->name);
  for (const CallPtr& call : CallsOf(*link)) GiveUp(call, Errc::kClosed, "the process was killed");
}

void Network::State::Crash() {
  const std::vector<std::shared_ptr<Link>> links = links_;
  for (const auto& link : links) {
    for (const auto& wire : link->wires) wire->Hang();
  }
  store_.reset();
  ++store_life_;
  Tell(NetworkEvent::Kind::kCrash, {});
  for (const auto& link : links) {
    // Behind a partition nobody hears of it; the next request there finds another life.
    if (link->is_partitioned) continue;
    for (std::size_t i = 0; i < link->wires.size(); ++i) BreakWire(link, i);
  }
}

Result<void> Network::State::Restart() {
  if (store_) Crash();
  Result<void> opened = OpenStore();
  if (opened) Tell(NetworkEvent::Kind::kRestart, {});
  return opened;
}

void Network::State::Close() {
  watcher_ = nullptr;
  for (const auto& link : std::vector(links_)) Kill(link);
  // Each message holds its link, in which it lies; also those that the dead have sent.
  for (const auto& joined : joined_) {
    const std::shared_ptr<Link> link = joined.lock();
    if (link == nullptr) continue;
    const std::vector<Work> held = std::exchange(link->held, {});
    for (const auto& wire : link->wires) {
      const auto requests = std::exchange(wire->requests.messages, {});
      const auto replies = std::exchange(wire->replies.messages, {});
    }
  }
  store_.reset();
}

Duration Network::State::Delay(Link& link) {
  const LinkOptions& how = link.options;
  const bool is_slow = link.random.Chance(how.slow_part);
  return link.random.Between(how.delay_min, is_slow ? how.slow_max : how.delay_max);
}

void Network::State::Push(const std::shared_ptr<Link>& link, std::size_t wire,
                          Stream Wire::* stream, Work message) {
  (*link->wires[wire].*stream).messages.push_back(std::move(message));
  Schedule(link, wire, stream);
}

void Network::State::Schedule(const std::shared_ptr<Link>& link, std::size_t wire,
                              Stream Wire::* stream) {
  Wire& on = *link->wires[wire];
  TimePoint& last = (on.*stream).last_due;
  const TimePoint now = time_.Now();
  last = std::max(last, now + Delay(*link));
  time_.After(last - now, [weak = weak_from_this(), link, wire, stream, epoch = on.epoch] {
    const auto state = weak.lock();
    if (state && link->wires[wire]->epoch == epoch) state->ArriveNext(link, wire, stream);
  });
}

void Network::State::ArriveNext(const std::shared_ptr<Link>& link, std::size_t wire,
                                Stream Wire::* stream) {
  Stream& on = *link->wires[wire].*stream;
  if (link->is_partitioned) {
    ++on.held;
    return;
  }
  if (on.messages.empty()) return;  // the network was closed
  Work message = std::move(on.messages.front());
  on.messages.pop_front();
  message();
}

void Network::State::PushLoose(const std::shared_ptr<Link>& link, Work message) {
  time_.After(Delay(*link), [link, message = std::move(message)]() mutable {
    if (link->is_partitioned) {
      link->held.push_back(std::move(message));
    } else {
      message();
    }
  });
}

void Network::State::PushBreak(const CallPtr& call) {
  PushLoose(call->link, [weak = weak_from_this(), call] {
    const auto state = weak.lock();
    if (state && !call->is_over) state->BreakWire(call->link, call->wire);
  });
}

std::size_t Network::State::PickWire(Link& link) {
  const std::size_t count = std::max<std::size_t>(1, link.options.connections);
  return link.random.Below(count);
}

// The greeting of a new connection takes no time here; what is called over it does.
Result<std::size_t> Network::State::ReserveWire(Link& link, std::string_view key) {
  if (link.is_dead) return cache::Fail(Errc::kClosed, "the process was killed");
  if (link.is_partitioned) return cache::Fail(Errc::kTimeout, "nothing passes: a partition");
  if (!store_) return cache::Fail(Errc::kUnreachable, "the store is down");
  Result<std::unique_ptr<Connection>> session = store_->client().Reserve(key);
  if (!session) return Pass(std::move(session));
  const std::size_t wire = TakeWire(link);
  link.wires[wire]->session = *std::move(session);
  return wire;
}

std::size_t Network::State::TakeWire(Link& link) {
  std::size_t i = std::max<std::size_t>(1, link.options.connections);
  while (i < link.wires.size() && link.wires[i]->is_reserved) ++i;
  if (i == link.wires.size()) link.wires.push_back(std::make_unique<Wire>());
  link.wires[i]->is_reserved = true;
  return i;
}

void Network::State::GiveBackWire(Link& link, std::size_t wire) {
  Wire& own = *link.wires[wire];
  ++own.epoch;  // what is still under way is for nobody
  own.requests = {};
  own.replies = {};
  own.Hang();
  own.is_reserved = false;
}

void Network::State::Send(const std::shared_ptr<Link>& link, std::size_t wire,
                          std::vector<Command> commands, bool is_transaction,
                          const CallOptions& options, ReplyCallback done) {
  const TimePoint now = time_.Now();
  TimePoint end = now + options.timeout.value_or(link->options.timeout);
  if (options.deadline) end = std::min(end, *options.deadline);
  if (options.stop.stop_requested())
    return done(cache::Fail(Errc::kCancelled, "cancelled before it was sent"));
  if (end <= now) return done(cache::Fail(Errc::kTimeout, "no time was given"));
  if (link->is_dead) return done(cache::Fail(Errc::kClosed, "the process was killed"));
  if (calls_.size() >= Call::kInFlightMax)
    return done(cache::Fail(Errc::kLimit, "too many calls are under way"));
  auto call = std::make_shared<Call>();
  call->number = next_call_++;
  call->link = link;
  call->wire = wire;
  call->store_life = store_life_;
  call->commands = std::move(commands);
  call->is_transaction = is_transaction;
  call->done = std::move(done);
  call->executor = options.executor;
  calls_.emplace(call->number, call);
  Tell(NetworkEvent::Kind::kSent, link->name, call.get());
  const auto weak = weak_from_this();
  call->timer = time_.After(end - now, [weak, call] {
    if (const auto state = weak.lock())
      state->GiveUp(call, Errc::kTimeout, "no reply came in time");
  });
  if (options.stop.stop_possible()) {
    call->on_stop.emplace(options.stop, [weak, weak_call = std::weak_ptr(call)] {
      const auto state = weak.lock();
      const auto stopped = weak_call.lock();
      if (state && stopped) state->GiveUp(stopped, Errc::kCancelled, "cancelled");
    });
  }
  if (!store_ && !link->is_partitioned) {
    return PushLoose(link, [weak, call] {
      if (const auto state = weak.lock())
        state->Fail(call, {.code = Errc::kUnreachable, .detail = "the store is down"});
    });
  }
  if (link->random.Chance(link->options.break_request_part)) return PushBreak(call);
  Push(link, wire, &Wire::requests, [weak, call] {
    if (const auto state = weak.lock()) state->Apply(call);
  });
}

void Network::State::Apply(const CallPtr& call) {
  // The store of that connection is gone, and who has taken its place resets it.
  Wire& wire = *call->link->wires[call->wire];
  if (call->store_life != store_life_ || !store_ || !wire.has_end_at_store())
    return BreakWire(call->link, call->wire);
  Client& client = store_->client();
  if (call->is_transaction) {
    Result<std::vector<Reply>> replies = client.Transaction(call->commands);
    if (!replies) return OnAnswer(call, true, Pass(std::move(replies)));
    return OnAnswer(call, true, Reply::Aggregate(Reply::Type::kArray, *std::move(replies)));
  }
  if (wire.session) return OnAnswer(call, true, wire.session->Call(call->commands[0]));
  if (wire.tracking) return OnAnswer(call, true, wire.tracking->Call(call->commands[0]));
  // A store waits for as long as the command says; the caller's end is told by `at_store`.
  const CallOptions options{.timeout = std::chrono::hours(1), .stop = call->at_store.get_token()};
  const auto is_at_once = std::make_shared<bool>(true);
  client.Start(call->commands[0], options,
               [weak = weak_from_this(), call, is_at_once](Result<Reply> reply) {
                 if (const auto state = weak.lock())
                   state->OnAnswer(call, *is_at_once, std::move(reply));
               });
  *is_at_once = false;
}

void Network::State::OnAnswer(const CallPtr& call, bool is_at_once, Result<Reply> reply) {
  if (call->store_life != store_life_) return;
  Tell(NetworkEvent::Kind::kApplied, call->link->name, call.get(), &reply);
  if (call->is_over) return;
  const auto weak = weak_from_this();
  if (call->link->random.Chance(call->link->options.break_reply_part)) return PushBreak(call);
  Work deliver = [weak, call, reply = std::move(reply)]() mutable {
    if (const auto state = weak.lock()) state->Deliver(call, std::move(reply));
  };
  if (is_at_once) return Push(call->link, call->wire, &Wire::replies, std::move(deliver));
  // It has waited, on a connection of its own.
  PushLoose(call->link, std::move(deliver));
}

void Network::State::Deliver(const CallPtr& call, Result<Reply> reply) {
  if (call->is_over || call->store_life != store_life_) return;
  Finish(call, NetworkEvent::Kind::kDelivered, std::move(reply));
}

void Network::State::GiveUp(const CallPtr& call, Errc code, std::string detail) {
  if (call->is_over) return;
  PushLoose(call->link, [call] { call->at_store.request_stop(); });
  Fail(call, {.code = code, .detail = std::move(detail), .may_have_applied = true});
}

void Network::State::Fail(const CallPtr& call, Error error) {
  if (!call->is_over) Finish(call, NetworkEvent::Kind::kFailed, std::unexpected(std::move(error)));
}

void Network::State::Finish(const CallPtr& call, NetworkEvent::Kind kind, Result<Reply> reply) {
  call->is_over = true;
  calls_.erase(call->number);
  time_.Cancel(call->timer);
  call->on_stop.reset();
  Tell(kind, call->link->name, call.get(), &reply);
  if (call->executor == nullptr) return call->done(std::move(reply));
  call->executor->Post([done = std::move(call->done), reply = std::move(reply)]() mutable {
    done(std::move(reply));
  });
}

void Network::State::BreakWire(const std::shared_ptr<Link>& link, std::size_t wire) {
  Wire& broken = *link->wires[wire];
  ++broken.epoch;
  broken.requests = {};
  broken.replies = {};
  broken.Hang();
  if (broken.on_lost) broken.on_lost();
  for (const CallPtr& call : CallsOf(*link)) {
    if (call->wire != wire || call->is_over) continue;
    call->at_store.request_stop();
    Fail(call, {.code = Errc::kClosed,
                .detail = "the connection was lost before the reply",
                .may_have_applied = true});
  }
}

std::vector<std::shared_ptr<testkit::Call>> Network::State::CallsOf(const Link& link) const {
  std::vector<CallPtr> calls;
  for (const auto& [number, call] : calls_) {
    if (call->link.get() == &link) calls.push_back(call);
  }
  return calls;
}

void Network::State::Tell(NetworkEvent::Kind kind, std::string_view client, const Call* call,
                          const Result<Reply>* reply) const {
  if (!watcher_) return;
  watcher_({.kind = kind,
            .at = time_.Now(),
            .client = client,
            .call = call != nullptr ? call->number : 0,
            .command = call != nullptr ? &call->commands[0] : nullptr,
            .reply = reply});
}

}  // namespace cairn::cache
