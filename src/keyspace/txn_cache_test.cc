// SPDX-License-Identifier: BSD-3-Clause
// Notes beside values of every form, shadows, and leases: what becomes of them, and of the books.
#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "keyspace/expirer.h"
#include "keyspace/keyspace_testing.h"
#include "keyspace/lease_sweeper.h"
#include "keyspace/txn.h"

namespace cairn::keyspace {
namespace {

constexpr UnixMs kSoon = kTestStartMs + 1000;
constexpr std::int64_t kLeaseMs = 500;

std::unique_ptr<CacheNotes> NotesWith(TestStore& store, const std::set<std::string>& tags,
                                      std::uint64_t version = 0) {
  auto notes = std::make_unique<CacheNotes>();
  notes->version = version;
  notes->stamp = store.keyspace.tags().Now();
  std::vector<Tags::Ref> refs;
  for (const std::string& tag : tags) refs.push_back(store.keyspace.tags().Get(tag));
  notes->set_tags(std::move(refs));
  return notes;
}

void BumpTag(TestStore& store, std::string_view tag, Bump kind) {
  store.keyspace.tags().BumpAt(tag, kind, store.keyspace.tags().Draw());
}

void Free(TestStore& store) {
  while (!store.keyspace.trash().Drain(1000)) continue;
}

// ---- Notes -------------------------------------------------------------------------------------

// What a key is to hold: its text, and its tags if it has notes.
struct Wanted {
  bool is_there = false;
  bool is_list = false;
  std::string text;  // of a list: its elements, concatenated
  bool has_notes = false;
  std::set<std::string> tags;
};

class NotesModel {
 public:
  explicit NotesModel(std::uint64_t seed) : random_(seed) {}

  void Step() {
    const std::size_t at = random_.Below(kKeys);
    const std::string name = Name(at);
    Wanted& wanted = wanted_[at];
    store_.With(name, [&](Txn& txn, const KeyRef& key) { Change(txn, key, wanted, at); });
  }

  void Check() {
    std::multiset<std::string> carried;
    for (std::size_t at = 0; at < kKeys; ++at) {
      ASSERT_NO_FATAL_FAILURE(CheckKey(at));
      if (wanted_[at].is_there && wanted_[at].has_notes)
        carried.insert(wanted_[at].tags.begin(), wanted_[at].tags.end());
    }
    ASSERT_EQ(store_.BookedBytes(), store_.CountedBytes());
    Free(store_);
    for (int tag = 0; tag < kTags; ++tag) {
      const std::string name = TagName(tag);
      ASSERT_EQ(store_.keyspace.tags().Look(name).carriers, carried.count(name)) << name;
    }
  }

 private:
  static constexpr std::size_t kKeys = 12;
  static constexpr int kTags = 5;

  static std::string TagName(int tag) { return "tag " + std::to_string(tag); }
  // Of all lengths that entries tell apart. One slot for each pair, so that RENAME has its stripe.
  static std::string Name(std::size_t at) {
    return std::string(at % 3 == 0 ? 300 : at, 'k') + std::to_string(at);
  }
  std::string Text() {
    constexpr std::size_t kSizes[] = {0, 3, 40, 300, 5000, kBlobThreshold - 1, kBlobThreshold + 9};
    return std::string(kSizes[random_.Below(std::size(kSizes))],
                       static_cast<char>('a' + random_.Below(26)));
  }

