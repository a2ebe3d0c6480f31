// SPDX-License-Identifier: BSD-3-Clause
// Members of a set by chance: SPOP and SRANDMEMBER.
//
// Several different members are drawn by selection sampling where they are more than a third (one
// walk, every member with the chance that fills the count exactly), else one by one, drawing again
// what was drawn already: with a third, half a draw too many in the mean.
#include <memory>
#include <unordered_set>

#include "base/check.h"
#include "value/set.h"

namespace cairn::value {
namespace {

// Above this share drawing again costs more than a walk, as a divisor.
constexpr std::size_t kWalkShare = 3;
// Redis keeps the rest instead of removing the others when the rest is this many times less.
constexpr std::size_t kKeepShare = 5;

}  // namespace

void Set::RandomMember(Random& random, MemberFn fn) const {
  DCHECK(!empty());
  ds::PackedValue::Scratch scratch;
  switch (word_.form()) {
    case Form::kInts: {
      const Lent<ds::IntSet> ints(word_.pointer());
      fn(ds::PackedValue(ints->At(random.Below(ints->size()))).Text(scratch));
      return;
    }
    case Form::kPacked: {
      const ds::PackedView list = packed();
      const auto at = list.Seek(static_cast<std::int64_t>(random.Below(list.size())));
      fn(list.At(at).Text(scratch));
      return;
    }
    case Form::kTable:
      break;
  }
  Table& table = mutable_table();
  fn(table.At(table.table().RandomPosition(random))->key());
}

void Set::RandomMembers(Random& random, std::size_t count, MemberFn fn) const {
  const std::size_t all = size();
  if (count >= all) {
    ForEach(fn);
  } else if (is_packed() || count > all / kWalkShare) {
    SampleWalk(random, count, fn);
  } else {
    SampleTable(random, count, fn);
  }
}

void Set::SampleWalk(Random& random, std::size_t count, MemberFn fn) const {
  std::size_t left = size();
  ForEach([&](std::string_view member) {
    if (count != 0 && random.Below(left) < count) {
      --count;
      fn(member);
    }
    --left;
  });
}

void Set::SampleTable(Random& random, std::size_t count, MemberFn fn) const {
  Table& table = mutable_table();
  std::unordered_set<const SetNode*> drawn;
  while (drawn.size() < count) {
    const SetNode* node = table.At(table.table().RandomPosition(random));
    if (drawn.insert(node).second) fn(node->key());
  }
}

void Set::PopRandom(Random& random, MemberFn fn) {
  DCHECK(!empty());
  ds::PackedValue::Scratch scratch;
  switch (word_.form()) {
    case Form::kInts: {
      Borrowed<ds::IntSet, Form> ints(word_);
      const std::size_t index = random.Below(ints->size());
      fn(ds::PackedValue(ints->At(index)).Text(scratch));
      ints->RemoveAt(index);
      return;
    }
    case Form::kPacked: {
      Borrowed<ds::PackedList, Form> list(word_);
      const auto at = list->Seek(static_cast<std::int64_t>(random.Below(list->size())));
      fn(list->At(at).Text(scratch));
      list->Erase(at);
      return;
    }
    case Form::kTable:
      break;
  }
  Table& table = mutable_table();
  const Table::Position at = table.table().RandomPosition(random);
  fn(table.At(at)->key());
  table.Erase(at);
}

void Set::PopRandomMany(Random& random, std::size_t count, const SetLimits& limits, MemberFn fn) {
  const std::size_t all = size();
  if (count >= all) {
    ForEach(fn);
    Clear();
  } else if (!is_packed() && (all - count) * kKeepShare <= count) {
    PopAllButFew(random, all - count, limits, fn);
  } else {
    for (; count > 0; --count) PopRandom(random, fn);
  }
}

// What stays moves to a new set, which is packed while it fits, as every set of texts begins.
void Set::PopAllButFew(Random& random, std::size_t rest, const SetLimits& limits, MemberFn fn) {
  const TableHome home = table().home();
  Set kept = EmptyPacked();
  for (; rest > 0; --rest) {
    PopRandom(random, [&](std::string_view member) { kept.Add(member, limits, home); });
  }
  ForEach(fn);
  *this = std::move(kept);
}

}  // namespace cairn::value
