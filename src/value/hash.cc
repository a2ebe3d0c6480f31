// SPDX-License-Identifier: BSD-3-Clause
// Forms of a hash, and how it goes from one to the next. Times are in hash_expiry.cc.
//
// The conversions are Redis 7.2's, with its oddities: a value that is too long makes a table even
// where it replaces one, and a packed hash is measured after every change, not only after growth.
#include "value/hash.h"

#include <cstring>
#include <memory>
#include <unordered_set>

#include "base/check.h"
#include "value/node_size.h"

namespace cairn::value {
namespace {

using ds::PackedList;
using ds::PackedValue;
using ds::PackedView;

// Above this share of the fields, drawing again costs more than a walk (see set_random.cc).
constexpr std::size_t kWalkShare = 3;

std::size_t NodeBytes(std::size_t field_size, std::size_t value_size) {
  return NodeSizeBytes(field_size) + NodeSizeBytes(value_size) + field_size + value_size;
}

char* WriteBytes(char* to, std::string_view bytes) {
  if (!bytes.empty()) std::memcpy(to, bytes.data(), bytes.size());
  return to + bytes.size();
}

}  // namespace

// ---- Nodes -------------------------------------------------------------------------------------

HashNode* HashNode::Create(ds::SlabArena& arena, std::string_view field, std::string_view value) {
  // All that is set aside is asked for, since SetInPlace makes use of it.
  auto* memory = static_cast<char*>(
      arena.Allocate(ds::SlabArena::AllocatedSize(NodeBytes(field.size(), value.size()))));
  char* to = WriteNodeSize(memory, field.size());
  to = WriteNodeSize(to, value.size());
  WriteBytes(WriteBytes(to, field), value);
  return reinterpret_cast<HashNode*>(memory);
}

HashNode::Parts HashNode::Split() const {
  const char* at = reinterpret_cast<const char*>(this);
  const std::size_t field_size = ReadNodeSize(at);
  const std::size_t value_size = ReadNodeSize(at);
  return {{at, field_size}, {at + field_size, value_size}};
}

std::string_view HashNode::key() const { return Split().field; }

std::string_view HashNode::value() const { return Split().value; }

std::size_t HashNode::bytes() const {
  const Parts parts = Split();
  return NodeBytes(parts.field.size(), parts.value.size());
}

bool HashNode::SetInPlace(std::string_view value) {
  const Parts old = Split();
  if (NodeSizeBytes(old.value.size()) != NodeSizeBytes(value.size())) return false;
  if (ds::SlabArena::AllocatedSize(NodeBytes(old.field.size(), old.value.size())) !=
      ds::SlabArena::AllocatedSize(NodeBytes(old.field.size(), value.size()))) {
    return false;
  }
  WriteNodeSize(reinterpret_cast<char*>(this) + NodeSizeBytes(old.field.size()), value.size());
  WriteBytes(const_cast<char*>(old.value.data()), value);
  return true;
}

// ---- Life --------------------------------------------------------------------------------------

Hash& Hash::operator=(Hash&& other) noexcept {
  if (this != &other) {
    Clear();
    word_ = other.word_.Take();
  }
  return *this;
}

void Hash::Clear() {
  const TaggedWord<Form> old = word_.Take();
  if (old.form() == Form::kTable) {
    std::unique_ptr<Table>(static_cast<Table*>(old.pointer())).reset();
  } else {
    PackedList::Adopt(old.pointer());
  }
}

bool Hash::FreeStep(std::size_t fields) {
  if (!is_packed() && !mutable_table().Drain(fields)) return false;
  Clear();
  return true;
}

Hash Hash::Clone() const {
  if (is_packed()) {
    return Hash({word_.form(), Lent<PackedList>(word_.pointer())->Clone().Release()});
  }
  auto clone = std::make_unique<Table>(table().home());
  Table::Table& from = mutable_table().table();
  from.ForEach([&](Table::Position at, const HashNode* node) {
    const std::string_view field = node->key();
    const Table::Position copy =
        clone->Insert(clone->HashOf(field), HashNode::Create(clone->arena(), field, node->value()));
    const UnixMs when = from.ExpiryAt(at);
    if (when != kNever) clone->table().SetExpiry(copy, when);
  });
  return Hash({Form::kTable, clone.release()});
}

// ---- Figures -----------------------------------------------------------------------------------

std::size_t Hash::size() const { return is_packed() ? packed().size() / stride() : table().size(); }

std::size_t Hash::memory_bytes() const {
  return is_packed() ? packed().memory_bytes() : table().memory_bytes();
}

std::string_view Hash::encoding() const {
  switch (word_.form()) {
    case Form::kPacked:
      return "listpack";
    case Form::kTimed:
      return "listpackex";
    case Form::kTable:
      break;
  }
  return "hashtable";
}

// ---- Fields ------------------------------------------------------------------------------------

Hash::Position Hash::FindPacked(std::string_view field) const {
  return packed().Find(field, packed().First(), stride() - 1);
}

bool Hash::Contains(std::string_view field) const {
  if (is_packed()) return FindPacked(field) != PackedView::kNone;
  return table().Find(field).found();
}

std::optional<PackedValue> Hash::Get(std::string_view field) const {
  if (is_packed()) {
    const Position at = FindPacked(field);
    if (at == PackedView::kNone) return std::nullopt;
    return packed().At(packed().Next(at));
  }
  const Table::Position at = table().Find(field);
  if (!at.found()) return std::nullopt;
  return PackedValue::Verbatim(table().At(at)->value());
}

bool Hash::Set(std::string_view field, std::string_view value, const HashLimits& limits,
               const TableHome& home) {
  return Put(field, value, Present::kReplace, limits, home);
}

bool Hash::Add(std::string_view field, std::string_view value, const HashLimits& limits,
               const TableHome& home) {
  return Put(field, value, Present::kKeep, limits, home);
}

bool Hash::Put(std::string_view field, std::string_view value, Present present,
               const HashLimits& limits, const TableHome& home) {
  if (!is_packed()) return PutInTable(field, value, present);
  const Position at = FindPacked(field);
  const bool is_new = at == PackedView::kNone;
  if (!is_new && present == Present::kKeep) return false;
  const bool is_long =
      field.size() > limits.packed_value_bytes || value.size() > limits.packed_value_bytes;
  if (is_long || !PutPacked(at, field, value)) {
    ToTable(home);
    return PutInTable(field, value, present);
  }
  if (size() > limits.packed_entries) ToTable(home);
  return is_new;
}

// False if the list cannot be so long.
bool Hash::PutPacked(Position at, std::string_view field, std::string_view value) {
  const bool timed = word_.form() == Form::kTimed;
  Borrowed<PackedList, Form> list(word_);
  const PackedValue packed_value(value);
  if (!list->Fits(PackedList::EncodedBytes(packed_value) +
                  PackedList::EncodedBytesMax(field.size()) + PackedList::EncodedBytesMax(0))) {
    return false;
  }
  if (at != PackedView::kNone) {
    list->Replace(list->Next(at), packed_value);
    return true;
  }
  list->Append(field);
  list->Append(packed_value);
  if (timed) list->Append(0);
  return true;
}

bool Hash::PutInTable(std::string_view field, std::string_view value, Present present) {
  Table& table = mutable_table();
  const std::uint64_t hash = table.HashOf(field);
  const Table::Position at = table.table().Find(hash, field);
  if (!at.found()) {
    table.Insert(hash, HashNode::Create(table.arena(), field, value));
    return true;
  }
  if (present == Present::kKeep) return false;
  table.Preserve(at);
  if (!table.At(at)->SetInPlace(value)) {
    table.Replace(at, HashNode::Create(table.arena(), field, value));
  }
  return false;
}

void Hash::Expect(std::size_t fields, std::size_t longest_bytes, const HashLimits& limits,
                  const TableHome& home) {
  if (!is_packed()) return;
  if (fields > limits.packed_entries || longest_bytes > limits.packed_value_bytes) ToTable(home);
}

bool Hash::Remove(std::string_view field) {
  if (is_packed()) {
    const Position at = FindPacked(field);
    if (at == PackedView::kNone) return false;
    const std::size_t elements = stride();
    Borrowed<PackedList, Form>(word_)->EraseRange(at, elements);
    return true;
  }
  const Table::Position at = table().Find(field);
  if (!at.found()) return false;
  mutable_table().Erase(at);
  return true;
}

void Hash::ToTable(const TableHome& home) {
  auto table = std::make_unique<Table>(home);
  PackedValue::Scratch field_scratch;
  PackedValue::Scratch value_scratch;
  const PackedView list = packed();
  for (Position at = list.First(); at != PackedView::kNone; at = NextField(at)) {
    const std::string_view field = list.At(at).Text(field_scratch);
    const std::string_view value = list.At(list.Next(at)).Text(value_scratch);
    const Table::Position put =
        table->Insert(table->HashOf(field), HashNode::Create(table->arena(), field, value));
    const UnixMs when = TimeAt(at);
    if (when != kNever) table->table().SetExpiry(put, when);
  }
  Clear();
  word_.Set(Form::kTable, table.release());
}

// ---- Walks -------------------------------------------------------------------------------------

Hash::Position Hash::NextField(Position field) const {
  const PackedView list = packed();
  for (std::size_t i = 0; i < stride(); ++i) field = list.Next(field);
  return field;
}

void Hash::Show(PackedView list, Position field, FieldFn fn) {
  PackedValue::Scratch field_scratch;
  PackedValue::Scratch value_scratch;
  fn(list.At(field).Text(field_scratch), list.At(list.Next(field)).Text(value_scratch));
}

void Hash::ForEach(FieldFn fn) const {
  if (is_packed()) {
    const PackedView list = packed();
    for (Position at = list.First(); at != PackedView::kNone; at = NextField(at)) {
      Show(list, at, fn);
    }
    return;
  }
  mutable_table().table().ForEach(
      [&fn](Table::Position, const HashNode* node) { fn(node->key(), node->value()); });
}

std::uint64_t Hash::Scan(std::uint64_t cursor, std::size_t count, FieldFn fn) const {
  if (is_packed()) {
    ForEach(fn);
    return 0;
  }
  std::size_t visited = 0;
  do {
    cursor = mutable_table().table().Scan(cursor, [&](Table::Position, const HashNode* node) {
      ++visited;
      fn(node->key(), node->value());
    });
  } while (cursor != 0 && visited < count);
  return cursor;
}

// ---- By chance ---------------------------------------------------------------------------------

void Hash::RandomField(Random& random, FieldFn fn) const {
  DCHECK(!empty());
  if (is_packed()) {
    const PackedView list = packed();
    Show(list, list.Seek(static_cast<std::int64_t>(random.Below(size()) * stride())), fn);
    return;
  }
  Table& table = mutable_table();
  const HashNode* node = table.At(table.table().RandomPosition(random));
  fn(node->key(), node->value());
}

void Hash::RandomFields(Random& random, std::size_t count, FieldFn fn) const {
  const std::size_t all = size();
  if (count >= all) {
    ForEach(fn);
  } else if (is_packed() || count > all / kWalkShare) {
    SampleWalk(random, count, fn);
  } else {
    SampleTable(random, count, fn);
  }
}

void Hash::SampleWalk(Random& random, std::size_t count, FieldFn fn) const {
  std::size_t left = size();
  ForEach([&](std::string_view field, std::string_view value) {
    if (count != 0 && random.Below(left) < count) {
      --count;
      fn(field, value);
    }
    --left;
  });
}

void Hash::SampleTable(Random& random, std::size_t count, FieldFn fn) const {
  Table& table = mutable_table();
  std::unordered_set<const HashNode*> drawn;
  while (drawn.size() < count) {
    const HashNode* node = table.At(table.table().RandomPosition(random));
    if (drawn.insert(node).second) fn(node->key(), node->value());
  }
}

}  // namespace cairn::value
