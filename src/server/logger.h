// SPDX-License-Identifier: BSD-3-Clause
// Logger: the server's log in Redis's line format, to standard output or `logfile`.
//
//     12345:M 21 Nov 2026 05:11:09.123 * Ready to accept connections
//     pid:role, local date and time, level mark (. debug, - verbose, * notice, # warning), text
//
// Tools wait for lines of this form. Each line is one write(2) to a file opened for appending, so
// lines of several threads do not mix. Thread safety: all methods from any thread.
#ifndef CAIRN_SERVER_LOGGER_H_
#define CAIRN_SERVER_LOGGER_H_

#include <atomic>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/mutex.h"
#include "base/status.h"
#include "server/config_enums.h"

namespace cairn::server {

class Logger {
 public:
  // `clock` says the time in each line.
  explicit Logger(const Clock& clock) : clock_(clock) {}
  ~Logger();
  Logger(const Logger&) = delete;
  Logger& operator=(const Logger&) = delete;

  // Writes to `path` from now on; standard output if empty. Reopening follows a log rotation
  // (SIGHUP).
  Status Open(std::string path);
  Status Reopen();
  void SetLevel(LogLevel level) { level_.store(level, std::memory_order_relaxed); }

  void Debug(std::string_view text) { Write(LogLevel::kDebug, text); }
  void Verbose(std::string_view text) { Write(LogLevel::kVerbose, text); }
  void Notice(std::string_view text) { Write(LogLevel::kNotice, text); }
  void Warning(std::string_view text) { Write(LogLevel::kWarning, text); }
  // A line as it is, without prefix: the banner.
  void Raw(std::string_view text);

 private:
  void Write(LogLevel level, std::string_view text);

  const Clock& clock_;
  std::atomic<LogLevel> level_{LogLevel::kNotice};
  std::atomic<int> descriptor_{1};
  Mutex mu_;
  std::string path_ GUARDED_BY(mu_);
};

}  // namespace cairn::server

#endif  // CAIRN_SERVER_LOGGER_H_
