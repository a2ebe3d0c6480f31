// SPDX-License-Identifier: BSD-3-Clause
// The disk: the kernel's and the twin behave alike while nothing fails; and the twin forgets, tears
// and fails as it says.
#include "io/disk.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <map>
#include <memory>
#include <set>

#include "base/random.h"
#include "io/sim_disk.h"

namespace cairn::io {
namespace {

std::string Content(Disk& disk, const std::string& path) {
  const Result<std::string> content = ReadWhole(disk, path, 1 << 20);
  return content ? *content : std::string(content.error().message());
}

std::unique_ptr<File> Opened(Disk& disk, const std::string& path, OpenMode mode) {
  Result<std::unique_ptr<File>> file = disk.Open(path, mode);
  EXPECT_TRUE(file.has_value()) << file.error().message();
  return std::move(*file);
}

// A disk and a directory on it.
class DiskTest : public testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    if (GetParam()) {
      disk_ = std::make_unique<SimDisk>(1);
      static_cast<SimDisk&>(*disk_).MakeCallsShort(true);
      root_ = "/twin";
      ASSERT_TRUE(disk_->MakeDirectory(root_).ok());
      return;
    }
    disk_ = std::make_unique<SystemDisk>();
    root_ = testing::TempDir() + "/disk_test." + std::to_string(::getpid());
    ASSERT_TRUE(disk_->MakeDirectory(root_).ok());
  }
  void TearDown() override {
    if (!GetParam()) std::filesystem::remove_all(root_);
  }

  std::unique_ptr<Disk> disk_;
  std::string root_;
};

TEST_P(DiskTest, AFileIsWrittenReadCutAndOverwritten) {
  const std::string path = JoinPath(root_, "file");
  std::unique_ptr<File> file = Opened(*disk_, path, OpenMode::kReplace);
  EXPECT_TRUE(file->Append("hello ").ok());
  EXPECT_TRUE(file->Append("world").ok());
  EXPECT_EQ(file->size(), 11);
  EXPECT_TRUE(file->Overwrite(0, "HELL").ok());
  EXPECT_TRUE(file->SyncData().ok());
  EXPECT_EQ(Content(*disk_, path), "HELLo world");
  EXPECT_TRUE(file->Truncate(5).ok());
  EXPECT_TRUE(file->Append("!").ok());
  EXPECT_EQ(Content(*disk_, path), "HELLo!");
  char bytes[10];
  EXPECT_EQ(file->ReadAt(3, bytes, sizeof(bytes)).value(), 3);
  EXPECT_EQ(std::string(bytes, 3), "Lo!");
  EXPECT_EQ(file->ReadAt(6, bytes, sizeof(bytes)).value(), 0);
  EXPECT_EQ(disk_->SizeOf(path).value(), 6);
  file = Opened(*disk_, path, OpenMode::kWrite);
  EXPECT_EQ(file->size(), 6);
  EXPECT_TRUE(file->Append("?").ok());
  EXPECT_EQ(Content(*disk_, path), "HELLo!?");
  EXPECT_TRUE(file->Truncate(9).ok());
  EXPECT_EQ(Content(*disk_, path), std::string("HELLo!?\0\0", 9));
}

