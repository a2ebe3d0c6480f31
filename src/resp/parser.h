// SPDX-License-Identifier: BSD-3-Clause
// Parser: requests out of a client's byte stream, without copying them.
//
// A request is a multibulk array ("*2\r\n$3\r\nGET\r\n$1\r\nk\r\n") or an inline line ("GET k\n").
// The caller owns the input buffer; the parser remembers only offsets relative to the first byte
// of the request it is in, so the buffer may move or grow between two calls. What it answers are
// views into that buffer, held in an ArgArena that lives as long as the batch of requests.
//
//     kStart --'*'--> kCount --> kBulkHeader <--> kBulkBody --last argument--> kStart
//        \---other--> kInline -----------------newline-----------------------> kStart
//
// Invariants
//   (1) Every byte is looked at a bounded number of times, however the stream is cut: bytes that
//   dribble in one by one cost O(n) in all.
//   (2) The same stream gives the same requests and the same error under any cutting.
//   (3) Memory is taken for arguments that have arrived, never for a count the peer announced.
//   (4) After kError the parser stays in error until Reset.
//
// Leniency is Redis's: the byte after '\r' is skipped unread, and so are the two bytes that follow
// an argument; a NUL before a line's end hides that end. One Parser belongs to one connection and
// is not thread-safe. Cost of a GET that is wholly in the buffer: some 60 instructions (callgrind,
// tools/callgrind-gate).
#ifndef CAIRN_RESP_PARSER_H_
#define CAIRN_RESP_PARSER_H_

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/text.h"
#include "resp/short_bulk.h"

namespace cairn::resp {

// ArgArena: where the arguments of a batch of requests stand, at addresses that stay until Reset.
// One per worker. The arguments of one request are contiguous.
class ArgArena {
 public:
  static constexpr std::size_t kChunkArgs = 1024;

  ArgArena() = default;
  ArgArena(const ArgArena&) = delete;
  ArgArena& operator=(const ArgArena&) = delete;

  // Forgets everything; keeps one chunk.
  void Reset();
  // For who fills arguments in place: up to room() of them from next() on; then Commit.
  std::size_t room() const { return static_cast<std::size_t>(limit_ - next_); }
  std::string_view* next() { return next_; }
  void Commit(std::string_view* end) { next_ = end; }
  // Exactly `count` arguments, used; any number. For those who hold that many already.
  std::string_view* Allocate(std::size_t count);
  // `args`, to stay beyond Reset: of more than kChunkArgs, which must be Allocated, the memory
  // itself.
  std::unique_ptr<std::string_view[]> Release(std::span<const std::string_view> args);
  // Keeps bytes that stand nowhere else (unquoted words of an inline request).
  std::string_view Keep(std::string bytes);

 private:
  void AddChunk();

  std::string_view* next_ = nullptr;
  std::string_view* limit_ = nullptr;
  std::vector<std::unique_ptr<std::string_view[]>> chunks_;  // [0] always has kChunkArgs
  std::vector<std::unique_ptr<std::string>> kept_;
};

struct Limits {
  static constexpr std::int64_t kUnauthenticatedArgsMax = 10;
  static constexpr std::int64_t kUnauthenticatedBulkMax = 16384;

  std::int64_t bulk_bytes_max = 512 * 1024 * 1024;  // proto-max-bulk-len
  std::int64_t args_max = INT32_MAX;
  std::size_t inline_bytes_max = 64 * 1024;  // also of a header line
  bool authenticated = true;
};

struct Request {
  const std::string_view* args = nullptr;
  std::uint32_t argc = 0;
  // "*2\r\n$3\r\nGET\r\n": the request up to the end of its name, where Next says so; else empty.
  std::string_view head;
  // Bytes at the front of the buffer that are done with. Set by every call of Next.
  std::size_t consumed = 0;
};

enum class Outcome { kRequest, kNeedMore, kError };

class Parser {
 public:
  // Parses one request from `buffer`, which begins at the first byte not yet consumed. Whatever
  // the outcome, the caller drops `out->consumed` bytes before the next call (with kNeedMore they
  // are empty lines that were skipped, and usually 0). Views in `out` live as long as the bytes of
  // `buffer` and as `arena` is not Reset. REQUIRES: after kNeedMore, `buffer` holds at least the
  // bytes it held then, less those consumed.
  Outcome Next(std::string_view buffer, const Limits& limits, ArgArena& arena, Request* out) {
    if (state_ == State::kStart) [[likely]] {
      if (TryShort(buffer, limits, arena, out)) [[likely]]
        return Outcome::kRequest;
      if (TryWhole(buffer, limits, arena, out)) return Outcome::kRequest;
    }
    return NextStepwise(buffer, limits, arena, out);
  }

  // Pipelines repeat themselves: parses a request that begins with the same bytes as `request`, the
  // one before it, up to the end of the name, and replaces it; false, and nothing changed, if the
  // next one is not like that. REQUIRES: `request` is what Next or Again gave, of the same batch.
  bool Again(std::string_view buffer, ArgArena& arena, Request* request);

  // After kNeedMore: how many bytes the buffer must hold for the argument at hand to be complete,
  // 0 where that is not known. A hint from the peer: a caller that reserves memory for it caps it.
  std::size_t wanted_bytes() const {
    return state_ == State::kBulkBody ? position_ + static_cast<std::size_t>(bulk_size_) + 2 : 0;
  }
  // The parser stands inside a request: the peer owes bytes.
  bool mid_request() const { return state_ != State::kStart; }
  // After kError: the text for the client ("Protocol error: ..."), without "-ERR ".
  std::string error() const;
  // Heap bytes held for a request that has arrived in part.
  std::size_t allocated_bytes() const { return pending_.capacity() * sizeof(Slice); }
  void Reset();

