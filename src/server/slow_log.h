// SPDX-License-Identifier: BSD-3-Clause
// SlowLog: the commands that took longer than slowlog-log-slower-than, the last slowlog-max-len of
// them.
//
// Arguments are kept as Redis keeps them: at most 32, each at most 128 bytes, with a remark of how
// much is left out. Thread-safe; a leaf lock that is taken only for slow commands and by SLOWLOG.
#ifndef CAIRN_SERVER_SLOW_LOG_H_
#define CAIRN_SERVER_SLOW_LOG_H_

#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/mutex.h"

namespace cairn::server {

struct SlowEntry {
  std::int64_t id = 0;
  std::int64_t unix_seconds = 0;
  std::int64_t duration_us = 0;
  std::vector<std::string> args;
  std::string client_address;
  std::string client_name;
};

class SlowLog {
 public:
  static constexpr std::size_t kArgsMax = 32;
  static constexpr std::size_t kArgBytesMax = 128;

  // Keeps at most `length_max` entries from now on.
  void SetLengthMax(std::size_t length_max);
  void Add(std::span<const std::string_view> args, SlowEntry entry);
  // The newest first, at most `count`.
  std::vector<SlowEntry> Newest(std::size_t count) const;
  std::size_t length() const;
  void Reset();

 private:
  mutable Mutex mu_;
  std::deque<SlowEntry> entries_ GUARDED_BY(mu_);  // newest in front
  std::int64_t next_id_ GUARDED_BY(mu_) = 0;
  std::size_t length_max_ GUARDED_BY(mu_) = 128;
};

}  // namespace cairn::server

#endif  // CAIRN_SERVER_SLOW_LOG_H_
