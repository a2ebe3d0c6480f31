// SPDX-License-Identifier: BSD-3-Clause
// Numbers and words as text: what is read and shown again is what it was, and nothing that is
// malformed is read.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "base/text.h"

namespace {

// Only the canonical text of an integer is an integer.
void CheckIntegers(std::string_view text) {
  char shown[cairn::kInt64TextMax];
  const auto number = cairn::ParseInt64(text);
  if (number) CHECK(std::string_view(shown, cairn::FormatInt64(shown, *number)) == text);
  const auto natural = cairn::ParseUint64(text);
  if (natural) CHECK(std::string_view(shown, cairn::FormatUint64(shown, *natural)) == text);
  if (number && *number >= 0) CHECK(natural == static_cast<std::uint64_t>(*number));
  const auto size = cairn::ParseMemorySize(text);
  if (size) CHECK(*size >= 0);
}

void CheckDouble(double number) {
  char shown[cairn::kDoubleTextMax];
  const std::string_view text(shown, cairn::FormatDouble(shown, number));
  const auto again = cairn::ParseDouble(text);
  CHECK(again.has_value() == !std::isnan(number));
  if (again) CHECK(*again == number);
}

void CheckFloats(std::string_view text) {
  const auto number = cairn::ParseDouble(text);
  if (number) CHECK(!std::isnan(*number));
  if (number) CheckDouble(*number);
  const auto long_number = cairn::ParseLongDouble(text);
  if (!long_number) return;
  // Seventeen decimals do not hold every long double, but what they hold they hold for good.
  const std::string shown = cairn::FormatLongDouble(*long_number);
  const auto again = cairn::ParseLongDouble(shown);
  CHECK(again.has_value());
  CHECK(cairn::FormatLongDouble(*again) == shown);
}

// The first bytes as the numbers that they are in memory.
void CheckBits(std::string_view bytes) {
  std::uint64_t bits = 0;
  if (bytes.size() < sizeof(bits)) return;
  std::memcpy(&bits, bytes.data(), sizeof(bits));
  char shown[cairn::kInt64TextMax];
  const auto number = static_cast<std::int64_t>(bits);
  CHECK(cairn::ParseInt64({shown, cairn::FormatInt64(shown, number)}) == number);
  CHECK(cairn::ParseUint64({shown, cairn::FormatUint64(shown, bits)}) == bits);
  double real;
  std::memcpy(&real, bytes.data(), sizeof(real));
  CheckDouble(real);
}

void CheckWords(std::string_view text) {
  const auto whole = cairn::SplitWords(cairn::QuoteString(text));
  CHECK(whole == std::vector<std::string>{std::string(text)});
  const auto words = cairn::SplitWords(text);
  if (!words) return;
  std::string quoted;
  for (const std::string& word : *words) quoted += cairn::QuoteString(word) + " ";
  CHECK(cairn::SplitWords(quoted) == *words);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  CheckIntegers(text);
  CheckFloats(text);
  CheckBits(text);
  CheckWords(text);
  return 0;
}
