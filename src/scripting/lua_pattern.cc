// SPDX-License-Identifier: BSD-3-Clause
// The usual backtracking: an item of the pattern is tried on the subject, and what may match in
// several ways recurses into the rest of the pattern for each. What cannot is a loop.
#include "scripting/lua_pattern.h"

#include <cctype>
#include <cstring>

#include "scripting/lua_vm.h"

namespace cairn::scripting {
namespace {

constexpr char kEscape = '%';

unsigned char Byte(char c) { return static_cast<unsigned char>(c); }

}  // namespace

PatternMatcher::PatternMatcher(lua_State* L, std::string_view subject, std::string_view pattern)
    : L_(L),
      subject_(subject.data()),
      subject_end_(subject.data() + subject.size()),
      pattern_(pattern.data()),
      pattern_end_(pattern.data() + pattern.size()) {}

const char* PatternMatcher::MatchAt(const char* from) {
  capture_count_ = 0;
  depth_ = 0;
  return Match(from, pattern_);
}

void PatternMatcher::Step() { Vm::Of(L_).Spend(L_, 1); }

const char* PatternMatcher::ItemEnd(const char* p) {
  const char c = *p++;
  if (c == kEscape) {
    if (p == pattern_end_) luaL_error(L_, "malformed pattern (ends with '%%')");
    return p + 1;
  }
  if (c != '[') return p;
  if (p != pattern_end_ && *p == '^') ++p;
  // A bracket that stands first is a member of the set.
  do {
    if (p == pattern_end_) luaL_error(L_, "malformed pattern (missing ']')");
    const char member = *p++;
    if (member == kEscape) {
      if (p == pattern_end_) luaL_error(L_, "malformed pattern (missing ']')");
      ++p;
    }
  } while (p == pattern_end_ || *p != ']');
  return p + 1;
}

bool PatternMatcher::IsInClass(unsigned char c, unsigned char class_letter) {
  bool is_in = false;
  switch (std::tolower(class_letter)) {
    case 'a':
      is_in = std::isalpha(c) != 0;
      break;
    case 'c':
      is_in = std::iscntrl(c) != 0;
      break;
    case 'd':
      is_in = std::isdigit(c) != 0;
      break;
    case 'l':
      is_in = std::islower(c) != 0;
      break;
    case 'p':
      is_in = std::ispunct(c) != 0;
      break;
    case 's':
      is_in = std::isspace(c) != 0;
      break;
    case 'u':
      is_in = std::isupper(c) != 0;
      break;
    case 'w':
      is_in = std::isalnum(c) != 0;
      break;
    case 'x':
      is_in = std::isxdigit(c) != 0;
      break;
    case 'z':
      is_in = c == 0;
      break;
    default:
      return class_letter == c;
  }
  return std::isupper(class_letter) != 0 ? !is_in : is_in;
}

// `p` is at the '[', `set_end` behind the ']'.
bool PatternMatcher::IsInSet(unsigned char c, const char* p, const char* set_end) {
  const char* const last = set_end - 1;
  bool includes = true;
  ++p;
  if (*p == '^') {
    includes = false;
    ++p;
  }
  while (p < last) {
    if (*p == kEscape) {
      if (IsInClass(c, Byte(p[1]))) return includes;
      p += 2;
    } else if (p + 2 < last && p[1] == '-') {
      if (Byte(p[0]) <= c && c <= Byte(p[2])) return includes;
      p += 3;
    } else {
      if (Byte(*p) == c) return includes;
      ++p;
    }
  }
  return !includes;
}

bool PatternMatcher::IsSingleMatch(const char* s, const char* p, const char* item_end) const {
  if (s >= subject_end_) return false;
  const unsigned char c = Byte(*s);
  switch (*p) {
    case '.':
      return true;
    case kEscape:
      return IsInClass(c, Byte(p[1]));
    case '[':
      return IsInSet(c, p, item_end);
    default:
      return Byte(*p) == c;
  }
}

const char* PatternMatcher::Match(const char* s, const char* p) {
  if (++depth_ > kDepthMax) luaL_error(L_, "pattern too complex");
  const char* result = nullptr;
  for (;;) {
    Step();
    if (p == pattern_end_) {
      result = s;
      break;
    }
    if (*p == '(') {
      const bool is_position = p + 1 != pattern_end_ && p[1] == ')';
      result = MatchOpenCapture(s, p + (is_position ? 2 : 1), is_position ? kPosition : kOpen);
      break;
    }
    if (*p == ')') {
      result = MatchCloseCapture(s, p + 1);
      break;
    }
    if (*p == '$' && p + 1 == pattern_end_) {
      result = s == subject_end_ ? s : nullptr;
      break;
    }
    if (*p == kEscape && p + 1 != pattern_end_ &&
        (p[1] == 'b' || p[1] == 'f' || isdigit(Byte(p[1])))) {
      const char* next = p + 2;
      if (p[1] == 'b') {
        s = MatchBalance(s, next);
        next += 2;
      } else if (p[1] == 'f') {
        s = MatchFrontier(s, next, &next);
      } else {
        s = MatchBackReference(s, p[1]);
      }
      if (s == nullptr) break;
      p = next;
      continue;
    }
    const char* const item_end = ItemEnd(p);
    const char repeat = item_end == pattern_end_ ? '\0' : *item_end;
    if (repeat == '*') {
      result = MatchMost(s, p, item_end);
      break;
    }
    if (repeat == '-') {
      result = MatchFewest(s, p, item_end);
      break;
    }
    const bool matches = IsSingleMatch(s, p, item_end);
    if (repeat == '+') {
      result = matches ? MatchMost(s + 1, p, item_end) : nullptr;
      break;
    }
    if (repeat == '?') {
      if (matches) {
        result = Match(s + 1, item_end + 1);
        if (result != nullptr) break;
      }
      p = item_end + 1;
      continue;
    }
    if (!matches) break;
    ++s;
    p = item_end;
  }
  --depth_;
  return result;
}

const char* PatternMatcher::MatchMost(const char* s, const char* p, const char* item_end) {
  std::ptrdiff_t count = 0;
  while (IsSingleMatch(s + count, p, item_end)) ++count;
  Vm::Of(L_).Spend(L_, static_cast<std::size_t>(count));
  for (; count >= 0; --count) {
    const char* const result = Match(s + count, item_end + 1);
    if (result != nullptr) return result;
  }
  return nullptr;
}

const char* PatternMatcher::MatchFewest(const char* s, const char* p, const char* item_end) {
  for (;;) {
    const char* const result = Match(s, item_end + 1);
    if (result != nullptr) return result;
    if (!IsSingleMatch(s, p, item_end)) return nullptr;
    ++s;
  }
}

const char* PatternMatcher::MatchOpenCapture(const char* s, const char* p, std::ptrdiff_t size) {
  if (capture_count_ >= kCapturesMax) luaL_error(L_, "too many captures");
  captures_[capture_count_++] = {s, size};
  const char* const result = Match(s, p);
  if (result == nullptr) --capture_count_;
  return result;
}

const char* PatternMatcher::MatchCloseCapture(const char* s, const char* p) {
  int open = capture_count_ - 1;
  while (open >= 0 && captures_[open].size != kOpen) --open;
  if (open < 0) luaL_error(L_, "invalid pattern capture");
  captures_[open].size = s - captures_[open].begin;
  const char* const result = Match(s, p);
  if (result == nullptr) captures_[open].size = kOpen;
  return result;
}

// `p` is at the two delimiters.
const char* PatternMatcher::MatchBalance(const char* s, const char* p) {
  if (pattern_end_ - p < 2) luaL_error(L_, "unbalanced pattern");
  if (s >= subject_end_ || *s != p[0]) return nullptr;
  int nesting = 1;
  for (const char* at = s + 1; at < subject_end_; ++at) {
    Step();
    if (*at == p[1]) {
      if (--nesting == 0) return at + 1;
    } else if (*at == p[0]) {
      ++nesting;
    }
  }
  return nullptr;
}

const char* PatternMatcher::MatchFrontier(const char* s, const char* p, const char** set_end) {
  if (p == pattern_end_ || *p != '[') luaL_error(L_, "missing '[' after '%%f' in pattern");
  *set_end = ItemEnd(p);
  const unsigned char before = s == subject_ ? 0 : Byte(s[-1]);
  const unsigned char here = s == subject_end_ ? 0 : Byte(*s);
  return !IsInSet(before, p, *set_end) && IsInSet(here, p, *set_end) ? s : nullptr;
}

const char* PatternMatcher::MatchBackReference(const char* s, char digit) {
  const int index = digit - '1';
  if (index < 0 || index >= capture_count_ || captures_[index].size == kOpen) {
    luaL_error(L_, "invalid capture index");
  }
  // A position is no text: Lua 5.1 compares with its negative length, which no rest is shorter
  // than.
  if (captures_[index].size < 0) return nullptr;
  const auto size = static_cast<std::size_t>(captures_[index].size);
  Vm::Of(L_).Spend(L_, size / 16);
  if (static_cast<std::size_t>(subject_end_ - s) < size) return nullptr;
  if (size > 0 && std::memcmp(captures_[index].begin, s, size) != 0) return nullptr;
  return s + size;
}

void PatternMatcher::PushCapture(int index, const char* from, const char* to) {
  if (index >= capture_count_) {
    if (index != 0) luaL_error(L_, "invalid capture index");
    lua_pushlstring(L_, from, static_cast<std::size_t>(to - from));
    return;
  }
  const Capture& capture = captures_[index];
  if (capture.size == kOpen) luaL_error(L_, "unfinished capture");
  if (capture.size == kPosition) {
    lua_pushnumber(L_, static_cast<lua_Number>(capture.begin - subject_ + 1));
  } else {
    lua_pushlstring(L_, capture.begin, static_cast<std::size_t>(capture.size));
  }
}

int PatternMatcher::PushCaptures(const char* from, const char* to) {
  const int count = capture_count_ == 0 ? 1 : capture_count_;
  luaL_checkstack(L_, count, "too many captures");
  for (int i = 0; i < count; ++i) PushCapture(i, from, to);
  return count;
}

}  // namespace cairn::scripting
