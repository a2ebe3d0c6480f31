// SPDX-License-Identifier: BSD-3-Clause
// A recursive descent parser and a recursive match. Sets and {...} are matched by trying each
// pattern on each item not yet taken, going back where that fails: exponential at worst, but such
// expectations are written by hand and short.
#include "support/pattern.h"

#include <limits>
#include <optional>
#include <utility>

#include "base/glob.h"
#include "base/text.h"

namespace cairn::testing {

class PatternParser {
 public:
  PatternParser(std::string_view text, const Variables& variables)
      : text_(text), variables_(variables) {}

  Result<Pattern> ParseTop();

 private:
  using Kind = Pattern::Kind;

  Result<Pattern> ParseOne(int depth);
  Result<Pattern> ParseMarked(char marker);
  Result<Pattern> ParseVerbatim();
  Result<Pattern> ParseList(Kind kind, ReplyType type, char close, int depth);
  Result<Pattern> ParsePairs(ReplyType type, int depth);
  Result<Pattern> ParseAttribute(int depth);
  Result<Pattern> ParseHole(int depth);
  Result<Pattern> ParseRange(Pattern pattern);
  Result<Pattern> ParseGlobs(Pattern pattern);
  Result<Pattern> ParseAlternatives(int depth);
  Result<Pattern> ParseCapture(int depth);
  Result<std::string> ParseText();

  void SkipBlanks() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t')) ++at_;
  }
  char Peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  bool Accept(std::string_view token) {
    if (text_.substr(at_, token.size()) != token) return false;
    at_ += token.size();
    return true;
  }
  // A bare run of letters, digits and signs that numbers and names are made of.
  std::string_view TakeBare() {
    constexpr std::string_view kEnds = " ,]})=|";
    const std::size_t begin = at_;
    while (at_ < text_.size() && kEnds.find(text_[at_]) == kEnds.npos) {
      // An expansion is taken whole, its closing brace with it.
      const bool expands = text_.substr(at_, 2) == "${";
      at_ = expands ? std::min(text_.find('}', at_), text_.size() - 1) + 1 : at_ + 1;
    }
    return text_.substr(begin, at_ - begin);
  }
  std::unexpected<Status> Bad(std::string_view what) const {
    return Fail(StatusCode::kInvalid, std::string(what) + " at \"" +
                                          std::string(text_.substr(at_, 40)) + "\" of " +
                                          std::string(text_.substr(0, 200)));
  }

  std::string_view text_;
  const Variables& variables_;
  std::size_t at_ = 0;
};

namespace {

// The words that stand for themselves.
struct Word {
  std::string_view token;
  ReplyType type;
  std::string_view text;
};
constexpr Word kWords[] = {
    {"nil*", ReplyType::kNullArray, ""}, {"nil", ReplyType::kNullBulk, ""},
    {"null", ReplyType::kNull, ""},      {"#t", ReplyType::kBoolean, "t"},
    {"#f", ReplyType::kBoolean, "f"},
};

std::optional<ReplyType> TypeOfMarker(char marker) {
  switch (marker) {
    case '+':
      return ReplyType::kSimple;
    case '-':
      return ReplyType::kError;
    case ':':
      return ReplyType::kInteger;
    case ',':
      return ReplyType::kDouble;
    case '!':
      return ReplyType::kBlobError;
    default:
      return std::nullopt;
  }
}

}  // namespace

Result<Pattern> PatternParser::ParseTop() {
  SkipBlanks();
  // A line at the top needs no quotes: the rest is the text.
  if ((Peek() == '+' || Peek() == '-') && text_.substr(at_ + 1, 1) != "\"") {
    Pattern line;
    line.kind_ = Kind::kLiteral;
    line.type_ = *TypeOfMarker(Peek());
    Result<std::string> text = Expand(text_.substr(at_ + 1), variables_);
    if (!text) return std::unexpected(text.error());
    line.text_ = *text;
    return line;
  }
  Result<Pattern> pattern = ParseOne(0);
  if (!pattern) return pattern;
  SkipBlanks();
  if (at_ != text_.size()) return Bad("text behind the reply");
  return pattern;
}

Result<std::string> PatternParser::ParseText() {
  if (Peek() != '"') return Expand(TakeBare(), variables_);
  const std::size_t end = QuotedEnd(text_, at_);
  if (end == std::string_view::npos) return Bad("an unclosed quote");
  const std::string_view quoted = text_.substr(at_, end - at_);
  at_ = end;
  return ParseQuoted(quoted, variables_);
}

Result<Pattern> PatternParser::ParseMarked(char marker) {
  ++at_;
  Result<std::string> text = ParseText();
  if (!text) return std::unexpected(text.error());
  Pattern literal;
  literal.kind_ = Kind::kLiteral;
  literal.type_ = *TypeOfMarker(marker);
  literal.text_ = *text;
  return literal;
}

