// SPDX-License-Identifier: BSD-3-Clause
// What the tests of the codec share: ends in memory, a home for tables, random values.
#ifndef CAIRN_CODEC_CODEC_TESTING_H_
#define CAIRN_CODEC_CODEC_TESTING_H_

#include <algorithm>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/hash.h"
#include "base/random.h"
#include "codec/byte_sink.h"
#include "codec/byte_source.h"
#include "codec/dump.h"
#include "codec/rdb_value_reader.h"
#include "value/collection_testing.h"

namespace cairn::codec::testing {

// Keeps what it is given; fails from the n-th call on, if told so.
class StringSink final : public ByteSink {
 public:
  Status Write(std::string_view bytes) override {
    ++calls;
    longest = std::max(longest, bytes.size());
    if (calls == fail_at) return {StatusCode::kIo, "no space left"};
    taken.append(bytes);
    return {};
  }
  std::string taken;
  std::size_t longest = 0;
  int calls = 0;
  int fail_at = 0;
};

// Gives so many bytes at a time; tells what is left, or not.
class StringSource final : public ByteSource {
 public:
  enum class Tells { kLeft, kNothing };
  explicit StringSource(std::string_view bytes, std::size_t step = SIZE_MAX,
                        Tells tells = Tells::kLeft)
      : bytes_(bytes), step_(step), tells_(tells) {}
  Result<std::size_t> Read(std::span<char> into) override {
    const std::size_t count = std::min({into.size(), bytes_.size(), step_});
    if (count > 0) std::memcpy(into.data(), bytes_.data(), count);
    bytes_.remove_prefix(count);
    return count;
  }
  std::uint64_t bytes_left_max() const override {
    return tells_ == Tells::kLeft ? bytes_.size() : kBytesLeftUnknown;
  }

 private:
  std::string_view bytes_;
  std::size_t step_;
  Tells tells_;
};

inline RdbValueLimits UsualLimits() {
  return {.list = {},
          .hash = {.packed_entries = 128, .packed_value_bytes = 64},
          .set = {.int_entries = 512, .packed_entries = 128, .packed_value_bytes = 64},
          .sorted_set = {.packed_entries = 128, .packed_value_bytes = 64}};
}

// A file's header, the text after it, and the right end.
inline std::string WithChecksum(std::string bytes) {
  const std::uint64_t sum = Crc64(0, bytes);
  bytes.append(reinterpret_cast<const char*>(&sum), sizeof(sum));
  return bytes;
}

// A payload as DUMP ends it.
inline std::string AsDump(std::string value, int version = kRdbVersionUsual) {
  value += static_cast<char>(version);
  value += static_cast<char>(version >> 8);
  return WithChecksum(std::move(value));
}

}  // namespace cairn::codec::testing

#endif  // CAIRN_CODEC_CODEC_TESTING_H_
