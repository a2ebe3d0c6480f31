// SPDX-License-Identifier: BSD-3-Clause
// A loop over lines with a stack of open aggregates; no recursion, so a deep reply costs heap and
// not stack, and stops at depth_max.
//
// A bulk string's header is parsed again on each call until its body is there. That is a few bytes
// a call, and saves the state between header and body.
#include "resp/reply_parser.h"

#include <cstring>
#include <utility>

#include "base/text.h"

namespace cairn::resp {
namespace {

using Type = Value::Type;

bool IsAggregate(char type) {
  return type == '*' || type == '%' || type == '~' || type == '>' || type == '|';
}

Type AggregateType(char type) {
  if (type == '%' || type == '|') return Type::kMap;
  if (type == '~') return Type::kSet;
  return type == '>' ? Type::kPush : Type::kArray;
}

}  // namespace

ReplyParser::Outcome ReplyParser::Next(std::string_view buffer, Value* out) {
  consumed_ = 0;
  if (!error_.empty()) return Outcome::kError;
  for (;;) {
    bool complete = false;
    switch (TakeValue(buffer.substr(consumed_), out, &complete)) {
      case Step::kWait:
        return Outcome::kNeedMore;
      case Step::kFail:
        return Outcome::kError;
      case Step::kDone:
        if (complete) {
          elements_ = 0;
          return Outcome::kValue;
        }
    }
  }
}

// One scalar, or the header of one aggregate.
ReplyParser::Step ReplyParser::TakeValue(std::string_view buffer, Value* out, bool* complete) {
  std::string_view line;
  if (const Step step = TakeLine(buffer, &line); step != Step::kDone) return step;
  if (line.empty()) return Failed("empty line where a reply was due");
  const char type = line[0];
  const std::size_t line_bytes = line.size() + 2;
  line.remove_prefix(1);

  Value value;
  std::size_t used = line_bytes;
  if (type == '$' || type == '=' || type == '!') {
    value.type = type == '$' ? Type::kBulk : type == '=' ? Type::kVerbatim : Type::kBulkError;
    const Step step = TakeBulk(buffer.substr(line_bytes), line, &value);
    if (step != Step::kDone) return step;
    if (value.type != Type::kNull) {
      used += value.text.size() + 2 + (value.type == Type::kVerbatim ? 4 : 0);
    }
  } else if (IsAggregate(type)) {
    bool opened = false;
    if (const Step step = OpenAggregate(type, line, &value, &opened); step != Step::kDone) {
      return step;
    }
    if (opened) {
      consumed_ += used;
      scanned_ = 0;
      return Step::kDone;
    }
  } else if (const Step step = TakeScalar(type, line, &value); step != Step::kDone) {
    return step;
  }
  if (++elements_ > limits_.elements_max) return Failed("too many elements in one reply");
  consumed_ += used;
  scanned_ = 0;
  *complete = Deliver(std::move(value), out);
  return Step::kDone;
}

// The line that `buffer` begins with, without its "\r\n".
ReplyParser::Step ReplyParser::TakeLine(std::string_view buffer, std::string_view* line) {
  const std::size_t end = buffer.find('\n', scanned_);
  if (end == std::string_view::npos) {
    scanned_ = buffer.size();
    return scanned_ > limits_.line_bytes_max ? Failed("line too long") : Step::kWait;
  }
  if (end > limits_.line_bytes_max) return Failed("line too long");
  if (end == 0 || buffer[end - 1] != '\r') return Failed("line without carriage return");
  scanned_ = end;
  *line = buffer.substr(0, end - 1);
  return Step::kDone;
}

ReplyParser::Step ReplyParser::TakeBulk(std::string_view buffer, std::string_view line,
                                        Value* value) {
  const auto size = ParseInt64(line);
  if (!size || *size < -1) return Failed("invalid bulk length");
  if (*size == -1) {
    value->type = Type::kNull;
    return Step::kDone;
  }
  const auto bytes = static_cast<std::size_t>(*size);
  if (bytes > limits_.bulk_bytes_max) return Failed("bulk string too long");
  if (buffer.size() < bytes + 2) return Step::kWait;
  if (buffer[bytes] != '\r' || buffer[bytes + 1] != '\n') return Failed("bulk string without end");
  std::string_view body = buffer.substr(0, bytes);
  if (value->type == Type::kVerbatim) {
    if (bytes < 4 || body[3] != ':') return Failed("verbatim string without format");
    value->format = body.substr(0, 3);
    body.remove_prefix(4);
  }
  value->text = body;
  return Step::kDone;
}

// An empty or null aggregate is a value at once; else a frame is pushed and *opened set.
ReplyParser::Step ReplyParser::OpenAggregate(char type, std::string_view line, Value* value,
                                             bool* opened) {
  const auto count = ParseInt64(line);
  if (!count || *count < -1 || (*count == -1 && type != '*')) return Failed("invalid length");
  if (*count == -1) return Step::kDone;
  if (static_cast<std::uint64_t>(*count) > limits_.elements_max) {
    return Failed("too many elements in one reply");
  }
  value->type = AggregateType(type);
  if (*count == 0 && type != '|') return Step::kDone;
  *opened = true;
  if (*count == 0) return Step::kDone;  // no attributes: nothing
  if (frames_.size() >= limits_.depth_max) return Failed("reply nested too deeply");
  const bool in_pairs = type == '%' || type == '|';
  frames_.push_back({.value = std::move(*value),
                     .remaining = static_cast<std::size_t>(*count) * (in_pairs ? 2 : 1),
                     .is_attribute = type == '|',
                     .attributes = {}});
  return Step::kDone;
}

ReplyParser::Step ReplyParser::TakeScalar(char type, std::string_view line, Value* value) {
  switch (type) {
    case '+':
    case '-':
    case '(':
      value->type = type == '+' ? Type::kSimple : type == '-' ? Type::kError : Type::kBigNumber;
      value->text = line;
      return Step::kDone;
    case ':': {
      const auto number = ParseInt64(line);
      if (!number) return Failed("invalid integer");
      value->type = Type::kInteger;
      value->integer = *number;
      return Step::kDone;
    }
    case ',': {
      const auto number = ParseDouble(line);
      if (!number && line != "nan" && line != "-nan") return Failed("invalid double");
      value->type = Type::kDouble;
      value->number = number.value_or(0);
      value->text = line;
      return Step::kDone;
    }
    case '#':
      if (line != "t" && line != "f") return Failed("invalid boolean");
      value->type = Type::kBool;
      value->integer = line == "t" ? 1 : 0;
      return Step::kDone;
    case '_':
      return line.empty() ? Step::kDone : Failed("invalid null");
    default:
      return Failed("unknown type byte");
  }
}

// Puts a finished value where it belongs; closes the aggregates that it completes. True if that
// made the whole reply, in *out.
bool ReplyParser::Deliver(Value value, Value* out) {
  for (;;) {
    std::vector<Value>& attributes = frames_.empty() ? attributes_ : frames_.back().attributes;
    value.attributes = std::exchange(attributes, {});
    if (frames_.empty()) {
      *out = std::move(value);
      return true;
    }
    Frame& frame = frames_.back();
    frame.value.items.push_back(std::move(value));
    if (--frame.remaining > 0) return false;
    Frame done = std::move(frame);
    frames_.pop_back();
    if (done.is_attribute) {
      (frames_.empty() ? attributes_ : frames_.back().attributes) = std::move(done.value.items);
      return false;
    }
    value = std::move(done.value);
  }
}

ReplyParser::Step ReplyParser::Failed(std::string_view what) {
  error_ = what;
  return Step::kFail;
}

void ReplyParser::Reset() {
  frames_.clear();
  attributes_.clear();
  scanned_ = elements_ = 0;
  error_ = {};
}

}  // namespace cairn::resp
