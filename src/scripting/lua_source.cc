// SPDX-License-Identifier: BSD-3-Clause
// A scanner of tokens that keeps track of blocks and brackets, no parser.
//
// The expressions behind `return` end where, at the same depth, a block ends or the text does; a
// return is the last statement of its block. A single call among them is put in parentheses:
// in the main function always (of a script's results the first counts), in inner functions where it
// calls redis.* or error, which have one result or none. Other tail calls stay, or functions could
// not return many values; an error in what they call by another name has its caller's line.
//
// Refused: patching CALLT in the bytecode, which needs room for a RET that is not there.
#include "scripting/lua_source.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <lua.hpp>
#include <utility>
#include <vector>

#ifdef LUA_JITLIBNAME
#define CAIRN_PREPARES_SOURCE 1
#endif

namespace cairn::scripting {
namespace {

[[maybe_unused]] constexpr std::size_t kNestingMax = 1000;  // deeper text is left alone

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsWordByte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || IsDigit(c) || c == '_' ||
         static_cast<signed char>(c) < 0;
}

enum class TokenKind { kEnd, kWord, kNumber, kString, kSymbol, kBroken };
struct Token {
  TokenKind kind = TokenKind::kEnd;
  std::size_t begin = 0;
  std::size_t end = 0;
};

class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  Token Next() {
    if (!SkipBlanks()) return {TokenKind::kBroken, at_, at_};
    const std::size_t begin = at_;
    if (at_ == text_.size()) return {TokenKind::kEnd, at_, at_};
    return {Take(), begin, at_};
  }
  std::string_view Text(const Token& token) const {
    return text_.substr(token.begin, token.end - token.begin);
  }

 private:
  char Peek(std::size_t ahead = 0) const {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
  }

  bool SkipBlanks() {
    for (;;) {
      while (at_ < text_.size() && std::strchr(" \t\r\n\v\f", text_[at_]) != nullptr &&
             text_[at_] != '\0') {
        ++at_;
      }
      if (Peek() != '-' || Peek(1) != '-') return true;
      at_ += 2;
      if (Peek() == '[' && LongBracketLevel() >= 0) {
        if (!SkipLong()) return false;
      } else {
        at_ = std::min(text_.find('\n', at_), text_.size());
      }
    }
  }

  // The number of '=' between the two brackets at hand, -1 if there are no two.
  int LongBracketLevel() const {
    std::size_t p = at_ + 1;
    while (p < text_.size() && text_[p] == '=') ++p;
    return p < text_.size() && text_[p] == '[' ? static_cast<int>(p - at_ - 1) : -1;
  }

  bool SkipLong() {
    const auto level = static_cast<std::size_t>(LongBracketLevel());
    const std::string closing = "]" + std::string(level, '=') + "]";
    const std::size_t end = text_.find(closing, at_ + level + 2);
    if (end == text_.npos) return false;
    at_ = end + closing.size();
    return true;
  }

  bool SkipQuoted() {
    const char quote = text_[at_++];
    while (at_ < text_.size() && text_[at_] != quote) {
      if (text_[at_] == '\n' || text_[at_] == '\r') return false;
      if (text_[at_] == '\\') {
        ++at_;
        if (Peek() == 'z') return false;  // LuaJIT's own; whoever writes it may lack a line number
        if (Peek() == '\r' && Peek(1) == '\n') ++at_;
      }
      ++at_;
    }
    if (at_ >= text_.size()) return false;
    ++at_;
    return true;
  }

  void SkipNumber() {
    const bool is_hex = Peek() == '0' && (Peek(1) | 0x20) == 'x';
    const char exponent = is_hex ? 'p' : 'e';
    char before = '\0';
    while (at_ < text_.size()) {
      const char c = text_[at_];
      const bool signs = (c == '-' || c == '+') && (before | 0x20) == exponent;
      if (!IsWordByte(c) && c != '.' && !signs) return;
      before = c;
      ++at_;
    }
  }

