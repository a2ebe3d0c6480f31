// SPDX-License-Identifier: BSD-3-Clause
// Errand: one translated command on its way: what is to be sent next, and what a reply comes to.
//
//     run by digest --NOSCRIPT--> run by source --reply--> done
//        |  ^--------"NEED ..."--> look (a cluster's tags' slot) --state--+
//        '-- nothing yet, and WAIT is not over --> later, again
//
// A state machine without I/O. One thread at a time.
#ifndef CAIRN_FOREIGN_ERRAND_H_
#define CAIRN_FOREIGN_ERRAND_H_

#include <optional>
#include <string>
#include <utility>

#include "cairn/client.h"
#include "foreign/plan.h"

namespace cairn::foreign {

// How scripts are named to the server.
enum class ByWhat : std::uint8_t { kDigest, kSource };

class Errand {
 public:
  // Who waits asks again after so long.
  static constexpr cache::Duration kPause = cache::Millis(20);

  // `book` outlives it.
  Errand(const ScriptBook& book, bool is_cluster, Plan plan);

  // What is to be sent.
  cache::Command Next(ByWhat first = ByWhat::kDigest) const;
  // The script of that, and the key by which it is routed.
  ScriptId script() const { return is_looking_ ? ScriptId::kLook : plan_.script; }

  enum class Then : std::uint8_t { kDone, kSend, kWait };
  // `now`: from when on it waits, at the first; by the same clock always.
  Then Take(cache::Result<cache::Reply> reply, cache::TimePoint now);
  // After kDone, once.
  cache::Result<cache::Reply> TakeResult() { return std::move(result_); }

  cache::Duration wait() const { return plan_.wait; }
  // Of a transaction's reply, which has no second time.
  static cache::Reply Finish(const Plan& plan, cache::Reply reply);

 private:
  // States that were fetched and missed something again: tags change under the hand of somebody.
  static constexpr int kLooksMax = 8;

  Then Finish(cache::Reply reply);
  Then Fail(cache::Error error);

  const ScriptBook& book_;
  const bool is_cluster_;
  Plan plan_;
  std::string state_;
  const std::string digits_;
  bool is_looking_ = false;
  bool has_no_script_ = false;  // the server that was asked last
  int looks_ = 0;
  std::optional<cache::TimePoint> wait_end_;
  cache::Result<cache::Reply> result_;
};

}  // namespace cairn::foreign

#endif  // CAIRN_FOREIGN_ERRAND_H_
