// SPDX-License-Identifier: BSD-3-Clause
// Ids as text, with the leniency that clients of Redis have come to rely on.
#include "value/stream_id.h"

#include "base/text.h"

namespace cairn::value {
namespace {

// Longer texts are no ids, whatever they hold.
constexpr std::size_t kIdTextLimit = 127;

bool IsSpace(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

// As the C library reads an unsigned number: leading space, a sign (a minus wraps around), zeros in
// front. Only what is not a plain number comes here, and a plain negative one is refused before.
std::optional<std::uint64_t> ParseLoosely(std::string_view text) {
  while (!text.empty() && IsSpace(text.front())) text.remove_prefix(1);
  const bool negative = !text.empty() && text.front() == '-';
  if (negative || (!text.empty() && text.front() == '+')) text.remove_prefix(1);
  if (text.empty()) return std::nullopt;
  std::uint64_t number = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    if (__builtin_mul_overflow(number, std::uint64_t{10}, &number)) return std::nullopt;
    if (__builtin_add_overflow(number, static_cast<std::uint64_t>(c - '0'), &number)) {
      return std::nullopt;
    }
  }
  return negative ? 0 - number : number;
}

std::optional<std::uint64_t> ParsePart(std::string_view text) {
  if (const auto plain = ParseUint64(text)) return plain;
  if (ParseInt64(text)) return std::nullopt;  // negative
  return ParseLoosely(text);
}

std::optional<NewStreamId> Parse(std::string_view text, std::uint64_t missing_seq,
                                 bool sequence_may_be_auto) {
  // Redis reads a C string.
  text = text.substr(0, text.find('\0'));
  const std::size_t dash = text.find('-');
  const auto ms = ParsePart(text.substr(0, dash));
  if (!ms) return std::nullopt;
  using Kind = NewStreamId::Kind;
  if (dash == std::string_view::npos) return NewStreamId{Kind::kGiven, {*ms, missing_seq}};
  const std::string_view seq_text = text.substr(dash + 1);
  if (sequence_may_be_auto && seq_text == "*") return NewStreamId{Kind::kAutoSequence, {*ms, 0}};
  const auto seq = ParsePart(seq_text);
  if (!seq) return std::nullopt;
  return NewStreamId{Kind::kGiven, {*ms, *seq}};
}

struct Bound {
  StreamId id;
  bool exclusive;
};

std::optional<Bound> ParseBound(std::string_view text, std::uint64_t missing_seq) {
  const bool exclusive = text.size() > 1 && text.front() == '(';
  if (exclusive) text.remove_prefix(1);
  const auto id =
      ParseStreamId(text, missing_seq, exclusive ? StreamIdForm::kStrict : StreamIdForm::kAny);
  if (!id) return std::nullopt;
  return Bound{*id, exclusive};
}

}  // namespace

std::optional<StreamId> ParseStreamId(std::string_view text, std::uint64_t missing_seq,
                                      StreamIdForm form) {
  if (text.size() > kIdTextLimit) return std::nullopt;
  if (form == StreamIdForm::kAny && text == "-") return kStreamIdMin;
  if (form == StreamIdForm::kAny && text == "+") return kStreamIdMax;
  const auto parsed = Parse(text, missing_seq, false);
  if (!parsed) return std::nullopt;
  return parsed->id;
}

std::expected<StreamId, StreamBoundError> ParseStreamStart(std::string_view text) {
  const auto bound = ParseBound(text, 0);
  if (!bound) return std::unexpected(StreamBoundError::kInvalid);
  if (!bound->exclusive) return bound->id;
  const auto next = Successor(bound->id);
  if (!next) return std::unexpected(StreamBoundError::kOutOfRange);
  return *next;
}

std::expected<StreamId, StreamBoundError> ParseStreamEnd(std::string_view text) {
  const auto bound = ParseBound(text, kStreamSeqMax);
  if (!bound) return std::unexpected(StreamBoundError::kInvalid);
  if (!bound->exclusive) return bound->id;
  const auto previous = Predecessor(bound->id);
  if (!previous) return std::unexpected(StreamBoundError::kOutOfRange);
  return *previous;
}

std::optional<NewStreamId> ParseNewStreamId(std::string_view text) {
  if (text == "*") return NewStreamId{};
  if (text.size() > kIdTextLimit) return std::nullopt;
  return Parse(text, 0, true);
}

char* FormatStreamId(char* out, StreamId id) {
  out = FormatUint64(out, id.ms);
  *out++ = '-';
  return FormatUint64(out, id.seq);
}

std::string StreamIdToString(StreamId id) {
  char text[kStreamIdTextMax];
  return {text, FormatStreamId(text, id)};
}

}  // namespace cairn::value
