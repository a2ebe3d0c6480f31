// SPDX-License-Identifier: BSD-3-Clause
// Limiter: so many requests in so much time for each caller, counted at the store by its clock.
//
//   const Limiter limiter(store, "api", {.count = 100, .period = 60s}, LimitWhenDown::kAllow);
//   Result<Verdict> verdict = limiter.Take("user 42");
//   if (verdict && !verdict->allowed) return TooManyRequests(verdict->retry_after);
//
// One command, atomic, by the server's clock. A refusal charges nothing, so who goes on trying is
// not locked out, and its retry_after is at least a millisecond: who comes again then, and no
// sooner, is let through if nobody else was. State is O(1) for a caller and goes by itself.
//
// The laws, for any stretch of time t:
//   kGcra     a token bucket: burst + t * count / period at most. The first choice.
//   kFixed    count in a window that begins with its first request: up to twice that across the
//             edge of two. For quotas.
//   kSliding  count in any stretch of a period, never one more.
//
// CompositeLimiter asks several limits together: all are charged, or none. BatchedLimiter is for
// the few callers who come thousands of times a second: it takes permits in batches and hands them
// out here. What it lets through in a stretch t is at most what the law lets through in t + hold,
// since a permit is used within `hold` of being charged; what is not used then is lost, up to
// batch - 1 permits for each process and caller every `hold`.
//
// When the store is down (no connection, no answer in time, no memory, a failover) the answer is
// what LimitWhenDown says, which has no default: is_counted is false then.
//
// Errors: with LimitWhenDown::kFail those of the store; always kInvalid of a count of less
// than 1, and those of a limit that makes no sense (kServer, the store's text), such as more at
// once than is ever allowed. Thread safety: any thread. Lifetimes: limiters outlive their calls.
// Cost: one command of O(1) a call.
#ifndef CAIRN_LIMITER_H_
#define CAIRN_LIMITER_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cairn/clock.h"
#include "cairn/result.h"
#include "cairn/store.h"
#include "cairn/task.h"

namespace cairn::cache {

enum class LimitLaw : std::uint8_t { kGcra, kFixed, kSliding };

struct Limit {
  LimitLaw law = LimitLaw::kGcra;
  std::int64_t count = 0;  // 1 to 10^12
  Duration period{0};      // whole milliseconds, 1 to 10^12; what is less is rounded up
  std::int64_t burst = 0;  // of kGcra: the bucket's capacity; 0: `count`
};

// What a caller is told when the store cannot count.
enum class LimitWhenDown : std::uint8_t {
  kAllow,   // fail open: what is limited matters more than the limit
  kRefuse,  // fail closed: the limit protects something (passwords, money)
  kFail,    // the store's error
};

struct Verdict {
  bool allowed = false;
  std::int64_t limit = 0;      // the most that can be taken at once
  std::int64_t remaining = 0;  // what could still be taken now
  Millis retry_after{0};       // of a refusal, 1 or more
  Millis reset_after{0};       // until it is as if there had been no request
  bool is_counted = true;      // false: LimitWhenDown has decided
};

struct LimiterOptions {
  // Of a call; unset: the store's. A limiter that is slow is worse than none.
  std::optional<Duration> timeout = {};
};

class Limiter {
 public:
  // The keys are `name`, ':' and who, escaped as parts of a Key are.
  Limiter(Store store, std::string name, Limit limit, LimitWhenDown when_down,
          LimiterOptions options = {});

  // Charges `count`, if the limit allows it.
  Result<Verdict> Take(std::string_view who, std::int64_t count = 1) const;
  Task<Result<Verdict>> CoTake(std::string who, std::int64_t count = 1) const;
  // The same answer; charges nothing.
  Result<Verdict> Peek(std::string_view who, std::int64_t count = 1) const;
  Task<Result<Verdict>> CoPeek(std::string who, std::int64_t count = 1) const;
  // As if `who` had never come.
  Result<void> Reset(std::string_view who) const;
  Task<Result<void>> CoReset(std::string who) const;

  const Limit& limit() const { return limit_; }
  const Clock& clock() const { return store_.clock(); }
  std::string KeyOf(std::string_view who) const;

 private:
  Command CommandOf(std::string_view who, std::int64_t count, bool is_peek) const;

  Store store_;
  const std::string name_;
  const Limit limit_;
  const LimitWhenDown when_down_;
  const LimiterOptions options_;
};

// One of several limits that are asked together.
struct NamedLimit {
  std::string name;
  Limit limit;
};

struct CompositeVerdict {
  // The limit that decides: the refusal with the longest time, or the one with the least left.
  Verdict whole;
  std::vector<Verdict> parts;  // one a limit, in their order; none if the store did not count
};

class CompositeLimiter {
 public:
  // What one caller is to one of the limits.
  struct Share {
    std::string who;
    std::int64_t count = 1;
  };

  // 1 to 8 limits of different names.
  CompositeLimiter(Store store, std::vector<NamedLimit> limits, LimitWhenDown when_down,
                   LimiterOptions options = {});

  // One share a limit, in their order. All keys have the hash tag {tag}, so that one server of a
  // cluster decides: what the callers have in common, such as the tenant.
  Result<CompositeVerdict> Take(std::string_view tag, const std::vector<Share>& shares) const;
  Task<Result<CompositeVerdict>> CoTake(std::string tag, std::vector<Share> shares) const;

 private:
  Result<Command> CommandOf(std::string_view tag, const std::vector<Share>& shares) const;

  Store store_;
  const std::vector<NamedLimit> limits_;
  const LimitWhenDown when_down_;
  const LimiterOptions options_;
};

struct BatchOptions {
  std::int64_t batch = 32;  // no more than what can be taken at once
  Duration hold = std::chrono::milliseconds(100);
};

class BatchedLimiter {
 public:
  // Callers whose permits are remembered; others are asked for one by one.
  static constexpr std::size_t kCallersMax = 1024;

  explicit BatchedLimiter(Limiter limiter, BatchOptions options = {});

  // limit, remaining and reset_after are those of when the batch was taken.
  Result<Verdict> Take(std::string_view who, std::int64_t count = 1);
  Task<Result<Verdict>> CoTake(std::string who, std::int64_t count = 1);

 private:
  struct Stock {
    Verdict verdict;
    std::int64_t permits = 0;
    TimePoint until{};          // of the permits
    std::int64_t refused = 0;   // so many, and more, are refused
    TimePoint refused_until{};  // till then
  };

  std::optional<Verdict> FromStock(std::string_view who, std::int64_t count);
  void Keep(std::string_view who, const Verdict& verdict, std::int64_t spare, TimePoint asked);
  void Refuse(std::string_view who, const Verdict& verdict, std::int64_t count, TimePoint asked);
  Stock* Find(std::string_view who);
  std::int64_t BatchFor(std::int64_t count) const;

  const Limiter limiter_;
  const BatchOptions options_;
  std::mutex mutex_;
  std::map<std::string, Stock, std::less<>> stocks_;  // guarded by mutex_
};

}  // namespace cairn::cache

#endif  // CAIRN_LIMITER_H_
