// SPDX-License-Identifier: BSD-3-Clause
// What a long list costs: bytes an element, and nanoseconds an operation at its ends and inside.
//
//   list_bench [elements [bytes [fill]]]      (default 1000000 10 -2)
//
// Times are processor time of the thread. The list is a chain with default limits but for the fill;
// `ends` lines are as a queue works, `middle` ones begin where both ends are farthest.
#include <fmt/core.h>
#include <time.h>

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "value/list.h"

namespace cairn::value {
namespace {

constexpr std::uint64_t kRounds = 20'000;
constexpr std::size_t kRange = 100;

std::int64_t ThreadNs() {
  timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return now.tv_sec * std::int64_t{1'000'000'000} + now.tv_nsec;
}

class Bench {
 public:
  Bench(std::size_t elements, std::size_t bytes, int fill)
      : elements_(elements), text_(bytes, 'x'), limits_{.node_fill = fill} {}

  void Run() {
    List front;
    Time("push, front", elements_, [&](std::size_t i) { Push(front, ListEnd::kFront, i); });
    Time("push, back", elements_, [&](std::size_t i) { Push(list_, ListEnd::kBack, i); });
    PrintBytes();
    Inside();
    Time("queue: push back, pop front", elements_, [&](std::size_t i) {
      Push(list_, ListEnd::kBack, i);
      list_.Pop(ListEnd::kFront, limits_);
    });
    Time("rotate", elements_,
         [&](std::size_t) { list_.Rotate(ListEnd::kBack, ListEnd::kFront, limits_); });
    Time("pop, front", elements_, [&](std::size_t) { front.Pop(ListEnd::kFront, limits_); });
    Time("pop, back", elements_, [&](std::size_t) { list_.Pop(ListEnd::kBack, limits_); });
    Small();
  }

 private:
  std::string_view Text(std::size_t i) {
    for (std::size_t k = 0; k < 8 && k + 1 < text_.size(); ++k, i /= 10) {
      text_[text_.size() - 1 - k] = static_cast<char>('0' + i % 10);
    }
    return text_;
  }
  void Push(List& list, ListEnd end, std::size_t i) {
    const std::string_view text = Text(i);
    list.Push(end, {&text, 1}, limits_);
  }
  std::size_t Middle() { return list_.size() / 2 - 500 + random_.Below(1000); }

  template <class Operation>
  void Time(std::string_view what, std::uint64_t operations, Operation operation) {
    const std::int64_t start = ThreadNs();
    for (std::uint64_t i = 0; i < operations; ++i) operation(i);
    fmt::print("{:<32}{:10.1f} ns\n", what,
               static_cast<double>(ThreadNs() - start) / static_cast<double>(operations));
  }

  void PrintBytes() {
    fmt::print("{:<32}{:10.2f}\n", "bytes an element",
               static_cast<double>(list_.memory_bytes()) / static_cast<double>(list_.size()));
  }

  void Inside() {
    std::size_t sum = 0;
    ds::PackedValue::Scratch scratch;
    std::string text;
    Time("index, middle", kRounds,
         [&](std::size_t) { sum += list_.At(Middle(), text).Text(scratch).size(); });
    Time("index, anywhere", kRounds, [&](std::size_t) {
      const std::size_t index = random_.Below(list_.size());
      sum += list_.At(index, text).Text(scratch).size();
    });
    Time("range of 100, middle", kRounds, [&](std::size_t) {
      std::size_t left = kRange;
      for (ListCursor at(list_, Middle(), ListEnd::kBack); left > 0; at.Advance(), --left) {
        sum += at.value().Text(scratch).size();
      }
    });
    Time("set, middle", kRounds,
         [&](std::size_t i) { list_.Set(static_cast<std::int64_t>(Middle()), Text(i), limits_); });
    Time("search all", 20, [&](std::size_t) { sum += list_.Positions("none", {}).size(); });
    Time("insert at no pivot", 20,
         [&](std::size_t) { sum += list_.Insert("none", ListSide::kAfter, "x", limits_) ? 1 : 0; });
    if (sum == 0) fmt::print("nothing was read\n");
  }

  // Many lists of a few elements: the small form.
  void Small() {
    constexpr std::size_t kLists = 20'000;
    constexpr std::size_t kElements = 50;
    std::vector<List> lists(kLists);
    Time("push, 50 elements a list", kLists * kElements,
         [&](std::size_t i) { Push(lists[i % kLists], ListEnd::kBack, i); });
    std::size_t bytes = 0;
    for (const List& list : lists) bytes += list.memory_bytes();
    fmt::print("{:<32}{:10.2f}\n", "bytes an element",
               static_cast<double>(bytes) / (kLists * kElements));
  }

  std::size_t elements_;
  std::string text_;
  ListLimits limits_;
  List list_;
  Random random_{1};
};

}  // namespace
}  // namespace cairn::value

int main(int argc, char** argv) {
  const std::size_t elements = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 1'000'000;
  const std::size_t bytes = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 10;
  const int fill = argc > 3 ? static_cast<int>(std::strtol(argv[3], nullptr, 10)) : -2;
  cairn::value::Bench(elements, bytes, fill).Run();
  return 0;
}
