// SPDX-License-Identifier: BSD-3-Clause
// Plain C streams: small files, read once.
#include "support/files.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>

namespace cairn::testing {
namespace {

struct Closer {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, Closer>;

Status IoError(const std::string& path) {
  return {StatusCode::kIo, path + ": " + std::strerror(errno)};
}

}  // namespace

Result<std::string> ReadFile(const std::string& path) {
  const File file(std::fopen(path.c_str(), "rb"));
  if (!file) return std::unexpected(IoError(path));
  std::string text;
  char buffer[64 * 1024];
  while (const std::size_t got = std::fread(buffer, 1, sizeof(buffer), file.get())) {
    text.append(buffer, got);
  }
  if (std::ferror(file.get()) != 0) return std::unexpected(IoError(path));
  return text;
}

Status WriteFile(const std::string& path, std::string_view text) {
  File file(std::fopen(path.c_str(), "wb"));
  if (!file) return IoError(path);
  const bool written = std::fwrite(text.data(), 1, text.size(), file.get()) == text.size();
  const bool closed = std::fclose(file.release()) == 0;
  return written && closed ? Status() : IoError(path);
}

std::vector<std::string> FilesUnder(const std::string& folder, std::string_view suffix) {
  std::vector<std::string> paths;
  std::error_code missing;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder, missing)) {
    if (entry.is_regular_file() && entry.path().native().ends_with(suffix)) {
      paths.push_back(entry.path());
    }
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

}  // namespace cairn::testing
