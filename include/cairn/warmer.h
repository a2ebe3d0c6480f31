// SPDX-License-Identifier: BSD-3-Clause
// Warmer: fills a typed cache before the traffic comes, no faster than its source bears.
//
//   Warmer warmer(store, {.keys_per_second = 500, .batch = 50, .parallel = 2});
//   auto next = [&]() -> std::optional<UserKey> { ... };             // nothing: that was all
//   WarmReport report = warmer.Run(users, next, SelectUsers, stop);  // a bulk loader
//
// Keys come from a function, so that a table need not be in memory; it is called by one thread at a
// time. What is fresh is not loaded (TypedCache::GetOrLoadMany), and what another process loads is
// not loaded twice, so any number of processes may warm, and again after a crash. A batch that
// fails is counted, and the next one tried: warming up is help, not a condition.
//
// Errors: counted; what next() or on_progress throws ends the run, for all lanes, with
// WarmReport::error; keys that next() had given for its batch are not loaded then. Thread safety:
// one Run at a time. Lifetimes: holds the store; what the functions refer to lives until Run is
// over. Cost: a GetOrLoadMany a batch, on `parallel` threads of its own, unless an executor is
// named.
#ifndef CAIRN_WARMER_H_
#define CAIRN_WARMER_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <utility>
#include <vector>

#include "cairn/cache_policy.h"
#include "cairn/clock.h"
#include "cairn/executor.h"
#include "cairn/result.h"
#include "cairn/store.h"
#include "cairn/task.h"

namespace cairn::cache {

// So far.
struct WarmReport {
  std::uint64_t keys = 0;
  std::uint64_t loaded = 0;
  std::uint64_t fresh = 0;   // there already; also what is nowhere, as was found out now or before
  std::uint64_t failed = 0;  // keys of batches that failed
  bool is_stopped = false;
  // What next() or on_progress threw, kLoader with the cause: the run has ended with it.
  std::optional<Error> error = {};
};

struct WarmOptions {
  double keys_per_second = 1'000;  // 0: as fast as it goes
  std::size_t batch = 100;         // 1 at least
  std::size_t parallel = 1;        // batches at one time, 1,024 at most
  // After each batch.
  std::function<void(const WarmReport&)> on_progress = {};
  // Where batches are loaded; null: on threads of its own. Outlives the run.
  Executor* executor = nullptr;
};

namespace internal {

// The next batch, loaded; nothing: there is none.
using WarmStep = std::function<std::optional<WarmReport>()>;
Task<WarmReport> Warm(Store store, WarmOptions options, WarmStep step, std::stop_token stop);

}  // namespace internal

class Warmer {
 public:
  Warmer(Store store, WarmOptions options = {})
      : store_(std::move(store)), options_(std::move(options)) {}

  // Cache: a TypedCache. next(): std::optional of its key. loader: its bulk loader.
  template <class Cache, class Next, class L>
  WarmReport Run(Cache cache, Next next, L loader, std::stop_token stop = {}) const {
    return SyncWait(CoRun(std::move(cache), std::move(next), std::move(loader), std::move(stop)));
  }
  template <class Cache, class Next, class L>
  Task<WarmReport> CoRun(Cache cache, Next next, L loader, std::stop_token stop = {}) const {
    using KeyType = typename std::invoke_result_t<Next&>::value_type;
    std::mutex mutex;  // of next
    bool is_over = false;
    internal::WarmStep step = [&]() -> std::optional<WarmReport> {
      std::vector<KeyType> keys;
      {
        const std::lock_guard lock(mutex);
        while (!is_over && keys.size() < std::max<std::size_t>(options_.batch, 1)) {
          is_over = true;  // should it throw
          std::optional<KeyType> key = next();
          is_over = !key;
          if (key) keys.push_back(std::move(*key));
        }
      }
      if (keys.empty()) return std::nullopt;
      WarmReport report{.keys = keys.size()};
      const auto entries = cache.GetOrLoadMany(std::move(keys), loader);
      if (!entries) report.failed = report.keys;
      if (!entries) return report;
      for (const auto& entry : *entries)
        ++(entry.outcome == Outcome::kLoaded ? report.loaded : report.fresh);
      return report;
    };
    co_return co_await internal::Warm(store_, options_, std::move(step), std::move(stop));
  }

 private:
  Store store_;
  WarmOptions options_;
};

}  // namespace cairn::cache

#endif  // CAIRN_WARMER_H_
