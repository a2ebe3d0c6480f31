// SPDX-License-Identifier: BSD-3-Clause
// BlockMap: an ordered map for keys that mostly arrive in order and mostly leave in order.
//
// The nodes of a stream and the pending entries of its groups grow at the end and shrink at the
// front. So: a directory of blocks, sorted, with room at both ends.
//
//     directory   ..| first, block | first, block | first, block |..
//     block       | begin end capacity |..| key value | key value |..|      kBlockBytes
//
// A block that is appended to fills up completely; one in the middle splits. Two neighbours that
// fit into half a block become one. A map of few entries has one block that grows by doubling.
//
// Against a B+tree: the same leaves, a root without height. Moving within the directory costs 24
// bytes a block, which for ten million entries is a few hundred kilobytes once in a block's worth
// of insertions at a random place, and nothing at the ends. The road not taken, a radix tree, costs
// about 60 bytes a key here, since ids differ in their last bytes only.
//
// For a cut it can be read as it is while it changes (ds/block_freeze.h): then it hands over a copy
// of each block before that block's first change.
//
// Cost: append and lookup at the end O(1), else two binary searches. Memory 16 bytes beyond the
// entries for a block, and the directory. Keys and values are copied as bytes; an empty value type
// takes no room. No thread safety of its own.
#ifndef CAIRN_DS_BLOCK_MAP_H_
#define CAIRN_DS_BLOCK_MAP_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <type_traits>
#include <utility>

#include "base/check.h"
#include "ds/raw_memory.h"

namespace cairn::ds {

// The value of a map that is a set.
struct NoValue {};

template <class Key, class Value>
class BlockMap {
 public:
  struct Entry {
    Key key;
    [[no_unique_address]] Value value;
  };
  static_assert(std::is_trivially_copyable_v<Key> && std::is_trivially_copyable_v<Value>);
  static_assert(alignof(Entry) <= 16);

  static constexpr std::size_t kBlockBytes = 2048;
  static constexpr std::size_t kFirstBlockBytes = 64;

  // Where an entry lies, or the end. Good until the next change of the map.
  struct Position {
    std::uint32_t slot = 0;
    std::uint32_t index = 0;
    friend bool operator==(const Position&, const Position&) = default;
  };

  // Who reads it as it was at one moment. It outlives the map, or ends it before.
  class Keeper {
   public:
    // A block's entries, before they change.
    virtual void Keep(std::span<const Entry> entries) = 0;
    // The map ends; this one has all that was in it, the keeper with it.
    virtual void TakeOver(BlockMap&& map) = 0;

   protected:
    ~Keeper() = default;
  };

  BlockMap() = default;
  BlockMap(BlockMap&& other) noexcept { Swap(other); }
  BlockMap& operator=(BlockMap&& other) noexcept {
    BlockMap moved(std::move(other));
    Swap(moved);
    return *this;
  }
  ~BlockMap() {
    if (keeper_ != nullptr) [[unlikely]]
      keeper_->TakeOver(std::move(*this));
    Clear();
  }

  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  std::size_t memory_bytes() const { return bytes_; }
  std::size_t block_count() const { return end_ - begin_; }

  Position Begin() const { return begin_ == end_ ? End() : Position{begin_, Block(begin_)->begin}; }
  Position End() const { return {end_, 0}; }
  // The last entry, or the end of an empty map.
  Position Last() const {
    return begin_ == end_ ? End() : Position{end_ - 1, Block(end_ - 1)->end - 1U};
  }
  Position Next(Position at) const {
    if (at.index + 1U < Block(at.slot)->end) return {at.slot, at.index + 1};
    if (at.slot + 1 == end_) return End();
    return {at.slot + 1, Block(at.slot + 1)->begin};
  }
  // The entry before `at`, or the end if there is none.
  Position Previous(Position at) const {
    if (at.slot != end_ && at.index > Block(at.slot)->begin) return {at.slot, at.index - 1};
    if (at.slot == begin_) return End();
    return {at.slot - 1, Block(at.slot - 1)->end - 1U};
  }

  const Entry& At(Position at) const { return Block(at.slot)->entries()[at.index]; }
  // The value may be changed, the key may not.
  Entry& At(Position at) {
    Changing(Block(at.slot));
    return Block(at.slot)->entries()[at.index];
  }

  // The first entry with at least this key.
  Position LowerBound(const Key& key) const {
    if (begin_ == end_) return End();
    const std::uint32_t slot = SlotOf(key);
    const BlockHead* block = Block(slot);
    const std::uint32_t index = IndexIn(block, key);
    if (index < block->end) return {slot, index};
    return slot + 1 == end_ ? End() : Position{slot + 1, Block(slot + 1)->begin};
  }
  // The last entry with at most this key, or the end.
  Position Floor(const Key& key) const {
    const Position at = LowerBound(key);
    if (at != End() && At(at).key == key) return at;
    return Previous(at);
  }
  // The entry with this key, or the end.
  Position Find(const Key& key) const {
    const Position at = LowerBound(key);
    return at != End() && At(at).key == key ? at : End();
  }

