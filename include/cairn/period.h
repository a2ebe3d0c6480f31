// SPDX-License-Identifier: BSD-3-Clause
// Period: days and weeks, UTC's, by the server's clock; weeks begin on Monday.
//
//   visitors.Count({.ago = 1, .periods = 7});    // the last seven that are over
//
// Errors: what takes them says kInvalid of a negative `ago`, of less than 1 period, and of more
// than it keeps. Thread safety: values. Lifetimes: none. Cost: none.
#ifndef CAIRN_PERIOD_H_
#define CAIRN_PERIOD_H_

#include <cstdint>

namespace cairn::cache {

enum class Period : std::uint8_t { kAllTime, kDay, kWeek };

// Which of the periods: 0 is the one at hand, 1 the one before.
struct PeriodsAgo {
  int value = 0;
};

// `periods` of them, the last of which is `ago` periods ago.
struct PeriodSpan {
  int ago = 0;
  int periods = 1;
};

}  // namespace cairn::cache

#endif  // CAIRN_PERIOD_H_
