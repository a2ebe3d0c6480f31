// SPDX-License-Identifier: BSD-3-Clause
// The parser in three gears, of which the header has the first: TryShort.
//
// TryWhole takes the common request, complete and well-formed, in one pass with no state: lengths
// of up to kFastDigitsMax digits, no error text, and no call, so that it needs few registers.
// Anything else (a piece missing, an error, a huge argument, an inline line, a full arena chunk)
// makes it give up without a trace, and the stepwise gear starts the same request from its first
// byte. That second look happens once a request, since from then on
// the state is not kStart. One gear with saved state at every step was refused: it costs a load
// and a store for each argument of every request.
#include "resp/parser.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "base/text.h"

namespace cairn::resp {
namespace {

constexpr std::size_t kFastDigitsMax = 5;
constexpr std::size_t kPendingKept = 64;  // slices whose memory a connection keeps when idle

// The shortest thing that can stand from a header on: "$0\r\n\r\n", or "*1\r\n" and that.
constexpr std::size_t kHeaderRoom = 6;

unsigned DigitAt(std::string_view buffer, std::size_t at) {
  return static_cast<unsigned>(static_cast<unsigned char>(buffer[at])) - '0';
}

// A header (type byte, digits, '\r' and one more byte) at `at`.
struct Header {
  bool ok = false;  // it is there, whole, with one to kFastDigitsMax digits
  std::size_t number = 0;
  std::size_t after = 0;  // offset of what follows
};

// Three or more digits, of which the first two are known.
[[gnu::always_inline]] inline Header FastLongHeader(std::string_view buffer, std::size_t at,
                                                    unsigned first_two) {
  std::size_t number = first_two;
  for (std::size_t digits = 3; digits <= kFastDigitsMax; ++digits) {
    const std::size_t after = at + 1 + digits + 2;
    if (after > buffer.size()) return {};
    const unsigned digit = DigitAt(buffer, at + digits);
    if (digit > 9) return {};
    number = number * 10 + digit;
    if (buffer[at + digits + 1] == '\r') return {true, number, after};
  }
  return {};
}

// REQUIRES: at + kHeaderRoom <= buffer.size(). A leading zero is left to the other gear, which
// calls it an error.
[[gnu::always_inline]] inline Header FastHeader(char type, std::string_view buffer,
                                                std::size_t at) {
  const unsigned first = DigitAt(buffer, at + 1);
  if (buffer[at] != type || first > 9) [[unlikely]]
    return {};
  if (buffer[at + 2] == '\r') return {true, first, at + 4};
  const unsigned second = DigitAt(buffer, at + 2);
  if (second > 9 || first == 0) [[unlikely]]
    return {};
  if (buffer[at + 3] == '\r') return {true, first * 10 + second, at + 5};
  return FastLongHeader(buffer, at, first * 10 + second);
}

// What separates plain words, and what is skipped between them, differ in Redis: '\v' and '\f' are
// skipped before a word but are part of one.
bool EndsWord(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }
bool IsSpace(char c) { return EndsWord(c) || c == '\v' || c == '\f'; }

bool WithinLimits(const Limits& limits, std::size_t bulk_size) {
  if (static_cast<std::int64_t>(bulk_size) > limits.bulk_bytes_max) return false;
  return limits.authenticated || bulk_size <= Limits::kUnauthenticatedBulkMax;
}

}  // namespace

void ArgArena::Reset() {
  if (chunks_.size() > 1) chunks_.resize(1);
  kept_.clear();
  if (chunks_.empty()) return;
  next_ = chunks_[0].get();
  limit_ = next_ + kChunkArgs;
}

void ArgArena::AddChunk() {
  chunks_.push_back(std::make_unique_for_overwrite<std::string_view[]>(kChunkArgs));
  next_ = chunks_.back().get();
  limit_ = next_ + kChunkArgs;
}

std::string_view* ArgArena::Allocate(std::size_t count) {
  if (count <= kChunkArgs) {
    if (room() < count) AddChunk();
    std::string_view* args = next_;
    next_ += count;
    return args;
  }
  if (chunks_.empty()) AddChunk();  // [0] has the size that Reset counts on
  // A request this long gets a chunk of its own; the open chunk stays open.
  chunks_.push_back(std::make_unique_for_overwrite<std::string_view[]>(count));
  return chunks_.back().get();
}

std::unique_ptr<std::string_view[]> ArgArena::Release(std::span<const std::string_view> args) {
  if (args.size() <= kChunkArgs) {
    auto copied = std::make_unique_for_overwrite<std::string_view[]>(args.size());
    std::ranges::copy(args, copied.get());
    return copied;
  }
  const auto chunk = std::ranges::find_if(
      chunks_, [&](const auto& candidate) { return candidate.get() == args.data(); });
  CHECK(chunk != chunks_.end());
  std::unique_ptr<std::string_view[]> released = std::move(*chunk);
  chunks_.erase(chunk);
  return released;
}

std::string_view ArgArena::Keep(std::string bytes) {
  kept_.push_back(std::make_unique<std::string>(std::move(bytes)));
  return *kept_.back();
}

bool Parser::TryWhole(std::string_view buffer, const Limits& limits, ArgArena& arena,
                      Request* out) {
  if (buffer.size() < kHeaderRoom) return false;
  if (limits.bulk_bytes_max < std::int64_t{kShortBulkMax}) [[unlikely]]
    return false;
  const Header count = FastHeader('*', buffer, 0);
  if (!count.ok || count.number == 0) return false;
  if (count.number > arena.room()) return false;
  if (static_cast<std::int64_t>(count.number) > limits.args_max) return false;
  if (count.number > Limits::kUnauthenticatedArgsMax && !limits.authenticated) return false;

  std::size_t at = count.after;
  std::string_view* arg = arena.next();
  std::string_view* const args_end = arg + count.number;
  do {
    if (at + kHeaderRoom > buffer.size()) return false;
    const Header bulk = FastHeader('$', buffer, at);
    if (!bulk.ok) return false;
    if (bulk.number > kShortBulkMax && !WithinLimits(limits, bulk.number)) return false;
    at = bulk.after + bulk.number + 2;
    if (at > buffer.size()) return false;
    *arg = {buffer.data() + bulk.after, bulk.number};
  } while (++arg != args_end);
  *out = {.args = arena.next(),
          .argc = static_cast<std::uint32_t>(count.number),
          .head = {},
          .consumed = at};
  arena.Commit(args_end);
  return true;
}

Outcome Parser::NextStepwise(std::string_view buffer, const Limits& limits, ArgArena& arena,
                             Request* out) {
  std::size_t skipped = 0;
  out->head = {};
  for (;;) {
    out->consumed = skipped;
    if (state_ == State::kFailed) return Outcome::kError;
    if (state_ == State::kStart) {
      if (buffer.empty()) return Outcome::kNeedMore;
      state_ = buffer[0] == '*' ? State::kCount : State::kInline;
    }
    const Step step = state_ == State::kInline ? TakeInline(buffer, limits, arena, out)
                                               : TakeMultibulk(buffer, limits, arena, out);
    switch (step) {
      case Step::kDone:
        out->consumed = skipped + position_;
        StartOver();
        return Outcome::kRequest;
      case Step::kEmpty:
        skipped += position_;
        buffer.remove_prefix(position_);
        StartOver();
        break;
      case Step::kWait:
        return Outcome::kNeedMore;
      case Step::kFail:
        return Outcome::kError;
    }
  }
}

// Leaves the offset of the line's end in scanned_.
Parser::Step Parser::FindLineEnd(std::string_view buffer, char end, std::size_t bytes_max,
                                 Error too_big) {
  const char* const from = buffer.data() + scanned_;
  const std::size_t size = buffer.size() - scanned_;
  if (size == 0 || *from != '\0') {
    const void* hit = size == 0 ? nullptr : std::memchr(from, end, size);
    std::size_t clean =
        hit != nullptr ? static_cast<std::size_t>(static_cast<const char*>(hit) - from) : size;
    // Redis looks for the end with strchr: a NUL hides what follows it.
    if (const void* nul = clean == 0 ? nullptr : std::memchr(from, '\0', clean); nul != nullptr) {
      clean = static_cast<std::size_t>(static_cast<const char*>(nul) - from);
      hit = nullptr;
    }
    scanned_ += clean;
    if (hit != nullptr) return scanned_ - position_ > bytes_max ? Failed(too_big) : Step::kDone;
  }
  return buffer.size() - position_ > bytes_max ? Failed(too_big) : Step::kWait;
}

Parser::Step Parser::TakeInline(std::string_view buffer, const Limits& limits, ArgArena& arena,
                                Request* out) {
  const Step found = FindLineEnd(buffer, '\n', limits.inline_bytes_max, Error::kTooBigInline);
  if (found != Step::kDone) return found;
  std::string_view line = buffer.substr(0, scanned_);
  if (line.ends_with('\r')) line.remove_suffix(1);
  position_ = scanned_ + 1;

  if (line.find_first_of("\"'") == std::string_view::npos) {
    SplitPlainWords(line);
    if (pending_.empty()) return Step::kEmpty;
    Finish(buffer, arena, out);
    return Step::kDone;
  }
  auto words = SplitWords(line);
  if (!words) return Failed(Error::kUnbalancedQuotes);
  if (words->empty()) return Step::kEmpty;
  std::string_view* args = arena.Allocate(words->size());
  out->args = args;
  out->argc = static_cast<std::uint32_t>(words->size());
  for (std::string& word : *words) *args++ = arena.Keep(std::move(word));
  return Step::kDone;
}

void Parser::SplitPlainWords(std::string_view line) {
  std::size_t i = 0;
  for (;;) {
    while (i < line.size() && IsSpace(line[i])) ++i;
    if (i == line.size()) return;
    const std::size_t begin = i;
    while (i < line.size() && !EndsWord(line[i])) ++i;
    pending_.push_back({begin, i - begin});
  }
}

Parser::Step Parser::TakeMultibulk(std::string_view buffer, const Limits& limits, ArgArena& arena,
                                   Request* out) {
  if (state_ == State::kCount) {
    if (const Step step = TakeCount(buffer, limits); step != Step::kDone) return step;
  }
  while (remaining_ > 0) {
    if (state_ == State::kBulkHeader) {
      if (const Step step = TakeBulkHeader(buffer, limits); step != Step::kDone) return step;
    }
    const auto size = static_cast<std::size_t>(bulk_size_);
    if (buffer.size() - position_ < size + 2) return Step::kWait;
    pending_.push_back({position_, size});
    position_ += size + 2;
    scanned_ = position_;
    state_ = State::kBulkHeader;
    --remaining_;
  }
  Finish(buffer, arena, out);
  return Step::kDone;
}

Parser::Step Parser::TakeCount(std::string_view buffer, const Limits& limits) {
  const Step found = FindLineEnd(buffer, '\r', limits.inline_bytes_max, Error::kTooBigCount);
  if (found != Step::kDone) return found;
  if (buffer.size() < scanned_ + 2) return Step::kWait;
  const auto count = ParseInt64(buffer.substr(1, scanned_ - 1));
  if (!count || *count > limits.args_max) return Failed(Error::kInvalidCount);
  if (*count > Limits::kUnauthenticatedArgsMax && !limits.authenticated) {
    return Failed(Error::kUnauthenticatedCount);
  }
  position_ = scanned_ = scanned_ + 2;
  if (*count <= 0) return Step::kEmpty;
  remaining_ = *count;
  state_ = State::kBulkHeader;
  return Step::kDone;
}

Parser::Step Parser::TakeBulkHeader(std::string_view buffer, const Limits& limits) {
  const Step found = FindLineEnd(buffer, '\r', limits.inline_bytes_max, Error::kTooBigBulkHeader);
  if (found != Step::kDone) return found;
  if (buffer.size() < scanned_ + 2) return Step::kWait;
  if (buffer[position_] != '$') {
    unexpected_ = buffer[position_];
    return Failed(Error::kExpectedDollar);
  }
  const auto size = ParseInt64(buffer.substr(position_ + 1, scanned_ - position_ - 1));
  if (!size || *size < 0 || *size > limits.bulk_bytes_max) return Failed(Error::kInvalidBulk);
  if (*size > Limits::kUnauthenticatedBulkMax && !limits.authenticated) {
    return Failed(Error::kUnauthenticatedBulk);
  }
  bulk_size_ = *size;
  position_ = scanned_ = scanned_ + 2;
  state_ = State::kBulkBody;
  return Step::kDone;
}

void Parser::Finish(std::string_view buffer, ArgArena& arena, Request* out) {
  std::string_view* args = arena.Allocate(pending_.size());
  out->args = args;
  out->argc = static_cast<std::uint32_t>(pending_.size());
  for (const Slice& slice : pending_) *args++ = buffer.substr(slice.offset, slice.size);
}

Parser::Step Parser::Failed(Error error) {
  error_ = error;
  state_ = State::kFailed;
  return Step::kFail;
}

void Parser::StartOver() {
  state_ = State::kStart;
  position_ = 0;
  scanned_ = 0;
  remaining_ = 0;
  pending_.clear();
  if (pending_.capacity() > kPendingKept) std::vector<Slice>().swap(pending_);
}

void Parser::Reset() {
  StartOver();
  error_ = Error::kNone;
}

std::string Parser::error() const {
  std::string text = "Protocol error: ";
  switch (error_) {
    case Error::kNone:
      return {};
    case Error::kTooBigInline:
      return text + "too big inline request";
    case Error::kUnbalancedQuotes:
      return text + "unbalanced quotes in request";
    case Error::kTooBigCount:
      return text + "too big mbulk count string";
    case Error::kInvalidCount:
      return text + "invalid multibulk length";
    case Error::kUnauthenticatedCount:
      return text + "unauthenticated multibulk length";
    case Error::kTooBigBulkHeader:
      return text + "too big bulk count string";
    case Error::kExpectedDollar:
      return text + "expected '$', got '" + unexpected_ + "'";
    case Error::kInvalidBulk:
      return text + "invalid bulk length";
    case Error::kUnauthenticatedBulk:
      return text + "unauthenticated bulk length";
  }
  return {};
}

}  // namespace cairn::resp
