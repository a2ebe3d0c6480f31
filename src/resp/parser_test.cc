// SPDX-License-Identifier: BSD-3-Clause
// Goal: the requests and errors are Redis's, byte for byte, under any cutting of the stream.
//
// Method: one table of streams and what redis-server 7.0.15 made of them. Each row is parsed whole,
// byte by byte, at every single cut and at random cuts; the outcome must be the same. A buffer that
// is copied anew for each call shows views or offsets that outlive their bytes.
#include "resp/parser.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"

namespace cairn::resp {
namespace {

using Words = std::vector<std::string>;

// A literal with NULs in it.
template <std::size_t kSize>
std::string Bytes(const char (&text)[kSize]) {
  return {text, kSize - 1};
}

struct Parsed {
  std::vector<Words> requests;
  std::string error;     // empty: the parser wants more, or stands at a boundary
  std::size_t left = 0;  // bytes not consumed
  bool mid_request = false;
  bool operator==(const Parsed&) const = default;
};

void PrintTo(const Parsed& parsed, std::ostream* out) {
  for (const Words& words : parsed.requests) {
    for (const std::string& word : words) *out << "[" << word << "]";
    *out << "; ";
  }
  *out << "error '" << parsed.error << "' left " << parsed.left;
}

// Feeds `stream` in pieces that end at `cuts`.
Parsed ParseCut(std::string_view stream, const std::vector<std::size_t>& cuts,
                const Limits& limits = {}) {
  Parser parser;
  ArgArena arena;
  Parsed parsed;
  std::string buffer;
  std::size_t at = 0;
  const auto feed = [&](std::size_t end) {
    buffer.append(stream.substr(at, end - at));
    at = end;
    // A fresh, exactly sized copy: a stale view would be caught by the address sanitizer.
    std::vector<char> moved(buffer.begin(), buffer.end());
    std::string_view rest(moved.data(), moved.size());
    Request request;
    for (;;) {
      // As a server does it: the same head is recognised within one stretch of input.
      const bool again = parser.Again(rest, arena, &request);
      const Outcome outcome =
          again ? Outcome::kRequest : parser.Next(rest, limits, arena, &request);
      EXPECT_LE(request.consumed, rest.size());
      rest.remove_prefix(request.consumed);
      if (outcome == Outcome::kError) parsed.error = parser.error();
      if (outcome != Outcome::kRequest) break;
      parsed.requests.emplace_back(request.args, request.args + request.argc);
    }
    buffer = rest;
    arena.Reset();
  };
  for (const std::size_t cut : cuts) feed(cut);
  feed(stream.size());
  parsed.left = buffer.size();
  parsed.mid_request = parser.mid_request();
  return parsed;
}

std::vector<std::size_t> EveryByte(std::size_t size) {
  std::vector<std::size_t> cuts;
  for (std::size_t i = 0; i < size; ++i) cuts.push_back(i);
  return cuts;
}

struct Row {
  std::string stream;
  std::vector<Words> requests;
  std::string error = {};
};

std::vector<Row> RequestRows() {
  return {
      {"*1\r\n$4\r\nPING\r\n", {{"PING"}}},
      {"*2\r\n$3\r\nGET\r\n$16\r\n0123456789abcdef\r\n", {{"GET", "0123456789abcdef"}}},
      {"*2\r\n$3\r\nGET\r\n$0\r\n\r\n*1\r\n$1\r\nx\r\n", {{"GET", ""}, {"x"}}},
      {"*1\r\n$100\r\n" + std::string(100, 'v') + "\r\n", {{std::string(100, 'v')}}},
      {"*1\r\n$1000\r\n" + std::string(1000, 'v') + "\r\n", {{std::string(1000, 'v')}}},
      {"*12\r\n" +
           [] {
             std::string args;
             for (int i = 0; i < 12; ++i) args += "$1\r\na\r\n";
             return args;
           }(),
       {Words(12, "a")}},
      {Bytes("*1\r\n$3\r\n\0\r\n\r\n"), {{Bytes("\0\r\n")}}},
      {"*0\r\n*1\r\n$4\r\nPING\r\n", {{"PING"}}},
      {"*-5\r\nPING\r\n", {{"PING"}}},
      {"*1\r\n$4\r\nPING\r\n\r\nPING\r\n", {{"PING"}, {"PING"}}},
      // What Redis does not look at: the byte after '\r', the two bytes after an argument.
      {"*1\rX$4\rYPINGab", {{"PING"}}},
      {"*1\r\n$4\r\nPINGxx*1\r\n$4\r\nPING\r\n", {{"PING"}, {"PING"}}},
      // Inline.
      {"PING\r\n", {{"PING"}}},
      {"\r\n\r\n\n  \r\nPING\n", {{"PING"}}},
      {"set  a\tb \r\n", {{"set", "a", "b"}}},
      {"\vPING\r\n", {{"PING"}}},
      {"ECHO a\vb\r\n", {{"ECHO", "a\vb"}}},
      {"ECHO a\rb\r\n", {{"ECHO", "a", "b"}}},
      {"ECHO a\\n\r\n", {{"ECHO", "a\\n"}}},
      {"ECHO \"a\\x41\\n\\q\"\r\n", {{"ECHO", "aA\nq"}}},
      {"ECHO 'a\\'b\\n'\r\n", {{"ECHO", "a'b\\n"}}},
      {"ECHO a\"b c\"\r\n", {{"ECHO", "ab c"}}},
      {"\"\"\r\n", {{""}}},
      {"$4\r\nPING\r\n", {{"$4"}, {"PING"}}},
      {"+PING\r\n", {{"+PING"}}},
  };
}

// Not there yet, or never.
std::vector<Row> WaitingRows() {
  return {
      {"", {}},
      {"PING", {}},
      {"*1\r\nPING", {}},
      {"*1\r", {}},
      {"*2147483647\r\n", {}},
      {"*1\r\n$536870912\r\n", {}},
      {"*1\n$4\nPING\n", {}},
      {Bytes("PING\0\r\nPING\r\n"), {}},
      {Bytes("*1\0\r\n$4\r\nPING\r\n"), {}},
      {Bytes("*1\r\n$\0004\r\nPING\r\n"), {}},
  };
}

std::vector<Row> ErrorRows() {
  return {
      {"*x\r\n", {}, "Protocol error: invalid multibulk length"},
      {"*\r\n", {}, "Protocol error: invalid multibulk length"},
      {"*01\r\n", {}, "Protocol error: invalid multibulk length"},
      {"*-0\r\n", {}, "Protocol error: invalid multibulk length"},
      {"*+1\r\n", {}, "Protocol error: invalid multibulk length"},
      {"* 1\r\n", {}, "Protocol error: invalid multibulk length"},
      {"*2147483648\r\n", {}, "Protocol error: invalid multibulk length"},
      {"*99999999999999999999999\r\n", {}, "Protocol error: invalid multibulk length"},
      {"*1\r\n:4\r\n", {}, "Protocol error: expected '$', got ':'"},
      {"*1\r\n\r\n", {}, "Protocol error: expected '$', got '\r'"},
      {"*1\r\n\xff\r\n", {}, "Protocol error: expected '$', got '\xff'"},
      {"*2\r\n$1\r\na\r\nb\r\n", {}, "Protocol error: expected '$', got 'b'"},
      {"*1\r\n$x\r\n", {}, "Protocol error: invalid bulk length"},
      {"*1\r\n$\r\n", {}, "Protocol error: invalid bulk length"},
      {"*1\r\n$-1\r\n", {}, "Protocol error: invalid bulk length"},
      {"*1\r\n$-0\r\n", {}, "Protocol error: invalid bulk length"},
      {"*1\r\n$01\r\n", {}, "Protocol error: invalid bulk length"},
      {"*1\r\n$536870913\r\n", {}, "Protocol error: invalid bulk length"},
      {"*1\r\n$9223372036854775807\r\n", {}, "Protocol error: invalid bulk length"},
      {"ECHO \"a\r\n", {}, "Protocol error: unbalanced quotes in request"},
      {"ECHO \"a\"b\r\n", {}, "Protocol error: unbalanced quotes in request"},
      {"ECHO 'a'b\r\n", {}, "Protocol error: unbalanced quotes in request"},
      {"*1\r\n$4\r\nPING\r\n*x\r\n", {{"PING"}}, "Protocol error: invalid multibulk length"},
  };
}

std::vector<Row> Rows() {
  std::vector<Row> rows = RequestRows();
  for (const auto& more : {WaitingRows(), ErrorRows()}) {
    rows.insert(rows.end(), more.begin(), more.end());
  }
  return rows;
}

TEST(Parser, AnswersAsRedisWhole) {
  for (const Row& row : Rows()) {
    const Parsed parsed = ParseCut(row.stream, {});
    EXPECT_EQ(parsed.requests, row.requests) << testing::PrintToString(row.stream);
    EXPECT_EQ(parsed.error, row.error) << testing::PrintToString(row.stream);
  }
}

TEST(Parser, AnswersTheSameByteByByte) {
  for (const Row& row : Rows()) {
    EXPECT_EQ(ParseCut(row.stream, EveryByte(row.stream.size())), ParseCut(row.stream, {}))
        << testing::PrintToString(row.stream);
  }
}

TEST(Parser, AnswersTheSameAtEverySingleCut) {
  for (const Row& row : Rows()) {
    const Parsed whole = ParseCut(row.stream, {});
    for (std::size_t cut = 1; cut < row.stream.size(); ++cut) {
      ASSERT_EQ(ParseCut(row.stream, {cut}), whole)
          << testing::PrintToString(row.stream) << " cut at " << cut;
    }
  }
}

TEST(Parser, AnswersTheSameUnderRandomCutsOfAPipeline) {
  constexpr std::uint64_t kSeed = 20240601;
  Random random(kSeed);
  const std::vector<Row> rows = RequestRows();
  for (int round = 0; round < 300; ++round) {
    std::string stream;
    for (int i = 0; i < 12; ++i) stream += rows[random.Below(rows.size())].stream;
    std::vector<std::size_t> cuts;
    for (std::size_t at = 0; at < stream.size(); at += 1 + random.Below(40)) cuts.push_back(at);
    ASSERT_EQ(ParseCut(stream, cuts), ParseCut(stream, {})) << "seed " << kSeed;
  }
}

TEST(Parser, RepeatedRequestsAreParsedAsTheFirst) {
  constexpr std::uint64_t kSeed = 20261121;
  Random random(kSeed);
  const std::vector<Words> shapes = {{"GET", "key:1"}, {"SET", "key:1", "v"}, {"GEt", "k"},
                                     {"PING"},         {"MGET", "a", "b"},    {"LONGERNAME", "x"}};
  for (int round = 0; round < 300; ++round) {
    std::string stream;
    std::vector<Words> expected;
    for (int i = 0; i < 40; ++i) {
      Words words = shapes[random.Below(2 + random.Below(shapes.size() - 1))];
      for (std::size_t w = 1; w < words.size(); ++w) {
        words[w] = std::string(random.Below(random.Below(10) == 0 ? 300 : 30), 'x');
      }
      stream += "*" + std::to_string(words.size()) + "\r\n";
      for (const std::string& word : words) {
        stream += "$" + std::to_string(word.size()) + "\r\n" + word + "\r\n";
      }
      expected.push_back(words);
    }
    const Parsed parsed = ParseCut(stream, {random.Below(stream.size())});
    ASSERT_EQ(parsed.requests, expected) << "seed " << kSeed << " round " << round;
    ASSERT_EQ(parsed.left, 0u);
  }
}

TEST(Parser, LineLimits) {
  const auto ones = [](std::size_t count) { return std::string(count, '1'); };
  const std::vector<Row> rows = {
      {ones(65536), {}},
      {ones(65537), {}, "Protocol error: too big inline request"},
      {ones(65536) + "\n", {{ones(65536)}}},
      {ones(65537) + "\n", {}, "Protocol error: too big inline request"},
      {"*" + ones(65535), {}},
      {"*" + ones(65536), {}, "Protocol error: too big mbulk count string"},
      {"*1\r\n$" + ones(65535), {}},
      {"*1\r\n$" + ones(65536), {}, "Protocol error: too big bulk count string"},
      {Bytes("\0") + ones(65536), {}, "Protocol error: too big inline request"},
      {Bytes("a\0b\n") + ones(65533), {}, "Protocol error: too big inline request"},
  };
  for (const Row& row : rows) {
    for (const bool in_parts : {false, true}) {
      const Parsed parsed =
          ParseCut(row.stream, in_parts ? std::vector<std::size_t>{1, 9000, 40000, 65535}
                                        : std::vector<std::size_t>{});
      EXPECT_EQ(parsed.requests, row.requests) << row.stream.substr(0, 10) << row.stream.size();
      EXPECT_EQ(parsed.error, row.error) << row.stream.substr(0, 10) << row.stream.size();
    }
  }
}

TEST(Parser, UnauthenticatedLimits) {
  const Limits limits{.authenticated = false};
  const std::vector<Row> rows = {
      {"*10\r\n", {}},
      {"*11\r\n", {}, "Protocol error: unauthenticated multibulk length"},
      {"*1\r\n$16384\r\n", {}},
      {"*1\r\n$16385\r\n", {}, "Protocol error: unauthenticated bulk length"},
      {"*1\r\n$16385\r\n" + std::string(16385, 'x') + "\r\n",
       {},
       "Protocol error: unauthenticated bulk length"},
      {"*2147483648\r\n", {}, "Protocol error: invalid multibulk length"},
      {"*1\r\n$536870913\r\n", {}, "Protocol error: invalid bulk length"},
      {"a b c d e f g h i j k l\r\n",
       {{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"}}},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(ParseCut(row.stream, {}, limits).requests, row.requests) << row.stream;
    EXPECT_EQ(ParseCut(row.stream, {}, limits).error, row.error) << row.stream;
  }
}

TEST(Parser, BulkLimitIsTheConfiguredOne) {
  const Limits limits{.bulk_bytes_max = 4};
  EXPECT_EQ(ParseCut("*1\r\n$4\r\nPING\r\n", {}, limits).requests.size(), 1u);
  EXPECT_EQ(ParseCut("*1\r\n$5\r\nPINGS\r\n", {}, limits).error,
            "Protocol error: invalid bulk length");
}

TEST(Parser, ArgumentCountLimitIsTheConfiguredOne) {
  const Limits limits{.args_max = 2};
  EXPECT_EQ(ParseCut("*2\r\n$1\r\na\r\n$1\r\nb\r\n", {}, limits).requests.size(), 1u);
  EXPECT_EQ(ParseCut("*3\r\n$1\r\na\r\n$1\r\nb\r\n$1\r\nc\r\n", {}, limits).error,
            "Protocol error: invalid multibulk length");
}

std::string Multibulk(std::size_t count, std::string_view arg) {
  std::string stream = "*" + std::to_string(count) + "\r\n";
  for (std::size_t i = 0; i < count; ++i) {
    stream += "$" + std::to_string(arg.size()) + "\r\n" + std::string(arg) + "\r\n";
  }
  return stream;
}

TEST(Parser, AMillionArguments) {
  const std::string stream = Multibulk(1'000'000, "a");
  for (const auto& cuts :
       {std::vector<std::size_t>{}, std::vector<std::size_t>{stream.size() / 2}}) {
    const Parsed parsed = ParseCut(stream, cuts);
    ASSERT_EQ(parsed.requests.size(), 1u);
    EXPECT_EQ(parsed.requests[0], Words(1'000'000, "a"));
  }
}

TEST(Parser, ArgumentsOfABatchKeepTheirAddresses) {
  std::string stream;
  for (const std::size_t count : {3, 1000, 30, 1024, 1025, 2, 5000, 7}) {
    stream += Multibulk(count, "arg" + std::to_string(count));
  }
  stream += "inline 'quoted word'\r\n";
  Parser parser;
  ArgArena arena;
  std::vector<Request> requests;
  std::string_view rest = stream;
  for (Request request; parser.Next(rest, {}, arena, &request) == Outcome::kRequest;) {
    requests.push_back(request);
    rest.remove_prefix(request.consumed);
  }
  ASSERT_EQ(requests.size(), 9u);
  for (std::size_t i = 0; i < 8; ++i) {
    for (std::uint32_t arg = 0; arg < requests[i].argc; ++arg) {
      ASSERT_EQ(requests[i].args[arg], "arg" + std::to_string(requests[i].argc));
    }
  }
  EXPECT_EQ(requests[8].args[1], "quoted word");
}

// An announced count or length costs nothing until the bytes come.
TEST(Parser, TakesNoMemoryForPromises) {
  Parser parser;
  ArgArena arena;
  Request request;
  const std::string stream = "*2147483647\r\n$536870912\r\nabc";
  EXPECT_EQ(parser.Next(stream, {}, arena, &request), Outcome::kNeedMore);
  EXPECT_LE(parser.allocated_bytes(), 1024u);
  EXPECT_EQ(parser.wanted_bytes(), 13u + 12u + 536870912u + 2u);
}

TEST(Parser, EmptyLinesAreConsumedWithoutARequest) {
  Parser parser;
  ArgArena arena;
  Request request;
  const std::string stream = "\r\n*0\r\n\n*-1\r\n*1\r\n$4\r\nPI";
  EXPECT_EQ(parser.Next(stream, {}, arena, &request), Outcome::kNeedMore);
  EXPECT_EQ(request.consumed, 2u + 4u + 1u + 5u);
  EXPECT_TRUE(parser.mid_request());
  EXPECT_EQ(parser.Next("*1\r\n$4\r\nPING\r\n", {}, arena, &request), Outcome::kRequest);
  EXPECT_EQ(request.consumed, 14u);
  EXPECT_FALSE(parser.mid_request());
}

TEST(Parser, StaysInErrorUntilReset) {
  Parser parser;
  ArgArena arena;
  Request request;
  EXPECT_EQ(parser.Next("*x\r\n", {}, arena, &request), Outcome::kError);
  EXPECT_EQ(parser.Next("PING\r\n", {}, arena, &request), Outcome::kError);
  parser.Reset();
  EXPECT_EQ(parser.error(), "");
  EXPECT_EQ(parser.Next("PING\r\n", {}, arena, &request), Outcome::kRequest);
}

// A megabyte that dribbles in must not be scanned again for every byte: this takes milliseconds if
// the work is linear and many minutes if it is not.
TEST(Parser, DribbledBytesCostLinearTime) {
  const std::string stream = Multibulk(2, std::string(500'000, 'x')) + Multibulk(60'000, "ab") +
                             std::string(60'000, 'i') + "\r\n" + Bytes("\0") +
                             std::string(65'000, 'n');
  Parser parser;
  ArgArena arena;
  Request request;
  std::size_t begin = 0;
  std::size_t requests = 0;
  for (std::size_t end = 1; end <= stream.size(); ++end) {
    const std::string_view buffer(stream.data() + begin, end - begin);
    const Outcome outcome = parser.Next(buffer, {}, arena, &request);
    ASSERT_NE(outcome, Outcome::kError);
    if (outcome == Outcome::kRequest) ++requests;
    begin += request.consumed;
  }
  EXPECT_EQ(requests, 3u);
}

}  // namespace
}  // namespace cairn::resp
