// SPDX-License-Identifier: BSD-3-Clause
// What the fuzzers of the codec share: a home for tables, values as texts, and their use.
#ifndef CAIRN_FUZZ_CODEC_FUZZ_SUPPORT_H_
#define CAIRN_FUZZ_CODEC_FUZZ_SUPPORT_H_

#include <algorithm>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/check.h"
#include "base/hash.h"
#include "base/text.h"
#include "codec/dump.h"
#include "codec/rdb_value_reader.h"
#include "ds/slab.h"

namespace cairn::fuzz {

struct Home {
  ds::SlabArena arena;
  value::TableHome home{.arena = &arena, .seed = HashSeed(7)};
};

// Small, so that small inputs cross them.
inline codec::RdbValueLimits Limits() {
  return {.list = {.node_fill = 8},
          .hash = {.packed_entries = 8, .packed_value_bytes = 16},
          .set = {.int_entries = 8, .packed_entries = 8, .packed_value_bytes = 16},
          .sorted_set = {.packed_entries = 8, .packed_value_bytes = 16}};
}

inline std::vector<std::string> Elements(std::string_view text) { return {std::string(text)}; }

inline std::vector<std::string> Elements(const value::List& list) {
  std::vector<std::string> texts;
  ds::PackedValue::Scratch scratch;
  for (value::ListCursor at(list, 0, value::ListEnd::kBack); !at.done(); at.Advance())
    texts.emplace_back(at.value().Text(scratch));
  CHECK(texts.size() == list.size());
  return texts;
}

inline std::vector<std::string> Elements(const value::Set& set) {
  std::vector<std::string> texts;
  set.ForEach([&](std::string_view member) { texts.emplace_back(member); });
  CHECK(texts.size() == set.size());
  for (const std::string& text : texts) CHECK(set.Contains(text));
  std::sort(texts.begin(), texts.end());
  CHECK(std::adjacent_find(texts.begin(), texts.end()) == texts.end());
  return texts;
}

inline std::vector<std::string> Elements(const value::SortedSet& set) {
  std::vector<std::string> texts;
  set.CheckInvariants();
  set.ForEach([&](std::string_view member, double score) {
    char digits[kDoubleTextMax];
    texts.push_back(std::string(member) + "=" + std::string(digits, FormatDouble(digits, score)));
    CHECK(set.Score(member) == score);
  });
  return texts;
}

inline std::vector<std::string> Elements(const value::Hash& hash) {
  std::vector<std::string> texts;
  hash.ForEachWithTime([&](std::string_view field, std::string_view value, UnixMs when) {
    texts.push_back(std::string(field) + "=" + std::string(value) + "@" + std::to_string(when));
    CHECK(hash.Contains(field));
  });
  CHECK(texts.size() == hash.size());
  std::sort(texts.begin(), texts.end());
  return texts;
}

inline std::vector<std::string> Elements(const value::Stream& stream) {
  std::vector<std::string> texts{std::to_string(stream.entries_added()),
                                 value::StreamIdToString(stream.last_id()),
                                 value::StreamIdToString(stream.max_deleted_id())};
  value::StreamRange range(stream, value::kStreamIdMin, value::kStreamIdMax,
                           value::StreamOrder::kForward);
  value::StreamEntry entry;
  std::size_t entries = 0;
  for (; range.Next(&entry); ++entries) {
    texts.push_back(value::StreamIdToString(entry.id()));
    entry.ForEach([&](std::string_view field, std::string_view value) {
      texts.emplace_back(field);
      texts.emplace_back(value);
    });
  }
  CHECK(entries == stream.size());
  for (const auto& group : stream.groups()) {
    texts.emplace_back(group->name());
    texts.push_back(std::to_string(group->entries_read()));
    group->pending().ForEach([&](const auto& pending) {
      texts.push_back(value::StreamIdToString(pending.key));
      texts.emplace_back(pending.value.consumer->name());
      texts.push_back(std::to_string(pending.value.time));
    });
    for (const auto& consumer : group->consumers()) {
      texts.emplace_back(consumer->name());
      texts.push_back(std::to_string(consumer->pending().size()));
    }
  }
  return texts;
}

// The value with all that is in it, as one text.
inline std::string Say(const codec::RdbValue& value) {
  std::string said = std::to_string(value.index());
  for (const std::string& text : std::visit([](const auto& held) { return Elements(held); }, value))
    said += " " + std::to_string(text.size()) + ":" + text;
  return said;
}

// Adds to the value, in the ways that commands do.

inline void Change(std::string_view, Home&) {}

inline void Change(value::List& list, Home&) {
  const auto limits = Limits().list;
  for (const auto end : {value::ListEnd::kFront, value::ListEnd::kBack}) {
    const std::string_view text = "new";
    list.Push(end, {&text, 1}, limits);
  }
  list.Set(0, "changed", limits);
  list.Insert("changed", value::ListSide::kAfter, "inserted", limits);
  list.Remove("new", 0, limits);
}

inline void Change(value::Set& set, Home& home) {
  set.Add("new", Limits().set, home.home);
  set.Add("12345", Limits().set, home.home);
}

inline void Change(value::SortedSet& set, Home& home) {
  set.Add("new", 1.5, {}, Limits().sorted_set, home.home);
  set.Add("newer", 2, {}, Limits().sorted_set, home.home);
  set.CheckInvariants();
}

inline void Change(value::Hash& hash, Home& home) {
  hash.Set("new", "value", Limits().hash, home.home);
  CHECK(hash.SetExpiry("new", 5, home.home));
  CHECK(hash.ExpiryOf("new") == 5);
}

inline void Change(value::Stream& stream, Home& home) {
  const std::string_view fields[] = {"field", "value"};
  const bool room = stream.last_id() < value::kStreamIdMax;
  CHECK(
      stream.Append({}, fields, 0, {.node_bytes = 0, .node_entries = 3}, home.arena).has_value() ==
      room);
}

inline void Change(codec::RdbValue& value, Home& home) {
  std::visit([&](auto& held) { Change(held, home); }, value);
}

// Takes everything out of it, piece by piece.

inline void Drain(std::string_view) {}

inline void Drain(value::List& list) {
  const auto limits = Limits().list;
  while (!list.empty()) {
    list.Pop(value::ListEnd::kFront, limits);
    if (!list.empty()) list.Pop(value::ListEnd::kBack, limits);
  }
}

inline void Drain(value::Set& set) {
  for (const std::string& text : Elements(set)) CHECK(set.Remove(text));
  CHECK(set.size() == 0);
}

inline void Drain(value::SortedSet& set) {
  set.Pop(set.size() / 2, value::Direction::kUp, [](std::string_view, double) {});
  set.CheckInvariants();
  set.RemoveRange({0, set.size()}, [](std::string_view, double) {});
  CHECK(set.size() == 0);
}

inline void Drain(value::Hash& hash) {
  while (!hash.TakeExpired(1'000'000, SIZE_MAX, [](std::string_view, std::string_view) {}))
    continue;
  std::vector<std::string> fields;
  hash.ForEach([&](std::string_view field, std::string_view) { fields.emplace_back(field); });
  for (const std::string& field : fields) CHECK(hash.Remove(field));
  CHECK(hash.empty());
}

inline void Drain(value::Stream& stream) {
  for (const auto& group : stream.groups()) {
    std::vector<value::StreamId> ids;
    group->pending().ForEach([&](const auto& pending) { ids.push_back(pending.key); });
    for (const value::StreamId id : ids) CHECK(group->Acknowledge(id));
    CHECK(group->pending().size() == 0);
  }
  while (stream.size() > 0)
    CHECK(stream.Delete(stream.first_id()) == value::StreamDeleteResult::kDeleted);
}

// Dumped and read again, it is the same.
inline void RoundTrip(const codec::RdbValue& value, Home& home) {
  const std::string said = Say(value);
  const std::string dump = std::visit(
      [](const auto& held) { return codec::DumpOf(held, codec::RdbCompression::kLzf); }, value);
  CHECK(codec::IsDumpIntact(dump));
  const auto compare = [&](codec::RdbValue&& again) { CHECK(Say(again) == said); };
  CHECK(codec::ReadDump(dump, Limits(), home.home, compare).ok());
}

// All that happens to values: dumped, changed, dumped again, emptied.
inline void Use(codec::RdbValue& value, Home& home) {
  if (!codec::RdbIsEmpty(value)) RoundTrip(value, home);
  Change(value, home);
  RoundTrip(value, home);
  std::visit([&](auto& held) { Drain(held); }, value);
}

}  // namespace cairn::fuzz

#endif  // CAIRN_FUZZ_CODEC_FUZZ_SUPPORT_H_
