// SPDX-License-Identifier: BSD-3-Clause
// Limiters: what holds on every store.
#include <string>
#include <vector>

#include "cairn/limiter.h"
#include "cairn/testkit/virtual_time.h"
#include "toolkit/toolkit_check.h"

namespace cairn::cache::checks {
namespace {

bool HasLimits(const Store& store) {
  const Result<Reply> peek =
      store.client().Call(Command("LIMIT.FIXED", "limit:none", 1, 1000, "PEEK"));
  return peek || peek.error().detail.find("unknown command") == std::string::npos;
}

void RefusalsSayWhen(const Store& store, Complaints& say) {
  for (const LimitLaw law : {LimitLaw::kGcra, LimitLaw::kFixed, LimitLaw::kSliding}) {
    const std::string name = "limit:law" + std::to_string(static_cast<int>(law));
    const Limiter limiter(store, name, {.law = law, .count = 3, .period = 3000s},
                          LimitWhenDown::kFail);
    say.Check(limiter.Reset("u").has_value(), name + " reset");
    for (int i = 0; i < 3; ++i) {
      const Result<Verdict> verdict = limiter.Take("u");
      say.Check(verdict && verdict->allowed && verdict->limit == 3 && verdict->remaining == 2 - i,
                name + " allows three");
    }
    for (int i = 0; i < 5; ++i) {
      const Result<Verdict> verdict = limiter.Take("u");
      say.Check(verdict && !verdict->allowed && verdict->retry_after >= 1ms &&
                    verdict->retry_after <= 3300s && verdict->reset_after >= 1ms,
                name + " refuses the fourth, and says when");
    }
    const Result<Verdict> other = SyncWait(limiter.CoTake("v", 3));
    say.Check(other && other->allowed && other->remaining == 0, name + " of another caller");
  }
}

void ComesBack(const Store& store, Complaints& say) {
  for (const LimitLaw law : {LimitLaw::kGcra, LimitLaw::kFixed, LimitLaw::kSliding}) {
    const std::string name = "limit:back" + std::to_string(static_cast<int>(law));
    const Limiter limiter(store, name, {.law = law, .count = 1, .period = 200ms},
                          LimitWhenDown::kFail);
    say.Check(limiter.Take("u").has_value(), name);
    say.Check(Eventually([&] { return limiter.Take("u").value_or(Verdict{}).allowed; }),
              name + " lets the next one through in the end");
    const Result<Reply> left = store.client().Call(Command("PTTL", limiter.KeyOf("u")));
    // -1: it has no end; -2: it has gone already.
    say.Check(left && left->AsInteger().value_or(-1) != -1, name + " goes by itself");
  }
}

void AllOrNone(const Store& store, Complaints& say) {
  const CompositeLimiter limiter(
      store,
      {{"limit:user", {.count = 1, .period = 3000s}},
       {"limit:tenant", {.law = LimitLaw::kFixed, .count = 10, .period = 3000s}}},
      LimitWhenDown::kFail);
  const std::vector<CompositeLimiter::Share> seven = {{"7"}, {"acme"}};
  const std::vector<CompositeLimiter::Share> eight = {{"8"}, {"acme"}};
  const auto first = limiter.Take("acme", seven);
  const auto refused = limiter.Take("acme", seven);
  const auto other = SyncWait(limiter.CoTake("acme", eight));
  say.Check(first && first->whole.allowed, "the first is allowed");
  say.Check(refused && !refused->whole.allowed && refused->parts.size() == 2, "then refused");
  say.Check(
      other && other->whole.allowed && other->parts.size() == 2 && other->parts[1].remaining == 8,
      "what was refused charged nothing");
}

// A client whose own clock is a day ahead neither forgets what was charged nor says another time.
void ServerTimeDecides(const std::string& uri, Complaints& say) {
  if (uri.starts_with("embedded:")) return;  // has the clock of its one client
  VirtualTime ahead;
  ahead.Advance(24h);
  const Store now = OpenOrDie(uri);
  const Store later = OpenOrDie(uri, {.clock = &ahead});
  if (!HasLimits(now)) return;
  for (const LimitLaw law : {LimitLaw::kGcra, LimitLaw::kFixed, LimitLaw::kSliding}) {
    const std::string name = "limit:time" + std::to_string(static_cast<int>(law));
    const Limit limit{.law = law, .count = 1, .period = 600s};
    const Limiter first(now, name, limit, LimitWhenDown::kFail);
    const Limiter second(later, name, limit, LimitWhenDown::kFail);
    const Result<Verdict> taken = first.Take("u");
    say.Check(taken && taken->allowed, name + " allows the first");
    const Result<Verdict> refused = second.Take("u");
    say.Check(
        refused && !refused->allowed && refused->retry_after > 100s && refused->retry_after < 700s,
        name + " is charged for all clients alike");
  }
}

}  // namespace

Cases LimiterCases(const std::vector<std::string>& uris) {
  const auto make = [&](std::string_view name, void (*run)(const Store&, Complaints&)) {
    return Case{name, [uri = uris[0], run](Complaints& say) {
                  const Store store = OpenOrDie(uri);
                  if (HasLimits(store)) run(store, say);
                }};
  };
  return {make("RefusalsSayWhen", RefusalsSayWhen),
          make("ComesBack", ComesBack),
          make("AllOrNone", AllOrNone),
          {"ServerTimeDecides", [uri = uris[0]](Complaints& say) { ServerTimeDecides(uri, say); }}};
}

}  // namespace cairn::cache::checks
