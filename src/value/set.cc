// SPDX-License-Identifier: BSD-3-Clause
// Forms of a set, and how it goes from one to the next.
//
// The conversions are Redis 7.2's, with its oddities: integers that outgrow an intset make a table
// even where they would fit a packed list, and a text among integers makes a packed list only if
// the longest integer, too, is within the limit of a packed value.
#include "value/set.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <optional>

#include "base/check.h"
#include "base/text.h"
#include "value/node_size.h"

namespace cairn::value {
namespace {

using Scratch = ds::PackedValue::Scratch;

std::size_t IntLimit(const SetLimits& limits) {
  return std::min(limits.int_entries, ds::kIntSetSizeMax);
}

std::size_t DigitsOf(std::int64_t number) {
  char digits[kInt64TextMax];
  return static_cast<std::size_t>(FormatInt64(digits, number) - digits);
}

using IntView = Lent<ds::IntSet>;

}  // namespace

// ---- Nodes -------------------------------------------------------------------------------------

SetNode* SetNode::Create(ds::SlabArena& arena, std::string_view member) {
  auto* memory = static_cast<char*>(arena.Allocate(NodeSizeBytes(member.size()) + member.size()));
  char* bytes = WriteNodeSize(memory, member.size());
  if (!member.empty()) std::memcpy(bytes, member.data(), member.size());
  return reinterpret_cast<SetNode*>(memory);
}

std::size_t SetNode::bytes() const {
  const std::size_t size = key().size();
  return NodeSizeBytes(size) + size;
}

// ---- Life --------------------------------------------------------------------------------------

Set& Set::operator=(Set&& other) noexcept {
  if (this != &other) {
    Clear();
    word_ = other.word_.Take();
  }
  return *this;
}

Set Set::EmptyPacked() { return Set({Form::kPacked, nullptr}); }

void Set::Clear() {
  const TaggedWord<Form> old = word_.Take();
  switch (old.form()) {
    case Form::kInts:
      ds::IntSet::Adopt(old.pointer());
      break;
    case Form::kPacked:
      ds::PackedList::Adopt(old.pointer());
      break;
    case Form::kTable:
      std::unique_ptr<Table>(static_cast<Table*>(old.pointer())).reset();
  }
}

bool Set::FreeStep(std::size_t members) {
  if (word_.form() == Form::kTable && !mutable_table().Drain(members)) return false;
  Clear();
  return true;
}

Set Set::Clone() const {
  switch (word_.form()) {
    case Form::kInts:
      return Set({Form::kInts, IntView(word_.pointer())->Clone().Release()});
    case Form::kPacked:
      return Set({Form::kPacked, Lent<ds::PackedList>(word_.pointer())->Clone().Release()});
    case Form::kTable:
      break;
  }
  auto clone = std::make_unique<Table>(table().home());
  ForEach([&clone](std::string_view member) {
    clone->Insert(clone->HashOf(member), SetNode::Create(clone->arena(), member));
  });
  return Set({Form::kTable, clone.release()});
}

// ---- Figures -----------------------------------------------------------------------------------

std::size_t Set::size() const {
  switch (word_.form()) {
    case Form::kInts:
      return IntView(word_.pointer())->size();
    case Form::kPacked:
      return packed().size();
    case Form::kTable:
      break;
  }
  return table().size();
}

std::size_t Set::memory_bytes() const {
  switch (word_.form()) {
    case Form::kInts:
      return IntView(word_.pointer())->memory_bytes();
    case Form::kPacked:
      return packed().memory_bytes();
    case Form::kTable:
      break;
  }
  return table().memory_bytes();
}

std::string_view Set::encoding() const {
  switch (word_.form()) {
    case Form::kInts:
      return "intset";
    case Form::kPacked:
      return "listpack";
    case Form::kTable:
      break;
  }
  return "hashtable";
}

std::string_view Set::packed_bytes() const {
  DCHECK(is_packed());
  return is_int_set() ? IntView(word_.pointer())->bytes() : packed().bytes();
}

// ---- Members -----------------------------------------------------------------------------------

bool Set::Contains(std::string_view member) const {
  switch (word_.form()) {
    case Form::kInts: {
      const std::optional<std::int64_t> number = ParseInt64(member);
      return number.has_value() && IntView(word_.pointer())->Contains(*number);
    }
    case Form::kPacked:
      return packed().Find(member) != ds::PackedView::kNone;
    case Form::kTable:
      break;
  }
  return table().Find(member).found();
}

bool Set::Add(std::string_view member, const SetLimits& limits, const TableHome& home) {
  switch (word_.form()) {
    case Form::kInts:
      return AddToInts(member, limits, home);
    case Form::kPacked:
      return AddToPacked(member, limits, home);
    case Form::kTable:
      break;
  }
  return AddToTable(member);
}

bool Set::AddToInts(std::string_view member, const SetLimits& limits, const TableHome& home) {
  const std::optional<std::int64_t> number = ParseInt64(member);
  if (!number.has_value()) {
    if (!IntsFitPacked(member, limits)) {
      ToTable(home);
      return AddToTable(member);
    }
    IntsToPacked();
    Borrowed<ds::PackedList, Form>(word_)->Append(member);
    return true;
  }
  if (!Borrowed<ds::IntSet, Form>(word_)->Add(*number)) return false;
  if (size() > IntLimit(limits)) ToTable(home);
  return true;
}

bool Set::IntsFitPacked(std::string_view member, const SetLimits& limits) const {
  const IntView ints(word_.pointer());
  const std::size_t count = ints->size();
  if (count >= limits.packed_entries || member.size() > limits.packed_value_bytes) return false;
  std::size_t longest = 0;
  if (count != 0) longest = std::max(DigitsOf(ints->At(0)), DigitsOf(ints->At(count - 1)));
  if (longest > limits.packed_value_bytes) return false;
  const std::size_t bytes_max = count * ds::PackedList::EncodedBytesMax(longest) +
                                ds::PackedList::EncodedBytesMax(member.size());
  return bytes_max <= ds::kPackedListBytesMax / 2;
}

bool Set::AddToPacked(std::string_view member, const SetLimits& limits, const TableHome& home) {
  {
    Borrowed<ds::PackedList, Form> list(word_);
    if (list->Find(member) != ds::PackedList::kNone) return false;
    const ds::PackedValue packed_member(member);
    if (list->size() < limits.packed_entries && member.size() <= limits.packed_value_bytes &&
        list->Fits(ds::PackedList::EncodedBytes(packed_member))) {
      list->Append(packed_member);
      return true;
    }
  }
  ToTable(home);
  return AddToTable(member);
}

bool Set::AddToTable(std::string_view member) {
  Table& table = mutable_table();
  const std::uint64_t hash = table.HashOf(member);
  if (table.table().Find(hash, member).found()) return false;
  table.Insert(hash, SetNode::Create(table.arena(), member));
  return true;
}

void Set::Expect(std::string_view first, std::size_t count, const SetLimits& limits,
                 const TableHome& home) {
  if (word_.form() == Form::kTable) return;
  if (!empty()) {
    if (count > (is_int_set() ? limits.int_entries : limits.packed_entries)) ToTable(home);
    return;
  }
  if (count <= limits.int_entries && ParseInt64(first).has_value()) {
    word_ = {};
  } else if (count <= limits.packed_entries) {
    word_ = {Form::kPacked, nullptr};
  } else {
    ToTable(home);
  }
}

bool Set::Remove(std::string_view member) {
  switch (word_.form()) {
    case Form::kInts: {
      const std::optional<std::int64_t> number = ParseInt64(member);
      return number.has_value() && Borrowed<ds::IntSet, Form>(word_)->Remove(*number);
    }
    case Form::kPacked: {
      Borrowed<ds::PackedList, Form> list(word_);
      const ds::PackedView::Position at = list->Find(member);
      if (at == ds::PackedView::kNone) return false;
      list->Erase(at);
      return true;
    }
    case Form::kTable:
      break;
  }
  Table& table = mutable_table();
  const Table::Position at = table.Find(member);
  if (!at.found()) return false;
  table.Erase(at);
  return true;
}

// ---- Conversions -------------------------------------------------------------------------------

void Set::IntsToPacked() {
  ds::PackedList list;
  {
    const IntView ints(word_.pointer());
    for (std::size_t i = 0; i < ints->size(); ++i) list.Append(ints->At(i));
  }
  Clear();
  word_.Set(Form::kPacked, list.Release());
}

void Set::ToTable(const TableHome& home) {
  auto table = std::make_unique<Table>(home);
  ForEach([&table](std::string_view member) {
    table->Insert(table->HashOf(member), SetNode::Create(table->arena(), member));
  });
  Clear();
  word_.Set(Form::kTable, table.release());
}

void Set::ConvertToInts(const SetLimits& limits) {
  if (is_int_set() || size() > IntLimit(limits)) return;
  bool all = true;
  ds::IntSet ints;
  ForEach([&](std::string_view member) {
    const std::optional<std::int64_t> number = ParseInt64(member);
    all = all && number.has_value();
    if (all) ints.Add(*number);
  });
  if (!all) return;
  Clear();
  word_.Set(Form::kInts, ints.Release());
}

// ---- Walks -------------------------------------------------------------------------------------

void Set::ForEach(MemberFn fn) const {
  Scratch scratch;
  switch (word_.form()) {
    case Form::kInts: {
      const IntView ints(word_.pointer());
      const std::size_t count = ints->size();
      for (std::size_t i = 0; i < count; ++i) fn(ds::PackedValue(ints->At(i)).Text(scratch));
      return;
    }
    case Form::kPacked: {
      const ds::PackedView list = packed();
      for (auto at = list.First(); at != ds::PackedView::kNone; at = list.Next(at)) {
        fn(list.At(at).Text(scratch));
      }
      return;
    }
    case Form::kTable:
      break;
  }
  mutable_table().table().ForEach([&fn](Table::Position, const SetNode* node) { fn(node->key()); });
}

std::uint64_t Set::Scan(std::uint64_t cursor, std::size_t count, MemberFn fn) const {
  if (word_.form() != Form::kTable) {
    ForEach(fn);
    return 0;
  }
  std::size_t visited = 0;
  do {
    cursor = mutable_table().table().Scan(cursor, [&](Table::Position, const SetNode* node) {
      ++visited;
      fn(node->key());
    });
  } while (cursor != 0 && visited < count);
  return cursor;
}

}  // namespace cairn::value
