// SPDX-License-Identifier: BSD-3-Clause
// GeoLookup: members by where they are, and the nearest ones.
//
//   const GeoLookup shops(store, {.prefix = "shops"});
//   shops.Put("alexanderplatz", {.longitude = 13.4132, .latitude = 52.5219});
//   shops.Near({.longitude = 13.4, .latitude = 52.5}, {.radius_m = 2'000, .count = 10});
//
// Points are kept to some 0.6 m. Latitudes beyond 85.05 degrees do not exist here.
//
// Errors: kInvalid of points and radii, those of the store. Thread safety: any thread. Lifetimes:
// holds the store. Cost: one command; a search O(found + log n).
#ifndef CAIRN_GEO_LOOKUP_H_
#define CAIRN_GEO_LOOKUP_H_

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cairn/result.h"
#include "cairn/store.h"
#include "cairn/task.h"

namespace cairn::cache {

struct GeoPoint {
  double longitude = 0;  // degrees, -180 to 180
  double latitude = 0;   // degrees, -85.05112878 to 85.05112878
};

struct GeoMatch {
  std::string member = {};
  double distance_m = 0;
  GeoPoint point = {};
};

struct GeoSearch {
  double radius_m = 0;      // 0 or more
  std::size_t count = 100;  // the nearest: 1 to GeoLookup::kMatchesMax, more are as many
};

struct GeoLookupOptions {
  // What the key begins with, in braces.
  std::string prefix = {};
};

class GeoLookup {
 public:
  static constexpr std::size_t kMatchesMax = 10'000;

  GeoLookup(Store store, const GeoLookupOptions& options);

  // Whether it is new.
  Result<bool> Put(std::string_view member, GeoPoint point) const;
  Task<Result<bool>> CoPut(std::string member, GeoPoint point) const;
  Result<bool> Remove(std::string_view member) const;
  Task<Result<bool>> CoRemove(std::string member) const;
  Result<std::optional<GeoPoint>> Where(std::string_view member) const;
  Task<Result<std::optional<GeoPoint>>> CoWhere(std::string member) const;
  // The nearest first.
  Result<std::vector<GeoMatch>> Near(GeoPoint point, GeoSearch search) const;
  Task<Result<std::vector<GeoMatch>>> CoNear(GeoPoint point, GeoSearch search) const;

 private:
  Store store_;
  std::string key_;
};

}  // namespace cairn::cache

#endif  // CAIRN_GEO_LOOKUP_H_
