// SPDX-License-Identifier: BSD-3-Clause
// A list is read by index and a sorted set by rank, so that a part may begin anywhere; a set by a
// table's cursor. None of them minds if the collection has changed its form in between.
#include "commands/sort_elements.h"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdlib>

#include "base/text.h"
#include "value/list.h"
#include "value/set.h"
#include "value/sorted_set.h"

namespace cairn::commands {
namespace {

using keyspace::Found;
using keyspace::Type;
using value::Direction;
using value::List;
using value::ListCursor;
using value::ListEnd;
using value::Set;
using value::SortedSet;
using TextFn = FunctionRef<void(std::string_view)>;

// What LIMIT leaves of `size` elements. A negative count means all.
SortRange Limited(std::size_t size, const SortOptions& options) {
  const auto bound = static_cast<std::int64_t>(size);
  const std::int64_t start = std::clamp<std::int64_t>(options.offset, 0, bound);
  const std::int64_t left = bound - start;
  const std::int64_t count = options.count < 0 ? left : std::min(options.count, left);
  return {.start = static_cast<std::size_t>(start), .count = static_cast<std::size_t>(count)};
}

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

enum class Ties : std::uint8_t { kAsTheyCame, kByBytes };

// The order.
class Before {
 public:
  Before(const SortOptions& options, Ties ties) : options_(options), ties_(ties) {}

  bool operator()(const SortElement& a, const SortElement& b) const {
    const int order = Compare(a, b);
    if (order != 0) return options_.is_descending ? order > 0 : order < 0;
    return ties_ == Ties::kByBytes ? a.text < b.text : a.place < b.place;
  }

 private:
  int Compare(const SortElement& a, const SortElement& b) const {
    if (!options_.by_text) {
      if (a.number != b.number) return a.number < b.number ? -1 : 1;
      return a.text.compare(b.text);
    }
    if (!options_.by) return a.text.compare(b.text);
    if (a.weight && b.weight) return a.weight->compare(*b.weight);
    return static_cast<int>(a.weight.has_value()) - static_cast<int>(b.weight.has_value());
  }

  const SortOptions& options_;
  const Ties ties_;
};

void VisitList(const List& list, SortRange range, Direction direction, TextFn fn) {
  ds::PackedValue::Scratch scratch;
  const bool is_up = direction == Direction::kUp;
  ListCursor at(list, is_up ? range.start : list.size() - 1 - range.start,
                is_up ? ListEnd::kBack : ListEnd::kFront);
  for (std::size_t i = 0; i < range.count; ++i, at.Advance()) fn(at.value().Text(scratch));
}

void VisitSortedSet(const SortedSet& set, SortRange range, Direction direction, TextFn fn) {
  const value::RankRange ranks =
      value::RankRange{.begin = 0, .end = set.size()}.Limit(range.start, range.count, direction);
  set.ForEachIn(ranks, direction, [&](std::string_view member, double) { fn(member); });
}

}  // namespace

bool IsSortable(const Found& found) {
  if (!found) return true;
  const Type type = found.entry->type();
  return type == Type::kList || type == Type::kSet || type == Type::kSortedSet;
}

SortPlan::SortPlan(const Found& found, SortOptions& options) {
  if (!found) return;
  is_set_ = found.entry->type() == Type::kSet;
  if (is_set_ && !options.is_sorted && options.store) {
    options.is_sorted = true;
    options.by_text = true;
    options.by.reset();
  }
  const std::size_t size = found.entry->element_count();
  answer_ = Limited(size, options);
  if (options.is_sorted || is_set_) {
    read_ = {.start = 0, .count = size};
  } else {
    if (options.is_descending) direction_ = Direction::kDown;
    read_ = answer_;
    answer_.start = 0;
  }
}

std::uint64_t SortPlan::VisitSome(const Found& found, std::uint64_t at, std::size_t count,
                                  TextFn fn) const {
  if (!found || read_.count == 0) return 0;
  if (is_set_) return found.entry->as<Set>().Scan(at, count, fn);
  const std::size_t part = std::min<std::size_t>(count, read_.count - at);
  const SortRange range = {.start = read_.start + at, .count = part};
  if (found.entry->type() == Type::kList) {
    VisitList(found.entry->as<List>(), range, direction_, fn);
  } else {
    VisitSortedSet(found.entry->as<SortedSet>(), range, direction_, fn);
  }
  return at + part == read_.count ? 0 : at + part;
}

void SortPlan::Order(const SortOptions& options, std::vector<SortElement>& elements) const {
  for (std::size_t i = 0; i < elements.size(); ++i) elements[i].place = i;
  const Before before(options, is_set_ ? Ties::kByBytes : Ties::kAsTheyCame);
  const std::size_t wanted = answer_.start + answer_.count;
  if (wanted >= elements.size()) return std::sort(elements.begin(), elements.end(), before);
  std::partial_sort(elements.begin(), elements.begin() + static_cast<std::ptrdiff_t>(wanted),
                    elements.end(), before);
}

// One without a weight goes as 0, or before all others.
bool WeighElement(const SortOptions& options, std::optional<std::string_view> weight,
                  SortElement& element) {
  if (weight) element.weight = *weight;
  if (options.by_text) return true;
  const std::string* text = options.by ? nullptr : &element.text;
  if (element.weight) text = &*element.weight;
  if (text == nullptr) return true;
  const std::optional<double> number = ReadNumber(*text);
  element.number = number.value_or(0);
  return number.has_value();
}

}  // namespace cairn::commands
