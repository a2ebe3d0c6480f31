// SPDX-License-Identifier: BSD-3-Clause
// redis-server answers the tables of cases.h, and its names, defaults and rewritten files are held
// against ours. Where it is not installed the tests say so and pass.
//
// Differences that are meant stand in kNotCompared, kNewNames and kHiddenNames below, with their
// reasons; any other one fails.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "config/cases.h"
#include "server/config.h"
#include "server/config_file.h"
#include "server/config_rewrite.h"
#include "support/channel.h"
#include "support/files.h"
#include "support/server_process.h"

namespace cairn::testing {
namespace {

using server::Config;
using server::ConfigEntry;
using server::ConfigHost;

constexpr char kOracle[] = "/usr/bin/redis-server";

using Entries = std::map<std::string, std::string>;

// Values that depend on the machine or on how the oracle was started here.
const std::set<std::string> kNotCompared = {"port", "bind", "dir", "io-threads"};

// Names that Redis 7.0 does not have: those of 7.2, and our own.
const std::set<std::string> kNewNames = {
    "cluster-announce-human-nodename",  // 7.2
    "locale-collate",                   // 7.2
    "set-max-listpack-entries",         // 7.2
    "set-max-listpack-value",           // 7.2
    "tls-auth-clients-user",            // later
    "cairn-audit-log",                  // ours alone
    "cairn-namespaces",                 // the same
    "cairn-miss-ratio-curve",           // what more memory would give
    "cairn-ttl-advisor",                // keys loaded again unchanged
    "cairn-stripes",                    // how the keyspace is cut
    "cairn-key-statistics",             // what is asked for, sampled
    "cairn-hot-keys",                   // the same
    "cairn-hot-keys-period",            // the same
    "cairn-prefixes",                   // the same
    "cairn-prefixes-period",            // the same
    "cairn-big-keys",                   // the largest keys, listed
};

// Shown by 7.0, hidden since 7.2.
const std::set<std::string> kHiddenNames = {"aof-disable-auto-gc"};

// One server and one connection to it.
struct Oracle {
  std::unique_ptr<ServerProcess> process;
  std::unique_ptr<Channel> channel;

