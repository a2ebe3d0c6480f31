// SPDX-License-Identifier: BSD-3-Clause
// The log tells the whole truth of lists, sets and sorted sets: what was popped at random or by one
// who waited, what SORT, GEORADIUS and the algebra have stored, and all of it inside MULTI.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "engine/replay_testing.h"

namespace cairn::engine {
namespace {

class CollectionCommands {
 public:
  explicit CollectionCommands(Random& random) : random_(random) {}

  ReplayArgs Next() {
    switch (random_.Below(9)) {
      case 0:
      case 1:
        return EditList();
      case 2:
        return Wait();
      case 3:
        return EditSet();
      case 4:
      case 5:
        return EditSortedSet();
      case 6:
        return Place();
      case 7:
        return Store();
      default:
        return Around();
    }
  }

 private:
  std::string Pick(std::initializer_list<const char*> words) {
    return words.begin()[random_.Below(words.size())];
  }
  std::string Number(std::uint64_t bound) { return std::to_string(random_.Below(bound)); }
  std::string Element() {
    const std::uint64_t kind = random_.Below(40);
    if (kind == 0) return std::string(100, static_cast<char>('a' + random_.Below(26)));
    return kind < 20 ? Number(30) : "m" + Number(30);
  }
  std::string List() { return "list" + Number(4); }
  std::string Set() { return "set" + Number(4); }
  std::string Sorted() { return "sorted" + Number(4); }
  std::string End() { return Pick({"LEFT", "RIGHT"}); }

