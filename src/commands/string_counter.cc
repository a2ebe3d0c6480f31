// SPDX-License-Identifier: BSD-3-Clause
// Strings as numbers: INCR and its kin, INCRBYFLOAT, INCREX.
//
// A counter is stored as its decimal text. INCRBYFLOAT and INCREX are logged as the value they
// produced, since long doubles and bounds need not come out the same elsewhere.
#include <cmath>
#include <optional>
#include <string>

#include "base/text.h"
#include "command/call.h"
#include "command/errors.h"
#include "commands/expiry.h"
#include "commands/families.h"
#include "commands/strings.h"

namespace cairn::commands {
namespace {

using keyspace::Ttl;

// The counter's number, 0 if absent. Nothing, with the error replied, if it is none.
std::optional<std::int64_t> CounterOf(Call& call, Found* found) {
  if (!FindString(call, 0, Access::kWrite, found)) return std::nullopt;
  if (!*found) return 0;
  const std::optional<std::int64_t> number = ParseInt64((*found).entry->value());
  if (!number) call.Error(command::errors::kNotAnInteger);
  return number;
}

Found StoreInteger(Call& call, const Found& found, std::int64_t number) {
  char digits[kInt64TextMax];
  const char* end = FormatInt64(digits, number);
  const std::string_view text(digits, static_cast<std::size_t>(end - digits));
  const Found stored = call.txn().SetString(call.key(0), found, text, Ttl::kKeep);
  call.txn().Notify(keyspace::kEventString, "incrby", call.key(0));
  return stored;
}

// Stays text, whatever its digits say: OBJECT ENCODING never answers int for it.
Found StoreFloat(Call& call, const Found& found, std::string_view text) {
  Found stored = call.txn().SetString(call.key(0), found, text, Ttl::kKeep);
  if (stored.entry->blob() == nullptr) stored.entry->set_encoding(keyspace::Encoding::kText);
  call.txn().Notify(keyspace::kEventString, "incrbyfloat", call.key(0));
  return stored;
}

void AddInteger(Call& call, std::int64_t delta) {
  Found found;
  const std::optional<std::int64_t> number = CounterOf(call, &found);
  if (!number) return;
  std::int64_t sum = 0;
  if (__builtin_add_overflow(*number, delta, &sum))
    return call.Error(command::errors::kIncrementOverflows);
  StoreInteger(call, found, sum);
  call.LogVerbatim();
  call.reply().Integer(sum);
}

void Incr(Call& call) { AddInteger(call, 1); }
void Decr(Call& call) { AddInteger(call, -1); }

void IncrBy(Call& call) {
  const std::optional<std::int64_t> delta = ParseInt64(call.arg(2));
  if (!delta) return call.Error(command::errors::kNotAnInteger);
  AddInteger(call, *delta);
}

void DecrBy(Call& call) {
  const std::optional<std::int64_t> delta = ParseInt64(call.arg(2));
  if (!delta) return call.Error(command::errors::kNotAnInteger);
  if (*delta == INT64_MIN) return call.Error(command::errors::kDecrementOverflows);
  AddInteger(call, -*delta);
}

void IncrByFloat(Call& call) {
  Found found;
  if (!FindString(call, 0, Access::kWrite, &found)) return;
  const std::optional<long double> number = found ? ParseLongDouble(found.entry->value()) : 0.0L;
  const std::optional<long double> delta = ParseLongDouble(call.arg(2));
  if (!number || !delta) return call.Error(command::errors::kNotAFloat);
  const long double sum = *number + *delta;
  if (std::isnan(sum) || std::isinf(sum)) return call.Error(command::errors::kIncrementIsNan);
  const std::string text = FormatLongDouble(sum);
  StoreFloat(call, found, text);
  call.txn().Log({"SET", call.key(0).name, text, "KEEPTTL"});
  call.reply().Bulk(text);
}

// --- INCREX (Redis 8.8) ---

struct IncrExOptions {
  std::optional<std::string_view> by_integer;
  std::optional<std::string_view> by_float;
  std::optional<std::string_view> lower_bound;
  std::optional<std::string_view> upper_bound;
  bool saturate = false;
  bool persist = false;
  bool only_without_ttl = false;  // ENX
  std::optional<ExpiryForm> expiry_form;
  std::string_view expiry_amount;
  std::optional<UnixMs> expire_at_ms;
};

class IncrExParser {
 public:
  IncrExParser(Call& call, IncrExOptions& options) : call_(call), options_(options) {}

  bool Parse() {
    for (std::size_t i = 2; i < call_.argc(); ++i) {
      if (!ParseOne(&i)) return Refuse(command::errors::kSyntax);
    }
    if (options_.by_integer && options_.by_float) return Refuse(command::errors::kSyntax);
    if (options_.persist && (options_.expiry_form || options_.only_without_ttl))
      return Refuse(command::errors::kSyntax);
    if (options_.only_without_ttl && !options_.expiry_form)
      return Refuse(command::errors::kEnxNeedsExpiry);
    return ResolveExpiry();
  }

