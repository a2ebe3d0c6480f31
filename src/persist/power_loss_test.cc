// SPDX-License-Identifier: BSD-3-Clause
// Stories from seeds: commands, rewrites and saves on the twin disk, calls that fail, and the power
// that goes at any of them; then the same folder lives on.
//
// Everything is written by one client, so what a crash leaves must be the state after some number
// of its commands and transactions, and not fewer than were said to be safe: with appendfsync
// always those that were answered, with everysec those before the last sync that was done. dump.rdb
// is the image of the last save that went well, or of one begun after it. So nothing is lost and
// nothing is there by half.
//
//   POWER_LOSS_STORIES=5000   more of them (make soak); POWER_LOSS_SEED=n one of them
//
// Where the disk may bring sectors in any order, a hole among bytes that were never synced either
// stops the load, with file and offset, or lies within a value, where nothing tells it from zeros
// that were written (docs/internals/aof.md). There, what was safe is looked at, and that of the
// rest nothing is wrong but holes.
//
// The threads are real, so a seed does not repeat every interleaving; the disk's luck it does.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "base/text.h"
#include "base/thread.h"
#include "io/sim_disk.h"
#include "persist/aof_testing.h"
#include "persist/image_testing.h"

namespace cairn::persist {
namespace {

using io::CrashKeeps;
using io::SimDisk;
using testing::Life;
using testing::Picture;
using testing::PictureOf;

using Words = std::vector<std::string>;
// A command, or what is between MULTI and EXEC.
using Group = std::vector<Words>;

void RunGroup(Life& life, const Group& group) {
  if (group.size() > 1) life.Run({"MULTI"});
  for (const Words& words : group) {
    const std::vector<std::string_view> views(words.begin(), words.end());
    life.Run(std::span(views));
  }
  if (group.size() > 1) life.Run({"EXEC"});
}

// The states that commands lead to, one after the other, without any disk that matters.
class Model {
 public:
  void Run(const Group& group) { RunGroup(life_, group); }
  Picture picture() { return PictureOf(life_.store()); }

 private:
  SimDisk disk_{1};
  Life life_{disk_};
};

class Story {
 public:
  Story(std::uint64_t seed, CrashKeeps keeps) : random_(seed), keeps_(keeps), disk_(seed) {}

  void Tell() {
    for (std::uint64_t lives = 1 + random_.Below(3); lives > 0; --lives) {
      Live();
      if (::testing::Test::HasFailure()) return;
      disk_.Crash(keeps_);
      disk_.LimitSpace(SimDisk::kNoLimit);
      CheckImage();
      if (!CheckLog() || ::testing::Test::HasFailure()) return;
    }
  }

 private:
  bool has_holes() const { return keeps_ == CrashKeeps::kAnySectors; }

  void Live() {
    Life life(disk_,
              {.policy = random_.Below(3) == 0 ? FsyncPolicy::kEverySecond : FsyncPolicy::kAlways,
               .with_timestamps = random_.Below(2) == 0,
               .with_preamble = random_.Below(2) == 0});
    life.Start();
    ends_.assign(groups_.size(), Lsn(0));  // they were loaded
    disk_.MakeCallsShort(random_.Below(2) == 0);
    disk_.CutPowerAt(1 + random_.Below(150));
    for (std::uint64_t steps = random_.Below(60); steps > 0 && disk_.has_power(); --steps)
      Step(life);
    disk_.CutPowerAt(1);
    safe_ = 0;
    while (safe_ < ends_.size() && IsSafe(life, ends_[safe_])) ++safe_;
  }

  static bool IsSafe(Life& life, Lsn end) {
    return end == Lsn(0) || life.aof().watermark().Covers(end);
  }

  void Step(Life& life) {
    life.store().clock.AdvanceMs(static_cast<std::int64_t>(random_.Below(300)));
    life.aof().Advance();
    switch (random_.Below(14)) {
      case 0:
        (void)life.aof().RequestRewrite(AofService::When::kNow);
        return;
      case 1:
        return Save(life);
      case 2:
        return disk_.FailCall(SimDisk::kCalls[random_.Below(SimDisk::kCalls.size())],
                              1 + random_.Below(3), random_.Below(2) == 0 ? EIO : ENOSPC);
      case 3:
      case 4:
      case 5:
        return AwaitSafe(life);
      default:
        groups_.push_back(SomeGroup());
        RunGroup(life, groups_.back());
        ends_.push_back(life.store().keyspace.log().end());
    }
  }

  // What a client with appendfsync always does, or with WAITAOF.
  void AwaitSafe(Life& life) {
    const Lsn end = life.store().keyspace.log().end();
    life.aof().Hasten(end);
    life.Await([&] { return life.aof().watermark().Covers(end) || !disk_.has_power(); });
  }

  void Save(Life& life) {
    if (life.aof().Figures().is_rewriting) return;  // that has the cut
    images_.push_back(PictureOf(life.store()));
    if (!testing::SaveTo(disk_, life.store(), testing::Order()).ok()) return;
    images_.erase(images_.begin(), images_.end() - 1);
    has_image_ = true;
  }

  Group SomeGroup() {
    Group group(random_.Below(4) == 0 && !has_holes() ? 2 + random_.Below(3) : 1);
    for (Words& words : group) words = SomeCommand();
    return group;
  }

