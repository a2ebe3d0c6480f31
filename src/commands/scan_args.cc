// SPDX-License-Identifier: BSD-3-Clause
// Redis looks at the options in their order and stops at the first that is wrong, so this does.
#include "commands/scan_args.h"

#include <algorithm>

#include "base/text.h"
#include "command/errors.h"

namespace cairn::commands {
namespace {

using command::Call;

// The error that COUNT's value makes; empty if it is fine.
std::string_view ParseCount(std::string_view text, ScanOptions* options) {
  const std::optional<std::int64_t> count = ParseInt64(text);
  if (!count) return command::errors::kNotAnInteger;
  if (*count < 1) return command::errors::kSyntax;
  options->count = *count;
  return {};
}

// The same for NOVALUES, which only a hash takes.
std::string_view ParseNoValues(ScanKind kind, ScanOptions* options) {
  if (kind != ScanKind::kFields) return command::errors::kNoValuesNotHash;
  options->no_values = true;
  return {};
}

}  // namespace

std::optional<std::uint64_t> ParseCursor(std::string_view text) {
  text = text.substr(0, text.find('\0'));
  if (text.empty()) return 0;
  const bool negative = text[0] == '-';
  if (negative || text[0] == '+') text.remove_prefix(1);
  if (text.empty()) return std::nullopt;
  text.remove_prefix(std::min(text.find_first_not_of('0'), text.size()));
  if (text.empty()) return 0;
  const std::optional<std::uint64_t> number = ParseUint64(text);
  if (!number) return std::nullopt;
  return negative ? 0 - *number : *number;
}

bool ParseScanOptions(Call& call, std::size_t first, ScanKind kind, ScanOptions* options) {
  for (std::size_t i = first; i < call.argc(); ++i) {
    const std::string_view token = call.arg(i);
    const bool has_value = i + 1 < call.argc();
    std::string_view error;
    if (has_value && EqualsIgnoreCase(token, "MATCH")) {
      options->pattern = call.arg(++i);
    } else if (has_value && EqualsIgnoreCase(token, "COUNT")) {
      error = ParseCount(call.arg(++i), options);
    } else if (has_value && kind == ScanKind::kKeys && EqualsIgnoreCase(token, "TYPE")) {
      options->type = call.arg(++i);
    } else if (EqualsIgnoreCase(token, "NOVALUES")) {
      error = ParseNoValues(kind, options);
    } else {
      error = command::errors::kSyntax;
    }
    if (error.empty()) continue;
    call.Error(error);
    return false;
  }
  return true;
}

void ScanReply::Add(std::string_view element) {
  sizes_.push_back(static_cast<std::uint32_t>(element.size()));
  bytes_.append(element);
}

void ScanReply::Finish(std::uint64_t cursor) {
  char digits[kInt64TextMax];
  const char* end = FormatUint64(digits, cursor);
  call_.reply().Array(2);
  call_.reply().Bulk({digits, static_cast<std::size_t>(end - digits)});
  call_.reply().Array(sizes_.size());
  std::string_view rest = bytes_;
  for (const std::uint32_t size : sizes_) {
    call_.reply().Bulk(rest.substr(0, size));
    rest.remove_prefix(size);
  }
}

}  // namespace cairn::commands
