// SPDX-License-Identifier: BSD-3-Clause
// The include graph is read from the text: conditional includes count like any other.
#include "tidy/floors.h"

#include <algorithm>
#include <cctype>
#include <set>

namespace cairn::tidy {
namespace {

constexpr std::string_view kSourceRoot = "src/";
constexpr std::string_view kToolkitRoot = "toolkit/";
constexpr std::string_view kPublicRoot = "cairn/";

// As FLOORS names it: "src/base/text.cc" -> "base", "toolkit/sql/table.cc" -> "toolkit/sql"; empty
// for what is in no folder of the two.
std::string_view FolderOf(std::string_view path) {
  if (path.starts_with(kSourceRoot)) {
    path.remove_prefix(kSourceRoot.size());
    const std::size_t slash = path.find('/');
    return slash == path.npos ? std::string_view() : path.substr(0, slash);
  }
  if (!path.starts_with(kToolkitRoot)) return {};
  const std::size_t slash = path.find('/', kToolkitRoot.size());
  return slash == path.npos ? std::string_view() : path.substr(0, slash);
}

// Where only what users have may be included.
bool IsForUsers(std::string_view path) {
  return path.starts_with("include/") || path.starts_with("examples/");
}

// An example of several files has a folder: examples/shop/a.cc includes "shop/a.h".
bool IsOfExample(std::string_view path, std::string_view include) {
  constexpr std::string_view kExamples = "examples/";
  if (!path.starts_with(kExamples)) return false;
  path.remove_prefix(kExamples.size());
  const std::size_t end = path.find('/');
  return end != path.npos && include.starts_with(path.substr(0, end + 1));
}

std::string WhyForbidden(std::string_view from, std::string_view to, const Floors& floors) {
  if (from == to) return {};
  const auto upper = floors.find(from);
  const auto lower = floors.find(to);
  if (upper == floors.end()) return {};  // CheckDeadFiles says that this folder is not built
  if (lower == floors.end()) return std::string(to) + " has no floor in FLOORS";
  const std::string pair = std::string(from) + " (floor " + std::to_string(upper->second) +
                           ") includes " + std::string(to) + " (floor " +
                           std::to_string(lower->second) + ")";
  if (lower->second > upper->second) return pair + ": upwards";
  if (lower->second == upper->second) return pair + ": a sibling";
  return {};
}

// The same for an include as it is written.
std::string WhyNotIncluded(std::string_view folder, std::string_view name, const Floors& floors) {
  const std::size_t slash = name.find('/');
  if (slash == name.npos) return "includes \"" + std::string(name) + "\" without its folder";
  std::string to(name.substr(0, slash));
  if (folder.starts_with(kToolkitRoot)) to.insert(0, kToolkitRoot);
  return WhyForbidden(folder, to, floors);
}

bool IsBuilt(const Source& source, const Floors& floors, const std::set<std::string>& built_by) {
  const std::string& path = source.path();
  const std::size_t depth = static_cast<std::size_t>(std::ranges::count(path, '/'));
  if (path.starts_with(kSourceRoot)) return depth == 2 && floors.contains(FolderOf(path));
  if (path.starts_with(kToolkitRoot)) return depth == 2 && floors.contains(FolderOf(path));
  if (path.starts_with("fuzz/")) return depth == 1 && path.ends_with("_fuzz.cc");
  if (path.starts_with("bench/") && depth == 1) return true;
  // Elsewhere the nearest CMakeLists.txt upwards decides, by name or by glob.
  for (std::size_t slash = path.rfind('/'); slash != path.npos && slash > 0;
       slash = path.rfind('/', slash - 1)) {
    if (built_by.contains(path.substr(0, slash))) return true;
  }
  return false;
}

}  // namespace

Floors ParseFloors(std::string_view text) {
  Floors floors;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    int floor = 0;
    std::size_t at = 0;
    for (; at < line.size() && std::isdigit(static_cast<unsigned char>(line[at])) != 0; ++at) {
      floor = floor * 10 + (line[at] - '0');
    }
    if (at == 0 || at + 1 >= line.size() || line[at] != ' ') continue;
    floors.emplace(line.substr(at + 1), floor);
  }
  return floors;
}

std::vector<Finding> CheckFloors(const Source& source, const Floors& floors) {
  std::vector<Finding> findings;
  const std::string_view folder = FolderOf(source.path());
  const bool for_users = IsForUsers(source.path());
  if ((folder.empty() && !for_users) || !source.IsCpp()) return findings;
  for (const Include& include : Includes(source)) {
    if (!include.quoted || include.name.starts_with(kPublicRoot)) continue;
    if (IsOfExample(source.path(), include.name)) continue;
    const std::string why =
        for_users ? "includes \"" + std::string(include.name) + "\", which users do not have"
                  : WhyNotIncluded(folder, include.name, floors);
    if (!why.empty()) findings.push_back(source.At(include.line, why));
  }
  return findings;
}

std::vector<Finding> CheckDeadFiles(std::span<const Source* const> sources, const Floors& floors) {
  std::vector<Finding> findings;
  std::set<std::string> built_by;  // folders with a CMakeLists.txt, but for the root
  std::set<std::string> included;
  for (const Source* source : sources) {
    const std::string& path = source->path();
    if (path.ends_with("/CMakeLists.txt")) built_by.insert(path.substr(0, path.rfind('/')));
    if (!source->IsCpp()) continue;
    for (const Include& include : Includes(*source)) included.insert(std::string(include.name));
  }
  for (const Source* source : sources) {
    const std::string& path = source->path();
    if (path.ends_with(".cc") && !IsBuilt(*source, floors, built_by)) {
      findings.push_back(source->At(0, "is not built: no glob or CMakeLists.txt picks it up"));
    }
    if (source->IsHeader() && path.starts_with(kSourceRoot) &&
        !included.contains(path.substr(kSourceRoot.size()))) {
      findings.push_back(source->At(0, "is included by nobody"));
    }
  }
  return findings;
}

}  // namespace cairn::tidy
