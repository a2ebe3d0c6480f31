// SPDX-License-Identifier: BSD-3-Clause
// The set of users: who gets in, what sessions see of a change, files.
#include "acl/users.h"

#include <gtest/gtest.h>

#include "acl/acl_testing.h"
#include "command/session.h"

namespace cairn::acl {
namespace {

using testing::Commands;
using testing::Words;

class UsersTest : public ::testing::Test {
 protected:
  std::vector<Change> Set(std::string_view name, std::string_view rules) {
    std::vector<Change> changes;
    const Status set = users_.Set(name, Words(rules), &changes);
    EXPECT_TRUE(set.ok()) << set.message();
    return changes;
  }
  std::string Load(std::string_view text) {
    const ParsedUsers parsed = ParseUserFile(text, "users.acl", users_.rulebook());
    if (!parsed.errors.empty()) return parsed.errors;
    std::vector<Change> changes;
    users_.Replace(parsed.profiles, &changes);
    return {};
  }
  std::string All() {
    std::string text;
    for (const auto& [name, profile] : users_.All()) text += UserLine(name, *profile) + "\n";
    return text;
  }

  Commands commands_;
  Users users_{commands_.table};
};

TEST_F(UsersTest, LetsInWhoKnowsThePassword) {
  Set("alice", "on >secret");
  Set("bob", "on nopass");
  Set("carol", "off >secret");
  EXPECT_EQ(users_.Authenticate("alice", "secret")->name(), "alice");
  EXPECT_EQ(users_.Authenticate("alice", "Secret"), nullptr);
  EXPECT_EQ(users_.Authenticate("alice", ""), nullptr);
  EXPECT_NE(users_.Authenticate("bob", "anything"), nullptr);
  EXPECT_EQ(users_.Authenticate("carol", "secret"), nullptr);
  EXPECT_EQ(users_.Authenticate("nobody", "secret"), nullptr);
}

TEST_F(UsersTest, TrustsWhoIsOn) {
  Set("alice", "on >secret");
  Set("carol", "off nopass");
  EXPECT_EQ(users_.Trusted("alice"), users_.Authenticate("alice", "secret"));
  EXPECT_EQ(users_.Trusted("carol"), nullptr);
  EXPECT_EQ(users_.Trusted("nobody"), nullptr);
}

TEST_F(UsersTest, AWrongRuleChangesNothing) {
  Set("alice", "on ~a");
  const std::string before = All();
  std::vector<Change> changes;
  EXPECT_FALSE(users_.Set("alice", Words("off ~b +nosuch"), &changes).ok());
  EXPECT_FALSE(users_.Set("bob", Words("on nosuch"), &changes).ok());
  EXPECT_TRUE(changes.empty());
  EXPECT_EQ(All(), before);
}

TEST_F(UsersTest, SessionsSeeAChangeAtTheirNextCheck) {
  Set("alice", "on nopass +@all ~* &*");
  command::Session session(ClientId(1), 1);
  EXPECT_EQ(session.rights(), nullptr);
  session.set_user(users_.Authenticate("alice", ""));
  EXPECT_FALSE(session.guarded());
  const std::string_view get[] = {"get", "k"};
  const Catalog::Command& command = *users_.catalog().Find("get");
  const auto denied = [&] {
    return command::CheckRights(nullptr, session, command, get, command::DenialContext::kTopLevel);
  };
  EXPECT_FALSE(denied());
  const std::vector<Change> changes = Set("alice", "-get");
  ASSERT_EQ(changes.size(), 1u);
  EXPECT_EQ(changes[0].user, session.user());
  EXPECT_EQ(denied().reason, command::DenialReason::kCommand);
  EXPECT_EQ(command::DenialText(denied(), command),
            "User alice has no permissions to run the 'get' command");
  session.RefreshRights();
  EXPECT_TRUE(session.guarded());
}

TEST_F(UsersTest, WhoIsDeletedMayDoNothing) {
  Set("alice", "on nopass +@all ~* &*");
  command::Session session(ClientId(1), 1);
  session.set_user(users_.Authenticate("alice", ""));
  std::vector<Change> changes;
  EXPECT_TRUE(users_.Delete("alice", &changes));
  EXPECT_FALSE(users_.Delete("alice", &changes));
  EXPECT_FALSE(users_.Delete("default", &changes));
  ASSERT_EQ(changes.size(), 1u);
  EXPECT_EQ(changes[0].after, nullptr);
  EXPECT_FALSE(session.rights()->unrestricted());
  EXPECT_EQ(users_.Find("alice"), nullptr);
}

TEST_F(UsersTest, TheDefaultUsersPassword) {
  EXPECT_FALSE(users_.default_needs_auth());
  users_.SetDefaultPassword("pw");
  EXPECT_TRUE(users_.default_needs_auth());
  EXPECT_NE(users_.Authenticate("default", "pw"), nullptr);
  users_.SetDefaultPassword("other");
  EXPECT_EQ(users_.Authenticate("default", "pw"), nullptr);
  users_.SetDefaultPassword("");
  EXPECT_FALSE(users_.default_needs_auth());
  Set("default", "off");
  EXPECT_TRUE(users_.default_needs_auth());
  EXPECT_TRUE(users_.default_is_nopass());
}

TEST_F(UsersTest, AFileIsReadAsItWasWritten) {
  Set("alice", "on >p ~it's +@read (~\"a)\" +set &c)");
  Set("bob", "+@all -config|set");
  const std::string text = All();
  Set("carol", "on");
  Set("alice", "off");
  EXPECT_EQ(Load(text), "");
  EXPECT_EQ(All(), text);
}

TEST_F(UsersTest, WithoutALineTheDefaultUserIsAsNew) {
  Set("default", "off +@all -get");
  EXPECT_EQ(Load("\n  user alice on  \r\n"), "");
  EXPECT_EQ(All(),
            "user alice on sanitize-payload resetchannels -@all\n"
            "user default on nopass sanitize-payload ~* &* +@all\n");
  EXPECT_FALSE(users_.default_needs_auth());
}

TEST_F(UsersTest, AFileWithAnErrorIsRefusedWhole) {
  const std::string before = All();
  EXPECT_EQ(Load("user alice on\nusr bob on\nuser carol +nosuch ~a ~* ~b\nuser alice off\n"
                 "user\nuser d (+get\n"),
            "users.acl:2: line should start with user keyword followed by the username. "
            "users.acl:3: Error in applying operation '+nosuch': Unknown command or category name "
            "in ACL. "
            "users.acl:3: Adding a pattern after the * pattern (or the 'allkeys' flag) is not "
            "valid and does not have any effect. Try 'resetkeys' to start with an empty list of "
            "patterns. "
            "WARNING: Duplicate user 'alice' found on line 4. "
            "users.acl:5: line should start with user keyword followed by the username. "
            "users.acl:6: Unmatched parenthesis in selector definition."
            "WARNING: ACL errors detected, no change to the previously active ACL rules was "
            "performed");
  EXPECT_EQ(All(), before);
}

TEST_F(UsersTest, ErrorsOfAFileAreBounded) {
  std::string text;
  for (int i = 0; i < 100'000; ++i) text += "nonsense\n";
  EXPECT_LT(Load(text).size(), 20'000u);
}

TEST_F(UsersTest, OneThatStaysInTheFileKeepsItsSessions) {
  Set("alice", "on nopass ~a");
  const std::shared_ptr<command::User> alice = users_.Authenticate("alice", "");
  EXPECT_EQ(Load("user alice on nopass ~b\n"), "");
  EXPECT_EQ(users_.Authenticate("alice", ""), alice);
  EXPECT_EQ(alice->rights(), users_.Find("alice"));
}

TEST_F(UsersTest, AHundredThousand) {
  std::string text;
  for (int i = 0; i < 100'000; ++i) text += "user u" + std::to_string(i) + " on nopass ~k +get\n";
  EXPECT_EQ(Load(text), "");
  EXPECT_EQ(users_.count(), 100'001u);
  EXPECT_NE(users_.Authenticate("u99999", ""), nullptr);
}

// Whose lines say what they said is nobody's news, and keeps the profile that sessions have.
TEST_F(UsersTest, ReplaceTellsOfWhatChanged) {
  ASSERT_EQ(Load("user a on nopass ~a +get\nuser b on nopass ~b +get\nuser c on nopass"), "");
  const std::shared_ptr<command::User> b = users_.Authenticate("b", "");
  const std::shared_ptr<command::User> c = users_.Authenticate("c", "");
  const std::shared_ptr<const Profile> a = users_.Find("a");
  const ParsedUsers next = ParseUserFile(
      "user a on nopass ~a +get\nuser b on nopass ~bb +get\n"
      "user d on nopass",
      "users.acl", users_.rulebook());
  std::vector<Change> changes;
  users_.Replace(next.profiles, &changes);
  ASSERT_EQ(changes.size(), 2u);
  EXPECT_EQ(changes[0].user, b);
  EXPECT_EQ(changes[0].after, users_.Find("b"));
  EXPECT_EQ(b->rights(), users_.Find("b"));
  EXPECT_EQ(changes[1].user, c);
  EXPECT_EQ(changes[1].after, nullptr);
  EXPECT_FALSE(c->rights()->unrestricted());
  EXPECT_EQ(users_.Find("c"), nullptr);
  EXPECT_EQ(users_.Find("a"), a);
  EXPECT_EQ(users_.Authenticate("b", ""), b);
  EXPECT_NE(users_.Find("d"), nullptr);
  EXPECT_TRUE(users_.Find("default")->unrestricted());
}

}  // namespace
}  // namespace cairn::acl