 private:
  enum class State : std::uint8_t { kStart, kInline, kCount, kBulkHeader, kBulkBody, kFailed };
  enum class Error : std::uint8_t {
    kNone,
    kTooBigInline,
    kUnbalancedQuotes,
    kTooBigCount,
    kInvalidCount,
    kUnauthenticatedCount,
    kTooBigBulkHeader,
    kExpectedDollar,
    kInvalidBulk,
    kUnauthenticatedBulk
  };
  enum class Step { kDone, kEmpty, kWait, kFail };
  struct Slice {
    std::size_t offset;
    std::size_t size;
  };

  static constexpr std::size_t kShortArgsMax = 9;  // one digit

  // The commonest request, wholly in the buffer: up to kShortArgsMax arguments of up to
  // kShortBulkMax bytes, the first of up to nine. False, and nothing changed, if it is not.
  bool TryShort(std::string_view buffer, const Limits& limits, ArgArena& arena, Request* out);
  static const char* TakeShortBulks(const char* at, const char* end, std::string_view* arg,
                                    std::string_view* args_end);
  // The fast way: a well-formed request wholly in the buffer. False, and nothing changed, if not.
  bool TryWhole(std::string_view buffer, const Limits& limits, ArgArena& arena, Request* out);
  Outcome NextStepwise(std::string_view buffer, const Limits& limits, ArgArena& arena,
                       Request* out);
  Step TakeInline(std::string_view buffer, const Limits& limits, ArgArena& arena, Request* out);
  Step TakeMultibulk(std::string_view buffer, const Limits& limits, ArgArena& arena, Request* out);
  Step TakeCount(std::string_view buffer, const Limits& limits);
  Step TakeBulkHeader(std::string_view buffer, const Limits& limits);
  Step FindLineEnd(std::string_view buffer, char end, std::size_t bytes_max, Error too_big);
  void Finish(std::string_view buffer, ArgArena& arena, Request* out);
  Step Failed(Error error);
  void SplitPlainWords(std::string_view line);
  void StartOver();

  State state_ = State::kStart;
  Error error_ = Error::kNone;
  char unexpected_ = 0;         // what stood where '$' was due
  std::size_t position_ = 0;    // offset of the first byte not parsed
  std::size_t scanned_ = 0;     // no line end stands between position_ and here
  std::int64_t remaining_ = 0;  // arguments still to come
  std::int64_t bulk_size_ = 0;  // of the argument at hand
  std::vector<Slice> pending_;  // arguments of a request that came in parts
};

// Bulk strings of up to kShortBulkMax bytes, until `args_end`. Returns what is behind them, or
// null.
inline const char* Parser::TakeShortBulks(const char* at, const char* end, std::string_view* arg,
                                          std::string_view* args_end) {
  for (; arg != args_end; ++arg) {
    if (end - at < kShortBulkMin) return nullptr;
    at = TakeShortBulk(at, end, arg);
    if (at == nullptr) return nullptr;
  }
  return at;
}

// Inline like what it calls, since every instruction here is spent on every request.
inline bool Parser::TryShort(std::string_view buffer, const Limits& limits, ArgArena& arena,
                             Request* out) {
  constexpr std::size_t kFirstHeaders = 8;  // "*2\r\n$3\r\n", whose digits are masked out
  constexpr std::uint64_t kPattern = 0x0a0d'0024'0a0d'002a;
  constexpr std::uint64_t kMask = 0xffff'00ff'ffff'00ff;
  if (buffer.size() < kFirstHeaders || arena.room() < kShortArgsMax) [[unlikely]]
    return false;
  if (limits.bulk_bytes_max < std::int64_t{kShortBulkMax} ||
      limits.args_max < static_cast<std::int64_t>(kShortArgsMax)) [[unlikely]] {
    return false;
  }
  const char* const begin = buffer.data();
  const char* const end = begin + buffer.size();
  const auto headers = LoadWord<std::uint64_t>(begin);
  const std::uint32_t count = static_cast<std::uint32_t>(headers >> 8 & 0xff) - '0';
  const std::uint32_t size = static_cast<std::uint32_t>(headers >> 40 & 0xff) - '0';
  if ((headers & kMask) != kPattern || count - 1 >= kShortArgsMax || size > 9) return false;
  const char* const name = begin + kFirstHeaders;
  if (end - name < std::ptrdiff_t{size} + 2) return false;
  std::string_view* const args = arena.next();
  args[0] = {name, size};
  const char* const after = TakeShortBulks(name + size + 2, end, args + 1, args + count);
  if (after == nullptr) return false;
  *out = {.args = args,
          .argc = count,
          .head = {begin, kFirstHeaders + size + 2},
          .consumed = static_cast<std::size_t>(after - begin)};
  arena.Commit(args + count);
  return true;
}

inline bool Parser::Again(std::string_view buffer, ArgArena& arena, Request* request) {
  const std::string_view head = request->head;
  if (buffer.size() < head.size() || arena.room() < kShortArgsMax || head.empty() ||
      !EqualBytes(buffer.data(), head.data(), head.size())) {
    return false;
  }
  std::string_view* const args = arena.next();
  std::string_view* const args_end = args + request->argc;
  const char* const begin = buffer.data();
  const char* const after =
      TakeShortBulks(begin + head.size(), begin + buffer.size(), args + 1, args_end);
  if (after == nullptr) return false;
  args[0] = request->args[0];
  request->args = args;
  request->consumed = static_cast<std::size_t>(after - begin);
  arena.Commit(args_end);
  return true;
}

}  // namespace cairn::resp

#endif  // CAIRN_RESP_PARSER_H_
