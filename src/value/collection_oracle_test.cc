// SPDX-License-Identifier: BSD-3-Clause
// Sets and hashes against real servers: the form after every command, the bytes of small forms,
// and what set algebra stores.
//
// valkey-server 8.0 has the forms and rules of Redis 7.2, redis-server 7.0 has no packed sets and
// serves for hashes. Where a server is missing, its case is skipped. Times of fields are Redis
// 7.4's and have no server here.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <vector>

#include "base/random.h"
#include "value/collection_testing.h"
#include "value/hash.h"
#include "value/oracle_testing.h"
#include "value/set.h"
#include "value/set_algebra.h"

namespace cairn::value {
namespace {

constexpr std::uint64_t kSeed = 41;
constexpr char kIntSetType = 11;
constexpr char kPackedSetType = 20;
constexpr char kPackedHashType = 16;

void Configure(Oracle& oracle, const std::string& name, std::size_t value) {
  ASSERT_EQ(oracle.Call({"CONFIG", "SET", name, std::to_string(value)}).text, "OK");
}

void Configure(Oracle& oracle, const SetLimits& limits) {
  Configure(oracle, "set-max-intset-entries", limits.int_entries);
  Configure(oracle, "set-max-listpack-entries", limits.packed_entries);
  Configure(oracle, "set-max-listpack-value", limits.packed_value_bytes);
  oracle.Call({"CONFIG", "SET", "rdbcompression", "no"});
  oracle.Call({"FLUSHALL"});
}

// What DUMP answers for packed bytes, without its last ten (version and checksum).
std::string DumpOf(char type, std::string_view bytes) {
  const auto byte = [](std::size_t bits) { return static_cast<char>(bits & 0xff); };
  std::string dump = {type};
  if (bytes.size() < 64) {
    dump += byte(bytes.size());
  } else {
    dump += {byte(0x40 | bytes.size() >> 8), byte(bytes.size())};
  }
  return dump.append(bytes);
}

void ExpectDump(Oracle& oracle, const std::string& key, const std::string& ours) {
  if (ours.size() > 16'000) return;  // its length takes another form
  std::string theirs = oracle.Call({"DUMP", key}).text;
  ASSERT_GT(theirs.size(), 10U);
  theirs.resize(theirs.size() - 10);
  ASSERT_EQ(Hex(theirs), Hex(ours));
}

std::string AnyText(Random& random, std::uint64_t variety) {
  using enum TextKind;
  constexpr std::array kKinds = {kSmallNumber, kSmallNumber, kNumber, kShort};
  if (random.Below(200) == 0) return RandomText(random, kLong, 20);
  return RandomText(random, kKinds[random.Below(kKinds.size())], variety);
}

std::vector<std::string> Sorted(const Reply& reply) {
  std::vector<std::string> texts;
  for (const Reply& item : reply.items) texts.push_back(item.text);
  std::sort(texts.begin(), texts.end());
  return texts;
}

std::vector<std::string> Sorted(const Set& set) {
  std::vector<std::string> texts;
  set.ForEach([&](std::string_view member) { texts.emplace_back(member); });
  std::sort(texts.begin(), texts.end());
  return texts;
}

class Sets {
 public:
  Sets(Oracle& oracle, const SetLimits& limits, std::uint64_t seed)
      : oracle_(oracle), limits_(limits), random_(seed) {
    Configure(oracle, limits);
  }

  void Step() {
    const std::size_t i = random_.Below(3);
    switch (random_.Below(12)) {
      case 0:
        if (random_.Below(60) == 0) Delete(i);
        break;
      case 1:
      case 2:
        Remove(i);
        break;
      case 3:
        Store(random_.Below(3));
        break;
      default:
        Add(i);
    }
  }

 private:
  static std::string Key(std::size_t i) { return "k" + std::to_string(i); }

  void Delete(std::size_t i) {
    sets_[i] = Set();
    oracle_.Call({"DEL", Key(i)});
  }

  // Numbers alone at first, so that every form is met; now and then many at once.
  void Add(std::size_t i) {
    const bool numbers = sets_[i].is_int_set() && random_.Below(30) != 0;
    const std::size_t count = 1 + random_.Below(random_.Below(40) == 0 ? 60 : 3);
    std::vector<std::string> words = {"SADD", Key(i)};
    for (std::size_t n = 0; n < count; ++n) {
      words.push_back(numbers ? RandomText(random_, TextKind::kNumber, 80) : AnyText(random_, 80));
    }
    sets_[i].Expect(words[2], count, limits_, place_.home);
    std::int64_t added = 0;
    for (std::size_t n = 2; n < words.size(); ++n) {
      if (sets_[i].Add(words[n], limits_, place_.home)) ++added;
    }
    ASSERT_EQ(oracle_.Call(words).number, added);
    Check(i);
  }

  void Remove(std::size_t i) {
    const std::string member = AnyText(random_, 80);
    ASSERT_EQ(oracle_.Call({"SREM", Key(i), member}).number, sets_[i].Remove(member) ? 1 : 0);
    if (sets_[i].empty()) sets_[i] = Set();
    Check(i);
  }

  // Stores what became of all three, and of two, in a fourth.
  void Store(std::size_t operation) {
    constexpr std::array kNames = {"SINTERSTORE", "SUNIONSTORE", "SDIFFSTORE"};
    std::vector<std::string> words = {kNames[operation], "stored"};
    std::vector<const Set*> sets;
    for (std::size_t n = 2 + random_.Below(2); n > 0; --n) {
      const std::size_t i = random_.Below(3);
      words.push_back(Key(i));
      sets.push_back(sets_[i].empty() ? nullptr : &sets_[i]);
    }
    constexpr std::array kKinds = {SetOperation::Kind::kIntersection, SetOperation::Kind::kUnion,
                                   SetOperation::Kind::kDifference};
    const Set stored = Compute(SetOperation(kKinds[operation], sets), sets, limits_, place_.home);
    ASSERT_EQ(oracle_.Call(words).number, static_cast<std::int64_t>(stored.size())) << words[0];
    ASSERT_EQ(Sorted(oracle_.Call({"SMEMBERS", "stored"})), Sorted(stored)) << words[0];
    // A table's members come in the order of somebody's hash, and whether numbers come first
    // decides what becomes of a mixture.
    const bool is_any_table = std::ranges::any_of(
        sets, [](const Set* set) { return set != nullptr && !set->is_packed(); });
    if (stored.empty() || is_any_table) return;
    ASSERT_EQ(oracle_.Call({"OBJECT", "ENCODING", "stored"}).text, stored.encoding()) << words[0];
  }

  void Check(std::size_t i) {
    const Set& set = sets_[i];
    if (set.empty()) return;
    ASSERT_EQ(oracle_.Call({"OBJECT", "ENCODING", Key(i)}).text, set.encoding());
    if (set.is_packed()) {
      ExpectDump(oracle_, Key(i),
                 DumpOf(set.is_int_set() ? kIntSetType : kPackedSetType, set.packed_bytes()));
    } else if (random_.Below(20) == 0) {
      ASSERT_EQ(Sorted(oracle_.Call({"SMEMBERS", Key(i)})), Sorted(set));
    }
  }

  Oracle& oracle_;
  const SetLimits limits_;
  Random random_;
  TestHome place_;
  std::array<Set, 3> sets_;
};

TEST(CollectionOracle, SetsAsValkeyHasThem) {
  const std::unique_ptr<Oracle> oracle = Oracle::Start("valkey-server");
  if (oracle == nullptr) GTEST_SKIP() << "no valkey-server to compare with";
  const SetLimits all[] = {{.int_entries = 512, .packed_entries = 128, .packed_value_bytes = 64},
                           {.int_entries = 30, .packed_entries = 50, .packed_value_bytes = 64},
                           {.int_entries = 50, .packed_entries = 20, .packed_value_bytes = 6},
                           {.int_entries = 20, .packed_entries = 0, .packed_value_bytes = 64}};
  for (std::uint64_t seed = kSeed; const SetLimits& limits : all) {
    for (int round = 0; round < 4; ++round) {
      Sets sets(*oracle, limits, ++seed);
      for (int step = 0; step < 700; ++step) {
        SCOPED_TRACE(testing::Message() << "seed " << seed << " step " << step);
        sets.Step();
        if (testing::Test::HasFailure()) return;
      }
    }
  }
}

TEST(CollectionOracle, PoppedSetsAsValkeyHasThem) {
  const std::unique_ptr<Oracle> oracle = Oracle::Start("valkey-server");
  if (oracle == nullptr) GTEST_SKIP() << "no valkey-server to compare with";
  const SetLimits limits = {.int_entries = 512, .packed_entries = 128, .packed_value_bytes = 64};
  Configure(*oracle, limits);
  Random random(kSeed);
  for (const std::size_t size : {100, 300, 1000}) {
    for (const std::string prefix : {"", "m"}) {
      for (const std::size_t left : {1, 16, 17, 49, 50, 51, 90, 128, 129, 166, 167, 168}) {
        if (left >= size) continue;
        TestHome place;
        Set set;
        std::vector<std::string> words = {"SADD", "k"};
        for (std::size_t i = 0; i < size; ++i) words.push_back(prefix + std::to_string(i));
        set.Expect(words[2], size, limits, place.home);
        for (std::size_t i = 2; i < words.size(); ++i) set.Add(words[i], limits, place.home);
        oracle->Call({"DEL", "k"});
        oracle->Call(words);
        set.PopRandomMany(random, size - left, limits, [](std::string_view) {});
        oracle->Call({"SPOP", "k", std::to_string(size - left)});
        ASSERT_EQ(oracle->Call({"OBJECT", "ENCODING", "k"}).text, set.encoding())
            << size << " " << prefix << " " << left;
      }
    }
  }
}

class Hashes {
 public:
  Hashes(Oracle& oracle, const HashLimits& limits, std::uint64_t seed)
      : oracle_(oracle), limits_(limits), random_(seed) {
    Configure(oracle, "hash-max-listpack-entries", limits.packed_entries);
    Configure(oracle, "hash-max-listpack-value", limits.packed_value_bytes);
    oracle.Call({"CONFIG", "SET", "rdbcompression", "no"});
    oracle.Call({"DEL", "k"});
  }

  void Step() {
    const std::string field = AnyText(random_, 200);
    const std::string value = AnyText(random_, 1'000'000);
    switch (random_.Below(8)) {
      case 0:
      case 1:
        ASSERT_EQ(oracle_.Call({"HDEL", "k", field}).number, hash_.Remove(field) ? 1 : 0);
        if (hash_.empty()) hash_ = Hash();
        break;
      case 2:
        hash_.Expect(1, std::max(field.size(), value.size()), limits_, place_.home);
        ASSERT_EQ(oracle_.Call({"HSETNX", "k", field, value}).number,
                  hash_.Add(field, value, limits_, place_.home) ? 1 : 0);
        break;
      default:
        hash_.Expect(1, std::max(field.size(), value.size()), limits_, place_.home);
        ASSERT_EQ(oracle_.Call({"HSET", "k", field, value}).number,
                  hash_.Set(field, value, limits_, place_.home) ? 1 : 0);
    }
    Check();
  }

 private:
  void Check() {
    ASSERT_EQ(oracle_.Call({"HLEN", "k"}).number, static_cast<std::int64_t>(hash_.size()));
    if (hash_.empty()) return;
    ASSERT_EQ(oracle_.Call({"OBJECT", "ENCODING", "k"}).text, hash_.encoding());
    if (hash_.is_packed()) {
      ExpectDump(oracle_, "k", DumpOf(kPackedHashType, hash_.packed_bytes()));
    }
  }

  Oracle& oracle_;
  const HashLimits limits_;
  Random random_;
  TestHome place_;
  Hash hash_;
};

TEST(CollectionOracle, HashesAsBothHaveThem) {
  bool any = false;
  for (const char* program : {"redis-server", "valkey-server"}) {
    const std::unique_ptr<Oracle> oracle = Oracle::Start(program);
    if (oracle == nullptr) continue;
    any = true;
    for (std::uint64_t seed = kSeed;
         const HashLimits& limits :
         {HashLimits{128, 64}, HashLimits{20, 64}, HashLimits{60, 6}, HashLimits{1, 64}}) {
      for (int round = 0; round < 3; ++round) {
        Hashes hashes(*oracle, limits, ++seed);
        for (int step = 0; step < 700; ++step) {
          SCOPED_TRACE(testing::Message() << program << " seed " << seed << " step " << step);
          hashes.Step();
          if (testing::Test::HasFailure()) return;
        }
      }
    }
  }
  if (!any) GTEST_SKIP() << "no server to compare with";
}

}  // namespace
}  // namespace cairn::value
