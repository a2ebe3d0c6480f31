// SPDX-License-Identifier: BSD-3-Clause
// The tables hold what redis-server 7.0.15 answered (KEYS for the case-sensitive one, CONFIG GET
// for the other), picked from 13 million answers that were compared once: one row for each mixture
// of corner cases. Random patterns are then compared with the plain recursive matcher of
// glob_model.h.
#include "base/glob.h"

#include <gtest/gtest.h>

#include <string>

#include "base/glob_model.h"
#include "base/random.h"

namespace cairn {
namespace {

struct Row {
  std::string_view pattern;
  std::string_view text;
  bool matches;
};

constexpr Row kByHand[] = {
    {"", "", true},
    {"", "a", false},
    {"a", "", false},
    {"*", "a", true},
    // A star does not match an empty text by itself: KEYS and SCAN take "*" before matching.
    {"*", "", false},
    {"**", "", false},
    {"h?llo", "hello", true},
    {"h?llo", "hllo", false},
    {"h*llo", "hllo", true},
    {"h*llo", "heeeello", true},
    {"h*llo", "hellos", false},
    {"h[ae]llo", "hallo", true},
    {"h[ae]llo", "hillo", false},
    {"h[^e]llo", "hallo", true},
    {"h[^e]llo", "hello", false},
    {"h[a-b]llo", "hbllo", true},
    {"h[a-b]llo", "hcllo", false},
    {"h[b-a]llo", "hallo", true},
    {"h\\?llo", "h?llo", true},
    {"h\\?llo", "hello", false},
    {"a*b*c", "aXbXbXc", true},
    {"a*b*c", "aXbXbX", false},
    {"*a", "aba", true},
    {"ab**", "ab", true},
    {"?", "\xff", true},
    // Ranges compare signed chars: 0xff is -1, which lies between 0x80 and 'a'.
    {"[\x80-a]", "\xff", true},
    {"[b-\x7f]", "\xff", false},
    {"[", "[", false},
    {"[^", "x", true},
    {"[]", "]", false},
    {"[^]", "]", true},
    {"[a-]", "^", true},
    {"[a-]", "a", true},
    {"[a-]", "-", false},
    {"\\", "\\", true},
    {"[\\", "\\", true},
    {"[\\]]", "]", true},
};

constexpr Row kAsOracle[] = {
    {"b\xff", "b\xff", true},     {"?**", "", false},
    {"?*\\", "*\\", true},        {"[c[", "^", false},
    {"[\xff\\", "*", false},      {"\\-\xff", "-\xff", true},
    {"\\]*", "]--b", true},       {"\\]\\", "]\\", true},
    {"\\]\xff", "a\xff", false},  {"\xff*\\", "\xff\xff", false},
    {"*[*\\", "\xff\\", true},    {"*[-*", "a-b-", true},
    {"*[^\\", "a\\", false},      {"*[^\\", "abb-", true},
    {"*\xff-*", "\xff-", true},   {"-]\\]", "--]", false},
    {"-]\\]", "-]]", true},       {"[-?*", "b", false},
    {"[Z]-", "\\-", false},       {"][\\-", "]-", true},
    {"a[^\xff", "-b", false},     {"bb--", "bb--", true},
    {"\xff?**", "\xff\\", true},  {"\xff[*?", "\xff[", false},
    {"**[\\\xff", "a\xff", true}, {"**\\Z?", "Z*", true},
    {"*-]]a", "-]]-", false},     {"*[-]*", "]bbb", false},
    {"*^*[*", "^*", true},        {"*^[[]", "^[", true},
    {"-**]]", "a-]]", false},     {"-\\a**", "-a-]", true},
    {"-\\a**", "ba-]", false},    {"-][^*", "-]a", true},
    {"?--]*", "--b]", false},     {"?[-[a", "]a", true},
    {"[--a*", "b", false},        {"[[^]\xff", "^*", false},
    {"[\\-]Z", "-Z", true},       {"[^]*a", "abba", true},
    {"[a\\[]", "a", true},        {"\\-[^]", "-a", true},
    {"\\]\\--", "b--", false},    {"]-*[^", "]--a", true},
    {"]-[a?", "]-a", true},       {"]?***", "]Z", true},
    {"]?[^^", "bbb", false},      {"][-**", "]-", true},
    {"][^^*", "]*", false},       {"\xff[?-]", "\xff[", true},
    {"**]\\]-", "-]]-", true},    {"*?*][^", "-aab", false},
    {"*Z[^\x80-", "a^", false},   {"*[a\xff-]", "]b", false},
    {"-**[*\xff", "**", false},   {"-*[c\\*", "-*", true},
    {"-*[c\\*", "b*", false},     {"-?[cb\x80", "-bb", true},
    {"-[a*?\\", "]\\", false},    {"[*?[^\\", "\\", true},
    {"[-**a*", "Z", false},       {"[-\\*c]", "\\", false},
    {"[-a\\--", "a", true},       {"[[?a*\\", "^", false},
    {"[[?a[]", "[", true},        {"[^*]^*", "Z^", true},
    {"[^\xff-[\\", "Z", false},   {"[a*\xff-\\", "b", false},
    {"][-?a\x80", "]-", true},    {"][-?a\x80", "a-", false},
    {"][^^^\x80", "[[", false},   {"^[-\\]\xff", "*-", false},
    {"^[-^\x80\\", "^a", false},  {"a[-?[\\", "a[", true},
    {"b--***", "---b", false},
};

constexpr Row kIgnoringCaseByHand[] = {
    {"HELLO", "hello", true},
    {"h[E]llo", "HeLLO", true},
    // An escaped byte in a bracket keeps its case.
    {"h[\\E]llo", "hello", false},
    {"h[\\e]llo", "hello", true},
    {"\\H*", "hello", true},
    // The ends of a range are ordered before they are folded: Z-a becomes z-a, which is empty.
    {"[Z-a]", "z", false},
    {"[A-z]", "M", true},
    {"\xc4", "\xe4", false},
};

constexpr Row kIgnoringCaseAsOracle[] = {
    {"sAv?", "save", true},
    {"**\\n*", "syslog-ident", true},
    {"[qD]ir", "dir", true},
    {"Ac*F*L*", "logfile", false},
    {"d[^\\I]R", "port", false},
    {"s*[m-Me", "save", true},
    {"saV[^\\E", "bind", false},
    {"L\\OGFI?E", "aclfile", false},
    {"b*[^m-m]", "tls-cluster", false},
    {"*[\\la*eOf", "aclfile", true},
    {"*[\\la*eOf", "timeout", false},
    {"*[qM-z\\rT", "tcp-backlog", false},
    {"?I*[^m-_]", "pidfile", false},
    {"AclF?L[\\e", "aclfile", true},
    {"PO?[^--m]", "save", false},
    {"P[^--a]rT", "bind", false},
    {"[qM-Z]ort", "save", false},
    {"[t]*S-p*T", "tls-port", true},
    {"m*x?emoRy", "maxmemory", true},
    {"p?**[^i*E", "bind", false},
    {"p?**[^i*E", "port", true},
    {"**?[^f]i?E", "maxmemory", false},
    {"**P\\LIca**", "databases", false},
    {"?\\I*[^a-Z]", "dir", true},
    {"[^e]*ICaof", "databases", false},
    {"[^sA[^\\V]*", "supervised", false},
    {"\\S?ave*[qF", "slaveof", true},
    {"\\s*[\\m-a]*", "syslog-ident", true},
    {"ap*[n*?*LY", "supervised", false},
    {"l?*?[qEvEL", "loglevel", true},
    {"l?*?[qEvEL", "tls-port", false},
    {"DAEMON*Z[qE", "databases", false},
    {"Ma?*E*u\\Se*", "masterauth", false},
    {"Tl[\\s]-PorT", "tls-port", true},
    {"UnixsOcKe[t", "unixsocket", true},
    {"[^\\L]**fIL*", "dbfilename", true},
    {"d**?[\\On*ze", "unixsocket", false},
    {"l*[qm-zFi*E", "logfile", true},
    {"l*gLEvE[^\\L", "loglevel", true},
    {"**-Th?[E]ads", "masteruser", false},
    {"**[^aM\\ic*hZ", "cluster-port", true},
    {"**[^aM\\ic*hZ", "rdbchecksum", false},
    {"**[qP?RviSe?", "tcp-backlog", false},
    {"Ac[q--_]FIle", "aclfile", true},
    {"MastEru*E[\\r", "masterauth", false},
    {"T?S*[^\\p]?r*", "tcp-keepalive", false},
    {"\\t\\IMEou[\\\\t", "pidfile", false},
    {"a*lf*l[^a-b]", "logfile", false},
    {"a?*[^fIl[M-_", "appendfsync", true},
    {"t*?\\-*O[\\r]T", "loglevel", false},
};

template <std::size_t kCount>
void ExpectAnswers(const Row (&rows)[kCount], GlobCase mode) {
  for (const Row& row : rows) {
    EXPECT_EQ(GlobMatch(row.pattern, row.text, mode), row.matches)
        << "pattern " << row.pattern << " text " << row.text;
  }
}

TEST(GlobTest, AnswersByHand) { ExpectAnswers(kByHand, GlobCase::kSensitive); }

TEST(GlobTest, AnswersAsOracle) { ExpectAnswers(kAsOracle, GlobCase::kSensitive); }

TEST(GlobTest, IgnoresCase) {
  ExpectAnswers(kIgnoringCaseByHand, GlobCase::kIgnore);
  ExpectAnswers(kIgnoringCaseAsOracle, GlobCase::kIgnore);
}

TEST(GlobTest, ZeroBytesAreOrdinary) {
  using std::string_view_literals::operator""sv;
  EXPECT_TRUE(GlobMatch("a\0*"sv, "a\0b"sv));
  EXPECT_FALSE(GlobMatch("a\0b"sv, "a\0c"sv));
  EXPECT_TRUE(GlobMatch("[\0]"sv, "\0"sv));
}

TEST(GlobTest, OnlyOneStarMatchesAll) {
  EXPECT_TRUE(GlobMatchesAll("*"));
  EXPECT_FALSE(GlobMatchesAll("**"));
  EXPECT_FALSE(GlobMatchesAll(""));
}

TEST(GlobTest, RandomPatternsAgreeWithModel) {
  constexpr std::uint64_t kSeed = 20240607;
  SCOPED_TRACE(testing::Message() << "seed " << kSeed);
  Random random(kSeed);
  const auto draw = [&random](std::string_view alphabet, std::size_t size_max) {
    std::string drawn(random.Below(size_max + 1), '\0');
    for (char& byte : drawn) byte = alphabet[random.Below(alphabet.size())];
    return drawn;
  };
  int matches = 0;
  for (int i = 0; i < 200'000; ++i) {
    const std::string pattern = draw("**?[[]]^-\\aAbz\xff", 10);
    const std::string text = draw("aAbB-]\\^z\xff", 7);
    const GlobCase mode = random.Below(2) == 0 ? GlobCase::kSensitive : GlobCase::kIgnore;
    const bool expected = GlobModel(pattern, text, mode);
    ASSERT_EQ(GlobMatch(pattern, text, mode), expected)
        << "pattern " << pattern << " text " << text;
    matches += expected ? 1 : 0;
  }
  EXPECT_GT(matches, 1000);
}

// Matched by recursion, this pattern would outlive the test.
TEST(GlobTest, ManyStarsTakeNoExponentialTime) {
  std::string pattern;
  for (int i = 0; i < 10'000; ++i) pattern += "a*";
  EXPECT_TRUE(GlobMatch(pattern, std::string(20'000, 'a')));
  EXPECT_FALSE(GlobMatch(pattern + "b", std::string(20'000, 'a')));
}

}  // namespace
}  // namespace cairn
