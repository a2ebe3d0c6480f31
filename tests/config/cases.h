// SPDX-License-Identifier: BSD-3-Clause
// What the configuration must answer, as tables that both Cairn and redis-server are asked.
//
// A row marked `ours` is where we differ on purpose; its reason stands beside it, and the oracle is
// not asked. Rows run in order on one instance, so a later one may build on an earlier one.
#ifndef CAIRN_TESTS_CONFIG_CASES_H_
#define CAIRN_TESTS_CONFIG_CASES_H_

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace cairn::testing {

// CONFIG SET name value, and what CONFIG GET name shows then, or why it was refused.
struct SetCase {
  std::string_view name;
  std::string_view value;
  std::string_view shows;
  std::string_view refusal = {};
  bool ours = false;
};

// CONFIG SET with several pairs: the whole reply.
struct ManyCase {
  std::vector<std::string_view> words;
  std::string_view reply;
};

// CONFIG GET: names and values in turn.
struct GetCase {
  std::vector<std::string_view> patterns;
  std::vector<std::string_view> entries;
  bool ours = false;
};

// A configuration file that stops the start, and what is printed after the title.
struct BadFileCase {
  std::string_view text;
  std::string_view detail;
  bool ours = false;
};

// Arguments (besides port, bind and dir) that start, or the detail of the error that stops them.
struct LaunchCase {
  std::vector<std::string> arguments;
  std::string_view name;   // a directive
  std::string_view value;  // and what it is then
};

std::span<const SetCase> SetCases();
const std::vector<ManyCase>& ManyCases();
const std::vector<GetCase>& GetCases();
std::span<const BadFileCase> BadFileCases();
const std::vector<LaunchCase>& LaunchCases();

}  // namespace cairn::testing

#endif  // CAIRN_TESTS_CONFIG_CASES_H_
