// SPDX-License-Identifier: BSD-3-Clause
// The line of CLIENT LIST, field by field, and the names of client types.
#include "server/client_line.h"

#include <gtest/gtest.h>

namespace cairn::server {
namespace {

TEST(ClientLine, HasEveryFieldInOrder) {
  const std::string command = "client|list";
  ClientInfo info;
  info.id = ClientId(7);
  info.fd = 9;
  info.created_ms = 1'000;
  info.last_interaction_ms = 9'500;
  info.last_command = &command;
  info.input_bytes = 1;
  info.input_free_bytes = 2;
  info.output_bytes = 3;
  info.output_pieces = 4;
  info.reply_buffer_bytes = 5;
  info.memory_bytes = 6;
  info.db = 8;
  info.protocol = 3;
  info.writable_wanted = true;
  info.texts = {.address = "1.2.3.4:5",
                .local_address = "6.7.8.9:10",
                .name = "me",
                .library_name = "lib",
                .library_version = "1.0"};
  EXPECT_EQ(ClientLine(info, 12'000, 11),
            "id=7 addr=1.2.3.4:5 laddr=6.7.8.9:10 fd=9 name=me age=11 idle=2 flags=N db=8 sub=0 "
            "psub=0 ssub=0 multi=-1 qbuf=1 qbuf-free=2 argv-mem=11 multi-mem=0 rbs=5 rbp=5 obl=3 "
            "oll=4 omem=3 tot-mem=6 events=rw cmd=client|list user=default redir=-1 resp=3 "
            "lib-name=lib lib-ver=1.0\n");
}

TEST(ClientLine, AClientThatHasSaidNothingHasNoCommand) {
  const ClientInfo info;
  EXPECT_NE(ClientLine(info, 0, 0).find(" cmd=NULL "), std::string::npos);
}

TEST(ClientLine, AClockThatWentBackMakesNoNegativeAge) {
  ClientInfo info;
  info.created_ms = 5'000;
  EXPECT_NE(ClientLine(info, 1'000, 0).find(" age=0 idle=1 "), std::string::npos);
}

TEST(ClientLine, FlagsStandInRedisOrder) {
  ClientInfo info;
  info.no_touch = true;
  info.no_evict = true;
  info.closing = true;
  info.is_unix_socket = true;
  EXPECT_NE(ClientLine(info, 0, 0).find(" flags=cUeT "), std::string::npos);
  info.multi_count = 0;
  info.waits_for_room = true;
  EXPECT_NE(ClientLine(info, 0, 0).find(" flags=xbcUeT "), std::string::npos);
}

TEST(ParseClientClass, KnowsRedisNames) {
  ClientClass parsed;
  ASSERT_TRUE(ParseClientClass("Normal", &parsed));
  EXPECT_EQ(parsed, ClientClass::kNormal);
  ASSERT_TRUE(ParseClientClass("slave", &parsed));
  EXPECT_EQ(parsed, ClientClass::kReplica);
  ASSERT_TRUE(ParseClientClass("REPLICA", &parsed));
  EXPECT_EQ(parsed, ClientClass::kReplica);
  EXPECT_FALSE(ParseClientClass("", &parsed));
  EXPECT_FALSE(ParseClientClass("norma", &parsed));
}

}  // namespace
}  // namespace cairn::server
