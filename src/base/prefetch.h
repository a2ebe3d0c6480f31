// SPDX-License-Identifier: BSD-3-Clause
// PrefetchLine: a cache line is asked for ahead of its use.
//
// GCC takes __builtin_prefetch for nothing that happens: a function that does no more than that has
// no effect in its eyes, and calls of it are left out (seen with 12.2 at -O3, where the walk of a
// cut and the rebase of a segment waited for every node). The empty statement has one and costs no
// instruction.
#ifndef CAIRN_BASE_PREFETCH_H_
#define CAIRN_BASE_PREFETCH_H_

namespace cairn {

// Any address will do, also one that may not be read.
inline void PrefetchLine(const void* at) {
  __builtin_prefetch(at);
  asm volatile("");
}

}  // namespace cairn

#endif  // CAIRN_BASE_PREFETCH_H_
