// SPDX-License-Identifier: BSD-3-Clause
// LOCK.* on all stores together, and the count of what they say.
#include "cairn/quorum_lock.h"

#include <algorithm>
#include <mutex>
#include <utility>

#include "objects/permit_body.h"
#include "objects/random.h"

namespace cairn::cache {
namespace {

constexpr std::size_t kOwnerBytes = 16;

// Counts the answers of `count` stores; the last one decides: true for a majority of yes, false for
// one of no, else an error: it is not known.
class Tally {
 public:
  Tally(std::size_t count, internal::Keeper::Answer answer)
      : count_(count), left_(count), answer_(std::move(answer)) {}

  void Add(const Result<bool>& said) {
    Result<bool> verdict = false;
    {
      const std::lock_guard lock(mutex_);
      if (said) ++(*said ? yes_ : no_);
      if (--left_ > 0) return;
      if (yes_ * 2 > count_) {
        verdict = true;
      } else if (no_ * 2 <= count_) {
        verdict = Fail(Errc::kUnreachable, "too few of the stores have answered");
      }
    }
    answer_(std::move(verdict));
  }

 private:
  const std::size_t count_;
  std::mutex mutex_;
  // Guarded by mutex_.
  std::size_t left_;
  std::size_t yes_ = 0;
  std::size_t no_ = 0;
  internal::Keeper::Answer answer_;  // by the last one
};

// What an acquisition's, a renewal's or a release's reply says.
Result<bool> IsYes(const Result<Reply>& reply) {
  if (!reply) return std::unexpected(reply.error());
  if (reply->is_null()) return false;
  if (reply->elements().size() == 2) return reply->elements()[0].text() == "OK";
  return reply->AsInteger().has_value();
}

using Clients = std::vector<Client*>;

Clients ClientsOf(const std::vector<Store>& stores) {
  Clients clients;
  for (const Store& store : stores) clients.push_back(&store.client());
  return clients;
}

// The same command for all.
void AskAll(const Clients& clients, const Command& command, Duration timeout,
            internal::Keeper::Answer answer) {
  const auto tally = std::make_shared<Tally>(clients.size(), std::move(answer));
  CallOptions options;
  options.timeout = timeout;
  options.idempotence = Idempotence::kYes;
  for (Client* client : clients) {
    client->Start(command, options,
                  [tally](const Result<Reply>& reply) { tally->Add(IsYes(reply)); });
  }
}

}  // namespace

QuorumLock::QuorumLock(std::vector<Store> stores, std::string name, QuorumOptions options)
    : stores_(std::move(stores)),
      name_(std::move(name)),
      options_(options),
      margin_(options.margin.value_or(options.ttl / 10)) {}

Result<void> QuorumLock::Check() const {
  if (name_.empty()) return Fail(Errc::kInvalid, "a lock has a name");
  if (stores_.size() < 3 || stores_.size() % 2 == 0)
    return Fail(Errc::kInvalid, "a quorum is of an odd number of stores, 3 or more");
  if (options_.store_timeout <= Duration::zero() || options_.store_timeout > options_.ttl / 2)
    return Fail(Errc::kInvalid, "a store has no more than half of the ttl to answer");
  return internal::CheckTimes(options_.ttl, margin_);
}

Task<Result<std::optional<Permit>>> QuorumLock::Attempt() const {
  const std::string owner = internal::RandomHex(kOwnerBytes);
  const Duration timeout = options_.store_timeout;
  internal::KeepOptions keep;
  keep.ttl = options_.ttl;
  keep.margin = margin_;
  keep.renews = options_.renews;
  const Clients clients = ClientsOf(stores_);
  auto body = std::make_unique<Permit::Body>(
      stores_, keep,
      [clients, name = name_, owner](internal::Keeper::Question question,
                                     internal::Keeper::Answer answer) {
        const Command renew("LOCK.RENEW", name, owner, internal::MillisText(question.ttl));
        AskAll(clients, renew, question.timeout, std::move(answer));
      },
      [clients, name = name_, owner, timeout](internal::Keeper::Answer answer) {
        AskAll(clients, Command("LOCK.RELEASE", name, owner), timeout, std::move(answer));
      });
  const Clock& clock = stores_[0].scheduler().clock();
  const TimePoint asked = clock.Now();
  const internal::Asking acquire = [this, &owner, &clients](internal::Keeper::Answer answer) {
    const Command command("LOCK.ACQUIRE", name_, owner, internal::MillisText(options_.ttl));
    AskAll(clients, command, options_.store_timeout, std::move(answer));
  };
  const Result<bool> granted = co_await internal::Answered(acquire);
  // Whatever was granted goes back with the body, also where no answer came.
  const bool is_ours = granted && *granted && clock.Now() < asked + options_.ttl - margin_;
  if (!is_ours) co_return std::nullopt;
  body->keeper->Begin(asked);
  co_return std::optional<Permit>(std::in_place, std::move(body));
}

Task<Result<Permit>> QuorumLock::CoAcquire(AcquireOptions options) const {
  if (const Result<void> valid = Check(); !valid) co_return std::unexpected(valid.error());
  std::stop_token stop = options.stop;
  if (!stop.stop_possible()) stop = co_await CurrentStop();
  Scheduler& scheduler = stores_[0].scheduler();
  const TimePoint deadline =
      scheduler.clock().Now() + std::min<Duration>(options.timeout, kWaitMax);
  internal::BackOff back_off;
  for (;;) {
    Result<std::optional<Permit>> permit = co_await Attempt();
    if (!permit) co_return Pass(std::move(permit));
    if (*permit) co_return *std::move(*permit);
    const Duration pause = back_off.Next();
    if (scheduler.clock().Now() + pause >= deadline)
      co_return Fail(Errc::kTimeout, "no majority of the stores has granted the lock");
    co_await Sleep(scheduler, pause);
    if (stop.stop_requested()) co_return Fail(Errc::kCancelled, "cancelled");
  }
}

Result<Permit> QuorumLock::Acquire(const AcquireOptions& options) const {
  return SyncWait(CoAcquire(options), options.stop);
}

Task<Result<std::optional<Permit>>> QuorumLock::CoTryAcquire() const {
  if (const Result<void> valid = Check(); !valid) co_return std::unexpected(valid.error());
  co_return co_await Attempt();
}

Result<std::optional<Permit>> QuorumLock::TryAcquire() const { return SyncWait(CoTryAcquire()); }

}  // namespace cairn::cache
