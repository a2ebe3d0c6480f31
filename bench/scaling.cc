// SPDX-License-Identifier: BSD-3-Clause
// What a second worker adds: GET and SET by one and by two threads on one keyspace, in process.
//
//   scaling --seconds 2 --keys 1000000 --rounds 5
//
// Each thread is a worker with a connection of its own, as in the server, half GETs and half SETs
// of random keys, at a pipeline of 16. Two ratios are printed, two threads to one:
//
//   by CPU   sum of each thread's operations per second of its processor time: what the second
//            worker gives if the machine gives it a core. Locks and cache lines that are fought
//            over cost processor time and show; sleeping on a lock does not, so the sleeps are
//            counted beside it.
//   by wall  what came out on this machine as it was; right only if both cores were free.
//
// Rounds alternate between one and two threads; the medians are printed.
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "base/thread.h"
#include "bench/in_process_client.h"
#include "bench/measure.h"
#include "server/config.h"

namespace cairn::bench {
namespace {

constexpr double kScalingMin = 1.7;
constexpr std::size_t kBatches = 4096;
constexpr std::uint64_t kPipeline = 16;

struct Result {
  double by_cpu = 0;  // operations a second of processor time, summed over threads
  double by_wall = 0;
  double sleeps_per_million = 0;
};

std::int64_t VoluntarySleeps() {
  rusage usage;
  ::getrusage(RUSAGE_THREAD, &usage);
  return usage.ru_nvcsw;
}

double Median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

// One worker's thread: what it has done.
class Lane {
 public:
  Lane(server::Server& server, const Clock& clock, std::size_t number, std::uint64_t keys)
      : client_(server, clock, number), batches_(kBatches) {
    Random random(number + 1);
    for (std::string& batch : batches_) {
      for (std::uint64_t i = 0; i < kPipeline / 2; ++i) {
        AppendGet(batch, random.Below(keys));
        AppendSet(batch, random.Below(keys));
      }
    }
  }
  InProcessClient& client() { return client_; }

  void Run(const std::atomic<bool>& stop) {
    operations_ = 0;
    const std::int64_t sleeps_before = VoluntarySleeps();
    const std::int64_t begin_ns = ThreadCpuNs();
    while (!stop.load(std::memory_order_relaxed)) {
      client_.RunPass(batches_[next_++ % kBatches]);
      operations_ += kPipeline;
    }
    cpu_ns_ = ThreadCpuNs() - begin_ns;
    sleeps_ = VoluntarySleeps() - sleeps_before;
  }
  double operations() const { return static_cast<double>(operations_); }
  double per_cpu_second() const { return operations() / (static_cast<double>(cpu_ns_) / 1e9); }
  double sleeps() const { return static_cast<double>(sleeps_); }

 private:
  InProcessClient client_;
  std::vector<std::string> batches_;
  std::size_t next_ = 0;
  std::uint64_t operations_ = 0;
  std::int64_t cpu_ns_ = 1;
  std::int64_t sleeps_ = 0;
};

// Nobody notifies: only the time-out is wanted, and the measured time is read from the clock.
void WaitSeconds(double seconds) {
  const std::int64_t until = WallNs() + static_cast<std::int64_t>(seconds * 1e9);
  Event never;
  while (WallNs() < until) never.WaitFor((until - WallNs()) / 1000 + 1);
}

Result Measure(std::vector<std::unique_ptr<Lane>>& lanes, std::size_t count, double seconds) {
  std::atomic<bool> stop{false};
  std::vector<Thread> threads;
  const std::int64_t begin_ns = WallNs();
  for (std::size_t i = 0; i < count; ++i) {
    threads.emplace_back("lane-" + std::to_string(i),
                         [&stop, lane = lanes[i].get()] { lane->Run(stop); });
  }
  WaitSeconds(seconds);
  stop.store(true, std::memory_order_relaxed);
  for (Thread& thread : threads) thread.Join();
  const double wall = static_cast<double>(WallNs() - begin_ns) / 1e9;
  Result result;
  double operations = 0;
  double sleeps = 0;
  for (std::size_t i = 0; i < count; ++i) {
    result.by_cpu += lanes[i]->per_cpu_second();
    operations += lanes[i]->operations();
    sleeps += lanes[i]->sleeps();
  }
  result.by_wall = operations / wall;
  result.sleeps_per_million = sleeps / operations * 1e6;
  return result;
}

void Print(const std::vector<Result>& one, const std::vector<Result>& two) {
  const auto median = [](const std::vector<Result>& results, double Result::* figure) {
    std::vector<double> values;
    for (const Result& result : results) values.push_back(result.*figure);
    return Median(std::move(values));
  };
  const auto line = [&](std::string_view name, const std::vector<Result>& results) {
    fmt::print("{:<10}{:8.2f} M/s by CPU{:8.2f} M/s by wall{:10.2f} sleeps a million\n", name,
               median(results, &Result::by_cpu) / 1e6, median(results, &Result::by_wall) / 1e6,
               median(results, &Result::sleeps_per_million));
  };
  line("1 thread", one);
  line("2 threads", two);
  fmt::print("by wall    {:8.2f}\n", median(two, &Result::by_wall) / median(one, &Result::by_wall));
  fmt::print("verdict: throughput of two workers to one, by CPU|{:.2f}|>=|{}\n",
             median(two, &Result::by_cpu) / median(one, &Result::by_cpu), kScalingMin);
}

int Run(const Arguments& arguments) {
  const double seconds = arguments.Double("--seconds", 2);
  const std::int64_t rounds = std::max<std::int64_t>(arguments.Int("--rounds", 5), 1);
  const auto keys = static_cast<std::uint64_t>(arguments.Int("--keys", 1'000'000));
  const SystemClock clock;
  server::Config config(server::ConfigHost::Ask());
  server::Server server(config, clock);
  std::vector<std::unique_ptr<Lane>> lanes;
  for (std::size_t i = 0; i < 2; ++i) {
    lanes.push_back(std::make_unique<Lane>(server, clock, i, keys));
  }
  Fill(lanes[0]->client(), keys);
  std::vector<Result> one;
  std::vector<Result> two;
  for (std::int64_t round = 0; round < rounds; ++round) {
    one.push_back(Measure(lanes, 1, seconds));
    two.push_back(Measure(lanes, 2, seconds));
  }
  Print(one, two);
  return 0;
}

}  // namespace
}  // namespace cairn::bench

int main(int argc, char** argv) { return cairn::bench::Run(cairn::bench::Arguments(argc, argv)); }
