// SPDX-License-Identifier: BSD-3-Clause
// What the tables of tests/config do not ask: hooks and their undoing, who may change guarded
// values, typed reading, what is reported as ignored, readers beside a writer.
#include "server/config.h"

#include <gtest/gtest.h>

#include <atomic>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/thread.h"

namespace cairn::server {
namespace {

ConfigHost TestHost() { return {.cores = 6, .memory_bytes = 1000, .directory = "/"}; }

Status SetOne(Config& config, std::string_view name, std::string_view value,
              ConfigCaller caller = ConfigCaller::kRemote) {
  const ConfigAssignment assignment[] = {{name, value}};
  return config.Set(assignment, caller);
}

void AssignAtStart(Config& config, ConfigId id, std::vector<std::string> words) {
  ASSERT_TRUE(config.Assign(id.position(), words).ok());
}

TEST(ConfigRows, NamesAndAliasesAreUniqueAndLowerCase) {
  std::set<std::string_view> names;
  for (const ConfigRow& row : kConfigRows) {
    EXPECT_TRUE(names.insert(row.name).second) << row.name;
    const bool has_new_alias = row.alias.empty() || names.insert(row.alias).second;
    EXPECT_TRUE(has_new_alias) << row.alias;
    EXPECT_EQ(row.name.find_first_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ *?["), std::string_view::npos);
    EXPECT_FALSE(row.summary.empty()) << row.name;
  }
}

TEST(ConfigRows, FoundByNameAliasAndAnyCase) {
  const ConfigRow* row = FindConfigRow("Slave-Priority");
  ASSERT_NE(row, nullptr);
  EXPECT_EQ(row->name, "replica-priority");
  EXPECT_EQ(FindConfigRow("replica-priority"), row);
  EXPECT_EQ(FindConfigRow("nonexistent"), nullptr);
  EXPECT_EQ(FindConfigRow(""), nullptr);
  EXPECT_TRUE(FindConfigRow("requirepass")->secret);
}

TEST(Config, DefaultsAreTyped) {
  const Config config(TestHost());
  EXPECT_EQ(config.Int("io-threads"), 6);
  EXPECT_EQ(config.Int("port"), 6379);
  EXPECT_EQ(config.Int("proto-max-bulk-len"), 512LL << 20);
  EXPECT_TRUE(config.Bool("protected-mode"));
  EXPECT_EQ(config.Choice<LogLevel>("loglevel"), LogLevel::kNotice);
  EXPECT_EQ(config.Choice<keyspace::EvictionPolicy>("maxmemory-policy"),
            keyspace::EvictionPolicy::kNoEviction);
  EXPECT_EQ(config.Text("dir"), "/");
  EXPECT_EQ(config.Int("shutdown-on-sigterm"), 0);
  EXPECT_EQ(config.BindAddresses(), (std::vector<std::string>{"*", "-::*"}));
  EXPECT_EQ(config.SavePoints(), (std::vector<SavePoint>{{3600, 1}, {300, 100}, {60, 10000}}));
  EXPECT_EQ(config.LatencyPercentiles(), (std::vector<double>{50, 99, 99.9}));
  EXPECT_EQ(config.OutputLimitOf(OutputClass::kNormal), OutputLimit{});
  EXPECT_EQ(config.OutputLimitOf(OutputClass::kReplica), (OutputLimit{256 << 20, 64 << 20, 60}));
  EXPECT_EQ(config.OutputLimitOf(OutputClass::kPubsub), (OutputLimit{32 << 20, 8 << 20, 60}));
}

TEST(Config, WorkersAreBoundedOnHugeMachines) {
  const Config config({.cores = 512, .memory_bytes = 1, .directory = "/"});
  EXPECT_EQ(config.Int("io-threads"), 128);
}

TEST(Config, ListsAreReadAsSet) {
  Config config(TestHost());
  ASSERT_TRUE(SetOne(config, "save", "10 2").ok());
  EXPECT_EQ(config.SavePoints(), (std::vector<SavePoint>{{10, 2}}));
  ASSERT_TRUE(SetOne(config, "save", "").ok());
  EXPECT_TRUE(config.SavePoints().empty());
  ASSERT_TRUE(SetOne(config, "bind", "").ok());
  EXPECT_TRUE(config.BindAddresses().empty());
  ASSERT_TRUE(SetOne(config, "latency-tracking-info-percentiles", "").ok());
  EXPECT_TRUE(config.LatencyPercentiles().empty());
  ASSERT_TRUE(SetOne(config, "client-output-buffer-limit", "pubsub 1kb 2kb 3").ok());
  EXPECT_EQ(config.OutputLimitOf(OutputClass::kPubsub), (OutputLimit{1024, 2048, 3}));
  ASSERT_TRUE(SetOne(config, "notify-keyspace-events", "Kx").ok());
  EXPECT_EQ(config.Int("notify-keyspace-events"), kEventKeyspace | kEventExpired);
}

TEST(Config, ClientMemoryIsAShareOfMaxmemory) {
  Config config(TestHost());
  EXPECT_EQ(config.ClientsMemoryMax(), 0);
  ASSERT_TRUE(SetOne(config, "maxmemory-clients", "5%").ok());
  EXPECT_EQ(config.ClientsMemoryMax(), 0);
  ASSERT_TRUE(SetOne(config, "maxmemory", "2000").ok());
  EXPECT_EQ(config.ClientsMemoryMax(), 100);
  ASSERT_TRUE(SetOne(config, "maxmemory-clients", "77").ok());
  EXPECT_EQ(config.ClientsMemoryMax(), 77);
}

TEST(Config, MaxmemoryIsAShareOfTheHost) {
  Config config(TestHost());
  ASSERT_TRUE(SetOne(config, "maxmemory", "50%").ok());
  EXPECT_EQ(config.Int("maxmemory"), 500);
}

TEST(Config, GuardedValuesNeedPermission) {
  struct {
    const char* permission;
    ConfigCaller caller;
    bool may;
  } rows[] = {{"no", ConfigCaller::kLocal, false},   {"no", ConfigCaller::kRemote, false},
              {"local", ConfigCaller::kLocal, true}, {"local", ConfigCaller::kRemote, false},
              {"yes", ConfigCaller::kLocal, true},   {"yes", ConfigCaller::kRemote, true}};
  for (const auto& row : rows) {
    Config config(TestHost());
    AssignAtStart(config, "enable-protected-configs", {row.permission});
    const Status status = SetOne(config, "dbfilename", "x.rdb", row.caller);
    EXPECT_EQ(status.ok(), row.may) << row.permission;
    EXPECT_EQ(config.Text("dbfilename"), row.may ? "x.rdb" : "dump.rdb");
  }
}

TEST(Config, HooksRunAfterAllValuesAreStored) {
  Config config(TestHost());
  std::vector<std::string> seen;
  config.OnChange("hz", [&](const Config& now) {
    seen.push_back("hz " + std::to_string(now.Int("hz")) + " " + now.Text("masterauth"));
    return Status();
  });
  config.OnChange("hz", [&](const Config&) {
    seen.emplace_back("second");
    return Status();
  });
  const ConfigAssignment both[] = {{"hz", "20"}, {"masterauth", "m"}};
  ASSERT_TRUE(config.Set(both, ConfigCaller::kRemote).ok());
  EXPECT_EQ(seen, (std::vector<std::string>{"hz 20 m", "second"}));
}

TEST(Config, HooksRunOnlyForChanges) {
  Config config(TestHost());
  int runs = 0;
  config.OnChange("timeout", [&](const Config&) {
    ++runs;
    return Status();
  });
  ASSERT_TRUE(SetOne(config, "timeout", "0").ok());
  EXPECT_EQ(runs, 0);
  ASSERT_TRUE(SetOne(config, "timeout", "1").ok());
  EXPECT_EQ(runs, 1);
}

// The hook of `timeout` follows each change; the one of `port` refuses every port but the old one.
TEST(Config, RefusedHookUndoesEverything) {
  Config config(TestHost());
  std::vector<std::int64_t> timeouts;
  std::vector<std::int64_t> ports;
  config.OnChange("timeout", [&](const Config& now) {
    timeouts.push_back(now.Int("timeout"));
    return Status();
  });
  config.OnChange("port", [&](const Config& now) {
    ports.push_back(now.Int("port"));
    if (now.Int("port") == 6379) return Status();
    return Status(StatusCode::kIo, "Unable to listen on this port. Check server logs.");
  });
  const ConfigAssignment all[] = {{"timeout", "5"}, {"port", "1"}, {"maxclients", "7"}};
  const Status status = config.Set(all, ConfigCaller::kRemote);
  EXPECT_EQ(status.message(),
            "ERR CONFIG SET failed (possibly related to argument 'port') - Unable to listen on "
            "this port. Check server logs.");
  EXPECT_EQ(timeouts, (std::vector<std::int64_t>{5, 0}));
  EXPECT_EQ(ports, (std::vector<std::int64_t>{1, 6379}));
  EXPECT_EQ(config.Int("timeout"), 0);
  EXPECT_EQ(config.Int("port"), 6379);
  EXPECT_EQ(config.Int("maxclients"), 10000);
}

TEST(Config, NameAndAliasTogetherAreUndoneToo) {
  Config config(TestHost());
  config.OnChange("replica-priority", [](const Config& now) {
    return now.Int("replica-priority") == 100 ? Status() : Status(StatusCode::kIo, "no");
  });
  const ConfigAssignment both[] = {{"slave-priority", "1"}, {"replica-priority", "2"}};
  EXPECT_FALSE(config.Set(both, ConfigCaller::kRemote).ok());
  EXPECT_EQ(config.Int("replica-priority"), 100);
}

TEST(Config, OutputLimitsAreUndoneForReaders) {
  Config config(TestHost());
  config.OnChange("client-output-buffer-limit",
                  [](const Config&) { return Status(StatusCode::kIo, "no"); });
  EXPECT_FALSE(SetOne(config, "client-output-buffer-limit", "normal 1 1 1").ok());
  EXPECT_EQ(config.OutputLimitOf(OutputClass::kNormal), OutputLimit{});
}

TEST(Config, IgnoredDirectivesAreReportedOnce) {
  Config config(TestHost());
  std::vector<std::string> told;
  AssignAtStart(config, "activerehashing", {"no"});
  AssignAtStart(config, "timeout", {"1"});
  config.ReportIgnored([&](std::string_view name, std::string_view why) {
    EXPECT_FALSE(why.empty());
    told.emplace_back(name);
  });
  EXPECT_EQ(told, (std::vector<std::string>{"activerehashing"}));
  ASSERT_TRUE(SetOne(config, "activerehashing", "yes").ok());
  ASSERT_TRUE(SetOne(config, "dynamic-hz", "no").ok());
  ASSERT_TRUE(SetOne(config, "dynamic-hz", "yes").ok());
  EXPECT_FALSE(SetOne(config, "hz", "x").ok());
  EXPECT_EQ(told, (std::vector<std::string>{"activerehashing", "dynamic-hz"}));
}

TEST(Config, PasswordsMayHoldAnyByte) {
  Config config(TestHost());
  const std::string password("a\0b\n\xff", 5);
  ASSERT_TRUE(SetOne(config, "requirepass", password).ok());
  EXPECT_EQ(config.Text("requirepass"), password);
  EXPECT_FALSE(SetOne(config, "replica-announce-ip", password).ok());
  EXPECT_FALSE(SetOne(config, "bind", password).ok());
}

TEST(Config, WordsPastTheLimitAreRefused) {
  Config config(TestHost());
  std::string points = "1 1";
  for (std::size_t words = 2; words < kConfigWordsMax; words += 2) points += " 1 1";
  EXPECT_TRUE(SetOne(config, "save", points).ok());
  EXPECT_FALSE(SetOne(config, "save", points + " 1 1").ok());
}

TEST(Config, ReadersRunBesideAWriter) {
  Config config(TestHost());
  std::atomic<bool> is_done{false};
  std::atomic<int> reads{0};
  Thread reader("reader", [&] {
    while (!is_done.load(std::memory_order_relaxed)) {
      const std::int64_t timeout = config.Int("timeout");
      EXPECT_TRUE(timeout == 0 || timeout == 1);
      const std::string password = config.Text("masterauth");
      EXPECT_TRUE(password.empty() || password == std::string(100, 'x')) << password;
      const std::string_view everything[] = {"*"};
      EXPECT_GT(config.Get(everything).size(), 100U);
      reads.fetch_add(1, std::memory_order_relaxed);
    }
  });
  for (int i = 0; i < 300 || reads.load(std::memory_order_relaxed) < 100; ++i) {
    const std::string password(i % 2 == 0 ? 100 : 0, 'x');
    const ConfigAssignment both[] = {{"timeout", i % 2 == 0 ? "1" : "0"}, {"masterauth", password}};
    ASSERT_TRUE(config.Set(both, ConfigCaller::kRemote).ok());
  }
  is_done.store(true, std::memory_order_relaxed);
  reader.Join();
}

}  // namespace
}  // namespace cairn::server