 private:
  bool Refuse(std::string_view error) {
    call_.Error(error);
    return false;
  }

  bool ParseOne(std::size_t* i) {
    const std::string_view token = call_.arg(*i);
    if (EqualsIgnoreCase(token, "SATURATE")) return TakeFlag(&options_.saturate);
    if (EqualsIgnoreCase(token, "PERSIST")) return TakeFlag(&options_.persist);
    if (EqualsIgnoreCase(token, "ENX")) return TakeFlag(&options_.only_without_ttl);
    if (*i + 1 >= call_.argc()) return false;
    const std::string_view argument = call_.arg(++*i);
    if (EqualsIgnoreCase(token, "BYINT")) return TakeValue(&options_.by_integer, argument);
    if (EqualsIgnoreCase(token, "BYFLOAT")) return TakeValue(&options_.by_float, argument);
    if (EqualsIgnoreCase(token, "LBOUND")) return TakeValue(&options_.lower_bound, argument);
    if (EqualsIgnoreCase(token, "UBOUND")) return TakeValue(&options_.upper_bound, argument);
    const std::optional<ExpiryForm> form = ParseExpiryToken(token);
    if (!form || options_.expiry_form) return false;
    options_.expiry_form = form;
    options_.expiry_amount = argument;
    return true;
  }

  static bool TakeFlag(bool* flag) { return !std::exchange(*flag, true); }
  static bool TakeValue(std::optional<std::string_view>* value, std::string_view argument) {
    if (value->has_value()) return false;
    *value = argument;
    return true;
  }

  bool ResolveExpiry() {
    if (!options_.expiry_form) return true;
    const std::optional<std::int64_t> amount = ParseInt64(options_.expiry_amount);
    if (!amount) return Refuse(command::errors::kNotAnInteger);
    if (*amount > 0)
      options_.expire_at_ms = AbsoluteMs(*amount, *options_.expiry_form, call_.now_ms());
    if (!options_.expire_at_ms) return Refuse(command::errors::InvalidExpireTime("increx"));
    return true;
  }

