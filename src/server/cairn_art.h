// SPDX-License-Identifier: BSD-3-Clause
// The picture of LOLWUT: a cairn, stone upon stone.
#ifndef CAIRN_SERVER_CAIRN_ART_H_
#define CAIRN_SERVER_CAIRN_ART_H_

#include <cstdint>
#include <string>

#include "base/random.h"

namespace cairn::server {

inline constexpr std::int64_t kArtColumnsMax = 1000;
inline constexpr std::int64_t kArtStonesMax = 200;

// `stones` in a pile at most `columns` wide, each line with its '\n'. No two piles are alike.
// Numbers out of bounds are brought into them.
std::string DrawCairn(std::int64_t columns, std::int64_t stones, Random& random);

}  // namespace cairn::server

#endif  // CAIRN_SERVER_CAIRN_ART_H_
