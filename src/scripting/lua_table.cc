// SPDX-License-Identifier: BSD-3-Clause
// table.*: insert, remove, concat and sort are ours.
//
// Lua's insert moves two thousand million places for a position far below zero, and its sort takes
// quadratic time on input made for it; both in C, where no hook is asked. These count their steps.
// Sort is quicksort, median of three, the smaller part by recursion, and heap sort below a bound on
// depth, so that no input is quadratic. Like Lua's it is not stable.
#include <bit>
#include <string_view>

#include "scripting/lua_libraries.h"
#include "scripting/lua_vm.h"

namespace cairn::scripting {
namespace {

int Length(lua_State* L, int index) { return static_cast<int>(lua_objlen(L, index)); }

int Insert(lua_State* L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  if (PushBehindReadOnly(L, 1)) RaiseReadOnly(L);
  const int end = Length(L, 1) + 1;
  int position = end;
  switch (lua_gettop(L)) {
    case 2:
      break;
    case 3: {
      position = static_cast<int>(luaL_checkinteger(L, 2));
      // Places from `position` up to the end move, those that were never filled as well.
      for (int i = std::max(position, end); i > position; --i) {
        Vm::Of(L).Spend(L, 1);
        lua_rawgeti(L, 1, i - 1);
        lua_rawseti(L, 1, i);
      }
      break;
    }
    default:
      return luaL_error(L, "wrong number of arguments to 'insert'");
  }
  lua_rawseti(L, 1, position);
  return 0;
}

int Remove(lua_State* L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  const int end = Length(L, 1);
  int position = static_cast<int>(luaL_optinteger(L, 2, end));
  if (position < 1 || position > end) return 0;
  if (PushBehindReadOnly(L, 1)) RaiseReadOnly(L);
  lua_rawgeti(L, 1, position);
  for (; position < end; ++position) {
    Vm::Of(L).Spend(L, 1);
    lua_rawgeti(L, 1, position + 1);
    lua_rawseti(L, 1, position);
  }
  lua_pushnil(L);
  lua_rawseti(L, 1, end);
  return 1;
}

int Concatenate(lua_State* L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  const std::string_view separator = lua_isnoneornil(L, 2) ? "" : CheckView(L, 2);
  const lua_Integer first = luaL_optinteger(L, 3, 1);
  const lua_Integer last = luaL_optinteger(L, 4, Length(L, 1));
  Output out(L);
  for (lua_Integer i = first; i <= last; ++i) {
    Vm::Of(L).Spend(L, 1);
    lua_rawgeti(L, 1, static_cast<int>(i));
    if (lua_isstring(L, -1) == 0) {
      return luaL_error(L, "invalid value (%s) at index %d in table for 'concat'",
                        luaL_typename(L, -1), static_cast<int>(i));
    }
    out.Append(L, ToView(L, -1));
    if (i != last) out.Append(L, separator);
    lua_pop(L, 1);
  }
  out.Push(L);
  return 1;
}

// Sorts places of the table at index 1; index 2 is the order, or nil.
class Sorter {
 public:
  explicit Sorter(lua_State* L) : L_(L), vm_(Vm::Of(L)) {}

  void Sort(int low, int high, int depth_left) {
    while (low < high) {
      if (depth_left-- == 0) return HeapSort(low, high);
      const int middle = Partition(low, high);
      if (middle - low < high - middle) {
        Sort(low, middle - 1, depth_left);
        low = middle + 1;
      } else {
        Sort(middle + 1, high, depth_left);
        high = middle - 1;
      }
    }
  }

 private:
  void Get(int i) { lua_rawgeti(L_, 1, i); }
  // Sets the two places to the two values at the top, and pops them.
  void SetTwo(int top, int below_top) {
    lua_rawseti(L_, 1, top);
    lua_rawseti(L_, 1, below_top);
  }

