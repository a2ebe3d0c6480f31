// SPDX-License-Identifier: BSD-3-Clause
// ReplyParser: replies out of a server's byte stream, as trees. The client's side of RESP.
//
// It understands RESP2 and RESP3 without streamed types. Bytes are consumed as soon as they are
// understood: after every call the caller drops `consumed()` bytes and keeps the rest, so a large
// array does not have to stand in the buffer as a whole.
//
// Invariants
//   (1) The same stream gives the same values under any cutting.
//   (2) Memory is taken for elements that have arrived, never for an announced count; depth, bulk
//   size and the number of elements in one reply have named limits, beyond which it is an error.
//   (3) After kError the parser stays in error until Reset.
//
// One parser belongs to one connection; not thread-safe.
#ifndef CAIRN_RESP_REPLY_PARSER_H_
#define CAIRN_RESP_REPLY_PARSER_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace cairn::resp {

struct Value {
  enum class Type : std::uint8_t {
    kNull,       // "_", "$-1" and "*-1" alike
    kSimple,     // text
    kError,      // text, without '-'
    kInteger,    // integer
    kBulk,       // text
    kDouble,     // number, and text as sent
    kBool,       // integer 0 or 1
    kBigNumber,  // text
    kVerbatim,   // text, without the format; `format` holds that
    kBulkError,  // text
    kArray,
    kMap,  // items: key, value, key, value...
    kSet,
    kPush,
  };

  Type type = Type::kNull;
  std::int64_t integer = 0;
  double number = 0;
  std::string text;
  std::string format;
  std::vector<Value> items;
  std::vector<Value> attributes;  // key, value, ... that RESP3 sent ahead of this value

  bool operator==(const Value&) const = default;
};

class ReplyParser {
 public:
  struct Limits {
    std::size_t depth_max = 32;
    std::size_t bulk_bytes_max = 512UL * 1024 * 1024;
    std::size_t line_bytes_max = 64UL * 1024;
    std::size_t elements_max = 64UL * 1024 * 1024;  // in one reply, at all depths
  };
  enum class Outcome { kValue, kNeedMore, kError };

  ReplyParser() = default;
  explicit ReplyParser(const Limits& limits) : limits_(limits) {}

  // Reads on; `buffer` begins at the first byte not consumed. With kValue, `*out` is the reply.
  Outcome Next(std::string_view buffer, Value* out);
  // Bytes of the last call's `buffer` that are done with, whatever its outcome.
  std::size_t consumed() const { return consumed_; }
  // After kError: what was wrong.
  std::string_view error() const { return error_; }
  void Reset();

 private:
  // An aggregate whose elements are still arriving.
  struct Frame {
    Value value;
    std::size_t remaining = 0;
    bool is_attribute = false;
    std::vector<Value> attributes;  // for the next element
  };
  enum class Step { kDone, kWait, kFail };

  Step TakeValue(std::string_view buffer, Value* out, bool* complete);
  Step TakeLine(std::string_view buffer, std::string_view* line);
  Step TakeBulk(std::string_view buffer, std::string_view line, Value* value);
  Step OpenAggregate(char type, std::string_view line, Value* value, bool* opened);
  Step TakeScalar(char type, std::string_view line, Value* value);
  bool Deliver(Value value, Value* out);
  Step Failed(std::string_view what);

  Limits limits_{};
  std::vector<Frame> frames_;
  std::vector<Value> attributes_;  // for the next value at the top
  std::size_t consumed_ = 0;
  std::size_t scanned_ = 0;  // of the unconsumed bytes: no line end before here
  std::size_t elements_ = 0;
  std::string_view error_;
};

}  // namespace cairn::resp

#endif  // CAIRN_RESP_REPLY_PARSER_H_
