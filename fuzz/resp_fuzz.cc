// SPDX-License-Identifier: BSD-3-Clause
// Fuzzer of both protocol parsers: split-invariance and round trip.
//
// The first byte of the input chooses what is tested and the limits, the second seeds the cutting,
// the rest is the stream.
//   (1) Requests: the stream cut anyhow gives the same requests, error and rest as the stream in
//   one piece; each request written again as a multibulk array is parsed as itself.
//   (2) Replies: the same for values. No input may crash, hang or take memory out of proportion.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "base/random.h"
#include "resp/parser.h"
#include "resp/reply_buffer.h"
#include "resp/reply_parser.h"
#include "resp/writer.h"

namespace {

using cairn::Random;
using cairn::resp::ArgArena;
using cairn::resp::Limits;
using cairn::resp::Outcome;
using cairn::resp::Parser;
using cairn::resp::ReplyBuffer;
using cairn::resp::ReplyParser;
using cairn::resp::Request;
using cairn::resp::Value;
using cairn::resp::Writer;

using Words = std::vector<std::string>;

struct Parsed {
  std::vector<Words> requests;
  std::string error;
  std::string rest;
  bool operator==(const Parsed&) const = default;
};

struct Values {
  std::vector<Value> values;
  std::string error;
  bool operator==(const Values&) const = default;
};

// Hands `stream` over in pieces of up to `piece_max` bytes; `take` is called with the whole of what
// is not consumed, in memory of exactly that size, and answers how much it consumed.
template <class Take>
std::string Deliver(std::string_view stream, std::size_t piece_max, Random& random, Take take) {
  std::string buffer;
  do {
    const std::size_t piece = piece_max == 0 ? stream.size() : 1 + random.Below(piece_max);
    buffer += stream.substr(0, piece);
    stream.remove_prefix(std::min(piece, stream.size()));
    const std::vector<char> exact(buffer.begin(), buffer.end());
    buffer.erase(0, take(std::string_view(exact.data(), exact.size())));
  } while (!stream.empty());
  return buffer;
}

Parsed ParseRequests(std::string_view stream, std::size_t piece_max, Random& random,
                     const Limits& limits) {
  Parser parser;
  ArgArena arena;
  Parsed parsed;
  parsed.rest = Deliver(stream, piece_max, random, [&](std::string_view buffer) {
    std::size_t consumed = 0;
    Request request;
    for (;;) {
      const std::string_view rest = buffer.substr(consumed);
      const Outcome outcome = parser.Again(rest, arena, &request)
                                  ? Outcome::kRequest
                                  : parser.Next(rest, limits, arena, &request);
      consumed += request.consumed;
      CHECK(consumed <= buffer.size());
      if (outcome == Outcome::kError) parsed.error = parser.error();
      if (outcome != Outcome::kRequest) break;
      CHECK(request.argc > 0);
      parsed.requests.emplace_back(request.args, request.args + request.argc);
    }
    CHECK(parser.allocated_bytes() <= 64 * buffer.size() + 4096);
    arena.Reset();
    return consumed;
  });
  return parsed;
}

void CheckRoundTrip(const Words& words) {
  ReplyBuffer buffer;
  Writer out(buffer, 2);
  out.Array(words.size());
  for (const std::string& word : words) out.Bulk(word);
  Random random(1);
  const Parsed again = ParseRequests(buffer.ToString(), 0, random, Limits{});
  CHECK(again.requests.size() == 1);
  CHECK(again.requests[0] == words);
  CHECK(again.rest.empty());
}

Values ParseValues(std::string_view stream, std::size_t piece_max, Random& random,
                   const ReplyParser::Limits& limits) {
  ReplyParser parser(limits);
  Values parsed;
  Deliver(stream, piece_max, random, [&](std::string_view buffer) {
    std::size_t consumed = 0;
    for (;;) {
      Value value;
      const auto outcome = parser.Next(buffer.substr(consumed), &value);
      consumed += parser.consumed();
      CHECK(consumed <= buffer.size());
      if (outcome == ReplyParser::Outcome::kError) parsed.error = parser.error();
      if (outcome != ReplyParser::Outcome::kValue) break;
      parsed.values.push_back(std::move(value));
    }
    return consumed;
  });
  return parsed;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::uint8_t mode = data[0];
  Random random(data[1]);
  const std::string_view stream(reinterpret_cast<const char*>(data) + 2, size - 2);
  const std::size_t piece_max = (mode & 2) != 0 ? 1 : 24;
  if ((mode & 1) != 0) {
    const ReplyParser::Limits limits{.depth_max = 8,
                                     .bulk_bytes_max = 1 << 16,
                                     .line_bytes_max = (mode & 4) != 0 ? 16U : 1U << 16,
                                     .elements_max = (mode & 8) != 0 ? 10U : 1U << 16};
    CHECK(ParseValues(stream, 0, random, limits) == ParseValues(stream, piece_max, random, limits));
    return 0;
  }
  const Limits limits{.bulk_bytes_max = (mode & 4) != 0 ? 64 : 1 << 20,
                      .inline_bytes_max = (mode & 8) != 0 ? 32U : 1U << 16,
                      .authenticated = (mode & 16) == 0};
  const Parsed whole = ParseRequests(stream, 0, random, limits);
  CHECK(whole == ParseRequests(stream, piece_max, random, limits));
  for (const Words& words : whole.requests) CheckRoundTrip(words);
  return 0;
}
