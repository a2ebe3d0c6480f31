// SPDX-License-Identifier: BSD-3-Clause
// SET and its kin: storing whole strings, with conditions and expiry.
//
// SET's options are read into one SetOptions; the condition is then asked, then the value stored,
// then the effect named. The effect is always absolute: SET k v EX 10 is logged as SET k v PXAT
// <moment>, so that it means the same whenever it is replayed.
#include <optional>
#include <string>
#include <vector>

#include "base/text.h"
#include "command/call.h"
#include "command/errors.h"
#include "commands/expiry.h"
#include "commands/families.h"
#include "commands/heavy.h"
#include "commands/strings.h"
#include "value/string_value.h"

namespace cairn::commands {
namespace {

using keyspace::KeyRef;
using keyspace::Ttl;

enum class Condition : std::uint8_t {
  kNone,
  kAbsent,
  kPresent,
  kEqual,
  kNotEqual,
  kDigestEqual,
  kDigestNotEqual
};

struct SetOptions {
  Condition condition = Condition::kNone;
  std::string_view comparand;
  bool reply_old = false;
  bool keep_ttl = false;
  std::optional<UnixMs> expire_at_ms;
};

std::optional<Condition> ParseComparison(std::string_view token) {
  if (EqualsIgnoreCase(token, "IFEQ")) return Condition::kEqual;
  if (EqualsIgnoreCase(token, "IFNE")) return Condition::kNotEqual;
  if (EqualsIgnoreCase(token, "IFDEQ")) return Condition::kDigestEqual;
  if (EqualsIgnoreCase(token, "IFDNE")) return Condition::kDigestNotEqual;
  return std::nullopt;
}

// An expiry argument after its token. False with the error replied.
bool ParseExpiry(Call& call, std::string_view amount_text, ExpiryForm form, UnixMs* at_ms) {
  const std::optional<std::int64_t> amount = ParseInt64(amount_text);
  if (!amount) {
    call.Error(command::errors::kNotAnInteger);
    return false;
  }
  const std::optional<UnixMs> absolute =
      *amount > 0 ? AbsoluteMs(*amount, form, call.now_ms()) : std::nullopt;
  if (!absolute) {
    call.Error(command::errors::InvalidExpireTime(call.command().full_name));
    return false;
  }
  *at_ms = *absolute;
  return true;
}

// Reads options from argument `first` on. False with the error replied.
class SetParser {
 public:
  SetParser(Call& call, SetOptions& options) : call_(call), options_(options) {}

  bool Parse(std::size_t first) {
    for (std::size_t i = first; i < call_.argc(); ++i) {
      if (!ParseOne(&i)) {
        call_.Error(command::errors::kSyntax);
        return false;
      }
    }
    if (!expiry_form_) return true;
    UnixMs at_ms = 0;
    if (!ParseExpiry(call_, expiry_amount_, *expiry_form_, &at_ms)) return false;
    options_.expire_at_ms = at_ms;
    return true;
  }

 private:
  bool ParseOne(std::size_t* i) {
    const std::string_view token = call_.arg(*i);
    const bool has_next = *i + 1 < call_.argc();
    if (EqualsIgnoreCase(token, "NX")) return SetCondition(Condition::kAbsent);
    if (EqualsIgnoreCase(token, "XX")) return SetCondition(Condition::kPresent);
    if (EqualsIgnoreCase(token, "GET")) return options_.reply_old = true;
    if (EqualsIgnoreCase(token, "KEEPTTL")) {
      if (expiry_form_) return false;
      return options_.keep_ttl = true;
    }
    if (const auto comparison = ParseComparison(token); comparison && has_next) {
      options_.comparand = call_.arg(++*i);
      return SetCondition(*comparison);
    }
    if (const auto form = ParseExpiryToken(token); form && has_next) {
      // The same one again overrules the one before.
      if ((expiry_form_ && *expiry_form_ != *form) || options_.keep_ttl) return false;
      expiry_form_ = form;
      expiry_amount_ = call_.arg(++*i);
      return true;
    }
    return false;
  }

  bool SetCondition(Condition condition) {
    if (options_.condition != Condition::kNone && options_.condition != condition) return false;
    options_.condition = condition;
    return true;
  }

