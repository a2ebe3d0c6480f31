// SPDX-License-Identifier: BSD-3-Clause
// cjson: JSON to Lua and back, as lua-cjson 2.1.0 does in Redis, texts of errors included.
//
// Our own, since lua-cjson's encoder writes into memory of its own and ends the process when there
// is none: a table that holds itself twice, forty deep, asks for a terabyte. Here text counts
// against the script's memory and each value against its budget. Settings last for one run.
//
// Objects' keys come in the order of the table, which in LuaJIT is not PUC Lua's.
#include <fmt/format.h>

#include <array>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <string_view>

#include "base/text.h"
#include "scripting/lua_libraries.h"
#include "scripting/lua_vm.h"

namespace cairn::scripting {
namespace {

constexpr int kPrecision = JsonSettings().number_precision;
constexpr double kPlainIntegerMax = 1e14;  // %.14g turns to an exponent here
static_assert(kPrecision == 14);

JsonSettings& SettingsOf(lua_State* L) {
  return *static_cast<JsonSettings*>(lua_touserdata(L, lua_upvalueindex(1)));
}

// ---- encoding

class Encoder {
 public:
  Encoder(lua_State* L, const JsonSettings& settings) : L_(L), settings_(settings), out_(L) {}

  // Appends the value at the top.
  void AppendValue(int depth) {
    Vm::Of(L_).Spend(L_, 1);
    switch (lua_type(L_, -1)) {
      case LUA_TSTRING:
        return AppendString(ToView(L_, -1));
      case LUA_TNUMBER:
        return AppendNumber(lua_tonumber(L_, -1));
      case LUA_TBOOLEAN:
        return out_.Append(L_, lua_toboolean(L_, -1) != 0 ? "true" : "false");
      case LUA_TNIL:
        return out_.Append(L_, "null");
      case LUA_TTABLE:
        return AppendTable(depth + 1);
      case LUA_TLIGHTUSERDATA:
        if (lua_touserdata(L_, -1) == nullptr) return out_.Append(L_, "null");
        [[fallthrough]];
      default:
        Refuse("type not supported");
    }
  }

  void Push() { out_.Push(L_); }

 private:
  void Refuse(const char* why) {
    luaL_error(L_, "Cannot serialise %s: %s", luaL_typename(L_, -1), why);
  }

  void AppendString(std::string_view text) {
    static constexpr char kHex[] = "0123456789abcdef";
    out_.Put(L_, '"');
    std::size_t begin = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
      const auto c = static_cast<unsigned char>(text[i]);
      if (c >= 0x20 && c != '"' && c != '\\' && c != '/' && c != 0x7f) continue;
      out_.Append(L_, text.substr(begin, i - begin));
      begin = i + 1;
      if (const char letter = EscapeLetter(c); letter != '\0') {
        const char escape[2] = {'\\', letter};
        out_.Append(L_, {escape, 2});
      } else {
        const char escape[6] = {'\\', 'u', '0', '0', kHex[c >> 4], kHex[c & 15]};
        out_.Append(L_, {escape, 6});
      }
    }
    out_.Append(L_, text.substr(begin));
    out_.Put(L_, '"');
  }

  static char EscapeLetter(unsigned char c) {
    switch (c) {
      case '"':
      case '\\':
      case '/':
        return static_cast<char>(c);
      case '\b':
        return 'b';
      case '\t':
        return 't';
      case '\n':
        return 'n';
      case '\f':
        return 'f';
      case '\r':
        return 'r';
      default:
        return '\0';
    }
  }

  void AppendNumber(double number) {
    using Invalid = JsonSettings::Invalid;
    if (!std::isfinite(number)) {
      if (settings_.encode_invalid == Invalid::kRefuse) Refuse("must not be NaN or Inf");
      if (settings_.encode_invalid == Invalid::kNull) return out_.Append(L_, "null");
      if (std::isnan(number)) return out_.Append(L_, "nan");
    }
    std::array<char, 64> text;
    // Integers of fewer digits than the precision are what %g prints of them; but not -0.
    if (settings_.number_precision == kPrecision && std::fabs(number) < kPlainIntegerMax &&
        std::trunc(number) == number && !(number == 0 && std::signbit(number))) {
      char* const end = FormatInt64(text.data(), static_cast<std::int64_t>(number));
      return out_.Append(L_, {text.data(), static_cast<std::size_t>(end - text.data())});
    }
    const auto done =
        fmt::format_to_n(text.data(), text.size(), "{:.{}g}", number, settings_.number_precision);
    out_.Append(L_, {text.data(), done.size});
  }

