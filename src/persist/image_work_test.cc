// SPDX-License-Identifier: BSD-3-Clause
// What a helper's step may do, at its limits: what it keeps, what it leaves to the saver.
#include "persist/image_work.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "io/sim_disk.h"
#include "keyspace/keyspace_testing.h"
#include "persist/saver.h"

namespace cairn::persist {
namespace {

using keyspace::TestStore;

// Writes values one after another.
class ValuesForm {
 public:
  explicit ValuesForm(FileSink& sink) : sink_(sink) {}
  void Add(DbId, UnixMs, const keyspace::Entry& entry) { Note(sink_.Write(entry.value())); }
  void Begin(DbId, UnixMs, const keyspace::Entry&, const keyspace::CutValue&) {}
  void AddPiece(DbId, const keyspace::Entry&, const keyspace::CutPiece&) {}
  void EndPieces(DbId, UnixMs, const keyspace::Entry&) {}
  const Status& status() const { return status_; }
  Status End() { return status_; }

 private:
  void Note(Status written) {
    if (status_.ok()) status_ = std::move(written);
  }
  FileSink& sink_;
  Status status_;
};

// A save of the store's moment that nobody is at.
struct Work {
  explicit Work(TestStore& store, ImageFormat wanted = {.syncs_on_the_way = false})
      : format(std::move(wanted)),
        cut(TakeCut(store.keyspace)),
        file(disk.Open("file", io::OpenMode::kReplace).value()),
        sink(*file, format, progress),
        form(sink),
        steps(*cut, store.keyspace.cut_backlog(), form, sink, format, &shared, progress) {}

  // As helpers would; how many steps it took until there was nothing to do for them.
  int StepAsideToTheEnd() {
    for (int taken = 0;; ++taken)
      if (!steps.StepAside()) return taken;
  }

  // As the saver would.
  void Finish() {
    while (steps.Step()) continue;
    EXPECT_TRUE(steps.End().ok());
  }

  ImageFormat format;
  std::unique_ptr<keyspace::Cut> cut;
  io::SimDisk disk{1};
  std::unique_ptr<io::File> file;
  SaveProgress progress;
  SaveSteps shared;
  FileSink sink;
  ValuesForm form;
  ImageWork<ValuesForm> steps;
};

void Fill(TestStore& store, int keys, std::size_t value_bytes) {
  for (int i = 0; i < keys; ++i)
    store.Set("key" + std::to_string(i), std::string(value_bytes, 'v'));
}

TEST(ImageWork, HelpersTakeItToTheEnd) {
  TestStore store({.stripe_count = 2});
  Fill(store, 3000, 100);
  Work work(store);
  EXPECT_GT(work.StepAsideToTheEnd(), 3000 / ImageWork<ValuesForm>::kHelpedEntries);
  EXPECT_TRUE(work.steps.is_left_to_saver()) << "only it can say that this is the end";
  EXPECT_EQ(work.progress.keys(), 3000u);
  EXPECT_EQ(work.file->size(), 0u) << "no helper waits for the disk";
  work.Finish();
  EXPECT_EQ(work.file->size(), 3000u * 100);
}

TEST(ImageWork, HelpersKeepNoMoreThanTheirLimit) {
  constexpr std::size_t kValueBytes = 1000;
  using Steps = ImageWork<ValuesForm>;
  TestStore store({.stripe_count = 2});
  Fill(store, 4000, kValueBytes);
  Work work(store);
  work.StepAsideToTheEnd();
  EXPECT_TRUE(work.steps.is_left_to_saver());
  EXPECT_GE(work.sink.kept_bytes(), Steps::kKeptBytesMax);
  EXPECT_LE(work.sink.kept_bytes(), Steps::kKeptBytesMax + Steps::kHelpedEntries * kValueBytes);
  EXPECT_FALSE(work.steps.StepAside());
  EXPECT_TRUE(work.steps.Step());
  EXPECT_EQ(work.sink.kept_bytes(), 0u);
  EXPECT_TRUE(work.steps.StepAside()) << "there is room again";
  work.Finish();
  EXPECT_EQ(work.file->size(), 4000 * kValueBytes);
}

TEST(ImageWork, AStepAsideIsSmall) {
  constexpr std::size_t kValueBytes = 1000;
  using Steps = ImageWork<ValuesForm>;
  TestStore store({.stripe_count = 1});
  Fill(store, 100, kValueBytes);
  Work work(store);
  std::uint64_t most = 0;
  for (std::uint64_t before = 0; work.steps.StepAside(); before = work.progress.keys())
    most = std::max(most, work.progress.keys() - before);
  EXPECT_GE(most, Steps::kHelpedBytes / (kValueBytes + 100));
  EXPECT_LE(most, Steps::kHelpedBytes / kValueBytes + 1);
}

TEST(ImageWork, HelpersLeaveLargeEntriesToTheSaver) {
  using Steps = ImageWork<ValuesForm>;
  for (const bool is_large : {false, true}) {
    TestStore store({.stripe_count = 1});
    Fill(store, 1, is_large ? Steps::kHelpedBytes : Steps::kHelpedBytes - 512);
    Work work(store);
    work.StepAsideToTheEnd();
    EXPECT_TRUE(work.steps.is_left_to_saver());
    EXPECT_EQ(work.progress.keys(), is_large ? 0u : 1u);
    work.Finish();
    EXPECT_EQ(work.progress.keys(), 1u);
  }
}

TEST(ImageWork, HelpersLeaveEverythingToASaverThatSleepsBetweenKeys) {
  TestStore store({.stripe_count = 1});
  Fill(store, 10, 10);
  Work work(store, {.key_delay_us = 1});
  EXPECT_EQ(work.StepAsideToTheEnd(), 0);
  work.Finish();
  EXPECT_EQ(work.progress.keys(), 10u);
}

TEST(ImageWork, HelpersStopWithTheSave) {
  TestStore store({.stripe_count = 1});
  Fill(store, 1000, 10);
  Work work(store);
  EXPECT_TRUE(work.steps.StepAside());
  work.progress.AskToStop();
  EXPECT_FALSE(work.steps.StepAside());
  EXPECT_FALSE(work.steps.Step());
  EXPECT_EQ(work.steps.End().code(), StatusCode::kClosed);
}

}  // namespace
}  // namespace cairn::persist
