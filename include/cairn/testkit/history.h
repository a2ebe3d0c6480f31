// SPDX-License-Identifier: BSD-3-Clause
// History: who did what, when, and what came of it; and checks that it was right.
//
//   History history(time);
//   const auto read = history.Begin({.kind = Operation::Kind::kRead, .client = "a", .key = "k"});
//   const auto entry = co_await users.CoGetOrLoad(1, loader);
//   history.End(read, {.number = entry->version});
//   ...
//   EXPECT_EQ(history.CheckFreshness(0ms), std::nullopt);
//
// What the number of an operation is, its kind says. An operation without an end, and one that
// ended as kUnknown (an error with may_have_applied), has had its effect at some time after its
// beginning, or has none; one that kFailed has none.
//
// Checks say what is wrong in words, with the operations that show it; nothing: all is well. They
// are sound: what they refuse is wrong, whatever happened between a beginning and an end. Each
// looks at the kinds of its own, so one history serves all.
//
// Errors: a Violation is one, in words; there are no others. Thread safety: one thread. Lifetimes:
// the clock outlives the history. Cost: linear or n log n, but for CheckRegisters and CheckLocks,
// whose problem is NP-complete: small histories of each key, of operations that overlap little.
#ifndef CAIRN_TESTKIT_HISTORY_H_
#define CAIRN_TESTKIT_HISTORY_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cairn/clock.h"

namespace cairn::cache {

struct Operation {
  enum class Kind : std::uint8_t {
    kRead,   // `value`: nothing, there was none; `number`: the version that was read
    kWrite,  // of `value`
    kDelete,
    kInvalidate,  // what is older than the version `number` is not to be seen any more
    kLoad,        // by a lease's token `number`, granted for `ttl`; 0: without one
    kVoid,        // leases end: of the key, or, if that is empty, all (the store has crashed)
    kAcquire,     // a lock, as `client`, for `ttl`; `number`: its fence
    kRenew,       // of the lock, for `ttl`
    kRelease,
    kGuarded,  // an effect on what the lock guards, with the fence `number`
    kLog,      // a write behind, answered with its place `number`
    kApply,    // the database has that write
  };
  enum class Fate : std::uint8_t { kOk, kRefused, kFailed, kUnknown };

  Kind kind = Kind::kRead;
  std::string client = {};
  std::string key = {};
  std::optional<std::string> value = {};
  std::int64_t number = 0;
  Duration ttl{0};
  Fate fate = Fate::kUnknown;
  TimePoint begin = {};
  TimePoint end = TimePoint::max();
};
// "3605.120ms..3607.001ms a read user:{1} #4 ok".
std::string ToString(const Operation& operation);

// What is known at the end; what is unset stays as it was at the beginning.
struct Ending {
  Operation::Fate fate = Operation::Fate::kOk;
  std::optional<std::string> value = {};
  std::optional<std::int64_t> number = {};
};

using Violation = std::optional<std::string>;

class History {
 public:
  using Number = std::size_t;

  // `clock` outlives the history.
  explicit History(const Clock& clock) : clock_(clock) {}

  // Now.
  Number Begin(Operation operation);
  void End(Number operation, Ending ending = {});
  // Both at once.
  void Note(Operation operation, Ending ending = {});
  // With times of one's own.
  void Add(Operation operation) { operations_.push_back(std::move(operation)); }

  void Clear() { operations_.clear(); }

  const std::vector<Operation>& operations() const { return operations_; }
  // A line each, in the order of their beginnings.
  std::string ToString() const;

  // Reads, writes and deletes of each key are those of one register: there is an order of them, in
  // which what ended before another began comes before it, and each read sees the last write.
  Violation CheckRegisters() const;
  // Acquire, refused or not, renew and release are those of one lock with a time to live, which
  // ends early by up to `margin`: a server that counts in milliseconds takes one away.
  Violation CheckLocks(Duration margin) const;

  // Once an invalidation was answered, and `bound` has passed, no read begins that is answered with
  // an older version. Reads of the version 0 (nothing was there) are not looked at.
  Violation CheckFreshness(Duration bound) const;
  // One load for each key and lease; and while a leased load runs within its lease, no other leased
  // load of the key begins, unless there was a kVoid, kWrite, kDelete or kInvalidate between. A
  // grant may have been under way to its loader for up to `grant_delay`: a call's timeout.
  Violation CheckLoads(Duration grant_delay) const;
  // Fences are given once, and grow: for who asks after another was answered his is greater. What
  // is guarded takes no smaller fence after a greater one.
  Violation CheckFences() const;
  // Nobody believes to hold a lock while another does: from the answer until a time to live after
  // the question (of the last renewal) less `margin`, or until the release was begun.
  Violation CheckHolders(Duration margin) const;
  // Of each key: applied are only writes that were logged, in the order of their places, each once;
  // and when all is quiet (the worker has nothing left to do), the last that was answered, or a
  // later one. Earlier ones may have been passed over for it.
  Violation CheckWriteBehind() const;

 private:
  const Clock& clock_;
  std::vector<Operation> operations_;
};

}  // namespace cairn::cache

#endif  // CAIRN_TESTKIT_HISTORY_H_
