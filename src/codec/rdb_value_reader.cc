// SPDX-License-Identifier: BSD-3-Clause
// Which reader a type has; lists and sets. Hashes, sorted sets and streams have files of their own.
#include "codec/rdb_value_reader.h"

#include <algorithm>
#include <span>
#include <utility>

#include "codec/old_packed.h"

namespace cairn::codec {

bool RdbIsEmpty(const RdbValue& value) {
  return std::visit(
      []<class V>(const V& held) {
        if constexpr (std::is_same_v<V, std::string_view> || std::is_same_v<V, value::Stream>) {
          return false;
        } else {
          return held.size() == 0;
        }
      },
      value);
}

bool IsRdbValueType(std::uint8_t type) {
  constexpr std::uint8_t kUnused = 8;
  return type <= kRdbTypeMax && type != kUnused &&
         type != static_cast<std::uint8_t>(RdbType::kModulePreRelease) &&
         type != static_cast<std::uint8_t>(RdbType::kModule);
}

// Nine letters of six bits each, then ten bits of the module's own version.
std::string RdbModuleName(std::uint64_t id) {
  constexpr std::string_view kLetters =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  constexpr int kNameLetters = 9;
  std::string name;
  for (int i = 0; i < kNameLetters; ++i) name += kLetters[id >> (58 - 6 * i) & 63];
  return name;
}

RdbValue RdbValueReader::Read(std::uint8_t type, const value::TableHome& home) {
  home_ = &home;
  if (type == static_cast<std::uint8_t>(RdbType::kModule)) {
    const std::string name = RdbModuleName(in_.Length());
    in_.Fail(StatusCode::kUnsupported, "a value of the module '" + name + "'");
  } else if (type == static_cast<std::uint8_t>(RdbType::kModulePreRelease)) {
    in_.Fail(StatusCode::kUnsupported, "a value of a module");
  } else if (!IsRdbValueType(type)) {
    in_.Fail(StatusCode::kUnsupported, "a value of an unknown type, " + std::to_string(type) + ",");
  }
  if (!in_.ok()) return {};
  return ReadKnown(static_cast<RdbType>(type));
}

RdbValue RdbValueReader::ReadKnown(RdbType type) {
  switch (type) {
    case RdbType::kString:
      return in_.Text();
    case RdbType::kList:
      return ReadList();
    case RdbType::kListZiplist:
      return ReadListZiplist();
    case RdbType::kListOfZiplists:
      return ReadListNodes(Nodes::kZiplists);
    case RdbType::kListNodes:
      return ReadListNodes(Nodes::kAny);
    case RdbType::kSet:
      return ReadSet();
    case RdbType::kSetInts:
      return ReadSetInts();
    case RdbType::kSetPacked:
      return ReadSetPacked();
    case RdbType::kSortedSetText:
      return ReadSortedSet(Scores::kText);
    case RdbType::kSortedSet:
      return ReadSortedSet(Scores::kBinary);
    case RdbType::kSortedSetZiplist:
      return ReadSortedSetPacked(ReadZiplist());
    case RdbType::kSortedSetPacked:
      return ReadSortedSetPacked(ReadPacked());
    case RdbType::kHash:
      return ReadHash();
    case RdbType::kHashZipmap:
      return ReadHashPacked(ReadZipmap(), 2);
    case RdbType::kHashZiplist:
      return ReadHashPacked(ReadZiplist(), 2);
    case RdbType::kHashPacked:
      return ReadHashPacked(ReadPacked(), 2);
    case RdbType::kHashTimesPreRelease:
      return ReadHashTimes(Times::kAbsolute);
    case RdbType::kHashTimes:
      return ReadHashTimes(Times::kFromBase);
    case RdbType::kHashPackedTimes:
      in_.Word64();  // the earliest time, which the list has, too
      return ReadHashPacked(ReadPacked(), 3);
    case RdbType::kHashPackedTimesPreRelease:
      return ReadHashPacked(ReadPacked(), 3);
    case RdbType::kStream1:
    case RdbType::kStream2:
    case RdbType::kStream3:
      return ReadStream(in_, type, *home_->arena);
    case RdbType::kModulePreRelease:
    case RdbType::kModule:
      break;
  }
  return {};
}

void RdbValueReader::FailAs(const Status& status) {
  in_.Fail(status.code(), std::string(status.message()) + ", of a text");
}

ds::PackedList RdbValueReader::ReadPacked() {
  auto list = ds::PackedList::FromBytes(in_.Text());
  if (list && in_.ok()) return std::move(*list);
  if (!list) FailAs(list.error());
  return {};
}

ds::PackedList RdbValueReader::ReadZiplist() {
  auto list = PackedFromZiplist(in_.Text());
  if (list) return std::move(*list);
  FailAs(list.error());
  return {};
}

ds::PackedList RdbValueReader::ReadZipmap() {
  auto list = PackedFromZipmap(in_.Text());
  if (list) return std::move(*list);
  FailAs(list.error());
  return {};
}

// ---- Lists -------------------------------------------------------------------------------------

value::List RdbValueReader::ReadList() {
  value::List list;
  const std::uint64_t count = in_.Length();
  for (std::uint64_t i = 0; i < count && in_.ok(); ++i) {
    const std::string_view text = in_.Text();
    if (in_.ok()) list.Push(value::ListEnd::kBack, std::span(&text, 1), limits_.list);
  }
  list.Normalize(limits_.list);
  return list;
}

value::List RdbValueReader::ReadListZiplist() {
  value::List list = value::List::AdoptPacked(ReadZiplist());
  list.Normalize(limits_.list);
  return list;
}

// Appends a node of one huge element at once; others are handed back.
ds::PackedList RdbValueReader::ReadListNode(Nodes nodes, value::List& list) {
  if (nodes == Nodes::kZiplists) return ReadZiplist();
  switch (static_cast<RdbListNode>(in_.Length())) {
    case RdbListNode::kPacked:
      return ReadPacked();
    case RdbListNode::kPlain: {
      const std::string_view text = in_.Text();
      if (in_.ok()) list.AppendPlainNode(text, limits_.list);
      return {};
    }
  }
  in_.Corrupt("a node of a list of no known kind");
  return {};
}

// Empty nodes are passed over, as Redis does.
value::List RdbValueReader::ReadListNodes(Nodes nodes) {
  value::List list;
  const std::uint64_t count = in_.Length();
  for (std::uint64_t i = 0; i < count && in_.ok(); ++i) {
    ds::PackedList node = ReadListNode(nodes, list);
    if (node.empty()) continue;
    if (count == 1) {
      list = value::List::AdoptPacked(std::move(node));
    } else {
      list.AppendNode(std::move(node), limits_.list);
    }
  }
  list.Normalize(limits_.list);
  return list;
}

// ---- Sets --------------------------------------------------------------------------------------

// By the count alone a set may be too large for the small forms, whatever its members are.
value::Set RdbValueReader::ReadSet() {
  value::Set set;
  const std::uint64_t count = in_.Length();
  if (count > limits_.set.int_entries) set.ToTable(*home_);
  for (std::uint64_t i = 0; i < count && in_.ok(); ++i) {
    const std::string_view member = in_.Text();
    if (in_.ok() && !set.Add(member, limits_.set, *home_)) in_.Corrupt("a member that is there");
  }
  return set;
}

value::Set RdbValueReader::ReadSetInts() {
  auto ints = ds::IntSet::FromBytes(in_.Text());
  if (!ints) {
    FailAs(ints.error());
    return {};
  }
  value::Set set = value::Set::AdoptInts(std::move(*ints));
  if (set.size() > std::min(limits_.set.int_entries, ds::kIntSetSizeMax)) set.ToTable(*home_);
  return set;
}

value::Set RdbValueReader::ReadSetPacked() {
  ds::PackedList list = ReadPacked();
  if (!in_.ok()) return {};
  if (list.size() <= limits_.set.packed_entries) {
    if (duplicates_.AllDiffer(list, 1, home_->seed))
      return value::Set::AdoptPacked(std::move(list));
    in_.Corrupt("a set with a member twice, in a text");
    return {};
  }
  value::Set set;
  set.ToTable(*home_);
  ds::PackedValue::Scratch scratch;
  for (auto at = list.First(); at != ds::PackedList::kNone && in_.ok(); at = list.Next(at)) {
    if (!set.Add(list.At(at).Text(scratch), limits_.set, *home_))
      in_.Corrupt("a set with a member twice, in a text");
  }
  return set;
}

}  // namespace cairn::codec
