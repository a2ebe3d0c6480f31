// SPDX-License-Identifier: BSD-3-Clause
// KeySpec: where a command's keys stand, in the terms of COMMAND INFO.
//
// A key specification says where to begin (a fixed index, or just after a keyword) and how to go on
// (a range, or a count followed by that many keys). ReadKeySpecs takes them from a syntax tree:
//
//     GET key                                  index 1, range 0
//     MSET key value [key value ...]           index 1, range -1 step 2
//     BLPOP key [key ...] timeout              index 1, range -2
//     ZUNION numkeys key [key ...] ...         index 1, keynum
//     GEORADIUS ... [STORE key]                keyword STORE, range 0
//     XREAD ... STREAMS key [key ...] id ...   keyword STREAMS, range -1, of which one half (limit
//     2)
//
// Keys are the arguments with one of the names in IsKeyName, or typed ":key". Everything here is
// constexpr and runs while Spec is compiled.
#ifndef CAIRN_COMMAND_KEY_SPEC_H_
#define CAIRN_COMMAND_KEY_SPEC_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "command/syntax.h"

namespace cairn::command {

// How a command treats the keys of one specification; names as in COMMAND INFO.
enum KeyFlag : std::uint16_t {
  kKeyRO = 1u << 0,
  kKeyRW = 1u << 1,
  kKeyOW = 1u << 2,
  kKeyRM = 1u << 3,
  kKeyAccess = 1u << 4,
  kKeyUpdate = 1u << 5,
  kKeyInsert = 1u << 6,
  kKeyDelete = 1u << 7,
  kKeyNotKey = 1u << 8,
  kKeyIncomplete = 1u << 9,
  kKeyVariableFlags = 1u << 10,
  // Ours, not shown: see ReadKeySpecs.
  kKeyUnknown = 1u << 11,
  kKeyConcealed = 1u << 12,
  kKeyFromEnd = 1u << 13,
};

struct KeySpec {
  enum class Begin : std::uint8_t { kIndex, kKeyword, kNowhere };
  enum class Find : std::uint8_t { kRange, kKeyCount };

  Begin begin = Begin::kNowhere;
  Find find = Find::kRange;
  std::uint16_t flags = 0;  // KeyFlag
  // Instead of flags in a call without any of the words of `unless`; 0: always flags.
  std::uint16_t else_flags = 0;
  std::int16_t index = 0;  // kIndex: of the first key (or the count); kKeyword: where to look from
  std::int16_t last = 0;   // kRange: relative to the first key, or to the end if negative
  std::int16_t step = 1;   // from one key to the next
  std::int16_t limit = 0;  // kRange with a negative last: 0 or 1 all, 2 only the first half, ...
  std::int16_t first = 0;  // kKeyCount: the first key, relative to the count
  std::string_view keyword;  // kKeyword
  std::string_view unless;   // parted by a space
  std::string_view note;
};

inline constexpr std::size_t kKeySpecLimit = 4;

struct KeySpecs {
  std::array<KeySpec, kKeySpecLimit> specs{};
  std::size_t count = 0;
  std::string_view error;
};

namespace internal {

// A constant of its own: built once, not on every call, which counts in constant evaluation (clang
// allows a million steps for all rows of a family).
inline constexpr std::array<std::string_view, 11> kKeyNames = {
    "key",  "newkey", "source", "destination", "destkey",      "sourcekey",
    "key1", "key2",   "src",    "dst",         "shardchannel",
};

constexpr bool IsKeyName(std::string_view name) {
  for (const std::string_view known : kKeyNames) {
    if (name == known) return true;
  }
  return false;
}

// Walks a syntax tree in the order of the words and notes every key it meets.
class KeyWalk {
 public:
  constexpr explicit KeyWalk(const Syntax& syntax) : syntax_(syntax) {
    Position start;
    start.index = syntax.name_words();
    Sequence(syntax.first(), start);
  }
  constexpr const KeySpecs& found() const { return found_; }

 private:
  // Where among the arguments a node stands.
  struct Position {
    int index = 0;         // counted from the name, or from the keyword if there is one
    bool known = true;     // `index` is exact; else it is the least possible
    bool counted = false;  // the argument just before says how many keys follow
    int group = 0;         // words of the repeated block that the node is part of, or 0
    Extent after;          // the words that follow the node
    std::string_view keyword = {};
    int keyword_index = 0;  // the least index of the keyword
  };

