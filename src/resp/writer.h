// SPDX-License-Identifier: BSD-3-Clause
// Writer: replies in RESP2 or RESP3, written straight into a ReplyBuffer.
//
// It is a pair of a buffer and a protocol version, cheap to make for each batch. Where RESP2 has
// no such type, the method writes what Redis sends instead: a map is an array of twice the length,
// a double a bulk string, a boolean 1 or 0. Nothing here formats with a library: headers of one
// and two digits are stored directly, numbers go through base/text.h.
//
//   Writer out(buffer, 2);
//   out.Array(2);
//   out.Bulk("key");
//   out.Integer(7);
//
// Array lengths known only at the end:
//   const std::size_t array = out.BeginArray();
//   ... write n elements ...
//   out.EndArray(array, n);
#ifndef CAIRN_RESP_WRITER_H_
#define CAIRN_RESP_WRITER_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "base/blob.h"
#include "base/text.h"
#include "resp/reply_buffer.h"

namespace cairn::resp {

class Writer {
 public:
  // `protocol`: 2 or 3.
  Writer(ReplyBuffer& buffer, int protocol) : buffer_(&buffer), protocol_(protocol) {}

  int protocol() const { return protocol_; }
  bool resp3() const { return protocol_ >= 3; }
  ReplyBuffer& buffer() { return *buffer_; }

  void Ok() { Literal("+OK\r\n"); }
  // REQUIRES: no '\r' or '\n' in `text`.
  void Simple(std::string_view text);
  // `text` is "CODE message" without '-'. Line breaks in it become spaces.
  void Error(std::string_view text);
  // Errors written so far; statistics of failed calls follow from it.
  std::uint32_t error_count() const { return error_count_; }
  // What was written since there were so many has been dropped.
  void ForgetErrorsSince(std::uint32_t error_count) { error_count_ = error_count; }
  // The code that the last error began with ("ERR", "WRONGTYPE"), cut at kErrorCodeMax bytes.
  static constexpr std::size_t kErrorCodeMax = 32;
  std::string_view last_error_code() const { return {error_code_, error_code_size_}; }

  void Integer(std::int64_t number) {
    if (static_cast<std::uint64_t>(number) < 100)
      return Header(':', static_cast<std::size_t>(number));
    LongInteger(number);
  }
  void Bulk(std::string_view bytes) {
    if (!buffer_->HasRoom(bytes.size() + kHeaderBytesMax + 2)) [[unlikely]] {
      if (Refuses(bytes.size())) return;
    }
    char* p = buffer_->Reserve(bytes.size() + kHeaderBytesMax + 2);
    p = PutHeader(p, '$', bytes.size());
    if (!bytes.empty()) std::memcpy(p, bytes.data(), bytes.size());
    p += bytes.size();
    p[0] = '\r';
    p[1] = '\n';
    buffer_->CommitTo(p + 2);
  }
  // From now on no bulk string is written with which more than so many bytes are copied, give or
  // take a chunk: has_refused() says so, and the reply is of no use. For who can have it written
  // elsewhere.
  void RefuseBeyond(std::size_t bytes) {
    copied_max_ = bytes;
    copied_before_ = buffer_->chunk_bytes();
    has_refused_ = false;
  }
  void RefuseNothing() {
    copied_max_ = SIZE_MAX;
    copied_before_ = 0;
  }
  bool has_refused() const { return has_refused_; }
  // A bulk string whose bytes are shared with the store; below kBlobThreshold they are copied.
  void BulkBlob(const Blob* blob) { BulkBlob(blob, blob->view()); }
  // The same with a part of it.
  void BulkBlob(const Blob* blob, std::string_view part);
  // The number's text as a bulk string, as INCRBYFLOAT's sibling GET answers.
  void StringFromInteger(std::int64_t number);

  void Null() {
    if (resp3()) return Literal("_\r\n");
    Literal("$-1\r\n");
  }
  void NullArray() {
    if (resp3()) return Literal("_\r\n");
    Literal("*-1\r\n");
  }

