// SPDX-License-Identifier: BSD-3-Clause
// StreamPart: what a stream consists of, one after another, as a file or a copy takes it down.
//
//     stream = node ... counters group ...
//     group  = head pending ... consumers consumer ...
//     consumer = head own ...
//
// Each head says how many follow. A view: good as long as who hands it out says.
#ifndef CAIRN_VALUE_STREAM_PART_H_
#define CAIRN_VALUE_STREAM_PART_H_

#include <cstdint>
#include <string_view>
#include <type_traits>
#include <variant>

#include "base/ids.h"
#include "value/stream_id.h"

namespace cairn::value {

struct StreamPart {
  struct Node {
    StreamId base;  // the text is its listpack
  };
  struct Counters {
    std::uint64_t length;
    std::uint64_t entries_added;
    StreamId last_id;
    StreamId first_id;
    StreamId max_deleted_id;
    std::uint64_t groups;
  };
  struct Group {  // the text is its name
    StreamId last_id;
    std::int64_t entries_read;
    std::uint64_t pending;
  };
  struct Pending {
    StreamId id;
    UnixMs time;
    std::uint64_t count;
  };
  struct Consumers {
    std::uint64_t count;
  };
  struct Consumer {  // the text is its name
    UnixMs seen_time;
    UnixMs active_time;
    std::uint64_t own;
  };
  struct Own {  // an entry that is pending at the consumer
    StreamId id;
  };

  std::variant<Node, Counters, Group, Pending, Consumers, Consumer, Own> what;
  std::string_view text = {};
};

static_assert(std::is_trivially_copyable_v<StreamPart>);

}  // namespace cairn::value

#endif  // CAIRN_VALUE_STREAM_PART_H_
