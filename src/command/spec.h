// SPDX-License-Identifier: BSD-3-Clause
// Spec: everything the server knows about a command, in one row.
//
// A command is one Spec and one function. The syntax line is the source of the arity, the key positions, COMMAND INFO and DOCS, the
// client's hints and the fuzz grammar:
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
// The constructor is consteval: a row whose syntax does not parse, or whose access does not fit its keys, does not compile.
//
// Rows are constants; tables of them are read by all threads.
#ifndef CAIRN_COMMAND_SPEC_H_
#define CAIRN_COMMAND_SPEC_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace cairn::command {

class Call;

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
  // Ours, not shown: the command runs under every stripe (FLUSHALL, SWAPDB).
  kAllStripes = 1u << 24,
  // Ours, not shown: the command takes its stripes itself, one after another (KEYS, SCAN, RANDOMKEY, DBSIZE).
  kOwnLocks = 1u << 25,
};

// Where a range of keys stands among the arguments (argument 0 is the command's name).
struct KeyRange {
  // first: index of the first key; last: of the last one, negative counts from the end (-1 the last argument); step: distance.
  std::int16_t first = 0;
  std::int16_t last = 0;
  std::int16_t step = 0;
};

// What a row says; see Spec.
struct Row {
  std::string_view syntax;
  // Per key specification "RO|RW|OW|RM [ACCESS] [UPDATE] [INSERT] [DELETE] [NOT_KEY] [INCOMPLETE] [VARIABLE_FLAGS]", parted by ';'.
  std::string_view access = "";
  std::string_view since;
  Group group;
  std::uint32_t flags = 0;
  std::string_view categories = "";  // ACL categories beyond those that flags and group imply, parted by a space: "keyspace dangerous"
  std::string_view complexity;
  std::string_view summary;
  std::string_view history = "";     // "6.2.0: Added the GET option." parted by '\n'
  std::string_view deprecated = "";  // "since 6.2.0, use SET with GET" form: "6.2.0|`SET` with the `!GET` argument"
  std::string_view tips = "";        // COMMAND INFO's hints, parted by a space: "nondeterministic_output"
  void (*run)(Call&) = nullptr;      // null for a container that has only subcommands
  std::span<const class Spec> subcommands = {};
};

class Spec {
 public:
  consteval Spec(Row row);  // NOLINT(google-explicit-constructor): rows are written as Spec({...})

  const Row row;
  std::string_view name;          // "SET"; of a subcommand "CLIENT|LIST" is formed by the table
  int arity = 0;                  // as Redis: exact if positive (with the name), at least -arity if negative
  KeyRange keys;                  // the simple range; step 0 if there is none
  bool movable = false;           // keys are found by FindKeys only (numkeys, keyword)
};

}  // namespace cairn::command

#endif  // CAIRN_COMMAND_SPEC_H_
