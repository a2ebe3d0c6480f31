// SPDX-License-Identifier: BSD-3-Clause
// Batches of members, and which of them another set contains.
//
// A lookup in a table that is not in the cache waits twice: for the bucket and for the node.
// Many lookups that wait together cost little more than one.
#include "value/set_walk.h"

#include <algorithm>
#include <array>

#include "base/prefetch.h"
#include "base/text.h"

namespace cairn::value {
namespace {

// Lookups that wait together: a batch of a table in one go, mostly.
constexpr std::size_t kLookups = 32;
// Home buckets read at once; with some five entries each that is a batch.
constexpr std::uint32_t kHomes = 4;

}  // namespace

SetWalk::SetWalk(const Set& set, std::uint64_t cursor) : set_(set), cursor_(cursor) {
  batch_.reserve(kBatch * 2);
  if (cursor == 0 && set.word_.form() == Set::Form::kPacked) {
    cursor_ = set.packed().First();
    ended_ = cursor_ == ds::PackedView::kNone;
  }
}

bool SetWalk::Next() {
  batch_.clear();
  if (ended_) return false;
  switch (set_.word_.form()) {
    case Set::Form::kInts:
      ReadInts();
      break;
    case Set::Form::kPacked:
      ReadPacked();
      break;
    case Set::Form::kTable:
      ReadTable();
  }
  return !batch_.empty();
}

void SetWalk::ReadInts() {
  const Lent<ds::IntSet> ints(set_.word_.pointer());
  const std::size_t end = std::min<std::size_t>(ints->size(), cursor_ + kBatch);
  for (; cursor_ < end; ++cursor_) batch_.emplace_back(ints->At(cursor_));
  ended_ = end == ints->size();
}

void SetWalk::ReadPacked() {
  const ds::PackedView list = set_.packed();
  auto at = static_cast<ds::PackedView::Position>(cursor_);
  for (; at != ds::PackedView::kNone && batch_.size() < kBatch; at = list.Next(at)) {
    batch_.push_back(list.At(at));
  }
  cursor_ = at;
  ended_ = at == ds::PackedView::kNone;
}

void SetWalk::ReadTable() {
  nodes_.clear();
  do {
    cursor_ = set_.table().table().ScanNodes(cursor_, kHomes, [this](const SetNode* node) {
      PrefetchLine(node);
      nodes_.push_back(node);
    });
  } while (cursor_ != 0 && nodes_.size() < kBatch);
  ended_ = cursor_ == 0;
  for (const SetNode* node : nodes_) {
    batch_.push_back(ds::PackedValue::Verbatim(node->key()));
  }
}

void SetWalk::Filter(const Set& set, Keep keep, std::vector<ds::PackedValue>& batch) {
  if (set.word_.form() == Set::Form::kTable) {
    FilterByTable(set.table(), keep, batch);
    return;
  }
  std::erase_if(batch, [&](const ds::PackedValue& member) {
    return ContainsInSmall(set, member) != (keep == Keep::kContained);
  });
}

bool SetWalk::ContainsInSmall(const Set& set, const ds::PackedValue& member) {
  if (set.is_int_set() && member.is_integer()) {
    return Lent<ds::IntSet>(set.word_.pointer())->Contains(member.integer());
  }
  ds::PackedValue::Scratch scratch;
  return set.Contains(member.Text(scratch));
}

void SetWalk::FilterByTable(const Set::Table& table, Keep keep,
                            std::vector<ds::PackedValue>& batch) {
  using Lookups = Set::Table::Table;
  const Lookups& lookups = table.table();
  std::array<std::string_view, kLookups> members;
  std::array<ds::PackedValue::Scratch, kLookups> scratch;
  std::array<std::uint64_t, kLookups> hashes;
  std::array<Lookups::Home, kLookups> homes;
  std::array<const SetNode*, kLookups> likely;
  std::size_t kept = 0;
  for (std::size_t begin = 0; begin < batch.size(); begin += kLookups) {
    const std::size_t count = std::min(kLookups, batch.size() - begin);
    for (std::size_t i = 0; i < count; ++i) {
      members[i] = batch[begin + i].Text(scratch[i]);
      hashes[i] = table.HashOf(members[i]);
      homes[i] = lookups.PrefetchHome(hashes[i]);
    }
    for (std::size_t i = 0; i < count; ++i) {
      likely[i] = lookups.PrefetchLikely(homes[i], hashes[i]);
    }
    for (std::size_t i = 0; i < count; ++i) {
      const bool found = lookups.Contains(likely[i], hashes[i], members[i]);
      if (found == (keep == Keep::kContained)) batch[kept++] = batch[begin + i];
    }
  }
  batch.erase(batch.begin() + static_cast<std::ptrdiff_t>(kept), batch.end());
}

}  // namespace cairn::value
