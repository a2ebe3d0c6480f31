// SPDX-License-Identifier: BSD-3-Clause
// The lines of the log. Not spdlog: the format is fixed, one write a line is all there is to it,
// and spdlog costs 9 s a file to compile.
#include "server/logger.h"

#include <fcntl.h>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace cairn::server {
namespace {

constexpr std::size_t kLineBytesMax = 1024;  // of text; longer is cut, as Redis does

char LevelMark(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return '.';
    case LogLevel::kVerbose:
      return '-';
    case LogLevel::kNotice:
      return '*';
    case LogLevel::kWarning:
    case LogLevel::kNothing:
      return '#';
  }
  return '#';
}

void WriteAll(int descriptor, std::string_view bytes) {
  // A log that cannot be written leaves nobody to tell.
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor, bytes.data(), bytes.size());
    if (written <= 0) return;
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
}

}  // namespace

Logger::~Logger() {
  if (const int descriptor = descriptor_.load(std::memory_order_relaxed); descriptor > 2)
    ::close(descriptor);
}

Status Logger::Open(std::string path) {
  {
    MutexLock hold(mu_);
    path_ = std::move(path);
  }
  return Reopen();
}

Status Logger::Reopen() {
  MutexLock hold(mu_);
  int descriptor = STDOUT_FILENO;
  if (!path_.empty()) {
    descriptor = ::open(path_.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
    if (descriptor < 0)
      return {StatusCode::kIo, fmt::format("Can't open the log file: {}", std::strerror(errno))};
  }
  const int old = descriptor_.exchange(descriptor, std::memory_order_acq_rel);
  if (old > 2 && old != descriptor) ::close(old);
  return {};
}

void Logger::Raw(std::string_view text) {
  WriteAll(descriptor_.load(std::memory_order_acquire), text);
}

void Logger::Write(LogLevel level, std::string_view text) {
  if (level < level_.load(std::memory_order_relaxed)) return;
  const UnixMs now_ms = clock_.NowUnixMs();
  const time_t seconds = now_ms / 1000;
  tm local;
  ::localtime_r(&seconds, &local);
  const std::string line =
      fmt::format("{}:M {:%d %b %Y %H:%M:%S}.{:03} {} {}\n", ::getpid(), local, now_ms % 1000,
                  LevelMark(level), text.substr(0, kLineBytesMax));
  Raw(line);
}

}  // namespace cairn::server
