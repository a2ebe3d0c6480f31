// SPDX-License-Identifier: BSD-3-Clause
// Small collections are copied as they lie in memory; of large ones every element is written.
#include "codec/rdb_value_writer.h"

#include "base/check.h"

namespace cairn::codec {

RdbType RdbTypeOf(const value::List&) { return RdbType::kListNodes; }

RdbType RdbTypeOf(const value::Set& set) {
  return set.is_int_set() ? RdbType::kSetInts : RdbType::kSet;
}

RdbType RdbTypeOf(const value::SortedSet& set) {
  return set.is_packed() ? RdbType::kSortedSetPacked : RdbType::kSortedSet;
}

// A hash whose last time was taken back keeps the form with times, and is written without.
RdbType RdbTypeOf(const value::Hash& hash) {
  if (hash.has_times()) return hash.is_packed() ? RdbType::kHashPackedTimes : RdbType::kHashTimes;
  if (!hash.is_packed() || hash.is_packed_with_times()) return RdbType::kHash;
  return RdbType::kHashPacked;
}

RdbType RdbTypeOf(const value::Stream&) { return RdbType::kStream2; }

int RdbVersionOf(RdbType type) {
  const bool has_times = type == RdbType::kHashTimes || type == RdbType::kHashPackedTimes;
  return has_times ? kRdbVersionFieldTimes : kRdbVersionUsual;
}

void WriteListNode(RdbOutput& out, const value::ListNodeView& node) {
  out.Length(static_cast<std::uint8_t>(node.is_plain ? RdbListNode::kPlain : RdbListNode::kPacked));
  out.Text(node.is_plain ? node.plain : node.packed.bytes());
}

void WriteValue(RdbOutput& out, const value::List& list) {
  out.Length(list.node_count());
  list.ForEachNode([&out](const value::ListNodeView& node) { WriteListNode(out, node); });
}

void WriteValue(RdbOutput& out, const value::Set& set) {
  if (set.is_int_set()) return out.Text(set.packed_bytes());
  out.Length(set.size());
  set.ForEach([&out](std::string_view member) { out.Text(member); });
}

// From the top down, as Redis does it: its reader then puts each member in front of the others.
void WriteValue(RdbOutput& out, const value::SortedSet& set) {
  if (set.is_packed()) return out.Text(set.packed_bytes());
  out.Length(set.size());
  set.ForEachIn({0, set.size()}, value::Direction::kDown,
                [&out](std::string_view member, double score) { WriteScored(out, member, score); });
}

void WriteTimedHead(RdbOutput& out, std::size_t count, UnixMs times_base) {
  out.Word64(static_cast<std::uint64_t>(times_base));
  out.Length(count);
}

// 0 is none, so the base itself is 1.
void WriteTimedField(RdbOutput& out, UnixMs times_base, std::string_view field,
                     std::string_view value, UnixMs when) {
  DCHECK(when >= times_base);
  out.Length(when == kNever ? 0 : static_cast<std::uint64_t>(when - times_base) + 1);
  WriteField(out, field, value);
}

void WriteValue(RdbOutput& out, const value::Hash& hash) {
  const RdbType type = RdbTypeOf(hash);
  if (type == RdbType::kHashPackedTimes) out.Word64(static_cast<std::uint64_t>(hash.MinExpiry()));
  if (type == RdbType::kHashPackedTimes || type == RdbType::kHashPacked)
    return out.Text(hash.packed_bytes());
  if (type == RdbType::kHash) {
    out.Length(hash.size());
    return hash.ForEach(
        [&out](std::string_view field, std::string_view value) { WriteField(out, field, value); });
  }
  const UnixMs times_base = hash.MinExpiry();
  WriteTimedHead(out, hash.size(), times_base);
  hash.ForEachWithTime([&](std::string_view field, std::string_view value, UnixMs when) {
    WriteTimedField(out, times_base, field, value, when);
  });
}

}  // namespace cairn::codec
