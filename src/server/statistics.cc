// SPDX-License-Identifier: BSD-3-Clause
// Adding up what each worker, and each thread of the lane, counted for itself. The workers go on
// while they are read, so sums of different figures may be of moments that are microseconds apart;
// Redis, with one thread, has no such gap, and nothing that INFO reports depends on it.
#include "server/statistics.h"

#include "server/server.h"
#include "server/worker.h"

namespace cairn::server {
namespace {

// Every thread that runs clients' commands.
std::vector<command::CommandStats*> AllStats(Server& server) {
  std::vector<command::CommandStats*> all;
  for (const std::unique_ptr<Worker>& worker : server.workers())
    for (command::Runner* runner : worker->runners()) all.push_back(&runner->stats());
  for (const std::unique_ptr<command::Runner>& runner : server.engine().lane()->runners())
    all.push_back(&runner->stats());
  return all;
}

CommandTotals TotalsOf(Server& server, const command::CommandTable::Command& command) {
  CommandTotals totals;
  totals.full_name = command.full_name;
  for (command::CommandStats* of_thread : AllStats(server)) {
    command::CommandStats::PerCommand& stats = of_thread->at(command.index);
    totals.calls += stats.calls.value();
    totals.ns += stats.ns.value();
    totals.rejected += stats.rejected.value();
    totals.failed += stats.failed.value();
    // acquire: the histogram was made by the worker.
    if (const command::LatencyHistogram* histogram =
            stats.histogram.load(std::memory_order_acquire)) {
      AddHistogram(*histogram, totals.histogram);
    }
  }
  return totals;
}

void Reset(command::CommandStats& stats) {
  for (std::uint32_t i = 0; i < stats.size(); ++i) {
    command::CommandStats::PerCommand& command = stats.at(i);
    for (Counter* counter : {&command.calls, &command.ns, &command.rejected, &command.failed})
      counter->Set(0);
    if (command::LatencyHistogram* histogram = command.histogram.load(std::memory_order_acquire))
      histogram->Reset();
  }
  stats.total_errors.Set(0);
}

}  // namespace

std::vector<CommandTotals> TotalsByCommand(Server& server) {
  std::vector<CommandTotals> all;
  for (const command::CommandTable::Command& command : server.engine().table().all()) {
    CommandTotals totals = TotalsOf(server, command);
    if (totals.calls > 0 || totals.rejected > 0 || totals.failed > 0)
      all.push_back(std::move(totals));
  }
  return all;
}

double PercentileUs(const CommandTotals& totals, double percent) {
  return static_cast<double>(PercentileNs(totals.histogram, percent)) / 1000;
}

TrafficTotals Traffic(Server& server) {
  TrafficTotals totals;
  for (command::CommandStats* stats : AllStats(server)) {
    totals.commands += stats->total_calls();
    totals.errors += stats->total_errors.value();
    totals.changes += stats->changes.value();
  }
  for (const std::unique_ptr<Worker>& worker : server.workers()) {
    totals.input_bytes += worker->counters().input_bytes.value();
    totals.output_bytes += worker->counters().output_bytes.value();
    totals.passes += worker->counters().passes.value();
  }
  return totals;
}

std::int64_t Changes(Server& server) {
  std::int64_t changes = server.engine().keyspace().purges().changes();
  for (command::CommandStats* stats : AllStats(server)) changes += stats->changes.value();
  return changes;
}

void ResetStatistics(Server& server) {
  for (command::CommandStats* stats : AllStats(server)) Reset(*stats);
  for (const std::unique_ptr<Worker>& worker : server.workers()) {
    worker->counters().input_bytes.Set(0);
    worker->counters().output_bytes.Set(0);
    worker->counters().passes.Set(0);
  }
  server.engine().keyspace().ResetStatistics();
  server.engine().shared().errors.Reset();
  server.engine().shared().key_statistics.ResetHotKeys();
  server.engine().shared().key_statistics.ResetPrefixes();
  ServerCounters& counters = server.counters();
  for (SharedCounter* counter :
       {&counters.connections_received, &counters.connections_rejected, &counters.protocol_errors,
        &counters.query_buffer_disconnections, &counters.output_limit_disconnections}) {
    counter->Set(0);
  }
}

}  // namespace cairn::server
