// SPDX-License-Identifier: BSD-3-Clause
// Redirections are read from the text of the error, "MOVED 3999 127.0.0.1:6381".
#include "client/cluster_router.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "base/hash.h"
#include "base/text.h"
#include "client/wire.h"

namespace cairn::client {

using cache::Errc;
using cache::Reply;

namespace {

constexpr std::int64_t kAgainUs = 20'000;  // after so long something may have changed

struct Redirection {
  std::size_t slot = 0;
  Endpoint endpoint;
};

// "3999 host:port"; an empty host is that of the node that says it.
std::optional<Redirection> ParseRedirection(std::string_view text, const std::string& own_host) {
  const std::size_t blank = text.find(' ');
  const std::size_t colon = text.rfind(':');
  if (blank == text.npos || colon == text.npos || colon < blank) return std::nullopt;
  const auto slot = ParseInt64(text.substr(0, blank));
  const auto port = ParseInt64(text.substr(colon + 1));
  if (!slot || *slot < 0 || *slot >= kSlotCount || !port || *port < 1 || *port > UINT16_MAX)
    return std::nullopt;
  std::string host(text.substr(blank + 1, colon - blank - 1));
  if (host.empty()) host = own_host;
  return Redirection{
      .slot = static_cast<std::size_t>(*slot),
      .endpoint = {.host = std::move(host), .port = static_cast<std::uint16_t>(*port)}};
}

// Nothing has been run, and later it may be.
bool IsForLater(std::string_view code) {
  return code == "TRYAGAIN" || code == "CLUSTERDOWN" || code == "LOADING" || code == "MASTERDOWN";
}

}  // namespace

ClusterRouter::ClusterRouter(Reactor& reactor, DialPlan plan, ClusterWatch watch)
    : reactor_(reactor),
      plan_(std::move(plan)),
      watch_(std::move(watch)),
      alive_(std::make_shared<bool>(true)) {
  for (const Endpoint& endpoint : plan_.uri.endpoints) NodeAt(endpoint);
}

int ClusterRouter::NodeAt(const Endpoint& endpoint) {
  const auto found = std::ranges::find(nodes_, endpoint, &Node::endpoint);
  if (found != nodes_.end()) return static_cast<int>(found - nodes_.begin());
  if (nodes_.size() == kNodesMax) return -1;
  nodes_.push_back({.endpoint = endpoint, .channel = nullptr});
  return static_cast<int>(nodes_.size()) - 1;
}

Channel& ClusterRouter::ChannelOf(int node) {
  std::shared_ptr<Channel>& channel = nodes_[static_cast<std::size_t>(node)].channel;
  if (channel == nullptr) {
    DialPlan plan = plan_;
    plan.endpoint = nodes_[static_cast<std::size_t>(node)].endpoint;
    Channel::Hooks hooks;
    hooks.takes_over = [this, node](const RequestPtr& request) { return TakeOver(node, request); };
    hooks.on_up = [this, node](const Dialed&) {
      nodes_[static_cast<std::size_t>(node)].is_up = true;
    };
    hooks.on_down = [this, node](const cache::Error&) { OnDown(node); };
    if (watch_.on_push) hooks.on_push = watch_.on_push;
    channel = std::make_shared<Channel>(reactor_, std::move(plan), Channel::Life::kOnDemand,
                                        std::move(hooks));
  }
  return *channel;
}

void ClusterRouter::OnDown(int node) {
  if (is_closed_) return;
  const bool was_up = std::exchange(nodes_[static_cast<std::size_t>(node)].is_up, false);
  if (was_up && watch_.on_lost) watch_.on_lost();
  Refresh();
}

// Who serves it; any that serves something, for no slot.
int ClusterRouter::NodeFor(int slot) {
  if (slot < 0) slot = static_cast<int>(reactor_.random().Below(kSlotCount));
  if (map_.empty()) return 0;
  return map_[static_cast<std::size_t>(slot)];
}

void ClusterRouter::Submit(RequestPtr request) {
  if (is_closed_) return request->Fail({.code = Errc::kClosed, .detail = "the store was closed"});
  reactor_.Watch(request);  // also while it is in no channel
  if (map_.empty()) {
    if (parked_.size() == kParkedMax)
      return request->Fail({.code = Errc::kLimit, .detail = "too many calls wait"});
    parked_.push_back(std::move(request));
    return Refresh();
  }
  const int node = NodeFor(request->slot);
  if (node < 0) {
    Refresh();
    if (request->redirections++ < kRedirectionsMax) return SendLater(request);
    return request->Fail({.code = Errc::kUnreachable, .detail = "nobody serves the slot"});
  }
  request->is_asking = false;
  ChannelOf(node).Submit(std::move(request));
}

DialPlan ClusterRouter::PlanFor(int slot) {
  DialPlan plan = plan_;
  plan.endpoint = nodes_[static_cast<std::size_t>(std::max(NodeFor(slot), 0))].endpoint;
  return plan;
}

// ---- Redirections
// --------------------------------------------------------------------------------

bool ClusterRouter::TakeOver(int node, const RequestPtr& request) {
  if (is_closed_ || request->redirections >= kRedirectionsMax) return false;
  for (const auto& reply : request->replies) {
    if (!reply && Redirect(node, request, reply.error().detail)) return true;
  }
  return false;
}

bool ClusterRouter::Redirect(int node, const RequestPtr& request, std::string_view error) {
  const std::string_view code = error.substr(0, error.find(' '));
  const bool asks = code == "ASK";
  if (IsForLater(code)) {
    ++request->redirections;
    SendLater(request);
    return true;
  }
  if (code != "MOVED" && !asks) return false;
  const auto to = ParseRedirection(error.substr(std::min(code.size() + 1, error.size())),
                                   nodes_[static_cast<std::size_t>(node)].endpoint.host);
  const int there = to ? NodeAt(to->endpoint) : -1;
  if (there < 0) return false;
  ++request->redirections;
  // ASKING holds for one command; a transaction waits until its slot has moved.
  if (asks && request->reply_count > 1) {
    SendLater(request);
    return true;
  }
  if (!asks && !map_.empty()) {
    map_[to->slot] = static_cast<std::int16_t>(there);
    Refresh();
  }
  request->replies.clear();
  request->is_asking = asks;
  --request->sends;  // it was not run
  ChannelOf(there).Submit(request);
  return true;
}

bool ClusterRouter::Learns(const cache::Error& error) {
  if (is_closed_ || error.server_code() != "MOVED") return false;
  const auto to = ParseRedirection(std::string_view(error.detail).substr(6), {});
  const int there = to && !to->endpoint.host.empty() ? NodeAt(to->endpoint) : -1;
  if (there < 0 || map_.empty()) return false;
  map_[to->slot] = static_cast<std::int16_t>(there);
  Refresh();
  return true;
}

void ClusterRouter::SendLater(const RequestPtr& request) {
  request->replies.clear();
  reactor_.loop().AddTimer(kAgainUs, [this, request, alive = alive_] {
    if (*alive && !is_closed_) return Submit(request);
    request->Fail({.code = Errc::kClosed, .detail = "the store was closed"});
  });
}

// ---- The map
// -------------------------------------------------------------------------------------

void ClusterRouter::Refresh() {
  if (is_closed_ || std::exchange(is_refreshing_, true)) return;
  AskForMap(0);
}

void ClusterRouter::AskForMap(std::size_t attempt) {
  const int node = static_cast<int>(attempt % nodes_.size());
  auto question = std::make_shared<Request>();
  AppendCommand(cache::Command("CLUSTER", "SLOTS"), &question->bytes);
  question->is_idempotent = true;
  question->deadline_us = reactor_.now_us() + std::int64_t{plan_.timeout_ms} * 1000;
  question->redirections = kRedirectionsMax;  // its errors are for us
  question->done = [this, node, attempt, alive = alive_](cache::Replies replies) {
    if (!*alive || is_closed_) return;
    if (replies[0] && TakeMap(node, *replies[0])) {
      is_refreshing_ = false;
      for (RequestPtr& request : std::exchange(parked_, {})) Submit(std::move(request));
      return;
    }
    if (attempt + 1 < nodes_.size()) return AskForMap(attempt + 1);
    is_refreshing_ = false;
    cache::Error error{.code = Errc::kUnreachable, .detail = "no node has a map of the cluster"};
    if (!replies[0]) error = replies[0].error();
    for (const RequestPtr& request : std::exchange(parked_, {})) request->Fail(error);
  };
  ChannelOf(node).Submit(std::move(question));
}

// [[first slot, last slot, [host, port, id...], replicas...], ...]
bool ClusterRouter::TakeMap(int from, const Reply& map) {
  std::vector<std::int16_t> fresh(kSlotCount, -1);
  bool serves_any = false;
  for (const Reply& range : map.elements()) {
    const std::span<const Reply> parts = range.elements();
    if (parts.size() < 3 || parts[2].elements().size() < 2) return false;
    const auto first = parts[0].AsInteger();
    const auto last = parts[1].AsInteger();
    const auto port = parts[2].elements()[1].AsInteger();
    if (!first || !last || !port || *first < 0 || *last >= kSlotCount || *first > *last ||
        *port < 1 || *port > UINT16_MAX)
      return false;
    Endpoint endpoint{.host = std::string(parts[2].elements()[0].text()),
                      .port = static_cast<std::uint16_t>(*port)};
    if (endpoint.host.empty()) endpoint.host = nodes_[static_cast<std::size_t>(from)].endpoint.host;
    const int node = NodeAt(endpoint);
    if (node < 0) return false;
    std::fill(fresh.begin() + *first, fresh.begin() + *last + 1, static_cast<std::int16_t>(node));
    serves_any = true;
  }
  if (serves_any) map_ = std::move(fresh);
  return serves_any;
}

void ClusterRouter::Close(const cache::Error& error) {
  is_closed_ = true;
  *alive_ = false;
  for (const RequestPtr& request : std::exchange(parked_, {})) request->Fail(error);
  for (const Node& node : nodes_) {
    if (node.channel != nullptr) node.channel->Close(error);
  }
}

}  // namespace cairn::client
