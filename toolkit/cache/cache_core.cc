// SPDX-License-Identifier: BSD-3-Clause
// The commands of the server's caching families, and flights.
#include "cairn/internal/cache_core.h"

#include <algorithm>

namespace cairn::cache {

std::string_view OutcomeName(Outcome outcome) {
  switch (outcome) {
    case Outcome::kMiss:
      return "miss";
    case Outcome::kHit:
      return "hit";
    case Outcome::kStale:
      return "stale";
    case Outcome::kNegative:
      return "negative";
    case Outcome::kLoaded:
      return "loaded";
    case Outcome::kWaited:
      return "waited";
    case Outcome::kFallback:
      return "fallback";
  }
  return "";
}

namespace internal {
namespace {

std::optional<Lookup::State> StateOf(std::string_view name) {
  if (name == "fresh") return Lookup::State::kFresh;
  if (name == "stale") return Lookup::State::kStale;
  if (name == "miss") return Lookup::State::kMiss;
  if (name == "loading") return Lookup::State::kLoading;
  if (name == "capped") return Lookup::State::kCapped;
  return std::nullopt;
}

// What the server takes as a COST at most.
constexpr Millis kCostMax{3'600'000};

// How long before its end a value is to be loaded anew.
Millis CostOf(const Fill& fill, const Policy& policy) {
  if (!policy.refresh_ahead) return Millis(0);
  Millis cost = fill.cost;
  if (policy.ttl) {
    const auto part = static_cast<double>(policy.ttl->count()) * policy.refresh_part;
    cost = std::max(cost, Millis(static_cast<std::int64_t>(part)));
  }
  return std::clamp(cost, Millis(0), kCostMax);
}

}  // namespace

Command LookupCommand(std::string_view key, const LookupOptions& options) {
  Command command("CACHE.GET", key);
  if (options.lease > Millis(0)) command.Add("LEASE").Add(options.lease.count());
  if (options.takes_stale) command.Add("STALE");
  if (options.min_version > 0) command.Add("MINVER").Add(options.min_version);
  return command;
}

Result<Lookup> ReadLookup(Result<Reply> reply) {
  if (!reply) return Pass(std::move(reply));
  constexpr std::size_t kElements = 6;
  std::vector<Reply> elements = std::move(*reply).TakeElements();
  if (elements.size() != kElements) return Fail(Errc::kProtocol, "not CACHE.GET's reply");
  const std::optional<Lookup::State> state = StateOf(elements[0].text());
  if (!state) return Fail(Errc::kProtocol, "CACHE.GET's reply has an unknown state");
  Lookup lookup{.state = *state};
  if (!elements[1].is_null()) lookup.bytes = std::move(elements[1]).TakeText();
  if (!elements[2].is_null()) lookup.token = elements[2].AsInteger().value_or(0);
  lookup.version = elements[3].AsInteger().value_or(0);
  lookup.age = Millis(elements[4].AsInteger().value_or(0));
  return lookup;
}

Command FillCommand(std::string_view key, const Fill& fill, const Policy& policy) {
  Command command;
  switch (fill.kind) {
    case FillKind::kValue:
      command = Command("CACHE.SET", key, fill.bytes);
      break;
    case FillKind::kAbsent:
      command = Command("CACHE.ABSENT", key);
      break;
    case FillKind::kTouch:
      command = Command("CACHE.TOUCH", key);
      break;
  }
  if (fill.token != 0) command.Add("TOKEN").Add(fill.token);
  if (fill.version > 0) command.Add("VER").Add(fill.version);
  const std::optional<Millis> ttl =
      fill.kind == FillKind::kAbsent ? policy.negative_ttl : policy.ttl;
  if (ttl) {
    command.Add("TTL").Add(ttl->count());
    // Absence has a short life of its own: it is not served beyond it.
    if (policy.stale_for > Millis(0) && fill.kind != FillKind::kAbsent)
      command.Add("STALE").Add(policy.stale_for.count());
    if (policy.jitter_percent > 0) command.Add("JITTER").Add(policy.jitter_percent);
  }
  if (const Millis cost = CostOf(fill, policy); cost > Millis(0) && fill.kind != FillKind::kAbsent)
    command.Add("COST").Add(cost.count());
  if (!fill.tags.empty()) command.Add("TAGS").Add(fill.tags.size()).AddAll(fill.tags);
  return command;
}

Result<bool> ReadFill(Result<Reply> reply) {
  if (!reply) return Pass(std::move(reply));
  return reply->text() == "OK";
}

bool IsStoreDown(const Error& error) {
  switch (error.code) {
    case Errc::kUnreachable:
    case Errc::kClosed:
    case Errc::kTimeout:
    case Errc::kStoreDown:
    case Errc::kLimit:
      return true;
    case Errc::kInvalid:
    case Errc::kUnsupported:
    case Errc::kCancelled:
    case Errc::kServer:
    case Errc::kProtocol:
    case Errc::kType:
    case Errc::kConflict:
    case Errc::kCorrupt:
    case Errc::kLoader:
      return false;
  }
  return false;
}

Error LoaderError(std::exception_ptr cause) {
  Error error{.code = Errc::kLoader, .detail = "the loader threw", .cause = cause};
  try {
    std::rethrow_exception(cause);
  } catch (const std::exception& thrown) {
    error.detail += std::string(": ") + thrown.what();
  } catch (...) {
    error.detail += " what is no std::exception";
  }
  return error;
}

void Flight::Land(std::shared_ptr<const void> result) {
  std::vector<Work> waiters;
  {
    const std::lock_guard lock(mutex_);
    has_landed_ = true;
    result_ = std::move(result);
    waiters.swap(waiters_);
  }
  for (Work& waiter : waiters) waiter();
}

bool Flight::AddWaiter(Work waiter) {
  const std::lock_guard lock(mutex_);
  if (has_landed_) return false;
  waiters_.push_back(std::move(waiter));
  return true;
}

std::shared_ptr<const void> Flight::result() const {
  const std::lock_guard lock(mutex_);
  return result_;
}

std::shared_ptr<Flight> CacheCore::Joinable(const std::string& key, Version min_version) {
  const std::lock_guard lock(mutex_);
  if (flights_.empty()) return nullptr;
  const auto found = flights_.find(key);
  if (found == flights_.end() || found->second->min_version() < min_version) return nullptr;
  return found->second;
}

std::shared_ptr<Flight> CacheCore::Begin(const std::string& key, Version min_version) {
  const std::lock_guard lock(mutex_);
  const auto [place, is_new] = flights_.try_emplace(key);
  if (!is_new) return nullptr;
  place->second = std::make_shared<Flight>(min_version);
  return place->second;
}

void CacheCore::Land(const std::string& key, const std::shared_ptr<Flight>& flight,
                     std::shared_ptr<const void> result) {
  {
    const std::lock_guard lock(mutex_);
    const auto found = flights_.find(key);
    if (found != flights_.end() && found->second == flight) flights_.erase(found);
  }
  flight->Land(std::move(result));
}

}  // namespace internal
}  // namespace cairn::cache
