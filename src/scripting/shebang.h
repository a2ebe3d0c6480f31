// SPDX-License-Identifier: BSD-3-Clause
// The first line of a script or library: "#!lua name=lib flags=no-writes,allow-oom".
//
// Pure text. Words are split and quoted as in redis.conf; the line must end in a line break. The
// errors are what Redis 7.2 answers, "ERR " included.
#ifndef CAIRN_SCRIPTING_SHEBANG_H_
#define CAIRN_SCRIPTING_SHEBANG_H_

#include <string>
#include <string_view>

#include "base/status.h"

namespace cairn::scripting {

// What a script or function says of itself.
struct ScriptFlags {
  bool no_writes = false;
  bool allow_oom = false;
  bool allow_stale = false;
  bool no_cluster = false;
  bool allow_cross_slot_keys = false;
  bool operator==(const ScriptFlags&) const = default;
};

// Sets the flag of that name ("no-writes"). False if there is none.
bool SetScriptFlag(ScriptFlags& flags, std::string_view name);

struct ScriptShebang {
  bool present = false;  // without one, a script runs by the old rules: all is allowed
  ScriptFlags flags;
};
// Of an EVAL script: "lua" is the only engine, flags= the only option.
Result<ScriptShebang> ReadScriptShebang(std::string_view body);

// Of a function library: the engine in any case, name= the only option. Returns its name.
Result<std::string> ReadLibraryShebang(std::string_view code);

// What names of libraries and functions may hold: letters, digits and underscores, at least one.
bool IsFunctionName(std::string_view name);
inline constexpr std::string_view kBadFunctionName =
    "Library names can only contain letters, numbers, or underscores(_) and must be at least one "
    "character long";

// `code` from the line break on that ends its shebang, so that lines keep their numbers; all of it
// where there is none.
std::string_view WithoutShebang(std::string_view code);

}  // namespace cairn::scripting

#endif  // CAIRN_SCRIPTING_SHEBANG_H_
