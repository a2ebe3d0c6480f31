// SPDX-License-Identifier: BSD-3-Clause
// Words are read piece by piece: plain bytes, escapes (inside quotes) and ${...}. A range makes a
// word into many; everything else appends to the word at hand.
#include "support/notation.h"

#include <optional>
#include <utility>

#include "base/text.h"

namespace cairn::testing {
namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";

// What stands in a ${...}: a text, or the bounds of a range.
struct Expansion {
  std::string text;
  bool is_range = false;
  std::int64_t first = 0;
  std::int64_t last = 0;
};

Result<Expansion> ExpandRange(std::string_view inner, std::size_t dots) {
  const std::optional<std::int64_t> first = ParseInt64(inner.substr(0, dots));
  const std::optional<std::int64_t> last = ParseInt64(inner.substr(dots + 2));
  if (!first || !last || *last < *first || *last - *first >= kRangeWordsMax) {
    return Fail(StatusCode::kInvalid, "bad range ${" + std::string(inner) + "}");
  }
  return Expansion{.text = {}, .is_range = true, .first = *first, .last = *last};
}

// "name", "name+3" or "name-3".
Result<Expansion> ExpandVariable(std::string_view inner, const Variables& variables) {
  const std::size_t sign = inner.find_first_of("+-");
  const auto found = variables.find(inner.substr(0, sign));
  if (found == variables.end()) {
    return Fail(StatusCode::kInvalid, "unknown variable ${" + std::string(inner) + "}");
  }
  if (sign == std::string_view::npos) return Expansion{.text = found->second};
  const std::optional<std::int64_t> base = ParseInt64(found->second);
  const std::optional<std::int64_t> step = ParseInt64(inner.substr(sign + 1));
  if (!base || !step) {
    return Fail(StatusCode::kInvalid, "no numbers in ${" + std::string(inner) + "}");
  }
  return Expansion{.text = Int64ToString(inner[sign] == '+' ? *base + *step : *base - *step)};
}

Result<Expansion> ExpandOne(std::string_view inner, const Variables& variables) {
  if (const std::size_t dots = inner.find(".."); dots != std::string_view::npos) {
    return ExpandRange(inner, dots);
  }
  if (const std::size_t star = inner.rfind('*'); star != std::string_view::npos) {
    const std::string_view unit = inner.substr(0, star);
    const std::optional<std::uint64_t> times = ParseUint64(inner.substr(star + 1));
    if (unit.empty() || !times || *times > kExpansionMax / unit.size()) {
      return Fail(StatusCode::kInvalid, "bad repetition ${" + std::string(inner) + "}");
    }
    Expansion repeated;
    for (std::uint64_t i = 0; i < *times; ++i) repeated.text += unit;
    return repeated;
  }
  return ExpandVariable(inner, variables);
}

int HexValue(char digit) {
  const char lower = digit >= 'A' && digit <= 'F' ? static_cast<char>(digit - 'A' + 'a') : digit;
  const std::size_t value = kHexDigits.find(lower);
  return value == std::string_view::npos ? -1 : static_cast<int>(value);
}

// The byte an escape stands for; `at` is the backslash and ends behind the escape.
Result<char> ReadEscape(std::string_view text, std::size_t& at) {
  if (at + 1 >= text.size()) return Fail(StatusCode::kInvalid, "a lone backslash");
  const char kind = text[at + 1];
  if (kind == 'x') {
    if (at + 3 >= text.size()) return Fail(StatusCode::kInvalid, "a short \\x escape");
    const int high = HexValue(text[at + 2]);
    const int low = HexValue(text[at + 3]);
    if (high < 0 || low < 0) return Fail(StatusCode::kInvalid, "a bad \\x escape");
    at += 4;
    return static_cast<char>(high * 16 + low);
  }
  at += 2;
  switch (kind) {
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    case 'a':
      return '\a';
    case 'b':
      return '\b';
    case '"':
    case '\\':
    case '$':
      return kind;
    default:
      return Fail(StatusCode::kInvalid, std::string("unknown escape \\") + kind);
  }
}

class WordReader {
 public:
  WordReader(std::string_view line, const Variables& variables)
      : line_(line), variables_(variables) {}

