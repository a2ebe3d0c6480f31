// SPDX-License-Identifier: BSD-3-Clause
// Redis 7.2 rounds a distance to an integer of ten thousandths, halves to even, and writes that;
// so the digits are those of an integer with a point put in.
#include "commands/geo_args.h"

#include <fmt/format.h>

#include <cmath>
#include <string>

#include "base/text.h"
#include "command/errors.h"

namespace cairn::commands {
namespace {

using command::Call;

struct UnitRow {
  std::string_view name;
  double metres;
};
constexpr UnitRow kUnits[] = {{"m", 1}, {"km", 1000}, {"ft", 0.3048}, {"mi", 1609.34}};

constexpr std::string_view kUnknownUnit = "ERR unsupported unit provided. please use M, KM, FT, MI";
constexpr std::size_t kFractionDigits = 4;

// Over RESP3 a double, though with digits of its own.
void ReplyCoordinate(Call& call, double degrees) {
  const std::string text = FormatLongDouble(degrees);
  if (!call.reply().resp3()) return call.reply().Bulk(text);
  call.reply().Raw(",");
  call.reply().Raw(text);
  call.reply().Raw("\r\n");
}

}  // namespace

std::optional<ds::GeoPoint> ParseGeoPoint(Call& call, std::size_t i) {
  const auto longitude = ParseDouble(call.arg(i));
  const auto latitude = longitude ? ParseDouble(call.arg(i + 1)) : std::nullopt;
  if (!latitude) {
    call.Error(command::errors::kNotAFloat);
    return std::nullopt;
  }
  const ds::GeoPoint point = {*longitude, *latitude};
  if (ds::IsOnMap(point)) return point;
  call.Error(fmt::format("ERR invalid longitude,latitude pair {:f},{:f}", *longitude, *latitude));
  return std::nullopt;
}

std::optional<double> ParseGeoUnit(Call& call, std::string_view text) {
  for (const UnitRow& row : kUnits) {
    if (EqualsIgnoreCase(text, row.name)) return row.metres;
  }
  call.Error(kUnknownUnit);
  return std::nullopt;
}

// A distance is at most half the way around the earth, in any unit far below 2^63.
void ReplyDistance(Call& call, double distance) {
  std::string digits = Int64ToString(std::llrint(distance * 10000));
  if (digits.size() <= kFractionDigits) digits.insert(0, kFractionDigits + 1 - digits.size(), '0');
  digits.insert(digits.size() - kFractionDigits, 1, '.');
  call.reply().Bulk(digits);
}

void ReplyGeoPoint(Call& call, ds::GeoPoint point) {
  call.reply().Array(2);
  ReplyCoordinate(call, point.longitude);
  ReplyCoordinate(call, point.latitude);
}

}  // namespace cairn::commands
