// SPDX-License-Identifier: BSD-3-Clause
// Geohash: places on the earth as 52-bit numbers, the way Redis keeps them as scores.
//
// The map is halved again and again, west or east, south or north; each halving gives one bit, so
// that near places mostly have near numbers and a cell of the map is one stretch of numbers:
//
//     bits    lon lat lon lat ...       step: pairs of bits; the full depth is 26, about 0.6 m
//
//     a cell of step s   -->   scores [bits << (52 - 2s), (bits + 1) << (52 - 2s))
//
// A search covers its shape with at most nine cells: the one of the centre and its neighbours, of a
// step at which they reach beyond the shape's bounding box. What lies in them is then measured.
//
// Scores, cells and their order, and the last digits of distances are Redis's: the arithmetic is
// done in doubles in the same order. (So the compiler must not fuse multiplications and additions:
// nothing newer than x86-64-v2 is assumed, which cannot; another target wants -ffp-contract=off.)
// The latitude ends at about 85.05 degrees, where the Mercator map is as high as it is wide.
//
// Pure functions of values.
#ifndef CAIRN_DS_GEOHASH_H_
#define CAIRN_DS_GEOHASH_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace cairn::ds {

// Degrees.
struct GeoPoint {
  double longitude = 0;
  double latitude = 0;
};

inline constexpr double kLongitudeMax = 180;
inline constexpr double kLatitudeMax = 85.05112878;
inline constexpr int kGeohashSteps = 26;
inline constexpr std::size_t kGeohashTextBytes = 11;

// Whether a geohash can express it. False for NaN.
bool IsOnMap(GeoPoint point);

// REQUIRES: IsOnMap(point). Below 2^52, so a double holds it exactly.
std::uint64_t EncodeGeohash(GeoPoint point);
// The middle of the cell. Any bits will do; what lies beyond the map is drawn to its edge.
GeoPoint DecodeGeohash(std::uint64_t bits);
// The bits that Redis sees in a score, also in one that is no geohash: negative, a fraction, huge.
std::uint64_t GeohashOfScore(double score);
// The eleven letters of geohash.org; they count latitudes up to 90 degrees. The last says nothing:
// 52 bits are ten letters and two bits, and Redis always writes '0'.
std::array<char, kGeohashTextBytes> GeohashText(std::uint64_t bits);

// Along a great circle of Redis's earth, in metres.
double GeoDistance(GeoPoint from, GeoPoint to);

// A circle, or a box whose sides follow the compass.
struct GeoShape {
  enum class Kind : std::uint8_t { kCircle, kBox };

  Kind kind = Kind::kCircle;
  GeoPoint centre = {};
  double unit_metres = 1;  // of the lengths below
  double radius = 0;       // kCircle
  double width = 0;        // kBox
  double height = 0;
};

// The distance from the centre in metres, if the point is in the shape.
std::optional<double> GeoDistanceWithin(const GeoShape& shape, GeoPoint point);

// Scores from begin to before end.
struct GeohashRange {
  std::uint64_t begin;
  std::uint64_t end;
};

// In the order in which Redis visits them: the centre's cell first. Everything in the shape lies in
// one of them, but for shapes so near a pole, or so large, that Redis misses some as well.
class GeoCover {
 public:
  explicit GeoCover(const GeoShape& shape);
  std::span<const GeohashRange> ranges() const { return {ranges_.data(), count_}; }

 private:
  std::array<GeohashRange, 9> ranges_;
  std::size_t count_ = 0;
};

}  // namespace cairn::ds

#endif  // CAIRN_DS_GEOHASH_H_
