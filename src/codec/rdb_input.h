// SPDX-License-Identifier: BSD-3-Clause
// RdbInput: the words of RDB files, read from memory or through a bounded buffer.
//
//   RdbInput in(source);
//   const std::uint64_t count = in.Length();
//   for (std::uint64_t i = 0; i < count && in.ok(); ++i) Use(in.Text());
//   if (!in.ok()) return in.status();          // "... at byte 1234"
//
// Nothing is believed: a length is compared with what is left before anything is set aside for it,
// and a compressed text with what its bytes can at most expand to. After the first failure every
// read gives nothing (zeros, empty texts), so that only loops need to ask ok(), and status() keeps
// saying what went wrong first, and where.
//
// Views stay valid until the next read. At most the buffer and the text at hand are in memory. One
// thread at a time.
#ifndef CAIRN_CODEC_RDB_INPUT_H_
#define CAIRN_CODEC_RDB_INPUT_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/status.h"
#include "base/text.h"
#include "codec/byte_source.h"

namespace cairn::codec {

// No text may be longer: a key or a string of the keyspace cannot be.
inline constexpr std::uint64_t kRdbTextBytesMax = (std::uint64_t{1} << 31) - 1;

class RdbInput {
 public:
  static constexpr std::size_t kBufferBytes = std::size_t{64} << 10;

  // The bytes outlive the input.
  explicit RdbInput(std::string_view bytes)
      : at_(bytes.data()), end_(bytes.data() + bytes.size()), begin_(at_) {}
  // The source outlives the input, which may read more from it than it is asked for: see unread().
  explicit RdbInput(ByteSource& source);
  RdbInput(const RdbInput&) = delete;
  RdbInput& operator=(const RdbInput&) = delete;

  bool ok() const { return status_.ok(); }
  const Status& status() const { return status_; }
  // The first failure counts. `what` gets " at byte N" behind it, N being where what was read last
  // begins.
  void Fail(StatusCode code, std::string_view what);
  void Corrupt(std::string_view what) { Fail(StatusCode::kCorrupt, what); }

  // Bytes read so far, and the most that may follow.
  std::uint64_t offset() const { return passed_ + static_cast<std::uint64_t>(at_ - begin_); }
  std::uint64_t left_max() const;
  bool at_end();
  // What was taken from the source already and is not read.
  std::string_view unread() const { return {at_, static_cast<std::size_t>(end_ - at_)}; }
  // Of all bytes read so far.
  std::uint64_t checksum();

  // REQUIRES: count <= kBufferBytes, or the input is in memory.
  std::string_view Raw(std::size_t count);
  std::uint8_t Byte();
  // Little-endian.
  std::uint32_t Word32();
  std::uint64_t Word64();
  double Double();
  std::uint64_t Length();
  std::string_view Text();

 private:
  bool Refill(std::size_t count);
  std::uint64_t LengthFrom(std::uint8_t first);
  std::string_view PlainText(std::uint64_t size);
  std::string_view LongText(std::uint64_t size);
  std::string_view EncodedText(std::uint8_t form);
  std::string_view NumberText(std::int64_t number);
  std::string_view CompressedText();
  void Mark() { mark_ = offset(); }

  ByteSource* const source_ = nullptr;
  Status status_;
  const char* at_;
  const char* end_;
  const char* begin_;           // of what is summed up in passed_ and checksum_ next
  std::uint64_t passed_ = 0;    // bytes read and gone from the buffer
  std::uint64_t mark_ = 0;      // where the last word begins
  std::uint64_t checksum_ = 0;  // of passed_
  std::unique_ptr<char[]> buffer_;
  std::string long_text_;
  std::string expanded_;
  char digits_[kInt64TextMax];
};

}  // namespace cairn::codec

#endif  // CAIRN_CODEC_RDB_INPUT_H_
