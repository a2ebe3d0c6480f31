// SPDX-License-Identifier: BSD-3-Clause
// Control groups made of plain files in a temporary folder.
#include "server/config_host.h"

#include <gtest/gtest.h>

#include <climits>
#include <filesystem>
#include <string>
#include <string_view>

#include "server/config_disk.h"

namespace cairn::server {
namespace {

class GroupFiles {
 public:
  GroupFiles() : root_(::testing::TempDir() + "cairn_groups") {
    std::filesystem::remove_all(root_);
  }
  ~GroupFiles() { std::filesystem::remove_all(root_); }
  void Put(const std::string& path, std::string_view text) const {
    const std::string file = root_ + "/" + path;
    std::filesystem::create_directories(std::filesystem::path(file).parent_path());
    EXPECT_TRUE(ReplaceConfigFile(file, text).ok());
  }
  const std::string& root() const { return root_; }

 private:
  std::string root_;
};

TEST(ConfigHost, NoGroupsNoLimits) {
  const GroupFiles files;
  EXPECT_EQ(GroupMemoryLimit(files.root(), ""), INT64_MAX);
  EXPECT_EQ(GroupMemoryLimit(files.root(), "0::/a/b\n"), INT64_MAX);
  EXPECT_EQ(GroupCoreLimit(files.root(), "0::/a/b\n"), INT32_MAX);
  EXPECT_EQ(GroupMemoryLimit(files.root(), "rubbish\n::\n0:\n\n0::\n"), INT64_MAX);
}

TEST(ConfigHost, SecondGeneration) {
  const GroupFiles files;
  files.Put("a/memory.max", "5000\n");
  files.Put("a/b/memory.max", "max\n");
  files.Put("a/cpu.max", "max 100000\n");
  files.Put("a/b/cpu.max", "150000 100000\n");
  EXPECT_EQ(GroupMemoryLimit(files.root(), "0::/a/b\n"), 5000);
  EXPECT_EQ(GroupMemoryLimit(files.root(), "0::/a\n"), 5000);
  EXPECT_EQ(GroupMemoryLimit(files.root(), "0::/\n"), INT64_MAX);
  EXPECT_EQ(GroupCoreLimit(files.root(), "0::/a/b\n"), 2);
  EXPECT_EQ(GroupCoreLimit(files.root(), "0::/a\n"), INT32_MAX);
}

// Inside a container the named folder does not exist, and the root is the container's own.
TEST(ConfigHost, ContainerSeesItsOwnRoot) {
  const GroupFiles files;
  files.Put("memory.max", "7000\n");
  files.Put("cpu.max", "50000 100000\n");
  EXPECT_EQ(GroupMemoryLimit(files.root(), "0::/docker/abc\n"), 7000);
  EXPECT_EQ(GroupCoreLimit(files.root(), "0::/docker/abc\n"), 1);
}

TEST(ConfigHost, FirstGeneration) {
  const GroupFiles files;
  const std::string groups = "12:cpu,cpuacct:/a\n4:memory:/a/b\n3:pids:/a\n0::/a\n";
  files.Put("memory/a/memory.limit_in_bytes", "9000\n");
  files.Put("memory/a/b/memory.limit_in_bytes", "9223372036854771712\n");
  files.Put("cpu,cpuacct/a/cpu.cfs_quota_us", "400000\n");
  files.Put("cpu,cpuacct/a/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(GroupMemoryLimit(files.root(), groups), 9000);
  EXPECT_EQ(GroupCoreLimit(files.root(), groups), 4);
  files.Put("cpu,cpuacct/a/cpu.cfs_quota_us", "-1\n");
  EXPECT_EQ(GroupCoreLimit(files.root(), groups), INT32_MAX);
}

TEST(ConfigHost, ThisMachineHasSomething) {
  const ConfigHost host = ConfigHost::Ask();
  EXPECT_GE(host.cores, 1);
  EXPECT_GT(host.memory_bytes, 1 << 20);
  EXPECT_TRUE(host.directory.starts_with('/'));
}

}  // namespace
}  // namespace cairn::server
