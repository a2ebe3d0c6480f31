// SPDX-License-Identifier: BSD-3-Clause
// A family's samples stand together, so families are the outer loop.
#include "cairn/metrics.h"

#include <functional>

namespace cairn::cache {
namespace {

std::string Escaped(std::string_view label) {
  std::string escaped;
  for (const char byte : label) {
    if (byte == '\\' || byte == '"') escaped += '\\';
    if (byte == '\n') {
      escaped += "\\n";
    } else {
      escaped += byte;
    }
  }
  return escaped;
}

class Writer {
 public:
  void Family(std::string_view name, std::string_view type, std::string_view help) {
    name_ = "cairn_cache_" + std::string(name);
    text_ += "# HELP " + name_ + " " + std::string(help) + "\n# TYPE " + name_ + " " +
             std::string(type) + "\n";
  }
  void Sample(std::string_view cache, std::string_view more, std::uint64_t value,
              std::string_view suffix = "") {
    Labelled(cache, more, suffix);
    text_ += std::to_string(value) + "\n";
  }
  // Milliseconds, in Prometheus' unit.
  void Seconds(std::string_view cache, std::uint64_t ms, std::string_view suffix = "") {
    Labelled(cache, "", suffix);
    text_ += SecondsText(ms) + "\n";
  }
  static std::string SecondsText(std::uint64_t ms) {
    std::string fraction = std::to_string(1'000 + ms % 1'000).substr(1);
    return std::to_string(ms / 1'000) + "." + fraction;
  }
  std::string Take() { return std::move(text_); }

 private:
  void Labelled(std::string_view cache, std::string_view more, std::string_view suffix) {
    text_ += name_ + std::string(suffix) + "{cache=\"" + Escaped(cache) + "\"" + std::string(more) +
             "} ";
  }

  std::string name_;
  std::string text_;
};

struct Row {
  std::string_view name;
  std::string_view type;
  std::string_view help;
  std::uint64_t (*value)(const CacheFigures&);
};

constexpr Row kRows[] = {
    {"loads_total", "counter", "Calls of a loader.", [](const CacheFigures& f) { return f.loads; }},
    {"load_failures_total", "counter", "Loads that gave an error.",
     [](const CacheFigures& f) { return f.failed_loads; }},
    {"load_timeouts_total", "counter", "Answers given by a soft or hard timeout.",
     [](const CacheFigures& f) { return f.timeouts; }},
    {"coalesced_total", "counter", "Callers who joined a load of this process.",
     [](const CacheFigures& f) { return f.coalesced; }},
    {"refused_fills_total", "counter", "Loads that were not stored: something had come between.",
     [](const CacheFigures& f) { return f.refused_fills; }},
    {"fill_errors_total", "counter", "Loads that the store could not take.",
     [](const CacheFigures& f) { return f.fill_errors; }},
    {"undecodable_total", "counter", "Stored values that were none of ours.",
     [](const CacheFigures& f) { return f.undecodable; }},
    {"store_down", "gauge", "1: the store is not asked at the moment.",
     [](const CacheFigures& f) { return std::uint64_t{f.is_store_down}; }},
};
constexpr Row kNearRows[] = {
    {"near_entries", "gauge", "Copies in this process.",
     [](const CacheFigures& f) { return f.near.entries; }},
    {"near_bytes", "gauge", "What they take.", [](const CacheFigures& f) { return f.near.bytes; }},
    {"near_evictions_total", "counter", "Copies that went for want of room.",
     [](const CacheFigures& f) { return f.near.evicted; }},
    {"near_invalidations_total", "counter", "Copies and tags that were told to be out of date.",
     [](const CacheFigures& f) { return f.near.invalidated; }},
    {"near_refused_total", "counter", "Copies that something was told of while they were read.",
     [](const CacheFigures& f) { return f.near.refused; }},
    {"near_epochs_total", "counter", "Connections that changes were told on.",
     [](const CacheFigures& f) { return f.near.epochs; }},
    {"near_cold_total", "counter", "Reads of keys that are not hot, and were not kept.",
     [](const CacheFigures& f) { return f.near.cold; }},
    {"near_told_hot_total", "counter", "Keys that the server said are hot.",
     [](const CacheFigures& f) { return f.near.told_hot; }},
};

void WriteLoadTimes(std::span<const NamedFigures> caches, Writer& writer) {
  writer.Family("load_seconds", "histogram", "How long loads took.");
  for (const NamedFigures& cache : caches) {
    const LoadTimes& times = cache.figures.load_times;
    std::uint64_t below = 0;
    for (std::size_t i = 0; i < times.counts.size(); ++i) {
      below += times.counts[i];
      const bool is_last = i == LoadTimes::kBoundsMs.size();
      const std::string bound =
          is_last ? "+Inf"
                  : Writer::SecondsText(static_cast<std::uint64_t>(LoadTimes::kBoundsMs[i]));
      writer.Sample(cache.name, ",le=\"" + bound + "\"", below, "_bucket");
    }
    writer.Seconds(cache.name, times.sum_ms, "_sum");
    writer.Sample(cache.name, "", below, "_count");
  }
}

}  // namespace

std::string PrometheusText(std::span<const NamedFigures> caches) {
  Writer writer;
  writer.Family("requests_total", "counter", "Answers, by their outcome.");
  for (const NamedFigures& cache : caches) {
    for (std::size_t i = 0; i < kOutcomes; ++i) {
      const auto name = std::string(OutcomeName(static_cast<Outcome>(i)));
      writer.Sample(cache.name, ",outcome=\"" + name + "\"", cache.figures.outcomes[i]);
    }
  }
  for (const Row& row : kRows) {
    writer.Family(row.name, row.type, row.help);
    for (const NamedFigures& cache : caches)
      writer.Sample(cache.name, "", row.value(cache.figures));
  }
  writer.Family("stale_age_seconds_total", "counter", "How old stale answers were, in all.");
  for (const NamedFigures& cache : caches)
    writer.Seconds(cache.name, cache.figures.stale_age_sum_ms);
  writer.Family("stale_age_seconds_max", "gauge", "How old the oldest stale answer was.");
  for (const NamedFigures& cache : caches)
    writer.Seconds(cache.name, cache.figures.stale_age_max_ms);
  WriteLoadTimes(caches, writer);
  for (const Row& row : kNearRows) {
    writer.Family(row.name, row.type, row.help);
    for (const NamedFigures& cache : caches) {
      if (cache.figures.has_near) writer.Sample(cache.name, "", row.value(cache.figures));
    }
  }
  return writer.Take();
}

}  // namespace cairn::cache