  ReplayArgs EditList() {
    switch (random_.Below(9)) {
      case 0:
        return {Pick({"LPUSH", "RPUSH", "LPUSHX", "RPUSHX"}), List(), Element(), Element()};
      case 1:
        return {"LINSERT", List(), Pick({"BEFORE", "AFTER"}), Element(), Element()};
      case 2:
        return {"LREM", List(), Pick({"0", "1", "-2"}), Element()};
      case 3:
        return {"LSET", List(), Number(5), Element()};
      case 4:
        return {"LTRIM", List(), Number(2), Pick({"-1", "-2", "20"})};
      case 5:
        return {Pick({"LPOP", "RPOP"}), List(), Number(4)};
      case 6:
        return {"LMPOP", "2", List(), List(), End(), "COUNT", "3"};
      case 7:
        return {"LMOVE", List(), List(), End(), End()};
      default:
        return {"RPUSH", List(), Element(), Element(), Element()};
    }
  }
  ReplayArgs Wait() {
    switch (random_.Below(8)) {
      case 0:
        return {Pick({"BLPOP", "BRPOP"}), List(), List(), "0"};
      case 1:
        return {"BLMOVE", List(), List(), End(), End(), "0"};
      case 2:
        return {"BRPOPLPUSH", List(), List(), "0"};
      case 3:
        return {"BLMPOP", "0", "2", List(), List(), End(), "COUNT", "2"};
      case 4:
        return {Pick({"BZPOPMIN", "BZPOPMAX"}), Sorted(), Sorted(), "0"};
      case 5:
        return {"BZMPOP", "0", "2", Sorted(), Sorted(), Pick({"MIN", "MAX"}), "COUNT", "3"};
      default:
        return {"BLPOP", List(), "0"};
    }
  }
  ReplayArgs EditSet() {
    switch (random_.Below(4)) {
      case 0:
        return {"SPOP", Set(), Number(5)};
      case 1:
        return {"SMOVE", Set(), Set(), Element()};
      case 2:
        return {"SREM", Set(), Element(), Element()};
      default:
        return {"SADD", Set(), Element(), Element(), Element()};
    }
  }
  ReplayArgs EditSortedSet() {
    switch (random_.Below(9)) {
      case 0:
        return {"ZINCRBY", Sorted(), Pick({"0.1", "-3", "1e10"}), Element()};
      case 1:
        return {"ZADD", Sorted(), Pick({"NX", "XX", "GT", "LT"}), Number(50), Element()};
      case 2:
        return {"ZADD", Sorted(), "INCR", Number(50), Element()};
      case 3:
        return {Pick({"ZPOPMIN", "ZPOPMAX"}), Sorted(), Number(4)};
      case 4:
        return {"ZMPOP", "2", Sorted(), Sorted(), Pick({"MIN", "MAX"}), "COUNT", "2"};
      case 5:
        return {"ZREMRANGEBYSCORE", Sorted(), "(3", "9"};
      case 6:
        return {"ZREMRANGEBYRANK", Sorted(), "0", "1"};
      default:
        return {"ZADD", Sorted(), Number(100) + ".25", Element(), Number(100), Element()};
    }
  }
  ReplayArgs Place() {
    switch (random_.Below(4)) {
      case 0:
        return {"GEORADIUS", "geo", "10", "10", "900", "km", "STORE", Sorted()};
      case 1:
        return {"GEORADIUSBYMEMBER", "geo", "m1", "500", "km", "STOREDIST", Sorted()};
      case 2:
        return {"GEOSEARCHSTORE",
                Sorted(),
                "geo",
                "FROMLONLAT",
                "10",
                "10",
                "BYBOX",
                "900",
                "900",
                "km",
                "COUNT",
                "3",
                "ANY"};
      default:
        return {"GEOADD", "geo", Number(20) + ".5", Number(20) + ".25", "m" + Number(20)};
    }
  }
  ReplayArgs Store() {
    switch (random_.Below(6)) {
      case 0:
        return {"SORT", Pick({"list0", "set0", "sorted0"}), "ALPHA", "STORE", List()};
      case 1:
        return {"SORT", "set1", "BY", "nosort", "LIMIT", "0", "3", "STORE", List()};
      case 2:
        return {Pick({"SINTERSTORE", "SUNIONSTORE", "SDIFFSTORE"}), Set(), Set(), Set()};
      case 3:
        return {Pick({"ZUNIONSTORE", "ZINTERSTORE"}),
                Sorted(),
                "2",
                Sorted(),
                Set(),
                "WEIGHTS",
                "2",
                "0.5"};
      case 4:
        return {"ZDIFFSTORE", Sorted(), "2", Sorted(), Sorted()};
      default:
        return {"ZRANGESTORE", Sorted(), Sorted(), "1", "3"};
    }
  }
  // Keys change their names, databases and lives around those who wait.
  ReplayArgs Around() {
    const std::string key = Pick({"list0", "list1", "set0", "sorted0", "sorted1", "geo"});
    switch (random_.Below(12)) {
      case 0:
        return {"RENAME", key, Pick({"list2", "set2", "sorted2"})};
      case 1:
        return {"COPY", key, key, "DB", Number(3), "REPLACE"};
      case 2:
        return {"MOVE", key, Number(3)};
      case 3:
        return {"SELECT", Number(3)};
      case 4:
        return {"SWAPDB", Number(3), Number(3)};
      case 5:
        if (random_.Below(10) == 0) return {Pick({"FLUSHDB", "FLUSHALL"})};
        return {"PEXPIRE", key, Number(60)};
      case 6:
        return {"DEL", key};
      case 7:
        return {"SET", key, "a string now"};
      case 8:
      case 9:
        return {"MULTI"};
      default:
        return {Pick({"EXEC", "EXEC", "EXEC", "DISCARD"})};
    }
  }

  Random& random_;
};

TEST(ReplayCollections, TwinsHoldTheSameWhoeverWaited) {
  const std::uint64_t seed = SecureRandomUint64();
  SCOPED_TRACE("seed " + std::to_string(seed));
  Twins twins(seed, 6);
  CollectionCommands commands(twins.random());
  for (int step = 0; step < 60'000; ++step) {
    twins.Execute(commands.Next());
    if (step % 50 == 49) twins.Compare();
    if (::testing::Test::HasFatalFailure()) return;
  }
  EXPECT_GT(twins.served(), 0u);
}

}  // namespace
}  // namespace cairn::engine
