// SPDX-License-Identifier: BSD-3-Clause
// Times of hash fields (Redis 7.4): HEXPIRE and its kin, HTTL and its kin, HPERSIST.
//
// What has expired is gone before a command sees the hash, so a field that is there lives. Each
// command answers for every field by a number: a time or what was done, -1 no time, -2 no field.
// A moment in the past removes the field. Effects are logged as HPEXPIREAT of those that got the
// time and HDEL of those that went, so that a replay asks no condition and no clock.
#include <optional>

#include "base/text.h"
#include "command/call.h"
#include "command/errors.h"
#include "commands/collections.h"
#include "commands/expiry.h"
#include "commands/families.h"
#include "commands/hashes.h"

namespace cairn::commands {
namespace {

using value::Hash;

constexpr std::int64_t kNoField = -2;
constexpr std::int64_t kNoTime = -1;
constexpr std::int64_t kConditionNotMet = 0;
constexpr std::int64_t kDone = 1;
constexpr std::int64_t kRemoved = 2;

enum class Condition : std::uint8_t { kNone, kWithoutTime, kWithTime, kLater, kEarlier };

Condition ParseCondition(std::string_view word) {
  if (EqualsIgnoreCase(word, "NX")) return Condition::kWithoutTime;
  if (EqualsIgnoreCase(word, "XX")) return Condition::kWithTime;
  if (EqualsIgnoreCase(word, "GT")) return Condition::kLater;
  if (EqualsIgnoreCase(word, "LT")) return Condition::kEarlier;
  return Condition::kNone;
}

// A field without a time counts as one that expires at the end of time (kNever).
bool Holds(Condition condition, UnixMs old_ms, UnixMs new_ms) {
  switch (condition) {
    case Condition::kNone:
      return true;
    case Condition::kWithoutTime:
      return old_ms == kNever;
    case Condition::kWithTime:
      return old_ms != kNever;
    case Condition::kLater:
      return new_ms > old_ms;
    case Condition::kEarlier:
      return new_ms < old_ms;
  }
  return false;
}

using Fields = std::span<const std::string_view>;

void ReplyNoFields(Call& call, std::size_t count) {
  call.reply().Array(count);
  for (std::size_t i = 0; i < count; ++i) call.reply().Integer(kNoField);
}

void TimeFields(Call& call, Found& found, Fields fields, UnixMs at_ms, Condition condition) {
  const HashWriting writing(call);
  FieldTimes times;
  call.reply().Array(fields.size());
  {
    auto edit = call.txn().Edit<Hash>(call.key(0), found);
    for (const std::string_view field : fields) {
      const std::optional<UnixMs> old_ms = edit->ExpiryOf(field);
      if (!old_ms) {
        call.reply().Integer(kNoField);
      } else if (!Holds(condition, *old_ms, at_ms)) {
        call.reply().Integer(kConditionNotMet);
      } else {
        TimeField(call, *edit, field, at_ms, writing, &times);
        call.reply().Integer(call.IsPast(at_ms) ? kRemoved : kDone);
      }
    }
  }
  if (times.empty()) return;
  LogFieldTimes(call, times, at_ms);
  call.txn().CountAs(static_cast<std::int64_t>(times.timed.size() + times.removed.size()));
  NotifyHash(call, times.removed.empty() ? "hexpire" : "hdel", found);
}

void SetTimes(Call& call, ExpiryForm form) {
  Found found;
  if (!FindAs<Hash>(call, 0, Access::kWrite, &found)) return;
  const std::optional<UnixMs> at_ms = ParseFieldTime(call, call.arg(2), form);
  if (!at_ms) return;
  const Condition condition = ParseCondition(call.arg(3));
  const auto fields = ParseFields(call, condition == Condition::kNone ? 3 : 4,
                                  command::errors::kNumFieldsNotPositive);
  if (!fields) return;
  if (!found) return ReplyNoFields(call, fields->size());
  TimeFields(call, found, *fields, *at_ms, condition);
}

void Hexpire(Call& call) { SetTimes(call, {TimeUnit::kSeconds, TimeBase::kRelative}); }
void Hpexpire(Call& call) { SetTimes(call, {TimeUnit::kMilliseconds, TimeBase::kRelative}); }
void HexpireAt(Call& call) { SetTimes(call, {TimeUnit::kSeconds, TimeBase::kAbsolute}); }
void HpexpireAt(Call& call) { SetTimes(call, {TimeUnit::kMilliseconds, TimeBase::kAbsolute}); }

// Seconds are rounded up, other than those of TTL.
std::int64_t Answer(UnixMs at_ms, ExpiryForm form, UnixMs now_ms) {
  const std::int64_t answer_ms = form.base == TimeBase::kRelative ? at_ms - now_ms : at_ms;
  return form.unit == TimeUnit::kMilliseconds ? answer_ms : (answer_ms + 999) / 1000;
}

void ReplyTimes(Call& call, ExpiryForm form) {
  Found found;
  if (!FindAs<Hash>(call, 0, Access::kRead, &found)) return;
  const auto fields = ParseFields(call, 2, command::errors::kFieldCountNotPositive);
  if (!fields) return;
  if (!found) return ReplyNoFields(call, fields->size());
  call.reply().Array(fields->size());
  for (const std::string_view field : *fields) {
    const std::optional<UnixMs> at_ms = found.entry->as<Hash>().ExpiryOf(field);
    if (!at_ms) {
      call.reply().Integer(kNoField);
    } else if (*at_ms == kNever) {
      call.reply().Integer(kNoTime);
    } else {
      call.reply().Integer(Answer(*at_ms, form, call.now_ms()));
    }
  }
}

void Httl(Call& call) { ReplyTimes(call, {TimeUnit::kSeconds, TimeBase::kRelative}); }
void Hpttl(Call& call) { ReplyTimes(call, {TimeUnit::kMilliseconds, TimeBase::kRelative}); }
void HexpireTime(Call& call) { ReplyTimes(call, {TimeUnit::kSeconds, TimeBase::kAbsolute}); }
void HpexpireTime(Call& call) { ReplyTimes(call, {TimeUnit::kMilliseconds, TimeBase::kAbsolute}); }

void Hpersist(Call& call) {
  Found found;
  if (!FindAs<Hash>(call, 0, Access::kWrite, &found)) return;
  const auto fields = ParseFields(call, 2, command::errors::kFieldCountNotPositive);
  if (!fields) return;
  if (!found) return ReplyNoFields(call, fields->size());
  std::int64_t cleared = 0;
  call.reply().Array(fields->size());
  {
    auto edit = call.txn().Edit<Hash>(call.key(0), found);
    for (const std::string_view field : *fields) {
      if (edit->ClearExpiry(field)) {
        ++cleared;
        call.reply().Integer(kDone);
      } else {
        call.reply().Integer(edit->Contains(field) ? kNoTime : kNoField);
      }
    }
  }
  if (cleared == 0) return;
  call.LogVerbatim();
  call.txn().CountAs(cleared);
  NotifyHash(call, "hpersist", found);
}

// The rows differ in name, summary and function only.
consteval Spec SetterRow(std::string_view syntax, std::string_view summary, void (*run)(Call&)) {
  return Spec({.syntax = syntax,
               .access = "RW UPDATE",
               .since = "7.4.0",
               .group = Group::kHash,
               .flags = command::kWrite | command::kDenyOom | command::kFast,
               .complexity = "O(N) where N is the number of fields given",
               .summary = summary,
               .run = run});
}

consteval Spec GetterRow(std::string_view syntax, std::string_view summary, std::string_view tips,
                         void (*run)(Call&)) {
  return Spec({.syntax = syntax,
               .access = "RO ACCESS",
               .since = "7.4.0",
               .group = Group::kHash,
               .flags = command::kReadonly | command::kFast,
               .complexity = "O(N) where N is the number of fields given",
               .summary = summary,
               .tips = tips,
               .run = run});
}

constexpr Spec kSpecs[] = {
    SetterRow("HEXPIRE key seconds [NX | XX | GT | LT] FIELDS numfields field [field ...]",
              "Lets fields of a hash expire after some seconds.", &Hexpire),
    SetterRow("HPEXPIRE key milliseconds [NX | XX | GT | LT] FIELDS numfields field [field ...]",
              "Lets fields of a hash expire after some milliseconds.", &Hpexpire),
    SetterRow(
        "HEXPIREAT key unix-time-seconds [NX | XX | GT | LT] FIELDS numfields field [field ...]",
        "Lets fields of a hash expire at a moment given in seconds.", &HexpireAt),
    SetterRow("HPEXPIREAT key unix-time-milliseconds [NX | XX | GT | LT] FIELDS numfields field "
              "[field ...]",
              "Lets fields of a hash expire at a moment given in milliseconds.", &HpexpireAt),
    GetterRow("HTTL key FIELDS numfields field [field ...]",
              "Returns the seconds until fields of a hash expire.", "nondeterministic_output",
              &Httl),
    GetterRow("HPTTL key FIELDS numfields field [field ...]",
              "Returns the milliseconds until fields of a hash expire.", "nondeterministic_output",
              &Hpttl),
    GetterRow("HEXPIRETIME key FIELDS numfields field [field ...]",
              "Returns the moments at which fields of a hash expire, in seconds.", "",
              &HexpireTime),
    GetterRow("HPEXPIRETIME key FIELDS numfields field [field ...]",
              "Returns the moments at which fields of a hash expire, in milliseconds.", "",
              &HpexpireTime),
    Spec({.syntax = "HPERSIST key FIELDS numfields field [field ...]",
          .access = "RW UPDATE",
          .since = "7.4.0",
          .group = Group::kHash,
          .flags = command::kWrite | command::kFast,
          .complexity = "O(N) where N is the number of fields given",
          .summary = "Takes the times from fields of a hash.",
          .run = &Hpersist}),
};

}  // namespace

std::span<const Spec> HashTimeFamily() { return kSpecs; }

}  // namespace cairn::commands
