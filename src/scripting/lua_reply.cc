// SPDX-License-Identifier: BSD-3-Clause
// The reader trusts the host's replies to be RESP but not to be whole: each step checks the end,
// and a table is made no larger than the bytes that are left could fill.
#include "scripting/lua_reply.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>

#include "base/text.h"
#include "scripting/lua_vm.h"

namespace cairn::scripting {
namespace {

constexpr std::string_view kStackLimitText = "ERR reached lua stack limit";
constexpr int kOkNameUpvalue = lua_upvalueindex(1);
constexpr int kOkTextUpvalue = lua_upvalueindex(2);

class ReplyReader {
 public:
  ReplyReader(lua_State* L, std::string_view reply)
      : L_(L), p_(reply.data()), end_(reply.data() + reply.size()) {}

  // Pushes the value at hand. False if it is broken; something is pushed all the same.
  bool PushValue() {
    if (p_ == end_) return PushBroken();
    if (lua_checkstack(L_, 6) == 0) {
      luaL_error(L_, "reached lua stack limit while reading a reply");
    }
    switch (*p_++) {
      case '$':
        return PushBulk();
      case ':':
        return PushInteger();
      case '+':
        return PushStatus();
      case '-':
        return PushErrorReply();
      case '*':
      case '>':
        return PushArray();
      default:
        --p_;
        return PushResp3();
    }
  }

 private:
  bool PushBroken() {
    p_ = end_;
    PushCodedError(L_, "ERR broken reply");
    return false;
  }

  // The line at hand, without its end; p_ moves behind it. False if there is none.
  bool TakeLine(std::string_view& line) {
    const auto* const feed =
        static_cast<const char*>(std::memchr(p_, '\n', static_cast<std::size_t>(end_ - p_)));
    if (feed == nullptr || feed == p_) return false;
    line = {p_, static_cast<std::size_t>(feed - p_) - 1};
    p_ = feed + 1;
    return true;
  }

  bool TakeLength(std::int64_t& length) {
    if (end_ - p_ >= 3 && p_[1] == '\r' && *p_ >= '0' && *p_ <= '9') [[likely]] {
      length = *p_ - '0';
      p_ += 3;
      return true;
    }
    std::string_view line;
    if (!TakeLine(line)) return false;
    const auto number = ParseInt64(line);
    if (!number || *number < -1) return false;
    length = *number;
    return true;
  }

  bool TakeBytes(std::int64_t length, std::string_view& bytes) {
    if (length < 0 || length > end_ - p_ - 2) return false;
    bytes = {p_, static_cast<std::size_t>(length)};
    p_ += length + 2;
    return true;
  }

  bool PushBulk() {
    std::int64_t length = 0;
    std::string_view bytes;
    if (!TakeLength(length)) return PushBroken();
    if (length == -1) {
      lua_pushboolean(L_, 0);
      return true;
    }
    if (!TakeBytes(length, bytes)) return PushBroken();
    PushView(L_, bytes);
    return true;
  }

  bool PushInteger() {
    std::string_view line;
    if (!TakeLine(line)) return PushBroken();
    const auto number = ParseInt64(line);
    if (!number) return PushBroken();
    lua_pushnumber(L_, static_cast<lua_Number>(*number));
    return true;
  }

  bool PushStatus() {
    std::string_view line;
    if (!TakeLine(line)) return PushBroken();
    lua_createtable(L_, 0, 1);
    lua_pushvalue(L_, kOkNameUpvalue);
    if (line == "OK") {
      lua_pushvalue(L_, kOkTextUpvalue);
    } else {
      PushView(L_, line);
    }
    lua_rawset(L_, -3);
    return true;
  }

  bool PushErrorReply() {
    --p_;
    std::string_view line;
    if (!TakeLine(line)) return PushBroken();
    PushError(L_, line);
    lua_pushliteral(L_, "ignore_error_stats_update");
    lua_pushboolean(L_, 1);
    lua_rawset(L_, -3);
    return true;
  }

  // What `count` elements may take at most in this reply: each has three bytes or more.
  int RoomFor(std::int64_t count) const {
    return static_cast<int>(std::min<std::int64_t>(count, (end_ - p_) / 3));
  }

  bool PushArray() {
    std::int64_t count = 0;
    if (!TakeLength(count)) return PushBroken();
    if (count == -1) {
      lua_pushboolean(L_, 0);
      return true;
    }
    lua_createtable(L_, RoomFor(count), 0);
    for (std::int64_t i = 1; i <= count; ++i) {
      const bool whole = PushValue();
      lua_rawseti(L_, -2, static_cast<int>(i));
      if (!whole) return false;
    }
    return true;
  }

