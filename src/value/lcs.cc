// SPDX-License-Identifier: BSD-3-Clause
// The table of lengths L(i, j), for prefixes of i and j bytes, grows by 0 or 1 from one column to
// the next, so a row is one bit a column, and 64 columns advance in five instructions (Crochemore,
// Iliopoulos, Pinzon, Reid 2001; the form here is Hyyro's of 2004). A zero bit says "one more than
// the column before":
//
//     row' = (row + (row & equal)) | (row & ~equal)      equal: the columns whose byte is a[i]
//
// Redis finds its way back from the last cell: where the bytes are equal it takes both, else it
// drops a byte of `a` if L(i-1, j) > L(i, j-1), else of `b`. On a cell of unequal bytes L(i, j) is
// the greater of the two, so the question is whether L(i, j-1) is less than L(i, j), and that is
// the very bit of row i: the rows are all that the way back needs.
//
// Columns are done in blocks, all rows for one block and then the next, so that the table of
// `equal` bits stays in the cache; what a block hands to the next is one carry a row. (Transposing
// to make `b` the shorter one is no option: the bits of columns do not answer the question.)
#include "value/lcs.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <memory>

#include "base/check.h"

namespace cairn::value {
namespace {

__extension__ using Wide = unsigned __int128;

constexpr std::size_t kWordBits = 64;
constexpr std::size_t kWordBytes = 8;
constexpr std::size_t kBlockWordsMax = 16;  // 256 * 16 words of `equal` are 32 KiB
constexpr std::size_t kByteValues = 256;

// Rows of bits, block after block, as they are computed: written row by row through all columns, a
// large trace would miss the cache with every store (13 ms instead of 3 for 11,500 by 11,500). A
// row of the last block is as many bytes as it needs: a one-byte `b` must not cost a word a row.
class Trace {
 public:
  Trace(std::size_t rows, std::size_t columns)
      : rows_(rows),
        row_bytes_((columns + 7) / 8),
        bytes_(std::make_unique_for_overwrite<std::uint8_t[]>(rows * row_bytes_)) {}

  void Store(std::size_t row, std::size_t first_word, std::span<const std::uint64_t> words) {
    const std::size_t block_at = first_word * kWordBytes;
    std::memcpy(bytes_.get() + Offset(row, block_at), words.data(), BlockRowBytes(block_at));
  }
  bool StepsUpAt(std::size_t row, std::size_t column) const {
    const std::size_t at = column / 8;
    const std::size_t block_at = at / kBlockBytesMax * kBlockBytesMax;
    return ((bytes_[Offset(row, block_at) + at - block_at] >> (column % 8)) & 1) == 0;
  }

 private:
  static constexpr std::size_t kBlockBytesMax = kBlockWordsMax * kWordBytes;

  // `block_at`: where the block begins in a row, in bytes.
  std::size_t BlockRowBytes(std::size_t block_at) const {
    return std::min(kBlockBytesMax, row_bytes_ - block_at);
  }
  std::size_t Offset(std::size_t row, std::size_t block_at) const {
    return block_at * rows_ + row * BlockRowBytes(block_at);
  }

