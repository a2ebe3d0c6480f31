// SPDX-License-Identifier: BSD-3-Clause
// A head takes exactly the requests that the parser would have read as the same command with one
// short argument, whole.
#include "resp/read_head.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/random.h"
#include "resp/parser.h"

namespace cairn::resp {
namespace {

std::string GetOf(std::string_view key) {
  return "*2\r\n$3\r\nGET\r\n$" + std::to_string(key.size()) + "\r\n" + std::string(key) + "\r\n";
}

ReadHead HeadOfGet() { return ReadHead("*2\r\n$3\r\nGET\r\n"); }

struct Case {
  const char* name;
  std::string input;
  bool taken;
};

class ReadHeadCases : public ::testing::TestWithParam<Case> {};

TEST_P(ReadHeadCases, TakesOrLeaves) {
  const std::string& input = GetParam().input;
  // In memory of exactly this size, so that the address sanitizer sees a read beyond it.
  const std::vector<char> exact(input.begin(), input.end());
  std::string_view argument;
  const char* after = HeadOfGet().Take(exact.data(), exact.data() + exact.size(), &argument);
  EXPECT_EQ(after != nullptr, GetParam().taken);
}

INSTANTIATE_TEST_SUITE_P(
    Inputs, ReadHeadCases,
    ::testing::Values(Case{"Empty", "", false}, Case{"Short", GetOf("k"), true},
                      Case{"EmptyKey", GetOf(""), true},
                      Case{"TwoDigits", GetOf(std::string(99, 'k')), true},
                      Case{"ThreeDigits", GetOf(std::string(100, 'k')), false},
                      Case{"OtherCase", "*2\r\n$3\r\nget\r\n$1\r\nk\r\n", false},
                      Case{"OtherName", "*2\r\n$3\r\nDEL\r\n$1\r\nk\r\n", false},
                      Case{"MoreArguments", "*3\r\n$3\r\nGET\r\n$1\r\nk\r\n$1\r\nk\r\n", false},
                      Case{"LeadingZero", "*2\r\n$3\r\nGET\r\n$01\r\nk\r\n", false},
                      Case{"NoDigit", "*2\r\n$3\r\nGET\r\n$x\r\nk\r\n", false},
                      Case{"Negative", "*2\r\n$3\r\nGET\r\n$-1\r\nk\r\n", false},
                      Case{"NotABulk", "*2\r\n$3\r\nGET\r\n:1\r\nk\r\n", false},
                      Case{"HeadOnly", "*2\r\n$3\r\nGET\r\n", false},
                      Case{"KeyMissing", "*2\r\n$3\r\nGET\r\n$5\r\nke", false},
                      Case{"EndMissing", "*2\r\n$3\r\nGET\r\n$1\r\nk\r", false}),
    [](const auto& test) { return test.param.name; });

// Whatever stands in the input, cut anywhere: what is taken is what the parser takes.
TEST(ReadHead, AgreesWithTheParser) {
  constexpr std::uint64_t kSeed = 20261121;
  Random random(kSeed);
  for (int round = 0; round < 20'000; ++round) {
    std::string input = GetOf(std::string(random.Below(110), 'k')) + GetOf("next");
    if (random.Below(2) == 0) input[random.Below(input.size())] = "$*0129\r\nkG"[random.Below(10)];
    input.resize(random.Below(input.size() + 1));
    const std::vector<char> exact(input.begin(), input.end());
    std::string_view argument;
    const char* after = HeadOfGet().Take(exact.data(), exact.data() + exact.size(), &argument);
    if (after == nullptr) continue;
    Parser parser;
    ArgArena arena;
    Request request;
    ASSERT_EQ(parser.Next({exact.data(), exact.size()}, Limits{}, arena, &request),
              Outcome::kRequest)
        << "seed " << kSeed << " round " << round;
    ASSERT_EQ(request.argc, 2u);
    ASSERT_EQ(request.args[0], "GET");
    ASSERT_EQ(request.args[1], argument);
    ASSERT_EQ(request.consumed, static_cast<std::size_t>(after - exact.data()));
  }
}

}  // namespace
}  // namespace cairn::resp
