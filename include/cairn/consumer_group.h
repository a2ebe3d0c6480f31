// SPDX-License-Identifier: BSD-3-Clause
// ConsumerGroup: a worker of a stream's consumer group, which loses no entry.
//
//   auto orders = ConsumerGroup::Open(
//       store, {.stream = "orders", .group = "billing", .consumer = "billing-1"});
//   orders->Run([&](const Event& event) -> Result<void> { return Bill(event); }, stop);
//
// A round: this consumer's own pending entries whose back-off is over; entries that another has
// kept for claim_after (XAUTOCLAIM); new ones. An entry is acknowledged when its handler has
// succeeded, not before.
//
//     new --XREADGROUP--> pending --handler--> acknowledged
//                          ^   |-- an error: again after a back-off that doubles
//                          |   |-- deliveries_max, or kCorrupt: the dead stream, in one step
//                          ^   '-- kill -9: own name again, or another's claim
//                          '-- Redrive -- the dead stream
//
// What it guarantees: every entry is handled AT LEAST once, and more often when a worker dies
// between the effect and the acknowledgement, or when its answer gets lost. No broker can do better
// alone: an effect happens exactly once if it is recorded together with the entry's id. ApplyOnce
// does that for effects in the store; in SQL, insert (group, id) into a table of its own in the
// effect's transaction. Entries are begun in their order, but one that is tried again comes later
// than its successors.
//
// Invariants
//   (1) The group begins at 0: entries older than the group are delivered too.
//   (2) How often an entry was delivered, and how long ago, the server counts: a worker that dies
//       of an entry leaves the count to its successor.
//   (3) What a handler works on is renewed every third of claim_after, so nobody claims it.
//   (4) A consumer keeps at most pending_max entries; with so many it reads nothing new.
//
// Errors: kInvalid of options, those of the store by RunOnce; Run counts them, pauses and goes on.
// A handler's error, or what it throws, is its entry's. Thread safety: one Run or RunOnce at a
// time; stats() and Redrive from any thread. A handler that is no coroutine is called on threads of
// its own, `parallel` of them; a coroutine where its last reply came. Lifetimes: what the handler
// refers to outlives the run. Cost: a round of n entries is one command and n acknowledgements,
// pipelined; a Redrive one script for each 100 letters that it looks at.
#ifndef CAIRN_CONSUMER_GROUP_H_
#define CAIRN_CONSUMER_GROUP_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "cairn/clock.h"
#include "cairn/result.h"
#include "cairn/retry_policy.h"
#include "cairn/store.h"
#include "cairn/task.h"

namespace cairn::cache {

// One entry of a stream, as it was delivered.
struct Event {
  std::string id = {};
  std::vector<std::pair<std::string, std::string>> fields = {};
  // This delivery included.
  std::int64_t deliveries = 1;

