// SPDX-License-Identifier: BSD-3-Clause
// Feeds written when somebody posts, read page by page; shops near a place; and which of several
// stores a key belongs to.
//
//   example_feed [URI]
#include <cstdio>
#include <string>
#include <vector>

#include "cairn/geo_lookup.h"
#include "cairn/shard_ring.h"
#include "cairn/timeline.h"

using namespace cairn::cache;

namespace {

bool ShowFeed(const Store& store) {
  const Timeline feeds(store, {.prefix = "feed", .length_max = 100});
  for (int i = 1; i <= 5; ++i) {
    const Result<void> pushed =
        feeds.Push({.id = "post:" + std::to_string(i), .score = 1000.0 + i}, {"ada", "eve"});
    if (!pushed) return false;
  }
  std::optional<Post> cursor;
  do {
    const Result<TimelinePage> page = feeds.Page("ada", 2, cursor);
    if (!page) return false;
    std::printf("page:");
    for (const Post& post : page->posts) std::printf(" %s", post.id.c_str());
    std::printf("\n");
    cursor = page->next;
  } while (cursor);
  return true;
}

bool ShowShops(const Store& store) {
  const GeoLookup shops(store, {.prefix = "shops"});
  if (!shops.Put("alex", {.longitude = 13.4132, .latitude = 52.5219})) return false;
  if (!shops.Put("zoo", {.longitude = 13.3328, .latitude = 52.5073})) return false;
  const auto near = shops.Near({.longitude = 13.41, .latitude = 52.52}, {.radius_m = 10'000});
  if (!near) return false;
  for (const GeoMatch& match : *near)
    std::printf("shop %s: %.0f m\n", match.member.c_str(), match.distance_m);
  return true;
}

}  // namespace

int main(int argument_count, char** arguments) {
  const Result<Store> store = Store::Open(argument_count > 1 ? arguments[1] : "embedded:");
  if (!store) {
    std::fprintf(stderr, "%s\n", store.error().detail.c_str());
    return 1;
  }
  if (!ShowFeed(*store) || !ShowShops(*store)) return 1;
  const Result<ShardRing> three = ShardRing::Make({{"a"}, {"b"}, {"c"}});
  const Result<ShardRing> four = ShardRing::Make({{"a"}, {"b"}, {"c"}, {"d"}});
  if (!three || !four) return 1;
  std::printf("user:42 is on %s; with a fourth shard %.0f %% of the keys move\n",
              three->Of("user:42").c_str(), 100 * ShardRing::Moves(*three, *four));
  return 0;
}
