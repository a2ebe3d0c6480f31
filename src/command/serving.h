// SPDX-License-Identifier: BSD-3-Clause
// Serving: gives those who wait for a key what a command has put there, before its locks go.
//
// For each ready key, first come first served, a waiter's command is run again as it was, through
// its proxy session, under the locks that are held anyway. What that makes ready in turn (BLMOVE's
// destination) is served behind. A waiter may have keys whose stripes are not held, and no lock is
// ever added to a held set; then its queue is deferred: right after the locks have gone, all the
// waiter's keys are locked anew and the queue is gone on with. Meanwhile the stripe counts it as
// pending, and blocking commands keep out (Runner), so nobody comes before those who waited.
//
// A queue is gone through once for each time its key became ready: those whom it did not help keep
// their place and are not asked again.
//
// One Serving belongs to one Runner and its thread. Limit: kServedPerHoldMax waiters are served
// under one hold of locks; the rest is deferred, which also gives the log room to breathe.
#ifndef CAIRN_COMMAND_SERVING_H_
#define CAIRN_COMMAND_SERVING_H_

#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "command/parked.h"
#include "keyspace/txn.h"

namespace cairn::command {

class Lane;
class Runner;

class Serving {
 public:
  static constexpr std::size_t kServedPerHoldMax = 256;

  explicit Serving(Runner& runner) : runner_(runner) {}

  // Serves what the transaction has made ready. REQUIRES: its locks, its command has run.
  void Serve(std::vector<keyspace::ReadyKey> ready, const keyspace::KeyLocks& held) REQUIRES(held);
  // Whether Finish has something to do.
  bool busy() const { return !answered_.empty() || !deferred_.empty(); }
  // Tells those who were served, and serves what was deferred. REQUIRES: no stripe locked.
  void Finish();
  // Serves what was left to the keyspace. REQUIRES: no stripe locked.
  void ServeLeft();

 private:
  struct Deferred {
    keyspace::ReadyKey key = {};
    std::uint64_t after_ticket = 0;          // those up to here have had their turn
    std::shared_ptr<Parked> next = nullptr;  // whose keys are to be locked; null: the key alone
    bool pending = false;                    // the stripe knows of it
  };

  void ServeQueues(const keyspace::KeyLocks& held) REQUIRES(held);
  void ServeQueue(const Deferred& turn, const keyspace::KeyLocks& held) REQUIRES(held);
  bool HoldsAll(const Parked& parked, const keyspace::KeyLocks& held) const;
  bool TryServe(const std::shared_ptr<Parked>& parked, const keyspace::KeyLocks& held)
      REQUIRES(held);
  void Defer(const Deferred& turn, std::uint64_t after_ticket, std::shared_ptr<Parked> next);
  void ServeDeferred(const Deferred& turn);
  static void LeaveTo(Lane& lane, const keyspace::StripeSet& stripes, Deferred turn);

  Runner& runner_;
  std::deque<Deferred> turns_;  // to be served under the locks that are held now
  std::size_t served_ = 0;      // under them
  std::vector<std::shared_ptr<Parked>> answered_;
  std::deque<Deferred> deferred_;
};

}  // namespace cairn::command

#endif  // CAIRN_COMMAND_SERVING_H_
