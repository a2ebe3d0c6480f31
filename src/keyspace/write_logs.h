// SPDX-License-Identifier: BSD-3-Clause
// WriteLogs: which streams are logs of writes that go behind (pin.h).
//
// A list of names, for the sweep and for figures; what a log holds is in the stream. A log that is
// deleted stays on the list until the sweep has seen that nothing is pinned by it. Where the list
// cannot tell whether there are pins that nothing stands behind, there is doubt: the sweep looks.
//
// Thread safety: all of it. A leaf: nothing is locked under it.
#ifndef CAIRN_KEYSPACE_WRITE_LOGS_H_
#define CAIRN_KEYSPACE_WRITE_LOGS_H_

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/mutex.h"
#include "base/thread_annotations.h"

namespace cairn::keyspace {

class WriteLogs {
 public:
  // For commands; a file may bring more.
  static constexpr std::size_t kLogsMax = 1024;

  struct Log {
    DbId db;
    std::string name;

    bool operator==(const Log&) const = default;
  };

  // False: it was there already.
  bool Add(DbId db, std::string_view name) {
    const MutexLock lock(mu_);
    if (std::ranges::any_of(logs_, [&](const Log& log) { return IsIt(log, db, name); }))
      return false;
    logs_.push_back({.db = db, .name = std::string(name)});
    count_.store(logs_.size(), std::memory_order_relaxed);
    return true;
  }
  // A pin may have come, or stayed, whose log does not have its entry.
  void Doubt() { is_doubtful_.store(true, std::memory_order_relaxed); }
  // relaxed: what is not seen by this check is by the next.
  bool TakeDoubt() { return is_doubtful_.exchange(false, std::memory_order_relaxed); }
  bool is_doubtful() const { return is_doubtful_.load(std::memory_order_relaxed); }
  void Remove(const Log& gone) {
    const MutexLock lock(mu_);
    std::erase(logs_, gone);
    count_.store(logs_.size(), std::memory_order_relaxed);
  }
  std::vector<Log> all() const {
    const MutexLock lock(mu_);
    return logs_;
  }
  // relaxed: a log more or less makes no difference.
  std::size_t count() const { return count_.load(std::memory_order_relaxed); }

 private:
  static bool IsIt(const Log& log, DbId db, std::string_view name) {
    return log.db == db && log.name == name;
  }

  mutable Mutex mu_;
  std::vector<Log> logs_ GUARDED_BY(mu_);
  std::atomic<std::size_t> count_{0};
  std::atomic<bool> is_doubtful_{false};
};

}  // namespace cairn::keyspace

#endif  // CAIRN_KEYSPACE_WRITE_LOGS_H_
