// SPDX-License-Identifier: BSD-3-Clause
// Whatever calls out (a request's end, a hook) may close this channel, so each such call is the
// last thing of a step, or is followed by a look at the state.
#include "client/channel.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "client/wire.h"

namespace cairn::client {

using cache::Errc;
using cache::Error;

Channel::Channel(Reactor& reactor, DialPlan plan, Life life, Hooks hooks, std::size_t requests_max)
    : reactor_(reactor),
      plan_(std::move(plan)),
      life_(life),
      hooks_(std::move(hooks)),
      requests_max_(requests_max) {}

Channel::~Channel() {
  if (transport_ != nullptr) reactor_.loop().poller().Remove(transport_->fd());
  EndDial();
  for (const Sent& sent : pending_) sent.request->channel = nullptr;
  for (const RequestPtr& request : waiting_) request->channel = nullptr;
}

void Channel::EndDial() {
  if (gives_up_ != nullptr) gives_up_->store(true, std::memory_order_relaxed);
  if (dial_thread_.joinable()) dial_thread_.Join();
}

// ---- Connecting
// ----------------------------------------------------------------------------------

void Channel::Dial() {
  if (state_ != State::kIdle) return;
  state_ = State::kDialing;
  EndDial();  // of one that has ended
  gives_up_ = std::make_shared<std::atomic<bool>>(false);
  dial_thread_ = Thread("cairn-dial", [self = weak_from_this(), plan = plan_, flag = gives_up_,
                                       &loop = reactor_.loop()] {
    auto dialed = std::make_shared<cache::Result<Dialed>>(
        client::Dial(plan, [&] { return flag->load(std::memory_order_relaxed); }));
    loop.PostOwed([self, dialed] {
      if (const auto channel = self.lock()) channel->OnDialed(std::move(*dialed));
    });
  });
}

void Channel::OnDialed(cache::Result<Dialed> dialed) {
  if (state_ != State::kDialing) return;
  if (!dialed) return OnDialFailed(dialed.error());
  const Status watched = reactor_.loop().poller().Add(dialed->transport->fd(), io::Interest::kRead,
                                                      static_cast<io::Watcher*>(this));
  if (!watched.ok())
    return OnDialFailed({.code = Errc::kLimit, .detail = std::string(watched.message())});
  interest_ = io::Interest::kRead;
  transport_ = std::move(dialed->transport);
  endpoint_ = dialed->endpoint;
  input_ = std::move(dialed->input);
  decoder_.Reset();
  heard_us_ = reactor_.now_us();
  back_off_us_ = kBackOffUs;
  state_ = State::kUp;
  const auto self = shared_from_this();
  if (hooks_.on_up) hooks_.on_up(*dialed);
  SendWaiting();
  // Also what came with the greeting, or stands in OpenSSL's buffer.
  if (state_ == State::kUp) ReadAll();
}

void Channel::OnDialFailed(const Error& error) {
  const auto self = shared_from_this();
  state_ = State::kIdle;
  if (life_ == Life::kOnce) {
    state_ = State::kClosed;
  } else {
    BackOff();
  }
  FailAll(std::exchange(waiting_, {}), error);
  if (hooks_.on_down) hooks_.on_down(error);
}

void Channel::BackOff() {
  state_ = State::kBackOff;
  const auto half = static_cast<std::uint64_t>(back_off_us_ / 2);
  const std::int64_t delay_us =
      back_off_us_ - static_cast<std::int64_t>(reactor_.random().Below(half));
  back_off_us_ = std::min(back_off_us_ * 2, kBackOffUsMax);
  back_off_timer_ = reactor_.loop().AddTimer(delay_us, [self = weak_from_this()] {
    const auto channel = self.lock();
    if (channel == nullptr || channel->state_ != State::kBackOff) return;
    channel->state_ = State::kIdle;
    if (channel->life_ == Life::kAlways || !channel->waiting_.empty()) channel->Dial();
  });
}

// ---- Requests
// ------------------------------------------------------------------------------------

void Channel::Submit(RequestPtr request) {
  if (request->is_done) return;
  if (state_ == State::kClosed)
    return request->Fail({.code = Errc::kClosed, .detail = "the connection is closed"});
  if (state_ == State::kBackOff && life_ == Life::kOnDemand)
    return request->Fail(
        {.code = Errc::kUnreachable,
         .detail = "the last attempt to connect failed, the next one is due soon"});
  if (pending_.size() + waiting_.size() >= requests_max_)
    return request->Fail({.code = Errc::kLimit, .detail = "too many calls wait"});
  request->channel = this;
  reactor_.Watch(request);
  if (state_ == State::kUp) return Write(std::move(request));
  waiting_.push_back(std::move(request));
  Dial();
}

void Channel::Write(RequestPtr request) {
  request->is_sent = true;
  ++request->sends;
  request->sent_us = reactor_.pass_us();
  request->replies.clear();
  if (request->is_asking) AppendCommand(cache::Command("ASKING"), &output_);
  request->awaits_asking = request->is_asking;
  output_ += request->bytes;
  pending_.push_back({std::move(request)});
  WantFlush();
}

void Channel::SendRaw(std::string_view bytes) {
  if (state_ != State::kUp) return;
  output_ += bytes;
  WantFlush();
}

void Channel::WantFlush() {
  if (std::exchange(flush_is_due_, true)) return;
  reactor_.FlushLater(shared_from_this());
}

void Channel::SendWaiting() {
  while (state_ == State::kUp && !waiting_.empty()) {
    RequestPtr request = std::move(waiting_.front());
    waiting_.pop_front();
    if (!request->is_done) Write(std::move(request));
  }
}

void Channel::OnDeadline(const RequestPtr& request) {
  const auto self = shared_from_this();
  const MonotonicUs now_us = reactor_.now_us();
  const bool was_sent = request->is_sent;
  request->Fail(
      {.code = Errc::kTimeout, .detail = was_sent ? "no reply in time" : "not connected in time"});
  if (state_ != State::kUp || pending_.empty()) return;
  // The state of a one-time connection is unknown from now on.
  if (life_ == Life::kOnce) return Close({.code = Errc::kClosed, .detail = "a call was given up"});
  if (now_us - std::max(heard_us_, pending_.front().request->sent_us) >= kSilenceUs)
    Drop("the server is silent");
}

// ---- Bytes
// ---------------------------------------------------------------------------------------

void Channel::Flush() {
  flush_is_due_ = false;
  if (state_ != State::kUp) return;
  io::Interest wanted = io::Interest::kRead;
  while (written_ < output_.size()) {
    const io::Transfer sent = transport_->Write(std::string_view(output_).substr(written_));
    if (sent.done()) {
      written_ += sent.bytes;
      continue;
    }
    if (sent.state != io::Transfer::State::kWouldBlock) return Drop(std::strerror(sent.error));
    wanted = io::Interest::kReadWrite;
    break;
  }
  if (written_ == output_.size()) {
    output_.clear();
    written_ = 0;
  }
  Watch(wanted);
}

void Channel::Watch(io::Interest interest) {
  if (interest == std::exchange(interest_, interest)) return;
  (void)reactor_.loop().poller().Modify(transport_->fd(), interest);
}

void Channel::OnReady(bool readable, bool writable, bool hangup) {
  const auto self = shared_from_this();
  if (writable) Flush();
  if ((readable || hangup) && state_ == State::kUp) ReadAll();
}

void Channel::ReadAll() {
  char buffer[kReadBytes];
  if (!input_.empty() && !TakeReplies()) return;
  while (state_ == State::kUp) {
    const io::Transfer got = transport_->Read(buffer);
    if (got.state == io::Transfer::State::kWouldBlock) {
      // TLS may have to write before it can read on.
      if (transport_->awaited(io::Interest::kRead) == io::Interest::kWrite)
        Watch(io::Interest::kReadWrite);
      return;
    }
    if (got.state == io::Transfer::State::kEnd) return Drop("the server closed the connection");
    if (!got.done()) return Drop(std::strerror(got.error));
    heard_us_ = reactor_.pass_us();
    input_.append(buffer, got.bytes);
    if (!TakeReplies()) return;
    // A short read took all there was; with TLS it says nothing.
    if (got.bytes < kReadBytes && plan_.tls == nullptr) return;
  }
}

// False: the connection is gone.
bool Channel::TakeReplies() {
  std::size_t begin = 0;
  for (;;) {
    cache::Reply reply;
    const std::string_view rest = std::string_view(input_).substr(begin);
    const ReplyDecoder::Outcome outcome = decoder_.Next(rest, &reply);
    begin += decoder_.consumed();
    if (outcome == ReplyDecoder::Outcome::kNeedMore) break;
    if (outcome == ReplyDecoder::Outcome::kError) {
      Drop("not RESP: " + std::string(decoder_.error()));
      return false;
    }
    OnReply(std::move(reply));
    if (state_ != State::kUp) return false;
  }
  input_.erase(0, begin);
  return true;
}

void Channel::OnReply(cache::Reply reply) {
  if (reply.type() == cache::Reply::Type::kPush || pending_.empty()) {
    // Without RESP3, a subscriber's messages come as arrays.
    if (hooks_.on_push) return hooks_.on_push(std::move(reply));
    if (reply.type() != cache::Reply::Type::kPush) Drop("a reply came that nobody waits for");
    return;
  }
  Sent& sent = pending_.front();
  if (std::exchange(sent.request->awaits_asking, false)) return;
  ++sent.received;
  if (!sent.request->is_done) sent.request->replies.push_back(AsResult(std::move(reply)));
  if (sent.received < sent.request->reply_count) return;
  const RequestPtr request = std::move(sent.request);
  pending_.pop_front();
  request->channel = nullptr;
  if (request->is_done) return;
  request->is_sent = false;  // all that was sent has been answered
  if (hooks_.takes_over && hooks_.takes_over(request)) return;
  request->Finish();
}

// ---- The end
// -------------------------------------------------------------------------------------

void Channel::Drop(std::string_view why) {
  if (state_ == State::kUp)
    Down({.code = Errc::kClosed, .detail = endpoint_.ToString() + ": " + std::string(why)});
}

void Channel::Down(const Error& error) {
  const auto self = shared_from_this();
  reactor_.loop().poller().Remove(transport_->fd());
  transport_.reset();
  input_.clear();
  output_.clear();
  written_ = 0;
  state_ = life_ == Life::kOnce ? State::kClosed : State::kIdle;
  std::deque<RequestPtr> lost;
  std::deque<RequestPtr> again;
  for (Sent& sent : std::exchange(pending_, {})) {
    const RequestPtr& request = sent.request;
    if (request->is_done) continue;
    const bool tries_again =
        life_ != Life::kOnce && request->is_idempotent && request->sends < Request::kSendsMax;
    request->may_have_applied |= !request->is_idempotent;
    if (tries_again) request->is_sent = false;
    (tries_again ? again : lost).push_back(request);
  }
  waiting_.insert(waiting_.begin(), again.begin(), again.end());
  if (life_ == Life::kOnce) {
    lost.insert(lost.end(), waiting_.begin(), waiting_.end());
    waiting_.clear();
  }
  if (life_ == Life::kAlways || !waiting_.empty()) Dial();
  if (hooks_.on_down) hooks_.on_down(error);
  FailAll(std::move(lost), error);
}

void Channel::FailAll(std::deque<RequestPtr> requests, const Error& error) {
  for (const RequestPtr& request : requests) request->Fail(error);
}

void Channel::Close(Error error) {
  if (state_ == State::kClosed) return;
  const auto self = shared_from_this();
  if (transport_ != nullptr) reactor_.loop().poller().Remove(transport_->fd());
  transport_.reset();
  state_ = State::kClosed;
  if (gives_up_ != nullptr) gives_up_->store(true, std::memory_order_relaxed);
  reactor_.loop().CancelTimer(back_off_timer_);
  std::deque<RequestPtr> all;
  for (Sent& sent : std::exchange(pending_, {})) all.push_back(std::move(sent.request));
  all.insert(all.end(), waiting_.begin(), waiting_.end());
  waiting_.clear();
  FailAll(std::move(all), error);
}

}  // namespace cairn::client
