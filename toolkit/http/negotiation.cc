// SPDX-License-Identifier: BSD-3-Clause
// Each value has the weight of the most specific range that it falls under.
#include "http/negotiation.h"

#include "cairn/http/fields.h"
#include "cairn/http/message.h"
#include "http/scan.h"

namespace cairn::cache::http {
namespace {

struct Range {
  std::string_view text;
  int weight = 1000;  // thousandths
};

// "0.9" is 900; nothing of what is none.
std::optional<int> WeightOf(std::string_view text) {
  if (text.empty() || text.size() > 5 || (text[0] != '0' && text[0] != '1')) return std::nullopt;
  if (text.size() > 1 && text[1] != '.') return std::nullopt;
  int weight = (text[0] - '0') * 1000;
  int unit = 100;
  for (std::size_t i = 2; i < text.size(); ++i, unit /= 10) {
    if (!IsDigit(text[i])) return std::nullopt;
    weight += (text[i] - '0') * unit;
  }
  if (weight > 1000) return std::nullopt;
  return weight;
}

std::optional<Range> RangeOf(std::string_view item) {
  const auto pieces = SplitOutsideQuotes(item, ';');
  if (!pieces || pieces->empty()) return std::nullopt;
  Range range{.text = pieces->front()};
  for (const std::string_view piece : *pieces) {
    if (piece.size() < 2 || !EqualsIgnoringCase(piece.substr(0, 2), "q=")) continue;
    const auto weight = WeightOf(piece.substr(2));
    if (!weight) return std::nullopt;
    range.weight = *weight;
  }
  return range;
}

// 0: it does not fall under it.
int Specificity(std::string_view range, std::string_view value) {
  if (EqualsIgnoringCase(range, value)) return 4;
  if (range == "*" || range == "*/*") return 1;
  if (range.ends_with("/*")) {
    const std::string_view type = range.substr(0, range.size() - 1);
    return EqualsIgnoringCase(type, value.substr(0, type.size())) ? 2 : 0;
  }
  const bool is_dialect = range.size() > value.size() && range[value.size()] == '-' &&
                          EqualsIgnoringCase(range.substr(0, value.size()), value);
  return is_dialect ? 3 : 0;
}

int WeightFor(std::string_view value, const std::vector<Range>& ranges) {
  int best = 0;
  int weight = 0;
  for (const Range& range : ranges) {
    const int specificity = Specificity(range.text, value);
    if (specificity == 0 || specificity < best) continue;
    weight = specificity > best ? range.weight : std::max(weight, range.weight);
    best = specificity;
  }
  return weight;
}

}  // namespace

std::optional<std::string> Preferred(std::string_view field,
                                     const std::vector<std::string>& values) {
  const auto items = SplitList(field);
  if (!items) return std::nullopt;
  std::vector<Range> ranges;
  for (const std::string_view item : *items) {
    if (const auto range = RangeOf(item)) ranges.push_back(*range);
  }
  std::optional<std::string> preferred;
  int best = 0;
  for (const std::string& value : values) {
    const int weight = WeightFor(value, ranges);
    if (weight <= best) continue;
    best = weight;
    preferred = value;
  }
  return preferred;
}

}  // namespace cairn::cache::http
