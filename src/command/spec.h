// SPDX-License-Identifier: BSD-3-Clause
// Spec: everything the server knows about a command, in one row.
//
// A command is one Spec and one function. The syntax line is the source of the arity, the key
// positions, COMMAND INFO and DOCS, the client's hints and the fuzz grammar:
//
//     constexpr Spec kStringSpecs[] = {
//         Spec({.syntax = "GET key",
//               .access = "RO ACCESS",
//               .since = "1.0.0",
//               .group = Group::kString,
//               .flags = kReadonly | kFast,
//               .complexity = "O(1)",
//               .summary = "Returns the string value of a key.",
//               .run = &Get}),
//     };
//
// The constructor is consteval: a row whose syntax does not parse, or whose access does not fit its
// keys, does not compile.
//
// Rows are constants; tables of them are read by all threads.
#ifndef CAIRN_COMMAND_SPEC_H_
#define CAIRN_COMMAND_SPEC_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "command/key_spec.h"
#include "command/syntax.h"

namespace cairn::keyspace {
class Entry;
}
namespace cairn::resp {
class Writer;
}

namespace cairn::command {

class Call;
class Spec;

enum class Group : std::uint8_t {
  kGeneric,
  kString,
  kList,
  kSet,
  kSortedSet,
  kHash,
  kPubsub,
  kTransactions,
  kConnection,
  kServer,
  kScripting,
  kHyperloglog,
  kCluster,
  kSentinel,
  kGeo,
  kStream,
  kBitmap,
};

// Redis's command flags, by the names COMMAND INFO gives them.
enum Flag : std::uint32_t {
  kWrite = 1u << 0,
  kReadonly = 1u << 1,
  kDenyOom = 1u << 2,
  kModule = 1u << 3,
  kAdmin = 1u << 4,
  kPubsub = 1u << 5,
  kNoScript = 1u << 6,
  kBlocking = 1u << 7,
  kLoading = 1u << 8,
  kStale = 1u << 9,
  kSkipMonitor = 1u << 10,
  kSkipSlowlog = 1u << 11,
  kAsking = 1u << 12,
  kFast = 1u << 13,
  kNoAuth = 1u << 14,
  kMayReplicate = 1u << 15,
  kProtected = 1u << 16,
  kNoMandatoryKeys = 1u << 17,
  kNoAsyncLoading = 1u << 18,
  kNoMulti = 1u << 19,
  kAllowBusy = 1u << 20,
  kTouchesArbitraryKeys = 1u << 21,
  kSentinelCommand = 1u << 22,
  // Ours, not shown: the command runs under every stripe (FLUSHALL, SWAPDB); see takes_all_stripes
  // for one that does so sometimes.
  kAllStripes = 1u << 24,
  // Ours, not shown: the command takes its stripes itself, one after another (KEYS, SCAN,
  // RANDOMKEY, DBSIZE).
  kOwnLocks = 1u << 25,
  // Ours, shown by COMMAND DOCS as "syscmd": for servers and tests, not for applications.
  kSystemCommand = 1u << 26,
  // Ours, not shown: runs at once even between MULTI and EXEC.
  kNeverQueued = 1u << 27,
  // Ours, not shown: the command waits for another server (MIGRATE), on a thread of the lane that
  // is for that.
  kWaitsForPeers = 1u << 28,
  // Ours, not shown: the command runs a script, which may write.
  kRunsScript = 1u << 29,
};

// Where a range of keys stands among the arguments (argument 0 is the command's name).
struct KeyRange {
  // first: index of the first key; last: of the last one, negative counts from the end (-1 the last
  // argument); step: distance.
  std::int16_t first = 0;
  std::int16_t last = 0;
  std::int16_t step = 0;
};

// How much of what a command will touch is known already; see Row::warm.
enum class WarmStep : std::uint8_t { kBucket, kNode };

// An argument that is no key, but stands for keys where a user's rights on keys are asked for: the
// name of a tag, the prefix or the glob pattern of many keys.
enum class ScopeKind : std::uint8_t { kName, kPrefix, kPattern };
struct ScopeAt {
  std::uint32_t index = 0;  // among the arguments
  ScopeKind kind = ScopeKind::kName;
  std::uint16_t flags = 0;  // KeyFlag: what is done with these keys
};

// What a row says; see Spec.
struct Row {
  std::string_view syntax;
  // Per key specification "RO|RW|OW|RM [ACCESS] [UPDATE] [INSERT] [DELETE] [NOT_KEY] [INCOMPLETE]
  // [VARIABLE_FLAGS] [: note]", parted by ';'. See ReadKeySpecs.
  std::string_view access = "";
  std::string_view since;
  Group group;
  std::uint32_t flags = 0;
  // ACL categories beyond those that flags and group imply, parted by a space: "keyspace
  // dangerous";
  // "-keyspace" takes one away.
  std::string_view categories = "";
  std::string_view complexity;
  std::string_view summary;
  // "6.2.0: Added the GET option." parted by '\n'.
  std::string_view history = "";
  // "6.2.0|`SET` with the `GET` argument": since when, and what to use instead.
  std::string_view deprecated = "";
  // COMMAND INFO's hints, parted by a space: "nondeterministic_output".
  std::string_view tips = "";
  // For a command whose number of words its line does not tell (QUIT takes and ignores any); else
  // 0.
  int arity = 0;
  // Null for a container that has only subcommands.
  void (*run)(Call&) = nullptr;
  // For a command that reads its one key and does nothing else: replies from the entry, null if
  // there is none. Called instead of `run` where that is all there is to do.
  void (*read)(const keyspace::Entry*, resp::Writer&) = nullptr;
  // For a command that Call::Defer has handed to the lane: called there instead of `run`, with no
  // stripe held and no txn. It takes them itself, by Call::Hold, as often as it likes and for about
  // a millisecond's work each, and writes the reply.
  void (*run_heavy)(Call&) = nullptr;
  // For a command whose keys do not always tell what it touches: whether this call takes every
  // stripe. Else it takes those of its keys.
  bool (*takes_all_stripes)(std::span<const std::string_view> args) = nullptr;
  // For a command whose arguments say what it is (EVAL of a script that declares what it does): its
  // flags for this call, as gates ask for them.
  std::uint32_t (*flags_of)(Call&) = nullptr;
  // For a command whose keys stand where the line cannot tell by itself (MIGRATE, SORT): appends
  // their indices. The first is what the first specification says, the others what the last one
  // says. What COMMAND INFO shows follows from the line all the same.
  void (*find_keys)(std::span<const std::string_view> args,
                    std::vector<std::uint32_t>& keys) = nullptr;
  // For a command that looks up members of the collection under its one key: asks the memory for
  // them, first for their buckets, then for their nodes, so that the cache misses of a batch
  // overlap. It may do nothing. The entry's type and the number of arguments are not checked yet.
  void (*warm)(const keyspace::Entry&, std::span<const std::string_view> args, WarmStep) = nullptr;
  // For a command with such arguments: appends them. What does not fit the syntax has none: the
  // command itself says what is wrong.
  void (*find_scopes)(std::span<const std::string_view> args,
                      std::vector<ScopeAt>& scopes) = nullptr;
  std::span<const Spec> subcommands = {};
};

class Spec {
 public:
  consteval Spec(Row row);  // NOLINT(google-explicit-constructor): rows are written as Spec({...})

