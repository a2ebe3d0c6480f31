// SPDX-License-Identifier: BSD-3-Clause
// SORT and SORT_RO: the elements of a list, a set or a sorted set in order, their own or that of
// other keys, as they are or as the keys they lead to.
//
//     SORT ids BY weight_* GET # GET object_*->name LIMIT 0 10 DESC STORE names
//
// Locks: what BY and GET lead to is known only once the elements are read, and lies anywhere. No
// stripe may be added to those a call holds (KeyLocks), so the rows say kAllStripes. Locking the
// declared keys alone where no pattern has a star would want a choice per call, which rows do not
// have.
//
// Elements are copied first: looking up a key may remove it, if it has expired, and that may move
// whatever was found before. Elements that compare as equal keep the order in which they came;
// those of a set, whose order means nothing and differs from server to server, go by their bytes.
#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <vector>

#include "base/text.h"
#include "command/call.h"
#include "command/errors.h"
#include "commands/collections.h"
#include "commands/families.h"
#include "commands/sort_pattern.h"

namespace cairn::commands {
namespace {

using command::Call;
using command::Group;
using command::Spec;
using keyspace::Access;
using keyspace::Found;
using keyspace::Type;
using value::List;
using value::ListCursor;
using value::ListEnd;
using value::Set;
using value::SortedSet;

constexpr std::string_view kNotNumbers = "ERR One or more scores can't be converted into double";

struct Options {
  bool is_sorted = true;  // false: BY a key that does not depend on the element
  bool by_text = false;   // ALPHA
  bool is_descending = false;
  std::optional<KeyPattern> by;
  std::vector<KeyPattern> gets;
  std::optional<std::string_view> store;
  std::int64_t offset = 0;
  std::int64_t count = -1;
};

enum class Storing : std::uint8_t { kAllowed, kRefused };

bool ParseLimit(Call& call, std::size_t at, Options& options) {
  const std::optional<std::int64_t> offset = ParseInt64(call.arg(at));
  const std::optional<std::int64_t> count = ParseInt64(call.arg(at + 1));
  if (!offset || !count) {
    call.Error(command::errors::kNotAnInteger);
    return false;
  }
  options.offset = *offset;
  options.count = *count;
  return true;
}

// An option that one word follows. False: it is none.
bool ParseWithWord(std::string_view name, std::string_view word, Storing storing,
                   Options& options) {
  if (EqualsIgnoreCase(name, "BY")) {
    options.by = KeyPattern(word);
    // One such pattern is enough, wherever it stands.
    options.is_sorted = options.is_sorted && options.by->has_star();
  } else if (EqualsIgnoreCase(name, "GET")) {
    options.gets.emplace_back(word);
  } else if (storing == Storing::kAllowed && EqualsIgnoreCase(name, "STORE")) {
    options.store = word;
  } else {
    return false;
  }
  return true;
}

bool ParseFlag(std::string_view name, Options& options) {
  if (EqualsIgnoreCase(name, "ASC")) {
    options.is_descending = false;
  } else if (EqualsIgnoreCase(name, "DESC")) {
    options.is_descending = true;
  } else if (EqualsIgnoreCase(name, "ALPHA")) {
    options.by_text = true;
  } else {
    return false;
  }
  return true;
}

bool Parse(Call& call, Storing storing, Options& options) {
  for (std::size_t i = 2; i < call.argc(); ++i) {
    const std::string_view name = call.arg(i);
    const std::size_t words = call.argc() - i - 1;
    if (ParseFlag(name, options)) continue;
    if (words >= 2 && EqualsIgnoreCase(name, "LIMIT")) {
      if (!ParseLimit(call, i + 1, options)) return false;
      i += 2;
    } else if (words >= 1 && ParseWithWord(name, call.arg(i + 1), storing, options)) {
      ++i;
    } else {
      call.Error(command::errors::kSyntax);
      return false;
    }
  }
  return true;
}

// --- the elements ---

struct Range {
  std::size_t start = 0;
  std::size_t count = 0;
};

// What LIMIT leaves of `size` elements. A negative count means all.
Range Limited(std::size_t size, const Options& options) {
  const auto bound = static_cast<std::int64_t>(size);
  const std::int64_t start = std::clamp<std::int64_t>(options.offset, 0, bound);
  const std::int64_t left = bound - start;
  const std::int64_t count = options.count < 0 ? left : std::min(options.count, left);
  return {.start = static_cast<std::size_t>(start), .count = static_cast<std::size_t>(count)};
}

struct Element {
  explicit Element(std::string_view bytes) : text(bytes) {}

