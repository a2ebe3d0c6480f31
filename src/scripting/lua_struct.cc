// SPDX-License-Identifier: BSD-3-Clause
// struct: fixed binary layouts, as Roberto Ierusalimschy's struct 0.2 with Redis's checks.
//
//     > <   byte order: big, little     !n  alignment to at most n     x  a byte of
//     padding b B h H i I l L T   integers; iN and IN of N bytes     f d  floating point s  a
//     string and its zero byte     cN  N bytes; c0 packs the whole string, and unpacks as many
//     bytes as the number before says
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string_view>

#include "scripting/lua_libraries.h"
#include "scripting/lua_vm.h"

namespace cairn::scripting {
namespace {

constexpr int kIntegerBytesMax = 32;
constexpr std::size_t kAlignMax = 8;  // without a number behind the '!'

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// Reads a format, item by item.
class Format {
 public:
  Format(lua_State* L, int index) : L_(L), p_(luaL_checkstring(L, index)) {}

  struct Item {
    char letter = '\0';
    std::size_t size = 0;
    std::size_t padding = 0;  // before it
  };

  // Reads on to the next item, of which `total` bytes are there. False at the end.
  bool Next(std::size_t total, Item& item) {
    for (;;) {
      Vm::Of(L_).Spend(L_, 1);
      if (*p_ == '\0') return false;
      item.letter = *p_++;
      item.size = SizeOf(item.letter);
      item.padding = PaddingOf(item, total);
      if (!IsControl(item.letter)) return true;
    }
  }

  bool is_big() const { return is_big_; }

 private:
  int Number(int otherwise) {
    if (!IsDigit(*p_)) return otherwise;
    int number = 0;
    do {
      if (number > std::numeric_limits<int>::max() / 10 ||
          number * 10 > std::numeric_limits<int>::max() - (*p_ - '0')) {
        luaL_error(L_, "integral size overflow");
      }
      number = number * 10 + (*p_++ - '0');
    } while (IsDigit(*p_));
    return number;
  }

  std::size_t SizeOf(char letter) {
    switch (letter) {
      case 'B':
      case 'b':
        return sizeof(char);
      case 'H':
      case 'h':
        return sizeof(short);
      case 'L':
      case 'l':
        return sizeof(long);
      case 'T':
        return sizeof(std::size_t);
      case 'f':
        return sizeof(float);
      case 'd':
        return sizeof(double);
      case 'x':
        return 1;
      case 'c':
        return static_cast<std::size_t>(Number(1));
      case 'i':
      case 'I': {
        const int size = Number(sizeof(int));
        if (size > kIntegerBytesMax) {
          luaL_error(L_, "integral size %d is larger than limit of %d", size, kIntegerBytesMax);
        }
        return static_cast<std::size_t>(size);
      }
      default:
        return 0;  // a string, or control
    }
  }

  std::size_t PaddingOf(const Item& item, std::size_t total) {
    if (item.size == 0 || item.letter == 'c') return 0;
    // For sizes that are no power of two this is no alignment; it is what the original computes.
    const std::size_t align = std::min(item.size, align_);
    if (align <= 1) return 0;
    return (align - (total & (align - 1))) & (align - 1);
  }

  bool IsControl(char letter) {
    switch (letter) {
      case ' ':
        return true;
      case '>':
        is_big_ = true;
        return true;
      case '<':
        is_big_ = false;
        return true;
      case '!': {
        const int align = Number(kAlignMax);
        if (align == 0 || (align & (align - 1)) != 0) {
          luaL_error(L_, "alignment %d is not a power of 2", align);
        }
        align_ = static_cast<std::size_t>(align);
        return true;
      }
      default:
        if (std::strchr("bBhHlLTfdxciIs", letter) != nullptr) return false;
        luaL_argerror(L_, 1, lua_pushfstring(L_, "invalid format option '%c'", letter));
        return false;
    }
  }

