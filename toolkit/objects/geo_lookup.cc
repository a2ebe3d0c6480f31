// SPDX-License-Identifier: BSD-3-Clause
// GEOADD, GEOPOS, GEOSEARCH (not the deprecated GEORADIUS), with typed points.
#include "cairn/geo_lookup.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "objects/periods.h"

namespace cairn::cache {
namespace {

constexpr double kLatitudeMax = 85.05112878;

Result<void> CheckPoint(GeoPoint point) {
  // Not a number is no point either.
  const bool is_there =
      std::abs(point.longitude) <= 180 && std::abs(point.latitude) <= kLatitudeMax;
  if (is_there) return {};
  return Fail(Errc::kInvalid, "no such longitude or latitude");
}

Result<bool> ReadYes(Result<Reply> reply) {
  if (!reply) return Pass(std::move(reply));
  return reply->AsInteger().value_or(0) == 1;
}

Result<GeoPoint> ReadPoint(const Reply& pair) {
  if (pair.elements().size() != 2) return Fail(Errc::kProtocol, "not a point");
  const Result<double> longitude = pair.elements()[0].AsDouble();
  const Result<double> latitude = pair.elements()[1].AsDouble();
  if (!longitude || !latitude) return Fail(Errc::kProtocol, "not a point");
  return GeoPoint{.longitude = *longitude, .latitude = *latitude};
}

Result<std::optional<GeoPoint>> ReadWhere(Result<Reply> reply) {
  if (!reply) return Pass(std::move(reply));
  std::optional<GeoPoint> point;
  if (reply->elements().empty() || reply->elements()[0].is_null()) return point;
  const Result<GeoPoint> read = ReadPoint(reply->elements()[0]);
  if (!read) return std::unexpected(read.error());
  point = *read;
  return point;
}

Result<std::vector<GeoMatch>> ReadMatches(Result<Reply> reply) {
  if (!reply) return Pass(std::move(reply));
  std::vector<GeoMatch> matches;
  for (const Reply& row : reply->elements()) {
    if (row.elements().size() != 3) return Fail(Errc::kProtocol, "not GEOSEARCH's reply");
    const Result<double> distance = row.elements()[1].AsDouble();
    const Result<GeoPoint> point = ReadPoint(row.elements()[2]);
    if (!distance || !point) return Fail(Errc::kProtocol, "not GEOSEARCH's reply");
    matches.push_back({.member = std::string(row.elements()[0].text()),
                       .distance_m = *distance,
                       .point = *point});
  }
  return matches;
}

}  // namespace

GeoLookup::GeoLookup(Store store, const GeoLookupOptions& options)
    : store_(std::move(store)), key_(internal::Braced(options.prefix) + ":points") {}

Result<bool> GeoLookup::Put(std::string_view member, GeoPoint point) const {
  return SyncWait(CoPut(std::string(member), point));
}
Task<Result<bool>> GeoLookup::CoPut(std::string member, GeoPoint point) const {
  if (Result<void> checked = CheckPoint(point); !checked) co_return Pass(std::move(checked));
  const Command add("GEOADD", key_, point.longitude, point.latitude, member);
  co_return ReadYes(co_await store_.client().CoCall(add));
}

Result<bool> GeoLookup::Remove(std::string_view member) const {
  return SyncWait(CoRemove(std::string(member)));
}
Task<Result<bool>> GeoLookup::CoRemove(std::string member) const {
  const Command remove("ZREM", key_, member);
  co_return ReadYes(co_await store_.client().CoCall(remove));
}

Result<std::optional<GeoPoint>> GeoLookup::Where(std::string_view member) const {
  return SyncWait(CoWhere(std::string(member)));
}
Task<Result<std::optional<GeoPoint>>> GeoLookup::CoWhere(std::string member) const {
  const Command where("GEOPOS", key_, member);
  co_return ReadWhere(co_await store_.client().CoCall(where));
}

Result<std::vector<GeoMatch>> GeoLookup::Near(GeoPoint point, GeoSearch search) const {
  return SyncWait(CoNear(point, search));
}
Task<Result<std::vector<GeoMatch>>> GeoLookup::CoNear(GeoPoint point, GeoSearch search) const {
  if (Result<void> checked = CheckPoint(point); !checked) co_return Pass(std::move(checked));
  if (!(search.radius_m >= 0) || search.count == 0)
    co_return Fail(Errc::kInvalid, "a radius of some metres, and some matches");
  const Command find("GEOSEARCH", key_, "FROMLONLAT", point.longitude, point.latitude, "BYRADIUS",
                     search.radius_m, "m", "ASC", "COUNT", std::min(search.count, kMatchesMax),
                     "WITHCOORD", "WITHDIST");
  co_return ReadMatches(co_await store_.client().CoCall(find));
}

}  // namespace cairn::cache
