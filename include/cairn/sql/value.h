// SPDX-License-Identifier: BSD-3-Clause
// Value: what stands in one column of a row, or is bound to one parameter of a statement.
//
//   sql::Value from = sql::ToValue(42);             // std::int64_t
//   Result<std::optional<int>> back = sql::FromValue<std::optional<int>>(from);
//
//   ours                     PostgreSQL                       SQLite
//   bool                     boolean                          0, 1
//   integers of <= 63 bits   smallint .. bigint, oid          INTEGER
//   double, float            real, double precision           REAL
//   std::string              text, json, uuid, numeric, ...   TEXT (UTF-8, no NUL bytes)
//   Blob                     bytea                            BLOB
//   Timestamp                timestamptz, timestamp (UTC)     TEXT "2026-11-22 22:55:00.000000"
//   std::vector              bigint[], text[]: = any($1)      not there: Table and Query expand it
//   std::optional, nullopt   NULL                             NULL
//
// Errors: kType from FromValue, when the column holds something else or a number does not fit.
// Nothing is rounded or guessed. Thread safety: values. Lifetimes: a Value owns what it holds.
// Cost: a copy of texts and bytes each way.
#ifndef CAIRN_SQL_VALUE_H_
#define CAIRN_SQL_VALUE_H_

#include <chrono>
#include <compare>
#include <concepts>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "cairn/result.h"

namespace cairn::cache::sql {

using Timestamp = std::chrono::sys_time<std::chrono::microseconds>;

// Bytes, as opposed to text.
struct Blob {
  std::string bytes;
  auto operator<=>(const Blob&) const = default;
};

// std::monostate is NULL.
using Value = std::variant<std::monostate, bool, std::int64_t, double, std::string, Blob, Timestamp,
                           std::vector<std::int64_t>, std::vector<std::string>>;

inline bool IsNull(const Value& value) { return std::holds_alternative<std::monostate>(value); }

// "integer", "text": for errors.
std::string_view TypeName(const Value& value);

// "2026-11-22 22:55:00.000000", in UTC; this order is the order of the times, for years 0 to 9999.
std::string FormatTimestamp(Timestamp time);
// That, and what PostgreSQL sends: a "T", fewer digits, "+00", "Z"; any offset. kType otherwise.
Result<Timestamp> ParseTimestamp(std::string_view text);

namespace internal {

template <class T>
inline constexpr bool kIsOptional = false;
template <class T>
inline constexpr bool kIsOptional<std::optional<T>> = true;

// Every value of T is one of std::int64_t.
template <class T>
concept Whole = std::integral<T> && !std::same_as<T, bool> && !std::same_as<T, char> &&
                std::in_range<std::int64_t>(std::numeric_limits<T>::max());

std::unexpected<Error> NotA(std::string_view wanted, const Value& value);
Result<std::int64_t> ToInteger(const Value& value);
Result<double> ToDouble(const Value& value);
Result<bool> ToBool(const Value& value);
Result<Timestamp> ToTimestamp(const Value& value);

}  // namespace internal

template <class T>
Value ToValue(const T& from) {
  if constexpr (internal::kIsOptional<T>) {
    return from ? ToValue(*from) : Value();
  } else if constexpr (std::same_as<T, std::nullopt_t>) {
    return Value();
  } else if constexpr (internal::Whole<T>) {
    return Value(static_cast<std::int64_t>(from));
  } else if constexpr (std::same_as<T, bool>) {
    return Value(from);
  } else if constexpr (std::floating_point<T>) {
    return Value(static_cast<double>(from));
  } else if constexpr (std::convertible_to<const T&, std::string_view>) {
    return Value(std::string(std::string_view(from)));
  } else {
    return Value(from);  // Blob, Timestamp, the vectors, a Value
  }
}

template <class T>
Result<T> FromValue(const Value& value) {
  if constexpr (internal::kIsOptional<T>) {
    if (IsNull(value)) return T();
    Result<typename T::value_type> held = FromValue<typename T::value_type>(value);
    if (!held) return Pass(std::move(held));
    return T(std::move(*held));
  } else if constexpr (std::same_as<T, Value>) {
    return value;
  } else if constexpr (internal::Whole<T>) {
    const Result<std::int64_t> whole = internal::ToInteger(value);
    if (!whole) return Pass(Result<std::int64_t>(whole));
    if (!std::in_range<T>(*whole)) return internal::NotA("an integer so small", value);
    return static_cast<T>(*whole);
  } else if constexpr (std::same_as<T, bool>) {
    return internal::ToBool(value);
  } else if constexpr (std::floating_point<T>) {
    Result<double> number = internal::ToDouble(value);
    if (!number) return Pass(std::move(number));
    return static_cast<T>(*number);
  } else if constexpr (std::same_as<T, std::string>) {
    if (const auto* text = std::get_if<std::string>(&value)) return *text;
    return internal::NotA("text", value);
  } else if constexpr (std::same_as<T, Blob>) {
    if (const auto* blob = std::get_if<Blob>(&value)) return *blob;
    return internal::NotA("a blob", value);
  } else {
    static_assert(std::same_as<T, Timestamp>, "no column has this type: see the table above");
    return internal::ToTimestamp(value);
  }
}

}  // namespace cairn::cache::sql

#endif  // CAIRN_SQL_VALUE_H_