  std::string text;
  double number = 0;
  std::optional<std::string> weight;  // BY with ALPHA
  std::size_t place = 0;
};

// `range` is what shall be loaded, counted from where `direction` begins: all, or without an order
// to make the part that LIMIT leaves.
std::vector<Element> LoadList(const List& list, Range range, value::Direction direction) {
  std::vector<Element> elements;
  if (range.count == 0) return elements;
  elements.reserve(range.count);
  ds::PackedValue::Scratch scratch;
  const bool is_up = direction == value::Direction::kUp;
  ListCursor at(list, is_up ? range.start : list.size() - 1 - range.start,
                is_up ? ListEnd::kBack : ListEnd::kFront);
  for (std::size_t i = 0; i < range.count; ++i, at.Advance()) {
    elements.emplace_back(at.value().Text(scratch));
  }
  return elements;
}

std::vector<Element> LoadSet(const Set& set) {
  std::vector<Element> elements;
  elements.reserve(set.size());
  ds::PackedValue::Scratch scratch;
  set.ForEach([&](const ds::PackedValue& member) { elements.emplace_back(member.Text(scratch)); });
  return elements;
}

std::vector<Element> LoadSortedSet(const SortedSet& set, Range range, value::Direction direction) {
  std::vector<Element> elements;
  elements.reserve(range.count);
  ds::PackedValue::Scratch scratch;
  const value::RankRange ranks =
      value::RankRange{.begin = 0, .end = set.size()}.Limit(range.start, range.count, direction);
  set.ForEachIn(ranks, direction, [&](const ds::PackedValue& member, double) {
    elements.emplace_back(member.Text(scratch));
  });
  return elements;
}

// What is sorted, and which part of it is the answer.
struct Elements {
  std::vector<Element> all;
  Range answer;
};

Elements Load(const Found& found, const Options& options) {
  if (!found) return {};
  const std::size_t size = found.entry->element_count();
  const Range answer = Limited(size, options);
  // Where the order is there already only the answer is taken out; a set has none.
  const bool is_part = !options.is_sorted && found.entry->type() != Type::kSet;
  const Range range = is_part ? answer : Range{.start = 0, .count = size};
  Elements elements{.all = {}, .answer = is_part ? Range{0, answer.count} : answer};
  const value::Direction direction =
      !options.is_sorted && options.is_descending ? value::Direction::kDown : value::Direction::kUp;
  if (found.entry->type() == Type::kList) {
    elements.all = LoadList(found.entry->as<List>(), range, direction);
  } else if (found.entry->type() == Type::kSet) {
    elements.all = LoadSet(found.entry->as<Set>());
  } else {
    elements.all = LoadSortedSet(found.entry->as<SortedSet>(), range, direction);
  }
  return elements;
}

// --- the order ---

// As C reads numbers: blanks before it, hexadecimal and "inf" are fine, and it ends at a zero byte.
std::optional<double> ReadNumber(const std::string& text) {
  if (const std::optional<std::int64_t> number = ParseInt64(text)) {
    return static_cast<double>(*number);
  }
  char* end = nullptr;
  errno = 0;
  const double number = std::strtod(text.c_str(), &end);
  if (*end != '\0' || errno == ERANGE || std::isnan(number)) return std::nullopt;
  return number;
}

// Gives each element what it is compared by. False if one of these should be a number and is none.
bool Weigh(PatternReader& reader, const Options& options, std::vector<Element>& elements) {
  bool are_numbers = true;
  for (Element& element : elements) {
    if (options.by) {
      const std::optional<std::string_view> weight = reader.Read(*options.by, element.text);
      // One without a weight goes as 0, or before all others.
      if (weight) element.weight = *weight;
    }
    if (options.by_text) continue;
    const std::string* text = options.by ? nullptr : &element.text;
    if (element.weight) text = &*element.weight;
    if (text == nullptr) continue;
    const std::optional<double> number = ReadNumber(*text);
    are_numbers = are_numbers && number;
    element.number = number.value_or(0);
  }
  return are_numbers;
}

enum class Ties : std::uint8_t { kAsTheyCame, kByBytes };

class Before {
 public:
  Before(const Options& options, Ties ties) : options_(options), ties_(ties) {}

  bool operator()(const Element& a, const Element& b) const {
    const int order = Compare(a, b);
    if (order != 0) return options_.is_descending ? order > 0 : order < 0;
    return ties_ == Ties::kByBytes ? a.text < b.text : a.place < b.place;
  }

 private:
  int Compare(const Element& a, const Element& b) const {
    if (!options_.by_text) {
      if (a.number != b.number) return a.number < b.number ? -1 : 1;
      return a.text.compare(b.text);
    }
    if (!options_.by) return a.text.compare(b.text);
    if (a.weight && b.weight) return a.weight->compare(*b.weight);
    return static_cast<int>(a.weight.has_value()) - static_cast<int>(b.weight.has_value());
  }

