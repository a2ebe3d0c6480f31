// SPDX-License-Identifier: BSD-3-Clause
// LIMIT.GCRA, FIXED, SLIDING and ALL.
#include "cairn/limiter.h"

#include <algorithm>
#include <array>
#include <utility>

#include "cairn/internal/cache_core.h"
#include "cairn/key.h"

namespace cairn::cache {
namespace {

// What a refusal by LimitWhenDown::kRefuse says.
constexpr Millis kDownRetry{1000};
constexpr std::size_t kVerdictElements = 5;

std::string_view LawName(LimitLaw law) {
  switch (law) {
    case LimitLaw::kGcra:
      return "GCRA";
    case LimitLaw::kFixed:
      return "FIXED";
    case LimitLaw::kSliding:
      return "SLIDING";
  }
  return "";
}

std::int64_t CapacityOf(const Limit& limit) {
  return limit.law == LimitLaw::kGcra && limit.burst > 0 ? limit.burst : limit.count;
}

void AddLaw(const Limit& limit, std::int64_t count, Command& command) {
  command.Add(limit.count).Add(std::chrono::ceil<Millis>(limit.period).count());
  if (limit.law == LimitLaw::kGcra && limit.burst > 0) command.Add("BURST").Add(limit.burst);
  if (count != 1) command.Add("COST").Add(count);
}

// Before anything is charged, and whatever LimitWhenDown says: a negative count would give permits.
Result<void> CheckCount(std::int64_t count) {
  if (count < 1) return Fail(Errc::kInvalid, "a limiter is asked for 1 permit or more");
  return {};
}

// A server that answers, but cannot count at the moment.
bool CannotCount(const Error& error) {
  constexpr std::array kCodes =
      std::to_array<std::string_view>({"OOM", "LOADING", "CLUSTERDOWN", "MASTERDOWN", "READONLY",
                                       "MISCONF", "NOREPLICAS", "BUSY", "TRYAGAIN"});
  return internal::IsStoreDown(error) ||
         std::ranges::find(kCodes, error.server_code()) != kCodes.end();
}

Result<Verdict> WithoutStore(const Error& error, LimitWhenDown when_down, const Limit& limit) {
  if (when_down == LimitWhenDown::kFail || !CannotCount(error)) return std::unexpected(error);
  const bool allowed = when_down == LimitWhenDown::kAllow;
  return Verdict{.allowed = allowed,
                 .limit = CapacityOf(limit),
                 .remaining = 0,
                 .retry_after = allowed ? Millis(0) : kDownRetry,
                 .reset_after = Millis(0),
                 .is_counted = false};
}

Result<Verdict> ReadVerdict(std::span<const Reply> elements) {
  std::array<std::int64_t, kVerdictElements> numbers;
  if (elements.size() < numbers.size()) return Fail(Errc::kProtocol, "not a limiter's reply");
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    const Result<std::int64_t> number = elements[i].AsInteger();
    if (!number) return std::unexpected(number.error());
    numbers[i] = *number;
  }
  return Verdict{.allowed = numbers[0] == 1,
                 .limit = numbers[1],
                 .remaining = numbers[2],
                 .retry_after = Millis(numbers[3]),
                 .reset_after = Millis(numbers[4])};
}

Result<Verdict> Decide(const Result<Reply>& reply, LimitWhenDown when_down, const Limit& limit) {
  if (!reply) return WithoutStore(reply.error(), when_down, limit);
  return ReadVerdict(reply->elements());
}

Result<CompositeVerdict> DecideAll(const Result<Reply>& reply, LimitWhenDown when_down,
                                   const Limit& first) {
  CompositeVerdict verdict;
  Result<Verdict> whole = Decide(reply, when_down, first);
  if (!whole) return Pass(std::move(whole));
  verdict.whole = *whole;
  if (!whole->is_counted) return verdict;
  if (reply->elements().size() != kVerdictElements + 1)
    return Fail(Errc::kProtocol, "not the reply of LIMIT.ALL");
  for (const Reply& part : reply->elements()[kVerdictElements].elements()) {
    Result<Verdict> one = ReadVerdict(part.elements());
    if (!one) return Pass(std::move(one));
    verdict.parts.push_back(*one);
  }
  return verdict;
}

CallOptions CallOptionsOf(const LimiterOptions& options) {
  CallOptions call;
  call.timeout = options.timeout;
  return call;
}

Result<void> Done(const Result<Reply>& reply) {
  if (!reply) return std::unexpected(reply.error());
  return {};
}

}  // namespace

