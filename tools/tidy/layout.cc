// SPDX-License-Identifier: BSD-3-Clause
// Each rule is one function that looks at one file; CheckLayout says which files it is for.
#include "tidy/layout.h"

#include <algorithm>
#include <array>
#include <cctype>

namespace cairn::tidy {
namespace {

using Findings = std::vector<Finding>;

constexpr std::string_view kLicence = "SPDX-License-Identifier: BSD-3-Clause";

bool IsWordByte(char byte) {
  return std::isalnum(static_cast<unsigned char>(byte)) != 0 || byte == '_';
}

std::size_t CountWords(std::string_view text) {
  std::size_t words = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (IsWordByte(text[at]) && (at == 0 || text[at - 1] == ' ')) ++words;
  }
  return words;
}

// Characters, not bytes: UTF-8 continuation bytes take no column.
std::size_t CountColumns(std::string_view line) {
  return static_cast<std::size_t>(
      std::ranges::count_if(line, [](char byte) { return (byte & 0xC0) != 0x80; }));
}

void CheckLicence(const Source& source, Findings& findings) {
  const auto& lines = source.lines();
  // A script may need its first line for "#!".
  for (std::size_t index = 0; index < std::min<std::size_t>(2, lines.size()); ++index) {
    if (lines[index].ends_with(kLicence)) return;
  }
  findings.push_back(source.At(1, "begins without \"" + std::string(kLicence) + "\""));
}

void CheckStory(const Source& source, Findings& findings) {
  const auto& lines = source.lines();
  std::size_t end = 1;
  std::size_t words = 0;
  while (end < lines.size() && lines[end].starts_with("//")) {
    words += CountWords(lines[end].substr(2));
    ++end;
  }
  if (words < kStoryWordsMin) {
    findings.push_back(source.At(2, "has no story after its licence line: say what this file is"));
  }
  if (end - 1 > kStoryLinesMax) {
    findings.push_back(source.At(2, "tells a story of " + std::to_string(end - 1) +
                                        " lines; 40 is the limit, the rest belongs into docs/"));
  }
}

// A header that users include is its own reference: its story has an example, indented, and says
// what can fail, who may call it from where, what has to outlive what, and what it costs.
void CheckContract(const Source& source, Findings& findings) {
  constexpr std::array<std::string_view, 4> kClauses = {
      "Errors:", "Thread safety:", "Lifetimes:", "Cost:"};
  const auto& lines = source.lines();
  std::string story;
  bool has_example = false;
  for (std::size_t at = 1; at < lines.size() && lines[at].starts_with("//"); ++at) {
    has_example = has_example || lines[at].starts_with("//   ");
    // A clause may begin at the end of one line and go on in the next.
    story += lines[at].substr(2);
  }
  if (!has_example) findings.push_back(source.At(2, "is public: its story wants an example"));
  for (const std::string_view clause : kClauses) {
    const std::size_t place = story.find(" " + std::string(clause) + " ");
    if (place != story.npos) continue;
    findings.push_back(source.At(2, "is public: its story wants \"" + std::string(clause) + "\""));
  }
}

void CheckGuard(const Source& source, Findings& findings) {
  const std::string guard = GuardName(source.path());
  const std::array wanted = {"#ifndef " + guard, "#define " + guard, "#endif  // " + guard};
  std::size_t found = 0;
  for (const std::string_view line : source.lines()) {
    if (found < wanted.size() && line == wanted[found]) ++found;
  }
  if (found < wanted.size()) findings.push_back(source.At(1, "wants the header guard " + guard));
}

bool IsPublic(const Source& source) {
  return source.IsHeader() && source.path().starts_with("include/cairn/") &&
         !source.path().starts_with("include/cairn/internal/");
}

// A source that includes its header first proves that the header needs nothing before it.
void CheckOwnHeaderFirst(const Source& source, Findings& findings) {
  std::string own = source.path().substr(0, source.path().size() - 3) + ".h";
  own.erase(0, own.find('/') + 1);
  const std::vector<Include> includes = Includes(source);
  const auto place = std::ranges::find_if(
      includes, [&](const Include& include) { return include.quoted && include.name == own; });
  if (place == includes.end() || place == includes.begin()) return;
  findings.push_back(source.At(place->line, "its own header comes first"));
}

void CheckColumns(const Source& source, Findings& findings) {
  for (std::size_t index = 0; index < source.lines().size(); ++index) {
    const std::size_t columns = CountColumns(source.lines()[index]);
    if (columns <= kColumnsMax) continue;
    findings.push_back(
        source.At(index + 1, "has " + std::to_string(columns) + " columns; 100 is the limit"));
  }
}

void CheckFileLength(const Source& source, Findings& findings) {
  const std::size_t count = source.lines().size();
  if (count <= kFileLinesMax) return;
  findings.push_back(
      source.At(0, "has " + std::to_string(count) + " lines; above 800 it wants to be two files"));
}

// Only those in comments.
void CheckTodos(const Source& source, Findings& findings) {
  const std::string_view text = source.text();
  for (std::size_t at = text.find("TODO"); at != text.npos; at = text.find("TODO", at + 1)) {
    if (!IsWordAt(text, at, "TODO") || source.code()[at] != kCommentByte) continue;
    const std::string_view after = text.substr(at + 4);
    if (after.starts_with("(perf):") || after.starts_with("(compat):")) continue;
    findings.push_back(source.At(source.LineAt(at), "a TODO is TODO(perf): or TODO(compat):"));
  }
}

void CheckTitle(const Source& source, Findings& findings) {
  std::size_t titles = 0;
  bool fenced = false;
  for (std::size_t index = 0; index < source.lines().size(); ++index) {
    const std::string_view line = source.lines()[index];
    if (line.starts_with("```")) fenced = !fenced;
    if (fenced || !line.starts_with("# ")) continue;
    if (++titles > 1) findings.push_back(source.At(index + 1, "is a second title of this page"));
  }
  if (titles == 0) findings.push_back(source.At(1, "wants one title, \"# ...\""));
}

// Where people and build machines keep their things.
bool IsSomebodysFolder(std::string_view folder) {
  constexpr std::array<std::string_view, 12> kSomebodys = {
      "home", "root",  "Users", "work", "workspace", "workspaces",
      "mnt",  "media", "srv",   "data", "build",     "builds"};
  return std::ranges::find(kSomebodys, folder) != kSomebodys.end();
}

// An absolute path of two parts or more under such a folder, after a blank, a quote or '='.
void CheckPaths(const Source& source, Findings& findings) {
  constexpr std::string_view kBefore = " \"'`(=\t";
  const std::string_view text = source.text();
  for (std::size_t at = text.find('/'); at != text.npos; at = text.find('/', at + 1)) {
    if (at > 0 && text[at - 1] != '\n' && kBefore.find(text[at - 1]) == kBefore.npos) continue;
    std::size_t end = at + 1;
    while (end < text.size() && (IsWordByte(text[end]) || text[end] == '-')) ++end;
    const std::string_view folder = text.substr(at + 1, end - at - 1);
    const bool goes_on = end + 1 < text.size() && text[end] == '/' && IsWordByte(text[end + 1]);
    if (!goes_on || !IsSomebodysFolder(folder)) continue;
    findings.push_back(source.At(source.LineAt(at),
                                 "/" + std::string(folder) + "/... is a path of one machine only"));
  }
}

}  // namespace