  lua_State* L_;
  const char* p_;
  std::size_t align_ = 1;
  bool is_big_ = false;
};

void AppendInteger(lua_State* L, Output& out, double number, const Format::Item& item,
                   bool is_big) {
  // As C's conversions do on x86: above 64 bits all is 0, below the least number.
  constexpr double kTwoTo63 = 9223372036854775808.0;
  std::uint64_t bits = std::uint64_t{1} << 63;
  if (number >= -kTwoTo63 && number < kTwoTo63) {
    bits = static_cast<std::uint64_t>(static_cast<std::int64_t>(number));
  } else if (number > 0) {
    bits = number < 2 * kTwoTo63 ? static_cast<std::uint64_t>(number) : 0;
  }
  char bytes[kIntegerBytesMax];
  for (std::size_t i = 0; i < item.size; ++i) {
    bytes[is_big ? item.size - 1 - i : i] = static_cast<char>(bits);
    bits >>= 8;
  }
  out.Append(L, {bytes, item.size});
}

template <class Number>
void AppendFloat(lua_State* L, Output& out, Number number, bool is_big) {
  char bytes[sizeof(number)];
  std::memcpy(bytes, &number, sizeof(number));
  if (is_big) std::reverse(bytes, bytes + sizeof(number));
  out.Append(L, {bytes, sizeof(number)});
}

void PackItem(lua_State* L, Output& out, const Format& format, const Format::Item& item,
              int& argument) {
  switch (item.letter) {
    case 'x':
      return out.Put(L, '\0');
    case 'f':
      return AppendFloat(L, out, static_cast<float>(luaL_checknumber(L, argument++)),
                         format.is_big());
    case 'd':
      return AppendFloat(L, out, luaL_checknumber(L, argument++), format.is_big());
    case 'c':
    case 's': {
      const std::string_view text = CheckView(L, argument++);
      const std::size_t size = item.size == 0 ? text.size() : item.size;
      luaL_argcheck(L, text.size() >= size, argument, "string too short");
      out.Append(L, text.substr(0, size));
      if (item.letter == 's') out.Put(L, '\0');
      return;
    }
    default:
      AppendInteger(L, out, luaL_checknumber(L, argument++), item, format.is_big());
  }
}

int Pack(lua_State* L) {
  Format format(L, 1);
  lua_pushnil(L);  // what a missing argument is
  Output out(L);
  Format::Item item;
  int argument = 2;
  while (format.Next(out.size(), item)) {
    out.Fill(L, item.padding, '\0');
    PackItem(L, out, format, item, argument);
  }
  out.Push(L);
  return 1;
}

double ReadInteger(std::string_view bytes, bool is_big, bool is_signed) {
  std::uint64_t bits = 0;
  const std::size_t size = bytes.size();
  for (std::size_t i = 0; i < size; ++i) {
    bits = bits << 8 | static_cast<unsigned char>(bytes[is_big ? i : size - 1 - i]);
  }
  if (!is_signed) return static_cast<double>(bits);
  // Of more than eight bytes the shift wraps, as it does in the original.
  const std::uint64_t sign_bits = ~std::uint64_t{0} << ((size * 8 - 1) & 63);
  if ((bits & sign_bits) != 0) bits |= sign_bits;
  return static_cast<double>(static_cast<std::int64_t>(bits));
}

template <class Number>
double ReadFloat(std::string_view bytes, bool is_big) {
  char copy[sizeof(Number)];
  std::memcpy(copy, bytes.data(), sizeof(Number));
  if (is_big) std::reverse(copy, copy + sizeof(Number));
  Number number;
  std::memcpy(&number, copy, sizeof(Number));
  return number;
}

// Pushes what the item at the begin of `rest` is, and returns its size.
std::size_t UnpackItem(lua_State* L, std::string_view rest, const Format& format,
                       const Format::Item& item, int first) {
  const std::string_view bytes = rest.substr(0, item.size);
  switch (item.letter) {
    case 'x':
      return item.size;
    case 'f':
      lua_pushnumber(L, ReadFloat<float>(bytes, format.is_big()));
      return item.size;
    case 'd':
      lua_pushnumber(L, ReadFloat<double>(bytes, format.is_big()));
      return item.size;
    case 'c': {
      std::size_t size = item.size;
      if (size == 0) {
        if (lua_gettop(L) < first || lua_type(L, -1) != LUA_TNUMBER) {
          luaL_error(L, "format 'c0' needs a previous size");
        }
        const double wanted = lua_tonumber(L, -1);
        lua_pop(L, 1);
        luaL_argcheck(L, wanted >= 0 && wanted <= static_cast<double>(rest.size()), 2,
                      "data string too short");
        size = static_cast<std::size_t>(wanted);
      }
      PushView(L, rest.substr(0, size));
      return size;
    }
    case 's': {
      const std::size_t end = rest.find('\0');
      if (end == rest.npos) luaL_error(L, "unfinished string in data");
      PushView(L, rest.substr(0, end));
      return end + 1;
    }
    default: {
      const bool is_signed = item.letter >= 'a';
      lua_pushnumber(L, ReadInteger(bytes, format.is_big(), is_signed));
      return item.size;
    }
  }
}

int Unpack(lua_State* L) {
  Format format(L, 1);
  const std::string_view data = CheckView(L, 2);
  const lua_Integer position = luaL_optinteger(L, 3, 1);
  // Negative ones are large for the original, and then the data too short.
  luaL_argcheck(L, position != 0, 3, "offset must be 1 or greater");
  lua_settop(L, 3);
  std::size_t at = static_cast<std::size_t>(position - 1);
  Format::Item item;
  while (format.Next(at, item)) {
    luaL_argcheck(
        L,
        item.padding + item.size <= data.size() && at <= data.size() - (item.padding + item.size),
        2, "data string too short");
    at += item.padding;
    luaL_checkstack(L, 2, "too many results");
    at += UnpackItem(L, data.substr(at), format, item, 4);
  }
  lua_pushnumber(L, static_cast<lua_Number>(at + 1));
  return lua_gettop(L) - 3;
}

int Size(lua_State* L) {
  Format format(L, 1);
  std::size_t total = 0;
  Format::Item item;
  while (format.Next(total, item)) {
    if (item.letter == 's') luaL_argerror(L, 1, "option 's' has no fixed size");
    if (item.letter == 'c' && item.size == 0) {
      luaL_argerror(L, 1, "option 'c0' has no fixed size");
    }
    total += item.padding + item.size;
  }
  lua_pushnumber(L, static_cast<lua_Number>(total));
  return 1;
}

}  // namespace

void OpenStruct(lua_State* L) {
  static const luaL_Reg kFunctions[] = {
      {"pack", &Pack}, {"unpack", &Unpack}, {"size", &Size}, {nullptr, nullptr}};
  lua_newtable(L);
  SetFunctions(L, kFunctions);
}

}  // namespace cairn::scripting
