// SPDX-License-Identifier: BSD-3-Clause
// Places in a sorted set whose scores are geohashes: adding them, and reading one by one. Searches
// are in geo_search.cc.
//
// Nothing tells such a set from any other; GEOPOS of a member that came by ZADD decodes its score.
#include <optional>
#include <string_view>

#include "base/text.h"
#include "command/call.h"
#include "command/errors.h"
#include "commands/collections.h"
#include "commands/families.h"
#include "commands/geo_args.h"
#include "commands/sorted_sets.h"
#include "ds/geohash.h"
#include "value/sorted_set.h"

namespace cairn::commands {
namespace {

using value::SortedSet;

bool TakeGeoAddFlag(std::string_view word, AddMode& mode) {
  if (EqualsIgnoreCase(word, "NX")) {
    mode.rule.only_new = true;
  } else if (EqualsIgnoreCase(word, "XX")) {
    mode.rule.only_existing = true;
  } else if (EqualsIgnoreCase(word, "CH")) {
    mode.counts_changed = true;
  } else {
    return false;
  }
  return true;
}

void GeoAdd(Call& call) {
  AddMode mode;
  std::size_t first = 2;
  while (first < call.argc() && TakeGeoAddFlag(call.arg(first), mode)) ++first;
  const std::size_t words = call.argc() - first;
  if (words == 0 || words % 3 != 0 || (mode.rule.only_new && mode.rule.only_existing))
    return call.Error(command::errors::kSyntax);
  MemberList members(words / 3);
  for (std::size_t i = first; i < call.argc(); i += 3) {
    const auto point = ParseGeoPoint(call, i);
    if (!point) return;
    members.Add(call.arg(i + 2), static_cast<double>(ds::EncodeGeohash(*point)));
  }
  AddMembers(call, mode, members.entries());
}

// Calls reply(score) for each member asked for, nothing if it is not there.
template <class Reply>
void ForEachAsked(Call& call, Reply reply) {
  Found found;
  if (!FindAs<SortedSet>(call, 0, Access::kRead, &found)) return;
  call.reply().Array(call.argc() - 2);
  for (std::size_t i = 2; i < call.argc(); ++i)
    reply(found ? SortedSetOf(found).Score(call.arg(i)) : std::nullopt);
}

void GeoPos(Call& call) {
  ForEachAsked(call, [&](std::optional<double> score) {
    score ? ReplyGeoPoint(call, GeoPointOfScore(*score)) : call.reply().NullArray();
  });
}

void GeoHash(Call& call) {
  ForEachAsked(call, [&](std::optional<double> score) {
    if (!score) return call.reply().Null();
    const auto text = ds::GeohashText(ds::GeohashOfScore(*score));
    call.reply().Bulk({text.data(), text.size()});
  });
}

void GeoDist(Call& call) {
  if (call.argc() > 5) return call.Error(command::errors::kSyntax);
  const auto unit = call.argc() == 5 ? ParseGeoUnit(call, call.arg(4)) : 1;
  if (!unit) return;
  Found found;
  if (!FindAs<SortedSet>(call, 0, Access::kRead, &found)) return;
  const auto from = found ? SortedSetOf(found).Score(call.arg(2)) : std::nullopt;
  const auto to = found ? SortedSetOf(found).Score(call.arg(3)) : std::nullopt;
  if (!from || !to) return call.reply().Null();
  ReplyDistance(call, ds::GeoDistance(GeoPointOfScore(*from), GeoPointOfScore(*to)) / *unit);
}

constexpr Spec kSpecs[] = {
    Spec({.syntax = "GEOADD key [NX | XX] [CH] longitude latitude member [longitude latitude "
                    "member ...]",
          .access = "RW UPDATE",
          .since = "3.2.0",
          .group = Group::kGeo,
          .flags = command::kWrite | command::kDenyOom,
          .complexity = "O(log(N)) for each place, where N is the number of members in the set",
          .summary = "Adds places to a sorted set.",
          .history = "6.2.0: Added NX, XX and CH.",
          .run = &GeoAdd}),
    Spec({.syntax = "GEOPOS key [member [member ...]]",
          .access = "RO ACCESS",
          .since = "3.2.0",
          .group = Group::kGeo,
          .flags = command::kReadonly,
          .complexity = "O(N) where N is the number of members asked for",
          .summary = "Returns longitudes and latitudes of members.",
          .run = &GeoPos}),
    Spec({.syntax = "GEODIST key member1 member2 [M | KM | FT | MI]",
          .access = "RO ACCESS",
          .since = "3.2.0",
          .group = Group::kGeo,
          .flags = command::kReadonly,
          .complexity = "O(1)",
          .summary = "Returns the distance between two members.",
          .run = &GeoDist}),
    Spec({.syntax = "GEOHASH key [member [member ...]]",
          .access = "RO ACCESS",
          .since = "3.2.0",
          .group = Group::kGeo,
          .flags = command::kReadonly,
          .complexity = "O(N) where N is the number of members asked for",
          .summary = "Returns the geohashes of members as text.",
          .run = &GeoHash}),
};

}  // namespace

std::span<const Spec> GeoFamily() { return kSpecs; }

}  // namespace cairn::commands
