// SPDX-License-Identifier: BSD-3-Clause
// Consumer groups over every kind of store, and a worker for those who kill it.
#include <atomic>
#include <string>
#include <vector>

#include "base/thread.h"
#include "cairn/consumer_group.h"
#include "toolkit/toolkit_check.h"

namespace cairn::cache::checks {
namespace {

constexpr const char* kStream = "{streams}:log";

ConsumerOptions Options(std::string group, std::string consumer) {
  return {.stream = kStream,
          .group = std::move(group),
          .consumer = std::move(consumer),
          .retry = {.deliveries_max = 2, .pause_min = Millis(20), .jitter_percent = 0},
          .claim_after = Millis(200),
          .wait = Millis(500)};
}

void Add(const Store& store, std::string_view what) {
  store.client().Call(Command("XADD", kStream, "*", "what", what)).value();
}

Result<void> Succeed(const Event&) { return {}; }

void HandlesAndAcknowledges(const Store& store, Complaints& say) {
  Add(store, "before the group");
  const auto group = ConsumerGroup::Open(store, Options("plain", "c1"));
  say.Check(group.has_value() && ConsumerGroup::Open(store, Options("plain", "c1")).has_value(),
            "open, and open again");
  Add(store, "behind it");
  std::vector<std::string> seen;
  const auto round = group->RunOnce([&](const Event& event) -> Result<void> {
    seen.push_back(*event.Find("what"));
    return {};
  });
  say.Check(round && round->handled == 2, "handled");
  say.Check(seen == std::vector<std::string>{"before the group", "behind it"}, "in order");
  const Reply pending = store.client().Call(Command("XPENDING", kStream, "plain")).value();
  say.Check(pending.elements()[0].AsInteger() == 0, "nothing is pending");
  say.Check(group->RunOnce(Succeed)->delivered == 0, "nothing twice");
}

void RetriesAndBuries(const Store& store, Complaints& say) {
  const ConsumerGroup group = ConsumerGroup::Open(store, Options("poison", "c1")).value();
  while (group.RunOnce(Succeed)->delivered > 0) continue;
  Add(store, "poison");
  const auto fails = [](const Event&) -> Result<void> { return Fail(Errc::kUnreachable, "no"); };
  say.Check(group.RunOnce(fails)->failed == 1, "failed");
  std::size_t dead = 0;
  say.Check(Eventually([&] { return (dead += group.RunOnce(fails)->dead) == 1; }), "buried");
  const Reply letters =
      store.client().Call(Command("XRANGE", group.dead_stream(), "-", "+")).value();
  say.Check(letters.elements().size() == 1, "one letter");
  say.Check(group.RunOnce(fails)->delivered == 0, "and gone");
  say.Check(group.Redrive(10) == std::size_t{1}, "redriven");
  std::vector<std::int64_t> deliveries;
  const auto notes = [&](const Event& event) -> Result<void> {
    deliveries.push_back(event.deliveries);
    return {};
  };
  say.Check(group.RunOnce(notes)->handled == 1, "and handled");
  say.Check(deliveries == std::vector<std::int64_t>{1}, "as if for the first time");
  say.Check(group.Redrive(10) == std::size_t{0}, "no letter is left");
}

void ClaimsFromTheDead(const Store& store, Complaints& say) {
  const ConsumerGroup group = ConsumerGroup::Open(store, Options("claims", "c2")).value();
  while (group.RunOnce(Succeed)->delivered > 0) continue;
  Add(store, "orphan");
  store.client()
      .Call(Command("XREADGROUP", "GROUP", "claims", "c1", "STREAMS", kStream, ">"))
      .value();
  std::size_t claimed = 0;
  say.Check(Eventually([&] { return (claimed += group.RunOnce(Succeed)->claimed) == 1; }),
            "claimed");
}

void RunsUntilStopped(const Store& store, Complaints& say) {
  ConsumerOptions options = Options("runs", "c1");
  options.parallel = 4;
  const ConsumerGroup group = ConsumerGroup::Open(store, options).value();
  std::stop_source stop;
  std::atomic<int> seen{0};
  Thread worker("worker", [&] {
    group.Run(
        [&](const Event&) -> Result<void> {
          ++seen;
          return {};
        },
        stop.get_token());
  });
  const int before =
      static_cast<int>(store.client().Call(Command("XLEN", kStream))->AsInteger().value());
  for (int i = 0; i < 50; ++i) Add(store, "more");
  say.Check(Eventually([&] { return seen == before + 50; }), "all have come");
  stop.request_stop();
  worker.Join();
  say.Check(group.stats().handled == static_cast<std::uint64_t>(before) + 50, "and were counted");
}

void AppliesOnce(const Store& store, Complaints& say) {
  const EffectRecord record{.key = "{streams}:done:1-0"};
  const std::vector<std::string> keys = {"{streams}:sum"};
  const std::vector<Command> effects = {Command("INCR", keys[0])};
  say.Check(ApplyOnce(store.client(), record, keys, effects) == true, "applied");
  say.Check(ApplyOnce(store.client(), record, keys, effects) == false, "once");
  say.Equal(Show(store.client().Call(Command("GET", keys[0]))), std::string("1"), "the sum");
}

void Trims(const Store& store, Complaints& say) {
  ConsumerOptions options = Options("trims", "c1");
  options.stream = "{streams}:short";
  options.trim = Trim::kAcknowledged;
  const ConsumerGroup group = ConsumerGroup::Open(store, options).value();
  for (int i = 0; i < 10; ++i)
    store.client().Call(Command("XADD", options.stream, "*", "i", i)).value();
  group.RunOnce(Succeed).value();
  say.Equal(Show(store.client().Call(Command("XLEN", options.stream))), std::string("1"),
            "trimmed");
  options.trim = Trim::kDelete;
  const ConsumerGroup deletes = ConsumerGroup::Open(store, options).value();
  store.client().Call(Command("XADD", options.stream, "*", "i", 10)).value();
  deletes.RunOnce(Succeed).value();
  say.Equal(Show(store.client().Call(Command("XLEN", options.stream))), std::string("1"),
            "deleted");
}

// Handles what comes until somebody kills it: an effect that may be there twice, and one that is
// there once.
void WorkForEver(const Store& store, const std::string& name) {
  ConsumerOptions options = Options("killed", name);
  options.stream = "{killed}:log";
  options.parallel = 4;
  options.retry = {.deliveries_max = 1'000, .pause_min = Millis(20)};
  const ConsumerGroup group = ConsumerGroup::Open(store, options).value();
  Client& client = store.client();
  group.Run(
      [&](const Event& event) -> Result<void> {
        Result<Reply> seen = client.Call(Command("HINCRBY", "{killed}:seen", event.id, 1));
        if (!seen) return Pass(std::move(seen));
        const std::vector<std::string> keys = {"{killed}:sum"};
        const std::vector<Command> effects = {Command("INCR", keys[0])};
        Result<bool> applied =
            ApplyOnce(client, {.key = "{killed}:done:" + event.id}, keys, effects);
        if (!applied) return Pass(std::move(applied));
        return {};
      },
      {});
}

Case For(std::string_view name, std::string uri, void (*run)(const Store&, Complaints&)) {
  return {name, [uri = std::move(uri), run](Complaints& say) { run(OpenOrDie(uri), say); }};
}

}  // namespace

Cases StreamsCases(const std::vector<std::string>& uris) {
  return {For("HandlesAndAcknowledges", uris[0], HandlesAndAcknowledges),
          For("RetriesAndBuries", uris[0], RetriesAndBuries),
          For("ClaimsFromTheDead", uris[0], ClaimsFromTheDead),
          For("RunsUntilStopped", uris[0], RunsUntilStopped),
          For("AppliesOnce", uris[0], AppliesOnce),
          For("Trims", uris[0], Trims)};
}

Cases StreamWorkerCases(const std::vector<std::string>& uris) {
  return {{"WorkForEver", [uris](Complaints&) { WorkForEver(OpenOrDie(uris[0]), uris.at(1)); }}};
}

}  // namespace cairn::cache::checks
