// SPDX-License-Identifier: BSD-3-Clause
// The commands of the server's caching families, and flights.
#include "cairn/internal/cache_core.h"

#include <algorithm>
#include <iterator>
#include <span>

namespace cairn::cache {

std::string_view OutcomeName(Outcome outcome) {
  switch (outcome) {
    case Outcome::kMiss:
      return "miss";
    case Outcome::kNearHit:
      return "near_hit";
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

namespace {

// What the server takes: as a time to live, and as a lease, WAIT or RETRY.
constexpr Millis kTtlMax{std::int64_t{100} * 366 * 24 * 3'600 * 1'000};
constexpr Millis kLeaseMax{600'000};

void ClampTo(Millis min, Millis max, std::optional<Millis>& span) {
  if (span) span = std::clamp(*span, min, max);
}

}  // namespace

Policy Clamped(Policy policy) {
  const Millis none(0);
  ClampTo(none, kTtlMax, policy.ttl);
  ClampTo(none, kTtlMax, policy.negative_ttl);
  ClampTo(none, kTtlMax, policy.soft_timeout);
  ClampTo(none, kTtlMax, policy.hard_timeout);
  policy.stale_for = std::clamp(policy.stale_for, none, kTtlMax);
  policy.jitter_percent = std::clamp(policy.jitter_percent, 0, 100);
  policy.lease = std::clamp(policy.lease, Millis(1), kLeaseMax);
  policy.wait_max = std::clamp(policy.wait_max, none, kLeaseMax);
  policy.retry_after = std::clamp(policy.retry_after, none, kLeaseMax);
  return policy;
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

// What it takes as a COST.
constexpr Millis kCostMax{3'600'000};

// How long before its end a value is to be loaded anew.
Millis CostOf(const Fill& fill, const Policy& policy) {
  if (!policy.refresh_ahead) return Millis(0);
  Millis cost = fill.cost;
  if (policy.ttl) {
    const double wanted = static_cast<double>(policy.ttl->count()) * policy.refresh_part;
    const auto most = static_cast<double>(kCostMax.count());
    const double part = wanted > 0 ? std::min(wanted, most) : 0;  // also for what is no number
    cost = std::max(cost, Millis(static_cast<std::int64_t>(part)));
  }
  return std::clamp(cost, Millis(0), kCostMax);
}

}  // namespace

Command LookupCommand(std::string_view key, const LookupOptions& options) {
  Command command("CACHE.GET", key);
  if (options.lease > Millis(0)) command.Add("LEASE").Add(options.lease.count());
  if (options.takes_stale) command.Add("STALE");
  if (options.wait > Millis(0)) command.Add("WAIT").Add(std::min(options.wait, kLeaseMax).count());
  if (options.min_version > 0) command.Add("MINVER").Add(options.min_version);
  if (options.with_tags) command.Add("WITHTAGS");
  return command;
}

Result<Lookup> ReadLookup(Result<Reply> reply) {
  if (!reply && reply.error().server_code() == "WRONGTYPE")
    return Lookup{.state = Lookup::State::kForeign};
  if (!reply) return Pass(std::move(reply));
  constexpr std::size_t kElements = 6;
  std::vector<Reply> elements = std::move(*reply).TakeElements();
  // A seventh has the tags.
  if (elements.size() != kElements && elements.size() != kElements + 1)
    return Fail(Errc::kProtocol, "not CACHE.GET's reply");
  const std::optional<Lookup::State> state = StateOf(elements[0].text());
  if (!state) return Fail(Errc::kProtocol, "CACHE.GET's reply has an unknown state");
  Lookup lookup{.state = *state};
  if (!elements[1].is_null()) lookup.bytes = std::move(elements[1]).TakeText();
  if (!elements[2].is_null()) lookup.token = elements[2].AsInteger().value_or(0);
  lookup.version = elements[3].AsInteger().value_or(0);
  lookup.age = Millis(elements[4].AsInteger().value_or(0));
  const std::int64_t fresh_for = elements[5].AsInteger().value_or(0);
  if (fresh_for >= 0) lookup.fresh_for = Millis(fresh_for);
  if (elements.size() > kElements) {
    for (const Reply& tag : elements[kElements].elements()) lookup.tags.emplace_back(tag.text());
  }
  return lookup;
}

Command FillCommand(std::string_view key, const Fill& fill, const Policy& wanted) {
  const Policy policy = Clamped(wanted);  // a loader may have changed it
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
    case Errc::kUnreplicated:
      return false;
  }
  return false;
}

bool MayGiveBack(const Error& error) {
  return error.code != Errc::kTimeout && error.code != Errc::kUnreachable &&
         error.code != Errc::kStoreDown;
}

std::optional<Error> CheckLabels(Version version, const std::vector<std::string>& tags) {
  if (version < 0) return Error{.code = Errc::kInvalid, .detail = "a version is not negative"};
  if (std::ranges::any_of(tags, &std::string::empty))
    return Error{.code = Errc::kInvalid, .detail = "a tag is not empty"};
  return std::nullopt;
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

void Flight::Land(std::shared_ptr<const void> result, bool is_proven) {
  std::vector<std::shared_ptr<Waiter>> waiters;
  {
    const std::lock_guard lock(mutex_);
    has_landed_ = true;
    result_ = std::move(result);
    is_proven_ = is_proven;
    waiters.swap(waiters_);
  }
  for (const auto& waiter : waiters) waiter->Give(WaitEnd::kLanded);
}

bool Flight::AddWaiter(std::shared_ptr<Waiter> waiter) {
  const std::lock_guard lock(mutex_);
  if (has_landed_) return false;
  waiters_.push_back(std::move(waiter));
  return true;
}

void Flight::RemoveWaiter(const std::shared_ptr<Waiter>& waiter) {
  const std::lock_guard lock(mutex_);
  std::erase(waiters_, waiter);
}

bool Flight::IsFor(Moment came) const {
  const std::lock_guard lock(mutex_);
  return is_proven_ || began() > came;
}

std::shared_ptr<const void> Flight::result() const {
  const std::lock_guard lock(mutex_);
  return result_;
}

Task<WaitEnd> Landing(Scheduler& scheduler, std::shared_ptr<Flight> flight, TimePoint wait_end) {
  auto waiter = std::make_shared<Flight::Waiter>();
  if (!flight->AddWaiter(waiter)) co_return WaitEnd::kLanded;
  const Duration left = std::max(wait_end - scheduler.clock().Now(), Duration(0));
  const TimerNumber timer = scheduler.After(left, [waiter] { waiter->Give(WaitEnd::kOver); });
  WaitEnd end = WaitEnd::kLanded;
  {
    const std::stop_token stop = co_await CurrentStop();
    // Goes on elsewhere than within the canceller's call.
    const std::stop_callback on_stop(stop, [&scheduler, waiter] {
      scheduler.Post([waiter] { waiter->Give(WaitEnd::kCancelled); });
    });
    end = co_await *waiter;
  }
  scheduler.Cancel(timer);
  flight->RemoveWaiter(waiter);
  co_return end;
}

CacheCore::CacheCore(Store store, CoreOptions options)
    : store_(std::move(store)),
      clock_(store_.clock()),
      options_(std::move(options)),
      breaker_(options_.breaker),
      uncached_loads_(std::make_shared<LoadSlots>(options_.uncached_loads_max)) {}

void CacheCore::Count(std::string_view key, Outcome outcome, Millis age) {
  Add(counts_[static_cast<std::size_t>(outcome)]);
  if (outcome == Outcome::kStale || outcome == Outcome::kFallback) {
    const auto age_ms = static_cast<std::uint64_t>(std::max(age, Millis(0)).count());
    Add(stale_age_sum_ms_, age_ms);
    std::uint64_t most = stale_age_max_ms_.load(std::memory_order_relaxed);
    while (most < age_ms && !stale_age_max_ms_.compare_exchange_weak(most, age_ms)) {
    }
  }
  if (options_.hooks.on_outcome)
    options_.hooks.on_outcome({.key = key, .outcome = outcome, .age = age});
}

void CacheCore::CountLoad(const LoadEvent& load) {
  Add(loads_);
  if (load.error != nullptr) Add(failed_loads_);
  const std::int64_t took_ms = std::max(load.took, Millis(0)).count();
  const auto bound = std::ranges::lower_bound(LoadTimes::kBoundsMs, took_ms);
  Add(load_counts_[static_cast<std::size_t>(bound - LoadTimes::kBoundsMs.begin())]);
  Add(load_sum_ms_, static_cast<std::uint64_t>(took_ms));
  if (options_.hooks.on_load) options_.hooks.on_load(load);
}

void CacheCore::CountFill(std::string_view key, const Result<bool>& stored) {
  if (stored) {
    if (!*stored) Add(refused_);
    return;
  }
  Add(fill_errors_);
  if (options_.hooks.on_fill_error)
    options_.hooks.on_fill_error({.key = key, .error = stored.error()});
}

FillEnd CacheCore::EndFill(std::string_view key, const Command& sent, const Result<Reply>& reply) {
  if (sent[0] == "CACHE.FAIL") return {};
  const Result<bool> stored = ReadFill(reply);
  CountFill(key, stored);
  const bool is_stored = stored && *stored;
  return {.is_stored = is_stored, .is_to_give_back = !stored && MayGiveBack(stored.error())};
}

CacheFigures CacheCore::figures() const {
  const auto read = [](const Figure& figure) { return figure.load(std::memory_order_relaxed); };
  CacheFigures figures;
  for (std::size_t i = 0; i < kOutcomes; ++i) figures.outcomes[i] = read(counts_[i]);
  figures.loads = read(loads_);
  figures.failed_loads = read(failed_loads_);
  figures.timeouts = read(timeouts_);
  figures.coalesced = read(coalesced_);
  figures.refused_fills = read(refused_);
  figures.fill_errors = read(fill_errors_);
  figures.undecodable = read(undecodable_);
  figures.stale_age_sum_ms = read(stale_age_sum_ms_);
  figures.stale_age_max_ms = read(stale_age_max_ms_);
  figures.is_store_down = breaker_.is_open();
  for (std::size_t i = 0; i < figures.load_times.counts.size(); ++i)
    figures.load_times.counts[i] = read(load_counts_[i]);
  figures.load_times.sum_ms = read(load_sum_ms_);
  figures.has_near = near() != nullptr;
  if (near() != nullptr) figures.near = near()->figures();
  return figures;
}

Result<Reply> CacheCore::Told(Result<Reply> result) {
  if (result || result.error().code == Errc::kServer) {
    breaker_.TellUp();
  } else if (IsStoreDown(result.error())) {
    breaker_.TellDown(clock_);
  }
  return result;
}

namespace {

std::unexpected<Error> BreakerIsOpen() {
  return Fail(Errc::kStoreDown, "the store did not answer a moment ago");
}

// A tracked read, awaited.
Task<Result<Reply>> CoRead(Tracking& tracking, Command command) {
  auto answer = std::make_shared<FirstOf<Result<Reply>>>();
  CallOptions options;
  options.stop = co_await CurrentStop();
  tracking.Start(std::move(command), std::move(options),
                 [answer](Result<Reply> reply) { answer->Give(std::move(reply)); });
  co_return co_await *answer;
}

// Reads that go out together.
struct Gathered {
  explicit Gathered(std::size_t count) : replies(count, Reply()), left(count) {}
  Replies replies;
  std::atomic<std::size_t> left;
  FirstOf<bool> all;
};

// REQUIRES: there are some, and they stay until it has ended.
Task<Replies> CoReadAll(Client& client, std::span<Query> queries) {
  auto gathered = std::make_shared<Gathered>(queries.size());
  CallOptions options;
  options.stop = co_await CurrentStop();
  for (std::size_t i = 0; i < queries.size(); ++i) {
    ReplyCallback done = [gathered, i](Result<Reply> reply) {
      gathered->replies[i] = std::move(reply);
      // acq_rel: who is last has all replies.
      if (gathered->left.fetch_sub(1, std::memory_order_acq_rel) == 1) gathered->all.Give(true);
    };
    if (queries[i].tracking != nullptr) {
      queries[i].tracking->Start(std::move(queries[i].command), options, std::move(done));
    } else {
      client.Start(std::move(queries[i].command), options, std::move(done));
    }
  }
  co_await gathered->all;
  co_return std::move(gathered->replies);
}

}  // namespace

Asked CacheCore::Ask(std::string_view key, LookupOptions options) {
  if (!breaker_.MayTry(clock_)) return {.lookup = BreakerIsOpen(), .ticket = {}};
  if (near() == nullptr || !near()->Admits(NearName(key)))
    return {.lookup = ReadLookup(Told(client().Call(LookupCommand(key, options)))), .ticket = {}};
  // The ticket before the place to ask: if the epoch changes between, the copy is not kept.
  const NearTicket ticket = near()->Ticket();
  Tracking* const tracking = near()->tracking();
  options.with_tags = true;
  const Command command = LookupCommand(key, options);
  Result<Reply> reply = tracking != nullptr ? tracking->Call(command) : client().Call(command);
  return {.lookup = ReadLookup(Told(std::move(reply))), .ticket = ticket};
}

Task<Asked> CacheCore::CoAsk(std::string key, LookupOptions options) {
  if (!breaker_.MayTry(clock_)) co_return Asked{.lookup = BreakerIsOpen(), .ticket = {}};
  // The replies of those who would stand behind one that waits would wait, too.
  const bool may_keep =
      near() != nullptr && options.wait <= Millis(0) && near()->Admits(NearName(key));
  Asked asked{.lookup = Lookup(), .ticket = {}};
  Tracking* tracking = nullptr;
  if (may_keep) {
    asked.ticket = near()->Ticket();
    tracking = near()->tracking();
    options.with_tags = true;
  }
  Command command = LookupCommand(key, options);
  if (tracking != nullptr) {
    asked.lookup = ReadLookup(Told(co_await CoRead(*tracking, std::move(command))));
  } else {
    asked.lookup = ReadLookup(Told(co_await client().CoCall(std::move(command))));
  }
  co_return asked;
}

Task<std::vector<Asked>> CacheCore::CoAskAll(std::vector<std::string> keys, LookupOptions options) {
  std::vector<Asked> all(keys.size(), Asked{.lookup = Lookup(), .ticket = {}});
  Tracking* tracking = nullptr;
  std::optional<NearTicket> ticket;
  if (near() != nullptr) {
    ticket = near()->Ticket();
    tracking = near()->tracking();
  }
  std::vector<Query> queries;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    LookupOptions how = options;
    how.with_tags = near() != nullptr && near()->Admits(NearName(keys[i]));
    if (how.with_tags) all[i].ticket = ticket;
    queries.push_back({LookupCommand(keys[i], how), how.with_tags ? tracking : nullptr});
  }
  Replies replies;
  if (!breaker_.MayTry(clock_)) {
    replies.assign(queries.size(), BreakerIsOpen());
  } else {
    replies = co_await CoSendAll(std::move(queries));
  }
  for (std::size_t i = 0; i < replies.size(); ++i)
    all[i].lookup = ReadLookup(Told(std::move(replies[i])));
  co_return all;
}

Task<LoadSlots::Slot> CacheCore::TakeSlot(Duration wait_max) {
  return uncached_loads_->Take(store_.scheduler(), wait_max);
}

Task<Result<Reply>> CacheCore::CoTry(Command command) {
  if (!breaker_.MayTry(clock_)) co_return BreakerIsOpen();
  co_return Told(co_await client().CoCall(std::move(command)));
}

Task<Replies> CacheCore::CoTryAll(std::vector<Command> commands) {
  if (commands.empty()) co_return Replies();
  if (!breaker_.MayTry(clock_)) co_return Replies(commands.size(), BreakerIsOpen());
  std::vector<Query> queries;
  for (Command& command : commands) queries.push_back({std::move(command)});
  Replies replies = co_await CoSendAll(std::move(queries));
  for (Result<Reply>& reply : replies) reply = Told(std::move(reply));
  co_return replies;
}

Task<Replies> CacheCore::CoSendAll(std::vector<Query> queries) {
  Replies all;
  all.reserve(queries.size());
  for (std::size_t at = 0; at < queries.size(); at += kPipelineMax) {
    const std::span<Query> part =
        std::span(queries).subspan(at, std::min(kPipelineMax, queries.size() - at));
    Replies replies;
    if (std::ranges::any_of(part, [](const Query& query) { return query.tracking != nullptr; })) {
      replies = co_await CoReadAll(client(), part);
    } else {
      std::vector<Command> commands;
      for (Query& query : part) commands.push_back(std::move(query.command));
      replies = co_await client().CoPipeline(std::move(commands));
    }
    std::ranges::move(replies, std::back_inserter(all));
  }
  co_return all;
}

Task<Result<Reply>> CacheCore::CoWrite(Command command) {
  co_return Told(co_await client().CoCall(std::move(command)));
}

void CacheCore::Forget(std::string_view key) {
  if (near() != nullptr) near()->Tell(key);
  if (flight_count_.load(std::memory_order_relaxed) == 0) return;
  const std::lock_guard lock(mutex_);
  const auto found = flights_.find(std::string(key));
  // One under a lease is served only if that has held.
  if (found == flights_.end() || found->second->kind() == Flight::Kind::kLeased) return;
  flights_.erase(found);
  flight_count_.store(flights_.size(), std::memory_order_relaxed);
}

std::shared_ptr<Flight> CacheCore::Joinable(const std::string& key, Version min_version) {
  if (flight_count_.load(std::memory_order_relaxed) == 0) return nullptr;
  const std::lock_guard lock(mutex_);
  const auto found = flights_.find(key);
  if (found == flights_.end() || found->second->min_version() < min_version) return nullptr;
  return found->second;
}

std::shared_ptr<Flight> CacheCore::Begin(const std::string& key, Version min_version,
                                         Flight::Kind kind) {
  const std::lock_guard lock(mutex_);
  const auto [place, is_new] = flights_.try_emplace(key);
  if (!is_new) return nullptr;
  place->second = std::make_shared<Flight>(min_version, kind);
  flight_count_.store(flights_.size(), std::memory_order_relaxed);
  return place->second;
}

void CacheCore::Erase(Flights& flights, const std::string& key,
                      const std::shared_ptr<Flight>& flight) {
  const auto found = flights.find(key);
  if (found != flights.end() && found->second == flight) flights.erase(found);
  flight_count_.store(flights_.size(), std::memory_order_relaxed);
}

void CacheCore::Close(const std::string& key, const std::shared_ptr<Flight>& flight) {
  const std::lock_guard lock(mutex_);
  Erase(flights_, key, flight);
}

void CacheCore::CloseUncached(const std::string& key, const std::shared_ptr<Flight>& flight) {
  const std::lock_guard lock(mutex_);
  Erase(flights_, key, flight);
  flight->set_began(NextMoment());
  uncached_[key] = flight;
}

std::shared_ptr<Flight> CacheCore::UncachedLoad(const std::string& key) {
  const std::lock_guard lock(mutex_);
  const auto found = uncached_.find(key);
  return found == uncached_.end() ? nullptr : found->second;
}

void CacheCore::Land(const std::string& key, const std::shared_ptr<Flight>& flight,
                     std::shared_ptr<const void> result, bool is_proven) {
  {
    const std::lock_guard lock(mutex_);
    Erase(flights_, key, flight);
    Erase(uncached_, key, flight);
  }
  flight->Land(std::move(result), is_proven);
}

}  // namespace internal
}  // namespace cairn::cache
