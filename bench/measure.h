// SPDX-License-Identifier: BSD-3-Clause
// What the benchmarks measure with: processor time of threads and processes, options of a program.
//
// Processor time of a process is read from schedstat, in nanoseconds: the clock ticks of stat are
// too coarse for a round of half a second. Threads that ended are not in it; the servers measured
// end none while they serve.
#ifndef CAIRN_BENCH_MEASURE_H_
#define CAIRN_BENCH_MEASURE_H_

#include <dirent.h>
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/text.h"

namespace cairn::bench {

inline std::int64_t ClockNs(clockid_t clock) {
  timespec now;
  clock_gettime(clock, &now);
  return now.tv_sec * std::int64_t{1'000'000'000} + now.tv_nsec;
}

inline std::int64_t WallNs() { return ClockNs(CLOCK_MONOTONIC); }
inline std::int64_t ThreadCpuNs() { return ClockNs(CLOCK_THREAD_CPUTIME_ID); }

// A file of /proc, at most one page of it; empty if it is not there.
inline std::string ReadProcFile(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return {};
  char text[4096];
  const ssize_t size = ::read(fd, text, sizeof(text));
  ::close(fd);
  return size > 0 ? std::string(text, static_cast<std::size_t>(size)) : std::string();
}

// Processor time of all threads of a process so far.
inline std::int64_t ProcessCpuNs(pid_t pid) {
  const std::string folder = "/proc/" + std::to_string(pid) + "/task";
  DIR* tasks = ::opendir(folder.c_str());
  if (tasks == nullptr) return 0;
  std::int64_t sum_ns = 0;
  while (const dirent* task = ::readdir(tasks)) {
    if (task->d_name[0] == '.') continue;
    const std::string text = ReadProcFile(folder + "/" + task->d_name + "/schedstat");
    sum_ns += ParseInt64(std::string_view(text).substr(0, text.find(' '))).value_or(0);
  }
  ::closedir(tasks);
  return sum_ns;
}

// "--name value" pairs of a command line. A missing option is its default; anything else is for
// the caller to refuse.
class Arguments {
 public:
  Arguments(int argc, char** argv) : argc_(argc), argv_(argv) {}

  std::string_view Text(std::string_view name, std::string_view otherwise) const {
    for (int i = 1; i + 1 < argc_; i += 2) {
      if (argv_[i] == name) return argv_[i + 1];
    }
    return otherwise;
  }
  std::int64_t Int(std::string_view name, std::int64_t otherwise) const {
    return ParseInt64(Text(name, "")).value_or(otherwise);
  }
  double Double(std::string_view name, double otherwise) const {
    return ParseDouble(Text(name, "")).value_or(otherwise);
  }

 private:
  const int argc_;
  char** const argv_;
};

}  // namespace cairn::bench

#endif  // CAIRN_BENCH_MEASURE_H_
