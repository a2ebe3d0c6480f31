// SPDX-License-Identifier: BSD-3-Clause
// CacheFigures: what a typed cache has done so far, and PrometheusText, which writes it down.
//
//   const NamedFigures all[] = {{"users", users.figures()}, {"orders", orders.figures()}};
//   Send(PrometheusText(all));
//
// Counts grow and are of this process and this cache (TypedCache and its copies), but for those of
// a near cache, which are of all caches over it. A snapshot is not of one moment: its counts were
// read one after the other.
//
// Errors: none. Thread safety: values; hooks are called from any thread. Lifetimes: a NamedFigures
// views its name. Cost: of counting, an atomic addition a read; of a snapshot, some hundred loads;
// of PrometheusText, linear in the caches.
#ifndef CAIRN_METRICS_H_
#define CAIRN_METRICS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "cairn/cache_policy.h"
#include "cairn/near_cache.h"

namespace cairn::cache {

inline constexpr std::size_t kOutcomes = static_cast<std::size_t>(Outcome::kFallback) + 1;

// How long loads took: how many at most so many milliseconds.
struct LoadTimes {
  static constexpr std::array<std::int64_t, 13> kBoundsMs = {
      1, 2, 5, 10, 20, 50, 100, 200, 500, 1'000, 2'000, 5'000, 10'000};
  // Not cumulative; the last has what took longer.
  std::array<std::uint64_t, kBoundsMs.size() + 1> counts = {};
  std::uint64_t sum_ms = 0;
};

struct CacheFigures {
  // Answers, by Outcome.
  std::array<std::uint64_t, kOutcomes> outcomes = {};
  std::uint64_t loads = 0;          // calls of a loader, for one key or for many
  std::uint64_t failed_loads = 0;   // that gave an error
  std::uint64_t timeouts = 0;       // answers that a soft or hard timeout gave
  std::uint64_t coalesced = 0;      // callers who joined a load of this process
  std::uint64_t refused_fills = 0;  // loads that were not stored: something had come between
  std::uint64_t fill_errors = 0;    // that the store answered with an error, or not at all
  std::uint64_t undecodable = 0;    // stored values that were none of ours
  // Of stale and fallback answers: how old they were.
  std::uint64_t stale_age_sum_ms = 0;
  std::uint64_t stale_age_max_ms = 0;
  bool is_store_down = false;  // the breaker is open
  LoadTimes load_times;
  bool has_near = false;
  NearFigures near;

  std::uint64_t count(Outcome outcome) const { return outcomes[static_cast<std::size_t>(outcome)]; }
};

// What happened just now.
struct OutcomeEvent {
  std::string_view key;
  Outcome outcome = Outcome::kMiss;
  Millis age{0};
};
struct LoadEvent {
  std::string_view key;  // of a bulk: the first
  std::size_t keys = 1;
  Millis took{0};
  const Error* error = nullptr;  // null: it gave a value, or absence
};
// What was loaded could not be stored: the caller has it, the next reader loads again. Not what had
// come between.
struct FillErrorEvent {
  std::string_view key;
  const Error& error;
};
// Called on the thread on which it happened, which they must not hold up; views are good within the
// call. Nothing is paid for those that are empty but the look.
struct CacheHooks {
  std::function<void(const OutcomeEvent&)> on_outcome = {};
  std::function<void(const LoadEvent&)> on_load = {};
  std::function<void(const FillErrorEvent&)> on_fill_error = {};
};

struct NamedFigures {
  std::string_view name;
  CacheFigures figures;
};

// Prometheus' text format, version 0.0.4; the names stand as the label `cache`.
std::string PrometheusText(std::span<const NamedFigures> caches);

}  // namespace cairn::cache

#endif  // CAIRN_METRICS_H_