  std::string Ask(const std::vector<std::string>& words) const {
    const Result<Reply> reply = Call(*channel, words);
    return reply ? reply->text : std::string(reply.error().message());
  }
  Entries Get(const std::string& pattern) const {
    Entries entries;
    const Result<Reply> reply = Call(*channel, {"CONFIG", "GET", pattern});
    if (!reply) return entries;
    for (std::size_t i = 0; i + 1 < reply->items.size(); i += 2) {
      entries[reply->items[i].text] = reply->items[i + 1].text;
    }
    return entries;
  }
};

bool HasOracle() { return ::access(kOracle, X_OK) == 0; }

Oracle StartOracle(std::vector<std::string> arguments, const std::string& config_path = {}) {
  auto process = ServerProcess::Start(
      {.binary = kOracle, .config_path = config_path, .arguments = std::move(arguments)});
  if (!process) {
    ADD_FAILURE() << process.error().message();
    return {};
  }
  auto channel = ConnectTcp((*process)->port());
  if (!channel) {
    ADD_FAILURE() << channel.error().message();
    return {};
  }
  return {*std::move(process), *std::move(channel)};
}

ConfigHost TestHost() { return {.cores = 1, .memory_bytes = 1LL << 33, .directory = "/"}; }

Entries Everything(const Config& config) {
  Entries entries;
  const std::string_view everything[] = {"*"};
  for (ConfigEntry& entry : config.Get(everything)) entries[entry.name] = entry.value;
  return entries;
}

std::string WriteTemporary(std::string_view text) {
  std::string path = ::testing::TempDir() + "cairn_config_XXXXXX";
  const int descriptor = ::mkstemp(path.data());
  EXPECT_GE(descriptor, 0);
  ::close(descriptor);
  EXPECT_TRUE(WriteFile(path, text).ok());
  return path;
}

TEST(ConfigOracle, NamesAndDefaults) {
  if (!HasOracle()) GTEST_SKIP() << "no redis-server here";
  const Oracle oracle = StartOracle({});
  ASSERT_NE(oracle.channel, nullptr);
  const Entries theirs = oracle.Get("*");
  ASSERT_GT(theirs.size(), 150U);
  const Entries ours = Everything(Config(TestHost()));
  for (const auto& [name, value] : theirs) {
    if (kHiddenNames.contains(name)) continue;
    ASSERT_TRUE(ours.contains(name)) << name;
    if (kNotCompared.contains(name)) continue;
    EXPECT_EQ(ours.at(name), value) << name;
  }
  for (const auto& [name, value] : ours) {
    EXPECT_NE(theirs.contains(name), kNewNames.contains(name)) << name;
  }
}

TEST(ConfigOracle, SetOne) {
  if (!HasOracle()) GTEST_SKIP() << "no redis-server here";
  const Oracle oracle = StartOracle({"--enable-protected-configs", "yes"});
  ASSERT_NE(oracle.channel, nullptr);
  for (const SetCase& row : SetCases()) {
    if (row.ours) continue;
    const std::string name(row.name);
    const std::string reply = oracle.Ask({"CONFIG", "SET", name, std::string(row.value)});
    if (row.refusal.empty()) {
      EXPECT_EQ(reply, "OK") << name << " = " << row.value;
      EXPECT_EQ(oracle.Get(name)[name], row.shows) << name << " = " << row.value;
    } else {
      EXPECT_TRUE(reply.ends_with("') - " + std::string(row.refusal)))
          << name << " = '" << row.value << "': " << reply;
    }
  }
}

TEST(ConfigOracle, SetMany) {
  if (!HasOracle()) GTEST_SKIP() << "no redis-server here";
  const Oracle oracle = StartOracle({});
  ASSERT_NE(oracle.channel, nullptr);
  for (const ManyCase& row : ManyCases()) {
    std::vector<std::string> words = {"CONFIG", "SET"};
    words.insert(words.end(), row.words.begin(), row.words.end());
    EXPECT_EQ(oracle.Ask(words), row.reply);
  }
}

TEST(ConfigOracle, Get) {
  if (!HasOracle()) GTEST_SKIP() << "no redis-server here";
  const Oracle oracle = StartOracle({});
  ASSERT_NE(oracle.channel, nullptr);
  for (const GetCase& row : GetCases()) {
    std::vector<std::string> words = {"CONFIG", "GET"};
    words.insert(words.end(), row.patterns.begin(), row.patterns.end());
    const Result<Reply> reply = Call(*oracle.channel, words);
    ASSERT_TRUE(reply.has_value());
    // Redis answers in the order of its hash table.
    std::multiset<std::string_view> theirs;
    for (const Reply& item : reply->items) theirs.insert(item.text);
    EXPECT_EQ(theirs, std::multiset<std::string_view>(row.entries.begin(), row.entries.end()))
        << row.patterns[0];
  }
}

// What a server prints that ends at once.
std::string OutputOf(const std::string& command) {
  std::string output;
  FILE* pipe = ::popen(command.c_str(), "r");
  if (pipe == nullptr) return "popen failed";
  char part[4096];
  while (const std::size_t taken = ::fread(part, 1, sizeof(part), pipe)) output.append(part, taken);
  ::pclose(pipe);
  return output;
}

TEST(ConfigOracle, BadFile) {
  if (!HasOracle()) GTEST_SKIP() << "no redis-server here";
  for (const BadFileCase& row : BadFileCases()) {
    if (row.ours) continue;
    const std::string path = WriteTemporary(row.text);
    const std::string output =
        OutputOf("timeout 5 " + std::string(kOracle) + " " + path + " 2>&1 </dev/null");
    ::unlink(path.c_str());
    const std::size_t title = output.find("\n*** FATAL CONFIG FILE ERROR (Redis ");
    ASSERT_NE(title, std::string::npos) << row.text << output;
    const std::size_t detail = output.find(" ***\n", title) + 5;
    EXPECT_EQ(output.substr(detail),
              "Reading the configuration file, at line " + std::string(row.detail) + "\n");
  }
}

TEST(ConfigOracle, Launch) {
  if (!HasOracle()) GTEST_SKIP() << "no redis-server here";
  for (const LaunchCase& row : LaunchCases()) {
    const Oracle oracle = StartOracle(row.arguments);
    ASSERT_NE(oracle.channel, nullptr);
    const std::string name(row.name);
    EXPECT_EQ(oracle.Get(name)[name], row.value) << row.arguments[0];
  }
}

// --- CONFIG REWRITE ---

struct RewriteCase {
  std::string_view file;
  std::vector<std::string> changes;  // of CONFIG SET, all at once; may be empty
};

const std::vector<RewriteCase>& RewriteCases() {
  static const std::vector<RewriteCase> cases = {
      {"", {}},
      {"# hello\n\n\n\n  maxmemory   10mb  \n# mid\nsave 60 1\nsave 30 2\nslave-priority 7\n"
       "maxmemory-policy allkeys-lru\nrename-command FLUSHALL \"\"\nhz 10\nhz 20\n"
       "client-output-buffer-limit normal 1gb 2gb 3\nmasterauth \"a b\"\n"
       "list-max-ziplist-entries 5\nlogfile \"\"\nnotify-keyspace-events KEA\n\n\n# end",
       {"maxmemory",
        "0",
        "save",
        "",
        "hz",
        "10",
        "replica-announce-ip",
        "1.2.3.4",
        "maxmemory-clients",
        "5%",
        "repl-backlog-size",
        "1000000",
        "shutdown-on-sigterm",
        "now force",
        "oom-score-adj-values",
        "1 2 3",
        "latency-tracking-info-percentiles",
        "",
        "proto-max-bulk-len",
        "2gb"}},
      {"save \"\"\nclient-output-buffer-limit normal 0 0 0\n"
       "client-output-buffer-limit slave 1mb 1mb 60\n"
       "notify-keyspace-events \"\"\n"
       "oom-score-adj-values 0 200 800\nmasterauth x\nsyslog-ident \"a\\x01b\"\n",
       {"save", "60 1 30 2", "masterauth", "", "maxmemory", "5mb", "notify-keyspace-events",
        "KEx"}},
      {"include /nonexistent*/x.conf\nhash-max-ziplist-value 64\nunixsocketperm 700\n"
       "MAXMEMORY 1kb\n",
       {}},
  };
  return cases;
}

// What is compared: the lines before the signature in order, those after it in any. Users are
// written by Redis only, as is an empty line where the old file ended.
std::pair<std::string, std::set<std::string>> Parts(const std::string& text) {
  std::pair<std::string, std::set<std::string>> parts;
  const std::string signature = std::string(server::kRewriteSignature) + "\n";
  const std::size_t at = std::min(text.find(signature), text.size());
  parts.first = text.substr(0, at);
  while (parts.first.ends_with('\n')) parts.first.pop_back();
  std::size_t start = std::min(at + signature.size(), text.size());
  while (start < text.size()) {
    const std::size_t end = std::min(text.find('\n', start), text.size());
    const std::string line = text.substr(start, end - start);
    if (!line.empty() && !line.starts_with("user ")) parts.second.insert(line);
    start = end + 1;
  }
  return parts;
}

TEST(ConfigOracle, Rewrite) {
  if (!HasOracle()) GTEST_SKIP() << "no redis-server here";
  for (const RewriteCase& row : RewriteCases()) {
    SCOPED_TRACE(row.file);
    const std::string path = WriteTemporary(row.file);
    const Oracle oracle = StartOracle({}, path);
    ASSERT_NE(oracle.channel, nullptr);
    std::vector<std::string> arguments = {path,
                                          "--port",
                                          std::to_string(oracle.process->port()),
                                          "--bind",
                                          "127.0.0.1",
                                          "--dir",
                                          oracle.process->directory()};
    Config config(TestHost());
    ASSERT_TRUE(server::LoadConfig(server::ParseLaunchArguments(arguments), 0, "Cairn", config)
                    .has_value());
    if (!row.changes.empty()) {
      std::vector<std::string> words = {"CONFIG", "SET"};
      words.insert(words.end(), row.changes.begin(), row.changes.end());
      ASSERT_EQ(oracle.Ask(words), "OK");
      std::vector<server::ConfigAssignment> assignments;
      for (std::size_t i = 0; i < row.changes.size(); i += 2) {
        assignments.push_back({row.changes[i], row.changes[i + 1]});
      }
      ASSERT_TRUE(config.Set(assignments, server::ConfigCaller::kRemote).ok());
    }
    ASSERT_EQ(oracle.Ask({"CONFIG", "REWRITE"}), "OK");
    const auto theirs = ReadFile(path);
    ASSERT_TRUE(theirs.has_value());
    ::unlink(path.c_str());
    EXPECT_EQ(Parts(server::RewriteConfigText(config, row.file)), Parts(*theirs));
  }
}

}  // namespace
}  // namespace cairn::testing
