// SPDX-License-Identifier: BSD-3-Clause
// StreamId: the name of an entry of a stream, milliseconds and a sequence, and how clients write
// it.
//
// What a client may write differs by place, so there is one function a place: an id ("5-1", "5",
// "-", "+"), a strict id (no "-" and "+"), a bound of a range ("(5-1" too), the id of a new entry
// ("*", "5-*"). "$" and ">" are words of single commands and are theirs to compare. Numbers are
// read as leniently as Redis reads them: "007-1" and "5-+3" are ids.
#ifndef CAIRN_VALUE_STREAM_ID_H_
#define CAIRN_VALUE_STREAM_ID_H_

#include <compare>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

namespace cairn::value {

struct StreamId {
  std::uint64_t ms = 0;
  std::uint64_t seq = 0;

  friend constexpr auto operator<=>(const StreamId&, const StreamId&) = default;
  constexpr bool is_zero() const { return ms == 0 && seq == 0; }
};

inline constexpr std::uint64_t kStreamSeqMax = std::numeric_limits<std::uint64_t>::max();
inline constexpr StreamId kStreamIdMin{0, 0};
inline constexpr StreamId kStreamIdMax{kStreamSeqMax, kStreamSeqMax};

// The neighbours; nullopt beyond the last and before the first.
constexpr std::optional<StreamId> Successor(StreamId id) {
  if (id.seq != kStreamSeqMax) return StreamId{id.ms, id.seq + 1};
  if (id.ms != kStreamSeqMax) return StreamId{id.ms + 1, 0};
  return std::nullopt;
}
constexpr std::optional<StreamId> Predecessor(StreamId id) {
  if (id.seq != 0) return StreamId{id.ms, id.seq - 1};
  if (id.ms != 0) return StreamId{id.ms - 1, kStreamSeqMax};
  return std::nullopt;
}

enum class StreamIdForm : std::uint8_t {
  kAny,     // "-" and "+" are the least and the greatest
  kStrict,  // they are errors
};

// An id; one without a sequence gets `missing_seq`.
std::optional<StreamId> ParseStreamId(std::string_view text, std::uint64_t missing_seq,
                                      StreamIdForm form);

enum class StreamBoundError : std::uint8_t {
  kInvalid,     // not an id
  kOutOfRange,  // "(" before nothing: no id lies beyond it
};

// The bounds of a range, inclusive whatever was written: "(5-1" as a start is 5-2. A start without
// a sequence begins its millisecond, an end ends it.
std::expected<StreamId, StreamBoundError> ParseStreamStart(std::string_view text);
std::expected<StreamId, StreamBoundError> ParseStreamEnd(std::string_view text);

// What XADD is told to name its entry.
struct NewStreamId {
  enum class Kind : std::uint8_t {
    kAuto,          // "*"
    kAutoSequence,  // "5-*"
    kGiven,         // "5-1", and "5" is 5-0
  };
  Kind kind = Kind::kAuto;
  StreamId id{};
};
std::optional<NewStreamId> ParseNewStreamId(std::string_view text);

inline constexpr std::size_t kStreamIdTextMax = 41;
// Writes "ms-seq" to `out` (room for kStreamIdTextMax) and returns one past the last.
char* FormatStreamId(char* out, StreamId id);
std::string StreamIdToString(StreamId id);

}  // namespace cairn::value

#endif  // CAIRN_VALUE_STREAM_ID_H_
