// SPDX-License-Identifier: BSD-3-Clause
// cmsgpack: MessagePack to Lua and back, as lua-cmsgpack 0.4.0 does in Redis.
//
// Numbers without a fraction are integers, others floats where those hold them. A table whose keys
// are 1 to n is an array, any other a map; what is nested deeper than kNestingMax is nil. Lengths
// in the input are believed only as far as bytes follow.
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "scripting/lua_libraries.h"
#include "scripting/lua_vm.h"

namespace cairn::scripting {
namespace {

constexpr int kNestingMax = 16;

bool IsInt64(double number) {
  return number >= -9223372036854775808.0 && number < 9223372036854775808.0 &&
         std::trunc(number) == number;
}

class Packer {
 public:
  explicit Packer(lua_State* L) : L_(L), out_(L) {}

  // Appends the value at the top.
  void Append(int nesting) {
    Vm::Of(L_).Spend(L_, 1);
    switch (lua_type(L_, -1)) {
      case LUA_TSTRING:
        return AppendString(ToView(L_, -1));
      case LUA_TBOOLEAN:
        return PutByte(lua_toboolean(L_, -1) != 0 ? 0xc3 : 0xc2);
      case LUA_TNUMBER:
        return AppendNumber(lua_tonumber(L_, -1));
      case LUA_TTABLE:
        if (nesting < kNestingMax) return AppendTable(nesting + 1);
        [[fallthrough]];
      default:
        PutByte(0xc0);
    }
  }

  void Push() { out_.Push(L_); }

 private:
  void PutByte(unsigned byte) { out_.Put(L_, static_cast<char>(byte)); }

  // The type byte, and the number behind it, big-endian, in `size` bytes.
  void PutTyped(unsigned type, std::uint64_t number, int size) {
    char bytes[9];
    bytes[0] = static_cast<char>(type);
    for (int i = 0; i < size; ++i) bytes[1 + i] = static_cast<char>(number >> (8 * (size - 1 - i)));
    out_.Append(L_, {bytes, static_cast<std::size_t>(1 + size)});
  }

  void AppendString(std::string_view text) {
    const std::size_t size = text.size();
    if (size < 32) {
      PutByte(static_cast<unsigned>(0xa0 | size));
    } else if (size <= 0xff) {
      PutTyped(0xd9, size, 1);
    } else if (size <= 0xffff) {
      PutTyped(0xda, size, 2);
    } else {
      PutTyped(0xdb, size, 4);
    }
    out_.Append(L_, text);
  }

  void AppendNumber(double number) {
    if (IsInt64(number)) return AppendInteger(static_cast<std::int64_t>(number));
    const auto narrow = static_cast<float>(number);
    if (static_cast<double>(narrow) == number) {
      PutTyped(0xca, std::bit_cast<std::uint32_t>(narrow), 4);
    } else {
      PutTyped(0xcb, std::bit_cast<std::uint64_t>(number), 8);
    }
  }

  void AppendInteger(std::int64_t number) {
    const auto bits = static_cast<std::uint64_t>(number);
    if (number >= 0) {
      if (number <= 127) return PutByte(static_cast<unsigned>(number));
      if (number <= 0xff) return PutTyped(0xcc, bits, 1);
      if (number <= 0xffff) return PutTyped(0xcd, bits, 2);
      if (number <= 0xffffffff) return PutTyped(0xce, bits, 4);
      return PutTyped(0xcf, bits, 8);
    }
    if (number >= -32) return PutByte(static_cast<unsigned>(bits & 0xff));
    if (number >= INT8_MIN) return PutTyped(0xd0, bits, 1);
    if (number >= INT16_MIN) return PutTyped(0xd1, bits, 2);
    if (number >= INT32_MIN) return PutTyped(0xd2, bits, 4);
    PutTyped(0xd3, bits, 8);
  }

  // Counts the pairs of the table at the top; whether their keys are 1 to that number.
  bool IsArray(std::uint32_t& count) {
    double max = 0;
    bool is_array = true;
    count = 0;
    lua_pushnil(L_);
    while (lua_next(L_, -2) != 0) {
      Vm::Of(L_).Spend(L_, 1);
      lua_pop(L_, 1);
      const double key = lua_type(L_, -1) == LUA_TNUMBER ? lua_tonumber(L_, -1) : 0;
      is_array = is_array && key > 0 && key <= INT32_MAX && std::trunc(key) == key;
      max = std::max(max, key);
      ++count;
    }
    return is_array && max == static_cast<double>(count);
  }

