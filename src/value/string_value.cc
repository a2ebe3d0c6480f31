// SPDX-License-Identifier: BSD-3-Clause
// A number's text is stored in Redis as a number, which is why "12" is an int and "012" is not.
#include "value/string_value.h"

#include "base/hash.h"
#include "base/text.h"

namespace cairn::value {

StringEncoding StringEncodingOf(std::string_view bytes, StringOrigin origin) {
  if (origin == StringOrigin::kChangedInPlace) return StringEncoding::kRaw;
  if (origin == StringOrigin::kSet && bytes.size() <= kInt64TextMax && ParseInt64(bytes))
    return StringEncoding::kInt;
  return bytes.size() <= kEmbeddedStringMax ? StringEncoding::kEmbedded : StringEncoding::kRaw;
}

std::string_view StringEncodingName(StringEncoding encoding) {
  switch (encoding) {
    case StringEncoding::kInt:
      return "int";
    case StringEncoding::kEmbedded:
      return "embstr";
    case StringEncoding::kRaw:
      return "raw";
  }
  return "raw";
}

std::string Digest(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text(kDigestDigits, '0');
  std::uint64_t hash = Xxh3(bytes);
  for (std::size_t i = kDigestDigits; i != 0; --i, hash >>= 4) text[i - 1] = kDigits[hash & 0xf];
  return text;
}

std::optional<std::uint64_t> ParseDigest(std::string_view text) {
  if (text.size() != kDigestDigits) return std::nullopt;
  std::uint64_t hash = 0;
  for (const char digit : text) {
    const char lower = static_cast<char>(digit | 0x20);
    if (digit >= '0' && digit <= '9') {
      hash = hash << 4 | static_cast<std::uint64_t>(digit - '0');
    } else if (lower >= 'a' && lower <= 'f') {
      hash = hash << 4 | static_cast<std::uint64_t>(lower - 'a' + 10);
    } else {
      return std::nullopt;
    }
  }
  return hash;
}

}  // namespace cairn::value
