// SPDX-License-Identifier: BSD-3-Clause
// MIGRATE: keys to another server, and away from here.
//
//     worker: options, is any key there? --DeferToPeers--> lane: connect, AUTH, SELECT
//                                                            |  no stripe is held until here
//                                                            v
//                  for some keys at a time, under a hold of their stripes:
//                     dump --RESTORE ...--> target --answers--> remove those that it took, log DEL
//
// Nobody can change a key between its dump and its removal, nor see it in both places, or in none:
// who needs one of these stripes waits; all others go on (in Redis, the whole server waits). A
// target that falls silent holds them for the timeout, which bounds each wait, as in Redis. One
// that answers each time just in time holds them for kMigrateHoldTimeoutsMax of them; how many keys
// go at a time follows its pace (MigratePace), so that it gets there all the same. Roads not taken
// are in docs/decisions/0013. Connections are not kept: a target that has gone is noticed at once,
// nothing is ever sent twice, and nothing holds a socket open for keys that may never come.
//
// With `tls-cluster yes` the target is spoken to over TLS, as by Redis, and must show a certificate
// of an authority that we trust.
//
// What the target answers is anybody's: a line of bounded length (PeerLink), of which only an
// error's text is shown.
#include "commands/migrate.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/text.h"
#include "command/call.h"
#include "command/errors.h"
#include "command/peers.h"
#include "command/runner.h"
#include "commands/dump.h"
#include "commands/families.h"
#include "commands/peer_link.h"

namespace cairn::commands {
namespace {

using keyspace::KeyRef;
using Args = std::span<const std::string_view>;

constexpr std::size_t kKeyAt = 3;
constexpr std::size_t kOptionsAt = 6;

constexpr std::string_view kKeyNotEmpty =
    "ERR When using MIGRATE KEYS option, the key argument must be set to the empty string";
constexpr std::string_view kNotConnected = "IOERR error or timeout connecting to the client";
constexpr std::string_view kNotWritten = "IOERR error or timeout writing to target instance";
constexpr std::string_view kNotRead = "IOERR error or timeout reading to target instance";
constexpr std::string_view kNotHere =
    "ERR MIGRATE cannot wait for its target here: in a script, or in a transaction with commands "
    "that are not about keys";
constexpr std::string_view kTooMany = "ERR too many MIGRATE commands are waiting for their targets";

struct Options {
  std::int64_t db = 0;
  int timeout_ms = 0;
  bool copies = false;
  bool replaces = false;
  std::optional<std::string_view> user;
  std::optional<std::string_view> password;
};

// Redis does not look at whether connecting has succeeded, if it has ended in time: what is refused
// is found when it is written to. Over TLS it does.
std::string TextOf(const Status& not_connected, bool over_tls) {
  const StatusCode code = not_connected.code();
  // The peer is there, and is none that we trust or understand: that is worth a reason.
  if (code == StatusCode::kCorrupt)
    return std::string(kNotConnected) + ": " + std::string(not_connected.message());
  const bool is_silent = code == StatusCode::kNotFound || code == StatusCode::kLimit;
  return std::string(is_silent || over_tls ? kNotConnected : kNotWritten);
}

// How many words follow an option as its values.
std::size_t ValuesOf(std::string_view option) {
  if (EqualsIgnoreCase(option, "AUTH")) return 1;
  return EqualsIgnoreCase(option, "AUTH2") ? 2 : 0;
}

// What stands behind KEYS, if there is that; an AUTH's password may be "keys".
void FindKeys(Args args, std::vector<std::uint32_t>& keys) {
  const auto append = [&](std::size_t first, std::size_t end) {
    for (std::size_t i = first; i < end; ++i) keys.push_back(static_cast<std::uint32_t>(i));
  };
  for (std::size_t i = kOptionsAt; i < args.size(); i += 1 + ValuesOf(args[i])) {
    if (!EqualsIgnoreCase(args[i], "KEYS")) continue;
    if (args[kKeyAt].empty()) append(i + 1, args.size());
    return;
  }
  if (args.size() >= kOptionsAt) append(kKeyAt, kKeyAt + 1);
}

// False, with an error replied, if a word is none.
bool ParseWords(Call& call, Options* options) {
  for (std::size_t i = kOptionsAt; i < call.argc(); ++i) {
    const std::string_view word = call.arg(i);
    const std::size_t values = ValuesOf(word);
    const bool is_keys = EqualsIgnoreCase(word, "KEYS");
    if (is_keys && call.arg(kKeyAt).empty()) return true;
    if (is_keys) {
      call.Error(kKeyNotEmpty);
      return false;
    }
    const bool is_copy = EqualsIgnoreCase(word, "COPY");
    const bool is_replace = EqualsIgnoreCase(word, "REPLACE");
    if ((!is_copy && !is_replace && values == 0) || i + values >= call.argc()) {
      call.Error(command::errors::kSyntax);
      return false;
    }
    options->copies |= is_copy;
    options->replaces |= is_replace;
    if (values == 2) options->user = call.arg(i + 1);
    if (values > 0) options->password = call.arg(i + values);
    i += values;
  }
  return true;
}

std::optional<Options> ParseOptions(Call& call) {
  Options options;
  if (!ParseWords(call, &options)) return std::nullopt;
  const std::optional<std::int64_t> timeout_ms = ParseInt64(call.arg(5));
  const std::optional<std::int64_t> db = ParseInt64(call.arg(4));
  if (!timeout_ms || !db) {
    call.Error(command::errors::kNotAnInteger);
    return std::nullopt;
  }
  options.timeout_ms = MigrateTimeoutMs(*timeout_ms);
  options.db = *db;
  return options;
}

std::span<const KeyRef> KeysOf(Call& call) {
  return call.key_count() == 0 ? std::span<const KeyRef>()
                               : std::span(&call.key(0), call.key_count());
}

// One call at work, on a thread of the lane.
class Moving {
 public:
  // Of a transaction: its stripes are held from the first command to the last.
  enum class Stripes : std::uint8_t { kAreHeld, kInTurn };

