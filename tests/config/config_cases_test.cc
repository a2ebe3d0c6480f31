// SPDX-License-Identifier: BSD-3-Clause
// The tables of cases.h, asked of Cairn's Config in this process.
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "config/cases.h"
#include "server/config.h"
#include "server/config_file.h"

namespace cairn::testing {
namespace {

using server::Config;
using server::ConfigAssignment;
using server::ConfigCaller;
using server::ConfigEntry;
using server::ConfigHost;

constexpr std::int64_t kHostMemory = 64LL << 30;

ConfigHost TestHost() { return {.cores = 4, .memory_bytes = kHostMemory, .directory = "/tmp"}; }

std::string Shown(const Config& config, std::string_view name) {
  const std::string_view patterns[] = {name};
  const std::vector<ConfigEntry> entries = config.Get(patterns);
  return entries.size() == 1 ? entries[0].value : "no such directive";
}

std::string Refusal(std::string_view name, std::string_view why) {
  std::string lower(name);
  for (char& byte : lower) byte = static_cast<char>(byte | 0x20 * (byte >= 'A' && byte <= 'Z'));
  return "ERR CONFIG SET failed (possibly related to argument '" + lower + "') - " +
         std::string(why);
}

void OpenGuards(Config& config) {
  const std::string yes[] = {"yes"};
  const std::size_t position = server::ConfigId("enable-protected-configs").position();
  ASSERT_TRUE(config.Assign(position, yes).ok());
}

TEST(ConfigCases, SetOne) {
  Config config(TestHost());
  OpenGuards(config);
  for (const SetCase& row : SetCases()) {
    SCOPED_TRACE(std::string(row.name) + " = '" + std::string(row.value) + "'");
    const std::string before = Shown(config, row.name);
    const ConfigAssignment assignment[] = {{row.name, row.value}};
    const Status status = config.Set(assignment, ConfigCaller::kRemote);
    if (row.refusal.empty()) {
      EXPECT_TRUE(status.ok()) << status.message();
      EXPECT_EQ(Shown(config, row.name), row.shows);
    } else {
      EXPECT_EQ(status.message(), Refusal(row.name, row.refusal));
      EXPECT_EQ(Shown(config, row.name), before);
    }
  }
}

TEST(ConfigCases, SetMany) {
  for (const ManyCase& row : ManyCases()) {
    SCOPED_TRACE(row.reply);
    Config config(TestHost());
    const std::string_view everything[] = {"*"};
    const auto before = config.Get(everything);
    std::vector<ConfigAssignment> assignments;
    for (std::size_t i = 0; i < row.words.size(); i += 2) {
      assignments.push_back({row.words[i], row.words[i + 1]});
    }
    const Status status = config.Set(assignments, ConfigCaller::kRemote);
    EXPECT_EQ(status.message(), row.reply);
    if (!status.ok()) {
      EXPECT_EQ(config.Get(everything), before);
    }
  }
}

TEST(ConfigCases, Get) {
  const Config config(TestHost());
  for (const GetCase& row : GetCases()) {
    std::vector<std::string_view> got;
    const auto entries = config.Get(row.patterns);
    for (const ConfigEntry& entry : entries) {
      got.push_back(entry.name);
      got.push_back(entry.value);
    }
    EXPECT_EQ(got, row.entries) << row.patterns[0];
  }
}

TEST(ConfigCases, BadFile) {
  for (const BadFileCase& row : BadFileCases()) {
    Config config(TestHost());
    server::ConfigReader reader(config, [](const std::string&) {
      return Result<std::vector<server::ConfigReader::File>>();
    });
    const Status status = reader.Read(row.text);
    EXPECT_EQ(status.message(),
              "Reading the configuration file, at line " + std::string(row.detail));
  }
}

TEST(ConfigCases, Launch) {
  for (const LaunchCase& row : LaunchCases()) {
    Config config(TestHost());
    const auto loaded =
        server::LoadConfig(server::ParseLaunchArguments(row.arguments), 0, "Cairn", config);
    ASSERT_TRUE(loaded.has_value()) << loaded.error().message();
    EXPECT_EQ(Shown(config, row.name), row.value) << row.arguments[0];
  }
}

}  // namespace
}  // namespace cairn::testing
