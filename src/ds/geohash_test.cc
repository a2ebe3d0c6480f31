// SPDX-License-Identifier: BSD-3-Clause
// Known places have Redis's numbers, letters and distances; cells hold what they shall; and what a
// cover finds is what looking at every point finds.
#include "ds/geohash.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <set>
#include <string>
#include <vector>

#include "base/random.h"

namespace cairn::ds {
namespace {

constexpr GeoPoint kPalermo = {13.361389, 38.115556};
constexpr GeoPoint kCatania = {15.087269, 37.502669};

std::string Text(std::uint64_t bits) {
  const auto text = GeohashText(bits);
  return {text.begin(), text.end()};
}

// Asked of redis-server 7.0.15.
TEST(Geohash, ScoresAndTextsAreRedis) {
  struct Case {
    GeoPoint point;
    std::uint64_t bits;
    std::string_view text;
  };
  const Case cases[] = {
      {kPalermo, 3479099956230698, "sqc8b49rny0"},
      {kCatania, 3479447370796909, "sqdtr74hyu0"},
      {{0, 0}, 3377699720527872, "s0000000000"},
      {{-180, -kLatitudeMax}, 0, "00bh0hbj200"},
      {{180, kLatitudeMax}, 13510798882111488, "bp05b5048p0"},
  };
  for (const Case& row : cases) {
    EXPECT_EQ(EncodeGeohash(row.point), row.bits);
    EXPECT_EQ(Text(row.bits), row.text);
  }
}

TEST(Geohash, DistanceIsRedis) {
  // GEODIST measures what became of the places in the store: 166274.1516.
  EXPECT_NEAR(
      GeoDistance(DecodeGeohash(EncodeGeohash(kPalermo)), DecodeGeohash(EncodeGeohash(kCatania))),
      166274.1516, 0.00005);
  EXPECT_EQ(GeoDistance(kPalermo, kPalermo), 0);
  // On a meridian only the latitudes count.
  EXPECT_EQ(GeoDistance({5, 0}, {5, 90}), 6372797.560856 * (std::acos(-1.0) / 180 * 90));
}

TEST(Geohash, EdgesOfTheMap) {
  EXPECT_TRUE(IsOnMap({180, kLatitudeMax}));
  EXPECT_TRUE(IsOnMap({-180, -kLatitudeMax}));
  EXPECT_FALSE(IsOnMap({180.0001, 0}));
  EXPECT_FALSE(IsOnMap({0, 85.0512}));
  EXPECT_FALSE(IsOnMap({std::nan(""), 0}));
}

TEST(Geohash, ScoresThatAreNoGeohash) {
  const double inf = std::numeric_limits<double>::infinity();
  EXPECT_EQ(GeohashOfScore(1.9), 1u);
  EXPECT_EQ(GeohashOfScore(-1), ~std::uint64_t{0});
  EXPECT_EQ(GeohashOfScore(inf), 0u);
  EXPECT_EQ(GeohashOfScore(-inf), std::uint64_t{1} << 63);
  EXPECT_EQ(GeohashOfScore(9223372036854775808.0), std::uint64_t{1} << 63);
  for (const double score : {-1.0, inf, -inf, 1e300, 9007199254740993.0}) {
    EXPECT_TRUE(IsOnMap(DecodeGeohash(GeohashOfScore(score)))) << score;
  }
}

GeoPoint RandomPoint(Random& random, double latitude_max) {
  return {.longitude = (random.NextDouble() * 2 - 1) * kLongitudeMax,
          .latitude = (random.NextDouble() * 2 - 1) * latitude_max};
}

TEST(Geohash, DecodedIsNearAndEncodesTheSame) {
  Random random(SecureRandomUint64());
  for (int i = 0; i < 100000; ++i) {
    const GeoPoint point = RandomPoint(random, kLatitudeMax);
    const std::uint64_t bits = EncodeGeohash(point);
    const GeoPoint back = DecodeGeohash(bits);
    ASSERT_NEAR(back.longitude, point.longitude, 360.0 / (1 << 27) * 1.001);
    ASSERT_NEAR(back.latitude, point.latitude, 2 * kLatitudeMax / (1 << 27) * 1.001);
    ASSERT_EQ(EncodeGeohash(back), bits);
  }
}

TEST(GeoCover, RangesDoNotOverlap) {
  Random random(SecureRandomUint64());
  for (int i = 0; i < 20000; ++i) {
    GeoShape shape = {.centre = RandomPoint(random, kLatitudeMax)};
    shape.radius = std::exp(random.NextDouble() * 12);
    const GeoCover cover(shape);
    std::set<std::uint64_t> begins;
    for (const GeohashRange& range : cover.ranges()) {
      ASSERT_LT(range.begin, range.end);
      ASSERT_TRUE(begins.insert(range.begin).second);
    }
    ASSERT_GE(begins.size(), 1u);
  }
}

GeoShape RandomShape(Random& random) {
  GeoShape shape = {.centre = RandomPoint(random, 60)};
  // Away from the seam of the map and small enough not to reach a pole.
  shape.centre.longitude *= 0.8;
  const double size = std::exp(random.NextDouble() * 13.5);
  if (random.Below(2) == 0) {
    shape.radius = size;
  } else {
    shape.kind = GeoShape::Kind::kBox;
    shape.width = size * (0.1 + random.NextDouble());
    shape.height = size * (0.1 + random.NextDouble());
  }
  return shape;
}

// Within about three times the shape's size, or its longest side.
GeoPoint PointNear(Random& random, const GeoShape& shape) {
  const double reach = shape.radius + shape.width + shape.height;
  const double degrees = reach / 111000 * 1.5;
  GeoPoint point = shape.centre;
  point.latitude += (random.NextDouble() * 2 - 1) * degrees;
  point.longitude += (random.NextDouble() * 2 - 1) * degrees / std::cos(point.latitude / 57.3);
  return point;
}

TEST(GeoCover, FindsWhatLookingAtEveryPointFinds) {
  const std::uint64_t seed = SecureRandomUint64();
  SCOPED_TRACE(seed);
  Random random(seed);
  std::size_t inside = 0;
  for (int round = 0; round < 2000; ++round) {
    const GeoShape shape = RandomShape(random);
    const GeoCover cover(shape);
    for (int i = 0; i < 50; ++i) {
      const GeoPoint wanted = PointNear(random, shape);
      if (!IsOnMap(wanted)) continue;
      const std::uint64_t bits = EncodeGeohash(wanted);
      if (!GeoDistanceWithin(shape, DecodeGeohash(bits))) continue;
      ++inside;
      std::size_t found = 0;
      for (const GeohashRange& range : cover.ranges()) {
        found += bits >= range.begin && bits < range.end ? 1 : 0;
      }
      ASSERT_EQ(found, 1u) << shape.centre.longitude << " " << shape.centre.latitude << " "
                           << shape.radius << " " << shape.width << " " << shape.height << " to "
                           << wanted.longitude << " " << wanted.latitude;
    }
  }
  EXPECT_GT(inside, 5000u);
}

TEST(GeoShape, BoxIsMeasuredAlongItsSides) {
  const GeoShape box = {.kind = GeoShape::Kind::kBox,
                        .centre = {0, 0},
                        .unit_metres = 1000,
                        .width = 400,
                        .height = 200};
  EXPECT_TRUE(GeoDistanceWithin(box, {1.7, 0.8}));
  EXPECT_FALSE(GeoDistanceWithin(box, {1.7, 1.0}));
  EXPECT_FALSE(GeoDistanceWithin(box, {1.9, 0.8}));
}

TEST(GeoShape, LengthsThatAreNoNumbersToMeasureWith) {
  const double inf = std::numeric_limits<double>::infinity();
  for (const double radius : {0.0, 1e-300, 1e300, inf}) {
    const GeoShape shape = {.centre = kPalermo, .radius = radius};
    EXPECT_GE(GeoCover(shape).ranges().size(), 1u) << radius;
    EXPECT_TRUE(GeoDistanceWithin(shape, kPalermo)) << radius;
  }
}

}  // namespace
}  // namespace cairn::ds
