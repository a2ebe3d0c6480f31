// SPDX-License-Identifier: BSD-3-Clause
// CacheCore: what of a typed cache does not depend on its types: commands, their replies, and the
// loads of this process. Part of cairn/cache.h, not for users.
//
// A Flight is one load, or one wait for another process's. Others of this process join it by its
// key and are resumed when it lands. They are served by it only if its fill was accepted: then the
// lease held from before the load, through their joining, to the end, so the value is no older than
// any invalidation that they could know of. After a refused fill each goes on by itself.
//
// Thread safety: any thread.
#ifndef CAIRN_INTERNAL_CACHE_CORE_H_
#define CAIRN_INTERNAL_CACHE_CORE_H_

#include <atomic>
#include <coroutine>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "cairn/cache_policy.h"
#include "cairn/store.h"

namespace cairn::cache::internal {

// CACHE.GET's reply.
struct Lookup {
  enum class State : std::uint8_t { kFresh, kStale, kMiss, kLoading, kCapped };
  State state = State::kMiss;
  std::optional<std::string> bytes = {};  // fresh or stale without: known to be absent
  std::int64_t token = 0;                 // 0: none
  Version version = 0;
  Millis age{0};

  bool has_answer() const { return state == State::kFresh || state == State::kStale; }
};

struct LookupOptions {
  Millis lease{0};  // 0: none
  bool takes_stale = true;
  Version min_version = 0;
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
Error LoaderError(std::exception_ptr cause);

class Flight {
 public:
  explicit Flight(Version min_version) : min_version_(min_version) {}

  Version min_version() const { return min_version_; }
  // `result`: what joiners are served; null: nothing. Resumes them, on this thread.
  void Land(std::shared_ptr<const void> result);
  // False if it has landed; `waiter` is then dropped.
  bool AddWaiter(Work waiter);
  // After the landing.
  std::shared_ptr<const void> result() const;

 private:
  const Version min_version_;
  mutable std::mutex mutex_;
  bool has_landed_ = false;
  std::shared_ptr<const void> result_;
  std::vector<Work> waiters_;
};

// co_await Landing(flight): until it has landed.
class Landing {
 public:
  explicit Landing(std::shared_ptr<Flight> flight) : flight_(std::move(flight)) {}
  bool await_ready() const { return false; }
  // The coroutine, and this with it, may be gone as soon as a waiter is there.
  bool await_suspend(std::coroutine_handle<> waiter) {
    return flight_->AddWaiter([waiter] { waiter.resume(); });
  }
  void await_resume() const {}

 private:
  std::shared_ptr<Flight> flight_;
};

class CacheCore {
 public:
  CacheCore(Store store, Executor* executor) : store_(std::move(store)), executor_(executor) {}
  CacheCore(const CacheCore&) = delete;
  CacheCore& operator=(const CacheCore&) = delete;

  const Store& store() const { return store_; }
  Client& client() const { return store_.client(); }
  Executor* executor() const { return executor_; }
  TimePoint Now() const { return store_.clock().Now(); }

  // The flight of this key that serves a reader with that demand; null: none.
  std::shared_ptr<Flight> Joinable(const std::string& key, Version min_version);
  // A new one; null if there is one already.
  std::shared_ptr<Flight> Begin(const std::string& key, Version min_version);
  // Takes it out, so that nobody joins any more, and lands it.
  void Land(const std::string& key, const std::shared_ptr<Flight>& flight,
            std::shared_ptr<const void> result);

  void Count(Outcome outcome) {
    counts_[static_cast<std::size_t>(outcome)].fetch_add(1, std::memory_order_relaxed);
  }
  std::uint64_t count(Outcome outcome) const {
    return counts_[static_cast<std::size_t>(outcome)].load(std::memory_order_relaxed);
  }
  void CountUndecodable() { undecodable_.fetch_add(1, std::memory_order_relaxed); }
  std::uint64_t undecodable() const { return undecodable_.load(std::memory_order_relaxed); }
  void CountRefused() { refused_.fetch_add(1, std::memory_order_relaxed); }
  std::uint64_t refused() const { return refused_.load(std::memory_order_relaxed); }

 private:
  static constexpr std::size_t kOutcomes = static_cast<std::size_t>(Outcome::kFallback) + 1;

  const Store store_;
  Executor* const executor_;
  std::mutex mutex_;
  std::unordered_map<std::string, std::shared_ptr<Flight>> flights_;
  // Relaxed: only figures.
  std::atomic<std::uint64_t> counts_[kOutcomes] = {};
  std::atomic<std::uint64_t> undecodable_{0};
  std::atomic<std::uint64_t> refused_{0};
};

// Lands its flight when it goes, unless that was done.
class FlightOwner {
 public:
  FlightOwner(std::shared_ptr<CacheCore> core, std::string key)
      : core_(std::move(core)), key_(std::move(key)) {}
  FlightOwner(const FlightOwner&) = delete;
  FlightOwner& operator=(const FlightOwner&) = delete;
  ~FlightOwner() { Land(nullptr); }

  // False if another's flight is there and this has none.
  bool Begin(Version min_version) {
    if (!flight_) flight_ = core_->Begin(key_, min_version);
    return flight_ != nullptr;
  }
  void Land(std::shared_ptr<const void> result) {
    if (flight_) core_->Land(key_, std::exchange(flight_, nullptr), std::move(result));
  }

 private:
  std::shared_ptr<CacheCore> core_;
  std::string key_;
  std::shared_ptr<Flight> flight_;
};

}  // namespace cairn::cache::internal

#endif  // CAIRN_INTERNAL_CACHE_CORE_H_
