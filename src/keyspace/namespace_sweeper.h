// SPDX-License-Identifier: BSD-3-Clause
// NamespaceSweeper: goes over all keys when namespaces have changed or were cleared, and keeps each
// within its bytes.
//
// Run by the keeper. A walk gives entries that were there before their namespace its notes, takes
// those of one that is declared no more, and buries what a clear has made an end of; a change
// during a walk has another one follow. While a namespace has too many bytes, entries that lie side
// by side in some stripes are looked at, and the worst of those that are its own go; where they are
// few among very many others that takes several rounds. Each step is bounded and holds one stripe.
// One thread.
#ifndef CAIRN_KEYSPACE_NAMESPACE_SWEEPER_H_
#define CAIRN_KEYSPACE_NAMESPACE_SWEEPER_H_

#include <vector>

#include "base/random.h"
#include "keyspace/keyspace.h"
#include "keyspace/table_walk.h"

namespace cairn::keyspace {

class Viewer;

class NamespaceSweeper {
 public:
  static constexpr std::size_t kStepsATick = 64;
  static constexpr std::uint32_t kHomes = 16;  // home buckets a step: some hundred entries
  static constexpr std::size_t kStripesSampled = 64;
  static constexpr std::size_t kEvictionsAStripe = 4;

  explicit NamespaceSweeper(Keyspace& keyspace)
      : keyspace_(keyspace), random_(1), walk_(keyspace) {}

  // True if there is more to do now.
  bool Tick();
  bool is_walking() const { return is_walking_; }

  // Has everything join at once, but for what is dead. REQUIRES: every stripe held.
  static void TendAll(Keyspace& keyspace, const KeyLocks& held, const Viewer& viewer);
  // The same, with one stripe held at a time, for a step each. REQUIRES: none held; it may wait.
  static void TendAllInSteps(Keyspace& keyspace, Random& random);

 private:
  bool Step();
  bool KeepBudgets();
  std::vector<Namespace*> OverBudget();
  std::size_t EvictIn(StripeId id, const Namespace& space);

  Keyspace& keyspace_;
  Random random_;
  bool is_walking_ = false;
  std::uint64_t began_at_ = 0;  // Namespaces::changes()
  TableWalk walk_;
};

}  // namespace cairn::keyspace

#endif  // CAIRN_KEYSPACE_NAMESPACE_SWEEPER_H_
