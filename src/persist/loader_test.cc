// SPDX-License-Identifier: BSD-3-Clause
// What a file may say, and what is thought of it: expired keys, keys that come twice, damage, and
// what stands behind its end.
#include "persist/loader.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "codec/codec_testing.h"
#include "codec/rdb_writer.h"
#include "io/sim_disk.h"
#include "persist/image_testing.h"

namespace cairn::persist {
namespace {

using codec::RdbWriter;
using codec::testing::StringSink;
using codec::testing::StringSource;
using io::SimDisk;
using keyspace::kTestStartMs;
using keyspace::TestStore;
using testing::PictureOf;

// A file that `write` fills.
template <class Fn>
std::string FileOf(Fn write) {
  StringSink sink;
  RdbWriter writer(sink, {});
  write(writer);
  EXPECT_TRUE(writer.End().ok());
  return sink.taken;
}

Result<Loaded> Load(TestStore& store, std::string_view bytes, const LoadOptions& options = {}) {
  StringSource source(bytes, 1000);
  LoadProgress progress;
  return LoadRdb(store.keyspace, source, options, progress);
}

std::string TroubleOf(TestStore& store, std::string_view bytes, const LoadOptions& options = {}) {
  const Result<Loaded> loaded = Load(store, bytes, options);
  return loaded ? "none" : std::string(loaded.error().message());
}

std::string WithExpiredKey() {
  return FileOf([](RdbWriter& writer) {
    writer.SelectDb(DbId(3));
    writer.Key({.key = "gone", .expiry = kTestStartMs - 1}, std::string_view("a"));
    writer.Key({.key = "now", .expiry = kTestStartMs + 1}, std::string_view("b"));
    writer.Key({.key = "stays"}, std::string_view("c"));
  });
}

TEST(Loader, DropsWhatHasExpired) {
  TestStore store({.stripe_count = 2});
  const auto loaded = Load(store, WithExpiredKey());
  ASSERT_TRUE(loaded.has_value()) << loaded.error().message();
  EXPECT_EQ(loaded->keys, 2u);
  EXPECT_EQ(loaded->expired_keys, 1u);
  EXPECT_EQ(store.ExpiryOf("now", DbId(3)), kTestStartMs + 1);
  EXPECT_EQ(store.Get("stays", DbId(3)), "c");
  EXPECT_EQ(PictureOf(store).size(), 2u);
}

TEST(Loader, KeepsWhatHasExpiredForTheCommandsBehind) {
  TestStore store({.stripe_count = 2});
  const auto loaded = Load(store, WithExpiredKey(), {.expired = LoadOptions::Expired::kKeep});
  ASSERT_TRUE(loaded.has_value());
  EXPECT_EQ(loaded->keys, 3u);
  EXPECT_EQ(PictureOf(store).size(), 3u);
}

TEST(Loader, SaysWhereTheFileEnds) {
  const std::string file = WithExpiredKey();
  TestStore store({.stripe_count = 2});
  const auto loaded = Load(store, file + "*1\r\n$4\r\nPING\r\n");
  ASSERT_TRUE(loaded.has_value());
  EXPECT_EQ(loaded->end, file.size());
}

TEST(Loader, TellsWhatTheFileSaysOfItself) {
  TestStore store({.stripe_count = 2});
  const auto loaded = Load(store, FileOf([](RdbWriter& writer) {
                             writer.Aux("redis-ver", "7.0.15");
                             writer.Aux("ctime", "1700000000");
                             writer.Aux("used-mem", "12345");
                             writer.Aux("other", "thing");
                             writer.Function("#!lua name=x");
                           }));
  ASSERT_TRUE(loaded.has_value());
  EXPECT_EQ(loaded->server_version, "7.0.15");
  EXPECT_EQ(loaded->created_s, 1'700'000'000);
  EXPECT_EQ(loaded->used_memory, 12345);
  EXPECT_EQ(loaded->functions, 1u);
}

TEST(Loader, LibrariesGoWhereTheyAreKept) {
  const std::string a = FileOf([](RdbWriter& writer) { writer.Function("#!lua name=a\n1"); });
  const std::string twice = FileOf([](RdbWriter& writer) {
    writer.Function("#!lua name=a\n2");
    writer.Function("#!lua name=a\n3");
  });
  TestStore store({.stripe_count = 2});
  scripting::LibrarySet libraries;
  ASSERT_TRUE(Load(store, a, {.libraries = &libraries}).has_value());
  EXPECT_EQ(libraries.size(), 1u);
  EXPECT_EQ(TroubleOf(store, twice, {.libraries = &libraries}).substr(0, 44),
            "the library 'a' for the second time at byte ");
  ASSERT_TRUE(
      Load(store, twice, {.present = LoadOptions::Present::kReplace, .libraries = &libraries})
          .has_value());
  libraries.ForEach([](std::string_view source) { EXPECT_EQ(source, "#!lua name=a\n3"); });
}

TEST(Loader, AKeyThatComesTwiceIsDamageUnlessItMayReplace) {
  const std::string file = FileOf([](RdbWriter& writer) {
    writer.Key({.key = "key"}, std::string_view("first"));
    writer.Key({.key = "key", .expiry = kTestStartMs + 500}, std::string_view("second"));
  });
  TestStore store({.stripe_count = 2});
  EXPECT_EQ(TroubleOf(store, file), "the key 'key' for the second time at byte 41");
  ASSERT_EQ(TroubleOf(store, file, {.present = LoadOptions::Present::kReplace}), "none");
  EXPECT_EQ(store.Get("key"), "second");
  EXPECT_EQ(store.ExpiryOf("key"), kTestStartMs + 500);
  EXPECT_EQ(store.BookedBytes(), store.CountedBytes());
}

TEST(Loader, RefusesADatabaseThatIsNotThere) {
  TestStore store({.stripe_count = 2, .database_count = 4});
  const auto file_with = [](std::uint32_t db) {
    return FileOf([db](RdbWriter& writer) { writer.SelectDb(DbId(db)); });
  };
  EXPECT_EQ(TroubleOf(store, file_with(3)), "none");
  EXPECT_EQ(TroubleOf(store, file_with(4)), "database 4 where there are 4 at byte 11");
}

TEST(Loader, NamesTheFileThatIsDamaged) {
  const std::string file = WithExpiredKey();
  SimDisk disk(1);
  const auto trouble_with = [&](const std::string& bytes, const LoadOptions& options = {}) {
    EXPECT_TRUE(io::ReplaceWhole(disk, "./d.rdb", "./temp", bytes).ok());
    TestStore store({.stripe_count = 2});
    LoadProgress progress;
    const auto loaded = LoadRdbFile(disk, "./d.rdb", store.keyspace, options, progress);
    return loaded ? "none" : std::string(loaded.error().message());
  };
  EXPECT_EQ(trouble_with(file), "none");
  for (std::size_t size = 0; size < file.size(); ++size) {
    const std::string trouble = trouble_with(file.substr(0, size));
    EXPECT_TRUE(trouble.starts_with("./d.rdb: ")) << size << " " << trouble;
    EXPECT_NE(trouble.find(" at byte "), std::string::npos) << size << " " << trouble;
  }
  std::string flipped = file;
  flipped[file.size() - 10] ^= 1;
  EXPECT_NE(trouble_with(flipped), "none");
  EXPECT_EQ(trouble_with(flipped, {.verify_checksum = false}), "none");
}

TEST(Loader, AMissingFileIsSomethingElse) {
  SimDisk disk(1);
  TestStore store({.stripe_count = 2});
  LoadProgress progress;
  const auto loaded = LoadRdbFile(disk, "./dump.rdb", store.keyspace, {}, progress);
  ASSERT_FALSE(loaded.has_value());
  EXPECT_EQ(loaded.error().code(), StatusCode::kNotFound);
}

TEST(Loader, EndsWhenItIsToStop) {
  TestStore store({.stripe_count = 2});
  const std::string file = WithExpiredKey();
  StringSource source(file, 1000);
  LoadProgress progress;
  progress.AskToStop();
  const auto loaded = LoadRdb(store.keyspace, source, {.key_delay_us = 3'600'000'000}, progress);
  ASSERT_FALSE(loaded.has_value());
  EXPECT_EQ(loaded.error().code(), StatusCode::kClosed);
}

// DEBUG RELOAD: everything is held meanwhile.
TEST(Loader, LoadsUnderLocksThatAreHeld) {
  TestStore store({.stripe_count = 4});
  testing::FillWithAll(store);
  const auto expected = PictureOf(store);
  SimDisk disk(1);
  keyspace::KeyLocks locks(store.keyspace);
  [&]() NO_THREAD_SAFETY_ANALYSIS {
    locks.AcquireAll();
    {
      keyspace::Cut cut(store.keyspace, locks);
      SaveProgress saving;
      ASSERT_TRUE(SaveCut(disk, store.keyspace, cut, testing::Order(), saving).ok());
    }
    for (std::uint32_t db = 0; db < 2; ++db) store.keyspace.FlushDatabase(locks, DbId(db));
    LoadProgress loading;
    const auto loaded = LoadRdbFile(disk, "./dump.rdb", store.keyspace, {.held = &locks}, loading);
    ASSERT_TRUE(loaded.has_value()) << loaded.error().message();
    locks.Release();
  }();
  EXPECT_EQ(PictureOf(store), expected);
}

}  // namespace
}  // namespace cairn::persist
