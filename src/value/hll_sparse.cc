// SPDX-License-Identifier: BSD-3-Clause
// How a register is raised, so that the bytes equal Redis's after any history (found by comparing
// with the real server; hyperloglog_oracle_test.cc keeps comparing):
//
//   1. Find the run that holds the register. Nothing to do if its rank is as high.
//   2. Put in its place up to three runs: what lies left of the register, the register alone as
//      VAL, what lies right. Zeros take one byte up to 64 of them, else two.
//   3. If the value grew, and beyond its limit, undo: it must become dense. A value that only
//      changed in place stays sparse even when it is beyond the limit already.
//   4. Tidy up: from the run before, look at five runs. Where two neighbouring VALs have one rank
//      and are together not longer than four, they become one; the joined run is looked at again,
//      as one of the five.
//
// Step 4 does not join runs that stood unjoined farther away, nor split and refill longer ones, so
// the form depends on the order of additions. That is why merging replays step 1 to 4 for each
// register instead of writing the shortest form.
#include "value/hll_sparse.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <span>

#include "base/check.h"
#include "base/text.h"

namespace cairn::value {
namespace {

constexpr std::uint32_t kZeroRunMax = 64;
constexpr std::uint32_t kValueRunMax = 4;
constexpr int kTidyRunsMax = 5;
constexpr std::string_view kEmpty("\x7f\xff", 2);

struct Run {
  std::uint32_t length;
  std::uint8_t rank;
  std::uint8_t bytes;  // 1 or 2
};

// REQUIRES: at < runs.size(). nullopt when the run's second byte is missing.
std::optional<Run> RunAt(std::string_view runs, std::size_t at) {
  const unsigned byte = static_cast<unsigned char>(runs[at]);
  if ((byte & 0xc0) == 0x40) {
    if (at + 1 >= runs.size()) return std::nullopt;
    const unsigned low = static_cast<unsigned char>(runs[at + 1]);
    return Run{((byte & 0x3f) << 8 | low) + 1, 0, 2};
  }
  const bool is_value = (byte & 0x80) != 0;
  return Run{is_value ? (byte & 3) + 1 : byte + 1,
             static_cast<std::uint8_t>(is_value ? ((byte >> 2) & 0x1f) + 1 : 0), 1};
}

char ValueByte(std::uint8_t rank, std::uint32_t length) {
  return static_cast<char>(0x80U | (rank - 1U) << 2 | (length - 1));
}

// A few runs about to be written: at most left (2 bytes), register (1), right (2).
class Draft {
 public:
  void Append(std::uint8_t rank, std::uint32_t length) {
    if (length == 0) return;
    if (rank != 0) {
      Put(ValueByte(rank, length));
    } else if (length <= kZeroRunMax) {
      Put(static_cast<char>(length - 1));
    } else {
      Put(static_cast<char>(0x40 | (length - 1) >> 8));
      Put(static_cast<char>((length - 1) & 0xff));
    }
  }
  std::string_view bytes() const { return {bytes_.data(), size_}; }

 private:
  void Put(char byte) { bytes_[size_++] = byte; }

