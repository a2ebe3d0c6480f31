// SPDX-License-Identifier: BSD-3-Clause
// Values and times of several fields in one step (Redis 8.0): HGETEX, HSETEX, HGETDEL.
//
// HGETEX is logged as HPEXPIREAT, HDEL or HPERSIST, HGETDEL as HDEL, HSETEX with an absolute time;
// one whose time has passed as the HDEL that it comes to.
#include <optional>
#include <string>
#include <vector>

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
using Fields = std::span<const std::string_view>;

// --- HGETEX ---

struct GetExOptions {
  std::optional<UnixMs> at_ms;
  bool persist = false;
  Fields fields;
};

// The one option stands before FIELDS. False with the error replied.
bool ParseGetEx(Call& call, GetExOptions* options) {
  std::size_t at = 2;
  if (const auto form = ParseExpiryToken(call.arg(2))) {
    options->at_ms = ParseFieldTime(call, call.arg(3), *form);
    if (!options->at_ms) return false;
    at = 4;
  } else if (EqualsIgnoreCase(call.arg(2), "PERSIST")) {
    options->persist = true;
    at = 3;
  }
  const auto fields = ParseFields(call, at, command::errors::kFieldCountNotPositive);
  if (!fields) return false;
  options->fields = *fields;
  return true;
}

void GetAndTime(Call& call, Found& found, const GetExOptions& options) {
  const HashWriting writing(call);
  FieldTimes times;
  {
    auto edit = call.txn().Edit<Hash>(call.key(0), found);
    for (const std::string_view field : options.fields) {
      ReplyField(call, found, field);
      if (edit->Contains(field)) TimeField(call, *edit, field, *options.at_ms, writing, &times);
    }
  }
  if (times.empty()) return;
  LogFieldTimes(call, times, *options.at_ms);
  call.txn().CountAs(static_cast<std::int64_t>(times.timed.size() + times.removed.size()));
  NotifyHash(call, times.removed.empty() ? "hexpire" : "hdel", found);
}

void GetAndPersist(Call& call, Found& found, const GetExOptions& options) {
  std::vector<std::string_view> cleared;
  {
    auto edit = call.txn().Edit<Hash>(call.key(0), found);
    for (const std::string_view field : options.fields) {
      ReplyField(call, found, field);
      if (edit->ClearExpiry(field)) cleared.push_back(field);
    }
  }
  if (cleared.empty()) return;
  const std::string count = Int64ToString(static_cast<std::int64_t>(cleared.size()));
  const std::string_view words[] = {"HPERSIST", call.key(0).name, "FIELDS", count};
  LogFields(call, words, cleared);
  call.txn().CountAs(static_cast<std::int64_t>(cleared.size()));
  NotifyHash(call, "hpersist", found);
}

// Whether so many fields, of which some may be there, are read in the lane.
bool DeferFields(Call& call, const Found& found, std::size_t fields) {
  const Hash& hash = found.entry->as<Hash>();
  return call.Defer(ElementsTaken(hash, std::min(fields, hash.size())));
}

void HgetEx(Call& call) {
  Found found;
  if (!FindAs<Hash>(call, 0, Access::kWrite, &found)) return;
  GetExOptions options;
  if (!ParseGetEx(call, &options)) return;
  if (found && DeferFields(call, found, options.fields.size())) return;
  call.reply().Array(options.fields.size());
  if (found && options.at_ms) return GetAndTime(call, found, options);
  if (found && options.persist) return GetAndPersist(call, found, options);
  for (const std::string_view field : options.fields) ReplyField(call, found, field);
}

// --- HGETDEL ---

