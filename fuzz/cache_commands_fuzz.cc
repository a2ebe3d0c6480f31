// SPDX-License-Identifier: BSD-3-Clause
// Caching commands with any arguments, beside plain ones, in an engine; and what they have logged,
// in its twin.
//
// The input is lines of words parted by blanks; "@ 500" lets so many milliseconds go by. Whatever
// is asked, each command answers with one whole reply, what is logged is replayed without an error,
// and then CACHE.INFO, PTTL and DUMP say the same of each key in both engines. At the end
// everything is flushed: no lease is held any more, and no key is left. An engine takes longer to
// make than an input to run, so a hundred inputs share one; what is left of the last is the count
// of bumps, and the clock.
#include <fmt/core.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "base/text.h"
#include "engine/engine.h"
#include "keyspace/lease_sweeper.h"
#include "resp/reply_parser.h"

namespace {

using cairn::engine::EmbeddedSession;
using cairn::engine::Engine;
using Words = std::vector<std::string_view>;

constexpr std::int64_t kStartUs = 1'700'000'000'000'000;
constexpr std::int64_t kStepMsMax = 100'000;
constexpr std::size_t kLogBytes = 1 << 20;  // an engine a run: it is to be made quickly
constexpr int kInputsATwin = 100;
constexpr std::size_t kLinesMax = 64;
constexpr std::size_t kKeysMax = 16;

// Those before the dot, and plain ones that race with them.
constexpr std::string_view kFamilies[] = {"CACHE.", "TAG.", "NAMESPACE.", "LIMIT.", "LOCK.", "CL."};
constexpr std::string_view kPlain[] = {
    "SET",     "GET",    "DEL",    "APPEND",  "PEXPIRE", "PERSIST", "RENAME",
    "COPY",    "SWAPDB", "SELECT", "FLUSHDB", "HSET",    "MULTI",   "EXEC",
    "DISCARD", "WATCH",  "GETDEL", "MSET",    "MOVE",    "UNLINK",  "INCR"};
bool IsAmong(std::string_view name, std::span<const std::string_view> names) {
  return std::ranges::any_of(
      names, [&](std::string_view one) { return cairn::EqualsIgnoreCase(name, one); });
}

bool IsWanted(std::string_view name) {
  return IsAmong(name, kPlain) || std::ranges::any_of(kFamilies, [&](std::string_view family) {
           return name.size() > family.size() &&
                  cairn::EqualsIgnoreCase(name.substr(0, family.size()), family);
         });
}

std::string_view TakeUntil(std::string_view& text, char end) {
  const std::size_t at = std::min(text.find(end), text.size());
  const std::string_view taken = text.substr(0, at);
  text.remove_prefix(std::min(at + 1, text.size()));
  return taken;
}

Words WordsOf(std::string_view line) {
  Words words;
  while (!line.empty()) {
    const std::string_view word = TakeUntil(line, ' ');
    if (!word.empty()) words.push_back(word);
  }
  return words;
}

// One reply, whole, and no more.
void CheckReply(const std::string& reply) {
  cairn::resp::ReplyParser parser({.depth_max = 100});
  cairn::resp::Value value;
  CHECK(parser.Next(reply, &value) == cairn::resp::ReplyParser::Outcome::kValue);
  CHECK(parser.consumed() == reply.size());
}

class Twins {
 public:
  Twins() { replayed_->BeginReplay(); }

  void Execute(std::string_view line) {
    const Words words = WordsOf(line);
    if (words.empty()) return;
    if (words[0] == "@") {
      const std::int64_t ms = words.size() > 1 ? cairn::ParseInt64(words[1]).value_or(1) : 1;
      if (ms > 0 && ms <= kStepMsMax) clock_.AdvanceMs(ms);
      engine_.keeper().RunOnce();
      return;
    }
    if (!IsWanted(words[0])) return;
    if (words.size() > 1 && names_.size() < kKeysMax) names_.emplace_back(words[1]);
    CheckReply(session_->Execute(words));
  }

