// SPDX-License-Identifier: BSD-3-Clause
// Syntax: the one line that describes a command, read as a tree.
//
// The notation is that of the Redis documentation:
//
//     line     = NAME [NAME] {item}         a second leading upper-case word names a subcommand
//     item     = word | "[" choices "]" | "<" choices ">" | repeat
//     choices  = {item} {"|" {item}}
//     repeat   = "[" items "...]"           the same items as just before it: they may come again
//                "[" choices "...]"         all choices of the bracket that it ends: the same
//                "[" other items "...]"     not seen before: none, one or many of them
//                "[...]"                    the item just before it may come again
//     word     = TOKEN | argument [":" type]
//
// A word without a lower-case letter is a token, the others are arguments. A token directly before
// an argument or a choice belongs to it ("EX seconds"); before two or more arguments it heads a
// block of them ("LIMIT offset count"). A mandatory token just after the name would read as a
// subcommand, so it stands in angle brackets: "XREADGROUP <GROUP group consumer> ...".
//
// The whole reader is constexpr: Spec reads its line while compiling (arity, keys), COMMAND DOCS
// and the help read the same line again at run time. A malformed line sets error() and never
// crashes. The tree lives in one array of kNodeLimit nodes linked by index; node 0 is the root
// block. It keeps views into the line.
#ifndef CAIRN_COMMAND_SYNTAX_H_
#define CAIRN_COMMAND_SYNTAX_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace cairn::command {

enum class NodeKind : std::uint8_t { kArgument, kToken, kChoice, kBlock };

// Index of a node in its Syntax; kNoNode is "none" (node 0 is the root, no one's child).
using NodeId = std::uint8_t;
inline constexpr NodeId kNoNode = 0;

struct Node {
  NodeKind kind = NodeKind::kBlock;
  bool optional = false;
  bool multiple = false;
  // Each repetition carries the token again: "GET pattern [GET pattern ...]".
  bool multiple_token = false;
  NodeId child = kNoNode;   // first of a choice's or block's children
  NodeId next = kNoNode;    // next sibling
  std::string_view text;    // the argument's name or the token itself
  std::string_view token;   // the token before an argument, a choice or a block
  std::string_view type;    // explicit type, or empty: inferred from the name
  std::uint16_t begin = 0;  // where the item begins in the line, token included
  std::uint16_t body = 0;   // where it begins without its token
};

// How many words a part of the line takes: at least `min`, exactly that if `fixed`.
struct Extent {
  int min = 0;
  bool fixed = true;
};

class Syntax {
 public:
  static constexpr std::size_t kNodeLimit = 96;
  static constexpr std::size_t kLineLimit = 4096;
  static constexpr int kDepthLimit = 12;

  constexpr explicit Syntax(std::string_view line) : line_(line) {
    if (line.size() > kLineLimit) {
      Fail("the line is too long");
      return;
    }
    ReadNames();
    nodes_[0].child = ReadSequence({.top = true, .block_token = {}}, 0);
    if (error_.empty() && position_ < line_.size()) Fail("a bracket closes that was not opened");
  }

  // What is wrong with the line; empty if nothing is.
  constexpr std::string_view error() const { return error_; }
  // "CLIENT" of "CLIENT LIST ..."; empty if the line is not a subcommand's.
  constexpr std::string_view container() const { return container_; }
  // The command's own name: "SET", or "LIST" of "CLIENT LIST".
  constexpr std::string_view name() const { return name_; }
  // Words of the name: 1, or 2 for a subcommand.
  constexpr int name_words() const { return container_.empty() ? 1 : 2; }
  // The line without its name: what stands after "SET " .
  constexpr std::string_view arguments() const {
    return line_.substr(arguments_begin_ < line_.size() ? arguments_begin_ : line_.size());
  }

  constexpr const Node& node(NodeId id) const { return nodes_[id]; }
  constexpr NodeId first() const { return nodes_[0].child; }

  // Words that a node takes, as it stands in its sequence (an optional one takes none at least).
  constexpr Extent WordsOf(NodeId id) const {
    Extent extent = WordsOnce(id);
    if (nodes_[id].multiple) extent.fixed = false;
    if (nodes_[id].optional) extent = {.min = 0, .fixed = false};
    return extent;
  }
  // Words of a node and of all siblings after it.
  constexpr Extent WordsFrom(NodeId id) const {
    Extent sum;
    for (; id != kNoNode; id = nodes_[id].next) {
      const Extent one = WordsOf(id);
      sum.min += one.min;
      sum.fixed = sum.fixed && one.fixed;
    }
    return sum;
  }