  void AppendTable(int nesting) {
    luaL_checkstack(L_, 4, "in function mp_encode_lua_table");
    std::uint32_t count = 0;
    if (IsArray(count)) {
      PutLength(count, 0x90, 0xdc);
      for (std::uint32_t i = 1; i <= count; ++i) {
        lua_rawgeti(L_, -1, static_cast<int>(i));
        Append(nesting);
        lua_pop(L_, 1);
      }
      return;
    }
    PutLength(count, 0x80, 0xde);
    lua_pushnil(L_);
    while (lua_next(L_, -2) != 0) {
      lua_pushvalue(L_, -2);
      Append(nesting);
      lua_pop(L_, 1);
      Append(nesting);
      lua_pop(L_, 1);
    }
  }

  void PutLength(std::uint32_t count, unsigned fix_type, unsigned type) {
    if (count <= 15) return PutByte(fix_type | count);
    if (count <= 0xffff) return PutTyped(type, count, 2);
    PutTyped(type + 1, count, 4);
  }

  lua_State* L_;
  Output out_;
};

int Pack(lua_State* L) {
  const int count = lua_gettop(L);
  if (count == 0) return luaL_argerror(L, 0, "MessagePack pack needs input.");
  luaL_checkstack(L, 1, "Too many arguments for MessagePack pack.");
  Packer packer(L);
  for (int i = 1; i <= count; ++i) {
    lua_pushvalue(L, i);
    packer.Append(0);
    lua_pop(L, 1);
  }
  packer.Push();
  return 1;
}

class Unpacker {
 public:
  Unpacker(lua_State* L, std::string_view bytes, std::size_t offset)
      : L_(L), p_(bytes.data() + offset), end_(bytes.data() + bytes.size()) {}

  std::size_t left() const { return static_cast<std::size_t>(end_ - p_); }

  void PushValue() {
    Vm::Of(L_).Spend(L_, 1);
    const auto type = static_cast<unsigned>(Take(1));
    if (type <= 0x7f) return PushNumber(type);
    if (type >= 0xe0) return PushNumber(static_cast<std::int8_t>(type));
    if (type <= 0x8f) return PushMap(type & 15);
    if (type <= 0x9f) return PushArray(type & 15);
    if (type <= 0xbf) return PushString(type & 31);
    PushTyped(type);
  }

 private:
  void PushNumber(double number) { lua_pushnumber(L_, number); }

  void PushTyped(unsigned type) {
    switch (type) {
      case 0xc0:
        return lua_pushnil(L_);
      case 0xc2:
      case 0xc3:
        return lua_pushboolean(L_, type == 0xc3);
      case 0xd9:
        return PushString(Take(1));
      case 0xda:
        return PushString(Take(2));
      case 0xdb:
        return PushString(Take(4));
      case 0xca:
        return PushNumber(std::bit_cast<float>(static_cast<std::uint32_t>(Take(4))));
      case 0xcb:
        return PushNumber(std::bit_cast<double>(Take(8)));
      case 0xdc:
        return PushArray(Take(2));
      case 0xdd:
        return PushArray(Take(4));
      case 0xde:
        return PushMap(Take(2));
      case 0xdf:
        return PushMap(Take(4));
      default:
        PushInteger(type);
    }
  }

  void PushInteger(unsigned type) {
    switch (type) {
      case 0xcc:
        return PushNumber(static_cast<double>(Take(1)));
      case 0xcd:
        return PushNumber(static_cast<double>(Take(2)));
      case 0xce:
        return PushNumber(static_cast<double>(Take(4)));
      case 0xd0:
        return PushNumber(static_cast<std::int8_t>(Take(1)));
      case 0xd1:
        return PushNumber(static_cast<std::int16_t>(Take(2)));
      case 0xd2:
        return PushNumber(static_cast<std::int32_t>(Take(4)));
      case 0xcf:  // as a signed one, which Redis makes of it
      case 0xd3:
        return PushNumber(static_cast<double>(static_cast<std::int64_t>(Take(8))));
      default:
        luaL_error(L_, "Bad data format in input.");
    }
  }

