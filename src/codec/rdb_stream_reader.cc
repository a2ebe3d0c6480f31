// SPDX-License-Identifier: BSD-3-Clause
// Streams. The nodes check themselves; here it is whether the parts agree: ids ascend, the last id
// is not below any entry, the length is that of the nodes, every pending entry has exactly one
// consumer. Redis writes names and ids in order; where they are not, one could come twice.
#include <algorithm>
#include <cstring>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "codec/rdb_value_reader.h"

namespace cairn::codec {
namespace {

using value::StreamConsumer;
using value::StreamGroup;
using value::StreamId;

constexpr std::uint64_t kCountMax = std::numeric_limits<std::int64_t>::max();

// An entry that a group has pending, until its consumer is known.
struct Pending {
  StreamId id;
  UnixMs time;
  std::uint64_t count;
  StreamConsumer* consumer;
};

class Reader {
 public:
  Reader(RdbInput& in, RdbType type, ds::SlabArena& arena) : in_(in), type_(type), arena_(arena) {}

  value::Stream Read() {
    ReadNodes();
    const std::uint64_t length = in_.Length();
    value::StreamCounters counters{.last_id = ReadId(), .entries_added = length};
    if (has_counters()) {
      ReadId();  // the first entry's, which the nodes tell
      counters.max_deleted_id = ReadId();
      counters.entries_added = ReadCount();
    }
    if (!in_.ok()) return {};
    if (length != stream_.size()) in_.Corrupt("a stream of another length, before what begins");
    if (counters.last_id < greatest_)
      in_.Corrupt("a stream whose last id is not the last, before what begins");
    stream_.SetCounters(counters);
    const std::uint64_t groups = in_.Length();
    for (std::uint64_t i = 0; i < groups && in_.ok(); ++i) ReadGroup();
    return std::move(stream_);
  }

 private:
  bool has_counters() const { return type_ != RdbType::kStream1; }

  void ReadNodes() {
    const std::uint64_t nodes = in_.Length();
    for (std::uint64_t i = 0; i < nodes && in_.ok(); ++i) {
      const std::string_view key = in_.Text();
      if (in_.ok() && key.size() != kRdbStreamIdBytes) in_.Corrupt("no id of a stream's node");
      if (!in_.ok()) return;
      const StreamId base = IdOf(key);
      const std::string_view packed = in_.Text();
      if (!in_.ok()) return;
      const Status adopted = stream_.Adopt(base, packed, arena_);
      if (!adopted.ok()) in_.Fail(adopted.code(), std::string(adopted.message()) + ", in a text");
    }
    stream_.ForEachNode([this](const value::StreamNode& node) { greatest_ = node.LastId(); });
  }

  void ReadGroup() {
    const std::string name(in_.Text());
    const StreamId last_id = ReadId();
    const std::int64_t entries_read =
        has_counters() ? ReadCountOrUnknown() : stream_.EntriesReadAt(last_id);
    if (!in_.ok()) return;
    const auto before = stream_.groups();
    if (!before.empty() && before.back()->name() >= name)
      return in_.Corrupt("a group that is there already, or not in order, before what begins");
    StreamGroup& group = *stream_.CreateGroup(name, last_id, entries_read);
    ReadPending();
    const std::uint64_t consumers = in_.Length();
    for (std::uint64_t i = 0; i < consumers && in_.ok(); ++i) ReadConsumer(group);
    for (const Pending& pending : pending_) {
      if (!in_.ok()) return;
      if (pending.consumer == nullptr)
        return in_.Corrupt("a pending entry of no consumer, before what begins");
      group.SetPending(pending.id, {pending.time, pending.count, pending.consumer});
    }
  }

  void ReadPending() {
    pending_.clear();
    const std::uint64_t count = in_.Length();
    for (std::uint64_t i = 0; i < count && in_.ok(); ++i) {
      const StreamId id = ReadRawId();
      const UnixMs time = ReadTime();
      const std::uint64_t deliveries = in_.Length();
      if (!pending_.empty() && id <= pending_.back().id)
        in_.Corrupt("a pending entry that is there already, or not in order, before what begins");
      if (in_.ok()) pending_.push_back({id, time, deliveries, nullptr});
    }
  }

  void ReadConsumer(StreamGroup& group) {
    const std::string name(in_.Text());
    const UnixMs seen = ReadTime();
    const UnixMs active = type_ == RdbType::kStream3 ? ReadTime() : seen;
    const std::uint64_t count = in_.Length();
    if (!in_.ok()) return;
    const auto before = group.consumers();
    if (!before.empty() && before.back()->name() >= name)
      return in_.Corrupt("a consumer that is there already, or not in order, before what begins");
    StreamConsumer* const consumer = group.AddConsumer(name, seen);
    consumer->set_active_time(active);
    for (std::uint64_t i = 0; i < count && in_.ok(); ++i) {
      const StreamId id = ReadRawId();
      const auto at = std::lower_bound(
          pending_.begin(), pending_.end(), id,
          [](const Pending& pending, StreamId wanted) { return pending.id < wanted; });
      if (!in_.ok()) return;
      if (at == pending_.end() || at->id != id || at->consumer != nullptr)
        return in_.Corrupt(
            "an entry that is pending twice, or not in its group, before what begins");
      at->consumer = consumer;
    }
  }

  // REQUIRES: of kRdbStreamIdBytes.
  static StreamId IdOf(std::string_view bytes) {
    std::uint64_t words[2];
    std::memcpy(words, bytes.data(), sizeof(words));
    return {__builtin_bswap64(words[0]), __builtin_bswap64(words[1])};
  }
  StreamId ReadRawId() {
    const std::string_view bytes = in_.Raw(kRdbStreamIdBytes);
    return in_.ok() ? IdOf(bytes) : StreamId{};
  }
  StreamId ReadId() {
    const std::uint64_t ms = in_.Length();
    return {ms, in_.Length()};
  }
  std::uint64_t ReadCount() {
    const std::uint64_t count = in_.Length();
    if (count > kCountMax) in_.Corrupt("a number out of range");
    return count;
  }
  std::int64_t ReadCountOrUnknown() {
    const std::uint64_t count = in_.Length();
    if (count == static_cast<std::uint64_t>(value::kEntriesReadUnknown))
      return value::kEntriesReadUnknown;
    if (count > kCountMax) in_.Corrupt("a number out of range");
    return static_cast<std::int64_t>(count);
  }
  UnixMs ReadTime() {
    const auto time = static_cast<UnixMs>(in_.Word64());
    if (time < value::kNeverActive) in_.Corrupt("a time before all times");
    return time;
  }

  RdbInput& in_;
  const RdbType type_;
  ds::SlabArena& arena_;
  value::Stream stream_;
  StreamId greatest_{};           // of any node's entries, deleted ones too
  std::vector<Pending> pending_;  // of the group at hand
};

}  // namespace

value::Stream ReadStream(RdbInput& in, RdbType type, ds::SlabArena& arena) {
  return Reader(in, type, arena).Read();
}

}  // namespace cairn::codec
