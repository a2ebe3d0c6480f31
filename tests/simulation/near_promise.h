// SPDX-License-Identifier: BSD-3-Clause
// NearPromise: what a copy may be that a process serves without asking.
//
// The store tells of a change on a connection whose messages take up to `delivery`. So whoever
// begins to read at `now` must not be given a copy that is older than an invalidation which was
// answered
//   - `delivery` ago, while his link was well: neither partitioned since, nor healed a moment ago,
//     nor left by a store that crashed behind a partition;
//   - before his present connection began, whatever happened to the one before;
//   - `near_ttl` ago, whatever happened;
//   - to himself.
#ifndef CAIRN_TESTS_SIMULATION_NEAR_PROMISE_H_
#define CAIRN_TESTS_SIMULATION_NEAR_PROMISE_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/simulation/world.h"

namespace cairn::simulation {

class NearPromise {
 public:
  // One life of a process that has copies.
  struct Life {
    std::string name;
    std::function<std::uint64_t()> epochs;  // how many there have been
    std::uint64_t epochs_seen = 0;
    TimePoint looked_at = {};
    TimePoint epoch_floor = {};  // the present one began later
  };
  using LifePtr = std::shared_ptr<Life>;

  NearPromise(const Clock& clock, Duration delivery, Duration near_ttl)
      : clock_(clock), delivery_(delivery), near_ttl_(near_ttl) {}

  void OnEvent(const NetworkEvent& event);
  // An invalidation was answered; to nobody of them: null.
  void OnAnswered(const std::string& key, std::int64_t number, const LifePtr& by);
  // Before each read.
  void Look(Life& life) const;
  // A copy of this version was served to who began to read now.
  void OnServed(const LifePtr& life, const std::string& key, std::int64_t number);
  const Violation& violation() const { return violation_; }
  std::uint64_t served() const { return served_; }

 private:
  struct Answered {
    std::int64_t number;
    TimePoint at;
    LifePtr by;
  };
  struct Trouble {
    bool is_partitioned = false;
    bool is_left = false;  // the store crashed behind it
    TimePoint began = TimePoint::max();
    TimePoint healed = {};
  };

  // Until when all that was told has come.
  TimePoint TrustedUntil(const Life& life);

  const Clock& clock_;
  const Duration delivery_;
  const Duration near_ttl_;
  std::map<std::string, Trouble> troubles_;  // by client
  std::map<std::string, std::vector<Answered>> answered_;
  std::uint64_t served_ = 0;
  Violation violation_;
};

// A near cache as it is written in an afternoon: copies by key, dropped when they are told of. What
// else it does is right, but for the bug that is named:
//   near-without-pending-mark    keeps a reply though the key was written by this process meanwhile
//   near-by-another-connection   the same, and reads by one connection, is told by another
//   near-over-epochs             copies outlive the connection under which they were read
//   near-without-ttl             nothing bounds how long a dead connection is believed
class NaiveNear : public std::enable_shared_from_this<NaiveNear> {
 public:
  NaiveNear(Store store, std::string bug, Duration near_ttl)
      : store_(std::move(store)), bug_(std::move(bug)), near_ttl_(near_ttl) {}

  void Open();
  // Its version; nothing: there is no copy.
  std::optional<std::int64_t> Find(const std::string& key);
  // Asks the store, and keeps what is fresh.
  Task<void> Fill(std::string key);
  // This process has written it.
  void Forget(const std::string& key);
  std::uint64_t epochs() const { return epochs_; }

 private:
  struct Copy {
    std::int64_t version;
    TimePoint read_at;
  };
  bool has(std::string_view bug) const { return bug_ == bug; }
  void OnTold(const Invalidation& told);

  const Store store_;
  const std::string bug_;
  const Duration near_ttl_;
  std::map<std::string, Copy> copies_;
  std::map<std::string, std::uint64_t> changes_;  // of keys
  std::uint64_t all_changes_ = 0;
  std::uint64_t epochs_ = 0;
  bool is_told_ = false;
  std::unique_ptr<Tracking> tracking_;
};

}  // namespace cairn::simulation

#endif  // CAIRN_TESTS_SIMULATION_NEAR_PROMISE_H_