Limiter::Limiter(Store store, std::string name, Limit limit, LimitWhenDown when_down,
                 LimiterOptions options)
    : store_(std::move(store)),
      name_(std::move(name)),
      limit_(limit),
      when_down_(when_down),
      options_(options) {}

std::string Limiter::KeyOf(std::string_view who) const {
  std::string key = name_ + ":";
  internal::AppendKeyText(who, key);
  return key;
}

Command Limiter::CommandOf(std::string_view who, std::int64_t count, bool is_peek) const {
  Command command("LIMIT." + std::string(LawName(limit_.law)), KeyOf(who));
  AddLaw(limit_, count, command);
  if (is_peek) command.Add("PEEK");
  return command;
}

Result<Verdict> Limiter::Take(std::string_view who, std::int64_t count) const {
  if (Result<void> valid = CheckCount(count); !valid) return Pass(std::move(valid));
  return Decide(store_.client().Call(CommandOf(who, count, false), CallOptionsOf(options_)),
                when_down_, limit_);
}

Task<Result<Verdict>> Limiter::CoTake(std::string who, std::int64_t count) const {
  if (Result<void> valid = CheckCount(count); !valid) co_return Pass(std::move(valid));
  const Result<Reply> reply =
      co_await store_.client().CoCall(CommandOf(who, count, false), CallOptionsOf(options_));
  co_return Decide(reply, when_down_, limit_);
}

Result<Verdict> Limiter::Peek(std::string_view who, std::int64_t count) const {
  if (Result<void> valid = CheckCount(count); !valid) return Pass(std::move(valid));
  return Decide(store_.client().Call(CommandOf(who, count, true), CallOptionsOf(options_)),
                when_down_, limit_);
}

Task<Result<Verdict>> Limiter::CoPeek(std::string who, std::int64_t count) const {
  if (Result<void> valid = CheckCount(count); !valid) co_return Pass(std::move(valid));
  const Result<Reply> reply =
      co_await store_.client().CoCall(CommandOf(who, count, true), CallOptionsOf(options_));
  co_return Decide(reply, when_down_, limit_);
}

Result<void> Limiter::Reset(std::string_view who) const {
  return Done(store_.client().Call(Command("UNLINK", KeyOf(who)), CallOptionsOf(options_)));
}

Task<Result<void>> Limiter::CoReset(std::string who) const {
  co_return Done(
      co_await store_.client().CoCall(Command("UNLINK", KeyOf(who)), CallOptionsOf(options_)));
}

// ---- CompositeLimiter --------------------------------------------------------------------------

CompositeLimiter::CompositeLimiter(Store store, std::vector<NamedLimit> limits,
                                   LimitWhenDown when_down, LimiterOptions options)
    : store_(std::move(store)),
      limits_(std::move(limits)),
      when_down_(when_down),
      options_(options) {}

Result<Command> CompositeLimiter::CommandOf(std::string_view tag,
                                            const std::vector<Share>& shares) const {
  if (limits_.empty() || shares.size() != limits_.size())
    return Fail(Errc::kInvalid, "a composite limiter takes one share a limit");
  for (const Share& share : shares) {
    if (Result<void> valid = CheckCount(share.count); !valid) return Pass(std::move(valid));
  }
  std::string tagged = ":{";
  internal::AppendKeyText(tag, tagged);
  tagged += "}:";
  Command command("LIMIT.ALL", limits_.size());
  for (std::size_t i = 0; i < limits_.size(); ++i) {
    std::string key = limits_[i].name + tagged;
    internal::AppendKeyText(shares[i].who, key);
    command.Add(key);
  }
  for (std::size_t i = 0; i < limits_.size(); ++i) {
    command.Add(LawName(limits_[i].limit.law));
    AddLaw(limits_[i].limit, shares[i].count, command);
  }
  return command;
}

Result<CompositeVerdict> CompositeLimiter::Take(std::string_view tag,
                                                const std::vector<Share>& shares) const {
  Result<Command> command = CommandOf(tag, shares);
  if (!command) return Pass(std::move(command));
  return DecideAll(store_.client().Call(*command, CallOptionsOf(options_)), when_down_,
                   limits_[0].limit);
}

