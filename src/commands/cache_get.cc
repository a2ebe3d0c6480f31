// SPDX-License-Identifier: BSD-3-Clause
// CACHE.GET, CACHE.FAIL, CACHE.INFO: what a reader is told of a value, and its right to load it.
//
// The reply of CACHE.GET is always six elements: state, value, token, version, age in ms, ms until
// it is stale (-1: never).
//
//     state     value        token        the reader ...
//     fresh     the value    nil          uses it
//     fresh     the value    a number     uses it, and loads it anew: it is about to become stale
//     stale     the value    nil          uses it: another loads, or a load has just failed
//     stale     the value    a number     may use it, and loads it
//     miss      nil          a number     loads it
//     miss      nil          nil          did not ask for a lease
//     loading   nil          nil          another loads it, and has not finished in time
//     capped    nil          nil          may load it, but there are too many leases to have one
//
// fresh or stale with a null value: it is known that there is no such row. WITHTAGS adds a seventh
// element, the value's tags, but for `loading`.
#include <algorithm>
#include <optional>
#include <string_view>

#include "base/text.h"
#include "command/call.h"
#include "command/errors.h"
#include "commands/cache_args.h"
#include "commands/families.h"
#include "commands/streams.h"
#include "commands/strings.h"

namespace cairn::commands {
namespace {

using keyspace::CacheNotes;
using keyspace::KeyRef;
using keyspace::Lease;

void ReplyTags(resp::Writer& reply, const CacheNotes* notes) {
  if (notes == nullptr) return reply.Array(0);
  reply.Array(notes->tags().size());
  for (const keyspace::Tags::Ref& tag : notes->tags()) reply.Bulk(tag->name());
}

// What CACHE.GET sees of its key.
class Reader {
 public:
  Reader(Call& call, const CacheOptions& options)
      : call_(call), options_(options), key_(call.key(0)), now_ms_(call.now_ms()) {}

  void Read() {
    Found found;
    if (!FindString(call_, 0, Access::kRead, &found)) return;
    if (found) {
      notes_ = found.entry->notes();
    } else if (const Found shadow = call_.txn().FindShadow(key_); shadow) {
      notes_ = shadow.entry->notes();
    }
    const bool is_known = found || (notes_ != nullptr && notes_->is_negative);
    if (is_known && SatisfiesVersion()) {
      const bool is_stale = notes_ != nullptr && notes_->IsStale(now_ms_);
      if (!is_stale) return Reply("fresh", found, IsNearEnd() && MayRetry() ? Grant() : 0);
      if (options_.takes_stale) return Reply("stale", found, MayRetry() ? Grant() : 0);
    }
    Miss();
  }

 private:
  bool SatisfiesVersion() const {
    return options_.min_version == kNotGiven ||
           (notes_ != nullptr && std::cmp_greater_equal(notes_->version, options_.min_version));
  }
  // Loading takes as long as is left, or longer (the deterministic core of XFetch, Vattani et al.,
  // VLDB 2015): who comes first in this window begins.
  bool IsNearEnd() const {
    return notes_ != nullptr && notes_->pin() == nullptr && notes_->stale_at != kNever &&
           notes_->stale_at - now_ms_ <= std::int64_t{notes_->cost_ms};
  }
  bool MayRetry() const { return notes_ == nullptr || notes_->retry_at <= now_ms_; }

  // The token of a new lease, 0 if there is none to be had.
  std::uint64_t Grant() {
    if (options_.lease_ms == kNotGiven || key_.name.size() > kLeasedKeyBytesMax) return 0;
    const Lease* old = call_.txn().FindLease(key_);
    if (old != nullptr && old->is_held()) return 0;
    Lease* lease = call_.txn().GrantLease(key_, options_.lease_ms);
    if (lease == nullptr) return 0;
    lease->min_version =
        static_cast<std::uint64_t>(std::max<std::int64_t>(options_.min_version, 0));
    return lease->token;
  }

  void Miss() {
    if (options_.lease_ms == kNotGiven) return Reply("miss", {}, 0);
    const Lease* lease = call_.txn().FindLease(key_);
    if (lease == nullptr || !lease->is_held()) {
      const std::uint64_t token = Grant();
      return Reply(token == 0 ? "capped" : "miss", {}, token);
    }
    if (options_.wait_ms > 0) {
      return call_.Block(keyspace::Type::kString, options_.wait_ms,
                         command::TimeoutReply::kLoading);
    }
    command::WriteTimeoutReply(call_.reply(), command::TimeoutReply::kLoading);
  }

  void Reply(std::string_view state, const Found& found, std::uint64_t token) {
    resp::Writer& reply = call_.reply();
    reply.Array(options_.wants_tags ? 7 : 6);
    reply.Bulk(state);
    ReplyString(call_, found);
    token == 0 ? reply.Null() : reply.Integer(static_cast<std::int64_t>(token));
    const bool tells = notes_ != nullptr && state != "miss" && state != "capped";
    reply.Integer(tells ? static_cast<std::int64_t>(notes_->version) : 0);
    const bool has_age = tells && notes_->created_at != 0;
    reply.Integer(has_age ? std::max<std::int64_t>(0, now_ms_ - notes_->created_at) : 0);
    const bool ends = tells && notes_->pin() == nullptr && notes_->stale_at != kNever;
    reply.Integer(state == "stale" ? 0 : ends ? notes_->stale_at - now_ms_ : -1);
    if (options_.wants_tags) ReplyTags(reply, tells ? notes_ : nullptr);
  }

