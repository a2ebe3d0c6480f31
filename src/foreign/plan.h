// SPDX-License-Identifier: BSD-3-Clause
// Plan: how a native caching command is answered by a script: its keys and arguments, and how the
// script's reply becomes the command's.
//
//     {"CACHE.SET", "k", "v", "TTL", "1000"} --Planner--> Plan --Errand--> EVALSHA ... --> "OK"
//
// What is wrong with a command is found out here, in the server's words. Pure; any thread.
#ifndef CAIRN_FOREIGN_PLAN_H_
#define CAIRN_FOREIGN_PLAN_H_

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cairn/clock.h"
#include "cairn/command.h"
#include "cairn/reply.h"
#include "cairn/result.h"
#include "foreign/scripts.h"

namespace cairn::foreign {

struct Plan {
  ScriptId script = ScriptId::kGet;
  std::vector<std::string> keys = {};
  // Behind the state of tags and the digits, where the script has these.
  std::vector<std::string> arguments = {};
  bool knows_tags = false;
  // In a cluster: it will want the state, of these names at least.
  bool wants_state = false;
  std::vector<std::string> names = {};
  // Null: the script's reply is the command's.
  std::function<cache::Result<cache::Reply>(cache::Reply)> finish = {};
  // How long it is asked again while the reply says that there is nothing yet; may change the
  // arguments of the next time.
  cache::Duration wait{0};
  std::function<bool(const cache::Reply&, Plan&)> still_waits = {};
};

using Words = std::span<const std::string_view>;

class Planner {
 public:
  struct Options {
    bool is_cluster = false;
    // Why nothing may be written behind; empty: it may.
    std::string no_write_behind = {};
  };
  explicit Planner(Options options);

  // Whether the name is one of those that are native only at Cairn.
  static bool IsNative(std::string_view name);
  // REQUIRES: IsNative(words[0]).
  cache::Result<Plan> Make(Words words) const;

  bool is_cluster() const { return options_.is_cluster; }
  // A key for what is kept beside `key`, in the same slot.
  std::string Beside(std::string_view name, std::string_view key) const;
  const std::string& no_write_behind() const { return options_.no_write_behind; }

 private:
  const Options options_;
  std::vector<std::string> text_of_slot_;  // in a cluster: what lies in it
};

// The families, a row a command.
struct PlanRow {
  std::string_view name;
  std::size_t words_min;
  std::size_t words_max;  // 0: any number
  cache::Result<Plan> (*make)(const Planner&, Words);
};
std::span<const PlanRow> CachePlans();
std::span<const PlanRow> TagPlans();
std::span<const PlanRow> LimitPlans();
std::span<const PlanRow> LockPlans();

inline std::unexpected<cache::Error> ServerSays(std::string_view text) {
  return cache::Fail(cache::Errc::kServer, std::string(text));
}
// A script's array of names and values as a map.
cache::Result<cache::Reply> AsMap(cache::Reply reply);

}  // namespace cairn::foreign

#endif  // CAIRN_FOREIGN_PLAN_H_