Result<Pattern> PatternParser::ParseVerbatim() {
  Pattern literal;
  literal.kind_ = Kind::kLiteral;
  literal.type_ = ReplyType::kVerbatim;
  literal.text_ = text_.substr(at_ + 1, 4);  // "txt:"
  at_ = std::min(text_.size(), at_ + 5);
  Result<std::string> text = ParseText();
  if (!text) return std::unexpected(text.error());
  literal.text_ += *text;
  return literal;
}

Result<Pattern> PatternParser::ParseOne(int depth) {
  if (depth > kReplyDepthMax) return Bad("nested too deeply");
  SkipBlanks();
  for (const Word& word : kWords) {
    if (!Accept(word.token)) continue;
    Pattern literal;
    literal.kind_ = Kind::kLiteral;
    literal.type_ = word.type;
    literal.text_ = word.text;
    return literal;
  }
  if (Accept("...")) {
    Pattern rest;
    rest.kind_ = Kind::kRest;
    return rest;
  }
  if (Accept("map{")) return ParsePairs(ReplyType::kMap, depth);
  if (Accept("attr{")) return ParseAttribute(depth);
  if (Accept("set{")) return ParseList(Kind::kUnordered, ReplyType::kSet, '}', depth);
  if (Accept("push[")) return ParseList(Kind::kSequence, ReplyType::kPush, ']', depth);
  if (Accept("[")) return ParseList(Kind::kSequence, ReplyType::kArray, ']', depth);
  if (Accept("{")) return ParseList(Kind::kUnordered, ReplyType::kArray, '}', depth);
  if (Peek() == '=') return ParseVerbatim();
  if (Peek() == '(') return ParseHole(depth);
  if (Peek() == '"') {
    Result<std::string> text = ParseText();
    if (!text) return std::unexpected(text.error());
    Pattern literal;
    literal.kind_ = Kind::kLiteral;
    literal.type_ = ReplyType::kBulk;
    literal.text_ = *text;
    return literal;
  }
  if (TypeOfMarker(Peek())) return ParseMarked(Peek());
  return Bad("no reply begins");
}

Result<Pattern> PatternParser::ParseList(Kind kind, ReplyType type, char close, int depth) {
  Pattern list;
  list.kind_ = kind;
  list.type_ = type;
  for (SkipBlanks(); Peek() != close; SkipBlanks()) {
    Result<Pattern> item = ParseOne(depth + 1);
    if (!item) return item;
    SkipBlanks();
    if (kind == Kind::kUnordered && Accept("=>")) {
      Result<Pattern> value = ParseOne(depth + 1);
      if (!value) return value;
      Pattern pair;
      pair.kind_ = Kind::kSequence;
      pair.type_ = ReplyType::kArray;
      pair.items_ = {std::move(*item), std::move(*value)};
      item = std::move(pair);
      list.type_ = ReplyType::kMap;
      SkipBlanks();
    }
    list.items_.push_back(std::move(*item));
    if (!Accept(",") && Peek() != close) return Bad("no comma between items");
  }
  ++at_;
  return list;
}

Result<Pattern> PatternParser::ParsePairs(ReplyType type, int depth) {
  Pattern map;
  map.kind_ = Kind::kSequence;
  map.type_ = type;
  for (SkipBlanks(); Peek() != '}'; SkipBlanks()) {
    Result<Pattern> key = ParseOne(depth + 1);
    if (!key) return key;
    const bool is_rest = key->kind_ == Kind::kRest;
    map.items_.push_back(std::move(*key));
    SkipBlanks();
    if (!is_rest) {
      if (!Accept("=>")) return Bad("no => after a key");
      Result<Pattern> value = ParseOne(depth + 1);
      if (!value) return value;
      map.items_.push_back(std::move(*value));
      SkipBlanks();
    }
    if (!Accept(",") && Peek() != '}') return Bad("no comma between pairs");
  }
  ++at_;
  return map;
}

Result<Pattern> PatternParser::ParseAttribute(int depth) {
  Result<Pattern> attribute = ParsePairs(ReplyType::kAttribute, depth);
  if (!attribute) return attribute;
  Result<Pattern> reply = ParseOne(depth + 1);
  if (!reply) return reply;
  attribute->items_.push_back(std::move(*reply));
  return attribute;
}