  constexpr void Fail(std::string_view what) {
    if (found_.error.empty()) found_.error = what;
  }

  constexpr void Sequence(NodeId first, Position at) {
    const Extent outer = at.after;
    for (NodeId id = first; id != kNoNode; id = syntax_.node(id).next) {
      const Node& node = syntax_.node(id);
      at.after = syntax_.WordsFrom(node.next);
      at.after.min += outer.min;
      at.after.fixed = at.after.fixed && outer.fixed;
      Visit(id, at);
      const Extent extent = syntax_.WordsOf(id);
      at.index += extent.min;
      at.known = at.known && extent.fixed;
      at.counted = node.kind == NodeKind::kArgument && node.text == "numkeys";
    }
  }

  constexpr void Visit(NodeId id, Position at) {
    const Node& node = syntax_.node(id);
    if (!node.token.empty()) at = AfterToken(node, at);
    switch (node.kind) {
      case NodeKind::kToken:
        return;
      case NodeKind::kArgument:
        if (IsKey(node)) Key(node, at);
        return;
      case NodeKind::kBlock:
        if (node.multiple) at.group = syntax_.WordsFrom(node.child).min;
        Sequence(node.child, at);
        return;
      case NodeKind::kChoice:
        for (NodeId child = node.child; child != kNoNode; child = syntax_.node(child).next) {
          Visit(child, at);
        }
        return;
    }
  }

  constexpr Position AfterToken(const Node& node, Position at) const {
    at.counted = false;
    if (at.known && !node.optional && at.keyword.empty()) {
      ++at.index;  // a token whose place is known needs no search
      return at;
    }
    at.keyword_index += at.index;
    at.keyword = node.token;
    at.index = 1;
    at.known = true;
    return at;
  }

  constexpr void Key(const Node& node, Position at) {
    if (ContinuesLast(node, at)) return;
    if (found_.count == kKeySpecLimit) return Fail("the line has too many key specifications");
    if (!at.known) return Fail("a key stands at no known index and after no keyword");
    if (!at.keyword.empty() && at.index != (at.counted ? 2 : 1)) {
      return Fail("a key does not stand just after its keyword");
    }
    KeySpec& spec = found_.specs[found_.count++];
    spec.begin = at.keyword.empty() ? KeySpec::Begin::kIndex : KeySpec::Begin::kKeyword;
    spec.keyword = at.keyword;
    spec.index = Narrow(at.keyword.empty() ? at.index - (at.counted ? 1 : 0) : at.keyword_index);
    spec.step = Narrow(at.group > 0 ? at.group : 1);
    if (at.counted) {
      spec.find = KeySpec::Find::kKeyCount;
      spec.first = 1;
    } else if (node.multiple || at.group > 0) {
      SetRange(node, at, spec);
    }
  }

  constexpr void SetRange(const Node& node, Position at, KeySpec& spec) {
    if (node.next != kNoNode && syntax_.node(node.next).multiple && at.group == 0) {
      // "key [key ...] id [id ...]": as many of the one as of the other.
      spec.last = -1;
      spec.limit = 2;
      return;
    }
    if (!at.after.fixed) return Fail("what follows repeated keys is not fixed");
    // The rest of a repeated block is part of the step, not of what follows.
    const int rest = at.group > 0 ? syntax_.WordsFrom(node.next).min : 0;
    spec.last = Narrow(-1 - (at.after.min - rest));
  }

  // "key1 key2" are one specification.
  constexpr bool ContinuesLast(const Node& node, Position at) {
    if (node.text != "key2" || found_.count == 0) return false;
    KeySpec& last = found_.specs[found_.count - 1];
    if (last.index + last.last + 1 != at.index) return false;
    ++last.last;
    return true;
  }

  static constexpr bool IsKey(const Node& node) {
    return node.type.empty() ? IsKeyName(node.text) : node.type == "key";
  }
  static constexpr std::int16_t Narrow(int value) { return static_cast<std::int16_t>(value); }