 private:
  // What a sequence must know of where it stands: at the top level of the line, or the block of a
  // token (then it ends where that token comes again).
  struct Place {
    bool top;
    std::string_view block_token;
    std::size_t choices_begin = kNowhere;  // where the bracket's choices begin
  };
  static constexpr std::size_t kNowhere = static_cast<std::size_t>(-1);

  static constexpr bool IsLower(char c) { return c >= 'a' && c <= 'z'; }
  static constexpr bool IsWordEnd(char c) {
    return c == ' ' || c == '[' || c == ']' || c == '<' || c == '>' || c == '|';
  }
  static constexpr bool IsToken(std::string_view word) {
    for (const char c : word) {
      if (IsLower(c)) return false;
    }
    return !word.empty();
  }
  static constexpr bool IsName(std::string_view word) {
    return IsToken(word) && word[0] >= 'A' && word[0] <= 'Z';
  }
  static constexpr bool IsType(std::string_view word) {
    return word == "key" || word == "string" || word == "integer" || word == "double" ||
           word == "pattern" || word == "unix-time";
  }

  constexpr void Fail(std::string_view what) {
    if (error_.empty()) error_ = what;
    position_ = line_.size();
  }
  constexpr void SkipSpaces() {
    while (position_ < line_.size() && line_[position_] == ' ') ++position_;
  }
  constexpr char Peek() const { return position_ < line_.size() ? line_[position_] : '\0'; }
  constexpr std::string_view PeekWord() const {
    std::size_t end = position_;
    while (end < line_.size() && !IsWordEnd(line_[end])) ++end;
    return line_.substr(position_, end - position_);
  }
  constexpr std::string_view TakeWord() {
    const std::string_view word = PeekWord();
    position_ += word.size();
    return word;
  }

  constexpr void ReadNames() {
    name_ = TakeWord();
    if (!IsName(name_)) Fail("the line does not begin with an upper-case name");
    SkipSpaces();
    if (IsName(PeekWord())) {
      container_ = name_;
      name_ = TakeWord();
      SkipSpaces();
    }
    arguments_begin_ = position_;
  }

  constexpr NodeId NewNode(NodeKind kind, std::size_t begin) {
    if (node_count_ == kNodeLimit) {
      Fail("the line has too many parts");
      return kNodeLimit - 1;  // a valid index; the tree is not used after an error
    }
    const auto id = static_cast<NodeId>(node_count_++);
    nodes_[id].kind = kind;
    nodes_[id].begin = static_cast<std::uint16_t>(begin);
    nodes_[id].body = static_cast<std::uint16_t>(begin);
    return id;
  }

  // Reads items up to a closing bracket, a bar or the end, and returns the first of them.
  constexpr NodeId ReadSequence(Place place, int depth) {
    if (depth > kDepthLimit) Fail("brackets are nested too deeply");
    NodeId first = kNoNode;
    NodeId last = kNoNode;
    for (;;) {
      SkipSpaces();
      const char c = Peek();
      if (c == '\0' || c == ']' || c == '>' || c == '|') return first;
      if (EndsBlock(place)) return first;
      if (c == '[') {
        const std::string_view again = PeekRepeat();
        if (again.data() != nullptr && first != kNoNode) {
          const NodeId repeated = TakeRepeat(first, again);
          if (repeated != kNoNode) {
            last = repeated;
            if (!Follows(first, repeated)) first = repeated;
            continue;
          }
          if (TakeRepeatOfChoices(place, again)) continue;
        }
      }
      const NodeId item = ReadItem(place, depth);
      if (!error_.empty()) return first;
      if (first == kNoNode) first = item;
      if (last != kNoNode) nodes_[last].next = item;
      last = item;
    }
  }

  constexpr bool Follows(NodeId first, NodeId wanted) const {
    for (NodeId id = first; id != kNoNode; id = nodes_[id].next) {
      if (id == wanted) return true;
    }
    return false;
  }

  // A token's block ends where the token comes again ("CONFIG name value [CONFIG name value ...]");
  // at the top level of the line it holds only arguments and their repeats.
  constexpr bool EndsBlock(Place place) const {
    if (place.block_token.empty()) return false;
    if (Peek() == '[') {
      const std::string_view inside = line_.substr(position_ + 1);
      if (inside.starts_with(place.block_token) &&
          inside.substr(place.block_token.size()).starts_with(' ')) {
        return true;
      }
      return place.top && PeekRepeat().data() == nullptr;
    }
    return place.top && (Peek() == '<' || IsToken(PeekWord()));
  }

  // At a '[': what stands before "...]", or a null view if this bracket is not a repeat.
  constexpr std::string_view PeekRepeat() const {
    int open = 0;
    for (std::size_t i = position_; i < line_.size(); ++i) {
      if (line_[i] == '[') ++open;
      if (line_[i] != ']' || --open > 0) continue;
      std::string_view inside = line_.substr(position_ + 1, i - position_ - 1);
      if (!inside.ends_with("...")) return {};
      inside.remove_suffix(3);
      while (inside.ends_with(' ')) inside.remove_suffix(1);
      return inside;
    }
    return {};
  }

