// SPDX-License-Identifier: BSD-3-Clause
// An element of a ziplist is | length of the one before: 1 or 5 | encoding | text or number |. The
// encoding is
//     00nnnnnn | 01nnnnnn n:1 | 10...... n:4 (big-endian)          a text of n bytes follows
//     11000000 n:2 | 11010000 n:4 | 11100000 n:8 | 11110000 n:3 | 11111110 n:1    the number n
//     1111nnnn                                                     the number n - 1, n = 1..13
// A zipmap's length is one byte below 254, or 254 and four more.
#include "codec/old_packed.h"

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>

namespace cairn::codec {
namespace {

static_assert(std::endian::native == std::endian::little, "numbers are read as they lie");

constexpr std::size_t kZiplistHeaderBytes = 10;
constexpr std::size_t kLastOffset = 4;
constexpr std::size_t kCountOffset = 8;
constexpr std::uint16_t kCountUnknown = 0xffff;
constexpr std::uint8_t kEnd = 0xff;
constexpr std::uint8_t kWideLength = 254;

// A place in bytes that nobody vouches for. What lies beyond the end reads as zeros, and ok() is
// false from then on.
class Walk {
 public:
  explicit Walk(std::string_view bytes) : bytes_(bytes) {}

  bool ok() const { return ok_; }
  std::size_t at() const { return at_; }
  std::size_t left() const { return bytes_.size() - at_; }
  std::uint8_t Peek() {
    if (at_ < bytes_.size()) return static_cast<std::uint8_t>(bytes_[at_]);
    ok_ = false;
    return 0;
  }
  std::string_view Take(std::size_t count) {
    if (count > left()) ok_ = false;
    if (!ok_) return {};
    at_ += count;
    return bytes_.substr(at_ - count, count);
  }
  template <class Number>
  Number TakeNumber() {
    const std::string_view bytes = Take(sizeof(Number));
    Number number = 0;
    if (bytes.size() == sizeof(Number)) std::memcpy(&number, bytes.data(), sizeof(Number));
    return number;
  }

 private:
  std::string_view bytes_;
  std::size_t at_ = 0;
  bool ok_ = true;
};

Result<ds::PackedList> Corrupt(std::string_view what, std::size_t at) {
  return Fail(StatusCode::kCorrupt, std::string(what) + " at its byte " + std::to_string(at));
}

bool Append(ds::PackedList& list, const ds::PackedValue& value) {
  if (!list.Fits(ds::PackedList::EncodedBytes(value))) return false;
  list.Append(value);
  return true;
}

// A number of the encoding; false where there is no such encoding.
bool TakeZiplistNumber(Walk& walk, std::uint8_t encoding, std::int64_t* number) {
  switch (encoding) {
    case 0xc0:
      *number = walk.TakeNumber<std::int16_t>();
      return true;
    case 0xd0:
      *number = walk.TakeNumber<std::int32_t>();
      return true;
    case 0xe0:
      *number = walk.TakeNumber<std::int64_t>();
      return true;
    case 0xf0: {
      const std::uint32_t low = walk.TakeNumber<std::uint16_t>();
      *number =
          static_cast<std::int32_t>(low | std::uint32_t{walk.TakeNumber<std::uint8_t>()} << 16);
      if (*number >= 1 << 23) *number -= 1 << 24;
      return true;
    }
    case 0xfe: {
      const int bits = walk.TakeNumber<std::uint8_t>();
      *number = bits < 128 ? bits : bits - 256;
      return true;
    }
    default:
      *number = encoding - 0xf1;
      return encoding > 0xf0 && encoding < 0xfe;
  }
}

enum class Step { kTaken, kBad, kTooLarge };

Step TakeZiplistElement(Walk& walk, ds::PackedList& list) {
  const auto encoding = walk.TakeNumber<std::uint8_t>();
  if (encoding >= 0xc0) {
    std::int64_t number = 0;
    if (!TakeZiplistNumber(walk, encoding, &number) || !walk.ok()) return Step::kBad;
    return Append(list, static_cast<long long>(number)) ? Step::kTaken : Step::kTooLarge;
  }
  std::size_t size = encoding & 0x3f;
  if (encoding >= 0x80) {
    size = __builtin_bswap32(walk.TakeNumber<std::uint32_t>());
  } else if (encoding >= 0x40) {
    size = size << 8 | walk.TakeNumber<std::uint8_t>();
  }
  const std::string_view text = walk.Take(size);
  if (!walk.ok()) return Step::kBad;
  return Append(list, text) ? Step::kTaken : Step::kTooLarge;
}

// Of the element before, in a ziplist; of a text, in a zipmap.
std::size_t TakeLength(Walk& walk) {
  const auto first = walk.TakeNumber<std::uint8_t>();
  return first < kWideLength ? first : walk.TakeNumber<std::uint32_t>();
}

}  // namespace

Result<ds::PackedList> PackedFromZiplist(std::string_view bytes) {
  Walk walk(bytes);
  const auto total = walk.TakeNumber<std::uint32_t>();
  const auto last = walk.TakeNumber<std::uint32_t>();
  const auto count = walk.TakeNumber<std::uint16_t>();
  if (!walk.ok() || total != bytes.size()) return Corrupt("ziplist: another size", 0);
  ds::PackedList list;
  std::size_t previous = kZiplistHeaderBytes;
  std::size_t elements = 0;
  while (walk.Peek() != kEnd && walk.ok()) {
    const std::size_t at = walk.at();
    const std::size_t back_length = TakeLength(walk);
    if (back_length != (elements == 0 ? 0 : at - previous)) {
      return Corrupt("ziplist: the way back is wrong", at);
    }
    const Step step = TakeZiplistElement(walk, list);
    if (step == Step::kTooLarge) return Fail(StatusCode::kLimit, "ziplist: too large");
    if (step == Step::kBad) return Corrupt("ziplist: no element", at);
    previous = at;
    ++elements;
  }
  if (!walk.ok() || walk.left() != 1) return Corrupt("ziplist: no end", walk.at());
  if (last != previous) return Corrupt("ziplist: another last element", kLastOffset);
  if (count != kCountUnknown && count != elements)
    return Corrupt("ziplist: another count", kCountOffset);
  return list;
}

Result<ds::PackedList> PackedFromZipmap(std::string_view bytes) {
  Walk walk(bytes);
  const auto count = walk.TakeNumber<std::uint8_t>();
  ds::PackedList list;
  std::size_t fields = 0;
  while (walk.Peek() != kEnd && walk.ok()) {
    const std::size_t at = walk.at();
    const std::string_view field = walk.Take(TakeLength(walk));
    const std::size_t size = TakeLength(walk);
    const auto free = walk.TakeNumber<std::uint8_t>();
    const std::string_view value = walk.Take(size);
    walk.Take(free);
    if (!walk.ok()) return Corrupt("zipmap: no field", at);
    if (!Append(list, field) || !Append(list, value))
      return Fail(StatusCode::kLimit, "zipmap: too large");
    ++fields;
  }
  if (!walk.ok() || walk.left() != 1) return Corrupt("zipmap: no end", walk.at());
  if (count < kWideLength && count != fields) return Corrupt("zipmap: another count", 0);
  return list;
}

}  // namespace cairn::codec
