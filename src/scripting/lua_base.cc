// SPDX-License-Identifier: BSD-3-Clause
// The global functions that are ours, those of coroutine, and math.random.
//
// load and loadstring take text only. pcall hands a script the text of an error object, as Redis
// does. resume and wrap are here because LuaJIT's run off the C stack when nested.
#include <cstdint>
#include <string_view>

#include "scripting/lua_libraries.h"
#include "scripting/lua_source.h"
#include "scripting/lua_vm.h"

namespace cairn::scripting {
namespace {

int SetMetatable(lua_State* L) {
  const int type = lua_type(L, 2);
  luaL_checktype(L, 1, LUA_TTABLE);
  if (PushBehindReadOnly(L, 1)) RaiseReadOnly(L);
  luaL_argcheck(L, type == LUA_TNIL || type == LUA_TTABLE, 2, "nil or table expected");
  if (luaL_getmetafield(L, 1, "__metatable") != 0) {
    return luaL_error(L, "cannot change a protected metatable");
  }
  lua_settop(L, 2);
  lua_setmetatable(L, 1);
  return 1;
}

int RawGet(lua_State* L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  luaL_checkany(L, 2);
  lua_settop(L, 2);
  if (PushBehindReadOnly(L, 1)) lua_replace(L, 1);
  lua_rawget(L, 1);
  return 1;
}

int RawSet(lua_State* L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  luaL_checkany(L, 2);
  luaL_checkany(L, 3);
  if (PushBehindReadOnly(L, 1)) RaiseReadOnly(L);
  lua_settop(L, 3);
  lua_rawset(L, 1);
  return 1;
}

int Next(lua_State* L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 2);
  if (PushBehindReadOnly(L, 1)) lua_replace(L, 1);
  if (lua_next(L, 1) != 0) return 2;
  lua_pushnil(L);
  return 1;
}

// For tables that can be changed the iterator is Lua's own, which LuaJIT runs without a call; for
// read-only ones ours, so that the real table is never in a script's hands.
int Pairs(lua_State* L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  const bool read_only = PushBehindReadOnly(L, 1);
  lua_pushvalue(L, read_only ? lua_upvalueindex(2) : lua_upvalueindex(1));
  lua_pushvalue(L, 1);
  lua_pushnil(L);
  return 3;
}

// Calls below `argument_count` arguments; what a failure left in the scratch goes.
int CallProtected(lua_State* L, int argument_count, int handler) {
  Vm& vm = Vm::Of(L);
  vm.CheckCStack(L);
  const std::size_t scratch_bytes = vm.scratch.size();
  const int status = lua_pcall(L, argument_count, LUA_MULTRET, handler);
  if (status != 0) vm.scratch.resize(scratch_bytes);
  return status;
}

int ProtectedCall(lua_State* L) {
  luaL_checkany(L, 1);
  const int status = CallProtected(L, lua_gettop(L) - 1, 0);
  if (status != 0 && lua_istable(L, -1)) {
    lua_pushliteral(L, "err");
    lua_rawget(L, -2);
    if (lua_isstring(L, -1) != 0) {
      lua_replace(L, -2);
    } else {
      lua_pop(L, 1);
    }
  }
  lua_pushboolean(L, status == 0);
  lua_insert(L, 1);
  return lua_gettop(L);
}

// Upvalue 1 is the script's handler. It is not called for what ends the script: it would run inside
// the hook that raised, where no hook reaches it.
int CallHandler(lua_State* L) {
  if (Vm::Of(L).stop() != Vm::Stop::kNone) return 1;
  Vm::Of(L).CheckCStack(L);
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_insert(L, 1);
  lua_call(L, lua_gettop(L) - 1, 1);
  return 1;
}

int ProtectedCallWithHandler(lua_State* L) {
  luaL_checkany(L, 2);
  lua_settop(L, 2);
  lua_pushcclosure(L, &CallHandler, 1);
  lua_insert(L, 1);
  const int status = CallProtected(L, 0, 1);
  lua_pushboolean(L, status == 0);
  lua_replace(L, 1);
  return lua_gettop(L);
}

// Loads the text, or says nil and why not.
int LoadText(lua_State* L, std::string_view text, const char* chunk_name) {
  // Bytecode is not for reading: LoadChunk refuses it.
  if (!text.starts_with(LUA_SIGNATURE[0]))
    text = PrepareSource(text, Chunk::kLoaded, Vm::Of(L).prepared).text;
  if (LoadChunk(L, text, chunk_name) == 0) return 1;
  lua_pushnil(L);
  lua_insert(L, -2);
  return 2;
}

int LoadString(lua_State* L) {
  const std::string_view text = CheckView(L, 1);
  Vm::Of(L).Spend(L, text.size());
  return LoadText(L, text, luaL_optstring(L, 2, text.data()));
}

int Load(lua_State* L) {
  luaL_checktype(L, 1, LUA_TFUNCTION);
  const char* chunk_name = luaL_optstring(L, 2, "=(load)");
  lua_settop(L, 3);
  Output text(L);
  for (;;) {
    Vm::Of(L).Spend(L, 1);
    lua_settop(L, 2);
    lua_pushvalue(L, 1);
    if (CallProtected(L, 0, 0) != 0) {
      lua_pushnil(L);
      lua_insert(L, -2);
      return 2;
    }
    lua_settop(L, 3);  // of its results, the first
    if (lua_isnil(L, 3)) break;
    if (lua_isstring(L, 3) == 0) {
      lua_pushnil(L);
      lua_pushliteral(L, "reader function must return a string");
      return 2;
    }
    const std::string_view piece = ToView(L, 3);
    if (piece.empty()) break;
    text.Append(L, piece);
  }
  text.Push(L);  // kept on the stack: loading may run the collector
  return LoadText(L, ToView(L, -1), chunk_name);
}

// A full collection is as long as the heap is large, so each is paid for. What would change the
// collector for later scripts is accepted and ignored.
int CollectGarbage(lua_State* L) {
  static const char* const kOptions[] = {"stop", "restart",  "collect",    "count",
                                         "step", "setpause", "setstepmul", nullptr};
  switch (luaL_checkoption(L, 1, "collect", kOptions)) {
    case 2:
      Vm::Of(L).Spend(L, 1 + Vm::Of(L).memory_bytes() / 16);
      lua_gc(L, LUA_GCCOLLECT, 0);
      lua_pushnumber(L, 0);
      return 1;
    case 3:
      lua_pushnumber(L, static_cast<lua_Number>(Vm::Of(L).memory_bytes()) / 1024);
      return 1;
    case 4:
      Vm::Of(L).Spend(L, 1 + Vm::Of(L).memory_bytes() / 64);
      lua_pushboolean(L, lua_gc(L, LUA_GCSTEP, 0));
      return 1;
    case 5:
    case 6:
      lua_pushnumber(L, 200);  // the default of both
      return 1;
    default:
      lua_pushnumber(L, 0);
      return 1;
  }
}

int CountKibibytes(lua_State* L) {
  const std::size_t kibibytes = Vm::Of(L).memory_bytes() / 1024;
  lua_pushnumber(L, static_cast<lua_Number>(kibibytes));
  return 1;
}

// Resumes `co` with the top `argument_count` values; leaves its results, or its error and -1.
int Resume(lua_State* L, lua_State* co, int argument_count) {
  Vm::Of(L).CheckCStack(L);
  const bool suspended = lua_status(co) == LUA_YIELD;
  lua_Debug frame;
  const bool active = !suspended && lua_getstack(co, 0, &frame) > 0;
  if (co == L || active || (!suspended && (lua_status(co) != 0 || lua_gettop(co) == 0))) {
    const bool dead = !active && co != L;
    lua_pushstring(L,
                   dead ? "cannot resume dead coroutine" : "cannot resume non-suspended coroutine");
    return -1;
  }
  if (lua_checkstack(co, argument_count) == 0) {
    lua_pushliteral(L, "too many arguments to resume");
    return -1;
  }
  lua_xmove(L, co, argument_count);
  const std::size_t scratch_bytes = Vm::Of(L).scratch.size();
  const int status = lua_resume(co, argument_count);
  if (status != 0 && status != LUA_YIELD) {
    Vm::Of(L).scratch.resize(scratch_bytes);
    lua_xmove(co, L, 1);
    return -1;
  }
  const int result_count = lua_gettop(co);
  if (lua_checkstack(L, result_count + 1) == 0) {
    lua_settop(co, 0);
    lua_pushliteral(L, "too many results to resume");
    return -1;
  }
  lua_xmove(co, L, result_count);
  return result_count;
}

int CoroutineResume(lua_State* L) {
  lua_State* co = lua_tothread(L, 1);
  luaL_argcheck(L, co != nullptr, 1, "coroutine expected");
  const int count = Resume(L, co, lua_gettop(L) - 1);
  lua_pushboolean(L, count >= 0);
  const int returned = count < 0 ? 1 : count;
  lua_insert(L, -returned - 1);
  return returned + 1;
}

int CallWrapped(lua_State* L) {
  const int count = Resume(L, lua_tothread(L, lua_upvalueindex(1)), lua_gettop(L));
  if (count >= 0) return count;
  if (lua_type(L, -1) == LUA_TSTRING) {
    luaL_where(L, 1);
    lua_insert(L, -2);
    lua_concat(L, 2);
  }
  return lua_error(L);
}

int CoroutineCreate(lua_State* L) {
  luaL_argcheck(L, lua_isfunction(L, 1) && lua_iscfunction(L, 1) == 0, 1, "Lua function expected");
  lua_State* co = lua_newthread(L);
  lua_pushvalue(L, 1);
  lua_xmove(L, co, 1);
  return 1;
}

int CoroutineWrap(lua_State* L) {
  CoroutineCreate(L);
  lua_pushcclosure(L, &CallWrapped, 1);
  return 1;
}

int MathRandom(lua_State* L) {
  const double drawn = static_cast<double>(Vm::Of(L).random.Next() % Random48::kValueMax) /
                       static_cast<double>(Random48::kValueMax);
  const auto integer = [L](int index) { return static_cast<int>(luaL_checkinteger(L, index)); };
  switch (lua_gettop(L)) {
    case 0:
      lua_pushnumber(L, drawn);
      return 1;
    case 1: {
      const int high = integer(1);
      luaL_argcheck(L, 1 <= high, 1, "interval is empty");
      lua_pushnumber(L, static_cast<std::int64_t>(drawn * high) + 1);
      return 1;
    }
    case 2: {
      const std::int64_t low = integer(1);
      const std::int64_t high = integer(2);
      luaL_argcheck(L, low <= high, 2, "interval is empty");
      lua_pushnumber(
          L, static_cast<lua_Number>(
                 low + static_cast<std::int64_t>(drawn * static_cast<double>(high - low + 1))));
      return 1;
    }
    default:
      return luaL_error(L, "wrong number of arguments");
  }
}

int MathRandomSeed(lua_State* L) {
  const auto seed = static_cast<std::int32_t>(luaL_checkinteger(L, 1));
  Vm::Of(L).random.Seed(seed);
  Vm::Of(L).has_seeded = true;
  return 0;
}

}  // namespace

