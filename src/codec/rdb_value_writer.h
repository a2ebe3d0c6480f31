// SPDX-License-Identifier: BSD-3-Clause
// Values as they stand in RDB files and DUMP payloads.
//
// Of the forms that Redis has had for a type, each value gets the oldest that holds it without
// loss of speed or data: all that version 10 has, as Redis 7.0 writes, and version 12 only for
// hashes whose fields have times. (A small set of texts is written member by member: its packed
// form is version 11. Streams lose their consumers' active times, which are version 11, too: a
// reader takes the seen times.)
//
// The type is written before the key, the rest behind it:
//
//   out.Byte(static_cast<std::uint8_t>(RdbTypeOf(hash)));  out.Text(key);  WriteValue(out, hash);
//
// A large collection that comes in pieces is: its count, and then each element by Write...:
//
//   kList       out.Length(count)                       out.Text(element)
//   kSet        out.Length(count)                       out.Text(member)
//   kSortedSet  out.Length(count)                       WriteScored(out, member, score)
//   kHash       out.Length(count)                       WriteField(out, field, value)
//   kHashTimes  WriteTimedHead(out, count, times_base)  WriteTimedField(out, ..., when)
//   kListNodes  out.Length(nodes)                       WriteListNode(out, node)
//   kStream2    out.Length(nodes)                       WriteStreamPart(out, part): all that
//                                                       Stream::ForEachPart has
//
// RdbWriter has these with the key in front. Nothing here keeps anything.
#ifndef CAIRN_CODEC_RDB_VALUE_WRITER_H_
#define CAIRN_CODEC_RDB_VALUE_WRITER_H_

#include <cstddef>
#include <string_view>

#include "base/ids.h"
#include "codec/rdb_format.h"
#include "codec/rdb_output.h"
#include "value/hash.h"
#include "value/list.h"
#include "value/set.h"
#include "value/sorted_set.h"
#include "value/stream.h"

namespace cairn::codec {

inline RdbType RdbTypeOf(std::string_view) { return RdbType::kString; }
RdbType RdbTypeOf(const value::List& list);
RdbType RdbTypeOf(const value::Set& set);
RdbType RdbTypeOf(const value::SortedSet& set);
RdbType RdbTypeOf(const value::Hash& hash);
RdbType RdbTypeOf(const value::Stream& stream);

// The version of the format that has the type.
int RdbVersionOf(RdbType type);

inline void WriteValue(RdbOutput& out, std::string_view text) { out.Text(text); }
void WriteValue(RdbOutput& out, const value::List& list);
void WriteValue(RdbOutput& out, const value::Set& set);
void WriteValue(RdbOutput& out, const value::SortedSet& set);
void WriteValue(RdbOutput& out, const value::Hash& hash);
void WriteValue(RdbOutput& out, const value::Stream& stream);

inline void WriteScored(RdbOutput& out, std::string_view member, double score) {
  out.Text(member);
  out.Double(score);
}
inline void WriteField(RdbOutput& out, std::string_view field, std::string_view value) {
  out.Text(field);
  out.Text(value);
}
// Times are written as distances from a base, which is at most the earliest of them.
void WriteTimedHead(RdbOutput& out, std::size_t count, UnixMs times_base);
// `when` is kNever where there is none.
void WriteTimedField(RdbOutput& out, UnixMs times_base, std::string_view field,
                     std::string_view value, UnixMs when);
void WriteListNode(RdbOutput& out, const value::ListNodeView& node);
void WriteStreamPart(RdbOutput& out, const value::StreamPart& part);

}  // namespace cairn::codec

#endif  // CAIRN_CODEC_RDB_VALUE_WRITER_H_