  // At a repeat whose items are `again`: marks the items just read that it repeats, and returns the
  // node that stands for them; kNoNode if it repeats none (then nothing is consumed).
  constexpr NodeId TakeRepeat(NodeId first, std::string_view again) {
    std::size_t end = position_;
    while (end > 0 && line_[end - 1] == ' ') --end;
    if (!line_.substr(0, end).ends_with(again)) return kNoNode;
    const std::size_t begin = end - again.size();
    NodeId before = kNoNode;
    for (NodeId id = first; id != kNoNode; before = id, id = nodes_[id].next) {
      const bool is_last = nodes_[id].next == kNoNode;
      const bool whole = nodes_[id].begin == begin || (is_last && again.empty());
      const bool body = is_last && nodes_[id].body == begin;
      if (!whole && !body) continue;
      SkipBracket();
      if (is_last) {
        nodes_[id].multiple = true;
        nodes_[id].multiple_token = whole && !nodes_[id].token.empty();
        return id;
      }
      const NodeId block = NewNode(NodeKind::kBlock, begin);
      nodes_[block].child = id;
      nodes_[block].multiple = true;
      if (before != kNoNode) nodes_[before].next = block;
      return block;
    }
    return kNoNode;
  }

  // The same for a repeat of everything since the bracket began ("[A a | B b [A a | B b ...]]"):
  // ReadBracket then marks the choice.
  constexpr bool TakeRepeatOfChoices(Place place, std::string_view again) {
    if (place.choices_begin == kNowhere) return false;
    std::string_view choices = line_.substr(place.choices_begin, position_ - place.choices_begin);
    while (choices.starts_with(' ')) choices.remove_prefix(1);
    while (choices.ends_with(' ')) choices.remove_suffix(1);
    if (choices != again) return false;
    SkipBracket();
    saw_dots_of_choices_ = true;
    return true;
  }

  constexpr void SkipBracket() {
    int open = 0;
    for (; position_ < line_.size(); ++position_) {
      if (line_[position_] == '[') ++open;
      if (line_[position_] == ']' && --open == 0) {
        ++position_;
        return;
      }
    }
    Fail("a bracket is not closed");
  }

  constexpr NodeId ReadItem(Place place, int depth) {
    const std::size_t begin = position_;
    if (Peek() == '[') return ReadBracket(']', depth);
    if (Peek() == '<') return ReadBracket('>', depth);
    const std::string_view word = TakeWord();
    if (word == "...") {
      // The "..." of a repeat whose items were not seen before; ReadBracket asks for it.
      saw_dots_ = true;
      return NewNode(NodeKind::kToken, begin);
    }
    return IsToken(word) ? ReadToken(word, begin, place, depth) : ReadArgument(word, begin);
  }

  constexpr NodeId ReadArgument(std::string_view word, std::size_t begin) {
    const NodeId id = NewNode(NodeKind::kArgument, begin);
    const std::size_t colon = word.rfind(':');
    if (colon != word.npos && IsType(word.substr(colon + 1))) {
      nodes_[id].type = word.substr(colon + 1);
      word = word.substr(0, colon);
    }
    nodes_[id].text = word;
    return id;
  }

  constexpr NodeId ReadToken(std::string_view token, std::size_t begin, Place place, int depth) {
    SkipSpaces();
    const std::size_t body = position_;
    const char c = Peek();
    NodeId id = kNoNode;
    if (c == '<') {
      id = ReadBracket('>', depth);
      if (!nodes_[id].token.empty() || nodes_[id].kind == NodeKind::kToken) id = Wrap(id, begin);
    } else if (c != '\0' && !IsWordEnd(c) && !IsToken(PeekWord())) {
      if (PlainArguments() == 1) {
        id = ReadArgument(TakeWord(), begin);
      } else {
        id = NewNode(NodeKind::kBlock, begin);
        const NodeId child = ReadSequence({.top = place.top, .block_token = token}, depth + 1);
        nodes_[id].child = child;
      }
    }
    if (id == kNoNode) {
      id = NewNode(NodeKind::kToken, begin);
      nodes_[id].text = token;
      return id;
    }
    nodes_[id].token = token;
    nodes_[id].begin = static_cast<std::uint16_t>(begin);
    nodes_[id].body = static_cast<std::uint16_t>(body);
    return id;
  }

  constexpr NodeId Wrap(NodeId inner, std::size_t begin) {
    const NodeId block = NewNode(NodeKind::kBlock, begin);
    nodes_[block].child = inner;
    return block;
  }

