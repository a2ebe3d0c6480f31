// SPDX-License-Identifier: BSD-3-Clause
// Arguments of SCAN, SSCAN, HSCAN and ZSCAN: the cursor, MATCH, COUNT and what only one of them
// takes.
#ifndef CAIRN_COMMANDS_SCAN_ARGS_H_
#define CAIRN_COMMANDS_SCAN_ARGS_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/glob.h"
#include "command/call.h"

namespace cairn::commands {

// As C's strtoul reads it: a sign is allowed, what is negative wraps around, nothing at all is 0,
// and a NUL ends the text. Nothing if it is no cursor.
std::optional<std::uint64_t> ParseCursor(std::string_view text);

struct ScanOptions {
  std::int64_t count = 10;
  std::string_view pattern = "*";
  std::optional<std::string_view> type;  // SCAN only
  bool no_values = false;                // HSCAN only

  bool Matches(std::string_view text) const {
    return GlobMatchesAll(pattern) || GlobMatch(pattern, text);
  }
};

enum class ScanKind : std::uint8_t { kKeys, kMembers, kFields };

// Reads the options from argument `first` on. False with the error replied.
bool ParseScanOptions(command::Call& call, std::size_t first, ScanKind kind, ScanOptions* options);

// The reply: a cursor that is known only after the walk, then the elements that came on it. They
// are gathered first, since the cursor stands before them.
//
//   ScanReply reply(call);
//   reply.Finish(set.Scan(cursor, count, [&](std::string_view member) { reply.Add(member); }));
class ScanReply {
 public:
  explicit ScanReply(command::Call& call) : call_(call) {}
  ScanReply(const ScanReply&) = delete;
  ScanReply& operator=(const ScanReply&) = delete;

  void Add(std::string_view element);
  void Finish(std::uint64_t cursor);

 private:
  command::Call& call_;
  std::vector<std::uint32_t> sizes_;
  std::string bytes_;
};

}  // namespace cairn::commands

#endif  // CAIRN_COMMANDS_SCAN_ARGS_H_
