// SPDX-License-Identifier: BSD-3-Clause
// Configuration texts from anybody: a file, the words of a command line, a CONFIG SET.
//
// The first byte chooses. Whatever is read, the configuration must afterwards survive its own
// rewrite: the new file loads, gives the same values, and rewrites to itself.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/check.h"
#include "first_byte.h"
#include "server/config.h"
#include "server/config_file.h"
#include "server/config_rewrite.h"

namespace {

using cairn::Result;
using cairn::server::Config;
using cairn::server::ConfigAssignment;
using cairn::server::ConfigCaller;
using cairn::server::ConfigEntry;
using cairn::server::ConfigHost;
using cairn::server::ConfigReader;

ConfigHost FuzzHost() { return {.cores = 2, .memory_bytes = 1 << 30, .directory = "/"}; }

// Any file exists; one includes itself, which the reader ends.
Result<std::vector<ConfigReader::File>> FilesOf(const std::string& pattern) {
  return std::vector<ConfigReader::File>{{pattern, pattern == "self" ? "include self" : "hz 20\n"}};
}

std::vector<ConfigEntry> Everything(const Config& config) {
  const std::string_view everything[] = {"*"};
  return config.Get(everything);
}

void CheckRewrite(const Config& config, std::string_view old_text) {
  const std::string text = cairn::server::RewriteConfigText(config, old_text);
  Config again(FuzzHost());
  ConfigReader reader(again, [](const std::string&) { return std::vector<ConfigReader::File>(); });
  CHECK(reader.Read(text).ok());
  CHECK(Everything(again) == Everything(config));
  CHECK(cairn::server::RewriteConfigText(again, text) == text);
}

std::vector<std::string> SplitAtZeros(std::string_view bytes) {
  std::vector<std::string> parts;
  while (!bytes.empty()) {
    const std::size_t end = std::min(bytes.find('\0'), bytes.size());
    parts.emplace_back(bytes.substr(0, end));
    bytes.remove_prefix(std::min(end + 1, bytes.size()));
  }
  return parts;
}

void ReadFile(std::string_view text) {
  Config config(FuzzHost());
  if (!ConfigReader(config, FilesOf).Read(text).ok()) return;
  // The rewritten file is read without what it included, so its values must all be in it.
  CheckRewrite(config, text);
}

void ReadArguments(std::string_view bytes) {
  const auto launch = cairn::server::ParseLaunchArguments(SplitAtZeros(bytes));
  Config config(FuzzHost());
  if (ConfigReader(config, FilesOf).Read(launch.options).ok()) CheckRewrite(config, "");
}

void SetValues(std::string_view bytes) {
  const std::vector<std::string> parts = SplitAtZeros(bytes);
  std::vector<ConfigAssignment> assignments;
  for (std::size_t i = 0; i + 1 < parts.size(); i += 2) {
    assignments.push_back({parts[i], parts[i + 1]});
  }
  Config config(FuzzHost());
  const auto before = Everything(config);
  if (!config.Set(assignments, ConfigCaller::kLocal).ok()) CHECK(Everything(config) == before);
  CheckRewrite(config, bytes);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return cairn::fuzz::RunOneOf({ReadFile, ReadArguments, SetValues}, data, size);
}
