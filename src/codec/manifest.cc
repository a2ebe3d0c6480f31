// SPDX-License-Identifier: BSD-3-Clause
// Lines of word pairs. What Redis refuses is refused, with the line; numbers are read strictly,
// where Redis takes "1x" for 1.
#include "codec/manifest.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/text.h"

namespace cairn::codec {
namespace {

// What one line says.
struct Row {
  std::string name;
  std::int64_t sequence = 0;
  char type = 0;
};

std::string_view Trimmed(std::string_view line) {
  constexpr std::string_view kSpace = " \t\r\n";
  const std::size_t begin = line.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return line.substr(begin, line.find_last_not_of(kSpace) - begin + 1);
}

// Null if well, else what is wrong.
const char* TakePair(std::string_view key, std::string& value, Row& row) {
  if (EqualsIgnoreCase(key, "file")) {
    if (!IsManifestName(value)) return "a file must be a name, not a path";
    row.name = std::move(value);
  } else if (EqualsIgnoreCase(key, "seq")) {
    const std::optional<std::int64_t> number = ParseInt64(value);
    if (!number || *number <= 0) return "the sequence number must be above 0";
    row.sequence = *number;
  } else if (EqualsIgnoreCase(key, "type")) {
    if (value.size() != 1) return "unknown type of file";
    row.type = value[0];
  }
  return nullptr;
}

const char* ParseRow(std::string_view line, Row& row) {
  std::optional<std::vector<std::string>> words = SplitWords(line);
  if (!words || words->size() < 6 || words->size() % 2 != 0)
    return "expected \"file NAME seq NUMBER type LETTER\"";
  for (std::size_t i = 0; i < words->size(); i += 2) {
    if (const char* trouble = TakePair((*words)[i], (*words)[i + 1], row)) return trouble;
  }
  if (row.name.empty() || row.sequence == 0 || row.type == 0)
    return "file, seq and type are all needed";
  return nullptr;
}

const char* AddRow(Row row, Manifest& manifest) {
  ManifestFile file{.name = std::move(row.name), .sequence = row.sequence};
  switch (row.type) {
    case 'b':
      if (manifest.base) return "a second base file";
      manifest.base = std::move(file);
      return nullptr;
    case 'h':
      manifest.history.push_back(std::move(file));
      return nullptr;
    case 'i':
      if (!manifest.increments.empty() && file.sequence <= manifest.increments.back().sequence)
        return "the sequence numbers of increments must ascend";
      manifest.increments.push_back(std::move(file));
      return nullptr;
    default:
      return "unknown type of file";
  }
}

std::unexpected<Status> AtLine(std::size_t number, std::string_view trouble) {
  return Fail(StatusCode::kCorrupt, "line " + std::to_string(number) + ": " + std::string(trouble));
}

void FormatRow(const ManifestFile& file, char type, std::string& out) {
  const bool needs_quotes = std::ranges::any_of(
      file.name, [](char c) { return c <= ' ' || c > '~' || c == '"' || c == '\'' || c == '\\'; });
  out += "file ";
  out += needs_quotes ? QuoteString(file.name) : file.name;
  out += " seq " + Int64ToString(file.sequence) + " type ";
  out += type;
  out += '\n';
}

}  // namespace

bool Manifest::Lists(std::string_view name) const {
  const auto has_name = [&](const ManifestFile& file) { return file.name == name; };
  return (base && has_name(*base)) || std::ranges::any_of(history, has_name) ||
         std::ranges::any_of(increments, has_name);
}

// A byte takes at most four in quotes, and the rest of the line less than a hundred.
bool IsManifestName(std::string_view name) {
  return !name.empty() && name.size() <= (kManifestLineMax - 100) / 4 &&
         name.find_first_of(std::string_view("/\\\0", 3)) == std::string_view::npos &&
         name != "." && name != "..";
}

Result<Manifest> ParseManifest(std::string_view text) {
  if (text.size() > kManifestBytesMax) return Fail(StatusCode::kLimit, "too large");
  Manifest manifest;
  std::set<std::string> names;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t end = text.substr(0, kManifestLineMax).find('\n');
    if (end == std::string_view::npos)
      return AtLine(number, text.size() >= kManifestLineMax ? "too long" : "it does not end");
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end + 1);
    if (line.starts_with('#')) continue;
    Row row;
    if (const char* trouble = ParseRow(Trimmed(line), row)) return AtLine(number, trouble);
    if (!names.insert(row.name).second) return AtLine(number, "a file is named twice");
    if (const char* trouble = AddRow(std::move(row), manifest)) return AtLine(number, trouble);
  }
  if (names.empty()) return Fail(StatusCode::kCorrupt, "it names no file");
  return manifest;
}

std::string FormatManifest(const Manifest& manifest) {
  std::string out;
  if (manifest.base) FormatRow(*manifest.base, 'b', out);
  for (const ManifestFile& file : manifest.history) FormatRow(file, 'h', out);
  for (const ManifestFile& file : manifest.increments) FormatRow(file, 'i', out);
  return out;
}

}  // namespace cairn::codec