  bool SkipBlanks() {
    while (at_ < line_.size() && (line_[at_] == ' ' || line_[at_] == '\t')) ++at_;
    return at_ < line_.size();
  }

  // The next word, or the words a range in it makes.
  Result<std::vector<std::string>> Next();

 private:
  Status ReadPiece(bool quoted);
  Status ReadExpansion();

  std::string_view line_;
  const Variables& variables_;
  std::size_t at_ = 0;
  std::string word_;  // the word at hand, after a range: its tail
  std::optional<Expansion> range_;
  std::string range_prefix_;
};

Status WordReader::ReadExpansion() {
  const std::size_t end = line_.find('}', at_);
  if (end == std::string_view::npos) return {StatusCode::kInvalid, "an unclosed ${"};
  Result<Expansion> expansion = ExpandOne(line_.substr(at_ + 2, end - at_ - 2), variables_);
  if (!expansion) return expansion.error();
  at_ = end + 1;
  if (!expansion->is_range) {
    word_ += expansion->text;
    return {};
  }
  if (range_) return {StatusCode::kInvalid, "two ranges in one word"};
  range_ = *expansion;
  range_prefix_ = std::exchange(word_, {});
  return {};
}

Status WordReader::ReadPiece(bool quoted) {
  if (line_.substr(at_, 2) == "${") return ReadExpansion();
  if (quoted && line_[at_] == '\\') {
    Result<char> byte = ReadEscape(line_, at_);
    if (!byte) return byte.error();
    word_ += *byte;
    return {};
  }
  word_ += line_[at_++];
  return {};
}

Result<std::vector<std::string>> WordReader::Next() {
  word_.clear();
  range_.reset();
  const bool quoted = line_[at_] == '"';
  if (quoted) ++at_;
  while (at_ < line_.size() && (quoted ? line_[at_] != '"' : line_[at_] != ' ')) {
    if (Status status = ReadPiece(quoted); !status.ok()) return std::unexpected(status);
  }
  if (quoted) {
    if (at_ >= line_.size()) return Fail(StatusCode::kInvalid, "an unclosed quote");
    ++at_;
    if (at_ < line_.size() && line_[at_] != ' ') {
      return Fail(StatusCode::kInvalid, "text right after a closing quote");
    }
  }
  if (!range_) return std::vector<std::string>{word_};
  std::vector<std::string> words;
  for (std::int64_t i = range_->first; i <= range_->last; ++i) {
    words.push_back(range_prefix_ + std::to_string(i) + word_);
  }
  return words;
}

std::string NotateText(std::string_view text) {
  constexpr std::string_view kSpecial = "\"\\,[]{}()=";
  if (text.empty()) return Quote(text);
  for (const char c : text) {
    if (c <= ' ' || c > '~' || kSpecial.find(c) != std::string_view::npos) return Quote(text);
  }
  return std::string(text);
}

// A line that stands for itself at the top: the rest of the line is the text.
bool IsPlainLine(std::string_view text) {
  if (text.empty() || text.front() == ' ' || text.back() == ' ' || text.front() == '"')
    return false;
  if (text.find("${") != std::string_view::npos) return false;
  for (const char c : text) {
    if (c < ' ' || c > '~') return false;
  }
  return true;
}

std::string NotateItems(const std::vector<Reply>& items, std::size_t count);

std::string NotatePairs(const std::vector<Reply>& items, std::size_t count) {
  std::string out;
  for (std::size_t i = 0; i + 1 < count; i += 2) {
    if (i > 0) out += ", ";
    out += Notate(items[i]) + " => " + Notate(items[i + 1]);
  }
  return out;
}

std::string NotateNested(const Reply& reply) {
  if (reply.type == ReplyType::kSimple) return "+" + NotateText(reply.text);
  if (reply.type == ReplyType::kError) return "-" + NotateText(reply.text);
  return Notate(reply);
}

std::string NotateItems(const std::vector<Reply>& items, std::size_t count) {
  std::string out;
  for (std::size_t i = 0; i < count; ++i) {
    if (i > 0) out += ", ";
    out += NotateNested(items[i]);
  }
  return out;
}

}  // namespace

