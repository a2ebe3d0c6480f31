// SPDX-License-Identifier: BSD-3-Clause
// A large collection in a cut is what it was when the cut began, whatever is done to it, its key
// and its database while it is read. Goal: every way in which a value changes, moves or ends, at
// every moment of its reading. Method: random writes between pieces, against pictures taken before;
// here everything that is not packed counts as large.
#include "keyspace/cut_value.h"

#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <vector>

#include "base/thread.h"
#include "keyspace/cut_testing.h"
#include "keyspace/keyspace_testing.h"

namespace cairn::keyspace {
namespace {

constexpr std::size_t kAllPieces = 0;  // of whole_bytes_max
constexpr value::HashLimits kHashLimits = {.packed_entries = 8, .packed_value_bytes = 64};
constexpr value::SetLimits kSetLimits = {
    .int_entries = 8, .packed_entries = 8, .packed_value_bytes = 64};
// Nodes of a few entries, so that there are many; groups' blocks hold 50.
constexpr value::StreamLimits kStreamLimits = {.node_bytes = 300, .node_entries = 7};
constexpr value::SortedSetLimits kSortedSetLimits = {.packed_entries = 8, .packed_value_bytes = 64};

std::string Name(Random& random, std::size_t elements) {
  return "element" + std::to_string(random.Below(elements));
}

class Writer {
 public:
  Writer(TestStore& store, std::uint64_t seed) : store_(store), random_(seed) {
    keys_ = 4 + random_.Below(12);
    elements_ = 10 + random_.Below(3000);
    list_limits_.compress_depth = random_.Below(2) == 0 ? 0 : 2;
  }

  // One random write of any kind.
  void Write() NO_THREAD_SAFETY_ANALYSIS {
    const std::string name = "key" + std::to_string(random_.Below(keys_));
    const std::string other = "key" + std::to_string(random_.Below(keys_));
    const KeyRef keys[] = {store_.keyspace.Ref(name), store_.keyspace.Ref(other)};
    const AllHeld all(store_.keyspace);
    const Viewer viewer(DbId(random_.Below(4) == 0 ? 1 : 0), store_.clock.NowUnixMs(), random_);
    Txn txn(store_.keyspace, all.locks, viewer);
    Found found = txn.Find(keys[0], Access::kWrite);
    home_ = {store_.keyspace.stripe(keys[0].stripe).arena, store_.keyspace.seed()};
    if (random_.Below(60) == 0) {
      WriteKey(txn, keys[0], keys[1], found);
    } else {
      WriteElements(txn, keys[0], found);
    }
    if (random_.Below(20) == 0) store_.clock.AdvanceMs(3);
  }