  bool PushResp3() {
    switch (*p_++) {
      case '_':
        return PushNull();
      case '#':
        return PushBoolean();
      case ',':
        return PushDouble();
      case '(':
        return PushBigNumber();
      case '=':
        return PushVerbatim();
      case '%':
        return PushMap();
      case '~':
        return PushSet();
      case '|':
        return PushBehindAttribute();
      default:
        return PushBroken();
    }
  }

  bool PushNull() {
    std::string_view line;
    if (!TakeLine(line)) return PushBroken();
    lua_pushnil(L_);
    return true;
  }

  bool PushBoolean() {
    std::string_view line;
    if (!TakeLine(line)) return PushBroken();
    lua_pushboolean(L_, line == "t");
    return true;
  }

  bool PushDouble() {
    std::string_view line;
    if (!TakeLine(line)) return PushBroken();
    const auto number = ParseDouble(line);
    lua_createtable(L_, 0, 1);
    lua_pushliteral(L_, "double");
    lua_pushnumber(L_, number.value_or(std::numeric_limits<double>::quiet_NaN()));
    lua_rawset(L_, -3);
    return true;
  }

  bool PushBigNumber() {
    std::string_view line;
    if (!TakeLine(line)) return PushBroken();
    lua_createtable(L_, 0, 1);
    lua_pushliteral(L_, "big_number");
    PushView(L_, line);
    lua_rawset(L_, -3);
    return true;
  }

  bool PushVerbatim() {
    std::int64_t length = 0;
    std::string_view bytes;
    if (!TakeLength(length) || !TakeBytes(length, bytes) || bytes.size() < 4) return PushBroken();
    lua_createtable(L_, 0, 1);
    lua_pushliteral(L_, "verbatim_string");
    lua_createtable(L_, 0, 2);
    lua_pushliteral(L_, "string");
    PushView(L_, bytes.substr(4));
    lua_rawset(L_, -3);
    lua_pushliteral(L_, "format");
    PushView(L_, bytes.substr(0, 3));
    lua_rawset(L_, -3);
    lua_rawset(L_, -3);
    return true;
  }

  // Sets key, below the top, to the value at the top in the table below; without a value or with a
  // key that Lua has none of, both are dropped.
  void SetPair() {
    const bool fits = !lua_isnil(L_, -2) &&
                      (lua_type(L_, -2) != LUA_TNUMBER || !std::isnan(lua_tonumber(L_, -2)));
    if (fits) {
      lua_rawset(L_, -3);
    } else {
      lua_pop(L_, 2);
    }
  }

  bool PushMap() {
    std::int64_t count = 0;
    if (!TakeLength(count)) return PushBroken();
    lua_createtable(L_, 0, 1);
    lua_pushliteral(L_, "map");
    lua_createtable(L_, 0, RoomFor(count));
    bool whole = true;
    for (std::int64_t i = 0; i < count && whole; ++i) {
      whole = PushValue();
      whole = PushValue() && whole;
      SetPair();
    }
    lua_rawset(L_, -3);
    return whole;
  }

  bool PushSet() {
    std::int64_t count = 0;
    if (!TakeLength(count)) return PushBroken();
    lua_createtable(L_, 0, 1);
    lua_pushliteral(L_, "set");
    lua_createtable(L_, 0, RoomFor(count));
    bool whole = true;
    for (std::int64_t i = 0; i < count && whole; ++i) {
      whole = PushValue();
      lua_pushboolean(L_, 1);
      SetPair();
    }
    lua_rawset(L_, -3);
    return whole;
  }

  // Attributes say something beside the value, which scripts have no place for.
  bool PushBehindAttribute() {
    std::int64_t count = 0;
    if (!TakeLength(count)) return PushBroken();
    for (std::int64_t i = 0; i < 2 * count; ++i) {
      const bool whole = PushValue();
      lua_pop(L_, 1);
      if (!whole) return PushBroken();
    }
    return PushValue();
  }

  lua_State* L_;
  const char* p_;
  const char* end_;
};

class ReplyWriter {
 public:
  ReplyWriter(lua_State* L, int script_protocol, resp::Writer& out)
      : L_(L), script_protocol_(script_protocol), out_(out) {}

  // Writes and pops the value at the top.
  void Write() {
    if (lua_checkstack(L_, 4) == 0) {
      out_.Error(kStackLimitText);
    } else {
      WriteValue();
    }
    lua_pop(L_, 1);
  }

 private:
  void WriteValue() {
    switch (lua_type(L_, -1)) {
      case LUA_TSTRING:
        out_.Bulk(ToView(L_, -1));
        return;
      case LUA_TBOOLEAN:
        WriteBoolean();
        return;
      case LUA_TNUMBER:
        out_.Integer(Truncated(lua_tonumber(L_, -1)));
        return;
      case LUA_TTABLE:
        WriteTable();
        return;
      default:
        out_.Null();
    }
  }

  // What x86's conversion makes of numbers beyond 64 bits, and Redis answers.
  static std::int64_t Truncated(double number) {
    constexpr double kEnd = 9223372036854775808.0;
    if (number >= -kEnd && number < kEnd) return static_cast<std::int64_t>(number);
    return std::numeric_limits<std::int64_t>::min();
  }