void HgetDel(Call& call) {
  Found found;
  if (!FindAs<Hash>(call, 0, Access::kWrite, &found)) return;
  const auto fields = ParseFields(call, 2, command::errors::kFieldCountNotPositive);
  if (!fields) return;
  if (found && DeferFields(call, found, fields->size())) return;
  call.reply().Array(fields->size());
  std::vector<std::string_view> removed;
  if (found) {
    auto edit = call.txn().Edit<Hash>(call.key(0), found);
    for (const std::string_view field : *fields) {
      ReplyField(call, found, field);
      if (edit->Remove(field)) removed.push_back(field);
    }
  } else {
    for (std::size_t i = 0; i < fields->size(); ++i) call.reply().Null();
  }
  if (removed.empty()) return;
  const std::string_view words[] = {"HDEL", call.key(0).name};
  LogFields(call, words, removed);
  call.txn().CountAs(static_cast<std::int64_t>(removed.size()));
  NotifyHash(call, "hdel", found);
}

// --- HSETEX ---

enum class FieldCondition : std::uint8_t { kNone, kNoneThere, kAllThere };

struct SetExOptions {
  FieldCondition condition = FieldCondition::kNone;
  std::optional<UnixMs> at_ms;
  bool keep_ttl = false;
  Fields pairs;
};

class SetExParser {
 public:
  SetExParser(Call& call, SetExOptions& options) : call_(call), options_(options) {}

  // False with the error replied.
  bool Parse() {
    for (std::size_t i = 2; i < call_.argc(); ++i) {
      const std::string_view word = call_.arg(i);
      if (EqualsIgnoreCase(word, "FIELDS")) return ParsePairs(i + 1);
      if (EqualsIgnoreCase(word, "FNX")) {
        if (!TakeCondition(FieldCondition::kNoneThere)) return false;
      } else if (EqualsIgnoreCase(word, "FXX")) {
        if (!TakeCondition(FieldCondition::kAllThere)) return false;
      } else if (EqualsIgnoreCase(word, "KEEPTTL")) {
        if (HasTime()) return Refuse(command::errors::kFieldTimes);
        options_.keep_ttl = true;
      } else if (const auto form = ParseExpiryToken(word)) {
        if (!TakeTime(++i, *form)) return false;
      } else {
        return Refuse(command::errors::UnknownArgument(word));
      }
    }
    return Refuse(command::errors::kFieldsMissing);
  }

 private:
  bool Refuse(std::string_view error) {
    call_.Error(error);
    return false;
  }
  bool HasTime() const { return options_.keep_ttl || options_.at_ms; }

  bool TakeCondition(FieldCondition condition) {
    if (options_.condition != FieldCondition::kNone)
      return Refuse(command::errors::kFieldConditions);
    options_.condition = condition;
    return true;
  }

  bool TakeTime(std::size_t at, ExpiryForm form) {
    if (HasTime()) return Refuse(command::errors::kFieldTimes);
    if (at == call_.argc()) return Refuse(command::errors::kFieldTimeMissing);
    options_.at_ms = ParseFieldTime(call_, call_.arg(at), form);
    return options_.at_ms.has_value();
  }

  bool ParsePairs(std::size_t at) {
    const std::string arity = command::errors::WrongArity(call_.command().full_name);
    if (at + 2 >= call_.argc()) return Refuse(arity);
    const std::optional<std::int64_t> count = ParseInt64(call_.arg(at));
    if (!count || *count < 1 || *count > INT32_MAX)
      return Refuse(command::errors::kFieldCountInvalid);
    options_.pairs = call_.args().subspan(at + 1);
    if (options_.pairs.size() != static_cast<std::size_t>(*count) * 2) return Refuse(arity);
    return true;
  }

  Call& call_;
  SetExOptions& options_;
};

bool Holds(const Found& found, const SetExOptions& options) {
  if (options.condition == FieldCondition::kNone) return true;
  const bool wanted = options.condition == FieldCondition::kAllThere;
  if (!found) return !wanted;
  for (std::size_t i = 0; i < options.pairs.size(); i += 2) {
    if (found.entry->as<Hash>().Contains(options.pairs[i]) != wanted) return false;
  }
  return true;
}

