// SPDX-License-Identifier: BSD-3-Clause
// A cell is kept as column and row, so that its neighbour is a number one larger or smaller, modulo
// the side of the map: the map wraps around, also over the poles, where that is wrong but Redis's.
//
// The step of a search is chosen so that one cell is at least about as wide as the radius, with one
// or two steps less near the poles, where cells are narrow. If its neighbours then do not reach
// beyond the bounding box, one step less is taken; neighbours that lie outside of the box are left
// out. Redis's choices, in all their arbitrariness, decide the order of results and so are kept.
#include "ds/geohash.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace cairn::ds {
namespace {

constexpr double kEarthRadiusMetres = 6372797.560856;
// Half the way around the earth, as wide as half the Mercator map.
constexpr double kMercatorMax = 20037726.37;
constexpr double kRadiansPerDegree = std::numbers::pi / 180.0;

double Radians(double degrees) { return degrees * kRadiansPerDegree; }
double Degrees(double radians) { return radians / kRadiansPerDegree; }

// Bit i of `number` goes to bit 2i.
constexpr std::uint64_t Spread(std::uint32_t number) {
  std::uint64_t bits = number;
  bits = (bits | (bits << 16)) & 0x0000ffff0000ffff;
  bits = (bits | (bits << 8)) & 0x00ff00ff00ff00ff;
  bits = (bits | (bits << 4)) & 0x0f0f0f0f0f0f0f0f;
  bits = (bits | (bits << 2)) & 0x3333333333333333;
  return (bits | (bits << 1)) & 0x5555555555555555;
}

constexpr std::uint32_t Gather(std::uint64_t bits) {
  bits &= 0x5555555555555555;
  bits = (bits | (bits >> 1)) & 0x3333333333333333;
  bits = (bits | (bits >> 2)) & 0x0f0f0f0f0f0f0f0f;
  bits = (bits | (bits >> 4)) & 0x00ff00ff00ff00ff;
  bits = (bits | (bits >> 8)) & 0x0000ffff0000ffff;
  return static_cast<std::uint32_t>(bits | (bits >> 16));
}
static_assert(Gather(Spread(0x89abcdef)) == 0x89abcdef);

struct Interval {
  double min;
  double max;
};
constexpr Interval kLongitudes = {-kLongitudeMax, kLongitudeMax};
constexpr Interval kLatitudes = {-kLatitudeMax, kLatitudeMax};
constexpr Interval kAllLatitudes = {-90, 90};

// A cell of the map that has 2^step columns and as many rows.
struct Cell {
  std::uint32_t column;
  std::uint32_t row;
};

std::uint64_t BitsOf(Cell cell) { return Spread(cell.row) | (Spread(cell.column) << 1); }

std::uint32_t Part(double value, const Interval& whole, int step) {
  const double share = (value - whole.min) / (whole.max - whole.min);
  // A share of 1, the map's very edge, gives 2^step: one more than there are, as in Redis.
  return static_cast<std::uint32_t>(share * static_cast<double>(std::uint64_t{1} << step));
}

Cell CellOf(GeoPoint point, const Interval& latitudes, int step) {
  return {.column = Part(point.longitude, kLongitudes, step),
          .row = Part(point.latitude, latitudes, step)};
}

Interval Extent(std::uint32_t part, const Interval& whole, int step) {
  const double scale = whole.max - whole.min;
  const double parts = static_cast<double>(std::uint64_t{1} << step);
  return {.min = whole.min + (part / parts) * scale,
          .max = whole.min + ((part + 1) / parts) * scale};
}

double Middle(std::uint32_t part, const Interval& whole) {
  const Interval extent = Extent(part, whole, kGeohashSteps);
  return std::clamp((extent.min + extent.max) / 2, whole.min, whole.max);
}

double MeridianDistance(double from_latitude, double to_latitude) {
  return kEarthRadiusMetres * std::fabs(Radians(to_latitude) - Radians(from_latitude));
}

struct Box {
  Interval longitudes;
  Interval latitudes;
};

// The side towards the pole reaches over more degrees of longitude than the other: it counts.
Box BoundingBox(const GeoShape& shape) {
  const bool circle = shape.kind == GeoShape::Kind::kCircle;
  const double up = shape.unit_metres * (circle ? shape.radius : shape.height / 2);
  const double aside = shape.unit_metres * (circle ? shape.radius : shape.width / 2);
  const GeoPoint centre = shape.centre;
  const double latitude_delta = Degrees(up / kEarthRadiusMetres);
  const double polar_side =
      centre.latitude < 0 ? centre.latitude - latitude_delta : centre.latitude + latitude_delta;
  const double longitude_delta =
      Degrees(aside / kEarthRadiusMetres / std::cos(Radians(polar_side)));
  return {.longitudes = {centre.longitude - longitude_delta, centre.longitude + longitude_delta},
          .latitudes = {centre.latitude - latitude_delta, centre.latitude + latitude_delta}};
}

// Of a circle around the whole shape.
double ReachMetres(const GeoShape& shape) {
  if (shape.kind == GeoShape::Kind::kCircle) return shape.radius * shape.unit_metres;
  const double half_width = shape.width / 2;
  const double half_height = shape.height / 2;
  return std::sqrt(half_width * half_width + half_height * half_height) * shape.unit_metres;
}

int StepFor(double reach_metres, double latitude) {
  if (reach_metres == 0) return kGeohashSteps;
  int step = 1;
  for (; reach_metres < kMercatorMax; reach_metres *= 2) ++step;
  step -= 2;  // the neighbours must hold all of the shape, also where its centre is at an edge
  if (latitude > 66 || latitude < -66) --step;
  if (latitude > 80 || latitude < -80) --step;
  return std::clamp(step, 1, kGeohashSteps);
}

class Grid {
 public:
  Grid(GeoPoint centre, int step)
      : step_(step), mask_((1u << step) - 1), centre_(CellOf(centre, kLatitudes, step)) {}

