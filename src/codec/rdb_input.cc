// SPDX-License-Identifier: BSD-3-Clause
// The buffer moves on when what is wanted does not lie in it whole; what was read is summed up
// before it goes.
#include "codec/rdb_input.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/check.h"
#include "base/hash.h"
#include "base/lzf.h"
#include "codec/rdb_format.h"

namespace cairn::codec {
namespace {

static_assert(std::endian::native == std::endian::little, "numbers are read as they lie");

// A long text grows by so much at a time where the source cannot tell what is to come.
constexpr std::size_t kGrowBytes = std::size_t{1} << 20;
// What is kept of a text's memory for the next one.
constexpr std::size_t kKeepBytes = std::size_t{1} << 20;
// LZF's longest match, 264 bytes, takes three.
constexpr std::uint64_t kExpansionMax = 88;

template <class Number>
Number Load(std::string_view bytes) {
  Number number = 0;
  if (bytes.size() == sizeof(number)) std::memcpy(&number, bytes.data(), sizeof(number));
  return number;
}

void DropIfLarge(std::string& text) {
  if (text.capacity() > kKeepBytes) std::string().swap(text);
}

void Resize(std::string& text, std::size_t size) {
  text.resize_and_overwrite(size, [size](char*, std::size_t) { return size; });
}

}  // namespace

RdbInput::RdbInput(ByteSource& source)
    : source_(&source), buffer_(std::make_unique_for_overwrite<char[]>(kBufferBytes)) {
  at_ = end_ = begin_ = buffer_.get();
}

void RdbInput::Fail(StatusCode code, std::string_view what) {
  if (!status_.ok()) return;
  status_ = Status(code, std::string(what) + " at byte " + std::to_string(mark_));
}

std::uint64_t RdbInput::left_max() const {
  const auto here = static_cast<std::uint64_t>(end_ - at_);
  if (source_ == nullptr) return here;
  const std::uint64_t there = source_->bytes_left_max();
  return there > kBytesLeftUnknown - here ? kBytesLeftUnknown : here + there;
}

std::uint64_t RdbInput::checksum() {
  checksum_ = Crc64(checksum_, {begin_, static_cast<std::size_t>(at_ - begin_)});
  passed_ += static_cast<std::uint64_t>(at_ - begin_);
  begin_ = at_;
  return checksum_;
}

// Reads on until `count` bytes are in the buffer; false at the source's end.
bool RdbInput::Refill(std::size_t count) {
  if (source_ == nullptr || !ok()) return false;
  DCHECK(count <= kBufferBytes);
  checksum();
  const auto kept = static_cast<std::size_t>(end_ - at_);
  std::memmove(buffer_.get(), at_, kept);
  at_ = begin_ = buffer_.get();
  end_ = at_ + kept;
  while (static_cast<std::size_t>(end_ - at_) < count) {
    char* const to = buffer_.get() + (end_ - at_);
    const auto got =
        source_->Read({to, static_cast<std::size_t>(buffer_.get() + kBufferBytes - to)});
    if (!got) {
      status_ = got.error().Annotate("reading at byte " + std::to_string(offset()));
      return false;
    }
    if (*got == 0) return false;
    end_ += *got;
  }
  return true;
}

bool RdbInput::at_end() { return at_ == end_ && !Refill(1) && ok(); }

std::string_view RdbInput::Raw(std::size_t count) {
  if (!ok()) return {};
  if (static_cast<std::size_t>(end_ - at_) < count && !Refill(count)) [[unlikely]] {
    Corrupt("the end comes too early, in what begins");
    return {};
  }
  const std::string_view bytes(at_, count);
  at_ += count;
  return bytes;
}

std::uint8_t RdbInput::Byte() {
  Mark();
  const std::string_view byte = Raw(1);
  return byte.empty() ? 0 : static_cast<std::uint8_t>(byte[0]);
}

std::uint32_t RdbInput::Word32() {
  Mark();
  return Load<std::uint32_t>(Raw(sizeof(std::uint32_t)));
}

std::uint64_t RdbInput::Word64() {
  Mark();
  return Load<std::uint64_t>(Raw(sizeof(std::uint64_t)));
}

double RdbInput::Double() {
  Mark();
  return Load<double>(Raw(sizeof(double)));
}

std::uint64_t RdbInput::LengthFrom(std::uint8_t first) {
  switch (static_cast<RdbLengthForm>(first >> 6)) {
    case RdbLengthForm::k6Bits:
      return first;
    case RdbLengthForm::k14Bits: {
      const std::string_view low = Raw(1);
      return low.empty() ? 0 : (first & 0x3fU) << 8 | static_cast<std::uint8_t>(low[0]);
    }
    case RdbLengthForm::kWide:
    case RdbLengthForm::kEncoded:
      break;
  }
  if (first == kRdbLength32) return __builtin_bswap32(Load<std::uint32_t>(Raw(4)));
  if (first == kRdbLength64) return __builtin_bswap64(Load<std::uint64_t>(Raw(8)));
  Corrupt("no length");
  return 0;
}

std::uint64_t RdbInput::Length() {
  const std::uint8_t first = Byte();
  return LengthFrom(first);
}

std::string_view RdbInput::Text() {
  DropIfLarge(long_text_);
  DropIfLarge(expanded_);
  const std::uint8_t first = Byte();
  if (static_cast<RdbLengthForm>(first >> 6) == RdbLengthForm::kEncoded)
    return EncodedText(first & 0x3f);
  return PlainText(LengthFrom(first));
}

std::string_view RdbInput::PlainText(std::uint64_t size) {
  if (!ok()) return {};
  if (size > left_max()) {
    Corrupt("a text of " + std::to_string(size) + " bytes, where " + std::to_string(left_max()) +
            " are left,");
    return {};
  }
  if (size > kRdbTextBytesMax) {
    Fail(StatusCode::kLimit, "a text of " + std::to_string(size) + " bytes");
    return {};
  }
  if (source_ == nullptr || size <= kBufferBytes) return Raw(size);
  return LongText(size);
}

std::string_view RdbInput::LongText(std::uint64_t size) {
  long_text_.clear();
  const std::uint64_t mark = mark_;
  while (long_text_.size() < size && ok()) {
    if (at_ == end_ && !Refill(1)) {
      mark_ = mark;
      Corrupt("the end comes too early, in what begins");
      return {};
    }
    const auto here = static_cast<std::size_t>(end_ - at_);
    const std::size_t take = std::min<std::size_t>(here, size - long_text_.size());
    const std::size_t wanted = long_text_.size() + take;
    if (wanted > long_text_.capacity()) {
      long_text_.reserve(
          std::min<std::size_t>(size, std::max(wanted + kGrowBytes, 2 * long_text_.capacity())));
    }
    long_text_.append(at_, take);
    at_ += take;
  }
  return ok() ? std::string_view(long_text_) : std::string_view();
}

std::string_view RdbInput::EncodedText(std::uint8_t form) {
  switch (static_cast<RdbTextForm>(form)) {
    case RdbTextForm::kInt8:
      return NumberText(static_cast<std::int8_t>(Load<std::uint8_t>(Raw(1))));
    case RdbTextForm::kInt16:
      return NumberText(Load<std::int16_t>(Raw(2)));
    case RdbTextForm::kInt32:
      return NumberText(Load<std::int32_t>(Raw(4)));
    case RdbTextForm::kLzf:
      return CompressedText();
  }
  Corrupt("a text encoded in no known way");
  return {};
}

std::string_view RdbInput::NumberText(std::int64_t number) {
  if (!ok()) return {};
  return {digits_, static_cast<std::size_t>(FormatInt64(digits_, number) - digits_)};
}

std::string_view RdbInput::CompressedText() {
  const std::uint64_t mark = mark_;
  const std::uint64_t compressed_size = Length();
  const std::uint64_t size = Length();
  mark_ = mark;
  const std::string_view compressed = PlainText(compressed_size);
  if (!ok()) return {};
  if (size > compressed_size * kExpansionMax) {
    Corrupt("a compressed text that would be too long");
    return {};
  }
  if (size > kRdbTextBytesMax) {
    Fail(StatusCode::kLimit, "a text of " + std::to_string(size) + " bytes");
    return {};
  }
  Resize(expanded_, size);
  if (!DecompressLzf(compressed, expanded_)) {
    Corrupt("a text that cannot be decompressed");
    return {};
  }
  return expanded_;
}

}  // namespace cairn::codec