int HandleError(lua_State* L) {
  luaL_checkany(L, 1);
  lua_Debug place = {};
  bool known = lua_getstack(L, 1, &place) != 0 && lua_getinfo(L, "Sl", &place) != 0;
  if (known && *place.what == 'C') {
    known = lua_getstack(L, 2, &place) != 0 && lua_getinfo(L, "Sl", &place) != 0;
  }
  lua_settop(L, 1);
  if (PushBehindReadOnly(L, 1)) {
    PushCodedError(L, "ERR unknown error");
  } else if (lua_istable(L, 1)) {
    lua_pushvalue(L, 1);
  } else {
    PushCodedError(L, "");
    lua_pushliteral(L, "ERR ");
    if (lua_isstring(L, 1) != 0) {
      lua_pushvalue(L, 1);
    } else if (lua_type(L, 1) == LUA_TBOOLEAN) {
      lua_pushstring(L, lua_toboolean(L, 1) != 0 ? "true" : "false");
    } else {
      lua_pushstring(L, luaL_typename(L, 1));
    }
    lua_concat(L, 2);
    lua_setfield(L, -2, "err");
  }
  if (!known) return 1;
  lua_pushliteral(L, "source");
  lua_pushstring(L, place.source);
  lua_rawset(L, -3);
  lua_pushliteral(L, "line");
  lua_pushnumber(L, place.currentline);
  lua_rawset(L, -3);
  return 1;
}

