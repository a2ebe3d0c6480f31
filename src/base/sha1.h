// SPDX-License-Identifier: BSD-3-Clause
// SHA-1 (FIPS 180-4), by which clients name scripts. Not for security: collisions are known.
//
// Pure. Cost: about 3 ns a byte.
#ifndef CAIRN_BASE_SHA1_H_
#define CAIRN_BASE_SHA1_H_

#include <array>
#include <string_view>

namespace cairn {

// The digest in lower-case hexadecimal.
using Sha1Text = std::array<char, 40>;
Sha1Text Sha1Hex(std::string_view bytes);

inline std::string_view View(const Sha1Text& text) { return {text.data(), text.size()}; }

}  // namespace cairn

#endif  // CAIRN_BASE_SHA1_H_
