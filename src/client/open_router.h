// SPDX-License-Identifier: BSD-3-Clause
// The router for a URI.
#ifndef CAIRN_CLIENT_OPEN_ROUTER_H_
#define CAIRN_CLIENT_OPEN_ROUTER_H_

#include <memory>

#include "client/reactor.h"
#include "client/router.h"

namespace cairn::client {

// `reactor` outlives it.
std::unique_ptr<Router> OpenRouter(Reactor& reactor, DialPlan plan);

}  // namespace cairn::client

#endif  // CAIRN_CLIENT_OPEN_ROUTER_H_
