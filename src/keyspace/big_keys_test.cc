// SPDX-License-Identifier: BSD-3-Clause
// The tables by themselves, and against all keys of a store after random changes: what is listed is
// there, and nothing larger than what was missed is not listed.
#include "keyspace/big_keys.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "keyspace/keyspace_testing.h"

namespace cairn::keyspace {
namespace {

using By = BigKeys::By;

constexpr value::ListLimits kListLimits = {};

std::vector<std::string> Names(const BigKeys& keys, By by) {
  std::vector<std::string> names;
  for (const LargestNames::Listed& listed : keys.List(by).listed) names.push_back(listed.name);
  return names;
}

TEST(BigKeys, TheLargestStandFirstAndTheLeastGoesFirst) {
  BigKeys keys;
  keys.SetCapacity(2);
  keys.Note(nullptr, "a", 5000, 0);
  keys.Note(nullptr, "b", 9000, 700);
  EXPECT_EQ(keys.List(By::kBytes).missed_max, 0u);
  keys.Note(nullptr, "c", 7000, 20);
  EXPECT_EQ(Names(keys, By::kBytes), (std::vector<std::string>{"b", "c"}));
  EXPECT_EQ(keys.List(By::kBytes).missed_max, 5000u);
  EXPECT_EQ(Names(keys, By::kElements), (std::vector<std::string>{"b", "c"}));
  keys.Note(nullptr, "d", 4100, 0);
  keys.Note(nullptr, "c", 90000, 20);
  EXPECT_EQ(Names(keys, By::kBytes), (std::vector<std::string>{"c", "b"}));
  keys.NoteGone(nullptr, "c");
  EXPECT_EQ(Names(keys, By::kBytes), (std::vector<std::string>{"b"}));
  EXPECT_EQ(Names(keys, By::kElements), (std::vector<std::string>{"b"}));
  EXPECT_EQ(keys.List(By::kBytes).missed_max, 5000u) << "there may still be one";
}

TEST(BigKeys, ChangesOfAnEighthAreTold) {
  EXPECT_FALSE(BigKeys::IsTold(10, 4095));
  EXPECT_TRUE(BigKeys::IsTold(10, 4096));
  EXPECT_TRUE(BigKeys::IsTold(4096, 0));
  EXPECT_TRUE(BigKeys::IsTold(4096, 4095));
  EXPECT_FALSE(BigKeys::IsTold(4096, 4600));
  EXPECT_TRUE(BigKeys::IsTold(4096, 4608));
  EXPECT_TRUE(BigKeys::IsTold(1 << 20, (1 << 20) / 8 * 9));
}

TEST(BigKeys, AStringThatIsSkippedWasMissed) {
  BigKeys keys;
  keys.SetCapacity(1);
  EXPECT_FALSE(keys.SkipsString(0, 5000));
  keys.Note(nullptr, "a", 9000, 0);
  EXPECT_FALSE(keys.SkipsString(0, 9100));
  EXPECT_FALSE(keys.SkipsString(9100, 0));
  EXPECT_EQ(keys.List(By::kBytes).missed_max, 0u);
  EXPECT_TRUE(keys.SkipsString(0, 5000));
  EXPECT_TRUE(keys.SkipsString(6000, 0));
  EXPECT_EQ(keys.List(By::kBytes).missed_max, 5000u);
  keys.ForgetIf([](const Shard*) { return true; }, true);
  EXPECT_EQ(keys.List(By::kBytes).missed_max, 0u);
}

TEST(BigKeys, NoneAreKeptAtCapacityZero) {
  BigKeys keys;
  SharedCounter total;
  keys.CountIn(&total);
  keys.Note(nullptr, "a", 5000, 3);
  EXPECT_GT(total.value(), 0);
  EXPECT_EQ(total.value(), keys.memory_bytes());
  keys.SetCapacity(0);
  EXPECT_EQ(total.value(), 0);
  EXPECT_TRUE(keys.SkipsString(0, 1 << 30));
  keys.Note(nullptr, "a", 5000, 3);
  EXPECT_TRUE(Names(keys, By::kBytes).empty());
  keys.SetCapacity(1);
  keys.Note(nullptr, "b", 5000, 3);
  EXPECT_EQ(Names(keys, By::kBytes), (std::vector<std::string>{"b"}));
}

TEST(BigKeys, MemoryIsBoundedByNamesThatAreNotTooLong) {
  BigKeys keys;
  keys.Note(nullptr, std::string(BigKeys::kNameBytesMax + 1, 'n'), 5000, 3);
  EXPECT_TRUE(Names(keys, By::kBytes).empty());
  for (int i = 0; i < 1000; ++i)
    keys.Note(nullptr, std::string(BigKeys::kNameBytesMax - 4, 'n') + std::to_string(i), 5000, 3);
  EXPECT_LE(keys.memory_bytes(), 2 * 2 * static_cast<std::int64_t>(BigKeys::kCapacityDefault) *
                                     static_cast<std::int64_t>(BigKeys::kNameBytesMax + 100));
}

class RandomStore {
 public:
  explicit RandomStore(std::uint64_t seed) : random_(seed) {
    store_.keyspace.big_keys().SetCapacity(8);
  }