  // Aggregates: the header; the elements follow.
  void Array(std::size_t count) { Header('*', count); }
  void Map(std::size_t pairs) { resp3() ? Header('%', pairs) : Header('*', pairs * 2); }
  void Set(std::size_t count) { Header(resp3() ? '~' : '*', count); }
  void Push(std::size_t count) { Header(resp3() ? '>' : '*', count); }
  // REQUIRES: resp3(); RESP2 has nothing like it.
  void Attribute(std::size_t pairs) { Header('|', pairs); }

  // An aggregate whose length comes later. What the handle opened must be ended, with the matching
  // method, before the buffer is sent.
  std::size_t BeginArray() { return buffer_->OpenHole(); }
  void EndArray(std::size_t handle, std::size_t count) { End(handle, '*', count); }
  void EndSet(std::size_t handle, std::size_t count) { End(handle, resp3() ? '~' : '*', count); }
  void EndMap(std::size_t handle, std::size_t pairs) {
    resp3() ? End(handle, '%', pairs) : End(handle, '*', pairs * 2);
  }

  void Bool(bool value) {
    if (resp3()) return value ? Literal("#t\r\n") : Literal("#f\r\n");
    value ? Literal(":1\r\n") : Literal(":0\r\n");
  }
  void Double(double number);
  // Decimal digits of any length.
  void BigNumber(std::string_view digits);
  // Text with a three-letter format ("txt", "mkd").
  void Verbatim(std::string_view format, std::string_view text);

  // Bytes that are RESP already.
  void Raw(std::string_view bytes) { buffer_->Append(bytes); }

 private:
  bool Refuses(std::size_t bytes) {
    const bool refuses = buffer_->chunk_bytes() - copied_before_ + bytes >= copied_max_;
    has_refused_ |= refuses;
    return refuses;
  }

  // Type byte, digits, "\r\n".
  static constexpr std::size_t kHeaderBytesMax = 1 + kInt64TextMax + 2;
  static_assert(kHeaderBytesMax <= ReplyBuffer::kHoleBytes);

  template <std::size_t kSize>
  void Literal(const char (&text)[kSize]) {
    char* p = buffer_->Reserve(kSize - 1);
    std::memcpy(p, text, kSize - 1);
    buffer_->Commit(kSize - 1);
  }
  static char* PutHeader(char* p, char type, std::size_t number) {
    p[0] = type;
    if (number < 10) {
      p[1] = static_cast<char>('0' + number);
      p[2] = '\r';
      p[3] = '\n';
      return p + 4;
    }
    if (number < 100) {
      std::memcpy(p + 1, kTwoDigitLines[number].data(), 4);
      return p + 5;
    }
    return PutLongHeader(p, number);
  }
  // "10\r\n" to "99\r\n".
  static constexpr std::array<std::array<char, 4>, 100> kTwoDigitLines = [] {
    std::array<std::array<char, 4>, 100> lines{};
    for (std::size_t i = 0; i < lines.size(); ++i) {
      lines[i] = {static_cast<char>('0' + i / 10), static_cast<char>('0' + i % 10), '\r', '\n'};
    }
    return lines;
  }();
  static char* PutLongHeader(char* p, std::size_t number);
  void Header(char type, std::size_t number) {
    buffer_->CommitTo(PutHeader(buffer_->Reserve(kHeaderBytesMax), type, number));
  }
  void LongInteger(std::int64_t number);
  void Line(char type, std::string_view text);
  void End(std::size_t handle, char type, std::size_t count);

  bool has_refused_ = false;
  std::size_t copied_max_ = SIZE_MAX;
  std::size_t copied_before_ = 0;  // chunk_bytes() then
  std::uint32_t error_count_ = 0;
  std::uint32_t error_code_size_ = 0;
  char error_code_[kErrorCodeMax];  // written with the first error, so that making a Writer stays
                                    // free
  ReplyBuffer* buffer_;
  int protocol_;
};

}  // namespace cairn::resp

#endif  // CAIRN_RESP_WRITER_H_
