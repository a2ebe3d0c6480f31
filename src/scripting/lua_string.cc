// SPDX-License-Identifier: BSD-3-Clause
// string.*: what searches or makes much is ours, so that it is counted; the rest is Lua's.
//
// `find` for plain text is memmem's two-way search, linear; its bytes are counted all the same.
// `format` stays Lua's: widths have two digits, so it is linear in what it is given. `dump` is
// there and refuses: bytecode has no use in a sandbox that loads none.
#include <algorithm>
#include <cstring>
#include <string_view>

#include "scripting/lua_libraries.h"
#include "scripting/lua_pattern.h"
#include "scripting/lua_vm.h"

namespace cairn::scripting {
namespace {

constexpr std::string_view kSpecials = "^$*+?.([%-";

// A position counted from 1, or from the end if negative, as one from 0; at least 0.
std::size_t StartIndex(lua_Integer position, std::size_t size) {
  if (position < 0) position += static_cast<lua_Integer>(size) + 1;
  return position <= 1 ? 0 : static_cast<std::size_t>(position - 1);
}

int PushPlainFind(lua_State* L, std::string_view subject, std::string_view text,
                  std::size_t start) {
  Vm::Of(L).Spend(L, (subject.size() - start) / 8);
  const void* found = text.empty() ? subject.data() + start
                                   : ::memmem(subject.data() + start, subject.size() - start,
                                              text.data(), text.size());
  if (found == nullptr) {
    lua_pushnil(L);
    return 1;
  }
  const std::ptrdiff_t at = static_cast<const char*>(found) - subject.data();
  lua_pushnumber(L, static_cast<lua_Number>(at + 1));
  lua_pushnumber(L, static_cast<lua_Number>(at + static_cast<std::ptrdiff_t>(text.size())));
  return 2;
}

enum class Wanted { kPlace, kCaptures };

int Search(lua_State* L, Wanted wanted) {
  const std::string_view subject = CheckView(L, 1);
  std::string_view pattern = CheckView(L, 2);
  // Lua 5.1 searches from the end where the start lies beyond it.
  const std::size_t start =
      std::min(StartIndex(luaL_optinteger(L, 3, 1), subject.size()), subject.size());
  const bool is_plain =
      wanted == Wanted::kPlace &&
      (lua_toboolean(L, 4) != 0 || pattern.find_first_of(kSpecials) == pattern.npos);
  if (is_plain) return PushPlainFind(L, subject, pattern, start);
  const bool is_anchored = pattern.starts_with('^');
  if (is_anchored) pattern.remove_prefix(1);
  PatternMatcher matcher(L, subject, pattern);
  for (const char* from = subject.data() + start; from <= matcher.subject_end(); ++from) {
    const char* const to = matcher.MatchAt(from);
    if (to != nullptr) {
      if (wanted == Wanted::kCaptures) return matcher.PushCaptures(from, to);
      lua_pushnumber(L, static_cast<lua_Number>(from - subject.data() + 1));
      lua_pushnumber(L, static_cast<lua_Number>(to - subject.data()));
      return 2 + (matcher.capture_count() == 0 ? 0 : matcher.PushCaptures(from, to));
    }
    if (is_anchored) break;
  }
  lua_pushnil(L);
  return 1;
}

int Find(lua_State* L) { return Search(L, Wanted::kPlace); }
int Match(lua_State* L) { return Search(L, Wanted::kCaptures); }

// Upvalues: subject, pattern, where to go on.
int NextMatch(lua_State* L) {
  const std::string_view subject = ToView(L, lua_upvalueindex(1));
  PatternMatcher matcher(L, subject, ToView(L, lua_upvalueindex(2)));
  const auto start = static_cast<std::size_t>(lua_tonumber(L, lua_upvalueindex(3)));
  for (const char* from = subject.data() + start; from <= matcher.subject_end(); ++from) {
    const char* const to = matcher.MatchAt(from);
    if (to == nullptr) continue;
    const std::ptrdiff_t next = to - subject.data() + (to == from ? 1 : 0);
    lua_pushnumber(L, static_cast<lua_Number>(next));
    lua_replace(L, lua_upvalueindex(3));
    return matcher.PushCaptures(from, to);
  }
  return 0;
}

int GlobalMatch(lua_State* L) {
  CheckView(L, 1);
  CheckView(L, 2);
  lua_settop(L, 2);
  lua_pushnumber(L, 0);
  lua_pushcclosure(L, &NextMatch, 3);
  return 1;
}

void AppendTemplate(lua_State* L, PatternMatcher& matcher, const char* from, const char* to,
                    Output& out) {
  const std::string_view text = ToView(L, 3);
  std::size_t i = 0;
  while (i < text.size()) {
    const std::size_t escape = std::min(text.find('%', i), text.size());
    if (escape > i) out.Append(L, text.substr(i, escape - i));
    if (escape >= text.size()) return;
    i = escape + 2;
    const char c = escape + 1 < text.size() ? text[escape + 1] : '\0';
    if (c == '0') {
      out.Append(L, {from, static_cast<std::size_t>(to - from)});
    } else if (c >= '1' && c <= '9') {
      matcher.PushCapture(c - '1', from, to);
      out.Append(L, ToView(L, -1));
      lua_pop(L, 1);
    } else {
      out.Put(L, c);
    }
  }
}

void AppendReplacement(lua_State* L, PatternMatcher& matcher, const char* from, const char* to,
                       Output& out) {
  switch (lua_type(L, 3)) {
    case LUA_TFUNCTION: {
      Vm::Of(L).CheckCStack(L);
      lua_pushvalue(L, 3);
      lua_call(L, matcher.PushCaptures(from, to), 1);
      break;
    }
    case LUA_TTABLE:
      Vm::Of(L).CheckCStack(L);
      matcher.PushCapture(0, from, to);
      lua_gettable(L, 3);
      break;
    default:
      return AppendTemplate(L, matcher, from, to, out);
  }
  if (lua_toboolean(L, -1) == 0) {
    out.Append(L, {from, static_cast<std::size_t>(to - from)});
  } else if (lua_isstring(L, -1) != 0) {
    out.Append(L, ToView(L, -1));
  } else {
    luaL_error(L, "invalid replacement value (a %s)", luaL_typename(L, -1));
  }
  lua_pop(L, 1);
}

int GlobalSubstitute(lua_State* L) {
  const std::string_view subject = CheckView(L, 1);
  std::string_view pattern = CheckView(L, 2);
  const int type = lua_type(L, 3);
  luaL_argcheck(
      L, type == LUA_TNUMBER || type == LUA_TSTRING || type == LUA_TFUNCTION || type == LUA_TTABLE,
      3, "string/function/table expected");
  const lua_Integer count_max = luaL_optinteger(L, 4, static_cast<lua_Integer>(subject.size() + 1));
  const bool is_anchored = pattern.starts_with('^');
  if (is_anchored) pattern.remove_prefix(1);
  lua_settop(L, 3);
  PatternMatcher matcher(L, subject, pattern);
  Output out(L);
  lua_Integer count = 0;
  const char* from = subject.data();
  while (count < count_max) {
    const char* const to = matcher.MatchAt(from);
    if (to != nullptr) {
      ++count;
      AppendReplacement(L, matcher, from, to, out);
    }
    if (to != nullptr && to > from) {
      from = to;
    } else if (from < matcher.subject_end()) {
      out.Put(L, *from++);
    } else {
      break;
    }
    if (is_anchored) break;
  }
  out.Append(L, {from, static_cast<std::size_t>(matcher.subject_end() - from)});
  out.Push(L);
  lua_pushnumber(L, static_cast<lua_Number>(count));
  return 2;
}

int Repeat(lua_State* L) {
  const std::string_view text = CheckView(L, 1);
  const lua_Integer count = luaL_checkinteger(L, 2);
  if (count <= 0 || text.empty()) {
    lua_pushliteral(L, "");
    return 1;
  }
  const std::size_t room = Vm::Of(L).memory_bytes_max();
  if (static_cast<std::size_t>(count) > room / text.size()) Vm::Of(L).RaiseMemory(L);
  Output out(L);
  if (text.size() == 1) {
    out.Fill(L, static_cast<std::size_t>(count), text[0]);
  } else {
    for (lua_Integer i = 0; i < count; ++i) out.Append(L, text);
  }
  out.Push(L);
  return 1;
}

int RefuseDump(lua_State* L) { return luaL_error(L, "unable to dump given function"); }

}  // namespace

void ReplaceString(lua_State* L) {
  static const luaL_Reg kFunctions[] = {
      {"find", &Find},         {"match", &Match},           {"gmatch", &GlobalMatch},
      {"gfind", &GlobalMatch}, {"gsub", &GlobalSubstitute}, {"rep", &Repeat},
      {"dump", &RefuseDump},   {nullptr, nullptr}};
  SetFunctions(L, kFunctions);
}

}  // namespace cairn::scripting
