// SPDX-License-Identifier: BSD-3-Clause
// RdbValueReader: values out of RDB files and DUMP payloads, of every type that Redis has written.
//
//   RdbValueReader reader(in, limits);
//   RdbValue value = reader.Read(type, home);       // home: where a large collection is to live
//   if (!in.ok()) ...
//
// The input may be anybody's. Every packed form is checked in every byte before it is taken over,
// no member or field may come twice, scores must be numbers and in order, the parts of a stream
// must agree. What a count claims is never allocated: collections grow with what is really there.
//
// A value gets the form that its size and the limits ask for, as in Redis after loading, whatever
// form it had where it was written. Empty collections (Redis once wrote some) are read as such:
// RdbIsEmpty tells, and it is for the caller to refuse or skip them.
#ifndef CAIRN_CODEC_RDB_VALUE_READER_H_
#define CAIRN_CODEC_RDB_VALUE_READER_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "base/ids.h"
#include "codec/duplicates.h"
#include "codec/rdb_format.h"
#include "codec/rdb_input.h"
#include "value/hash.h"
#include "value/list.h"
#include "value/node_table.h"
#include "value/set.h"
#include "value/sorted_set.h"
#include "value/stream.h"

namespace cairn::codec {

// The configured limits of the small forms.
struct RdbValueLimits {
  value::ListLimits list;
  value::HashLimits hash;
  value::SetLimits set;
  value::SortedSetLimits sorted_set;
};

// A string is a view that lives until the input is read again.
using RdbValue = std::variant<std::string_view, value::List, value::Set, value::SortedSet,
                              value::Hash, value::Stream>;

// A collection that nobody can have: no key holds one.
bool RdbIsEmpty(const RdbValue& value);

// Whether a value may be of this type; modules' are not among them.
bool IsRdbValueType(std::uint8_t type);
// "moduletype", as it is hidden in 64 bits.
std::string RdbModuleName(std::uint64_t id);

class RdbValueReader {
 public:
  // The input outlives the reader.
  RdbValueReader(RdbInput& in, const RdbValueLimits& limits) : in_(in), limits_(limits) {}

  // What is returned is of use only if the input is ok.
  RdbValue Read(std::uint8_t type, const value::TableHome& home);

 private:
  RdbValue ReadKnown(RdbType type);
  value::List ReadList();
  value::List ReadListZiplist();
  enum class Nodes { kZiplists, kAny };
  value::List ReadListNodes(Nodes nodes);
  ds::PackedList ReadListNode(Nodes nodes, value::List& list);
  value::Set ReadSet();
  value::Set ReadSetInts();
  value::Set ReadSetPacked();
  enum class Scores { kText, kBinary };
  value::SortedSet ReadSortedSet(Scores scores);
  double ReadTextScore();
  value::SortedSet ReadSortedSetPacked(ds::PackedList list);
  value::SortedSet SortedSetOf(ds::PackedView list);
  value::Hash ReadHash();
  value::Hash ReadHashPacked(ds::PackedList list, std::size_t stride);
  value::Hash HashOf(ds::PackedView list, std::size_t stride);
  enum class Times { kAbsolute, kFromBase };
  value::Hash ReadHashTimes(Times times);

  // The next text, as each of the packed forms; empty, with the input failed, if it is none.
  ds::PackedList ReadPacked();
  ds::PackedList ReadZiplist();
  ds::PackedList ReadZipmap();
  void FailAs(const Status& status);

  RdbInput& in_;
  const RdbValueLimits limits_;
  const value::TableHome* home_ = nullptr;  // of the value at hand
  DuplicateFinder duplicates_;
  std::string field_;  // scratch
};

// Nodes, counters and groups of a stream.
value::Stream ReadStream(RdbInput& in, RdbType type, ds::SlabArena& arena);

}  // namespace cairn::codec

#endif  // CAIRN_CODEC_RDB_VALUE_READER_H_
