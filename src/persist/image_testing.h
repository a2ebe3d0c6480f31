// SPDX-License-Identifier: BSD-3-Clause
// What tests of images share: a store with something of every kind, and what is in a store. For
// tests only.
#ifndef CAIRN_PERSIST_IMAGE_TESTING_H_
#define CAIRN_PERSIST_IMAGE_TESTING_H_

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <utility>

#include "keyspace/cut.h"
#include "keyspace/keyspace_testing.h"
#include "keyspace/value_digest.h"
#include "persist/loader.h"
#include "persist/saver.h"
#include "value/stream_testing.h"

namespace cairn::persist::testing {

// Database and key, to digest and time.
using Picture = std::map<std::pair<std::uint32_t, std::string>, std::pair<std::uint64_t, UnixMs>>;

inline Picture PictureOf(keyspace::TestStore& store) {
  Picture picture;
  keyspace::Keyspace& keyspace = store.keyspace;
  for (std::size_t i = 0; i < keyspace.stripe_count(); ++i) {
    keyspace::Stripe& stripe = keyspace.stripe(StripeId(static_cast<std::uint16_t>(i)));
    for (std::uint32_t db = 0; db < keyspace.database_count(); ++db) {
      keyspace::Shard* shard = stripe.shard(DbId(db));
      if (shard == nullptr) continue;
      shard->table.ForEach([&](keyspace::Position at, const keyspace::Entry* entry) {
        picture.emplace(std::pair(db, std::string(entry->key())),
                        std::pair(keyspace::ValueDigest(*entry),
                                  keyspace::internal::ExpiryOf(shard->table, at, *entry)));
      });
    }
  }
  return picture;
}

class Filler {
 public:
  Filler(keyspace::TestStore& store, DbId db) : store_(store), db_(db) {}

  // One key of each type, with `size` elements.
  void Add(const std::string& name, int size) {
    store_.Set(name + "string", std::string(static_cast<std::size_t>(size), 'x'), db_);
    store_.Set(name + "number", std::to_string(size), db_);
    Edit<value::List>(
        name + "list",
        [&](value::List& list, const value::TableHome&, int i) {
          const std::string text = "element" + std::to_string(i);
          const std::string_view view = text;
          list.Push(value::ListEnd::kBack, std::span(&view, 1), {});
        },
        size);
    Edit<value::Set>(
        name + "set",
        [&](value::Set& set, const value::TableHome& home, int i) {
          set.Add("member" + std::to_string(i), kSetLimits, home);
        },
        size);
    Edit<value::SortedSet>(
        name + "sorted",
        [&](value::SortedSet& set, const value::TableHome& home, int i) {
          set.Add("member" + std::to_string(i), i / 3.0, {}, kSortedSetLimits, home);
        },
        size);
    Edit<value::Hash>(
        name + "hash",
        [&](value::Hash& hash, const value::TableHome& home, int i) {
          hash.Set("field" + std::to_string(i), std::to_string(i), kHashLimits, home);
        },
        size);
    Edit<value::Stream>(
        name + "stream",
        [&](value::Stream& stream, const value::TableHome&, int i) {
          value::testing::Add(stream, {static_cast<std::uint64_t>(i) + 1, 0}, {"f", "v"});
          if (i == 0) stream.CreateGroup("group", {}, 0)->AddConsumer("consumer", 1);
          value::StreamGroup& group = *stream.FindGroup("group");
          stream.ReadNew(group, *group.FindConsumer("consumer"), 1,
                         value::StreamAcknowledge::kByConsumer, 1, [](const auto&) {});
        },
        size);
  }
  // Changes an element of each large collection that Add made under this name, takes it out, or
  // adds one.
  void Touch(const std::string& name, int at, int round) {
    const std::string number = std::to_string(at);
    Edit<value::List>(
        name + "list",
        [&](value::List& list, const value::TableHome&, int) {
          const std::string text = "changed" + std::to_string(round);
          const std::string_view view = text;
          if (round % 3 == 0) list.Set(at, text, {});
          if (round % 3 == 1) list.Push(value::ListEnd::kFront, std::span(&view, 1), {});
          if (round % 3 == 2) list.Pop(value::ListEnd::kFront, {});
        },
        1);
    Edit<value::Set>(
        name + "set",
        [&](value::Set& set, const value::TableHome& home, int) {
          if (!set.Remove("member" + number)) set.Add("member" + number, kSetLimits, home);
        },
        1);
    Edit<value::SortedSet>(
        name + "sorted",
        [&](value::SortedSet& set, const value::TableHome& home, int) {
          if (round % 2 == 0) set.Remove("member" + number);
          set.Add("member" + number, round, {}, kSortedSetLimits, home);
        },
        1);
    Edit<value::Stream>(
        name + "stream",
        [&](value::Stream& stream, const value::TableHome&, int) {
          const value::StreamId id = {static_cast<std::uint64_t>(at) + 1, 0};
          if (round % 3 == 0) stream.Delete(id);
          if (round % 3 == 1)
            value::testing::Add(stream, {stream.last_id().ms + 1, 0}, {"f", number});
          if (round % 3 == 2) stream.FindGroup("group")->Acknowledge(id);
        },
        1);
    for (const char* hash_name : {"hash", "timed"}) {
      Edit<value::Hash>(
          name + hash_name,
          [&](value::Hash& hash, const value::TableHome& home, int) {
            if (round % 2 == 0) hash.Remove("field" + number);
            hash.Set("field" + number, std::to_string(round), kHashLimits, home);
          },
          1);
    }
  }
  void AddTimedHash(const std::string& name, int size, UnixMs at) {
    Edit<value::Hash>(
        name,
        [&](value::Hash& hash, const value::TableHome& home, int i) {
          hash.Set("field" + std::to_string(i), "value", kHashLimits, home);
          if (i % 2 == 0) hash.SetExpiry("field" + std::to_string(i), at + i, home);
        },
        size);
  }
  void Expire(const std::string& name, UnixMs at) {
    store_.With(
        name,
        [&](keyspace::Txn& txn, const keyspace::KeyRef& key) {
          keyspace::Found found = txn.Find(key, keyspace::Access::kPeek);
          txn.SetExpiry(key, found, at);
        },
        db_);
  }

