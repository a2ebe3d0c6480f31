// SPDX-License-Identifier: BSD-3-Clause
// Small things, kept in one place so that every hash command does them alike.
#include "commands/hashes.h"

#include <algorithm>
#include <array>
#include <string>

#include "base/text.h"
#include "command/errors.h"

namespace cairn::commands {

using command::Call;

bool WriteField(value::Hash& hash, std::string_view field, std::string_view value,
                const HashWriting& writing) {
  if (hash.Set(field, value, writing.limits, writing.home)) return true;
  if (hash.has_times()) hash.ClearExpiry(field);
  return false;
}

void ExpectPairs(value::Hash& hash, std::span<const std::string_view> pairs,
                 const HashWriting& writing) {
  std::size_t longest = 0;
  for (const std::string_view text : pairs) longest = std::max(longest, text.size());
  hash.Expect(pairs.size() / 2, longest, writing.limits, writing.home);
}

void ReplyField(Call& call, const keyspace::Found& found, std::string_view field) {
  if (!found) return call.reply().Null();
  const std::optional<ds::PackedValue> value = found.entry->as<value::Hash>().Get(field);
  if (!value) return call.reply().Null();
  if (value->is_integer()) return call.reply().StringFromInteger(value->integer());
  call.reply().Bulk(value->text());
}

void NotifyHash(Call& call, std::string_view event, const keyspace::Found& found) {
  call.txn().Notify(keyspace::kEventHash, event, call.key(0));
  if (!found) call.txn().Notify(keyspace::kEventGeneric, "del", call.key(0));
}

void LogFields(Call& call, std::span<const std::string_view> words,
               std::span<const std::string_view> fields) {
  std::vector<std::string_view> args;
  args.reserve(words.size() + fields.size());
  args.insert(args.end(), words.begin(), words.end());
  args.insert(args.end(), fields.begin(), fields.end());
  call.txn().Log(args);
}

std::optional<std::span<const std::string_view>> ParseFields(Call& call, std::size_t at,
                                                             std::string_view not_positive) {
  const auto refuse = [&](std::string_view error) {
    call.Error(error);
    return std::nullopt;
  };
  if (at >= call.argc() || !EqualsIgnoreCase(call.arg(at), "FIELDS"))
    return refuse(command::errors::kFieldsMissing);
  if (at + 1 == call.argc()) return refuse(command::errors::WrongArity(call.command().full_name));
  const std::optional<std::int64_t> count = ParseInt64(call.arg(at + 1));
  if (!count || *count < 1) return refuse(not_positive);
  const auto fields = call.args().subspan(at + 2);
  if (static_cast<std::size_t>(*count) != fields.size())
    return refuse(command::errors::kFieldCountDiffers);
  return fields;
}

std::optional<UnixMs> ParseFieldTime(Call& call, std::string_view amount_text, ExpiryForm form) {
  const auto refuse = [&](std::string_view error) {
    call.Error(error);
    return std::nullopt;
  };
  const std::optional<std::int64_t> amount = ParseInt64(amount_text);
  if (!amount) return refuse(command::errors::kNotAnInteger);
  if (*amount < 0) return refuse(command::errors::kFieldTimeNegative);
  const std::optional<UnixMs> at_ms = AbsoluteMs(*amount, form, call.now_ms());
  if (!at_ms || *at_ms > kFieldTimeMax)
    return refuse(command::errors::InvalidExpireTime(call.command().full_name));
  return at_ms;
}

void TimeField(Call& call, value::Hash& hash, std::string_view field, UnixMs at_ms,
               const HashWriting& writing, FieldTimes* times) {
  if (call.IsPast(at_ms)) {
    hash.Remove(field);
    times->removed.push_back(field);
  } else {
    hash.SetExpiry(field, at_ms, writing.home);
    times->timed.push_back(field);
  }
}

void LogFieldTimes(Call& call, const FieldTimes& times, UnixMs at_ms) {
  const std::string_view key = call.key(0).name;
  if (!times.removed.empty())
    LogFields(call, std::to_array<std::string_view>({"HDEL", key}), times.removed);
  if (times.timed.empty()) return;
  const std::string at = Int64ToString(at_ms);
  const std::string count = Int64ToString(static_cast<std::int64_t>(times.timed.size()));
  LogFields(call, std::to_array<std::string_view>({"HPEXPIREAT", key, at, "FIELDS", count}),
            times.timed);
}

}  // namespace cairn::commands