  TokenKind Take() {
    const char c = Peek();
    if (IsDigit(c) || (c == '.' && IsDigit(Peek(1)))) {
      SkipNumber();
      return TokenKind::kNumber;
    }
    if (IsWordByte(c)) {
      while (at_ < text_.size() && IsWordByte(text_[at_])) ++at_;
      return TokenKind::kWord;
    }
    if (c == '"' || c == '\'') return SkipQuoted() ? TokenKind::kString : TokenKind::kBroken;
    if (c == '[' && LongBracketLevel() >= 0) {
      return SkipLong() ? TokenKind::kString : TokenKind::kBroken;
    }
    ++at_;
    return TokenKind::kSymbol;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

bool IsNumberOfLua(std::string_view token) {
  std::array<char, 64> text{};
  if (token.size() >= text.size()) return true;
  std::memcpy(text.data(), token.data(), token.size());
  char* end = nullptr;
  std::strtod(text.data(), &end);
  return end == text.data() + token.size();
}

class Preparer {
 public:
  Preparer(std::string_view source, Chunk chunk)
      : source_(source), scanner_(source), functions_(chunk == Chunk::kLoaded ? 1 : 0) {}

  // False if the text is not understood.
  bool Read() {
    Token last;
    for (;;) {
      const Token token = scanner_.Next();
      if (token.kind == TokenKind::kBroken || frames_.size() > kNestingMax) return false;
      if (token.kind == TokenKind::kNumber && bad_number_.empty() &&
          !IsNumberOfLua(scanner_.Text(token))) {
        bad_number_ = scanner_.Text(token);
      }
      const std::string_view text = scanner_.Text(token);
      if (EndsReturn(token, text)) CloseReturn(last);
      if (token.kind == TokenKind::kEnd) return frames_.empty();
      NoteInReturn(token, text);
      if (!Nest(token, text)) return false;
      if (token.kind == TokenKind::kWord && text == "return") {
        returns_.push_back({.depth = frames_.size(), .functions = functions_});
      }
      last = token;
    }
  }

  // Inserts are in the order of their returns' ends; of the text, they are not.
  void Write(std::string& out) {
    std::vector<char> opens(source_.size() + 1, 0);
    std::vector<char> closes(source_.size() + 1, 0);
    for (const auto& [begin, end] : wrapped_) {
      ++opens[begin];
      ++closes[end];
    }
    out.clear();
    out.reserve(source_.size() + 2 * wrapped_.size());
    for (std::size_t i = 0; i <= source_.size(); ++i) {
      out.append(static_cast<std::size_t>(closes[i]), ')');
      out.append(static_cast<std::size_t>(opens[i]), '(');
      if (i < source_.size()) out.push_back(source_[i]);
    }
  }

  bool has_wrapped() const { return !wrapped_.empty(); }
  std::string_view bad_number() const { return bad_number_; }

 private:
  // The expressions behind one `return` that is being read.
  struct Return {
    std::size_t depth;
    int functions;
    std::size_t begin = 0;
    int token_count = 0;
    bool is_list = false;
    bool calls_redis = false;  // as far as its first tokens were seen
    bool ends_in_call = false;
  };

  bool EndsReturn(const Token& token, std::string_view text) const {
    if (returns_.empty() || returns_.back().depth != frames_.size()) return false;
    if (token.kind == TokenKind::kEnd) return true;
    if (token.kind == TokenKind::kSymbol) return text == ";";
    if (token.kind != TokenKind::kWord) return false;
    return text == "end" || text == "else" || text == "elseif" || text == "until";
  }

  void CloseReturn(const Token& last) {
    const Return done = returns_.back();
    returns_.pop_back();
    const bool fits = done.functions == 0 || done.calls_redis;
    if (done.token_count < 2 || done.is_list || !done.ends_in_call || !fits) return;
    wrapped_.emplace_back(done.begin, last.end);
  }

  // Whether the tokens so far begin a call of redis.x or error.
  static bool BeginsCall(int index, std::string_view text, bool so_far) {
    switch (index) {
      case 0:
        return text == "redis" || text == "server" || text == "error";
      case 1:
        return so_far && (text == "." || text == "(");
      default:
        return so_far;
    }
  }

  void NoteInReturn(const Token& token, std::string_view text) {
    if (returns_.empty()) return;
    Return& current = returns_.back();
    if (current.token_count == 0) current.begin = token.begin;
    current.calls_redis = BeginsCall(current.token_count, text, current.calls_redis);
    ++current.token_count;
    if (frames_.size() == current.depth && text == ",") current.is_list = true;
    current.ends_in_call = token.kind == TokenKind::kString ||
                           (token.kind == TokenKind::kSymbol && (text == ")" || text == "}"));
  }

  bool Nest(const Token& token, std::string_view text) {
    if (token.kind == TokenKind::kWord) return NestWord(text);
    if (token.kind != TokenKind::kSymbol) return true;
    if (text == "(" || text == "{" || text == "[") {
      frames_.push_back(text[0]);
      return true;
    }
    if (text == ")") return Leave('(');
    if (text == "}") return Leave('{');
    if (text == "]") return Leave('[');
    return true;
  }

  bool NestWord(std::string_view text) {
    if (text == "function") {
      ++functions_;
      frames_.push_back('f');
    } else if (text == "if" || text == "do") {
      frames_.push_back('b');
    } else if (text == "repeat") {
      frames_.push_back('r');
    } else if (text == "until") {
      return Leave('r');
    } else if (text == "end") {
      if (!frames_.empty() && frames_.back() == 'f') {
        --functions_;
        return Leave('f');
      }
      return Leave('b');
    }
    return true;
  }

  bool Leave(char frame) {
    if (frames_.empty() || frames_.back() != frame) return false;
    frames_.pop_back();
    // A return that is still open here belongs to text that is no Lua.
    return returns_.empty() || returns_.back().depth <= frames_.size();
  }

  std::string_view source_;
  Scanner scanner_;
  std::vector<char> frames_;
  std::vector<Return> returns_;
  std::vector<std::pair<std::size_t, std::size_t>> wrapped_;
  std::string_view bad_number_;
  int functions_;  // open around the text at hand; one more for a chunk with many results
};

}  // namespace

PreparedSource PrepareSource(std::string_view source, Chunk chunk, std::string& storage) {
  PreparedSource prepared;
  prepared.text = source;
#ifdef CAIRN_PREPARES_SOURCE
  Preparer preparer(source, chunk);
  if (!preparer.Read()) return prepared;
  prepared.bad_number = preparer.bad_number();
  if (!prepared.bad_number.empty()) {
    const char* const end = prepared.bad_number.data();
    prepared.bad_number_line = 1;
    for (const char* p = source.data(); p != end; ++p) prepared.bad_number_line += *p == '\n';
  }
  if (preparer.has_wrapped()) {
    preparer.Write(storage);
    prepared.text = storage;
  }
#else
  (void)chunk;
  (void)storage;
#endif
  return prepared;
}

}  // namespace cairn::scripting
