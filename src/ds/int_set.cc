// SPDX-License-Identifier: BSD-3-Clause
// The bytes of an int set.
//
// A number that needs more width than the set has is less or greater than all that are in it, so
// widening rewrites every number from the back to the front in the grown block, one place further
// for a least one, and needs no search.
#include "ds/int_set.h"

#include <bit>
#include <cstring>
#include <limits>
#include <string>

#include "base/check.h"
#include "ds/raw_memory.h"

namespace cairn::ds {
namespace {

static_assert(std::endian::native == std::endian::little, "the format is the machine's own");

constexpr std::size_t kHeaderBytes = 8;
constexpr std::size_t kCountOffset = 4;
constexpr std::size_t kWidthMin = 2;
constexpr char kEmptyBytes[kHeaderBytes] = {kWidthMin, 0, 0, 0, 0, 0, 0, 0};

std::uint32_t LoadWord(const char* from) {
  std::uint32_t word;
  std::memcpy(&word, from, sizeof(word));
  return word;
}

void StoreWord(char* to, std::size_t value) {
  const auto word = static_cast<std::uint32_t>(value);
  std::memcpy(to, &word, sizeof(word));
}

template <class Number>
std::int64_t LoadAs(const char* from) {
  Number number;
  std::memcpy(&number, from, sizeof(number));
  return number;
}

std::int64_t LoadNumber(const char* numbers, std::size_t index, std::size_t width) {
  const char* from = numbers + index * width;
  if (width == 2) return LoadAs<std::int16_t>(from);
  if (width == 4) return LoadAs<std::int32_t>(from);
  return LoadAs<std::int64_t>(from);
}

// The low bytes of a little-endian number are the number, if it fits.
void StoreNumber(char* numbers, std::size_t index, std::size_t width, std::int64_t number) {
  std::memcpy(numbers + index * width, &number, width);
}

std::size_t WidthOf(std::int64_t number) {
  if (number == static_cast<std::int16_t>(number)) return 2;
  if (number == static_cast<std::int32_t>(number)) return 4;
  return 8;
}

// A block in which Resize may use all that the allocator sets aside.
char* AllocateBlock(std::size_t bytes) {
  return static_cast<char*>(AllocateRaw(AllocatedBytes(bytes)));
}

std::unexpected<Status> Corrupt(std::string_view what) {
  return Fail(StatusCode::kCorrupt, "intset: " + std::string(what));
}

}  // namespace

IntSet& IntSet::operator=(IntSet&& other) noexcept {
  if (this != &other) {
    FreeRaw(data_);
    data_ = std::exchange(other.data_, nullptr);
  }
  return *this;
}

IntSet::~IntSet() { FreeRaw(data_); }

Result<IntSet> IntSet::FromBytes(std::string_view bytes) {
  if (bytes.size() < kHeaderBytes) return Corrupt("shorter than its header");
  const std::size_t width = LoadWord(bytes.data());
  const std::size_t count = LoadWord(bytes.data() + kCountOffset);
  if (width != 2 && width != 4 && width != 8) return Corrupt("no such width");
  if (bytes.size() != kHeaderBytes + count * width) return Corrupt("count and size differ");
  if (count > kIntSetSizeMax) return Fail(StatusCode::kLimit, "intset: too many numbers");
  const char* numbers = bytes.data() + kHeaderBytes;
  for (std::size_t i = 1; i < count; ++i) {
    if (LoadNumber(numbers, i - 1, width) >= LoadNumber(numbers, i, width)) {
      return Corrupt("not ascending at number " + std::to_string(i));
    }
  }
  IntSet set;
  if (count == 0) return set;
  set.data_ = AllocateBlock(bytes.size());
  std::memcpy(set.data_, bytes.data(), bytes.size());
  return set;
}

IntSet IntSet::Clone() const {
  IntSet clone;
  if (data_ == nullptr) return clone;
  clone.data_ = AllocateBlock(bytes().size());
  std::memcpy(clone.data_, data_, bytes().size());
  return clone;
}

std::size_t IntSet::size() const { return data_ == nullptr ? 0 : LoadWord(data_ + kCountOffset); }

std::size_t IntSet::width() const { return data_ == nullptr ? kWidthMin : LoadWord(data_); }

std::string_view IntSet::bytes() const {
  if (data_ == nullptr) return {kEmptyBytes, kHeaderBytes};
  return {data_, kHeaderBytes + size() * width()};
}

std::size_t IntSet::memory_bytes() const {
  return data_ == nullptr ? 0 : AllocatedBytes(bytes().size());
}

std::int64_t IntSet::NumberAt(std::size_t index, std::size_t width) const {
  return LoadNumber(data_ + kHeaderBytes, index, width);
}

std::int64_t IntSet::At(std::size_t index) const {
  DCHECK(index < size());
  return NumberAt(index, width());
}

// The first place whose number is not less. Numbers often come in order, so the end is tried first.
std::size_t IntSet::LowerBound(std::int64_t number) const {
  const std::size_t count = size();
  const std::size_t each = width();
  if (count == 0 || NumberAt(count - 1, each) < number) return count;
  std::size_t low = 0;
  std::size_t high = count - 1;
  while (low < high) {
    const std::size_t middle = low + (high - low) / 2;
    if (NumberAt(middle, each) < number) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

bool IntSet::Contains(std::int64_t number) const {
  if (WidthOf(number) > width()) return false;
  const std::size_t at = LowerBound(number);
  return at < size() && NumberAt(at, width()) == number;
}

// Another block where the allocator's size for it changes; the header and what fits is kept.
void IntSet::Resize(std::size_t old_bytes, std::size_t new_bytes) {
  if (data_ != nullptr && AllocatedBytes(old_bytes) == AllocatedBytes(new_bytes)) return;
  char* resized = AllocateBlock(new_bytes);
  if (data_ == nullptr) {
    std::memcpy(resized, kEmptyBytes, kHeaderBytes);
  } else {
    std::memcpy(resized, data_, old_bytes < new_bytes ? old_bytes : new_bytes);
  }
  FreeRaw(data_);
  data_ = resized;
}

bool IntSet::Add(std::int64_t number) {
  const std::size_t needed = WidthOf(number);
  if (needed > width()) {
    Widen(number, needed);
    return true;
  }
  const std::size_t count = size();
  const std::size_t each = width();
  const std::size_t at = LowerBound(number);
  if (at < count && NumberAt(at, each) == number) return false;
  CHECK(count < kIntSetSizeMax);
  Resize(kHeaderBytes + count * each, kHeaderBytes + (count + 1) * each);
  char* place = data_ + kHeaderBytes + at * each;
  std::memmove(place + each, place, (count - at) * each);
  StoreNumber(data_ + kHeaderBytes, at, each, number);
  StoreWord(data_ + kCountOffset, count + 1);
  return true;
}

void IntSet::Widen(std::int64_t number, std::size_t new_width) {
  const std::size_t count = size();
  const std::size_t old_width = width();
  CHECK(count < kIntSetSizeMax);
  Resize(kHeaderBytes + count * old_width, kHeaderBytes + (count + 1) * new_width);
  char* numbers = data_ + kHeaderBytes;
  const std::size_t shift = number < 0 ? 1 : 0;
  for (std::size_t i = count; i-- > 0;) {
    StoreNumber(numbers, i + shift, new_width, LoadNumber(numbers, i, old_width));
  }
  StoreNumber(numbers, number < 0 ? 0 : count, new_width, number);
  StoreWord(data_, new_width);
  StoreWord(data_ + kCountOffset, count + 1);
}

bool IntSet::Remove(std::int64_t number) {
  if (WidthOf(number) > width()) return false;
  const std::size_t at = LowerBound(number);
  if (at >= size() || NumberAt(at, width()) != number) return false;
  RemoveAt(at);
  return true;
}

void IntSet::RemoveAt(std::size_t index) {
  const std::size_t count = size();
  const std::size_t each = width();
  DCHECK(index < count);
  if (count == 1) {
    FreeRaw(std::exchange(data_, nullptr));
    return;
  }
  char* place = data_ + kHeaderBytes + index * each;
  std::memmove(place, place + each, (count - index - 1) * each);
  StoreWord(data_ + kCountOffset, count - 1);
  Resize(kHeaderBytes + count * each, kHeaderBytes + (count - 1) * each);
}

}  // namespace cairn::ds
