// SPDX-License-Identifier: BSD-3-Clause
// Goal: files are read and replaced whole, and errors say which step of which file failed.
#include "io/file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <string>

namespace cairn::io {
namespace {

class FileTest : public testing::Test {
 protected:
  void SetUp() override {
    directory_ = testing::TempDir() + "cairn_file_" + std::to_string(::getpid());
    std::filesystem::create_directory(directory_);
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }
  std::string Path(const char* name) const { return directory_ + "/" + name; }
  std::size_t FileCount() const {
    const std::filesystem::directory_iterator files(directory_);
    return static_cast<std::size_t>(std::distance(begin(files), end(files)));
  }
  std::string directory_;
};

TEST_F(FileTest, WritesAndReadsBack) {
  for (const std::size_t size : {0, 1, 65'535, 65'536, 1'000'000}) {
    const std::string bytes(size, '\0');
    ASSERT_TRUE(WriteFileAtomically(Path("f"), bytes).ok());
    EXPECT_EQ(ReadFile(Path("f")).value(), bytes);
  }
  EXPECT_EQ(FileCount(), 1u) << "no neighbour is left";
}

TEST_F(FileTest, KeepsPermissions) {
  struct stat info{};
  ASSERT_TRUE(WriteFileAtomically(Path("f"), "a", 0600).ok());
  ASSERT_EQ(::stat(Path("f").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  ::chmod(Path("f").c_str(), 0640);
  ASSERT_TRUE(WriteFileAtomically(Path("f"), "b", 0600).ok());
  ASSERT_EQ(::stat(Path("f").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0640u);
}

TEST_F(FileTest, LimitOfReading) {
  ASSERT_TRUE(WriteFileAtomically(Path("f"), "12345").ok());
  EXPECT_EQ(ReadFile(Path("f"), 5).value(), "12345");
  EXPECT_EQ(ReadFile(Path("f"), 4).error().code(), StatusCode::kLimit);
}

TEST_F(FileTest, Failures) {
  EXPECT_EQ(ReadFile(Path("none")).error().code(), StatusCode::kNotFound);
  EXPECT_EQ(ReadFile(Path("none")).error().message(),
            Path("none") + ": open: No such file or directory");
  EXPECT_EQ(ReadFile(directory_).error().code(), StatusCode::kIo);
  EXPECT_FALSE(WriteFileAtomically(Path("no/f"), "x").ok());
  // A directory cannot be replaced by a file; what was begun is taken away.
  std::filesystem::create_directory(Path("d"));
  EXPECT_FALSE(WriteFileAtomically(Path("d"), "x").ok());
  EXPECT_EQ(FileCount(), 1u);
}

TEST_F(FileTest, PidFileLivesAsLongAsItsOwner) {
  {
    auto pid_file = PidFile::Create(Path("pid"));
    ASSERT_TRUE(pid_file.has_value());
    const PidFile moved = std::move(*pid_file);
    EXPECT_EQ(ReadFile(Path("pid")).value(), std::to_string(::getpid()) + "\n");
  }
  EXPECT_EQ(FileCount(), 0u);
  EXPECT_FALSE(PidFile::Create(Path("no/pid")).has_value());
}

}  // namespace
}  // namespace cairn::io
