// SPDX-License-Identifier: BSD-3-Clause
// What a stream costs: nanoseconds an entry, bytes an entry, and the same for pending entries.
//
//   stream_bench [entries [value bytes]]      (default 1000000 16)
//
// Entries have one field and ids as a busy server gives them: a millisecond every 40. Times are
// processor time of the thread; lines with "node walk" find an id within its node.
#include <fmt/core.h>
#include <time.h>

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/random.h"
#include "value/stream.h"

namespace cairn::value {
namespace {

constexpr std::uint64_t kEntriesPerMs = 40;
constexpr UnixMs kStartMs = 1'700'000'000'000;
constexpr int kRounds = 3;

std::int64_t ThreadNs() {
  timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return now.tv_sec * std::int64_t{1'000'000'000} + now.tv_nsec;
}

class Bench {
 public:
  Bench(std::uint64_t entries, std::size_t value_bytes)
      : entries_(entries), value_(value_bytes, 'v') {}

  void Run() {
    for (int round = 0; round < kRounds; ++round) {
      stream_ = Stream();
      Time("append", entries_, [this] { Fill(); });
    }
    PrintBytes("bytes an entry", stream_.memory_bytes());
    Time("forward", entries_, [this] { Walk(StreamOrder::kForward); });
    Time("backward", entries_, [this] { Walk(StreamOrder::kBackward); });
    Time("find, node walk", kLookups, [this] { FindSome(); });
    Time("newest 10, backward", kLookups, [this] { Newest(); });
    Groups();
    Time("delete, node walk", entries_ / 2, [this] { DeleteEveryOther(); });
    Time("trim all", entries_ / 2, [this] { sink_ = stream_.Trim({}); });
  }

 private:
  static constexpr std::uint64_t kLookups = 200'000;

  StreamId IdOf(std::uint64_t i) const {
    return {static_cast<std::uint64_t>(kStartMs) + i / kEntriesPerMs, i % kEntriesPerMs};
  }
  template <class Fn>
  void Time(std::string_view what, std::uint64_t operations, Fn fn) {
    const std::int64_t start = ThreadNs();
    fn();
    fmt::print("{:<28}{:8.1f} ns\n", what,
               static_cast<double>(ThreadNs() - start) / static_cast<double>(operations));
  }
  void PrintBytes(std::string_view what, std::size_t bytes) {
    fmt::print("{:<28}{:8.2f}\n", what, static_cast<double>(bytes) / static_cast<double>(entries_));
  }

  void Fill() {
    const std::string_view fields[] = {"f", value_};
    for (std::uint64_t i = 0; i < entries_; ++i) {
      const auto now = kStartMs + static_cast<UnixMs>(i / kEntriesPerMs);
      if (!stream_.Append({}, fields, now, {}, arena_)) std::abort();
    }
  }
  void Walk(StreamOrder order) {
    StreamRange range(stream_, kStreamIdMin, kStreamIdMax, order);
    StreamEntry entry;
    while (range.Next(&entry)) {
      entry.ForEach([this](std::string_view, std::string_view value) { sink_ += value.size(); });
    }
  }
  void FindSome() {
    for (std::uint64_t i = 0; i < kLookups; ++i) {
      sink_ += stream_.Find(IdOf(random_.Below(entries_))).has_value();
    }
  }
  void Newest() {
    for (std::uint64_t i = 0; i < kLookups; ++i) {
      StreamRange range(stream_, kStreamIdMin, kStreamIdMax, StreamOrder::kBackward);
      StreamEntry entry;
      for (int k = 0; k < 10 && range.Next(&entry); ++k) sink_ += entry.size();
    }
  }
  void Groups() {
    const std::size_t before = stream_.memory_bytes();
    StreamGroup& group = *stream_.CreateGroup("group", {}, 0);
    StreamConsumer& consumer = *group.AddConsumer("consumer", kStartMs);
    Time("read 10 at a time", entries_, [&] {
      while (stream_.ReadNew(group, consumer, 10, StreamAcknowledge::kByConsumer, kStartMs,
                             [this](const StreamEntry& entry) { sink_ += entry.size(); }) > 0) {
      }
    });
    PrintBytes("bytes a pending entry", stream_.memory_bytes() - before);
    Time("acknowledge", entries_, [&] {
      for (std::uint64_t i = 0; i < entries_; ++i) group.Acknowledge(IdOf(i));
    });
    stream_.DestroyGroup("group");
  }
  void DeleteEveryOther() {
    for (std::uint64_t i = 0; i < entries_; i += 2) stream_.Delete(IdOf(i));
  }

  const std::uint64_t entries_;
  const std::string value_;
  ds::SlabArena arena_;
  Stream stream_;  // its nodes lie there
  Random random_{1};
  std::uint64_t sink_ = 0;
};

}  // namespace
}  // namespace cairn::value

int main(int argc, char** argv) {
  const std::uint64_t entries = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 1'000'000;
  const std::uint64_t value_bytes = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 16;
  if (entries == 0) return 1;
  cairn::value::Bench(entries, value_bytes).Run();
  return 0;
}
