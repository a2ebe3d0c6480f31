// SPDX-License-Identifier: BSD-3-Clause
// A store behind sockets: its client, and what was found out about the server.
#ifndef CAIRN_STORE_REMOTE_STORE_H_
#define CAIRN_STORE_REMOTE_STORE_H_

#include <memory>
#include <string_view>

#include "store/body.h"

namespace cairn::store {

// Connects, and asks the server what it is.
cache::Result<std::unique_ptr<cache::Store::Body>> OpenRemote(std::string_view uri,
                                                              const cache::StoreOptions& options);

}  // namespace cairn::store

#endif  // CAIRN_STORE_REMOTE_STORE_H_
