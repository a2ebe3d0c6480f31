// SPDX-License-Identifier: BSD-3-Clause
// A folder's lock: taken once, also within a process, and free again.
#include "io/folder_lock.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

namespace cairn::io {
namespace {

TEST(FolderLock, IsOneOpenersAtATime) {
  const std::string folder = ::testing::TempDir() + "/lock-" + std::to_string(::getpid());
  std::filesystem::create_directories(folder);
  {
    const Result<FolderLock> first = FolderLock::Take(folder);
    ASSERT_TRUE(first);
    const Result<FolderLock> second = FolderLock::Take(folder);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code(), StatusCode::kExists);
    const std::string wanted = folder + " is in use by process " + std::to_string(::getpid());
    EXPECT_EQ(second.error().message(), wanted);
  }
  EXPECT_TRUE(FolderLock::Take(folder));
  std::filesystem::remove_all(folder);
  EXPECT_EQ(FolderLock::Take(folder).error().code(), StatusCode::kNotFound);
}

}  // namespace
}  // namespace cairn::io