 private:
  void WriteElements(Txn& txn, const KeyRef& key, Found& found) {
    const Type type = found ? found.entry->type() : static_cast<Type>(1 + random_.Below(5));
    for (std::uint64_t i = random_.Below(60); i > 0 && (found || i > 1); --i) {
      if (type == Type::kHash) WriteHash(*txn.Edit<value::Hash>(key, found));
      if (type == Type::kSet) WriteSet(*txn.Edit<value::Set>(key, found));
      if (type == Type::kList) WriteList(*txn.Edit<value::List>(key, found));
      if (type == Type::kSortedSet) WriteSortedSet(*txn.Edit<value::SortedSet>(key, found));
      if (type == Type::kStream) WriteStream(*txn.Edit<value::Stream>(key, found));
    }
  }
  void WriteHash(value::Hash& hash) {
    const std::string field = Name(random_, elements_);
    const UnixMs soon = store_.clock.NowUnixMs() + 1 + static_cast<UnixMs>(random_.Below(1000));
    switch (random_.Below(8)) {
      case 0:
        hash.Remove(field);
        break;
      case 1:
        hash.SetExpiry(field, soon, home_);
        break;
      case 2:
        hash.ClearExpiry(field);
        break;
      default:
        hash.Set(field, std::string(random_.Below(40), 'v'), kHashLimits, home_);
    }
  }
  void WriteSet(value::Set& set) {
    if (random_.Below(500) == 0)  // down to a packed one
      return set.PopRandomMany(random_, set.size() - std::min<std::size_t>(set.size(), 3),
                               kSetLimits, [](std::string_view) {});
    const std::string member = Name(random_, elements_);
    switch (random_.Below(5)) {
      case 0:
        set.Remove(member);
        break;
      case 1:
        if (!set.empty()) set.PopRandom(random_, [](std::string_view) {});
        break;
      default:
        set.Add(member, kSetLimits, home_);
    }
  }
  void WriteList(value::List& list) {
    const std::string text = std::string(random_.Below(100), 't') + Name(random_, elements_);
    const std::string_view texts[] = {text};
    const auto end = random_.Below(2) == 0 ? value::ListEnd::kFront : value::ListEnd::kBack;
    const std::size_t start = random_.Below(list.size() + 1);
    switch (random_.Below(14)) {
      case 0:
      case 1:
        if (!list.empty()) list.Pop(end, list_limits_);
        break;
      case 2:
        list.Set(static_cast<std::int64_t>(start), text, list_limits_);
        break;
      case 3:
        if (start < list.size()) {
          value::ListCursor at(list, start, value::ListEnd::kBack);
          ds::PackedValue::Scratch scratch;
          const std::string pivot(at.value().Text(scratch));
          list.Insert(pivot, value::ListSide::kBefore, text, list_limits_);
        }
        break;
      case 4:
        list.Remove(text, 0, list_limits_);
        break;
      case 5:
        list.EraseRange(start, std::min<std::size_t>(list.size() - start, random_.Below(20)),
                        list_limits_);
        break;
      case 6:
        if (random_.Below(100) == 0)  // down to a packed one
          list.Trim(0, std::min<std::size_t>(list.size(), random_.Below(4)), list_limits_);
        break;
      case 7:
        if (!list.empty()) list.Rotate(end, value::ListEnd::kFront, list_limits_);
        break;
      default:
        list.Push(end, texts, list_limits_);
    }
  }
  void WriteSortedSet(value::SortedSet& set) {
    const std::string member = Name(random_, elements_);
    const std::size_t count = random_.Below(60);
    switch (random_.Below(40)) {
      case 0:
        if (set.size() > count)
          set.RemoveRange({set.size() - count, set.size()}, [](std::string_view, double) {});
        break;
      case 1:
      case 2:
      case 3:
      case 4:
        set.Remove(member);
        break;
      default:
        set.Add(member, static_cast<double>(random_.Below(100)), {}, kSortedSetLimits, home_);
    }
  }
  void WriteStream(value::Stream& stream) {
    const value::StreamId id = SomeId(stream);
    value::StreamGroup* group = stream.FindGroup(SomeName());
    switch (random_.Below(30)) {
      case 0:
        stream.CreateGroup(SomeName(), id, value::kEntriesReadUnknown);
        return;
      case 1:
        if (random_.Below(30) == 0) stream.DestroyGroup(SomeName());
        return;
      case 2:
        if (group != nullptr) group->SetLastId(id, static_cast<std::int64_t>(random_.Below(9)));
        return;
      case 3:
        if (random_.Below(10) == 0) return TrimStream(stream, id);
        stream.Delete(id, static_cast<value::StreamReferences>(random_.Below(3)));
        return;
      case 4:
        if (stream.last_id() < value::StreamId{1ULL << 40, 0})
          (void)stream.SetId({stream.last_id().ms + 3, 0}, stream.entries_added() + 5, id);
        return;
      default:
        if (group != nullptr && random_.Below(2) == 0) return WriteGroup(stream, *group, id);
        const std::string text = std::string(random_.Below(30), 'v') + Name(random_, elements_);
        const std::string_view fields[] = {random_.Below(9) == 0 ? std::string_view(text) : "field",
                                           text};
        EXPECT_TRUE(
            stream.Append({}, fields, store_.clock.NowUnixMs(), kStreamLimits, *home_.arena));
    }
  }
  void TrimStream(value::Stream& stream, value::StreamId id) {
    using value::StreamTrim;
    const auto references = static_cast<value::StreamReferences>(random_.Below(3));
    const auto precision = static_cast<StreamTrim::Precision>(random_.Below(2));
    if (random_.Below(2) == 0)
      stream.Trim({.precision = precision,
                   .references = references,
                   .max_length = stream.size() - random_.Below(stream.size() / 4 + 1)});
    else
      stream.Trim({.kind = StreamTrim::Kind::kMinId,
                   .precision = precision,
                   .references = references,
                   .min_id = id,
                   .limit = 100});
  }
  void WriteGroup(value::Stream& stream, value::StreamGroup& group, value::StreamId id) {
    const UnixMs now = store_.clock.NowUnixMs();
    const std::string name = SomeName();
    value::StreamConsumer* consumer = group.FindConsumer(name);
    if (consumer == nullptr) consumer = group.AddConsumer(name, now);
    consumer->set_seen_time(now);
    switch (random_.Below(9)) {
      case 0:
        if (random_.Below(30) == 0) group.DeleteConsumer(name);
        return;
      case 1:
        stream.Claim(group, *consumer, id,
                     {.now = now, .delivery_time = now, .force = random_.Below(2) == 0});
        return;
      case 2:
        stream.AutoClaim(group, *consumer, {.now = now, .start = id, .count = 5});
        return;
      case 3:
        group.Redeliver(id, now);
        return;
      case 4:
      case 5:
        group.Acknowledge(id);
        return;
      default:
        stream.ReadNew(group, *consumer, 1 + random_.Below(20),
                       value::StreamAcknowledge::kByConsumer, now, [](const auto&) {});
    }
  }
  // Of an entry, mostly.
  value::StreamId SomeId(const value::Stream& stream) {
    if (stream.empty()) return {};
    const value::StreamId first = stream.first_id();
    const std::uint64_t span = stream.last_id().ms - first.ms;
    value::StreamRange range(stream, {first.ms + random_.Below(span + 1), random_.Below(30)},
                             value::kStreamIdMax, value::StreamOrder::kForward);
    value::StreamEntry entry;
    return range.Next(&entry) ? entry.id() : stream.last_id();
  }
  std::string SomeName() { return "name" + std::to_string(random_.Below(3)); }
  void WriteKey(Txn& txn, const KeyRef& key, const KeyRef& other, Found& found) {
    switch (random_.Below(9)) {
      case 0:
        if (found) txn.Remove(key, found);
        break;
      case 1:
        txn.SetString(key, found, "a string", Ttl::kDrop);
        break;
      case 2:
      case 3: {  // RENAME
        const Found to = txn.Find(other, Access::kWrite);
        if (!found || key.name == other.name) break;
        txn.MoveTo(key, found, txn.db(), other, to);
        found = txn.Find(key, Access::kWrite);
        txn.Remove(key, found);
        break;
      }
      case 4: {  // MOVE
        const DbId to_db(1 - txn.db().value);
        const Found to = txn.FindIn(to_db, key, Access::kWrite);
        if (!found) break;
        txn.MoveTo(key, found, to_db, key, to);
        found = txn.Find(key, Access::kWrite);
        txn.Remove(key, found);
        break;
      }
      case 5: {
        const Found to = txn.Find(other, Access::kWrite);
        if (found && key.name != other.name) txn.CopyTo(found, txn.db(), other, to);
        break;
      }
      case 6:
        if (found)
          txn.SetExpiry(key, found, txn.now_ms() + 1 + static_cast<UnixMs>(random_.Below(300)));
        break;
      case 7:
        if (random_.Below(6) == 0) txn.FlushDatabase(txn.db());
        break;
      default:
        if (random_.Below(6) == 0) txn.SwapDatabases(DbId(0), DbId(1));
    }
  }