  std::array<char, 5> bytes_ = {};
  std::size_t size_ = 0;
};

// The run that holds a register, and the two before it.
struct Place {
  HllSparseCursor run;
  HllSparseCursor before;         // == run when there is none
  HllSparseCursor before_before;  // == before when there is none
  Run content;
};

std::optional<Place> Find(std::string_view runs, std::uint16_t index, HllSparseCursor from) {
  Place place{from, from, from, {}};
  while (place.run.at < runs.size()) {
    const std::optional<Run> run = RunAt(runs, place.run.at);
    if (!run) return std::nullopt;
    if (index < place.run.first_index + run->length) {
      place.content = *run;
      return place;
    }
    place.before_before = place.before;
    place.before = place.run;
    place.run.at += run->bytes;
    place.run.first_index += run->length;
  }
  return std::nullopt;
}

// Step 4. `at` is the run before the changed one, counted from the value's begin.
void Tidy(std::string& value, std::size_t at) {
  for (int seen = 0; seen < kTidyRunsMax && at < value.size(); ++seen) {
    const std::optional<Run> run = RunAt(value, at);
    if (!run) return;
    const std::size_t next_at = at + run->bytes;
    if (run->rank != 0 && next_at < value.size()) {
      const std::optional<Run> next = RunAt(value, next_at);
      if (next && next->rank == run->rank && run->length + next->length <= kValueRunMax) {
        value[next_at] = ValueByte(run->rank, run->length + next->length);
        value.erase(at, 1);
        continue;
      }
    }
    at = next_at;
  }
}

// Calls visit(first register, run) for each run. False unless they cover exactly all registers.
template <class Visit>
bool ForEachRun(std::string_view runs, Visit visit) {
  std::uint32_t index = 0;
  for (std::size_t at = 0; at < runs.size();) {
    const std::optional<Run> run = RunAt(runs, at);
    if (!run) return false;
    if (run->length > kHllRegisters - index) return false;
    visit(index, *run);
    index += run->length;
    at += run->bytes;
  }
  return index == kHllRegisters;
}

void AppendNumber(std::string& text, std::uint32_t number) {
  std::array<char, kInt64TextMax> digits;
  text.append(digits.data(), FormatUint64(digits.data(), number));
}

}  // namespace

std::string_view HllSparseEmpty() { return kEmpty; }

HllSparseRaise HllSparseRaiseRegister(std::string& value, std::size_t runs_begin, HllSpot spot,
                                      std::size_t value_bytes_max, HllSparseCursor& cursor) {
  DCHECK(spot.rank > 0);
  if (spot.rank > kHllSparseRankMax) return HllSparseRaise::kTooBig;
  if (value.size() > runs_begin + kHllSparseRunBytesMax) return HllSparseRaise::kCorrupt;
  const std::string_view runs = std::string_view(value).substr(runs_begin);
  const std::optional<Place> place = Find(runs, spot.index, cursor);
  if (!place) return HllSparseRaise::kCorrupt;
  // The next register lies in the run that holds this one, or behind it. That run may become part
  // of `before`, and its own neighbour is needed then: so keep the one before that. Where this run
  // began at the cursor's neighbour (before == before_before), it held the last register too, so a
  // part of it stays between `before` and the register, and the cursor is still good.
  cursor = place->before_before;
  const Run run = place->content;
  if (run.rank >= spot.rank) return HllSparseRaise::kUnchanged;

  const std::uint32_t left = spot.index - place->run.first_index;
  Draft draft;
  draft.Append(run.rank, left);
  draft.Append(spot.rank, 1);
  draft.Append(run.rank, run.length - left - 1);
  const std::size_t size = value.size() - run.bytes + draft.bytes().size();
  if (size > value.size() && size > value_bytes_max) return HllSparseRaise::kTooBig;
  value.replace(runs_begin + place->run.at, run.bytes, draft.bytes());
  Tidy(value, runs_begin + place->before.at);
  return HllSparseRaise::kRaised;
}

bool HllSparseUnite(std::string_view runs, HllRegisters& registers) {
  return ForEachRun(runs, [&](std::uint32_t index, Run run) {
    if (run.rank == 0) return;
    for (std::uint8_t& one : std::span(registers).subspan(index, run.length)) {
      one = std::max(one, run.rank);
    }
  });
}

std::optional<HllHistogram> HllSparseHistogram(std::string_view runs) {
  HllHistogram histogram = {};
  const bool valid =
      ForEachRun(runs, [&](std::uint32_t, Run run) { histogram[run.rank] += run.length; });
  if (!valid) return std::nullopt;
  return histogram;
}

std::string HllSparseText(std::string_view runs) {
  std::string text;
  const std::string_view some = runs.substr(0, kHllSparseRunBytesMax);
  for (std::size_t at = 0; at < some.size();) {
    const std::optional<Run> run = RunAt(some, at);
    if (!run) break;
    if (!text.empty()) text += ' ';
    text += run->rank != 0 ? "v:" : run->bytes == 1 ? "z:" : "Z:";
    if (run->rank != 0) {
      AppendNumber(text, run->rank);
      text += ',';
    }
    AppendNumber(text, run->length);
    at += run->bytes;
  }
  return text;
}

}  // namespace cairn::value
