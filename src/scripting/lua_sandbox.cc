// SPDX-License-Identifier: BSD-3-Clause
// The sandbox: which names a script sees, and tables it cannot change.
//
// Redis patches its Lua so that a table can be marked read-only. Stock Lua has no such mark, so a
// read-only table here is an empty one whose metatable shows the real one:
//
//     script's _G {}  --__index--> {redis, string, KEYS, ...}  --__index--> "nonexistent global"
//     redis       {}  --__index--> {call, pcall, ...}
//                     --__newindex--> "Attempt to modify a readonly table"
//
// The empty table stays empty: what writes past metatables (rawset, table.insert, setmetatable and
// our error handler) asks PushBehindReadOnly first, and what reads past them (next, pairs, rawget)
// looks behind it. The real tables are never handed to a script, nor are these metatables:
// getmetatable is ours.
//
// Names are taken from lists of what Redis 7.2 has; LuaJIT's additions are left out.
#include <algorithm>
#include <string_view>

#include "base/check.h"
#include "scripting/lua_libraries.h"
#include "scripting/lua_vm.h"

namespace cairn::scripting {
namespace {

// Its address is the key under which a read-only table's metatable holds the real one.
constexpr char kRealKey = 'r';

void* RealKey() { return const_cast<char*>(&kRealKey); }

// Names one line each, separated by spaces.
constexpr std::string_view kBaseNames =
    "assert collectgarbage error gcinfo getmetatable ipairs load loadstring next pairs pcall "
    "rawequal rawget rawset select setmetatable tonumber tostring type unpack xpcall _VERSION";
constexpr std::string_view kStringNames =
    "byte char dump find format gmatch gsub len lower match rep reverse sub upper";
constexpr std::string_view kTableNames =
    "concat foreach foreachi getn insert maxn remove setn sort";
constexpr std::string_view kMathNames =
    "abs acos asin atan atan2 ceil cos cosh deg exp floor fmod frexp huge ldexp log log10 max min "
    "modf pi pow rad random randomseed sin sinh sqrt tan tanh";
constexpr std::string_view kCoroutineNames = "create resume running status wrap yield";

int RefuseWrite(lua_State* L) {
  luaL_error(L, "Attempt to modify a readonly table");
  return 0;
}

int RefuseUnknownGlobal(lua_State* L) {
  const char* name = lua_tostring(L, 2);
  return luaL_error(L, "Script attempted to access nonexistent global variable '%s'",
                    name == nullptr ? "?" : name);
}

// What Redis shows: for strings and for the globals a read-only table with their __index, for other
// read-only tables nothing.
int GetMetatable(lua_State* L) {
  luaL_checkany(L, 1);
  if (lua_type(L, 1) == LUA_TSTRING) {
    lua_pushvalue(L, lua_upvalueindex(1));
    return 1;
  }
  if (PushBehindReadOnly(L, 1)) {
    if (lua_rawequal(L, 1, LUA_GLOBALSINDEX) != 0) {
      lua_pushvalue(L, lua_upvalueindex(2));
    } else {
      lua_pushnil(L);
    }
    return 1;
  }
  if (luaL_getmetafield(L, 1, "__metatable") == 0 && lua_getmetatable(L, 1) == 0) lua_pushnil(L);
  return 1;
}

// Replaces the value at the top by a read-only table with it as __index.
void ShowAsMetatable(lua_State* L) {
  lua_newtable(L);
  lua_insert(L, -2);
  lua_setfield(L, -2, "__index");
  MakeReadOnly(L);
}

// REQUIRES: the table of globals is at the top and has its string library.
void SetGetMetatable(lua_State* L) {
  lua_getfield(L, -1, "string");
  ShowAsMetatable(L);
  lua_pushcfunction(L, &RefuseUnknownGlobal);
  ShowAsMetatable(L);
  lua_pushcclosure(L, &GetMetatable, 2);
  lua_setfield(L, -2, "getmetatable");
}

// Copies the named fields of the table below the top into the one at the top.
void CopyNamed(lua_State* L, std::string_view names) {
  while (!names.empty()) {
    const std::size_t space = std::min(names.find(' '), names.size());
    PushView(L, names.substr(0, space));
    lua_pushvalue(L, -1);
    lua_rawget(L, -4);
    lua_rawset(L, -3);
    names.remove_prefix(std::min(space + 1, names.size()));
  }
}

// The library table at the top keeps the named fields only.
void KeepNamed(lua_State* L, std::string_view names) {
  lua_newtable(L);
  CopyNamed(L, names);
  lua_remove(L, -2);
}

// Sets field `name` of the table below the top to a read-only view of the table at the top.
void AddLibrary(lua_State* L, const char* name) {
  MakeReadOnly(L);
  lua_setfield(L, -2, name);
}

void OpenOf(lua_State* L, lua_CFunction open, const char* name) {
  lua_pushcfunction(L, open);
  lua_pushstring(L, name);
  lua_call(L, 1, 0);
}

void AddOs(lua_State* L) {
  lua_pushcfunction(L, &luaopen_os);
  lua_pushliteral(L, "os");
  lua_call(L, 1, 1);
  KeepNamed(L, "clock");
  AddLibrary(L, "os");
}

// Gives strings their methods, from the table at the top itself: method calls skip a step that way,
// and scripts get to it by no other way.
void SetStringMethods(lua_State* L) {
  lua_pushliteral(L, "");
  lua_newtable(L);
  lua_pushvalue(L, -3);
  lua_setfield(L, -2, "__index");
  lua_setmetatable(L, -2);
  lua_pop(L, 1);
}

// Takes the library `name` of Lua's globals, at `lua_globals`, with our functions in it.
void AddReplaced(lua_State* L, int lua_globals, const char* name, std::string_view names,
                 void (*replace)(lua_State*)) {
  lua_getfield(L, lua_globals, name);
  KeepNamed(L, names);
  replace(L);
  if (std::string_view(name) == "string") SetStringMethods(L);
  AddLibrary(L, name);
}

#ifdef LUAJIT_VERSION
// LuaJIT's parser makes 1LL a foreign value and loads the ffi library for it. It is loaded here
// once, and its metamethods go: such a value can be passed around and nothing else.
void DisarmForeignValues(lua_State* L) {
  lua_pushcfunction(L, &luaopen_ffi);
  lua_call(L, 0, 1);
  // Kept, out of reach: the collector's table of foreign values hangs on it (without, lua_close
  // crashed).
  luaL_ref(L, LUA_REGISTRYINDEX);
  CHECK(luaL_loadstring(L, "return 1LL") == 0);
  lua_call(L, 0, 1);
  if (lua_getmetatable(L, -1) != 0) {
    lua_pushnil(L);
    while (lua_next(L, -2) != 0) {  // a field that is there may be cleared on the way
      lua_pop(L, 1);
      lua_pushvalue(L, -1);
      lua_pushnil(L);
      lua_rawset(L, -4);
    }
    lua_pushliteral(L, "foreign");
    lua_setfield(L, -2, "__metatable");
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
  lua_pushnil(L);
  lua_setfield(L, LUA_REGISTRYINDEX, "_LOADED");
  lua_pushnil(L);
  lua_setfield(L, LUA_REGISTRYINDEX, "_PRELOAD");
}
#endif

void OpenLuaLibraries(lua_State* L) {
  OpenOf(L, &luaopen_base, "");
  OpenOf(L, &luaopen_table, LUA_TABLIBNAME);
  OpenOf(L, &luaopen_string, LUA_STRLIBNAME);
  OpenOf(L, &luaopen_math, LUA_MATHLIBNAME);
}

// Pushes the real table of globals, without the names that differ between the two kinds of state.
void PushGlobals(Vm& vm, int lua_globals) {
  lua_State* L = vm.state();
  lua_pushvalue(L, lua_globals);
  KeepNamed(L, kBaseNames);
  ReplaceBase(L);
  AddReplaced(L, lua_globals, LUA_STRLIBNAME, kStringNames, &ReplaceString);
  AddReplaced(L, lua_globals, LUA_TABLIBNAME, kTableNames, &ReplaceTable);
  AddReplaced(L, lua_globals, LUA_MATHLIBNAME, kMathNames, &ReplaceMath);
  AddReplaced(L, lua_globals, LUA_COLIBNAME, kCoroutineNames, &ReplaceCoroutine);
  SetGetMetatable(L);
  AddOs(L);
  OpenBit(L);
  AddLibrary(L, "bit");
  OpenCjson(L, vm.json);
  AddLibrary(L, "cjson");
  OpenCmsgpack(L);
  AddLibrary(L, "cmsgpack");
  OpenStruct(L);
  AddLibrary(L, "struct");
  OpenRedis(L);
  MakeReadOnly(L);
  lua_pushvalue(L, -1);
  lua_setfield(L, -3, "redis");
  lua_setfield(L, -2, "server");
  lua_pushcfunction(L, &HandleError);
  lua_setfield(L, -2, "__redis__err__handler");
}

// Gives the table at the top a metatable that refuses names it lacks.
void RefuseUnknownNames(lua_State* L) {
  lua_newtable(L);
  lua_pushcfunction(L, &RefuseUnknownGlobal);
  lua_setfield(L, -2, "__index");
  lua_setmetatable(L, -2);
}

// Pushes the globals that library code sees while it loads.
void PushLoadGlobals(lua_State* L) {
  lua_newtable(L);
  OpenLoadingRedis(L);
  RefuseUnknownNames(L);
  MakeReadOnly(L);
  lua_pushvalue(L, -1);
  lua_setfield(L, -3, "redis");
  lua_setfield(L, -2, "server");
  RefuseUnknownNames(L);
}

}  // namespace

void SetFunctions(lua_State* L, const luaL_Reg* functions) {
  for (; functions->name != nullptr; ++functions) {
    lua_pushcfunction(L, functions->func);
    lua_setfield(L, -2, functions->name);
  }
}

void RaiseReadOnly(lua_State* L) {
  lua_pushliteral(L, "Attempt to modify a readonly table");
  lua_error(L);
  __builtin_unreachable();
}

void MakeReadOnly(lua_State* L) {
  lua_newtable(L);
  lua_newtable(L);  // its metatable
  lua_pushvalue(L, -3);
  lua_setfield(L, -2, "__index");
  lua_pushcfunction(L, &RefuseWrite);
  lua_setfield(L, -2, "__newindex");
  lua_pushlightuserdata(L, RealKey());
  lua_pushvalue(L, -4);
  lua_rawset(L, -3);
  lua_setmetatable(L, -2);
  lua_remove(L, -2);
}

bool PushBehindReadOnly(lua_State* L, int index) {
  if (!lua_istable(L, index) || lua_getmetatable(L, index) == 0) return false;
  lua_pushlightuserdata(L, RealKey());
  lua_rawget(L, -2);
  lua_remove(L, -2);
  if (lua_istable(L, -1)) return true;
  lua_pop(L, 1);
  return false;
}

void BuildSandbox(Vm& vm) {
  lua_State* L = vm.state();
  lua_pushcfunction(L, &HandleError);
  OpenLuaLibraries(L);
  lua_pushvalue(L, LUA_GLOBALSINDEX);
  const int lua_globals = lua_gettop(L);
  PushGlobals(vm, lua_globals);
  lua_remove(L, lua_globals);
  RefuseUnknownNames(L);
  lua_pushliteral(L, "KEYS");
  lua_pushliteral(L, "ARGV");
  lua_pushvalue(L, Vm::kGlobalsSlot);
  MakeReadOnly(L);
  lua_pushvalue(L, -1);
  lua_setfield(L, Vm::kGlobalsSlot, "_G");
  lua_getmetatable(L, -1);
  lua_insert(L, Vm::kEnvironmentSlot);
#ifdef LUAJIT_VERSION
  DisarmForeignValues(L);
#endif
  lua_replace(L, LUA_GLOBALSINDEX);
  PushLoadGlobals(L);
  DCHECK(lua_gettop(L) == Vm::kFixedSlots);
}

}  // namespace cairn::scripting
