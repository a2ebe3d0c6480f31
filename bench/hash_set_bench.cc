// SPDX-License-Identifier: BSD-3-Clause
// What large sets and hashes cost: nanoseconds an operation, bytes a member.
//
//   hash_set_bench [members]      (default 1000000)
//
// Members are "member:000000123" (16 bytes), fields 16 bytes with values of 16; they are asked for
// in random order. Times are those of the quickest tenth of slices, and of the median: other load
// on the machine only adds. Bytes are those of memory_bytes() and resident ones. Five-field hashes
// are what the allocator gives for their bytes; an entry with a 16-byte key adds 32 and its place
// in the keyspace 12.
#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "base/text.h"
#include "ds/slab.h"
#include "value/hash.h"
#include "value/set.h"
#include "value/set_algebra.h"

namespace cairn::value {
namespace {

constexpr std::size_t kTextBytes = 16;
constexpr std::uint64_t kLookups = 2'000'000;
constexpr std::uint64_t kSlice = 4096;
constexpr SetLimits kSetLimits = {
    .int_entries = 512, .packed_entries = 128, .packed_value_bytes = 64};
constexpr HashLimits kHashLimits = {.packed_entries = 128, .packed_value_bytes = 64};

// "member:000000123"
struct Text {
  char bytes[kTextBytes];
  Text(std::string_view prefix, std::uint64_t id) {
    std::memcpy(bytes, prefix.data(), 7);
    for (std::size_t i = kTextBytes; i-- > 7; id /= 10) {
      bytes[i] = static_cast<char>('0' + id % 10);
    }
  }
  std::string_view view() const { return {bytes, kTextBytes}; }
};

std::int64_t ResidentBytes() {
  std::ifstream statm("/proc/self/statm");
  std::int64_t total_pages = 0;
  std::int64_t resident_pages = 0;
  statm >> total_pages >> resident_pages;
  return resident_pages * sysconf(_SC_PAGESIZE);
}

class Bench {
 public:
  explicit Bench(std::uint64_t members)
      : members_(members), cycles_per_ns_(MeasureCyclesPerUs() / 1000) {}

  void Run() {
    Sets();
    Hashes();
    FieldTimes();
    FewFields();
    Algebra();
  }

 private:
  template <class Fn>
  void Time(std::string_view what, std::uint64_t operations, Fn operation) {
    std::vector<double> times;
    for (std::uint64_t done = 0; done < operations;) {
      const std::uint64_t slice = std::min(kSlice, operations - done);
      const std::uint64_t start = CycleNow();
      for (std::uint64_t i = 0; i < slice; ++i) operation(done + i);
      times.push_back(static_cast<double>(CycleNow() - start) / cycles_per_ns_ /
                      static_cast<double>(slice));
      done += slice;
    }
    std::sort(times.begin(), times.end());
    fmt::print("{:<32}{:8.1f} ns   (median {:.1f})\n", what, times[times.size() / 10],
               times[times.size() / 2]);
  }

  void PrintBytes(std::string_view what, std::size_t own, std::int64_t resident) {
    const auto members = static_cast<double>(members_);
    fmt::print("{:<32}{:8.2f}      (resident {:.2f})\n", what, static_cast<double>(own) / members,
               static_cast<double>(resident) / members);
  }

  std::uint64_t Any() { return random_.Below(members_); }

  void Sets() {
    const std::int64_t before = ResidentBytes();
    Set set;
    Time("SADD", members_,
         [&](std::uint64_t id) { set.Add(Text("member:", id).view(), kSetLimits, home_); });
    PrintBytes("  bytes a member of 16", set.memory_bytes(), ResidentBytes() - before);
    Time("SADD, there already", kLookups,
         [&](std::uint64_t) { set.Add(Text("member:", Any()).view(), kSetLimits, home_); });
    Time("SISMEMBER", kLookups,
         [&](std::uint64_t) { sink_ = sink_ + set.Contains(Text("member:", Any()).view()); });
    Time("SISMEMBER of 16, prefetched", kLookups / 16, [&](std::uint64_t) { LookUpSixteen(set); });
    Time("SISMEMBER, missing", kLookups,
         [&](std::uint64_t) { sink_ = sink_ + set.Contains(Text("nobody:", Any()).view()); });
    Time("SRANDMEMBER", kLookups, [&](std::uint64_t) {
      set.RandomMember(random_, [&](std::string_view member) { sink_ = sink_ + member.size(); });
    });
    Time("SREM + SADD", members_, [&](std::uint64_t) {
      const Text text("member:", Any());
      set.Remove(text.view());
      set.Add(text.view(), kSetLimits, home_);
    });
    const std::uint64_t start = CycleNow();
    set.ForEach([&](std::string_view member) { sink_ = sink_ + member[15]; });
    fmt::print(
        "{:<32}{:8.1f} ns\n", "SMEMBERS, a member",
        static_cast<double>(CycleNow() - start) / cycles_per_ns_ / static_cast<double>(members_));
  }

