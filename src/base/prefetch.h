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

// The same for a line that is going to be written. It is this core's alone then: a store that has
// to wait for its line holds up the next locked instruction, which waits for all stores before it.
inline void PrefetchLineToWrite(void* at) {
#ifdef __x86_64__
  // Without -mprfchw the builtin asks for a line to be read. Where there is no such instruction it
  // does nothing.
  asm volatile("prefetchw %0" : : "m"(*static_cast<char*>(at)));
#else
  __builtin_prefetch(at, 1);
  asm volatile("");
#endif
}

}  // namespace cairn

#endif  // CAIRN_BASE_PREFETCH_H_
