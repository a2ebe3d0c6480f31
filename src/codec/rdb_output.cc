// SPDX-License-Identifier: BSD-3-Clause
// The bytes are those that Redis would write, choice by choice, so that a DUMP of ours equals its.
#include "codec/rdb_output.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <optional>

#include "base/hash.h"
#include "base/lzf.h"
#include "base/text.h"
#include "codec/rdb_format.h"

namespace cairn::codec {
namespace {

static_assert(std::endian::native == std::endian::little, "numbers are written as they lie");

constexpr std::uint8_t FormBits(RdbLengthForm form) {
  return static_cast<std::uint8_t>(static_cast<std::uint8_t>(form) << 6);
}
constexpr std::uint8_t TextByte(RdbTextForm form) {
  return FormBits(RdbLengthForm::kEncoded) | static_cast<std::uint8_t>(form);
}

template <class Number>
std::string_view BytesOf(const Number& number) {
  return {reinterpret_cast<const char*>(&number), sizeof(number)};
}

}  // namespace

void RdbOutput::RawBeyond(std::string_view bytes) {
  PassOn(buffer_);
  buffer_.clear();
  if (bytes.size() >= kBufferBytes) return PassOn(bytes);
  buffer_.append(bytes);
}

void RdbOutput::PassOn(std::string_view bytes) {
  if (bytes.empty() || !status_.ok()) return;
  flushed_bytes_ += bytes.size();
  flushed_checksum_ = Crc64(flushed_checksum_, bytes);
  status_ = sink_->Write(bytes);
}

Status RdbOutput::Flush() {
  if (sink_ != nullptr) {
    PassOn(buffer_);
    buffer_.clear();
  }
  return status_;
}

std::uint64_t RdbOutput::checksum() const { return Crc64(flushed_checksum_, buffer_); }

void RdbOutput::Length(std::uint64_t length) {
  constexpr std::uint64_t k6BitsMax = 1 << 6;
  constexpr std::uint64_t k14BitsMax = 1 << 14;
  if (length < k6BitsMax) return Byte(static_cast<std::uint8_t>(length));
  if (length < k14BitsMax) {
    Byte(FormBits(RdbLengthForm::k14Bits) | static_cast<std::uint8_t>(length >> 8));
    return Byte(static_cast<std::uint8_t>(length));
  }
  if (length <= UINT32_MAX) {
    Byte(kRdbLength32);
    return Raw(BytesOf(__builtin_bswap32(static_cast<std::uint32_t>(length))));
  }
  Byte(kRdbLength64);
  Raw(BytesOf(__builtin_bswap64(length)));
}

void RdbOutput::Text(std::string_view text) {
  if (text.size() <= kRdbNumberTextMax && TextAsNumber(text)) return;
  if (text.size() >= kRdbCompressBytesMin && TextCompressed(text)) return;
  Length(text.size());
  Raw(text);
}

bool RdbOutput::TextAsNumber(std::string_view text) {
  if (text.empty() || text[0] > '9') return false;
  const std::optional<std::int64_t> number = ParseInt64(text);
  if (!number) return false;
  const auto write = [&](RdbTextForm form, std::size_t size) {
    Byte(TextByte(form));
    Raw(BytesOf(*number).substr(0, size));
    return true;
  };
  if (*number == static_cast<std::int8_t>(*number)) return write(RdbTextForm::kInt8, 1);
  if (*number == static_cast<std::int16_t>(*number)) return write(RdbTextForm::kInt16, 2);
  if (*number == static_cast<std::int32_t>(*number)) return write(RdbTextForm::kInt32, 4);
  return false;
}

bool RdbOutput::TextCompressed(std::string_view text) {
  if (compression_ == RdbCompression::kNone || text.size() > kCompressBytesMax) return false;
  constexpr std::size_t kOnStack = 4096;
  std::array<char, kOnStack> small;
  const std::size_t room = text.size() - kRdbCompressGainMin;
  if (room > kOnStack && compressed_.size() < room) compressed_.resize(room);
  char* const to = room > kOnStack ? compressed_.data() : small.data();
  const std::size_t size = CompressLzf(text, {to, room});
  if (size == 0) return false;
  Byte(TextByte(RdbTextForm::kLzf));
  Length(size);
  Length(text.size());
  Raw({to, size});
  return true;
}

void RdbOutput::Double(double number) { Raw(BytesOf(number)); }

}  // namespace cairn::codec
