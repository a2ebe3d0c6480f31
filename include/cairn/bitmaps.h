// SPDX-License-Identifier: BSD-3-Clause
// FeatureFlags, DailyActives: a bit a user.
//
//   const DenseIds ids(store, {.prefix = "ids"});
//   const DenseId ada = ids.Of("ada@example.org").value();       // 0, 1, 2, ... as they come
//   const FeatureFlags flags(store, {.prefix = "flags"});
//   flags.Set("new-cart", ada, true);
//   const DailyActives actives(store, {.prefix = "active"});
//   actives.Mark(ada);
//   actives.CountAny({.ago = 0, .periods = 7});                  // within the last seven days
//
// A bitmap is as long as its highest bit: SETBIT with a raw or hashed id of 2^32-1 allocates 512 MB
// for one user. So a bit is a DenseId, below ids_max, and bitmaps are in segments of kSegmentBits
// (128 KiB): ids are numbers from 0 on without large gaps. DenseIds gives such numbers to ids that
// are not. A bitmap says who was there, not how often: requests are counted by a counter.
//
// Errors: kLimit of an id from ids_max on, kInvalid of spans, those of the store. Thread safety:
// any thread. Lifetimes: hold the store. Cost: a bit is one command; a count reads ids_max/8 bytes
// a day at most, at the server.
#ifndef CAIRN_BITMAPS_H_
#define CAIRN_BITMAPS_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "cairn/period.h"
#include "cairn/result.h"
#include "cairn/store.h"
#include "cairn/task.h"

namespace cairn::cache {

// A number from 0 on, without large gaps: what a bit can stand for.
struct DenseId {
  std::uint64_t value = 0;
  auto operator<=>(const DenseId&) const = default;
};

inline constexpr std::uint64_t kSegmentBits = 1U << 20;
// Of ids_max: 64 segments.
inline constexpr std::uint64_t kDenseIdsMax = 64 * kSegmentBits;

struct BitmapOptions {
  // What the keys begin with, in braces.
  std::string prefix = {};
  // At most kDenseIdsMax.
  std::uint64_t ids_max = 10'000'000;
};

// Numbers for ids of any kind, in the order in which they come; kept for ever.
class DenseIds {
 public:
  DenseIds(Store store, BitmapOptions options);

  // Its number, a new one if it has none.
  Result<DenseId> Of(std::string_view id) const;
  Task<Result<DenseId>> CoOf(std::string id) const;

 private:
  Store store_;
  BitmapOptions options_;
};

class FeatureFlags {
 public:
  FeatureFlags(Store store, BitmapOptions options);

  // What it was before.
  Result<bool> Set(std::string_view flag, DenseId user, bool is_on) const;
  Task<Result<bool>> CoSet(std::string flag, DenseId user, bool is_on) const;
  Result<bool> IsOn(std::string_view flag, DenseId user) const;
  Task<Result<bool>> CoIsOn(std::string flag, DenseId user) const;
  // In the order of the flags; one pipeline.
  Result<std::vector<bool>> AreOn(std::vector<std::string> flags, DenseId user) const;
  Task<Result<std::vector<bool>>> CoAreOn(std::vector<std::string> flags, DenseId user) const;
  // For how many users.
  Result<std::uint64_t> Count(std::string_view flag) const;
  Task<Result<std::uint64_t>> CoCount(std::string flag) const;
  // For nobody.
  Result<void> Clear(std::string_view flag) const;
  Task<Result<void>> CoClear(std::string flag) const;

 private:
  std::string Key(std::string_view flag, std::uint64_t segment) const;
  Result<Command> BitCommand(std::string_view name, std::string_view flag, DenseId user) const;

  Store store_;
  BitmapOptions options_;
};

struct ActivesOptions {
  std::string prefix = {};
  std::uint64_t ids_max = 10'000'000;
  // How many past days can still be read; DailyActives::kDaysMax at most.
  int keep = 31;
};

// Days are UTC's, by the server's clock.
class DailyActives {
 public:
  static constexpr int kDaysMax = 92;

  DailyActives(Store store, ActivesOptions options);

  // Was there today; false: that was known. The bit and the key's end in one step.
  Result<bool> Mark(DenseId user) const;
  Task<Result<bool>> CoMark(DenseId user) const;
  // On any of the days; on all of them.
  Result<std::uint64_t> CountAny(PeriodSpan days = {}) const;
  Task<Result<std::uint64_t>> CoCountAny(PeriodSpan days = {}) const;
  Result<std::uint64_t> CountAll(PeriodSpan days = {}) const;
  Task<Result<std::uint64_t>> CoCountAll(PeriodSpan days = {}) const;

 private:
  std::string Key(std::int64_t day, std::uint64_t segment) const;
  Task<Result<std::uint64_t>> CoCount(std::string operation, PeriodSpan days) const;

  Store store_;
  ActivesOptions options_;
};

}  // namespace cairn::cache

#endif  // CAIRN_BITMAPS_H_
