// SPDX-License-Identifier: BSD-3-Clause
// The tables hold what redis-server 7.0.15 answered: SET and INCRBY for integers, INCRBYFLOAT for
// long doubles, ZADD for doubles, inline commands for words, MONITOR for quoting. 120,000 random
// inputs were compared with it once; random round trips stay here.
#include "base/text.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

#include "base/random.h"

namespace cairn {
namespace {

using std::string_literals::operator""s;
using std::string_view_literals::operator""sv;

constexpr std::int64_t kMin = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();

template <class Number>
struct ParseRow {
  std::string_view text;
  std::optional<Number> number;
};

TEST(TextTest, ParseInt64) {
  constexpr ParseRow<std::int64_t> kRows[] = {
      {"0", 0},
      {"1", 1},
      {"-1", -1},
      {"1234567890", 1234567890},
      {"9223372036854775807", kMax},
      {"-9223372036854775808", kMin},
      {"1000000000000000000", 1000000000000000000},
      {"", {}},
      {"-", {}},
      {"--1", {}},
      {"-0", {}},
      {"00", {}},
      {"01", {}},
      {"-01", {}},
      {"+1", {}},
      {" 1", {}},
      {"1 ", {}},
      {"1.0", {}},
      {"1e3", {}},
      {"0x1", {}},
      {"12a", {}},
      {"1\0"sv, {}},
      {"9223372036854775808", {}},
      {"-9223372036854775809", {}},
      {"18446744073709551615", {}},
      {"18446744073709551616", {}},
      {"99999999999999999999", {}},
      {"100000000000000000000", {}},
      {"-18446744073709551615", {}},
      {"1844674407370955161a", {}},
  };
  for (const auto& row : kRows) EXPECT_EQ(ParseInt64(row.text), row.number) << row.text;
  EXPECT_EQ(ParseInt64(std::string_view()), std::nullopt);
}

TEST(TextTest, ParseUint64) {
  constexpr ParseRow<std::uint64_t> kRows[] = {
      {"0", 0},
      {"7", 7},
      {"9223372036854775808", std::uint64_t{1} << 63},
      {"18446744073709551615", UINT64_MAX},
      {"18446744073709551616", {}},
      {"18446744073709551620", {}},
      {"99999999999999999999", {}},
      {"000000000000000000001", {}},
      {"", {}},
      {"-1", {}},
      {"01", {}},
      {" 1", {}},
  };
  for (const auto& row : kRows) EXPECT_EQ(ParseUint64(row.text), row.number) << row.text;
}

TEST(TextTest, FormatInt64AtEveryLength) {
  std::uint64_t power = 1;
  for (int digits = 1; digits <= 20; ++digits, power *= 10) {
    for (const std::uint64_t number : {power - 1, power, power + 1, power * 9}) {
      char text[kInt64TextMax];
      EXPECT_EQ(std::string(text, FormatUint64(text, number)), std::to_string(number));
      const auto as_signed = static_cast<std::int64_t>(number);
      EXPECT_EQ(Int64ToString(as_signed), std::to_string(as_signed));
    }
  }
  EXPECT_EQ(Int64ToString(kMin), "-9223372036854775808");
  EXPECT_EQ(Int64ToString(kMax), "9223372036854775807");
}

TEST(TextTest, IntegersComeBack) {
  constexpr std::uint64_t kSeed = 1;
  Random random(kSeed);
  for (int i = 0; i < 200'000; ++i) {
    const auto number = static_cast<std::int64_t>(random.Next()) >> random.Below(64);
    const std::string text = Int64ToString(number);
    ASSERT_EQ(text, std::to_string(number)) << "seed " << kSeed;
    ASSERT_EQ(ParseInt64(text), number) << "seed " << kSeed;
  }
}

constexpr double kInfinity = std::numeric_limits<double>::infinity();

TEST(TextTest, ParseDouble) {
  constexpr ParseRow<double> kRows[] = {
      {"0", 0.0},
      {"1", 1.0},
      {"+1", 1.0},
      {"-1.5", -1.5},
      {".5", 0.5},
      {"+.5", 0.5},
      {"5.", 5.0},
      {"1e+5", 1e5},
      {"0.1e1", 1.0},
      {"0e999999", 0.0},
      {"inf", kInfinity},
      {"+inf", kInfinity},
      {"-inf", -kInfinity},
      {"Infinity", kInfinity},
      {"1e308", 1e308},
      {"3e-324", 5e-324},
      {"1e-308", 1e-308},
      {"0x10", 16.0},
      {"-0x1", -1.0},
      {"0x1p4", 16.0},
      {"0x.8", 0.5},
      {"0X1P-1074", 5e-324},
      {"", {}},
      {"-", {}},
      {".", {}},
      {"++1", {}},
      {" 1", {}},
      {"1 ", {}},
      {"\t1", {}},
      {"1e", {}},
      {"0x", {}},
      {"nan", {}},
      {"-nan", {}},
      {"NAN", {}},
      {"nan(1)", {}},
      {"1e309", {}},
      {"-1e309", {}},
      {"1e-400", {}},
      {"1e-324", {}},
      {"0x1p-1080", {}},
      {"1d5", {}},
      {"1f", {}},
      {"1\0"sv, {}},
      {"infi", {}},
  };
  for (const auto& row : kRows) EXPECT_EQ(ParseDouble(row.text), row.number) << row.text;
  EXPECT_TRUE(std::signbit(*ParseDouble("-0")));
}

TEST(TextTest, ParseDoubleLoosely) {
  struct Row {
    std::string_view text;
    std::optional<double> number;
  };
  constexpr Row kRows[] = {
      {"1.5", 1.5},
      {"", 0},
      {" 1", 1},
      {"\t-2", -2},
      {"0x10", 16},
      {"+3", 3},
      {"1e400", kInfinity},
      {"-1e400", -kInfinity},
      {"1e-400", 0},
      {"-inf", -kInfinity},
      {std::string_view("1\0junk", 6), 1},
      {"1 ", std::nullopt},
      {" ", std::nullopt},
      {"nan", std::nullopt},
      {"abc", std::nullopt},
      {"1x", std::nullopt},
  };
  for (const auto& row : kRows) EXPECT_EQ(ParseDoubleLoosely(row.text), row.number) << row.text;
}

TEST(TextTest, FormatDoubleFully) {
  struct Row {
    double number;
    std::string_view text;
  };
  constexpr Row kRows[] = {
      {0.1, "0.10000000000000001"},
      {1, "1"},
      {-0.0, "-0"},
      {1e20, "1e+20"},
      {1e-7, "9.9999999999999995e-08"},
      {std::numeric_limits<double>::infinity(), "inf"},
      {-std::numeric_limits<double>::infinity(), "-inf"},
      {-1.7976931348623157e308, "-1.7976931348623157e+308"},
  };
  for (const auto& row : kRows) {
    char text[kDoubleTextMax];
    const char* end = FormatDoubleFully(text, row.number);
    EXPECT_EQ(std::string_view(text, static_cast<std::size_t>(end - text)), row.text);
  }
}

TEST(TextTest, ParseDoubleOfAnyLength) {
  EXPECT_EQ(ParseDouble(std::string(5000, '0') + "1"), 1.0);
  EXPECT_EQ(ParseDouble("+" + std::string(5000, '0') + "1"), 1.0);
  EXPECT_EQ(ParseDouble("0." + std::string(400, '0') + "1"), std::nullopt);
  for (std::size_t size = 120; size < 136; ++size) {
    EXPECT_EQ(ParseDouble("+" + std::string(size - 1, '0')), 0.0) << size;
  }
}

TEST(TextTest, FormatDouble) {
  struct Row {
    double number;
    std::string_view text;
  };
  constexpr Row kRows[] = {
      {0, "0"},
      {-0.0, "-0"},
      {1, "1"},
      {-1, "-1"},
      {3.0, "3"},
      {1.5, "1.5"},
      {0.1, "0.1"},
      {0.3, "0.3"},
      {0.1 + 0.2, "0.30000000000000004"},
      {3.14159, "3.14159"},
      {1234567.125, "1234567.125"},
      {-1e-5, "-0.00001"},
      {0.000123, "0.000123"},
      {1e-6, "0.000001"},
      {1e-7, "1e-7"},
      {1.5e-6, "1.5e-6"},
      {1.234567e-3, "0.001234567"},
      {1.234567e-4, "1.234567e-4"},
      {123.4567890123, "123.4567890123"},
      {12345.0000001, "1.23450000001e+4"},
      {-1.5e-7, "-1.5e-7"},
      {1e-10, "1e-10"},
      {1e16, "10000000000000000"},
      {1e17, "100000000000000000"},
      {0x1p62, "4611686018427387904"},
      {-0x1p62, "-4611686018427387904"},
      {0x1p63, "9223372036854776000"},
      {6123456789012345678.0, "6123456789012346000"},
      {5e18, "5e+18"},
      {1e19, "1e+19"},
      {1e20, "1e+20"},
      {1.5e25, "1.5e+25"},
      {123456789012345678901.0, "123456789012345680000"},
      {9007199254740991.0, "9007199254740991"},
      {9007199254740992.0, "9007199254740992"},
      {-9007199254740992.0, "-9007199254740992"},
      {1e100, "1e+100"},
      {1e300, "1e+300"},
      {1.7976931348623157e308, "1.7976931348623157e+308"},
      {5e-324, "5e-324"},
      {kInfinity, "inf"},
      {-kInfinity, "-inf"},
      {std::numeric_limits<double>::quiet_NaN(), "nan"},
      {-std::numeric_limits<double>::quiet_NaN(), "nan"},
  };
  for (const Row& row : kRows) {
    char text[kDoubleTextMax];
    EXPECT_EQ(std::string_view(text, FormatDouble(text, row.number)), row.text);
  }
}

TEST(TextTest, DoublesComeBack) {
  constexpr std::uint64_t kSeed = 2;
  Random random(kSeed);
  for (int i = 0; i < 100'000; ++i) {
    const auto number = std::bit_cast<double>(random.Next());
    if (!std::isfinite(number)) continue;
    char text[kDoubleTextMax];
    const std::string_view shown(text, FormatDouble(text, number));
    ASSERT_EQ(ParseDouble(shown), number) << shown << " seed " << kSeed;
  }
}

TEST(TextTest, LongDoublesAreReadAndShown) {
  struct Row {
    std::string_view text;
    std::string_view shown;  // empty: not a number
  };
  constexpr Row kRows[] = {
      {"0", "0"},
      {"10.5", "10.5"},
      {"3.0e3", "3000"},
      {"0.1", "0.1"},
      {"-0", "0"},
      {"-0.0", "0"},
      {"-1e-30", "0"},
      {"0x10", "16"},
      {"+1", "1"},
      {".5", "0.5"},
      {"5.", "5"},
      {"1e5", "100000"},
      {"0e99999", "0"},
      {"1e-4950", "0"},
      {"inf", "inf"},
      {"-Infinity", "-inf"},
      {"100", "100"},
      {"1e20", "100000000000000000000"},
      {"3.00000000000000001", "3.00000000000000001"},
      {"", ""},
      {"-", ""},
      {".", ""},
      {" 1", ""},
      {"1 ", ""},
      {"\v1", ""},
      {"1e", ""},
      {"0x", ""},
      {"nan", ""},
      {"-nan", ""},
      {"nan(1)", ""},
      {"1e4933", ""},
      {"1e-4951", ""},
      {"1_000", ""},
      {"1\0"sv, ""},
  };
  for (const Row& row : kRows) {
    const auto number = ParseLongDouble(row.text);
    EXPECT_EQ(number ? FormatLongDouble(*number) : "", row.shown) << row.text;
  }
  EXPECT_EQ(FormatLongDouble(std::numeric_limits<long double>::quiet_NaN()), "nan");
}

TEST(TextTest, LongDoublesHaveALongestText) {
  const std::string longest = std::string(5117, '0') + ".1";
  EXPECT_EQ(longest.size(), kLongDoubleTextMax - 1);
  EXPECT_EQ(FormatLongDouble(ParseLongDouble(longest).value_or(0)), "0.1");
  EXPECT_EQ(ParseLongDouble("0" + longest), std::nullopt);

  const long double largest = std::numeric_limits<long double>::max();
  const std::string shown = FormatLongDouble(-largest);
  EXPECT_EQ(shown.size(), 1 + 4933);
  EXPECT_EQ(ParseLongDouble(shown), -largest);
}

TEST(TextTest, ParseMemorySize) {
  constexpr ParseRow<std::int64_t> kRows[] = {
      {"0", 0},
      {"1", 1},
      {"007", 7},
      {"1b", 1},
      {"5k", 5000},
      {"1kb", 1024},
      {"1Kb", 1024},
      {"1KB", 1024},
      {"2m", 2000000},
      {"100mb", 104857600},
      {"3g", 3000000000},
      {"1gB", 1073741824},
      {"", 0},
      {"b", 0},
      {"kb", 0},
      {"9223372036854775807", kMax},
      {"8796093022207mb", 8796093022207 * 1048576},
      {"9223372036854775808", {}},
      {"18446744073709551617", {}},
      {"9223372036854775807k", {}},
      {"8796093022208mb", {}},
      {"-1", {}},
      {"+1", {}},
      {" 1", {}},
      {"1 ", {}},
      {"1.5gb", {}},
      {"1t", {}},
      {"1kk", {}},
      {"1kb ", {}},
      {"1\0"sv, {}},
  };
  for (const auto& row : kRows) EXPECT_EQ(ParseMemorySize(row.text), row.number) << row.text;
  EXPECT_EQ(ParseMemorySize(std::string(126, '0') + "1"), 1);
  EXPECT_EQ(ParseMemorySize(std::string(127, '0') + "1"), std::nullopt);
}

TEST(TextTest, CaseIsOnlyAscii) {
  EXPECT_TRUE(EqualsIgnoreCase("", ""));
  EXPECT_TRUE(EqualsIgnoreCase("GeT", "gEt"));
  EXPECT_FALSE(EqualsIgnoreCase("get", "gets"));
  EXPECT_FALSE(EqualsIgnoreCase("@", "`"));
  EXPECT_FALSE(EqualsIgnoreCase("[", "{"));
  EXPECT_FALSE(EqualsIgnoreCase("\xc4", "\xe4"));
  EXPECT_EQ(ToLower("A-Z[\xc4]0"), "a-z[\xc4]0");
  EXPECT_EQ(ToUpper("a-z{\xe4}0"), "A-Z{\xe4}0");
}

using Words = std::optional<std::vector<std::string>>;

TEST(TextTest, SplitWords) {
  struct Row {
    std::string_view line;
    Words words;
  };
  const Row rows[] = {
      {"", Words(std::in_place)},
      {" \t\r\n\v\f ", Words(std::in_place)},
      {"get key", {{"get", "key"}}},
      {"  set\tkey \r\n value  ", {{"set", "key", "value"}}},
      {"a\vb\fc d", {{"a\vb\fc", "d"}}},
      {"\va", {{"a"}}},
      {"\"\"", {{""}}},
      {"''", {{""}}},
      {"\"a b\" 'c d'", {{"a b", "c d"}}},
      {R"("\n\r\t\b\a\\\"\q")", {{"\n\r\t\b\a\\\"q"}}},
      {R"("\x41\x4a\xFf\x00")", {{"AJ\xff\0"s}}},
      {R"("\x4" "\xg1")", {{"x4", "xg1"}}},
      {R"('\n\'\\ ')", {{R"(\n'\\ )"}}},
      {R"('a\\')", {}},
      {R"(a\nb)", {{R"(a\nb)"}}},
      {R"(foo"bar" x)", {{"foobar", "x"}}},
      {R"(foo'b r')", {{"foob r"}}},
      {"\"a\"\vb", {{"a", "b"}}},
      {R"("a"b)", {}},
      {R"('a'b)", {}},
      {R"("a""b")", {}},
      {R"("a)", {}},
      {R"('a)", {}},
      {R"("a\)", {}},
      {R"("a\")", {}},
      {R"('a\')", {}},
      {"a\0b c"sv, {{"a"}}},
      {"\"a\0b\""sv, {}},
      {"\"a\"\0b"sv, {{"a"}}},
  };
  for (const Row& row : rows) EXPECT_EQ(SplitWords(row.line), row.words) << row.line;
}

TEST(TextTest, QuoteStringShowsEveryByte) {
  EXPECT_EQ(QuoteString(""), R"("")");
  EXPECT_EQ(QuoteString("a b~"), R"("a b~")");
  EXPECT_EQ(QuoteString("\\\"\n\r\t\a\b"), R"("\\\"\n\r\t\a\b")");
  EXPECT_EQ(QuoteString("\0\x1f\x7f\x80\xff\v"sv), R"("\x00\x1f\x7f\x80\xff\x0b")");
}

TEST(TextTest, QuotedBytesComeBackAsOneWord) {
  constexpr std::uint64_t kSeed = 3;
  Random random(kSeed);
  for (int i = 0; i < 20'000; ++i) {
    std::string bytes(random.Below(20), '\0');
    for (char& byte : bytes) byte = static_cast<char>(random.Next());
    ASSERT_EQ(SplitWords(QuoteString(bytes)), Words{{bytes}}) << "seed " << kSeed;
  }
}

}  // namespace
}  // namespace cairn