Result<Pattern> PatternParser::ParseRange(Pattern pattern) {
  pattern.low_ = -std::numeric_limits<double>::infinity();
  pattern.high_ = std::numeric_limits<double>::infinity();
  SkipBlanks();
  Result<std::string> bounds = ParseText();
  if (!bounds) return std::unexpected(bounds.error());
  if (bounds->empty()) return pattern;
  const std::string_view text = *bounds;
  const std::size_t dots = text.find("..");
  const std::string_view low = text.substr(0, dots);
  const std::string_view high = dots == text.npos ? low : text.substr(dots + 2);
  const std::optional<double> low_number = low.empty() ? pattern.low_ : ParseDouble(low);
  const std::optional<double> high_number = high.empty() ? pattern.high_ : ParseDouble(high);
  if (!low_number || !high_number) return Bad("bad bounds");
  pattern.low_ = *low_number;
  pattern.high_ = *high_number;
  return pattern;
}

Result<Pattern> PatternParser::ParseGlobs(Pattern pattern) {
  for (SkipBlanks(); Peek() == '"'; SkipBlanks()) {
    Result<std::string> glob = ParseText();
    if (!glob) return std::unexpected(glob.error());
    pattern.globs_.push_back(std::move(*glob));
    SkipBlanks();
    Accept(",");
  }
  if (pattern.globs_.empty()) return Bad("no glob");
  return pattern;
}

Result<Pattern> PatternParser::ParseAlternatives(int depth) {
  Pattern either;
  either.kind_ = Kind::kOr;
  do {
    Result<Pattern> item = ParseOne(depth + 1);
    if (!item) return item;
    either.items_.push_back(std::move(*item));
    SkipBlanks();
  } while (Accept("|"));
  return either;
}

Result<Pattern> PatternParser::ParseCapture(int depth) {
  Pattern capture;
  capture.kind_ = Kind::kCapture;
  SkipBlanks();
  capture.text_ = TakeBare();
  if (capture.text_.empty()) return Bad("no name");
  SkipBlanks();
  if (Peek() == ')') return capture;
  Result<Pattern> inner = ParseOne(depth + 1);
  if (!inner) return inner;
  capture.items_.push_back(std::move(*inner));
  return capture;
}

// After "(": a name and what belongs to it, or a big number.
Result<Pattern> PatternParser::ParseHole(int depth) {
  ++at_;
  const std::string_view name = TakeBare();
  Pattern hole;
  if (!name.empty() && (name.front() == '-' || (name.front() >= '0' && name.front() <= '9'))) {
    hole.kind_ = Kind::kLiteral;
    hole.type_ = ReplyType::kBigNumber;
    hole.text_ = name;
    return hole;
  }
  Result<Pattern> whole = hole;
  if (name == "any") {
    SkipBlanks();
  } else if (name == "int" || name == "num" || name == "len") {
    hole.kind_ = name == "int"   ? Kind::kIntegerRange
                 : name == "num" ? Kind::kNumberRange
                                 : Kind::kLength;
    whole = ParseRange(std::move(hole));
  } else if (name == "match" || name == "error") {
    hole.kind_ = name == "match" ? Kind::kGlob : Kind::kErrorGlob;
    whole = ParseGlobs(std::move(hole));
  } else if (name == "has" || name == "lacks") {
    hole.kind_ = name == "has" ? Kind::kHas : Kind::kLacks;
    whole = ParseGlobs(std::move(hole));
  } else if (name == "or") {
    whole = ParseAlternatives(depth);
  } else if (name == "set") {
    whole = ParseCapture(depth);
  } else {
    return Bad("unknown pattern (" + std::string(name));
  }
  if (!whole) return whole;
  SkipBlanks();
  if (!Accept(")")) return Bad("no closing )");
  return whole;
}

Result<Pattern> Pattern::Parse(std::string_view text, const Variables& variables) {
  return PatternParser(text, variables).ParseTop();
}

namespace {

// The text of a scalar as a reader sees it: without the format of a verbatim string.
std::string_view PlainText(const Reply& reply) {
  const std::string_view text = reply.text;
  return reply.type == ReplyType::kVerbatim ? text.substr(std::min<std::size_t>(4, text.size()))
                                            : text;
}

bool IsString(const Reply& reply) {
  return IsScalar(reply.type) && reply.type != ReplyType::kError &&
         reply.type != ReplyType::kBlobError;
}

bool AnyLineFits(std::string_view text, std::string_view glob) {
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (GlobMatch(glob, line)) return true;
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return false;
}

// The items of a map, two by two.
std::vector<Reply> PairsOf(const std::vector<Reply>& items) {
  std::vector<Reply> pairs;
  for (std::size_t i = 0; i + 1 < items.size(); i += 2) {
    pairs.push_back({.type = ReplyType::kArray, .text = {}, .items = {items[i], items[i + 1]}});
  }
  return pairs;
}

// The type under which an expectation of `type` comes over RESP `protocol`.
ReplyType TypeOnWire(ReplyType type, int protocol) {
  const bool old = protocol == 2;
  switch (type) {
    case ReplyType::kNullBulk:
    case ReplyType::kNullArray:
      return old ? type : ReplyType::kNull;
    case ReplyType::kNull:
      return old ? ReplyType::kNullBulk : type;
    case ReplyType::kDouble:
    case ReplyType::kBigNumber:
    case ReplyType::kVerbatim:
      return old ? ReplyType::kBulk : type;
    case ReplyType::kBoolean:
      return old ? ReplyType::kInteger : type;
    case ReplyType::kBlobError:
      return old ? ReplyType::kError : type;
    case ReplyType::kMap:
    case ReplyType::kSet:
    case ReplyType::kPush:
      return old ? ReplyType::kArray : type;
    case ReplyType::kSimple:
    case ReplyType::kError:
    case ReplyType::kInteger:
    case ReplyType::kBulk:
    case ReplyType::kArray:
    case ReplyType::kAttribute:
      return type;
  }
  return type;
}

}  // namespace

