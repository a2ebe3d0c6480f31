// SPDX-License-Identifier: BSD-3-Clause
// CACHE.SET and its kin: fills, deletes and what makes values stale. Each is refused if something
// newer is known: VOID if the lease does not hold any more, OLD if the version is lower.
//
// Effects carry moments instead of durations, and the stamp (keyspace/tags.h), so that they mean
// the same whenever they are replayed; they are what the options CREATED, STALEAT, PXAT and STAMP
// are for, and are applied without conditions.
#include <algorithm>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "base/text.h"
#include "command/call.h"
#include "command/errors.h"
#include "commands/cache_args.h"
#include "commands/families.h"
#include "commands/strings.h"
#include "commands/write_behind.h"

namespace cairn::commands {
namespace {

using keyspace::CacheNotes;
using keyspace::KeyRef;
using keyspace::Lease;
using keyspace::Namespace;
using keyspace::NamespaceRules;
using keyspace::Tags;

enum class Verdict : std::uint8_t { kOk, kVoid, kOld };

void ReplyVerdict(resp::Writer& reply, Verdict verdict) {
  switch (verdict) {
    case Verdict::kOk:
      return reply.Ok();
    case Verdict::kVoid:
      return reply.Simple("VOID");
    case Verdict::kOld:
      return reply.Simple("OLD");
  }
}

// What a fill says of its row.
enum class Claim : std::uint8_t { kExists, kIsAbsent };

// One fill: what is there, whether it may be replaced, and what stands beside the new value.
class Fill {
 public:
  Fill(Call& call, const CacheOptions& options, Claim claim = Claim::kExists)
      : call_(call), txn_(call.txn()), options_(options), claim_(claim), key_(call.key(0)) {
    space_ = txn_.SpaceOf(key_);
    if (space_ != nullptr) rules_ = space_->rules();
    if (claim_ == Claim::kIsAbsent)
      rules_.ttl_ms = rules_.negative_ttl_ms != 0 ? rules_.negative_ttl_ms : kNegativeTtlMsDefault;
    LookAgain();
  }

  // After a change of another key, which may lie in the same stripe.
  void LookAgain() {
    found_ = txn_.Find(key_, Access::kWrite);
    if (!found_) shadow_ = txn_.FindShadow(key_);
  }

  Verdict Judge() {
    if (options_.is_effect()) return Verdict::kOk;
    Tags& tags = call_.keyspace().tags();
    stamp_ = tags.Now();
    if (options_.token != kNotGiven && !HoldsLease()) return Verdict::kVoid;
    const Verdict verdict = IsOld() ? Verdict::kOld : WasCleared() ? Verdict::kVoid : JudgeTags();
    // Whatever becomes of it, the loader is done: the next one may try.
    if (verdict != Verdict::kOk && options_.token != kNotGiven) txn_.EndLease(key_);
    return verdict;
  }

  std::unique_ptr<CacheNotes> Notes() {
    Tags& all = call_.keyspace().tags();
    if (options_.is_effect()) {
      std::unique_ptr<CacheNotes> notes = NotesOf(options_, all);
      if (options_.pin && !options_.appends) call_.keyspace().write_logs().Doubt();
      // A stamp from the log is what the count goes on from; a client's cannot be ahead of it.
      if (!call_.session().viewer().sees_expiry) all.AtLeast(notes->stamp);
      notes->stamp = std::min(notes->stamp, all.Now());
      return notes;
    }
    auto notes = std::make_unique<CacheNotes>();
    const std::int64_t version = std::max<std::int64_t>(options_.version, 0);
    notes->version = static_cast<std::uint64_t>(version);
    notes->cost_ms = static_cast<std::uint32_t>(std::max<std::int64_t>(options_.cost_ms, 0));
    notes->created_at = call_.now_ms();
    notes->stale_at = StaleAt();
    notes->stamp = stamp_;
    notes->set_tags(std::move(tags_));
    return notes;
  }
  UnixMs ExpiresAt(const CacheNotes& notes) const {
    if (options_.is_effect())
      return options_.expires_at == kNotGiven ? kNever : options_.expires_at;
    if (notes.stale_at == kNever) return kNever;
    const UnixMs at = notes.stale_at + std::max<std::int64_t>(options_.stale_ms, 0);
    return rules_.ttl_ms_max != 0 ? std::min(at, call_.now_ms() + rules_.ttl_ms_max) : at;
  }
  // Its lease, if it has one, has come to a good end.
  void EndLoad() {
    if (space_ != nullptr && granted_at_ != 0) {
      const bool is_told = options_.cost_ms != kNotGiven;
      space_->CountLoad(is_told ? options_.cost_ms : call_.now_ms() - granted_at_);
    }
    txn_.EndLease(key_);
  }

