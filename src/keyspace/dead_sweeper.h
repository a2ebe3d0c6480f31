// SPDX-License-Identifier: BSD-3-Clause
// DeadSweeper: gives back the memory of values that a hard bump of a tag has made an end of, if
// nobody comes upon them.
//
// They are absent from the bump on; this is only about their memory, and about telling those who
// cache such a key without knowing of tags. After a bump of a tag that something carries all tables
// are walked once, in steps: at most kHomes home buckets under one hold of a stripe, and the budget
// of a tick. Bumps that come meanwhile have another walk follow. Without bumps a tick costs one
// load.
//
// Run by the keeper's thread. Every removal is logged as DEL before its lock goes.
#ifndef CAIRN_KEYSPACE_DEAD_SWEEPER_H_
#define CAIRN_KEYSPACE_DEAD_SWEEPER_H_

#include <cstdint>

#include "base/random.h"
#include "keyspace/keyspace.h"
#include "keyspace/table_walk.h"

namespace cairn::keyspace {

class DeadSweeper {
 public:
  static constexpr std::uint32_t kHomes = 32;
  static constexpr std::size_t kStepsATick = 256;

  explicit DeadSweeper(Keyspace& keyspace) : keyspace_(keyspace), walk_(keyspace) {}

  void Tick();
  bool is_walking() const { return is_walking_; }

 private:
  // False if the stripe, or room in the log, was not to be had: the same step again, later.
  bool Step();
  // Returns the cursor of the next step.
  std::uint64_t Bury(const KeyLocks& held) REQUIRES(held);

  Keyspace& keyspace_;
  Random random_{0};  // Txn wants one
  bool is_walking_ = false;
  std::uint64_t seen_bumps_ = 0;  // when the walk began
  TableWalk walk_;
};

}  // namespace cairn::keyspace

#endif  // CAIRN_KEYSPACE_DEAD_SWEEPER_H_
