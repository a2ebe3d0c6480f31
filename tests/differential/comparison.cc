// SPDX-License-Identifier: BSD-3-Clause
// One rule a command, looked up in kRows; a command without a row must answer the same. A rule
// compares as much as it can: SCAN's keys in any order, a TTL within the seconds that a slow
// machine takes between the two servers.
#include "differential/comparison.h"

#include <algorithm>
#include <cstdlib>
#include <optional>

#include "base/text.h"
#include "support/notation.h"

namespace cairn::differential {
namespace {

using testing::Reply;
using testing::ReplyType;

using Rule = bool (*)(const Command&, const Reply&, const Reply&);

bool Equal(const Command&, const Reply& ours, const Reply& theirs) { return ours == theirs; }

bool SameShape(const Command&, const Reply& ours, const Reply& theirs) {
  if (ours.type != theirs.type) return false;
  return ours.type != ReplyType::kError || ours.text == theirs.text;
}

// Since 7.2 a score has as few digits as tell it; before, it had up to 17.
bool SameScores(const Reply& ours, const Reply& theirs) {
  if (ours.type != theirs.type || ours.items.size() != theirs.items.size()) return false;
  if (ours.text != theirs.text) {
    const std::optional<double> a = ParseDouble(ours.text);
    const std::optional<double> b = ParseDouble(theirs.text);
    if (!a || !b || *a != *b) return false;
  }
  for (std::size_t i = 0; i < ours.items.size(); ++i) {
    if (!SameScores(ours.items[i], theirs.items[i])) return false;
  }
  return true;
}

std::vector<Reply> Sorted(std::vector<Reply> items) {
  std::sort(items.begin(), items.end(),
            [](const Reply& a, const Reply& b) { return testing::Notate(a) < testing::Notate(b); });
  return items;
}

bool SameInAnyOrder(const Command&, const Reply& ours, const Reply& theirs) {
  return ours.type == theirs.type && ours.text == theirs.text &&
         Sorted(ours.items) == Sorted(theirs.items);
}

// From the start, one call with a count above the number of keys gives all of them; what a smaller
// count or a cursor of nobody gives, who knows.
bool SameScan(const Command& command, const Reply& ours, const Reply& theirs) {
  if (ours.type != ReplyType::kArray || theirs.type != ReplyType::kArray) return ours == theirs;
  if (ours.items.size() != 2 || theirs.items.size() != 2) return false;
  if (command[1] != "0") return true;
  if (ours.items[0].text != "0" || theirs.items[0].text != "0") return true;
  return SameInAnyOrder(command, ours.items[1], theirs.items[1]);
}

bool WithinNumber(const Reply& ours, const Reply& theirs, std::int64_t slack) {
  if (ours.type != ReplyType::kInteger || theirs.type != ReplyType::kInteger) return ours == theirs;
  const std::int64_t a = ParseInt64(ours.text).value_or(0);
  const std::int64_t b = ParseInt64(theirs.text).value_or(0);
  // -1 and -2 say something else than a time does.
  if (a < 0 || b < 0) return a == b;
  return std::abs(a - b) <= slack;
}

constexpr std::int64_t kClockSlackSeconds = 5;

bool SameSeconds(const Command&, const Reply& ours, const Reply& theirs) {
  return WithinNumber(ours, theirs, kClockSlackSeconds);
}

bool SameMilliseconds(const Command&, const Reply& ours, const Reply& theirs) {
  return WithinNumber(ours, theirs, kClockSlackSeconds * 1000);
}

// Redis 7.2 looks at the arguments of BITCOUNT and BITPOS before it looks for the key; the oracle
// (7.0) answers 0 or -1 where there is none, and WRONGTYPE first.
bool SameOrArgumentsChecked(const Command&, const Reply& ours, const Reply& theirs) {
  if (ours.type == ReplyType::kError && theirs.type == ReplyType::kInteger) {
    return theirs.text == "0" || theirs.text == "-1";
  }
  if (ours.type == ReplyType::kError && theirs.type == ReplyType::kError)
    return ours == theirs || theirs.text.starts_with("WRONGTYPE");
  return ours == theirs;
}

// The oracle counts keys that have expired and were not looked at yet; ours never does.
bool SameOrFewer(const Command& command, const Reply& ours, const Reply& theirs) {
  if (ours.type != ReplyType::kInteger || theirs.type != ReplyType::kInteger) {
    return Equal(command, ours, theirs);
  }
  return ParseInt64(ours.text).value_or(-1) <= ParseInt64(theirs.text).value_or(-1);
}

// HSCAN and SSCAN differ only in where the cursor stands.
bool SameElementScan(const Command& command, const Reply& ours, const Reply& theirs) {
  if (ours.type != ReplyType::kArray || theirs.type != ReplyType::kArray) return ours == theirs;
  if (ours.items.size() != 2 || theirs.items.size() != 2) return false;
  if (command.size() < 3 || command[2] != "0") return true;
  if (ours.items[0].text != "0" || theirs.items[0].text != "0") return true;
  return SameInAnyOrder(command, ours.items[1], theirs.items[1]);
}

// Members drawn at random: as many of them, the same where all were asked for.
bool SameDraw(const Command& command, const Reply& ours, const Reply& theirs) {
  if (command.size() > 2 && command[2] == "100000") return SameInAnyOrder(command, ours, theirs);
  return SameShape(command, ours, theirs) && ours.items.size() == theirs.items.size();
}

// As HRANDFIELD, with scores, which may be written otherwise.
bool SameScoredDraw(const Command& command, const Reply& ours, const Reply& theirs) {
  return SameShape(command, ours, theirs) && ours.items.size() == theirs.items.size();
}

// How long a consumer has been idle is nobody else's, and the oracle does not tell "inactive".
bool SameConsumers(const Reply& ours, const Reply& theirs) {
  if (ours.type != theirs.type || ours.text != theirs.text) return false;
  if (ours.items.size() > theirs.items.size()) return true;  // consumers that claimed nothing
  for (std::size_t i = 0; i < ours.items.size(); ++i) {
    if (ours.items[i].type != theirs.items[i].type) return false;
  }
  return ours.items.size() == theirs.items.size();
}

// The oracle (7.0) has no packed sets: what is a table there may be packed here.
bool SameEncoding(const Command& command, const Reply& ours, const Reply& theirs) {
  if (ours.text == "listpack" && theirs.text == "hashtable") return true;
  // SORT turns a sorted set into its large form there.
  if (ours.text == "listpack" && theirs.text == "skiplist") return true;
  // Every list is a quicklist there.
  if (ours.text == "listpack" && theirs.text == "quicklist") return true;
  return Equal(command, ours, theirs);
}

// Which small numbers the oracle shares among keys is its own affair.
bool SameObject(const Command& command, const Reply& ours, const Reply& theirs) {
  const bool counts = command.size() > 1 && EqualsIgnoreCase(command[1], "refcount");
  return counts ? SameShape(command, ours, theirs) : SameEncoding(command, ours, theirs);
}

// How long something has been pending; its fields are id, consumer, idle, count.
bool SamePending(const Command& command, const Reply& ours, const Reply& theirs) {
  if (command.size() <= 3 || ours.items.size() != theirs.items.size()) return ours == theirs;
  for (std::size_t i = 0; i < ours.items.size(); ++i) {
    Reply one = ours.items[i];
    const Reply& other = theirs.items[i];
    if (one.items.size() != 4 || other.items.size() != 4) return one == other;
    if (!WithinNumber(one.items[2], other.items[2], kClockSlackSeconds * 1000)) return false;
    one.items[2] = other.items[2];
    if (one != other) return false;
  }
  return ours.type == theirs.type && ours.text == theirs.text;
}

// Redis 7.2 makes the consumer of an XCLAIM that claims nothing, the oracle (7.0) does not.
bool SameButConsumers(const Reply& ours, const Reply& theirs) {
  if (ours.type != theirs.type || ours.text != theirs.text) return false;
  if (ours.items.size() != theirs.items.size()) return false;
  for (std::size_t i = 0; i < ours.items.size(); ++i) {
    if (i > 0 && ours.items[i - 1].text == "consumers") continue;
    if (!SameButConsumers(ours.items[i], theirs.items[i])) return false;
  }
  return true;
}
// Redis 7.2 shows more of a consumer than the oracle does.
bool SameStreamInfo(const Command& command, const Reply& ours, const Reply& theirs) {
  if (command.size() > 1 && EqualsIgnoreCase(command[1], "consumers"))
    return SameConsumers(ours, theirs);
  const bool is_full = command.size() > 3 && EqualsIgnoreCase(command[1], "stream");
  return is_full ? SameShape(command, ours, theirs) : SameButConsumers(ours, theirs);
}
bool SameGroupChange(const Command& command, const Reply& ours, const Reply& theirs) {
  const bool makes = command.size() > 1 && EqualsIgnoreCase(command[1], "createconsumer");
  return makes ? SameShape(command, ours, theirs) : Equal(command, ours, theirs);
}
// The oracle names XREAD whatever the command, and "$" instead of ">".
bool SameRead(const Command& command, const Reply& ours, const Reply& theirs) {
  constexpr std::string_view kUnbalanced = "ERR Unbalanced ";
  if (ours.text.starts_with(kUnbalanced)) return theirs.text.starts_with(kUnbalanced);
  return Equal(command, ours, theirs);
}
// Redis 7.2 does not let the last id fall below the greatest deleted one.
bool SameSetId(const Command& command, const Reply& ours, const Reply& theirs) {
  const bool newer = ours.text.find("smaller than current max_deleted") != std::string::npos;
  return newer || Equal(command, ours, theirs);
}

// Redis 7.2 refuses the one number that cannot be negated; the oracle takes it.
bool SameOrNotNegatable(const Command& command, const Reply& ours, const Reply& theirs) {
  if (ours.type == ReplyType::kError && ours.text.find("must between -92233") != ours.text.npos)
    return true;
  return Equal(command, ours, theirs);
}

// Redis 7.2 knows WITHSCORE; to the oracle a third argument is one too many.
bool SameRank(const Command& command, const Reply& ours, const Reply& theirs) {
  return command.size() > 3 ? ours.type == theirs.type : Equal(command, ours, theirs);
}

// BY a key without a star leaves a set in its own order, which is no order.
bool SameSort(const Command& command, const Reply& ours, const Reply& theirs) {
  const bool has_by = std::any_of(command.begin(), command.end(), [](const std::string& word) {
    return EqualsIgnoreCase(word, "BY");
  });
  return has_by ? SameInAnyOrder(command, ours, theirs) : Equal(command, ours, theirs);
}

struct Row {
  std::string_view command;
  Rule rule;
};
constexpr Row kRows[] = {
    {"KEYS", &SameInAnyOrder},
    {"SCAN", &SameScan},
    {"RANDOMKEY", &SameShape},
    {"TTL", &SameSeconds},
    {"EXPIRETIME", &SameSeconds},
    {"PTTL", &SameMilliseconds},
    {"PEXPIRETIME", &SameMilliseconds},
    {"DBSIZE", &SameOrFewer},
    {"OBJECT", &SameObject},
    {"BITCOUNT", &SameOrArgumentsChecked},
    {"BITPOS", &SameOrArgumentsChecked},
    {"LPOS", &SameOrNotNegatable},
    {"LREM", &SameOrNotNegatable},
    {"SORT", &SameSort},
    {"SORT_RO", &SameSort},
    {"HGETALL", &SameInAnyOrder},
    {"HKEYS", &SameInAnyOrder},
    {"HVALS", &SameInAnyOrder},
    {"HRANDFIELD", &SameDraw},
    {"HSCAN", &SameElementScan},
    {"SMEMBERS", &SameInAnyOrder},
    {"SINTER", &SameInAnyOrder},
    {"SUNION", &SameInAnyOrder},
    {"SDIFF", &SameInAnyOrder},
    {"SRANDMEMBER", &SameDraw},
    {"SPOP", &SameInAnyOrder},
    {"SSCAN", &SameElementScan},
    {"ZRANDMEMBER", &SameScoredDraw},
    {"ZRANK", &SameRank},
    {"ZREVRANK", &SameRank},
    {"XPENDING", &SamePending},
    {"XINFO", &SameStreamInfo},
    {"XGROUP", &SameGroupChange},
    {"XREAD", &SameRead},
    {"XREADGROUP", &SameRead},
    {"XSETID", &SameSetId},
};

}  // namespace

bool Agree(const Command& command, const Reply& ours, const Reply& theirs) {
  for (const Row& row : kRows) {
    if (EqualsIgnoreCase(command.front(), row.command)) return row.rule(command, ours, theirs);
  }
  const std::string name = ToUpper(command.front());
  const bool has_scores = name.starts_with('Z') || name.starts_with("BZ");
  return has_scores ? SameScores(ours, theirs) : Equal(command, ours, theirs);
}

}  // namespace cairn::differential
