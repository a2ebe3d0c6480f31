// SPDX-License-Identifier: BSD-3-Clause
// What SORT was asked for, and which stripes that takes.
#ifndef CAIRN_COMMANDS_SORT_OPTIONS_H_
#define CAIRN_COMMANDS_SORT_OPTIONS_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "command/call.h"
#include "commands/sort_pattern.h"

namespace cairn::commands {

// Views of the call's arguments.
struct SortOptions {
  bool is_sorted = true;  // false: BY a key that does not depend on the element
  bool by_text = false;   // ALPHA
  bool is_descending = false;
  std::optional<KeyPattern> by;
  std::vector<KeyPattern> gets;
  std::optional<std::string_view> store;
  std::int64_t offset = 0;
  std::int64_t count = -1;

  // Whether other keys than the one that is sorted are looked up.
  bool leads_elsewhere() const;
  // How many lookups an element takes.
  std::size_t lookups() const;
};

// What SORT_RO refuses.
enum class Storing : std::uint8_t { kAllowed, kRefused };
// False with the error replied.
bool ParseSort(command::Call& call, Storing storing, SortOptions& options);

// Whether this call may touch keys that are found only by what its elements are. May say so where
// it is not, never the other way round.
bool SortTakesAllStripes(std::span<const std::string_view> args);
// Of SORT: the key that is sorted, and the one that the last STORE names.
void FindSortKeys(std::span<const std::string_view> args, std::vector<std::uint32_t>& keys);

}  // namespace cairn::commands

#endif  // CAIRN_COMMANDS_SORT_OPTIONS_H_
