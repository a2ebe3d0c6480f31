// SPDX-License-Identifier: BSD-3-Clause
// Pictures of a keyspace, taken directly and out of a cut, for tests to compare.
#ifndef CAIRN_KEYSPACE_CUT_TESTING_H_
#define CAIRN_KEYSPACE_CUT_TESTING_H_

#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "keyspace/cut.h"
#include "keyspace/keyspace.h"
#include "keyspace/txn.h"
#include "keyspace/value_digest.h"

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
            std::pair(ValueDigest(*entry), internal::ExpiryOf(shard->table, at, *entry)));
      });
    }
  }
  return picture;
}

inline void AddTo(Picture& picture, const CutBatch& batch) {
  batch.ForEach([&](DbId db, UnixMs expiry, const Entry& entry) {
    const bool fresh = picture
                           .emplace(std::pair(db.value, std::string(entry.key())),
                                    std::pair(ValueDigest(entry), expiry))
                           .second;
    EXPECT_TRUE(fresh) << entry.key() << " twice";
  });
}

inline std::unique_ptr<Cut> BeginCut(Keyspace& keyspace) {
  const AllHeld all(keyspace);
  return std::make_unique<Cut>(keyspace, all.locks);
}

}  // namespace cairn::keyspace

#endif  // CAIRN_KEYSPACE_CUT_TESTING_H_
