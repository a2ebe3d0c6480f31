// SPDX-License-Identifier: BSD-3-Clause
// What the tests of hashes and sets share: a home for tables, bytes that a thread has from the
// allocator, and random texts of the kinds that choose a form.
#ifndef CAIRN_VALUE_COLLECTION_TESTING_H_
#define CAIRN_VALUE_COLLECTION_TESTING_H_

#include <cstdint>
#include <string>

#include "base/random.h"
#include "ds/slab.h"
#include "value/node_table.h"

#ifdef CAIRN_JEMALLOC
extern "C" int mallctl(const char* name, void* old, std::size_t* old_size, void* with,
                       std::size_t with_size);
#endif

namespace cairn::value {

struct TestHome {
  ds::SlabArena arena;
  TableHome home{.arena = &arena, .seed = HashSeed(7)};
};

// Bytes that this thread holds from the allocator; 0 where the allocator does not say.
inline std::int64_t HeldBytes() {
  std::int64_t held = 0;
#ifdef CAIRN_JEMALLOC
  std::uint64_t allocated = 0;
  std::uint64_t freed = 0;
  std::size_t size = sizeof(allocated);
  if (mallctl("thread.allocated", &allocated, &size, nullptr, 0) != 0) return 0;
  if (mallctl("thread.deallocated", &freed, &size, nullptr, 0) != 0) return 0;
  held = static_cast<std::int64_t>(allocated - freed);
#endif
  return held;
}

enum class TextKind { kSmallNumber, kNumber, kShort, kLong, kHuge };

inline std::string RandomText(Random& random, TextKind kind, std::uint64_t variety) {
  const std::uint64_t pick = random.Below(variety);
  switch (kind) {
    case TextKind::kSmallNumber:
      return std::to_string(pick);
    case TextKind::kNumber:
      return std::to_string(static_cast<std::int64_t>(pick * 0x9e3779b97f4a7c15) >> (pick & 31));
    case TextKind::kShort:
      return "m" + std::to_string(pick);
    case TextKind::kLong:
      return std::string(60 + pick % 10, 'l') + std::to_string(pick);
    case TextKind::kHuge:
      return std::string(250 + pick % 1000, 'h') + std::to_string(pick);
  }
  return {};
}

}  // namespace cairn::value

#endif  // CAIRN_VALUE_COLLECTION_TESTING_H_