  const Options& options_;
  const Ties ties_;
};

void Order(std::vector<Element>& elements, Range answer, const Before& before) {
  for (std::size_t i = 0; i < elements.size(); ++i) elements[i].place = i;
  const std::size_t wanted = answer.start + answer.count;
  if (wanted >= elements.size()) return std::sort(elements.begin(), elements.end(), before);
  std::partial_sort(elements.begin(), elements.begin() + static_cast<std::ptrdiff_t>(wanted),
                    elements.end(), before);
}

// --- the answer ---

void Reply(Call& call, PatternReader& reader, const Options& options, const Elements& elements) {
  const std::size_t columns = std::max<std::size_t>(options.gets.size(), 1);
  call.reply().Array(elements.answer.count * columns);
  for (std::size_t i = 0; i < elements.answer.count; ++i) {
    const std::string& text = elements.all[elements.answer.start + i].text;
    if (options.gets.empty()) call.reply().Bulk(text);
    for (const KeyPattern& get : options.gets) {
      const std::optional<std::string_view> column = reader.Read(get, text);
      column ? call.reply().Bulk(*column) : call.reply().Null();
    }
  }
}

// What leads nowhere is stored as an empty element.
void Store(Call& call, PatternReader& reader, const Options& options, const Elements& elements) {
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < elements.answer.count; ++i) {
    const std::string& text = elements.all[elements.answer.start + i].text;
    if (options.gets.empty()) texts.push_back(text);
    for (const KeyPattern& get : options.gets) {
      texts.emplace_back(reader.Read(get, text).value_or(std::string_view()));
    }
  }
  List list;
  const std::vector<std::string_view> views(texts.begin(), texts.end());
  const value::ListLimits limits = LimitsOf<List>(call);
  if (!views.empty()) list.Push(ListEnd::kBack, views, limits);
  list.Normalize(limits);
  const keyspace::KeyRef key = call.keyspace().Ref(*options.store);
  Found found = call.txn().Find(key, Access::kPeek);
  const bool is_change = found || !views.empty();
  call.txn().SetCollection(key, found, std::move(list));
  if (is_change) {
    const bool is_gone = views.empty();
    call.txn().Notify(is_gone ? keyspace::kEventGeneric : keyspace::kEventList,
                      is_gone ? "del" : "sortstore", key);
    call.LogVerbatim();
    call.txn().CountAs(is_gone ? 1 : static_cast<std::int64_t>(views.size()));
  }
  call.reply().Integer(static_cast<std::int64_t>(views.size()));
}

bool IsSortable(const Found& found) {
  if (!found) return true;
  const Type type = found.entry->type();
  return type == Type::kList || type == Type::kSet || type == Type::kSortedSet;
}

void SortWith(Call& call, Storing storing) {
  Options options;
  if (!Parse(call, storing, options)) return;
  const Found found = call.txn().Find(call.key(0), Access::kRead);
  if (!IsSortable(found)) return call.Error(command::errors::kWrongType);
  const bool is_set = found && found.entry->type() == Type::kSet;
  if (is_set && !options.is_sorted && options.store) {
    // What is stored must be the same everywhere.
    options.is_sorted = true;
    options.by_text = true;
    options.by.reset();
  }
  Elements elements = Load(found, options);
  PatternReader reader(call);
  if (options.is_sorted) {
    if (!Weigh(reader, options, elements.all)) return call.Error(kNotNumbers);
    Order(elements.all, elements.answer,
          Before(options, is_set ? Ties::kByBytes : Ties::kAsTheyCame));
  }
  if (options.store) return Store(call, reader, options, elements);
  Reply(call, reader, options, elements);
}

void Sort(Call& call) { SortWith(call, Storing::kAllowed); }
void SortRo(Call& call) { SortWith(call, Storing::kRefused); }

constexpr Spec kSpecs[] = {
    Spec({.syntax = "SORT key [BY pattern] [LIMIT offset count] [GET pattern [GET pattern ...]] "
                    "[ASC | DESC] [ALPHA] [STORE destination]",
          .access = "RO ACCESS; RO ACCESS UNKNOWN: For the optional BY/GET keyword. It is marked "
                    "'unknown' because the key names derive from the content of the key we sort; "
                    "OW UPDATE CONCEALED: For the optional STORE keyword. It is marked 'unknown' "
                    "because the keyword can appear anywhere in the argument array",
          .since = "1.0.0",
          .group = Group::kGeneric,
          .flags = command::kWrite | command::kDenyOom | command::kAllStripes,
          .categories = "set sortedset list dangerous -keyspace",
          .complexity = "O(N+M*log(M)) where N is the number of elements and M how many of them "
                        "are wanted; O(N) if they are not sorted",
          .summary = "Sorts the elements of a list, a set or a sorted set, and returns them, or "
                     "what they lead to, or stores them as a list.",
          .run = &Sort}),
    Spec({.syntax = "SORT_RO key [BY pattern] [LIMIT offset count] [GET pattern [GET pattern ...]] "
                    "[ASC | DESC] [ALPHA]",
          .access = "RO ACCESS; RO ACCESS UNKNOWN: For the optional BY/GET keyword. It is marked "
                    "'unknown' because the key names derive from the content of the key we sort",
          .since = "7.0.0",
          .group = Group::kGeneric,
          .flags = command::kReadonly | command::kAllStripes,
          .categories = "set sortedset list dangerous -keyspace",
          .complexity = "O(N+M*log(M)) where N is the number of elements and M how many of them "
                        "are wanted; O(N) if they are not sorted",
          .summary = "Sorts the elements of a list, a set or a sorted set, and returns them or "
                     "what they lead to.",
          .run = &SortRo}),
};

}  // namespace

std::span<const Spec> SortFamily() { return kSpecs; }

}  // namespace cairn::commands