  struct Inserted {
    Entry* entry;
    bool fresh;
  };
  // Adds the entry unless the key is there already; either way, the one that is there.
  Inserted Insert(const Key& key, const Value& value) {
    if (begin_ == end_) return {InsertFirst(Entry{key, value}), true};
    const BlockHead* last = Block(end_ - 1);
    if (last->entries()[last->end - 1].key < key) return {Append(Entry{key, value}), true};
    std::uint32_t slot = SlotOf(key);
    std::uint32_t index = IndexIn(Block(slot), key);
    Changing(Block(slot));
    if (index < Block(slot)->end && Block(slot)->entries()[index].key == key) {
      return {&Block(slot)->entries()[index], false};
    }
    if (Block(slot)->size() == Block(slot)->capacity) {
      MakeRoomIn(slot);
      slot = SlotOf(key);
      index = IndexIn(Block(slot), key);
    }
    if (key < slots_[slot].first) slots_[slot].first = key;
    return {InsertInto(Block(slot), index, Entry{key, value}), true};
  }

  bool Erase(const Key& key) {
    const Position at = Find(key);
    if (at == End()) return false;
    Erase(at);
    return true;
  }
  void Erase(Position at) {
    DCHECK(at != End());
    BlockHead* block = Block(at.slot);
    Changing(block);
    Entry* entries = block->entries();
    if (at.index - block->begin < block->end - at.index) {
      std::memmove(static_cast<void*>(entries + block->begin + 1), entries + block->begin,
                   (at.index - block->begin) * sizeof(Entry));
      ++block->begin;
    } else {
      std::memmove(static_cast<void*>(entries + at.index), entries + at.index + 1,
                   (block->end - at.index - 1) * sizeof(Entry));
      --block->end;
    }
    --size_;
    if (block->size() == 0) {
      RemoveSlot(at.slot);
    } else if (block->size() <= kFullCapacity / 4) {
      MergeAround(at.slot);
    }
  }

  template <class Fn>
  void ForEach(Fn fn) const {
    for (std::uint32_t slot = begin_; slot < end_; ++slot) {
      const BlockHead* block = Block(slot);
      for (std::uint32_t i = block->begin; i < block->end; ++i) fn(block->entries()[i]);
    }
  }

  // A copy with full blocks.
  BlockMap Clone() const {
    BlockMap copy;
    ForEach([&](const Entry& entry) { copy.Insert(entry.key, entry.value); });
    return copy;
  }

  // ---- Frozen blocks ----

  Keeper* keeper() const { return keeper_; }
  // From now on the keeper gets every block that is here before it changes, but for those that it
  // has read. REQUIRES: there is no other.
  void Freeze(Keeper* keeper) {
    CHECK(keeper_ == nullptr);
    keeper_ = keeper;
    ++freezes_;
  }
  void Thaw() { keeper_ = nullptr; }
  // The entries of the first block that is still as it was, nothing without one, found by looking
  // at `blocks` blocks at most from that of *from on. *from is then where to look next.
  // REQUIRES: before *from there is none.
  struct FrozenBlock {
    std::span<const Entry> entries;
    bool may_be_more = false;  // none was found, but not all was looked at
  };
  FrozenBlock FindFrozen(Key* from, std::size_t blocks) const {
    if (begin_ == end_) return {};
    for (std::uint32_t slot = SlotOf(*from); slot < end_; ++slot, --blocks) {
      *from = std::max(*from, slots_[slot].first);
      if (blocks == 0) return {.entries = {}, .may_be_more = true};
      const BlockHead* block = Block(slot);
      if (block->freezes != freezes_) return {{block->entries() + block->begin, block->size()}};
    }
    return {};
  }
  // It has been read.
  void MarkRead(const FrozenBlock& found) {
    Block(SlotOf(found.entries.front().key))->freezes = freezes_;
  }

  void Clear() {
    DCHECK(keeper_ == nullptr || empty());
    for (std::uint32_t slot = begin_; slot < end_; ++slot) FreeRaw(slots_[slot].block);
    FreeRaw(slots_);
    slots_ = nullptr;
    begin_ = end_ = capacity_ = 0;
    size_ = bytes_ = directory_bytes_ = 0;
  }

