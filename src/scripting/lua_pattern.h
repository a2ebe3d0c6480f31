// SPDX-License-Identifier: BSD-3-Clause
// PatternMatcher: Lua 5.1's patterns, with a budget.
//
// Lua's own matcher backtracks without end: `.-.-.-b` on 3000 letters takes minutes in C, where no
// hook is asked (tried on both Luas). This one counts its steps in Vm::Spend, which asks the host
// and may raise, and bounds its depth. Semantics are Lua 5.1's, but that a zero byte in a pattern
// is a byte like others.
//
// Lives on the stack of one C function; it has no destructor. May raise.
#ifndef CAIRN_SCRIPTING_LUA_PATTERN_H_
#define CAIRN_SCRIPTING_LUA_PATTERN_H_

#include <cstddef>
#include <lua.hpp>
#include <string_view>

namespace cairn::scripting {

class PatternMatcher {
 public:
  static constexpr int kCapturesMax = 32;
  static constexpr int kDepthMax = 200;  // of backtracking points within each other

  PatternMatcher(lua_State* L, std::string_view subject, std::string_view pattern);

  // Matches at `from`, a place in the subject. Returns the end of the match or nullptr.
  const char* MatchAt(const char* from);

  // Of the last match. The whole match is capture 0 where the pattern has none.
  int capture_count() const { return capture_count_; }
  // Pushes capture `index` (0-based); the match from `from` to `to` stands in where there is none.
  void PushCapture(int index, const char* from, const char* to);
  // Pushes all of them, the whole match if there are none. Returns how many.
  int PushCaptures(const char* from, const char* to);

  const char* subject_end() const { return subject_end_; }

 private:
  struct Capture {
    const char* begin;
    std::ptrdiff_t size;  // or one of the two below
  };
  static constexpr std::ptrdiff_t kOpen = -1;
  static constexpr std::ptrdiff_t kPosition = -2;

  const char* Match(const char* s, const char* p);
  const char* MatchOpenCapture(const char* s, const char* p, std::ptrdiff_t size);
  const char* MatchCloseCapture(const char* s, const char* p);
  const char* MatchBalance(const char* s, const char* p);
  const char* MatchFrontier(const char* s, const char* p, const char** set_end);
  const char* MatchBackReference(const char* s, char digit);
  const char* MatchMost(const char* s, const char* p, const char* item_end);
  const char* MatchFewest(const char* s, const char* p, const char* item_end);
  const char* ItemEnd(const char* p);
  bool IsSingleMatch(const char* s, const char* p, const char* item_end) const;
  static bool IsInClass(unsigned char c, unsigned char class_letter);
  static bool IsInSet(unsigned char c, const char* p, const char* set_end);
  void Step();

  lua_State* L_;
  const char* subject_;
  const char* subject_end_;
  const char* pattern_;
  const char* pattern_end_;
  int capture_count_ = 0;
  int depth_ = 0;
  Capture captures_[kCapturesMax];
};

}  // namespace cairn::scripting

#endif  // CAIRN_SCRIPTING_LUA_PATTERN_H_
