// SPDX-License-Identifier: BSD-3-Clause
// The longest single SET while the keyspace grows.
//
//   growth_pause --keys 10000000
//
// Processor time of the thread around each command, so that a thread that had to wait for its core
// does not look like a pause; but what interrupts it on the core (interrupts, the host beneath a
// virtual machine) does. The longest few are shown with where they came: a pause of our own comes
// back at the same number of keys in the next run, an interruption does not.
#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <vector>

#include "base/check.h"
#include "bench/measure.h"
#include "engine/engine.h"

namespace cairn::bench {
namespace {

constexpr int kPauseMsMax = 1;
constexpr std::size_t kShown = 5;

struct Step {
  std::int64_t ns = 0;
  std::uint64_t keys = 0;  // how many there were
};

class GrowthPause {
 public:
  explicit GrowthPause(std::uint64_t keys) : keys_(keys) { steps_.reserve(keys); }

  void Run() {
    const auto session = engine_.NewSession();
    const std::string value(64, 'v');
    std::string key;
    std::int64_t before_ns = ThreadCpuNs();
    for (std::uint64_t i = 0; i < keys_; ++i) {
      key.clear();
      fmt::format_to(std::back_inserter(key), "key:{:012}", i);
      CHECK(session->Execute({"SET", key, value}) == "+OK\r\n");
      const std::int64_t after_ns = ThreadCpuNs();
      Note({.ns = after_ns - before_ns, .keys = i});
      before_ns = ThreadCpuNs();
    }
    Print();
  }

 private:
  void Note(const Step& step) {
    steps_.push_back(static_cast<std::uint32_t>(std::min<std::int64_t>(step.ns, UINT32_MAX)));
    if (step.ns <= longest_.back().ns) return;
    longest_.back() = step;
    std::ranges::sort(longest_, std::ranges::greater(), &Step::ns);
  }

  void Print() {
    std::ranges::sort(steps_);
    for (const double share : {0.5, 0.99, 0.9999, 0.999999}) {
      const auto place = static_cast<std::size_t>(static_cast<double>(keys_ - 1) * share);
      fmt::print("p{:<10g}{:10.1f} us\n", share * 100, steps_[place] / 1e3);
    }
    for (const Step& step : longest_) {
      fmt::print("longest    {:10.1f} us at {} keys\n", static_cast<double>(step.ns) / 1e3,
                 step.keys);
    }
    fmt::print("verdict: ms of the longest SET up to {} M keys|{:.3f}|<=|{}\n", keys_ / 1'000'000,
               static_cast<double>(longest_.front().ns) / 1e6, kPauseMsMax);
  }

  const std::uint64_t keys_;
  engine::Engine engine_{{}};
  std::vector<std::uint32_t> steps_;
  std::array<Step, kShown> longest_;
};

}  // namespace
}  // namespace cairn::bench

int main(int argc, char** argv) {
  const cairn::bench::Arguments arguments(argc, argv);
  const std::int64_t keys = arguments.Int("--keys", 10'000'000);
  if (keys < 1) return 2;
  cairn::bench::GrowthPause(static_cast<std::uint64_t>(keys)).Run();
  return 0;
}
