// SPDX-License-Identifier: BSD-3-Clause
// What the two halves of the geo family share: places, units and distances, as clients write and
// read them.
#ifndef CAIRN_COMMANDS_GEO_ARGS_H_
#define CAIRN_COMMANDS_GEO_ARGS_H_

#include <cstddef>
#include <optional>
#include <string_view>

#include "command/call.h"
#include "ds/geohash.h"

namespace cairn::commands {

// Longitude and latitude at arguments `i` and `i` + 1. Nothing, with the error replied, if they are
// no numbers or not on the map.
std::optional<ds::GeoPoint> ParseGeoPoint(command::Call& call, std::size_t i);

// "m", "km", "ft" or "mi" in metres. Nothing, with the error replied, if it is none of them.
std::optional<double> ParseGeoUnit(command::Call& call, std::string_view text);

// With four digits after the point; a text in both protocols.
void ReplyDistance(command::Call& call, double distance);
// A pair of numbers, with all the digits that Redis shows.
void ReplyGeoPoint(command::Call& call, ds::GeoPoint point);

inline ds::GeoPoint GeoPointOfScore(double score) {
  return ds::DecodeGeohash(ds::GeohashOfScore(score));
}

}  // namespace cairn::commands

#endif  // CAIRN_COMMANDS_GEO_ARGS_H_
