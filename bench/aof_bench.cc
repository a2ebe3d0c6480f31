// SPDX-License-Identifier: BSD-3-Clause
// What the AOF costs: processor time a SET on the worker's side and on the writer's, and how many
// replies a second `appendfsync always` lets go.
//
//   aof_bench --dir /tmp/aof --records 3000000 --clients 50
//
// The worker's side is what a command does for the log: credit, the record, credit back. Everything
// else of a SET is left out, so the figures add to it. The two sides run on a thread each; their
// processor time is the process's less the worker's own. For group commit one thread stands for all
// clients: it appends one record each, waits until the last is durable, and begins again.
#include <sys/resource.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "bench/measure.h"
#include "persist/aof_files.h"
#include "persist/aof_writer.h"

namespace cairn::bench {
namespace {

using persist::AofFiles;
using persist::AofWriter;
using persist::FsyncPolicy;

// Of all threads, in the kernel.
double SystemSeconds() {
  rusage usage;
  ::getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_stime.tv_sec) +
         static_cast<double>(usage.ru_stime.tv_usec) / 1e6;
}

// A SET as a worker logs it.
class Worker {
 public:
  explicit Worker(log::CommandLog& log) : log_(log) {
    for (std::uint64_t i = 0; i < kKeys; ++i)
      keys_.push_back("key:" + std::to_string(100'000'000'000 + i));
  }

  Lsn Set(std::uint64_t number) {
    const std::array<std::string_view, 3> args = {"SET", keys_[number % kKeys], value_};
    if (!log_.active()) return {};
    const std::size_t credit = 2 * log::CommandLog::RecordBytes(args) + 1024;
    while (!log_.TakeCredit(credit)) {
      ++waits;
      log_.WaitForRoom(10'000);
    }
    const Lsn end = log_.Append(DbId(0), args);
    log_.ReturnCredit(credit);
    return end;
  }

  std::uint64_t waits = 0;

 private:
  static constexpr std::uint64_t kKeys = 1024;

  log::CommandLog& log_;
  std::vector<std::string> keys_;
  const std::string value_ = std::string(64, 'v');
};

struct Costs {
  double worker_ns;
  double writer_ns;
  double kernel_ns;  // of both
  double wall_ns;
};

// `rate`: records a millisecond, so that the worker does not outrun the disk; 0: as fast as it can.
Costs Measure(Worker& worker, std::uint64_t records, std::uint64_t rate) {
  const std::int64_t own_ns = ThreadCpuNs();
  const std::int64_t all_ns = ClockNs(CLOCK_PROCESS_CPUTIME_ID);
  const double kernel_s = SystemSeconds();
  const std::int64_t begin_ns = WallNs();
  Event nap;
  for (std::uint64_t i = 0; i < records; ++i) {
    worker.Set(i);
    if (rate == 0 || i % rate != 0) continue;
    nap.WaitFor(1000);
  }
  const auto count = static_cast<double>(records);
  const auto worker_ns = static_cast<double>(ThreadCpuNs() - own_ns);
  return {.worker_ns = worker_ns / count,
          .writer_ns =
              (static_cast<double>(ClockNs(CLOCK_PROCESS_CPUTIME_ID) - all_ns) - worker_ns) / count,
          .kernel_ns = (SystemSeconds() - kernel_s) * 1e9 / count,
          .wall_ns = static_cast<double>(WallNs() - begin_ns) / count};
}

void Print(const char* what, const Costs& costs, std::uint64_t waits) {
  std::printf(
      "%-18s worker %6.1f  writer %6.1f  (kernel %6.1f)  wall %7.1f ns a record, waits %llu\n",
      what, costs.worker_ns, costs.writer_ns, costs.kernel_ns, costs.wall_ns,
      static_cast<unsigned long long>(waits));
}

void GroupCommit(log::CommandLog& log, Worker& worker, AofWriter& writer, Event& moved,
                 std::uint64_t clients) {
  constexpr MonotonicUs kRunUs = 3'000'000;
  const SystemClock clock;
  const MonotonicUs begin = clock.NowMonotonicUs();
  std::uint64_t rounds = 0;
  while (clock.NowMonotonicUs() - begin < kRunUs) {
    for (std::uint64_t i = 0; i < clients; ++i) worker.Set(i);
    const Lsn end = log.end();
    writer.Hurry();
    while (writer.durable() < end) moved.WaitFor(10'000);
    ++rounds;
  }
  const double seconds = static_cast<double>(clock.NowMonotonicUs() - begin) / 1e6;
  std::printf("always, %3llu clients    %.0f replies/s, %.0f syncs/s\n",
              static_cast<unsigned long long>(clients),
              static_cast<double>(rounds * clients) / seconds,
              static_cast<double>(rounds) / seconds);
}

void Run(const std::string& directory, std::uint64_t records, std::uint64_t clients) {
  io::SystemDisk disk;
  const SystemClock clock;
  log::CommandLog log;
  Worker worker(log);
  Print("without a reader", Measure(worker, records, 0), worker.waits);
  auto files = AofFiles::Open(disk, {.directory = directory});
  auto file = files ? (*files)->OpenIncrement("", persist::BaseFormat::kRdb)
                    : Result<std::unique_ptr<io::File>>(std::unexpected(files.error()));
  if (!file) {
    std::fprintf(stderr, "%s\n", std::string(file.error().message()).c_str());
    return;
  }
  Event moved;
  AofWriter writer(log.Attach(log::Lag::kMustKeep), std::move(*file), clock,
                   {.policy = FsyncPolicy::kEverySecond, .on_progress = [&] { moved.Notify(); }});
  writer.Start();
  Print("everysec, 0.5 M/s", Measure(worker, records, 500), worker.waits);
  worker.waits = 0;
  Print("everysec, flat out", Measure(worker, records, 0), worker.waits);
  writer.set_policy(FsyncPolicy::kAlways);
  GroupCommit(log, worker, writer, moved, 1);
  GroupCommit(log, worker, writer, moved, clients);
  const Status stopped = writer.Stop();
  std::printf("stopped: %s\n", std::string(stopped.message()).c_str());
}

}  // namespace
}  // namespace cairn::bench

int main(int argc, char** argv) {
  const cairn::bench::Arguments arguments(argc, argv);
  const std::string directory(arguments.Text("--dir", "/tmp/cairn-aof-bench"));
  const std::int64_t records = arguments.Int("--records", 3'000'000);
  const std::int64_t clients = arguments.Int("--clients", 50);
  if (records < 1 || clients < 1) return 2;
  std::filesystem::create_directories(directory);
  cairn::bench::Run(directory, static_cast<std::uint64_t>(records),
                    static_cast<std::uint64_t>(clients));
  return 0;
}