TEST_P(DiskTest, RoomSetAsideIsNoLength) {
  std::unique_ptr<File> file = Opened(*disk_, JoinPath(root_, "file"), OpenMode::kReplace);
  EXPECT_TRUE(file->Reserve(100'000).ok());
  EXPECT_TRUE(file->Append("abc").ok());
  EXPECT_EQ(file->size(), 3);
  EXPECT_EQ(*disk_->SizeOf(file->path()), 3);
  EXPECT_TRUE(file->Truncate(3).ok());
  EXPECT_EQ(Content(*disk_, file->path()), "abc");
}

TEST_P(DiskTest, NamesAreMadeListedMovedAndRemoved) {
  const std::string folder = JoinPath(root_, "folder");
  EXPECT_TRUE(disk_->MakeDirectory(folder).ok());
  EXPECT_EQ(disk_->MakeDirectory(folder).code(), StatusCode::kExists);
  Opened(*disk_, JoinPath(folder, "b"), OpenMode::kReplace);
  Opened(*disk_, JoinPath(folder, "a"), OpenMode::kReplace);
  EXPECT_EQ(disk_->List(folder).value(), (std::vector<std::string>{"a", "b"}));
  EXPECT_TRUE(ReplaceWhole(*disk_, JoinPath(folder, "b"), JoinPath(folder, "tmp"), "new").ok());
  EXPECT_EQ(Content(*disk_, JoinPath(folder, "b")), "new");
  EXPECT_TRUE(disk_->Rename(JoinPath(folder, "b"), JoinPath(root_, "c")).ok());
  EXPECT_TRUE(disk_->Remove(JoinPath(folder, "a")).ok());
  EXPECT_TRUE(disk_->List(folder).value().empty());
  EXPECT_EQ(disk_->List(root_).value(), (std::vector<std::string>{"c", "folder"}));
  EXPECT_FALSE(Exists(*disk_, JoinPath(folder, "a")).value());
  EXPECT_TRUE(Exists(*disk_, JoinPath(root_, "c")).value());
  EXPECT_TRUE(disk_->SyncDirectory(root_).ok());
}

TEST_P(DiskTest, TroubleNamesThePathTheCallAndTheReason) {
  const std::string path = JoinPath(root_, "none");
  const Status open = disk_->Open(path, OpenMode::kWrite).error();
  EXPECT_EQ(open.code(), StatusCode::kNotFound);
  EXPECT_EQ(open.message(), path + ": open: No such file or directory");
  EXPECT_EQ(disk_->Remove(path).message(), path + ": unlink: No such file or directory");
  EXPECT_EQ(disk_->SizeOf(path).error().code(), StatusCode::kNotFound);
  EXPECT_EQ(disk_->Rename(path, path + "2").message(),
            path + ": rename to " + path + "2: No such file or directory");
  EXPECT_EQ(disk_->List(path).error().code(), StatusCode::kNotFound);
  EXPECT_EQ(ReadWhole(*disk_, path, 1).error().code(), StatusCode::kNotFound);
  Opened(*disk_, path, OpenMode::kReplace)->Append("ab").ok();
  EXPECT_EQ(ReadWhole(*disk_, path, 1).error().code(), StatusCode::kLimit);
  EXPECT_TRUE(ReadWhole(*disk_, path, 2).has_value());
}

INSTANTIATE_TEST_SUITE_P(Both, DiskTest, testing::Bool(),
                         [](const auto& each) { return each.param ? "Twin" : "System"; });

TEST(DiskPaths, AreTakenApartAndPutTogether) {
  EXPECT_EQ(DirectoryOf("a/b/c"), "a/b");
  EXPECT_EQ(DirectoryOf("c"), ".");
  EXPECT_EQ(DirectoryOf("/c"), "/");
  EXPECT_EQ(JoinPath("a", "b"), "a/b");
  EXPECT_EQ(JoinPath("/", "b"), "/b");
  EXPECT_EQ(JoinPath("./", "b"), "./b");
}

// A random run of appends, overwrites, cuts and syncs: a crash that keeps nothing leaves exactly
// what the file held at its last sync.
TEST(SimDisk, ACrashKeepsExactlyWhatWasSynced) {
  const std::uint64_t seed = SecureRandomUint64();
  SCOPED_TRACE("seed " + std::to_string(seed));
  Random random(seed);
  for (int run = 0; run < 200; ++run) {
    SimDisk disk(random.Next());
    std::unique_ptr<File> file = Opened(disk, "file", OpenMode::kReplace);
    ASSERT_TRUE(disk.SyncDirectory(".").ok());
    std::string safe;
    std::string seen;
    for (std::uint64_t step = random.Below(30); step > 0; --step) {
      const std::string bytes(random.Below(3000), static_cast<char>('a' + step % 26));
      switch (random.Below(4)) {
        case 0:
          ASSERT_TRUE(file->Append(bytes).ok());
          seen += bytes;
          break;
        case 1: {
          const std::size_t offset = random.Below(seen.size() + 1);
          const std::string part = bytes.substr(0, seen.size() - offset);
          ASSERT_TRUE(file->Overwrite(offset, part).ok());
          seen.replace(offset, part.size(), part);
          break;
        }
        case 2:
          seen.resize(random.Below(seen.size() + 1));
          ASSERT_TRUE(file->Truncate(seen.size()).ok());
          break;
        default:
          ASSERT_TRUE(file->SyncData().ok());
          safe = seen;
      }
      ASSERT_EQ(disk.SafeContent("file"), safe);
    }
    disk.Crash(CrashKeeps::kNothing);
    ASSERT_EQ(Content(disk, "file"), safe);
    ASSERT_FALSE(file->Append("x").ok()) << "a file outlived the crash";
  }
}

TEST(SimDisk, WhatIsNotSyncedSurvivesInPart) {
  std::set<std::string> prefixes;
  std::set<std::string> sectors;
  for (std::uint64_t seed = 0; seed < 400; ++seed) {
    for (const CrashKeeps keeps : {CrashKeeps::kPrefix, CrashKeeps::kAnySectors}) {
      SimDisk disk(seed);
      std::unique_ptr<File> file = Opened(disk, "file", OpenMode::kReplace);
      ASSERT_TRUE(disk.SyncDirectory(".").ok());
      ASSERT_TRUE(file->Append(std::string(600, 's')).ok());
      ASSERT_TRUE(file->SyncData().ok());
      ASSERT_TRUE(file->Append(std::string(9000, 'u')).ok());
      disk.Crash(keeps);
      const std::string content = Content(disk, "file");
      ASSERT_EQ(content.substr(0, 600), std::string(600, 's'));
      std::string shape;  // runs: "su0u"
      for (const char c : content) {
        const char kind = c == '\0' ? '0' : c;
        if (shape.empty() || shape.back() != kind) shape += kind;
      }
      (keeps == CrashKeeps::kPrefix ? prefixes : sectors).insert(shape);
    }
  }
  EXPECT_EQ(prefixes, (std::set<std::string>{"su", "su0", "s0", "s"}));
  EXPECT_TRUE(sectors.contains("s0u0")) << "sectors come to the disk in any order";
  EXPECT_TRUE(sectors.contains("su0u"));
}

// A sector that is written twice may be found as it was between, and one behind it as it is.
TEST(SimDisk, SectorsComeAsTheyOnceWere) {
  std::set<std::string> found;
  for (std::uint64_t seed = 0; seed < 2000; seed += 2) {  // sectors of 512
    SimDisk disk(seed);
    std::unique_ptr<File> file = Opened(disk, "file", OpenMode::kReplace);
    ASSERT_TRUE(disk.SyncDirectory(".").ok());
    ASSERT_TRUE(file->Append(std::string(1024, '-')).ok());
    ASSERT_TRUE(file->SyncData().ok());
    for (const char c : {'a', 'b'}) {
      ASSERT_TRUE(file->Overwrite(0, std::string(512, c)).ok());
      ASSERT_TRUE(file->Overwrite(512, std::string(512, c)).ok());
    }
    disk.Crash(CrashKeeps::kAnySectors);
    const std::string content = Content(disk, "file");
    for (const std::size_t begin : {0, 512})
      ASSERT_EQ(content.substr(begin, 512), std::string(512, content[begin]));
    found.insert({content[0], content[512]});
  }
  EXPECT_EQ(found, (std::set<std::string>{"--", "-a", "-b", "a-", "aa", "ab", "b-", "ba", "bb"}));
}

TEST(SimDisk, NamesAreSafeAfterTheirDirectoryIsSynced) {
  SimDisk disk(2);
  Opened(disk, "made", OpenMode::kReplace);
  disk.Crash(CrashKeeps::kNothing);
  EXPECT_FALSE(Exists(disk, "made").value());

  Opened(disk, "old", OpenMode::kReplace)->Append("1").ok();
  ASSERT_TRUE(disk.MakeDirectory("d").ok());
  ASSERT_TRUE(disk.SyncDirectory(".").ok());
  ASSERT_TRUE(disk.Rename("old", "new").ok());
  Opened(disk, "d/in", OpenMode::kReplace);
  disk.Crash(CrashKeeps::kNothing);
  EXPECT_EQ(disk.List(".").value(), (std::vector<std::string>{"d", "old"}));
  EXPECT_TRUE(disk.List("d").value().empty());

  ASSERT_TRUE(disk.Rename("old", "d/new").ok());
  ASSERT_TRUE(disk.SyncDirectory("d").ok());
  ASSERT_TRUE(disk.Remove("d/new").ok());
  disk.Crash(CrashKeeps::kNothing);
  EXPECT_EQ(disk.List("d").value(), (std::vector<std::string>{"new"}));
  EXPECT_FALSE(Exists(disk, "old").value());
}

TEST(SimDisk, AnUnsyncedReplacementIsTheOldOrTheNew) {
  std::set<std::string> outcomes;
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    SimDisk disk(seed);
    ASSERT_TRUE(ReplaceWhole(disk, "f", "f.tmp", "old").ok());
    disk.CutPowerAt(5);  // open, write, sync, rename | sync of the directory
    ASSERT_FALSE(ReplaceWhole(disk, "f", "f.tmp", "new").ok());
    ASSERT_FALSE(disk.has_power());
    disk.Crash(CrashKeeps::kAnySectors);
    outcomes.insert(Content(disk, "f"));
  }
  EXPECT_EQ(outcomes, (std::set<std::string>{"old", "new"}));
}

TEST(SimDisk, TheNthCallFailsAsTold) {
  SimDisk disk(3);
  std::unique_ptr<File> file = Opened(disk, "f", OpenMode::kReplace);
  disk.FailCall(2, ENOSPC);
  EXPECT_TRUE(file->Append("a").ok());
  EXPECT_EQ(file->Append("b").message(), "f: write: No space left on device");
  EXPECT_TRUE(file->Append("c").ok());
  EXPECT_EQ(Content(disk, "f"), "ac");
}

TEST(SimDisk, TheNthCallOfEachKindFailsAsTold) {
  const auto all_calls = [](SimDisk& disk) {
    std::map<std::string_view, int> failed;
    const auto note = [&](std::string_view kind, bool ok) { failed[kind] += ok ? 0 : 1; };
    for (int round = 0; round < 3; ++round) {
      auto opened = disk.Open("f", OpenMode::kReplace);
      note("open", opened.has_value());
      if (!opened) opened = disk.Open("f", OpenMode::kReplace);
      char byte = 0;
      note("write", (*opened)->Append("abc").ok());
      note("read", (*opened)->ReadAt(0, &byte, 1).has_value());
      note("fdatasync", (*opened)->SyncData().ok());
      note("fallocate", (*opened)->Reserve(100).ok());
      note("truncate", (*opened)->Truncate(1).ok());
      note("fsync", disk.SyncDirectory(".").ok());
      note("mkdir", disk.MakeDirectory("d" + std::to_string(round)).ok());
      note("stat", disk.SizeOf("f").has_value());
      Opened(disk, "g", OpenMode::kReplace);
      note("rename", disk.Rename("g", "h").ok());
      Opened(disk, "g", OpenMode::kReplace);
      note("unlink", disk.Remove("g").ok());
    }
    return failed;
  };
  for (const std::string_view kind : SimDisk::kCalls) {
    SimDisk disk(1);
    disk.FailCall(kind, kind == "open" ? 4 : 2, EIO);  // three a round
    std::map<std::string_view, int> expected;
    for (const std::string_view other : SimDisk::kCalls) expected[other] = other == kind ? 1 : 0;
    EXPECT_EQ(all_calls(disk), expected) << kind;
  }
}

TEST(SimDisk, AFullDiskTakesWhatStillFits) {
  SimDisk disk(4);
  std::unique_ptr<File> file = Opened(disk, "f", OpenMode::kReplace);
  disk.LimitSpace(10);
  EXPECT_TRUE(file->Append("12345678").ok());
  EXPECT_FALSE(file->Append("abc").ok());
  EXPECT_EQ(file->size(), 10);
  EXPECT_TRUE(file->Overwrite(0, "x").ok());
  EXPECT_TRUE(file->Truncate(8).ok());
  disk.LimitSpace(SimDisk::kNoLimit);
  EXPECT_TRUE(file->Append("abc").ok());
  EXPECT_EQ(Content(disk, "f"), "x2345678abc");
}

TEST(SimDisk, AFullDiskTakesWhatRoomWasSetAsideFor) {
  SimDisk disk(1);
  disk.LimitSpace(100);
  std::unique_ptr<File> file = Opened(disk, "file", OpenMode::kReplace);
  std::unique_ptr<File> other = Opened(disk, "other", OpenMode::kReplace);
  EXPECT_FALSE(file->Reserve(101).ok());
  EXPECT_TRUE(file->Reserve(80).ok());
  EXPECT_FALSE(other->Append(std::string(21, 'x')).ok());
  EXPECT_EQ(other->size(), 20);
  EXPECT_TRUE(file->Append(std::string(80, 'x')).ok());
  EXPECT_FALSE(file->Append("x").ok());
}

TEST(SimDisk, AFailedSyncIsNotMadeGoodByTheNext) {
  SimDisk disk(5);
  std::unique_ptr<File> file = Opened(disk, "f", OpenMode::kReplace);
  ASSERT_TRUE(disk.SyncDirectory(".").ok());
  ASSERT_TRUE(file->Append("abc").ok());
  disk.FailSyncs(EIO);
  EXPECT_FALSE(file->SyncData().ok());
  disk.FailSyncs(0);
  EXPECT_TRUE(file->SyncData().ok());
  EXPECT_EQ(disk.SafeContent("f"), std::string(3, '\0'));
  EXPECT_TRUE(file->Overwrite(0, "abc").ok());
  EXPECT_TRUE(file->SyncData().ok());
  EXPECT_EQ(disk.SafeContent("f"), "abc");
}

TEST(SimDisk, OfADeadProcessEverythingStays) {
  SimDisk disk(6);
  Opened(disk, "f", OpenMode::kReplace)->Append("abc").ok();
  disk.Crash(CrashKeeps::kAll);
  EXPECT_EQ(Content(disk, "f"), "abc");
  disk.Crash(CrashKeeps::kNothing);
  EXPECT_FALSE(Exists(disk, "f").value()) << "it was not safe";
}

}  // namespace
}  // namespace cairn::io
