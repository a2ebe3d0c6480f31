// SPDX-License-Identifier: BSD-3-Clause
// CacheCore: what of a typed cache does not depend on its types: commands, their replies, and the
// loads of this process. Part of cairn/cache.h, not for users.
//
// A Flight is one load, or one wait for another process's. Others of this process join it by its
// key and are resumed when it lands. One rule says what they get: what its caller gets, if that is
// no older than any invalidation that they could know of when they came. It is
//   - if its fill was accepted: the lease has held from before the load, through their joining, to
//     the fill;
//   - if the load began after they had come (Moment): also without a lease, or if the fill was
//     refused, ended in an error, or the value is not to be kept.
// Else they go on by themselves: one of them loads, and that load has begun after all the others
// came. That CACHE.FAIL still found the lease would not do: it knows of no tag that was bumped and
// of no namespace that was cleared. An error is shared in any case, so that not all of them try in
// turn what has just failed.
//
// Who joins waits as long as his own policy says, and is cancelled by his own token. That the one
// who leads was cancelled is told to nobody: the others go on by themselves.
//
// A load without a lease (the store is down) is closed when it begins. Of those who come later and
// find the store down one waits for its end and loads again, for all of them.
//
// Thread safety: any thread.
#ifndef CAIRN_INTERNAL_CACHE_CORE_H_
#define CAIRN_INTERNAL_CACHE_CORE_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "cairn/bloom_guard.h"
#include "cairn/cache_policy.h"
#include "cairn/internal/first_of.h"
#include "cairn/internal/near_table.h"
#include "cairn/internal/store_guard.h"
#include "cairn/metrics.h"
#include "cairn/store.h"
#include "cairn/trace.h"

namespace cairn::cache::internal {

// CACHE.GET's reply.
struct Lookup {
  // kForeign: what stands under the key is none of a cache's, a list say. It is a miss, and stays.
  enum class State : std::uint8_t { kFresh, kStale, kMiss, kLoading, kCapped, kForeign };
  State state = State::kMiss;
  std::optional<std::string> bytes = {};  // fresh or stale without: known to be absent
  std::int64_t token = 0;                 // 0: none
  Version version = 0;
  Millis age{0};
  std::optional<Millis> fresh_for = {};  // unset: for ever
  std::vector<std::string> tags = {};    // if they were asked for

  bool has_answer() const { return state == State::kFresh || state == State::kStale; }
};

struct LookupOptions {
  Millis lease{0};  // 0: none
  bool takes_stale = true;
  Version min_version = 0;
  Millis wait{0};  // for another's load, at the server
  bool with_tags = false;
};

enum class FillKind : std::uint8_t { kValue, kAbsent, kTouch };
struct Fill {
  FillKind kind = FillKind::kValue;
  std::string bytes = {};
  std::int64_t token = 0;  // 0: unconditionally
  Version version = 0;
  Millis cost{0};
  std::vector<std::string> tags = {};
};

Command LookupCommand(std::string_view key, const LookupOptions& options);
Result<Lookup> ReadLookup(Result<Reply> reply);
Command FillCommand(std::string_view key, const Fill& fill, const Policy& policy);
// Whether OK was replied; VOID and OLD are false.
Result<bool> ReadFill(Result<Reply> reply);
// Whether nothing was heard from the store, rather than something unwelcome.
bool IsStoreDown(const Error& error);
// Whether a lease is given back whose fill ended so: not to a store that would not hear of it.
bool MayGiveBack(const Error& error);
Error LoaderError(std::exception_ptr cause);
// kInvalid for what no row has: a version below 0, a tag without a name.
std::optional<Error> CheckLabels(Version version, const std::vector<std::string>& tags);

// How a wait for another's load of this process has ended.
enum class WaitEnd : std::uint8_t { kLanded, kOver, kCancelled };

// What happens in this process one after the other; from 1 on.
using Moment = std::uint64_t;

class Flight {
 public:
  using Waiter = FirstOf<WaitEnd>;
  enum class Kind : std::uint8_t { kLeased, kUncached };
  Flight(Version min_version, Kind kind) : min_version_(min_version), kind_(kind) {}

