// SPDX-License-Identifier: BSD-3-Clause
// Streams: nodes as listpacks under their first ids, then the counters, then every group with what
// is pending, first of all consumers together and then, ids only, of each.
#include <array>
#include <cstdint>
#include <cstring>

#include "codec/rdb_value_writer.h"

namespace cairn::codec {
namespace {

using value::StreamConsumer;
using value::StreamGroup;
using value::StreamId;

// Big-endian, so that Redis's tree of them is in order.
std::array<char, kRdbStreamIdBytes> IdBytes(StreamId id) {
  const std::uint64_t words[2] = {__builtin_bswap64(id.ms), __builtin_bswap64(id.seq)};
  std::array<char, kRdbStreamIdBytes> bytes;
  static_assert(sizeof(words) == kRdbStreamIdBytes);
  std::memcpy(bytes.data(), words, sizeof(words));
  return bytes;
}

void WriteIdBytes(RdbOutput& out, StreamId id) {
  const auto bytes = IdBytes(id);
  out.Raw({bytes.data(), bytes.size()});
}

void WriteId(RdbOutput& out, StreamId id) {
  out.Length(id.ms);
  out.Length(id.seq);
}

void WriteConsumer(RdbOutput& out, const StreamConsumer& consumer) {
  out.Text(consumer.name());
  out.Word64(static_cast<std::uint64_t>(consumer.seen_time()));
  out.Length(consumer.pending().size());
  consumer.pending().ForEach([&out](const auto& entry) { WriteIdBytes(out, entry.key); });
}

void WriteGroup(RdbOutput& out, const StreamGroup& group) {
  out.Text(group.name());
  WriteId(out, group.last_id());
  out.Length(static_cast<std::uint64_t>(group.entries_read()));
  out.Length(group.pending().size());
  group.pending().ForEach([&out](const auto& entry) {
    WriteIdBytes(out, entry.key);
    out.Word64(static_cast<std::uint64_t>(entry.value.time));
    out.Length(entry.value.count);
  });
  out.Length(group.consumers().size());
  for (const auto& consumer : group.consumers()) WriteConsumer(out, *consumer);
}

}  // namespace

void WriteStreamNode(RdbOutput& out, const value::StreamNode& node) {
  const auto id = IdBytes(node.base());
  out.Text({id.data(), id.size()});
  out.Text(node.ToPacked().bytes());
}

void WriteStreamTail(RdbOutput& out, const value::Stream& stream) {
  out.Length(stream.size());
  WriteId(out, stream.last_id());
  WriteId(out, stream.first_id());
  WriteId(out, stream.max_deleted_id());
  out.Length(stream.entries_added());
  out.Length(stream.groups().size());
  for (const auto& group : stream.groups()) WriteGroup(out, *group);
}

void WriteValue(RdbOutput& out, const value::Stream& stream) {
  out.Length(stream.node_count());
  stream.ForEachNode([&out](const value::StreamNode& node) { WriteStreamNode(out, node); });
  WriteStreamTail(out, stream);
}

}  // namespace cairn::codec
