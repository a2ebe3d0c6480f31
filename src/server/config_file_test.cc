// SPDX-License-Identifier: BSD-3-Clause
// Files, includes and their limits, standard input, the command line.
#include "server/config_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/text.h"
#include "server/config_disk.h"

namespace cairn::server {
namespace {

constexpr std::string_view kAt = "Reading the configuration file, at line ";

ConfigHost TestHost() { return {.cores = 1, .memory_bytes = 1000, .directory = "/"}; }

// Includes come from a map.
class Reading {
 public:
  std::map<std::string, std::string> files;

  Status Read(std::string_view text) { return reader_.Read(text); }
  Config& config() { return config_; }
  ConfigReader& reader() { return reader_; }

 private:
  Result<std::vector<ConfigReader::File>> Find(const std::string& pattern) const {
    const auto found = files.find(pattern);
    if (found == files.end()) return Fail(StatusCode::kNotFound, "no " + pattern);
    return std::vector<ConfigReader::File>{{found->first, found->second}};
  }

  Config config_{TestHost()};
  ConfigReader reader_{config_, [this](const std::string& pattern) { return Find(pattern); }};
};

// A folder that goes away with the test.
class Folder {
 public:
  explicit Folder(const std::string& name) : path_(::testing::TempDir() + name) {
    std::filesystem::remove_all(path_);
    std::filesystem::create_directories(path_);
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  std::string Put(const std::string& name, std::string_view text) const {
    EXPECT_TRUE(ReplaceConfigFile(path_ + "/" + name, text).ok());
    return path_ + "/" + name;
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

TEST(ConfigReader, QuotesCommentsAndBlanks) {
  Reading reading;
  const Status status = reading.Read(
      "# comment\n\n  \t # another\r\n\tport   7000 \r\nmasterauth \"a\\x20\\\"b\\n\"\n"
      "syslog-ident 'it\\'s'\nLOGLEVEL debug");
  ASSERT_TRUE(status.ok()) << status.message();
  EXPECT_EQ(reading.config().Int("port"), 7000);
  EXPECT_EQ(reading.config().Text("masterauth"), "a \"b\n");
  EXPECT_EQ(reading.config().Text("syslog-ident"), "it's");
  EXPECT_EQ(reading.config().Choice<LogLevel>("loglevel"), LogLevel::kDebug);
}

TEST(ConfigReader, ListsAsWordsOrAsOneWord) {
  for (const char* text :
       {"save 60 1 300 2", "save \"60 1 300 2\"", "save '60  1 300 2 '", "save 60 1\nsave 300 2",
        "save \"\"\nsave 60 1\nsave 300 2", "save 7 7\nsave\nsave 60 1\nsave 300 2"}) {
    Reading reading;
    ASSERT_TRUE(reading.Read(text).ok()) << text;
    EXPECT_EQ(reading.config().Text("save"), "60 1 300 2") << text;
  }
}

TEST(ConfigReader, OrdersForOthersAreHandedBack) {
  Reading reading;
  ASSERT_TRUE(
      reading.Read("port 1\nRename-Command FLUSHALL \"\"\nuser a on >x\nuser b off\n").ok());
  const LoadedConfig loaded = reading.reader().TakeLoaded();
  ASSERT_EQ(loaded.renames.size(), 1U);
  EXPECT_EQ(loaded.renames[0].words, (std::vector<std::string>{"rename-command", "FLUSHALL", ""}));
  EXPECT_EQ(loaded.renames[0].place, std::string(kAt) + "2");
  EXPECT_EQ(loaded.renames[0].text, "Rename-Command FLUSHALL \"\"");
  ASSERT_EQ(loaded.users.size(), 2U);
  EXPECT_EQ(loaded.users[1].words, (std::vector<std::string>{"user", "b", "off"}));
}

TEST(ConfigReader, ForgottenDirectivesAreTaken) {
  Reading reading;
  EXPECT_TRUE(reading.Read("list-max-ziplist-entries 5\nlua-replicate-commands yes\n").ok());
}

TEST(ConfigReader, IncludeIsReadInPlace) {
  Reading reading;
  reading.files = {{"a", "port 2\ninclude b\n"}, {"b", "hz 30\n"}};
  ASSERT_TRUE(reading.Read("port 1\nhz 20\ninclude a\nhz 40\n").ok());
  EXPECT_EQ(reading.config().Int("port"), 2);
  EXPECT_EQ(reading.config().Int("hz"), 40);
}

TEST(ConfigReader, ErrorInAnIncludedFileNamesIt) {
  Reading reading;
  reading.files = {{"x-a", "\ninclude x-b\n"}, {"x-b", "hz 1\n\nfoo\n"}};
  EXPECT_EQ(reading.Read("include x-a\n").message(),
            std::string(kAt) + "3 of x-b\n>>> 'foo'\nBad directive or wrong number of arguments");
  EXPECT_EQ(reading.Read("include x-c\n").code(), StatusCode::kNotFound);
}

TEST(ConfigReader, IncludesEndAtTheirDepth) {
  Reading reading;
  for (int i = 0; i <= kIncludeDepthMax; ++i) {
    reading.files["f" + std::to_string(i)] = "include f" + std::to_string(i + 1) + "\n";
  }
  reading.files["f" + std::to_string(kIncludeDepthMax)] = "hz 33\n";
  EXPECT_TRUE(reading.Read("include f1\n").ok());
  EXPECT_EQ(reading.config().Int("hz"), 33);
  const Status status = reading.Read("include f0\n");
  EXPECT_NE(status.message().find("include files are nested too deeply"), std::string::npos);
  reading.files["self"] = "include self\n";
  EXPECT_FALSE(reading.Read("include self\n").ok());
}

TEST(ConfigReader, IncludesEndAtTheirCount) {
  Reading reading;
  reading.files["empty"] = "";
  std::string text;
  for (int i = 0; i < kIncludedFilesMax; ++i) text += "include empty\n";
  EXPECT_TRUE(reading.Read(text).ok());
  EXPECT_NE(reading.Read("include empty").message().find("too many include files"),
            std::string::npos);
}

TEST(ConfigReader, ReplicaAndClusterDoNotGoTogether) {
  Reading reading;
  ASSERT_TRUE(reading.Read("cluster-enabled yes\n").ok());
  EXPECT_TRUE(reading.reader().Finish().ok());
  ASSERT_TRUE(reading.Read("slaveof 127.0.0.1 1\n").ok());
  EXPECT_EQ(reading.reader().Finish().message(), "replicaof directive not allowed in cluster mode");
}

TEST(ConfigArguments, WhatTheyStandFor) {
  struct {
    std::vector<std::string> arguments;
    std::string file;
    bool reads_input;
    std::string options;
  } rows[] = {
      {{}, "", false, ""},
      {{"a.conf"}, "a.conf", false, ""},
      {{"-"}, "", true, ""},
      {{"a.conf", "-"}, "a.conf", true, ""},
      {{"a.conf", "-", "--hz", "5"}, "a.conf", true, "hz \"5\" "},
      {{"a.conf", "--hz", "5", "-"}, "a.conf", true, "hz \"5\" "},
      {{"-", "--hz", "5"}, "", true, "hz \"5\" "},
      {{"--hz", "5"}, "", false, "hz \"5\" "},
      {{"a.conf", "hz", "5"}, "a.conf", false, "\"hz\" \"5\" "},
      {{"--hz 5", "--port", "1"}, "", false, "hz 5 \nport \"1\" "},
      {{"--save", "--port", "1"}, "", false, "save \"\"\nport \"1\" "},
      {{"--save"}, "", false, "save \"\""},
      {{"--SAVE", "1", "2"}, "", false, "SAVE \"1\" \"2\" "},
      {{"--maxmemory", "--hz", "5"}, "", false, "maxmemory \"--hz\" \"5\" "},
      {{"--hz", "-x", "a\"b"}, "", false, "hz \"-x\" \"a\\\"b\" "},
      {{"--"}, "", false, " "},
  };
  for (const auto& row : rows) {
    const LaunchArguments launch = ParseLaunchArguments(row.arguments);
    EXPECT_EQ(launch.action, LaunchArguments::Action::kServe);
    EXPECT_EQ(launch.file, row.file);
    EXPECT_EQ(launch.reads_input, row.reads_input);
    // A space between a name and the "" that save gets does not matter.
    std::string options = launch.options;
    EXPECT_EQ(SplitWords(options), SplitWords(row.options)) << options;
    EXPECT_EQ(std::ranges::count(options, '\n'), std::ranges::count(row.options, '\n'));
  }
}

TEST(ConfigArguments, ActionsInsteadOfServing) {
  using enum LaunchArguments::Action;
  const std::pair<std::string, LaunchArguments::Action> rows[] = {
      {"-v", kVersion},  {"--version", kVersion},        {"-h", kHelp},
      {"--help", kHelp}, {"--test-memory", kTestMemory}, {"--check-system", kCheckSystem}};
  for (const auto& [argument, action] : rows) {
    const std::string arguments[] = {argument};
    EXPECT_EQ(ParseLaunchArguments(arguments).action, action);
  }
}

TEST(ConfigLoad, FileIncludesByPatternAndOptionsWin) {
  const Folder folder("cairn_config_load");
  folder.Put("1.inc", "hz 21\n");
  folder.Put("2.inc", "hz 22\ntimeout 5\n");
  const std::string path =
      folder.Put("main.conf", "dir " + folder.path() +
                                  "\ninclude *.inc\ninclude nothing*.inc\nport 1\nsave 60 1\n");
  Config config(TestHost());
  const std::vector<std::string> arguments = {path, "--port", "2", "--save", "30", "3"};
  const auto loaded = LoadConfig(ParseLaunchArguments(arguments), 0, "Cairn 1", config);
  ASSERT_TRUE(loaded.has_value()) << loaded.error().message();
  EXPECT_EQ(config.Int("hz"), 22);
  EXPECT_EQ(config.Int("timeout"), 5);
  EXPECT_EQ(config.Int("port"), 2);
  EXPECT_EQ(config.Text("save"), "60 1 30 3");
  EXPECT_EQ(config.file(), path);
}

TEST(ConfigLoad, FailuresSayWhatToPrint) {
  const Folder folder("cairn_config_fail");
  const std::string path = folder.Put("main.conf", "hz 1\nport 2\n");
  const std::string includes = folder.Put("inc.conf", "include /nonexistent.conf\n");
  struct {
    std::vector<std::string> arguments;
    std::string message;
  } rows[] = {
      {{"/nonexistent.conf"},
       "Fatal error, can't open config file '/nonexistent.conf': No such file or directory\n"},
      {{"nonexistent.conf"},
       "Fatal error, can't open config file '/nonexistent.conf': No such file or directory\n"},
      {{includes},
       "Fatal error, can't open config file '/nonexistent.conf': No such file or directory\n"},
      {{folder.path()},
       "Fatal error, can't open config file '" + folder.path() + "': Is a directory\n"},
      // The line numbers of Redis: the options follow the file after an empty line.
      {{path, "--foo", "x"},
       "\n*** FATAL CONFIG FILE ERROR (Cairn 1) ***\nReading the configuration file, at line "
       "4\n>>> 'foo \"x\"'\nBad directive or wrong number of arguments\n"},
      {{"--port", "5", "--unixsocket"},
       "\n*** FATAL CONFIG FILE ERROR (Cairn 1) ***\nReading the configuration file, at line "
       "3\n>>> 'unixsocket'\nwrong number of arguments\n"},
      {{"--cluster-enabled", "yes", "--replicaof", "a", "1"},
       "\n*** FATAL CONFIG FILE ERROR (Cairn 1) ***\nreplicaof directive not allowed in cluster "
       "mode\n"},
  };
  for (const auto& row : rows) {
    Config config(TestHost());
    const auto loaded = LoadConfig(ParseLaunchArguments(row.arguments), 0, "Cairn 1", config);
    ASSERT_FALSE(loaded.has_value());
    EXPECT_EQ(loaded.error().message(), row.message);
  }
}

TEST(ConfigLoad, StandardInputComesAfterTheFile) {
  const Folder folder("cairn_config_input");
  const std::string path = folder.Put("main.conf", "hz 21\nport 1");
  const std::string input_path = folder.Put("input", "hz 22\ntimeout 3\n");
  const int input = ::open(input_path.c_str(), O_RDONLY | O_CLOEXEC);
  ASSERT_GE(input, 0);
  Config config(TestHost());
  const std::vector<std::string> arguments = {path, "-", "--timeout", "4"};
  const auto loaded = LoadConfig(ParseLaunchArguments(arguments), input, "Cairn 1", config);
  ::close(input);
  ASSERT_TRUE(loaded.has_value()) << loaded.error().message();
  EXPECT_EQ(config.Int("hz"), 22);
  EXPECT_EQ(config.Int("port"), 1);
  EXPECT_EQ(config.Int("timeout"), 4);
}

TEST(ConfigLoad, DebiansFile) {
  const auto text = ReadConfigFile("/etc/redis/redis.conf");
  if (!text) GTEST_SKIP() << "no /etc/redis/redis.conf here";
  Reading reading;
  std::string without_dir;  // the folder it names may not be ours to enter
  for (std::string_view rest = *text; !rest.empty();) {
    const std::size_t end = std::min(rest.find('\n'), rest.size() - 1) + 1;
    if (!rest.starts_with("dir ")) without_dir += rest.substr(0, end);
    rest.remove_prefix(end);
  }
  const Status status = reading.Read(without_dir);
  EXPECT_TRUE(status.ok()) << status.message();
  EXPECT_TRUE(reading.config().Bool("daemonize"));
  EXPECT_EQ(reading.config().Text("bind"), "127.0.0.1 -::1");
}

}  // namespace
}  // namespace cairn::server
