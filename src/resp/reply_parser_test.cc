// SPDX-License-Identifier: BSD-3-Clause
// Goal: replies become the right trees under any cutting, and a bad server is an error, not a
// crash. Method: a table of texts, each read whole and byte by byte.
#include "resp/reply_parser.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace cairn::resp {
namespace {

using Outcome = ReplyParser::Outcome;
using Type = Value::Type;

// A value in a short notation, for tables.
std::string Show(const Value& value) {
  std::string text;
  if (!value.attributes.empty()) {
    text += "|";
    for (const Value& item : value.attributes) text += Show(item) + ",";
    text += "|";
  }
  switch (value.type) {
    case Type::kNull:
      return text + "nil";
    case Type::kSimple:
      return text + "+" + value.text;
    case Type::kError:
    case Type::kBulkError:
      return text + "-" + value.text;
    case Type::kInteger:
      return text + std::to_string(value.integer);
    case Type::kBulk:
      return text + "'" + value.text + "'";
    case Type::kDouble:
      return text + "double " + value.text;
    case Type::kBool:
      return text + (value.integer != 0 ? "true" : "false");
    case Type::kBigNumber:
      return text + "big " + value.text;
    case Type::kVerbatim:
      return text + value.format + " '" + value.text + "'";
    case Type::kArray:
    case Type::kMap:
    case Type::kSet:
    case Type::kPush: {
      const char* const open = "[{~>";
      text += open[static_cast<int>(value.type) - static_cast<int>(Type::kArray)];
      for (const Value& item : value.items) text += Show(item) + ",";
      return text + "]";
    }
  }
  return text;
}

struct Read {
  std::vector<std::string> values;
  std::string error;
  bool operator==(const Read&) const = default;
};

Read ReadAll(std::string_view stream, std::size_t step, const ReplyParser::Limits& limits = {}) {
  ReplyParser parser(limits);
  Read read;
  std::string buffer;
  for (std::size_t at = 0; at < stream.size(); at += step) {
    buffer += stream.substr(at, step);
    for (;;) {
      Value value;
      const std::vector<char> moved(buffer.begin(), buffer.end());
      const Outcome outcome = parser.Next({moved.data(), moved.size()}, &value);
      buffer.erase(0, parser.consumed());
      if (outcome == Outcome::kError) read.error = parser.error();
      if (outcome != Outcome::kValue) break;
      read.values.push_back(Show(value));
    }
  }
  return read;
}

struct Row {
  std::string stream;
  std::vector<std::string> values;
  std::string error = {};
};

TEST(ReplyParser, ReadsEveryTypeUnderAnyCutting) {
  const std::vector<Row> rows = {
      {"+OK\r\n+\r\n", {"+OK", "+"}},
      {"-ERR bad\r\n", {"-ERR bad"}},
      {":12\r\n:-3\r\n", {"12", "-3"}},
      {"$3\r\nabc\r\n$0\r\n\r\n$-1\r\n", {"'abc'", "''", "nil"}},
      {"$4\r\na\r\nb\r\n", {"'a\r\nb'"}},
      {"*2\r\n:1\r\n$1\r\nx\r\n*0\r\n*-1\r\n", {"[1,'x',]", "[]", "nil"}},
      {"*2\r\n*1\r\n*0\r\n*1\r\n:7\r\n+end\r\n", {"[[[],],[7,],]", "+end"}},
      {"_\r\n#t\r\n#f\r\n", {"nil", "true", "false"}},
      {",1.5\r\n,inf\r\n,nan\r\n", {"double 1.5", "double inf", "double nan"}},
      {"(123\r\n=6\r\ntxt:hi\r\n!5\r\nERR x\r\n", {"big 123", "txt 'hi'", "-ERR x"}},
      {"%1\r\n+k\r\n:1\r\n~1\r\n:2\r\n>1\r\n+p\r\n%0\r\n", {"{+k,1,]", "~2,]", ">+p,]", "{]"}},
      {"|1\r\n+ttl\r\n:9\r\n+v\r\n:1\r\n", {"|+ttl,9,|+v", "1"}},
      {"*2\r\n|1\r\n+a\r\n:1\r\n*1\r\n:5\r\n:6\r\n", {"[|+a,1,|[5,],6,]"}},
      {"|0\r\n:1\r\n", {"1"}},
      {"*1\r\n", {}},
      {"$5\r\nab", {}},
      // Errors.
      {"?\r\n", {}, "unknown type byte"},
      {"\r\n", {}, "empty line where a reply was due"},
      {"+OK\n", {}, "line without carriage return"},
      {":x\r\n", {}, "invalid integer"},
      {",x\r\n", {}, "invalid double"},
      {"#x\r\n", {}, "invalid boolean"},
      {"_x\r\n", {}, "invalid null"},
      {"$-2\r\n", {}, "invalid bulk length"},
      {"$?\r\n", {}, "invalid bulk length"},
      {"$1\r\nabc", {}, "bulk string without end"},
      {"=1\r\nx\r\n", {}, "verbatim string without format"},
      {"*-2\r\n", {}, "invalid length"},
      {"%-1\r\n", {}, "invalid length"},
      {":1\r\n*x\r\n", {"1"}, "invalid length"},
  };
  for (const Row& row : rows) {
    for (const std::size_t step : {row.stream.size(), std::size_t{1}, std::size_t{3}}) {
      const Read read = ReadAll(row.stream, step);
      EXPECT_EQ(read.values, row.values) << row.stream;
      EXPECT_EQ(read.error, row.error) << row.stream;
    }
  }
}

TEST(ReplyParser, Limits) {
  const ReplyParser::Limits limits{
      .depth_max = 3, .bulk_bytes_max = 4, .line_bytes_max = 10, .elements_max = 5};
  const std::vector<Row> rows = {
      {"*1\r\n*1\r\n*1\r\n:1\r\n", {"[[[1,],],]"}},
      {"*1\r\n*1\r\n*1\r\n*1\r\n", {}, "reply nested too deeply"},
      {"$4\r\nabcd\r\n", {"'abcd'"}},
      {"$5\r\nabcde\r\n", {}, "bulk string too long"},
      {"+12345678\r\n", {"+12345678"}},
      {"+1234567890\r\n", {}, "line too long"},
      {"+1234567890abc", {}, "line too long"},
      {"*4\r\n:1\r\n:1\r\n:1\r\n:1\r\n", {"[1,1,1,1,]"}},
      {"*6\r\n", {}, "too many elements in one reply"},
      {"*3\r\n:1\r\n:2\r\n*4\r\n:1\r\n:1\r\n:1\r\n:1\r\n", {}, "too many elements in one reply"},
  };
  for (const Row& row : rows) {
    for (const std::size_t step : {row.stream.size(), std::size_t{1}}) {
      const Read read = ReadAll(row.stream, step, limits);
      EXPECT_EQ(read.values, row.values) << row.stream;
      EXPECT_EQ(read.error, row.error) << row.stream;
    }
  }
}

TEST(ReplyParser, AnnouncedCountTakesNoMemory) {
  ReplyParser parser;
  Value value;
  EXPECT_EQ(parser.Next("*60000000\r\n:1\r\n", &value), Outcome::kNeedMore);
  EXPECT_EQ(parser.consumed(), 15u);
}

TEST(ReplyParser, StaysInErrorUntilReset) {
  ReplyParser parser;
  Value value;
  EXPECT_EQ(parser.Next("*2\r\n?\r\n", &value), Outcome::kError);
  EXPECT_EQ(parser.Next("+OK\r\n", &value), Outcome::kError);
  parser.Reset();
  EXPECT_EQ(parser.Next("+OK\r\n", &value), Outcome::kValue);
}

}  // namespace
}  // namespace cairn::resp