  void Step() {
    const std::string name = "{t}" + std::to_string(random_.Below(60));
    const DbId db(static_cast<std::uint32_t>(random_.Below(2)));
    switch (random_.Below(20)) {
      case 0:
      case 1:
      case 2:
        store_.Set(name, std::string(Size(), 'v'), db);
        return;
      case 3:
        store_.Remove(name, db);
        return;
      case 4:
        return Append(name, db);
      case 5:
        return Move(name, "{t}" + std::to_string(random_.Below(60)), db);
      case 6:
        return Expire(name, db);
      case 7:
        return Rare();
      default:
        return Edit(name, db);
    }
  }

  void ExpectRight() {
    const BigKeys::Listing by_bytes = store_.keyspace.big_keys().List(By::kBytes);
    const BigKeys::Listing by_elements = store_.keyspace.big_keys().List(By::kElements);
    std::set<std::pair<const Shard*, std::string>> listed_by_bytes;
    std::set<std::pair<const Shard*, std::string>> listed_by_elements;
    for (const auto& at : by_bytes.listed) listed_by_bytes.emplace(at.shard, at.name);
    for (const auto& at : by_elements.listed) listed_by_elements.emplace(at.shard, at.name);
    EXPECT_EQ(listed_by_bytes.size(), by_bytes.listed.size()) << "one is listed twice";
    std::size_t there = 0;
    for (std::size_t i = 0; i < store_.keyspace.stripe_count(); ++i) {
      Stripe& stripe = store_.keyspace.stripe(StripeId(static_cast<std::uint16_t>(i)));
      for (const auto& shard : stripe.owned_shards) {
        shard->table.ForEach([&](Position, const Entry* entry) {
          const std::pair<const Shard*, std::string> key(shard.get(), entry->key());
          there += listed_by_bytes.contains(key) ? 1 : 0;
          const std::size_t bytes = entry->charged_bytes();
          if (bytes > BigKeys::kWatchedBytesMin * 5 / 4 && bytes > by_bytes.missed_max * 5 / 4) {
            EXPECT_TRUE(listed_by_bytes.contains(key)) << key.second << " of " << bytes;
          }
          if (!entry->is_collection() || bytes < BigKeys::kWatchedBytesMin * 5 / 4) return;
          if (entry->element_count() > by_elements.missed_max * 5 / 4) {
            EXPECT_TRUE(listed_by_elements.contains(key)) << key.second;
          }
        });
      }
    }
    EXPECT_EQ(there, by_bytes.listed.size()) << "one is listed that is gone";
  }

 private:
  std::size_t Size() { return random_.Below(3) == 0 ? random_.Below(60'000) : random_.Below(100); }

  void Append(const std::string& name, DbId db) {
    store_.With(
        name,
        [&](Txn& txn, const KeyRef& key) {
          Found found = txn.Find(key, Access::kWrite);
          if (found && found.entry->is_collection()) return;
          const std::size_t size = found ? found.entry->value().size() : 0;
          txn.EditString(key, found, size + random_.Below(9000));
        },
        db);
  }

  void Edit(const std::string& name, DbId db) {
    store_.With(
        name,
        [&](Txn& txn, const KeyRef& key) {
          Found found = txn.Find(key, Access::kWrite);
          if (found && found.entry->type() != Type::kList) return txn.Remove(key, found);
          auto list = txn.Edit<value::List>(key, found);
          const bool grows = random_.Below(2) == 0;
          for (std::uint64_t count = 1 + random_.Below(400); count > 0; --count) {
            if (grows) {
              const std::string_view texts[] = {"an element"};
              list->Push(value::ListEnd::kBack, texts, kListLimits);
            } else if (list->size() > 0) {
              list->Pop(value::ListEnd::kBack, kListLimits);
            }
          }
        },
        db);
  }

  void Move(const std::string& from_name, const std::string& to_name, DbId db) {
    if (from_name == to_name) return;
    store_.With(
        from_name,
        [&](Txn& txn, const KeyRef& from_key) {
          const Found from = txn.Find(from_key, Access::kWrite);
          if (!from) return;
          const KeyRef to_key = store_.keyspace.Ref(to_name);
          txn.MoveTo(from_key, from, db, to_key, txn.Find(to_key, Access::kWrite));
          Found again = txn.Find(from_key, Access::kWrite);
          txn.Remove(from_key, again);
        },
        db);
  }

  void Expire(const std::string& name, DbId db) {
    store_.With(
        name,
        [&](Txn& txn, const KeyRef& key) {
          Found found = txn.Find(key, Access::kWrite);
          if (found) txn.SetExpiry(key, found, store_.clock.NowUnixMs() + 1);
        },
        db);
    store_.clock.AdvanceMs(1);
    store_.Get(name, db);
  }

  void Rare() {
    KeyLocks locks(store_.keyspace);
    locks.AcquireAll();
    switch (random_.Below(12)) {
      case 0:
        store_.keyspace.FlushDatabase(locks, DbId(0));
        break;
      case 1:
        store_.keyspace.SwapDatabases(locks, DbId(0), DbId(1));
        break;
      default:
        break;
    }
    locks.Release();
  }

  TestStore store_;
  Random random_;
};

TEST(BigKeys, FollowAllThatHappensToKeys) {
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    SCOPED_TRACE(seed);
    RandomStore store(seed);
    for (int i = 0; i < 2000; ++i) {
      store.Step();
      if (i % 20 == 0) store.ExpectRight();
    }
  }
}

}  // namespace
}  // namespace cairn::keyspace
