// SPDX-License-Identifier: BSD-3-Clause
// ClusterRouter: one channel a node, and the map of who serves which slot.
//
//     request --slot--> node --MOVED--> the map is mended and asked for anew, the request sent on
//                         |---ASK-----> ASKING and the request to the other, once
//                         |---TRYAGAIN, CLUSTERDOWN, ...--> again after a while, until its deadline
//
// None of these errors has run the command, so it is sent on whether it is idempotent or not. The
// map is asked for of whatever node answers, one question at a time, also when a node is lost.
//
// Limits: kNodesMax nodes, kRedirectionsMax a request. The reactor's thread.
#ifndef CAIRN_CLIENT_CLUSTER_ROUTER_H_
#define CAIRN_CLIENT_CLUSTER_ROUTER_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string_view>
#include <vector>

#include "client/channel.h"
#include "client/router.h"

namespace cairn::client {

// For who wants to know more of a router's connections than their replies.
struct ClusterWatch {
  std::function<void(const cache::Reply&)> on_push = {};
  std::function<void()> on_lost = {};  // one that was up
};

class ClusterRouter final : public Router {
 public:
  static constexpr std::size_t kNodesMax = 1024;
  static constexpr int kRedirectionsMax = 64;
  static constexpr std::size_t kParkedMax = 64 * 1024;

  // `reactor` outlives it.
  ClusterRouter(Reactor& reactor, DialPlan plan, ClusterWatch watch = {});

  void Submit(RequestPtr request) override;
  DialPlan PlanFor(int slot) override;
  bool Learns(const cache::Error& error) override;
  bool is_cluster() const override { return true; }
  void Close(const cache::Error& error) override;

 private:
  struct Node {
    Endpoint endpoint;
    std::shared_ptr<Channel> channel;  // null until somebody wants it
    bool is_up = false;
  };

  // The number of a node, added if it is not known; -1: there are too many.
  int NodeAt(const Endpoint& endpoint);
  Channel& ChannelOf(int node);
  int NodeFor(int slot);
  void OnDown(int node);
  bool TakeOver(int node, const RequestPtr& request);
  bool Redirect(int node, const RequestPtr& request, std::string_view error);
  void SendLater(const RequestPtr& request);
  void Refresh();
  void AskForMap(std::size_t attempt);
  bool TakeMap(int from, const cache::Reply& map);

  Reactor& reactor_;
  const DialPlan plan_;
  const ClusterWatch watch_;
  std::vector<Node> nodes_;        // the URI's first
  std::vector<std::int16_t> map_;  // node by slot, -1: nobody's; empty until it is known
  std::deque<RequestPtr> parked_;  // until there is a map
  bool is_refreshing_ = false;
  bool is_closed_ = false;
  std::shared_ptr<bool> alive_;  // shared with timers: false once this has gone
};

}  // namespace cairn::client

#endif  // CAIRN_CLIENT_CLUSTER_ROUTER_H_
