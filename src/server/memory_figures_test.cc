// SPDX-License-Identifier: BSD-3-Clause
// MEMORY DOCTOR's verdicts, one state of the server each.
#include "server/memory_figures.h"

#include <gtest/gtest.h>

namespace cairn::server {
namespace {

constexpr std::int64_t kMiB = 1024 * 1024;

MemoryFigures Healthy() {
  MemoryFigures figures;
  figures.used = 100 * kMiB;
  figures.peak = 110 * kMiB;
  figures.base = 1 * kMiB;
  figures.clients = 1 * kMiB;
  figures.functions = 1 * kMiB;
  figures.tables = 7 * kMiB;
  figures.resident = 120 * kMiB;
  figures.allocator = {100 * kMiB, 105 * kMiB, 120 * kMiB};
  return figures;
}

TEST(MemoryFigures, TheDatasetIsWhatIsNotOverhead) {
  EXPECT_EQ(Healthy().overhead(), 10 * kMiB);
  EXPECT_EQ(Healthy().dataset(), 90 * kMiB);
}

TEST(MemoryRatio, OfNothingIsNothing) {
  EXPECT_EQ(MemoryRatio(5, 0), 0);
  EXPECT_EQ(MemoryRatio(5, 2), 2.5);
}

TEST(MemoryDoctor, FindsNothingInAHealthyServer) {
  EXPECT_EQ(MemoryDoctor(Healthy(), 0, 1000), "Nothing about this server's memory looks wrong.\n");
  EXPECT_NE(MemoryDoctor(Healthy(), 0, 0).find("too little data"), std::string::npos);
}

TEST(MemoryDoctor, NamesEachTrouble) {
  MemoryFigures figures = Healthy();
  EXPECT_NE(MemoryDoctor(figures, 101 * kMiB, 10).find("- Near the limit"), std::string::npos);
  figures.peak = 200 * kMiB;
  EXPECT_NE(MemoryDoctor(figures, 0, 10).find("- Past peak"), std::string::npos);
  figures.allocator.active = 200 * kMiB;
  EXPECT_NE(MemoryDoctor(figures, 0, 10).find("- Fragmented"), std::string::npos);
  figures.clients = 80 * kMiB;
  EXPECT_NE(MemoryDoctor(figures, 0, 10).find("- Large client buffers"), std::string::npos);
}

}  // namespace
}  // namespace cairn::server
