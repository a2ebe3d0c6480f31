// SPDX-License-Identifier: BSD-3-Clause
// Rules in, description and rights out.
#include "acl/profile.h"

#include <gtest/gtest.h>

#include "acl/acl_testing.h"
#include "acl/password.h"
#include "acl/rule_words.h"
#include "base/random.h"

namespace cairn::acl {
namespace {

using command::DenialReason;
using testing::Commands;
using testing::Words;

class ProfileTest : public ::testing::Test {
 protected:
  // A new user after these rules; CHECKs that they are right.
  Profile Made(std::string_view rules) {
    Profile profile(commands_.book.channels);
    const std::string error = ApplyRules(Words(rules), commands_.book, profile);
    EXPECT_EQ(error, "") << rules;
    return profile;
  }
  std::string ErrorOf(std::string_view rules) {
    Profile profile(commands_.book.channels);
    return ApplyRules(Words(rules), commands_.book, profile);
  }
  DenialReason Asked(const Profile& profile, std::string_view call) {
    const std::vector<std::string_view> args = Words(call);
    const Catalog::Command* command = commands_.catalog.Find(
        args[0] == "config" ? "config|" + std::string(args[1]) : std::string(args[0]));
    return profile.Check(*command, args).reason;
  }

  Commands commands_;
};

TEST_F(ProfileTest, DescribesWhatWasSaid) {
  const struct {
    std::string_view rules, description;
  } cases[] = {
      {"", "off sanitize-payload resetchannels -@all"},
      {"on nopass", "on nopass sanitize-payload resetchannels -@all"},
      {"ON NOPASS RESETPASS", "on sanitize-payload resetchannels -@all"},
      {"skip-sanitize-payload", "off skip-sanitize-payload resetchannels -@all"},
      {"allkeys allchannels allcommands", "off sanitize-payload ~* &* +@all"},
      {"~* &* +@all", "off sanitize-payload ~* &* +@all"},
      {"~a ~b ~a %R~c %w~d %R~d %WR~e",
       "off sanitize-payload ~a ~b %R~c ~d ~e resetchannels -@all"},
      {"~a resetkeys", "off sanitize-payload resetchannels -@all"},
      {"~a allkeys resetkeys ~b", "off sanitize-payload ~b resetchannels -@all"},
      {"~a %RW~*", "off sanitize-payload ~* resetchannels -@all"},
      {"%R~* ~a %W~*", "off sanitize-payload ~* resetchannels -@all"},
      {"%R", "off sanitize-payload %R~ resetchannels -@all"},
      {"&a &b &a", "off sanitize-payload resetchannels &a &b -@all"},
      {"+GET -set", "off sanitize-payload resetchannels -@all +get -set"},
      {"+get -get", "off sanitize-payload resetchannels -@all -get"},
      {"+@all -@STRING +get", "off sanitize-payload resetchannels +@all -@string +get"},
      {"+config|get +config", "off sanitize-payload resetchannels -@all +config"},
      {"+config -config|SET", "off sanitize-payload resetchannels -@all +config -config|set"},
      {"+select|0 +select|A +select|a",
       "off sanitize-payload resetchannels -@all +select|0 +select|a"},
      {"+psync -SCRIPT|kill", "off sanitize-payload resetchannels -@all +psync -script|kill"},
      {"+script|kill -script", "off sanitize-payload resetchannels -@all -script"},
      {"+get +@all", "off sanitize-payload resetchannels +@all"},
      {"+get -@all", "off sanitize-payload resetchannels -@all"},
      {"(+get ~x) ( ~y )",
       "off sanitize-payload resetchannels -@all (~x resetchannels -@all +get) (~y resetchannels "
       "-@all)"},
      {"(+get) clearselectors", "off sanitize-payload resetchannels -@all"},
      {"on nopass +@all ~* &x (+get) reset", "off sanitize-payload resetchannels -@all"},
  };
  for (const auto& [rules, description] : cases)
    EXPECT_EQ(Made(rules).Describe(), description) << rules;
}

TEST_F(ProfileTest, SaysWhatIsWrong) {
  const struct {
    std::string_view rules;
    Fault fault;
  } cases[] = {
      {"+nosuch", Fault::kUnknownName},
      {"-nosuch", Fault::kUnknownName},
      {"+@nosuch", Fault::kUnknownName},
      {"+", Fault::kUnknownName},
      {"+@", Fault::kUnknownName},
      {"-select|0", Fault::kUnknownName},
      {"+config|nosuch", Fault::kUnknownName},
      {"+script|nosuch", Fault::kUnknownName},
      {"+config|get|x", Fault::kFirstArgOfSubcommand},
      {"+select|", Fault::kSyntax},
      {"nosuch", Fault::kSyntax},
      {"%X~a", Fault::kSyntax},
      {"%~a", Fault::kSyntax},
      {"%RR~a", Fault::kSyntax},
      {"~a\nb", Fault::kSyntax},
      {"&a\tb", Fault::kSyntax},
      {"~* ~a", Fault::kAfterAllKeys},
      {"&* &a", Fault::kAfterAllChannels},
      {"<x", Fault::kNoSuchPassword},
      {"#abc", Fault::kBadHash},
      {"!ABC", Fault::kBadHash},
      {"(on)", Fault::kSyntax},
      {"(((+get)))", Fault::kSyntax},
      {"(~\"a)", Fault::kSyntax},
  };
  for (const auto& [rules, fault] : cases) {
    EXPECT_TRUE(ErrorOf(rules).ends_with("': " + std::string(TextOf(fault))))
        << rules << ": " << ErrorOf(rules);
  }
  EXPECT_EQ(ErrorOf("on (+get ~a"), "Unmatched parenthesis in acl selector starting at '(+get'.");
}

TEST_F(ProfileTest, AsksForCommands) {
  const Profile user = Made("~* &* +get +config|get +select|0");
  EXPECT_EQ(Asked(user, "get k"), DenialReason::kNone);
  EXPECT_EQ(Asked(user, "set k v"), DenialReason::kCommand);
  EXPECT_EQ(Asked(user, "config get x"), DenialReason::kNone);
  EXPECT_EQ(Asked(user, "config set x y"), DenialReason::kCommand);
  EXPECT_EQ(Asked(user, "select 0"), DenialReason::kNone);
  EXPECT_EQ(Asked(user, "select 1"), DenialReason::kCommand);
  EXPECT_EQ(Asked(user, "auth x"), DenialReason::kNone);
  EXPECT_EQ(Asked(Made("+@read"), "get k"), DenialReason::kKey);
  EXPECT_EQ(Asked(Made("+select|0 -@connection"), "select 0"), DenialReason::kCommand);
  EXPECT_EQ(Asked(Made("~* +@all -@string"), "set k v"), DenialReason::kCommand);
  EXPECT_EQ(Asked(Made("~* +config -config|set"), "config set x y"), DenialReason::kCommand);
}

TEST_F(ProfileTest, AsksForKeysByTheirUse) {
  const Profile user = Made("+@all %R~r* %W~w* ~b*");
  const struct {
    std::string_view call;
    DenialReason reason;
  } cases[] = {
      {"get r", DenialReason::kNone},     {"get w", DenialReason::kKey},
      {"set r v", DenialReason::kKey},    {"set w v", DenialReason::kNone},
      {"get b", DenialReason::kNone},     {"set b v", DenialReason::kNone},
      {"get x", DenialReason::kKey},      {"exists r w b", DenialReason::kNone},
      {"exists r x", DenialReason::kKey}, {"copy r w", DenialReason::kNone},
      {"copy w r", DenialReason::kKey},   {"copy r r", DenialReason::kKey},
  };
  for (const auto& [call, reason] : cases) EXPECT_EQ(Asked(user, call), reason) << call;
}

TEST_F(ProfileTest, AsksForChannels) {
  const Profile user = Made("+@all &a* &b?");
  const struct {
    std::string_view call;
    DenialReason reason;
  } cases[] = {
      {"publish abc x", DenialReason::kNone},       {"publish x x", DenialReason::kChannel},
      {"subscribe abc b1", DenialReason::kNone},    {"subscribe abc b", DenialReason::kChannel},
      {"psubscribe a* b?", DenialReason::kNone},    {"psubscribe abc", DenialReason::kChannel},
      {"psubscribe a* b*", DenialReason::kChannel},
  };
  for (const auto& [call, reason] : cases) EXPECT_EQ(Asked(user, call), reason) << call;
}

// One selector must allow all of a call; what is told is the worst that any of them says.
TEST_F(ProfileTest, SelectorsCountEachForItself) {
  const Profile user = Made("+get ~a (+set ~b) (+copy ~c)");
  EXPECT_EQ(Asked(user, "get a"), DenialReason::kNone);
  EXPECT_EQ(Asked(user, "set b v"), DenialReason::kNone);
  EXPECT_EQ(Asked(user, "set a v"), DenialReason::kKey);
  EXPECT_EQ(Asked(user, "exists a"), DenialReason::kCommand);
  const std::string_view copy[] = {"copy", "c", "x"};
  EXPECT_EQ(user.Check(*commands_.catalog.Find("copy"), copy).argument, 2u);
}

TEST_F(ProfileTest, AllIsUnrestricted) {
  EXPECT_TRUE(Profile::OfDefaultUser().unrestricted());
  EXPECT_EQ(Profile::OfDefaultUser(), Made("on nopass ~* &* +@all"));
  EXPECT_TRUE(Made("+@all ~* &*").unrestricted());
  EXPECT_TRUE(Made("+@all ~* &* -get +get").unrestricted());
  EXPECT_TRUE(Made("(+@all ~* &*)").unrestricted());
  EXPECT_FALSE(Made("+@all ~* &* -get").unrestricted());
  EXPECT_FALSE(Made("+@all ~* &* resetkeys").unrestricted());
  EXPECT_FALSE(Made("(+@all ~* &*) clearselectors").unrestricted());
  EXPECT_FALSE(Made("+@all ~* &* reset").unrestricted());
}

TEST_F(ProfileTest, ReadsAllKeys) {
  const auto may = [&](std::string_view rules) {
    const std::string_view get[] = {"get", "k"};
    return Made(rules).MayReadAllKeys(*commands_.catalog.Find("get"), get);
  };
  EXPECT_TRUE(may("+@all ~*"));
  EXPECT_TRUE(may("+@all %R~*"));
  EXPECT_FALSE(may("+@all %W~* ~k"));
  EXPECT_FALSE(may("~*"));
  EXPECT_FALSE(may("~* (+get ~k)"));
}

TEST_F(ProfileTest, Passwords) {
  constexpr std::string_view kHash =
      "148de9c5a7a44d19e56cd9ae1a554bf67847afb0c58f6e12fa29ac7ddfca9940";  // of "p"
  EXPECT_EQ(HashPassword("p"), kHash);
  const std::string by_hash = "#" + std::string(kHash);
  EXPECT_EQ(Made(">p"), Made(by_hash));
  EXPECT_EQ(Made(">p >p >q").password_hashes().size(), 2u);
  EXPECT_TRUE(Made(">q >p").HasPassword(kHash));
  EXPECT_FALSE(Made(">q >p <p").HasPassword(kHash));
  EXPECT_FALSE(Made(by_hash + " !" + std::string(kHash)).HasPassword(kHash));
  EXPECT_FALSE(Made("nopass >p").needs_no_password());
  EXPECT_TRUE(Made(">p nopass").password_hashes().empty());
}

TEST_F(ProfileTest, ChannelsThatAreLost) {
  const struct {
    std::string_view before, after;
    bool loses;
  } cases[] = {
      {"&*", "&*", false}, {"&a", "&*", false},   {"&a", "&a &b", false},
      {"&*", "&a", true},  {"&a &b", "&a", true}, {"&a", "(&a)", false},
      {"", "&a", false},   {"(&*)", "&a", true},  {"&a", "&b (&*)", false},
  };
  for (const auto& [before, after, loses] : cases) {
    ChannelsLeft left;
    EXPECT_EQ(Profile::LosesChannels(Made(before), Made(after), &left), loses)
        << before << " -> " << after;
  }
}

// Nothing a rule can say grows without end.
TEST_F(ProfileTest, LimitsHold) {
  const auto count_until_fault = [&](auto rule_of) {
    Profile profile(commands_.book.channels);
    for (int i = 0; i < 100'000; ++i) {
      const Fault fault = profile.Apply(rule_of(std::to_string(i)), commands_.book);
      if (fault == Fault::kTooMany) return static_cast<std::size_t>(i);
      EXPECT_EQ(fault, Fault::kNone);
    }
    return std::size_t{0};
  };
  EXPECT_EQ(count_until_fault([](const std::string& n) { return "~" + n; }),
            Selector::kPatternsMax);
  EXPECT_EQ(count_until_fault([](const std::string& n) { return "&" + n; }),
            Selector::kPatternsMax);
  EXPECT_EQ(count_until_fault([](const std::string& n) { return "+select|" + n; }),
            Selector::kCommandRulesMax);
  EXPECT_EQ(count_until_fault([](const std::string& n) { return ">" + n; }),
            Profile::kPasswordsMax);
  EXPECT_EQ(count_until_fault([](const std::string& n) { return "(~" + n + ")"; }),
            Profile::kSelectorsMax);
}

// Described and read again it is the same user, whatever was said to make it.
TEST_F(ProfileTest, RandomRulesReadAgain) {
  constexpr std::string_view kRules[] = {
      "on",      "off",         "nopass",      "resetpass", ">p",
      ">q",      "<p",          "~a*",         "~it's",     "%R~\"q\"",
      "%W~a*",   "~a)",         "~\\",         "allkeys",   "resetkeys",
      "&c",      "&\"",         "allchannels", "+@all",     "-@all",
      "+get",    "-get",        "+@read",      "-@string",  "+config",
      "-config", "+config|get", "-config|set", "+select|0", "+select|it's",
      "-select", "+@admin",     "reset",       "~",         "resetchannels",
      "+copy"};
  Random random(7);
  for (int round = 0; round < 3000; ++round) {
    Profile user(commands_.book.channels);
    for (int i = 0; i < 12; ++i) {
      std::string rule(kRules[random.Below(std::size(kRules))]);
      if (random.Below(4) == 0) {
        rule = "(" + rule + ")";
        for (int more = 0; more < 3; ++more)
          rule.insert(1, std::string(kRules[random.Below(std::size(kRules))]) + " ");
      }
      (void)user.Apply(rule, commands_.book);
    }
    ASSERT_EQ(Made(user.Describe()), user) << user.Describe();
    ASSERT_EQ(Made(user.Describe()).Describe(), user.Describe());
  }
}

}  // namespace
}  // namespace cairn::acl