  void LookUpSixteen(const Set& set) {
    std::vector<Text> texts;
    texts.reserve(16);
    for (int i = 0; i < 16; ++i) {
      texts.emplace_back("member:", Any());
      set.PrefetchBucket(texts.back().view());
    }
    for (const Text& text : texts) set.PrefetchNode(text.view());
    for (const Text& text : texts) sink_ = sink_ + set.Contains(text.view());
  }

  void Hashes() {
    const std::int64_t before = ResidentBytes();
    Time("HSET, new", members_, [&](std::uint64_t id) {
      hash_.Set(Text("field::", id).view(), Text("value::", id).view(), kHashLimits, home_);
    });
    PrintBytes("  bytes a field of 16 + 16", hash_.memory_bytes(), ResidentBytes() - before);
    Time("HSET, same size", kLookups, [&](std::uint64_t i) {
      hash_.Set(Text("field::", Any()).view(), Text("other::", i).view(), kHashLimits, home_);
    });
    Time("HGET", kLookups, [&](std::uint64_t) {
      sink_ = sink_ + static_cast<unsigned char>(
                          hash_.Get(Text("field::", Any()).view())->text()[kTextBytes - 1]);
    });
  }

  void FieldTimes() {
    const std::size_t before = hash_.memory_bytes();
    constexpr UnixMs kStart = 1'800'000'000'000;
    Time("HPEXPIREAT", members_, [&](std::uint64_t id) {
      hash_.SetExpiry(Text("field::", id).view(),
                      kStart + static_cast<UnixMs>(random_.Below(members_)), home_);
    });
    PrintBytes("  bytes more with a time", hash_.memory_bytes() - before, 0);
    std::uint64_t taken = 0;
    const std::uint64_t start = CycleNow();
    for (UnixMs now = kStart; now < kStart + static_cast<UnixMs>(members_ / 50); now += 1000) {
      hash_.TakeExpired(now, SIZE_MAX, [&taken](std::string_view, std::string_view) { ++taken; });
    }
    fmt::print("{:<32}{:8.1f} ns\n", "an expired field",
               static_cast<double>(CycleNow() - start) / cycles_per_ns_ /
                   static_cast<double>(std::max<std::uint64_t>(taken, 1)));
  }

  void FewFields() {
    std::vector<Hash> hashes(members_);
    const std::int64_t before = ResidentBytes();
    std::size_t bytes = 0;
    const std::string_view fields[] = {"name", "age", "city", "mail", "n"};
    Time("HSET of five fields", members_, [&](std::uint64_t id) {
      const Text name("user:::", id);
      char digits[kInt64TextMax];
      const std::string_view number(digits, FormatUint64(digits, id));
      const std::string_view values[] = {name.view().substr(0, 12), "33", "Hamburg", "a@b.example",
                                         number};
      Hash& hash = hashes[id];
      for (std::size_t i = 0; i < 5; ++i) hash.Set(fields[i], values[i], kHashLimits, home_);
      bytes += hash.memory_bytes();
    });
    PrintBytes("  bytes a hash, without its entry", bytes, ResidentBytes() - before);
    Time("HGET of five fields", kLookups, [&](std::uint64_t i) {
      ds::PackedValue::Scratch scratch;
      sink_ = sink_ + hashes[Any()].Get(fields[i % 5])->Text(scratch).size();
    });
  }

  void Algebra() {
    Set even;
    Set third;
    for (std::uint64_t id = 0; id < 10'000; ++id) {
      even.Add(Text("member:", id * 2).view(), kSetLimits, home_);
      third.Add(Text("member:", id * 3).view(), kSetLimits, home_);
    }
    const std::array<const Set*, 2> sets = {&even, &third};
    std::vector<double> times;
    std::vector<double> unions;
    for (int round = 0; round < 50; ++round) {
      std::uint64_t start = CycleNow();
      ForEachInResult(SetOperation(SetOperation::Kind::kIntersection, sets), sets, home_,
                      [this](std::string_view member) { sink_ = sink_ + member.size(); });
      times.push_back(static_cast<double>(CycleNow() - start) / cycles_per_ns_ / 10'000);
      start = CycleNow();
      sink_ =
          sink_ +
          Compute(SetOperation(SetOperation::Kind::kUnion, sets), sets, kSetLimits, home_).size();
      unions.push_back(static_cast<double>(CycleNow() - start) / cycles_per_ns_ / 20'000);
    }
    std::sort(times.begin(), times.end());
    std::sort(unions.begin(), unions.end());
    fmt::print("{:<32}{:8.1f} ns\n", "SINTER 10 k, a member", times[25]);
    fmt::print("{:<32}{:8.1f} ns\n", "SUNION 10 k, a member", unions[25]);
  }

  const std::uint64_t members_;
  const double cycles_per_ns_;
  ds::SlabArena arena_;
  TableHome home_{.arena = &arena_, .seed = HashSeed(0x5eed)};
  Random random_{1};
  Hash hash_;
  volatile std::uint64_t sink_ = 0;
};

}  // namespace
}  // namespace cairn::value

int main(int argc, char** argv) {
  const std::uint64_t members = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 1'000'000;
  if (members == 0) return 1;
  cairn::value::Bench(members).Run();
  return 0;
}
