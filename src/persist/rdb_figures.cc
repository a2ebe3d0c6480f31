// SPDX-License-Identifier: BSD-3-Clause
// Each key is one row that is added to several sums.
#include "persist/rdb_figures.h"

#include <fmt/format.h>

#include <type_traits>
#include <variant>

#include "persist/shown.h"
#include "value/string_value.h"

namespace cairn::persist {

std::string_view EncodingOf(const codec::RdbValue& value) {
  return std::visit(
      []<class V>(const V& held) {
        if constexpr (std::is_same_v<V, std::string_view>) {
          return value::StringEncodingName(
              value::StringEncodingOf(held, value::StringOrigin::kSet));
        } else {
          return held.encoding();
        }
      },
      value);
}

std::uint64_t ElementsOf(const codec::RdbValue& value) {
  return std::visit(
      []<class V>(const V& held) -> std::uint64_t {
        if constexpr (std::is_same_v<V, std::string_view>) {
          return 1;
        } else {
          return held.size();
        }
      },
      value);
}

void RdbFigures::Counted::Add(const Counted& more) {
  keys += more.keys;
  volatile_keys += more.volatile_keys;
  expired_keys += more.expired_keys;
  elements += more.elements;
  bytes += more.bytes;
}

void RdbFigures::Add(DbId db, const codec::RdbItem& item, std::uint64_t bytes) {
  const bool is_volatile = item.expiry != kNever;
  const Counted row{.keys = 1,
                    .volatile_keys = is_volatile ? 1U : 0U,
                    .expired_keys = is_volatile && item.expiry <= now_ ? 1U : 0U,
                    .elements = ElementsOf(item.value),
                    .bytes = bytes};
  total_.Add(row);
  const bool has_room = databases_.size() < kDatabasesMax || databases_.contains(db.value);
  (has_room ? databases_[db.value] : other_databases_).Add(row);
  types_[{item.type, EncodingOf(item.value)}].Add(row);
  if (bytes > largest_.counted.bytes)
    largest_ = {.db = db, .key = Shown(item.name), .type = item.type, .counted = row};
}

void RdbFigures::SayTotals(SayLine say) const {
  say(fmt::format("[info] {} keys read", total_.keys));
  say(fmt::format("[info] {} expires", total_.volatile_keys));
  say(fmt::format("[info] {} already expired", total_.expired_keys));
}

void RdbFigures::SayDetails(SayLine say) const {
  const auto say_database = [say](std::string_view name, const Counted& counted) {
    say(fmt::format("[info] {}: {} keys, {} with a time, {} expired, {} bytes", name, counted.keys,
                    counted.volatile_keys, counted.expired_keys, counted.bytes));
  };
  for (const auto& [db, counted] : databases_) say_database(fmt::format("db {}", db), counted);
  if (other_databases_.keys > 0) say_database("other databases", other_databases_);
  for (const auto& [kind, counted] : types_) {
    const RdbTypeWords words = WordsOf(kind.first);
    say(fmt::format("[info] {}, in the file as {}, once loaded {}: {} keys, {} elements, {} bytes",
                    words.type, words.form, kind.second, counted.keys, counted.elements,
                    counted.bytes));
  }
  if (total_.keys == 0) return;
  say(fmt::format("[info] largest key: {} in db {}, a {} of {} elements and {} bytes", largest_.key,
                  largest_.db.value, WordsOf(largest_.type).type, largest_.counted.elements,
                  largest_.counted.bytes));
}

}  // namespace cairn::persist
