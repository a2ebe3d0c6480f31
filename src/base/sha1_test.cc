// SPDX-License-Identifier: BSD-3-Clause
// The digests were computed by Python's hashlib.
#include "base/sha1.h"

#include <gtest/gtest.h>

#include <string>

namespace cairn {
namespace {

std::string Hex(std::string_view bytes) { return std::string(View(Sha1Hex(bytes))); }

TEST(Sha1, KnownDigests) {
  EXPECT_EQ(Hex(""), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
  EXPECT_EQ(Hex("abc"), "a9993e364706816aba3e25717850c26c9cd0d89d");
}

// Around the lengths at which the padding takes a block more.
TEST(Sha1, EveryLengthOfATail) {
  EXPECT_EQ(Hex(std::string(55, 'x')), "cef734ba81a024479e09eb5a75b6ddae62e6abf1");
  EXPECT_EQ(Hex(std::string(56, 'x')), "901305367c259952f4e7af8323f480d59f81335b");
  EXPECT_EQ(Hex(std::string(63, 'x')), "0ddc4e0cccd9a12850deb5abb0853a4425559fec");
  EXPECT_EQ(Hex(std::string(64, 'x')), "bb2fa3ee7afb9f54c6dfb5d021f14b1ffe40c163");
  EXPECT_EQ(Hex(std::string(65, 'x')), "78c741ddc482e4cdf8c474a0876347a0905b6233");
  EXPECT_EQ(Hex(std::string(119, 'x')), "4300320394f7ee239bcdce7d3b8bcee173a0cd5c");
  EXPECT_EQ(Hex(std::string(120, 'x')), "ceb2821639c4b6dcb10bce0e522ca2e608ce056d");
  EXPECT_EQ(Hex(std::string(1000, 'x')), "c3efa690fa3fdd2e2526853eed670538ea127638");
}

}  // namespace
}  // namespace cairn
