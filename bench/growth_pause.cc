// SPDX-License-Identifier: BSD-3-Clause
// The longest single SET while the keyspace grows.
//
//   growth_pause --keys 10000000
//
// Processor time of the thread around each command, so that a thread that had to wait for its core
// does not look like a pause; but what interrupts it on the core (interrupts, the host beneath a
// virtual machine) does. Therefore the same growth is run several times, with the same keys and the
// same hash seed: a pause of our own comes back at the same key, an interruption does not, and of
// each key's steps the shortest counts. The longest step of each round is shown beside it.
#include <fmt/core.h>

#include <algorithm>
#include <numeric>
#include <vector>

#include "base/check.h"
#include "bench/measure.h"
#include "engine/engine.h"

namespace cairn::bench {
namespace {

constexpr int kPauseMsMax = 1;
constexpr int kRounds = 3;
constexpr std::size_t kShown = 5;
constexpr std::uint64_t kHashSeed = 1;

class GrowthPause {
 public:
  explicit GrowthPause(std::size_t keys) : shortest_ns_(keys, UINT32_MAX) {}

  void Run() {
    for (int round = 0; round < kRounds; ++round) Grow();
    Print();
  }

 private:
  void Grow() {
    engine::Engine engine({.hash_seed = kHashSeed});
    const auto session = engine.NewSession();
    const std::string value(64, 'v');
    std::string key;
    std::uint32_t longest_ns = 0;
    std::int64_t before_ns = ThreadCpuNs();
    for (std::size_t i = 0; i < shortest_ns_.size(); ++i) {
      key.clear();
      fmt::format_to(std::back_inserter(key), "key:{:012}", i);
      CHECK(session->Execute({"SET", key, value}) == "+OK\r\n");
      const std::int64_t taken_ns = ThreadCpuNs() - before_ns;
      const auto ns = static_cast<std::uint32_t>(std::min<std::int64_t>(taken_ns, UINT32_MAX));
      shortest_ns_[i] = std::min(shortest_ns_[i], ns);
      longest_ns = std::max(longest_ns, ns);
      before_ns = ThreadCpuNs();
    }
    fmt::print("a round's longest {:10.1f} us, interruptions included\n", longest_ns / 1e3);
  }

  void Print() {
    const std::size_t keys = shortest_ns_.size();
    std::vector<std::size_t> at(keys);
    std::iota(at.begin(), at.end(), std::size_t{0});
    std::ranges::sort(at, {}, [this](std::size_t key) { return shortest_ns_[key]; });
    for (const double share : {0.5, 0.99, 0.9999, 0.999999}) {
      const auto place = static_cast<std::size_t>(static_cast<double>(keys - 1) * share);
      fmt::print("p{:<10g}{:10.1f} us\n", share * 100, shortest_ns_[at[place]] / 1e3);
    }
    for (std::size_t i = 1; i <= std::min(kShown, keys); ++i) {
      fmt::print("longest    {:10.1f} us at {} keys\n", shortest_ns_[at[keys - i]] / 1e3,
                 at[keys - i]);
    }
    fmt::print("verdict: ms of the longest SET up to {} M keys|{:.3f}|<=|{}\n", keys / 1'000'000,
               shortest_ns_[at.back()] / 1e6, kPauseMsMax);
  }

  std::vector<std::uint32_t> shortest_ns_;  // of each key's SET, over the rounds
};

}  // namespace
}  // namespace cairn::bench

int main(int argc, char** argv) {
  const cairn::bench::Arguments arguments(argc, argv);
  const std::int64_t keys = arguments.Int("--keys", 10'000'000);
  if (keys < 1) return 2;
  cairn::bench::GrowthPause(static_cast<std::size_t>(keys)).Run();
  return 0;
}