  Version min_version() const { return min_version_; }
  Kind kind() const { return kind_; }
  // `result`: what its caller gets; null: he tells nobody. `is_proven`: for all who have joined.
  // Resumes them, on this thread.
  void Land(std::shared_ptr<const void> result, bool is_proven);
  // False if it has landed; `waiter` is then dropped.
  bool AddWaiter(std::shared_ptr<Waiter> waiter);
  void RemoveWaiter(const std::shared_ptr<Waiter>& waiter);
  // Who leads waits for another process, and does not load.
  void set_is_parked(bool is_parked) { is_parked_.store(is_parked, std::memory_order_relaxed); }
  bool is_parked() const { return is_parked_.load(std::memory_order_relaxed); }
  // When its load began; 0: it has not.
  void set_began(Moment at) { began_.store(at); }
  Moment began() const { return began_.load(); }
  // After the landing: the result, and whether it is for who came then.
  std::shared_ptr<const void> result() const;
  bool IsFor(Moment came) const;

 private:
  const Version min_version_;
  const Kind kind_;
  mutable std::mutex mutex_;
  bool has_landed_ = false;
  std::shared_ptr<const void> result_;
  bool is_proven_ = false;
  std::vector<std::shared_ptr<Waiter>> waiters_;
  std::atomic<Moment> began_{0};
  std::atomic<bool> is_parked_{false};  // relaxed: who sees it late waits a little longer
};

// Until it has landed, the time is over, or the task is cancelled.
Task<WaitEnd> Landing(Scheduler& scheduler, std::shared_ptr<Flight> flight, TimePoint wait_end);

// What was replied, and what a near copy of it needs.
struct Asked {
  Result<Lookup> lookup;
  std::optional<NearTicket> ticket;  // nothing: no copy may be kept
};

struct CoreOptions {
  Executor* executor = nullptr;
  std::shared_ptr<NearTable> near = {};
  BreakerOptions breaker = {};
  std::size_t uncached_loads_max = 64;
  BloomGuard guard = {};
  CacheHooks hooks = {};
  SpanSink* spans = nullptr;
};

// What has become of a fill, or of CACHE.FAIL in its place.
struct FillEnd {
  bool is_stored = false;
  bool is_to_give_back = false;  // the lease is held still
};

// One of many commands: by the connection that is tracked; null: by the client.
struct Query {
  Command command;
  Tracking* tracking = nullptr;
};

class CacheCore {
 public:
  CacheCore(Store store, CoreOptions options);
  CacheCore(const CacheCore&) = delete;
  CacheCore& operator=(const CacheCore&) = delete;

  const Store& store() const { return store_; }
  Client& client() const { return store_.client(); }
  Executor* executor() const { return options_.executor; }
  NearTable* near() const { return options_.near.get(); }
  const BloomGuard& guard() const { return options_.guard; }
  // A place among the loads without a lease; null: none in time, or the task was cancelled.
  Task<LoadSlots::Slot> TakeSlot(Duration wait_max);
  Breaker& breaker() { return breaker_; }
  TimePoint Now() const { return clock_.Now(); }

  // CACHE.GET; by the connection that is tracked, if there is one and nothing is waited for.
  Asked Ask(std::string_view key, LookupOptions options);
  Task<Asked> CoAsk(std::string key, LookupOptions options);
  // All at once, but for kPipelineMax at a time; in the order of the keys.
  static constexpr std::size_t kPipelineMax = 16'384;
  Task<std::vector<Asked>> CoAskAll(std::vector<std::string> keys, LookupOptions options);
  // Not tried while the breaker is open.
  Task<Result<Reply>> CoTry(Command command);
  Task<Replies> CoTryAll(std::vector<Command> commands);
  // Always tried: a writer has to know.
  Result<Reply> Write(const Command& command) { return Told(client().Call(command)); }
  Task<Result<Reply>> CoWrite(Command command);
  // What a load sends at its end goes out though its caller has gone.
  std::stop_token never() const { return never_.get_token(); }

  // This process has changed, or means to have changed, what is there: no copy, and no load that
  // nobody's lease guards, is served any more.
  void Forget(std::string_view key);
  void ForgetTag(std::string_view tag) {
    if (near() != nullptr) near()->Tell(tag);
  }
  void ForgetAll() {
    if (near() != nullptr) near()->TellAll();
  }

  // The flight of this key that serves a reader with that demand; null: none.
  std::shared_ptr<Flight> Joinable(const std::string& key, Version min_version);
  // A new one; null if there is one already.
  std::shared_ptr<Flight> Begin(const std::string& key, Version min_version, Flight::Kind kind);
  // One that nobody joins, until it is told to be a load without a lease.
  static std::shared_ptr<Flight> BeginApart(Version min_version) {
    return std::make_shared<Flight>(min_version, Flight::Kind::kUncached);
  }
  // Nobody joins any more.
  void Close(const std::string& key, const std::shared_ptr<Flight>& flight);
  // The same; until it lands it is a load without a lease.
  void CloseUncached(const std::string& key, const std::shared_ptr<Flight>& flight);
  // The load of this key without a lease that runs; null: none.
  std::shared_ptr<Flight> UncachedLoad(const std::string& key);
  // Takes it out, so that nobody joins any more, and lands it.
  void Land(const std::string& key, const std::shared_ptr<Flight>& flight,
            std::shared_ptr<const void> result, bool is_proven);
  // This one; all later ones are greater.
  Moment NextMoment() { return moment_.fetch_add(1) + 1; }

