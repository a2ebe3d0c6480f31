// SPDX-License-Identifier: BSD-3-Clause
// TestStore: a keyspace with a clock of its own, and the few calls that its tests make over and
// over, each under the right locks. For tests only.
#ifndef CAIRN_KEYSPACE_KEYSPACE_TESTING_H_
#define CAIRN_KEYSPACE_KEYSPACE_TESTING_H_

#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "keyspace/keyspace.h"
#include "keyspace/txn.h"

namespace cairn::keyspace {

inline constexpr UnixMs kTestStartMs = 1'700'000'000'000;

// One stripe held for a scope.
class SCOPED_CAPABILITY StripeHold {
 public:
  StripeHold(KeyLocks& locks, StripeId stripe) ACQUIRE(locks) : locks_(locks) {
    locks.AcquireStripe(stripe);
  }
  ~StripeHold() RELEASE() { locks_.Release(); }
  StripeHold(const StripeHold&) = delete;
  StripeHold& operator=(const StripeHold&) = delete;

 private:
  KeyLocks& locks_;
};

class TestStore {
 public:
  explicit TestStore(KeyspaceOptions options = {}) : keyspace(clock, options) {}

  // Runs fn(txn, key) with the key's stripe locked.
  template <class Fn>
  auto With(std::string_view name, Fn fn, DbId db = DbId(0)) {
    const KeyRef key = keyspace.Ref(name);
    KeyLocks locks(keyspace);
    StripeHold hold(locks, key.stripe);
    const Viewer viewer(db, clock.NowUnixMs(), random);
    Txn txn(keyspace, locks, viewer);
    return fn(txn, key);
  }

  void Set(std::string_view name, std::string_view value, DbId db = DbId(0)) {
    With(
        name,
        [&](Txn& txn, const KeyRef& key) {
          txn.SetString(key, txn.Find(key, Access::kWrite), value, Ttl::kDrop);
        },
        db);
  }
  void Set(std::string_view name, std::string_view value, UnixMs expiry) {
    With(name, [&](Txn& txn, const KeyRef& key) {
      Found found = txn.SetString(key, txn.Find(key, Access::kWrite), value, Ttl::kDrop);
      txn.SetExpiry(key, found, expiry);
    });
  }
  std::optional<std::string> Get(std::string_view name, DbId db = DbId(0),
                                 Access access = Access::kPeek) {
    return With(
        name,
        [&](Txn& txn, const KeyRef& key) -> std::optional<std::string> {
          const Found found = txn.Find(key, access);
          if (!found) return std::nullopt;
          return std::string(found.entry->value());
        },
        db);
  }
  UnixMs ExpiryOf(std::string_view name, DbId db = DbId(0)) {
    return With(
        name,
        [&](Txn& txn, const KeyRef& key) {
          const Found found = txn.Find(key, Access::kPeek);
          return found ? txn.ExpiryAt(found) : -2;
        },
        db);
  }
  bool Remove(std::string_view name, DbId db = DbId(0)) {
    return With(
        name,
        [&](Txn& txn, const KeyRef& key) {
          Found found = txn.Find(key, Access::kPeek);
          if (!found) return false;
          txn.Remove(key, found);
          return true;
        },
        db);
  }

  // What all stripes hold by their own books, folded or not.
  std::int64_t BookedBytes() {
    std::int64_t bytes = keyspace.used_bytes();
    for (std::size_t i = 0; i < keyspace.stripe_count(); ++i) {
      bytes += keyspace.stripe(StripeId(static_cast<std::uint16_t>(i))).unfolded_bytes;
    }
    return bytes;
  }
  // What is really there: entries, blobs, tables, leases; tags keep their own book.
  std::int64_t CountedBytes() {
    std::int64_t bytes = keyspace.tags().memory_bytes();
    for (std::size_t i = 0; i < keyspace.stripe_count(); ++i) {
      Stripe& stripe = keyspace.stripe(StripeId(static_cast<std::uint16_t>(i)));
      if (stripe.interest != nullptr) bytes += LeaseBytes(*stripe.interest);
      if (stripe.ghosts) bytes += static_cast<std::int64_t>(stripe.ghosts->memory_bytes());
      for (const auto& shard : stripe.owned_shards) {
        std::int64_t own = static_cast<std::int64_t>(sizeof(Shard) + shard->table.memory_bytes());
        shard->table.ForEach([&](Position, const Entry* entry) {
          own += static_cast<std::int64_t>(entry->charged_bytes());
        });
        if (own != shard->charged_bytes) return -1;  // a share's own book is wrong
        bytes += own;
      }
    }
    return bytes;
  }

  static std::int64_t LeaseBytes(Interest& interest) {
    std::int64_t bytes = 0;
    interest.ForEach([&](const KeyInterest& at) {
      if (at.lease.is_kept()) bytes += static_cast<std::int64_t>(Interest::BytesOf(at.name));
    });
    return bytes;
  }

  ManualClock clock{kTestStartMs * 1000};
  Random random{1};
  Keyspace keyspace;
};

}  // namespace cairn::keyspace

#endif  // CAIRN_KEYSPACE_KEYSPACE_TESTING_H_