  // How many arguments stand here in a row; their repeats do not count and do not part them.
  constexpr int PlainArguments() {
    const std::size_t begin = position_;
    int count = 0;
    for (;;) {
      SkipSpaces();
      const char c = Peek();
      if (c == '[' && PeekRepeat().data() != nullptr) {
        SkipBracket();
        continue;
      }
      if (c == '\0' || IsWordEnd(c) || IsToken(PeekWord())) break;
      TakeWord();
      ++count;
    }
    position_ = begin;
    return count;
  }

  // At '[' or '<': the choices inside as one node.
  constexpr NodeId ReadBracket(char closing, int depth) {
    const std::size_t begin = position_++;
    NodeId first = kNoNode;
    NodeId last = kNoNode;
    int count = 0;
    bool dots = false;
    bool dots_of_choices = false;
    const std::size_t choices_begin = position_;
    for (;;) {
      const std::size_t inner_begin = position_;
      saw_dots_ = false;
      saw_dots_of_choices_ = false;
      NodeId inner = ReadSequence({.top = false, .block_token = {}, .choices_begin = choices_begin},
                                  depth + 1);
      dots = saw_dots_;
      dots_of_choices = saw_dots_of_choices_;
      saw_dots_ = false;
      saw_dots_of_choices_ = false;
      if (!error_.empty()) return kNoNode;
      if (dots) inner = DropLast(inner);
      if (inner == kNoNode) Fail("a bracket holds nothing");
      if (nodes_[inner].next != kNoNode) inner = Wrap(inner, inner_begin);
      if (first == kNoNode) first = inner;
      if (last != kNoNode) nodes_[last].next = inner;
      last = inner;
      ++count;
      if (Peek() != '|') break;
      ++position_;
    }
    if (Peek() != closing) {
      Fail("a bracket is not closed by its like");
      return kNoNode;
    }
    ++position_;
    NodeId id = first;
    if (count > 1) {
      id = NewNode(NodeKind::kChoice, begin);
      nodes_[id].child = first;
    }
    nodes_[id].optional = nodes_[id].optional || closing == ']';
    nodes_[id].multiple = nodes_[id].multiple || dots || dots_of_choices;
    nodes_[id].begin = static_cast<std::uint16_t>(begin);
    return id;
  }

  // Removes the "..." node at the end of a sequence.
  constexpr NodeId DropLast(NodeId first) {
    if (nodes_[first].next == kNoNode) return kNoNode;
    NodeId id = first;
    while (nodes_[nodes_[id].next].next != kNoNode) id = nodes_[id].next;
    nodes_[id].next = kNoNode;
    return first;
  }

  constexpr Extent WordsOnce(NodeId id) const {
    const Node& node = nodes_[id];
    Extent extent;
    switch (node.kind) {
      case NodeKind::kArgument:
      case NodeKind::kToken:
        extent.min = 1;
        break;
      case NodeKind::kBlock:
        extent = WordsFrom(node.child);
        break;
      case NodeKind::kChoice:
        extent = WordsOfChoice(node.child);
        break;
    }
    if (!node.token.empty()) ++extent.min;
    return extent;
  }

  // One of the alternatives is there, so even one that is written as optional takes a word.
  constexpr Extent WordsOfChoice(NodeId child) const {
    Extent all{.min = -1, .fixed = true};
    for (NodeId id = child; id != kNoNode; id = nodes_[id].next) {
      const Extent one = WordsOnce(id);
      const int min = one.min > 0 ? one.min : 1;
      if (all.min >= 0 && all.min != min) all.fixed = false;
      if (all.min < 0 || min < all.min) all.min = min;
      all.fixed = all.fixed && one.fixed && !nodes_[id].multiple;
    }
    return all;
  }

  std::string_view line_;
  std::string_view error_;
  std::string_view container_;
  std::string_view name_;
  std::size_t position_ = 0;
  std::size_t arguments_begin_ = 0;
  std::size_t node_count_ = 1;
  bool saw_dots_ = false;
  bool saw_dots_of_choices_ = false;
  std::array<Node, kNodeLimit> nodes_{};
};

// What COMMAND DOCS says of a node, beyond the tree itself. An argument's type is inferred from its
// name ("seconds" is an integer, "score" a double) unless the line gives it: "timeout:double".
std::string_view TypeName(const Node& node);
// An argument's name is its word; the others have names made from what they hold.
std::string NodeName(const Syntax& syntax, NodeId id);
// The token as a client sends it: the line writes the empty one as two quotes.
std::string_view TokenText(std::string_view token);

}  // namespace cairn::command

#endif  // CAIRN_COMMAND_SYNTAX_H_