  void AppendTable(int depth) {
    if (depth > settings_.encode_depth_max || lua_checkstack(L_, 3) == 0) {
      luaL_error(L_, "Cannot serialise, excessive nesting (%d)", depth);
    }
    Vm::Of(L_).CheckCStack(L_);
    const int length = ArrayLength();
    if (length > 0) {
      AppendArray(length, depth);
    } else {
      AppendObject(depth);
    }
  }

  // -1 if the table is no array, or one with too many holes that may be an object.
  int ArrayLength() {
    double max = 0;
    int count = 0;
    lua_pushnil(L_);
    while (lua_next(L_, -2) != 0) {
      Vm::Of(L_).Spend(L_, 1);
      lua_pop(L_, 1);
      const double key = lua_type(L_, -1) == LUA_TNUMBER ? lua_tonumber(L_, -1) : 0;
      if (key < 1 || std::floor(key) != key || key > std::numeric_limits<int>::max()) {
        lua_pop(L_, 1);
        return -1;
      }
      max = std::max(max, key);
      ++count;
    }
    const bool is_sparse = settings_.sparse_ratio > 0 &&
                           max > static_cast<double>(count) * settings_.sparse_ratio &&
                           max > settings_.sparse_safe;
    if (!is_sparse) return static_cast<int>(max);
    if (!settings_.sparse_converts) Refuse("excessively sparse array");
    return -1;
  }

  void AppendArray(int length, int depth) {
    out_.Put(L_, '[');
    for (int i = 1; i <= length; ++i) {
      if (i > 1) out_.Put(L_, ',');
      lua_rawgeti(L_, -1, i);
      AppendValue(depth);
      lua_pop(L_, 1);
    }
    out_.Put(L_, ']');
  }

  void AppendObject(int depth) {
    out_.Put(L_, '{');
    bool first = true;
    lua_pushnil(L_);
    while (lua_next(L_, -2) != 0) {
      if (!first) out_.Put(L_, ',');
      first = false;
      const int key_type = lua_type(L_, -2);
      if (key_type == LUA_TNUMBER) {
        out_.Put(L_, '"');
        AppendNumber(lua_tonumber(L_, -2));
        out_.Put(L_, '"');
      } else if (key_type == LUA_TSTRING) {
        AppendString(ToView(L_, -2));
      } else {
        lua_pop(L_, 1);
        luaL_error(L_, "Cannot serialise %s: table key must be a number or string",
                   luaL_typename(L_, -1));
      }
      out_.Put(L_, ':');
      AppendValue(depth);
      lua_pop(L_, 1);
    }
    out_.Put(L_, '}');
  }

  lua_State* L_;
  const JsonSettings& settings_;
  Output out_;
};

int Encode(lua_State* L) {
  luaL_argcheck(L, lua_gettop(L) == 1, 1, "expected 1 argument");
  Encoder encoder(L, SettingsOf(L));
  encoder.AppendValue(0);
  encoder.Push();
  return 1;
}

// ---- decoding

enum class JsonToken {
  kObjectBegin,
  kObjectEnd,
  kArrayBegin,
  kArrayEnd,
  kString,
  kNumber,
  kBoolean,
  kNull,
  kColon,
  kComma,
  kEnd,
  kError
};

constexpr const char* kTokenNames[] = {"T_OBJ_BEGIN", "T_OBJ_END", "T_ARR_BEGIN", "T_ARR_END",
                                       "T_STRING",    "T_NUMBER",  "T_BOOLEAN",   "T_NULL",
                                       "T_COLON",     "T_COMMA",   "T_END",       "T_ERROR"};

class Decoder {
 public:
  Decoder(lua_State* L, const JsonSettings& settings, std::string_view text)
      : L_(L), settings_(settings), text_(text) {}

  // Pushes the value that the whole text is.
  void PushDocument() {
    if (text_.size() >= 2 && (text_[0] == '\0' || text_[1] == '\0')) {
      luaL_error(L_, "JSON parser does not support UTF-16 or UTF-32");
    }
    PushValue(Next());
    const JsonToken last = Next();
    if (last != JsonToken::kEnd) Refuse("the end", last);
  }

 private:
  // The text ends in a zero byte of Lua's.
  char Peek(std::size_t ahead = 0) const {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
  }

  void Refuse(const char* expected, JsonToken found) {
    const char* const what =
        found == JsonToken::kError ? error_ : kTokenNames[static_cast<int>(found)];
    luaL_error(L_, "Expected %s but found %s at character %d", expected, what,
               static_cast<int>(token_at_ + 1));
  }

