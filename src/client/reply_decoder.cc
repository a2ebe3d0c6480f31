// SPDX-License-Identifier: BSD-3-Clause
// The short way for whole scalars, and the conversion of trees.
#include "client/reply_decoder.h"

#include <charconv>
#include <string>
#include <utility>
#include <vector>

namespace cairn::client {
namespace {

using cache::Reply;
using resp::Value;

Reply::Type AggregateType(Value::Type type) {
  switch (type) {
    case Value::Type::kMap:
      return Reply::Type::kMap;
    case Value::Type::kSet:
      return Reply::Type::kSet;
    case Value::Type::kPush:
      return Reply::Type::kPush;
    default:
      return Reply::Type::kArray;
  }
}

// Recursion is as deep as the parser allows. Attributes are dropped: nothing we ask for has any.
Reply FromValue(Value&& value) {
  switch (value.type) {
    case Value::Type::kNull:
      return Reply::Null();
    case Value::Type::kSimple:
      return Reply::Simple(std::move(value.text));
    case Value::Type::kError:
    case Value::Type::kBulkError:
      return Reply::OfError(std::move(value.text));
    case Value::Type::kInteger:
      return Reply::Integer(value.integer);
    case Value::Type::kBulk:
      return Reply::Text(std::move(value.text));
    case Value::Type::kDouble:
      return Reply::Double(value.number);
    case Value::Type::kBool:
      return Reply::Bool(value.integer != 0);
    case Value::Type::kBigNumber:
      return Reply::Scalar(Reply::Type::kBigNumber, std::move(value.text));
    case Value::Type::kVerbatim:
      return Reply::Scalar(Reply::Type::kVerbatim, std::move(value.text));
    default:
      break;
  }
  std::vector<Reply> elements;
  elements.reserve(value.items.size());
  for (Value& item : value.items) elements.push_back(FromValue(std::move(item)));
  return Reply::Aggregate(AggregateType(value.type), std::move(elements));
}

bool ParseNumber(std::string_view text, std::int64_t* number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *number);
  return error == std::errc() && end == text.data() + text.size();
}

}  // namespace

// False, and nothing consumed, if it is not all there, or is another thing than it looks like: the
// parser then says what.
bool ReplyDecoder::TakeScalar(std::string_view buffer, Reply* out) {
  const std::size_t end = buffer.find("\r\n");
  if (end == buffer.npos || end == 0) return false;
  const std::string_view line = buffer.substr(1, end - 1);
  switch (buffer[0]) {
    case '$':
      return TakeBulk(buffer, line, out);
    case '+':
      *out = Reply::Simple(std::string(line));
      break;
    case '-':
      *out = Reply::OfError(std::string(line));
      break;
    case ':': {
      std::int64_t number = 0;
      if (!ParseNumber(line, &number)) return false;
      *out = Reply::Integer(number);
      break;
    }
    case '_':
      if (!line.empty()) return false;
      *out = Reply::Null();
      break;
    default:
      return false;
  }
  consumed_ = end + 2;
  return true;
}

bool ReplyDecoder::TakeBulk(std::string_view buffer, std::string_view line, Reply* out) {
  std::int64_t size = 0;
  if (!ParseNumber(line, &size)) return false;
  const std::size_t begin = line.size() + 3;
  if (size == -1) {
    *out = Reply::Null();
    consumed_ = begin;
    return true;
  }
  if (size < 0 || static_cast<std::uint64_t>(size) > bulk_bytes_max_) return false;
  const auto bytes = static_cast<std::size_t>(size);
  if (buffer.size() < begin + bytes + 2) return false;
  if (buffer[begin + bytes] != '\r' || buffer[begin + bytes + 1] != '\n') return false;
  *out = Reply::Text(std::string(buffer.substr(begin, bytes)));
  consumed_ = begin + bytes + 2;
  return true;
}

// As TakeScalar, of an array of few scalars, such as CACHE.GET replies. By the parser's tree it
// would take more than the engine's part of an embedded hit.
bool ReplyDecoder::TakeRow(std::string_view buffer, Reply* out) {
  constexpr std::int64_t kElementsMax = 16;
  const std::size_t end = buffer.find("\r\n");
  std::int64_t count = 0;
  if (end == buffer.npos || !ParseNumber(buffer.substr(1, end - 1), &count)) return false;
  if (count < 0 || count > kElementsMax) return false;
  std::vector<Reply> elements;
  elements.reserve(static_cast<std::size_t>(count));
  std::size_t at = end + 2;
  for (std::int64_t i = 0; i < count; ++i) {
    const std::string_view rest = buffer.substr(at);
    if (rest.empty() || !TakeScalar(rest, &elements.emplace_back())) {
      consumed_ = 0;
      return false;
    }
    at += consumed_;
  }
  *out = Reply::Aggregate(Reply::Type::kArray, std::move(elements));
  consumed_ = at;
  return true;
}

ReplyDecoder::Outcome ReplyDecoder::Next(std::string_view buffer, Reply* out) {
  consumed_ = 0;
  if (!is_midway_ && !buffer.empty()) {
    const bool is_whole = buffer[0] == '*' ? TakeRow(buffer, out) : TakeScalar(buffer, out);
    if (is_whole) return Outcome::kValue;
  }
  Value value;
  const Outcome outcome = parser_.Next(buffer, &value);
  consumed_ = parser_.consumed();
  is_midway_ = outcome != Outcome::kValue && (is_midway_ || !buffer.empty());
  if (outcome == Outcome::kValue) *out = FromValue(std::move(value));
  return outcome;
}

void ReplyDecoder::Reset() {
  parser_.Reset();
  consumed_ = 0;
  is_midway_ = false;
}

}  // namespace cairn::client
