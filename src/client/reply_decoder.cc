// SPDX-License-Identifier: BSD-3-Clause
// The short way for whole scalars, and the conversion of trees.
#include "client/reply_decoder.h"

#include <algorithm>
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

// The number that the first line has behind its type, in one pass. Where the next line begins; 0 if
// it is not there, or is another thing than it looks like.
std::size_t TakeNumber(std::string_view buffer, std::int64_t* number) {
  constexpr std::size_t kDigitsMax = 18;  // so many cannot overflow
  const bool is_negative = buffer.size() > 1 && buffer[1] == '-';
  const std::size_t begin = is_negative ? 2 : 1;
  const std::size_t end_max = std::min(buffer.size(), begin + kDigitsMax);
  std::size_t at = begin;
  std::int64_t found = 0;
  while (at < end_max && buffer[at] >= '0' && buffer[at] <= '9')
    found = found * 10 + (buffer[at++] - '0');
  if (at == begin || at + 2 > buffer.size()) return 0;
  if (buffer[at] != '\r' || buffer[at + 1] != '\n') return 0;
  *number = is_negative ? -found : found;
  return at + 2;
}

}  // namespace

// False, and nothing consumed, if it is not all there, or is another thing than it looks like: the
// parser then says what.
bool ReplyDecoder::TakeScalar(std::string_view buffer, Reply* out) {
  switch (buffer[0]) {
    case '$':
      return TakeBulk(buffer, out);
    case ':': {
      std::int64_t number = 0;
      const std::size_t end = TakeNumber(buffer, &number);
      if (end == 0) return false;
      *out = Reply::Integer(number);
      consumed_ = end;
      return true;
    }
    case '_':
      if (!buffer.starts_with("_\r\n")) return false;
      *out = Reply::Null();
      consumed_ = 3;
      return true;
    case '+':
    case '-':
      break;
    default:
      return false;
  }
  const std::size_t end = buffer.find("\r\n");
  if (end == buffer.npos) return false;
  std::string line(buffer.substr(1, end - 1));
  *out = buffer[0] == '+' ? Reply::Simple(std::move(line)) : Reply::OfError(std::move(line));
  consumed_ = end + 2;
  return true;
}

bool ReplyDecoder::TakeBulk(std::string_view buffer, Reply* out) {
  std::int64_t size = 0;
  const std::size_t begin = TakeNumber(buffer, &size);
  if (begin == 0) return false;
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
  std::int64_t count = 0;
  std::size_t at = TakeNumber(buffer, &count);
  if (at == 0 || count < 0 || count > kElementsMax) return false;
  std::vector<Reply> elements;
  elements.reserve(static_cast<std::size_t>(count));
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
