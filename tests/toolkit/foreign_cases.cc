// SPDX-License-Identifier: BSD-3-Clause
// The native caching commands, by whatever answers them: random sequences of them against the store
// at hand and an embedded engine side by side, with equal replies. Times are compared with a
// margin, and are so long that nothing ends meanwhile; tokens, ids and fences by what they stand
// for.
//
// What is documented to be weaker on foreign stores (docs/toolkit/foreign-stores.md) is not asked.
#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"
#include "foreign/scripts.h"
#include "toolkit/toolkit_check.h"
#include "value/limits.h"

namespace cairn::cache::checks {
namespace {

constexpr std::int64_t kMarginMs = 20'000;
// No time that is given is shorter.
constexpr std::int64_t kLongMs = 3'600'000;

std::string Words(const Command& command) {
  std::string text;
  for (std::size_t i = 0; i < command.size(); ++i)
    text += (i == 0 ? "" : " ") + std::string(command[i]);
  return text;
}

std::string ShowAll(const Result<Reply>& reply) {
  if (!reply || reply->elements().empty()) return Show(reply);
  std::string text = "[";
  for (const Reply& element : reply->elements()) text += ShowAll(element) + ",";
  return text + "]";
}

// Of two times in ms: both none, or near each other.
bool AreNear(const Reply& a, const Reply& b) {
  const auto left = a.AsInteger();
  const auto right = b.AsInteger();
  if (!left || !right) return left.has_value() == right.has_value() && a.is_null() == b.is_null();
  if (*left <= 0 || *right <= 0)
    return std::max(*left, *right) < kMarginMs && (*left < 0) == (*right < 0);
  return *left - *right < kMarginMs && *right - *left < kMarginMs;
}

bool SameError(const Result<Reply>& a, const Result<Reply>& b) {
  return !a && !b && a.error().code == b.error().code && a.error().detail == b.error().detail;
}

// Two stores that are told the same.
class Pair {
 public:
  Pair(Store subject, std::uint64_t seed)
      : subject_(std::move(subject)),
        reference_(OpenOrDie("embedded:")),
        random_(seed),
        prefix_("d" + std::to_string(SecureRandomUint64() % 1'000'000'000) + ":"),
        seed_(seed) {}

  Random& random() { return random_; }
  bool Chance(std::uint64_t of) { return random_.Below(of) == 0; }
  std::string Key(std::string_view name) const { return prefix_ + std::string(name); }
  // A key of so many; those of space are in one.
  std::string AnyKey(std::string_view family, std::uint64_t count) {
    return Key(std::string(family) + std::to_string(random_.Below(count)));
  }
  const std::string& difference() const { return difference_; }
  bool goes_on() const { return difference_.empty(); }

  std::pair<Result<Reply>, Result<Reply>> Ask(const Command& ours, const Command& theirs) {
    const CallOptions options{.timeout = 20s};
    return {subject_.client().Call(theirs, options), reference_.client().Call(ours, options)};
  }
  // The same words, and equal replies.
  void Same(const Command& command) {
    const auto [got, wanted] = Ask(command, command);
    if (got && wanted ? !(*got == *wanted) : !SameError(got, wanted)) Differ(command, got, wanted);
  }
  void Differ(const Command& command, const Result<Reply>& got, const Result<Reply>& wanted) {
    if (!difference_.empty()) return;
    difference_ = "seed " + std::to_string(seed_) + ": " + Words(command) + " -> " + ShowAll(got) +
                  ", not " + ShowAll(wanted);
  }

  // A token or an id of either store.
  struct Name {
    std::string reference;
    std::string subject;
  };
  std::map<std::string, std::vector<Name>> tokens;    // by key
  std::vector<std::pair<std::string, Name>> entries;  // of the log: key and id

 private:
  Store subject_;
  Store reference_;
  Random random_;
  std::string prefix_;
  std::uint64_t seed_;
  std::string difference_;
};

constexpr std::int64_t kVersions[] = {1, 2, 3, 9'007'199'254'740'993, 9'007'199'254'740'992};

// One random command on cached values.
class CacheMoves {
 public:
  CacheMoves(Pair& pair, bool has_versions) : pair_(pair), has_versions_(has_versions) {}

  void Move() {
    key_ = pair_.AnyKey(has_versions_ ? "v" : (pair_.Chance(2) ? "u" : "space:"), 3);
    switch (pair_.random().Below(16)) {
      case 0:
      case 1:
      case 2:
      case 3:
      case 4:
        return Get();
      case 5:
      case 6:
      case 7:
        return Fill("CACHE.SET", true);
      case 8:
        return Fill("CACHE.ABSENT", false);
      case 9:
        return Fill("CACHE.TOUCH", false);
      case 10:
        return Delete();
      case 11:
        return Same("CACHE.STALE");
      case 12:
        return pair_.Chance(3) ? Same("CACHE.FORGET") : Info();
      case 13:
        return Give();
      case 14:
        return Bump();
      default:
        return Others();
    }
  }

 private:
  void Same(std::string_view name) { pair_.Same(Command(name, key_)); }
  void MaybeVersion(std::string_view word, Command* command) {
    if (has_versions_ && pair_.Chance(2))
      command->Add(word).Add(kVersions[pair_.random().Below(std::size(kVersions))]);
  }
  std::string AnyTag() { return pair_.AnyKey("tag", 3); }

  void Get() {
    Command command("CACHE.GET", key_);
    if (!pair_.Chance(3)) command.Add("LEASE").Add(600'000);
    if (!pair_.Chance(3)) command.Add("STALE");
    MaybeVersion("MINVER", &command);
    if (pair_.Chance(2)) command.Add("WITHTAGS");
    const auto [got, wanted] = pair_.Ask(command, command);
    if (!got || !wanted) {
      if (!SameError(got, wanted)) pair_.Differ(command, got, wanted);
      return;
    }
    const auto a = got->elements();
    const auto b = wanted->elements();
    bool equal = a.size() == b.size() && a.size() >= 6 && a[0] == b[0] && a[1] == b[1] &&
                 a[2].is_null() == b[2].is_null() && a[2].type() == b[2].type() && a[3] == b[3] &&
                 AreNear(a[4], b[4]) && AreNear(a[5], b[5]);
    if (equal && a.size() == 7) equal = a[6] == b[6];
    if (!equal) return pair_.Differ(command, got, wanted);
    if (!a[2].is_null()) {
      pair_.tokens[key_].push_back({.reference = std::to_string(b[2].AsInteger().value_or(0)),
                                    .subject = std::to_string(a[2].AsInteger().value_or(0))});
    }
  }
  // The last one mostly, else any; nothing if there is none.
  const Pair::Name* AnyToken() {
    const auto& known = pair_.tokens[key_];
    if (known.empty()) return nullptr;
    return &known[pair_.Chance(4) ? pair_.random().Below(known.size()) : known.size() - 1];
  }

  void Fill(std::string_view name, bool has_value) {
    Command ours(name, key_);
    if (has_value) ours.Add("value" + std::to_string(pair_.random().Below(100)));
    Command theirs = ours;
    if (const Pair::Name* token = AnyToken(); token != nullptr && !pair_.Chance(3)) {
      ours.Add("TOKEN").Add(token->reference);
      theirs.Add("TOKEN").Add(token->subject);
    }
    Command rest("");
    MaybeVersion("VER", &rest);
    if (pair_.Chance(2)) rest.Add("TTL").Add(kLongMs);
    if (pair_.Chance(3)) rest.Add("STALE").Add(kLongMs);
    // More than there is left: it is to be loaded anew at once.
    if (pair_.Chance(4)) rest.Add("COST").Add(kLongMs);
    if (const std::uint64_t count = pair_.random().Below(3); count > 0) {
      rest.Add("TAGS").Add(count);
      for (std::uint64_t n = 0; n < count; ++n) rest.Add(AnyTag());
    }
    for (std::size_t i = 1; i < rest.size(); ++i) {
      ours.Add(rest[i]);
      theirs.Add(rest[i]);
    }
    Compare(ours, theirs);
  }
  void Compare(const Command& ours, const Command& theirs) {
    const auto [got, wanted] = pair_.Ask(ours, theirs);
    if (got && wanted ? !(*got == *wanted) : !SameError(got, wanted))
      pair_.Differ(theirs, got, wanted);
  }

  void Delete() {
    Command command("CACHE.DEL", key_);
    MaybeVersion("VER", &command);
    pair_.Same(command);
  }
  void Give() {
    const Pair::Name* token = AnyToken();
    if (token == nullptr) return;
    // At Cairn what a hard bump has made an end of takes its lease along once it is come upon.
    Info();
    Command ours("CACHE.FAIL", key_, token->reference);
    Command theirs("CACHE.FAIL", key_, token->subject);
    if (pair_.Chance(2)) {
      ours.Add("RETRY").Add(600'000);
      theirs.Add("RETRY").Add(600'000);
    }
    Compare(ours, theirs);
  }
  void Info() {
    const Command command("CACHE.INFO", key_);
    const auto [got, wanted] = pair_.Ask(command, command);
    if (!got || !wanted || got->is_null() || wanted->is_null()) {
      if (!got || !wanted || got->is_null() != wanted->is_null())
        pair_.Differ(command, got, wanted);
      return;
    }
    for (const std::string_view name : {"state", "version", "cost", "tags"}) {
      const Reply* a = got->Find(name);
      const Reply* b = wanted->Find(name);
      if (a == nullptr || b == nullptr || !(*a == *b)) return pair_.Differ(command, got, wanted);
    }
    for (const std::string_view name : {"age", "fresh-for", "expires-in", "lease"}) {
      if (!AreNear(*got->Find(name), *wanted->Find(name)))
        return pair_.Differ(command, got, wanted);
    }
  }
  void Bump() {
    const std::string_view kind = pair_.Chance(2) ? "SOFT" : "HARD";
    if (pair_.Chance(3)) return pair_.Same(Command("TAG.BUMP", kind, AnyTag(), AnyTag()));
    pair_.Same(Command("TAG.BUMP", kind, AnyTag()));
  }
  void Others() {
    if (pair_.Chance(3)) return pair_.Same(Command("NAMESPACE.CLEAR", pair_.Key("space:")));
    // By a plain delete a tombstone stays at Cairn only, and an absence is no key there.
    if (has_versions_) return pair_.Same(Command("CACHE.STALE", key_, pair_.AnyKey("v", 3)));
    const Command command("DEL", pair_.AnyKey("u", 3));
    pair_.Ask(command, command);
  }

  Pair& pair_;
  const bool has_versions_;
  std::string key_;
};

void CacheSequences(const std::string& uri, bool has_versions, Complaints& say) {
  constexpr std::uint64_t kSeeds = 12;
  constexpr int kMoves = 250;
  for (std::uint64_t n = 0; n < kSeeds; ++n) {
    Pair pair(OpenOrDie(uri), n * 2 + (has_versions ? 1 : 0));
    pair.Same(Command("NAMESPACE.SET", pair.Key("space:"), "TTL", kLongMs * 2, "NEGTTL", kLongMs));
    CacheMoves moves(pair, has_versions);
    for (int i = 0; i < kMoves && pair.goes_on(); ++i) moves.Move();
    // There may be 256.
    pair.Same(Command("NAMESPACE.DEL", pair.Key("space:")));
    say.Check(pair.goes_on(), pair.difference());
    if (!pair.goes_on()) return;
  }
}

// ---- What is wrong with a command
// -----------------------------------------------------------------

void Errors(const std::string& uri, Complaints& say) {
  Pair pair(OpenOrDie(uri), 0);
  const std::string key = pair.Key("{e}e");
  const std::string list = pair.Key("{e}list");
  pair.Same(Command("RPUSH", list, "a"));
  const std::vector<Command> wrong = {
      Command("CACHE.GET"),
      Command("CACHE.GET", key, "LEASE"),
      Command("CACHE.GET", key, "LEASE", 0),
      Command("CACHE.GET", key, "LEASE", "x"),
      Command("CACHE.GET", key, "MINVER", -1),
      Command("CACHE.GET", key, "NONSENSE"),
      Command("CACHE.GET", list),
      Command("CACHE.SET", key),
      Command("CACHE.SET", key, "v", "STALE", 5),
      Command("CACHE.SET", key, "v", "JITTER", 101),
      Command("CACHE.SET", key, "v", "TTL", 0),
      Command("CACHE.SET", key, "v", "TAGS", 2, "a"),
      Command("CACHE.SET", key, "v", "TAGS", 65),
      Command("CACHE.SET", key, "v", "VER", 1, "VER", 2),
      Command("CACHE.SET", key, "v", "MAXLEN", 5),
      Command("CACHE.SET", key, "v", "TOKEN", 1, "BEHIND", key),
      Command("CACHE.SET", key, "v", "TOKEN", 77),
      Command("CACHE.TOUCH", key),
      Command("CACHE.DEL", key, "TOMBSTONE", 5),
      Command("CACHE.FAIL", key, "x"),
      Command("CACHE.FAIL", key, 5),
      Command("CACHE.INFO", key),
      Command("CACHE.FORGET", key),
      Command("CACHE.ACK", key, "1-1"),
      Command("CACHE.ACK", key, "x", key),
      Command("CACHE.ACK", list, "1-1", key),
      Command("CACHE.BARRIER", key, "WAIT", -1),
      Command("CACHE.BARRIER", key),
      Command("CACHE.BARRIER", list),
      Command("TAG.BUMP", "MILD", "t"),
      Command("TAG.BUMP", "SOFT", std::string(1025, 't')),
      Command("TAG.ADD", key, "t"),
      Command("NAMESPACE.SET", "", "TTL", 5),
      Command("NAMESPACE.SET", key, "TTL", 0),
      Command("NAMESPACE.CLEAR", pair.Key("none")),
      Command("NAMESPACE.DEL", pair.Key("none")),
      Command("NAMESPACE.INFO", pair.Key("none")),
      Command("LIMIT.GCRA", key, 0, 5),
      Command("LIMIT.GCRA", key, "x", 5),
      Command("LIMIT.FIXED", key, 1, 5, "BURST", 5),
      Command("LIMIT.FIXED", key, 1, 5, "COST", 2),
      Command("LIMIT.SLIDING", list, 1, 5),
      Command("LIMIT.ALL", 0, key, "GCRA", 1, 1),
      Command("LIMIT.ALL", 2, key, key, "GCRA", 1, 1, "FIXED", 1, 1),
      Command("LIMIT.ALL", 1, key, "MAGIC", 1, 1),
      Command("CL.THROTTLE", key, -1, 1, 1),
      Command("CL.THROTTLE", key, 1, 1, 1, 1, 1),
      Command("LOCK.ACQUIRE", key, "", 5),
      Command("LOCK.ACQUIRE", key, "me", 0),
      Command("LOCK.ACQUIRE", key, "me", 5, "WAIT", -1),
      Command("LOCK.ACQUIRE", list, "me", 5),
      Command("LOCK.RENEW", key, "me", "x"),
      Command("LOCK.RELEASE", key, "me"),
      Command("LOCK.INFO", key)};
  for (const Command& command : wrong) pair.Same(command);
  say.Check(pair.goes_on(), pair.difference());
}

// ---- Limiters
// ------------------------------------------------------------------------------------

bool AreNearAll(const Reply& a, const Reply& b) {
  if (!a.is_aggregate() || a.elements().size() != b.elements().size())
    return !a.is_aggregate() && !b.is_aggregate() && AreNear(a, b);
  for (std::size_t i = 0; i < a.elements().size(); ++i) {
    const bool is_time = i == 3 || i == 4;
    const Reply& x = a.elements()[i];
    const Reply& y = b.elements()[i];
    if (x.is_aggregate() || is_time ? !AreNearAll(x, y) : !(x == y)) return false;
  }
  return true;
}

void LimitReplies(const std::string& uri, Complaints& say) {
  constexpr int kMoves = 600;
  Pair pair(OpenOrDie(uri), 7);
  constexpr std::string_view kNames[] = {"LIMIT.GCRA", "LIMIT.FIXED", "LIMIT.SLIDING"};
  for (int i = 0; i < kMoves && pair.goes_on(); ++i) {
    Command command;
    const std::uint64_t law = pair.random().Below(3);
    const std::string key = pair.AnyKey("{l}" + std::to_string(law) + ":", 4);
    if (pair.Chance(5)) {
      command = Command("LIMIT.ALL", 2, pair.Key("{l}all1"), pair.Key("{l}all2"));
      command.Add("GCRA").Add(5).Add(kLongMs * 24).Add("BURST").Add(9);
      command.Add("SLIDING").Add(20).Add(kLongMs * 24);
    } else if (pair.Chance(6)) {
      command =
          Command("CL.THROTTLE", pair.AnyKey("cell", 2), 5, 3, 86'400, pair.random().Below(4));
    } else if (pair.Chance(12)) {
      command = Command("DEL", key);
    } else {
      command = Command(kNames[law], key, 6 + pair.random().Below(3), kLongMs * 24, "COST",
                        1 + pair.random().Below(3));
    }
    const bool may_peek = command[0].starts_with("LIMIT");
    if (may_peek && pair.Chance(4)) command.Add("PEEK");
    const auto [got, wanted] = pair.Ask(command, command);
    if (got && wanted ? !AreNearAll(*got, *wanted) : !SameError(got, wanted))
      pair.Differ(command, got, wanted);
  }
  say.Check(pair.goes_on(), pair.difference());
}

// A state as may be there: of another rule, of a clock that was ahead, with counts of every age.
void PutState(const Store& store, Random& random, const value::LimitRule& rule,
              const std::string& key) {
  const auto clock = store.client().Call(Command("TIME"));
  if (!clock) return;
  const std::int64_t now_us = clock->elements()[0].AsInteger().value_or(0) * 1'000'000 +
                              clock->elements()[1].AsInteger().value_or(0);
  const auto below = [&](std::uint64_t bound) {
    return static_cast<std::int64_t>(random.Below(bound));
  };
  value::LimitState state = value::FreshState(rule.law);
  if (auto* gcra = std::get_if<value::GcraState>(&state)) {
    gcra->of = 1 + below(9);
    gcra->part = below(static_cast<std::uint64_t>(gcra->of));
    gcra->tat_us = now_us - 10'000 + below(30'000);
  } else if (auto* fixed = std::get_if<value::FixedState>(&state)) {
    *fixed = {.end_us = now_us - 10'000 + below(30'000), .count = below(12)};
  } else if (auto* sliding = std::get_if<value::SlidingState>(&state)) {
    sliding->step_us = (rule.period_us + 15) / 16 + (random.Below(3) == 0 ? below(100) : 0);
    sliding->head = now_us / sliding->step_us - 2 + below(6);
    for (std::int64_t& count : sliding->counts) count = random.Below(3) == 0 ? below(3) : 0;
    sliding->counts.back() = 1;
  }
  char text[value::kLimitTextMax];
  const auto size = static_cast<std::size_t>(value::FormatLimitState(text, state) - text);
  store.client().Call(Command("SET", key, std::string_view(text, size), "PX", 60'000)).value();
}

// What the script decides and stores, against the law itself, at periods of milliseconds.
void LimitLaws(const std::string& uri, Complaints& say) {
  const Store store = OpenOrDie(uri);
  const Capabilities::Kind kind = store.capabilities().kind;
  if (kind == Capabilities::Kind::kEmbedded || kind == Capabilities::Kind::kCairn) return;
  const foreign::ScriptBook book;
  const cache::Script& script = book[foreign::ScriptId::kLimit];
  Random random(11);
  constexpr int kMoves = 1500;
  const std::string prefix = "law" + std::to_string(SecureRandomUint64()) + ":";
  for (int i = 0; i < kMoves; ++i) {
    const std::uint64_t law = random.Below(3);
    const std::int64_t limit = static_cast<std::int64_t>(1 + random.Below(9));
    const std::int64_t period_us = static_cast<std::int64_t>(1 + random.Below(20)) * 1000;
    value::LimitRule rule{.law = static_cast<value::Law>(law),
                          .limit = limit,
                          .period_us = period_us,
                          .burst = limit};
    const std::int64_t cost =
        1 + static_cast<std::int64_t>(random.Below(static_cast<std::uint64_t>(limit)));
    std::vector<std::string> words = {"take", std::string(1, "GFS"[law]), std::to_string(limit)};
    std::vector<std::int64_t> numbers = {period_us, cost, 0, 0};
    if (law == 0) numbers = {cost * period_us / limit, cost * period_us % limit, period_us, 0};
    if (law == 2) numbers[0] = (period_us + 15) / 16;
    for (const std::int64_t number : numbers) words.push_back(std::to_string(number));
    const std::vector<std::string> keys = {prefix + std::to_string(law * 2 + random.Below(2))};
    if (random.Below(4) == 0) PutState(store, random, rule, keys[0]);
    const auto seen = store.client().Eval(script, keys, words);
    if (!seen) return say.Check(false, seen.error().detail);
    const std::int64_t now_us = seen->elements()[0].AsInteger().value_or(0);
    const Reply& before = seen->elements()[1];
    auto state = before.is_null() ? value::FreshState(rule.law)
                                  : value::ParseLimitState(rule.law, before.text());
    if (!state) return say.Check(false, "not a state: " + std::string(before.text()));
    const auto answer = value::Ask(rule, now_us, cost, value::Charge::kTake, *state);
    const auto after = store.client().Call(Command("GET", keys[0]));
    if (!after || after->is_null()) continue;  // its time was over meanwhile
    char text[value::kLimitTextMax];
    const std::string wanted(
        text, static_cast<std::size_t>(value::FormatLimitState(text, *state) - text));
    if (answer.allowed ? after->text() != wanted : after->text() != before.text())
      return say.Check(false, "stored " + std::string(after->text()) + ", not " + wanted);
  }
}

// ---- Locks
// ---------------------------------------------------------------------------------------

void LockReplies(const std::string& uri, Complaints& say) {
  constexpr int kMoves = 400;
  Pair pair(OpenOrDie(uri), 3);
  std::map<std::string, std::pair<std::int64_t, std::int64_t>> fences;  // the last of a key
  for (int i = 0; i < kMoves && pair.goes_on(); ++i) {
    const std::string key = pair.AnyKey("lock", 3);
    const std::string owner = "owner" + std::to_string(pair.random().Below(3));
    Command command("LOCK.RELEASE", key, owner);
    const std::uint64_t move = pair.random().Below(5);
    if (move < 2) command = Command("LOCK.ACQUIRE", key, owner, kLongMs);
    if (move == 2) command = Command("LOCK.RENEW", key, owner, kLongMs);
    if (pair.Chance(8)) command = Command("DEL", key);
    const auto [got, wanted] = pair.Ask(command, command);
    if (!got || !wanted || got->type() != wanted->type()) {
      pair.Differ(command, got, wanted);
    } else if (command[0] == "LOCK.ACQUIRE" && !got->is_null()) {
      const std::pair now(*got->AsInteger(), *wanted->AsInteger());
      say.Check(now.first > fences[key].first, "fences grow");
      fences[key] = now;
    } else if (got->is_aggregate()) {
      const Reply& fence = got->elements()[1];
      const bool is_known = fence.AsInteger().value_or(-1) == 0
                                ? wanted->elements()[1].AsInteger().value_or(-1) == 0
                                : fence.AsInteger().value_or(-1) == fences[key].first;
      if (!(got->elements()[0] == wanted->elements()[0]) || !is_known)
        pair.Differ(command, got, wanted);
    } else if (!(*got == *wanted)) {
      pair.Differ(command, got, wanted);
    }
  }
  say.Check(pair.goes_on(), pair.difference());
}

// ---- Write-behind
// --------------------------------------------------------------------------------

class BehindMoves {
 public:
  explicit BehindMoves(Pair& pair) : pair_(pair), log_(pair.Key("{b}log")) {
    pair_.Same(Command("XGROUP", "CREATE", log_, "workers", "0", "MKSTREAM"));
  }

  void Move() {
    const std::string key = pair_.AnyKey("{b}k", 3);
    switch (pair_.random().Below(9)) {
      case 8:
        return Read();
      case 0:
      case 1:
        return Write(Command("CACHE.SET", key, "x" + std::to_string(pair_.random().Below(9))), key);
      case 2:
        return Write(Command("CACHE.DEL", key), key);
      case 3:
      case 4:
        return Acknowledge();
      case 5:
        return pair_.Same(Command("XLEN", log_));
      case 6:
        return pair_.Same(Command("CACHE.BARRIER", log_));
      default:
        return Look(key);
    }
  }

 private:
  void Write(Command command, const std::string& key) {
    if (pair_.Chance(2)) command.Add("VER").Add(++version_);
    if (command[0] == "CACHE.SET" && pair_.Chance(2)) command.Add("TTL").Add(kLongMs);
    command.Add("BEHIND").Add(log_).Add("MAXLEN").Add(6);
    if (pair_.Chance(2))
      command.Add("COALESCE").Add(0);
    else
      command.Add("COALESCE").Add(600'000);
    const auto [got, wanted] = pair_.Ask(command, command);
    if (got && wanted && got->type() == wanted->type() && got->type() == Reply::Type::kText) {
      pair_.entries.emplace_back(key, Pair::Name{.reference = std::string(wanted->text()),
                                                 .subject = std::string(got->text())});
      return;
    }
    if (got && wanted ? !(*got == *wanted) : !SameError(got, wanted))
      pair_.Differ(command, got, wanted);
  }
  // What a group has read is not coalesced any more; what is acknowledged is nobody's.
  void Read() {
    const Command read("XREADGROUP", "GROUP", "workers", "w", "COUNT", 1, "STREAMS", log_, ">");
    const auto [got, wanted] = pair_.Ask(read, read);
    if (!got || !wanted || got->is_null() != wanted->is_null())
      return pair_.Differ(read, got, wanted);
    const Command pending("XPENDING", log_, "workers");
    const auto [left, right] = pair_.Ask(pending, pending);
    if (!left || !right || !(left->elements()[0] == right->elements()[0]))
      pair_.Differ(pending, left, right);
  }
  void Acknowledge() {
    if (pair_.entries.empty()) return;
    const auto& [key, id] = pair_.entries[pair_.random().Below(pair_.entries.size())];
    const Command ours("CACHE.ACK", log_, id.reference, key);
    const Command theirs("CACHE.ACK", log_, id.subject, key);
    const auto [got, wanted] = pair_.Ask(ours, theirs);
    if (got && wanted ? !(*got == *wanted) : !SameError(got, wanted))
      pair_.Differ(theirs, got, wanted);
  }
  void Look(const std::string& key) {
    const Command command("CACHE.GET", key, "STALE");
    const auto [got, wanted] = pair_.Ask(command, command);
    if (!got || !wanted) return pair_.Differ(command, got, wanted);
    const auto a = got->elements();
    const auto b = wanted->elements();
    if (!(a[0] == b[0]) || !(a[1] == b[1]) || !(a[3] == b[3]) || !AreNear(a[5], b[5]))
      pair_.Differ(command, got, wanted);
  }

  Pair& pair_;
  const std::string log_;
  std::int64_t version_ = 0;
};

void BehindSequences(const std::string& uri, Complaints& say) {
  constexpr std::uint64_t kSeeds = 6;
  constexpr int kMoves = 150;
  for (std::uint64_t seed = 100; seed < 100 + kSeeds; ++seed) {
    Pair pair(OpenOrDie(uri), seed);
    BehindMoves moves(pair);
    for (int i = 0; i < kMoves && pair.goes_on(); ++i) moves.Move();
    say.Check(pair.goes_on(), pair.difference());
    if (!pair.goes_on()) return;
  }
}

}  // namespace

Cases ForeignCases(const std::vector<std::string>& uris) {
  const std::string& uri = uris[0];
  return {
      {"CacheSequences", [uri](Complaints& say) { CacheSequences(uri, false, say); }},
      {"VersionSequences", [uri](Complaints& say) { CacheSequences(uri, true, say); }},
      {"BehindSequences", [uri](Complaints& say) { BehindSequences(uri, say); }},
      {"Errors", [uri](Complaints& say) { Errors(uri, say); }},
      {"LimitReplies", [uri](Complaints& say) { LimitReplies(uri, say); }},
      {"LimitLaws", [uri](Complaints& say) { LimitLaws(uri, say); }},
      {"LockReplies", [uri](Complaints& say) { LockReplies(uri, say); }},
  };
}

}  // namespace cairn::cache::checks
