// SPDX-License-Identifier: BSD-3-Clause
// Interest: who waits for the keys of a stripe, who watches them, and who loads their values.
//
// A stripe has one only while there is somebody, so a change of a key pays one load to find that
// nobody cares. Three kinds of people care:
//
//   Waiter     a blocked command (BLPOP). It stands in the queue of each of its keys, first come
//              first served; a change makes the key ready, and whoever made the change serves the
//              queue before his locks go (command/serving.h).
//   WatchMark  a session that said WATCH. A change marks it at once; EXEC asks the mark.
//   Lease      a caching client that loads the key's value (leases.h). A change voids it.
//
//     stripe -> Interest -> (db, key) -> queue of waiters, list of marks
//
// Invariants
//   (1) A waiter is claimed (by the one who answers it) under the locks of all its keys, and leaves
//   all its queues then and there: who finds it in a queue may serve it.
//   (2) Tickets ascend within every queue: they are drawn under the queue's lock.
//
// Thread safety: all of it under the stripe's lock, but the atomics.
#ifndef CAIRN_KEYSPACE_INTEREST_H_
#define CAIRN_KEYSPACE_INTEREST_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/ids.h"
#include "keyspace/entry.h"
#include "keyspace/leases.h"

namespace cairn::keyspace {

struct KeyInterest;

// A command that waits for keys. The command floor derives what it needs to run it again.
class Waiter {
 public:
  virtual ~Waiter() = default;

  // True for one caller only: the one who answers it.
  bool Claim() {
    bool waiting = true;
    // acq_rel: what the claimer writes afterwards is handed over by a mailbox, this only decides.
    return waiting_.compare_exchange_strong(waiting, false, std::memory_order_acq_rel);
  }
  bool is_waiting() const { return waiting_.load(std::memory_order_acquire); }

  // constant once it stands in a queue
  DbId db;
  Type type = Type::kString;   // what it waits for
  bool wakes_on_loss = false;  // a key that goes, or becomes another type, concerns it, too
  std::uint64_t ticket = 0;

  // Where it stands; under the locks of all its keys.
  struct Place {
    KeyInterest* at;
    std::list<std::shared_ptr<Waiter>>::iterator in_queue;
    StripeId stripe;
  };
  std::vector<Place> places;

 private:
  std::atomic<bool> waiting_{true};
};

// Shared: a session that ends may do so while another thread's change is marking it.
struct WatchMark {
  // Set under the stripe of a watched key; relaxed, since EXEC asks under the same stripes.
  std::atomic<bool> dirty{false};
};

struct KeyInterest {
  DbId db;
  std::string_view name;  // as the map holds it
  std::list<std::shared_ptr<Waiter>> waiters;
  std::list<std::shared_ptr<WatchMark>> marks;
  std::uint32_t loss_waiters = 0;  // how many of them wake on loss
  bool ready = false;              // noted as ready, not yet served

  Lease lease;

  bool empty() const { return waiters.empty() && marks.empty() && !lease.is_kept(); }
};

class Interest {
 public:
  KeyInterest* Find(DbId db, std::string_view name) {
    const auto found = keys_.find(NameRef{db, name});
    return found == keys_.end() ? nullptr : &found->second;
  }
  KeyInterest& Ensure(DbId db, std::string_view name);
  // Forgets a key that nobody cares about any more.
  void DropIfEmpty(KeyInterest* at);
  // What a key that somebody cares about takes: of WATCH and of those who wait, their clients
  // account for it, of a lease the book does.
  static std::size_t BytesOf(std::string_view name);
  // True if the stripe can do without it.
  bool idle() const { return keys_.empty() && pending == 0; }
  template <class Fn>
  void ForEach(Fn fn) {
    for (auto& [name, at] : keys_) fn(at);
  }

  // Keys whose queues somebody has promised to serve as soon as he has all the locks it takes: till
  // then nobody may come before those who wait.
  std::uint32_t pending = 0;

 private:
  struct Name {
    DbId db;
    std::string name;
  };
  struct NameRef {
    DbId db;
    std::string_view name;
  };
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(const Name& key) const { return Of(key.db, key.name); }
    std::size_t operator()(const NameRef& key) const { return Of(key.db, key.name); }
    static std::size_t Of(DbId db, std::string_view name) {
      return std::hash<std::string_view>()(name) ^ (std::size_t{db.value} * 0x9E3779B97F4A7C15ull);
    }
  };
  struct Equal {
    using is_transparent = void;
    template <class A, class B>
    bool operator()(const A& a, const B& b) const {
      return a.db == b.db && a.name == b.name;
    }
  };

  std::unordered_map<Name, KeyInterest, Hash, Equal> keys_;
};

// Keys that somebody waits for, those where one waits for the loss of it, and watched ones.
struct InterestTotals {
  std::size_t blocking_keys = 0;
  std::size_t blocking_keys_on_loss = 0;
  std::size_t watched_keys = 0;
};

// A key that may have got what somebody waits for.
struct ReadyKey {
  DbId db;
  std::string name;
};

}  // namespace cairn::keyspace

#endif  // CAIRN_KEYSPACE_INTEREST_H_
