// SPDX-License-Identifier: BSD-3-Clause
// The commonest piece of a request, read without a loop: a bulk string of one or two digits' size.
#ifndef CAIRN_RESP_SHORT_BULK_H_
#define CAIRN_RESP_SHORT_BULK_H_

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace cairn::resp {

inline constexpr std::ptrdiff_t kShortBulkMin = 4;  // bytes of what might be one: "$0\r\n"
inline constexpr std::uint32_t kShortBulkMax = 99;  // bytes of its text

template <class Word>
Word LoadWord(const char* from) {
  Word word;
  std::memcpy(&word, from, sizeof(word));
  return word;
}

// Reads "$3\r\nfoo\r\n" at `at`. Returns what is behind it; null if it is not wholly there, or is
// another thing or longer. REQUIRES: kShortBulkMin bytes at `at`. Redis skips the two bytes behind
// the text unread, and so does this.
[[gnu::always_inline]] inline const char* TakeShortBulk(const char* at, const char* end,
                                                        std::string_view* text) {
  const auto header = LoadWord<std::uint32_t>(at);  // "$3\r\n" or "$16\r"
  const std::uint32_t first = (header >> 8 & 0xff) - '0';
  const std::uint32_t second = (header >> 16 & 0xff) - '0';
  if ((header & 0xff) != '$' || first > 9) return nullptr;
  std::uint32_t size = first;
  if (second <= 9 && first != 0 && header >> 24 == '\r') {
    size = 10 * first + second;
    ++at;
  } else if ((header >> 16 & 0xff) != '\r') {
    return nullptr;
  }
  at += 4;
  if (end - at < static_cast<std::ptrdiff_t>(std::size_t{size} + 2)) return nullptr;
  *text = {at, size};
  return at + size + 2;
}

}  // namespace cairn::resp

#endif  // CAIRN_RESP_SHORT_BULK_H_
