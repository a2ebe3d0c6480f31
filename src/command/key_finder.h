// SPDX-License-Identifier: BSD-3-Clause
// Finding the keys among a command's arguments.
//
// The runner locks the stripes of all keys before a command runs, so it must find them from the
// Spec alone. Keys come out in the order of the specifications, repeated ones repeatedly. Where the
// arguments do not fit (a key count that is no number, negative, or larger than what follows) there
// are no keys: FindKeys returns false and the command itself reports the error. The work is bounded
// by the number of arguments times kKeySpecLimit.
//
// Thread safety: pure functions. Cost: one or two comparisons for a command with a simple range.
#ifndef CAIRN_COMMAND_KEY_FINDER_H_
#define CAIRN_COMMAND_KEY_FINDER_H_

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "command/spec.h"

namespace cairn::command {

// A key's place among the arguments and what the command does with it (KeyFlag).
struct KeyAt {
  std::uint32_t index = 0;
  std::uint16_t flags = 0;
  friend bool operator==(const KeyAt&, const KeyAt&) = default;
};

// Appends to `keys`. On false nothing was appended. Arguments of specifications that are no keys
// (channels, kKeyNotKey) are left out.
bool FindKeysWithFlags(const Spec& spec, std::span<const std::string_view> args,
                       std::vector<KeyAt>& keys);

// The same without flags; appends the indices of the keys.
bool FindKeys(const Spec& spec, std::span<const std::string_view> args,
              std::vector<std::uint32_t>& keys);

}  // namespace cairn::command

#endif  // CAIRN_COMMAND_KEY_FINDER_H_
