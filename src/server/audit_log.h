// SPDX-License-Identifier: BSD-3-Clause
// AuditLog: who administered the server, and how: a file of JSON lines (cairn-audit-log).
//
//     worker --Add--> lines that wait, kQueueBytesMax --the log's own thread--> file
//
// A worker never waits for the file: when it cannot take as much as is said, lines are dropped and
// counted, and the next one that is written says how many. What is told stands in IsAudited; what
// is secret never gets here (server/redact.h).
//
//   {"time":"2026-01-02T03:04:05.678Z","client":7,"address":"127.0.0.1:5000","user":"default",
//    "command":"config|set","arguments":["CONFIG","SET","hz","20"],"result":"ok"}
//
// Thread safety: all methods from any thread, but Open and Stop: before there are workers, and when
// there are none any more.
#ifndef CAIRN_SERVER_AUDIT_LOG_H_
#define CAIRN_SERVER_AUDIT_LOG_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/counter.h"
#include "base/ids.h"
#include "base/mutex.h"
#include "base/status.h"
#include "base/thread.h"
#include "command/table.h"
#include "io/fd.h"

namespace cairn::server {

struct AuditEntry {
  UnixMs time_ms = 0;
  ClientId client;
  std::string_view address;
  std::string_view user;
  std::string_view command;                     // its full name, whatever rename-command made of it
  std::span<const std::string_view> arguments;  // without secrets
  std::string_view within = {};                 // exec, script; empty: the client sent it
  std::string_view result;                      // ok, error, queued (by MULTI) or deferred
};

// As a line of the file. Bytes that are no ASCII text stand as \u00XX.
std::string AuditLine(const AuditEntry& entry);
// Administrative commands, and those by which clients say who they are, empty databases or send
// keys elsewhere. A HELLO of two words says only what is spoken.
bool IsAudited(const command::CommandTable::Command& command, std::size_t argument_count);

class AuditLog {
 public:
  static constexpr std::size_t kQueueBytesMax = 4 * 1024 * 1024;
  static constexpr std::size_t kArgumentsMax = 64;  // of a command; the rest is told as a number
  static constexpr std::size_t kArgumentBytesMax = 256;

  AuditLog() = default;
  AuditLog(const AuditLog&) = delete;
  AuditLog& operator=(const AuditLog&) = delete;
  ~AuditLog() { Stop(); }

  // Appends to `path` from now on; no log if it is empty.
  Status Open(std::string path);
  // Writes what waits, and ends.
  void Stop();
  // After a rotation: goes on in a new file of the same name.
  void AskToReopen();

  // Whether there is a log at all.
  bool is_on() const { return is_on_.load(std::memory_order_relaxed); }
  void Add(const AuditEntry& entry) EXCLUDES(mu_);
  // Lines that were dropped, for want of room or because the file did not take them.
  std::int64_t dropped() const { return dropped_.value(); }

 private:
  Status OpenFile();
  void Run();
  void WriteWaiting() EXCLUDES(mu_);
  void Write(std::string_view lines, std::int64_t count);

  std::string path_;  // constant once open
  std::atomic<bool> is_on_{false};
  std::atomic<bool> is_ending_{false};
  std::atomic<bool> wants_reopen_{false};
  SharedCounter dropped_;
  Event event_;
  Thread thread_;
  io::Fd file_;                    // the log's thread
  std::int64_t dropped_told_ = 0;  // the log's thread

  Mutex mu_;  // a leaf
  std::string waiting_ GUARDED_BY(mu_);
  std::int64_t waiting_count_ GUARDED_BY(mu_) = 0;
};

}  // namespace cairn::server

#endif  // CAIRN_SERVER_AUDIT_LOG_H_
