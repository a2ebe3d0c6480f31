// SPDX-License-Identifier: BSD-3-Clause
// NAMESPACE.*: prefixes with rules for the keys below them; see keyspace/namespaces.h. A prefix is
// no key: who may use these commands may use them for any.
//
// What is declared or cleared changes under all stripes, as FLUSHDB does: so every other command
// comes wholly before it or wholly after it, in the log as well.
#include "commands/namespaces.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>

#include "base/text.h"
#include "command/call.h"
#include "command/errors.h"
#include "command/rights.h"
#include "commands/cache_args.h"
#include "commands/families.h"
#include "keyspace/namespace_sweeper.h"

namespace cairn::commands {
namespace {

using command::Call;
using command::ScopeAt;
using keyspace::Loss;
using keyspace::Namespace;
using keyspace::NamespaceFigures;
using keyspace::NamespaceRules;
using keyspace::Namespaces;
using keyspace::NamespaceSweeper;

constexpr std::int64_t kCountMax = std::int64_t{1} << 40;
constexpr std::string_view kNoSuchNamespace = "ERR no such namespace";
constexpr std::string_view kIsConfigured =
    "ERR the namespace stands in the configuration: take it from cairn-namespaces, and restart";

struct Rule {
  std::string_view name;
  std::int64_t NamespaceRules::* place;
  std::int64_t max;
};

constexpr Rule kRules[] = {
    {"TTL", &NamespaceRules::ttl_ms, kCacheTtlMsMax},
    {"MAXTTL", &NamespaceRules::ttl_ms_max, kCacheTtlMsMax},
    {"JITTER", &NamespaceRules::jitter_percent, 100},
    {"NEGTTL", &NamespaceRules::negative_ttl_ms, kCacheTtlMsMax},
    {"NEGMAX", &NamespaceRules::negatives_max, kCountMax},
    {"MAXMEMORY", &NamespaceRules::memory_bytes_max, INT64_MAX},
    {"MAXLEASES", &NamespaceRules::leases_max, kCountMax},
};

void NamespaceSet(Call& call) {
  const Result<NamespaceRules> rules = ReadRules(call.args().subspan(2));
  if (!rules) return call.Error(rules.error().message());
  const Result<Namespace*> space = call.txn().DeclareSpace(call.arg(1), *rules, false);
  if (!space) return call.Error(space.error().message());
  call.LogVerbatim();
  call.reply().Ok();
}

// One that has replaced the rules of the configuration gives them back.
void NamespaceDel(Call& call) {
  Namespaces& namespaces = call.keyspace().namespaces();
  const Namespace* space = namespaces.Find(call.arg(1));
  if (space == nullptr) return call.reply().Integer(0);
  if (space->is_configured()) {
    // Where a log is replayed it may have come to the configuration since.
    const bool is_replayed = !call.session().viewer().sees_expiry;
    return is_replayed ? call.reply().Integer(0) : call.Error(kIsConfigured);
  }
  namespaces.Undeclare(call.arg(1));
  call.LogVerbatim();
  call.reply().Integer(1);
}

// Entries that were there before the namespace have to have joined it.
void Settle(Call& call) {
  Namespaces& namespaces = call.keyspace().namespaces();
  const std::uint64_t changes = namespaces.changes();
  NamespaceSweeper::TendAll(call.keyspace(), call.txn().locks(), call.session().viewer());
  namespaces.NoteSwept(changes);
}

// REQUIRES: every stripe held.
void ClearNow(Call& call) {
  Namespaces& namespaces = call.keyspace().namespaces();
  Namespace* space = namespaces.Find(call.arg(1));
  if (space == nullptr) return call.Error(kNoSuchNamespace);
  if (!namespaces.is_settled()) Settle(call);
  const std::uint64_t number = call.keyspace().tags().Draw();
  call.txn().ClearSpace(*space, number);
  EffectWords("NAMESPACE.CLEARED", call.arg(1))
      .Add(Int64ToString(static_cast<std::int64_t>(number)))
      .Log(call.txn());
  call.reply().Ok();
}

// REQUIRES: every stripe held.
std::size_t CountKeys(keyspace::Keyspace& keyspace) NO_THREAD_SAFETY_ANALYSIS {
  std::size_t keys = 0;
  for (std::size_t i = 0; i < keyspace.stripe_count(); ++i) {
    const keyspace::Stripe& stripe = keyspace.stripe(StripeId(static_cast<std::uint16_t>(i)));
    for (std::uint32_t db = 0; db < keyspace.database_count(); ++db) {
      const keyspace::Shard* shard = stripe.shard(DbId(db));
      keys += shard == nullptr ? 0 : shard->table.size();
    }
  }
  return keys;
}

// Nobody waits for keys that join: where there are many the lane has them join first.
void NamespaceClear(Call& call) {
  const bool is_settled = call.keyspace().namespaces().is_settled();
  if (!is_settled && call.Defer(CountKeys(call.keyspace()))) return;
  ClearNow(call);
}

void NamespaceClearInLane(Call& call) {
  Namespaces& namespaces = call.keyspace().namespaces();
  const std::uint64_t changes = namespaces.changes();
  NamespaceSweeper::TendAllInSteps(call.keyspace(), call.session().random());
  namespaces.NoteSwept(changes);
  call.HoldAll([&call] { ClearNow(call); });
}

// A clear as the log has it. A client's can be no later than one that has been, and so it is
// logged. The namespace may have been one of a configuration that is another one now: then it is
// there for this once.
void NamespaceCleared(Call& call) {
  const std::optional<std::int64_t> number = ParseInt64(call.arg(2));
  if (!number || *number < 1 || *number > kStampMax) return call.Error(command::errors::kSyntax);
  Namespaces& namespaces = call.keyspace().namespaces();
  const bool is_replayed = !call.session().viewer().sees_expiry;
  auto at = static_cast<std::uint64_t>(*number);
  if (!is_replayed) at = std::min(at, call.keyspace().tags().Now());
  Namespace* space = namespaces.Find(call.arg(1));
  const bool was_there = space != nullptr;
  if (!was_there) {
    if (!is_replayed) return call.Error(kNoSuchNamespace);
    const Result<Namespace*> declared = call.txn().DeclareSpace(call.arg(1), {}, false);
    if (!declared) return call.Error(declared.error().message());
    space = *declared;
  }
  if (at == 0) return call.reply().Ok();  // there has been none
  if (!namespaces.is_settled()) Settle(call);
  call.txn().ClearSpace(*space, at);
  if (!was_there) namespaces.Undeclare(call.arg(1));
  EffectWords("NAMESPACE.CLEARED", call.arg(1))
      .Add(Int64ToString(static_cast<std::int64_t>(at)))
      .Log(call.txn());
  call.reply().Ok();
}

// Times that SettleStored has given to many keys of one call.
void NamespaceDue(Call& call) {
  const std::optional<std::int64_t> at = ParseInt64(call.arg(1));
  if (!at || *at < 1 || *at >= kNever) return call.Error(command::errors::kSyntax);
  std::int64_t given = 0;
  for (std::size_t n = 0; n < call.key_count(); ++n) {
    Found found = call.txn().Find(call.key(n), Access::kPeek);
    if (!found) continue;
    call.IsPast(*at) ? call.txn().Remove(call.key(n), found)
                     : call.txn().SetExpiry(call.key(n), found, *at);
    ++given;
  }
  if (given > 0) call.LogVerbatim();
  call.reply().Integer(given);
}

// Calls fn under a stripe, where namespaces may be read. False if the call was delayed.
template <class Fn>
void WithNamespaces(Call& call, Fn fn) {
  const StripeId first(0);
  keyspace::TryWalkLock hold(call.keyspace(), call.keyspace().stripe(first));
  if (!hold.held()) [[unlikely]] {
    if (call.Delay(keyspace::StripeSet().set())) return;
    hold.Wait();
  }
  fn(call.keyspace().namespaces());
}

constexpr ScopeAt kReadPrefix = {
    .index = 1, .kind = command::ScopeKind::kPrefix, .flags = command::kKeyAccess};

// Those that the caller may ask NAMESPACE.INFO of.
void NamespaceList(Call& call) {
  WithNamespaces(call, [&](const Namespaces& namespaces) {
    std::vector<std::string_view> prefixes;
    for (const Namespace* space : namespaces.declared()) {
      if (command::MayTouch(call.session(), call.command(), call.args(), kReadPrefix,
                            space->prefix()))
        prefixes.push_back(space->prefix());
    }
    call.reply().Array(prefixes.size());
    for (const std::string_view prefix : prefixes) call.reply().Bulk(prefix);
  });
}

void ReplyInfo(resp::Writer& reply, const Namespace& space, bool is_settled) {
  const NamespaceFigures figures = space.Figures();
  const auto misses = [&](Loss loss) { return figures.misses[static_cast<std::size_t>(loss)]; };
  const NamespaceRules& rules = space.rules();
  const std::pair<std::string_view, std::int64_t> fields[] = {
      {"ttl", rules.ttl_ms},
      {"maxttl", rules.ttl_ms_max},
      {"jitter", rules.jitter_percent},
      {"negttl", rules.negative_ttl_ms},
      {"negmax", rules.negatives_max},
      {"maxmemory", rules.memory_bytes_max},
      {"maxleases", rules.leases_max},
      {"settled", is_settled ? 1 : 0},
      {"keys", figures.keys},
      {"negatives", figures.negatives},
      {"bytes", figures.bytes},
      {"hits", figures.hits},
      {"negative-hits", figures.negative_hits},
      {"misses-absent", misses(Loss::kAbsent)},
      {"misses-expired", misses(Loss::kExpired)},
      {"misses-evicted", misses(Loss::kEvicted)},
      {"misses-invalidated", misses(Loss::kInvalidated)},
      {"evicted", figures.evicted},
      {"loads", figures.loads},
      {"load-ms", figures.load_ms},
      {"leases-held", space.leases()},
      {"leases-granted", space.leases_granted()},
      {"leases-voided", space.leases_voided()},
      {"leases-timed-out", space.leases_timed_out()},
      {"leases-capped", space.leases_capped()},
  };
  reply.Map(std::size(fields));
  for (const auto& [name, value] : fields) {
    reply.Bulk(name);
    reply.Integer(value);
  }
}

void NamespaceInfo(Call& call) {
  WithNamespaces(call, [&](const Namespaces& namespaces) {
    const Namespace* space = namespaces.Find(call.arg(1));
    if (space == nullptr) return call.reply().Null();
    ReplyInfo(call.reply(), *space, namespaces.is_settled());
  });
}

void NamespaceReset(Call& call) {
  WithNamespaces(call, [&](const Namespaces& namespaces) {
    Namespace* space = namespaces.Find(call.arg(1));
    if (space == nullptr) return call.Error(kNoSuchNamespace);
    space->ResetStatistics();
    call.reply().Ok();
  });
}

void FindReadPrefix(std::span<const std::string_view> args, std::vector<ScopeAt>& scopes) {
  if (args.size() > 1) scopes.push_back(kReadPrefix);
}
void FindChangedPrefix(std::span<const std::string_view> args, std::vector<ScopeAt>& scopes) {
  if (args.size() < 2) return;
  scopes.push_back({.index = 1,
                    .kind = command::ScopeKind::kPrefix,
                    .flags = command::kKeyUpdate | command::kKeyDelete});
}

constexpr std::uint32_t kChanges = command::kWrite | command::kAllStripes | command::kAdmin;

constexpr Spec kSpecs[] = {
    Spec({.syntax = "NAMESPACE.SET prefix [TTL ttl-ms:integer] [MAXTTL ttl-ms:integer] "
                    "[JITTER percent:integer] [NEGTTL ttl-ms:integer] [NEGMAX count:integer] "
                    "[MAXMEMORY bytes:integer] [MAXLEASES count:integer]",
          .since = "0.1.0",
          .group = Group::kServer,
          .flags = kChanges,
          .categories = "dangerous",
          .complexity = "O(1), with the keys below the prefix joining in the background",
          .summary = "Declares a prefix of keys a namespace, with rules for the keys below it.",
          .run = &NamespaceSet,
          .find_scopes = &FindChangedPrefix}),
    Spec({.syntax = "NAMESPACE.DEL prefix",
          .since = "0.1.0",
          .group = Group::kServer,
          .flags = kChanges,
          .categories = "dangerous",
          .complexity = "O(1)",
          .summary = "Declares that a prefix is no namespace any more. Its keys stay.",
          .run = &NamespaceDel,
          .find_scopes = &FindChangedPrefix}),
    Spec({.syntax = "NAMESPACE.CLEAR prefix",
          .since = "0.1.0",
          .group = Group::kServer,
          .flags = command::kWrite | command::kAllStripes,
          .categories = "keyspace dangerous",
          .complexity = "O(1), or O(N) with all keys while some have not joined yet",
          .summary = "Makes an end of all keys of a namespace, in all databases.",
          .run = &NamespaceClear,
          .run_heavy = &NamespaceClearInLane,
          .find_scopes = &FindChangedPrefix}),
    Spec({.syntax = "NAMESPACE.CLEARED prefix number:integer",
          .since = "0.1.0",
          .group = Group::kServer,
          .flags = command::kWrite | command::kAllStripes | command::kSystemCommand,
          .categories = "keyspace dangerous",
          .complexity = "O(1), or O(N) with all keys while some have not joined yet",
          .summary = "A clear as the command log has it.",
          .run = &NamespaceCleared,
          .find_scopes = &FindChangedPrefix}),
    Spec({.syntax = "NAMESPACE.DUE unix-ms:integer key [key ...]",
          .access = "RW UPDATE",
          .since = "0.1.0",
          .group = Group::kGeneric,
          .flags = command::kWrite | command::kFast | command::kSystemCommand,
          .categories = "dangerous",
          .complexity = "O(N) where N is the number of keys",
          .summary = "The time that a namespace has given to keys, as the command log has it.",
          .run = &NamespaceDue}),
    Spec({.syntax = "NAMESPACE.LIST",
          .since = "0.1.0",
          .group = Group::kServer,
          .flags = command::kReadonly | command::kOwnLocks,
          .complexity = "O(N) where N is the number of namespaces",
          .summary = "Returns the prefixes that are namespaces.",
          .run = &NamespaceList}),
    Spec({.syntax = "NAMESPACE.INFO prefix",
          .since = "0.1.0",
          .group = Group::kServer,
          .flags = command::kReadonly | command::kFast | command::kOwnLocks,
          .complexity = "O(1)",
          .summary = "Returns the rules of a namespace and what was counted there.",
          .run = &NamespaceInfo,
          .find_scopes = &FindReadPrefix}),
    Spec({.syntax = "NAMESPACE.RESETSTAT prefix",
          .since = "0.1.0",
          .group = Group::kServer,
          .flags = command::kReadonly | command::kFast | command::kOwnLocks | command::kAdmin,
          .categories = "dangerous",
          .complexity = "O(1)",
          .summary = "Counts a namespace's hits, misses, evictions, loads and leases anew.",
          .run = &NamespaceReset,
          .find_scopes = &FindChangedPrefix}),
};

}  // namespace

Result<NamespaceRules> ReadRules(std::span<const std::string_view> words) {
  NamespaceRules rules;
  for (std::size_t at = 0; at < words.size(); at += 2) {
    const auto rule = std::ranges::find_if(
        kRules, [&](const Rule& r) { return EqualsIgnoreCase(r.name, words[at]); });
    if (rule == std::end(kRules) || at + 1 == words.size() || rules.*rule->place != 0)
      return Fail(StatusCode::kInvalid, std::string(command::errors::kSyntax));
    const std::optional<std::int64_t> value = ParseInt64(words[at + 1]);
    if (!value || *value < 1 || *value > rule->max) {
      return Fail(StatusCode::kInvalid, "ERR " + std::string(rule->name) +
                                            " must be an integer from 1 to " +
                                            Int64ToString(rule->max));
    }
    rules.*rule->place = *value;
  }
  return rules;
}

std::vector<std::string> WordsOfRules(const NamespaceRules& rules) {
  std::vector<std::string> words;
  for (const Rule& rule : kRules) {
    if (rules.*rule.place == 0) continue;
    words.emplace_back(rule.name);
    words.push_back(Int64ToString(rules.*rule.place));
  }
  return words;
}

namespace {

Status Declare(keyspace::Keyspace& keyspace, std::span<const std::string_view> words,
               bool is_configured) NO_THREAD_SAFETY_ANALYSIS {
  if (words.empty()) return Status(StatusCode::kInvalid, "a prefix is missing");
  const Result<NamespaceRules> rules = ReadRules(words.subspan(1));
  if (!rules) return rules.error();
  Random random(1);
  const keyspace::Viewer viewer(DbId(0), keyspace.clock().NowUnixMs(), random);
  keyspace::KeyLocks locks(keyspace);
  const bool are_held = keyspace.AllHeldByThisThread();
  if (!are_held) locks.AcquireAll();
  Status declared;
  {
    keyspace::Txn txn(keyspace, locks, viewer);
    if (const auto space = txn.DeclareSpace(words[0], *rules, is_configured); !space)
      declared = space.error();
  }
  if (!are_held) locks.Release();
  return declared;
}

}  // namespace

Status DeclareConfigured(keyspace::Keyspace& keyspace, std::string_view text) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(';'), text.size());
    const std::vector<std::string> words =
        SplitWords(text.substr(0, end)).value_or(std::vector<std::string>());
    text.remove_prefix(std::min(end + 1, text.size()));
    if (words.empty()) continue;
    const std::vector<std::string_view> views(words.begin(), words.end());
    if (Status declared = Declare(keyspace, views, true); !declared.ok()) return declared;
  }
  return {};
}

Status DeclareLoaded(keyspace::Keyspace& keyspace, std::span<const std::string_view> words) {
  return Declare(keyspace, words, false);
}

std::vector<std::vector<std::string>> DeclaredByCommand(keyspace::Keyspace& keyspace) {
  std::vector<std::vector<std::string>> all;
  const keyspace::WalkLock hold(keyspace, keyspace.stripe(StripeId(0)));
  for (const Namespace* space : keyspace.namespaces().declared()) {
    if (space->is_configured()) continue;
    std::vector<std::string> words = {space->prefix()};
    std::ranges::move(WordsOfRules(space->rules()), std::back_inserter(words));
    all.push_back(std::move(words));
  }
  return all;
}

std::span<const Spec> NamespaceFamily() { return kSpecs; }

}  // namespace cairn::commands
