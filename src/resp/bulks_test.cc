// SPDX-License-Identifier: BSD-3-Clause
// BulksWithin: requests as a client writes them, and all that only looks like it.
#include "resp/bulks.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace cairn::resp {
namespace {

// The arguments of `input` at these places.
struct Place {
  std::size_t at, size;
};

std::string_view Within(std::string_view input, std::array<Place, 2> places) {
  const std::array<std::string_view, 2> args = {input.substr(places[0].at, places[0].size),
                                                input.substr(places[1].at, places[1].size)};
  return BulksWithin(input, args);
}

TEST(BulksWithin, AreWhatWasSent) {
  const std::string_view input = "*3\r\n$7\r\nPUBLISH\r\n$2\r\nch\r\n$11\r\nhello world\r\n*1\r\n";
  EXPECT_EQ(Within(input, {{{21, 2}, {30, 11}}}), "$2\r\nch\r\n$11\r\nhello world\r\n");
  const std::string_view one[] = {input.substr(30, 11)};
  EXPECT_EQ(BulksWithin(input, one), "$11\r\nhello world\r\n");
  const std::string_view empty = "$0\r\n\r\n$0\r\n\r\n";
  EXPECT_EQ(Within(empty, {{{4, 0}, {10, 0}}}), empty);
}

TEST(BulksWithin, AreNothingElse) {
  const struct {
    const char* what;
    std::string_view input;
    std::array<Place, 2> places;
  } rows[] = {
      {"words of a line", "PUBLISH ch hello\r\n", {{{8, 2}, {11, 5}}}},
      {"another length", "$3\r\nch\r\n$5\r\nhello\r\n", {{{4, 2}, {12, 5}}}},
      {"a leading zero", "$02\r\nch\r\n$5\r\nhello\r\n", {{{5, 2}, {13, 5}}}},
      {"another byte behind '\\r'", "$2\r.ch\r\n$5\r\nhello\r\n", {{{4, 2}, {12, 5}}}},
      {"another end", "$2\r\nch\r\n$5\r\nhello..", {{{4, 2}, {12, 5}}}},
      {"another end of the first", "$2\r\nch..$5\r\nhello\r\n", {{{4, 2}, {12, 5}}}},
      {"no end", "$2\r\nch\r\n$5\r\nhello", {{{4, 2}, {12, 5}}}},
      {"no header", "ch\r\n$5\r\nhello\r\n", {{{0, 2}, {8, 5}}}},
      {"another order", "$5\r\nhello\r\n$2\r\nch\r\n", {{{15, 2}, {4, 5}}}},
      {"something between", "$2\r\nch\r\n$1\r\nx\r\n$5\r\nhello\r\n", {{{4, 2}, {19, 5}}}},
  };
  for (const auto& row : rows) EXPECT_EQ(Within(row.input, row.places), "") << row.what;
  const std::string elsewhere = "$2\r\nch\r\n";
  const std::string_view args[] = {std::string_view(elsewhere).substr(4, 2)};
  EXPECT_EQ(BulksWithin("$2\r\nch\r\n", args), "");
  EXPECT_EQ(BulksWithin({}, args), "");
}

}  // namespace
}  // namespace cairn::resp
