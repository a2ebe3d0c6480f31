// SPDX-License-Identifier: BSD-3-Clause
// What is read from the arguments of stream commands, and what Redis says of bad ones: the texts
// for options that it had in 7.0 were asked of 7.0.15.
#include "commands/stream_args.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/text.h"
#include "command/errors.h"

namespace cairn::commands {
namespace {

namespace errors = stream_errors;
using Kind = value::StreamTrim::Kind;
using Precision = value::StreamTrim::Precision;
using References = value::StreamReferences;

// The words of a line as arguments.
class Words {
 public:
  explicit Words(std::string_view line) : words_(SplitWords(line).value()) {
    views_.assign(words_.begin(), words_.end());
  }
  Args args() const { return views_; }

 private:
  std::vector<std::string> words_;
  std::vector<std::string_view> views_;
};

void ExpectTrim(const value::StreamTrim& trim, const value::StreamTrim& expected) {
  EXPECT_EQ(trim.kind, expected.kind);
  EXPECT_EQ(trim.precision, expected.precision);
  EXPECT_EQ(trim.references, expected.references);
  EXPECT_EQ(trim.max_length, expected.max_length);
  EXPECT_EQ(trim.min_id, expected.min_id);
  EXPECT_EQ(trim.limit, expected.limit);
}

struct TrimRow {
  std::string_view options;
  Kind kind;
  Precision precision;
  References references;
  std::uint64_t max_length;
  value::StreamId min_id;
  std::uint64_t limit;
};

constexpr auto kExact = Precision::kExact;
constexpr auto kNodes = Precision::kWholeNodes;
const TrimRow kTrims[] = {
    {"MAXLEN 5", Kind::kMaxLength, kExact, References::kKeep, 5, {}, 0},
    {"maxlen = 0", Kind::kMaxLength, kExact, References::kKeep, 0, {}, 0},
    {"MAXLEN ~ 5", Kind::kMaxLength, kNodes, References::kKeep, 5, {}, 10'000},
    {"MAXLEN ~ 5 LIMIT 0", Kind::kMaxLength, kNodes, References::kKeep, 5, {}, 0},
    {"LIMIT 7 MAXLEN ~ 5", Kind::kMaxLength, kNodes, References::kKeep, 5, {}, 7},
    {"LIMIT 7 MAXLEN ~ 5 LIMIT 8", Kind::kMaxLength, kNodes, References::kKeep, 5, {}, 8},
    {"MINID 7-3", Kind::kMinId, kExact, References::kKeep, 0, {7, 3}, 0},
    {"MINID ~ 7", Kind::kMinId, kNodes, References::kKeep, 0, {7, 0}, 10'000},
    {"MAXLEN 5 ACKED", Kind::kMaxLength, kExact, References::kAcknowledged, 5, {}, 0},
    {"delref MINID = 9", Kind::kMinId, kExact, References::kDrop, 0, {9, 0}, 0},
    {"KEEPREF MINID 9", Kind::kMinId, kExact, References::kKeep, 0, {9, 0}, 0},
};

TEST(StreamArgs, Trims) {
  for (const TrimRow& row : kTrims) {
    SCOPED_TRACE(row.options);
    const value::StreamTrim expected{row.kind,       row.precision, row.references,
                                     row.max_length, row.min_id,    row.limit};
    const Words xtrim("XTRIM k " + std::string(row.options));
    const auto trim = ParseXtrim(xtrim.args(), {});
    ASSERT_TRUE(trim) << trim.error();
    ExpectTrim(*trim, expected);
    const Words xadd("XADD k " + std::string(row.options) + " * f v");
    const auto add = ParseXadd(xadd.args(), {});
    ASSERT_TRUE(add) << add.error();
    ASSERT_TRUE(add->trim);
    ExpectTrim(*add->trim, expected);
    EXPECT_EQ(xadd.args()[add->fields_at], "f");
  }
}

TEST(StreamArgs, LimitFollowsTheNodes) {
  struct Row {
    std::size_t node_entries;
    std::uint64_t limit;
  };
  const Row rows[] = {{0, 10'000},         {1, 100},
                      {100, 10'000},       {10'000, 1'000'000},
                      {10'001, 1'000'000}, {SIZE_MAX, 1'000'000}};
  const Words words("XTRIM k MAXLEN ~ 5");
  for (const Row& row : rows) {
    EXPECT_EQ(ParseXtrim(words.args(), {.node_entries = row.node_entries})->limit, row.limit);
  }
}

TEST(StreamArgs, Xadd) {
  using IdKind = value::NewStreamId::Kind;
  struct Row {
    std::string_view line;
    bool make_stream;
    IdKind kind;
    value::StreamId id;
    std::size_t fields_at;
  };
  const Row rows[] = {
      {"XADD k * f v", true, IdKind::kAuto, {}, 3},
      {"XADD k 5-* f v", true, IdKind::kAutoSequence, {5, 0}, 3},
      {"XADD k 0-* f v", true, IdKind::kAutoSequence, {0, 0}, 3},
      {"XADD k 5 f v", true, IdKind::kGiven, {5, 0}, 3},
      {"XADD k nomkstream 5-1 f v", false, IdKind::kGiven, {5, 1}, 4},
      {"XADD k NOMKSTREAM NOMKSTREAM ACKED * MAXLEN 3", false, IdKind::kAuto, {}, 6},
      {"XADD k * NOMKSTREAM v", true, IdKind::kAuto, {}, 3},
  };
  for (const Row& row : rows) {
    const Words words(row.line);
    const auto parsed = ParseXadd(words.args(), {});
    ASSERT_TRUE(parsed) << row.line << ": " << parsed.error();
    EXPECT_EQ(parsed->make_stream, row.make_stream) << row.line;
    EXPECT_EQ(parsed->id.kind, row.kind) << row.line;
    EXPECT_EQ(parsed->id.id, row.id) << row.line;
    EXPECT_EQ(parsed->fields_at, row.fields_at) << row.line;
    EXPECT_FALSE(parsed->trim) << row.line;
  }
}

TEST(StreamArgs, XaddErrors) {
  struct Row {
    std::string_view line;
    std::string_view error;
  };
  const Row rows[] = {
      {"XADD k * f", errors::kXaddArity},
      {"XADD k * f v g", errors::kXaddArity},
      {"XADD k 0-0 f v", errors::kIdZero},
      {"XADD k 0-0 f", errors::kXaddArity},
      {"XADD k 5-x f v", errors::kInvalidId},
      {"XADD k - f v", errors::kInvalidId},
      {"XADD k MAXLEN 5 f v", errors::kInvalidId},
      {"XADD k MAXLEN ~ f v", command::errors::kNotAnInteger},
      {"XADD k MAXLEN = 5 LIMIT 0 * f v", errors::kLimitWithoutTilde},
      {"XADD k LIMIT 0 * f v", errors::kLimitWithoutTilde},
      {"XADD k LIMIT 5 * f v", errors::kLimitWithoutStrategy},
      {"XADD k LIMIT -1 * f v", errors::kLimitNegative},
      {"XADD k LIMIT x * f v", command::errors::kNotAnInteger},
      {"XADD k MAXLEN 5 MINID 5 * f v", errors::kTwoStrategies},
      {"XADD k MAXLEN 5 MAXLEN 5 * f v", errors::kTwoStrategies},
      {"XADD k MAXLEN -5 * f v", errors::kMaxLenNegative},
      {"XADD k MINID + * f v", errors::kInvalidId},
      {"XADD k MINID ~ 5-x * f v", errors::kInvalidId},
      {"XADD k NOMKSTREAM NOMKSTREAM MAXLEN 3", errors::kXaddArity},
      {"XADD k NOMKSTREAM LIMIT 5 f v", errors::kInvalidId},
      {"XADD k KEEPREF ACKED * f v", command::errors::kSyntax},
  };
  for (const Row& row : rows) {
    const Words words(row.line);
    const auto parsed = ParseXadd(words.args(), {});
    ASSERT_FALSE(parsed) << row.line;
    EXPECT_EQ(parsed.error(), row.error) << row.line;
  }
}

TEST(StreamArgs, XtrimErrors) {
  struct Row {
    std::string_view line;
    std::string_view error;
  };
  const Row rows[] = {
      {"XTRIM k MAXLEN ~", command::errors::kNotAnInteger},
      {"XTRIM k MAXLEN =", command::errors::kNotAnInteger},
      {"XTRIM k LIMIT 0", errors::kNoStrategy},
      {"XTRIM k LIMIT 5", errors::kLimitWithoutStrategy},
      {"XTRIM k MINID 5 LIMIT 5", errors::kLimitWithoutTilde},
      {"XTRIM k MAXLEN 5 foo", command::errors::kSyntax},
      {"XTRIM k NOMKSTREAM MAXLEN 5", command::errors::kSyntax},
      {"XTRIM k MAXLEN 5 LIMIT", command::errors::kSyntax},
      {"XTRIM k LIMIT 0 MAXLEN 5", errors::kLimitWithoutTilde},
      {"XTRIM k ACKED", errors::kNoStrategy},
      {"XTRIM k MAXLEN 5 ACKED ACKED", command::errors::kSyntax},
  };
  for (const Row& row : rows) {
    const Words words(row.line);
    const auto parsed = ParseXtrim(words.args(), {});
    ASSERT_FALSE(parsed) << row.line;
    EXPECT_EQ(parsed.error(), row.error) << row.line;
  }
}

TEST(StreamArgs, Ids) {
  struct Row {
    std::string_view line;
    std::string_view error;  // empty: good
    References references;
    std::size_t ids_at;
    std::size_t ids;
  };
  constexpr auto kKeep = References::kKeep;
  const Row rows[] = {
      {"XDELEX k IDS 2 1-1 2-2", "", kKeep, 4, 2},
      {"XDELEX k ACKED ids 1 1-1", "", References::kAcknowledged, 5, 1},
      {"XDELEX k IDS 1 1-1 DELREF", "", References::kDrop, 4, 1},
      {"XDELEX k IDS 0 1-1", errors::kNumIdsNotPositive, kKeep, 0, 0},
      {"XDELEX k IDS -1 1-1", errors::kNumIdsNotPositive, kKeep, 0, 0},
      {"XDELEX k IDS x 1-1", errors::kNumIdsNotPositive, kKeep, 0, 0},
      {"XDELEX k IDS 2 1-1", errors::kNumIdsMismatch, kKeep, 0, 0},
      {"XDELEX k IDS 9223372036854775807 1-1", errors::kNumIdsMismatch, kKeep, 0, 0},
      {"XDELEX k IDS 1 1-1 2-2", command::errors::kSyntax, kKeep, 0, 0},
      {"XDELEX k ACKED DELREF IDS 1 1-1", command::errors::kSyntax, kKeep, 0, 0},
      {"XDELEX k IDS 1 1-1 IDS 1 1-1", command::errors::kSyntax, kKeep, 0, 0},
      {"XDELEX k ACKED", command::errors::kSyntax, kKeep, 0, 0},
      {"XDELEX k IDS", command::errors::kSyntax, kKeep, 0, 0},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.line);
    const Words words(row.line);
    const auto parsed = ParseStreamIds(words.args(), 2);
    ASSERT_EQ(parsed.has_value(), row.error.empty());
    if (!parsed) {
      EXPECT_EQ(parsed.error(), row.error);
      continue;
    }
    EXPECT_EQ(parsed->references, row.references);
    EXPECT_EQ(parsed->ids_at, row.ids_at);
    EXPECT_EQ(parsed->ids, row.ids);
  }
}

}  // namespace
}  // namespace cairn::commands
