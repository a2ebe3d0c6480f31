// SPDX-License-Identifier: BSD-3-Clause
// Streams: nodes as listpacks under their first ids, then the counters, then every group with what
// is pending, first of all consumers together and then, ids only, of each.
#include <array>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <variant>

#include "codec/rdb_value_writer.h"

namespace cairn::codec {
namespace {

using value::StreamId;
using value::StreamPart;

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

void Write(RdbOutput& out, std::string_view packed, const StreamPart::Node& node) {
  const auto id = IdBytes(node.base);
  out.Text({id.data(), id.size()});
  out.Text(packed);
}
void Write(RdbOutput& out, std::string_view, const StreamPart::Counters& counters) {
  out.Length(counters.length);
  WriteId(out, counters.last_id);
  WriteId(out, counters.first_id);
  WriteId(out, counters.max_deleted_id);
  out.Length(counters.entries_added);
  out.Length(counters.groups);
}
void Write(RdbOutput& out, std::string_view name, const StreamPart::Group& group) {
  out.Text(name);
  WriteId(out, group.last_id);
  out.Length(static_cast<std::uint64_t>(group.entries_read));
  out.Length(group.pending);
}
void Write(RdbOutput& out, std::string_view, const StreamPart::Pending& pending) {
  WriteIdBytes(out, pending.id);
  out.Word64(static_cast<std::uint64_t>(pending.time));
  out.Length(pending.count);
}
void Write(RdbOutput& out, std::string_view, const StreamPart::Consumers& consumers) {
  out.Length(consumers.count);
}
void Write(RdbOutput& out, std::string_view name, const StreamPart::Consumer& consumer) {
  out.Text(name);
  out.Word64(static_cast<std::uint64_t>(consumer.seen_time));
  out.Length(consumer.own);
}
void Write(RdbOutput& out, std::string_view, const StreamPart::Own& own) {
  WriteIdBytes(out, own.id);
}

}  // namespace

void WriteStreamPart(RdbOutput& out, const StreamPart& part) {
  std::visit([&](const auto& what) { Write(out, part.text, what); }, part.what);
}

void WriteValue(RdbOutput& out, const value::Stream& stream) {
  out.Length(stream.node_count());
  stream.ForEachPart([&out](const StreamPart& part) { WriteStreamPart(out, part); });
}

}  // namespace cairn::codec
