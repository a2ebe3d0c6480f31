// SPDX-License-Identifier: BSD-3-Clause
// Source's small lexer: it knows comments, strings, raw strings, characters and digit separators,
// which is all that telling code from prose takes.
#include "tidy/source.h"

#include <algorithm>
#include <cctype>
#include <utility>

namespace cairn::tidy {
namespace {

bool IsWordByte(char byte) {
  return std::isalnum(static_cast<unsigned char>(byte)) != 0 || byte == '_';
}

// Blanker: walks over the text once; each Skip function returns the offset after its thing.
class Blanker {
 public:
  explicit Blanker(std::string_view text) : text_(text), code_(text) {}

  std::string Blank() {
    std::size_t at = 0;
    while (at < text_.size()) at = Step(at);
    return std::move(code_);
  }

 private:
  std::size_t Step(std::size_t at) {
    const std::string_view two = text_.substr(at, 2);
    if (two == "//") return BlankTo(at, text_.find('\n', at), kCommentByte);
    if (two == "/*") return BlankTo(at, After(text_.find("*/", at + 2), 2), kCommentByte);
    if (text_[at] == '"') return IsRawString(at) ? SkipRawString(at) : SkipQuoted(at);
    // After a digit or letter the mark separates digits (1'000); u8'x' we do not write.
    if (text_[at] == '\'' && (at == 0 || !IsWordByte(text_[at - 1]))) return SkipQuoted(at);
    return at + 1;
  }

  std::size_t After(std::size_t found, std::size_t length) const {
    return found == std::string_view::npos ? text_.size() : found + length;
  }

  std::size_t BlankTo(std::size_t from, std::size_t to, char filler) {
    to = std::min(to, text_.size());
    for (std::size_t at = from; at < to; ++at) {
      if (code_[at] != '\n') code_[at] = filler;
    }
    return to;
  }

  std::size_t SkipQuoted(std::size_t at) {
    const char quote = text_[at];
    std::size_t end = at + 1;
    // A quoted thing ends with its line at the latest: an apostrophe in an #error costs one line.
    while (end < text_.size() && text_[end] != quote && text_[end] != '\n') {
      end += text_[end] == '\\' ? 2 : 1;
    }
    BlankTo(at + 1, end, kStringByte);
    return std::min(end + 1, text_.size());
  }

  bool IsRawString(std::size_t at) const {
    if (at == 0 || text_[at - 1] != 'R') return false;
    return at == 1 || !IsWordByte(text_[at - 2]);
  }

  std::size_t SkipRawString(std::size_t at) {
    const std::size_t open = text_.find('(', at);
    if (open == std::string_view::npos) return text_.size();
    const std::string close = ")" + std::string(text_.substr(at + 1, open - at - 1)) + "\"";
    const std::size_t end = After(text_.find(close, open), close.size());
    BlankTo(at + 1, end - 1, kStringByte);
    return end;
  }

  std::string_view text_;
  std::string code_;
};

std::vector<std::string_view> SplitLines(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    lines.push_back(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return lines;
}

bool IsCppPath(std::string_view path) { return path.ends_with(".cc") || path.ends_with(".h"); }

}  // namespace

std::string Describe(const Finding& finding) {
  std::string said = finding.path;
  if (finding.line > 0) said += ":" + std::to_string(finding.line);
  return said + ": " + finding.text;
}

Source::Source(std::string path, std::string text)
    : path_(std::move(path)),
      text_(std::move(text)),
      code_(IsCppPath(path_) ? Blanker(text_).Blank() : std::string()),
      lines_(SplitLines(text_)) {}

std::size_t Source::LineAt(std::size_t offset) const {
  const std::string_view before = std::string_view(text_).substr(0, offset);
  return 1 + static_cast<std::size_t>(std::ranges::count(before, '\n'));
}

bool Source::IsCpp() const { return IsCppPath(path_); }

bool Source::IsScript() const {
  const std::size_t slash = path_.rfind('/');
  const std::string_view name =
      std::string_view(path_).substr(slash == std::string::npos ? 0 : slash + 1);
  if (name == "Makefile" || name == "CMakeLists.txt" || text_.starts_with("#!")) return true;
  for (const std::string_view ending : {".cmake", ".py", ".sh", ".js", ".mjs"}) {
    if (name.ends_with(ending)) return true;
  }
  return false;
}

std::vector<Include> Includes(const Source& source) {
  std::vector<Include> includes;
  for (std::size_t index = 0; index < source.lines().size(); ++index) {
    std::string_view line = source.lines()[index];
    if (!line.starts_with("#include ")) continue;
    line.remove_prefix(line.find_first_not_of(' ', 8));
    const std::size_t end = line.find_first_of("\">", 1);
    if (line.empty() || end == std::string_view::npos) continue;
    includes.push_back({line.substr(1, end - 1), line[0] == '"', index + 1});
  }
  return includes;
}

bool IsWordAt(std::string_view text, std::size_t offset, std::string_view word) {
  if (text.substr(offset, word.size()) != word) return false;
  if (offset > 0 && IsWordByte(text[offset - 1]) && IsWordByte(word.front())) return false;
  const std::size_t end = offset + word.size();
  return end >= text.size() || !IsWordByte(text[end]) || !IsWordByte(word.back());
}

}  // namespace cairn::tidy
