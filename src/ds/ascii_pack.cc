// SPDX-License-Identifier: BSD-3-Clause
// Everything is done by words of 16, 8, 4 or 1 characters, whichever is the largest that fits; the
// last word overlaps the one before, so that lengths need not be multiples. A word is only ever
// looked at bit by bit: shifts carry nothing into a neighbour's bits that are used (below). 16 are
// a vector of the compiler's, two instructions where there are none of that length.
#include "ds/ascii_pack.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "base/check.h"
#include "base/load_store.h"

namespace cairn::ds {
namespace {

using Word16 = std::uint64_t __attribute__((vector_size(16)));

constexpr std::uint8_t kTopBit = 0x80;
constexpr std::size_t kKept = kAsciiStretches - 1;

template <class Word>
Word InEach(std::uint8_t byte) {
  Word word;
  std::memset(&word, byte, sizeof(word));
  return word;
}

bool IsZero(Word16 word) { return (word[0] | word[1]) == 0; }
template <class Word>
bool IsZero(Word word) {
  return word == 0;
}

// Calls fn.template operator()<Word>(i) for words that cover [0, bytes), some of it twice perhaps.
template <class Word, class Fn>
void CoverBy(std::size_t bytes, const Fn& fn) {
  std::size_t i = 0;
  for (; i + sizeof(Word) <= bytes; i += sizeof(Word)) fn.template operator()<Word>(i);
  if (i < bytes) fn.template operator()<Word>(bytes - sizeof(Word));
}

template <class Fn>
void Cover(std::size_t bytes, const Fn& fn) {
  if (bytes >= sizeof(Word16)) return CoverBy<Word16>(bytes, fn);
  if (bytes >= sizeof(std::uint64_t)) return CoverBy<std::uint64_t>(bytes, fn);
  if (bytes >= sizeof(std::uint32_t)) return CoverBy<std::uint32_t>(bytes, fn);
  CoverBy<std::uint8_t>(bytes, fn);
}

// One word of each stretch. Doubling brings bit 6 to the top, then bit 5, and so on; what it
// carries over from the character below is never higher than bit 5 when the top one is read.
template <class Word>
bool PackWords(const char* text, std::size_t stretch, char* packed) {
  auto last = Load<Word>(text + kKept * stretch);
  Word seen = last;
  for (std::size_t k = 0; k < kKept; ++k) {
    const auto kept = Load<Word>(text + k * stretch);
    seen = static_cast<Word>(seen | kept);
    last = static_cast<Word>(last + last);
    Store(packed + k * stretch, static_cast<Word>(kept | (last & InEach<Word>(kTopBit))));
  }
  return IsZero(static_cast<Word>(seen & InEach<Word>(kTopBit)));
}

// The way back: the seven top bits, each of which goes down to its place and not beyond.
template <class Word>
Word LastStretch(const char* packed, std::size_t stretch) {
  auto last = InEach<Word>(0);
  for (std::size_t k = kKept; k-- > 0;) {
    const auto top = static_cast<Word>(Load<Word>(packed + k * stretch) & InEach<Word>(kTopBit));
    last = static_cast<Word>((last >> 1) | top);
  }
  return static_cast<Word>(last >> 1);
}

}  // namespace

bool IsAscii(std::string_view text) {
  bool is_ascii = true;
  Cover(text.size(), [&]<class Word>(std::size_t i) {
    is_ascii &= IsZero(static_cast<Word>(Load<Word>(text.data() + i) & InEach<Word>(kTopBit)));
  });
  return is_ascii;
}

bool PackAscii(std::span<const char> text, std::span<char> packed) {
  DCHECK(text.size() % kAsciiStretches == 0);
  DCHECK(packed.size() == AsciiPackedBytes(text.size()));
  const std::size_t stretch = text.size() / kAsciiStretches;
  bool is_ascii = true;
  Cover(stretch, [&]<class Word>(std::size_t i) {
    is_ascii &= PackWords<Word>(text.data() + i, stretch, packed.data() + i);
  });
  return is_ascii;
}

void UnpackAscii(std::span<const char> packed, std::size_t at, std::span<char> text) {
  const std::size_t stretch = packed.size() / kKept;
  DCHECK(packed.size() % kKept == 0);
  DCHECK(at + text.size() <= packed.size() + stretch);
  const std::size_t kept = at >= packed.size() ? 0 : std::min(packed.size() - at, text.size());
  Cover(kept, [&]<class Word>(std::size_t i) {
    const auto word = Load<Word>(packed.data() + at + i);
    Store(text.data() + i, static_cast<Word>(word & ~InEach<Word>(kTopBit)));
  });
  if (kept == text.size()) return;
  const char* from = packed.data() + (at + kept - packed.size());
  char* to = text.data() + kept;
  Cover(text.size() - kept,
        [&]<class Word>(std::size_t i) { Store(to + i, LastStretch<Word>(from + i, stretch)); });
}

}  // namespace cairn::ds