  int step() const { return step_; }
  // The cell so many columns to the east and rows to the north.
  Cell At(int east, int north) const {
    Cell cell = centre_;
    if (east != 0) cell.column = (cell.column + static_cast<std::uint32_t>(east)) & mask_;
    if (north != 0) cell.row = (cell.row + static_cast<std::uint32_t>(north)) & mask_;
    return cell;
  }
  Interval Longitudes(int east) const { return Extent(At(east, 0).column, kLongitudes, step_); }
  Interval Latitudes(int north) const { return Extent(At(0, north).row, kLatitudes, step_); }

  bool Holds(const Box& box) const {
    return !(Latitudes(1).max < box.latitudes.max) && !(Latitudes(-1).min > box.latitudes.min) &&
           !(Longitudes(1).max < box.longitudes.max) && !(Longitudes(-1).min > box.longitudes.min);
  }
  // Whether the cell that is so far from the centre's may touch the box.
  bool Touches(const Box& box, int east, int north) const {
    if (north < 0 && Latitudes(0).min < box.latitudes.min) return false;
    if (north > 0 && Latitudes(0).max > box.latitudes.max) return false;
    if (east < 0 && Longitudes(0).min < box.longitudes.min) return false;
    return east <= 0 || !(Longitudes(0).max > box.longitudes.max);
  }

 private:
  int step_;
  std::uint32_t mask_;
  Cell centre_;
};

struct Offset {
  int east;
  int north;
};
constexpr Offset kVisits[] = {{0, 0}, {0, 1},  {0, -1}, {1, 0},  {-1, 0},
                              {1, 1}, {-1, 1}, {1, -1}, {-1, -1}};

}  // namespace

bool IsOnMap(GeoPoint point) {
  return point.longitude >= -kLongitudeMax && point.longitude <= kLongitudeMax &&
         point.latitude >= -kLatitudeMax && point.latitude <= kLatitudeMax;
}