  JsonToken Fail(const char* error) {
    error_ = error;
    return JsonToken::kError;
  }

  JsonToken One(JsonToken token) {
    ++at_;
    return token;
  }

  // A string's value is pushed; a number's and a boolean's are in number_ and boolean_.
  JsonToken Next() {
    Vm::Of(L_).Spend(L_, 1);
    while (at_ < text_.size() &&
           (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n' || text_[at_] == '\r')) {
      ++at_;
    }
    token_at_ = at_;
    if (at_ == text_.size()) return JsonToken::kEnd;
    switch (text_[at_]) {
      case '{':
        return One(JsonToken::kObjectBegin);
      case '}':
        return One(JsonToken::kObjectEnd);
      case '[':
        return One(JsonToken::kArrayBegin);
      case ']':
        return One(JsonToken::kArrayEnd);
      case ':':
        return One(JsonToken::kColon);
      case ',':
        return One(JsonToken::kComma);
      case '"':
        return NextString();
      case '\0':
        // Text ends at a zero byte for lua-cjson.
        return JsonToken::kEnd;
      default:
        return NextWord();
    }
  }

  bool TakeWord(std::string_view word) {
    if (text_.substr(at_, word.size()) != word) return false;
    at_ += word.size();
    return true;
  }

  JsonToken NextWord() {
    const char c = Peek();
    if (c == '-' || (c >= '0' && c <= '9')) {
      if (!settings_.decode_invalid && IsInvalidNumber()) return Fail("invalid number");
      return NextNumber();
    }
    if (TakeWord("true")) {
      boolean_ = true;
      return JsonToken::kBoolean;
    }
    if (TakeWord("false")) {
      boolean_ = false;
      return JsonToken::kBoolean;
    }
    if (TakeWord("null")) return JsonToken::kNull;
    if (settings_.decode_invalid && IsInvalidNumber()) return NextNumber();
    return Fail("invalid token");
  }

  // Numbers that JSON has none of and strtod reads: +1, 0x1, 01, inf, nan.
  bool IsInvalidNumber() const {
    std::size_t ahead = 0;
    if (Peek() == '+') return true;
    if (Peek() == '-') ++ahead;
    const char c = Peek(ahead);
    if (c == '0') {
      const char second = Peek(ahead + 1);
      return (second | 0x20) == 'x' || (second >= '0' && second <= '9');
    }
    if (c <= '9') return false;
    const std::string_view rest = text_.substr(at_ + ahead, 3);
    return EqualsIgnoreCase(rest, "inf") || EqualsIgnoreCase(rest, "nan");
  }

  JsonToken NextNumber() {
    const char* const begin = text_.data() + at_;
    char* end = nullptr;
    number_ = std::strtod(begin, &end);
    if (end == begin) return Fail("invalid number");
    at_ += static_cast<std::size_t>(end - begin);
    Vm::Of(L_).Spend(L_, static_cast<std::size_t>(end - begin) / 8);
    return JsonToken::kNumber;
  }

  JsonToken NextString() {
    const std::size_t begin = ++at_;
    const std::size_t plain_end = text_.find_first_of("\"\\", begin);
    if (plain_end != text_.npos && text_[plain_end] == '"' &&
        std::memchr(text_.data() + begin, '\0', plain_end - begin) == nullptr) {
      PushView(L_, text_.substr(begin, plain_end - begin));
      at_ = plain_end + 1;
      return JsonToken::kString;
    }
    return NextEscapedString();
  }

  JsonToken NextEscapedString() {
    Output out(L_);
    for (;;) {
      const char c = Peek();
      if (at_ >= text_.size() || c == '\0') {
        token_at_ = at_;
        return Fail("unexpected end of string");
      }
      if (c == '"') break;
      if (c != '\\') {
        out.Put(L_, c);
        ++at_;
        continue;
      }
      token_at_ = at_;
      const char letter = Peek(1);
      if (letter == 'u') {
        if (!AppendUnicode(out)) return Fail("invalid unicode escape code");
        continue;
      }
      const char* const found = letter == '\0' ? nullptr : std::strchr("\"\\/bfnrt", letter);
      if (found == nullptr) return Fail("invalid escape code");
      out.Put(L_, "\"\\/\b\f\n\r\t"[found - "\"\\/bfnrt"]);
      at_ += 2;
    }
    ++at_;
    out.Push(L_);
    return JsonToken::kString;
  }

  // The four digits `ahead` of the place at hand, or -1.
  int FourDigits(std::size_t ahead) const {
    int value = 0;
    for (std::size_t i = 0; i < 4; ++i) {
      const char c = Peek(ahead + i);
      const char lower = static_cast<char>(c | 0x20);
      if (c >= '0' && c <= '9') {
        value = value * 16 + (c - '0');
      } else if (lower >= 'a' && lower <= 'f') {
        value = value * 16 + (lower - 'a' + 10);
      } else {
        return -1;
      }
    }
    return value;
  }

  bool AppendUnicode(Output& out) {
    int code = FourDigits(2);
    std::size_t taken = 6;
    if (code < 0) return false;
    if ((code & 0xf800) == 0xd800) {
      if ((code & 0x400) != 0 || Peek(6) != '\\' || Peek(7) != 'u') return false;
      const int low = FourDigits(8);
      if ((low & 0xfc00) != 0xdc00 || low < 0) return false;
      code = 0x10000 + ((code & 0x3ff) << 10 | (low & 0x3ff));
      taken = 12;
    }
    AppendUtf8(out, code);
    at_ += taken;
    return true;
  }

  void AppendUtf8(Output& out, int code) {
    const auto put = [&](int byte) { out.Put(L_, static_cast<char>(byte)); };
    if (code < 0x80) return put(code);
    if (code < 0x800) {
      put(0xc0 | code >> 6);
    } else if (code < 0x10000) {
      put(0xe0 | code >> 12);
      put(0x80 | (code >> 6 & 0x3f));
    } else {
      put(0xf0 | code >> 18);
      put(0x80 | (code >> 12 & 0x3f));
      put(0x80 | (code >> 6 & 0x3f));
    }
    put(0x80 | (code & 0x3f));
  }

  void PushValue(JsonToken token) {
    switch (token) {
      case JsonToken::kString:
        return;  // is pushed
      case JsonToken::kNumber:
        return lua_pushnumber(L_, number_);
      case JsonToken::kBoolean:
        return lua_pushboolean(L_, boolean_);
      case JsonToken::kNull:
        return lua_pushlightuserdata(L_, nullptr);
      case JsonToken::kObjectBegin:
        return PushObject();
      case JsonToken::kArrayBegin:
        return PushArray();
      default:
        Refuse("value", token);
    }
  }

  void Descend() {
    ++depth_;
    if (depth_ > settings_.decode_depth_max || lua_checkstack(L_, 4) == 0) {
      luaL_error(L_, "Found too many nested data structures (%d) at character %d", depth_,
                 static_cast<int>(at_));
    }
    Vm::Of(L_).CheckCStack(L_);
  }

  void PushObject() {
    Descend();
    lua_newtable(L_);
    JsonToken token = Next();
    while (token != JsonToken::kObjectEnd) {
      if (token != JsonToken::kString) Refuse("object key string", token);
      token = Next();
      if (token != JsonToken::kColon) Refuse("colon", token);
      PushValue(Next());
      lua_rawset(L_, -3);
      token = Next();
      if (token == JsonToken::kObjectEnd) break;
      if (token != JsonToken::kComma) Refuse("comma or object end", token);
      token = Next();
      if (token == JsonToken::kObjectEnd) Refuse("object key string", token);
    }
    --depth_;
  }

  void PushArray() {
    Descend();
    lua_newtable(L_);
    JsonToken token = Next();
    for (int i = 1; token != JsonToken::kArrayEnd; ++i) {
      PushValue(token);
      lua_rawseti(L_, -2, i);
      token = Next();
      if (token == JsonToken::kArrayEnd) break;
      if (token != JsonToken::kComma) Refuse("comma or array end", token);
      token = Next();
      if (token == JsonToken::kArrayEnd) Refuse("value", token);
    }
    --depth_;
  }

  lua_State* L_;
  const JsonSettings& settings_;
  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t token_at_ = 0;
  const char* error_ = "";
  double number_ = 0;
  bool boolean_ = false;
  int depth_ = 0;
};

int Decode(lua_State* L) {
  luaL_argcheck(L, lua_gettop(L) == 1, 1, "expected 1 argument");
  Decoder(L, SettingsOf(L), CheckView(L, 1)).PushDocument();
  return 1;
}

// ---- settings: each sets what it is given and returns what holds

void CheckArgumentCount(lua_State* L, int max) {
  luaL_argcheck(L, lua_gettop(L) <= max, max + 1, "found too many arguments");
  lua_settop(L, max);
}

void SetInteger(lua_State* L, int index, int& setting, int min, int max) {
  if (!lua_isnil(L, index)) {
    const auto value = luaL_checkinteger(L, index);
    if (value < min || value > max) {
      luaL_argerror(L, 1, lua_pushfstring(L, "expected integer between %d and %d", min, max));
    }
    setting = static_cast<int>(value);
  }
  lua_pushinteger(L, setting);
}

void SetBoolean(lua_State* L, int index, bool& setting) {
  static const char* const kOptions[] = {"off", "on", nullptr};
  if (lua_isboolean(L, index)) {
    setting = lua_toboolean(L, index) != 0;
  } else if (!lua_isnil(L, index)) {
    setting = luaL_checkoption(L, index, nullptr, kOptions) == 1;
  }
  lua_pushboolean(L, setting);
}

int SetSparseArray(lua_State* L) {
  constexpr int kMax = std::numeric_limits<int>::max();
  JsonSettings& settings = SettingsOf(L);
  CheckArgumentCount(L, 3);
  SetBoolean(L, 1, settings.sparse_converts);
  SetInteger(L, 2, settings.sparse_ratio, 0, kMax);
  SetInteger(L, 3, settings.sparse_safe, 0, kMax);
  return 3;
}

int SetEncodeDepth(lua_State* L) {
  CheckArgumentCount(L, 1);
  SetInteger(L, 1, SettingsOf(L).encode_depth_max, 1, std::numeric_limits<int>::max());
  return 1;
}

int SetDecodeDepth(lua_State* L) {
  CheckArgumentCount(L, 1);
  SetInteger(L, 1, SettingsOf(L).decode_depth_max, 1, std::numeric_limits<int>::max());
  return 1;
}

int SetNumberPrecision(lua_State* L) {
  CheckArgumentCount(L, 1);
  SetInteger(L, 1, SettingsOf(L).number_precision, 1, 14);
  return 1;
}

int SetKeepBuffer(lua_State* L) {
  CheckArgumentCount(L, 1);
  SetBoolean(L, 1, SettingsOf(L).keeps_buffer);
  return 1;
}

int SetEncodeInvalid(lua_State* L) {
  static const char* const kOptions[] = {"off", "on", "null", nullptr};
  using Invalid = JsonSettings::Invalid;
  Invalid& setting = SettingsOf(L).encode_invalid;
  CheckArgumentCount(L, 1);
  if (lua_isboolean(L, 1)) {
    setting = lua_toboolean(L, 1) != 0 ? Invalid::kAllow : Invalid::kRefuse;
  } else if (!lua_isnil(L, 1)) {
    setting = static_cast<Invalid>(luaL_checkoption(L, 1, nullptr, kOptions));
  }
  if (setting == Invalid::kNull) {
    lua_pushliteral(L, "null");
  } else {
    lua_pushboolean(L, setting == Invalid::kAllow);
  }
  return 1;
}

int SetDecodeInvalid(lua_State* L) {
  CheckArgumentCount(L, 1);
  SetBoolean(L, 1, SettingsOf(L).decode_invalid);
  return 1;
}

int New(lua_State* L);

// Pushes the module, whose settings are the userdata at the top, which goes.
void PushModule(lua_State* L) {
  static const luaL_Reg kFunctions[] = {{"encode", &Encode},
                                        {"decode", &Decode},
                                        {"encode_sparse_array", &SetSparseArray},
                                        {"encode_max_depth", &SetEncodeDepth},
                                        {"decode_max_depth", &SetDecodeDepth},
                                        {"encode_number_precision", &SetNumberPrecision},
                                        {"encode_keep_buffer", &SetKeepBuffer},
                                        {"encode_invalid_numbers", &SetEncodeInvalid},
                                        {"decode_invalid_numbers", &SetDecodeInvalid},
                                        {"new", &New},
                                        {nullptr, nullptr}};
  lua_newtable(L);
  for (const luaL_Reg* function = kFunctions; function->name != nullptr; ++function) {
    lua_pushvalue(L, -2);
    lua_pushcclosure(L, function->func, 1);
    lua_setfield(L, -2, function->name);
  }
  lua_pushlightuserdata(L, nullptr);
  lua_setfield(L, -2, "null");
  lua_pushliteral(L, "cjson");
  lua_setfield(L, -2, "_NAME");
  lua_pushliteral(L, "2.1.0");
  lua_setfield(L, -2, "_VERSION");
  lua_remove(L, -2);
}

int New(lua_State* L) {
  static_assert(std::is_trivially_destructible_v<JsonSettings>);
  void* const place = lua_newuserdata(L, sizeof(JsonSettings));
  new (place) JsonSettings();
  PushModule(L);
  return 1;
}

}  // namespace

void OpenCjson(lua_State* L, JsonSettings& settings) {
  lua_pushlightuserdata(L, &settings);
  PushModule(L);
}

}  // namespace cairn::scripting
