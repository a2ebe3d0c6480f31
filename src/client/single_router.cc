// SPDX-License-Identifier: BSD-3-Clause
// One channel, which looks for the master each time that it connects.
#include "client/single_router.h"

#include <algorithm>
#include <utility>

namespace cairn::client {

SingleRouter::SingleRouter(Reactor& reactor, DialPlan plan) : plan_(std::move(plan)) {
  Channel::Hooks hooks;
  if (plan_.uri.kind == Uri::Kind::kSentinel)
    hooks.takes_over = [this](const RequestPtr& request) { return SendElsewhere(request); };
  channel_ = std::make_shared<Channel>(reactor, plan_, Channel::Life::kOnDemand, std::move(hooks));
}

// Only if none of its commands has been run: each says so itself.
bool SingleRouter::SendElsewhere(const RequestPtr& request) {
  const bool refused = std::ranges::all_of(request->replies, [](const auto& reply) {
    return !reply && reply.error().server_code() == "READONLY";
  });
  if (!refused || request->redirections == kRedirectionsMax) return false;
  ++request->redirections;
  request->replies.clear();
  const auto channel = channel_;
  channel->Drop("the server is no master any more");
  channel->Submit(request);
  return true;
}

}  // namespace cairn::client
