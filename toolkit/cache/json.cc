// SPDX-License-Identifier: BSD-3-Clause
// JSON (RFC 8259): written without blanks, doubles with as many digits as bring the same back.
#include <array>
#include <charconv>
#include <cmath>

#include "cairn/codec.h"

namespace cairn::cache::internal {
namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";

// How many bytes the character of UTF-8 at the front has; 0 if it is none. RFC 3629: no overlong
// forms, no surrogates, nothing above U+10FFFF.
std::size_t CharacterSize(std::string_view text) {
  const auto at = [&](std::size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u;
  };
  const auto is_tail = [&](std::size_t i) { return (at(i) & 0xC0) == 0x80; };
  const unsigned first = at(0);
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) return is_tail(1) ? 2 : 0;
  if (first >= 0xE0 && first <= 0xEF) {
    if (first == 0xE0 && at(1) < 0xA0) return 0;
    if (first == 0xED && at(1) > 0x9F) return 0;
    return is_tail(1) && is_tail(2) ? 3 : 0;
  }
  if (first >= 0xF0 && first <= 0xF4) {
    if (first == 0xF0 && at(1) < 0x90) return 0;
    if (first == 0xF4 && at(1) > 0x8F) return 0;
    return is_tail(1) && is_tail(2) && is_tail(3) ? 4 : 0;
  }
  return 0;
}

void AppendCharacter(std::uint32_t code, std::string& text) {
  const auto tail = [&](unsigned shift) {
    text += static_cast<char>(0x80 | (code >> shift & 0x3F));
  };
  if (code < 0x80) {
    text += static_cast<char>(code);
  } else if (code < 0x800) {
    text += static_cast<char>(0xC0 | code >> 6);
    tail(0);
  } else if (code < 0x10000) {
    text += static_cast<char>(0xE0 | code >> 12);
    tail(6);
    tail(0);
  } else {
    text += static_cast<char>(0xF0 | code >> 18);
    tail(12);
    tail(6);
    tail(0);
  }
}

bool IsDigit(char byte) { return byte >= '0' && byte <= '9'; }

template <class Number>
std::optional<Number> Parse(std::string_view digits) {
  Number number{};
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (digits.empty() || error != std::errc() || end != digits.data() + digits.size())
    return std::nullopt;
  return number;
}

}  // namespace

void JsonWriter::Separate() {
  if (needs_comma_) text_ += ',';
  needs_comma_ = true;
}

void JsonWriter::Word(std::string_view word) {
  Separate();
  text_ += word;
}

void JsonWriter::Open(char brace) {
  Separate();
  text_ += brace;
  needs_comma_ = false;
}

void JsonWriter::Close(char brace) {
  text_ += brace;
  needs_comma_ = true;
}

void JsonWriter::Integer(std::int64_t number) { Word(std::to_string(number)); }
void JsonWriter::Unsigned(std::uint64_t number) { Word(std::to_string(number)); }

void JsonWriter::Double(double number) {
  if (!std::isfinite(number)) failure_ = "JSON has no NaN and no infinity";
  std::array<char, 32> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  Word(std::string_view(digits.data(), end));
}

void JsonWriter::Text(std::string_view text) {
  Separate();
  text_ += '"';
  while (!text.empty()) {
    const std::size_t size = CharacterSize(text);
    if (size == 0) {
      failure_ = "JSON has no text but UTF-8";
      return;
    }
    const char byte = text.front();
    if (byte == '"' || byte == '\\') {
      text_ += '\\';
      text_ += byte;
    } else if (static_cast<unsigned char>(byte) < 0x20) {
      text_ += "\\u00";
      text_ += kHexDigits[static_cast<unsigned char>(byte) >> 4];
      text_ += kHexDigits[byte & 15];
    } else {
      text_ += text.substr(0, size);
    }
    text.remove_prefix(size);
  }
  text_ += '"';
}

void JsonWriter::Key(std::string_view name) {
  Text(name);
  text_ += ':';
  needs_comma_ = false;
}

Result<std::string> JsonWriter::Finish() {
  if (!failure_.empty()) return Fail(Errc::kInvalid, std::string(failure_));
  return std::move(text_);
}

std::nullopt_t JsonReader::Failed() {
  has_failed_ = true;
  rest_ = {};
  return std::nullopt;
}

void JsonReader::SkipBlanks() {
  rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t\r\n"), rest_.size()));
}

bool JsonReader::TakeWord(std::string_view word) {
  SkipBlanks();
  if (!rest_.starts_with(word)) return false;
  rest_.remove_prefix(word.size());
  return true;
}

bool JsonReader::TakeNull() { return TakeWord("null"); }

std::optional<bool> JsonReader::Bool() {
  if (TakeWord("true")) return true;
  if (TakeWord("false")) return false;
  return Failed();
}