  bool IsLess(int a, int b) {
    vm_.Spend(L_, 1);
    if (lua_isnil(L_, 2)) {
      if (lua_type(L_, a) == LUA_TNUMBER && lua_type(L_, b) == LUA_TNUMBER) {
        return lua_tonumber(L_, a) < lua_tonumber(L_, b);
      }
      return lua_lessthan(L_, a, b) != 0;
    }
    lua_pushvalue(L_, 2);
    lua_pushvalue(L_, a - 1);
    lua_pushvalue(L_, b - 2);
    lua_call(L_, 2, 1);
    const bool is_less = lua_toboolean(L_, -1) != 0;
    lua_pop(L_, 1);
    return is_less;
  }

  // Puts the values of two places in order.
  void OrderTwo(int low, int high) {
    Get(low);
    Get(high);
    if (IsLess(-1, -2)) {
      SetTwo(low, high);
    } else {
      lua_pop(L_, 2);
    }
  }

  void Swap(int i, int j) {
    Get(i);
    Get(j);
    SetTwo(i, j);
  }

  // Splits around the median of three; returns its place.
  int Partition(int low, int high) {
    OrderTwo(low, high);
    if (high - low == 1) return low;
    const int middle = low + (high - low) / 2;
    OrderTwo(low, middle);
    OrderTwo(middle, high);
    if (high - low == 2) return middle;
    Get(middle);  // the pivot stays on the stack, and one before the end of the table
    Swap(middle, high - 1);
    int i = low;
    int j = high - 1;
    for (;;) {
      while (IsPlaceLess(++i, high)) {
      }
      while (IsPivotLess(--j, low)) {
      }
      if (j < i) break;
      Swap(i, j);
    }
    lua_pop(L_, 1);
    Swap(high - 1, i);
    return i;
  }

  bool IsPlaceLess(int i, int high) {
    if (i > high) luaL_error(L_, "invalid order function for sorting");
    Get(i);
    const bool is_less = IsLess(-1, -2);
    lua_pop(L_, 1);
    return is_less;
  }
  bool IsPivotLess(int j, int low) {
    if (j < low) luaL_error(L_, "invalid order function for sorting");
    Get(j);
    const bool is_less = IsLess(-2, -1);
    lua_pop(L_, 1);
    return is_less;
  }

  void HeapSort(int low, int high) {
    const int count = high - low + 1;
    for (int root = count / 2; root >= 1; --root) SiftDown(low - 1, root, count);
    for (int last = count; last > 1; --last) {
      Swap(low, low - 1 + last);
      SiftDown(low - 1, 1, last - 1);
    }
  }

  void SiftDown(int base, int root, int count) {
    for (int child = root * 2; child <= count; child = root * 2) {
      if (child < count && IsLessAt(base + child, base + child + 1)) ++child;
      if (!IsLessAt(base + root, base + child)) return;
      Swap(base + root, base + child);
      root = child;
    }
  }
  bool IsLessAt(int i, int j) {
    Get(i);
    Get(j);
    const bool is_less = IsLess(-2, -1);
    lua_pop(L_, 2);
    return is_less;
  }

  lua_State* L_;
  Vm& vm_;
};

int Sort(lua_State* L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  const int count = Length(L, 1);
  luaL_checkstack(L, 40, "");
  Vm::Of(L).CheckCStack(L);  // an order may sort with itself
  if (!lua_isnoneornil(L, 2)) luaL_checktype(L, 2, LUA_TFUNCTION);
  lua_settop(L, 2);
  const int depth_max = 2 * std::bit_width(static_cast<unsigned>(count)) + 4;
  Sorter(L).Sort(1, count, depth_max);
  return 0;
}

int GetLength(lua_State* L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_pushnumber(L, Length(L, 1));
  return 1;
}

int SetLength(lua_State* L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  return luaL_error(L, "'setn' is obsolete");
}

}  // namespace

void ReplaceTable(lua_State* L) {
  static const luaL_Reg kFunctions[] = {
      {"insert", &Insert},  {"remove", &Remove},  {"concat", &Concatenate}, {"sort", &Sort},
      {"getn", &GetLength}, {"setn", &SetLength}, {nullptr, nullptr}};
  SetFunctions(L, kFunctions);
}

}  // namespace cairn::scripting
