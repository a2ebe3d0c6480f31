// SPDX-License-Identifier: BSD-3-Clause
// What the table of the store costs: nanoseconds an operation, bytes a key, and its longest step.
//
//   segment_table_bench [keys [tables]]      (default 1000000 1; the server has 256 tables)
//
// Entries are as the store's with a 16-byte key and a 64-byte value: 88 bytes from a slab arena.
// Keys are looked up in random order. Times are processor time of the thread. "batch" is what a
// pipeline does: 16 keys hashed and their buckets prefetched, then their nodes, then all found.
// Bytes are resident memory beyond key and value; the longest step is wall time, so a preempted
// insert shows in `max`, not in the percentiles.
#include <fmt/core.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <fstream>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "ds/segment_table.h"
#include "ds/slab.h"

namespace cairn::ds {
namespace {

constexpr std::size_t kKeyBytes = 16;
constexpr std::size_t kValueBytes = 64;
constexpr std::size_t kBatch = 16;
constexpr std::uint64_t kLookups = 4'000'000;
constexpr std::uint64_t kSlice = 4096;
constexpr std::size_t kLines = std::size_t{1} << 22;  // 256 MiB

struct Entry {
  std::uint64_t header;
  char key[kKeyBytes];
  char value[kValueBytes];
};

struct EntryTraits {
  using Node = Entry;
  static bool Matches(const Entry* entry, std::string_view key) {
    return std::memcmp(entry->key, key.data(), kKeyBytes) == 0;
  }
  static std::uint64_t Hash(const Entry* entry, const HashSeed& seed) {
    return seed.Hash({entry->key, kKeyBytes});
  }
};
using Table = SegmentTable<EntryTraits>;

struct Key {
  char text[kKeyBytes];
  explicit Key(std::uint64_t id) {
    std::memcpy(text, "key:", 4);
    for (std::size_t i = kKeyBytes; i-- > 4; id >>= 4) text[i] = "0123456789abcdef"[id & 15];
  }
  std::string_view view() const { return {text, kKeyBytes}; }
};

std::int64_t ThreadNs() {
  timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return now.tv_sec * std::int64_t{1'000'000'000} + now.tv_nsec;
}

std::int64_t ResidentBytes() {
  std::ifstream statm("/proc/self/statm");
  std::int64_t total_pages = 0;
  std::int64_t resident_pages = 0;
  statm >> total_pages >> resident_pages;
  return resident_pages * sysconf(_SC_PAGESIZE);
}

struct alignas(64) Line {
  std::array<std::uint64_t, 8> words;
};

class Bench {
 public:
  Bench(std::uint64_t keys, std::size_t tables) : keys_(keys) {
    cycles_per_ns_ = MeasureCyclesPerUs() / 1000;
    for (std::size_t i = 0; i < tables; ++i) tables_.emplace_back(seed_);
    for (std::size_t i = 0; i < table_of_.size(); ++i) table_of_[i] = &tables_[i % tables];
  }

  void Run() {
    lines_.resize(kLines);
    // Made and touched before, so that it does not count as the table's memory.
    std::vector<std::uint32_t> steps(keys_, 1);
    const std::int64_t resident_before = ResidentBytes();
    Fill(steps);
    const std::int64_t resident = ResidentBytes() - resident_before;
    PrintBytes(resident);
    for (int round = 0; round < 3; ++round) {
      Time("find", [&] { return FindOne(random_.Below(keys_)); });
      TimeBatches("find, batch 16", 0);
      Time("miss", [&] { return FindOne(keys_ + random_.Below(keys_)); });
      TimeBatches("miss, batch 16", keys_);
      TimeSlices("  two random lines, batch 16", [&] { return ReadLines(); });
      // What the benchmark itself takes in a batch.
      Time("  making and hashing a key",
           [&] { return seed_.Hash(Key(random_.Below(keys_)).view()); });
    }
    Time("erase + insert", [&] { return Reinsert(random_.Below(keys_)); });
    TimeBatches("find, batch 16, churned", 0);
    SetTimes();
    Time("expiry at", [&] { return ReadTime(random_.Below(keys_)); });
    Sweep();
  }

 private:
  Table& TableOf(std::uint64_t hash) { return *table_of_[hash & 0xff]; }

  void Print(std::string_view what, std::int64_t ns, std::uint64_t operations) {
    fmt::print("{:<28}{:8.1f} ns\n", what,
               static_cast<double>(ns) / static_cast<double>(operations));
  }

  void Fill(std::vector<std::uint32_t>& steps) {
    std::int64_t in_table = 0;
    const std::int64_t start = ThreadNs();
    for (std::uint64_t id = 0; id < keys_; ++id) {
      const Key key(id);
      auto* entry = static_cast<Entry*>(arena_.Allocate(sizeof(Entry)));
      std::memcpy(entry->key, key.text, kKeyBytes);
      std::memset(entry->value, 'v', kValueBytes);
      const std::uint64_t hash = seed_.Hash(key.view());
      const std::int64_t before = ThreadNs();
      TableOf(hash).Insert(hash, entry);
      steps[id] = static_cast<std::uint32_t>(ThreadNs() - before);
      in_table += steps[id];
    }
    Print("fill, with asking the clock", ThreadNs() - start, keys_);
    Print("  of which in the table", in_table, keys_);
    std::sort(steps.begin(), steps.end());
    for (const double share : {0.99, 0.999, 0.9999, 0.99999, 1.0}) {
      const auto place = static_cast<std::size_t>(static_cast<double>(keys_ - 1) * share);
      fmt::print("  step p{:<22}{:8.2f} us\n", share * 100, steps[place] / 1000.0);
    }
  }

  void PrintBytes(std::int64_t resident) {
    const auto keys = static_cast<double>(keys_);
    std::size_t table_bytes = 0;
    std::size_t segments = 0;
    std::uint32_t moved = 0;
    for (const Table& table : tables_) {
      table_bytes += table.memory_bytes();
      segments += table.segment_count();
      moved = std::max(moved, table.stats().moved_max);
    }
    fmt::print("table bytes a key           {:8.2f}\n", static_cast<double>(table_bytes) / keys);
    fmt::print("slab overhead a key         {:8.2f}\n",
               static_cast<double>(arena_.reserved_bytes()) / keys - sizeof(Entry));
    fmt::print("resident beyond key, value  {:8.2f}\n",
               static_cast<double>(resident) / keys - kKeyBytes - kValueBytes);
    fmt::print("segments {}, most entries moved by an insert {}\n", segments, moved);
  }

  std::uint64_t FindOne(std::uint64_t id) {
    const Key key(id);
    const std::uint64_t hash = seed_.Hash(key.view());
    const Table& table = TableOf(hash);
    const Table::Position at = table.Find(hash, key.view());
    return at.found() ? static_cast<std::uint64_t>(table.At(at)->value[kValueBytes - 1]) : 0;
  }

  std::uint64_t Reinsert(std::uint64_t id) {
    const Key key(id);
    const std::uint64_t hash = seed_.Hash(key.view());
    Table& table = TableOf(hash);
    Entry* entry = table.Erase(table.Find(hash, key.view()));
    table.Insert(hash, entry);
    return 1;
  }

  std::uint64_t ReadTime(std::uint64_t id) {
    const Key key(id);
    const std::uint64_t hash = seed_.Hash(key.view());
    const Table& table = TableOf(hash);
    return static_cast<std::uint64_t>(table.ExpiryAt(table.Find(hash, key.view())));
  }

  // Runs `slice` (which does kSlice operations) again and again, and prints the nanoseconds an
  // operation of the quickest tenth and of the median: other load on the machine only adds.
  template <class Fn>
  void TimeSlices(std::string_view what, Fn slice) {
    std::vector<double> times;
    for (std::uint64_t done = 0; done < kLookups; done += kSlice) {
      const std::uint64_t start = CycleNow();
      sink_ = sink_ + slice();
      times.push_back(static_cast<double>(CycleNow() - start) / cycles_per_ns_ / kSlice);
    }
    std::sort(times.begin(), times.end());
    fmt::print("{:<28}{:8.1f} ns   (median {:.1f})\n", what, times[times.size() / 10],
               times[times.size() / 2]);
  }

  template <class Fn>
  void Time(std::string_view what, Fn operation) {
    TimeSlices(what, [&] {
      std::uint64_t sum = 0;
      for (std::uint64_t i = 0; i < kSlice; ++i) sum += operation();
      return sum;
    });
  }

  void TimeBatches(std::string_view what, std::uint64_t first_id) {
    TimeSlices(what, [&] {
      std::uint64_t sum = 0;
      for (std::uint64_t done = 0; done < kSlice; done += kBatch) sum += FindBatch(first_id);
      return sum;
    });
  }

  // What the machine takes for the least a batch can do: two random lines a key, prefetched.
  std::uint64_t ReadLines() {
    std::uint64_t sum = 0;
    for (std::uint64_t done = 0; done < kSlice; done += kBatch) {
      std::array<const Line*, 2 * kBatch> batch;
      for (const Line*& line : batch) {
        line = &lines_[random_.Next() % kLines];
        __builtin_prefetch(line);
      }
      for (const Line* line : batch) sum += line->words[0];
    }
    return sum;
  }

  std::uint64_t FindBatch(std::uint64_t first_id) {
    std::array<std::uint64_t, kBatch> ids;
    std::array<std::uint64_t, kBatch> hashes;
    std::array<ds::TableHint, kBatch> hints;
    for (std::size_t i = 0; i < kBatch; ++i) {
      ids[i] = first_id + random_.Below(keys_);
      hashes[i] = seed_.Hash(Key(ids[i]).view());
      hints[i] = TableOf(hashes[i]).PrefetchBucket(hashes[i]);
    }
    for (std::size_t i = 0; i < kBatch; ++i) {
      TableOf(hashes[i]).PrefetchNode(hashes[i], hints[i]);
    }
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < kBatch; ++i) {
      const Table& table = TableOf(hashes[i]);
      const auto* node = table.FindHinted(Key(ids[i]).view(), hints[i]);
      if (node == nullptr) {
        const Table::Position at = table.Find(hashes[i], Key(ids[i]).view());
        if (at.found()) node = table.At(at);
      }
      if (node != nullptr) sum += static_cast<std::uint64_t>(node->value[kValueBytes - 1]);
    }
    return sum;
  }

  void SetTimes() {
    std::size_t before = 0;
    for (const Table& table : tables_) before += table.memory_bytes();
    const std::int64_t start = ThreadNs();
    for (std::uint64_t id = 0; id < keys_; ++id) {
      const Key key(id);
      const std::uint64_t hash = seed_.Hash(key.view());
      Table& table = TableOf(hash);
      table.SetExpiry(table.Find(hash, key.view()),
                      kExpiryEpochMs + static_cast<UnixMs>(random_.Below(1'000'000)));
    }
    Print("set expiry", ThreadNs() - start, keys_);
    std::size_t after = 0;
    for (const Table& table : tables_) after += table.memory_bytes();
    fmt::print("expiry bytes a key          {:8.2f}\n",
               static_cast<double>(after - before) / static_cast<double>(keys_));
  }

  // Expires a thousandth of the keys at a time: the sweep of a store in which all keys are
  // volatile.
  void Sweep() {
    std::uint64_t expired = 0;
    std::int64_t ns = 0;
    for (UnixMs now = kExpiryEpochMs + 1000; now <= kExpiryEpochMs + 20'000; now += 1000) {
      const std::int64_t start = ThreadNs();
      for (Table& table : tables_) {
        table.ForEachExpired(now, SIZE_MAX, [&](Table::Position at) {
          arena_.Free(table.Erase(at), sizeof(Entry));
          ++expired;
        });
      }
      ns += ThreadNs() - start;
    }
    Print("sweep, per expired key", ns, std::max<std::uint64_t>(expired, 1));
  }

  const std::uint64_t keys_;
  HashSeed seed_{0x5eed};
  Random random_{1};
  SlabArena arena_;
  std::deque<Table> tables_;
  std::array<Table*, 256> table_of_;
  std::vector<Line> lines_;
  double cycles_per_ns_ = 1;
  volatile std::uint64_t sink_ = 0;
};

}  // namespace
}  // namespace cairn::ds

int main(int argc, char** argv) {
  const std::uint64_t keys = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 1'000'000;
  const std::uint64_t tables = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 1;
  if (keys == 0 || tables == 0) return 1;
  cairn::ds::Bench(keys, tables).Run();
  return 0;
}
