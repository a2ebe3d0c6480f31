// SPDX-License-Identifier: BSD-3-Clause
// How the limits are found: /proc/self/cgroup names the group of each controller, one per line
// ("0::/a/b" for the second generation, "4:memory:/a/b" for the first). Every folder from the group
// up to the root may hold a limit. Inside a container the path often names folders that only the
// outside has; the root is looked at in any case, and is then the container's own.
#include "server/config_host.h"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <optional>
#include <vector>

#include "base/text.h"
#include "server/config_disk.h"

namespace cairn::server {
namespace {

constexpr std::int64_t kNoLimit = INT64_MAX;

struct Group {
  bool is_first_generation;
  std::string controllers;
  std::string path;
};

std::vector<std::string> SplitLines(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    if (end > 0) lines.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

std::optional<Group> ParseGroup(std::string_view line) {
  const std::size_t first = line.find(':');
  if (first == std::string_view::npos) return std::nullopt;
  const std::size_t second = line.find(':', first + 1);
  if (second == std::string_view::npos) return std::nullopt;
  return Group{line.substr(0, first) != "0",
               std::string(line.substr(first + 1, second - first - 1)),
               std::string(line.substr(second + 1))};
}

bool HasController(std::string_view list, std::string_view controller) {
  while (!list.empty()) {
    const std::size_t end = std::min(list.find(','), list.size());
    if (list.substr(0, end) == controller) return true;
    list.remove_prefix(std::min(end + 1, list.size()));
  }
  return false;
}

// The group's folder below `base` and all above it, `base` last.
std::vector<std::string> FoldersUp(const std::string& base, std::string path) {
  std::vector<std::string> folders;
  while (path.size() > 1) {
    folders.push_back(base + path);
    const std::size_t slash = path.rfind('/');
    if (slash == std::string::npos) break;
    path.resize(slash);
  }
  folders.push_back(base);
  return folders;
}

std::string FirstLine(const std::string& path) {
  const auto text = ReadConfigFile(path);
  return text ? text->substr(0, text->find('\n')) : std::string();
}

std::int64_t NumberIn(const std::string& path) {
  return ParseInt64(FirstLine(path)).value_or(kNoLimit);
}

// cpu.max holds "quota period" or "max period".
std::int64_t CoresOfSecondGeneration(const std::string& folder) {
  const std::string line = FirstLine(folder + "/cpu.max");
  const std::size_t space = line.find(' ');
  if (space == std::string::npos) return kNoLimit;
  const auto quota = ParseInt64(line.substr(0, space));
  const auto period = ParseInt64(line.substr(space + 1));
  if (!quota || !period || *quota <= 0 || *period <= 0) return kNoLimit;
  return (*quota - 1) / *period + 1;
}

std::int64_t CoresOfFirstGeneration(const std::string& folder) {
  const std::int64_t quota = NumberIn(folder + "/cpu.cfs_quota_us");
  const std::int64_t period = NumberIn(folder + "/cpu.cfs_period_us");
  if (quota <= 0 || quota == kNoLimit || period <= 0 || period == kNoLimit) return kNoLimit;
  return (quota - 1) / period + 1;
}

using LimitOfFolder = std::int64_t (*)(const std::string& folder);

// The least of what `first` and `second` find in the folders of the groups that have `controller`.
std::int64_t TightestLimit(std::string_view root, std::string_view groups,
                           std::string_view controller, LimitOfFolder first, LimitOfFolder second) {
  std::int64_t limit = kNoLimit;
  for (const std::string& line : SplitLines(groups)) {
    const auto group = ParseGroup(line);
    if (!group) continue;
    if (group->is_first_generation && !HasController(group->controllers, controller)) continue;
    std::string base(root);
    if (group->is_first_generation) base += "/" + group->controllers;
    const LimitOfFolder limit_of = group->is_first_generation ? first : second;
    for (const std::string& folder : FoldersUp(base, group->path)) {
      limit = std::min(limit, limit_of(folder));
    }
  }
  return limit;
}

std::int64_t PhysicalMemory() {
  const long pages = ::sysconf(_SC_PHYS_PAGES);
  const long page_bytes = ::sysconf(_SC_PAGESIZE);
  return pages > 0 && page_bytes > 0 ? std::int64_t{pages} * page_bytes : 0;
}

int ScheduledCores() {
  cpu_set_t cores;
  CPU_ZERO(&cores);
  if (::sched_getaffinity(0, sizeof(cores), &cores) == 0) return std::max(CPU_COUNT(&cores), 1);
  // More cores than the set has room for.
  return static_cast<int>(std::max(::sysconf(_SC_NPROCESSORS_ONLN), 1L));
}

std::string CurrentDirectory() {
  char path[PATH_MAX];
  return ::getcwd(path, sizeof(path)) != nullptr ? std::string(path) : std::string("/");
}

}  // namespace

std::int64_t GroupMemoryLimit(std::string_view root, std::string_view groups) {
  return TightestLimit(
      root, groups, "memory",
      [](const std::string& folder) { return NumberIn(folder + "/memory.limit_in_bytes"); },
      [](const std::string& folder) { return NumberIn(folder + "/memory.max"); });
}

int GroupCoreLimit(std::string_view root, std::string_view groups) {
  const std::int64_t cores =
      TightestLimit(root, groups, "cpu", CoresOfFirstGeneration, CoresOfSecondGeneration);
  return static_cast<int>(std::min<std::int64_t>(cores, INT32_MAX));
}

ConfigHost ConfigHost::Ask() {
  constexpr std::string_view kRoot = "/sys/fs/cgroup";
  const std::string groups = ReadConfigFile("/proc/self/cgroup").value_or("");
  return {.cores = std::min(ScheduledCores(), GroupCoreLimit(kRoot, groups)),
          .memory_bytes = std::min(PhysicalMemory(), GroupMemoryLimit(kRoot, groups)),
          .directory = CurrentDirectory()};
}

}  // namespace cairn::server
