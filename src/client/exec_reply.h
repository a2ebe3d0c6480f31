// SPDX-License-Identifier: BSD-3-Clause
// What the replies to MULTI, the commands and EXEC come to.
#ifndef CAIRN_CLIENT_EXEC_REPLY_H_
#define CAIRN_CLIENT_EXEC_REPLY_H_

#include <vector>

#include "cairn/client.h"

namespace cairn::client {

// `replies` end with EXEC's. kConflict if that is null.
cache::Result<std::vector<cache::Reply>> TakeExecReply(cache::Replies replies);

}  // namespace cairn::client

#endif  // CAIRN_CLIENT_EXEC_REPLY_H_