  void Need(std::uint64_t size) {
    if (size > left()) luaL_error(L_, "Missing bytes in input.");
  }

  // The next `size` bytes as a big-endian number.
  std::uint64_t Take(int size) {
    Need(static_cast<std::uint64_t>(size));
    std::uint64_t number = 0;
    for (int i = 0; i < size; ++i) number = number << 8 | static_cast<unsigned char>(*p_++);
    return number;
  }

  void PushString(std::uint64_t size) {
    Need(size);
    lua_pushlstring(L_, p_, static_cast<std::size_t>(size));
    p_ += size;
  }

  void Descend() {
    luaL_checkstack(L_, 4, "in function mp_decode_to_lua_type");
    Vm::Of(L_).CheckCStack(L_);
  }

  void PushArray(std::uint64_t count) {
    Descend();
    lua_newtable(L_);
    for (std::uint64_t i = 1; i <= count; ++i) {
      PushValue();
      lua_rawseti(L_, -2, static_cast<int>(i));
    }
  }

  void PushMap(std::uint64_t count) {
    Descend();
    lua_newtable(L_);
    for (std::uint64_t i = 0; i < count; ++i) {
      PushValue();
      PushValue();
      lua_rawset(L_, -3);
    }
  }

  lua_State* L_;
  const char* p_;
  const char* end_;
};

// `count_max` 0: all there are. A limited call returns where it stopped before the values, -1 at
// the end of the input.
int UnpackSome(lua_State* L, lua_Integer count_max, lua_Integer offset) {
  const std::string_view bytes = CheckView(L, 1);
  if (offset < 0 || count_max < 0) {
    return luaL_error(L, "Invalid request to unpack with offset of %d and limit of %d.",
                      static_cast<int>(offset), static_cast<int>(bytes.size()));
  }
  if (offset > static_cast<lua_Integer>(bytes.size())) {
    return luaL_error(L, "Start offset %d greater than input length %d.", static_cast<int>(offset),
                      static_cast<int>(bytes.size()));
  }
  const bool is_limited = count_max > 0;
  lua_settop(L, 1);
  Unpacker unpacker(L, bytes, static_cast<std::size_t>(offset));
  int count = 0;
  while (unpacker.left() > 0 && (!is_limited || count < count_max)) {
    luaL_checkstack(L, 2, "in function mp_unpack_full");
    unpacker.PushValue();
    ++count;
  }
  if (!is_limited) return count;
  const std::size_t stop = bytes.size() - unpacker.left();
  lua_pushnumber(L, unpacker.left() == 0 ? -1 : static_cast<lua_Number>(stop));
  lua_insert(L, 2);
  return count + 1;
}

int Unpack(lua_State* L) { return UnpackSome(L, 0, 0); }
int UnpackOne(lua_State* L) { return UnpackSome(L, 1, luaL_optinteger(L, 2, 0)); }
int UnpackLimit(lua_State* L) {
  const lua_Integer count_max = luaL_checkinteger(L, 2);
  return UnpackSome(L, count_max, luaL_optinteger(L, 3, 0));
}

}  // namespace

void OpenCmsgpack(lua_State* L) {
  static const luaL_Reg kFunctions[] = {{"pack", &Pack},
                                        {"unpack", &Unpack},
                                        {"unpack_one", &UnpackOne},
                                        {"unpack_limit", &UnpackLimit},
                                        {nullptr, nullptr}};
  static constexpr const char* kFacts[][2] = {
      {"_NAME", "cmsgpack"},
      {"_VERSION", "lua-cmsgpack 0.4.0"},
      {"_COPYRIGHT", "Copyright (C) 2012, Salvatore Sanfilippo"},
      {"_DESCRIPTION", "MessagePack C implementation for Lua"}};
  lua_newtable(L);
  SetFunctions(L, kFunctions);
  for (const auto& [name, text] : kFacts) {
    lua_pushstring(L, text);
    lua_setfield(L, -2, name);
  }
}

}  // namespace cairn::scripting