  Call& call_;
  const CacheOptions& options_;
  const KeyRef& key_;
  const UnixMs now_ms_;
  const CacheNotes* notes_ = nullptr;
};

void CacheGet(Call& call) {
  const auto options = ParseCacheOptions(call, 2, "LEASE WAIT MINVER WITHTAGS");
  if (!options) return;
  Reader(call, *options).Read();
}

// The loader gives up. Where there is a stale value it may be served for RETRY ms without anybody
// trying again; else one of those who wait has the lease at once.
void CacheFail(Call& call) {
  const std::optional<std::int64_t> token = ParseInt64(call.arg(2));
  if (!token || *token < 1) return call.Error(command::errors::kNotAnInteger);
  const auto options = ParseCacheOptions(call, 3, "RETRY");
  if (!options) return;
  keyspace::Txn& txn = call.txn();
  const KeyRef& key = call.key(0);
  const Lease* lease = txn.FindLease(key);
  if (lease == nullptr || !std::cmp_equal(lease->token, *token)) return call.reply().Integer(0);
  if (options->retry_ms != kNotGiven) {
    Found found = txn.Find(key, Access::kPeek);
    if (!found) found = txn.FindShadow(key);
    if (found && found.entry->notes() != nullptr) {
      txn.Preserve(found);
      found.entry->notes()->retry_at = call.now_ms() + options->retry_ms;
    }
  }
  txn.EndLease(key);
  call.reply().Integer(1);
}

std::string_view StateOf(Call& call, const Found& found, const CacheNotes& notes) {
  if (!found && !notes.is_negative) return "deleted";
  const bool is_stale = notes.IsStale(call.now_ms());
  if (!found) return is_stale ? "stale-absent" : "absent";
  return is_stale ? "stale" : "fresh";
}

void CacheInfo(Call& call) {
  keyspace::Txn& txn = call.txn();
  const Found found = txn.Find(call.key(0), Access::kPeek);
  const Found shadow = found ? Found() : txn.FindShadow(call.key(0));
  const Found& told = found ? found : shadow;
  const Lease* lease = txn.FindLease(call.key(0));
  if (!told && (lease == nullptr || !lease->is_held())) return call.reply().Null();
  const CacheNotes none;
  const CacheNotes* own = told ? told.entry->notes() : nullptr;
  const CacheNotes& notes = own == nullptr ? none : *own;
  const UnixMs expiry = told ? txn.DeadlineAt(told) : kNever;
  const auto until = [&](UnixMs at) {
    return at == kNever ? -1 : std::max<std::int64_t>(0, at - call.now_ms());
  };
  resp::Writer& reply = call.reply();
  reply.Map(10);
  reply.Bulk("state");
  reply.Bulk(told ? StateOf(call, found, notes) : "miss");
  reply.Bulk("version");
  reply.Integer(static_cast<std::int64_t>(notes.version));
  reply.Bulk("age");
  reply.Integer(
      notes.created_at == 0 ? -1 : std::max<std::int64_t>(0, call.now_ms() - notes.created_at));
  reply.Bulk("fresh-for");
  const UnixMs stale_at = notes.pin() == nullptr ? notes.stale_at : kNever;
  reply.Integer(notes.IsStale(call.now_ms()) ? 0 : until(stale_at));
  reply.Bulk("expires-in");
  reply.Integer(until(expiry));
  reply.Bulk("cost");
  reply.Integer(notes.cost_ms);
  reply.Bulk("tags");
  ReplyTags(reply, own);
  const bool is_held = lease != nullptr && lease->is_held();
  reply.Bulk("lease");
  reply.Integer(is_held ? until(lease->until) : -1);
  reply.Bulk("pinned");
  notes.pin() == nullptr ? reply.Null() : ReplyStreamId(reply, notes.pin()->id);
  reply.Bulk("bytes");
  reply.Integer(told ? static_cast<std::int64_t>(told.entry->charged_bytes()) : 0);
}

constexpr Spec kSpecs[] = {
    Spec({.syntax = "CACHE.GET key [LEASE lease-ms:integer] [STALE] [WAIT wait-ms:integer] "
                    "[MINVER version:integer] [WITHTAGS]",
          .access = "RW ACCESS UPDATE VARIABLE_FLAGS, RO ACCESS WITHOUT LEASE",
          .since = "0.1.0",
          .group = Group::kString,
          .flags = command::kReadonly | command::kBlocking,
          .complexity = "O(1)",
          .summary = "Returns a value with its state and, if it is to be loaded, a lease.",
          .run = &CacheGet}),
    Spec({.syntax = "CACHE.FAIL key token:integer [RETRY retry-ms:integer]",
          .access = "RW UPDATE",
          .since = "0.1.0",
          .group = Group::kString,
          .flags = command::kWrite | command::kFast,
          .complexity = "O(1)",
          .summary = "Gives a lease back because its load has failed.",
          .run = &CacheFail}),
    Spec({.syntax = "CACHE.INFO key",
          .access = "RO",
          .since = "0.1.0",
          .group = Group::kString,
          .flags = command::kReadonly | command::kFast,
          .complexity = "O(N) where N is the number of tags",
          .summary = "Returns what is known of a cached value beside the value.",
          .run = &CacheInfo}),
};

}  // namespace

std::span<const Spec> CacheGetFamily() { return kSpecs; }

}  // namespace cairn::commands
