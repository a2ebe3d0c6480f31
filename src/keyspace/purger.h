// SPDX-License-Identifier: BSD-3-Clause
// Purger: does what purges.h lists: goes over the keys of a database in small steps and deletes
// those that match.
//
//     stripe n:   names of leases  ->  names of keys, some buckets at a time  ->  of absences
//                      |                        |                                   |
//                 copied under the stripe's lock; matched without it; those that match
//                 deleted under it again, kKeysAHold at a time, at the purge's pace
//
// Matching takes longest, and a pattern may be made to take long, so it holds up nobody but the
// keeper. Deleting is what UNLINK does, with its name in the log, its events, and all it tells
// those who watch, wait, hold leases and cache.
//
// Invariants
//   (1) A key that matches and is there from the order to the end is deleted: table cursors pass
//   everything that stays (ds/segment_table.h), and a swap of databases is followed.
//   (2) No value whose lease was granted before the order is there at the end: in each stripe
//   matching leases are voided before the first key is looked at.
// Run by the keeper; one thread.
#ifndef CAIRN_KEYSPACE_PURGER_H_
#define CAIRN_KEYSPACE_PURGER_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/random.h"
#include "keyspace/keyspace.h"

namespace cairn::keyspace {

class Purger {
 public:
  static constexpr std::uint32_t kHomes = 16;     // home buckets a step: some hundred keys
  static constexpr std::size_t kStepsATick = 16;  // of each purge
  static constexpr std::size_t kKeysAHold = 64;
  // Bytes of pattern times bytes of names, which bounds the matching: about 10 ms. It may be
  // exceeded by one step.
  static constexpr std::uint64_t kMatchingATick = 16'000'000;
  // What a purge with a rate may be behind, and catch up with at once.
  static constexpr std::int64_t kBurstMs = 100;

  explicit Purger(Keyspace& keyspace) : keyspace_(keyspace) {}

  // True if there is more to do now.
  bool Tick();

 private:
  enum class Phase : std::uint8_t { kLeases, kKeys, kAbsences };
  struct Work {
    std::uint64_t id = 0;
    std::shared_ptr<const PurgeOrder> order;
    std::uint16_t stripe = 0;
    Phase phase = Phase::kLeases;
    std::uint64_t cursor = 0;
    std::vector<std::string> matched = {};  // of this stripe, not dealt with yet
    std::int64_t allowance = 0;             // thousandths of keys that may go
    UnixMs paid_until = 0;
    bool is_done = false;
  };
  // Names, one behind another.
  struct Names {
    std::string bytes;
    std::vector<std::size_t> ends;
    void Add(std::string_view name) {
      bytes += name;
      ends.push_back(bytes.size());
    }
    void Clear() {
      bytes.clear();
      ends.clear();
    }
  };

  void TakeUp();
  void Pay(Work& work);
  // False if it has to wait, or has ended.
  bool RunSome(Work& work);
  // False if the stripe, or room in the log, was not to be had, nothing may go yet, or it ended.
  bool LookOn(Work& work);
  bool DeleteSome(Work& work);
  // How many of the first `count` that matched have gone; nothing if their stripe was not to be
  // had.
  std::optional<std::int64_t> DeleteLocked(Work& work, std::size_t count);
  // Copies names. Returns the cursor of the next step in the table.
  std::uint64_t Collect(const KeyLocks& held, const Work& work, DbId db) REQUIRES(held);
  void Match(Work& work);
  void Advance(Work& work, std::uint64_t next);
  std::int64_t DeleteIn(const KeyLocks& held, const Work& work, DbId db, std::size_t count)
      REQUIRES(held);
  int PercentOf(const Work& work) const;

  Keyspace& keyspace_;
  Random random_{0};  // Txn wants one
  std::vector<Work> works_;
  Names names_;
  std::int64_t looked_at_ = 0;  // by Collect
  std::uint64_t matching_ = 0;  // in this tick
};

}  // namespace cairn::keyspace

#endif  // CAIRN_KEYSPACE_PURGER_H_
