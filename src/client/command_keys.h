// SPDX-License-Identifier: BSD-3-Clause
// Keys of commands, for a cluster: which slot a command belongs to, and how one whose keys lie in
// several is cut up and its replies put together.
//
// Unknown commands have their key as the first argument. Pure; any thread.
#ifndef CAIRN_CLIENT_COMMAND_KEYS_H_
#define CAIRN_CLIENT_COMMAND_KEYS_H_

#include <cstddef>
#include <string_view>
#include <vector>

#include "cairn/client.h"
#include "cairn/command.h"
#include "cairn/reply.h"

namespace cairn::client {

int SlotOfKey(std::string_view key);
// Of its first key; -1 if it has none.
int SlotOf(const cache::Command& command);
// MGET, DEL, UNLINK, EXISTS and TOUCH of several keys, and MSET, which is not atomic then.
bool MaySpanSlots(const cache::Command& command);

class SlotSplit {
 public:
  struct Part {
    cache::Command command;
    std::vector<std::size_t> places;  // of its keys among all of the command's
  };

  // REQUIRES: MaySpanSlots(command)
  explicit SlotSplit(const cache::Command& command);
  const std::vector<Part>& parts() const { return parts_; }
  // One reply a part. The first error is the whole's, which may have been applied in part.
  cache::Result<cache::Reply> Merge(cache::Replies replies) const;

 private:
  enum class Kind : std::uint8_t { kValues, kCounts, kOk };
  Kind kind_ = Kind::kCounts;
  std::size_t key_count_ = 0;
  std::vector<Part> parts_;
};

}  // namespace cairn::client

#endif  // CAIRN_CLIENT_COMMAND_KEYS_H_