  void WriteBoolean() {
    const bool value = lua_toboolean(L_, -1) != 0;
    if (script_protocol_ >= 3) return out_.Bool(value);
    if (value) return out_.Integer(1);
    out_.Null();
  }

  // Pushes a field. False, with nothing pushed, if it is of another type.
  bool PushField(std::string_view name, int type) {
    PushView(L_, name);
    lua_rawget(L_, -2);
    if (lua_type(L_, -1) == type) return true;
    lua_pop(L_, 1);
    return false;
  }

  void WriteTable() {
    if (PushField("err", LUA_TSTRING)) {
      std::string_view text = ToView(L_, -1);
      while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.remove_suffix(1);
      out_.Error(text);
    } else if (PushField("ok", LUA_TSTRING)) {
      WriteLine('+', ToView(L_, -1));
    } else if (PushField("double", LUA_TNUMBER)) {
      out_.Double(lua_tonumber(L_, -1));
    } else if (PushField("map", LUA_TTABLE)) {
      WriteMap();
    } else if (PushField("set", LUA_TTABLE)) {
      WriteSet();
    } else if (PushField("big_number", LUA_TSTRING)) {
      WriteBigNumber(ToView(L_, -1));
    } else if (PushField("verbatim_string", LUA_TTABLE)) {
      if (WriteVerbatim()) {
        lua_pop(L_, 1);
        return;
      }
      lua_pop(L_, 1);
      return WriteArray();
    } else {
      return WriteArray();
    }
    lua_pop(L_, 1);
  }

  // Line breaks in what is a line become spaces. Returns the end.
  static char* PutCleaned(char* p, std::string_view text) {
    for (const char c : text) *p++ = c == '\r' || c == '\n' ? ' ' : c;
    *p++ = '\r';
    *p++ = '\n';
    return p;
  }

  void WriteLine(char type, std::string_view text) {
    resp::ReplyBuffer& buffer = out_.buffer();
    char* p = buffer.Reserve(text.size() + 3);
    *p++ = type;
    buffer.CommitTo(PutCleaned(p, text));
  }

  void WriteBigNumber(std::string_view digits) {
    if (out_.resp3()) return WriteLine('(', digits);
    // A bulk string whose bytes are cleaned as a line's are.
    char length[kInt64TextMax];
    char* const end = FormatInt64(length, static_cast<std::int64_t>(digits.size()));
    WriteLine('$', {length, static_cast<std::size_t>(end - length)});
    resp::ReplyBuffer& buffer = out_.buffer();
    char* p = buffer.Reserve(digits.size() + 2);
    buffer.CommitTo(PutCleaned(p, digits));
  }

  bool WriteVerbatim() {
    if (!PushField("format", LUA_TSTRING)) return false;
    std::string_view format = ToView(L_, -1);
    char padded[3] = {' ', ' ', ' '};
    if (!format.empty())
      std::memcpy(padded, format.data(), std::min<std::size_t>(format.size(), 3));
    lua_pop(L_, 1);
    if (!PushField("string", LUA_TSTRING)) return false;
    out_.Verbatim({padded, 3}, ToView(L_, -1));
    lua_pop(L_, 1);
    return true;
  }

  void WriteMap() {
    const std::size_t map = out_.BeginArray();
    std::size_t pairs = 0;
    lua_pushnil(L_);
    while (lua_next(L_, -2) != 0) {
      lua_pushvalue(L_, -2);
      Write();  // the key
      Write();  // the value
      ++pairs;
    }
    out_.EndMap(map, pairs);
  }

  void WriteSet() {
    const std::size_t set = out_.BeginArray();
    std::size_t count = 0;
    lua_pushnil(L_);
    while (lua_next(L_, -2) != 0) {
      lua_pop(L_, 1);
      lua_pushvalue(L_, -1);
      Write();
      ++count;
    }
    out_.EndSet(set, count);
  }

  void WriteArray() {
    const std::size_t array = out_.BeginArray();
    std::size_t count = 0;
    for (;;) {
      lua_rawgeti(L_, -1, static_cast<int>(count + 1));
      if (lua_isnil(L_, -1)) break;
      Write();
      ++count;
    }
    lua_pop(L_, 1);
    out_.EndArray(array, count);
  }

  lua_State* L_;
  int script_protocol_;
  resp::Writer& out_;
};

}  // namespace

bool PushReply(lua_State* L, std::string_view reply) {
  const bool is_error = reply.starts_with('-');
  ReplyReader(L, reply).PushValue();
  return is_error || reply.empty();
}

void WriteReply(lua_State* L, int script_protocol, resp::Writer& out) {
  ReplyWriter(L, script_protocol, out).Write();
}

}  // namespace cairn::scripting
