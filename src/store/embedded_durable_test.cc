// SPDX-License-Identifier: BSD-3-Clause
// The embedded store with a directory: what was written is there again, after a close and after
// kill -9; who else wants the directory is told so.
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "base/mutex.h"
#include "cairn/store.h"
#include "cairn/testkit/virtual_time.h"
#include "io/disk.h"

namespace cairn::cache {
namespace {

using namespace std::chrono_literals;

class EmbeddedDurable : public testing::Test {
 protected:
  EmbeddedDurable() { std::filesystem::remove_all(folder_); }
  ~EmbeddedDurable() override { std::filesystem::remove_all(folder_); }

  Store Open(std::string_view options = "", StoreOptions how = {}) {
    return Store::Open(uri_ + std::string(options), how).value();
  }
  static Reply Ask(const Store& store, const Command& command) {
    return store.client().Call(command).value();
  }

  static void Append(const std::string& path, std::string_view bytes) {
    io::SystemDisk disk;
    const bool is_there = std::filesystem::exists(path);
    auto file = disk.Open(path, is_there ? io::OpenMode::kWrite : io::OpenMode::kReplace);
    ASSERT_TRUE((*file)->Append(bytes).ok());
  }

  const std::string folder_ = testing::TempDir() + "/durable-" + std::to_string(::getpid());
  const std::string uri_ = "embedded:" + folder_;
};

TEST_F(EmbeddedDurable, WhatWasWrittenIsThereAgain) {
  for (const char* fsync : {"?fsync=always", "?fsync=everysec", "?fsync=no", ""}) {
    {
      const Store store = Open(fsync);
      Ask(store, Command("SET", "k", fsync));
      Ask(store, Command("RPUSH", "l", "a", "b"));
      Ask(store, Command("CACHE.SET", "c", "row", "VER", 7, "TTL", 60000, "BEHIND", "log"));
    }
    const Store store = Open();
    EXPECT_EQ(Ask(store, Command("GET", "k")).text(), fsync);
    EXPECT_EQ(Ask(store, Command("LLEN", "l")).AsInteger(), 2);
    EXPECT_EQ(Ask(store, Command("CACHE.GET", "c")).elements()[3].AsInteger(), 7);
    EXPECT_EQ(Ask(store, Command("XLEN", "log")).AsInteger(), 1);
    Ask(store, Command("FLUSHALL"));
  }
}

TEST_F(EmbeddedDurable, ExpiryGoesByTheStoresClock) {
  VirtualTime time;
  const StoreOptions options{.clock = &time, .scheduler = &time};
  {
    const Store store = Open("?fsync=always", options);
    Ask(store, Command("SET", "short", "v", "PX", 100));
    Ask(store, Command("SET", "long", "v", "PX", 300));
  }
  time.Advance(200ms);
  const Store store = Open("", options);
  EXPECT_TRUE(Ask(store, Command("GET", "short")).is_null());
  EXPECT_EQ(Ask(store, Command("PTTL", "long")).AsInteger(), 100);
}

TEST_F(EmbeddedDurable, ADirectoryIsOneStoresAtATime) {
  {
    const Store store = Open();
    const Result<Store> second = Store::Open(uri_);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, Errc::kUnreachable);
    EXPECT_EQ(second.error().detail,
              folder_ + " is in use by process " + std::to_string(::getpid()));
    Ask(store, Command("SET", "k", "v"));
  }
  EXPECT_EQ(Ask(Open(), Command("GET", "k")).text(), "v");
}

TEST_F(EmbeddedDurable, UrisAndFilesThatAreWrong) {
  EXPECT_EQ(Store::Open("embedded:?fsync=no").error().code, Errc::kInvalid);
  EXPECT_EQ(Store::Open(uri_ + "?fsync=often").error().code, Errc::kInvalid);
  EXPECT_EQ(Store::Open(uri_ + "?db=1").error().code, Errc::kInvalid);
  EXPECT_EQ(Store::Open(uri_ + "/not/there").error().code, Errc::kUnreachable);
  Ask(Open(), Command("SET", "k", "v"));
  const std::string aof = folder_ + "/appendonlydir/appendonly.aof.manifest";
  ASSERT_TRUE(std::filesystem::exists(aof));
  Append(aof, "nonsense\n");
  const Result<Store> broken = Store::Open(uri_);
  ASSERT_FALSE(broken);
  EXPECT_EQ(broken.error().code, Errc::kCorrupt) << broken.error().detail;
}

// A directory of a server that had RDB files alone.
TEST_F(EmbeddedDurable, AnRdbFileIsReadWhereThereIsNoAof) {
  std::filesystem::create_directories(folder_);
  const std::string rdb("REDIS0010\xfe\x00\x00\x01k\x01v\xff\0\0\0\0\0\0\0\0", 25);
  Append(folder_ + "/dump.rdb", rdb);
  {
    const Store store = Open();
    EXPECT_EQ(Ask(store, Command("GET", "k")).text(), "v");
    Ask(store, Command("SET", "l", "w"));
  }
  const Store store = Open();
  EXPECT_EQ(Ask(store, Command("GET", "k")).text(), "v");
  EXPECT_EQ(Ask(store, Command("GET", "l")).text(), "w");
}

TEST_F(EmbeddedDurable, SaysHowDurableItIs) {
  EXPECT_EQ(Open("?fsync=always").capabilities().weaker.back(), "Each write waits for the disk.");
  EXPECT_EQ(Store::Open("embedded:").value().capabilities().weaker.back(),
            "The data set is gone with the last handle.");
}

// Replies to calls that waited come on another thread, and may come when the store has gone.
TEST_F(EmbeddedDurable, WhoHasWaitedWaitsForTheDisk) {
  std::atomic<int> served{0};
  std::atomic<int> closed{0};
  {
    const Store store = Open("?fsync=always");
    for (int i = 0; i < 20; ++i) {
      store.client().Start(Command("BLPOP", "q", 0), {},
                           [&](Result<Reply> reply) { ++(reply.has_value() ? served : closed); });
    }
    for (int i = 0; i < 10; ++i) Ask(store, Command("RPUSH", "q", i));
    for (int i = 0; i < 1000 && served < 10; ++i) Event().WaitFor(10'000);
    EXPECT_EQ(served, 10);
  }
  EXPECT_EQ(Ask(Open(), Command("EXISTS", "q")).AsInteger(), 0);
}

// Files may not grow, as on a disk that is full.
class NoRoom {
 public:
  NoRoom() : handler_(::signal(SIGXFSZ, SIG_IGN)) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit none{.rlim_cur = 1, .rlim_max = before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &none);
  }
  ~NoRoom() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    ::signal(SIGXFSZ, handler_);
  }
  NoRoom(const NoRoom&) = delete;
  NoRoom& operator=(const NoRoom&) = delete;

