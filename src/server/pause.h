// SPDX-License-Identifier: BSD-3-Clause
// Pause: CLIENT PAUSE's state. While it lasts, connections park what it covers and go on when it
// ends.
//
// Thread safety: all methods from any thread. Cost when nothing is paused: one relaxed load.
#ifndef CAIRN_SERVER_PAUSE_H_
#define CAIRN_SERVER_PAUSE_H_

#include <atomic>

#include "base/ids.h"
#include "command/session.h"
#include "command/table.h"
#include "command/transaction.h"

namespace cairn::server {

class Pause {
 public:
  enum class Kind : std::uint8_t { kNone, kWrites, kAll };

  bool active() const {
    return kind_.load(std::memory_order_relaxed) != Kind::kNone ||
           is_ending_.load(std::memory_order_relaxed);
  }
  Kind kind() const { return kind_.load(std::memory_order_relaxed); }
  UnixMs end_ms() const { return end_ms_.load(std::memory_order_relaxed); }

  // Commands that a pause of this kind holds back. CLIENT itself always passes, so that a pause can
  // be ended. EXEC is what its session has queued.
  bool Parks(const command::CommandTable::Command& command, command::Session& session) const {
    if (is_ending_.load(std::memory_order_relaxed)) return true;
    if (command.full_name.starts_with("client")) return false;
    const bool is_exec = session.queueing() && command.full_name == "exec";
    const std::uint32_t flags = is_exec ? session.transaction()->flags() : command.spec->row.flags;
    const Kind kind = kind_.load(std::memory_order_relaxed);
    return kind == Kind::kAll ||
           (kind == Kind::kWrites && (flags & (command::kWrite | command::kMayReplicate)) != 0);
  }
  // A later pause never shortens one that is running, and never weakens it.
  void Begin(Kind kind, UnixMs end_ms) {
    end_ms_.store(this->kind() != Kind::kNone && end_ms_.load(std::memory_order_relaxed) > end_ms
                      ? end_ms_.load(std::memory_order_relaxed)
                      : end_ms,
                  std::memory_order_relaxed);
    if (kind > kind_.load(std::memory_order_relaxed)) kind_.store(kind, std::memory_order_relaxed);
  }
  void End() { kind_.store(Kind::kNone, std::memory_order_relaxed); }
  // The server is about to end: whatever comes now is held back, and no client can change that.
  void BeginEnding() { is_ending_.store(true, std::memory_order_relaxed); }
  void EndEnding() { is_ending_.store(false, std::memory_order_relaxed); }

 private:
  std::atomic<Kind> kind_{Kind::kNone};
  std::atomic<UnixMs> end_ms_{0};
  std::atomic<bool> is_ending_{false};
};

}  // namespace cairn::server

#endif  // CAIRN_SERVER_PAUSE_H_
