// SPDX-License-Identifier: BSD-3-Clause
// What is said first, reply by reply, without a socket.
#include "client/greeting.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "client/wire.h"

namespace cairn::client {
namespace {

using cache::Command;
using cache::Errc;
using cache::Fail;
using cache::Reply;

std::string Bytes(std::vector<Command> commands) {
  std::string bytes;
  for (const Command& command : commands) AppendCommand(command, &bytes);
  return bytes;
}

const Uri& Full() {
  static const Uri uri = Uri::Parse("redis://ann:pw@h/2?name=app").value();
  return uri;
}

TEST(Greeting, ByHello) {
  Greeting greeting(Full(), {Command("CLIENT", "TRACKING", "ON")});
  EXPECT_EQ(greeting.TakeOutput(), Bytes({Command("HELLO", 3, "AUTH", "ann", "pw")}));
  EXPECT_TRUE(greeting.OnReply(Reply::Aggregate(Reply::Type::kMap, {})));
  EXPECT_EQ(greeting.TakeOutput(), Bytes({Command("CLIENT", "SETNAME", "app"), Command("SELECT", 2),
                                          Command("CLIENT", "TRACKING", "ON")}));
  for (int i = 0; i < 3; ++i) {
    EXPECT_FALSE(greeting.is_done());
    EXPECT_TRUE(greeting.OnReply(Reply::Simple("OK")));
  }
  EXPECT_TRUE(greeting.is_done());
  EXPECT_EQ(greeting.protocol(), 3);
}

TEST(Greeting, FallsBackToTheOlderProtocol) {
  for (const char* error : {"ERR unknown command `HELLO`", "NOPROTO unsupported"}) {
    Greeting greeting(Full(), {});
    greeting.TakeOutput();
    EXPECT_TRUE(greeting.OnReply(Fail(Errc::kServer, error)));
    EXPECT_EQ(greeting.TakeOutput(),
              Bytes({Command("AUTH", "ann", "pw"), Command("CLIENT", "SETNAME", "app"),
                     Command("SELECT", 2)}));
    EXPECT_EQ(greeting.protocol(), 2);
  }
}

TEST(Greeting, OlderProtocolWanted) {
  Greeting greeting(Uri::Parse("redis://:pw@h?protocol=2").value(), {});
  EXPECT_EQ(greeting.TakeOutput(), Bytes({Command("AUTH", "pw")}));
  EXPECT_TRUE(greeting.OnReply(Reply::Simple("OK")));
  EXPECT_TRUE(greeting.is_done());
}

TEST(Greeting, FailsOnAnythingElse) {
  Greeting hello(Full(), {});
  EXPECT_EQ(hello.OnReply(Fail(Errc::kServer, "WRONGPASS no")).error().detail, "WRONGPASS no");
  Greeting rest(Full(), {});
  EXPECT_TRUE(rest.OnReply(Reply::Aggregate(Reply::Type::kMap, {})));
  EXPECT_TRUE(rest.OnReply(Reply::Simple("OK")));
  EXPECT_EQ(rest.OnReply(Fail(Errc::kServer, "ERR DB index is out of range")).error().code,
            Errc::kServer);
}

}  // namespace
}  // namespace cairn::client
