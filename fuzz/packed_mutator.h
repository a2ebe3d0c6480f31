// SPDX-License-Identifier: BSD-3-Clause
// Mutations within packed lists, ziplists and integer sets that stand in an RDB or a dump.
//
// Each of these forms has a frame: its size, the count of its elements, behind every element how
// long it is; and stands behind a length. A mutation that changes a size breaks all of them, and
// the checks end at the first: nothing behind them is ever reached. So a form is looked for in the
// bytes, mutated in its elements alone, and its frame made right again; the length in front, too.
#ifndef CAIRN_FUZZ_PACKED_MUTATOR_H_
#define CAIRN_FUZZ_PACKED_MUTATOR_H_

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "codec/old_packed.h"
#include "ds/packed_list.h"

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t size_max);

namespace cairn::fuzz {

enum class PackedForm { kList, kInts, kZiplist };

// A length and the form behind it.
struct PackedPlace {
  std::size_t begin;  // of the length
  std::size_t body;
  std::size_t end;
  PackedForm form;
};

inline std::uint32_t Word32At(std::string_view bytes, std::size_t at) {
  std::uint32_t word = 0;
  if (at + sizeof(word) <= bytes.size()) std::memcpy(&word, bytes.data() + at, sizeof(word));
  return word;
}

constexpr std::size_t kPackedHeadBytes = 6;    // size: 4, count: 2
constexpr std::size_t kIntsHeadBytes = 8;      // width: 4, count: 4
constexpr std::size_t kZiplistHeadBytes = 10;  // size: 4, last element: 4, count: 2

inline std::size_t HeadBytes(PackedForm form) {
  switch (form) {
    case PackedForm::kList:
      return kPackedHeadBytes;
    case PackedForm::kInts:
      return kIntsHeadBytes;
    case PackedForm::kZiplist:
      return kZiplistHeadBytes;
  }
  return 0;
}
// 0xff, behind all but integers.
inline std::size_t EndBytes(PackedForm form) { return form == PackedForm::kInts ? 0 : 1; }

inline std::optional<PackedForm> FormOf(std::string_view body) {
  if (body.size() > kPackedHeadBytes && Word32At(body, 0) == body.size()) {
    if (ds::PackedList::FromBytes(body).has_value()) return PackedForm::kList;
    if (codec::PackedFromZiplist(body).has_value()) return PackedForm::kZiplist;
  }
  const std::uint32_t width = Word32At(body, 0);
  if ((width == 2 || width == 4 || width == 8) &&
      body.size() == kIntsHeadBytes + std::size_t{width} * Word32At(body, 4))
    return PackedForm::kInts;
  return std::nullopt;
}

// Lengths of 6 and 14 bits: inputs are not longer.
inline std::vector<PackedPlace> PackedPlaces(std::string_view bytes) {
  std::vector<PackedPlace> places;
  for (std::size_t at = 0; at + 1 < bytes.size(); ++at) {
    const auto first = static_cast<std::uint8_t>(bytes[at]);
    if (first >= 0x80) continue;
    const bool is_wide = first >= 0x40;
    const std::size_t length =
        is_wide ? (first & 0x3fU) << 8 | static_cast<std::uint8_t>(bytes[at + 1]) : first;
    const std::size_t body = at + (is_wide ? 2 : 1);
    if (length == 0 || body + length > bytes.size()) continue;
    if (const std::optional<PackedForm> form = FormOf(bytes.substr(body, length)))
      places.push_back({.begin = at, .body = body, .end = body + length, .form = *form});
  }
  return places;
}

// Of the element at the beginning, without its back length; 0 if there is none.
inline std::size_t ElementBytes(std::string_view bytes) {
  if (bytes.empty()) return 0;
  const auto first = static_cast<std::uint8_t>(bytes[0]);
  if (first < 0x80) return 1;
  if (first < 0xc0) return 1 + (first & 0x3fU);
  if (first < 0xe0) return 2;
  if (first < 0xf0)
    return bytes.size() < 2 ? 0 : 2 + ((first & 0xfU) << 8 | static_cast<std::uint8_t>(bytes[1]));
  constexpr std::array<std::size_t, 16> kNumberBytes = {0, 3, 4, 5, 9};
  if (first == 0xf0) return 5 + std::size_t{Word32At(bytes, 1)};
  return kNumberBytes[first & 0xf];
}

inline void AppendBackLength(std::size_t length, std::string& out) {
  constexpr int kBits = 7;
  std::string digits;  // the lowest first
  for (; digits.empty() || length > 0; length >>= kBits) digits += static_cast<char>(length & 0x7f);
  for (std::size_t i = 0; i + 1 < digits.size(); ++i)
    digits[i] = static_cast<char>(digits[i] | 0x80);
  out.append(digits.rbegin(), digits.rend());
}

inline std::size_t BackLengthBytes(std::size_t length) {
  std::string bytes;
  AppendBackLength(length, bytes);
  return bytes.size();
}

// The elements as far as they go, in a right frame.
inline std::string MendedPacked(std::string_view elements) {
  std::string mended(kPackedHeadBytes, '\0');
  std::uint32_t count = 0;
  while (!elements.empty()) {
    const std::size_t bytes = ElementBytes(elements);
    if (bytes == 0 || bytes > elements.size()) break;
    mended += elements.substr(0, bytes);
    AppendBackLength(bytes, mended);
    elements.remove_prefix(std::min(elements.size(), bytes + BackLengthBytes(bytes)));
    ++count;
  }
  mended += '\xff';
  const auto size = static_cast<std::uint32_t>(mended.size());
  const auto shown = static_cast<std::uint16_t>(std::min(count, 65535U));
  std::memcpy(mended.data(), &size, sizeof(size));
  std::memcpy(mended.data() + sizeof(size), &shown, sizeof(shown));
  return mended;
}

// Of what stands at the beginning behind the length of the one before it; 0 if that is nothing.
inline std::size_t ZiplistElementBytes(std::string_view bytes) {
  if (bytes.empty()) return 0;
  const auto first = static_cast<std::uint8_t>(bytes[0]);
  if (first < 0x40) return 1 + std::size_t{first};
  if (first < 0x80) {
    const auto low = static_cast<std::uint8_t>(bytes.size() > 1 ? bytes[1] : 0);
    return 2 + (std::size_t{first & 0x3fU} << 8 | low);
  }
  if (first < 0xc0) return 5 + std::size_t{__builtin_bswap32(Word32At(bytes, 1))};
  if (first == 0xc0) return 3;
  if (first == 0xd0) return 5;
  if (first == 0xe0) return 9;
  if (first == 0xf0) return 4;
  if (first == 0xfe) return 2;
  return first > 0xf0 && first < 0xfe ? 1 : 0;
}

inline std::string MendedZiplist(std::string_view elements) {
  constexpr std::size_t kLongFrom = 254;  // the length before takes five bytes then
  std::string mended(kZiplistHeadBytes, '\0');
  std::uint32_t last = kZiplistHeadBytes;
  std::uint32_t before = 0;
  std::uint16_t count = 0;
  while (!elements.empty()) {
    elements.remove_prefix(std::min<std::size_t>(elements.size(), elements[0] == '\xfe' ? 5 : 1));
    const std::size_t bytes = ZiplistElementBytes(elements);
    if (bytes == 0 || bytes > elements.size()) break;
    last = static_cast<std::uint32_t>(mended.size());
    if (before < kLongFrom) {
      mended += static_cast<char>(before);
    } else {
      mended += '\xfe';
      mended.append(reinterpret_cast<const char*>(&before), sizeof(before));
    }
    mended += elements.substr(0, bytes);
    elements.remove_prefix(bytes);
    before = static_cast<std::uint32_t>(mended.size()) - last;
    ++count;
  }
  mended += '\xff';
  const auto size = static_cast<std::uint32_t>(mended.size());
  std::memcpy(mended.data(), &size, sizeof(size));
  std::memcpy(mended.data() + 4, &last, sizeof(last));
  std::memcpy(mended.data() + 8, &count, sizeof(count));
  return mended;
}

// Ascending, each once.
inline std::string MendedInts(std::string_view numbers, std::size_t width) {
  const int unused_bits = static_cast<int>(64 - 8 * width);
  std::set<std::int64_t> sorted;
  for (; numbers.size() >= width; numbers.remove_prefix(width)) {
    std::uint64_t number = 0;
    std::memcpy(&number, numbers.data(), width);
    sorted.insert(static_cast<std::int64_t>(number << unused_bits) >> unused_bits);
  }
  const std::uint32_t head[] = {static_cast<std::uint32_t>(width),
                                static_cast<std::uint32_t>(sorted.size())};
  std::string mended(reinterpret_cast<const char*>(head), sizeof(head));
  for (const std::int64_t number : sorted)
    mended.append(reinterpret_cast<const char*>(&number), width);
  return mended;
}

// `width`: of integers.
inline std::string Mended(PackedForm form, std::string_view inner, std::size_t width) {
  switch (form) {
    case PackedForm::kList:
      return MendedPacked(inner);
    case PackedForm::kInts:
      return MendedInts(inner, width);
    case PackedForm::kZiplist:
      return MendedZiplist(inner);
  }
  return {};
}

inline std::string WithLength(const std::string& form) {
  std::string bytes;
  if (form.size() < 0x40) {
    bytes += static_cast<char>(form.size());
  } else {
    bytes += static_cast<char>(0x40 | form.size() >> 8);
    bytes += static_cast<char>(form.size());
  }
  return bytes + form;
}

inline std::size_t MutatePacked(std::uint8_t* data, std::size_t size, std::size_t size_max,
                                unsigned seed) {
  Random random(seed);
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const std::vector<PackedPlace> places = PackedPlaces(bytes);
  if (places.empty() || random.Below(2) == 0) return LLVMFuzzerMutate(data, size, size_max);
  const PackedPlace place = places[random.Below(places.size())];
  const std::string_view body = bytes.substr(place.body, place.end - place.body);
  const std::size_t head = HeadBytes(place.form);
  std::string inner(body.substr(head, body.size() - head - EndBytes(place.form)));
  const std::size_t inner_size = inner.size();
  constexpr std::size_t kRoom = 64;
  inner.resize(inner_size + kRoom);
  inner.resize(
      LLVMFuzzerMutate(reinterpret_cast<std::uint8_t*>(inner.data()), inner_size, inner.size()));
  const std::string form = Mended(place.form, inner, Word32At(body, 0));
  constexpr std::size_t kLengthMax = 0x3fff;
  std::string mutated(bytes.substr(0, place.begin));
  mutated += WithLength(form);
  mutated += bytes.substr(place.end);
  if (form.size() > kLengthMax || mutated.size() > size_max)
    return LLVMFuzzerMutate(data, size, size_max);
  std::memcpy(data, mutated.data(), mutated.size());
  return mutated.size();
}

}  // namespace cairn::fuzz

#endif  // CAIRN_FUZZ_PACKED_MUTATOR_H_
