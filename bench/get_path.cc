// SPDX-License-Identifier: BSD-3-Clause
// Plain commands from bytes to reply, for an instruction counter.
//
//   get_path --command get --pipeline 16 --passes 2000 --keys 100000
//
//   --command NAME   get, set (of keys that are there), set-ex (the same with EX), get-ex (of keys
//                    that have an expiry), get-miss, set-new, del (of keys that are there)
//
// tools/callgrind-gate runs this under callgrind, which collects only inside RunCounted: reading a
// batch, parsing it, running it and handing its replies to the stream. Alone it prints nanoseconds
// a command, so that one can see whether fewer instructions are less time.
#include <algorithm>
#include <array>

#include "base/clock.h"
#include "bench/in_process_client.h"
#include "bench/measure.h"
#include "server/config.h"

namespace cairn::bench {
namespace {

using Append = void (*)(std::string& batch, std::uint64_t key);

struct Command {
  std::string_view name;
  Append append;
  Append fill;  // what stores its keys before; null: nothing is there
  std::uint64_t reply_bytes;
  bool each_once;  // each key once and in order, where it would otherwise be chosen at random
};

constexpr std::uint64_t kValueBytes = 71;  // "$64\r\n", 64 bytes, "\r\n"
constexpr std::array<Command, 7> kCommands = {{
    {"get", AppendGet, AppendSet, kValueBytes, false},
    {"get-ex", AppendGet, AppendSetEx, kValueBytes, false},
    {"get-miss", AppendGet, nullptr, std::string_view("$-1\r\n").size(), false},
    {"set", AppendSet, AppendSet, std::string_view("+OK\r\n").size(), false},
    {"set-ex", AppendSetEx, AppendSetEx, std::string_view("+OK\r\n").size(), false},
    {"set-new", AppendSet, nullptr, std::string_view("+OK\r\n").size(), true},
    {"del", AppendDel, AppendSet, std::string_view(":1\r\n").size(), true},
}};
constexpr std::uint64_t kBatchesMax = 4096;

// REQUIRES: for a command of which each is done once, that there are keys enough.
std::vector<std::string> MakeBatches(const Command& command, std::uint64_t count,
                                     std::uint64_t pipeline, std::uint64_t keys) {
  Random random(1);
  std::uint64_t next = 0;
  std::vector<std::string> batches(count);
  for (std::string& batch : batches) {
    for (std::uint64_t i = 0; i < pipeline; ++i)
      command.append(batch, command.each_once ? next++ : random.Below(keys));
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

int Run(const Command& command, const Arguments& arguments) {
  const auto pipeline = static_cast<std::uint64_t>(arguments.Int("--pipeline", 16));
  const auto passes = static_cast<std::uint64_t>(arguments.Int("--passes", 2000));
  const auto keys = static_cast<std::uint64_t>(arguments.Int("--keys", 100'000));
  CHECK(!command.each_once || passes * pipeline <= keys);
  const SystemClock clock;
  server::Config config(server::ConfigHost::Ask());
  server::Server server(config, clock);
  InProcessClient filler(server, clock, 0);
  if (command.fill != nullptr) Fill(filler, keys, command.fill);
  const std::vector<std::string> batches = MakeBatches(
      command, command.each_once ? passes : std::min(passes, kBatchesMax), pipeline, keys);
  InProcessClient client(server, clock, 1);
  const std::int64_t begin_ns = ThreadCpuNs();
  RunCounted(client, batches, passes);
  const std::int64_t took_ns = ThreadCpuNs() - begin_ns;
  CHECK(client.reply_bytes() == passes * pipeline * command.reply_bytes);
  fmt::print("commands={} ns={:.1f}\n", passes * pipeline,
             static_cast<double>(took_ns) / static_cast<double>(passes * pipeline));
  return 0;
}

}  // namespace
}  // namespace cairn::bench

int main(int argc, char** argv) {
  const cairn::bench::Arguments arguments(argc, argv);
  const std::string_view name = arguments.Text("--command", "get");
  const auto* command =
      std::ranges::find(cairn::bench::kCommands, name, &cairn::bench::Command::name);
  if (command == cairn::bench::kCommands.end()) {
    fmt::print(stderr, "get_path: --command get, get-ex, get-miss, set, set-ex, set-new or del\n");
    return 2;
  }
  return cairn::bench::Run(*command, arguments);
}