std::string Quote(std::string_view bytes) {
  std::string out = "\"";
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const char c = bytes[i];
    const auto code = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\r') {
      out += "\\r";
    } else if (c == '\t') {
      out += "\\t";
    } else if (c == '$' && bytes.substr(i, 2) == "${") {
      out += "\\$";
    } else if (code < 0x20 || code > 0x7e) {
      out += "\\x";
      out += kHexDigits[code >> 4];
      out += kHexDigits[code & 15];
    } else {
      out += c;
    }
  }
  return out + '"';
}

std::string Notate(const Reply& reply) {
  const auto line = [&](char marker) {
    return marker + (IsPlainLine(reply.text) ? reply.text : Quote(reply.text));
  };
  switch (reply.type) {
    case ReplyType::kSimple:
      return line('+');
    case ReplyType::kError:
      return line('-');
    case ReplyType::kInteger:
      return ":" + reply.text;
    case ReplyType::kBulk:
      return Quote(reply.text);
    case ReplyType::kNullBulk:
      return "nil";
    case ReplyType::kNullArray:
      return "nil*";
    case ReplyType::kNull:
      return "null";
    case ReplyType::kDouble:
      return "," + reply.text;
    case ReplyType::kBoolean:
      return "#" + reply.text;
    case ReplyType::kBigNumber:
      return "(" + reply.text;
    case ReplyType::kBlobError:
      return "!" + Quote(reply.text);
    case ReplyType::kVerbatim:
      return "=" + reply.text.substr(0, 4) + Quote(std::string_view(reply.text).substr(4));
    case ReplyType::kArray:
      return "[" + NotateItems(reply.items, reply.items.size()) + "]";
    case ReplyType::kSet:
      return "set{" + NotateItems(reply.items, reply.items.size()) + "}";
    case ReplyType::kPush:
      return "push[" + NotateItems(reply.items, reply.items.size()) + "]";
    case ReplyType::kMap:
      return "map{" + NotatePairs(reply.items, reply.items.size()) + "}";
    case ReplyType::kAttribute:
      return "attr{" + NotatePairs(reply.items, reply.items.size() - 1) + "} " +
             NotateNested(reply.items.back());
  }
  return {};
}

Result<std::vector<std::string>> ParseWords(std::string_view line, const Variables& variables) {
  WordReader reader(line, variables);
  std::vector<std::string> words;
  while (reader.SkipBlanks()) {
    Result<std::vector<std::string>> next = reader.Next();
    if (!next) return std::unexpected(next.error());
    for (std::string& word : *next) words.push_back(std::move(word));
  }
  return words;
}

std::size_t QuotedEnd(std::string_view text, std::size_t at) {
  for (std::size_t i = at + 1; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (text[i] == '"') {
      return i + 1;
    }
  }
  return std::string_view::npos;
}

Result<std::string> ParseQuoted(std::string_view quoted, const Variables& variables) {
  Result<std::vector<std::string>> words = ParseWords(quoted, variables);
  if (!words) return std::unexpected(words.error());
  if (words->size() != 1) return Fail(StatusCode::kInvalid, "not one word: " + std::string(quoted));
  return std::move(words->front());
}

Result<std::string> Expand(std::string_view text, const Variables& variables) {
  std::string out;
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t open = text.find("${", at);
    out += text.substr(at, open == std::string_view::npos ? open : open - at);
    if (open == std::string_view::npos) break;
    const std::size_t close = text.find('}', open);
    if (close == std::string_view::npos) return Fail(StatusCode::kInvalid, "an unclosed ${");
    Result<Expansion> expansion = ExpandOne(text.substr(open + 2, close - open - 2), variables);
    if (!expansion) return std::unexpected(expansion.error());
    if (expansion->is_range) return Fail(StatusCode::kInvalid, "a range in a reply");
    out += expansion->text;
    at = close + 1;
  }
  return out;
}

}  // namespace cairn::testing
