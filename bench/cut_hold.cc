// SPDX-License-Identifier: BSD-3-Clause
// How long a cut of one huge collection keeps its stripe from others.
//
//   cut_hold ELEMENTS [whole] [TYPE]   whole: collections are copied as a whole, as small ones are
//
// Fills a collection of each type (and "pending": a stream whose entries are all pending, at whose
// other consumer a write claims one), or of that type, begins a cut, and reads it on one thread
// while another writes to random places of the collection. Shown, in microseconds of the thread's
// own processor time, which on a busy machine says more than the clock: what a write takes with the
// cut under way, and what the reader's calls of Next do. A call holds the stripe for less than it
// takes.
#include <fmt/core.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/thread.h"
#include "bench/measure.h"
#include "keyspace/cut.h"
#include "keyspace/txn.h"
#include "value/stream.h"

namespace cairn::keyspace {
namespace {

constexpr value::HashLimits kHashLimits = {.packed_entries = 128, .packed_value_bytes = 64};
constexpr value::SetLimits kSetLimits = {
    .int_entries = 512, .packed_entries = 128, .packed_value_bytes = 64};
constexpr value::SortedSetLimits kSortedSetLimits = {.packed_entries = 128,
                                                     .packed_value_bytes = 64};
constexpr value::StreamLimits kStreamLimits = {.node_bytes = 4096, .node_entries = 100};

double ThreadUs() { return static_cast<double>(bench::ThreadCpuNs()) / 1e3; }

struct Times {
  std::vector<double> us;
  void Show(const char* what) {
    std::sort(us.begin(), us.end());
    if (us.empty()) return;
    fmt::print("  {} {}: p50 {:.1f} p99 {:.1f} max {:.1f}", what, us.size(), us[us.size() / 2],
               us[us.size() * 99 / 100], us.back());
  }
};

class Bench {
 public:
  Bench(std::uint64_t elements, bool is_pending)
      : elements_(elements), is_pending_(is_pending), keyspace_(clock_, {}) {}

  void Run(std::string_view name, Type type,
           std::size_t whole_bytes_max) NO_THREAD_SAFETY_ANALYSIS {
    for (std::uint64_t i = 0; i < elements_; ++i) Write(type, i);
    KeyLocks locks(keyspace_);
    locks.AcquireAll();
    auto cut = std::make_unique<Cut>(keyspace_, locks, whole_bytes_max);
    locks.Release();
    Times writes;
    Times reads;
    Write(type, 7, &writes);  // the first, which meets the collection before the reader does
    std::atomic<bool> stop{false};
    Thread writer("writer", [&] {
      Random random(1);
      while (!stop.load()) {
        while (keyspace_.cut_backlog().is_full() && !stop.load()) Thread::Yield();
        Write(type, random.Below(elements_), &writes);
      }
    });
    const double begun = static_cast<double>(clock_.NowMonotonicUs());
    Read(*cut, reads);
    const double ms = (static_cast<double>(clock_.NowMonotonicUs()) - begun) / 1e3;
    stop.store(true);
    writer.Join();
    fmt::print("{:<8}", name);
    writes.Show("writes");
    reads.Show("reads");
    fmt::print("  first write {:.1f}, all read in {:.0f} ms\n", first_write_us_, ms);
  }

 private:
  void Read(Cut& cut, Times& reads) {
    for (;;) {
      double before = ThreadUs();
      const std::optional<CutBatch> batch = cut.Next();
      reads.us.push_back(ThreadUs() - before);
      if (!batch.has_value()) return;
      batch->ForEach([&](DbId, UnixMs, const Entry&, CutValue* large) {
        while (large != nullptr) {
          before = ThreadUs();
          const std::optional<CutPiece> piece = large->Next();
          reads.us.push_back(ThreadUs() - before);
          if (!piece.has_value()) return;
        }
      });
    }
  }

