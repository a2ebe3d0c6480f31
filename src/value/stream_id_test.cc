// SPDX-License-Identifier: BSD-3-Clause
// Every form of an id that a client may write, with what Redis makes of it.
#include "value/stream_id.h"

#include <gtest/gtest.h>

namespace cairn::value {
namespace {

constexpr std::uint64_t kMax = kStreamSeqMax;

TEST(StreamId, Parse) {
  struct Row {
    std::string_view text;
    std::optional<StreamId> any;
    std::optional<StreamId> strict;
  };
  const std::string long_zeros(126, '0');
  const std::string longest = long_zeros + "5";
  const std::string too_long = longest + "5";
  using namespace std::string_view_literals;
  const Row rows[] = {
      {"5-1", {{5, 1}}, {{5, 1}}},
      {"5", {{5, 7}}, {{5, 7}}},
      {"-", kStreamIdMin, {}},
      {"+", kStreamIdMax, {}},
      {"18446744073709551615-18446744073709551615", kStreamIdMax, kStreamIdMax},
      {"18446744073709551616-1", {}, {}},
      {"1-18446744073709551616", {}, {}},
      {"", {}, {}},
      {"a", {}, {}},
      {"5-", {}, {}},
      {"-5", {}, {}},
      {"5-1-1", {}, {}},
      {"5-*", {}, {}},
      {"*", {}, {}},
      {"$", {}, {}},
      {"(5", {}, {}},
      {"1.5", {}, {}},
      // What strtoull lets through.
      {"007-01", {{7, 1}}, {{7, 1}}},
      {" 5-+3", {{5, 3}}, {{5, 3}}},
      {"5--0", {{5, 0}}, {{5, 0}}},
      {"5--1", {}, {}},
      {"5- -1", {{5, kMax}}, {{5, kMax}}},
      {"5 -1", {}, {}},
      {"5-1\0x"sv, {{5, 1}}, {{5, 1}}},
      {longest, {{5, 7}}, {{5, 7}}},
      {too_long, {}, {}},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(ParseStreamId(row.text, 7, StreamIdForm::kAny), row.any) << row.text;
    EXPECT_EQ(ParseStreamId(row.text, 7, StreamIdForm::kStrict), row.strict) << row.text;
  }
}

TEST(StreamId, NewId) {
  using Kind = NewStreamId::Kind;
  struct Row {
    std::string_view text;
    Kind kind;
    StreamId id;
  };
  const Row rows[] = {
      {"*", Kind::kAuto, {}},           {"5-*", Kind::kAutoSequence, {5, 0}},
      {"5-3", Kind::kGiven, {5, 3}},    {"5", Kind::kGiven, {5, 0}},
      {"0-*", Kind::kAutoSequence, {}}, {"0-0", Kind::kGiven, {}},
  };
  for (const Row& row : rows) {
    const auto parsed = ParseNewStreamId(row.text);
    ASSERT_TRUE(parsed) << row.text;
    EXPECT_EQ(parsed->kind, row.kind) << row.text;
    EXPECT_EQ(parsed->id, row.id) << row.text;
  }
  for (const std::string_view text : {"-", "+", "*-1", "*-*", "5-**", "", "x", "$"}) {
    EXPECT_FALSE(ParseNewStreamId(text)) << text;
  }
}

TEST(StreamId, Bounds) {
  using Bound = std::expected<StreamId, StreamBoundError>;
  const Bound invalid = std::unexpected(StreamBoundError::kInvalid);
  const Bound beyond = std::unexpected(StreamBoundError::kOutOfRange);
  struct Row {
    std::string_view text;
    Bound start;
    Bound end;
  };
  const Row rows[] = {
      {"-", kStreamIdMin, kStreamIdMin},
      {"+", kStreamIdMax, kStreamIdMax},
      {"5", StreamId{5, 0}, StreamId{5, kMax}},
      {"5-3", StreamId{5, 3}, StreamId{5, 3}},
      {"(5-3", StreamId{5, 4}, StreamId{5, 2}},
      {"(5", StreamId{5, 1}, StreamId{5, kMax - 1}},
      {"(5-0", StreamId{5, 1}, StreamId{4, kMax}},
      {"(5-18446744073709551615", StreamId{6, 0}, StreamId{5, kMax - 1}},
      {"(0-0", StreamId{0, 1}, beyond},
      {"(18446744073709551615-18446744073709551615", beyond, StreamId{kMax, kMax - 1}},
      {"(-", invalid, invalid},
      {"(+", invalid, invalid},
      {"(", invalid, invalid},
      {"((5", invalid, invalid},
      {"$", invalid, invalid},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(ParseStreamStart(row.text), row.start) << row.text;
    EXPECT_EQ(ParseStreamEnd(row.text), row.end) << row.text;
  }
}

TEST(StreamId, Format) {
  EXPECT_EQ(StreamIdToString({0, 0}), "0-0");
  EXPECT_EQ(StreamIdToString({1526919030474, 55}), "1526919030474-55");
  EXPECT_EQ(StreamIdToString(kStreamIdMax), "18446744073709551615-18446744073709551615");
  EXPECT_EQ(StreamIdToString(kStreamIdMax).size(), kStreamIdTextMax);
}

}  // namespace
}  // namespace cairn::value
