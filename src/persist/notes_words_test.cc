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

}  // namespace
}  // namespace cairn::persist