  const Row row;
  std::string_view name;       // "SET"; of a subcommand its own word, "LIST"
  std::string_view container;  // "CLIENT" of "CLIENT LIST ..."; else empty
  int arity = 0;         // as Redis: exact if positive (names included), at least -arity if not
  KeyRange keys;         // the simple range; step 0 if there is none
  bool movable = false;  // `keys` does not tell all: the keys are found by KeyFinder only
  KeySpecs key_specs;

 private:
  constexpr void SetArity(const Syntax& syntax);
  constexpr void SetKeys();
};

namespace internal {

// Not constexpr: a row that reaches it does not compile, and the compiler shows the text.
void RowIsWrong(std::string_view why);

}  // namespace internal

consteval Spec::Spec(Row given) : row(given) {
  const Syntax syntax(row.syntax);
  if (!syntax.error().empty()) internal::RowIsWrong(syntax.error());
  name = syntax.name();
  container = syntax.container();
  SetArity(syntax);
  key_specs = ReadKeySpecs(syntax, row.access);
  if (!key_specs.error.empty()) internal::RowIsWrong(key_specs.error);
  SetKeys();
  if (row.run == nullptr && row.subcommands.empty())
    internal::RowIsWrong("there is nothing to run");
  if (row.read != nullptr &&
      (arity <= 0 || keys.first != 1 || keys.last != 1 || movable || (row.flags & kWrite) != 0)) {
    internal::RowIsWrong("read is for commands that read one key and have a fixed arity");
  }
  if (row.warm != nullptr && (keys.first != 1 || keys.last != 1 || movable))
    internal::RowIsWrong("warm is for commands with one key");
  if (row.since.empty()) internal::RowIsWrong("since is missing");
  if (row.summary.empty()) internal::RowIsWrong("the summary is missing");
}

constexpr void Spec::SetArity(const Syntax& syntax) {
  const Extent words = syntax.WordsFrom(syntax.first());
  const int least = syntax.name_words() + words.min;
  arity = words.fixed ? least : -least;
  // A container takes a subcommand; one that also runs alone (COMMAND) need not.
  if (!row.subcommands.empty()) arity = row.run == nullptr ? -2 : -1;
  if (row.arity != 0) arity = row.arity;
}

// The one simple range that old clients know, as Redis makes it from the specifications: ranges
// with step 1 that follow one another are joined, anything else makes the keys movable.
constexpr void Spec::SetKeys() {
  int prev_last = 0;
  int last = 0;
  for (std::size_t i = 0; i < key_specs.count; ++i) {
    const KeySpec& spec = key_specs.specs[i];
    const bool single = key_specs.count == 1;
    if ((spec.flags & kKeyIncomplete) != 0) movable = true;
    const bool plain = spec.begin == KeySpec::Begin::kIndex && spec.find == KeySpec::Find::kRange &&
                       (spec.step == 1 || single) && (spec.flags & kKeyConcealed) == 0;
    if (!plain || (prev_last != 0 && prev_last != spec.index - 1)) {
      movable = true;
      continue;
    }
    const int end = spec.last >= 0 ? spec.index + spec.last : spec.last;
    if (keys.step == 0) keys.first = spec.index;
    keys.step = spec.step;
    // A last key counted from the end is behind every one counted from the start.
    if (last == 0 || end < 0 || (last > 0 && end > last)) last = end;
    prev_last = last;
  }
  keys.last = static_cast<std::int16_t>(last);
}

}  // namespace cairn::command

#endif  // CAIRN_COMMAND_SPEC_H_