  TestStore& store_;
  Random random_;
  std::size_t keys_;
  std::size_t elements_;
  // Small nodes, the inner ones compressed, or narrow.
  value::ListLimits list_limits_ = {.node_fill = 12, .plain_bytes = 90};
  value::TableHome home_ = {nullptr, HashSeed(0)};
};

TEST(CutValue, IsWhatItWasWhateverIsWritten) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    TestStore store({.stripe_count = 4, .database_count = 2});
    Random random(seed);
    Writer writer(store, seed);
    const auto write_some = [&] {
      for (std::uint64_t i = random.Below(40); i > 0; --i) writer.Write();
    };
    for (int i = 0; i < 1500; ++i) writer.Write();
    const Picture expected = PictureOf(store.keyspace);
    {
      const auto cut = BeginCut(store.keyspace, kAllPieces);
      Picture seen;
      write_some();
      while (const auto batch = cut->Next()) {
        write_some();
        AddTo(seen, *batch, write_some);
      }
      ASSERT_EQ(seen, expected);
    }
    EXPECT_EQ(store.BookedBytes(), store.CountedBytes());
    while (!store.keyspace.trash().Drain(10)) continue;
    EXPECT_EQ(store.keyspace.trash().pending(), 0);
    EXPECT_EQ(store.keyspace.cut_backlog().bytes(), 0u);
  }
}

