// SPDX-License-Identifier: BSD-3-Clause
// LOCK.* and a Keeper.
//
// Each attempt has an owner of its own, drawn anew, so that a RELEASE which is late (of an attempt
// that was given up) can never free a later grant.
//
// With replicas a grant is confirmed by RENEW and WAIT, in one pipeline on one connection: a
// master's writes have one order, so who has the renewal has the grant that it prolongs, whatever
// connection that came by. ACQUIRE with WAIT behind it would save a round trip, but WAIT also waits
// when the lock was refused, and who stands in the queue would.
#include "cairn/lock.h"

#include <algorithm>
#include <utility>

#include "objects/keeper.h"
#include "objects/permit_body.h"
#include "objects/random.h"

namespace cairn::cache {
namespace {

constexpr Duration kExtensionMax = std::chrono::milliseconds(1'000'000'000'000);
constexpr std::size_t kOwnerBytes = 16;
// A grant whose answer took longer than this part of the ttl is confirmed.
constexpr int kConfirmPart = 8;
// Replicas have this long, or this part of the ttl.
constexpr Duration kReplicasTimeout = std::chrono::seconds(1);
constexpr int kReplicasPart = 3;
constexpr Duration kReplicasTimeoutMin = std::chrono::milliseconds(1);

// RENEW's and RELEASE's: [OK, fence] or [LOST, whoever's fence].
Result<bool> ReadVerdict(const Result<Reply>& reply) {
  if (!reply) return std::unexpected(reply.error());
  const auto elements = reply->elements();
  if (elements.size() != 2) return Fail(Errc::kProtocol, "not the reply of a lock");
  return elements[0].text() == "OK";
}

// RENEW's reply and, if there are to be replicas, WAIT's.
Result<bool> ReadRenewal(const Replies& replies, std::size_t wanted) {
  Result<bool> verdict = ReadVerdict(replies[0]);
  if (wanted == 0 || !verdict || !*verdict) return verdict;
  if (!replies[1]) return std::unexpected(replies[1].error());
  const Result<std::int64_t> have = replies[1]->AsInteger();
  if (!have) return std::unexpected(have.error());
  if (*have >= static_cast<std::int64_t>(wanted)) return true;
  return Fail(Errc::kUnreplicated, std::to_string(*have) + " replicas have the lock, of " +
                                       std::to_string(wanted) +
                                       " that have to: " + "see LockOptions::replicas");
}

void LetGo(Client& client, const std::string& name, const std::string& owner) {
  client.Start(Command("LOCK.RELEASE", name, owner), {.idempotence = Idempotence::kYes},
               [](const Result<Reply>&) {});
}

}  // namespace

struct Held::Body {
  // Who has to have what is granted, and how long that may take.
  struct Replicas {
    std::size_t count = 0;
    Duration timeout{0};
  };

  Body(Store the_store, std::string the_name, internal::KeepOptions options, Replicas the_replicas)
      : store(std::move(the_store)),
        name(std::move(the_name)),
        owner(internal::RandomHex(kOwnerBytes)),
        renews(options.renews),
        replicas(the_replicas),
        keeper(std::make_shared<internal::Keeper>(
            store.scheduler(), options,
            // After End the keeper does not ask, and the destructor below calls it.
            [this](internal::Keeper::Question question, internal::Keeper::Answer answer) {
              Renew(question, std::move(answer));
            })) {}
  ~Body() {
    if (is_granted) Give();
  }
  Body(const Body&) = delete;
  Body& operator=(const Body&) = delete;

  // Replicas have half of a question's time, so that their count comes within it.
  void Renew(internal::Keeper::Question question, internal::Keeper::Answer answer) const {
    StartRenewal({.ttl = question.ttl, .timeout = std::min(replicas.timeout, question.timeout / 2)},
                 {.timeout = question.timeout}, std::move(answer));
  }
  struct Renewal {
    Duration ttl;
    Duration timeout;  // of the replicas
  };
  void StartRenewal(Renewal renewal, CallOptions call, internal::Keeper::Answer answer) const {
    call.idempotence = Idempotence::kYes;
    std::vector<Command> commands = {RenewCommand(renewal.ttl)};
    if (replicas.count > 0) {
      call.waits = Waits::kYes;
      commands.emplace_back("WAIT", replicas.count, internal::MillisText(renewal.timeout));
    }
    store.client().StartPipeline(
        std::move(commands), std::move(call),
        [answer = std::move(answer), wanted = replicas.count](const Replies& replies) mutable {
          answer(ReadRenewal(replies, wanted));
        });
  }
  // The answer comes as StartRenewal has it.
  internal::Answered CoRenew(Renewal renewal, CallOptions call) const {
    return internal::Answered([this, renewal, call](internal::Keeper::Answer answer) {
      StartRenewal(renewal, call, std::move(answer));
    });
  }
  TimePoint Now() const { return store.scheduler().clock().Now(); }
  Command RenewCommand(Duration ttl) const {
    return Command("LOCK.RENEW", name, owner, internal::MillisText(ttl));
  }
  Command ReleaseCommand() const { return Command("LOCK.RELEASE", name, owner); }
  Command InfoCommand() const { return Command("LOCK.INFO", name); }