  void Change(Txn& txn, const KeyRef& key, Wanted& wanted, std::size_t at) {
    Found found = txn.Find(key, Access::kWrite);
    switch (random_.Below(9)) {
      case 0: {
        const Ttl ttl = random_.Below(2) == 0 ? Ttl::kKeep : Ttl::kDrop;
        const bool keeps = ttl == Ttl::kKeep && wanted.has_notes;
        wanted = {.is_there = true, .text = Text(), .has_notes = keeps, .tags = wanted.tags};
        txn.SetString(key, found, wanted.text, ttl);
        return;
      }
      case 1:
      case 2: {
        if (!found) return;
        std::set<std::string> tags;
        for (std::uint64_t n = random_.Below(3); n > 0; --n)
          tags.insert(TagName(static_cast<int>(random_.Below(kTags))));
        txn.SetNotes(key, found, NotesWith(store_, tags, 7));
        wanted.has_notes = true;
        wanted.tags = tags;
        return;
      }
      case 3:
        if (found) txn.Remove(key, found);
        wanted = {};
        return;
      case 4: {
        if (found && wanted.is_list) return;
        const std::size_t size = wanted.text.size() + random_.Below(20'000);
        const std::span<char> bytes = txn.EditString(key, found, size);
        if (!bytes.empty()) bytes[0] = 'e';
        wanted.is_there = true;
        wanted.text.resize(std::max(size, wanted.text.size()));
        if (!wanted.text.empty()) wanted.text[0] = 'e';
        return;
      }
      case 5: {
        if (found && !wanted.is_list) return;
        const std::string_view element = "element";
        txn.Edit<value::List>(key, found)->Push(value::ListEnd::kBack, {&element, 1}, {});
        wanted.is_there = wanted.is_list = true;
        wanted.text += element;
        return;
      }
      case 6:
        if (found) txn.SetExpiry(key, found, kSoon);
        return;
      case 7:
        if (found) txn.ClearExpiry(key, found);
        return;
      default:
        return CopyOrMove(txn, key, found, wanted, at);
    }
  }

  // To the same name in another database and back: so the stripe is held.
  void CopyOrMove(Txn& txn, const KeyRef& key, Found& found, Wanted& wanted, std::size_t at) {
    if (!found) return;
    const DbId other(1);
    const Found there = txn.FindIn(other, key, Access::kPeek);
    if (random_.Below(2) == 0) {
      txn.CopyTo(found, other, key, there);
    } else {
      txn.MoveTo(key, found, other, key, there);
    }
    found = txn.Find(key, Access::kPeek);
    txn.Remove(key, found);
    const Found back = txn.FindIn(other, key, Access::kPeek);
    txn.MoveTo(key, back, DbId(0), key, {});
    const KeyRef same = store_.keyspace.Ref(Name(at));
    const Viewer viewer(other, store_.clock.NowUnixMs(), store_.random);
    Found left = txn.FindIn(other, same, Access::kPeek);
    txn.Remove(same, left);
    static_cast<void>(wanted);
  }

  void CheckKey(std::size_t at) {
    const Wanted& wanted = wanted_[at];
    store_.With(Name(at), [&](Txn& txn, const KeyRef& key) {
      const Found found = txn.Find(key, Access::kPeek);
      ASSERT_EQ(static_cast<bool>(found), wanted.is_there) << at;
      if (!found) return;
      ASSERT_EQ(found.entry->key(), Name(at));
      ASSERT_EQ(found.entry->type(), wanted.is_list ? Type::kList : Type::kString);
      if (!wanted.is_list) ASSERT_EQ(found.entry->value(), wanted.text) << at;
      if (wanted.is_list)
        ASSERT_EQ(found.entry->as<value::List>().size(), wanted.text.size() / 7) << at;
      const CacheNotes* notes = found.entry->notes();
      ASSERT_EQ(notes != nullptr, wanted.has_notes) << at;
      CheckImage(*found.entry, notes);
      if (notes == nullptr) return;
      std::set<std::string> tags;
      for (const Tags::Ref& tag : notes->tags()) tags.insert(tag->name());
      ASSERT_EQ(tags, wanted.tags) << at;
    });
  }

  // A copy for a cut has notes of its own, and gives them back.
  static void CheckImage(const Entry& entry, const CacheNotes* notes) {
    std::vector<std::uint64_t> room(entry.own_bytes() / sizeof(std::uint64_t) + 1);
    entry.MakeImage(room.data());
    auto* image = reinterpret_cast<Entry*>(room.data());
    EXPECT_EQ(image->key(), entry.key());
    EXPECT_EQ(image->notes() != nullptr, notes != nullptr);
    if (notes != nullptr) {
      EXPECT_NE(image->notes(), notes);
      EXPECT_EQ(image->notes()->tags().size(), notes->tags().size());
      EXPECT_EQ(image->notes()->version, notes->version);
    }
    image->DropImage();
  }

  Random random_;
  TestStore store_{{.stripe_count = 2}};
  Wanted wanted_[kKeys];
};

TEST(TxnNotes, StayWithTheirValuesInEveryFormAndTheBooksAgree) {
  const std::uint64_t seed = SecureRandomUint64();
  SCOPED_TRACE("seed " + std::to_string(seed));
  NotesModel model(seed);
  for (int step = 0; step < 6000; ++step) {
    model.Step();
    if (step % 10 == 0) ASSERT_NO_FATAL_FAILURE(model.Check()) << "step " << step;
  }
}

TEST(TxnNotes, AnEditForgetsTheVersionAndNothingElse) {
  TestStore store;
  store.Set("k", "12");
  store.With("k", [&](Txn& txn, const KeyRef& key) {
    Found found = txn.Find(key, Access::kWrite);
    txn.SetNotes(key, found, NotesWith(store, {"t"}, 7));
    txn.EditString(key, found, 10);
    const CacheNotes* notes = txn.Find(key, Access::kPeek).entry->notes();
    ASSERT_NE(notes, nullptr);
    EXPECT_EQ(notes->version, 0u);
    EXPECT_EQ(notes->tags().size(), 1u);
  });
}

TEST(TxnNotes, ADeadValueIsAbsentAndGoesWhenItIsLookedFor) {
  TestStore store;
  store.Set("k", "v");
  store.With("k", [&](Txn& txn, const KeyRef& key) {
    Found found = txn.Find(key, Access::kWrite);
    txn.SetNotes(key, found, NotesWith(store, {"t"}));
  });
  BumpTag(store, "t", Bump::kSoft);
  EXPECT_EQ(store.Get("k"), "v");
  BumpTag(store, "t", Bump::kHard);
  EXPECT_EQ(store.keyspace.Size(DbId(0)).keys, 1u);
  EXPECT_EQ(store.Get("k"), std::nullopt);
  EXPECT_EQ(store.keyspace.Size(DbId(0)).keys, 0u);
  EXPECT_EQ(store.BookedBytes(), store.CountedBytes());
}

// ---- Shadows -----------------------------------------------------------------------------------

void SetAbsent(TestStore& store, std::string_view name, UnixMs until, std::uint64_t version = 0);

// MEMORY STATS has a place for each database, and none for shadows. It once wrote beyond its end.
TEST(Shadow, IsNoDatabaseInAPicture) {
  TestStore store({.database_count = 2});
  SetAbsent(store, "gone", kTestStartMs + 1000);
  StripePicture picture =
      store.keyspace.PictureOf(store.keyspace.stripe(store.keyspace.Ref("gone").stripe));
  ASSERT_EQ(picture.tables.size(), 1u);
  EXPECT_EQ(picture.tables[0].db, 0u);
  EXPECT_EQ(picture.tables[0].keys, 0u);
  EXPECT_GT(picture.tables[0].bytes, sizeof(Shard));
}

void SetAbsent(TestStore& store, std::string_view name, UnixMs until, std::uint64_t version) {
  store.With(name, [&](Txn& txn, const KeyRef& key) {
    auto notes = NotesWith(store, {}, version);
    notes->is_negative = true;
    txn.SetShadow(key, std::move(notes), until);
  });
}

// 'a': known to be absent; 't': a tombstone; ' ': nothing is known.
char ShadowOf(TestStore& store, std::string_view name, DbId db = DbId(0)) {
  return store.With(
      name,
      [](Txn& txn, const KeyRef& key) {
        const Found shadow = txn.FindShadow(key);
        if (!shadow) return ' ';
        return shadow.entry->notes()->is_negative ? 'a' : 't';
      },
      db);
}

void Overrule(TestStore& store, std::string_view name) {
  store.With(name, [](Txn& txn, const KeyRef& key) { txn.OverruleAbsence(key); });
}

TEST(TxnShadow, IsNoKeyAndGoesWhenTheKeyIsMade) {
  TestStore store;
  SetAbsent(store, "k", kSoon);
  EXPECT_EQ(ShadowOf(store, "k"), 'a');
  EXPECT_EQ(ShadowOf(store, "k", DbId(1)), ' ');
  EXPECT_EQ(store.keyspace.Size(DbId(0)).keys, 0u);
  EXPECT_EQ(store.Get("k"), std::nullopt);
  store.Set("k", "v");
  EXPECT_EQ(ShadowOf(store, "k"), ' ');
  EXPECT_EQ(store.BookedBytes(), store.CountedBytes());
}

TEST(TxnShadow, OverruledAbsenceLeavesItsVersion) {
  TestStore store;
  SetAbsent(store, "plain", kSoon);
  SetAbsent(store, "versioned", kSoon, 5);
  Overrule(store, "plain");
  Overrule(store, "versioned");
  EXPECT_EQ(ShadowOf(store, "plain"), ' ');
  EXPECT_EQ(ShadowOf(store, "versioned"), 't');
  Overrule(store, "versioned");
  EXPECT_EQ(ShadowOf(store, "versioned"), 't') << "a tombstone stays";
  store.clock.AdvanceMs(kSoon - kTestStartMs + Txn::kTombstoneMs);
  EXPECT_EQ(ShadowOf(store, "versioned"), ' ');
  EXPECT_EQ(store.BookedBytes(), store.CountedBytes());
}

TEST(TxnShadow, AbsenceAsOfAVersionEndsAsATombstone) {
  for (const bool is_swept : {false, true}) {
    TestStore store;
    Expirer expirer(store.keyspace);
    const auto pass = [&](std::int64_t milliseconds) {
      store.clock.AdvanceMs(milliseconds);
      while (is_swept && !expirer.Tick(100)) continue;
    };
    SetAbsent(store, "plain", kSoon);
    SetAbsent(store, "versioned", kSoon, 5);
    pass(kSoon - kTestStartMs);
    EXPECT_EQ(ShadowOf(store, "plain"), ' ');
    EXPECT_EQ(ShadowOf(store, "versioned"), 't');
    pass(Txn::kTombstoneMs - 1);
    EXPECT_EQ(ShadowOf(store, "versioned"), 't');
    pass(1);
    EXPECT_EQ(ShadowOf(store, "versioned"), ' ');
    EXPECT_EQ(store.BookedBytes(), store.CountedBytes());
  }
}

TEST(TxnShadow, ForgetsWhateverIsKnown) {
  TestStore store;
  SetAbsent(store, "k", kSoon, 5);
  Overrule(store, "k");
  const auto forget = [&] {
    return store.With("k", [](Txn& txn, const KeyRef& key) { return txn.ForgetShadow(key); });
  };
  EXPECT_TRUE(forget());
  EXPECT_FALSE(forget());
  EXPECT_EQ(ShadowOf(store, "k"), ' ');
}

TEST(TxnShadow, AHardBumpEndsAbsence) {
  TestStore store;
  store.With("k", [&](Txn& txn, const KeyRef& key) {
    auto notes = NotesWith(store, {"t"});
    notes->is_negative = true;
    txn.SetShadow(key, std::move(notes), kSoon);
  });
  BumpTag(store, "t", Bump::kHard);
  EXPECT_EQ(ShadowOf(store, "k"), ' ');
  Free(store);
  EXPECT_EQ(store.keyspace.tags().Look("t").carriers, 0u);
}

std::size_t ShadowKeys(TestStore& store) {
  std::size_t keys = 0;
  for (std::size_t i = 0; i < store.keyspace.stripe_count(); ++i) {
    const Shard* shard = store.keyspace.stripe(StripeId(static_cast<std::uint16_t>(i)))
                             .shard(store.keyspace.ShadowOf(DbId(0)));
    keys += shard == nullptr ? 0 : shard->table.size();
  }
  return keys;
}

TEST(TxnShadow, IsBoundedByCount) {
  TestStore store({.stripe_count = 1});
  for (std::size_t n = 0; n < 2 * Txn::kShadowKeysMax; ++n) {
    SetAbsent(store, std::to_string(n), kSoon);
    ASSERT_LE(ShadowKeys(store), Txn::kShadowKeysMax);
  }
  EXPECT_EQ(ShadowKeys(store), Txn::kShadowKeysMax);
  EXPECT_EQ(store.BookedBytes(), store.CountedBytes());
}

TEST(TxnShadow, IsBoundedByItsShareOfMaxmemory) {
  TestStore store({.stripe_count = 2});
  constexpr std::int64_t kMaxmemory = 2'000'000;
  store.keyspace.tunables().maxmemory_bytes.store(kMaxmemory);
  const std::int64_t before = store.BookedBytes();
  for (int n = 0; n < 6000; ++n) SetAbsent(store, "absent " + std::to_string(n), kSoon);
  EXPECT_GT(ShadowKeys(store), 100u);
  EXPECT_LT(store.BookedBytes() - before, kMaxmemory / Txn::kShadowsShare + 20'000);
}

// ---- Leases ------------------------------------------------------------------------------------

std::uint64_t Grant(TestStore& store, std::string_view name) {
  return store.With(name, [](Txn& txn, const KeyRef& key) {
    const Lease* lease = txn.GrantLease(key, kLeaseMs);
    return lease == nullptr ? 0 : lease->token;
  });
}

bool IsHeld(TestStore& store, std::string_view name, DbId db = DbId(0)) {
  return store.With(
      name,
      [](Txn& txn, const KeyRef& key) {
        const Lease* lease = txn.FindLease(key);
        return lease != nullptr && lease->is_held();
      },
      db);
}

TEST(TxnLease, AnyChangeVoidsIt) {
  const std::vector<std::pair<std::string, void (*)(Txn&, const KeyRef&)>> changes = {
      {"set", [](Txn& txn, const KeyRef& key) { txn.SetString(key, {}, "v", Ttl::kDrop); }},
      {"edit",
       [](Txn& txn, const KeyRef& key) {
         Found found;
         txn.EditString(key, found, 3);
       }},
      {"overrule", [](Txn& txn, const KeyRef& key) { txn.OverruleAbsence(key); }},
  };
  for (const auto& [name, change] : changes) {
    TestStore store;
    ASSERT_NE(Grant(store, "k"), 0u);
    ASSERT_NE(Grant(store, "other"), 0u);
    store.With("k", [&](Txn& txn, const KeyRef& key) { change(txn, key); });
    EXPECT_FALSE(IsHeld(store, "k")) << name;
    EXPECT_TRUE(IsHeld(store, "other")) << name;
    EXPECT_EQ(store.keyspace.leases().voided(), 1) << name;
  }
}

TEST(TxnLease, WhatItTakesIsCharged) {
  TestStore store({.stripe_count = 4});
  LeaseSweeper sweeper(store.keyspace);
  const std::int64_t before = store.BookedBytes();
  ASSERT_NE(Grant(store, "k"), 0u);
  const std::int64_t one = store.BookedBytes() - before;
  EXPECT_GT(one, 100);
  ASSERT_NE(Grant(store, std::string(1000, 'x')), 0u);
  EXPECT_GT(store.BookedBytes() - before, 2 * one + 1000);
  EXPECT_EQ(store.BookedBytes(), store.CountedBytes());
  store.Set("k", "v");
  EXPECT_EQ(store.BookedBytes(), store.CountedBytes()) << "voided, and there until it is swept";
  ASSERT_NE(Grant(store, "k"), 0u);
  EXPECT_EQ(store.BookedBytes(), store.CountedBytes()) << "granted anew";
  store.With("k", [](Txn& txn, const KeyRef& key) { txn.EndLease(key); });
  store.clock.AdvanceMs(kLeaseMs);
  sweeper.Tick();
  EXPECT_EQ(store.keyspace.leases().memory_bytes(), 0);
  EXPECT_EQ(store.BookedBytes(), store.CountedBytes());
}

TEST(TxnLease, ExpiryOfTheKeyVoidsIt) {
  TestStore store;
  store.Set("k", "v", kTestStartMs + 10);
  ASSERT_NE(Grant(store, "k"), 0u);
  store.clock.AdvanceMs(10);
  EXPECT_EQ(store.Get("k"), std::nullopt);
  EXPECT_FALSE(IsHeld(store, "k"));
}

TEST(TxnLease, FlushAndSwapVoidThoseOfAbsentKeys) {
  TestStore store;
  ASSERT_NE(Grant(store, "k"), 0u);
  KeyLocks locks(store.keyspace);
  locks.AcquireAll();
  {
    const Viewer viewer(DbId(0), store.clock.NowUnixMs(), store.random);
    Txn(store.keyspace, locks, viewer).FlushDatabase(DbId(0));
  }
  locks.Release();
  EXPECT_FALSE(IsHeld(store, "k"));
  ASSERT_NE(Grant(store, "k"), 0u);
  KeyLocks again(store.keyspace);
  again.AcquireAll();
  {
    const Viewer viewer(DbId(0), store.clock.NowUnixMs(), store.random);
    Txn(store.keyspace, again, viewer).SwapDatabases(DbId(0), DbId(1));
  }
  again.Release();
  EXPECT_FALSE(IsHeld(store, "k"));
}

TEST(TxnLease, TheSweepEndsThoseWhoseTimeIsUp) {
  TestStore store({.stripe_count = 4});
  LeaseSweeper sweeper(store.keyspace);
  ASSERT_NE(Grant(store, "early"), 0u);
  store.clock.AdvanceMs(kLeaseMs / 2);
  ASSERT_NE(Grant(store, "late"), 0u);
  sweeper.Tick();
  EXPECT_EQ(store.keyspace.leases().held(), 2);
  store.clock.AdvanceMs(kLeaseMs / 2);
  sweeper.Tick();
  EXPECT_FALSE(IsHeld(store, "early"));
  EXPECT_TRUE(IsHeld(store, "late"));
  store.clock.AdvanceMs(kLeaseMs / 2);
  sweeper.Tick();
  EXPECT_EQ(store.keyspace.leases().held(), 0);
  EXPECT_EQ(store.keyspace.leases().timed_out(), 2);
  for (std::size_t i = 0; i < store.keyspace.stripe_count(); ++i) {
    EXPECT_EQ(store.keyspace.stripe(StripeId(static_cast<std::uint16_t>(i))).interest, nullptr)
        << "nobody cares any more";
  }
}

}  // namespace
}  // namespace cairn::keyspace
