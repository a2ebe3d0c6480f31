// SPDX-License-Identifier: BSD-3-Clause
// What the sandbox is made of: one function per library, each in its own file.
//
// An Open function pushes the library's table; the Replace functions are given one of Lua's own at
// the top of the stack and put our functions in the place of those that run long, write where they
// should not, or load bytecode.
#ifndef CAIRN_SCRIPTING_LUA_LIBRARIES_H_
#define CAIRN_SCRIPTING_LUA_LIBRARIES_H_

#include <lua.hpp>

namespace cairn::scripting {

class Vm;

// What cjson's functions of settings set; each run begins with these.
struct JsonSettings {
  bool sparse_converts = false;
  int sparse_ratio = 2;
  int sparse_safe = 10;
  int encode_depth_max = 1000;
  int decode_depth_max = 1000;
  int number_precision = 14;
  enum class Invalid { kRefuse, kAllow, kNull };
  Invalid encode_invalid = Invalid::kRefuse;
  bool decode_invalid = true;
  bool keeps_buffer = true;  // remembered only
};

// Builds the state's globals. lua_sandbox.cc
void BuildSandbox(Vm& vm);
// Makes the table at the top read-only: replaces it by an empty one that shows its content.
void MakeReadOnly(lua_State* L);
// Whether the value is such a table; pushes what is behind it if so.
bool PushBehindReadOnly(lua_State* L, int index);
[[noreturn]] void RaiseReadOnly(lua_State* L);

void ReplaceBase(lua_State* L);       // lua_base.cc: the globals themselves
void ReplaceCoroutine(lua_State* L);  // lua_base.cc
void ReplaceString(lua_State* L);     // lua_string.cc
void ReplaceTable(lua_State* L);      // lua_table.cc
void ReplaceMath(lua_State* L);       // lua_base.cc
int HandleError(lua_State* L);        // lua_base.cc: makes an error an object with its place
void OpenBit(lua_State* L);           // lua_bit.cc
void OpenCjson(lua_State* L, JsonSettings& settings);
void OpenCmsgpack(lua_State* L);
void OpenStruct(lua_State* L);
void OpenRedis(lua_State* L);         // lua_redis.cc
void OpenLoadingRedis(lua_State* L);  // lua_redis.cc: what library code sees while it loads

// Sets fields of the table at the top to C functions. `functions` ends in {nullptr, nullptr}.
void SetFunctions(lua_State* L, const luaL_Reg* functions);

}  // namespace cairn::scripting

#endif  // CAIRN_SCRIPTING_LUA_LIBRARIES_H_