Task<Result<CompositeVerdict>> CompositeLimiter::CoTake(std::string tag,
                                                        std::vector<Share> shares) const {
  Result<Command> command = CommandOf(tag, shares);
  if (!command) co_return Pass(std::move(command));
  const Result<Reply> reply =
      co_await store_.client().CoCall(std::move(*command), CallOptionsOf(options_));
  co_return DecideAll(reply, when_down_, limits_[0].limit);
}

// ---- BatchedLimiter ----------------------------------------------------------------------------

BatchedLimiter::BatchedLimiter(Limiter limiter, BatchOptions options)
    : limiter_(std::move(limiter)), options_(options) {}

std::int64_t BatchedLimiter::BatchFor(std::int64_t count) const {
  return std::max(count, std::min(options_.batch, CapacityOf(limiter_.limit())));
}

std::optional<Verdict> BatchedLimiter::FromStock(std::string_view who, std::int64_t count) {
  const TimePoint now = limiter_.clock().Now();
  const std::lock_guard lock(mutex_);
  const auto found = stocks_.find(who);
  if (found == stocks_.end()) return std::nullopt;
  Stock& stock = found->second;
  if (now < stock.refused_until && count >= stock.refused) {
    Verdict verdict = stock.verdict;
    verdict.allowed = false;
    verdict.retry_after = std::chrono::ceil<Millis>(stock.refused_until - now);
    return verdict;
  }
  if (now >= stock.until || stock.permits < count) return std::nullopt;
  stock.permits -= count;
  return stock.verdict;
}

// REQUIRES: mutex_ is held. Null: there is no room.
BatchedLimiter::Stock* BatchedLimiter::Find(std::string_view who) {
  const auto found = stocks_.find(who);
  if (found != stocks_.end()) return &found->second;
  if (stocks_.size() >= kCallersMax) {
    const TimePoint now = limiter_.clock().Now();
    std::erase_if(stocks_, [now](const auto& entry) {
      return now >= entry.second.until && now >= entry.second.refused_until;
    });
  }
  if (stocks_.size() >= kCallersMax) return nullptr;
  return &stocks_[std::string(who)];
}

void BatchedLimiter::Keep(std::string_view who, const Verdict& verdict, std::int64_t spare,
                          TimePoint asked) {
  const std::lock_guard lock(mutex_);
  Stock* stock = Find(who);
  if (stock == nullptr) return;
  // Those that are left of an older batch keep their time, which is earlier: they are let go.
  *stock = {.verdict = verdict, .permits = spare, .until = asked + options_.hold};
}

void BatchedLimiter::Refuse(std::string_view who, const Verdict& verdict, std::int64_t count,
                            TimePoint asked) {
  const std::lock_guard lock(mutex_);
  Stock* stock = Find(who);
  if (stock == nullptr) return;
  stock->verdict = verdict;
  stock->refused = count;
  stock->refused_until = asked + verdict.retry_after;
}

Result<Verdict> BatchedLimiter::Take(std::string_view who, std::int64_t count) {
  return SyncWait(CoTake(std::string(who), count));
}

Task<Result<Verdict>> BatchedLimiter::CoTake(std::string who, std::int64_t count) {
  if (Result<void> valid = CheckCount(count); !valid) co_return Pass(std::move(valid));
  if (const std::optional<Verdict> here = FromStock(who, count)) co_return *here;
  const TimePoint asked = limiter_.clock().Now();
  const std::int64_t batch = BatchFor(count);
  Result<Verdict> verdict = co_await limiter_.CoTake(who, batch);
  // Not a whole batch any more: what is asked for, and nothing to spare.
  if (verdict && !verdict->allowed && verdict->is_counted && batch > count) {
    verdict = co_await limiter_.CoTake(who, count);
    if (verdict && !verdict->allowed && verdict->is_counted) Refuse(who, *verdict, count, asked);
    co_return verdict;
  }
  if (verdict && verdict->is_counted) {
    if (!verdict->allowed) Refuse(who, *verdict, count, asked);
    if (verdict->allowed && batch > count) Keep(who, *verdict, batch - count, asked);
  }
  co_return verdict;
}

}  // namespace cairn::cache
