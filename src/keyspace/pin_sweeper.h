// SPDX-License-Identifier: BSD-3-Clause
// PinSweeper: takes pins away whose log does not have their entry any more.
//
// CACHE.ACK takes an entry out of its log and the pin off its key. What else takes entries out
// (XDEL, XTRIM, DEL of the log, FLUSHDB of another database after SWAPDB) does not know the keys.
// So once a second each log is asked whether more has gone from it than was settled; if so, or if
// there is doubt (write_logs.h), a walk over all tables looks for pins that nothing stands behind,
// and for logs that SWAPDB has moved. A stripe's lock covers a bounded step.
//
// Run by the keeper. One thread.
#ifndef CAIRN_KEYSPACE_PIN_SWEEPER_H_
#define CAIRN_KEYSPACE_PIN_SWEEPER_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/random.h"
#include "keyspace/keyspace.h"
#include "keyspace/table_walk.h"
#include "keyspace/write_logs.h"

namespace cairn::keyspace {

class PinSweeper {
 public:
  static constexpr UnixMs kCheckMs = 1000;
  static constexpr std::size_t kStepsATick = 64;
  static constexpr std::size_t kHomes = 64;  // buckets a step looks at

  explicit PinSweeper(Keyspace& keyspace) : keyspace_(keyspace), walk_(keyspace), random_(2) {}

  void Tick();
  // Whether a walk is under way.
  bool is_walking() const { return is_walking_; }

 private:
  // A log of which something has gone, or that is not there.
  struct Suspect {
    WriteLogs::Log log;
    std::int64_t unsettled = 0;
    bool is_gone = false;
  };
  struct Pinned {
    std::string key;
    Pin pin;
  };

  void Check();
  bool Step();
  void Collect();
  // False: a stripe is held for long, or the log has no room; later.
  bool Settle(const Pinned& pinned);
  void EndWalk();

  Keyspace& keyspace_;
  TableWalk walk_;
  Random random_;
  UnixMs next_check_ms_ = 0;
  bool is_walking_ = false;
  std::vector<Suspect> suspects_;
  std::uint64_t next_cursor_ = 0;
  // Of the step under way: what is pinned, and has not been looked at yet.
  std::vector<Pinned> pinned_;
  bool has_collected_ = false;
};

}  // namespace cairn::keyspace

#endif  // CAIRN_KEYSPACE_PIN_SWEEPER_H_
