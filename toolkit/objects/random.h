// SPDX-License-Identifier: BSD-3-Clause
// Random bytes from the kernel (getrandom(2)): for names that nobody may guess or draw twice.
//
// Errors: none; a kernel without it ends the program, rather than that an id could be guessed.
// Thread safety: any thread. Cost: a system call, some 300 ns.
#ifndef CAIRN_TOOLKIT_OBJECTS_RANDOM_H_
#define CAIRN_TOOLKIT_OBJECTS_RANDOM_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "cairn/clock.h"

namespace cairn::cache::internal {

// `bytes` of them as twice as many hexadecimal digits. REQUIRES: bytes <= 64.
std::string RandomHex(std::size_t bytes);
std::uint64_t RandomNumber();

// How long to pause before one asks again: doubling from kFirst to kMost, and at random between
// half of that and all, so that those who wait do not ask together.
class BackOff {
 public:
  static constexpr Duration kFirst = std::chrono::milliseconds(4);
  static constexpr Duration kMost = std::chrono::milliseconds(256);

  Duration Next();

 private:
  Duration most_ = kFirst;
};

}  // namespace cairn::cache::internal

#endif  // CAIRN_TOOLKIT_OBJECTS_RANDOM_H_