  void Write(Type type, std::uint64_t i, Times* times = nullptr) NO_THREAD_SAFETY_ANALYSIS {
    const KeyRef key = keyspace_.Ref("big");
    KeyLocks locks(keyspace_);
    locks.Acquire({&key, 1});
    const double before = times != nullptr ? ThreadUs() : 0;
    Random random(i);
    const Viewer viewer(DbId(0), clock_.NowUnixMs(), random);
    Txn txn(keyspace_, locks, viewer);
    WriteOne(txn, key, type, i);
    if (times != nullptr) times->us.push_back(ThreadUs() - before);
    if (times != nullptr && times->us.size() == 1) first_write_us_ = times->us[0];
    locks.Release();
  }

  void WriteOne(Txn& txn, const KeyRef& key, Type type, std::uint64_t i) {
    Found found = txn.Find(key, Access::kWrite);
    const value::TableHome home = {keyspace_.stripe(key.stripe).arena, keyspace_.seed()};
    const std::string text = "element:" + std::to_string(i);
    const std::string_view view = text;
    switch (type) {
      case Type::kHash:
        txn.Edit<value::Hash>(key, found)->Set(text, text, kHashLimits, home);
        return;
      case Type::kSet: {
        auto set = txn.Edit<value::Set>(key, found);
        if (!set->Add(text, kSetLimits, home)) set->Remove(text);
        return;
      }
      case Type::kSortedSet:
        txn.Edit<value::SortedSet>(key, found)
            ->Add(text, static_cast<double>(txn.random().Below(elements_)), {}, kSortedSetLimits,
                  home);
        return;
      case Type::kList: {
        auto list = txn.Edit<value::List>(key, found);
        if (list->size() < elements_) return list->Push(value::ListEnd::kBack, {&view, 1}, {});
        list->Set(static_cast<std::int64_t>(i), text, {});
        return;
      }
      case Type::kStream: {
        auto stream = txn.Edit<value::Stream>(key, found);
        if (is_pending_ && stream->size() == elements_) return ClaimOne(txn, *stream);
        const std::string_view fields[] = {"field", text};
        (void)stream->Append({}, fields, txn.now_ms(), kStreamLimits, *home.arena);
        if (is_pending_) ReadOne(txn, *stream);
        return;
      }
      case Type::kString:
        return;
    }
  }

  static void ReadOne(Txn& txn, value::Stream& stream) {
    value::StreamGroup* group = stream.FindGroup("group");
    if (group == nullptr) group = stream.CreateGroup("group", {}, 0);
    value::StreamConsumer* consumer = group->FindConsumer("first");
    if (consumer == nullptr) consumer = group->AddConsumer("first", txn.now_ms());
    group->AddConsumer("other", txn.now_ms());
    stream.ReadNew(*group, *consumer, 1, value::StreamAcknowledge::kByConsumer, txn.now_ms(),
                   [](const auto&) {});
  }
  static void ClaimOne(Txn& txn, value::Stream& stream) {
    value::StreamGroup& group = *stream.FindGroup("group");
    const std::uint64_t first_ms = stream.first_id().ms;
    const std::uint64_t span = stream.last_id().ms - first_ms + 1;
    stream.AutoClaim(group, *group.FindConsumer("other"),
                     {.now = txn.now_ms(),
                      .start = {first_ms + txn.random().Below(span), txn.random().Below(500)},
                      .count = 1});
  }

  const std::uint64_t elements_;
  const bool is_pending_;
  SystemClock clock_;
  Keyspace keyspace_;
  double first_write_us_ = 0;
};

}  // namespace
}  // namespace cairn::keyspace

int main(int argc, char** argv) {
  using namespace cairn::keyspace;
  const std::uint64_t elements = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 1'000'000;
  const bool whole = argc > 2 && std::string_view(argv[2]) == "whole";
  const std::string_view only = argc > 2 && argv[argc - 1] != std::string_view("whole")
                                    ? std::string_view(argv[argc - 1])
                                    : std::string_view();
  const std::pair<std::string_view, Type> rows[] = {
      {"hash", Type::kHash}, {"set", Type::kSet},       {"zset", Type::kSortedSet},
      {"list", Type::kList}, {"stream", Type::kStream}, {"pending", Type::kStream}};
  for (const auto& [name, type] : rows) {
    if (!only.empty() && only != name) continue;
    Bench bench(elements, name == "pending");
    bench.Run(name, type, whole ? SIZE_MAX : CutValue::kWholeBytesMax);
  }
}
