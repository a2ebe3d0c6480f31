// SPDX-License-Identifier: BSD-3-Clause
// Times of fields.
//
// In a packed hash the fields lie by time, as in Redis 7.4: the earliest is the first element's, so
// asking whether anything has expired costs nothing, and setting a time, which moves the field, is
// a walk that finding the field was anyway. In a table they are those of the SegmentTable, which
// keeps keys' the same way.
#include <string>

#include "base/check.h"
#include "value/hash.h"

namespace cairn::value {
namespace {

using ds::PackedList;
using ds::PackedValue;
using ds::PackedView;

// 0 where a field has none, since no list of Redis's holds a number that large otherwise.
UnixMs ToTime(const PackedValue& value) {
  return value.is_integer() && value.integer() != 0 ? value.integer() : kNever;
}
std::int64_t FromTime(UnixMs when) { return when == kNever ? 0 : when; }

// A value that outlives changes of the list it came from.
class Kept {
 public:
  explicit Kept(const PackedValue& value)
      : text_(value.is_integer() ? std::string() : std::string(value.text())),
        number_(value.is_integer() ? value.integer() : 0),
        is_integer_(value.is_integer()) {}
  PackedValue value() const {
    return is_integer_ ? PackedValue(number_) : PackedValue::Verbatim(text_);
  }

 private:
  std::string text_;
  std::int64_t number_;
  bool is_integer_;
};

}  // namespace

UnixMs Hash::TimeAt(Position field) const {
  if (word_.form() != Form::kTimed) return kNever;
  const PackedView list = packed();
  return ToTime(list.At(list.Next(list.Next(field))));
}

// Gives every field room for a time. False if the list cannot be so long.
bool Hash::ToTimed() {
  Borrowed<PackedList, Form> list(word_);
  if (!list->Fits(list->size() / 2 * PackedList::EncodedBytesMax(kInt64TextMax))) return false;
  PackedList timed;
  for (Position at = list->First(); at != PackedView::kNone;) {
    timed.Append(list->At(at));
    at = list->Next(at);
    timed.Append(list->At(at));
    at = list->Next(at);
    timed.Append(0);
  }
  *list = std::move(timed);
  return true;
}

bool Hash::SetExpiry(std::string_view field, UnixMs when, const TableHome& home) {
  DCHECK(when > 0);
  DCHECK(when != kNever);
  if (word_.form() == Form::kPacked) {
    if (!Contains(field)) return false;
    if (ToTimed()) {
      word_.Set(Form::kTimed, word_.pointer());
    } else {
      ToTable(home);
    }
  }
  if (word_.form() == Form::kTimed) {
    const Position at = FindPacked(field);
    if (at == PackedView::kNone) return false;
    // A list that came from a dump may be as long as lists can be, and the new time be longer.
    if (packed().Fits(PackedList::EncodedBytesMax(kInt64TextMax))) {
      MoveTo(at, when);
      return true;
    }
    ToTable(home);
  }
  const Table::Position at = table().Find(field);
  if (!at.found()) return false;
  mutable_table().table().SetExpiry(at, when);
  return true;
}

bool Hash::ClearExpiry(std::string_view field) {
  switch (word_.form()) {
    case Form::kPacked:
      return false;
    case Form::kTimed: {
      const Position at = FindPacked(field);
      if (at == PackedView::kNone || TimeAt(at) == kNever) return false;
      MoveTo(at, kNever);
      return true;
    }
    case Form::kTable:
      break;
  }
  const Table::Position at = table().Find(field);
  return at.found() && mutable_table().table().ClearExpiry(at);
}

// Takes the field to where its new time belongs: behind those that are as early.
void Hash::MoveTo(Position field, UnixMs when) {
  Borrowed<PackedList, Form> list(word_);
  const Kept name(list->At(field));
  const Kept value(list->At(list->Next(field)));
  list->EraseRange(field, 3);
  Position before = list->First();
  while (before != PackedView::kNone) {
    const Position time = list->Next(list->Next(before));
    if (when != kNever && ToTime(list->At(time)) > when) break;
    before = list->Next(time);
  }
  Position at = before == PackedView::kNone ? list->Append(name.value())
                                            : list->InsertBefore(before, name.value());
  at = list->InsertAfter(at, value.value());
  list->InsertAfter(at, FromTime(when));
}

std::optional<UnixMs> Hash::ExpiryOf(std::string_view field) const {
  if (is_packed()) {
    const Position at = FindPacked(field);
    if (at == PackedView::kNone) return std::nullopt;
    return TimeAt(at);
  }
  const Table::Position at = table().Find(field);
  if (!at.found()) return std::nullopt;
  return table().table().ExpiryAt(at);
}

UnixMs Hash::MinExpiry() const {
  if (!is_packed()) {
    const Table::Table& times = table().table();
    return times.volatile_count() == 0 ? kNever : times.min_expiry();
  }
  const Position first = packed().First();
  return first == PackedView::kNone ? kNever : TimeAt(first);
}

bool Hash::TakeExpired(UnixMs now, std::size_t max, FieldFn fn) {
  if (MinExpiry() > now) return true;
  if (is_packed()) return TakeExpiredPacked(now, max, fn);
  Table& table = mutable_table();
  return table.table().ForEachExpired(now, max, [&](Table::Position at) {
    const HashNode* node = table.At(at);
    fn(node->key(), node->value());
    table.Erase(at);
  });
}

bool Hash::TakeExpiredPacked(UnixMs now, std::size_t max, FieldFn fn) {
  Position end = packed().First();
  std::size_t fields = 0;
  for (; end != PackedView::kNone && TimeAt(end) <= now && fields < max; ++fields) {
    Show(packed(), end, fn);
    end = NextField(end);
  }
  const bool finished = end == PackedView::kNone || TimeAt(end) > now;
  Borrowed<PackedList, Form> list(word_);
  if (fields > 0) list->EraseRange(list->First(), fields * 3);
  return finished;
}

void Hash::ForEachWithTime(TimedFieldFn fn) const {
  if (is_packed()) {
    const PackedView list = packed();
    for (Position at = list.First(); at != PackedView::kNone; at = NextField(at)) {
      Show(list, at,
           [&](std::string_view field, std::string_view value) { fn(field, value, TimeAt(at)); });
    }
    return;
  }
  Table::Table& table = mutable_table().table();
  table.ForEach([&](Table::Position at, const HashNode* node) {
    fn(node->key(), node->value(), table.ExpiryAt(at));
  });
}

}  // namespace cairn::value