bool Pattern::MatchesLiteral(const Reply& reply, int protocol) const {
  if (reply.type != TypeOnWire(type_, protocol)) return false;
  if (reply.type == type_) return reply.text == text_;
  return Downgrade(Reply{.type = type_, .text = text_, .items = {}}).text == reply.text;
}

bool Pattern::MatchesSequence(const Reply& reply, int protocol, Variables& variables) const {
  if (reply.type != TypeOnWire(type_, protocol)) return false;
  const std::size_t fixed = items_.size() - (HasRest() ? 1 : 0);
  if (HasRest() ? reply.items.size() < fixed : reply.items.size() != fixed) return false;
  for (std::size_t i = 0; i < fixed; ++i) {
    if (!items_[i].Matches(reply.items[i], protocol, variables)) return false;
  }
  return true;
}

bool Pattern::MatchesUnordered(const std::vector<Reply>& items, std::size_t next,
                               std::vector<bool>& taken, int protocol, Variables& variables) const {
  const std::size_t fixed = items_.size() - (HasRest() ? 1 : 0);
  if (next == fixed) return HasRest() || fixed == items.size();
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (taken[i] || !items_[next].Matches(items[i], protocol, variables)) continue;
    taken[i] = true;
    if (MatchesUnordered(items, next + 1, taken, protocol, variables)) return true;
    taken[i] = false;
  }
  return false;
}

bool Pattern::MatchesNumber(const Reply& reply) const {
  if (kind_ == Kind::kIntegerRange && reply.type != ReplyType::kInteger) return false;
  if (!IsString(reply)) return false;
  const std::optional<double> number = ParseDouble(PlainText(reply));
  return number && *number >= low_ && *number <= high_;
}

bool Pattern::MatchesLines(const Reply& reply) const {
  if (!IsString(reply)) return false;
  const std::string_view text = PlainText(reply);
  for (const std::string& glob : globs_) {
    if (AnyLineFits(text, glob) != (kind_ == Kind::kHas)) return false;
  }
  return true;
}

bool Pattern::Matches(const Reply& reply, int protocol, Variables& variables) const {
  switch (kind_) {
    case Kind::kAny:
      return true;
    case Kind::kRest:
      return false;
    case Kind::kLiteral:
      return MatchesLiteral(reply, protocol);
    case Kind::kSequence:
      return MatchesSequence(reply, protocol, variables);
    case Kind::kUnordered: {
      if (reply.type != TypeOnWire(type_, protocol)) return false;
      const std::vector<Reply>& items =
          type_ == ReplyType::kMap ? PairsOf(reply.items) : reply.items;
      std::vector<bool> taken(items.size());
      return MatchesUnordered(items, 0, taken, protocol, variables);
    }
    case Kind::kIntegerRange:
    case Kind::kNumberRange:
      return MatchesNumber(reply);
    case Kind::kGlob:
      return IsString(reply) && GlobMatch(globs_.front(), PlainText(reply));
    case Kind::kErrorGlob:
      return reply.type == ReplyType::kError && GlobMatch(globs_.front(), reply.text);
    case Kind::kLength: {
      const auto size = static_cast<double>(PlainText(reply).size());
      return IsString(reply) && size >= low_ && size <= high_;
    }
    case Kind::kHas:
    case Kind::kLacks:
      return MatchesLines(reply);
    case Kind::kOr:
      for (const Pattern& item : items_) {
        if (item.Matches(reply, protocol, variables)) return true;
      }
      return false;
    case Kind::kCapture:
      if (!items_.empty() && !items_.front().Matches(reply, protocol, variables)) return false;
      variables[text_] = PlainText(reply);
      return true;
  }
  return false;
}

}  // namespace cairn::testing
