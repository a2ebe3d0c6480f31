// SPDX-License-Identifier: BSD-3-Clause
// RdbOutput: the words of RDB files (lengths, texts, numbers), written through a bounded buffer.
//
//   RdbOutput out(sink, RdbCompression::kLzf);        // a file: at most kBufferBytes are held back
//   out.Length(3);  out.Text("abc");
//   Status written = out.Finish();                    // and out.checksum() is that of all of it
//
//   RdbOutput out(RdbCompression::kLzf);              // in memory: out.bytes() is everything
//
// A text longer than the buffer goes to the sink as it is, without a copy. To compress one, its
// compressed form is needed in memory, so texts above kCompressBytesMax are left as they are; with
// the buffer, that bounds what an output holds.
//
// A sink that fails is left alone from then on: what is still written goes nowhere, and status()
// says why. One thread at a time.
#ifndef CAIRN_CODEC_RDB_OUTPUT_H_
#define CAIRN_CODEC_RDB_OUTPUT_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/status.h"
#include "codec/byte_sink.h"

namespace cairn::codec {

enum class RdbCompression : std::uint8_t { kNone, kLzf };  // rdbcompression

class RdbOutput {
 public:
  static constexpr std::size_t kBufferBytes = std::size_t{64} << 10;
  static constexpr std::size_t kCompressBytesMax = std::size_t{8} << 20;

  explicit RdbOutput(RdbCompression compression) : compression_(compression) {}
  // The sink outlives the output.
  RdbOutput(ByteSink& sink, RdbCompression compression) : sink_(&sink), compression_(compression) {}
  RdbOutput(const RdbOutput&) = delete;
  RdbOutput& operator=(const RdbOutput&) = delete;

  void Raw(std::string_view bytes) {
    if (buffer_.size() + bytes.size() > kBufferBytes && sink_ != nullptr) [[unlikely]]
      return RawBeyond(bytes);
    buffer_.append(bytes);
  }
  void Byte(std::uint8_t byte) {
    const char raw = static_cast<char>(byte);
    Raw({&raw, 1});
  }
  // Little-endian.
  void Word64(std::uint64_t word) { Raw({reinterpret_cast<const char*>(&word), sizeof(word)}); }
  void Length(std::uint64_t length);
  // As a number, compressed, or as it is, whichever is first possible.
  void Text(std::string_view text);
  void Double(double number);

  // Everything so far is with the sink.
  Status Flush();
  const Status& status() const { return status_; }
  // Of what is still in memory: without a sink, all that was written.
  std::string_view bytes() const { return buffer_; }
  std::string TakeBytes() { return std::move(buffer_); }
  std::uint64_t bytes_written() const { return flushed_bytes_ + buffer_.size(); }
  // Of all bytes so far. Linear in those that are still in memory.
  std::uint64_t checksum() const;

 private:
  void RawBeyond(std::string_view bytes);
  void PassOn(std::string_view bytes);
  bool TextAsNumber(std::string_view text);
  bool TextCompressed(std::string_view text);

  ByteSink* const sink_ = nullptr;
  const RdbCompression compression_;
  Status status_;
  std::string buffer_;
  std::string compressed_;  // scratch
  std::uint64_t flushed_bytes_ = 0;
  std::uint64_t flushed_checksum_ = 0;
};

}  // namespace cairn::codec

#endif  // CAIRN_CODEC_RDB_OUTPUT_H_
