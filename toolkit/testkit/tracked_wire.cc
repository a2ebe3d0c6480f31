// SPDX-License-Identifier: BSD-3-Clause
// Dialling, and what each end does when a message arrives.
#include "testkit/tracked_wire.h"

#include <string>
#include <utility>

namespace cairn::cache::testkit {

TrackedWire::TrackedWire(std::shared_ptr<Network::State> state, std::shared_ptr<Link> link,
                         TrackingOptions options, InvalidationHandler handler)
    : state_(std::move(state)),
      link_(std::move(link)),
      options_(std::move(options)),
      handler_(std::move(handler)),
      wire_(Network::State::TakeWire(*link_)) {}

void TrackedWire::Open() {
  link_->wires[wire_]->on_lost = [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->OnLost();
  };
  Dial();
}

void TrackedWire::Close() {
  if (std::exchange(is_closed_, true)) return;
  link_->wires[wire_]->on_lost = nullptr;
  state_->GiveBackWire(*link_, wire_);
}

void TrackedWire::Start(Command command, const CallOptions& options, ReplyCallback done) {
  if (stage_ != Stage::kUp) return done(cache::Fail(Errc::kUnreachable, "the connection is down"));
  std::vector<Command> commands;
  commands.push_back(std::move(command));
  state_->Send(link_, wire_, std::move(commands), false, options, std::move(done));
}

void TrackedWire::Dial() {
  if (is_over()) return;
  stage_ = Stage::kDialling;
  state_->PushLoose(link_, [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->Accept();
  });
}

void TrackedWire::DialLater() {
  stage_ = Stage::kDown;
  state_->time().After(kRedial, [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->Dial();
  });
}

void TrackedWire::Accept() {
  if (is_over()) return;
  if (!state_->store()) return DialLater();
  Wire& wire = *link_->wires[wire_];
  Result<std::unique_ptr<Tracking>> tracking = state_->store()->client().Track(
      options_, [weak = weak_from_this(), &wire, epoch = wire.epoch](const Invalidation& told) {
        const auto self = weak.lock();
        if (self && wire.epoch == epoch) self->TellAtStore(told);
      });
  if (!tracking) return DialLater();
  stage_ = Stage::kAccepted;
  wire.tracking = *std::move(tracking);
}

// Its epoch is the store's word that the connection is there.
void TrackedWire::TellAtStore(const Invalidation& told) {
  const bool is_first = told.kind == Invalidation::Kind::kEpoch;
  state_->Push(link_, wire_, &Wire::replies,
               [weak = weak_from_this(), kind = told.kind, is_first,
                keys = std::vector<std::string>(told.keys.begin(), told.keys.end())] {
                 const auto self = weak.lock();
                 if (!self || self->is_over()) return;
                 if (is_first) return self->BeginEpoch();
                 self->handler_({.kind = kind, .keys = keys, .epoch = self->epoch_});
               });
}

void TrackedWire::BeginEpoch() {
  stage_ = Stage::kUp;
  epoch_ = ++last_epoch_;
  handler_({.kind = Invalidation::Kind::kEpoch, .epoch = epoch_});
}

void TrackedWire::OnLost() {
  if (stage_ != Stage::kAccepted && stage_ != Stage::kUp) return;
  DialLater();
  if (std::exchange(epoch_, 0) != 0) handler_({.kind = Invalidation::Kind::kEpoch, .epoch = 0});
}

}  // namespace cairn::cache::testkit
