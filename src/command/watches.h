// SPDX-License-Identifier: BSD-3-Clause
// Watches: keys that must not change while something is prepared outside their locks.
//
//   watches.Watch(db, key);      under the key's lock, for each
//   ...                          the locks go and are taken again
//   if (!watches.dirty()) ...    under the locks of all of them: none has changed since
//
// Any change of a watched key sets the mark: a write, expiry, eviction, FLUSHALL, SWAPDB. WATCH has
// its watches in the session's Transaction, what reads huge collections in parts has its own.
//
// Belongs to one thread; the mark is under the stripes of the keys.
#ifndef CAIRN_COMMAND_WATCHES_H_
#define CAIRN_COMMAND_WATCHES_H_

#include <list>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "keyspace/interest.h"
#include "keyspace/keyspace.h"

namespace cairn::command {

class Watches {
 public:
  explicit Watches(keyspace::Keyspace& keyspace) : keyspace_(keyspace) {}
  ~Watches() { Unwatch(); }
  Watches(const Watches&) = delete;
  Watches& operator=(const Watches&) = delete;

  // To take so many out again takes milliseconds: that is left to the lane.
  static constexpr std::size_t kMarksForLane = 5'000;
  // Of these, so many while a stripe is held.
  static constexpr std::size_t kMarksAtOnce = 256;

  // REQUIRES: the stripe of `key` is locked, by a Txn that has looked at the key: one that had
  // expired is gone.
  void Watch(DbId db, const keyspace::KeyRef& key);
  bool watching() const { return !watched_.empty(); }
  struct Watched {
    DbId db;
    std::string name;
    StripeId stripe;
    keyspace::KeyInterest* at;
    std::list<std::shared_ptr<keyspace::WatchMark>>::iterator place;
  };
  const std::vector<Watched>& watched() const { return watched_; }
  // What they take, about: names that are short lie within.
  std::size_t bytes() const { return watched_.size() * kBytesEach + name_bytes_; }
  // Null without watched keys.
  const std::shared_ptr<keyspace::WatchMark>& mark() const { return mark_; }
  // What is due counts as unchanged until a Txn looks at it.
  bool dirty() const { return mark_ != nullptr && mark_->dirty.load(std::memory_order_relaxed); }
  // REQUIRES: no stripe locked, or all of them by this thread.
  void Unwatch();
  // REQUIRES: the stripes of all watched keys.
  void UnwatchLocked();

 private:
  void LeaveMarks();
  static void Remove(keyspace::Keyspace& keyspace, std::span<const Watched> watched);
  static void RemoveByStripe(keyspace::Keyspace& keyspace, std::vector<Watched> watched);

  static constexpr std::size_t kBytesEach =
      sizeof(Watched) + sizeof(std::shared_ptr<keyspace::WatchMark>) + 2 * sizeof(void*);

  keyspace::Keyspace& keyspace_;
  std::size_t name_bytes_ = 0;
  std::shared_ptr<keyspace::WatchMark> mark_;
  std::vector<Watched> watched_;
};

}  // namespace cairn::command

#endif  // CAIRN_COMMAND_WATCHES_H_