std::uint64_t EncodeGeohash(GeoPoint point) {
  return BitsOf(CellOf(point, kLatitudes, kGeohashSteps));
}

GeoPoint DecodeGeohash(std::uint64_t bits) {
  return {.longitude = Middle(Gather(bits >> 1), kLongitudes),
          .latitude = Middle(Gather(bits), kLatitudes)};
}

// Redis converts where C++ leaves the result open; this is what x86-64 makes of it.
std::uint64_t GeohashOfScore(double score) {
  constexpr double kTwo63 = 9223372036854775808.0;
  if (score >= 2 * kTwo63) return 0;
  if (score >= kTwo63) return static_cast<std::uint64_t>(score);
  if (score < -kTwo63) return std::uint64_t{1} << 63;
  return static_cast<std::uint64_t>(static_cast<std::int64_t>(score));
}

std::array<char, kGeohashTextBytes> GeohashText(std::uint64_t bits) {
  constexpr char kLetters[] = "0123456789bcdefghjkmnpqrstuvwxyz";
  constexpr int kBits = 2 * kGeohashSteps;
  const std::uint64_t world = BitsOf(CellOf(DecodeGeohash(bits), kAllLatitudes, kGeohashSteps));
  std::array<char, kGeohashTextBytes> text;
  for (std::size_t i = 0; i + 1 < text.size(); ++i) {
    text[i] = kLetters[(world >> (kBits - 5 * (static_cast<int>(i) + 1))) & 31];
  }
  text.back() = kLetters[0];
  return text;
}

// The haversine formula; on one meridian it comes down to the difference of the latitudes.
double GeoDistance(GeoPoint from, GeoPoint to) {
  const double v = std::sin((Radians(to.longitude) - Radians(from.longitude)) / 2);
  if (v == 0.0) return MeridianDistance(from.latitude, to.latitude);
  const double from_latitude = Radians(from.latitude);
  const double to_latitude = Radians(to.latitude);
  const double u = std::sin((to_latitude - from_latitude) / 2);
  const double a = u * u + std::cos(from_latitude) * std::cos(to_latitude) * v * v;
  return 2.0 * kEarthRadiusMetres * std::asin(std::sqrt(a));
}

std::optional<double> GeoDistanceWithin(const GeoShape& shape, GeoPoint point) {
  if (shape.kind == GeoShape::Kind::kCircle) {
    const double distance = GeoDistance(shape.centre, point);
    if (distance > shape.radius * shape.unit_metres) return std::nullopt;
    return distance;
  }
  // Up and down first: it is the cheaper measure.
  const double up = MeridianDistance(point.latitude, shape.centre.latitude);
  if (up > shape.height * shape.unit_metres / 2) return std::nullopt;
  // As wide as the box is at the point's own latitude.
  const double aside = GeoDistance(point, {shape.centre.longitude, point.latitude});
  if (aside > shape.width * shape.unit_metres / 2) return std::nullopt;
  return GeoDistance(shape.centre, point);
}

GeoCover::GeoCover(const GeoShape& shape) {
  const Box box = BoundingBox(shape);
  Grid grid(shape.centre, StepFor(ReachMetres(shape), shape.centre.latitude));
  if (grid.step() > 1 && !grid.Holds(box)) grid = Grid(shape.centre, grid.step() - 1);
  const int shift = 2 * (kGeohashSteps - grid.step());
  for (const Offset& offset : kVisits) {
    // Of four cells each is needed.
    if (grid.step() >= 2 && !grid.Touches(box, offset.east, offset.north)) continue;
    const std::uint64_t bits = BitsOf(grid.At(offset.east, offset.north));
    const GeohashRange range = {.begin = bits << shift, .end = (bits + 1) << shift};
    // On the smallest maps the cells of both sides are one. Redis compares with the cell before,
    // unless that is the centre's.
    if (count_ > 1 && ranges_[count_ - 1].begin == range.begin) continue;
    ranges_[count_++] = range;
  }
}

}  // namespace cairn::ds