// With KEEPTTL, or where a new time follows, the old time stays until then.
void WritePairs(Call& call, Found& found, const SetExOptions& options, FieldTimes* times) {
  const HashWriting writing(call);
  auto edit = call.txn().Edit<Hash>(call.key(0), found);
  ExpectPairs(*edit, options.pairs, writing);
  for (std::size_t i = 0; i < options.pairs.size(); i += 2) {
    const std::string_view field = options.pairs[i];
    const std::string_view value = options.pairs[i + 1];
    if (!options.keep_ttl && !options.at_ms) {
      WriteField(*edit, field, value, writing);
      continue;
    }
    edit->Set(field, value, writing.limits, writing.home);
    if (options.at_ms) TimeField(call, *edit, field, *options.at_ms, writing, times);
  }
}

void LogSetEx(Call& call, const SetExOptions& options, const FieldTimes& times) {
  if (!times.removed.empty()) return LogFieldTimes(call, times, *options.at_ms);
  const std::string at = options.at_ms ? Int64ToString(*options.at_ms) : std::string();
  const std::string count = Int64ToString(static_cast<std::int64_t>(options.pairs.size() / 2));
  std::vector<std::string_view> words = {"HSETEX", call.key(0).name};
  if (options.at_ms) words.insert(words.end(), {"PXAT", at});
  if (options.keep_ttl) words.push_back("KEEPTTL");
  words.insert(words.end(), {"FIELDS", count});
  LogFields(call, words, options.pairs);
}

void HsetEx(Call& call) {
  SetExOptions options;
  if (!SetExParser(call, options).Parse()) return;
  Found found;
  if (!FindAs<Hash>(call, 0, Access::kWrite, &found)) return;
  if (!Holds(found, options)) return call.reply().Integer(0);
  FieldTimes times;
  WritePairs(call, found, options, &times);
  LogSetEx(call, options, times);
  call.txn().CountAs(static_cast<std::int64_t>(options.pairs.size() / 2));
  call.txn().Notify(keyspace::kEventHash, "hset", call.key(0));
  if (!times.empty()) NotifyHash(call, times.removed.empty() ? "hexpire" : "hdel", found);
  call.reply().Integer(1);
}

constexpr Spec kSpecs[] = {
    Spec({.syntax = "HGETEX key [EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT "
                    "unix-time-milliseconds | PERSIST] FIELDS numfields field [field ...]",
          .access = "RW ACCESS UPDATE : RW and UPDATE because it changes the TTL",
          .since = "8.0.0",
          .group = Group::kHash,
          .flags = command::kWrite | command::kFast,
          .complexity = "O(N) where N is the number of fields given",
          .summary = "Returns the values of fields and sets or takes their times.",
          .run = &HgetEx}),
    Spec({.syntax = "HSETEX key [FNX | FXX] [EX seconds | PX milliseconds | EXAT "
                    "unix-time-seconds | PXAT unix-time-milliseconds | KEEPTTL] FIELDS numfields "
                    "field value [field value ...]",
          .access = "RW UPDATE",
          .since = "8.0.0",
          .group = Group::kHash,
          .flags = command::kWrite | command::kDenyOom | command::kFast,
          .complexity = "O(N) where N is the number of fields given",
          .summary = "Sets fields of a hash together with their times.",
          .run = &HsetEx}),
    Spec({.syntax = "HGETDEL key FIELDS numfields field [field ...]",
          .access = "RW ACCESS DELETE",
          .since = "8.0.0",
          .group = Group::kHash,
          .flags = command::kWrite | command::kFast,
          .complexity = "O(N) where N is the number of fields given",
          .summary = "Returns the values of fields and removes them.",
          .run = &HgetDel}),
};

}  // namespace

std::span<const Spec> HashFieldsFamily() { return kSpecs; }

}  // namespace cairn::commands
