// SPDX-License-Identifier: BSD-3-Clause
// History: what clients did to one key and when, and whether one order explains it.
//
// A history is linearizable if its operations can be put in one order in which each lies between
// its call and its return and each answers as the key, used by one client, would have. The search
// is Wing and Gong's with Lowe's memory: the first operations that may come next are tried one
// after another, and a set of done operations that was seen with the same value is not tried again.
//
// Cost: exponential in the number of operations that overlap, which is the number of clients;
// linear in the length. Values, no threads.
#ifndef CAIRN_TESTS_CONCURRENCY_HISTORY_H_
#define CAIRN_TESTS_CONCURRENCY_HISTORY_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace cairn::concurrency {

enum class Action : std::uint8_t {
  kGet,          // GET: result is the value
  kSet,          // SET: result is "OK"
  kSetIfAbsent,  // SET NX: "OK", or nothing
  kGetSet,       // SET GET: the old value
  kDelete,       // DEL: "1" or "0"
  kAppend,       // APPEND: the length after
};

struct Operation {
  Action action = Action::kGet;
  std::string argument;
  std::optional<std::string> result;  // nothing: nil
  std::int64_t called_ns = 0;
  std::int64_t returned_ns = 0;
};

using KeyState = std::optional<std::string>;  // nothing: there is no such key

// The state after `operation`, if from `state` it answers as it did.
std::optional<KeyState> Apply(const KeyState& state, const Operation& operation);

// Whether some order explains the history of a key that was absent at first.
bool IsLinearizable(const std::vector<Operation>& history);

// The history as lines, in the order of the calls.
std::string Describe(const std::vector<Operation>& history);

}  // namespace cairn::concurrency

#endif  // CAIRN_TESTS_CONCURRENCY_HISTORY_H_
