// SPDX-License-Identifier: BSD-3-Clause
// Walks the folders and runs the rules; a file that no rule is for is not even read.
#include "tidy/tree.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <tuple>
#include <utility>

#include "tidy/banned.h"
#include "tidy/floors.h"
#include "tidy/functions.h"
#include "tidy/layout.h"

namespace cairn::tidy {
namespace {

namespace fs = std::filesystem;

// Larger files are data, whatever their name says.
constexpr std::uintmax_t kFileBytesMax = 1 << 20;

std::string ReadWhole(const fs::path& path) {
  std::string text;
  std::FILE* file = std::fopen(path.c_str(), "rb");
  if (file == nullptr) return text;
  std::array<char, 1 << 14> buffer;
  while (const std::size_t size = std::fread(buffer.data(), 1, buffer.size(), file)) {
    text.append(buffer.data(), size);
  }
  std::fclose(file);
  return text;
}

bool IsSkippedFolder(const fs::path& path) {
  const std::string name = path.filename().string();
  return name == "build" || name == "node_modules" || name == "__pycache__" || name == "corpus" ||
         (name.starts_with('.') && name != ".ci");
}

bool HasRules(const Source& source) {
  return source.IsCpp() || source.IsScript() || source.IsMarkdown();
}

void CheckBaselineSize(std::size_t row_count, std::vector<Finding>& findings) {
  if (row_count <= kBaselineRowsMax) return;
  findings.push_back({"tools/tidy/long_functions.txt", 0,
                      "has " + std::to_string(row_count) + " rows; at most " +
                          std::to_string(kBaselineRowsMax) + " are left: it only shrinks"});
}

}  // namespace

Tree ReadTree(const std::string& root) {
  Tree tree;
  std::error_code error;
  fs::recursive_directory_iterator at(root, error);
  for (; !error && at != fs::recursive_directory_iterator(); at.increment(error)) {
    if (at->is_directory(error) && IsSkippedFolder(at->path())) at.disable_recursion_pending();
    if (!at->is_regular_file(error) || at->file_size(error) > kFileBytesMax) continue;
    auto source = std::make_unique<Source>(at->path().lexically_relative(root).generic_string(),
                                           ReadWhole(at->path()));
    if (HasRules(*source)) tree.sources.push_back(std::move(source));
  }
  tree.floors = ReadWhole(fs::path(root) / "src/FLOORS");
  tree.floors += ReadWhole(fs::path(root) / "toolkit/FLOORS");
  tree.baseline = ReadWhole(fs::path(root) / "tools/tidy/long_functions.txt");
  return tree;
}

std::vector<Finding> CheckTree(const Tree& tree) {
  std::vector<Finding> findings;
  const auto add = [&](std::vector<Finding> more) {
    std::ranges::move(more, std::back_inserter(findings));
  };
  const Floors floors = ParseFloors(tree.floors);
  const std::vector<LongFunction> baseline = ParseBaseline(tree.baseline);
  if (tree.sources.empty()) findings.push_back({"src", 0, "there is no tree to look at"});
  if (floors.empty()) findings.push_back({"src/FLOORS", 0, "has no rows"});
  std::vector<const Source*> sources;
  for (const auto& source : tree.sources) {
    sources.push_back(source.get());
    add(CheckLayout(*source));
    add(CheckBanned(*source));
    add(CheckFloors(*source, floors));
  }
  add(CheckFunctionLengths(sources, baseline));
  add(CheckDeadFiles(sources, floors));
  CheckBaselineSize(baseline.size(), findings);
  std::ranges::sort(findings, {}, [](const Finding& finding) {
    return std::tie(finding.path, finding.line, finding.text);
  });
  return findings;
}

}  // namespace cairn::tidy
