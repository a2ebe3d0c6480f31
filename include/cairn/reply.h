// SPDX-License-Identifier: BSD-3-Clause
// Reply: what a server has replied, as a value.
//
// One type for RESP2 and RESP3. Where the two differ (a map is an array of twice the length in
// RESP2, a double is text, a boolean a number), the accessors read both, so that a caller need not
// know which protocol was agreed on.
//
//   Result<Reply> reply = client.Call(Command("HGETALL", "user:1"));
//   const Reply* name = reply->Find("name");
//   Result<std::string_view> text = name->AsText();
//
// Errors: kType from an accessor that does not fit. An error of the command itself is the Error of
// the call; only within an aggregate (EXEC's reply) does one stand as a Reply of type kError.
// Thread safety: a value. Lifetimes: views are good while the Reply is. Cost: scalars that fit in a
// std::string without allocation allocate nothing.
#ifndef CAIRN_REPLY_H_
#define CAIRN_REPLY_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cairn/result.h"

namespace cairn::cache {

class Reply {
 public:
  enum class Type : std::uint8_t {
    kNull,
    kSimple,  // "+OK"
    kError,   // also a bulk error
    kInteger,
    kText,  // a bulk string, any bytes
    kDouble,
    kBool,
    kBigNumber,  // its digits
    kVerbatim,   // its text, without the format
    kArray,
    kMap,  // key, value, key, value
    kSet,
    kPush,
  };

  Reply() = default;  // null
  static Reply Null() { return {}; }
  static Reply Simple(std::string text) { return Reply(Type::kSimple, std::move(text)); }
  static Reply OfError(std::string text) { return Reply(Type::kError, std::move(text)); }
  static Reply Text(std::string text) { return Reply(Type::kText, std::move(text)); }
  static Reply Scalar(Type type, std::string text) { return Reply(type, std::move(text)); }
  static Reply Integer(std::int64_t integer);
  static Reply Bool(bool value);
  static Reply Double(double number);
  // kArray, kMap, kSet or kPush.
  static Reply Aggregate(Type type, std::vector<Reply> elements);

  Type type() const { return type_; }
  bool is_null() const { return type_ == Type::kNull; }
  bool is_error() const { return type_ == Type::kError; }
  // "+OK".
  bool is_ok() const { return type_ == Type::kSimple && text_ == "OK"; }
  bool is_aggregate() const { return type_ >= Type::kArray; }

  // The bytes of anything that is text, numbers as they were sent; empty for others.
  std::string_view text() const& { return text_; }
  std::string TakeText() && { return std::move(text_); }
  // The elements of an aggregate; a map's are key, value, key, value. Empty for others.
  std::span<const Reply> elements() const { return elements_; }
  std::vector<Reply> TakeElements() && { return std::move(elements_); }

  // Text of any kind.
  Result<std::string_view> AsText() const&;
  // An integer, a boolean, or text that is a number.
  Result<std::int64_t> AsInteger() const;
  // The same, with fractions.
  Result<double> AsDouble() const;
  // A boolean, or 0 and 1.
  Result<bool> AsBool() const;
  // In a map, or in an array of keys and values: the value of `key`; null if there is none. O(n).
  const Reply* Find(std::string_view key) const;

  bool operator==(const Reply&) const = default;

 private:
  Reply(Type type, std::string text) : type_(type), text_(std::move(text)) {}

  Type type_ = Type::kNull;
  std::int64_t integer_ = 0;
  double number_ = 0;
  std::string text_;
  std::vector<Reply> elements_;
};

}  // namespace cairn::cache

#endif  // CAIRN_REPLY_H_
