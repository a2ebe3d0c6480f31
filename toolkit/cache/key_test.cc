// SPDX-License-Identifier: BSD-3-Clause
// Key schemas: what they write, and that no two keys of different parts are one.
#include "cairn/key.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "cairn/store.h"

namespace cairn::cache {

struct UserId {
  std::int64_t value = 0;
  bool operator==(const UserId&) const = default;
};
std::int64_t KeyPartOf(UserId id) { return id.value; }

namespace {

enum class Tier : std::uint8_t { kFree = 1 };

using ProfileKey = Key<"user:{*}:profile", UserId>;
using PairKey = Key<"pair:*:*", std::string, std::string>;
using NumberKey = Key<"id:*", std::int64_t>;
using TextKey = Key<"id:*", std::string>;

TEST(Key, Texts) {
  EXPECT_EQ(ProfileKey(UserId{42}).text(), "user:{42}:profile");
  EXPECT_EQ((Key<"settings">().text()), "settings");
  EXPECT_EQ((Key<"t:*:*", Tier, std::uint64_t>(Tier::kFree, ~0ull).text()),
            "t:1:18446744073709551615");
  EXPECT_EQ(NumberKey(-7).text(), "id:-7");
  EXPECT_EQ(TextKey("ada@example.org").text(), "id:ada@example.org");
  EXPECT_EQ(TextKey("a b{}*%").text(), "id:a%20b%7b%7d%2a%25");
  EXPECT_EQ(TextKey("größe").text(), "id:größe");
  EXPECT_EQ(ProfileKey(UserId{42}).part<0>().value, 42);
}

// The guide's f"{a}:{b}" makes one key of these two.
TEST(Key, SeparatorsInPartsDoNotCollide) {
  const auto joined = [](const std::string& a, const std::string& b) {
    return "pair:" + a + ":" + b;
  };
  EXPECT_EQ(joined("a:b", "c"), joined("a", "b:c"));
  EXPECT_NE(PairKey("a:b", "c").text(), PairKey("a", "b:c").text());
}

TEST(Key, IsReadBack) {
  EXPECT_EQ(ProfileKey::FromText("user:{42}:profile")->part<0>().value, 42);
  for (const char* none :
       {"user:{42}:profil", "user:{42}:profile2", "user:{042}:profile", "user:{}:profile",
        "user:{%31}:profile", "user:{x}:profile", "user:{42", "", "usex:{42}:profile"}) {
    EXPECT_EQ(ProfileKey::FromText(none), std::nullopt) << none;
  }
  using Mixed = Key<"t:*/{*}", Tier, std::string>;
  for (const char* part : {"", "a:b", "1", "-1", "%", "{", "größe", "\n", "~"}) {
    const Mixed key(Tier::kFree, part);
    EXPECT_EQ(Mixed::FromText(key.text()), key) << part;
  }
  EXPECT_EQ(TextKey::FromText(TextKey(std::string(200, 'x')).text()), std::nullopt);  // a digest
  for (const char* none : {"id:%3", "id:%zz", "id:1", "id:~", "id:", "id:%2d", "id:a%20B%7B"})
    EXPECT_EQ(TextKey::FromText(none), std::nullopt) << none;
}

TEST(Key, NumbersAndTheirTextDoNotCollide) {
  EXPECT_EQ(NumberKey(1).text(), "id:1");
  EXPECT_EQ(TextKey("1").text(), "id:%31");
  EXPECT_NE(NumberKey(-1).text(), TextKey("-1").text());
  EXPECT_NE(TextKey("%31").text(), TextKey("1").text());
}

// All texts of up to three bytes of a nasty alphabet, in pairs.
TEST(Key, DifferentPartsAreDifferentKeys) {
  const std::string alphabet = "a1:%{}~-";
  std::vector<std::string> texts = {""};
  for (std::size_t i = 0; i < texts.size() && texts[i].size() < 2; ++i) {
    for (const char byte : alphabet) texts.push_back(texts[i] + byte);
  }
  std::set<std::string> keys;
  for (const std::string& a : texts) {
    for (const std::string& b : texts) {
      EXPECT_TRUE(keys.insert(PairKey(a, b).text()).second) << a << " " << b;
    }
  }
}

TEST(Key, TagIsExactlyTheTaggedPart) {
  EXPECT_EQ(HashTag(ProfileKey(UserId{42}).text()), "42");
  using TextTag = Key<"cart:{*}:item:*", std::string, std::string>;
  EXPECT_EQ(HashTag(TextTag("x}y{z", "}{").text()), "x%7dy%7bz");
  // An empty tag would be none: the whole key would be hashed.
  EXPECT_EQ(HashTag(TextTag("", "i").text()), "%");
  EXPECT_EQ(HashTag("{}a"), "{}a");
  EXPECT_EQ(HashTag("a{b"), "a{b");
}

// 001: `user:{42}:profile` is said to hash `user:42`. It hashes `42`, so that the order and the
// page of the same number are in the slot, too. Where that is not wanted, ours says so in the
// schema.
TEST(Key, GuideTagIsNotWhatItsCommentSays) {
  const std::string guide = "user:{42}:profile";
  EXPECT_NE(HashTag(guide), "user:42");
  EXPECT_EQ(HashTag(guide), HashTag("order:{42}"));
  using User = Key<"{user:*}:profile", UserId>;
  using Order = Key<"{order:*}", std::int64_t>;
  EXPECT_EQ(HashTag(User(UserId{42}).text()), "user:42");
  EXPECT_NE(HashTag(User(UserId{42}).text()), HashTag(Order(42).text()));
}

TEST(Key, LongPartsBecomeDigestsBehindAReadablePrefix) {
  const std::string limit(kPartBytesMax, 'x');
  EXPECT_EQ(TextKey(limit).text(), "id:" + limit);
  const std::string key = TextKey(limit + "x").text();
  EXPECT_EQ(key.substr(0, 28), "id:" + std::string(24, 'x') + "~");
  EXPECT_EQ(key.size(), 28u + 40);
  EXPECT_NE(key, TextKey(limit + "y").text());
  // SHA-256 of a hundred 'a', by sha256sum.
  EXPECT_TRUE(
      TextKey(std::string(100, 'a')).text().ends_with("~2816597888e4a0d3a36b82b83316ab32680eb8f0"));
  // Escapes count, and no part outgrows what invariant (4) reckons with.
  const std::string hostile = TextKey(std::string(5000, '*')).text();
  EXPECT_LE(hostile.size(), 3 + internal::kPartBytesWorst);
  // "ö" is not cut in two.
  const std::string umlauts = TextKey("x" + std::string(23, 'y') + std::string(90, 'z')).text();
  EXPECT_EQ(umlauts.find('~'), 27u);
  std::string odd = "x";
  for (int i = 0; i < 60; ++i) odd += "ö";
  EXPECT_EQ(TextKey(odd).text().find('~'), 3u + 23);
}

TEST(Key, PrefixesAndGlobs) {
  using Item = Key<"cart[v1]?:{*}:item:*", std::string, std::int64_t>;
  EXPECT_EQ(Item::Prefix(), "cart[v1]?:{");
  EXPECT_EQ(Item::Prefix(std::string("a*")), "cart[v1]?:{a%2a}:item:");
  EXPECT_EQ(Item::Glob(std::string("a*")), "cart\\[v1\\]\\?:{a%2a}:item:*");
  EXPECT_EQ(ProfileKey::Prefix(UserId{4}), "user:{4}:profile");
}

// The guide deletes `user:{id}*` with the id unescaped: one user's id takes all users along.
TEST(Key, GlobOfAHostileIdMatchesNobodyElse) {
  using Item = Key<"item[1]:*:*", std::string, std::int64_t>;
  const Store store = Store::Open("embedded:").value();
  Client& client = store.client();
  client.Call(Command("SET", Item("ada", 1).text(), "x")).value();
  client.Call(Command("SET", Item("*", 1).text(), "x")).value();
  client.Call(Command("SET", Item("*", 2).text(), "x")).value();
  EXPECT_EQ(client.Call(Command("KEYS", Item::Glob(std::string("*"))))->elements().size(), 2u);
  EXPECT_EQ(client.Call(Command("KEYS", Item::Glob()))->elements().size(), 3u);
}

template <class... Parts>
concept MakesProfileKey = requires(Parts... parts) { ProfileKey(parts...); };

TEST(Key, ArityAndTypesAreTheCompilers) {
  static_assert(MakesProfileKey<UserId>);
  static_assert(!MakesProfileKey<>);
  static_assert(!MakesProfileKey<UserId, UserId>);
  static_assert(!MakesProfileKey<std::string>);
  static_assert(!KeyPart<bool> && !KeyPart<double> && !KeyPart<const char*>);
  static_assert(!KeyPart<std::string_view>);
  static_assert(!internal::ArePartsSeparated("a:**") && !internal::ArePartsSeparated("a:*b"));
  static_assert(!internal::AreBracesPaired("a{}") && !internal::AreBracesPaired("}{"));
}

}  // namespace
}  // namespace cairn::cache
