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
    "Usage: logdump [--key GLOB] [--db N] [--from AT] [--to AT] [--full] FILE|DIRECTORY\n"
    "       logdump -v or --version\n"
    "       logdump -h or --help\n\n"
    "FILE: a dump, an append only file, or the manifest of one in several parts, for which its\n"
    "DIRECTORY stands, too.\n"
    "AT: an offset (in each of the files), or a moment, as 2026-11-21, 2026-11-21T17:45:29Z or\n"
    "@1795283129. --to is meant with what begins there; --full shows long arguments whole.\n\n"
    "Status: 0 if all was read; 1 if a file cannot be read to its end; 2 if the arguments are not\n"
    "understood.\n";

// An end of what is to be shown.
struct Bound {
  std::optional<std::uint64_t> offset;
  std::optional<std::int64_t> time_s;
};

struct Options {
  // What is wanted: of the other two nothing else is looked at.
  enum class Action : std::uint8_t { kDump, kHelp, kVersion };

  static constexpr std::size_t kArgBytesUsual = 64;  // shown of an argument

  Action action = Action::kDump;
  std::string path;
  std::optional<std::string> key;  // a pattern
  std::optional<std::uint32_t> db;
  Bound from;
  Bound to;
  std::size_t arg_bytes_max = kArgBytesUsual;
};

// kInvalid, with what is wrong.
Result<Options> ParseOptions(std::span<const std::string> words);
// "17", "@17", "2026-11-21", "2026-11-21T17:45:29", the same with Z.
std::optional<Bound> ParseBound(std::string_view text);

}  // namespace cairn::logdump

#endif  // CAIRN_TOOLS_LOGDUMP_OPTIONS_H_