 private:
  struct alignas(16) BlockHead {
    std::uint32_t begin;
    std::uint32_t end;
    std::uint16_t capacity;
    std::uint16_t allocated;
    // The map's freezes_ when the block was made, kept or read last: less while it is frozen.
    std::uint32_t freezes;

    std::uint32_t size() const { return end - begin; }
    Entry* entries() { return reinterpret_cast<Entry*>(this + 1); }
    const Entry* entries() const { return reinterpret_cast<const Entry*>(this + 1); }
  };
  struct Slot {
    Key first;  // no key of this block is less, every key of the block before is
    BlockHead* block;
  };
  static constexpr std::uint32_t kFullCapacity = (kBlockBytes - sizeof(BlockHead)) / sizeof(Entry);
  static_assert(kFullCapacity >= 8);
  static_assert(kBlockBytes <= UINT16_MAX);

  BlockHead* Block(std::uint32_t slot) { return slots_[slot].block; }
  const BlockHead* Block(std::uint32_t slot) const { return slots_[slot].block; }

  // The block in which the key is or belongs. REQUIRES: not empty.
  std::uint32_t SlotOf(const Key& key) const {
    if (!(key < slots_[end_ - 1].first)) return end_ - 1;
    const Slot* found =
        std::upper_bound(slots_ + begin_, slots_ + end_, key,
                         [](const Key& wanted, const Slot& slot) { return wanted < slot.first; });
    const auto slot = static_cast<std::uint32_t>(found - slots_);
    return slot == begin_ ? begin_ : slot - 1;
  }
  static std::uint32_t IndexIn(const BlockHead* block, const Key& key) {
    const Entry* entries = block->entries();
    const Entry* found =
        std::lower_bound(entries + block->begin, entries + block->end, key,
                         [](const Entry& entry, const Key& wanted) { return entry.key < wanted; });
    return static_cast<std::uint32_t>(found - entries);
  }

  // Before every change of a block that is there.
  void Changing(BlockHead* block) {
    if (keeper_ == nullptr || block->freezes == freezes_) [[likely]]
      return;
    keeper_->Keep({block->entries() + block->begin, block->size()});
    block->freezes = freezes_;
  }

  BlockHead* NewBlock(std::size_t bytes) {
    const std::size_t least = sizeof(BlockHead) + 2 * sizeof(Entry);
    const std::size_t allocated = AllocatedBytes(std::clamp(bytes, least, kBlockBytes));
    auto* block = static_cast<BlockHead*>(AllocateRaw(allocated));
    block->begin = block->end = 0;
    block->allocated = static_cast<std::uint16_t>(allocated);
    block->capacity = static_cast<std::uint16_t>(
        std::min<std::size_t>(kFullCapacity, (allocated - sizeof(BlockHead)) / sizeof(Entry)));
    block->freezes = freezes_;
    bytes_ += allocated;
    return block;
  }
  void FreeBlock(BlockHead* block) {
    bytes_ -= block->allocated;
    FreeRaw(block);
  }
  static void CopyInto(BlockHead* to, const BlockHead* from, std::uint32_t begin,
                       std::uint32_t end) {
    std::memcpy(static_cast<void*>(to->entries() + to->end), from->entries() + begin,
                (end - begin) * sizeof(Entry));
    to->end += end - begin;
  }

  Entry* InsertFirst(const Entry& entry) {
    InsertSlot(end_, {entry.key, NewBlock(kFirstBlockBytes)});
    return InsertInto(Block(begin_), 0, entry);
  }
  Entry* Append(const Entry& entry) {
    BlockHead* block = Block(end_ - 1);
    if (block->end == block->capacity) {
      // Not moved to its front: a queue of a block's size would move at every append.
      if (block->capacity == kFullCapacity) {
        InsertSlot(end_, {entry.key, NewBlock(kBlockBytes)});
      } else {
        Changing(block);
        MakeRoomIn(end_ - 1);
      }
      block = Block(end_ - 1);
    }
    Changing(block);
    return InsertInto(block, block->end, entry);
  }
  // REQUIRES: the block is not full. `index` may lie anywhere in it.
  Entry* InsertInto(BlockHead* block, std::uint32_t index, const Entry& entry) {
    DCHECK(block->size() < block->capacity);
    Entry* entries = block->entries();
    const bool shift_down = block->end == block->capacity ||
                            (block->begin > 0 && index - block->begin < block->end - index);
    if (shift_down) {
      std::memmove(static_cast<void*>(entries + block->begin - 1), entries + block->begin,
                   (index - block->begin) * sizeof(Entry));
      --block->begin;
      --index;
    } else {
      std::memmove(static_cast<void*>(entries + index + 1), entries + index,
                   (block->end - index) * sizeof(Entry));
      ++block->end;
    }
    entries[index] = entry;
    ++size_;
    return &entries[index];
  }