  Moving(Call& call, const Options& options)
      : call_(call), options_(options), pace_(options.timeout_ms) {}

  void Run(Stripes stripes) {
    command::Peers* peers = call_.runner().shared().peers;
    std::shared_ptr<const io::TlsContext> tls = peers == nullptr ? nullptr : peers->TlsOfCluster();
    const bool over_tls = tls != nullptr;
    Result<PeerLink> link = PeerLink::Connect(
        call_.arg(1), call_.arg(2),
        {.timeout_ms = options_.timeout_ms, .gives_up = [this] { return call_.is_interrupted(); }},
        std::move(tls));
    if (!link) return call_.Error(TextOf(link.error(), over_tls));
    link_ = &*link;
    if (Greet()) MoveAll(stripes);
    Reply();
  }

 private:
  bool has_failed() const { return !io_error_.empty(); }

  // Once for all keys. False if there is no use in sending any.
  bool Greet() {
    std::string requests;
    const std::string db = Int64ToString(options_.db);
    if (options_.user)
      AppendPeerRequest({"AUTH", *options_.user, *options_.password}, &requests);
    else if (options_.password)
      AppendPeerRequest({"AUTH", *options_.password}, &requests);
    AppendPeerRequest({"SELECT", db}, &requests);
    if (!Send(requests)) return false;
    if (options_.password) Ask();
    Ask();
    return !has_failed() && target_error_.empty();
  }

  void MoveAll(Stripes stripes) {
    std::span<const KeyRef> rest = KeysOf(call_);
    while (!rest.empty() && !has_failed()) {
      const auto next = rest.first(std::min(rest.size(), pace_.keys()));
      std::size_t done = 0;
      call_.RefreshNow();
      if (stripes == Stripes::kAreHeld)
        done = MoveSome(next);
      else
        call_.Hold(next, [&] { done = MoveSome(next); });
      rest = rest.subspan(done);
    }
  }

  // The first ones of `keys`; returns how many. What the target refuses stays, and others go on.
  std::size_t MoveSome(std::span<const KeyRef> keys) {
    std::string requests;
    std::vector<const KeyRef*> sent;
    std::size_t done = 0;
    for (; done < keys.size() && requests.size() < pace_.bytes(); ++done) {
      if (Append(keys[done], &requests)) sent.push_back(&keys[done]);
    }
    if (sent.empty()) return done;
    has_sent_ = true;
    const MonotonicUs began_us = clock_.NowMonotonicUs();
    link_->set_deadline(began_us + pace_.HoldUs(requests.size()));
    const std::vector<const KeyRef*> taken = Exchange(requests, sent);
    if (!options_.copies) Remove(taken);
    pace_.Note(clock_.NowMonotonicUs() - began_us);
    return done;
  }

  // Those of `sent` that the target says to have taken.
  std::vector<const KeyRef*> Exchange(std::string_view requests,
                                      std::span<const KeyRef* const> sent) {
    std::vector<const KeyRef*> taken;
    if (!Send(requests)) return taken;
    for (const KeyRef* key : sent) {
      if (Ask()) taken.push_back(key);
      if (has_failed()) break;
    }
    return taken;
  }

  // False if there is no such key.
  bool Append(const KeyRef& key, std::string* requests) {
    const Found found = call_.txn().Find(key, Access::kPeek);
    if (!found) return false;
    const UnixMs at_ms = call_.txn().ExpiryAt(found);
    const std::int64_t left_ms =
        at_ms == kNever ? 0 : std::max<std::int64_t>(at_ms - call_.now_ms(), 1);
    const std::string ttl = Int64ToString(left_ms);
    const std::string payload = DumpOf(call_, *found.entry);
    if (options_.replaces)
      AppendPeerRequest({"RESTORE", key.name, ttl, payload, "REPLACE"}, requests);
    else
      AppendPeerRequest({"RESTORE", key.name, ttl, payload}, requests);
    return true;
  }

