// SPDX-License-Identifier: BSD-3-Clause
// See cairn_art.h.
//
// Stones grow towards the ground, from three columns to the whole width, each a little off its
// share and off the middle. A stone is one line: "(", its body, ")".
#include "server/cairn_art.h"

#include <algorithm>

namespace cairn::server {
namespace {

constexpr std::int64_t kStoneColumnsMin = 3;
constexpr std::string_view kTexture = "____.,_-";

std::int64_t Jitter(Random& random, std::int64_t most) {
  return static_cast<std::int64_t>(random.Below(static_cast<std::uint64_t>(2 * most + 1))) - most;
}

}  // namespace

std::string DrawCairn(std::int64_t columns, std::int64_t stones, Random& random) {
  columns = std::clamp(columns, kStoneColumnsMin, kArtColumnsMax);
  stones = std::clamp<std::int64_t>(stones, 1, kArtStonesMax);
  std::string picture;
  for (std::int64_t i = 0; i < stones; ++i) {
    const std::int64_t share = columns * (i + 1) / stones;
    const std::int64_t width =
        std::clamp(share + Jitter(random, columns / 12), kStoneColumnsMin, columns);
    const std::int64_t slack = columns - width;
    const std::int64_t margin =
        std::clamp<std::int64_t>(slack / 2 + Jitter(random, columns / 24), 0, slack);
    picture.append(static_cast<std::size_t>(margin), ' ');
    picture += '(';
    for (std::int64_t column = 2; column < width; ++column)
      picture += kTexture[random.Below(kTexture.size())];
    picture += ")\n";
  }
  return picture;
}

}  // namespace cairn::server
