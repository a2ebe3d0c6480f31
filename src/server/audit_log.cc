// SPDX-License-Identifier: BSD-3-Clause
// Lines are made by the workers, which know what they are about, and written by one thread.
#include "server/audit_log.h"

#include <fcntl.h>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <utility>

namespace cairn::server {
namespace {

constexpr std::int64_t kForEverUs = 60'000'000;

void AppendText(std::string& line, std::string_view text) {
  line += '"';
  for (const char byte : text) {
    const auto code = static_cast<unsigned char>(byte);
    if (byte == '"' || byte == '\\') {
      line += '\\';
      line += byte;
    } else if (code < ' ' || code > '~') {
      fmt::format_to(std::back_inserter(line), "\\u{:04x}", code);
    } else {
      line += byte;
    }
  }
  line += '"';
}

void AppendField(std::string& line, std::string_view name, std::string_view text) {
  fmt::format_to(std::back_inserter(line), ",\"{}\":", name);
  AppendText(line, text);
}

void AppendArgument(std::string& line, std::string_view argument) {
  constexpr std::size_t kMax = AuditLog::kArgumentBytesMax;
  if (argument.size() <= kMax) return AppendText(line, argument);
  AppendText(line, std::string(argument.substr(0, kMax)) +
                       fmt::format("... ({} more bytes)", argument.size() - kMax));
}

std::string TimeText(UnixMs time_ms) {
  const time_t seconds = time_ms / 1000;
  tm utc;
  ::gmtime_r(&seconds, &utc);
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", utc, time_ms % 1000);
}

}  // namespace

std::string AuditLine(const AuditEntry& entry) {
  std::string line = "{\"time\":\"" + TimeText(entry.time_ms) + "\"";
  fmt::format_to(std::back_inserter(line), ",\"client\":{}", entry.client.value);
  AppendField(line, "address", entry.address);
  AppendField(line, "user", entry.user);
  AppendField(line, "command", entry.command);
  line += ",\"arguments\":[";
  const std::size_t count = std::min(entry.arguments.size(), AuditLog::kArgumentsMax);
  for (std::size_t i = 0; i < count; ++i) {
    if (i > 0) line += ',';
    AppendArgument(line, entry.arguments[i]);
  }
  line += ']';
  if (count < entry.arguments.size()) {
    fmt::format_to(std::back_inserter(line), ",\"more_arguments\":{}",
                   entry.arguments.size() - count);
  }
  if (!entry.within.empty()) AppendField(line, "within", entry.within);
  AppendField(line, "result", entry.result);
  line += "}\n";
  return line;
}

bool IsAudited(const command::CommandTable::Command& command, std::size_t argument_count) {
  constexpr std::string_view kMore[] = {"auth", "flushall", "flushdb", "swapdb", "migrate"};
  if (command.full_name == "hello") return argument_count > 2;
  return (command.flags & (command::kAdmin | command::kProtected)) != 0 ||
         std::ranges::find(kMore, command.full_name) != std::end(kMore);
}

Status AuditLog::Open(std::string path) {
  if (path.empty()) return {};
  path_ = std::move(path);
  if (Status opened = OpenFile(); !opened.ok()) return opened;
  is_on_.store(true, std::memory_order_relaxed);
  thread_ = Thread("audit", [this] { Run(); });
  return {};
}

void AuditLog::Stop() {
  if (!thread_.joinable()) return;
  is_on_.store(false, std::memory_order_relaxed);
  is_ending_.store(true, std::memory_order_release);
  event_.Notify();
  thread_.Join();
}

void AuditLog::AskToReopen() {
  wants_reopen_.store(true, std::memory_order_relaxed);
  event_.Notify();
}

Status AuditLog::OpenFile() {
  // Not for everybody: it says who does what from where.
  io::Fd file(::open(path_.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600));
  if (!file.valid())
    return {StatusCode::kIo, "Can't open the audit log " + path_ + ": " + io::ErrnoText(errno)};
  file_ = std::move(file);
  return {};
}

void AuditLog::Add(const AuditEntry& entry) {
  const std::string line = AuditLine(entry);
  {
    MutexLock hold(mu_);
    if (waiting_.size() + line.size() > kQueueBytesMax) {
      dropped_.Add(1);
      return;
    }
    waiting_ += line;
    ++waiting_count_;
  }
  event_.Notify();
}

void AuditLog::Run() {
  while (!is_ending_.load(std::memory_order_acquire)) {
    event_.WaitFor(kForEverUs);
    WriteWaiting();
    // What was said before goes into the file that has been moved away. Of one that cannot be
    // opened anew, that one stays: better there than nowhere.
    if (wants_reopen_.exchange(false, std::memory_order_relaxed) && !OpenFile().ok()) continue;
  }
  WriteWaiting();
}

void AuditLog::WriteWaiting() {
  std::string lines;
  std::int64_t count = 0;
  {
    MutexLock hold(mu_);
    lines.swap(waiting_);
    count = std::exchange(waiting_count_, 0);
  }
  if (lines.empty()) return;
  if (const std::int64_t dropped = dropped_.value(); dropped > dropped_told_) {
    lines.insert(0, fmt::format("{{\"dropped\":{}}}\n", dropped - dropped_told_));
    dropped_told_ = dropped;
  }
  Write(lines, count);
}

void AuditLog::Write(std::string_view lines, std::int64_t count) {
  while (!lines.empty()) {
    const ssize_t written = ::write(file_.get(), lines.data(), lines.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) {
      dropped_.Add(count);
      return;
    }
    lines.remove_prefix(static_cast<std::size_t>(written));
  }
}

}  // namespace cairn::server