  Call& call_;
  SetOptions& options_;
  std::optional<ExpiryForm> expiry_form_;
  std::string_view expiry_amount_;
};

bool Holds(Condition condition, std::string_view comparand, const Found& found) {
  switch (condition) {
    case Condition::kNone:
      return true;
    case Condition::kAbsent:
      return !found;
    case Condition::kPresent:
      return static_cast<bool>(found);
    case Condition::kEqual:
      return found && found.entry->value() == comparand;
    case Condition::kNotEqual:
      return !found || found.entry->value() != comparand;
    case Condition::kDigestEqual:
      return found && EqualsIgnoreCase(value::Digest(found.entry->value()), comparand);
    case Condition::kDigestNotEqual:
      return !found || !EqualsIgnoreCase(value::Digest(found.entry->value()), comparand);
  }
  return false;
}

// False, with the error replied, if the condition compares with a digest that cannot be one. Only
// the length is looked at: other characters make a digest that no value has.
bool CheckDigest(Call& call, Condition condition, std::string_view comparand) {
  if (condition != Condition::kDigestEqual && condition != Condition::kDigestNotEqual) return true;
  if (comparand.size() == value::kDigestDigits) return true;
  call.Error(command::errors::kDigestLength);
  return false;
}

// Whether it goes to the lane because the digest of a large value is wanted.
bool DeferDigest(Call& call, Condition condition, const Found& found) {
  const bool hashes =
      condition == Condition::kDigestEqual || condition == Condition::kDigestNotEqual;
  return hashes && found && call.Defer(ElementsRead(StringOf(found).size()));
}

bool IsPast(Call& call, const SetOptions& options) {
  return options.expire_at_ms && call.IsPast(*options.expire_at_ms);
}

// Stores `text` under `key`, with its expiry, and names the effect.
void StoreString(Call& call, const KeyRef& key, const Found& found, std::string_view text,
                 const SetOptions& options) {
  keyspace::Txn& txn = call.txn();
  if (IsPast(call, options)) {
    // EXAT in the past: the value is never seen. Its events are, and it counts, as if it had been.
    if (Found gone = found; gone) {
      txn.Remove(key, gone);
      txn.Log({"DEL", key.name});
    } else {
      txn.OverruleAbsence(key);
      txn.Notify(keyspace::kEventNewKey, "new", key);
    }
    txn.Notify(keyspace::kEventString, "set", key);
    txn.Notify(keyspace::kEventGeneric, "expire", key);
    txn.Notify(keyspace::kEventExpired, "expired", key);
    call.keyspace().stripe(key.stripe).counters.expired.Add(1);
    return txn.CountAs(1);
  }
  Found stored = StoreBytes(call, key, found, text, options.keep_ttl ? Ttl::kKeep : Ttl::kDrop);
  txn.Notify(keyspace::kEventString, "set", key);
  if (!options.expire_at_ms) {
    if (options.keep_ttl) return txn.Log({"SET", key.name, text, "KEEPTTL"});
    return txn.Log({"SET", key.name, text});
  }
  txn.SetExpiry(key, stored, *options.expire_at_ms);
  txn.Notify(keyspace::kEventGeneric, "expire", key);
  char digits[kInt64TextMax];
  const char* end = FormatInt64(digits, *options.expire_at_ms);
  txn.Log({"SET", key.name, text, "PXAT",
           std::string_view(digits, static_cast<std::size_t>(end - digits))});
}

bool IsComparison(Condition condition) { return condition >= Condition::kEqual; }

void Set(Call& call) {
  SetOptions options;
  if (call.argc() > 3 && !SetParser(call, options).Parse(3)) return;
  if (!CheckDigest(call, options.condition, options.comparand)) return;
  const KeyRef& key = call.key(0);
  Found found;
  if (options.reply_old || IsComparison(options.condition)) {
    if (!FindString(call, 0, options.reply_old ? Access::kRead : Access::kWrite, &found)) return;
  } else {
    found = call.txn().Find(key, Access::kWrite);
  }
  if (DeferDigest(call, options.condition, found)) return;
  const bool holds = Holds(options.condition, options.comparand, found);
  // With GET the old value is the reply whether or not the new one is stored.
  if (options.reply_old) ReplyString(call, found);
  if (holds) StoreString(call, key, found, call.arg(2), options);
  if (options.reply_old) return;
  holds ? call.reply().Ok() : call.reply().Null();
}

void SetNx(Call& call) {
  const Found found = call.txn().Find(call.key(0), Access::kWrite);
  if (!found) StoreString(call, call.key(0), found, call.arg(2), {});
  call.reply().Integer(found ? 0 : 1);
}

void SetWithTtl(Call& call, TimeUnit unit) {
  SetOptions options;
  UnixMs at_ms = 0;
  if (!ParseExpiry(call, call.arg(2), {unit, TimeBase::kRelative}, &at_ms)) return;
  options.expire_at_ms = at_ms;
  StoreString(call, call.key(0), call.txn().Find(call.key(0), Access::kWrite), call.arg(3),
              options);
  call.reply().Ok();
}

void SetEx(Call& call) { SetWithTtl(call, TimeUnit::kSeconds); }
void PsetEx(Call& call) { SetWithTtl(call, TimeUnit::kMilliseconds); }

void GetSet(Call& call) {
  Found found;
  if (!FindString(call, 0, Access::kRead, &found)) return;
  ReplyString(call, found);
  StoreString(call, call.key(0), found, call.arg(2), {});
}

// EXAT in the past: the keys go, named in one DEL.
void RemoveKeys(Call& call) {
  std::vector<std::string_view> effect = {"DEL"};
  for (std::size_t n = 0; n < call.key_count(); ++n) {
    Found found = call.txn().Find(call.key(n), Access::kWrite);
    if (!found) {
      call.txn().OverruleAbsence(call.key(n));
      continue;
    }
    call.txn().Remove(call.key(n), found);
    call.txn().Notify(keyspace::kEventGeneric, "del", call.key(n));
    effect.push_back(call.key(n).name);
  }
  if (effect.size() > 1) call.txn().Log(effect);
  call.txn().CountAs(static_cast<std::int64_t>(effect.size() - 1));
}

// Names pairs that were stored, in one effect: as many as a call has keys would not fit the room
// that was taken in the log for it.
void LogPairs(Call& call, std::size_t first, const SetOptions& options) {
  const std::span<const std::string_view> pairs = call.args().subspan(first, call.key_count() * 2);
  std::vector<std::string_view> effect = {"MSET"};
  const std::string count = Int64ToString(static_cast<std::int64_t>(call.key_count()));
  std::string at_ms;
  const bool plain = !options.keep_ttl && !options.expire_at_ms;
  if (!plain) effect = {"MSETEX", count};
  effect.insert(effect.end(), pairs.begin(), pairs.end());
  if (options.keep_ttl) effect.push_back("KEEPTTL");
  if (options.expire_at_ms) {
    at_ms = Int64ToString(*options.expire_at_ms);
    effect.insert(effect.end(), {"PXAT", at_ms});
  }
  call.txn().Log(effect);
  call.txn().CountAs(static_cast<std::int64_t>(call.key_count()));
}

// Stores every pair that starts at argument `first`. Finds each key anew, since storing one may
// move another (the same key twice, too).
void StorePairs(Call& call, std::size_t first, const SetOptions& options) {
  if (IsPast(call, options)) return RemoveKeys(call);
  for (std::size_t n = 0; n < call.key_count(); ++n) {
    const KeyRef& key = call.key(n);
    Found stored =
        StoreBytes(call, key, call.txn().Find(key, Access::kWrite), call.arg(first + n * 2 + 1),
                   options.keep_ttl ? Ttl::kKeep : Ttl::kDrop);
    call.txn().Notify(keyspace::kEventString, "set", key);
    if (!options.expire_at_ms) continue;
    call.txn().SetExpiry(key, stored, *options.expire_at_ms);
    call.txn().Notify(keyspace::kEventGeneric, "expire", key);
  }
  LogPairs(call, first, options);
}

bool AllHold(Call& call, Condition condition) {
  for (std::size_t n = 0; n < call.key_count(); ++n) {
    if (!Holds(condition, {}, call.txn().Find(call.key(n), Access::kPeek))) return false;
  }
  return true;
}

void MSet(Call& call) {
  if (call.argc() % 2 == 0) return call.Error(command::errors::WrongArity("mset"));
  StorePairs(call, 1, {});
  call.reply().Ok();
}

void MSetNx(Call& call) {
  if (call.argc() % 2 == 0) return call.Error(command::errors::WrongArity("msetnx"));
  const bool stores = AllHold(call, Condition::kAbsent);
  if (stores) StorePairs(call, 1, {});
  call.reply().Integer(stores ? 1 : 0);
}

void MSetEx(Call& call) {
  const std::optional<std::int64_t> count = ParseInt64(call.arg(1));
  if (!count || *count <= 0 || *count > INT32_MAX)
    return call.Error(command::errors::kInvalidNumkeysValue);
  if (static_cast<std::size_t>(*count) > (call.argc() - 2) / 2)
    return call.Error(command::errors::kWrongNumberOfKeyValuePairs);
  SetOptions options;
  if (!SetParser(call, options).Parse(2 + call.key_count() * 2)) return;
  if (options.reply_old || IsComparison(options.condition))
    return call.Error(command::errors::kSyntax);
  const bool stores = AllHold(call, options.condition);
  if (stores) StorePairs(call, 2, options);
  call.reply().Integer(stores ? 1 : 0);
}

// DELEX and DELIFEQ: delete only what is what the caller believes it to be.
void DeleteIf(Call& call, Condition condition, std::string_view comparand) {
  Found found;
  if (condition == Condition::kNone) {
    found = call.txn().Find(call.key(0), Access::kWrite);
  } else if (!FindString(call, 0, Access::kWrite, &found)) {
    return;
  }
  if (DeferDigest(call, condition, found)) return;
  const bool deletes = found && Holds(condition, comparand, found);
  if (deletes) {
    call.txn().Remove(call.key(0), found);
    call.txn().Log({"DEL", call.key(0).name});
    call.txn().Notify(keyspace::kEventGeneric, "del", call.key(0));
  }
  call.reply().Integer(deletes ? 1 : 0);
}

void DelEx(Call& call) {
  if (call.argc() == 2) return DeleteIf(call, Condition::kNone, {});
  if (call.argc() != 4) return call.Error(command::errors::WrongArity("delex"));
  // An absent key is answered before the condition is looked at.
  const Found found = call.txn().Find(call.key(0), Access::kPeek);
  if (!found) return call.reply().Integer(0);
  if (found.entry->type() != keyspace::Type::kString)
    return call.Error("ERR Key should be of string type if conditions are specified");
  const auto condition = ParseComparison(call.arg(2));
  if (!condition) return call.Error(command::errors::kInvalidCondition);
  if (CheckDigest(call, *condition, call.arg(3))) DeleteIf(call, *condition, call.arg(3));
}

void DelIfEq(Call& call) { DeleteIf(call, Condition::kEqual, call.arg(2)); }

constexpr std::uint32_t kStores = command::kWrite | command::kDenyOom;

constexpr Spec kSpecs[] = {
    Spec({.syntax = "SET key value [NX | XX | IFEQ comparison-value | IFNE comparison-value | "
                    "IFDEQ comparison-digest | "
                    "IFDNE comparison-digest] [GET] [EX seconds | PX milliseconds | EXAT "
                    "unix-time-seconds | "
                    "PXAT unix-time-milliseconds | KEEPTTL]",
          // A guess that fails, or is right and stored again, costs nothing: who may only write
          // would read short values by guessing. Redis 8.4 asks for the right to read with GET
          // alone.
          .access = "RW ACCESS UPDATE VARIABLE_FLAGS, OW UPDATE WITHOUT GET IFEQ IFNE IFDEQ IFDNE",
          .since = "1.0.0",
          .group = Group::kString,
          .flags = kStores,
          .complexity = "O(1)",
          .summary = "Stores a string under a key, on conditions and with an expiry if asked; "
                     "replaces any value of any type.",
          .history =
              "2.6.12: Added EX, PX, NX and XX.\n6.0.0: Added KEEPTTL.\n6.2.0: Added GET, EXAT and "
              "PXAT.\n"
              "7.0.0: NX and GET may be combined.\n8.4.0: Added IFEQ, IFNE, IFDEQ and IFDNE.",
          .run = &Set}),
    Spec({.syntax = "SETNX key value",
          .access = "OW INSERT",
          .since = "1.0.0",
          .group = Group::kString,
          .flags = kStores | command::kFast,
          .complexity = "O(1)",
          .summary = "Stores a string if the key is absent.",
          .deprecated = "2.6.12|`SET` with the `NX` argument",
          .run = &SetNx}),
    Spec({.syntax = "SETEX key seconds value",
          .access = "OW UPDATE",
          .since = "2.0.0",
          .group = Group::kString,
          .flags = kStores,
          .complexity = "O(1)",
          .summary = "Stores a string that expires after some seconds.",
          .deprecated = "2.6.12|`SET` with the `EX` argument",
          .run = &SetEx}),
    Spec({.syntax = "PSETEX key milliseconds value",
          .access = "OW UPDATE",
          .since = "2.6.0",
          .group = Group::kString,
          .flags = kStores,
          .complexity = "O(1)",
          .summary = "Stores a string that expires after some milliseconds.",
          .deprecated = "2.6.12|`SET` with the `PX` argument",
          .run = &PsetEx}),
    Spec({.syntax = "GETSET key value",
          .access = "RW ACCESS UPDATE",
          .since = "1.0.0",
          .group = Group::kString,
          .flags = kStores | command::kFast,
          .complexity = "O(1)",
          .summary = "Stores a string and returns the one it replaces.",
          .deprecated = "6.2.0|`SET` with the `!GET` argument",
          .run = &GetSet}),
    Spec({.syntax = "MSET key value [key value ...]",
          .access = "OW UPDATE",
          .since = "1.0.1",
          .group = Group::kString,
          .flags = kStores,
          .complexity = "O(N) where N is the number of keys",
          .summary = "Stores several strings at once, atomically.",
          .tips = "request_policy:multi_shard response_policy:all_succeeded",
          .run = &MSet}),
    Spec({.syntax = "MSETNX key value [key value ...]",
          .access = "OW INSERT",
          .since = "1.0.1",
          .group = Group::kString,
          .flags = kStores,
          .complexity = "O(N) where N is the number of keys",
          .summary = "Stores several strings at once if none of the keys is present.",
          .run = &MSetNx}),
    Spec({.syntax =
              "MSETEX numkeys key value [key value ...] [NX | XX] [EX seconds | PX milliseconds | "
              "EXAT unix-time-seconds | PXAT unix-time-milliseconds | KEEPTTL]",
          .access = "OW UPDATE",
          .since = "8.4.0",
          .group = Group::kString,
          .flags = kStores,
          .complexity = "O(N) where N is the number of keys",
          .summary = "Stores several strings at once with one expiry, if all or none of the keys "
                     "are present when so asked.",
          .tips = "request_policy:multi_shard response_policy:all_succeeded",
          .run = &MSetEx}),
    Spec(
        {.syntax =
             "DELEX key [IFEQ comparison-value | IFNE comparison-value | IFDEQ comparison-digest | "
             "IFDNE comparison-digest]",
         // As Redis has it: to learn that a guess is right is not to be told the value (no ACCESS).
         .access = "RW DELETE VARIABLE_FLAGS, RM DELETE WITHOUT IFEQ IFNE IFDEQ IFDNE",
         .since = "8.4.0",
         .group = Group::kString,
         .flags = command::kWrite | command::kFast,
         .complexity = "O(1), O(N) with a digest where N is the length of the string",
         .summary = "Deletes a key if its string equals, or differs from, a value or a digest.",
         .run = &DelEx}),
    Spec({.syntax = "DELIFEQ key value",
          .access = "RM DELETE",
          .since = "9.0.0",
          .group = Group::kString,
          .flags = command::kWrite | command::kFast,
          .complexity = "O(1)",
          .summary = "Deletes a key if its string equals a value.",
          .run = &DelIfEq}),
};

}  // namespace

std::span<const Spec> StringSetFamily() { return kSpecs; }

}  // namespace cairn::commands
