// SPDX-License-Identifier: BSD-3-Clause
// SpaceSaving: which names a stream has most of, in bounded memory.
//
// Counts at most `capacity` names. A new one that finds no room takes the place of the one with the
// least count, and begins with that count: as its `error`, what it may have been given too much.
//
// Of m names and a stream of weight N
//   (1) the counts add up to N; (2) count - error <= true weight <= count; (3) no error, and no
//   name that is not counted, exceeds floor(), which is at most N / m: so every name that weighs
//   more than N / m is counted. They hold for weights other than 1, too, and for the sum of several
//   tables (SpaceSavingSum), with the sum of their floors.
//
//     slots    names, counts, tallies: they stay where they are
//     heap     slot numbers, the least count first
//     index    slot numbers by hash, open addressing
//
// Add costs one look into the index and log m steps of the heap. Belongs to one thread. Follows
// Metwally, Agrawal and El Abbadi, "Efficient computation of frequent and top-k elements in data
// streams" (2005); sums as in Agarwal and others, "Mergeable summaries" (2012).
#ifndef CAIRN_DS_SPACE_SAVING_H_
#define CAIRN_DS_SPACE_SAVING_H_

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace cairn::ds {

// `Tally`: what else is noted of a name; it begins anew with a name that comes in, is made by `{}`
// and adds up by +=.
template <class Tally>
class SpaceSaving {
 public:
  struct Counted {
    std::string name;
    std::uint64_t hash = 0;
    std::uint64_t count = 0;
    std::uint64_t error = 0;
    Tally tally = {};
  };

  // Nothing is set aside before the first Add. REQUIRES: capacity > 0.
  explicit SpaceSaving(std::size_t capacity) : capacity_(capacity) {}

  // Two names are one if their hashes and their bytes are equal. What is returned is good until the
  // next Add. REQUIRES: weight > 0.
  Tally& Add(std::string_view name, std::uint64_t hash, std::uint64_t weight) {
    if (index_.empty()) index_.assign(std::bit_ceil(2 * capacity_), kNone);
    total_ += weight;
    std::uint32_t slot = Find(name, hash);
    if (slot == kNone) slot = slots_.size() < capacity_ ? Append() : TakeLeast();
    Counted& counted = slots_[slot];
    if (counted.count == counted.error) Name(slot, name, hash);
    counted.count += weight;
    SiftDown(heap_at_[slot]);
    return counted.tally;
  }

  // The tally of a name that is counted, or null; good until the next Add.
  Tally* TallyOf(std::string_view name, std::uint64_t hash) {
    const std::uint32_t slot = index_.empty() ? kNone : Find(name, hash);
    return slot == kNone ? nullptr : &slots_[slot].tally;
  }

  // In no order.
  std::span<const Counted> counted() const { return slots_; }
  std::size_t capacity() const { return capacity_; }
  // The weight of all that came.
  std::uint64_t total() const { return total_; }
  // The most that a name which is not counted can have weighed.
  std::uint64_t floor() const {
    return slots_.size() < capacity_ ? 0 : slots_[heap_.front()].count;
  }
  std::size_t memory_bytes() const {
    return slots_.capacity() * sizeof(Counted) + name_bytes_ +
           (heap_.capacity() + heap_at_.capacity() + index_.capacity()) * sizeof(std::uint32_t);
  }

 private:
  static constexpr std::uint32_t kNone = UINT32_MAX;

  std::size_t IndexMask() const { return index_.size() - 1; }

  std::uint32_t Find(std::string_view name, std::uint64_t hash) const {
    for (std::size_t at = hash & IndexMask();; at = (at + 1) & IndexMask()) {
      const std::uint32_t slot = index_[at];
      if (slot == kNone || (slots_[slot].hash == hash && slots_[slot].name == name)) return slot;
    }
  }

  // A slot without a name, count and error 0, at the top of the heap.
  std::uint32_t Append() {
    const auto slot = static_cast<std::uint32_t>(slots_.size());
    slots_.emplace_back();
    heap_.push_back(slot);
    heap_at_.push_back(slot);
    for (std::size_t at = slot; at > 0; at = (at - 1) / 2) Swap(at, (at - 1) / 2);
    return slot;
  }

  // The slot of the least count, without its name: what was counted for that is error now.
  std::uint32_t TakeLeast() {
    const std::uint32_t slot = heap_.front();
    Counted& least = slots_[slot];
    Unindex(slot);
    least.error = least.count;
    return slot;
  }

  void Name(std::uint32_t slot, std::string_view name, std::uint64_t hash) {
    Counted& counted = slots_[slot];
    name_bytes_ -= HeapBytes(counted.name);
    counted.name.assign(name);
    name_bytes_ += HeapBytes(counted.name);
    counted.hash = hash;
    counted.tally = Tally{};
    std::size_t at = hash & IndexMask();
    while (index_[at] != kNone) at = (at + 1) & IndexMask();
    index_[at] = slot;
  }

  // Those behind it move up, so that no search ends before what it looks for.
  void Unindex(std::uint32_t slot) {
    std::size_t at = slots_[slot].hash & IndexMask();
    while (index_[at] != slot) at = (at + 1) & IndexMask();
    index_[at] = kNone;
    for (std::size_t next = (at + 1) & IndexMask(); index_[next] != kNone;
         next = (next + 1) & IndexMask()) {
      const std::size_t home = slots_[index_[next]].hash & IndexMask();
      if (((next - home) & IndexMask()) < ((next - at) & IndexMask())) continue;
      index_[at] = std::exchange(index_[next], kNone);
      at = next;
    }
  }

  static std::size_t HeapBytes(const std::string& name) {
    return name.capacity() > std::string().capacity() ? name.capacity() + 1 : 0;
  }

  void Swap(std::size_t a, std::size_t b) {
    std::swap(heap_[a], heap_[b]);
    heap_at_[heap_[a]] = static_cast<std::uint32_t>(a);
    heap_at_[heap_[b]] = static_cast<std::uint32_t>(b);
  }

  void SiftDown(std::size_t at) {
    const auto count_at = [this](std::size_t i) { return slots_[heap_[i]].count; };
    while (true) {
      std::size_t least = 2 * at + 1;
      if (least >= heap_.size()) return;
      if (least + 1 < heap_.size() && count_at(least + 1) < count_at(least)) ++least;
      if (count_at(at) <= count_at(least)) return;
      Swap(at, least);
      at = least;
    }
  }

  std::size_t capacity_;
  std::uint64_t total_ = 0;
  std::size_t name_bytes_ = 0;  // of names that do not fit into their string
  std::vector<Counted> slots_;
  std::vector<std::uint32_t> heap_;
  std::vector<std::uint32_t> heap_at_;  // by slot
  std::vector<std::uint32_t> index_;
};

// What several tables have counted, as one. For whoever asks: it takes memory as it needs it.
template <class Tally>
class SpaceSavingSum {
 public:
  struct Estimate {
    std::string name;
    // True weight: at least low, at most high.
    std::uint64_t low = 0;
    std::uint64_t high = 0;
    Tally tally = {};
  };

  void Add(const SpaceSaving<Tally>& table) {
    total_ += table.total();
    floor_ += table.floor();
    for (const auto& counted : table.counted()) {
      auto [at, is_new] = sums_.try_emplace(Name{counted.hash, counted.name});
      at->second.low += counted.count - counted.error;
      // Beyond what the table may have given to a name that it does not count.
      at->second.beyond_floors += counted.count - table.floor();
      at->second.tally += counted.tally;
    }
  }

  // The `limit` with the highest middle of their bounds, the highest first.
  std::vector<Estimate> Top(std::size_t limit) const {
    std::vector<Estimate> all;
    all.reserve(sums_.size());
    for (const auto& [name, sum] : sums_)
      all.push_back({name.second, sum.low, floor_ + sum.beyond_floors, sum.tally});
    std::ranges::sort(all, [](const Estimate& a, const Estimate& b) {
      return a.low + a.high != b.low + b.high ? a.low + a.high > b.low + b.high : a.name < b.name;
    });
    all.resize(std::min(all.size(), limit));
    return all;
  }

  std::uint64_t total() const { return total_; }
  std::uint64_t floor() const { return floor_; }

 private:
  using Name = std::pair<std::uint64_t, std::string>;
  struct HashOf {
    std::size_t operator()(const Name& name) const { return name.first; }
  };
  struct Sum {
    std::uint64_t low = 0;
    std::uint64_t beyond_floors = 0;
    Tally tally = {};
  };

  std::uint64_t total_ = 0;
  std::uint64_t floor_ = 0;
  std::unordered_map<Name, Sum, HashOf> sums_;
};

}  // namespace cairn::ds

#endif  // CAIRN_DS_SPACE_SAVING_H_
