// SPDX-License-Identifier: BSD-3-Clause
// MessagePack: the shortest form of everything is written, every form is read. Of the extension
// types nothing is known; they are skipped.
#include <bit>

#include "cairn/codec.h"

namespace cairn::cache::internal {
namespace {

constexpr unsigned char kUint8 = 0xCC;  // then 16, 32, 64
constexpr unsigned char kInt8 = 0xD0;
constexpr unsigned char kFloat32 = 0xCA;
constexpr unsigned char kFloat64 = 0xCB;
constexpr unsigned char kText8 = 0xD9;
constexpr unsigned char kText16 = 0xDA;
constexpr unsigned char kText32 = 0xDB;

}  // namespace

void MessagePackWriter::Number(unsigned char type, std::uint64_t number, std::size_t width) {
  bytes_ += static_cast<char>(type);
  for (std::size_t i = width; i > 0; --i) bytes_ += static_cast<char>(number >> (8 * (i - 1)));
}

// type8 is 0 where there is no such form; type16 + 1 is the one of 32 bits.
void MessagePackWriter::Head(std::size_t count, unsigned char fix, std::size_t fix_max,
                             unsigned char type8, unsigned char type16) {
  if (count <= fix_max) {
    bytes_ += static_cast<char>(fix | count);
  } else if (type8 != 0 && count <= 0xFF) {
    Number(type8, count, 1);
  } else if (count <= 0xFFFF) {
    Number(type16, count, 2);
  } else {
    Number(type16 + 1, count, 4);
  }
}

void MessagePackWriter::Unsigned(std::uint64_t number) {
  if (number < 0x80) {
    bytes_ += static_cast<char>(number);
  } else if (number <= 0xFF) {
    Number(kUint8, number, 1);
  } else if (number <= 0xFFFF) {
    Number(kUint8 + 1, number, 2);
  } else if (number <= 0xFFFFFFFF) {
    Number(kUint8 + 2, number, 4);
  } else {
    Number(kUint8 + 3, number, 8);
  }
}

void MessagePackWriter::Integer(std::int64_t number) {
  const auto bits = static_cast<std::uint64_t>(number);
  if (number >= 0) return Unsigned(bits);
  if (number >= -32) {
    bytes_ += static_cast<char>(number);
  } else if (number >= INT8_MIN) {
    Number(kInt8, bits, 1);
  } else if (number >= INT16_MIN) {
    Number(kInt8 + 1, bits, 2);
  } else if (number >= INT32_MIN) {
    Number(kInt8 + 2, bits, 4);
  } else {
    Number(kInt8 + 3, bits, 8);
  }
}

void MessagePackWriter::Double(double number) {
  Number(kFloat64, std::bit_cast<std::uint64_t>(number), 8);
}

void MessagePackWriter::Text(std::string_view text) {
  Head(text.size(), 0xA0, 31, kText8, kText16);
  bytes_ += text;
}

std::nullopt_t MessagePackReader::Failed() {
  has_failed_ = true;
  rest_ = {};
  return std::nullopt;
}

std::optional<unsigned char> MessagePackReader::TakeByte() {
  if (rest_.empty()) return Failed();
  const auto byte = static_cast<unsigned char>(rest_.front());
  rest_.remove_prefix(1);
  return byte;
}

std::optional<std::uint64_t> MessagePackReader::TakeNumber(std::size_t width) {
  if (rest_.size() < width) return Failed();
  std::uint64_t number = 0;
  for (std::size_t i = 0; i < width; ++i)
    number = number << 8 | static_cast<unsigned char>(rest_[i]);
  rest_.remove_prefix(width);
  return number;
}

bool MessagePackReader::TakeBytes(std::uint64_t count) {
  if (count > rest_.size()) {
    Failed();
    return false;
  }
  rest_.remove_prefix(count);
  return true;
}

bool MessagePackReader::TakeNull() {
  if (!rest_.starts_with('\xC0')) return false;
  rest_.remove_prefix(1);
  return true;
}

std::optional<bool> MessagePackReader::Bool() {
  const std::optional<unsigned char> type = TakeByte();
  if (type != 0xC2 && type != 0xC3) return Failed();
  return *type == 0xC3;
}

std::optional<std::uint64_t> MessagePackReader::Unsigned() {
  const std::optional<unsigned char> type = TakeByte();
  if (!type) return std::nullopt;
  if (*type < 0x80) return *type;
  if (*type >= kUint8 && *type <= kUint8 + 3) return TakeNumber(std::size_t{1} << (*type - kUint8));
  if (*type < kInt8 || *type > kInt8 + 3) return Failed();
  // Others write what is positive as signed, too.
  const std::size_t width = std::size_t{1} << (*type - kInt8);
  const std::optional<std::uint64_t> number = TakeNumber(width);
  if (!number || *number >> (8 * width - 1) != 0) return Failed();
  return number;
}

std::optional<std::int64_t> MessagePackReader::Integer() {
  if (rest_.empty()) return Failed();
  const auto type = static_cast<unsigned char>(rest_.front());
  if (type >= 0xE0) {
    rest_.remove_prefix(1);
    return static_cast<std::int8_t>(type);
  }
  if (type >= kInt8 && type <= kInt8 + 3) {
    rest_.remove_prefix(1);
    const std::size_t width = std::size_t{1} << (type - kInt8);
    const std::optional<std::uint64_t> bits = TakeNumber(width);
    if (!bits) return std::nullopt;
    const std::size_t unused = 64 - 8 * width;
    return static_cast<std::int64_t>(*bits << unused) >> unused;
  }
  const std::optional<std::uint64_t> number = Unsigned();
  if (!number || *number > INT64_MAX) return Failed();
  return static_cast<std::int64_t>(*number);
}

std::optional<double> MessagePackReader::Double() {
  if (rest_.empty()) return Failed();
  const auto type = static_cast<unsigned char>(rest_.front());
  if (type != kFloat32 && type != kFloat64) {
    const std::optional<std::int64_t> number = Integer();
    return number ? std::optional<double>(static_cast<double>(*number)) : std::nullopt;
  }
  rest_.remove_prefix(1);
  const std::optional<std::uint64_t> bits = TakeNumber(type == kFloat32 ? 4 : 8);
  if (!bits) return std::nullopt;
  if (type == kFloat32) return std::bit_cast<float>(static_cast<std::uint32_t>(*bits));
  return std::bit_cast<double>(*bits);
}

std::optional<std::string> MessagePackReader::Text() {
  const std::optional<unsigned char> type = TakeByte();
  if (!type) return std::nullopt;
  std::optional<std::uint64_t> size;
  if (*type >= 0xA0 && *type < 0xC0) size = *type & 31;
  if (*type >= kText8 && *type <= kText32) size = TakeNumber(std::size_t{1} << (*type - kText8));
  // And bytes, which older writers make of text.
  if (*type >= 0xC4 && *type <= 0xC6) size = TakeNumber(std::size_t{1} << (*type - 0xC4));
  if (!size) return Failed();
  const std::string_view text = rest_.substr(0, *size);
  if (!TakeBytes(*size)) return std::nullopt;
  return std::string(text);
}

bool MessagePackReader::Begin(unsigned char fix, unsigned char type16) {
  const std::optional<unsigned char> type = TakeByte();
  if (!type) return false;
  std::optional<std::uint64_t> count;
  if ((*type & 0xF0) == fix) count = *type & 15;
  if (*type == type16) count = TakeNumber(2);
  if (*type == type16 + 1) count = TakeNumber(4);
  if (!count || left_.size() == kDepthMax) {
    Failed();
    return false;
  }
  left_.push_back(*count);
  return true;
}

bool MessagePackReader::NextElement() {
  if (has_failed_) return false;
  if (left_.back() == 0) {
    left_.pop_back();
    return false;
  }
  --left_.back();
  return true;
}

std::optional<std::string> MessagePackReader::NextKey() {
  if (!NextElement()) return std::nullopt;
  return Text();
}

// Counts what is still to be skipped instead of recursing: nesting costs nothing here.
void MessagePackReader::Skip() {
  std::uint64_t left = 1;
  for (; left > 0 && !has_failed_; --left) {
    const std::optional<unsigned char> type = TakeByte();
    if (!type) return;
    std::optional<std::uint64_t> bytes = 0;
    std::optional<std::uint64_t> inner = 0;
    if (*type >= 0x80 && *type < 0x90) inner = 2 * (*type & 15);
    if (*type >= 0x90 && *type < 0xA0) inner = *type & 15;
    if (*type >= 0xA0 && *type < 0xC0) bytes = *type & 31;
    if (*type == 0xC1) Failed();  // never used
    if (*type >= 0xC4 && *type <= 0xC6) bytes = TakeNumber(std::size_t{1} << (*type - 0xC4));
    if (*type >= 0xC7 && *type <= 0xC9) {
      bytes = TakeNumber(std::size_t{1} << (*type - 0xC7));
      if (bytes) ++*bytes;  // the extension's own type
    }
    if (*type == kFloat32) bytes = 4;
    if (*type == kFloat64) bytes = 8;
    if (*type >= kUint8 && *type <= kUint8 + 3) bytes = 1u << (*type - kUint8);
    if (*type >= kInt8 && *type <= kInt8 + 3) bytes = 1u << (*type - kInt8);
    if (*type >= 0xD4 && *type <= 0xD8) bytes = 1 + (1u << (*type - 0xD4));
    if (*type >= kText8 && *type <= kText32) bytes = TakeNumber(std::size_t{1} << (*type - kText8));
    if (*type == 0xDC || *type == 0xDD) inner = TakeNumber(*type == 0xDC ? 2 : 4);
    if (*type == 0xDE || *type == 0xDF) {
      inner = TakeNumber(*type == 0xDE ? 2 : 4);
      if (inner) *inner *= 2;
    }
    if (!bytes || !inner || !TakeBytes(*bytes)) return;
    left += *inner;
  }
}

Result<void> MessagePackReader::Finish() const {
  if (has_failed_) return Fail(Errc::kCorrupt, "the payload is no MessagePack");
  if (!rest_.empty()) return Fail(Errc::kCorrupt, "bytes behind the payload's end");
  return {};
}

}  // namespace cairn::cache::internal
