// SPDX-License-Identifier: BSD-3-Clause
// Nodes as Redis's listpacks, for DUMP, RDB files and replicas, and back.
//
//     live | deleted | n | name ... | 0 | entry | entry ...
//     entry = flags | ms | seq | value ... | how many elements these were          (same fields)
//     entry = flags | ms | seq | n | name | value ... | how many elements these were
//
// Bytes that come in are anybody's: every count is checked against what is there.
#include <deque>
#include <vector>

#include "value/stream_element.h"
#include "value/stream_node.h"

namespace cairn::value {
namespace {

constexpr std::int64_t kPackedDeleted = 1;
constexpr std::int64_t kPackedSameFields = 2;

// Reads a listpack that somebody sent. After a failure everything is empty and `ok` false.
class Reader {
 public:
  explicit Reader(const ds::PackedList& list) : list_(list), at_(list.First()) {}

  bool ok() const { return ok_; }
  bool at_end() const { return at_ == ds::PackedList::kNone; }
  std::size_t elements_read() const { return elements_read_; }

  std::int64_t Number() {
    if (!Check(!at_end())) return 0;
    const ds::PackedValue value = Take();
    return Check(value.is_integer()) ? value.integer() : 0;
  }
  std::size_t Count() {
    const std::int64_t number = Number();
    return Check(number >= 0 && number <= std::int64_t{UINT32_MAX})
               ? static_cast<std::size_t>(number)
               : 0;
  }
  ds::PackedValue Value() { return Check(!at_end()) ? Take() : 0; }
  bool Check(bool condition) {
    ok_ = ok_ && condition;
    return ok_;
  }

 private:
  ds::PackedValue Take() {
    const ds::PackedValue value = list_.At(at_);
    at_ = list_.Next(at_);
    ++elements_read_;
    return value;
  }

  const ds::PackedList& list_;
  ds::PackedList::Position at_;
  std::size_t elements_read_ = 0;
  bool ok_ = true;
};

// Texts, those of numbers in `digits`. They grow with what is there: the count is only a claim.
struct Texts {
  std::vector<std::string_view> views;
  std::deque<ds::PackedValue::Scratch> digits;  // stay where they are while more come

  bool Read(Reader& reader, std::size_t count) {
    views.clear();
    digits.clear();
    while (views.size() < count) {
      const ds::PackedValue value = reader.Value();
      if (!reader.ok()) return false;
      views.push_back(value.is_integer() ? value.Text(digits.emplace_back()) : value.text());
    }
    return true;
  }
};

struct PackedEntry {
  StreamId id;
  bool deleted = false;
  bool same_fields = false;
  Texts texts;                           // values, or names and values
  std::vector<std::string_view> fields;  // with names
};

bool ReadPackedEntry(Reader& reader, StreamId base, const Texts& names, PackedEntry* entry) {
  const std::size_t before = reader.elements_read();
  const std::int64_t flags = reader.Number();
  if (!reader.Check((flags & ~(kPackedDeleted | kPackedSameFields)) == 0)) return false;
  entry->deleted = (flags & kPackedDeleted) != 0;
  entry->same_fields = (flags & kPackedSameFields) != 0;
  entry->id.ms = base.ms + static_cast<std::uint64_t>(reader.Number());
  entry->id.seq = base.seq + static_cast<std::uint64_t>(reader.Number());
  const std::size_t count = entry->same_fields ? names.views.size() : reader.Count();
  const std::size_t texts = entry->same_fields ? count : 2 * count;
  if (!reader.Check(count > 0)) return false;
  if (!entry->texts.Read(reader, texts)) return false;
  entry->fields.clear();
  for (std::size_t i = 0; i < texts; ++i) {
    if (entry->same_fields) entry->fields.push_back(names.views[i]);
    entry->fields.push_back(entry->texts.views[i]);
  }
  const std::size_t elements = reader.elements_read() - before;
  return reader.Check(reader.Count() == elements);
}

void AppendPackedEntry(ds::PackedList& list, StreamId base, const StreamNode::Place& place,
                       const char* values, std::size_t names) {
  list.Append((place.deleted ? kPackedDeleted : 0) | (place.same_fields ? kPackedSameFields : 0));
  list.Append(static_cast<std::int64_t>(place.id.ms - base.ms));
  list.Append(static_cast<std::int64_t>(place.id.seq - base.seq));
  ds::PackedValue value = 0;
  std::size_t left = names;
  std::size_t elements = 3 + names;
  if (!place.same_fields) {
    values = GetElement(values, &value);
    list.Append(value);
    left = 2 * static_cast<std::size_t>(value.integer());
    elements = 4 + left;
  }
  for (; left > 0; --left) {
    values = GetElement(values, &value);
    list.Append(value);
  }
  list.Append(static_cast<std::int64_t>(elements));
}

Status Corrupt() { return {StatusCode::kCorrupt, "not the listpack of a stream"}; }

}  // namespace

ds::PackedList StreamNode::ToPacked() const {
  ds::PackedList list;
  list.Append(std::int64_t{live_});
  list.Append(std::int64_t{deleted_});
  list.Append(std::int64_t{fields_});
  const char* at = bytes();
  for (std::uint32_t i = 0; i < fields_; ++i) {
    ds::PackedValue name = 0;
    at = GetElement(at, &name);
    list.Append(name);
  }
  list.Append(0);
  Place place;
  for (bool more = First(&place); more; more = Next(place, &place)) {
    AppendPackedEntry(list, base_, place, bytes() + place.values_at, fields_);
  }
  return list;
}

Result<StreamNode*> StreamNode::FromPacked(ds::SlabArena& arena, StreamId base,
                                           std::string_view bytes) {
  auto list = ds::PackedList::FromBytes(bytes);
  if (!list) return std::unexpected(list.error());
  Reader reader(*list);
  const std::size_t live = reader.Count();
  const std::size_t deleted = reader.Count();
  const std::size_t name_count = reader.Count();
  Texts names;
  if (!reader.Check(name_count > 0) || !names.Read(reader, name_count) ||
      !reader.Check(reader.Number() == 0)) {
    return std::unexpected(Corrupt());
  }
  StreamNode* node = NewEmpty(arena, base, names.views, 1, 0);
  PackedEntry entry;
  while (reader.ok() && !reader.at_end()) {
    if (!ReadPackedEntry(reader, base, names, &entry)) break;
    const bool first = node->live_ + node->deleted_ == 0;
    if (!reader.Check(first ? entry.id >= base : entry.id > node->LastId())) break;
    node = Reserve(arena, node, entry.fields, entry.same_fields);
    node->Write(entry.id, entry.fields, entry.same_fields);
    Place place;
    if (entry.deleted && node->ReadAt(node->last_at_, &place)) node->MarkDeleted(place);
  }
  if (!reader.ok() || node->last_at_ == node->used_ || node->live_ != live ||
      node->deleted_ != deleted) {
    Free(arena, node);
    return std::unexpected(Corrupt());
  }
  if (node->packed_bytes() > kPackedBytesMax) {
    Free(arena, node);
    return Fail(StatusCode::kLimit, "a listpack of a stream that leaves no room for its counts");
  }
  return Trimmed(arena, node);
}

}  // namespace cairn::value
