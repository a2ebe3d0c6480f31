// SPDX-License-Identifier: BSD-3-Clause
// Words and their lengths: text, so that a file can be looked at with what shows auxiliary fields.
#include "persist/notes_words.h"

#include "base/text.h"

namespace cairn::persist {

commands::EffectWords WordsOf(const keyspace::Entry& entry, UnixMs expiry, bool is_shadow) {
  const keyspace::CacheNotes& notes = *entry.notes();
  const std::string_view name = !is_shadow          ? "CACHE.TOUCH"
                                : notes.is_negative ? "CACHE.ABSENT"
                                                    : "CACHE.DEL";
  commands::EffectWords words(name, entry.key());
  words.Add(notes, expiry);
  return words;
}

std::string PackWords(std::span<const std::string_view> words) {
  std::string packed;
  for (const std::string_view word : words) {
    packed += std::to_string(word.size());
    packed += ':';
    packed += word;
  }
  return packed;
}

std::optional<std::vector<std::string_view>> UnpackWords(std::string_view packed) {
  std::vector<std::string_view> words;
  while (!packed.empty()) {
    const std::size_t colon = packed.find(':');
    if (colon == packed.npos) return std::nullopt;
    const std::optional<std::int64_t> size = ParseInt64(packed.substr(0, colon));
    packed.remove_prefix(colon + 1);
    if (!size || *size < 0 || std::cmp_greater(*size, packed.size())) return std::nullopt;
    words.push_back(packed.substr(0, static_cast<std::size_t>(*size)));
    packed.remove_prefix(static_cast<std::size_t>(*size));
  }
  return words;
}

}  // namespace cairn::persist
