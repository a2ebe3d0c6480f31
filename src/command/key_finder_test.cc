// SPDX-License-Identifier: BSD-3-Clause
// Keys of whole calls, checked against COMMAND GETKEYSANDFLAGS of Redis 7.0.15.
#include "command/key_finder.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/check.h"
#include "base/random.h"
#include "base/text.h"
#include "command/spec_cases.h"

namespace cairn::command {
namespace {

constexpr Spec kVariants[] = {
    Spec({.syntax = "SET key value [NX | XX | IFEQ comparison-value] [GET]",
          .access = "RW ACCESS UPDATE VARIABLE_FLAGS, OW UPDATE WITHOUT GET IFEQ",
          .since = "1.0.0",
          .group = Group::kString,
          .complexity = "O(1)",
          .summary = "A case.",
          .run = &RunNothing}),
    Spec({.syntax = "BITFIELD key [operation [operation ...]]",
          .access = "RW ACCESS UPDATE VARIABLE_FLAGS, RO ACCESS WITHOUT SET INCRBY",
          .since = "1.0.0",
          .group = Group::kString,
          .complexity = "O(1)",
          .summary = "A case.",
          .run = &RunNothing}),
    Spec({.syntax = "MSETEX numkeys key value [key value ...] [NX | XX]",
          .access = "OW UPDATE",
          .since = "1.0.0",
          .group = Group::kString,
          .complexity = "O(1)",
          .summary = "A case.",
          .run = &RunNothing}),
};

const Spec* FindSpec(std::string_view name) {
  for (const Spec& spec : kVariants) {
    if (spec.name == name) return &spec;
  }
  for (const SpecCase& row : kSpecCasesAToM) {
    if (row.spec.name == name) return &row.spec;
  }
  for (const SpecCase& row : kSpecCasesMToZ) {
    if (row.spec.name == name) return &row.spec;
  }
  return nullptr;
}

const Spec& SpecOf(std::string_view name) {
  const Spec* spec = FindSpec(name);
  CHECK(spec != nullptr);
  return *spec;
}

std::string FlagsText(std::uint16_t flags) {
  std::string text;
  for (const internal::KeyFlagName& known : internal::kKeyFlagNames) {
    if ((flags & known.flag) == 0) continue;
    if (!text.empty()) text += ",";
    text += known.name;
  }
  return text;
}

struct CallCase {
  std::string_view call;
  std::string_view keys;  // "word(FLAGS) ...", or "-" if the arguments do not fit
};

constexpr CallCase kCalls[] = {
    {"GET a", "a(RO,ACCESS)"},
    {"SET a b", "a(OW,UPDATE)"},
    {"SET a get", "a(OW,UPDATE)"},
    {"SET a b NX get", "a(RW,ACCESS,UPDATE)"},
    {"SET a b ifeq c", "a(RW,ACCESS,UPDATE)"},
    {"SET a ifeq", "a(OW,UPDATE)"},
    {"BITFIELD a GET u8 0", "a(RO,ACCESS)"},
    {"BITFIELD a GET u8 0 incrby u8 0 1", "a(RW,ACCESS,UPDATE)"},
    {"MSET a 1 b 2", "a(OW,UPDATE) b(OW,UPDATE)"},
    {"MSET a 1 b", "a(OW,UPDATE) b(OW,UPDATE)"},
    {"DEL a a b", "a(RM,DELETE) a(RM,DELETE) b(RM,DELETE)"},
    {"BLPOP a b 0", "a(RW,ACCESS,DELETE) b(RW,ACCESS,DELETE)"},
    {"BLPOP a", "-"},
    {"RENAME a b", "a(RW,ACCESS,DELETE) b(OW,UPDATE)"},
    {"BITOP NOT d a b", "d(OW,UPDATE) a(RO,ACCESS) b(RO,ACCESS)"},
    {"LCS a b LEN", "a(RO,ACCESS) b(RO,ACCESS)"},
    {"PFMERGE d", "d(RW,ACCESS,INSERT)"},
    {"PFMERGE d a b", "d(RW,ACCESS,INSERT) a(RO,ACCESS) b(RO,ACCESS)"},
    {"EVAL s 2 a b c", "a(RW,ACCESS,UPDATE) b(RW,ACCESS,UPDATE)"},
    {"EVAL s 0 a", ""},
    {"EVAL s 0", ""},
    {"EVAL s 1", "-"},
    {"EVAL s -1 a", "-"},
    {"EVAL s x a", "-"},
    {"EVAL s 01 a", "-"},
    {"EVAL s 9223372036854775807 a", "-"},
    {"EVAL s 18446744073709551617 a", "-"},
    {"ZUNIONSTORE d 2 a b WEIGHTS 1 2", "d(OW,UPDATE) a(RO,ACCESS) b(RO,ACCESS)"},
    {"ZUNIONSTORE d 3 a b", "-"},
    {"MSETEX 2 a 1 b 2 NX", "a(OW,UPDATE) b(OW,UPDATE)"},
    {"MSETEX 3 a 1 b 2", "-"},
    {"MSETEX 4611686018427387904 a 1", "-"},
    {"XREAD COUNT 5 STREAMS a b 0 0", "a(RO,ACCESS) b(RO,ACCESS)"},
    {"XREAD streams a 0", "a(RO,ACCESS)"},
    {"XREAD COUNT 5", ""},
    {"XREADGROUP GROUP g c STREAMS a >", "a(RO,ACCESS)"},
    {"XREADGROUP GROUP streams c STREAMS a >", "a(RO,ACCESS)"},
    {"GEORADIUS a 1 2 3 m STORE x", "a(RO,ACCESS) x(OW,UPDATE)"},
    {"GEORADIUS a 1 2 3 m STORE", "a(RO,ACCESS)"},
    {"SORT a BY p* STORE x", "a(RO,ACCESS) x(OW,UPDATE)"},
    {"SSUBSCRIBE c d", ""},
    {"OBJECT ENCODING a", "a(RO)"},
};

std::string NameOf(const std::vector<std::string>& words) {
  return std::string(FindSpec(words[0]) != nullptr ? words[0] : words[1]);
}

TEST(KeyFinder, KeysOfCalls) {
  for (const CallCase& row : kCalls) {
    SCOPED_TRACE(row.call);
    const std::vector<std::string> words = SplitWords(row.call).value();
    const std::vector<std::string_view> args(words.begin(), words.end());
    const Spec& spec = SpecOf(NameOf(words));
    std::vector<KeyAt> keys;
    const bool fits = FindKeysWithFlags(spec, args, keys);
    std::string text = fits ? "" : "-";
    for (const KeyAt& key : keys) {
      if (!text.empty()) text += " ";
      text.append(args[key.index]).append("(").append(FlagsText(key.flags)).append(")");
    }
    EXPECT_EQ(text, row.keys);
    std::vector<std::uint32_t> indices = {77};
    EXPECT_EQ(FindKeys(spec, args, indices), fits);
    ASSERT_EQ(indices.size(), keys.size() + 1) << "what was there stays";
    for (std::size_t i = 0; i < keys.size(); ++i) EXPECT_EQ(indices[i + 1], keys[i].index);
  }
}

// Whatever a client sends, positions stay within the arguments and their number is bounded.
TEST(KeyFinder, RandomCallsStayWithinTheArguments) {
  constexpr std::string_view kWords[] = {"1",   "2",        "3",     "0", "-1",
                                         "a",   "STREAMS",  "store", "",  "9223372036854775807",
                                         "GET", "storedist"};
  constexpr std::uint64_t kSeed = 7;
  Random random(kSeed);
  const auto check = [&](const Spec& spec) {
    for (int i = 0; i < 300; ++i) {
      std::vector<std::string_view> args = {spec.name};
      const std::uint64_t count = random.Below(9);
      for (std::uint64_t j = 0; j < count; ++j) args.push_back(kWords[random.Below(12)]);
      std::vector<std::uint32_t> keys;
      FindKeys(spec, args, keys);
      EXPECT_LE(keys.size(), args.size() * kKeySpecLimit);
      for (const std::uint32_t key : keys) {
        EXPECT_GE(key, 1u);
        EXPECT_LT(key, args.size()) << spec.row.syntax << " seed " << kSeed;
      }
    }
  };
  for (const SpecCase& row : kSpecCasesAToM) check(row.spec);
  for (const SpecCase& row : kSpecCasesMToZ) check(row.spec);
}

}  // namespace
}  // namespace cairn::command
