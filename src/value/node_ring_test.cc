// SPDX-License-Identifier: BSD-3-Clause
// The ring against a deque. Nodes are told apart by their counts; they own nothing.
#include "value/node_ring.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <deque>

#include "base/random.h"

namespace cairn::value {
namespace {

constexpr std::uint64_t kSeed = 41;

ListNode Marked(std::size_t mark) {
  ListNode node;
  node.Put(ds::PackedList(), mark);
  return node;
}

void ExpectEqual(const NodeRing& ring, const std::deque<std::size_t>& model) {
  ASSERT_EQ(ring.size(), model.size());
  for (std::size_t i = 0; i < model.size(); ++i) ASSERT_EQ(ring[i].count(), model[i]) << i;
}

TEST(NodeRing, RandomOperationsAgreeWithADeque) {
  Random random(kSeed);
  NodeRing ring;
  std::deque<std::size_t> model;
  for (int step = 0; step < 20'000; ++step) {
    SCOPED_TRACE(testing::Message() << "seed " << kSeed << " step " << step);
    const bool is_growing = step / 1000 % 2 == 0;
    const std::size_t i = random.Below(model.size() + 1);
    if (random.Below(10) < (is_growing ? 8U : 3U)) {
      const std::size_t mark = random.Below(4) == 0 ? 0 : static_cast<std::size_t>(step);
      ring.Insert(i, Marked(mark));
      model.insert(model.begin() + static_cast<std::ptrdiff_t>(i), mark);
    } else if (random.Below(200) == 0) {
      const auto dropped = std::erase(model, 0);
      EXPECT_EQ(ring.DropEmpty(), dropped);
    } else {
      const std::size_t count = random.Below(std::min<std::size_t>(model.size() - i, 5) + 1);
      ring.Erase(i, count);
      const auto first = model.begin() + static_cast<std::ptrdiff_t>(i);
      model.erase(first, first + static_cast<std::ptrdiff_t>(count));
    }
    if (step % 10 == 0) ExpectEqual(ring, model);
    if (testing::Test::HasFailure()) return;
  }
}

TEST(NodeRing, GivesMemoryBack) {
  NodeRing ring;
  EXPECT_EQ(ring.memory_bytes(), 0U);
  for (std::size_t i = 0; i < 1000; ++i) ring.Insert(i, Marked(1));
  EXPECT_EQ(ring.memory_bytes(), 1024 * sizeof(ListNode));
  ring.Erase(0, 998);
  EXPECT_EQ(ring.memory_bytes(), 4 * sizeof(ListNode));
}

}  // namespace
}  // namespace cairn::value
