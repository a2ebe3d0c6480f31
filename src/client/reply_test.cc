// SPDX-License-Identifier: BSD-3-Clause
// Replies as RESP2 and RESP3 send them, under any cutting, and what they can be read as; commands.
#include "cairn/reply.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "cairn/command.h"
#include "client/reply_decoder.h"

namespace cairn::client {
namespace {

using cache::Command;
using cache::Errc;
using cache::Reply;
using Outcome = ReplyDecoder::Outcome;

struct Row {
  std::string bytes;
  Reply reply;
};

std::vector<Row> Rows() {
  return {
      {"+OK\r\n", Reply::Simple("OK")},
      {"-ERR no\r\n", Reply::OfError("ERR no")},
      {"!6\r\nERR no\r\n", Reply::OfError("ERR no")},
      {":-12\r\n", Reply::Integer(-12)},
      {"$5\r\na\r\nbc\r\n", Reply::Text("a\r\nbc")},
      {"$0\r\n\r\n", Reply::Text("")},
      {"$-1\r\n", Reply::Null()},
      {"*-1\r\n", Reply::Null()},
      {"_\r\n", Reply::Null()},
      {"#t\r\n", Reply::Bool(true)},
      {",1.5\r\n", Reply::Double(1.5)},
      {"(123456789012345678901234567890\r\n",
       Reply::Scalar(Reply::Type::kBigNumber, "123456789012345678901234567890")},
      {"=7\r\ntxt:abc\r\n", Reply::Scalar(Reply::Type::kVerbatim, "abc")},
      {"*2\r\n$1\r\na\r\n*1\r\n:1\r\n",
       Reply::Aggregate(
           Reply::Type::kArray,
           {Reply::Text("a"), Reply::Aggregate(Reply::Type::kArray, {Reply::Integer(1)})})},
      {"*5\r\n+fresh\r\n$1\r\na\r\n$-1\r\n_\r\n:-1\r\n",
       Reply::Aggregate(Reply::Type::kArray, {Reply::Simple("fresh"), Reply::Text("a"),
                                              Reply::Null(), Reply::Null(), Reply::Integer(-1)})},
      {"*0\r\n", Reply::Aggregate(Reply::Type::kArray, {})},
      {"*2\r\n:1\r\n#t\r\n",
       Reply::Aggregate(Reply::Type::kArray, {Reply::Integer(1), Reply::Bool(true)})},
      {"%1\r\n+k\r\n+v\r\n",
       Reply::Aggregate(Reply::Type::kMap, {Reply::Simple("k"), Reply::Simple("v")})},
      {">2\r\n+invalidate\r\n_\r\n",
       Reply::Aggregate(Reply::Type::kPush, {Reply::Simple("invalidate"), Reply::Null()})},
  };
}

// All rows one after the other, fed in pieces of `step` bytes.
TEST(ReplyDecoder, AnyCutting) {
  std::string stream;
  std::vector<Reply> wanted;
  for (const Row& row : Rows()) {
    stream += row.bytes;
    wanted.push_back(row.reply);
  }
  for (std::size_t step = 1; step <= stream.size(); ++step) {
    ReplyDecoder decoder;
    std::vector<Reply> got;
    std::string buffer;
    for (std::size_t at = 0; at < stream.size(); at += step) {
      buffer += stream.substr(at, step);
      Reply reply;
      while (decoder.Next(buffer, &reply) == Outcome::kValue) {
        buffer.erase(0, decoder.consumed());
        got.push_back(reply);
      }
      buffer.erase(0, decoder.consumed());
    }
    ASSERT_EQ(got, wanted) << "pieces of " << step;
    EXPECT_TRUE(buffer.empty());
  }
}

TEST(ReplyDecoder, RefusesWhatIsNoReply) {
  for (const char* bytes : {"hello\r\n", ":x\r\n", "$-2\r\n", "$99999999999\r\n", "$1\r\nabc\r\n",
                            "*1\r\n:1x\r\n", "\r\n"}) {
    ReplyDecoder decoder;
    Reply reply;
    const std::string buffer = bytes;
    EXPECT_EQ(decoder.Next(buffer, &reply), Outcome::kError) << bytes;
    EXPECT_FALSE(decoder.error().empty()) << bytes;
    decoder.Reset();
    EXPECT_EQ(decoder.Next("+OK\r\n", &reply), Outcome::kValue);
  }
}

TEST(ReplyDecoder, HoldsItsLimit) {
  ReplyDecoder decoder({.bulk_bytes_max = 4});
  Reply reply;
  EXPECT_EQ(decoder.Next("$4\r\nabcd\r\n", &reply), Outcome::kValue);
  EXPECT_EQ(decoder.Next("$5\r\nabcde\r\n", &reply), Outcome::kError);
}

TEST(Reply, ReadsBothProtocols) {
  EXPECT_EQ(Reply::Integer(7).AsInteger().value(), 7);
  EXPECT_EQ(Reply::Text("7").AsInteger().value(), 7);
  EXPECT_EQ(Reply::Text("1.5").AsDouble().value(), 1.5);
  EXPECT_EQ(Reply::Double(1.5).AsDouble().value(), 1.5);
  EXPECT_TRUE(Reply::Integer(1).AsBool().value());
  EXPECT_TRUE(Reply::Bool(true).AsBool().value());
  EXPECT_EQ(Reply::Text("x").AsInteger().error().code, Errc::kType);
  EXPECT_EQ(Reply::Null().AsText().error().detail, "the reply is of type null, not text");
  for (const Reply::Type type : {Reply::Type::kMap, Reply::Type::kArray}) {
    const Reply map = Reply::Aggregate(
        type, {Reply::Text("a"), Reply::Integer(1), Reply::Simple("b"), Reply::Text("two")});
    ASSERT_NE(map.Find("b"), nullptr);
    EXPECT_EQ(map.Find("b")->text(), "two");
    EXPECT_EQ(map.Find("two"), nullptr);
  }
}

TEST(Command, WordsOfEveryKind) {
  const std::string key("k\0y", 3);
  Command command("SET", key, -5, 7u, 0.25, std::string_view(""), INT64_MIN, UINT64_MAX);
  command.Add("ninth").AddAll(std::vector<std::string>{"tenth", "eleventh"});
  const std::vector<std::string> wanted = {
      "SET",   key,     "-5",      "7", "0.25", "", "-9223372036854775808", "18446744073709551615",
      "ninth", "tenth", "eleventh"};
  ASSERT_EQ(command.size(), wanted.size());
  for (std::size_t i = 0; i < wanted.size(); ++i) EXPECT_EQ(command[i], wanted[i]) << i;
}

}  // namespace
}  // namespace cairn::client