 private:
  static constexpr value::SetLimits kSetLimits = {
      .int_entries = 512, .packed_entries = 128, .packed_value_bytes = 64};
  static constexpr value::SortedSetLimits kSortedSetLimits = {.packed_entries = 128,
                                                              .packed_value_bytes = 64};
  static constexpr value::HashLimits kHashLimits = {.packed_entries = 128,
                                                    .packed_value_bytes = 64};

  template <class V, class Fn>
  void Edit(const std::string& name, Fn fn, int size) {
    store_.With(
        name,
        [&](keyspace::Txn& txn, const keyspace::KeyRef& key) {
          keyspace::Found found = txn.Find(key, keyspace::Access::kWrite);
          const value::TableHome home = {store_.keyspace.stripe(key.stripe).arena,
                                         store_.keyspace.seed()};
          auto edit = txn.Edit<V>(key, found);
          for (int i = 0; i < size; ++i) fn(*edit, home, i);
        },
        db_);
  }

  keyspace::TestStore& store_;
  const DbId db_;
};

// Something of every kind, in two databases, with and without times.
inline void FillWithAll(keyspace::TestStore& store) {
  for (const std::uint32_t db : {0u, 1u}) {
    Filler filler(store, DbId(db));
    for (const int size : {1, 20, 1000, 5000}) {
      const std::string name = std::to_string(size) + ":";
      filler.Add(name, size);
      filler.Expire(name + "set", keyspace::kTestStartMs + 100'000 + size);
      filler.AddTimedHash(name + "timed", size, keyspace::kTestStartMs + 5000);
    }
    filler.AddTimedHash("both", 3, keyspace::kTestStartMs + 5000);
    filler.Expire("both", keyspace::kTestStartMs + 3000);
  }
}

inline SaveOrder Order(ImageFormat format = {}) {
  return {.path = "./temp-1.rdb", .final_path = "./dump.rdb", .format = std::move(format)};
}

inline Status SaveTo(io::Disk& disk, keyspace::TestStore& store, const SaveOrder& order) {
  const std::unique_ptr<keyspace::Cut> cut = TakeCut(store.keyspace);
  SaveProgress progress;
  return SaveCut(disk, store.keyspace, *cut, order, progress);
}

// What is in a file, which can be loaded.
inline Picture Loaded(io::Disk& disk, const std::string& path = "./dump.rdb") {
  keyspace::TestStore store({.stripe_count = 8});
  LoadProgress progress;
  const auto loaded = LoadRdbFile(disk, path, store.keyspace, {}, progress);
  EXPECT_TRUE(loaded.has_value()) << loaded.error().message();
  EXPECT_EQ(store.BookedBytes(), store.CountedBytes());
  EXPECT_EQ(progress.bytes(), progress.bytes_total());
  return PictureOf(store);
}

}  // namespace cairn::persist::testing

#endif  // CAIRN_PERSIST_IMAGE_TESTING_H_