  void Compare() {
    session_->Execute({"DISCARD"});
    Replay();
    for (const std::string& name : names_) {
      for (const std::string_view command : {"CACHE.INFO", "PTTL", "DUMP"})
        CompareReply(command, name);
    }
    CHECK(engine_.Digest() == twin_.Digest());
  }

  void Empty() {
    session_->Execute({"UNWATCH"});
    session_->Execute({"FLUSHALL"});
    std::vector<std::string> prefixes;
    for (const auto* space : engine_.keyspace().namespaces().declared())
      prefixes.emplace_back(space->prefix());
    for (const std::string& prefix : prefixes) session_->Execute({"NAMESPACE.DEL", prefix});
    session_->Execute({"SELECT", "0"});
    clock_.AdvanceMs(1);
    cairn::keyspace::LeaseSweeper(engine_.keyspace()).Tick();
    CHECK(engine_.keyspace().leases().held() == 0);
    CHECK(engine_.keyspace().leases().memory_bytes() == 0);
    CHECK(engine_.Digest() == std::string(40, '0'));
    Replay();
    names_.clear();
  }

 private:
  // What CACHE.INFO tells last. A sweep gives notes to what was there before its namespace, when it
  // comes by.
  static std::string WithoutBytes(const std::string& reply) {
    return reply.substr(0, reply.find("$5\r\nbytes\r\n"));
  }
  void CompareReply(std::string_view command, const std::string& name) {
    const std::string whole = session_->Execute({command, name});
    CheckReply(whole);
    const std::string ours = WithoutBytes(whole);
    looking_->set_db(session_->db());
    // Leases are in no log.
    if (command == "CACHE.INFO" && HasLease(name)) return;
    const std::string theirs = WithoutBytes(looking_->Execute({command, name}));
    if (ours == theirs) return;
    fmt::print(stderr, "{} {} says\n{}\nbut in the twin\n{}\n", command, name, ours, theirs);
    CHECK(ours == theirs);
  }
  void Replay() {
    while (const std::optional<cairn::log::Effect> effect = reader_->Next()) {
      replayed_->set_db(effect->db);
      const std::string reply = replayed_->Execute(Words(effect->args.begin(), effect->args.end()));
      CHECK(reply[0] != '-');
    }
  }

  // The last of CACHE.INFO's numbers but for the bytes is what is left of it: -1 for none.
  bool HasLease(const std::string& name) {
    const std::string info = session_->Execute({"CACHE.INFO", name});
    const std::size_t at = info.find("lease\r\n:");
    return at != info.npos && info[at + 8] != '-';
  }

  cairn::ManualClock clock_{kStartUs};
  Engine engine_{
      {.stripe_count = 4, .log_ring_bytes = kLogBytes, .clock = &clock_, .with_keeper = false}};
  Engine twin_{
      {.stripe_count = 2, .log_ring_bytes = kLogBytes, .clock = &clock_, .with_keeper = false}};
  std::unique_ptr<cairn::log::Reader> reader_ = engine_.AttachLogReader(cairn::log::Lag::kMustKeep);
  std::unique_ptr<EmbeddedSession> session_ = engine_.NewSession();
  std::unique_ptr<EmbeddedSession> replayed_ = twin_.NewSession();
  std::unique_ptr<EmbeddedSession> looking_ = twin_.NewSession();
  std::vector<std::string> names_;
};

}  // namespace

// What the stores keep from one input to the next is no leak, and hangs on tagged pointers, which
// the search for leaks does not see.
extern "C" const char* __asan_default_options() { return "detect_leaks=0"; }

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view input(reinterpret_cast<const char*>(data), size);
  static std::unique_ptr<Twins> twins;
  static int inputs = 0;
  if (inputs++ % kInputsATwin == 0) twins = std::make_unique<Twins>();
  for (std::size_t line = 0; line < kLinesMax && !input.empty(); ++line)
    twins->Execute(TakeUntil(input, '\n'));
  twins->Compare();
  twins->Empty();
  return 0;
}