  // Ends the keeping; true if it was ours until now.
  bool Stop() {
    is_granted = false;
    return keeper->End();
  }
  void Give() {
    Stop();
    LetGo(store.client(), name, owner);
  }
  // Two questions for different times under way together could be answered in either order.
  Result<void> MayExtend(Duration more) const {
    if (renews) return Fail(Errc::kInvalid, "a lock that is renewed by itself is not extended");
    if (more <= Duration::zero() || more > kExtensionMax)
      return Fail(Errc::kInvalid, "a lock is extended by a time of up to 10^12 ms");
    return {};
  }
  Result<bool> OnExtended(TimePoint asked, Duration ttl, Result<bool> verdict) {
    if (!verdict) return verdict;
    if (*verdict) return keeper->Prolong(asked, ttl);
    keeper->Lose();
    return false;
  }
  Result<bool> OnInfo(const Result<Reply>& reply) {
    if (!reply) return std::unexpected(reply.error());
    const Reply* of = reply->is_null() ? nullptr : reply->Find("owner");
    if (of == nullptr || of->text() != owner) keeper->Lose();
    return keeper->is_held();
  }
  Result<bool> OnReleased(bool was_held, const Result<Reply>& reply) {
    if (!reply) LetGo(store.client(), name, owner);
    const Result<bool> verdict = ReadVerdict(reply);
    if (!verdict) return verdict;
    return *verdict && was_held;
  }