  // After this the blocks around hold the same entries, and the one a key of this block belongs to
  // has room; at the end of it if this is the last block.
  void MakeRoomIn(std::uint32_t slot) {
    BlockHead* block = Block(slot);
    if (block->size() == kFullCapacity) return Split(slot);
    BlockHead* larger = block;
    if (block->size() * 2 > block->capacity) larger = NewBlock(2 * block->allocated);
    if (larger != block) {
      CopyInto(larger, block, block->begin, block->end);
      slots_[slot].block = larger;
      FreeBlock(block);
      return;
    }
    std::memmove(static_cast<void*>(block->entries()), block->entries() + block->begin,
                 block->size() * sizeof(Entry));
    block->end -= block->begin;
    block->begin = 0;
  }
  void Split(std::uint32_t slot) {
    BlockHead* block = Block(slot);
    BlockHead* upper = NewBlock(kBlockBytes);
    const std::uint32_t middle = block->begin + block->size() / 2;
    CopyInto(upper, block, middle, block->end);
    block->end = middle;
    InsertSlot(slot + 1, {upper->entries()[0].key, upper});
  }
  // Joins the block with a neighbour if both fit into half a block.
  void MergeAround(std::uint32_t slot) {
    const auto fits = [this](std::uint32_t lower) {
      return Block(lower)->size() + Block(lower + 1)->size() <= kFullCapacity / 2;
    };
    if (slot + 1 < end_ && fits(slot)) return Merge(slot);
    if (slot > begin_ && fits(slot - 1)) return Merge(slot - 1);
  }
  void Merge(std::uint32_t slot) {
    BlockHead* lower = Block(slot);
    BlockHead* upper = Block(slot + 1);
    Changing(lower);
    Changing(upper);
    BlockHead* both = NewBlock(kBlockBytes);
    CopyInto(both, lower, lower->begin, lower->end);
    CopyInto(both, upper, upper->begin, upper->end);
    FreeBlock(lower);
    slots_[slot].block = both;
    RemoveSlot(slot + 1);
  }

  void InsertSlot(std::uint32_t at, const Slot& slot) {
    if (end_ == capacity_) at -= MoveDirectory();
    std::memmove(static_cast<void*>(slots_ + at + 1), slots_ + at, (end_ - at) * sizeof(Slot));
    slots_[at] = slot;
    ++end_;
  }
  // Moves the directory to the front of its memory, or of a larger one; by how many slots.
  std::uint32_t MoveDirectory() {
    const std::uint32_t moved = begin_;
    const std::uint32_t count = end_ - begin_;
    Slot* target = slots_;
    if (begin_ <= capacity_ / 4) {
      const std::size_t wanted = std::max<std::size_t>(1, capacity_ + capacity_ / 2 + 1);
      const std::size_t allocated = AllocatedBytes(wanted * sizeof(Slot));
      target = static_cast<Slot*>(AllocateRaw(allocated));
      bytes_ += allocated - directory_bytes_;
      directory_bytes_ = allocated;
      capacity_ = static_cast<std::uint32_t>(allocated / sizeof(Slot));
    }
    if (count > 0) std::memmove(static_cast<void*>(target), slots_ + begin_, count * sizeof(Slot));
    if (target != slots_) FreeRaw(slots_);
    slots_ = target;
    begin_ = 0;
    end_ = count;
    return moved;
  }
  void RemoveSlot(std::uint32_t at) {
    FreeBlock(Block(at));
    if (at == begin_) {
      ++begin_;
    } else {
      std::memmove(static_cast<void*>(slots_ + at), slots_ + at + 1,
                   (end_ - at - 1) * sizeof(Slot));
      --end_;
    }
    if (begin_ == end_) Clear();
  }

  void Swap(BlockMap& other) {
    std::swap(keeper_, other.keeper_);
    std::swap(freezes_, other.freezes_);
    std::swap(slots_, other.slots_);
    std::swap(begin_, other.begin_);
    std::swap(end_, other.end_);
    std::swap(capacity_, other.capacity_);
    std::swap(size_, other.size_);
    std::swap(bytes_, other.bytes_);
    std::swap(directory_bytes_, other.directory_bytes_);
  }

  Slot* slots_ = nullptr;
  Keeper* keeper_ = nullptr;
  std::uint32_t freezes_ = 0;  // so far
  std::uint32_t begin_ = 0;
  std::uint32_t end_ = 0;
  std::uint32_t capacity_ = 0;
  std::size_t size_ = 0;
  std::size_t bytes_ = 0;
  std::size_t directory_bytes_ = 0;
};

}  // namespace cairn::ds

#endif  // CAIRN_DS_BLOCK_MAP_H_
