// SPDX-License-Identifier: BSD-3-Clause
// Values as texts, for tests to compare: the encoding first, then every element, those without an
// order in that of their bytes.
#ifndef CAIRN_CODEC_DESCRIBE_TESTING_H_
#define CAIRN_CODEC_DESCRIBE_TESTING_H_

#include <algorithm>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/text.h"
#include "codec/rdb_value_reader.h"

namespace cairn::codec::testing {

using Description = std::vector<std::string>;

inline std::string TextOf(double score) {
  char digits[kDoubleTextMax];
  return {digits, FormatDouble(digits, score)};
}

inline Description Describe(std::string_view text) { return {"string", std::string(text)}; }

inline Description Describe(const value::List& list) {
  Description said{std::string(list.encoding())};
  ds::PackedValue::Scratch scratch;
  for (value::ListCursor at(list, 0, value::ListEnd::kBack); !at.done(); at.Advance())
    said.emplace_back(at.value().Text(scratch));
  return said;
}

inline Description Describe(const value::Set& set) {
  Description said{std::string(set.encoding())};
  set.ForEach([&](std::string_view member) { said.emplace_back(member); });
  std::sort(said.begin() + 1, said.end());
  return said;
}

inline Description Describe(const value::SortedSet& set) {
  Description said{std::string(set.encoding())};
  set.ForEach([&](std::string_view member, double score) {
    said.push_back(std::string(member) + "=" + TextOf(score));
  });
  return said;
}

inline Description Describe(const value::Hash& hash) {
  Description said{std::string(hash.encoding())};
  hash.ForEachWithTime([&](std::string_view field, std::string_view value, UnixMs when) {
    said.push_back(std::string(field) + "=" + std::string(value));
    if (when != kNever) said.back() += "@" + std::to_string(when);
  });
  std::sort(said.begin() + 1, said.end());
  return said;
}

inline std::string Describe(const value::StreamGroup& group) {
  std::string said = "group " + std::string(group.name()) + " at " +
                     value::StreamIdToString(group.last_id()) + " read " +
                     std::to_string(group.entries_read());
  group.pending().ForEach([&](const auto& entry) {
    said += " | " + value::StreamIdToString(entry.key) + " " + std::to_string(entry.value.time) +
            " " + std::to_string(entry.value.count) + " " +
            std::string(entry.value.consumer->name());
  });
  for (const auto& consumer : group.consumers()) {
    said += " | " + std::string(consumer->name()) + " " + std::to_string(consumer->seen_time()) +
            " " + std::to_string(consumer->pending().size());
  }
  return said;
}

inline Description Describe(const value::Stream& stream) {
  Description said{"stream",
                   std::to_string(stream.size()),
                   value::StreamIdToString(stream.last_id()),
                   value::StreamIdToString(stream.first_id()),
                   value::StreamIdToString(stream.max_deleted_id()),
                   std::to_string(stream.entries_added()),
                   std::to_string(stream.node_count())};
  value::StreamRange range(stream, value::kStreamIdMin, value::kStreamIdMax,
                           value::StreamOrder::kForward);
  value::StreamEntry entry;
  while (range.Next(&entry)) {
    said.push_back(value::StreamIdToString(entry.id()));
    entry.ForEach([&](std::string_view field, std::string_view value) {
      said.back() += " " + std::string(field) + "=" + std::string(value);
    });
  }
  for (const auto& group : stream.groups()) said.push_back(Describe(*group));
  return said;
}

inline Description Describe(const RdbValue& value) {
  return std::visit([](const auto& held) { return Describe(held); }, value);
}

}  // namespace cairn::codec::testing

#endif  // CAIRN_CODEC_DESCRIBE_TESTING_H_
