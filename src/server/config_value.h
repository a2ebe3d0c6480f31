// SPDX-License-Identifier: BSD-3-Clause
// ConfigValue: the value of one directive, and its way from and to text.
//
// Pure functions over a row: no configuration, no files but to look whether a `dir` exists.
// Numbers, yes and no, choices and event letters live in `number`; everything else is text in the
// one form that CONFIG GET shows, so equal values have equal texts. A percentage keeps the text it
// was given as, because a rewritten file shall say 50% again.
#ifndef CAIRN_SERVER_CONFIG_VALUE_H_
#define CAIRN_SERVER_CONFIG_VALUE_H_

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "server/config_row.h"

namespace cairn::server {

struct ConfigValue {
  std::int64_t number = 0;
  std::string text;
  bool operator==(const ConfigValue&) const = default;
};

// What a value may depend on besides its own text.
struct ConfigContext {
  std::int64_t host_memory_bytes = 0;
  std::string_view directory;   // where a relative `dir` starts
  std::string_view old_limits;  // client-output-buffer-limit before the change
};

// Reads `words` for `row`. Errors carry Redis's texts ("argument must be 'yes' or 'no'").
Result<ConfigValue> ParseConfigValue(const ConfigRow& row, std::span<const std::string> words,
                                     const ConfigContext& context);

// As CONFIG GET shows it.
std::string FormatConfigValue(const ConfigRow& row, const ConfigValue& value);

// Cuts at every single space, so "a  b" has an empty word in the middle; "" is one empty word.
// CONFIG SET reads lists like this, and refuses the empty words where Redis does.
std::vector<std::string> SplitAtSpaces(std::string_view text);

}  // namespace cairn::server

#endif  // CAIRN_SERVER_CONFIG_VALUE_H_