std::string GuardName(std::string_view path) {
  for (const std::string_view root : {"src/", "include/"}) {
    if (path.starts_with(root)) path.remove_prefix(root.size());
  }
  if (path.starts_with("cairn/")) path.remove_prefix(6);
  std::string guard = "CAIRN_";
  for (const char byte : path) {
    guard +=
        IsWordByte(byte) ? static_cast<char>(std::toupper(static_cast<unsigned char>(byte))) : '_';
  }
  return guard + "_";
}

std::vector<Finding> CheckLayout(const Source& source) {
  Findings findings;
  const bool is_program = source.IsCpp() || source.IsScript();
  if (is_program) {
    CheckLicence(source, findings);
    CheckColumns(source, findings);
    CheckFileLength(source, findings);
  }
  if (source.IsCpp()) {
    CheckStory(source, findings);
    if (IsPublic(source)) CheckContract(source, findings);
    CheckTodos(source, findings);
    if (source.IsHeader()) {
      CheckGuard(source, findings);
    } else {
      CheckOwnHeaderFirst(source, findings);
    }
  }
  if (source.IsMarkdown()) CheckTitle(source, findings);
  if (is_program || source.IsMarkdown()) CheckPaths(source, findings);
  return findings;
}

}  // namespace cairn::tidy
