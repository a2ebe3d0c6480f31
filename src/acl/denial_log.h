// SPDX-License-Identifier: BSD-3-Clause
// DenialLog: ACL LOG: what was refused to whom, the newest first, and how often.
//
// The same refusal within a minute of its last one is counted in its entry, which moves to the
// front; only the front entries are looked through for it. At most acllog-max-len entries, each
// with at most kTextBytesMax of what a client wrote.
//
// Any thread; a leaf lock.
#ifndef CAIRN_ACL_DENIAL_LOG_H_
#define CAIRN_ACL_DENIAL_LOG_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <list>
#include <string>
#include <string_view>
#include <vector>

#include "base/counter.h"
#include "base/ids.h"
#include "base/mutex.h"
#include "command/rights.h"

namespace cairn::acl {

struct DenialEntry {
  std::int64_t id = 0;
  std::int64_t count = 1;
  command::DenialReason reason = command::DenialReason::kNone;
  command::DenialContext context = command::DenialContext::kTopLevel;
  std::string object = {};  // the command, key or channel; of a failed AUTH the command that tried
  std::string user = {};
  std::string client_line = {};
  UnixMs created_ms = 0;
  UnixMs updated_ms = 0;
};

class DenialLog {
 public:
  static constexpr std::size_t kTextBytesMax = 16 * 1024;
  static constexpr std::int64_t kTogetherMs = 60'000;
  static constexpr int kLookedThrough = 10;

  // Counts it, too.
  void Add(DenialEntry entry, std::size_t length_max) EXCLUDES(mu_);
  std::vector<DenialEntry> Newest(std::size_t count) const EXCLUDES(mu_);
  void Reset() EXCLUDES(mu_);
  // How many of a reason there were, logged or not. CONFIG RESETSTAT leaves them, as Redis does.
  std::int64_t CountOf(command::DenialReason reason) const {
    return counts_[static_cast<std::size_t>(reason)].value();
  }

 private:
  mutable Mutex mu_;
  std::list<DenialEntry> entries_ GUARDED_BY(mu_);
  std::int64_t next_id_ GUARDED_BY(mu_) = 0;
  std::array<SharedCounter, 5> counts_;  // by DenialReason
};

}  // namespace cairn::acl

#endif  // CAIRN_ACL_DENIAL_LOG_H_
