// SPDX-License-Identifier: BSD-3-Clause
// Appending to a log, and CACHE.ACK and CACHE.BARRIER, with which a worker and a writer meet there.
//
// Acknowledged means: the database has it. So a value of the key that is neither the one that was
// written nor known to be as new as that goes: a reader may have loaded it before the database had
// the write. That is what who writes a row does after the commit: he invalidates.
#include "commands/write_behind.h"

#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <utility>

#include "base/text.h"
#include "command/errors.h"
#include "commands/collections.h"
#include "commands/families.h"
#include "commands/stream_args.h"
#include "commands/streams.h"

namespace cairn::commands {
namespace {

using keyspace::CacheNotes;
using keyspace::KeyRef;
using keyspace::Pin;
using value::Stream;
using value::StreamId;

constexpr std::string_view kOpField = "op";
constexpr std::string_view kKeyField = "key";
constexpr std::string_view kVersionField = "ver";
constexpr std::string_view kValueField = "value";

constexpr std::string_view kTooManyLogs = "ERR there are 1024 logs of writes already";

// The log stays; so many entries of it have gone whose keys have been seen to, and the coalesced
// one stands so far behind its first write.
void PinLog(keyspace::Txn& txn, const KeyRef& key, Found& log, std::int64_t settled,
            std::int64_t stretch_ms = Pin::kNeverCoalesced) {
  CacheNotes* old = log.entry->notes();
  if (old != nullptr && old->pin() != nullptr) {
    txn.Preserve(log);
    old->pin()->settled += settled;
    old->pin()->stretch_ms = std::max(old->pin()->stretch_ms, stretch_ms);
    return;
  }
  auto notes = old == nullptr ? std::make_unique<CacheNotes>() : std::make_unique<CacheNotes>(*old);
  if (old == nullptr) notes->stamp = txn.keyspace().tags().Now();
  notes->set_pin(std::make_unique<Pin>(Pin{.log = std::string(key.name),
                                           .id = {},
                                           .expires_at = txn.ExpiryAt(log),
                                           .stretch_ms = stretch_ms}));
  txn.ClearExpiry(key, log);
  txn.SetNotes(key, log, std::move(notes));
}

}  // namespace

// ---- Writing -----------------------------------------------------------------------------------

WriteBehind::WriteBehind(Call& call, const CacheOptions& options, const Pin* old)
    : call_(call), options_(options), log_key_(call.key(1)) {
  if (old != nullptr) old_ = *old;
}

bool WriteBehind::Begin() {
  log_ = call_.txn().Find(log_key_, Access::kWrite);
  if (log_key_.name == call_.key(0).name ||
      (log_ && log_.entry->type() != keyspace::Type::kStream)) {
    call_.Error(command::errors::kWrongType);
    return false;
  }
  if (options_.is_effect()) {
    replaced_ = options_.replaces;
    return true;
  }
  if (!log_ || log_.entry->pin() == nullptr) {
    if (call_.keyspace().write_logs().count() >= keyspace::WriteLogs::kLogsMax) {
      call_.Error(kTooManyLogs);
      return false;
    }
    if (!log_) return true;
  }
  const auto& log = log_.entry->as<Stream>();
  if (MayReplace(log)) {
    replaced_ = old_->id;
    return true;
  }
  const std::int64_t most =
      options_.log_entries_max == kNotGiven ? kLogEntriesDefault : options_.log_entries_max;
  if (std::cmp_less(log.size(), most)) return true;
  call_.Error("LOGFULL the log has " + std::to_string(log.size()) +
              " entries that are not acknowledged");
  return false;
}

bool WriteBehind::MayReplace(const Stream& log) const {
  if (!old_ || old_->log != log_key_.name) return false;
  const std::int64_t most =
      options_.coalesce_ms == kNotGiven ? kCoalesceMsDefault : options_.coalesce_ms;
  // Less than nothing: the clock was set back.
  const std::int64_t since_ms = call_.now_ms() - old_->since;
  if (since_ms < 0 || since_ms >= most) return false;
  const bool is_read = std::ranges::any_of(
      log.groups(), [&](const auto& group) { return group->last_id() >= old_->id; });
  return !is_read && log.Find(old_->id).has_value();
}

bool WriteBehind::Append(std::string_view op, std::string_view value, CacheNotes& notes,
                         UnixMs expires_at) {
  keyspace::Txn& txn = call_.txn();
  const bool is_new = !log_;
  const std::string version = std::to_string(notes.version);
  const std::array<std::string_view, 8> fields = {
      kOpField, op, kKeyField, call_.key(0).name, kVersionField, version, kValueField, value};
  value::NewStreamId wanted;
  if (notes.pin() != nullptr)
    wanted = {.kind = value::NewStreamId::Kind::kGiven, .id = notes.pin()->id};
  auto stream = txn.Edit<Stream>(log_key_, log_);
  const auto id = stream->Append(wanted, fields, call_.now_ms(), LimitsOf<Stream>(call_),
                                 *HomeOf(call_, log_key_).arena);
  if (id && replaced_) stream->Delete(*replaced_, value::StreamReferences::kDrop);
  stream.Finish();
  if (!id) {
    if (is_new) txn.Remove(log_key_, log_);
    call_.Error(AppendErrorText(id.error()));
    return false;
  }
  id_ = *id;
  txn.Notify(keyspace::kEventStream, "xadd", log_key_);
  const UnixMs since = replaced_ ? FirstOfReplaced() : call_.now_ms();
  PinLog(txn, log_key_, log_, replaced_ ? 1 : 0,
         replaced_ ? StretchFrom(since) : Pin::kNeverCoalesced);
  if (notes.pin() == nullptr) {
    notes.set_pin(std::make_unique<Pin>(
        Pin{.log = std::string(log_key_.name), .id = id_, .expires_at = expires_at}));
  }
  notes.pin()->since = since;
  return true;
}

// When the first of the writes came that are one now. Where a file has not told, it was no earlier
// than the entry that is replaced may stand behind it.
UnixMs WriteBehind::FirstOfReplaced() const {
  if (old_ && old_->since != 0) return old_->since;
  const auto id_ms = static_cast<UnixMs>(std::min<std::uint64_t>(replaced_->ms, kNever));
  const Pin* of_log = log_.entry->pin();
  const std::int64_t before = of_log == nullptr ? 0 : std::max<std::int64_t>(of_log->stretch_ms, 0);
  return std::max<UnixMs>(id_ms - before, 1);
}

// Ids may be ahead of the clock; then they stand still, and it is no more than this.
std::int64_t WriteBehind::StretchFrom(UnixMs since) const {
  const auto id_ms = static_cast<UnixMs>(std::min<std::uint64_t>(id_.ms, kNever));
  return std::clamp<std::int64_t>(id_ms - since, 0, kCoalesceMsMax);
}

void WriteBehind::AddTo(EffectWords& effect) const {
  effect.Add("APPEND");
  if (replaced_) effect.Add("REPLACES").Add(value::StreamIdToString(*replaced_));
}

void WriteBehind::Reply() const { ReplyStreamId(call_.reply(), id_); }

void FindKeyAndLog(std::span<const std::string_view> args, std::size_t first,
                   std::vector<std::uint32_t>& keys) {
  keys.push_back(1);
  for (std::size_t i = first; i + 1 < args.size(); ++i) {
    if (EqualsIgnoreCase(args[i], "BEHIND") || EqualsIgnoreCase(args[i], "PIN")) {
      keys.push_back(static_cast<std::uint32_t>(i + 1));
      return;
    }
    // Tags may have any name.
    if (!EqualsIgnoreCase(args[i], "TAGS")) continue;
    const std::optional<std::int64_t> count = ParseInt64(args[i + 1]);
    if (!count || *count < 0 || std::cmp_greater(*count, args.size())) return;
    i += 1 + static_cast<std::size_t>(*count);
  }
}

// ---- Acknowledging -----------------------------------------------------------------------------

namespace {

// An entry of the log that the database has now.
struct Acknowledged {
  bool was_there = false;
  std::uint64_t version = 0;
};

// Takes it out of the log, and from who was reading it. One that tells of another key stays.
Acknowledged TakeOut(Stream& log, StreamId id, std::string_view key) {
  const std::optional<value::StreamEntry> entry = log.Find(id);
  if (!entry) return {};
  bool is_of_key = false;
  std::int64_t version = 0;
  entry->ForEach([&](std::string_view field, std::string_view text) {
    if (field == kKeyField) is_of_key = text == key;
    if (field == kVersionField) version = ParseInt64(text).value_or(0);
  });
  if (!is_of_key) return {};
  log.Delete(id, value::StreamReferences::kDrop);
  return {.was_there = true,
          .version = static_cast<std::uint64_t>(std::max<std::int64_t>(version, 0))};
}

// A value that may have been loaded before the database had the write.
void Invalidate(Call& call, const KeyRef& key, std::uint64_t version) {
  keyspace::Txn& txn = call.txn();
  Found found = txn.Find(key, Access::kPeek);
  if (!found) return txn.OverruleAbsence(key);
  const CacheNotes* notes = found.entry->notes();
  if (version != 0 && notes != nullptr && notes->version >= version) return;
  txn.Remove(key, found);
  txn.Notify(keyspace::kEventGeneric, "del", key);
}

// True if something of the key has changed.
bool SettleKey(Call& call, const KeyRef& key, StreamId id, const Acknowledged& done) {
  keyspace::Txn& txn = call.txn();
  Found found = txn.Find(key, Access::kPeek);
  if (!found) found = txn.FindShadow(key);
  const Pin* pin = found ? found.entry->pin() : nullptr;
  const bool is_by_log = pin != nullptr && !pin->is_of_log() && pin->log == call.key(0).name;
  if (is_by_log && pin->id == id) {
    txn.Unpin(key, found);
    return true;
  }
  // What was written since will be acknowledged in its turn.
  if (pin != nullptr || !done.was_there) return false;
  Invalidate(call, key, done.version);
  return true;
}

void CacheAck(Call& call) {
  if (call.argc() % 2 != 0) return call.Error(command::errors::WrongArity("cache.ack"));
  std::vector<StreamId> ids;
  for (std::size_t i = 2; i < call.argc(); i += 2) {
    if (!ReadStreamIds(call, i, 1, &ids)) return;
  }
  keyspace::Txn& txn = call.txn();
  Found log = txn.Find(call.key(0), Access::kWrite);
  if (log && log.entry->type() != keyspace::Type::kStream)
    return call.Error(command::errors::kWrongType);
  std::vector<Acknowledged> done(ids.size());
  std::int64_t count = 0;
  if (log) {
    auto stream = txn.Edit<Stream>(call.key(0), log);
    for (std::size_t n = 0; n < ids.size(); ++n) {
      done[n] = TakeOut(*stream, ids[n], call.key(n + 1).name);
      count += done[n].was_there ? 1 : 0;
    }
    stream.Finish();
    if (count > 0) {
      // A stream that nobody has written behind to is none of the logs.
      if (log.entry->pin() != nullptr) PinLog(txn, call.key(0), log, count);
      txn.Notify(keyspace::kEventStream, "xdel", call.key(0));
    }
  }
  bool has_changed = count > 0;
  for (std::size_t n = 0; n < ids.size(); ++n)
    has_changed |= SettleKey(call, call.key(n + 1), ids[n], done[n]);
  if (has_changed) call.LogVerbatim();
  txn.CountAs(count);
  call.reply().Integer(count);
}

// ---- The barrier -------------------------------------------------------------------------------

// The last entry that a write up to this id may have become. Asked anew whenever something has gone
// from the log, since writes are coalesced meanwhile, too.
StreamId LastOf(StreamId until, const Pin* of_log) {
  if (of_log == nullptr || of_log->stretch_ms == Pin::kNeverCoalesced) return until;
  const auto stretch = static_cast<std::uint64_t>(of_log->stretch_ms);
  return {.ms = until.ms + std::min(stretch, value::kStreamSeqMax - until.ms),
          .seq = value::kStreamSeqMax};
}

void CacheBarrier(Call& call) {
  std::optional<StreamId> until;
  std::int64_t wait_ms = 0;
  for (std::size_t i = 2; i < call.argc(); i += 2) {
    if (i + 1 == call.argc()) return call.Error(command::errors::kSyntax);
    const std::string_view text = call.arg(i + 1);
    if (EqualsIgnoreCase(call.arg(i), "UNTIL")) {
      until = value::ParseStreamId(text, value::kStreamSeqMax, value::StreamIdForm::kStrict);
      if (!until) return call.Error(stream_errors::kInvalidId);
    } else if (EqualsIgnoreCase(call.arg(i), "WAIT")) {
      const std::optional<std::int64_t> ms = ParseInt64(text);
      if (!ms || *ms < 0 || *ms > kLeaseMsMax)
        return call.Error("ERR WAIT must be an integer from 0 to 600000");
      wait_ms = *ms;
    } else {
      return call.Error(command::errors::kSyntax);
    }
  }
  Found found;
  if (!FindAs<Stream>(call, 0, Access::kPeek, &found)) return;
  if (!found) return call.reply().Ok();
  const auto& log = found.entry->as<Stream>();
  if (!until) until = log.last_id();
  if (log.empty() || log.first_id() > LastOf(*until, found.entry->pin())) return call.reply().Ok();
  if (wait_ms == 0) return call.reply().Null();
  // A log's entries going is a loss, as a lock's is: so it is waited for as at a string.
  call.Block(keyspace::Type::kString, wait_ms, command::TimeoutReply::kNull,
             {"CACHE.BARRIER", std::string(call.arg(1)), "UNTIL", value::StreamIdToString(*until),
              "WAIT", Int64ToString(wait_ms)});
}

constexpr Spec kSpecs[] = {
    Spec({.syntax = "CACHE.ACK log:key id:string key [id:string key ...]",
          .access = "RW DELETE; RW UPDATE",
          .since = "0.1.0",
          .group = Group::kString,
          .flags = command::kWrite | command::kFast,
          .complexity = "O(N) where N is the number of entries",
          .summary = "Takes writes out of a log because the database has them.",
          .run = &CacheAck}),
    Spec({.syntax = "CACHE.BARRIER log:key [UNTIL id:string] [WAIT wait-ms:integer]",
          .access = "RO ACCESS",
          .since = "0.1.0",
          .group = Group::kString,
          .flags = command::kReadonly | command::kBlocking,
          .complexity = "O(1)",
          .summary = "Returns whether a log's writes are acknowledged, or waits until they are.",
          .run = &CacheBarrier}),
};

}  // namespace

std::span<const Spec> WriteBehindFamily() { return kSpecs; }

}  // namespace cairn::commands
