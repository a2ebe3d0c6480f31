// SPDX-License-Identifier: BSD-3-Clause
// One specification gives one arithmetic row of indices: that is what RowOf computes and Walk
// visits.
#include "command/key_finder.h"

#include <cstddef>
#include <optional>

#include "base/text.h"

namespace cairn::command {
namespace {

using Args = std::span<const std::string_view>;

// What describes one call; the others describe the specification.
constexpr std::uint16_t kKeyFlagsOfACall =
    kKeyRO | kKeyRW | kKeyOW | kKeyRM | kKeyAccess | kKeyUpdate | kKeyInsert | kKeyDelete;

// first, first + step, ... up to last; none if last < first.
struct IndexRow {
  std::int64_t first = 0;
  std::int64_t last = -1;
  std::int64_t step = 1;
};

// Where a specification begins, or 0: it is not there (no such keyword, or it has nothing behind).
std::int64_t BeginOf(const KeySpec& spec, Args args) {
  switch (spec.begin) {
    case KeySpec::Begin::kIndex:
      return spec.index;
    case KeySpec::Begin::kKeyword:
      // Backward only to be shown: such a command finds its keys itself (Row::find_keys).
      if (spec.index < 0) return 0;
      for (auto i = static_cast<std::size_t>(spec.index); i + 1 < args.size(); ++i) {
        if (EqualsIgnoreCase(args[i], spec.keyword)) return static_cast<std::int64_t>(i) + 1;
      }
      return 0;
    case KeySpec::Begin::kNowhere:
      return 0;
  }
  return 0;
}

std::optional<IndexRow> RowOfCount(const KeySpec& spec, Args args, std::int64_t begin) {
  const auto count_end = static_cast<std::int64_t>(args.size());
  if (begin >= count_end) return std::nullopt;
  const std::optional<std::int64_t> count = ParseInt64(args[static_cast<std::size_t>(begin)]);
  if (!count || *count < 0) return std::nullopt;
  const std::int64_t first = begin + spec.first;
  if (*count == 0) return IndexRow{.first = first, .last = first - 1};
  // Compared by division, since a count near 2^63 must not overflow.
  if (*count - 1 > (count_end - 1 - first) / spec.step || first >= count_end) return std::nullopt;
  return IndexRow{.first = first, .last = first + (*count - 1) * spec.step, .step = spec.step};
}

std::optional<IndexRow> RowOfRange(const KeySpec& spec, Args args, std::int64_t begin) {
  const auto count = static_cast<std::int64_t>(args.size());
  std::int64_t last = begin + spec.last;
  if (spec.last < 0) {
    last = count + spec.last;
    if (spec.limit > 1) last = begin + (count - begin) / spec.limit + spec.last;
  }
  // An optional list of keys that is empty (PFMERGE's sources) is no error.
  if (last < begin && begin >= count) return IndexRow{};
  if (last < begin || last >= count) return std::nullopt;
  return IndexRow{.first = begin, .last = last, .step = spec.step};
}

std::optional<IndexRow> RowOf(const KeySpec& spec, Args args) {
  const std::int64_t begin = BeginOf(spec, args);
  if (begin == 0) return IndexRow{};
  return spec.find == KeySpec::Find::kKeyCount ? RowOfCount(spec, args, begin)
                                               : RowOfRange(spec, args, begin);
}

bool HasAnyOf(std::string_view words, Args args) {
  while (!words.empty()) {
    const std::string_view word = internal::CutAt(words, ' ');
    for (const std::string_view arg : args) {
      if (EqualsIgnoreCase(arg, word)) return true;
    }
  }
  return false;
}

// What this call does with the keys of `key_spec`. Options stand behind the arguments that must be
// there, so a value that happens to be "GET" is none.
std::uint16_t FlagsOf(const Spec& spec, const KeySpec& key_spec, Args args) {
  std::uint16_t flags = key_spec.flags;
  if (key_spec.else_flags != 0) {
    const auto required = static_cast<std::size_t>(spec.arity < 0 ? -spec.arity : spec.arity);
    const Args options = args.size() > required ? args.subspan(required) : Args();
    if (!HasAnyOf(key_spec.unless, options)) flags = key_spec.else_flags;
  }
  return flags & kKeyFlagsOfACall;
}

template <class Append>
bool Walk(const Spec& spec, Args args, Append append) {
  if (spec.row.find_keys != nullptr) {
    std::vector<std::uint32_t> indices;
    spec.row.find_keys(args, indices);
    // The first key is the first specification's, the others are the last one's.
    const KeySpec* key_spec = spec.key_specs.specs.data();
    for (const std::uint32_t index : indices) {
      append(index, *key_spec);
      key_spec = &spec.key_specs.specs[spec.key_specs.count - 1];
    }
    return true;
  }
  for (std::size_t i = 0; i < spec.key_specs.count; ++i) {
    const KeySpec& key_spec = spec.key_specs.specs[i];
    if ((key_spec.flags & kKeyNotKey) != 0) continue;
    const std::optional<IndexRow> row = RowOf(key_spec, args);
    if (!row) return false;
    for (std::int64_t at = row->first; at <= row->last; at += row->step) {
      append(static_cast<std::uint32_t>(at), key_spec);
    }
  }
  return true;
}

}  // namespace

bool FindKeysWithFlags(const Spec& spec, Args args, std::vector<KeyAt>& keys) {
  const std::size_t before = keys.size();
  const bool found = Walk(spec, args, [&](std::uint32_t index, const KeySpec& key_spec) {
    keys.push_back({.index = index, .flags = FlagsOf(spec, key_spec, args)});
  });
  if (!found) keys.resize(before);
  return found;
}

bool FindKeys(const Spec& spec, Args args, std::vector<std::uint32_t>& keys) {
  const std::size_t before = keys.size();
  const bool found =
      Walk(spec, args, [&](std::uint32_t index, const KeySpec&) { keys.push_back(index); });
  if (!found) keys.resize(before);
  return found;
}

}  // namespace cairn::command
