// SPDX-License-Identifier: BSD-3-Clause
// ConfigHost: what the machine, or the container we run in, lets this process have.
//
// Three defaults of the configuration depend on it: the number of workers, the working folder, and
// the memory that `maxmemory 50%` is half of. Containers limit cores by a scheduler mask and by a
// quota, and memory by control groups of two generations, each nested; the tightest limit counts.
#ifndef CAIRN_SERVER_CONFIG_HOST_H_
#define CAIRN_SERVER_CONFIG_HOST_H_

#include <cstdint>
#include <string>
#include <string_view>

namespace cairn::server {

struct ConfigHost {
  int cores = 1;
  std::int64_t memory_bytes = 0;
  std::string directory;  // absolute

  // Asks the kernel.
  static ConfigHost Ask();
};

// The tightest memory limit of the control groups that `groups` (the text of /proc/self/cgroup)
// names, read below `root` ("/sys/fs/cgroup"); INT64_MAX if there is none.
std::int64_t GroupMemoryLimit(std::string_view root, std::string_view groups);
// The cores that the quotas of the same groups add up to, rounded up; INT32_MAX if there is none.
int GroupCoreLimit(std::string_view root, std::string_view groups);

}  // namespace cairn::server

#endif  // CAIRN_SERVER_CONFIG_HOST_H_
