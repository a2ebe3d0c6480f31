// SPDX-License-Identifier: BSD-3-Clause
// Text from samples. The graph scales durations to twelve levels, three signs in each of four rows,
// and writes each sample's age from top to bottom beneath its column; 80 samples make a block.
#include "server/latency_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

namespace cairn::server {
namespace {

constexpr std::size_t kGraphColumns = 80;
constexpr std::int64_t kGraphRows = 4;
// What stands in a row, from its lower edge to its upper.
constexpr std::string_view kLevels = "_-`";

struct Range {
  std::int64_t low_ms;
  std::int64_t high_ms;
};

Range RangeOf(std::span<const LatencySample> samples) {
  Range range{samples[0].duration_ms, samples[0].duration_ms};
  for (const LatencySample& sample : samples) {
    range.low_ms = std::min(range.low_ms, sample.duration_ms);
    range.high_ms = std::max(range.high_ms, sample.duration_ms);
  }
  return range;
}

std::string AgeLabel(std::int64_t seconds) {
  seconds = std::max<std::int64_t>(0, seconds);
  if (seconds < 60) return fmt::format("{}s", seconds);
  if (seconds < 3600) return fmt::format("{}m", seconds / 60);
  if (seconds < 86400) return fmt::format("{}h", seconds / 3600);
  return fmt::format("{}d", seconds / 86400);
}

void AppendRows(std::string& graph, std::span<const LatencySample> samples, Range range) {
  const auto levels = static_cast<std::int64_t>(kLevels.size());
  const std::int64_t span_ms = std::max<std::int64_t>(1, range.high_ms - range.low_ms);
  for (std::int64_t row = kGraphRows - 1; row >= 0; --row) {
    for (const LatencySample& sample : samples) {
      const std::int64_t level =
          (sample.duration_ms - range.low_ms) * (levels * kGraphRows - 1) / span_ms;
      graph += level / levels == row ? kLevels[static_cast<std::size_t>(level % levels)] : ' ';
    }
    graph += '\n';
  }
}

void AppendLabels(std::string& graph, std::span<const LatencySample> samples,
                  std::int64_t now_seconds) {
  std::vector<std::string> labels;
  std::size_t height = 0;
  for (const LatencySample& sample : samples) {
    labels.push_back(AgeLabel(now_seconds - sample.unix_seconds));
    height = std::max(height, labels.back().size());
  }
  graph.append(samples.size(), ' ');
  graph += '\n';
  for (std::size_t line = 0; line < height; ++line) {
    for (const std::string& label : labels) graph += line < label.size() ? label[line] : ' ';
    graph += '\n';
  }
}

std::string Advice(std::int64_t threshold_ms, std::int64_t slowlog_slower_than_us) {
  std::string advice = "\nWhat may help:\n\n";
  if (slowlog_slower_than_us < 0) {
    advice += "- The slow log is off. 'CONFIG SET slowlog-log-slower-than " +
              std::to_string(threshold_ms * 1000) +
              "' makes it tell which commands are the slow ones.\n";
  } else if (slowlog_slower_than_us > threshold_ms * 1000) {
    advice +=
        "- The slow log only takes commands slower than what is watched here. 'CONFIG SET "
        "slowlog-log-slower-than " +
        std::to_string(threshold_ms * 1000) + "' brings the two together.\n";
  }
  advice +=
      "- SLOWLOG GET shows the commands that took long, with their arguments.\n"
      "- A command over many keys or a large value holds its stripes for as long as it runs: cut "
      "it into smaller ones, and use SCAN instead of KEYS.\n"
      "- If no command explains the spikes, look at the machine: too few processors for the "
      "workers (io-threads), swapping, or a noisy neighbour.\n";
  return advice;
}

}  // namespace

std::string LatencyGraph(const LatencyEvent& event, std::int64_t now_seconds) {
  const std::span<const LatencySample> samples = event.samples;
  const Range range = RangeOf(samples);
  std::string graph = fmt::format("{} - high {} ms, low {} ms (all time high {} ms)\n", event.name,
                                  range.high_ms, range.low_ms, event.max_ms);
  graph.append(kGraphColumns, '-');
  graph += '\n';
  for (std::size_t begin = 0; begin < samples.size(); begin += kGraphColumns) {
    if (begin > 0) graph += '\n';
    const auto part = samples.subspan(begin, std::min(kGraphColumns, samples.size() - begin));
    AppendRows(graph, part, range);
    AppendLabels(graph, part, now_seconds);
  }
  return graph;
}

LatencySummary Summarize(const LatencyEvent& event, std::int64_t now_seconds) {
  const auto count = static_cast<std::int64_t>(event.samples.size());
  std::int64_t sum = 0;
  for (const LatencySample& sample : event.samples) sum += sample.duration_ms;
  LatencySummary summary;
  summary.average_ms = sum / count;
  std::int64_t deviations = 0;
  for (const LatencySample& sample : event.samples)
    deviations += std::abs(sample.duration_ms - summary.average_ms);
  summary.mean_deviation_ms = deviations / count;
  summary.period_s = static_cast<double>(now_seconds - event.samples.front().unix_seconds) /
                     static_cast<double>(count);
  return summary;
}

std::string LatencyDoctor(std::span<const LatencyEvent> events, std::int64_t threshold_ms,
                          std::int64_t slowlog_slower_than_us, std::int64_t now_seconds) {
  if (threshold_ms == 0) {
    return "Nobody is watching latency here. 'CONFIG SET latency-monitor-threshold "
           "<milliseconds>' starts the watch; come back when it has run for a while.\n";
  }
  if (events.empty())
    return fmt::format(
        "No event took longer than {} ms since the watch began. There is nothing to treat.\n",
        threshold_ms);
  std::string report = "These events took longer than they should:\n\n";
  int number = 0;
  for (const LatencyEvent& event : events) {
    const LatencySummary summary = Summarize(event, now_seconds);
    report += fmt::format(
        "{}. {}: {} latency spikes (average {}ms, mean deviation {}ms, period {:.2f} sec). Worst "
        "all time event {}ms.\n",
        ++number, event.name, event.samples.size(), summary.average_ms, summary.mean_deviation_ms,
        summary.period_s, event.max_ms);
  }
  return report + Advice(threshold_ms, slowlog_slower_than_us);
}

// Redis's buckets end at 1024 ns times a power of two, and are named by the largest value that its
// histogram of two digits cannot tell from that: 1/128 more.
std::vector<std::pair<std::int64_t, std::int64_t>> CumulativeHistogram(
    const CommandTotals& totals) {
  std::vector<std::pair<std::int64_t, std::int64_t>> cumulative;
  std::int64_t count = 0;
  std::int64_t reported = 0;
  std::uint64_t end_ns = 1024;
  const auto close = [&] {
    if (count > reported) {
      cumulative.emplace_back(static_cast<std::int64_t>((end_ns + end_ns / 128 - 1) / 1000), count);
    }
    reported = count;
  };
  for (std::size_t bucket = 0; bucket < totals.histogram.size(); ++bucket) {
    while (command::LatencyHistogram::UpperBoundNs(static_cast<int>(bucket)) >= end_ns) {
      close();
      end_ns *= 2;
    }
    count += totals.histogram[bucket];
  }
  close();
  return cumulative;
}

}  // namespace cairn::server
