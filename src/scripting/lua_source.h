// SPDX-License-Identifier: BSD-3-Clause
// PrepareSource: makes LuaJIT run a script's text as PUC Lua, which Redis has, would.
//
// Two things differ. LuaJIT replaces the caller's frame when C is tail-called, so an error in
// `return redis.call(...)` knows no line, and Redis names it: such calls get parentheses around
// them, where that changes no result. And LuaJIT reads 1LL, 0b1 and 2i as numbers.
//
// Pure. With PUC Lua the text is returned as it is.
#ifndef CAIRN_SCRIPTING_LUA_SOURCE_H_
#define CAIRN_SCRIPTING_LUA_SOURCE_H_

#include <string>
#include <string_view>

namespace cairn::scripting {

struct PreparedSource {
  std::string_view text;        // the source itself, or in `storage`
  std::string_view bad_number;  // of the source; empty if there is none
  int bad_number_line = 0;
};
// Of a script only the first result counts; of what `load` makes, all.
enum class Chunk { kScript, kLoaded };
// `text` lives as long as `source` and `storage`. What it cannot read it leaves alone.
PreparedSource PrepareSource(std::string_view source, Chunk chunk, std::string& storage);

}  // namespace cairn::scripting

#endif  // CAIRN_SCRIPTING_LUA_SOURCE_H_
