// SPDX-License-Identifier: BSD-3-Clause
// GETs from bytes to reply, for an instruction counter.
//
//   get_path --pipeline 16 --passes 2000 --keys 100000
//
// tools/callgrind-gate runs this under callgrind, which collects only inside RunCounted: reading a
// batch, parsing it, running it and handing its replies to the stream. Everything hits; keys are
// random. Alone it prints nanoseconds a GET, so that one can see whether fewer instructions are
// less time.
#include <algorithm>

#include "base/clock.h"
#include "bench/in_process_client.h"
#include "bench/measure.h"
#include "server/config.h"

namespace cairn::bench {
namespace {

constexpr std::uint64_t kReplyBytes = 71;  // "$64\r\n", 64 bytes, "\r\n"
constexpr std::uint64_t kBatchesMax = 4096;

std::vector<std::string> MakeBatches(std::uint64_t count, std::uint64_t pipeline,
                                     std::uint64_t keys) {
  Random random(1);
  std::vector<std::string> batches(count);
  for (std::string& batch : batches) {
    for (std::uint64_t i = 0; i < pipeline; ++i) AppendGet(batch, random.Below(keys));
  }
  return batches;
}

// What is counted. Its own loop costs some ten instructions a batch.
[[gnu::noinline]] void RunCounted(InProcessClient& client, const std::vector<std::string>& batches,
                                  std::uint64_t passes) {
  for (std::uint64_t pass = 0; pass < passes; ++pass) {
    client.RunPass(batches[pass % batches.size()]);
  }
}

int Run(const Arguments& arguments) {
  const auto pipeline = static_cast<std::uint64_t>(arguments.Int("--pipeline", 16));
  const auto passes = static_cast<std::uint64_t>(arguments.Int("--passes", 2000));
  const auto keys = static_cast<std::uint64_t>(arguments.Int("--keys", 100'000));
  const SystemClock clock;
  server::Config config(server::ConfigHost::Ask());
  server::Server server(config, clock);
  InProcessClient filler(server, clock, 0);
  Fill(filler, keys);
  const std::vector<std::string> batches =
      MakeBatches(std::min(passes, kBatchesMax), pipeline, keys);
  InProcessClient client(server, clock, 1);
  const std::int64_t begin_ns = ThreadCpuNs();
  RunCounted(client, batches, passes);
  const std::int64_t took_ns = ThreadCpuNs() - begin_ns;
  CHECK(client.reply_bytes() == passes * pipeline * kReplyBytes);
  fmt::print("gets={} ns={:.1f}\n", passes * pipeline,
             static_cast<double>(took_ns) / static_cast<double>(passes * pipeline));
  return 0;
}

}  // namespace
}  // namespace cairn::bench

int main(int argc, char** argv) { return cairn::bench::Run(cairn::bench::Arguments(argc, argv)); }
