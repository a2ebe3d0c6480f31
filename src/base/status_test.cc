// SPDX-License-Identifier: BSD-3-Clause
// Status and Result: the values of operating errors.
#include "base/status.h"

#include <gtest/gtest.h>

namespace cairn {
namespace {

TEST(StatusTest, OkIsOnePointerAndSaysOk) {
  const Status status;
  EXPECT_TRUE(status.ok());
  EXPECT_EQ(status.message(), "OK");
  EXPECT_EQ(sizeof(Status), sizeof(void*));
  EXPECT_TRUE(status.Annotate("context").ok());
}

TEST(StatusTest, ErrorKeepsCodeAndMessage) {
  const Status status(StatusCode::kIo, "disk full");
  EXPECT_FALSE(status.ok());
  EXPECT_EQ(status.code(), StatusCode::kIo);
  EXPECT_EQ(status.message(), "disk full");
}

TEST(StatusTest, AnnotatePutsContextInFront) {
  const Status status(StatusCode::kCorrupt, "bad byte");
  const Status annotated = status.Annotate("line 7").Annotate("loading configuration");
  EXPECT_EQ(annotated.message(), "loading configuration: line 7: bad byte");
  EXPECT_EQ(annotated.code(), StatusCode::kCorrupt);
  EXPECT_EQ(status.message(), "bad byte");
}

TEST(StatusTest, CopiesAreIndependent) {
  Status status(StatusCode::kLimit, "too many");
  Status copy = status;
  status = Status();
  EXPECT_TRUE(status.ok());
  EXPECT_EQ(copy.message(), "too many");
  const Status& self = copy;
  copy = self;
  EXPECT_EQ(copy.message(), "too many");
  const Status moved = std::move(copy);
  EXPECT_EQ(moved.code(), StatusCode::kLimit);
}

Result<int> Half(int number) {
  if (number % 2 != 0) return Fail(StatusCode::kInvalid, "odd");
  return number / 2;
}

TEST(StatusTest, ResultIsAValueOrAStatus) {
  EXPECT_EQ(Half(8), 4);
  const Result<int> failed = Half(7);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code(), StatusCode::kInvalid);
  EXPECT_EQ(failed.error().Annotate("halving").message(), "halving: odd");
}

}  // namespace
}  // namespace cairn
