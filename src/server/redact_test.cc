// SPDX-License-Identifier: BSD-3-Clause
// Which words are hidden, and that the others are not.
#include "server/redact.h"

#include <gtest/gtest.h>

namespace cairn::server {
namespace {

using Words = std::vector<std::string_view>;

TEST(WithoutSecrets, HidesPasswordsAndNothingElse) {
  const struct {
    std::string_view full_name;
    Words args;
    Words shown;
  } cases[] = {
      {"get", {"GET", "AUTH"}, {"GET", "AUTH"}},
      {"auth", {"AUTH", "pw"}, {"AUTH", kRedacted}},
      {"auth", {"AUTH", "me", "pw"}, {"AUTH", kRedacted, kRedacted}},
      {"auth", {"AUTH"}, {"AUTH"}},
      {"hello", {"HELLO", "3"}, {"HELLO", "3"}},
      {"hello",
       {"HELLO", "3", "SETNAME", "x", "auth", "me", "pw"},
       {"HELLO", "3", "SETNAME", "x", "auth", kRedacted, kRedacted}},
      {"hello", {"HELLO", "3", "AUTH", "me"}, {"HELLO", "3", "AUTH", "me"}},
      {"config|set",
       {"CONFIG", "SET", "hz", "10", "RequirePass", "pw"},
       {"CONFIG", "SET", "hz", "10", "RequirePass", kRedacted}},
      {"config|set", {"CONFIG", "SET", "requirepass"}, {"CONFIG", "SET", "requirepass"}},
      {"migrate",
       {"MIGRATE", "auth", "1", "auth", "0", "5", "COPY", "auth", "auth", "KEYS"},
       {"MIGRATE", "auth", "1", "auth", "0", "5", "COPY", "auth", kRedacted, "KEYS"}},
      {"migrate",
       {"MIGRATE", "h", "1", "", "0", "5", "AUTH2", "me", "pw", "KEYS", "AUTH", "k"},
       {"MIGRATE", "h", "1", "", "0", "5", "AUTH2", kRedacted, kRedacted, "KEYS", "AUTH", "k"}},
      {"migrate",
       {"MIGRATE", "h", "1", "k", "0", "5", "AUTH2", "me"},
       {"MIGRATE", "h", "1", "k", "0", "5", "AUTH2", kRedacted}},
      {"acl|setuser", {"ACL", "SETUSER", "me", ">pw"}, {"ACL", "SETUSER", kRedacted, kRedacted}},
      {"acl|deluser", {"ACL", "DELUSER", "me"}, {"ACL", "DELUSER", kRedacted}},
      {"acl|getuser", {"ACL", "GETUSER"}, {"ACL", "GETUSER"}},
      {"acl|log", {"ACL", "LOG", "10"}, {"ACL", "LOG", "10"}},
      {"config|set", {"CONFIG", "SET", "nosuch", "pw"}, {"CONFIG", "SET", "nosuch", "pw"}},
  };
  for (const auto& [full_name, args, shown] : cases)
    EXPECT_EQ(WithoutSecrets(full_name, args), shown) << full_name << " of " << args.size();
}

}  // namespace
}  // namespace cairn::server