void ReplaceBase(lua_State* L) {
  static const luaL_Reg kFunctions[] = {{"setmetatable", &SetMetatable},
                                        {"rawget", &RawGet},
                                        {"rawset", &RawSet},
                                        {"pcall", &ProtectedCall},
                                        {"xpcall", &ProtectedCallWithHandler},
                                        {"load", &Load},
                                        {"loadstring", &LoadString},
                                        {"collectgarbage", &CollectGarbage},
                                        {"gcinfo", &CountKibibytes},
                                        {nullptr, nullptr}};
  lua_getfield(L, -1, "next");
  lua_pushcfunction(L, &Next);
  lua_pushvalue(L, -1);
  lua_setfield(L, -4, "next");
  lua_pushcclosure(L, &Pairs, 2);
  lua_setfield(L, -2, "pairs");
  SetFunctions(L, kFunctions);
}

void ReplaceCoroutine(lua_State* L) {
  static const luaL_Reg kFunctions[] = {{"create", &CoroutineCreate},
                                        {"resume", &CoroutineResume},
                                        {"wrap", &CoroutineWrap},
                                        {nullptr, nullptr}};
  SetFunctions(L, kFunctions);
}

void ReplaceMath(lua_State* L) {
  static const luaL_Reg kFunctions[] = {
      {"random", &MathRandom}, {"randomseed", &MathRandomSeed}, {nullptr, nullptr}};
  SetFunctions(L, kFunctions);
  lua_getfield(L, -1, "fmod");
  lua_setfield(L, -2, "mod");
}

}  // namespace cairn::scripting
