// SPDX-License-Identifier: BSD-3-Clause
// One place, or many.
#include "client/open_router.h"

#include <utility>

#include "client/cluster_router.h"
#include "client/single_router.h"

namespace cairn::client {

std::unique_ptr<Router> OpenRouter(Reactor& reactor, DialPlan plan) {
  if (plan.uri.kind == Uri::Kind::kCluster)
    return std::make_unique<ClusterRouter>(reactor, std::move(plan));
  return std::make_unique<SingleRouter>(reactor, std::move(plan));
}

}  // namespace cairn::client