  const Syntax& syntax_;
  KeySpecs found_;
};

struct KeyFlagName {
  std::string_view name;
  std::uint16_t flag;
};
inline constexpr std::array<KeyFlagName, 14> kKeyFlagNames = {{
    {"RO", kKeyRO},
    {"RW", kKeyRW},
    {"OW", kKeyOW},
    {"RM", kKeyRM},
    {"ACCESS", kKeyAccess},
    {"UPDATE", kKeyUpdate},
    {"INSERT", kKeyInsert},
    {"DELETE", kKeyDelete},
    {"NOT_KEY", kKeyNotKey},
    {"INCOMPLETE", kKeyIncomplete},
    {"VARIABLE_FLAGS", kKeyVariableFlags},
    {"UNKNOWN", kKeyUnknown},
    {"CONCEALED", kKeyConcealed},
    {"FROM_END", kKeyFromEnd},
}};

// Cuts `text` at the first `separator`: returns what is before it and leaves the rest.
constexpr std::string_view CutAt(std::string_view& text, char separator) {
  const std::size_t at = text.find(separator);
  const std::string_view head = text.substr(0, at);
  text = at == text.npos ? std::string_view() : text.substr(at + 1);
  return head;
}

// 0 if a word is not known.
constexpr std::uint16_t ReadKeyFlags(std::string_view words) {
  std::uint16_t flags = 0;
  while (!words.empty()) {
    const std::string_view word = CutAt(words, ' ');
    if (word.empty()) continue;
    std::uint16_t flag = 0;
    for (const KeyFlagName& known : kKeyFlagNames) {
      if (known.name == word) flag = known.flag;
    }
    if (flag == 0) return 0;
    flags |= flag;
  }
  return flags;
}

}  // namespace internal

// The key specifications of a line whose row says `access`:
//
//     access = part {";" part}
//     part   = flags ["," flags "WITHOUT" {word}] [":" note]
//     flags  = ("RO"|"RW"|"OW"|"RM") {"ACCESS"|"UPDATE"|...}
//
// "RW ACCESS UPDATE VARIABLE_FLAGS, OW UPDATE WITHOUT GET" says that a call whose arguments hold no
// word GET only overwrites.
// The parts go to the keys in the order of the line. "UNKNOWN" is a part for keys that the line
// does not show (SORT's patterns); "CONCEALED" one whose place COMMAND INFO calls unknown though
// the line shows it; "FROM_END" one whose keyword is looked for backward, from the word before the
// last on (MIGRATE).
constexpr KeySpecs ReadKeySpecs(const Syntax& syntax, std::string_view access) {
  const KeySpecs derived = internal::KeyWalk(syntax).found();
  if (!derived.error.empty()) return derived;
  KeySpecs specs;
  std::size_t taken = 0;
  while (!access.empty()) {
    std::string_view note = internal::CutAt(access, ';');
    std::string_view otherwise = internal::CutAt(note, ':');
    while (note.starts_with(' ')) note.remove_prefix(1);
    const std::uint16_t flags = internal::ReadKeyFlags(internal::CutAt(otherwise, ','));
    const bool shown = (flags & kKeyUnknown) == 0;
    if (flags == 0) specs.error = "access has a word that is not known";
    if (specs.count == kKeySpecLimit) specs.error = "access has too many parts";
    if (shown && taken == derived.count)
      specs.error = "access has more parts than the line has keys";
    if (!specs.error.empty()) return specs;
    KeySpec& spec = specs.specs[specs.count++];
    if (shown) spec = derived.specs[taken++];
    spec.flags = flags;
    spec.note = note;
    if ((flags & kKeyFromEnd) != 0) spec.index = -2;
    if (otherwise.empty()) continue;
    constexpr std::string_view kWithout = " WITHOUT ";
    const std::size_t without = otherwise.find(kWithout);
    spec.else_flags = internal::ReadKeyFlags(otherwise.substr(0, without));
    if (without == otherwise.npos || spec.else_flags == 0)
      specs.error = "access has a bad WITHOUT";
    else
      spec.unless = otherwise.substr(without + kWithout.size());
  }
  if (taken != derived.count) specs.error = "access has fewer parts than the line has keys";
  return specs;
}

}  // namespace cairn::command

#endif  // CAIRN_COMMAND_KEY_SPEC_H_
