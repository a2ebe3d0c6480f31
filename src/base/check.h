// SPDX-License-Identifier: BSD-3-Clause
// CHECK: programmer errors stop the process, with the place and the condition.
//
// CHECK is always on and cheap; DCHECK is on where NDEBUG is not defined. Neither may be reachable
// from a socket or a file: bad input gets a reply or a Status.
#ifndef CAIRN_BASE_CHECK_H_
#define CAIRN_BASE_CHECK_H_

namespace cairn {

// Prints "file:line: CHECK failed: text" to standard error and aborts.
[[noreturn, gnu::cold]] void CheckFailed(const char* file, int line, const char* text);

}  // namespace cairn

#define CHECK(condition)                                    \
  do {                                                      \
    if (!(condition)) [[unlikely]]                          \
      ::cairn::CheckFailed(__FILE__, __LINE__, #condition); \
  } while (false)

#ifdef NDEBUG
#define DCHECK(condition) \
  do {                    \
  } while (false && (condition))
#else
#define DCHECK(condition) CHECK(condition)
#endif

#endif  // CAIRN_BASE_CHECK_H_