  // What pins the key, or null.
  const keyspace::Pin* pin() const {
    return found_ ? found_.entry->pin() : shadow_ ? shadow_.entry->pin() : nullptr;
  }
  Found& found() { return found_; }
  const Found& shadow() const { return shadow_; }
  // Of what is there, or was: 0 if it has none.
  std::uint64_t known_version() const {
    const Found& known = found_ ? found_ : shadow_;
    const CacheNotes* notes = known ? known.entry->notes() : nullptr;
    return notes == nullptr ? 0 : notes->version;
  }

 private:
  bool HoldsLease() {
    const Lease* lease = txn_.FindLease(key_);
    if (lease == nullptr || !std::cmp_equal(lease->token, options_.token)) return false;
    // The sweep may be some milliseconds late.
    if (lease->until <= call_.now_ms()) return false;
    stamp_ = lease->stamp;
    granted_at_ = lease->granted_at;
    min_version_ = lease->min_version;
    return true;
  }

  bool IsOld() const {
    if (options_.version == kNotGiven) return false;
    const auto version = static_cast<std::uint64_t>(options_.version);
    if (version < min_version_) return true;
    if (found_) {
      const CacheNotes* notes = found_.entry->notes();
      return notes != nullptr && version < notes->version;
    }
    if (!shadow_) return false;
    // Of the version at which the row went there is only its absence.
    const std::uint64_t known = shadow_.entry->notes()->version;
    return claim_ == Claim::kIsAbsent ? version < known : version <= known;
  }

  bool WasCleared() const { return space_ != nullptr && space_->cleared_at() > stamp_; }

  // A tag that was bumped since the load began: whatever was loaded may be what is out of date.
  Verdict JudgeTags() {
    if (const CacheNotes* notes = found_ ? found_.entry->notes() : nullptr; notes != nullptr) {
      for (const Tags::Ref& tag : notes->tags()) {
        if (IsBumped(*tag)) return Verdict::kVoid;
      }
    }
    for (const std::string_view name : options_.tags) {
      if (std::ranges::any_of(tags_, [&](const Tags::Ref& tag) { return tag->name() == name; }))
        continue;
      tags_.push_back(call_.keyspace().tags().GetUnlessBumped(name, stamp_));
      if (!tags_.back()) return Verdict::kVoid;
    }
    return Verdict::kOk;
  }
  bool IsBumped(const Tags::Tag& tag) const {
    return std::max(tag.last(keyspace::Bump::kSoft), tag.last(keyspace::Bump::kHard)) > stamp_;
  }

  UnixMs StaleAt() {
    std::int64_t ttl_ms = options_.ttl_ms != kNotGiven ? options_.ttl_ms : rules_.ttl_ms;
    if (rules_.ttl_ms_max != 0)
      ttl_ms = ttl_ms == 0 ? rules_.ttl_ms_max : std::min(ttl_ms, rules_.ttl_ms_max);
    if (ttl_ms == 0) return kNever;
    // Only ever shorter: nothing is served as fresh for longer than was said.
    const std::int64_t percent =
        options_.jitter_percent != kNotGiven ? options_.jitter_percent : rules_.jitter_percent;
    const std::int64_t spread = ttl_ms / 100 * percent;
    if (spread > 0)
      ttl_ms -= static_cast<std::int64_t>(txn_.random().Below(static_cast<std::uint64_t>(spread)));
    return call_.now_ms() + ttl_ms;
  }

