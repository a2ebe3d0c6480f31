// SPDX-License-Identifier: BSD-3-Clause
// Where a store goes with its last handle.
//
// Destroying a store waits for its threads, and the last handle may go on one of them: with a
// callback, a coroutine's frame or a timer's work that has held it. It is then destroyed by a
// thread of the process, the reaper, which starts with the first of them and is joined at exit.
//
// Thread safety: any thread.
#ifndef CAIRN_STORE_REAPER_H_
#define CAIRN_STORE_REAPER_H_

#include "store/body.h"

namespace cairn::store {

// Destroys it: here, or on a store's own thread soon, by the reaper.
void Dispose(cache::Store::Body* body);

}  // namespace cairn::store

#endif  // CAIRN_STORE_REAPER_H_
