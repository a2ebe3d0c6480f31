// SPDX-License-Identifier: BSD-3-Clause
// Globs: any pattern against any text ends in time, and on small inputs agrees with the plain
// recursive matcher.
//
//     input = case-byte share-byte pattern text      the pattern takes share/256 of what follows
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "base/glob.h"
#include "base/glob_model.h"

namespace {

// The work is bounded by pattern * text; this keeps one input under a tenth of a second.
constexpr std::size_t kInputMax = 8192;
// The model is exponential in the stars.
constexpr std::size_t kModelTextMax = 16;
constexpr std::ptrdiff_t kModelStarsMax = 5;

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const auto mode = data[0] % 2 == 0 ? cairn::GlobCase::kSensitive : cairn::GlobCase::kIgnore;
  const std::string_view rest(reinterpret_cast<const char*>(data) + 2,
                              std::min(size - 2, kInputMax));
  const std::string_view pattern = rest.substr(0, rest.size() * data[1] / 256);
  const std::string_view text = rest.substr(pattern.size());
  const bool matched = cairn::GlobMatch(pattern, text, mode);
  const std::ptrdiff_t stars = std::count(pattern.begin(), pattern.end(), '*');
  if (text.size() <= kModelTextMax && stars <= kModelStarsMax) {
    CHECK(matched == cairn::GlobModel(pattern, text, mode));
  }
  return 0;
}
