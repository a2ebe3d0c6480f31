// SPDX-License-Identifier: BSD-3-Clause
// Goal: each reply's bytes in both protocols. Method: a table, and reading back with ReplyParser.
#include "resp/writer.h"

#include <gtest/gtest.h>

#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "base/random.h"
#include "resp/reply_parser.h"

namespace cairn::resp {
namespace {

std::string Written(int protocol, const std::function<void(Writer&)>& write) {
  ReplyBuffer buffer;
  Writer out(buffer, protocol);
  write(out);
  EXPECT_EQ(buffer.pending_bytes(), buffer.ToString().size());
  return buffer.ToString();
}

struct Row {
  const char* name;
  std::function<void(Writer&)> write;
  std::string resp2;
  std::string resp3;
};

TEST(Writer, BytesInBothProtocols) {
  const std::vector<Row> rows = {
      {"ok", [](Writer& w) { w.Ok(); }, "+OK\r\n", "+OK\r\n"},
      {"simple", [](Writer& w) { w.Simple("QUEUED"); }, "+QUEUED\r\n", "+QUEUED\r\n"},
      {"error", [](Writer& w) { w.Error("ERR no"); }, "-ERR no\r\n", "-ERR no\r\n"},
      {"error with line breaks", [](Writer& w) { w.Error("ERR a\r\nb\n"); }, "-ERR a  b\r\n",
       "-ERR a  b\r\n"},
      {"integer 0", [](Writer& w) { w.Integer(0); }, ":0\r\n", ":0\r\n"},
      {"integer 9", [](Writer& w) { w.Integer(9); }, ":9\r\n", ":9\r\n"},
      {"integer 10", [](Writer& w) { w.Integer(10); }, ":10\r\n", ":10\r\n"},
      {"integer 99", [](Writer& w) { w.Integer(99); }, ":99\r\n", ":99\r\n"},
      {"integer 100", [](Writer& w) { w.Integer(100); }, ":100\r\n", ":100\r\n"},
      {"integer -1", [](Writer& w) { w.Integer(-1); }, ":-1\r\n", ":-1\r\n"},
      {"integer min", [](Writer& w) { w.Integer(std::numeric_limits<std::int64_t>::min()); },
       ":-9223372036854775808\r\n", ":-9223372036854775808\r\n"},
      {"bulk", [](Writer& w) { w.Bulk("a\r\nb"); }, "$4\r\na\r\nb\r\n", "$4\r\na\r\nb\r\n"},
      {"empty bulk", [](Writer& w) { w.Bulk(""); }, "$0\r\n\r\n", "$0\r\n\r\n"},
      {"bulk from no bytes", [](Writer& w) { w.Bulk({}); }, "$0\r\n\r\n", "$0\r\n\r\n"},
      {"number as bulk", [](Writer& w) { w.StringFromInteger(-42); }, "$3\r\n-42\r\n",
       "$3\r\n-42\r\n"},
      {"null", [](Writer& w) { w.Null(); }, "$-1\r\n", "_\r\n"},
      {"null array", [](Writer& w) { w.NullArray(); }, "*-1\r\n", "_\r\n"},
      {"array", [](Writer& w) { w.Array(3); }, "*3\r\n", "*3\r\n"},
      {"long array", [](Writer& w) { w.Array(12345); }, "*12345\r\n", "*12345\r\n"},
      {"map", [](Writer& w) { w.Map(7); }, "*14\r\n", "%7\r\n"},
      {"set", [](Writer& w) { w.Set(2); }, "*2\r\n", "~2\r\n"},
      {"push", [](Writer& w) { w.Push(2); }, "*2\r\n", ">2\r\n"},
      {"true", [](Writer& w) { w.Bool(true); }, ":1\r\n", "#t\r\n"},
      {"false", [](Writer& w) { w.Bool(false); }, ":0\r\n", "#f\r\n"},
      {"double", [](Writer& w) { w.Double(1.5); }, "$3\r\n1.5\r\n", ",1.5\r\n"},
      {"infinity", [](Writer& w) { w.Double(-std::numeric_limits<double>::infinity()); },
       "$4\r\n-inf\r\n", ",-inf\r\n"},
      {"big number", [](Writer& w) { w.BigNumber("123456789012345678901"); },
       "$21\r\n123456789012345678901\r\n", "(123456789012345678901\r\n"},
      {"verbatim", [](Writer& w) { w.Verbatim("txt", "hi"); }, "$2\r\nhi\r\n", "=6\r\ntxt:hi\r\n"},
      {"raw", [](Writer& w) { w.Raw("+x\r\n"); }, "+x\r\n", "+x\r\n"},
      {"array of later length",
       [](Writer& w) {
         const std::size_t array = w.BeginArray();
         w.Integer(1);
         w.Integer(2);
         w.EndArray(array, 2);
       },
       "*2\r\n:1\r\n:2\r\n", "*2\r\n:1\r\n:2\r\n"},
      {"map of later length, nested",
       [](Writer& w) {
         const std::size_t map = w.BeginArray();
         w.Bulk("k");
         const std::size_t set = w.BeginArray();
         w.EndSet(set, 0);
         w.EndMap(map, 1);
       },
       "*2\r\n$1\r\nk\r\n*0\r\n", "%1\r\n$1\r\nk\r\n~0\r\n"},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(Written(2, row.write), row.resp2) << row.name;
    EXPECT_EQ(Written(3, row.write), row.resp3) << row.name;
  }
  EXPECT_EQ(Written(3, [](Writer& w) { w.Attribute(1); }), "|1\r\n");
}

TEST(Writer, BulkHeadersOfEveryLength) {
  for (const std::size_t size : {1, 9, 10, 11, 99, 100, 101, 999, 1000, 16383, 16384, 100'000}) {
    const std::string value(size, 'v');
    const std::string expected = "$" + std::to_string(size) + "\r\n" + value + "\r\n";
    EXPECT_EQ(Written(2, [&](Writer& w) { w.Bulk(value); }), expected);
    Blob* blob = Blob::Create(value, size, size);
    EXPECT_EQ(Written(2, [&](Writer& w) { w.BulkBlob(blob); }), expected);
    EXPECT_FALSE(blob->IsShared());
    blob->Release();
  }
}

TEST(Writer, OnlyLargeBlobsAreShared) {
  for (const std::size_t size : {kBlobThreshold - 1, kBlobThreshold}) {
    const std::string value(size, 'v');
    Blob* blob = Blob::Create(value, size, size);
    ReplyBuffer buffer;
    Writer(buffer, 2).BulkBlob(blob);
    EXPECT_EQ(blob->IsShared(), size >= kBlobThreshold);
    buffer.Clear();
    blob->Release();
  }
}

// Writes a random tree, in the protocol that keeps all its types, and expects it back.
void WriteRandom(Random& random, int depth, Writer& out, Value* value) {
  using Type = Value::Type;
  const auto text = [&] {
    return std::string(random.Below(120), static_cast<char>(random.Below(256)));
  };
  switch (random.Below(depth > 0 ? 12 : 9)) {
    case 0:
      out.Null();
      return;
    case 1:
      value->type = Type::kSimple;
      value->text = "simple";
      return out.Simple(value->text);
    case 2:
      value->type = Type::kError;
      value->text = "ERR some";
      return out.Error(value->text);
    case 3:
      value->type = Type::kInteger;
      value->integer = static_cast<std::int64_t>(random.Next() >> random.Below(64));
      return out.Integer(value->integer);
    case 4:
      value->type = Type::kDouble;
      value->number = static_cast<double>(random.Below(1000)) / 8;
      out.Double(value->number);
      return;
    case 5:
      value->type = Type::kBool;
      value->integer = 1;
      return out.Bool(true);
    case 6:
      value->type = Type::kVerbatim;
      value->format = "mkd";
      value->text = text();
      return out.Verbatim("mkd", value->text);
    case 7:
      value->type = Type::kBigNumber;
      value->text = "99999999999999999999";
      return out.BigNumber(value->text);
    case 8:
      value->type = Type::kBulk;
      value->text = text();
      return out.Bulk(value->text);
    default: {
      const Type types[] = {Type::kArray, Type::kMap, Type::kSet, Type::kPush};
      value->type = types[random.Below(4)];
      std::size_t count = random.Below(5);
      const bool late = random.Below(2) == 0 && value->type != Type::kPush;
      const std::size_t handle = late ? out.BeginArray() : 0;
      if (!late && value->type == Type::kArray) out.Array(count);
      if (!late && value->type == Type::kMap) out.Map(count);
      if (!late && value->type == Type::kSet) out.Set(count);
      if (!late && value->type == Type::kPush) out.Push(count);
      const std::size_t items = value->type == Type::kMap ? count * 2 : count;
      for (std::size_t i = 0; i < items; ++i) {
        WriteRandom(random, depth - 1, out, &value->items.emplace_back());
      }
      if (late && value->type == Type::kArray) out.EndArray(handle, count);
      if (late && value->type == Type::kMap) out.EndMap(handle, count);
      if (late && value->type == Type::kSet) out.EndSet(handle, count);
    }
  }
}

TEST(Writer, WhatIsWrittenIsReadBack) {
  constexpr std::uint64_t kSeed = 99;
  Random random(kSeed);
  for (int round = 0; round < 2000; ++round) {
    ReplyBuffer buffer;
    Writer out(buffer, 3);
    Value expected;
    WriteRandom(random, 5, out, &expected);
    ReplyParser parser;
    Value got;
    const std::string bytes = buffer.ToString();
    ASSERT_EQ(parser.Next(bytes, &got), ReplyParser::Outcome::kValue) << parser.error();
    ASSERT_EQ(parser.consumed(), bytes.size());
    // The text of a double is how it was sent; the model has only its number.
    const std::function<void(Value&)> forget = [&](Value& value) {
      if (value.type == Value::Type::kDouble) value.text.clear();
      for (Value& item : value.items) forget(item);
    };
    forget(got);
    ASSERT_EQ(got, expected) << "seed " << kSeed << " round " << round << ": " << bytes;
  }
}

}  // namespace
}  // namespace cairn::resp