 private:
  rlimit before_{};
  void (*handler_)(int);
};

TEST_F(EmbeddedDurable, AFullDiskTakesNoWritesAndGivesReads) {
  const Store store = Open("?fsync=always");
  Ask(store, Command("SET", "k", "v"));
  {
    const NoRoom full;
    const Result<Reply> under_way = store.client().Call(Command("SET", "lost?", "v"));
    ASSERT_FALSE(under_way);
    EXPECT_EQ(under_way.error().server_code(), "MISCONF") << under_way.error().detail;
    EXPECT_TRUE(under_way.error().may_have_applied);
    const Result<Reply> refused = store.client().Call(Command("SET", "k", "w"));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().server_code(), "MISCONF");
    EXPECT_FALSE(refused.error().may_have_applied);
    EXPECT_EQ(Ask(store, Command("GET", "k")).text(), "v");
  }
  // The writer tries again by itself.
  Result<Reply> written = store.client().Call(Command("SET", "k", "w"));
  for (int i = 0; i < 1000 && !written; ++i) {
    Event().WaitFor(10'000);
    written = store.client().Call(Command("SET", "k", "w"));
  }
  EXPECT_TRUE(written.has_value());
}

constexpr const char* kFolder = "CAIRN_DURABLE_TEST_FOLDER";

// The one that is killed: not a test by itself.
TEST(EmbeddedDurableChild, DISABLED_Writes) {
  const char* const folder = std::getenv(kFolder);
  if (folder == nullptr) GTEST_SKIP();
  const Store store = Store::Open(std::string("embedded:") + folder + "?fsync=always").value();
  for (int i = 1;; ++i) {
    const std::vector<Command> both = {Command("SET", "n", i), Command("RPUSH", "all", i)};
    store.client().Transaction(both).value();
    std::printf("answered %d\n", i);
    std::fflush(stdout);
  }
}

TEST_F(EmbeddedDurable, AnsweredWritesSurviveKill9) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  posix_spawn_file_actions_addclose(&actions, ends[0]);
  std::string program = "/proc/self/exe";
  std::string filter = "--gtest_filter=EmbeddedDurableChild.*";
  std::string disabled = "--gtest_also_run_disabled_tests";
  char* arguments[] = {program.data(), filter.data(), disabled.data(), nullptr};
  ::setenv(kFolder, folder_.c_str(), 1);
  pid_t child = 0;
  ASSERT_EQ(::posix_spawn(&child, program.c_str(), &actions, nullptr, arguments, environ), 0);
  posix_spawn_file_actions_destroy(&actions);
  ::unsetenv(kFolder);
  ::close(ends[1]);
  FILE* const output = ::fdopen(ends[0], "r");
  int answered = 0;
  char line[256];
  while (std::fgets(line, sizeof(line), output) != nullptr) {
    if (std::sscanf(line, "answered %d", &answered) == 1 && answered == 100) ::kill(child, SIGKILL);
  }
  std::fclose(output);
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFSIGNALED(status));
  ASSERT_GE(answered, 100);
  const Store store = Open();
  const std::int64_t last = Ask(store, Command("GET", "n")).AsInteger().value();
  EXPECT_GE(last, answered);
  EXPECT_EQ(Ask(store, Command("LLEN", "all")).AsInteger(), last);
}

}  // namespace
}  // namespace cairn::cache
