// SPDX-License-Identifier: BSD-3-Clause
// EXPIRE, TTL and their kin, in seconds and milliseconds, relative and absolute.
//
// One function sets and one answers; the rows name the form. An expiry is logged as PEXPIREAT, a
// moment in the past as DEL.
#include <optional>
#include <string>

#include "base/text.h"
#include "command/call.h"
#include "command/errors.h"
#include "commands/expiry.h"
#include "commands/families.h"

namespace cairn::commands {
namespace {

struct ExpireConditions {
  bool nx = false;
  bool xx = false;
  bool gt = false;
  bool lt = false;
};

bool ParseConditions(Call& call, ExpireConditions& conditions) {
  for (std::size_t i = 3; i < call.argc(); ++i) {
    const std::string_view token = call.arg(i);
    if (EqualsIgnoreCase(token, "NX")) {
      conditions.nx = true;
    } else if (EqualsIgnoreCase(token, "XX")) {
      conditions.xx = true;
    } else if (EqualsIgnoreCase(token, "GT")) {
      conditions.gt = true;
    } else if (EqualsIgnoreCase(token, "LT")) {
      conditions.lt = true;
    } else {
      call.Error(command::errors::UnsupportedOption(token));
      return false;
    }
  }
  if (conditions.nx && (conditions.xx || conditions.gt || conditions.lt)) {
    call.Error(command::errors::kExpireNxConflict);
    return false;
  }
  if (conditions.gt && conditions.lt) {
    call.Error(command::errors::kExpireGtLtConflict);
    return false;
  }
  return true;
}

// A key without expiry counts as one that expires at the end of time.
bool Allows(const ExpireConditions& conditions, UnixMs old_ms, UnixMs new_ms) {
  if (conditions.nx && old_ms != kNever) return false;
  if (conditions.xx && old_ms == kNever) return false;
  if (conditions.gt && new_ms <= old_ms) return false;
  return !(conditions.lt && new_ms >= old_ms);
}

void SetExpiry(Call& call, ExpiryForm form) {
  ExpireConditions conditions;
  if (!ParseConditions(call, conditions)) return;
  const std::optional<std::int64_t> amount = ParseInt64(call.arg(2));
  if (!amount) return call.Error(command::errors::kNotAnInteger);
  const std::optional<UnixMs> at_ms = AbsoluteMs(*amount, form, call.now_ms());
  if (!at_ms) return call.Error(command::errors::InvalidExpireTime(call.command().full_name));
  const Found found = call.txn().Find(call.key(0), Access::kPeek);
  const bool sets = found && Allows(conditions, call.txn().ExpiryAt(found), *at_ms);
  if (sets) ExpireAt(call, call.key(0), found, *at_ms);
  call.reply().Integer(sets ? 1 : 0);
}

void Expire(Call& call) { SetExpiry(call, {TimeUnit::kSeconds, TimeBase::kRelative}); }
void PExpire(Call& call) { SetExpiry(call, {TimeUnit::kMilliseconds, TimeBase::kRelative}); }
void ExpireAtSeconds(Call& call) { SetExpiry(call, {TimeUnit::kSeconds, TimeBase::kAbsolute}); }
void PExpireAt(Call& call) { SetExpiry(call, {TimeUnit::kMilliseconds, TimeBase::kAbsolute}); }

void ReplyExpiry(Call& call, ExpiryForm form) {
  constexpr std::int64_t kAbsent = -2;
  constexpr std::int64_t kNoExpiry = -1;
  const Found found = call.txn().Find(call.key(0), Access::kLook);
  if (!found) return call.reply().Integer(kAbsent);
  const UnixMs at_ms = call.txn().ExpiryAt(found);
  if (at_ms == kNever) return call.reply().Integer(kNoExpiry);
  std::int64_t answer_ms = ShownMs(at_ms);
  if (form.base == TimeBase::kRelative) answer_ms -= call.now_ms();
  if (form.unit == TimeUnit::kMilliseconds) return call.reply().Integer(answer_ms);
  // Rounded to the nearest second. Halves are added after the division: a moment may be the last of
  // all.
  call.reply().Integer(answer_ms / 1000 + (answer_ms % 1000 >= 500 ? 1 : 0));
}

void Ttl(Call& call) { ReplyExpiry(call, {TimeUnit::kSeconds, TimeBase::kRelative}); }
void PTtl(Call& call) { ReplyExpiry(call, {TimeUnit::kMilliseconds, TimeBase::kRelative}); }
void ExpireTime(Call& call) { ReplyExpiry(call, {TimeUnit::kSeconds, TimeBase::kAbsolute}); }
void PExpireTime(Call& call) { ReplyExpiry(call, {TimeUnit::kMilliseconds, TimeBase::kAbsolute}); }

void Persist(Call& call) {
  Found found = call.txn().Find(call.key(0), Access::kWrite);
  const bool clears = found && call.txn().ExpiryAt(found) != kNever;
  if (clears) {
    call.txn().ClearExpiry(call.key(0), found);
    call.LogVerbatim();
    call.txn().Notify(keyspace::kEventGeneric, "persist", call.key(0));
  }
  call.reply().Integer(clears ? 1 : 0);
}

// The rows differ in name, age and function only.
consteval Spec SetterRow(std::string_view syntax, std::string_view since, std::string_view summary,
                         void (*run)(Call&)) {
  return Spec({.syntax = syntax,
               .access = "RW UPDATE",
               .since = since,
               .group = Group::kGeneric,
               .flags = command::kWrite | command::kFast,
               .complexity = "O(1)",
               .summary = summary,
               .history = "7.0.0: Added the options NX, XX, GT and LT.",
               .run = run});
}

consteval Spec GetterRow(std::string_view syntax, std::string_view since, std::string_view summary,
                         std::string_view tips, void (*run)(Call&)) {
  return Spec({.syntax = syntax,
               .access = "RO ACCESS",
               .since = since,
               .group = Group::kGeneric,
               .flags = command::kReadonly | command::kFast,
               .complexity = "O(1)",
               .summary = summary,
               .tips = tips,
               .run = run});
}

constexpr Spec kSpecs[] = {
    SetterRow("EXPIRE key seconds [NX | XX | GT | LT]", "1.0.0",
              "Lets a key expire after some seconds.", &Expire),
    SetterRow("PEXPIRE key milliseconds [NX | XX | GT | LT]", "2.6.0",
              "Lets a key expire after some milliseconds.", &PExpire),
    SetterRow("EXPIREAT key unix-time-seconds [NX | XX | GT | LT]", "1.2.0",
              "Lets a key expire at a moment given in seconds.", &ExpireAtSeconds),
    SetterRow("PEXPIREAT key unix-time-milliseconds [NX | XX | GT | LT]", "2.6.0",
              "Lets a key expire at a moment given in milliseconds.", &PExpireAt),
    GetterRow("TTL key", "1.0.0", "Returns the seconds until a key expires.",
              "nondeterministic_output", &Ttl),
    GetterRow("PTTL key", "2.6.0", "Returns the milliseconds until a key expires.",
              "nondeterministic_output", &PTtl),
    GetterRow("EXPIRETIME key", "7.0.0", "Returns the moment at which a key expires, in seconds.",
              "", &ExpireTime),
    GetterRow("PEXPIRETIME key", "7.0.0",
              "Returns the moment at which a key expires, in milliseconds.", "", &PExpireTime),
    Spec({.syntax = "PERSIST key",
          .access = "RW UPDATE",
          .since = "2.2.0",
          .group = Group::kGeneric,
          .flags = command::kWrite | command::kFast,
          .complexity = "O(1)",
          .summary = "Removes the expiry of a key.",
          .run = &Persist}),
};

}  // namespace

std::span<const Spec> GenericExpiryFamily() { return kSpecs; }

}  // namespace cairn::commands
