// SPDX-License-Identifier: BSD-3-Clause
// What the protocol costs: nanoseconds for parsing a request and for writing a reply.
//
//   resp_bench [rounds]        (default 200000; one round is a batch of 32)
//
// For instructions, which are the same on a busy machine:
//   valgrind --tool=callgrind build/release/bin/resp_bench 1000
#include <fmt/core.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/text.h"
#include "resp/parser.h"
#include "resp/reply_buffer.h"
#include "resp/writer.h"

namespace cairn::resp {
namespace {

constexpr std::size_t kBatch = 32;
constexpr int kRoundsDefault = 200'000;

std::string Pipeline(std::string_view command, std::size_t pairs) {
  const std::string value = command == "GET" ? "" : "$64\r\n" + std::string(64, 'v') + "\r\n";
  const std::size_t argc = 1 + pairs * (value.empty() ? 1 : 2);
  std::string one = fmt::format("*{}\r\n${}\r\n{}\r\n", argc, command.size(), command);
  for (std::size_t i = 0; i < pairs; ++i) one += "$16\r\n0123456789abcdef\r\n" + value;
  std::string all;
  for (std::size_t i = 0; i < kBatch; ++i) all += one;
  return all;
}

template <class Body>
void Measure(std::string_view name, int rounds, Body body) {
  const SystemClock clock;
  const MonotonicUs begin = clock.NowMonotonicUs();
  std::size_t sum = 0;
  for (int round = 0; round < rounds; ++round) sum += body();
  const auto us = static_cast<double>(clock.NowMonotonicUs() - begin);
  const double operations = static_cast<double>(rounds) * static_cast<double>(kBatch);
  fmt::print("{:24} {:7.1f} ns/op   (checksum {})\n", name, us * 1000 / operations, sum);
}

void MeasureParsing(std::string_view name, int rounds, const std::string& stream) {
  Parser parser;
  ArgArena arena;
  const Limits limits;
  Measure(name, rounds, [&] {
    arena.Reset();
    std::size_t sum = 0;
    std::string_view rest = stream;
    for (Request request; parser.Next(rest, limits, arena, &request) == Outcome::kRequest;) {
      rest.remove_prefix(request.consumed);
      sum += request.args[request.argc - 1].size();
    }
    return sum;
  });
}

void MeasureWriting(std::string_view name, int rounds, std::size_t value_bytes) {
  ReplyBuffer buffer;
  const std::string value(value_bytes, 'v');
  Measure(name, rounds, [&] {
    Writer out(buffer, 2);
    for (std::size_t i = 0; i < kBatch; ++i) out.Bulk(value);
    const std::size_t pending = buffer.pending_bytes();
    buffer.Consume(pending);
    return pending;
  });
}

}  // namespace
}  // namespace cairn::resp

int main(int argc, char** argv) {
  using namespace cairn::resp;
  const auto asked = cairn::ParseInt64(argc > 1 ? argv[1] : "");
  const int rounds = asked ? static_cast<int>(*asked) : kRoundsDefault;
  MeasureParsing("parse GET", rounds, Pipeline("GET", 1));
  MeasureParsing("parse SET of 64", rounds, Pipeline("SET", 1));
  MeasureParsing("parse MSET of 10 x 64", rounds, Pipeline("MSET", 10));
  MeasureWriting("write bulk of 64", rounds, 64);
  MeasureWriting("write bulk of 1000", rounds, 1000);
}