// As the grammar has numbers: no leading zeros, no bare point. Empty: none.
std::string_view JsonReader::TakeNumber() {
  SkipBlanks();
  std::size_t at = 0;
  const auto digits = [&] {
    const std::size_t begin = at;
    while (at < rest_.size() && IsDigit(rest_[at])) ++at;
    return at - begin;
  };
  if (rest_.starts_with('-')) ++at;
  const std::size_t whole = at;
  const std::size_t count = digits();
  bool is_number = count > 0 && (count == 1 || rest_[whole] != '0');
  if (at < rest_.size() && rest_[at] == '.') {
    ++at;
    is_number = digits() > 0 && is_number;
  }
  if (at < rest_.size() && (rest_[at] == 'e' || rest_[at] == 'E')) {
    ++at;
    if (at < rest_.size() && (rest_[at] == '+' || rest_[at] == '-')) ++at;
    is_number = digits() > 0 && is_number;
  }
  if (!is_number) {
    Failed();
    return {};
  }
  const std::string_view number = rest_.substr(0, at);
  rest_.remove_prefix(at);
  return number;
}

std::optional<std::int64_t> JsonReader::Integer() {
  const auto number = Parse<std::int64_t>(TakeNumber());
  return number ? number : Failed();
}
std::optional<std::uint64_t> JsonReader::Unsigned() {
  const auto number = Parse<std::uint64_t>(TakeNumber());
  return number ? number : Failed();
}
std::optional<double> JsonReader::Double() {
  const auto number = Parse<double>(TakeNumber());
  return number ? number : Failed();
}

std::optional<std::uint32_t> JsonReader::TakeHex4() {
  if (rest_.size() < 4) return std::nullopt;
  std::uint32_t code = 0;
  const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + 4, code, 16);
  if (error != std::errc() || end != rest_.data() + 4) return std::nullopt;
  rest_.remove_prefix(4);
  return code;
}

// Behind a backslash.
bool JsonReader::TakeEscape(std::string& text) {
  constexpr std::string_view kNames = "\"\\/bfnrt";
  constexpr std::string_view kBytes = "\"\\/\b\f\n\r\t";
  if (rest_.empty()) return false;
  const char name = rest_.front();
  rest_.remove_prefix(1);
  if (const std::size_t at = kNames.find(name); at != kNames.npos) {
    text += kBytes[at];
    return true;
  }
  if (name != 'u') return false;
  std::optional<std::uint32_t> code = TakeHex4();
  if (!code || (*code >= 0xDC00 && *code < 0xE000)) return false;
  if (*code >= 0xD800 && *code < 0xDC00) {
    if (!rest_.starts_with("\\u")) return false;
    rest_.remove_prefix(2);
    const std::optional<std::uint32_t> low = TakeHex4();
    if (!low || *low < 0xDC00 || *low >= 0xE000) return false;
    code = 0x10000 + ((*code - 0xD800) << 10) + (*low - 0xDC00);
  }
  AppendCharacter(*code, text);
  return true;
}

std::optional<std::string> JsonReader::Text() {
  if (!TakeWord("\"")) return Failed();
  std::string text;
  while (!rest_.empty()) {
    const std::size_t size = CharacterSize(rest_);
    const char byte = rest_.front();
    if (size == 0 || static_cast<unsigned char>(byte) < 0x20) break;
    if (byte != '"' && byte != '\\') text += rest_.substr(0, size);
    rest_.remove_prefix(size);
    if (byte == '"') return text;
    if (byte == '\\' && !TakeEscape(text)) break;
  }
  return Failed();
}

bool JsonReader::Begin(char brace) {
  if (is_first_.size() == kDepthMax || !TakeWord({&brace, 1})) {
    Failed();
    return false;
  }
  is_first_.push_back(true);
  return true;
}

bool JsonReader::Next(char brace) {
  if (has_failed_) return false;
  if (TakeWord({&brace, 1})) {
    is_first_.pop_back();
    return false;
  }
  if (!is_first_.back() && !TakeWord(",")) {
    Failed();
    return false;
  }
  is_first_.back() = false;
  return true;
}

std::optional<std::string> JsonReader::NextKey() {
  if (!Next('}')) return std::nullopt;
  std::optional<std::string> name = Text();
  if (!name || !TakeWord(":")) return Failed();
  return name;
}

// Recursion is bounded by Begin.
void JsonReader::Skip() {
  SkipBlanks();
  if (rest_.empty()) {
    Failed();
  } else if (rest_.front() == '[') {
    if (!Begin('[')) return;
    while (NextElement()) Skip();
  } else if (rest_.front() == '{') {
    if (!Begin('{')) return;
    while (NextKey()) Skip();
  } else if (rest_.front() == '"') {
    Text();
  } else if (!TakeNull() && !TakeWord("true") && !TakeWord("false")) {
    TakeNumber();
  }
}

Result<void> JsonReader::Finish() {
  SkipBlanks();
  if (has_failed_) return Fail(Errc::kCorrupt, "the payload is no JSON");
  if (!rest_.empty()) return Fail(Errc::kCorrupt, "bytes behind the payload's end");
  return {};
}

}  // namespace cairn::cache::internal
