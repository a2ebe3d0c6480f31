// SPDX-License-Identifier: BSD-3-Clause
// The append only directory: what Redis leaves is taken over, what a crash leaves is understood.
//
// The property test lives a directory's life on the twin disk: numbers are appended and synced, the
// base is renewed in both ways, history goes. It is stopped at every call of the disk, in several
// ways, and opened again: the numbers that come back must be those from 1 on without a gap, and
// none that was synced may be missing.
#include "persist/aof_files.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <iterator>
#include <optional>
#include <string>
#include <vector>

#include "base/random.h"
#include "io/sim_disk.h"

namespace cairn::persist {
namespace {

using io::CrashKeeps;
using io::OpenMode;
using io::SimDisk;
using Listing = AofFiles::Listing;

std::unique_ptr<AofFiles> Opened(io::Disk& disk, AofPlace place = {}) {
  Result<std::unique_ptr<AofFiles>> files = AofFiles::Open(disk, std::move(place));
  EXPECT_TRUE(files.has_value()) << files.error().message();
  return files ? std::move(*files) : nullptr;
}

std::string OpenTrouble(io::Disk& disk) {
  Result<std::unique_ptr<AofFiles>> files = AofFiles::Open(disk, {});
  return files ? "none" : std::string(files.error().message());
}

void Store(io::Disk& disk, const std::string& path, std::string_view bytes) {
  Result<std::unique_ptr<io::File>> file = disk.Open(path, OpenMode::kReplace);
  ASSERT_TRUE(file.has_value()) << file.error().message();
  ASSERT_TRUE((*file)->Append(bytes).ok());
  ASSERT_TRUE((*file)->SyncData().ok());
  ASSERT_TRUE(disk.SyncDirectory(io::DirectoryOf(path)).ok());
}

std::string ManifestOf(io::Disk& disk) {
  return io::ReadWhole(disk, "./appendonlydir/appendonly.aof.manifest", 10'000).value_or("none");
}

std::vector<std::string> Listed(io::Disk& disk) { return disk.List("./appendonlydir").value(); }

TEST(AofFiles, BeginsAsRedisDoes) {
  SimDisk disk(1);
  const std::unique_ptr<AofFiles> files = Opened(disk);
  EXPECT_TRUE(files->is_new());
  EXPECT_TRUE(files->ToLoad()->empty());
  ASSERT_TRUE(files->OpenIncrement("empty", BaseFormat::kRdb).has_value());
  EXPECT_EQ(ManifestOf(disk),
            "file appendonly.aof.1.base.rdb seq 1 type b\n"
            "file appendonly.aof.1.incr.aof seq 1 type i\n");
  EXPECT_EQ(Listed(disk),
            (std::vector<std::string>{"appendonly.aof.1.base.rdb", "appendonly.aof.1.incr.aof",
                                      "appendonly.aof.manifest"}));
  const std::unique_ptr<AofFiles> again = Opened(disk);
  EXPECT_FALSE(again->is_new());
  EXPECT_EQ(again->TotalBytes().value(), 5);
  EXPECT_EQ(again->OpenIncrement("empty", BaseFormat::kRdb).value()->path(),
            "./appendonlydir/appendonly.aof.1.incr.aof");
}

TEST(AofFiles, ARewriteReplacesTheBase) {
  SimDisk disk(1);
  const std::unique_ptr<AofFiles> files = Opened(disk);
  ASSERT_TRUE(files->OpenIncrement("", BaseFormat::kRdb).has_value());
  ASSERT_TRUE(files->BeginRewrite(Listing::kAtOnce).has_value());
  EXPECT_TRUE(files->is_rewriting());
  Store(disk, files->NewBasePath(), "base");
  ASSERT_TRUE(files->FinishRewrite(BaseFormat::kCommands).ok());
  EXPECT_FALSE(files->is_rewriting());
  EXPECT_EQ(ManifestOf(disk),
            "file appendonly.aof.1.base.aof seq 1 type b\n"
            "file appendonly.aof.1.incr.aof seq 1 type h\n"
            "file appendonly.aof.2.incr.aof seq 2 type i\n");
  ASSERT_TRUE(files->DeleteHistory().ok());
  EXPECT_EQ(Listed(disk),
            (std::vector<std::string>{"appendonly.aof.1.base.aof", "appendonly.aof.2.incr.aof",
                                      "appendonly.aof.manifest"}));
}

TEST(AofFiles, AnAbortedRewriteKeepsItsIncrementIfThatIsInUse) {
  SimDisk disk(1);
  const std::unique_ptr<AofFiles> files = Opened(disk);
  ASSERT_TRUE(files->OpenIncrement("", BaseFormat::kRdb).has_value());
  ASSERT_TRUE(files->BeginRewrite(Listing::kAtOnce).has_value());
  Store(disk, files->NewBasePath(), "half");
  files->AbortRewrite();
  EXPECT_EQ(files->manifest().increments.size(), 2);
  EXPECT_FALSE(io::Exists(disk, files->NewBasePath()).value());
  ASSERT_TRUE(files->BeginRewrite(Listing::kWithBase).has_value());
  files->AbortRewrite();
  EXPECT_EQ(files->manifest().increments.size(), 2);
  EXPECT_EQ(Listed(disk).size(), 3);
}

TEST(AofFiles, ASwitchedOnAofReplacesTheOldOne) {
  SimDisk disk(1);
  const std::unique_ptr<AofFiles> files = Opened(disk);
  std::unique_ptr<io::File> increment = *files->BeginRewrite(Listing::kWithBase);
  EXPECT_EQ(ManifestOf(disk), "none") << "of no use without its base";
  Store(disk, files->NewBasePath(), "base");
  ASSERT_TRUE(files->FinishRewrite(BaseFormat::kRdb).ok());
  ASSERT_TRUE(increment->Append("more").ok());
  EXPECT_EQ(ManifestOf(disk),
            "file appendonly.aof.1.base.rdb seq 1 type b\n"
            "file appendonly.aof.1.incr.aof seq 1 type i\n");
  EXPECT_EQ(Opened(disk)->TotalBytes().value(), 8);
}

TEST(AofFiles, AnOldSingleFileIsTakenOver) {
  SimDisk disk(1);
  Store(disk, "./appendonly.aof", "old");
  const std::unique_ptr<AofFiles> files = Opened(disk);
  EXPECT_FALSE(files->is_new());
  ASSERT_TRUE(files->OpenIncrement("x", BaseFormat::kRdb).has_value());
  EXPECT_EQ(ManifestOf(disk),
            "file appendonly.aof seq 1 type b\n"
            "file appendonly.aof.1.incr.aof seq 1 type i\n");
  EXPECT_FALSE(io::Exists(disk, "./appendonly.aof").value());
  EXPECT_EQ(io::ReadWhole(disk, "./appendonlydir/appendonly.aof", 10).value(), "old");
  // Once taken over, another one of that name is not ours.
  Store(disk, "./appendonly.aof", "other");
  EXPECT_EQ(Opened(disk)->TotalBytes().value(), 3);
  EXPECT_TRUE(io::Exists(disk, "./appendonly.aof").value());
}

TEST(AofFiles, ATakingOverStoppedHalfwayIsFinished) {
  SimDisk disk(1);
  ASSERT_TRUE(disk.MakeDirectory("./appendonlydir").ok());
  Store(disk, "./appendonlydir/appendonly.aof.manifest", "file appendonly.aof seq 1 type b\n");
  Store(disk, "./appendonly.aof", "old");
  EXPECT_EQ(Opened(disk)->TotalBytes().value(), 3);
}

TEST(AofFiles, OnlyLeftoversOfItsOwnAreRemoved) {
  SimDisk disk(1);
  Opened(disk)->OpenIncrement("empty", BaseFormat::kRdb).value();
  const std::vector<std::string> kept = {"appendonly.aof.x.incr.aof", "appendonly.aof.3.incr.bak",
                                         "notes", "temp-1.rdb", "other.aof.3.incr.aof"};
  const std::vector<std::string> removed = {
      "appendonly.aof.7.incr.aof", "appendonly.aof.2.base.rdb", "appendonly.aof.2.base.aof",
      "temp-appendonly.aof.base",  "temp-appendonly.aof.incr",  "temp-appendonly.aof.manifest"};
  for (const std::string& name : kept) Store(disk, "./appendonlydir/" + name, "x");
  for (const std::string& name : removed) Store(disk, "./appendonlydir/" + name, "x");
  Opened(disk);
  for (const std::string& name : kept)
    EXPECT_TRUE(io::Exists(disk, "./appendonlydir/" + name).value()) << name;
  for (const std::string& name : removed)
    EXPECT_FALSE(io::Exists(disk, "./appendonlydir/" + name).value()) << name;
}

TEST(AofFiles, WhatCannotBeRightIsRefused) {
  const std::string manifest = "./appendonlydir/appendonly.aof.manifest";
  {
    SimDisk disk(1);
    ASSERT_TRUE(disk.MakeDirectory("./appendonlydir").ok());
    Store(disk, manifest, "nonsense\n");
    EXPECT_EQ(OpenTrouble(disk),
              manifest + ": line 1: expected \"file NAME seq NUMBER type LETTER\"");
    Store(disk, manifest, "file a seq 1 type b\n");
    EXPECT_EQ(OpenTrouble(disk), manifest + ": it names a, which does not exist");
  }
  for (const std::string name :
       {"appendonly.aof.1.incr.aof", "appendonly.aof.2.base.rdb", "appendonly.aof"}) {
    SimDisk disk(1);
    ASSERT_TRUE(disk.MakeDirectory("./appendonlydir").ok());
    Store(disk, "./appendonlydir/" + name, "x");
    EXPECT_EQ(OpenTrouble(disk),
              manifest + ": missing, but there is " + name +
                  ": restore the manifest, or move the files away to begin anew");
  }
}

TEST(AofFiles, FilesOfKilledSavesAreRemoved) {
  SimDisk disk(1);
  for (const char* name : {"temp-12.rdb", "temp-13.rdb", "temp-rewriteaof-12.aof",
                           "temp-rewriteaof-bg-12.aof", "temp-x.rdb", "dump.rdb"})
    Store(disk, std::string("./") + name, "x");
  RemoveKilledSaves(disk, ".", [](std::int64_t pid) { return pid == 13; });
  EXPECT_EQ(disk.List(".").value(),
            (std::vector<std::string>{"dump.rdb", "temp-13.rdb", "temp-x.rdb"}));
}

// What has been appended, and of that what is safe.
struct Numbers {
  int written = 0;
  int safe = 0;
};

std::string Line(int number) {
  char line[16];
  std::snprintf(line, sizeof(line), "%08d\n", number);
  return line;
}
constexpr std::size_t kLineBytes = 9;

int NumberIn(const std::string& line) {
  int number = -1;
  std::from_chars(line.data(), line.data() + line.size(), number);
  return number;
}

// The number up to which the files lead; none if the disk fails. A torn tail is cut where that is
// allowed.
std::optional<int> Replay(io::Disk& disk, const AofFiles& files) {
  int number = 0;
  const auto sources = files.ToLoad();
  if (!sources) return std::nullopt;
  for (const AofSource& source : *sources) {
    const Result<std::string> text = io::ReadWhole(disk, source.path, 1 << 20);
    if (!text) return std::nullopt;
    std::size_t at = 0;
    for (; at + kLineBytes <= text->size(); at += kLineBytes) {
      const std::string line = text->substr(at, kLineBytes);
      const int next = source.is_base ? NumberIn(line) : number + 1;
      if (line != Line(next)) break;
      number = next;
    }
    if (at == text->size()) continue;
    EXPECT_TRUE(source.may_be_torn) << source.path << " ends with " << text->substr(at);
    auto file = disk.Open(source.path, OpenMode::kWrite);
    if (!file || !(*file)->Truncate(at).ok()) return std::nullopt;
  }
  return number;
}

// One life of a directory. Every step may fail; where it does the life ends, unless the step is one
// that may be tried again.
class Life {
 public:
  Life(SimDisk& disk, Numbers& numbers) : disk_(disk), numbers_(numbers) {}

  // False if it ended early.
  bool Run() {
    Result<std::unique_ptr<AofFiles>> files = AofFiles::Open(disk_, {});
    if (!files) return Died(files.error());
    files_ = std::move(*files);
    if (!ReplayAll()) return false;
    auto file = files_->OpenIncrement(Line(0), BaseFormat::kCommands);
    if (!file) return false;
    file_ = std::move(*file);
    return Write() && Rewrite(Listing::kAtOnce) && Write() && AbortedRewrite() && Write() &&
           Rewrite(Listing::kAtOnce) && DeleteHistory() && SwitchOffAndOn() && Write();
  }

 private:
  // A directory that a crash left can always be opened, unless it crashes again.
  bool Died(const Status& status) {
    EXPECT_EQ(status.code(), StatusCode::kIo) << status.message();
    return false;
  }

  bool ReplayAll() {
    const std::optional<int> number = Replay(disk_, *files_);
    if (!number) return false;
    EXPECT_GE(*number, numbers_.safe);
    EXPECT_LE(*number, numbers_.written);
    numbers_.written = *number;
    return true;
  }

  // Two lines, a sync, and one more line that is not safe.
  bool Write() {
    const int safe = numbers_.written + 2;
    for (int i = 0; i < 2; ++i) {
      if (!file_->Append(Line(++numbers_.written)).ok()) return false;
    }
    if (!file_->SyncData().ok()) return false;
    numbers_.safe = safe;
    return file_->Append(Line(++numbers_.written)).ok();
  }

  // Everything so far is in the old file, and safe, before the new one is written to.
  bool SwitchTo(std::unique_ptr<io::File> next) {
    if (!file_->SyncData().ok()) return false;
    numbers_.safe = numbers_.written;
    file_ = std::move(next);
    return true;
  }

  bool StoreBase() {
    auto base = disk_.Open(files_->NewBasePath(), OpenMode::kReplace);
    return base && (*base)->Append(Line(numbers_.written)).ok() && (*base)->SyncData().ok();
  }

  bool Rewrite(Listing listing) {
    auto next = files_->BeginRewrite(listing);
    if (!next) next = files_->BeginRewrite(listing);
    if (!next || !SwitchTo(std::move(*next))) return false;
    if (!StoreBase() || !Write()) return false;
    return files_->FinishRewrite(BaseFormat::kCommands).ok() || Write();
  }

  bool AbortedRewrite() {
    auto next = files_->BeginRewrite(Listing::kAtOnce);
    if (!next) return Write();
    if (!SwitchTo(std::move(*next)) || !Write() || !StoreBase()) return false;
    files_->AbortRewrite();
    return Write();
  }

  // While it is off nothing is safe that is new; the file on disk keeps what was there. The numbers
  // go on so that a mixture of the two would show.
  bool SwitchOffAndOn() {
    if (!file_->SyncData().ok()) return false;
    numbers_.safe = numbers_.written;
    for (int attempt = 0; attempt < 2; ++attempt) {
      auto next = files_->BeginRewrite(Listing::kWithBase);
      if (!next) continue;
      numbers_.written += 10;
      if (!StoreBase()) return false;
      const int number = numbers_.written;
      if (!(*next)->Append(Line(number + 1)).ok() || !(*next)->SyncData().ok()) return false;
      numbers_.written += 1;
      if (files_->FinishRewrite(BaseFormat::kCommands).ok()) {
        numbers_.safe = number + 1;
        file_ = std::move(*next);
        return true;
      }
    }
    return false;
  }

  bool DeleteHistory() {
    return files_->DeleteHistory().ok() || files_->DeleteHistory().ok() || disk_.has_power();
  }

  SimDisk& disk_;
  Numbers& numbers_;
  std::unique_ptr<AofFiles> files_;
  std::unique_ptr<io::File> file_;
};

// Where luck decides, several times.
constexpr CrashKeeps kCrashes[] = {CrashKeeps::kNothing, CrashKeeps::kPrefix, CrashKeeps::kPrefix,
                                   CrashKeeps::kPrefix,  CrashKeeps::kPrefix, CrashKeeps::kAll,
                                   CrashKeeps::kAll,     CrashKeeps::kAll,    CrashKeeps::kAll};

std::uint64_t CallsOfALife() {
  SimDisk disk(1);
  Numbers numbers;
  EXPECT_TRUE(Life(disk, numbers).Run());
  return disk.calls();
}

TEST(AofFiles, SurvivesACrashAtAnyCall) {
  const std::uint64_t calls = CallsOfALife();
  EXPECT_GT(calls, 100);
  Random random(SecureRandomUint64());
  for (std::uint64_t nth = 1; nth <= calls; ++nth) {
    for (const CrashKeeps first : kCrashes) {
      const std::uint64_t seed = random.Next();
      SCOPED_TRACE("call " + std::to_string(nth) + " crash " +
                   std::to_string(static_cast<int>(first)) + " seed " + std::to_string(seed));
      SimDisk disk(seed);
      Numbers numbers;
      disk.CutPowerAt(nth);
      EXPECT_FALSE(Life(disk, numbers).Run());
      disk.Crash(first);
      // Another crash soon after: what only the page cache held may go now.
      disk.CutPowerAt(1 + random.Below(60));
      Life(disk, numbers).Run();
      disk.Crash(kCrashes[random.Below(std::size(kCrashes))]);
      EXPECT_TRUE(Life(disk, numbers).Run());
      if (HasFailure()) return;
    }
  }
}

TEST(AofFiles, SurvivesAFailureOfAnyCall) {
  const std::uint64_t calls = CallsOfALife();
  Random random(SecureRandomUint64());
  for (std::uint64_t nth = 1; nth <= calls; ++nth) {
    for (const CrashKeeps keeps : kCrashes) {
      const std::uint64_t seed = random.Next();
      SCOPED_TRACE("call " + std::to_string(nth) + " crash " +
                   std::to_string(static_cast<int>(keeps)) + " seed " + std::to_string(seed));
      SimDisk disk(seed);
      Numbers numbers;
      disk.FailCall(nth, random.Below(2) == 0 ? EIO : ENOSPC);
      Life(disk, numbers).Run();
      disk.Crash(keeps);
      EXPECT_TRUE(Life(disk, numbers).Run());
      if (HasFailure()) return;
    }
  }
}

}  // namespace
}  // namespace cairn::persist