  Call& call_;
  IncrExOptions& options_;
};

// What the expiry options make of the key, and the effect: the value and the expiry as they stand
// now.
void FinishIncrEx(Call& call, Found stored, std::string_view text, const IncrExOptions& options) {
  keyspace::Txn& txn = call.txn();
  const keyspace::KeyRef& key = call.key(0);
  txn.Log({"SET", key.name, text, "KEEPTTL"});
  const bool keeps_ttl = options.only_without_ttl && stored.entry->is_volatile();
  if (options.expire_at_ms && !keeps_ttl) return ExpireAt(call, key, stored, *options.expire_at_ms);
  if (options.persist && stored.entry->is_volatile()) {
    txn.ClearExpiry(key, stored);
    txn.Log({"PERSIST", key.name});
    txn.Notify(keyspace::kEventGeneric, "persist", key);
  }
}

void ReplyPair(Call& call, std::int64_t value, std::int64_t applied) {
  call.reply().Array(2);
  call.reply().Integer(value);
  call.reply().Integer(applied);
}

// 128 bits hold every sum and difference of two 64-bit numbers, so bounds and type limits are one
// comparison.
void IncrExInteger(Call& call, const IncrExOptions& options) {
  const std::optional<std::int64_t> delta = ParseInt64(options.by_integer.value_or("1"));
  const std::optional<std::int64_t> lower = options.lower_bound
                                                ? ParseInt64(*options.lower_bound)
                                                : std::optional<std::int64_t>(INT64_MIN);
  const std::optional<std::int64_t> upper = options.upper_bound
                                                ? ParseInt64(*options.upper_bound)
                                                : std::optional<std::int64_t>(INT64_MAX);
  if (!delta) return call.Error(command::errors::NotAnInteger("Increment"));
  if (!lower) return call.Error(command::errors::NotAnInteger("LBOUND"));
  if (!upper) return call.Error(command::errors::NotAnInteger("UBOUND"));
  if (*lower > *upper) return call.Error(command::errors::kBoundsReversed);
  Found found;
  const std::optional<std::int64_t> number = CounterOf(call, &found);
  if (!number) return;
  __int128 sum = static_cast<__int128>(*number) + *delta;
  if (sum < *lower || sum > *upper) {
    if (!options.saturate) return ReplyPair(call, *number, 0);
    sum = sum < *lower ? *lower : *upper;
  }
  const __int128 applied = sum - *number;
  if (applied < INT64_MIN || applied > INT64_MAX)
    return call.Error(command::errors::kAppliedOverflows);
  const auto result = static_cast<std::int64_t>(sum);
  const Found stored = StoreInteger(call, found, result);
  FinishIncrEx(call, stored, Int64ToString(result), options);
  call.txn().CountAs(1);
  ReplyPair(call, result, static_cast<std::int64_t>(applied));
}

void ReplyFloat(Call& call, long double number) {
  if (call.reply().resp3()) return call.reply().Double(static_cast<double>(number));
  call.reply().Bulk(FormatLongDouble(number));
}

void ReplyPair(Call& call, long double value, long double applied) {
  call.reply().Array(2);
  ReplyFloat(call, value);
  ReplyFloat(call, applied);
}

void IncrExFloat(Call& call, const IncrExOptions& options) {
  const std::optional<long double> delta = ParseLongDouble(*options.by_float);
  const std::optional<long double> lower =
      options.lower_bound ? ParseLongDouble(*options.lower_bound) : -__LDBL_MAX__;
  const std::optional<long double> upper =
      options.upper_bound ? ParseLongDouble(*options.upper_bound) : __LDBL_MAX__;
  if (!delta) return call.Error(command::errors::NotAFloat("Increment"));
  if (!lower) return call.Error(command::errors::NotAFloat("LBOUND"));
  if (!upper) return call.Error(command::errors::NotAFloat("UBOUND"));
  if (*lower > *upper) return call.Error(command::errors::kBoundsReversed);
  Found found;
  if (!FindString(call, 0, Access::kWrite, &found)) return;
  const std::optional<long double> number = found ? ParseLongDouble(found.entry->value()) : 0.0L;
  if (!number) return call.Error(command::errors::kNotAFloat);
  long double sum = *number + *delta;
  if (std::isnan(sum)) return call.Error(command::errors::kIncrementIsNan);
  if (sum < *lower || sum > *upper) {
    if (!options.saturate) return ReplyPair(call, *number, 0.0L);
    sum = sum < *lower ? *lower : *upper;
  }
  const long double applied = sum - *number;
  if (std::isinf(sum) || std::isinf(applied)) return call.Error(command::errors::kIncrementIsNan);
  const std::string text = FormatLongDouble(sum);
  const Found stored = StoreFloat(call, found, text);
  FinishIncrEx(call, stored, text, options);
  call.txn().CountAs(1);
  ReplyPair(call, sum, applied);
}

void IncrEx(Call& call) {
  IncrExOptions options;
  if (!IncrExParser(call, options).Parse()) return;
  options.by_float ? IncrExFloat(call, options) : IncrExInteger(call, options);
}

constexpr std::uint32_t kCounts = command::kWrite | command::kDenyOom | command::kFast;

constexpr Spec kSpecs[] = {
    Spec({.syntax = "INCR key",
          .access = "RW ACCESS UPDATE",
          .since = "1.0.0",
          .group = Group::kString,
          .flags = kCounts,
          .complexity = "O(1)",
          .summary = "Adds one to a counter; an absent key counts from 0.",
          .run = &Incr}),
    Spec({.syntax = "DECR key",
          .access = "RW ACCESS UPDATE",
          .since = "1.0.0",
          .group = Group::kString,
          .flags = kCounts,
          .complexity = "O(1)",
          .summary = "Takes one from a counter; an absent key counts from 0.",
          .run = &Decr}),
    Spec({.syntax = "INCRBY key increment",
          .access = "RW ACCESS UPDATE",
          .since = "1.0.0",
          .group = Group::kString,
          .flags = kCounts,
          .complexity = "O(1)",
          .summary = "Adds an integer to a counter; an absent key counts from 0.",
          .run = &IncrBy}),
    Spec({.syntax = "DECRBY key decrement",
          .access = "RW ACCESS UPDATE",
          .since = "1.0.0",
          .group = Group::kString,
          .flags = kCounts,
          .complexity = "O(1)",
          .summary = "Takes an integer from a counter; an absent key counts from 0.",
          .run = &DecrBy}),
    Spec({.syntax = "INCRBYFLOAT key increment:double",
          .access = "RW ACCESS UPDATE",
          .since = "2.6.0",
          .group = Group::kString,
          .flags = kCounts,
          .complexity = "O(1)",
          .summary = "Adds a floating-point number to a counter; an absent key counts from 0.",
          .run = &IncrByFloat}),
    Spec({.syntax = "INCREX key [BYFLOAT increment | BYINT increment] [LBOUND lowerbound] [UBOUND "
                    "upperbound] [SATURATE] "
                    "[EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT "
                    "unix-time-milliseconds | PERSIST] [ENX]",
          .access = "RW ACCESS UPDATE",
          .since = "8.8.0",
          .group = Group::kString,
          .flags = kCounts,
          .complexity = "O(1)",
          .summary = "Adds to a counter within bounds and sets its expiry, in one step; answers "
                     "the new value and what was added.",
          .run = &IncrEx}),
};

}  // namespace

std::span<const Spec> StringCounterFamily() { return kSpecs; }

}  // namespace cairn::commands