  void Remove(std::span<const KeyRef* const> keys) {
    std::vector<std::string_view> effect = {"DEL"};
    for (const KeyRef* key : keys) {
      Found found = call_.txn().Find(*key, Access::kPeek);
      if (!found) continue;  // named twice
      call_.txn().Remove(*key, found);
      call_.txn().Notify(keyspace::kEventGeneric, "del", *key);
      effect.push_back(key->name);
    }
    const auto removed = static_cast<std::int64_t>(effect.size() - 1);
    if (removed == 0) return;
    const std::int64_t before = call_.txn().changes();
    call_.txn().Log(effect);
    call_.txn().CountAs(before + removed);
  }

  bool Send(std::string_view requests) {
    if (!link_->Send(requests).ok()) io_error_ = kNotWritten;
    return !has_failed();
  }

  // The next answer: true if it is a good one. Of errors the first is kept.
  bool Ask() {
    if (has_failed()) return false;
    const Result<resp::Value> answer = link_->Receive();
    if (!answer) {
      io_error_ = kNotRead;
      return false;
    }
    if (answer->type != resp::Value::Type::kError) return true;
    if (target_error_.empty())
      target_error_ = "ERR Target instance replied with error: " + answer->text;
    return false;
  }

  void Reply() {
    if (!target_error_.empty()) return call_.Error(target_error_);
    if (has_failed()) return call_.Error(io_error_);
    has_sent_ ? call_.reply().Ok() : call_.reply().Simple("NOKEY");
  }

  Call& call_;
  const Options& options_;
  const SystemClock clock_;  // that of the kernel's waiting
  MigratePace pace_;
  PeerLink* link_ = nullptr;
  bool has_sent_ = false;
  std::string_view io_error_;
  std::string target_error_;
};

// As in Redis, each counts as looked up.
bool IsAnyThere(Call& call, std::span<const KeyRef> keys) {
  bool is_any = false;
  for (const KeyRef& key : keys) is_any |= static_cast<bool>(call.txn().Find(key, Access::kRead));
  return is_any;
}

bool IsAnyThereInTurn(Call& call) {
  bool is_any = false;
  for (std::span<const KeyRef> rest = KeysOf(call); !rest.empty();) {
    const auto next = rest.first(std::min(rest.size(), kMigrateKeysMax));
    call.Hold(next, [&] { is_any |= IsAnyThere(call, next); });
    rest = rest.subspan(next.size());
  }
  return is_any;
}

void Migrate(Call& call) {
  const std::optional<Options> options = ParseOptions(call);
  if (!options) return;
  if (!IsAnyThere(call, KeysOf(call))) return call.reply().Simple("NOKEY");
  if (call.is_in_lane()) return Moving(call, *options).Run(Moving::Stripes::kAreHeld);
  if (!call.may_wait()) return call.Error(kNotHere);
  if (!call.DeferToPeers()) call.Error(kTooMany);
}

// So many keys may have come here that nobody has looked at the options yet.
void MigrateInLane(Call& call) {
  const std::optional<Options> options = ParseOptions(call);
  if (!options) return;
  if (call.HasHeavyArguments() && !IsAnyThereInTurn(call)) return call.reply().Simple("NOKEY");
  Moving(call, *options).Run(Moving::Stripes::kInTurn);
}

constexpr Spec kSpecs[] = {
    Spec({.syntax = "MIGRATE host port <key | \"\"> destination-db timeout [COPY] [REPLACE] "
                    "[[AUTH password] | [AUTH2 username password]] [KEYS key [key ...]]",
          .access = "RW ACCESS DELETE; RW ACCESS DELETE INCOMPLETE FROM_END",
          .since = "2.6.0",
          .group = Group::kGeneric,
          .flags = command::kWrite | command::kWaitsForPeers,
          .categories = "dangerous",
          .complexity = "O(N) where N is the bytes of the values, here, on the way and there",
          .summary = "Moves keys to another server: each is here until it is there.",
          .history = "3.0.0: Added the options COPY and REPLACE.\n3.0.6: Added the option KEYS.\n"
                     "4.0.7: Added the option AUTH.\n6.0.0: Added the option AUTH2.",
          .tips = "nondeterministic_output",
          .run = &Migrate,
          .run_heavy = &MigrateInLane,
          .find_keys = &FindKeys}),
};

}  // namespace

MonotonicUs MigratePace::HoldUs(std::size_t sent) const {
  const std::size_t beyond = sent > bytes_ ? sent - bytes_ : 0;
  const auto chunks = static_cast<std::int64_t>(beyond / kMigrateChunkBytes);
  return timeout_us_ * (kMigrateHoldTimeoutsMax + chunks);
}

void MigratePace::Note(MonotonicUs took_us) {
  const bool was_quick = took_us <= timeout_us_ / 2;
  keys_ = was_quick ? std::min(2 * keys_, kMigrateKeysMax) : std::max<std::size_t>(keys_ / 2, 1);
  bytes_ =
      was_quick ? std::min(2 * bytes_, kMigrateBytesMax) : std::max(bytes_ / 2, kMigrateChunkBytes);
}

int MigrateTimeoutMs(std::int64_t asked_ms) {
  if (asked_ms <= 0) asked_ms = kMigrateTimeoutMsDefault;
  return static_cast<int>(std::min(asked_ms, kMigrateTimeoutMsMax));
}

std::span<const Spec> MigrateFamily() { return kSpecs; }

}  // namespace cairn::commands
