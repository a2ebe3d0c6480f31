// SPDX-License-Identifier: BSD-3-Clause
// Finds functions: every '{' is judged by its head, the code since the last ';', '{' or '}'.
//
//     namespace x {    class Y : Z {    enum {      a scope: look inside
//     int F(int a) {   Y::Y() : b_(1) {             a function: measure, do not look inside
//     b_{1}  in a constructor's list                skip, the head goes on
//     Row kRows[] = {                               anything else: skip
#include "tidy/functions.h"

#include <algorithm>
#include <cctype>
#include <utility>

namespace cairn::tidy {
namespace {

constexpr std::string_view kSpace = " \t\n";

std::string_view Trim(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

// The code with preprocessor lines blanked as well: their braces are not ours to balance.
std::string WithoutDirectives(const Source& source) {
  std::string code = source.code();
  bool continues = false;
  std::size_t at = 0;
  while (at < code.size()) {
    const std::size_t end = std::min(code.find('\n', at), code.size());
    const std::string_view line = Trim(std::string_view(code).substr(at, end - at));
    const bool directive = continues || line.starts_with('#');
    continues = directive && line.ends_with('\\');
    if (directive)
      std::fill(code.begin() + static_cast<std::ptrdiff_t>(at),
                code.begin() + static_cast<std::ptrdiff_t>(end), ' ');
    at = end + 1;
  }
  return code;
}

// The offset after the bracket that closes the one at `at`; the end of the text if none does.
std::size_t AfterClosing(std::string_view text, std::size_t at, char open, char close) {
  int depth = 0;
  for (; at < text.size(); ++at) {
    if (text[at] == open) ++depth;
    if (text[at] == close && --depth == 0) return at + 1;
  }
  return text.size();
}

// Drops what may stand before a declaration without saying what it is.
std::string_view WithoutPrefix(std::string_view head) {
  for (;;) {
    head = Trim(head);
    if (IsWordAt(head, 0, "template")) {
      head.remove_prefix(AfterClosing(head, 0, '<', '>'));
    } else if (head.starts_with("[[")) {
      head.remove_prefix(AfterClosing(head, 0, '[', ']'));
    } else if (head.starts_with("public:") || head.starts_with("private:") ||
               head.starts_with("protected:")) {
      head.remove_prefix(head.find(':') + 1);
    } else {
      return head;
    }
  }
}

bool IsScope(std::string_view head) {
  if (head.starts_with("extern") && head.ends_with('"')) return true;
  for (const std::string_view word :
       {"namespace", "inline namespace", "class", "struct", "union", "enum"}) {
    if (IsWordAt(head, 0, word)) return true;
  }
  return false;
}

// The first place outside of any brackets where `wanted` says yes.
template <class Predicate>
std::size_t FindOutside(std::string_view head, Predicate wanted) {
  int depth = 0;
  for (std::size_t at = 0; at < head.size(); ++at) {
    if (depth == 0 && wanted(at)) return at;
    if (head[at] == '(' || head[at] == '[') ++depth;
    if (head[at] == ')' || head[at] == ']') --depth;
  }
  return std::string_view::npos;
}

std::size_t FindParameters(std::string_view head) {
  return FindOutside(head, [&](std::size_t at) { return head[at] == '('; });
}

// "Y::Y(int a) : b_(a), c_" waits for c_'s braces; "Y::Y(int a) : b_(a)" for the body.
bool IsMemberInitializer(std::string_view head) {
  const std::size_t parameters = FindParameters(head);
  if (parameters == std::string_view::npos) return false;
  const std::size_t colon = FindOutside(head, [&](std::size_t at) {
    return at > parameters && head[at] == ':' && head.substr(at, 2) != "::" && head[at - 1] != ':';
  });
  if (colon == std::string_view::npos) return false;
  const char last = head.back();
  return std::isalnum(static_cast<unsigned char>(last)) != 0 || last == '_' || last == '>';
}

// Names a function by what stands before its parameters; empty if the head is not a function's.
std::string FunctionName(std::string_view head) {
  const std::size_t assignment = FindOutside(head, [&](std::size_t at) {
    return head[at] == '=' && head.substr(0, at).find("operator") == std::string_view::npos;
  });
  if (assignment != std::string_view::npos) {
    // A lambda with a name at namespace scope is a function in all but form.
    const std::string_view value = Trim(head.substr(assignment + 1));
    if (!value.starts_with('[')) return {};
    const std::string_view before = Trim(head.substr(0, assignment));
    return std::string(before.substr(before.find_last_of(" *&") + 1));
  }
  std::size_t parameters = FindParameters(head);
  const std::size_t call_operator = head.find("operator()");
  if (call_operator != std::string_view::npos) parameters = call_operator + 10;
  if (parameters == std::string_view::npos || parameters == 0) return {};
  const std::string_view before = Trim(head.substr(0, parameters));
  std::string name(before.substr(before.find_last_of(" *&\n") + 1));
  // TEST(Suite, Case): the macro's name alone would say nothing.
  if (name.starts_with("TEST") || name.ends_with("TEST")) {
    const std::string_view all = head.substr(0, AfterClosing(head, parameters, '(', ')'));
    for (const char byte : all.substr(parameters)) {
      if (kSpace.find(byte) == std::string_view::npos) name += byte;
    }
  }
  return name;
}

// Does the brace after `before` open a list of values (or a local type), and no block?
bool OpensTable(std::string_view before) {
  before = Trim(before);
  if (before.empty()) return false;
  for (const std::string_view word : {"else", "do", "try", "const", "noexcept", "mutable"}) {
    if (before.size() > word.size() && IsWordAt(before, before.size() - word.size(), word)) {
      return false;
    }
  }
  // "[](int a) -> int {": a type, but of a lambda.
  const std::string_view line = before.substr(before.find_last_of(";{}\n") + 1);
  if (line.rfind("->") != line.npos && line.rfind("->") > line.rfind(')')) return false;
  const char last = before.back();
  return std::isalnum(static_cast<unsigned char>(last)) != 0 ||
         std::string_view("_>=,(").find(last) != std::string_view::npos;
}

// Lines that the tables in a function's body add to it: all between their braces.
std::size_t TableLines(std::string_view body) {
  std::size_t lines = 0;
  for (std::size_t at = 1; at < body.size();) {
    if (body[at] != '{' || !OpensTable(body.substr(0, at))) {
      ++at;
      continue;
    }
    const std::size_t close = AfterClosing(body, at, '{', '}');
    lines += static_cast<std::size_t>(std::ranges::count(body.substr(at, close - at), '\n'));
    at = close;
  }
  return lines;
}

class Scanner {
 public:
  explicit Scanner(const Source& source) : source_(source), code_(WithoutDirectives(source)) {}

  std::vector<Function> Scan() {
    std::size_t at = 0;
    while (at < code_.size()) {
      const char byte = code_[at];
      if (byte == '(') {
        at = AfterClosing(code_, at, '(', ')');  // a default argument's braces open no function
      } else if (byte == '{') {
        at = OpenBrace(at);
      } else {
        ++at;
        if (byte == ';' || byte == '}') head_begin_ = at;
      }
    }
    return std::move(functions_);
  }

 private:
  // Returns where to go on.
  std::size_t OpenBrace(std::size_t at) {
    const std::string_view head =
        WithoutPrefix(std::string_view(code_).substr(head_begin_, at - head_begin_));
    const std::size_t close = AfterClosing(code_, at, '{', '}');
    if (IsScope(head)) {
      head_begin_ = at + 1;
      return at + 1;
    }
    if (!head.empty() && IsMemberInitializer(head)) return close;
    const std::string name = FunctionName(head);
    if (!name.empty()) Record(name, head, std::string_view(code_).substr(at, close - at));
    head_begin_ = close;
    return close;
  }

  void Record(const std::string& name, std::string_view head, std::string_view body) {
    const std::string_view code = code_;
    const std::size_t first = source_.LineAt(static_cast<std::size_t>(head.data() - code.data()));
    const std::size_t last =
        source_.LineAt(static_cast<std::size_t>(body.data() - code.data()) + body.size() - 1);
    functions_.push_back({name, first, last - first + 1 - TableLines(body)});
  }

  const Source& source_;
  std::string code_;
  std::size_t head_begin_ = 0;
  std::vector<Function> functions_;
};

std::string LengthText(const Function& function) {
  return function.name + " has " + std::to_string(function.line_count) + " lines";
}

}  // namespace

std::vector<Function> Functions(const Source& source) { return Scanner(source).Scan(); }

std::vector<LongFunction> ParseBaseline(std::string_view text) {
  std::vector<LongFunction> rows;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view line = Trim(text.substr(at, end - at));
    at = end + 1;
    const std::size_t first = line.find(' ');
    const std::size_t last = line.rfind(' ');
    if (line.starts_with('#') || first == std::string_view::npos || first == last) continue;
    LongFunction row{std::string(line.substr(0, first)),
                     std::string(line.substr(first + 1, last - first - 1)), 0};
    for (const char digit : line.substr(last + 1)) {
      row.line_count = row.line_count * 10 + static_cast<std::size_t>(digit - '0');
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

std::vector<Finding> CheckFunctionLengths(std::span<const Source* const> sources,
                                          std::span<const LongFunction> baseline) {
  std::vector<Finding> findings;
  std::vector<bool> used(baseline.size(), false);
  for (const Source* source : sources) {
    if (!source->IsCpp()) continue;
    for (const Function& function : Functions(*source)) {
      if (function.line_count <= kFunctionLinesMax) continue;
      const auto row = std::ranges::find_if(baseline, [&](const LongFunction& known) {
        return known.path == source->path() && known.name == function.name;
      });
      std::string complaint = "; 70 is the limit: give a part of it a name";
      if (row != baseline.end()) {
        used[static_cast<std::size_t>(row - baseline.begin())] = true;
        if (row->line_count == function.line_count) continue;
        complaint = row->line_count < function.line_count
                        ? " and had " + std::to_string(row->line_count) + ": long ones only shrink"
                        : ": well done, now write that length into the baseline";
      }
      findings.push_back(source->At(function.line, LengthText(function) + complaint));
    }
  }
  for (std::size_t index = 0; index < baseline.size(); ++index) {
    if (used[index]) continue;
    const LongFunction& row = baseline[index];
    findings.push_back({row.path, 0, row.name + " is no longer too long: drop its baseline row"});
  }
  return findings;
}

}  // namespace cairn::tidy
