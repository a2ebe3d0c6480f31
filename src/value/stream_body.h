// SPDX-License-Identifier: BSD-3-Clause
// What a Stream points to; for the sources of Stream only.
#ifndef CAIRN_VALUE_STREAM_BODY_H_
#define CAIRN_VALUE_STREAM_BODY_H_

#include <cstddef>
#include <cstdint>

#include "value/stream.h"
#include "value/stream_freeze.h"

namespace cairn::value {

struct Stream::Body {
  std::uint64_t length = 0;
  std::uint64_t entries_added = 0;
  StreamId last_id;
  StreamId first_id;               // of a live entry; 0-0 without one
  StreamId max_deleted_id;         // by XDEL and its kin; trimming does not count
  ds::SlabArena* arena = nullptr;  // where nodes lie: that of the first one's making
  Nodes nodes;
  StreamNode* tail = nullptr;   // the last of them
  std::size_t node_bytes = 0;   // memory of all
  std::size_t group_bytes = 0;  // memory of all groups, kept by them
  Groups groups;                // before group_bytes goes, they go
  StreamFreeze* freeze = nullptr;
  std::uint32_t freezes = 0;  // so far

  // Before a node changes.
  void Changing(StreamNode* node) {
    if (freeze != nullptr) [[unlikely]]
      freeze->KeepCopy(node);
  }
};

}  // namespace cairn::value

#endif  // CAIRN_VALUE_STREAM_BODY_H_