  Words SomeCommand() {
    const std::string number = std::to_string(random_.Below(5));
    const std::string text(1 + random_.Below(random_.Below(4) == 0 ? 3000 : 60),
                           static_cast<char>('a' + random_.Below(26)));
    // Holes are looked for in values, so each value stays.
    if (has_holes()) return {"SET", "new" + std::to_string(next_new_++), text};
    switch (random_.Below(8)) {
      case 0:
        return {"SET", "s" + number, text};
      case 1:
        return {"INCR", "n" + number};
      case 2:
        return {"RPUSH", "l" + number, text, number};
      case 3:
        return {"LPOP", "l" + number};
      case 4:
        return {"HSET", "h" + number, "f" + std::to_string(random_.Below(9)), text};
      case 5:
        return {"DEL", "s" + number, "h" + number};
      case 6:
        return {"SET", "t" + number, text, "PXAT", "4000000000000"};
      default:
        return {"APPEND", "s" + number, text};
    }
  }

  void CheckImage() {
    const bool is_there = io::Exists(disk_, "./dump.rdb").value();
    EXPECT_TRUE(is_there || !has_image_) << "the file of a save that was answered is gone";
    if (!is_there) return;
    const Picture found = testing::Loaded(disk_);
    const auto image = std::ranges::find(images_, found);
    ASSERT_NE(image, images_.end()) << "the image is of no moment";
    images_ = {*image};
    has_image_ = true;
  }

  // False if the story ends, as it may.
  bool CheckLog() {
    Life life(disk_);
    const Status loaded = life.Load();
    if (!loaded.ok() && has_holes()) {
      const std::string said(loaded.message());
      EXPECT_NE(said.find(".aof"), said.npos) << said;
      EXPECT_NE(said.find("offset"), said.npos) << said;
      return false;
    }
    EXPECT_TRUE(loaded.ok()) << loaded.message();
    if (!loaded.ok()) return false;
    if (has_holes()) {
      CheckValues(life);
      return false;
    }
    const std::optional<std::size_t> count = CountFound(life);
    EXPECT_TRUE(count.has_value()) << "of no moment from " << safe_ << " to " << groups_.size();
    groups_.resize(count.value_or(0));
    return count.has_value();
  }

  // After how many groups the state was as it is.
  std::optional<std::size_t> CountFound(Life& life) {
    const Picture found = PictureOf(life.store());
    Model model;
    for (std::size_t count = 0;; ++count) {
      if (count >= safe_ && model.picture() == found) return count;
      if (count == groups_.size()) return std::nullopt;
      model.Run(groups_[count]);
    }
  }

  void CheckValues(Life& life) {
    for (std::size_t i = 0; i < groups_.size(); ++i) {
      const std::optional<std::string> found = life.store().Get(groups_[i][0][1]);
      const std::string& written = groups_[i][0][2];
      if (i < safe_) {
        ASSERT_EQ(found, written) << i;
      } else if (found) {
        ASSERT_EQ(found->size(), written.size()) << i;
        for (std::size_t at = 0; at < written.size(); ++at)
          ASSERT_TRUE((*found)[at] == written[at] || (*found)[at] == '\0') << i << " at " << at;
      }
    }
  }

  Random random_;
  const CrashKeeps keeps_;
  SimDisk disk_;
  std::vector<Group> groups_;
  std::vector<Lsn> ends_;  // of the groups, in this life's log
  std::size_t safe_ = 0;   // so many of them were
  std::uint64_t next_new_ = 0;
  std::vector<Picture> images_;  // that dump.rdb may be: the last, and those that failed since
  bool has_image_ = false;
};

std::optional<std::uint64_t> Asked(const char* name) {
  const char* text = std::getenv(name);
  if (text == nullptr) return std::nullopt;
  const std::optional<std::int64_t> number = ParseInt64(text);
  return number ? std::optional(static_cast<std::uint64_t>(*number)) : std::nullopt;
}

void Tell(std::uint64_t seed) {
  for (const CrashKeeps keeps :
       {CrashKeeps::kNothing, CrashKeeps::kPrefix, CrashKeeps::kAnySectors, CrashKeeps::kAll}) {
    SCOPED_TRACE("POWER_LOSS_SEED=" + std::to_string(seed) + " crash " +
                 std::to_string(static_cast<int>(keeps)));
    Story(seed, keeps).Tell();
  }
}

// A writer whose disk is dead gives up after two seconds only; so many stories are told at once.
TEST(PowerLoss, NothingThatWasSafeIsLostAndNothingIsThereByHalf) {
  constexpr std::uint64_t kStories = 60;  // of each kind
  constexpr std::size_t kTellers = 60;
  if (const auto one = Asked("POWER_LOSS_SEED")) return Tell(*one);
  const std::uint64_t stories = Asked("POWER_LOSS_STORIES").value_or(kStories);
  std::atomic<std::uint64_t> told = 0;
  std::vector<Thread> tellers(kTellers);
  for (Thread& teller : tellers) {
    teller = Thread("teller", [&] {
      // Of 63 bits, so that it can be given back.
      while (told.fetch_add(1) < stories && !HasFailure()) Tell(SecureRandomUint64() >> 1);
    });
  }
  for (Thread& teller : tellers) teller.Join();
}

}  // namespace
}  // namespace cairn::persist
