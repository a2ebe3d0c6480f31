// SPDX-License-Identifier: BSD-3-Clause
// Goal: the tests' own decoder tells partial from malformed, and its limit holds. Method: every
// prefix of one reply that has all the types, and a table of bytes that are none.
#include "support/reply.h"

#include <gtest/gtest.h>

namespace cairn::testing {
namespace {

TEST(DecodeReply, EveryPrefixIsPartial) {
  const std::string_view whole =
      "*3\r\n$2\r\nab\r\n%1\r\n+k\r\n,1.5\r\n|1\r\n+a\r\n:1\r\n=5\r\ntxt:x\r\n";
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const auto decoded = DecodeReply(whole.substr(0, size));
    ASSERT_TRUE(decoded.has_value()) << size;
    EXPECT_FALSE(decoded->has_value()) << size;
  }
  const auto decoded = DecodeReply(std::string(whole) + "+next\r\n");
  ASSERT_TRUE(decoded.has_value() && decoded->has_value());
  EXPECT_EQ((*decoded)->size, whole.size());
}

TEST(DecodeReply, MalformedIsAnError) {
  for (const std::string_view bytes :
       {"?\r\n", "\r\n", ":x\r\n", "$-2\r\n", "$1\r\nabc\r\n", "*x\r\n", "#y\r\n", "_x\r\n",
        "%-1\r\n", "=-1\r\n", "*99999999999\r\n"}) {
    EXPECT_FALSE(DecodeReply(bytes).has_value()) << bytes;
  }
}

TEST(DecodeReply, DepthHasALimit) {
  std::string deep;
  for (int i = 0; i < kReplyDepthMax + 1; ++i) deep += "*1\r\n";
  EXPECT_FALSE(DecodeReply(deep + ":1\r\n").has_value());
  EXPECT_TRUE(DecodeReply(deep.substr(4) + ":1\r\n").has_value());
}

TEST(Downgrade, GivesWhatResp2Sends) {
  const auto resp3 = DecodeReply("%2\r\n+a\r\n#t\r\n+b\r\n~1\r\n=5\r\ntxt:x\r\n");
  const auto resp2 = DecodeReply("*4\r\n+a\r\n:1\r\n+b\r\n*1\r\n$1\r\nx\r\n");
  ASSERT_TRUE(resp3.has_value() && resp2.has_value());
  EXPECT_EQ(Downgrade((*resp3)->reply), (*resp2)->reply);
}

}  // namespace
}  // namespace cairn::testing
