// SPDX-License-Identifier: BSD-3-Clause
// Sentinel discovery: which server is the master, as the Sentinels say and as it says itself.
#ifndef CAIRN_CLIENT_SENTINEL_H_
#define CAIRN_CLIENT_SENTINEL_H_

#include "client/dial.h"

namespace cairn::client {

// Asks the URI's Sentinels one after the other; the first whose master says that it is one (ROLE)
// decides. A Sentinel that was cut off may name one that has been deposed, hence the second
// question. Sentinels are asked without user and password, masters with those of the URI.
cache::Result<Endpoint> FindMaster(const DialPlan& plan, GivesUp gives_up);

}  // namespace cairn::client

#endif  // CAIRN_CLIENT_SENTINEL_H_
