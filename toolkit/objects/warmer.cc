// SPDX-License-Identifier: BSD-3-Clause
// Lanes that take one batch after another; the times at which they may are shared out in turn.
#include "cairn/warmer.h"

#include <algorithm>
#include <memory>

#include "objects/running.h"

namespace cairn::cache::internal {
namespace {

constexpr std::size_t kParallelMax = 1'024;
// Slower than a batch a year is that.
constexpr double kTurnSecondsMax = std::chrono::duration<double>(kWaitMax).count();

struct Run {
  const Store& store;
  const WarmOptions& options;
  const WarmStep& step;
  std::stop_source& over;  // stopped by the user, or by what a function of his threw
  Executor* executor;
  Arrivals arrivals;
  std::mutex mutex = {};
  TimePoint next = {};
  WarmReport report = {};
};

// How long until this lane's turn, which is then taken.
Duration TakeTurn(Run& run) {
  if (!(run.options.keys_per_second > 0)) return Duration(0);
  const std::chrono::duration<double> span(std::min(
      static_cast<double>(run.options.batch) / run.options.keys_per_second, kTurnSecondsMax));
  const TimePoint now = run.store.clock().Now();
  const std::lock_guard lock(run.mutex);
  const TimePoint turn = std::min(std::max(now, run.next), now + kWaitMax);
  run.next = turn + std::chrono::duration_cast<Duration>(span);
  return turn - now;
}

void Fail(Run& run, const std::exception_ptr& thrown) {
  {
    const std::lock_guard lock(run.mutex);
    if (!run.report.error) run.report.error = ThrownError("a function of the warming up", thrown);
  }
  run.over.request_stop();
}

// False: there is none, or a function of the user threw.
bool WarmBatch(Run& run) {
  try {
    const std::optional<WarmReport> batch = run.step();
    if (!batch) return false;
    const std::lock_guard lock(run.mutex);
    run.report.keys += batch->keys;
    run.report.loaded += batch->loaded;
    run.report.fresh += batch->fresh;
    run.report.failed += batch->failed;
    if (run.options.on_progress) run.options.on_progress(run.report);
    return true;
  } catch (...) {
    Fail(run, std::current_exception());
    return false;
  }
}

Task<void> Lane(Run& run) {
  const std::stop_token over = run.over.get_token();
  for (;;) {
    const Duration wait = TakeTurn(run);
    if (wait > Duration(0)) co_await Pause(run.store.scheduler(), wait, over);
    if (over.stop_requested()) break;
    co_await Hop(run.executor);
    if (!WarmBatch(run)) break;
  }
  run.arrivals.Arrive();
}

}  // namespace

Task<WarmReport> Warm(Store store, WarmOptions options, WarmStep step, std::stop_token stop) {
  options.parallel = std::clamp<std::size_t>(options.parallel, 1, kParallelMax);
  options.batch = std::max<std::size_t>(options.batch, 1);
  std::unique_ptr<ThreadPool> pool;
  if (options.executor == nullptr) pool = std::make_unique<ThreadPool>(options.parallel);
  std::stop_source over;
  const std::stop_callback forward(stop, [&over] { over.request_stop(); });
  Run run{.store = store,
          .options = options,
          .step = step,
          .over = over,
          .executor = pool ? pool.get() : options.executor,
          .arrivals = Arrivals(options.parallel)};
  for (std::size_t i = 0; i < options.parallel; ++i) Detach(Lane(run));
  co_await run.arrivals;
  run.report.is_stopped = stop.stop_requested();
  co_return run.report;
}

}  // namespace cairn::cache::internal
