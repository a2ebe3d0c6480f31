// SPDX-License-Identifier: BSD-3-Clause
// Bitmaps, unique counters, geo lookups, topics and timelines over every kind of store.
#include <atomic>
#include <string>
#include <vector>

#include "cairn/bitmaps.h"
#include "cairn/geo_lookup.h"
#include "cairn/timeline.h"
#include "cairn/topic.h"
#include "cairn/unique_counter.h"
#include "toolkit/toolkit_check.h"

namespace cairn::cache::checks {
namespace {

void Bitmaps(const Store& store, Complaints& say) {
  const DenseIds ids(store, {.prefix = "structures-ids"});
  const DenseId ada = ids.Of("ada").value();
  say.Check(ids.Of("ada") == ada && ids.Of("eve")->value == ada.value + 1, "dense ids");
  const FeatureFlags flags(store, {.prefix = "structures-flags"});
  const DenseId high{3 * kSegmentBits};
  say.Check(flags.Set("cart", ada, true) == false && flags.Set("cart", high, true) == false, "set");
  say.Check(flags.IsOn("cart", ada) == true && flags.Count("cart") == 2u, "read and counted");
  say.Check(flags.AreOn({"cart", "other"}, high) == std::vector<bool>{true, false}, "several");
  say.Check(flags.Clear("cart").has_value() && flags.Count("cart") == 0u, "cleared");
  say.Check(flags.Set("cart", DenseId{1ULL << 32}, true).error().code == Errc::kLimit, "refused");
  const DailyActives actives(store, {.prefix = "structures-active", .keep = 7});
  say.Check(actives.Mark(ada) == true && actives.Mark(ada) == false, "marked once");
  actives.Mark(high).value();
  say.Check(actives.CountAny() == 2u && actives.CountAny({.periods = 7}) == 2u, "any day");
  say.Check(actives.CountAll({.periods = 2}) == 0u, "all days");
}

void UniqueOnes(const Store& store, Complaints& say) {
  const UniqueCounter visitors(store, {.prefix = "structures-visitors"});
  say.Check(visitors.Add({"ada", "eve"}) == true && visitors.Add({"ada"}) == false, "added");
  say.Check(visitors.Count() == 2u && visitors.Count({.periods = 7}) == 2u, "counted");
  say.Check(visitors.Count({.ago = 1}) == 0u, "not yesterday");
}

void Points(const Store& store, Complaints& say) {
  const GeoLookup shops(store, {.prefix = "structures-shops"});
  shops.Put("alex", {.longitude = 13.4132, .latitude = 52.5219}).value();
  shops.Put("zoo", {.longitude = 13.3328, .latitude = 52.5073}).value();
  const auto near =
      shops.Near({.longitude = 13.41, .latitude = 52.52}, {.radius_m = 10'000}).value();
  say.Check(near.size() == 2 && near[0].member == "alex", "the nearest first");
  say.Check(near[0].distance_m > 290 && near[0].distance_m < 310, "its distance");
  say.Check(!shops.Where("nowhere")->has_value(), "nowhere");
}

void Topics(const Store& store, Complaints& say) {
  if (!store.capabilities().subscriptions) return;
  const Topic<std::vector<int>> topic(store, "structures-topic");
  std::atomic<int> heard{0};
  std::atomic<int> wrong{0};
  const auto subscription = topic.Subscribe(
      [&](const std::vector<int>& numbers) {
        if (numbers == std::vector<int>{1, 2}) ++heard;
      },
      {.on_undecodable = [&](const Error&) { ++wrong; }});
  say.Check(subscription.has_value(), "subscribed");
  topic.Publish({1, 2}).value();
  store.client().Call(Command("PUBLISH", "structures-topic", "not ours")).value();
  say.Check(Eventually([&] { return heard == 1 && wrong == 1; }), "heard");
}

void Feeds(const Store& store, Complaints& say) {
  const Timeline feeds(store, {.prefix = "structures-feed", .length_max = 5});
  std::vector<std::string> users;
  for (int i = 0; i < 100; ++i) users.push_back(std::to_string(i));
  for (int i = 0; i < 8; ++i) {
    const Post post{.id = "p" + std::to_string(i), .score = i / 2 + 0.5};
    say.Check(feeds.Push(post, users).has_value(), "pushed");
  }
  for (const std::string& user : users) {
    const TimelinePage first = feeds.Page(user, 3).value();
    say.Check(first.posts.size() == 3 && first.posts[0].id == "p7", "the newest");
    const TimelinePage second = feeds.Page(user, 3, first.next).value();
    say.Check(second.posts.size() == 2 && second.posts[0].id == "p4" && !second.next, "older");
  }
}

Case For(std::string_view name, std::string uri, void (*run)(const Store&, Complaints&)) {
  return {name, [uri = std::move(uri), run](Complaints& say) { run(OpenOrDie(uri), say); }};
}

}  // namespace

Cases StructuresCases(const std::vector<std::string>& uris) {
  return {For("Bitmaps", uris[0], Bitmaps), For("UniqueOnes", uris[0], UniqueOnes),
          For("Points", uris[0], Points), For("Topics", uris[0], Topics),
          For("Feeds", uris[0], Feeds)};
}

}  // namespace cairn::cache::checks
