// SPDX-License-Identifier: BSD-3-Clause
// What a reply can be read as.
#include "cairn/reply.h"

#include "base/text.h"

namespace cairn::cache {
namespace {

std::string_view TypeName(Reply::Type type) {
  constexpr std::string_view kNames[] = {
      "null",       "simple string", "error", "integer", "text", "double", "boolean",
      "big number", "verbatim",      "array", "map",     "set",  "push"};
  return kNames[static_cast<std::size_t>(type)];
}

std::unexpected<Error> WrongType(Reply::Type type, std::string_view wanted) {
  return Fail(Errc::kType, "the reply is of type " + std::string(TypeName(type)) + ", not " +
                               std::string(wanted));
}

}  // namespace

Reply Reply::Integer(std::int64_t integer) {
  Reply reply;
  reply.type_ = Type::kInteger;
  reply.integer_ = integer;
  return reply;
}

Reply Reply::Bool(bool value) {
  Reply reply;
  reply.type_ = Type::kBool;
  reply.integer_ = value ? 1 : 0;
  return reply;
}

Reply Reply::Double(double number) {
  Reply reply;
  reply.type_ = Type::kDouble;
  reply.number_ = number;
  return reply;
}

Reply Reply::Aggregate(Type type, std::vector<Reply> elements) {
  Reply reply;
  reply.type_ = type;
  reply.elements_ = std::move(elements);
  return reply;
}

Result<std::string_view> Reply::AsText() const& {
  switch (type_) {
    case Type::kSimple:
    case Type::kText:
    case Type::kBigNumber:
    case Type::kVerbatim:
      return std::string_view(text_);
    default:
      return WrongType(type_, "text");
  }
}

Result<std::int64_t> Reply::AsInteger() const {
  if (type_ == Type::kInteger || type_ == Type::kBool) return integer_;
  if (type_ == Type::kText || type_ == Type::kSimple) {
    if (const auto number = ParseInt64(text_)) return *number;
  }
  return WrongType(type_, "an integer");
}

Result<double> Reply::AsDouble() const {
  if (type_ == Type::kDouble) return number_;
  if (type_ == Type::kInteger) return static_cast<double>(integer_);
  if (type_ == Type::kText || type_ == Type::kSimple) {
    if (const auto number = ParseDouble(text_)) return *number;
  }
  return WrongType(type_, "a number");
}

Result<bool> Reply::AsBool() const {
  const bool fits = type_ == Type::kBool || type_ == Type::kInteger;
  if (fits && (integer_ == 0 || integer_ == 1)) return integer_ == 1;
  return WrongType(type_, "a boolean");
}

const Reply* Reply::Find(std::string_view key) const {
  if (type_ != Type::kMap && type_ != Type::kArray) return nullptr;
  for (std::size_t i = 0; i + 1 < elements_.size(); i += 2) {
    const Result<std::string_view> name = elements_[i].AsText();
    if (name && *name == key) return &elements_[i + 1];
  }
  return nullptr;
}

}  // namespace cairn::cache
