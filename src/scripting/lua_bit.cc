// SPDX-License-Identifier: BSD-3-Clause
// bit: LuaJIT's own, which its interpreter runs without a call; for PUC Lua the same by hand.
//
// Numbers are taken modulo 2^32 and results are signed, as in Mike Pall's BitOp.
#include "scripting/lua_libraries.h"

#ifndef LUA_BITLIBNAME
#include <bit>
#include <cmath>
#include <cstdint>
#endif

namespace cairn::scripting {

#ifdef LUA_BITLIBNAME

void OpenBit(lua_State* L) {
  static constexpr const char* kNames[] = {"arshift", "band", "bnot", "bor",    "bswap", "bxor",
                                           "lshift",  "rol",  "ror",  "rshift", "tobit", "tohex"};
  lua_pushcfunction(L, &luaopen_bit);
  lua_pushliteral(L, LUA_BITLIBNAME);
  lua_call(L, 1, 1);
  lua_newtable(L);
  for (const char* name : kNames) {
    lua_getfield(L, -2, name);
    lua_setfield(L, -2, name);
  }
  lua_remove(L, -2);
}

#else

namespace {

std::uint32_t Bits(lua_State* L, int index) {
  constexpr double kTwoTo32 = 4294967296.0;
  // Rounded to the nearest, to even in the middle, as adding 2^52 + 2^51 would.
  const double number = std::nearbyint(luaL_checknumber(L, index));
  const double rest = std::fmod(number, kTwoTo32);
  if (!std::isfinite(rest)) return 0;
  return static_cast<std::uint32_t>(static_cast<std::int64_t>(rest));
}

int Return(lua_State* L, std::uint32_t bits) {
  lua_pushnumber(L, static_cast<std::int32_t>(bits));
  return 1;
}

template <class Operation>
int Fold(lua_State* L, Operation operation) {
  std::uint32_t bits = Bits(L, 1);
  for (int i = lua_gettop(L); i > 1; --i) bits = operation(bits, Bits(L, i));
  return Return(L, bits);
}

int ToBit(lua_State* L) { return Return(L, Bits(L, 1)); }
int Not(lua_State* L) { return Return(L, ~Bits(L, 1)); }
int And(lua_State* L) {
  return Fold(L, [](std::uint32_t a, std::uint32_t b) { return a & b; });
}
int Or(lua_State* L) {
  return Fold(L, [](std::uint32_t a, std::uint32_t b) { return a | b; });
}
int Xor(lua_State* L) {
  return Fold(L, [](std::uint32_t a, std::uint32_t b) { return a ^ b; });
}
int ShiftLeft(lua_State* L) { return Return(L, Bits(L, 1) << (Bits(L, 2) & 31)); }
int ShiftRight(lua_State* L) { return Return(L, Bits(L, 1) >> (Bits(L, 2) & 31)); }
int ShiftRightSigned(lua_State* L) {
  const auto number = static_cast<std::int32_t>(Bits(L, 1));
  return Return(L, static_cast<std::uint32_t>(number >> (Bits(L, 2) & 31)));
}
int RotateLeft(lua_State* L) {
  return Return(L, std::rotl(Bits(L, 1), static_cast<int>(Bits(L, 2) & 31)));
}
int RotateRight(lua_State* L) {
  return Return(L, std::rotr(Bits(L, 1), static_cast<int>(Bits(L, 2) & 31)));
}
int SwapBytes(lua_State* L) { return Return(L, __builtin_bswap32(Bits(L, 1))); }

int ToHex(lua_State* L) {
  std::uint32_t bits = Bits(L, 1);
  int count = lua_isnone(L, 2) ? 8 : static_cast<std::int32_t>(Bits(L, 2));
  const char* digits = "0123456789abcdef";
  if (count < 0) {
    digits = "0123456789ABCDEF";
    count = count < -8 ? 8 : -count;
  }
  if (count > 8) count = 8;
  char text[8];
  for (int i = count - 1; i >= 0; --i) {
    text[i] = digits[bits & 15];
    bits >>= 4;
  }
  lua_pushlstring(L, text, static_cast<std::size_t>(count));
  return 1;
}

}  // namespace

void OpenBit(lua_State* L) {
  static const luaL_Reg kFunctions[] = {{"tobit", &ToBit},
                                        {"bnot", &Not},
                                        {"band", &And},
                                        {"bor", &Or},
                                        {"bxor", &Xor},
                                        {"lshift", &ShiftLeft},
                                        {"rshift", &ShiftRight},
                                        {"rol", &RotateLeft},
                                        {"arshift", &ShiftRightSigned},
                                        {"ror", &RotateRight},
                                        {"bswap", &SwapBytes},
                                        {"tohex", &ToHex},
                                        {nullptr, nullptr}};
  lua_newtable(L);
  SetFunctions(L, kFunctions);
}

#endif

}  // namespace cairn::scripting
