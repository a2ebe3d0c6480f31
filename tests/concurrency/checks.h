// SPDX-License-Identifier: BSD-3-Clause
// Checks: what many clients at once must not be able to see.
//
// Each check starts its own clients, one thread each, against a server that is up, runs for a while
// and says what it found. They make no assumption about the server but its commands, so they hold
// for redis-server too, which is how they are tried.
#ifndef CAIRN_TESTS_CONCURRENCY_CHECKS_H_
#define CAIRN_TESTS_CONCURRENCY_CHECKS_H_

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace cairn::concurrency {

struct Setting {
  int port = 0;
  int milliseconds = 1000;  // how long the clients go on
  std::uint64_t seed = 1;
};

struct Finding {
  std::string fault;  // empty: none
  std::string shown;  // what was done: "12034 MSET, 48120 MGET"
};

struct Check {
  std::string_view name;
  Finding (*run)(const Setting& setting);
  bool is_ours = false;  // of commands that redis-server has not
};

// All of them.
std::span<const Check> Checks();

}  // namespace cairn::concurrency

#endif  // CAIRN_TESTS_CONCURRENCY_CHECKS_H_
