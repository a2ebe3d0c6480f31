// SPDX-License-Identifier: BSD-3-Clause
// The book of leases: what it counts, and its limit.
#include "keyspace/leases.h"

#include <gtest/gtest.h>

#include <set>
#include <vector>

namespace cairn::keyspace {
namespace {

TEST(LeaseBook, CountsEachWayALeaseEnds) {
  LeaseBook book;
  Lease filled;
  Lease voided;
  Lease expired;
  ASSERT_TRUE(book.Grant(filled, 0, 1000, 50, 7, nullptr, 100));
  ASSERT_TRUE(book.Grant(voided, 0, 1000, 20, 7, nullptr, 100));
  ASSERT_TRUE(book.Grant(expired, 1, 1000, 30, 7, nullptr, 100));
  EXPECT_EQ(filled.until, 1050);
  EXPECT_EQ(filled.stamp, 7u);
  EXPECT_EQ(book.held(), 3);
  EXPECT_EQ(book.memory_bytes(), 300);
  EXPECT_EQ(book.next_due(0), 1020);
  EXPECT_EQ(book.next_due(1), 1030);
  EXPECT_EQ(book.next_due(2), kNever);

  book.End(filled);
  EXPECT_FALSE(filled.is_held());
  EXPECT_FALSE(filled.is_kept());
  book.Void(voided, 0);
  EXPECT_LT(book.next_due(0), 1000) << "it is swept at the next tick";
  EXPECT_FALSE(voided.is_held());
  EXPECT_TRUE(voided.is_kept()) << "the sweep finds it later";
  EXPECT_EQ(book.memory_bytes(), 200) << "what is voided is there until it is swept";
  EXPECT_FALSE(book.Expire(voided)) << "it was not held any more";
  EXPECT_TRUE(book.Expire(expired));
  EXPECT_EQ(book.held(), 0);
  EXPECT_EQ(book.memory_bytes(), 0);
  EXPECT_EQ(book.granted(), 3);
  EXPECT_EQ(book.voided(), 1);
  EXPECT_EQ(book.timed_out(), 1);
  book.ResetStatistics();
  EXPECT_EQ(book.granted(), 0);
}

TEST(LeaseBook, AVoidedOneIsGrantedAnewWithAnotherToken) {
  LeaseBook book;
  Lease lease;
  ASSERT_TRUE(book.Grant(lease, 0, 0, 10, 0, nullptr, 100));
  const std::uint64_t token = lease.token;
  lease.min_version = 9;
  book.Void(lease, 0);
  ASSERT_TRUE(book.Grant(lease, 0, 5, 10, 0, nullptr, 100));
  EXPECT_NE(lease.token, token);
  EXPECT_EQ(book.memory_bytes(), 100) << "charged once";
  EXPECT_EQ(lease.min_version, 0u) << "the demand was another reader's";
  book.End(lease);
  EXPECT_EQ(book.held(), 0);
}

TEST(LeaseBook, TokensOfTwoProcessesDiffer) {
  std::set<std::uint64_t> tokens;
  for (int process = 0; process < 20; ++process) {
    LeaseBook book;
    Lease lease;
    for (int n = 0; n < 10; ++n) {
      ASSERT_TRUE(book.Grant(lease, 0, 0, 1, 0, nullptr, 100));
      EXPECT_GT(lease.token, 0u);
      EXPECT_LE(lease.token, std::uint64_t{INT64_MAX});
      EXPECT_TRUE(tokens.insert(lease.token).second);
      book.End(lease);
    }
  }
}

TEST(LeaseBook, GrantsNoMoreThanItsLimit) {
  LeaseBook book;
  std::vector<Lease> leases(LeaseBook::kLeasesMax);
  for (Lease& lease : leases) ASSERT_TRUE(book.Grant(lease, 0, 0, 10, 0, nullptr, 100));
  Lease one_more;
  EXPECT_FALSE(book.Grant(one_more, 0, 0, 10, 0, nullptr, 100));
  EXPECT_FALSE(one_more.is_held());
  book.Void(leases[0], 0);
  EXPECT_FALSE(book.Grant(one_more, 0, 0, 10, 0, nullptr, 100))
      << "a voided one is kept until it is swept";
  EXPECT_TRUE(book.Grant(leases[0], 0, 0, 10, 0, nullptr, 100)) << "but it may be granted anew";
  book.End(leases[1]);
  EXPECT_TRUE(book.Grant(one_more, 0, 0, 10, 0, nullptr, 100));
  EXPECT_EQ(book.held(), LeaseBook::kLeasesMax);
}

}  // namespace
}  // namespace cairn::keyspace
