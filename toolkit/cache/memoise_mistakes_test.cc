// SPDX-License-Identifier: BSD-3-Clause
// What widely read guides get wrong with memoised functions: each a test of its name, the guide's
// algorithm first.
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "cairn/memoise.h"

namespace cairn::cache {
namespace {

struct User {
  std::int64_t id = 0;
  std::string name;
  std::optional<std::string> mail;
  static constexpr auto Fields() {
    return FieldsOf("memoised_user/1", Field("id", &User::id), Field("name", &User::name),
                    Field("mail", &User::mail));
  }
};

class MemoiseMistake : public testing::Test {
 protected:
  Store store_ = Store::Open("embedded:").value();
  int loads_ = 0;
};

// A key of the arguments that are positional: price(product=2) is price(product=1).
TEST_F(MemoiseMistake, DecoratorIgnoresArguments) {
  std::map<std::string, int> guide;
  const auto guided = [&](const std::string& name, int product) {
    // kwargs are not in the key.
    return guide.try_emplace(name, product).first->second;
  };
  EXPECT_EQ(guided("get_product", 1), 1);
  EXPECT_EQ(guided("get_product", 2), 1);

  const auto product = Memoise<"product", std::int64_t(std::int64_t, std::optional<std::int64_t>)>(
      store_, [&](std::int64_t id, std::optional<std::int64_t> shop) {
        ++loads_;
        return id * 100 + shop.value_or(0);
      });
  EXPECT_EQ(product(1, std::nullopt)->value, 100);
  EXPECT_EQ(product(2, std::nullopt)->value, 200);
  EXPECT_EQ(product(2, 1)->value, 201);
  EXPECT_EQ(product(2, 0)->value, 200);
  EXPECT_EQ(loads_, 4);
}

// Joined by ':', ("a:b", "c") is ("a", "b:c"); as text, 1 is "1".
TEST_F(MemoiseMistake, ArgumentsThatAreJoinedCollide) {
  const auto joined = [](const std::string& a, const std::string& b) { return a + ":" + b; };
  EXPECT_EQ(joined("a:b", "c"), joined("a", "b:c"));

  using Pair = CallKey<"f", std::string, std::string>;
  EXPECT_NE(Pair("a:b", "c").text(), Pair("a", "b:c").text());
  EXPECT_NE(Pair("a", "").text(), Pair("", "a").text());
  const auto sum = Memoise<"sum", std::string(std::string, std::string)>(
      store_, [](const std::string& a, const std::string& b) { return a + "|" + b; });
  EXPECT_EQ(sum("a:b", "c")->value, "a:b|c");
  EXPECT_EQ(sum("a", "b:c")->value, "a|b:c");
}

TEST_F(MemoiseMistake, ANumberAndItsTextCollide) {
  EXPECT_EQ("f:" + std::to_string(1), "f:" + std::string("1"));

  EXPECT_NE((CallKey<"f", std::int64_t>(1).text()), (CallKey<"f", std::string>("1").text()));
  EXPECT_NE((CallKey<"f", bool>(true).text()), (CallKey<"f", std::int64_t>(1).text()));
  EXPECT_NE((CallKey<"f", double>(1).text()), (CallKey<"f", std::int64_t>(1).text()));
  using Maybe = CallKey<"f", std::optional<std::int64_t>>;
  EXPECT_NE(Maybe(std::nullopt).text(), Maybe(0).text());
  // Any value that has words: a struct, a list.
  using OfUser = CallKey<"f", User>;
  EXPECT_NE(OfUser(User{1, "a", {}}).text(), OfUser(User{1, "a", "m"}).text());
  EXPECT_EQ(OfUser(User{1, "a", {}}).text(), OfUser(User{1, "a", {}}).text());
  using OfList = CallKey<"f", std::vector<std::string>>;
  EXPECT_NE(OfList({"a", "b"}).text(), OfList({"a,b"}).text());
}

// The bare name of a function is the prefix: two functions `get` share their entries. Three
// spellings of one call are three entries; and a hashed key cannot be invalidated.
TEST_F(MemoiseMistake, FunctionsOfOneNameAndCallsOfManySpellings) {
  std::map<std::string, std::string> guide;
  const auto cached = [&](const std::string& function, int id, const std::string& value) {
    return guide.try_emplace(function + ":" + std::to_string(id), value).first->second;
  };
  EXPECT_EQ(cached("get", 1, "user"), "user");
  EXPECT_EQ(cached("get", 1, "order"), "user");

  const auto counted = [&](std::string what) {
    return [this, what](std::int64_t) {
      ++loads_;
      return what;
    };
  };
  const auto user = Memoise<"users.get", std::string(std::int64_t)>(store_, counted("user"));
  const auto order = Memoise<"orders.get", std::string(std::int64_t)>(store_, counted("order"));
  EXPECT_EQ(user(1)->value, "user");
  EXPECT_EQ(order(1)->value, "order");
  const short one = 1;
  EXPECT_EQ(user(one)->outcome, Outcome::kHit);
  EXPECT_EQ(user(true)->outcome, Outcome::kHit);
  EXPECT_EQ(loads_, 2);
  EXPECT_TRUE(user.Invalidate(1)->is_applied);
  EXPECT_EQ(user(1)->outcome, Outcome::kLoaded);
  EXPECT_EQ(order(1)->outcome, Outcome::kHit);
}

// The arguments as they are written are the key: one call in three spellings is loaded three times,
// and so is a method's, whose `self` is in it. Of a key that is a digest nobody can name the call
// that is to be invalidated; ours take the same arguments.
TEST_F(MemoiseMistake, SpellingsAndSelfAreInTheKey) {
  std::map<std::string, int> guide;
  for (const char* call : {"(1, 2)", "(1, b=2)", "(a=1, b=2)"})
    guide.try_emplace("add:" + std::to_string(std::hash<std::string>()(call)), 3);
  EXPECT_EQ(guide.size(), 3u);
  struct Shop {
    int* loads;
    std::int64_t Price(std::int64_t product) const { return ++*loads, product * 10; }
  };
  const Shop one{&loads_};
  const Shop other{&loads_};
  guide.clear();
  for (const Shop* self : {&one, &other})
    guide.try_emplace("price:" + std::to_string(reinterpret_cast<std::uintptr_t>(self)) + ":1", 10);
  EXPECT_EQ(guide.size(), 2u);

  const auto of = [&](const Shop& shop) {
    return Memoise<"shop.price", std::int64_t(std::int64_t)>(
        store_, [&shop](std::int64_t product) { return shop.Price(product); });
  };
  EXPECT_EQ(of(one)(1)->value, 10);
  EXPECT_EQ(of(other)(std::int8_t{1})->value, 10);
  EXPECT_EQ(loads_, 1);
  EXPECT_TRUE(of(other).Invalidate(1)->is_applied);
  EXPECT_EQ(of(one)(1)->outcome, Outcome::kLoaded);
}

}  // namespace
}  // namespace cairn::cache