  // The first field of that name; null: there is none.
  const std::string* Find(std::string_view name) const;
};

enum class Trim : std::uint8_t {
  kNone,
  kDelete,        // an entry goes with its acknowledgement: this group alone reads the stream
  kAcknowledged,  // now and then, what every group of the stream has acknowledged
};

struct ConsumerOptions {
  std::string stream = {};
  std::string group = {};
  // One's own, and the same after a restart: "billing-1", not a process id, whose entries would be
  // nobody's for claim_after. Two processes of one name at one time take each other's entries.
  std::string consumer = {};
  std::size_t parallel = 1;         // handlers at one time, 1,024 at most
  std::size_t batch_max = 16;       // entries of a round, 1,000,000 at most
  std::size_t pending_max = 1'000;  // as many
  RetryPolicy retry = {};
  // Longer than a worker may be silent; not than a handler takes, for what is worked on is renewed.
  Millis claim_after{30'000};
  // In the stream's slot. Empty: "{stream}:dead".
  std::string dead_stream = {};
  // With so many dead letters no more are made: the entries stay pending until somebody has looked.
  std::size_t dead_max = 100'000;
  Trim trim = Trim::kNone;
  // How long Run waits at the server for new entries. 1 ms or more; as claim_after, up to a year.
  Millis wait{1'000};
};

// What one round did.
struct RoundReport {
  std::size_t delivered = 0;
  std::size_t handled = 0;  // and acknowledged
  std::size_t failed = 0;   // to be tried again
  std::size_t dead = 0;
  std::size_t claimed = 0;  // taken over from others
};

struct ConsumerStats {
  std::uint64_t delivered = 0;
  std::uint64_t redelivered = 0;  // of them, not for the first time
  std::uint64_t handled = 0;
  std::uint64_t failed = 0;
  std::uint64_t dead = 0;
  std::uint64_t claimed = 0;
  std::uint64_t lost = 0;    // claimed by another while we worked on it
  std::uint64_t errors = 0;  // of the store
};

// A function of const Event& that gives a Result<void>, or a coroutine that does.
class EventHandler {
 public:
  template <class H>
    requires std::is_invocable_v<H&, const Event&>
  EventHandler(H handler) {  // NOLINT(google-explicit-constructor): a lambda is a handler
    if constexpr (std::is_same_v<std::invoke_result_t<H&, const Event&>, Task<Result<void>>>) {
      coroutine_ = std::move(handler);
    } else {
      function_ = std::move(handler);
    }
  }
  bool is_coroutine() const { return static_cast<bool>(coroutine_); }
  // What it throws is an error, kLoader. The event outlives the call.
  Task<Result<void>> Handle(const Event& event) const;

 private:
  std::function<Result<void>(const Event&)> function_;
  std::function<Task<Result<void>>(const Event&)> coroutine_;
};

class ConsumerGroup {
 public:
  // Makes the stream and the group, if they are not there.
  static Result<ConsumerGroup> Open(Store store, ConsumerOptions options);
  static Task<Result<ConsumerGroup>> CoOpen(Store store, ConsumerOptions options);

  // One round, without waiting for what is not there.
  Result<RoundReport> RunOnce(EventHandler handler) const;
  Task<Result<RoundReport>> CoRunOnce(EventHandler handler) const;
  // Until the stop token says so; the entries of the round at hand are finished then.
  void Run(EventHandler handler, std::stop_token stop) const;
  Task<void> CoRun(EventHandler handler, std::stop_token stop) const;

  // Takes so many of the group's letters out of the dead stream, the longest dead first: each is
  // pending again with the id that it had, its attempts begin anew, and other groups are told
  // nothing. How many there were. One whose entry is gone (Trim) is added anew, with a new id, for
  // all groups. After an error those of the steps before are redriven. From any thread, while
  // others run.
  Result<std::size_t> Redrive(std::size_t count) const;
  Task<Result<std::size_t>> CoRedrive(std::size_t count) const;

  ConsumerStats stats() const;
  const std::string& dead_stream() const;

 private:
  class Body;
  explicit ConsumerGroup(std::shared_ptr<Body> body) : body_(std::move(body)) {}

  std::shared_ptr<Body> body_;  // shared with the coroutines that run
};

// Where an effect is recorded. Keys of one object, and the effects', are in one slot.
struct EffectRecord {
  std::string key = {};  // "{billing}:done:" and the entry's id
  // Longer than an entry may be delivered again.
  Millis keep{std::chrono::hours(24 * 7)};
};
// Applies the commands if `record` is not there yet, and makes it, in one step: true if this call
// did. If the first command fails nothing was done; if a later one does, the earlier ones have
// been, it is not tried again, and the error has may_have_applied. `keys`: those of the commands,
// which have 7,000 words at most, else kLimit.
Result<bool> ApplyOnce(Client& client, const EffectRecord& record,
                       std::span<const std::string> keys, std::span<const Command> effects);
Task<Result<bool>> CoApplyOnce(Client& client, EffectRecord record, std::vector<std::string> keys,
                               std::vector<Command> effects);

}  // namespace cairn::cache

#endif  // CAIRN_CONSUMER_GROUP_H_
