// SPDX-License-Identifier: BSD-3-Clause
// The elements that SORT sorts: which of a collection, read as a whole or in parts, and their
// order.
//
//   SortPlan plan(found, options);
//   for (std::uint64_t at = 0;;) { at = plan.VisitSome(found, at, 1000, fn); if (at == 0) break; }
//
// Elements that compare as equal keep the order in which they came; those of a set, whose order
// means nothing and differs from server to server, go by their bytes.
#ifndef CAIRN_COMMANDS_SORT_ELEMENTS_H_
#define CAIRN_COMMANDS_SORT_ELEMENTS_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/function_ref.h"
#include "commands/sort_options.h"
#include "keyspace/txn.h"
#include "value/sorted_set_range.h"

namespace cairn::commands {

struct SortElement {
  explicit SortElement(std::string_view bytes) : text(bytes) {}

  std::string text;
  double number = 0;
  std::optional<std::string> weight;  // BY with ALPHA
  std::size_t place = 0;
};

struct SortRange {
  std::size_t start = 0;
  std::size_t count = 0;
};

// What has to be read of a list, a set or a sorted set, and which part of that is the answer. Where
// the order is there already only the answer is read; a set has none.
class SortPlan {
 public:
  SortPlan() = default;
  // What is stored of a set must be the same everywhere: where no order was asked for, `options`
  // asks for one afterwards. REQUIRES: IsSortable(found).
  SortPlan(const keyspace::Found& found, SortOptions& options);

  // How many elements are read.
  std::size_t size() const { return read_.count; }
  // Of what was read, once it is in order.
  const SortRange& answer() const { return answer_; }
  // Visits about `count` elements from `at` on, and returns where to go on; 0 at the end. Start
  // with 0.
  std::uint64_t VisitSome(const keyspace::Found& found, std::uint64_t at, std::size_t count,
                          FunctionRef<void(std::string_view)> fn) const;
  // REQUIRES: what was read has been weighed.
  void Order(const SortOptions& options, std::vector<SortElement>& elements) const;

 private:
  bool is_set_ = false;
  value::Direction direction_ = value::Direction::kUp;
  SortRange read_;  // counted from where `direction_` begins
  SortRange answer_;
};

bool IsSortable(const keyspace::Found& found);

// Gives the element what it is compared by: `weight` is what BY leads to, if anything. False if it
// should be a number and is none.
bool WeighElement(const SortOptions& options, std::optional<std::string_view> weight,
                  SortElement& element);

}  // namespace cairn::commands

#endif  // CAIRN_COMMANDS_SORT_ELEMENTS_H_
