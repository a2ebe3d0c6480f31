// SPDX-License-Identifier: BSD-3-Clause
// Words there and back, and texts that nobody has packed.
#include "persist/notes_words.h"

#include <gtest/gtest.h>

namespace cairn::persist {
namespace {

using Words = std::vector<std::string_view>;

TEST(NotesWords, ComeBack) {
  using std::string_view_literals::operator""sv;
  for (const Words& words : {Words{}, Words{""}, Words{"a", "", "b:c", "12:", "\0\r\n"sv}})
    EXPECT_EQ(UnpackWords(PackWords(words)), words);
}

TEST(NotesWords, MalformedTextsAreRefused) {
  for (const std::string_view text :
       {"x", "1", "1:", "2:a", "-1:", ":a", "99999999999999999999:a", "1:ab", "1:a2:b", "01x:a"})
    EXPECT_FALSE(UnpackWords(text)) << text;
}

// What is bumped later has a number that a log can hold. Seen: a file with the largest stamp there
// is made an append only file that could not be read again.
TEST(NotesWords, AStampLeavesRoomForBumpsToCome) {
  const auto reads = [](std::int64_t stamp) {
    const std::string number = std::to_string(stamp);
    return commands::ReadCacheOptions(Words{"STAMP", number}, commands::kNoteOptions).has_value();
  };
  EXPECT_TRUE(reads(commands::kStampMax));
  EXPECT_FALSE(reads(commands::kStampMax + 1));
  EXPECT_FALSE(reads(INT64_MAX));
}

}  // namespace
}  // namespace cairn::persist
