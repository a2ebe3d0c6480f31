// SPDX-License-Identifier: BSD-3-Clause
// A lock and its text are one: whatever its owner is called, and nothing else is a lock.
#include "value/lock.h"

#include <gtest/gtest.h>

namespace cairn::value {
namespace {

using std::string_literals::operator""s;

TEST(Lock, ComesBackAsItWas) {
  for (const std::string& owner :
       {"a"s, "a:b:7"s, "\0\r\n\xff"s, std::string(kLockOwnerMax, 'x')}) {
    for (const std::int64_t fence :
         {std::int64_t{1}, std::int64_t{1'700'000'000'000'000}, kFenceMax}) {
      const std::string text = FormatLock({.fence = fence, .owner = owner});
      const std::optional<LockState> lock = ParseLock(text);
      ASSERT_TRUE(lock) << text;
      EXPECT_EQ(lock->fence, fence);
      EXPECT_EQ(lock->owner, owner);
    }
  }
}

TEST(Lock, TextsThatAreNone) {
  for (const std::string& text :
       {""s, "L1:"s, "L1:1"s, "L1:1:"s, "L1::a"s, "L1:0:a"s, "L1:-1:a"s, "L1:01:a"s, "L2:1:a"s,
        "l1:1:a"s, "L1:1152921504606846977:a"s, "L1:9223372036854775808:a"s, "plain"s,
        "L1:1:" + std::string(kLockOwnerMax + 1, 'x')}) {
    EXPECT_FALSE(ParseLock(text)) << text;
  }
}

}  // namespace
}  // namespace cairn::value
