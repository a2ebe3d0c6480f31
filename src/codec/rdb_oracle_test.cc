// SPDX-License-Identifier: BSD-3-Clause
// RDB files from other projects: versions 2 to 10, every old encoding, modules, corruption. Each is
// read here and, where it can load it, by redis-server, and compared key by key: our dump of what
// we read, restored there, has the digest of what it read itself. So are a file that redis-server
// saved, and one that we wrote.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "codec/codec_testing.h"
#include "codec/dump.h"
#include "codec/rdb_reader.h"
#include "codec/rdb_writer.h"
#include "io/file.h"
#include "value/oracle_testing.h"

namespace cairn::codec {
namespace {

using testing::StringSource;
using testing::UsualLimits;
using value::Oracle;
using value::TestHome;

const std::filesystem::path kFixtures =
    std::filesystem::path(CAIRN_SOURCE_DIR).parent_path() / "shared" / "fixtures";

struct Key {
  std::string dump;
  UnixMs expiry = kNever;
};
struct File {
  std::map<std::pair<std::uint32_t, std::string>, Key> keys;
  Status status;
  std::uint64_t empty_keys = 0;
};

File ReadFixture(const std::filesystem::path& path) {
  const std::string bytes = io::ReadFile(path).value_or("");
  TestHome home;
  StringSource source(bytes, 1000);
  RdbReader reader(source, [&home](std::string_view) { return home.home; },
                   {.limits = UsualLimits()});
  File file;
  RdbItem item;
  std::uint32_t db = 0;
  do {
    file.status = reader.Next(&item);
    if (!file.status.ok()) break;
    if (item.kind == RdbItem::Kind::kDb) db = item.db.value;
    if (item.kind != RdbItem::Kind::kKey) continue;
    const std::string dump =
        std::visit([](const auto& held) { return DumpOf(held, RdbCompression::kLzf); }, item.value);
    file.keys[{db, item.name}] = {dump, item.expiry};
  } while (item.kind != RdbItem::Kind::kEnd);
  file.empty_keys = reader.empty_keys();
  return file;
}

std::vector<std::filesystem::path> Fixtures() {
  std::vector<std::filesystem::path> paths;
  for (const char* folder : {"rdb-assets", "rdb-tools"}) {
    std::error_code absent;
    for (const auto& entry : std::filesystem::directory_iterator(kFixtures / folder, absent))
      paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

const std::map<std::string, std::string> kRefused = {
    {"redis_40_with_module.rdb", "a value of the module 'ReJSON-RL'"},
    {"redis_60_with_module_aux.rdb", "data of the module 'test__rdb'"},
    {"corrupt_ziplist.rdb", ""},
};

TEST(RdbFixturesTest, EachIsReadOrRefused) {
  const auto paths = Fixtures();
  if (paths.empty()) GTEST_SKIP() << "no fixtures at " << kFixtures;
  EXPECT_EQ(paths.size(), 36U);
  for (const auto& path : paths) {
    const File file = ReadFixture(path);
    const auto refused = kRefused.find(path.filename());
    if (refused == kRefused.end()) {
      EXPECT_TRUE(file.status.ok()) << path << ": " << file.status.message();
    } else {
      EXPECT_FALSE(file.status.ok()) << path;
      EXPECT_TRUE(file.status.message().contains(refused->second)) << file.status.message();
      EXPECT_TRUE(file.status.message().contains(" at byte ")) << file.status.message();
    }
    if (path.filename() == "corrupt_empty_keys.rdb") EXPECT_GT(file.empty_keys, 0U);
  }
}

// What the oracle holds and we do not: keys that expired there while it loaded the file.
std::size_t CountMissing(Oracle& oracle, const File& file) {
  std::size_t missing = 0;
  for (std::uint32_t db = 0; db < 16; ++db) {
    oracle.Call({"SELECT", std::to_string(db)});
    for (const value::Reply& name : oracle.Call({"KEYS", "*"}).items)
      missing += file.keys.contains({db, name.text}) ? 0 : 1;
  }
  return missing;
}

void CompareWith(Oracle& oracle, const File& file) {
  EXPECT_EQ(CountMissing(oracle, file), 0U);
  for (const auto& [where, key] : file.keys) {
    oracle.Call({"SELECT", std::to_string(where.first)});
    constexpr UnixMs kLongAgo = 1'700'000'000'000;
    if (key.expiry < kLongAgo) {
      EXPECT_EQ(oracle.Call({"EXISTS", where.second}).number, 0) << "it has expired long ago";
      continue;
    }
    const std::string at = key.expiry == kNever ? "0" : std::to_string(key.expiry);
    ASSERT_EQ(oracle.Call({"RESTORE", "\x01ours", at, key.dump, "REPLACE", "ABSTTL"}).text, "OK")
        << where.second;
    const value::Reply digests = oracle.Call({"DEBUG", "DIGEST-VALUE", where.second, "\x01ours"});
    ASSERT_EQ(digests.items.size(), 2U) << digests.text;
    EXPECT_EQ(digests.items[0].text, digests.items[1].text) << where.second;
    const std::int64_t expiry = oracle.Call({"PEXPIRETIME", where.second}).number;
    EXPECT_EQ(expiry, key.expiry == kNever ? -1 : key.expiry) << where.second;
    oracle.Call({"DEL", "\x01ours"});
  }
}

TEST(RdbFixturesTest, TheOracleReadsTheSame) {
  const auto paths = Fixtures();
  if (paths.empty()) GTEST_SKIP() << "no fixtures at " << kFixtures;
  auto oracle = Oracle::Start();
  if (oracle == nullptr) GTEST_SKIP() << "no redis-server";
  std::size_t compared = 0;
  for (const auto& path : paths) {
    if (kRefused.contains(path.filename())) continue;
    SCOPED_TRACE(path.filename().string());
    std::filesystem::copy_file(path, oracle->directory() / "dump.rdb",
                               std::filesystem::copy_options::overwrite_existing);
    std::filesystem::permissions(oracle->directory() / "dump.rdb",
                                 std::filesystem::perms::owner_all);
    ASSERT_EQ(oracle->Call({"DEBUG", "RELOAD", "NOSAVE"}).text, "OK");
    CompareWith(*oracle, ReadFixture(path));
    ++compared;
  }
  EXPECT_EQ(compared, paths.size() - kRefused.size());
}

// Some of everything, in several databases.
void Fill(Oracle& oracle) {
  oracle.Call({"FLUSHALL"});
  for (const char* db : {"0", "3"}) {
    oracle.Call({"SELECT", db});
    for (int i = 0; i < 600; ++i) {
      const std::string text = "element" + std::to_string(i);
      oracle.Call({"SET", text, std::string(static_cast<std::size_t>(i), 'x')});
      oracle.Call({"RPUSH", "list", std::string(30, 'l') + text});
      oracle.Call({"SADD", "set", text});
      oracle.Call({"SADD", "ints", std::to_string(1 << i % 31)});
      oracle.Call({"ZADD", "sorted", std::to_string(i / 7.0), text});
      oracle.Call({"HSET", "hash", text, text});
      oracle.Call({"XADD", "stream", std::to_string(i + 1), "field", text});
    }
    oracle.Call({"HSET", "small hash", "a", "1"});
    oracle.Call({"ZADD", "small sorted", "1", "a", "2.5", "b"});
    oracle.Call({"XGROUP", "CREATE", "stream", "group", "0"});
    oracle.Call({"XREADGROUP", "GROUP", "group", "one", "COUNT", "5", "STREAMS", "stream", ">"});
    oracle.Call({"SET", "volatile", "x", "PXAT", "4000000000000"});
  }
}

TEST(RdbOracleTest, WhatItSavesIsRead) {
  auto oracle = Oracle::Start();
  if (oracle == nullptr) GTEST_SKIP() << "no redis-server";
  Fill(*oracle);
  for (const char* compression : {"no", "yes"}) {
    oracle->Call({"CONFIG", "SET", "rdbcompression", compression});
    ASSERT_EQ(oracle->Call({"SAVE"}).text, "OK");
    const File file = ReadFixture(oracle->directory() / "dump.rdb");
    ASSERT_TRUE(file.status.ok()) << file.status.message();
    EXPECT_EQ(file.keys.size(), 2U * 609);
    CompareWith(*oracle, file);
  }
}

// Everything that was read from a file of the oracle's goes into one of ours, which it then loads.
TEST(RdbOracleTest, WhatWeWriteIsLoaded) {
  auto oracle = Oracle::Start();
  if (oracle == nullptr) GTEST_SKIP() << "no redis-server";
  Fill(*oracle);
  ASSERT_EQ(oracle->Call({"SAVE"}).text, "OK");
  const std::string path = oracle->directory() / "dump.rdb";
  const std::string bytes = io::ReadFile(path).value_or("");
  testing::StringSink sink;
  RdbWriter writer(sink, {});
  writer.Aux("redis-ver", "7.2.4");
  TestHome home;
  StringSource source(bytes);
  RdbReader reader(source, [&home](std::string_view) { return home.home; },
                   {.limits = UsualLimits()});
  RdbItem item;
  do {
    ASSERT_TRUE(reader.Next(&item).ok());
    if (item.kind == RdbItem::Kind::kDb) writer.SelectDb(item.db);
    if (item.kind == RdbItem::Kind::kResize) writer.ResizeDb(item.keys, item.volatile_keys);
    if (item.kind != RdbItem::Kind::kKey) continue;
    std::visit(
        [&](const auto& held) { writer.Key({.key = item.name, .expiry = item.expiry}, held); },
        item.value);
  } while (item.kind != RdbItem::Kind::kEnd);
  ASSERT_TRUE(writer.End().ok());
  EXPECT_EQ(writer.version_needed(), kRdbVersionUsual);
  ASSERT_TRUE(io::WriteFileAtomically(path, sink.taken).ok());
  const File before = ReadFixture(path);
  ASSERT_EQ(oracle->Call({"DEBUG", "RELOAD", "NOSAVE"}).text, "OK");
  EXPECT_EQ(before.keys.size(), 2U * 609);
  CompareWith(*oracle, before);
}

}  // namespace
}  // namespace cairn::codec