  const Store store;
  const std::string name;
  const std::string owner;
  const bool renews;
  const Replicas replicas;
  std::int64_t fence = 0;
  bool is_granted = false;  // then it is given back with the body
  const std::shared_ptr<internal::Keeper> keeper;
};

Held::Held(std::unique_ptr<Body> body) : body_(std::move(body)) {}
Held::Held(Held&&) noexcept = default;
Held& Held::operator=(Held&&) noexcept = default;
Held::~Held() = default;

std::int64_t Held::fence() const { return body_ == nullptr ? 0 : body_->fence; }
bool Held::is_held() const { return body_ != nullptr && body_->keeper->is_held(); }
std::stop_token Held::lost() const {
  return body_ == nullptr ? internal::StoppedToken() : body_->keeper->lost();
}

Result<bool> Held::Check() {
  if (!is_held()) return false;
  return body_->OnInfo(body_->store.client().Call(body_->InfoCommand()));
}

Task<Result<bool>> Held::CoCheck() {
  if (!is_held()) co_return false;
  const Result<Reply> reply = co_await body_->store.client().CoCall(body_->InfoCommand());
  co_return body_->OnInfo(reply);
}

Result<bool> Held::ExtendBy(Duration more) { return SyncWait(CoExtendBy(more)); }

Task<Result<bool>> Held::CoExtendBy(Duration more) {
  if (!is_held()) co_return false;
  if (Result<void> may = body_->MayExtend(more); !may) co_return Pass(std::move(may));
  const TimePoint asked = body_->Now();
  const Duration ttl = body_->keeper->left() + more;
  const Body::Renewal renewal{.ttl = ttl, .timeout = body_->replicas.timeout};
  Result<bool> verdict = co_await body_->CoRenew(renewal, CallOptions());
  co_return body_->OnExtended(asked, ttl, std::move(verdict));
}

Result<bool> Held::Release() {
  const std::unique_ptr<Body> body = std::move(body_);
  if (body == nullptr) return false;
  const bool was_held = body->Stop();
  return body->OnReleased(was_held, body->store.client().Call(body->ReleaseCommand()));
}

Task<Result<bool>> Held::CoRelease() {
  const std::unique_ptr<Body> body = std::move(body_);
  if (body == nullptr) co_return false;
  const bool was_held = body->Stop();
  const Result<Reply> reply = co_await body->store.client().CoCall(body->ReleaseCommand());
  co_return body->OnReleased(was_held, reply);
}

Mutex::Mutex(Store store, std::string name, LockOptions options)
    : store_(std::move(store)),
      name_(std::move(name)),
      options_(options),
      margin_(options.margin.value_or(options.ttl / 10)),
      replicas_(options.replicas.value_or(store_.capabilities().replicas > 0 ? 1 : 0)),
      replicas_timeout_(options.replicas_timeout.value_or(
          std::min<Duration>(kReplicasTimeout, options.ttl / kReplicasPart))) {}

TimePoint Mutex::Now() const { return store_.scheduler().clock().Now(); }

Result<void> Mutex::Check() const {
  if (name_.empty()) return Fail(Errc::kInvalid, "a lock has a name");
  if (replicas_ > LockOptions::kReplicasMax)
    return Fail(Errc::kInvalid, "a lock waits for 1,000 replicas at most");
  if (replicas_timeout_ < kReplicasTimeoutMin || replicas_timeout_ >= options_.ttl / 2)
    return Fail(Errc::kInvalid, "replicas have from 1 ms to less than half of the ttl");
  if (replicas_ > 0 && store_.capabilities().kind == Capabilities::Kind::kEmbedded)
    return Fail(Errc::kUnsupported, "an embedded store has no replicas");
  return internal::CheckTimes(options_.ttl, margin_);
}

// Hands out what was granted to a question of `asked`; nothing if too little of it is left.
Result<std::optional<Held>> Mutex::Take(std::unique_ptr<Held::Body> body, TimePoint asked) const {
  if (Now() >= asked + options_.ttl - margin_) return std::nullopt;
  body->keeper->Begin(asked);
  return std::optional<Held>(Held(std::move(body)));
}

// Once more, with the replicas. Nothing if it was lost meanwhile; after an error it is given back.
Task<Result<std::optional<Held>>> Mutex::Confirm(std::unique_ptr<Held::Body> body,
                                                 std::stop_token stop) const {
  CallOptions call;
  call.stop = std::move(stop);
  const Held::Body::Renewal renewal{.ttl = options_.ttl, .timeout = replicas_timeout_};
  const TimePoint asked = Now();
  const Result<bool> verdict = co_await body->CoRenew(renewal, call);
  if (verdict && *verdict) co_return Take(std::move(body), asked);
  if (verdict) co_return std::nullopt;
  if (verdict.error().code == Errc::kUnreplicated) {
    // Who is told of it may ask at once whether it is free.
    body->Stop();
    const Result<Reply> released = co_await store_.client().CoCall(body->ReleaseCommand());
    if (!released) LetGo(store_.client(), name_, body->owner);
  }
  co_return std::unexpected(verdict.error());
}

Task<Result<std::optional<Held>>> Mutex::Attempt(Millis wait, std::stop_token stop) const {
  auto body = std::make_unique<Held::Body>(
      store_, name_,
      internal::KeepOptions{.ttl = options_.ttl, .margin = margin_, .renews = options_.renews},
      Held::Body::Replicas{.count = replicas_, .timeout = replicas_timeout_});
  Command acquire("LOCK.ACQUIRE", name_, body->owner, internal::MillisText(options_.ttl));
  if (wait > Millis(0)) acquire.Add("WAIT").Add(wait.count());
  CallOptions call;
  call.stop = stop;
  const TimePoint asked = Now();
  const Result<Reply> reply = co_await store_.client().CoCall(std::move(acquire), call);
  if (!reply) {
    if (reply.error().may_have_applied) LetGo(store_.client(), name_, body->owner);
    co_return std::unexpected(reply.error());
  }
  if (reply->is_null()) co_return std::nullopt;
  const Result<std::int64_t> fence = reply->AsInteger();
  if (!fence) co_return std::unexpected(fence.error());
  body->fence = *fence;
  body->is_granted = true;
  if (replicas_ > 0 || Now() - asked > options_.ttl / kConfirmPart)
    co_return co_await Confirm(std::move(body), std::move(stop));
  co_return Take(std::move(body), asked);
}

Task<Result<Held>> Mutex::CoAcquire(AcquireOptions options) const {
  if (const Result<void> valid = Check(); !valid) co_return std::unexpected(valid.error());
  std::stop_token stop = options.stop;
  if (!stop.stop_possible()) stop = co_await CurrentStop();
  const TimePoint deadline =
      Now() + std::clamp<Duration>(options.timeout, Duration::zero(), kWaitMax);
  internal::BackOff back_off;
  // The first time without waiting: that needs no connection of its own.
  Millis wait{0};
  for (;;) {
    Result<std::optional<Held>> held = co_await Attempt(wait, stop);
    if (!held) co_return Pass(std::move(held));
    if (*held) co_return *std::move(*held);
    const bool had_waited = wait > Millis(0);
    if (store_.capabilities().waiting)
      wait = std::max(std::chrono::floor<Millis>(deadline - Now()), Millis(0));
    if (!had_waited && wait > Millis(0)) continue;
    const Duration pause = back_off.Next();
    if (Now() + pause >= deadline) co_return Fail(Errc::kTimeout, "somebody else has the lock");
    co_await Sleep(store_.scheduler(), pause);
    if (stop.stop_requested()) co_return Fail(Errc::kCancelled, "cancelled");
  }
}

Result<Held> Mutex::Acquire(const AcquireOptions& options) const {
  return SyncWait(CoAcquire(options), options.stop);
}

Task<Result<std::optional<Held>>> Mutex::CoTryAcquire() const {
  if (const Result<void> valid = Check(); !valid) co_return std::unexpected(valid.error());
  co_return co_await Attempt(Millis(0), co_await CurrentStop());
}

Result<std::optional<Held>> Mutex::TryAcquire() const { return SyncWait(CoTryAcquire()); }

}  // namespace cairn::cache
