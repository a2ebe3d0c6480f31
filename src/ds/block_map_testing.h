// SPDX-License-Identifier: BSD-3-Clause
// What tests of block maps are about: a value of 24 bytes, so that a block has some sixty.
#ifndef CAIRN_DS_BLOCK_MAP_TESTING_H_
#define CAIRN_DS_BLOCK_MAP_TESTING_H_

#include <cstdint>

#include "ds/block_map.h"

namespace cairn::ds::testing {

struct Payload {
  std::uint64_t number;
  std::uint64_t more[2];
};
using Map = BlockMap<std::uint64_t, Payload>;

}  // namespace cairn::ds::testing

#endif  // CAIRN_DS_BLOCK_MAP_TESTING_H_
