// SPDX-License-Identifier: BSD-3-Clause
// Figures, hooks and spans of a cache, and the texts that are made of them.
#include "cairn/metrics.h"

#include <gtest/gtest.h>

#include "cairn/cache.h"
#include "cairn/internal/near_table.h"
#include "cairn/testkit/virtual_time.h"
#include "cairn/trace.h"

namespace cairn::cache {
namespace {

using namespace std::chrono_literals;
using ItemKey = Key<"metric:*", std::int64_t>;
using Items = TypedCache<std::string, ItemKey>;
using Loaded = Result<std::optional<std::string>>;

class Sink final : public SpanSink {
 public:
  void Take(FinishedSpan span) override { spans.push_back(std::move(span)); }
  std::vector<FinishedSpan> spans;
};

class Metrics : public testing::Test {
 protected:
  auto Slow(Duration took, Loaded row) {
    return [this, took, row](Items::Loading&) -> Loaded {
      time_.Advance(took);
      return row;
    };
  }
  VirtualTime time_;
  Store store_ = Store::Open("embedded:", {.clock = &time_, .scheduler = &time_}).value();
};

TEST_F(Metrics, CountsWhatHappened) {
  const NearCache near = NearCache::Open(store_).value();
  near.table()->OnInvalidation({.kind = Invalidation::Kind::kEpoch, .epoch = 1});
  const Items items(store_, {.policy = {.ttl = 10s, .stale_for = 1min}, .near = near});
  items.Get(1).value();
  items.GetOrLoad(1, Slow(7ms, "one")).value();
  items.Get(1).value();
  items.Get(1).value();
  time_.Advance(12s);
  items.Get(1).value();
  items.GetOrLoad(1, Slow(30ms, Fail(Errc::kUnreachable, "no"))).value();
  EXPECT_FALSE(items.GetOrLoad(2, Slow(0ms, Fail(Errc::kUnreachable, "no"))));
  EXPECT_FALSE(items.GetOrLoad(3, Slow(0ms, std::nullopt))->value);
  const auto raced = [&](Items::Loading&) -> Loaded {
    items.Invalidate(4).value();
    return "four";
  };
  items.GetOrLoad(4, raced).value();
  const CacheFigures figures = items.figures();
  EXPECT_EQ(figures.count(Outcome::kMiss), 1u);
  EXPECT_EQ(figures.count(Outcome::kHit), 1u);
  EXPECT_EQ(figures.count(Outcome::kNearHit), 1u);
  EXPECT_EQ(figures.count(Outcome::kStale), 1u);
  EXPECT_EQ(figures.count(Outcome::kFallback), 1u);
  EXPECT_EQ(figures.count(Outcome::kNegative), 1u);
  EXPECT_EQ(figures.count(Outcome::kLoaded), 2u);
  EXPECT_EQ(figures.loads, 5u);
  EXPECT_EQ(figures.failed_loads, 2u);
  EXPECT_EQ(figures.refused_fills, 1u);
  EXPECT_EQ(figures.stale_age_max_ms, 12'000u);
  EXPECT_EQ(figures.stale_age_sum_ms, 24'000u);
  EXPECT_EQ(figures.load_times.counts[0], 3u);  // up to 1 ms
  EXPECT_EQ(figures.load_times.counts[3], 1u);  // up to 10
  EXPECT_EQ(figures.load_times.counts[5], 1u);  // up to 50
  EXPECT_EQ(figures.load_times.sum_ms, 37u);
  EXPECT_FALSE(figures.is_store_down);
  EXPECT_TRUE(figures.has_near);
  EXPECT_EQ(figures.near.epochs, 1u);
}

TEST_F(Metrics, CountsWhoJoinedAndWhatTimedOut) {
  const Items items(store_, {.policy = {.ttl = 10s, .hard_timeout = 10ms}, .executor = &time_});
  const auto slow = [this](Items::Loading&) -> Task<Loaded> {
    co_await Sleep(time_, 100ms);
    co_return "one";
  };
  const auto run = [&]() -> Task<void> { co_await items.CoGetOrLoad(1, slow); };
  Detach(run());
  Detach(run());
  time_.Advance(100ms);
  EXPECT_EQ(items.figures().coalesced, 1u);
  EXPECT_EQ(items.figures().timeouts, 1u);
  EXPECT_EQ(items.figures().loads, 1u);
}

TEST_F(Metrics, HooksAreTold) {
  std::vector<std::string> told;
  CacheHooks hooks;
  hooks.on_outcome = [&](const OutcomeEvent& event) {
    told.push_back(std::string(event.key) + " " + std::string(OutcomeName(event.outcome)));
  };
  hooks.on_load = [&](const LoadEvent& load) {
    told.push_back(std::string(load.key) + " took " + std::to_string(load.took.count()) +
                   (load.error != nullptr ? ", " + load.error->detail : ""));
  };
  const Items items(store_, {.policy = {.ttl = 10s}, .hooks = hooks});
  items.GetOrLoad(1, Slow(7ms, "one")).value();
  items.GetOrLoad(1, Slow(7ms, "one")).value();
  EXPECT_FALSE(items.GetOrLoad(2, Slow(1ms, Fail(Errc::kUnreachable, "no"))));
  EXPECT_EQ(told, (std::vector<std::string>{"metric:1 took 7", "metric:1 loaded", "metric:1 hit",
                                            "metric:2 took 1, no"}));
}

TEST_F(Metrics, SpansOfLoadsAreTheCallersChildren) {
  Sink sink;
  const Items items(store_, {.policy = {.ttl = 10s}, .spans = &sink});
  SpanContext seen;
  {
    const Span request(&sink, time_, "request", {});
    const auto loader = [&](Items::Loading& context) -> Loaded {
      seen = context.trace;
      time_.Advance(7ms);
      return Fail(Errc::kUnreachable, "no \"database\"");
    };
    EXPECT_FALSE(items.GetOrLoad(1, loader, {.trace = request.context()}));
  }
  ASSERT_EQ(sink.spans.size(), 2u);
  const FinishedSpan& load = sink.spans[0];
  const FinishedSpan& request = sink.spans[1];
  EXPECT_EQ(load.name, "cairn.cache.load");
  EXPECT_EQ(load.context.trace_id, request.context.trace_id);
  EXPECT_EQ(load.parent_id, request.context.span_id);
  EXPECT_EQ(load.context, seen);
  EXPECT_EQ(load.end_ns - load.start_ns, 7'000'000);
  EXPECT_NE(load.context.span_id, request.context.span_id);
  EXPECT_EQ(load.error, "no \"database\"");
  const std::string json = OtlpJson("shop", sink.spans);
  EXPECT_NE(json.find("\"stringValue\":\"metric:1\""), json.npos);
  EXPECT_NE(json.find("\"message\":\"no \\\"database\\\"\""), json.npos);
  // Without a sink nothing is made up, and the caller's context goes through.
  const Span off(nullptr, time_, "off", request.context);
  EXPECT_EQ(off.context(), request.context);
}

TEST(Prometheus, FamiliesStandTogether) {
  CacheFigures figures;
  figures.outcomes[static_cast<std::size_t>(Outcome::kHit)] = 3;
  figures.loads = 2;
  figures.load_times.counts[0] = 1;
  figures.load_times.counts.back() = 1;
  figures.load_times.sum_ms = 12'345;
  const NamedFigures all[] = {{"users", figures}, {"a\"b", figures}};
  const std::string text = PrometheusText(all);
  for (const std::string_view line : {
           "# TYPE cairn_cache_requests_total counter\n",
           "cairn_cache_requests_total{cache=\"users\",outcome=\"hit\"} 3\n",
           "cairn_cache_loads_total{cache=\"users\"} 2\ncairn_cache_loads_total{cache=\"a\\\"b\"} "
           "2\n",
           "cairn_cache_load_seconds_bucket{cache=\"users\",le=\"0.001\"} 1\n",
           "cairn_cache_load_seconds_bucket{cache=\"users\",le=\"+Inf\"} 2\n",
           "cairn_cache_load_seconds_sum{cache=\"users\"} 12.345\n",
           "cairn_cache_load_seconds_count{cache=\"users\"} 2\n",
       }) {
    EXPECT_NE(text.find(line), text.npos) << line << text;
  }
}

}  // namespace
}  // namespace cairn::cache
