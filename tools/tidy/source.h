// SPDX-License-Identifier: BSD-3-Clause
// Source: one file of the tree as tidy's rules see it, and Finding: what a rule says of it.
//
// Rules about code look at `code`, where comments are blanks and the contents of strings and
// characters are quotes, so that a banned name in a sentence is no offence. That keeps every byte's
// position: an offset into `code` is an offset into `text`.
//
// Sources are made once by the caller and only read afterwards; views into them live as long.
#ifndef CAIRN_TOOLS_TIDY_SOURCE_H_
#define CAIRN_TOOLS_TIDY_SOURCE_H_

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace cairn::tidy {

inline constexpr char kCommentByte = ' ';  // what a comment's bytes are in Source::code
inline constexpr char kStringByte = '"';   // and those between quotes

struct Finding {
  std::string path;
  std::size_t line = 0;  // from 1; 0 is the file as a whole
  std::string text;
};

// "path:line: text", as compilers say it, so that editors jump there.
std::string Describe(const Finding& finding);

class Source {
 public:
  // `path` is relative to the root of the tree, with forward slashes.
  Source(std::string path, std::string text);

  const std::string& path() const { return path_; }
  const std::string& text() const { return text_; }
  const std::string& code() const { return code_; }
  const std::vector<std::string_view>& lines() const { return lines_; }  // of text, without '\n'
  // The line (from 1) that holds this offset of text.
  std::size_t LineAt(std::size_t offset) const;
  Finding At(std::size_t line, std::string text) const { return {path_, line, std::move(text)}; }

  bool IsCpp() const;
  bool IsHeader() const { return path_.ends_with(".h"); }
  bool IsTest() const { return path_.ends_with("_test.cc"); }
  bool IsMarkdown() const { return path_.ends_with(".md"); }
  // A Makefile, CMake file, or a script that says so in its first line or its name.
  bool IsScript() const;

  Source(const Source&) = delete;  // lines_ points into text_
  Source& operator=(const Source&) = delete;

 private:
  std::string path_;
  std::string text_;
  std::string code_;
  std::vector<std::string_view> lines_;
};

struct Include {
  std::string_view name;  // between the quotes or angle brackets
  bool quoted = false;
  std::size_t line = 0;
};

// The #include lines of a C++ source, in order.
std::vector<Include> Includes(const Source& source);

// True if `text` at `offset` begins a whole word `word`: no identifier character touches it.
bool IsWordAt(std::string_view text, std::size_t offset, std::string_view word);

}  // namespace cairn::tidy

#endif  // CAIRN_TOOLS_TIDY_SOURCE_H_