  // An answer was given.
  void Count(std::string_view key, Outcome outcome, Millis age = Millis(0));
  void CountLoad(const LoadEvent& load);
  void CountTimeout() { Add(timeouts_); }
  void CountJoin() { Add(coalesced_); }
  void CountUndecodable() { Add(undecodable_); }
  // Of what StoreCommand made and was sent. Counts what was not stored.
  FillEnd EndFill(std::string_view key, const Command& sent, const Result<Reply>& reply);
  CacheFigures figures() const;
  std::uint64_t count(Outcome outcome) const {
    return counts_[static_cast<std::size_t>(outcome)].load(std::memory_order_relaxed);
  }
  SpanSink* spans() const { return options_.spans; }
  const Clock& clock() const { return clock_; }

 private:
  using Figure = std::atomic<std::uint64_t>;
  static void Add(Figure& figure, std::uint64_t value = 1) {
    figure.fetch_add(value, std::memory_order_relaxed);
  }

  Result<Reply> Told(Result<Reply> result);
  // kPipelineMax at a time; in their order.
  Task<Replies> CoSendAll(std::vector<Query> queries);
  void CountFill(std::string_view key, const Result<bool>& stored);

  const Store store_;
  const Clock& clock_;
  const CoreOptions options_;
  const std::stop_source never_;
  Breaker breaker_;
  const std::shared_ptr<LoadSlots> uncached_loads_;  // shared with the loads
  std::mutex mutex_;
  using Flights = std::unordered_map<std::string, std::shared_ptr<Flight>>;
  void Erase(Flights& flights, const std::string& key, const std::shared_ptr<Flight>& flight);
  Flights flights_;   // under mutex_; may be joined
  Flights uncached_;  // under mutex_; loads without a lease
  std::atomic<Moment> moment_{0};
  // relaxed: who sees it late is as one who came earlier.
  std::atomic<std::size_t> flight_count_{0};
  // Relaxed: only figures. A line of their own: every hit adds.
  alignas(64) Figure counts_[kOutcomes] = {};
  alignas(64) Figure loads_{0};
  Figure failed_loads_{0};
  Figure timeouts_{0};
  Figure coalesced_{0};
  Figure undecodable_{0};
  Figure refused_{0};
  Figure fill_errors_{0};
  Figure stale_age_sum_ms_{0};
  Figure stale_age_max_ms_{0};
  Figure load_counts_[LoadTimes::kBoundsMs.size() + 1] = {};
  Figure load_sum_ms_{0};
};

// Lands its flight when it goes, unless that was done.
class FlightOwner {
 public:
  FlightOwner(std::shared_ptr<CacheCore> core, std::string key)
      : core_(std::move(core)), key_(std::move(key)) {}
  FlightOwner(const FlightOwner&) = delete;
  FlightOwner& operator=(const FlightOwner&) = delete;
  ~FlightOwner() { Land(nullptr, false); }

  // False if another's flight is there and this has none.
  bool Begin(Version min_version, Flight::Kind kind) {
    if (!flight_) flight_ = core_->Begin(key_, min_version, kind);
    return flight_ != nullptr;
  }
  // The same beside another's flight.
  void BeginApart(Version min_version) {
    if (!flight_) flight_ = CacheCore::BeginApart(min_version);
  }
  void Close() {
    if (flight_) core_->Close(key_, flight_);
  }
  void CloseUncached() {
    if (flight_) core_->CloseUncached(key_, flight_);
  }
  const std::shared_ptr<Flight>& flight() const { return flight_; }
  void Land(std::shared_ptr<const void> result, bool is_proven) {
    if (flight_) core_->Land(key_, std::exchange(flight_, nullptr), std::move(result), is_proven);
  }

 private:
  std::shared_ptr<CacheCore> core_;
  std::string key_;
  std::shared_ptr<Flight> flight_;
};

}  // namespace cairn::cache::internal

#endif  // CAIRN_INTERNAL_CACHE_CORE_H_