  Call& call_;
  keyspace::Txn& txn_;
  const CacheOptions& options_;
  const Claim claim_;
  const KeyRef& key_;
  Found found_;
  Found shadow_;
  Namespace* space_ = nullptr;
  NamespaceRules rules_;  // none outside of namespaces
  UnixMs granted_at_ = 0;
  std::uint64_t stamp_ = 0;
  std::uint64_t min_version_ = 0;
  std::vector<Tags::Ref> tags_;
};

constexpr std::string_view kFillOptions =
    "TOKEN VER TTL STALE JITTER COST TAGS CREATED STALEAT PXAT STAMP PIN STRETCH";
constexpr std::string_view kWriteOptions =
    "TOKEN VER TTL STALE JITTER COST TAGS CREATED STALEAT PXAT STAMP BEHIND MAXLEN COALESCE PIN "
    "APPEND REPLACES";
constexpr std::string_view kDeleteOptions =
    "VER TOMBSTONE CREATED PXAT STAMP BEHIND MAXLEN COALESCE PIN APPEND REPLACES";

// Of writes that go behind, what an effect may say, and what a client. The token is that of a load:
// what comes from the database need not go there.
bool FitsEffect(const CacheOptions& options) {
  const bool is_of_log = options.pin && options.pin->is_of_log();
  if (options.behind || (options.stretch_ms != kNotGiven && !is_of_log)) return false;
  return options.pin || (!options.appends && !options.replaces);
}
bool FitsWrite(const CacheOptions& options) {
  if (options.pin || options.appends || options.replaces) return false;
  if (options.behind) return options.token == kNotGiven;
  return options.log_entries_max == kNotGiven && options.coalesce_ms == kNotGiven;
}

// Whether it is a client's or an effect: nothing that is said is passed over.
bool CheckForm(Call& call, const CacheOptions& options) {
  const auto is_given = [&](std::int64_t CacheOptions::* option) {
    return options.*option != kNotGiven;
  };
  constexpr std::int64_t CacheOptions::* kOfClients[] = {
      &CacheOptions::token,          &CacheOptions::ttl_ms,       &CacheOptions::stale_ms,
      &CacheOptions::jitter_percent, &CacheOptions::tombstone_ms, &CacheOptions::log_entries_max,
      &CacheOptions::coalesce_ms};
  constexpr std::int64_t CacheOptions::* kOfEffects[] = {
      &CacheOptions::created_at, &CacheOptions::stale_at, &CacheOptions::expires_at,
      &CacheOptions::stretch_ms};
  const bool fits = options.is_effect()
                        ? std::ranges::none_of(kOfClients, is_given) && FitsEffect(options)
                        : std::ranges::none_of(kOfEffects, is_given) && FitsWrite(options);
  if (!fits) call.Error(command::errors::kSyntax);
  return fits;
}

bool CheckFill(Call& call, const CacheOptions& options) {
  if (!CheckForm(call, options)) return false;
  if (options.ttl_ms != kNotGiven ||
      (options.stale_ms == kNotGiven && options.jitter_percent == kNotGiven)) {
    return true;
  }
  const Namespace* space = call.txn().SpaceOf(call.key(0));
  if (space != nullptr && (space->rules().ttl_ms != 0 || space->rules().ttl_ms_max != 0))
    return true;
  call.Error("ERR STALE and JITTER need a TTL");
  return false;
}

// Stored and appended to its log in one step, and one effect.
void SetBehind(Call& call, const CacheOptions& options, Fill& fill) {
  WriteBehind behind(call, options, fill.pin());
  if (!behind.Begin()) return;
  keyspace::Txn& txn = call.txn();
  const KeyRef& key = call.key(0);
  std::unique_ptr<CacheNotes> notes = fill.Notes();
  if (!behind.Append("set", call.arg(2), *notes, fill.ExpiresAt(*notes))) return;
  EffectWords effect("CACHE.SET", key.name);
  effect.Add(call.arg(2)).Add(*notes, kNever);
  behind.AddTo(effect);
  effect.Log(txn);
  fill.LookAgain();
  Found stored = StoreBytes(call, key, fill.found(), call.arg(2), keyspace::Ttl::kDrop);
  txn.SetNotes(key, stored, std::move(notes));
  txn.Notify(keyspace::kEventString, "set", key);
  behind.Reply();
}

// Nobody is to load the row that the database still has: so it is known to be absent.
void DeleteBehind(Call& call, const CacheOptions& options, Fill& fill) {
  WriteBehind behind(call, options, fill.pin());
  if (!behind.Begin()) return;
  keyspace::Txn& txn = call.txn();
  const KeyRef& key = call.key(0);
  std::unique_ptr<CacheNotes> notes = fill.Notes();
  notes->is_negative = true;
  if (!options.is_effect()) {
    notes->stamp = call.keyspace().tags().Now();
    notes->stale_at = kNever;
  }
  const std::int64_t kept_ms =
      options.tombstone_ms == kNotGiven ? kTombstoneMsDefault : options.tombstone_ms;
  if (!behind.Append("del", {}, *notes, call.now_ms() + kept_ms)) return;
  EffectWords effect("CACHE.DEL", key.name);
  effect.Add(*notes, kNever);
  behind.AddTo(effect);
  effect.Log(txn);
  fill.LookAgain();
  txn.OverruleAbsence(key);
  if (fill.found()) {
    txn.Remove(key, fill.found());
    txn.Notify(keyspace::kEventGeneric, "del", key);
  }
  txn.SetShadow(key, std::move(notes), kNever);
  behind.Reply();
}

void CacheSet(Call& call) {
  const auto options = ParseCacheOptions(call, 3, kWriteOptions);
  if (!options || !CheckFill(call, *options)) return;
  if (options->pin && !options->appends) return call.Error(command::errors::kSyntax);
  Fill fill(call, *options);
  const Verdict verdict = fill.Judge();
  if (verdict != Verdict::kOk) return ReplyVerdict(call.reply(), verdict);
  if (options->goes_behind()) return SetBehind(call, *options, fill);
  keyspace::Txn& txn = call.txn();
  const KeyRef& key = call.key(0);
  std::unique_ptr<CacheNotes> notes = fill.Notes();
  const UnixMs expires_at = fill.ExpiresAt(*notes);
  EffectWords("CACHE.SET", key.name).Add(call.arg(2)).Add(*notes, expires_at).Log(txn);
  fill.EndLoad();
  if (call.IsPast(expires_at)) {
    if (fill.found()) txn.Remove(key, fill.found());
    return call.reply().Ok();
  }
  Found stored = StoreBytes(call, key, fill.found(), call.arg(2), keyspace::Ttl::kDrop);
  if (expires_at != kNever) txn.SetExpiry(key, stored, expires_at);
  txn.SetNotes(key, stored, std::move(notes));
  txn.Notify(keyspace::kEventString, "set", key);
  call.reply().Ok();
}

void CacheAbsent(Call& call) {
  const auto options = ParseCacheOptions(call, 2, kFillOptions);
  if (!options || !CheckForm(call, *options)) return;
  if (options->pin && options->pin->is_of_log()) return call.Error(command::errors::kSyntax);
  Fill fill(call, *options, Claim::kIsAbsent);
  const Verdict verdict = fill.Judge();
  if (verdict != Verdict::kOk) return ReplyVerdict(call.reply(), verdict);
  keyspace::Txn& txn = call.txn();
  const KeyRef& key = call.key(0);
  std::unique_ptr<CacheNotes> notes = fill.Notes();
  notes->is_negative = true;
  UnixMs expires_at = fill.ExpiresAt(*notes);
  if (!options->is_effect()) {
    // What was refused as old until now is old still, and for as long, if this becomes a tombstone.
    notes->version = std::max(notes->version, fill.known_version());
    if (fill.shadow() && fill.known_version() > 0)
      expires_at = std::max(expires_at, txn.ExpiryAt(fill.shadow()) - keyspace::Txn::kTombstoneMs);
  }
  EffectWords("CACHE.ABSENT", key.name).Add(*notes, expires_at).Log(txn);
  fill.EndLoad();
  if (fill.found()) {
    txn.Remove(key, fill.found());
    txn.Notify(keyspace::kEventGeneric, "del", key);
  }
  if (!call.IsPast(expires_at)) txn.SetShadow(key, std::move(notes), expires_at);
  call.reply().Ok();
}

void CacheDel(Call& call) {
  const auto options = ParseCacheOptions(call, 2, kDeleteOptions);
  if (!options || !CheckForm(call, *options)) return;
  if (options->tombstone_ms != kNotGiven && options->version == kNotGiven &&
      !options->goes_behind())
    return call.Error("ERR TOMBSTONE needs a VER");
  Fill fill(call, *options);
  const bool is_old = options->version != kNotGiven && !options->is_effect() &&
                      std::cmp_less(options->version, fill.known_version());
  if (is_old) return ReplyVerdict(call.reply(), Verdict::kOld);
  if (options->goes_behind()) return DeleteBehind(call, *options, fill);
  keyspace::Txn& txn = call.txn();
  const KeyRef& key = call.key(0);
  EffectWords effect("CACHE.DEL", key.name);
  txn.OverruleAbsence(key);
  const bool had_value{fill.found()};
  if (had_value) {
    txn.Remove(key, fill.found());
    txn.Notify(keyspace::kEventGeneric, "del", key);
  }
  if (options->version != kNotGiven) {
    auto notes = std::make_unique<CacheNotes>();
    notes->created_at =
        options->is_effect() ? std::max<std::int64_t>(options->created_at, 0) : call.now_ms();
    notes->version = static_cast<std::uint64_t>(options->version);
    const std::int64_t kept_ms =
        options->tombstone_ms == kNotGiven ? kTombstoneMsDefault : options->tombstone_ms;
    const UnixMs until =
        options->expires_at != kNotGiven ? options->expires_at : call.now_ms() + kept_ms;
    effect.Add("VER", options->version).Add("CREATED", notes->created_at);
    effect.Add("PXAT", until).Add("STAMP", 0);
    txn.SetShadow(key, std::move(notes), until);
  }
  if (had_value || options->version != kNotGiven) effect.Log(txn);
  call.reply().Ok();
}

// The value was found to be what it was: its times begin anew.
void CacheTouch(Call& call) {
  const auto options = ParseCacheOptions(call, 2, kFillOptions);
  if (!options || !CheckFill(call, *options)) return;
  Fill fill(call, *options);
  if (!fill.found()) return ReplyVerdict(call.reply(), Verdict::kVoid);
  const bool is_stream = fill.found().entry->type() == keyspace::Type::kStream;
  if (options->pin && options->pin->is_of_log() != is_stream)
    return call.Error(command::errors::kSyntax);
  const Verdict verdict = fill.Judge();
  if (verdict != Verdict::kOk) return ReplyVerdict(call.reply(), verdict);
  keyspace::Txn& txn = call.txn();
  const KeyRef& key = call.key(0);
  std::unique_ptr<CacheNotes> notes = fill.Notes();
  if (const CacheNotes* old = fill.found().entry->notes(); old != nullptr) {
    if (options->tags.empty()) notes->set_tags({old->tags().begin(), old->tags().end()});
    if (options->version == kNotGiven) notes->version = old->version;
    if (options->cost_ms == kNotGiven) notes->cost_ms = old->cost_ms;
  }
  const UnixMs expires_at = fill.ExpiresAt(*notes);
  EffectWords("CACHE.TOUCH", key.name).Add(*notes, expires_at).Log(txn);
  fill.EndLoad();
  expires_at == kNever ? txn.ClearExpiry(key, fill.found())
                       : txn.SetExpiry(key, fill.found(), expires_at);
  if (const keyspace::Pin* pin = fill.found().entry->pin(); pin != nullptr) {
    notes->set_pin(std::make_unique<keyspace::Pin>(*pin));
    notes->pin()->expires_at = options->pin ? options->pin->expires_at : expires_at;
  }
  txn.SetNotes(key, fill.found(), std::move(notes));
  call.reply().Ok();
}

// Out of date from now on, and kept to be served as stale.
void CacheStale(Call& call) {
  keyspace::Txn& txn = call.txn();
  std::int64_t marked = 0;
  for (std::size_t n = 0; n < call.key_count(); ++n) {
    const KeyRef& key = call.key(n);
    Found found = txn.Find(key, Access::kPeek);
    if (!found) {
      txn.OverruleAbsence(key);
      continue;
    }
    txn.MakeStale(key, found);
    ++marked;
  }
  if (marked > 0) call.LogVerbatim();
  txn.CountAs(marked);
  call.reply().Integer(marked);
}

void CacheForget(Call& call) {
  const bool was_known{call.txn().FindShadow(call.key(0))};
  call.txn().OverruleAbsence(call.key(0));
  call.txn().ForgetShadow(call.key(0));
  call.reply().Integer(was_known ? 1 : 0);
}

template <std::size_t first>
void FindTagsFrom(std::span<const std::string_view> args, std::vector<command::ScopeAt>& scopes) {
  FindTags(args, first, scopes);
}

constexpr std::uint32_t kFills = command::kWrite | command::kDenyOom | command::kFast;

void FindKeysOfSet(std::span<const std::string_view> args, std::vector<std::uint32_t>& keys) {
  FindKeyAndLog(args, 3, keys);
}
void FindKeysOfDelete(std::span<const std::string_view> args, std::vector<std::uint32_t>& keys) {
  FindKeyAndLog(args, 2, keys);
}

constexpr Spec kSpecs[] = {
    Spec({.syntax = "CACHE.SET key value [TOKEN token:integer] [VER version:integer] "
                    "[TTL ttl-ms:integer] [STALE stale-ms:integer] [JITTER percent:integer] "
                    "[COST load-ms:integer] [TAGS numtags:integer tag:string [tag:string ...]] "
                    "[BEHIND log:key [MAXLEN entries:integer] [COALESCE coalesce-ms:integer]] "
                    "[CREATED unix-ms:integer] [STALEAT unix-ms:integer] [PXAT unix-ms:integer] "
                    "[STAMP stamp:integer] [PIN log:string id:string until-ms:integer] [APPEND] "
                    "[REPLACES id:string]",
          .access = "OW UPDATE; RW INSERT",
          .since = "0.1.0",
          .group = Group::kString,
          .flags = kFills,
          .complexity = "O(N) where N is the number of tags",
          .summary = "Stores a value with its times, version and tags, if nothing newer is known.",
          .run = &CacheSet,
          .find_keys = &FindKeysOfSet,
          .find_scopes = &FindTagsFrom<3>}),
    Spec({.syntax = "CACHE.ABSENT key [TOKEN token:integer] [VER version:integer] "
                    "[TTL ttl-ms:integer] [STALE stale-ms:integer] [JITTER percent:integer] "
                    "[COST load-ms:integer] [TAGS numtags:integer tag:string [tag:string ...]] "
                    "[CREATED unix-ms:integer] [STALEAT unix-ms:integer] [PXAT unix-ms:integer] "
                    "[STAMP stamp:integer] [PIN log:string id:string until-ms:integer]",
          .access = "RW DELETE",
          .since = "0.1.0",
          .group = Group::kString,
          .flags = kFills,
          .complexity = "O(N) where N is the number of tags",
          .summary = "Stores that there is no such row, if nothing newer is known.",
          .run = &CacheAbsent,
          .find_scopes = &FindTagsFrom<2>}),
    Spec({.syntax = "CACHE.DEL key [VER version:integer] [TOMBSTONE tombstone-ms:integer] "
                    "[BEHIND log:key [MAXLEN entries:integer] [COALESCE coalesce-ms:integer]] "
                    "[CREATED unix-ms:integer] [PXAT unix-ms:integer] [STAMP stamp:integer] "
                    "[PIN log:string id:string until-ms:integer] [APPEND] [REPLACES id:string]",
          .access = "RM DELETE; RW INSERT",
          .since = "0.1.0",
          .group = Group::kString,
          .flags = command::kWrite | command::kFast,
          .complexity = "O(1)",
          .summary = "Deletes a value and remembers its version for a while.",
          .run = &CacheDel,
          .find_keys = &FindKeysOfDelete}),
    Spec({.syntax = "CACHE.TOUCH key [TOKEN token:integer] [VER version:integer] "
                    "[TTL ttl-ms:integer] [STALE stale-ms:integer] [JITTER percent:integer] "
                    "[COST load-ms:integer] [TAGS numtags:integer tag:string [tag:string ...]] "
                    "[CREATED unix-ms:integer] [STALEAT unix-ms:integer] [PXAT unix-ms:integer] "
                    "[STAMP stamp:integer] [PIN log:string id:string until-ms:integer] "
                    "[STRETCH stretch-ms:integer]",
          .access = "RW UPDATE",
          .since = "0.1.0",
          .group = Group::kString,
          .flags = command::kWrite | command::kFast,
          .complexity = "O(N) where N is the number of tags",
          .summary = "Begins a value's times anew, because a load found that it has not changed.",
          .run = &CacheTouch,
          .find_scopes = &FindTagsFrom<2>}),
    Spec({.syntax = "CACHE.STALE key [key ...]",
          .access = "RW UPDATE",
          .since = "0.1.0",
          .group = Group::kString,
          .flags = command::kWrite | command::kFast,
          .complexity = "O(N) where N is the number of keys",
          .summary = "Makes values stale: they may be served while they are loaded anew.",
          .run = &CacheStale}),
    Spec({.syntax = "CACHE.FORGET key",
          .access = "RM DELETE",
          .since = "0.1.0",
          .group = Group::kString,
          .flags = command::kWrite | command::kFast,
          .complexity = "O(1)",
          .summary = "Forgets that a key is known to be absent, and its tombstone.",
          .run = &CacheForget}),
};

}  // namespace

std::span<const Spec> CacheSetFamily() { return kSpecs; }

}  // namespace cairn::commands
