// SPDX-License-Identifier: BSD-3-Clause
// Pictures of a keyspace, taken directly and out of a cut, for tests to compare.
#ifndef CAIRN_KEYSPACE_CUT_TESTING_H_
#define CAIRN_KEYSPACE_CUT_TESTING_H_

#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/function_ref.h"
#include "keyspace/cut.h"
#include "keyspace/cut_stream_testing.h"
#include "keyspace/keyspace.h"
#include "keyspace/txn.h"

namespace cairn::keyspace {

// Database and key, to digest and time.
using Picture = std::map<std::pair<std::uint32_t, std::string>, std::pair<std::uint64_t, UnixMs>>;

// Every stripe held for a scope.
class AllHeld {
 public:
  explicit AllHeld(Keyspace& keyspace) NO_THREAD_SAFETY_ANALYSIS : locks(keyspace) {
    locks.AcquireAll();
  }
  ~AllHeld() NO_THREAD_SAFETY_ANALYSIS { locks.Release(); }
  AllHeld(const AllHeld&) = delete;
  AllHeld& operator=(const AllHeld&) = delete;

  KeyLocks locks;
};

// REQUIRES: nobody writes.
inline Picture PictureOf(Keyspace& keyspace) {
  Picture picture;
  for (std::size_t i = 0; i < keyspace.stripe_count(); ++i) {
    Stripe& stripe = keyspace.stripe(StripeId(static_cast<std::uint16_t>(i)));
    for (std::uint32_t db = 0; db < keyspace.database_count(); ++db) {
      Shard* shard = stripe.shard(DbId(db));
      if (shard == nullptr) continue;
      shard->table.ForEach([&](Position at, const Entry* entry) {
        picture.emplace(
            std::pair(db, std::string(entry->key())),
            std::pair(FullDigest(*entry), internal::ExpiryOf(shard->table, at, *entry)));
      });
    }
  }
  return picture;
}

// Puts a value that comes in pieces together again, in the place of the entry's empty one.
inline void Assemble(Entry& entry, CutValue& large, FunctionRef<void()> between) {
  static ds::SlabArena arena;
  const value::TableHome home = {&arena, HashSeed(1)};
  std::uint64_t count = 0;
  std::optional<StreamBuilder> stream;
  if (entry.type() == Type::kStream) stream.emplace(entry.as<value::Stream>(), arena);
  while (const auto piece = large.Next()) {
    between();
    piece->ForEach([&](const CutPiece::Element& element) {
      ++count;
      switch (entry.type()) {
        case Type::kHash: {
          auto& hash = entry.as<value::Hash>();
          EXPECT_TRUE(hash.Set(element.name, element.value, {}, home)) << element.name << " twice";
          if (element.when != kNever) hash.SetExpiry(element.name, element.when, home);
          EXPECT_GE(element.when, large.first_time());
          return;
        }
        case Type::kSet:
          EXPECT_TRUE(entry.as<value::Set>().Add(element.name, {}, home)) << element.name;
          return;
        case Type::kSortedSet:
          EXPECT_EQ(
              entry.as<value::SortedSet>().Add(element.name, element.score, {}, {}, home).outcome,
              value::ScoreOutcome::kAdded);
          return;
        case Type::kList: {
          constexpr value::ListLimits kLimits = {};
          const value::ListNodeView node = element.node();
          auto& list = entry.as<value::List>();
          if (node.is_plain) return list.AppendPlainNode(node.plain, kLimits);
          return list.AppendNode(*ds::PackedList::FromBytes(node.packed.bytes()), kLimits);
        }
        case Type::kStream:
          stream->Add(element.stream_part());
          count = stream->nodes();
          return;
        case Type::kString:
          ADD_FAILURE() << "in pieces";
      }
    });
  }
  EXPECT_EQ(count, large.size()) << entry.key();
}

// `between`: called between the pieces of large values.
inline void AddTo(Picture& picture, const CutBatch& batch, FunctionRef<void()> between = [] {}) {
  batch.ForEach([&](DbId db, UnixMs expiry, const Entry& entry, CutValue* large) {
    if (large != nullptr) Assemble(const_cast<Entry&>(entry), *large, between);
    const bool fresh = picture
                           .emplace(std::pair(db.value, std::string(entry.key())),
                                    std::pair(FullDigest(entry), expiry))
                           .second;
    EXPECT_TRUE(fresh) << entry.key() << " twice";
  });
}

inline std::unique_ptr<Cut> BeginCut(Keyspace& keyspace,
                                     std::size_t whole_bytes_max = CutValue::kWholeBytesMax) {
  const AllHeld all(keyspace);
  return std::make_unique<Cut>(keyspace, all.locks, whole_bytes_max);
}

}  // namespace cairn::keyspace

#endif  // CAIRN_KEYSPACE_CUT_TESTING_H_
