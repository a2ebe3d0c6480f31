// SPDX-License-Identifier: BSD-3-Clause
// What logdump is asked for, as words of a command line.
#ifndef CAIRN_TOOLS_LOGDUMP_OPTIONS_H_
#define CAIRN_TOOLS_LOGDUMP_OPTIONS_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/status.h"

namespace cairn::logdump {

inline constexpr std::string_view kUsage =
    "Usage: logdump [--key GLOB] [--db N] [--from AT] [--to AT] [--full] FILE|MANIFEST\n"
    "       logdump -h or --help\n\n"
    "AT: an offset (in each of the files), or a moment, as 2026-11-21, 2026-11-21T17:45:29Z or\n"
    "@1795283129. --to is meant with what begins there; --full shows long arguments whole.\n";

// An end of what is to be shown.
struct Bound {
  std::optional<std::uint64_t> offset;
  std::optional<std::int64_t> time_s;
};

struct Options {
  static constexpr std::size_t kArgBytesUsual = 64;  // shown of an argument

  std::string path;
  std::optional<std::string> key;  // a pattern
  std::optional<std::uint32_t> db;
  Bound from;
  Bound to;
  std::size_t arg_bytes_max = kArgBytesUsual;
};

// kInvalid, with what is wrong; kUnsupported if only help is asked for.
Result<Options> ParseOptions(std::span<const std::string> words);
// "17", "@17", "2026-11-21", "2026-11-21T17:45:29", the same with Z.
std::optional<Bound> ParseBound(std::string_view text);

}  // namespace cairn::logdump

#endif  // CAIRN_TOOLS_LOGDUMP_OPTIONS_H_
