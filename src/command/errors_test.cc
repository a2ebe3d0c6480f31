// SPDX-License-Identifier: BSD-3-Clause
// The texts with names in them; expectations were taken from Redis 7.0.15.
#include "command/errors.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace cairn::command::errors {
namespace {

using Words = std::vector<std::string_view>;

TEST(Errors, UnknownCommandShowsArguments) {
  EXPECT_EQ(UnknownCommand(Words{"foo"}), "ERR unknown command 'foo', with args beginning with: ");
  EXPECT_EQ(UnknownCommand(Words{"foo", "a", "b"}),
            "ERR unknown command 'foo', with args beginning with: 'a' 'b' ");
}

TEST(Errors, UnknownCommandCutsALongName) {
  EXPECT_EQ(
      UnknownCommand(Words{std::string(200, 'y'), "a"}),
      "ERR unknown command '" + std::string(kEchoLimit, 'y') + "', with args beginning with: 'a' ");
}

TEST(Errors, UnknownCommandCutsALongArgument) {
  EXPECT_EQ(
      UnknownCommand(Words{"foo", std::string(200, 'x'), "b"}),
      "ERR unknown command 'foo', with args beginning with: '" + std::string(128, 'x') + "' ");
}

// Eleven words with their quotes take 121 of the 128 bytes: seven of the twelfth are left.
TEST(Errors, UnknownCommandCutsManyArguments) {
  const Words words(41, "abcdefgh");
  std::string expected = "ERR unknown command 'abcdefgh', with args beginning with: ";
  for (int i = 0; i < 11; ++i) expected += "'abcdefgh' ";
  EXPECT_EQ(UnknownCommand(words), expected + "'abcdefg' ");
}

TEST(Errors, EchoEndsAtANul) {
  const std::string name("fo\0o", 4);
  EXPECT_EQ(UnknownCommand(Words{name, std::string_view("a\0b", 3)}),
            "ERR unknown command 'fo', with args beginning with: 'a' ");
}

TEST(Errors, UnknownSubcommandNamesTheContainer) {
  EXPECT_EQ(UnknownSubcommand("xyz", "config"), "ERR unknown subcommand 'xyz'. Try CONFIG HELP.");
  EXPECT_EQ(UnknownSubcommand(std::string(129, 'a'), "CLIENT"),
            "ERR unknown subcommand '" + std::string(128, 'a') + "'. Try CLIENT HELP.");
}

TEST(Errors, NamesOfCommands) {
  EXPECT_EQ(WrongArity("client|list"), "ERR wrong number of arguments for 'client|list' command");
  EXPECT_EQ(InvalidExpireTime("set"), "ERR invalid expire time in 'set' command");
}

}  // namespace
}  // namespace cairn::command::errors
