// SPDX-License-Identifier: BSD-3-Clause
// BlockFreeze: a BlockMap as it was at one moment, read block by block in order while it changes.
//
//     blocks of the map      | read | changed, new | frozen | frozen |..
//     kept                          | as it was |
//                                     ^ Read goes on here, with what has the lesser keys
//
// Nothing is copied at the beginning, whatever the size: blocks that are older than the freeze are
// its own until it has read them. Before such a block changes, the map hands over its entries, and
// they wait here. Neither side ever has two blocks of one key, so their order is that of the map
// then. A map that ends comes here as it is.
//
// Invariants
//   (1) left_ entries are in blocks of the map that are frozen, or in kept_.
//   (2) No key of a frozen block is below from_.
//   (3) The map knows this as long as left_ > 0.
//
// Its owner is told what it keeps. All under the lock of the map. Cost: a change of a frozen block
// a copy of it; Read looks at kLookMax blocks at most.
#ifndef CAIRN_DS_BLOCK_FREEZE_H_
#define CAIRN_DS_BLOCK_FREEZE_H_

#include <cstddef>
#include <map>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "base/check.h"
#include "ds/block_map.h"

namespace cairn::ds {

// Whoever counts what freezes keep besides what their containers have.
class KeptBytes {
 public:
  virtual void Keeps(std::size_t bytes) = 0;
  virtual void LetsGo(std::size_t bytes) = 0;

 protected:
  ~KeptBytes() = default;
};

template <class Key, class Value>
class BlockFreeze final : public BlockMap<Key, Value>::Keeper {
 public:
  using Map = BlockMap<Key, Value>;
  using Entry = typename Map::Entry;
  static constexpr std::size_t kLookMax = 64;

  // `kept` outlives it; what is kept at its end it is not told.
  BlockFreeze(Map& map, KeptBytes& kept) : map_(&map), bytes_(kept), left_(map.size()) {
    if (left_ == 0) return;
    from_ = std::as_const(map).At(map.Begin()).key;
    map.Freeze(this);
  }
  ~BlockFreeze() { End(); }
  BlockFreeze(const BlockFreeze&) = delete;
  BlockFreeze& operator=(const BlockFreeze&) = delete;

  // The map changes freely from now on. Idempotent; what is kept goes with this.
  void End() {
    if (left_ > 0) map_->Thaw();
    left_ = 0;
  }
  // Entries that Read has yet to hand out.
  std::size_t left() const { return left_; }
  // Hands the entries of the next block to fn(const Entry&), or none where it has only looked for
  // one. How many entries and blocks it looked at.
  template <class Fn>
  std::size_t Read(Fn fn) {
    if (left_ == 0) return 0;
    const auto found = map_->FindFrozen(&from_, kLookMax);
    if (found.may_be_more) return kLookMax;
    std::span<const Entry> entries = found.entries;
    std::vector<Entry> first_kept;
    if (!kept_.empty() && (entries.empty() || kept_.begin()->first < entries.front().key)) {
      first_kept = std::move(kept_.begin()->second);
      kept_.erase(kept_.begin());
      bytes_.LetsGo(BytesOf(first_kept));
      entries = first_kept;
    } else {
      CHECK(!entries.empty());
      map_->MarkRead(found);
    }
    for (const Entry& entry : entries) fn(entry);
    CHECK(entries.size() <= left_);
    if (entries.size() == left_) {
      End();
    } else {
      left_ -= entries.size();
    }
    return entries.size() + 1;
  }

 private:
  void Keep(std::span<const Entry> entries) override {
    std::vector<Entry>& copy = kept_[entries.front().key];
    DCHECK(copy.empty());
    copy.assign(entries.begin(), entries.end());
    bytes_.Keeps(BytesOf(copy));
  }
  void TakeOver(Map&& map) override {
    own_.emplace(std::move(map));
    map_ = &*own_;
  }
  static std::size_t BytesOf(const std::vector<Entry>& entries) {
    return entries.size() * sizeof(Entry);
  }

  Map* map_;                // good while left_ > 0
  std::optional<Map> own_;  // *map_, if it has ended elsewhere
  KeptBytes& bytes_;
  std::map<Key, std::vector<Entry>> kept_;  // by the first
  Key from_{};
  std::size_t left_;
};

}  // namespace cairn::ds

#endif  // CAIRN_DS_BLOCK_FREEZE_H_