  const std::size_t rows_;
  const std::size_t row_bytes_;
  const std::unique_ptr<std::uint8_t[]> bytes_;  // every row is stored before it is read
};

// Advances one row of a block; takes and gives the carry.
std::uint8_t AdvanceRow(std::span<std::uint64_t> row, const std::uint64_t* equal,
                        std::uint8_t carry) {
  for (std::size_t w = 0; w < row.size(); ++w) {
    const Wide sum = Wide{row[w]} + (row[w] & equal[w]) + carry;
    carry = static_cast<std::uint8_t>(sum >> kWordBits);
    row[w] = static_cast<std::uint64_t>(sum) | (row[w] & ~equal[w]);
  }
  return carry;
}

// All rows; returns the length, and hands each row of each block to store(row, first word, words).
template <class Store>
std::uint64_t Advance(std::string_view a, std::string_view b, Store store) {
  const std::size_t words_total = (b.size() + kWordBits - 1) / kWordBits;
  const std::size_t block_words = std::min(kBlockWordsMax, words_total);
  std::vector<std::uint64_t> equal(kByteValues * block_words);
  std::vector<std::uint8_t> carries(words_total > block_words ? a.size() : 0);
  std::uint64_t length = 0;
  for (std::size_t first = 0; first < words_total; first += block_words) {
    const std::size_t words = std::min(block_words, words_total - first);
    const std::string_view columns = b.substr(first * kWordBits, words * kWordBits);
    std::fill(equal.begin(), equal.end(), 0);
    for (std::size_t j = 0; j < columns.size(); ++j) {
      const std::size_t byte = static_cast<unsigned char>(columns[j]);
      equal[byte * block_words + j / kWordBits] |= std::uint64_t{1} << (j % kWordBits);
    }
    std::array<std::uint64_t, kBlockWordsMax> bits;
    bits.fill(~std::uint64_t{0});
    const std::span<std::uint64_t> row(bits.data(), words);
    for (std::size_t i = 0; i < a.size(); ++i) {
      const std::size_t byte = static_cast<unsigned char>(a[i]);
      const std::uint8_t carry = carries.empty() ? std::uint8_t{0} : carries[i];
      const std::uint8_t out = AdvanceRow(row, &equal[byte * block_words], carry);
      if (!carries.empty()) carries[i] = out;
      store(i, first, std::span<const std::uint64_t>(row));
    }
    // The bits behind the last column stay ones: `equal` is zero there.
    for (const std::uint64_t word : row) length += static_cast<unsigned>(std::popcount(~word));
  }
  return length;
}

std::uint64_t TraceBytes(std::size_t size_a, std::size_t size_b) {
  const Wide bytes = Wide{size_a} * ((size_b + 7) / 8);
  return bytes > ~std::uint64_t{0} ? ~std::uint64_t{0} : static_cast<std::uint64_t>(bytes);
}

}  // namespace

LcsLimit LcsCheck(std::size_t size_a, std::size_t size_b, std::uint64_t bulk_bytes_max) {
  const Wide table_bytes = (Wide{size_a} + 1) * (Wide{size_b} + 1) * 4;
  if (table_bytes > bulk_bytes_max) return LcsLimit::kBeyondBulk;
  if (TraceBytes(size_a, size_b) > kLcsTraceBytesMax) return LcsLimit::kBeyondTrace;
  return LcsLimit::kWithin;
}

std::uint64_t LcsLength(std::string_view a, std::string_view b) {
  // Either order gives the same length, and long rows are cheaper than many.
  if (a.size() > b.size()) std::swap(a, b);
  if (a.empty()) return 0;
  return Advance(a, b, [](std::size_t, std::size_t, std::span<const std::uint64_t>) {});
}

std::vector<LcsMatch> LcsMatches(std::string_view a, std::string_view b) {
  CHECK(TraceBytes(a.size(), b.size()) <= kLcsTraceBytesMax);
  std::vector<LcsMatch> matches;
  if (a.empty() || b.empty()) return matches;
  Trace trace(a.size(), b.size());
  Advance(a, b, [&](std::size_t row, std::size_t first, std::span<const std::uint64_t> words) {
    trace.Store(row, first, words);
  });
  bool joined = false;  // the last step was a match, which the next one would continue
  for (std::size_t i = a.size(), j = b.size(); i != 0 && j != 0;) {
    if (a[i - 1] == b[j - 1]) {
      --i;
      --j;
      if (!joined) matches.push_back({i, j, 0});
      matches.back() = {i, j, matches.back().length + 1};
      joined = true;
      continue;
    }
    joined = false;
    if (trace.StepsUpAt(i - 1, j - 1)) {
      --i;
    } else {
      --j;
    }
  }
  return matches;
}

std::string LcsText(std::string_view a, std::span<const LcsMatch> matches) {
  std::string text;
  for (std::size_t k = matches.size(); k != 0; --k) {
    text += a.substr(matches[k - 1].start_a, matches[k - 1].length);
  }
  return text;
}

}  // namespace cairn::value
