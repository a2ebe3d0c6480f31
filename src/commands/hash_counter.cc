// SPDX-License-Identifier: BSD-3-Clause
// HINCRBY and HINCRBYFLOAT: fields as numbers. A field keeps its time.
//
// A sum of long doubles need not come out the same elsewhere, so HINCRBYFLOAT is logged as the
// value it produced: as HSET, or where that would take the field's time away as HSETEX KEEPTTL.
#include <cmath>
#include <optional>
#include <string>

#include "base/text.h"
#include "command/call.h"
#include "command/errors.h"
#include "commands/collections.h"
#include "commands/families.h"
#include "commands/hashes.h"

namespace cairn::commands {
namespace {

using value::Hash;

std::optional<ds::PackedValue> ValueOf(Call& call, const Found& found) {
  return found ? found.entry->as<Hash>().Get(call.arg(2)) : std::nullopt;
}

void Store(Call& call, Found& found, std::string_view text) {
  const HashWriting writing(call);
  auto edit = call.txn().Edit<Hash>(call.key(0), found);
  edit->Set(call.arg(2), text, writing.limits, writing.home);
}

void HincrBy(Call& call) {
  const std::optional<std::int64_t> delta = ParseInt64(call.arg(3));
  if (!delta) return call.Error(command::errors::kNotAnInteger);
  Found found;
  if (!FindAs<Hash>(call, 0, Access::kWrite, &found)) return;
  const std::optional<ds::PackedValue> value = ValueOf(call, found);
  std::optional<std::int64_t> number = 0;
  if (value) number = value->is_integer() ? value->integer() : ParseInt64(value->text());
  if (!number) return call.Error(command::errors::kFieldNotAnInteger);
  std::int64_t sum = 0;
  if (__builtin_add_overflow(*number, *delta, &sum))
    return call.Error(command::errors::kIncrementOverflows);
  Store(call, found, Int64ToString(sum));
  call.LogVerbatim();
  call.txn().Notify(keyspace::kEventHash, "hincrby", call.key(0));
  call.reply().Integer(sum);
}

void LogSum(Call& call, const Found& found, std::string_view text) {
  const std::string_view key = call.key(0).name;
  const std::string_view field = call.arg(2);
  const Hash& hash = found.entry->as<Hash>();
  const bool has_time = hash.has_times() && hash.ExpiryOf(field).value_or(kNever) != kNever;
  if (has_time) return call.txn().Log({"HSETEX", key, "KEEPTTL", "FIELDS", "1", field, text});
  call.txn().Log({"HSET", key, field, text});
}

void HincrByFloat(Call& call) {
  const std::optional<long double> delta = ParseLongDouble(call.arg(3));
  if (!delta) return call.Error(command::errors::kNotAFloat);
  if (std::isinf(*delta)) return call.Error(command::errors::kIncrementNotFinite);
  Found found;
  if (!FindAs<Hash>(call, 0, Access::kWrite, &found)) return;
  const std::optional<ds::PackedValue> value = ValueOf(call, found);
  std::optional<long double> number = 0.0L;
  if (value) {
    number = value->is_integer() ? static_cast<long double>(value->integer())
                                 : ParseLongDouble(value->text());
  }
  if (!number) return call.Error(command::errors::kFieldNotAFloat);
  const long double sum = *number + *delta;
  if (std::isnan(sum) || std::isinf(sum)) return call.Error(command::errors::kIncrementIsNan);
  const std::string text = FormatLongDouble(sum);
  Store(call, found, text);
  LogSum(call, found, text);
  call.txn().Notify(keyspace::kEventHash, "hincrbyfloat", call.key(0));
  call.reply().Bulk(text);
}

constexpr std::uint32_t kCounts = command::kWrite | command::kDenyOom | command::kFast;

constexpr Spec kSpecs[] = {
    Spec({.syntax = "HINCRBY key field increment",
          .access = "RW ACCESS UPDATE",
          .since = "2.0.0",
          .group = Group::kHash,
          .flags = kCounts,
          .complexity = "O(1)",
          .summary = "Adds an integer to a field's number; an absent field counts from 0.",
          .run = &HincrBy,
          .warm = &WarmMembers<Hash, 2, 2>}),
    Spec({.syntax = "HINCRBYFLOAT key field increment:double",
          .access = "RW ACCESS UPDATE",
          .since = "2.6.0",
          .group = Group::kHash,
          .flags = kCounts,
          .complexity = "O(1)",
          .summary = "Adds a floating-point number to a field's number; an absent field counts "
                     "from 0.",
          .run = &HincrByFloat,
          .warm = &WarmMembers<Hash, 2, 2>}),
};

}  // namespace

std::span<const Spec> HashCounterFamily() { return kSpecs; }

}  // namespace cairn::commands
