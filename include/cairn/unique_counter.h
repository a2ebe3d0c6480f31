// SPDX-License-Identifier: BSD-3-Clause
// UniqueCounter: how many different ones there were, in some 12 KiB a period, to about 0.8 %.
//
//   const UniqueCounter visitors(store, {.prefix = "visitors", .period = Period::kDay});
//   visitors.Add({"ada", "eve"});
//   visitors.Count({.ago = 0, .periods = 7});        // in these seven days, each once
//
// A HyperLogLog a period: one without would grow to "everybody who ever came" and never end, so
// there is none for all time. Its end is set in the step that adds. Periods are UTC's, by the
// server's clock.
//
// Errors: kInvalid of Period::kAllTime, of spans that are not kept and of more than kItemsMax or
// kPeriodsMax at once; those of the store. Thread
// safety: any thread. Lifetimes: holds the store. Cost: one command; a count of n periods merges n
// sketches at the server, and stores nothing.
#ifndef CAIRN_UNIQUE_COUNTER_H_
#define CAIRN_UNIQUE_COUNTER_H_

#include <cstdint>
#include <string>
#include <vector>

#include "cairn/period.h"
#include "cairn/result.h"
#include "cairn/store.h"
#include "cairn/task.h"

namespace cairn::cache {

struct UniqueCounterOptions {
  // What the keys begin with, in braces.
  std::string prefix = {};
  Period period = Period::kDay;
  // How many past periods can still be read: 0 or more.
  int keep = 31;
};

class UniqueCounter {
 public:
  static constexpr std::size_t kItemsMax = 4'096;  // of one Add
  static constexpr int kPeriodsMax = 1'000;        // of one Count

  UniqueCounter(Store store, UniqueCounterOptions options);

  // Whether the estimate may have changed.
  Result<bool> Add(std::vector<std::string> items) const;
  Task<Result<bool>> CoAdd(std::vector<std::string> items) const;
  // An estimate: see above. Of one period or several, within those that are kept.
  Result<std::uint64_t> Count(PeriodSpan span = {}) const;
  Task<Result<std::uint64_t>> CoCount(PeriodSpan span = {}) const;

 private:
  std::string Key(std::int64_t number) const;

  Store store_;
  UniqueCounterOptions options_;
};

}  // namespace cairn::cache

#endif  // CAIRN_UNIQUE_COUNTER_H_
