// SPDX-License-Identifier: BSD-3-Clause
// What a large sorted set costs: nanoseconds an operation and bytes a member.
//
//   sorted_set_bench [members]      (default 1000000)
//
// Members are "member:" and seven digits, added in random order with random scores. Times are
// processor time of the thread, the median over slices of 4096 operations, without a server: no
// parsing, no keyspace, no reply, though every member visited has its bytes read. Bytes are what
// memory_bytes() says and, beside it, what became resident.
#include <fmt/core.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <numeric>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "value/sorted_set.h"

namespace cairn::value {
namespace {

constexpr std::uint64_t kSlice = 4096;
constexpr std::uint64_t kOperations = 1'000'000;
constexpr std::uint64_t kRangeMembers = 100;
constexpr std::uint64_t kRanges = 40'000;
constexpr SortedSetLimits kLimits = {.packed_entries = 128, .packed_value_bytes = 64};

class Name {
 public:
  explicit Name(std::uint64_t id) {
    for (std::size_t i = sizeof(text_); i-- > kPrefix.size(); id /= 10) {
      text_[i] = static_cast<char>('0' + id % 10);
    }
  }
  std::string_view view() const { return {text_, sizeof(text_)}; }

 private:
  static constexpr std::string_view kPrefix = "member:";
  char text_[14] = {'m', 'e', 'm', 'b', 'e', 'r', ':'};
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

class Bench {
 public:
  explicit Bench(std::uint64_t members) : members_(members), order_(members) {
    std::iota(order_.begin(), order_.end(), 0);
    for (std::uint64_t i = members; i-- > 1;) std::swap(order_[i], order_[random_.Below(i + 1)]);
  }

  void Run() {
    const std::int64_t resident = ResidentBytes();
    std::uint64_t next = 0;
    Time("add, random scores", members_, [&] { Add(order_[next++], random_.NextDouble()); });
    PrintBytes(ResidentBytes() - resident);
    Time("score", kOperations, [&] { sink_ += *set_.Score(Any().view()); });
    Time("rank", kOperations, [&] { sink_ += double(set_.Rank(Any().view())->rank); });
    Time("count by score", kOperations, [&] { sink_ += double(Range().size()); });
    Time("range by score, of 100", kRanges, [&] { Visit(Range(), Direction::kUp); });
    Time("range by score, of 100, down", kRanges, [&] { Visit(Range(), Direction::kDown); });
    Time("range by rank, of 100", kRanges, [&] {
      const std::uint64_t begin = random_.Below(members_ - kRangeMembers);
      Visit({begin, begin + kRangeMembers}, Direction::kUp);
    });
    Time("increment, small", kOperations,
         [&] { set_.Add(Any().view(), 1e-9, {.increment = true}, kLimits, home_); });
    Time("update to a random score", kOperations,
         [&] { Add(random_.Below(members_), random_.NextDouble()); });
    PrintBytes(ResidentBytes() - resident);
    Time("remove + add", kOperations, [&] {
      const std::uint64_t id = random_.Below(members_);
      set_.Remove(Name(id).view());
      Add(id, random_.NextDouble());
    });
    Time("remove range of 1000, a member", kSlice * 16, [&, left = std::uint64_t{0}]() mutable {
      if (left-- != 0) return;
      left = 999;
      const std::uint64_t begin = random_.Below(set_.size() - 1000);
      set_.RemoveRange({begin, begin + 1000}, [&](std::string_view, double s) { sink_ += s; });
    });
    Time("pop min", set_.size() / 2, [&] {
      set_.Pop(1, Direction::kUp, [&](std::string_view, double score) { sink_ += score; });
    });
    set_ = SortedSet();
    next = 0;
    Time("add, ascending scores", members_, [&] { Add(order_[next], double(next)), ++next; });
    PrintBytes(ResidentBytes() - resident);
  }

 private:
  void Add(std::uint64_t id, double score) { set_.Add(Name(id).view(), score, {}, kLimits, home_); }
  Name Any() { return Name(random_.Below(members_)); }
  RankRange Range() {
    const double width = double(kRangeMembers) / double(members_);
    const double min = random_.NextDouble() * (1 - width);
    return set_.FindScores({.min = min, .max = min + width});
  }
  void Visit(const RankRange& range, Direction direction) {
    set_.ForEachIn(range, direction,
                   [&](std::string_view member, double score) { sink_ += score + member.back(); });
  }

  void PrintBytes(std::int64_t resident) const {
    const auto size = double(set_.size());
    fmt::print("bytes a member                {:8.1f}    resident {:.1f}\n",
               double(set_.memory_bytes()) / size, double(resident) / size);
  }

  template <class Fn>
  void Time(std::string_view what, std::uint64_t operations, Fn operation) {
    std::vector<double> slices;
    const std::int64_t start = ThreadNs();
    for (std::uint64_t done = 0; done < operations; done += kSlice) {
      const std::uint64_t n = std::min(kSlice, operations - done);
      const std::int64_t before = ThreadNs();
      for (std::uint64_t i = 0; i < n; ++i) operation();
      slices.push_back(double(ThreadNs() - before) / double(n));
    }
    const double mean = double(ThreadNs() - start) / double(operations);
    std::sort(slices.begin(), slices.end());
    fmt::print("{:<30}{:8.1f} ns   (mean {:.1f})\n", what, slices[slices.size() / 2], mean);
  }

  const std::uint64_t members_;
  Random random_{1};
  std::vector<std::uint64_t> order_;
  ds::SlabArena arena_;
  TableHome home_{&arena_, HashSeed(0x5eed)};
  SortedSet set_;
  double sink_ = 0;
};

}  // namespace
}  // namespace cairn::value

int main(int argc, char** argv) {
  const std::uint64_t members = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 1'000'000;
  // So many that the ranges removed do not empty it.
  if (members < 100'000) return 1;
  cairn::value::Bench(members).Run();
  return 0;
}
