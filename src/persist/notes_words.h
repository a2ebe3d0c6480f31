// SPDX-License-Identifier: BSD-3-Clause
// Cache notes in files: as the words of the CACHE.TOUCH, CACHE.ABSENT or CACHE.DEL that makes them
// anew.
//
// In an RDB file they are the text of an auxiliary field, each word with its length and a colon in
// front of it ("4:COST2:17"). A field cairn-notes belongs to the key that follows; cairn-absent
// stands alone, and begins with the number of the database. Other servers pass over fields that
// they do not know, so they read the keys without their notes.
#ifndef CAIRN_PERSIST_NOTES_WORDS_H_
#define CAIRN_PERSIST_NOTES_WORDS_H_

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "commands/cache_args.h"
#include "keyspace/entry.h"

namespace cairn::persist {

inline constexpr std::string_view kNotesField = "cairn-notes";
inline constexpr std::string_view kAbsentField = "cairn-absent";
// At the front: a prefix and the words of its rules, as NAMESPACE.SET has them.
inline constexpr std::string_view kNamespaceField = "cairn-namespace";

// "CACHE.TOUCH key ..." of an entry that has notes; of one in a shadow, "CACHE.ABSENT key ..." or
// "CACHE.DEL key ...".
commands::EffectWords WordsOf(const keyspace::Entry& entry, UnixMs expiry, bool is_shadow);

std::string PackWords(std::span<const std::string_view> words);
// Views of `packed`; nothing if it is malformed.
std::optional<std::vector<std::string_view>> UnpackWords(std::string_view packed);

}  // namespace cairn::persist

#endif  // CAIRN_PERSIST_NOTES_WORDS_H_
