// SPDX-License-Identifier: BSD-3-Clause
// What a word means is told by the argument's name: "offset" of SETBIT is no "increment".
#include "differential/generator.h"

#include <algorithm>
#include <array>
#include <optional>
#include <span>
#include <utility>

#include "base/text.h"

namespace cairn::differential {
namespace {

constexpr std::uint64_t kMutatePercent = 6;
constexpr std::uint64_t kTransactionPercent = 4;  // of about seven commands each
constexpr std::uint64_t kOptionPercent = 35;
constexpr std::uint64_t kWildPercent = 4;  // a number from far outside what makes sense
constexpr std::int64_t kRepeatMax = 3;
constexpr std::int64_t kRelativeSecondsMin = 1000;
constexpr std::int64_t kAbsoluteSeconds = 4'102'444'800;  // 2100-01-01

using namespace std::string_view_literals;

constexpr std::string_view kKeys[] = {"a", "b", "c", "d", "e", "{t}f", "{t}g", "\x00\xff"sv};
constexpr std::string_view kWildNumbers[] = {
    "9223372036854775807",
    "-9223372036854775808",
    "9223372036854775808",
    "4294967296",
    "2147483648",
    "-2147483649",
    "1.5",
    "abc",
    "",
    " 1",
    "+1",
    "01",
    "-0",
    "1e3",
    "18446744073709551615",
};
constexpr std::string_view kTexts[] = {
    "",
    "x",
    "hello",
    "Hello World",
    "\x00\xff\x0f\xf0"sv,
    "\r\n",
    "0",
    "1",
    "-1",
    "10",
    "255",
    "12345678901234567890",
    "9223372036854775807",
    "-9223372036854775808",
    "3.0",
    "2.5",
    "1e10",
    "0x10",
    "inf",
    "nan",
    " 5",
    "5 ",
    "007",
    "abcabcabc",
    "HYLL",
};
constexpr std::string_view kPatterns[] = {"*",  "a",       "?",   "[a-c]", "[^a]", "{t}*",
                                          "*f", "nothing", "\\a", "[",     ""};
constexpr std::string_view kEncodings[] = {"u1",  "u8",  "i8",  "u16", "i16", "u5", "i7",
                                           "u63", "i64", "u64", "i65", "u0",  "x8"};
constexpr std::string_view kBitOperations[] = {"AND", "OR", "XOR", "NOT", "and", "FOO"};
// Few, so that they are found again; some name keys, for SORT's patterns.
constexpr std::string_view kListElements[] = {"a", "b",  "c",  "d",  "1", "2",
                                              "3", "10", "-1", "01", ""};
constexpr std::string_view kScores[] = {"0",   "1",    "1",  "2",    "3",  "-1", "1.5",
                                        "inf", "-inf", "(1", "(2.5", "-0", "1e3"};
constexpr std::string_view kMemberEnds[] = {"-", "+", "[f", "[1", "(g", "(2", "[", "b"};
constexpr std::string_view kTypes[] = {"string", "list",   "hash",    "set",
                                       "zset",   "STRING", "nonsense"};
// Few, so that commands meet the same ones: fields of hashes, members of sets.
constexpr std::string_view kElements[] = {"f", "g", "h", "1", "2", "-3", "70000", ""};
constexpr std::string_view kStreamIds[] = {
    "-", "+",  "0",  "0-0", "1",   "(1", "(3-1", "1-*", "3-*", "$",
    ">", "5-", "-5", "x-1", "9-9", "99", "0-1",  "1-1", "(0",  "18446744073709551615-1",
};
constexpr std::string_view kGroups[] = {"g", "g", "g", "h", "no"};
constexpr std::string_view kConsumers[] = {"alice", "bob", "carol"};

// How long a command may wait: a moment, or not at all because no server takes it.
constexpr std::string_view kTimeouts[] = {"0.001", "0.01", "-1", "abc", "", "-0.5", "nan"};
constexpr std::string_view kBlocks[] = {"1", "2", "-1", "abc", "1.5"};

bool IsOneOf(std::string_view word, std::span<const std::string_view> words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

// Where the timeout of a command that waits stands; 0: it has none.
std::size_t TimeoutPosition(const Command& command) {
  constexpr std::string_view kFirst[] = {"BLMPOP", "BZMPOP"};
  constexpr std::string_view kLast[] = {"BLMOVE",     "BLPOP",    "BRPOP",
                                        "BRPOPLPUSH", "BZPOPMAX", "BZPOPMIN"};
  if (IsOneOf(command.front(), kFirst)) return 1;
  return IsOneOf(command.front(), kLast) ? command.size() - 1 : 0;
}

// Where BLOCK's milliseconds may stand; 0: nowhere.
std::size_t BlockPosition(const Command& command) {
  if (!command.front().starts_with("XREAD")) return 0;
  for (std::size_t i = 1; i + 1 < command.size(); ++i) {
    if (EqualsIgnoreCase(command[i], "BLOCK")) return i + 1;
  }
  return 0;
}

// What waits for long would stop the tester; an id made by the clock is nobody else's; a member
// popped at random leaves the servers with different data.
bool CannotBeCompared(const Command& command) {
  const std::size_t timeout = TimeoutPosition(command);
  if (timeout > 0 && (timeout >= command.size() || !IsOneOf(command[timeout], kTimeouts)))
    return command.size() > 2;
  if (const std::size_t block = BlockPosition(command); block > 0)
    return !IsOneOf(command[block], kBlocks);
  if (EqualsIgnoreCase(command.front(), "SPOP"))
    return command.size() == 2 || (command.size() == 3 && command[2] != "100000" &&
                                   ParseInt64(command[2]).value_or(0) > 0);
  const auto has = [&](std::string_view word) {
    return std::any_of(command.begin(), command.end(),
                       [&](const std::string& other) { return EqualsIgnoreCase(other, word); });
  };
  return EqualsIgnoreCase(command.front(), "XADD") && has("*");
}

// Whether a time so short stands in the command that the servers might differ about its end: a
// changed word may have become one.
bool DependsOnClock(const Command& command) {
  constexpr std::string_view kBefore[] = {"EX", "PX"};
  constexpr std::string_view kCommands[] = {"SETEX", "PSETEX", "EXPIRE", "PEXPIRE"};
  const auto is_short = [&](std::size_t at, std::int64_t unit) {
    if (at >= command.size()) return false;
    const std::optional<std::int64_t> time = ParseInt64(command[at]);
    return time && *time > 0 && *time < kRelativeSecondsMin * unit;
  };
  const auto is_one_of = [](const std::string& word, std::span<const std::string_view> words) {
    return std::any_of(words.begin(), words.end(),
                       [&](std::string_view other) { return EqualsIgnoreCase(word, other); });
  };
  const bool is_milliseconds = command.front().front() == 'P';
  if (is_one_of(command.front(), kCommands) && is_short(2, is_milliseconds ? 1000 : 1)) {
    return true;
  }
  for (std::size_t i = 1; i < command.size(); ++i) {
    const std::int64_t unit = EqualsIgnoreCase(command[i], "PX") ? 1000 : 1;
    if (is_one_of(command[i], kBefore) && is_short(i + 1, unit)) return true;
  }
  return false;
}

// Whether a smaller count makes an answer that cannot be compared.
bool AsksForAll(std::string_view name) { return name.ends_with("SCAN") || name == "SPOP"; }

// Whether so many draws are asked for that no server has room for the reply.
bool DrawsTooMuch(const Command& command) {
  constexpr std::int64_t kDrawsMax = 10'000;
  if (command.size() < 3) return false;
  constexpr std::string_view kDraws[] = {"HRANDFIELD", "SRANDMEMBER", "ZRANDMEMBER"};
  const bool draws = IsOneOf(command[0], kDraws);
  return draws && ParseInt64(command[2]).value_or(0) < -kDrawsMax;
}

}  // namespace

Generator::Generator(std::span<const CommandGrammar> grammars, std::uint64_t seed)
    : grammars_(grammars), random_(seed) {}

Sequence Generator::NextSequence(std::size_t length) {
  Sequence sequence;
  while (sequence.size() < length) {
    if (Chance(kTransactionPercent)) {
      AppendTransaction(sequence);
    } else {
      AppendCommand(Slips::kSome, sequence);
    }
  }
  return sequence;
}

void Generator::AppendCommand(Slips slips, Sequence& sequence) {
  for (const std::size_t before = sequence.size(); sequence.size() == before;) {
    Command command = NextCommand(slips);
    if (!DependsOnClock(command) && !DrawsTooMuch(command) && !CannotBeCompared(command))
      sequence.push_back(std::move(command));
  }
}

// Commands within are whole: where 7.2 takes one argument more than the oracle, only one of the
// two would refuse to queue it, and the transaction.
void Generator::AppendTransaction(Sequence& sequence) {
  if (Chance(40)) {
    sequence.push_back({"WATCH", Key(), Key()});
    for (std::int64_t left = Between(0, 2); left > 0; --left) AppendCommand(Slips::kSome, sequence);
    if (Chance(15)) sequence.push_back({"UNWATCH"});
  }
  sequence.push_back({"MULTI"});
  for (std::int64_t left = Between(0, 8); left > 0; --left) {
    AppendCommand(Slips::kNone, sequence);
    if (Chance(2)) sequence.push_back({"MULTI"});
    if (Chance(2)) sequence.push_back({"WATCH", Key()});
    if (Chance(2)) sequence.push_back({"UNWATCH"});
    if (Chance(1)) sequence.push_back({"NOSUCH", Key()});
    if (Chance(1)) sequence.push_back({"GET"});
  }
  sequence.push_back({Chance(85) ? "EXEC" : "DISCARD"});
  if (Chance(5)) sequence.push_back({Chance(50) ? "EXEC" : "DISCARD"});
}

Command Generator::NextCommand(Slips slips) {
  const CommandGrammar& grammar = grammars_[random_.Below(grammars_.size())];
  Command command = grammar.words;
  for (const Argument& argument : grammar.arguments) Emit(argument, command);
  if (const std::size_t at = TimeoutPosition(command); at > 0)
    command[at] = Chance(90) ? kTimeouts[0] : Pick(kTimeouts);
  if (const std::size_t at = BlockPosition(command); at > 0)
    command[at] = Chance(90) ? kBlocks[0] : Pick(kBlocks);
  if (slips == Slips::kSome && Chance(kMutatePercent)) Mutate(command);
  return command;
}

void Generator::Emit(const Argument& argument, Command& command) {
  if (argument.optional && !Chance(kOptionPercent)) return;
  const std::int64_t times = argument.multiple ? Between(1, kRepeatMax) : 1;
  if (argument.type == ArgumentType::kKey && counted_ && Chance(95)) {
    command.back() = Int64ToString(times);
  }
  counted_ = argument.name == "numkeys";
  for (std::int64_t i = 0; i < times; ++i) {
    if (!argument.token.empty() && (i == 0 || argument.multiple_token)) {
      command.push_back(Chance(10) ? ToLower(argument.token) : argument.token);
    }
    EmitOnce(argument, command);
  }
}

void Generator::EmitOnce(const Argument& argument, Command& command) {
  switch (argument.type) {
    case ArgumentType::kKey:
      command.push_back(Key());
      break;
    case ArgumentType::kString:
      command.push_back(Text(argument.name));
      break;
    case ArgumentType::kInteger:
      command.push_back(argument.name == "count" && !AsksForAll(command.front())
                            ? Int64ToString(Between(-3, 6))
                            : Integer(argument.name));
      break;
    case ArgumentType::kDouble:
      command.push_back(Double(argument.name));
      break;
    case ArgumentType::kPattern:
      command.push_back(Pick(kPatterns));
      break;
    case ArgumentType::kUnixTime:
      command.push_back(
          AbsoluteTime(argument.name.find("milliseconds") == std::string::npos ? 1 : 1000));
      break;
    case ArgumentType::kPureToken:
      break;
    case ArgumentType::kOneOf:
      if (!argument.children.empty()) {
        Emit(argument.children[random_.Below(argument.children.size())], command);
      }
      break;
    case ArgumentType::kBlock:
      for (const Argument& child : argument.children) Emit(child, command);
      break;
  }
}

// A word too many, too few, of another kind, or two changed places.
void Generator::Mutate(Command& command) {
  const std::size_t at = 1 + random_.Below(command.size());
  switch (random_.Below(4)) {
    case 0:
      command.insert(command.begin() + static_cast<std::ptrdiff_t>(std::min(at, command.size())),
                     Value());
      break;
    case 1:
      if (at < command.size()) command.erase(command.begin() + static_cast<std::ptrdiff_t>(at));
      break;
    case 2:
      if (at < command.size()) command[at] = Pick(kWildNumbers);
      break;
    default:
      if (at + 1 < command.size()) std::swap(command[at], command[at + 1]);
      break;
  }
}

std::string Generator::Key() { return Pick(kKeys); }

std::string Generator::Value() {
  if (Chance(5)) return std::string(static_cast<std::size_t>(Between(40, 50)), 'x');
  if (Chance(2)) return std::string(static_cast<std::size_t>(Between(16'380, 16'390)), 'y');
  if (Chance(40)) return Int64ToString(Between(-100, 100));
  return Pick(kTexts);
}

std::string Generator::RelativeTime(std::int64_t unit) {
  if (Chance(10)) return Pick(std::array{"0"sv, "-1"sv, "-100"sv});
  next_time_ = (next_time_ + 7919) % 1'000'000;  // a step prime to the modulus: no repeats
  return Int64ToString((kRelativeSecondsMin + next_time_) * unit);
}

std::string Generator::AbsoluteTime(std::int64_t unit) {
  if (Chance(10)) return Pick(std::array{"1"sv, "0"sv, "-5"sv});
  return Int64ToString((kAbsoluteSeconds + Between(0, 20)) * unit);
}

std::string Generator::Integer(std::string_view name) {
  if (Chance(kWildPercent)) return Pick(kWildNumbers);
  if (name == "seconds") return RelativeTime(1);
  if (name == "milliseconds") return RelativeTime(1000);
  if (name.find("db") != name.npos || name.starts_with("index")) {
    return Int64ToString(Between(0, 2));
  }
  if (name == "bit") return Int64ToString(Chance(95) ? Between(0, 1) : 2);
  if (name == "offset" && Chance(15)) return "#" + Int64ToString(Between(0, 5));
  if (name == "offset") return Int64ToString(Chance(95) ? Between(0, 80) : -1);
  if (name == "start" || name == "stop" || name == "end") return Int64ToString(Between(-20, 20));
  if (name == "rank" || name == "num-matches") return Int64ToString(Between(-3, 3));
  if (name == "len") return Int64ToString(Between(-1, 12));
  if (name == "cursor") return "0";
  if (name == "min-idle-time" || name == "ms") return Chance(80) ? "0" : "1000000000";
  if (name.starts_with("entries")) return Int64ToString(Between(-2, 8));
  if (name == "count") return "100000";
  if (name == "value" && Chance(60)) return Int64ToString(Between(0, 1));
  if (name == "numkeys") return Int64ToString(Chance(80) ? Between(1, 3) : Between(-1, 5));
  if (name == "limit") return Int64ToString(Between(-1, 4));
  return Int64ToString(Between(-300, 300));
}

// Few milliseconds, mostly growing, so that entries are added and found again.
std::string Generator::StreamId() {
  if (Chance(25)) return Pick(kStreamIds);
  return Int64ToString(Between(1, 9)) + (Chance(80) ? "-" + Int64ToString(Between(0, 9)) : "");
}

// Ends of ranges are ranks, scores or members, often of the right kind.
std::string Generator::RangeEnd() {
  if (Chance(40)) return Int64ToString(Between(-4, 6));
  return Chance(70) ? Pick(kScores) : Pick(kMemberEnds);
}

std::string Generator::Double(std::string_view name) {
  if (name == "score" || name == "min" || name == "max") return Pick(kScores);
  if (name == "longitude") return Int64ToString(Between(-8, 8)) + ".5";
  if (name == "latitude") return Int64ToString(Between(-4, 4)) + ".25";
  if (name == "radius" || name == "width" || name == "height")
    return Int64ToString(Between(0, 9) * 200);
  if (name == "weight") return Int64ToString(Between(-2, 3));
  return Chance(50) ? Int64ToString(Between(-50, 50)) + ".25" : Value();
}

std::string Generator::Text(std::string_view name) {
  if ((name == "element" || name == "pivot") && Chance(85)) return Pick(kListElements);
  if (name == "stop" || name == "min" || name == "max") return RangeEnd();
  if (name == "start" && Chance(50)) return RangeEnd();
  if (name.starts_with("member") && Chance(80)) return Pick(kElements);
  if (name == "encoding") return Pick(kEncodings);
  if (name == "operation") return Pick(kBitOperations);
  if (name == "type") return Pick(kTypes);
  if ((name == "field" || name == "member") && Chance(80)) return Pick(kElements);
  if (name == "group" || name == "groupname") return Pick(kGroups);
  if (name == "consumer" || name == "consumername") return Pick(kConsumers);
  if (name == "min-idle-time") return Chance(80) ? "0" : "1000000000";
  if (name == "threshold") return Chance(50) ? Int64ToString(Between(0, 6)) : StreamId();
  if (name.ends_with("id") || name == "start" || name == "end") return StreamId();
  return Value();
}

}  // namespace cairn::differential
