// SPDX-License-Identifier: BSD-3-Clause
// A simulation of one's own caching code: two processes, a row that changes, a network that loses
// replies. From each of some seeds; whether an old row was read after its invalidation had been
// answered, the history says.
//
//   example_simulation [number of seeds]
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>

#include "cairn/cache.h"
#include "cairn/testkit/history.h"
#include "cairn/testkit/network.h"
#include "cairn/testkit/seeded_random.h"

using namespace cairn::cache;
using namespace std::chrono_literals;

namespace {

using Rows = TypedCache<int, Key<"row:{*}", int>>;
using Kind = Operation::Kind;

// One run. The "database" is a version.
class Run {
 public:
  explicit Run(std::uint64_t seed) : random_(seed) {
    const LinkOptions link{.slow_part = 0.1, .break_reply_part = 0.02, .timeout = 200ms};
    network_ = Network::Open(time_, {.seed = seed, .link = link}).value();
  }

  Violation Go() {
    for (const char* name : {"a", "b"}) {
      const Rows rows(network_->Join(name), {.policy = {.ttl = 1min}});
      Detach(Read(name, rows));
      Detach(Write(name, rows));
    }
    time_.Advance(2s);
    network_->Partition("b");
    time_.Advance(300ms);
    network_->Heal("b");
    time_.Advance(2s);
    is_over_ = true;
    time_.Advance(10s);
    return history_.CheckFreshness(0ms);
  }

 private:
  Task<void> Read(std::string client, Rows rows) {
    const auto loader = [this](Rows::Loading& context) -> Task<Result<std::optional<int>>> {
      const int row = row_;
      co_await Sleep(time_, random_.Between(0ms, 50ms));
      context.version = row;
      co_return row;
    };
    while (!is_over_) {
      co_await Sleep(time_, random_.Between(0ms, 20ms));
      const auto read = history_.Begin({.kind = Kind::kRead, .client = client, .key = "row"});
      const Result<Entry<int>> entry = co_await rows.CoGetOrLoad(1, loader);
      if (entry) history_.End(read, {.number = entry->value.value_or(0)});
    }
  }

  Task<void> Write(std::string client, Rows rows) {
    while (!is_over_) {
      co_await Sleep(time_, random_.Between(0ms, 200ms));
      const int version = ++row_;  // the commit
      const auto told = history_.Begin(
          {.kind = Kind::kInvalidate, .client = client, .key = "row", .number = version});
      const Result<Mark> mark = co_await rows.CoInvalidate(1, version);
      history_.End(told, {.fate = mark ? Operation::Fate::kOk : Operation::Fate::kUnknown});
    }
  }

  VirtualTime time_;
  SeededRandom random_;
  History history_{time_};
  std::unique_ptr<Network> network_;
  int row_ = 1;
  bool is_over_ = false;
};

}  // namespace

int main(int argument_count, char** arguments) {
  const int seeds =
      argument_count > 1 ? static_cast<int>(std::strtol(arguments[1], nullptr, 10)) : 20;
  for (int seed = 1; seed <= seeds; ++seed) {
    if (const Violation violation = Run(static_cast<std::uint64_t>(seed)).Go()) {
      std::printf("seed %d: %s\n", seed, violation->c_str());
      return 1;
    }
  }
  std::printf("%d seeds: no row was read that had been invalidated\n", seeds);
  return 0;
}