TEST(CutValue, GivenUpHalfWayLeavesNothingBehind) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    TestStore store({.stripe_count = 4, .database_count = 2});
    Writer writer(store, seed);
    for (int round = 0; round < 10; ++round) {
      for (int i = 0; i < 300; ++i) writer.Write();
      const auto cut = BeginCut(store.keyspace, kAllPieces);
      auto batch = cut->Next();
      if (batch.has_value()) {
        batch->ForEach([&](DbId, UnixMs, const Entry&, CutValue* large) {
          if (large != nullptr) large->Next();
        });
      }
      for (int i = 0; i < 300; ++i) writer.Write();
      batch.reset();
    }
    EXPECT_EQ(store.keyspace.cut_backlog().bytes(), 0u);
    const Picture expected = PictureOf(store.keyspace);
    const auto cut = BeginCut(store.keyspace, kAllPieces);
    Picture seen;
    while (const auto batch = cut->Next()) AddTo(seen, *batch);
    EXPECT_EQ(seen, expected);
  }
}

constexpr std::size_t kMany = 20'000;

void FillHash(TestStore& store, std::string_view name) {
  store.With(name, [&](Txn& txn, const KeyRef& key) {
    Found found = txn.Find(key, Access::kWrite);
    auto hash = txn.Edit<value::Hash>(key, found);
    const value::TableHome home = {store.keyspace.stripe(key.stripe).arena, store.keyspace.seed()};
    for (std::size_t i = 0; i < kMany; ++i)
      hash->Set("field" + std::to_string(i), "value", kHashLimits, home);
  });
}

// Nodes of a hundred entries, all of which are pending.
void FillStream(TestStore& store, std::string_view name) {
  store.With(name, [&](Txn& txn, const KeyRef& key) {
    Found found = txn.Find(key, Access::kWrite);
    auto stream = txn.Edit<value::Stream>(key, found);
    const std::string_view fields[] = {"field", "value"};
    for (std::size_t i = 0; i < kMany; ++i)
      (void)stream->Append({}, fields, txn.now_ms(), {}, *store.keyspace.stripe(key.stripe).arena);
    value::StreamGroup& group = *stream->CreateGroup("group", {}, 0);
    stream->ReadNew(group, *group.AddConsumer("consumer", 1), 0,
                    value::StreamAcknowledge::kByConsumer, 1, [](const auto&) {});
  });
}

// Reads until a large value comes; then `then`, and all the rest.
Picture ReadWith(Cut& cut, FunctionRef<void()> then) {
  Picture seen;
  bool done = false;
  while (const auto batch = cut.Next()) {
    AddTo(seen, *batch, [&] {
      if (!std::exchange(done, true)) then();
    });
  }
  EXPECT_TRUE(done);
  return seen;
}

// A value that somebody takes away while it is read is read to its end, and goes to the trash then.
void ExpectKeptUntilRead(FunctionRef<void(TestStore&)> take_away) {
  for (const auto fill : {FillHash, FillStream}) {
    TestStore store({.stripe_count = 1});
    fill(store, "big");
    const Picture expected = PictureOf(store.keyspace);
    const auto cut = BeginCut(store.keyspace);
    const auto take = [&] {
      take_away(store);
      EXPECT_EQ(store.keyspace.trash().pending(), 0);
      EXPECT_EQ(store.BookedBytes(), store.CountedBytes());
    };
    EXPECT_EQ(ReadWith(*cut, take), expected);
    EXPECT_EQ(store.keyspace.trash().pending(), 1);
  }
}

TEST(CutValue, RemovedIsKeptUntilItWasRead) {
  ExpectKeptUntilRead([](TestStore& store) { EXPECT_TRUE(store.Remove("big")); });
}

// Its table has been walked to the end, but not the value in it.
TEST(CutValue, FlushedIsKeptUntilItWasRead) {
  ExpectKeptUntilRead([](TestStore& store) {
    const AllHeld all(store.keyspace);
    EXPECT_EQ(store.keyspace.FlushDatabase(all.locks, DbId(0)), 1u);
  });
}

// What the backlog takes when the first of a cut is a change of a large value.
template <class V>
std::size_t CostOf(void (*fill)(TestStore&, std::string_view),
                   FunctionRef<void(V&, const value::TableHome&)> change) {
  TestStore store({.stripe_count = 1});
  fill(store, "big");
  const auto cut = BeginCut(store.keyspace);
  store.With("big", [&](Txn& txn, const KeyRef& key) {
    Found found = txn.Find(key, Access::kWrite);
    auto edit = txn.Edit<V>(key, found);
    change(*edit, {store.keyspace.stripe(key.stripe).arena, store.keyspace.seed()});
  });
  return store.keyspace.cut_backlog().bytes();
}

// A writer pays for the one or two elements that share the mark of the one it changes.
TEST(CutValue, CostsAWriterAnElementOrTwo) {
  const std::size_t cost =
      CostOf<value::Hash>(FillHash, [](value::Hash& hash, const value::TableHome& home) {
        hash.Set("field1", "other", kHashLimits, home);
      });
  EXPECT_GT(cost, 0u);
  EXPECT_LT(cost, 64u * 8);
}

