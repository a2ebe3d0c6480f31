// SPDX-License-Identifier: BSD-3-Clause
// IntSet: a set of signed integers in one block of bytes, laid out as Redis's intset.
//
//     bytes a number (2, 4 or 8): 4 | count: 4 | number ... number          all little-endian
//
// Numbers stand in ascending order, each once, all as wide as the widest ever needed: the set grows
// wider when a number asks for it and never narrower. Since the bytes are exactly Redis's, DUMP and
// RDB files take them as they are.
//
// A handle is one word, so that a class of one tagged word can keep the pointer itself:
//
//     auto ints = IntSet::Adopt(pointer);  ints.Add(7);  pointer = ints.Release();
//
// Invariants
//   (1) An empty set is a null pointer; its bytes() are those of an empty intset all the same.
//   (2) The block is as large as the allocator makes one of bytes().size() bytes: no capacity is
//       stored, and memory_bytes() needs no field.
//   (3) The block is aligned to 16 bytes: four low bits of the pointer are the owner's to use.
//   (4) At most kIntSetSizeMax numbers. Growing beyond is the caller's error.
//
// Thread safety: as a std::string's. Cost: Contains is logarithmic, a change moves the numbers
// behind it.
#ifndef CAIRN_DS_INT_SET_H_
#define CAIRN_DS_INT_SET_H_

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

#include "base/status.h"

namespace cairn::ds {

// Redis converts at this many whatever the configuration says; 8 GiB at the widest.
inline constexpr std::size_t kIntSetSizeMax = std::size_t{1} << 30;

class IntSet {
 public:
  IntSet() = default;
  IntSet(IntSet&& other) noexcept : data_(std::exchange(other.data_, nullptr)) {}
  IntSet& operator=(IntSet&& other) noexcept;
  ~IntSet();

  // Takes over what Release gave. Null is the empty set.
  static IntSet Adopt(void* raw) { return IntSet(static_cast<char*>(raw)); }
  // The block, for the caller to keep; this set is empty then.
  void* Release() { return std::exchange(data_, nullptr); }

  // A copy of bytes that nobody vouches for: kCorrupt, with what is wrong, unless they are an
  // intset in every byte; kLimit above kIntSetSizeMax numbers.
  static Result<IntSet> FromBytes(std::string_view bytes);
  IntSet Clone() const;

  std::size_t size() const;
  bool empty() const { return size() == 0; }
  std::string_view bytes() const;
  // What the allocator set aside for the block.
  std::size_t memory_bytes() const;

  // The number at that place in ascending order. REQUIRES: index < size().
  std::int64_t At(std::size_t index) const;
  bool Contains(std::int64_t number) const;

  // True if the number was not there. REQUIRES: size() < kIntSetSizeMax.
  bool Add(std::int64_t number);
  // True if the number was there.
  bool Remove(std::int64_t number);
  // REQUIRES: index < size().
  void RemoveAt(std::size_t index);

 private:
  explicit IntSet(char* data) : data_(data) {}
  std::size_t width() const;
  std::int64_t NumberAt(std::size_t index, std::size_t width) const;
  std::size_t LowerBound(std::int64_t number) const;
  void Resize(std::size_t old_bytes, std::size_t new_bytes);
  void Widen(std::int64_t number, std::size_t new_width);

  char* data_ = nullptr;
};

static_assert(sizeof(IntSet) == sizeof(void*));

}  // namespace cairn::ds

#endif  // CAIRN_DS_INT_SET_H_