// It pays for the last node, and for a block each of what is pending in the group and at its
// consumer.
TEST(CutValue, OfAStreamCostsAWriterANodeAndTwoBlocks) {
  const std::size_t cost =
      CostOf<value::Stream>(FillStream, [](value::Stream& stream, const value::TableHome&) {
        const value::StreamId last = stream.last_id();
        stream.Delete(last);
        stream.FindGroup("group")->Acknowledge(last);
      });
  EXPECT_GT(cost, 0u);
  EXPECT_LT(cost, 4096u + 2 * 2048);
}

TEST(CutValue, OfAStreamBeginsBeyondTheLimit) {
  TestStore store({.stripe_count = 1});
  FillStream(store, "stream");
  std::size_t bytes = 0;
  store.With("stream", [&](Txn& txn, const KeyRef& key) {
    bytes = txn.Find(key, Access::kPeek).entry->beside_bytes();
  });
  for (const std::size_t limit : {bytes, bytes - 1}) {
    const auto cut = BeginCut(store.keyspace, limit);
    cut->Next()->ForEach([&](DbId, UnixMs, const Entry&, CutValue* large) {
      EXPECT_EQ(large != nullptr, limit < bytes);
    });
  }
}

// One thread writes while another reads, which for a list it does without a lock.
TEST(CutValue, IsReadWhileAnotherThreadWrites) {
  TestStore store({.stripe_count = 4, .database_count = 2});
  Writer filler(store, 3);
  for (int i = 0; i < 1500; ++i) filler.Write();
  std::atomic<bool> stop{false};
  Thread thread("writer", [&] {
    Writer writer(store, 3);
    while (!stop.load()) writer.Write();
  });
  for (int round = 0; round < 20; ++round) {
    std::unique_ptr<Cut> cut;
    Picture expected;
    {
      const AllHeld all(store.keyspace);
      expected = PictureOf(store.keyspace);
      cut = std::make_unique<Cut>(store.keyspace, all.locks, kAllPieces);
    }
    Picture seen;
    while (const auto batch = cut->Next()) AddTo(seen, *batch);
    ASSERT_EQ(seen, expected);
  }
  stop.store(true);
  thread.Join();
}

// Renamed from stripe to stripe while another thread reads it, and written to all the time.
TEST(CutValue, IsReadWhileItMovesBetweenStripes) {
  TestStore store({.stripe_count = 16});
  FillHash(store, "name0");
  std::atomic<bool> stop{false};
  const auto write = [&]() NO_THREAD_SAFETY_ANALYSIS {
    Random random(1);
    for (std::uint64_t n = 0; !stop.load(); ++n) {
      const std::string names[] = {"name" + std::to_string(n % 7),
                                   "name" + std::to_string((n + 1) % 7)};
      const KeyRef keys[] = {store.keyspace.Ref(names[0]), store.keyspace.Ref(names[1])};
      KeyLocks locks(store.keyspace);
      locks.Acquire(keys);
      const Viewer viewer(DbId(0), kTestStartMs, random);
      Txn txn(store.keyspace, locks, viewer);
      Found found = txn.Find(keys[0], Access::kWrite);
      {
        const value::TableHome home = {store.keyspace.stripe(keys[0].stripe).arena,
                                       store.keyspace.seed()};
        auto hash = txn.Edit<value::Hash>(keys[0], found);
        for (int i = 0; i < 20; ++i) {
          const std::string field = "field" + std::to_string(random.Below(kMany));
          if (random.Below(3) == 0) hash->Remove(field);
          hash->Set(field, "value", kHashLimits, home);
        }
      }
      txn.MoveTo(keys[0], found, DbId(0), keys[1], txn.Find(keys[1], Access::kWrite));
      found = txn.Find(keys[0], Access::kWrite);
      txn.Remove(keys[0], found);
      locks.Release();
    }
  };
  Thread thread("writer", write);
  // The fields are always the same ones with the same values.
  std::optional<std::uint64_t> digest;
  for (int round = 0; round < 20; ++round) {
    const auto cut = BeginCut(store.keyspace);
    Picture seen;
    while (const auto batch = cut->Next()) AddTo(seen, *batch);
    ASSERT_EQ(seen.size(), 1u);
    const std::uint64_t now = seen.begin()->second.first;
    if (!digest.has_value()) digest = now;
    ASSERT_EQ(now, *digest);
  }
  stop.store(true);
  thread.Join();
}

}  // namespace
}  // namespace cairn::keyspace
