// SPDX-License-Identifier: BSD-3-Clause
// SingleRouter: one place for everything: a server, or the master that Sentinels name.
//
// A master that has become a replica says READONLY and has not run the command: the connection is
// dropped, the master looked for again, and the request sent there.
#ifndef CAIRN_CLIENT_SINGLE_ROUTER_H_
#define CAIRN_CLIENT_SINGLE_ROUTER_H_

#include <memory>

#include "client/channel.h"
#include "client/router.h"

namespace cairn::client {

class SingleRouter final : public Router {
 public:
  // `reactor` outlives it.
  SingleRouter(Reactor& reactor, DialPlan plan);

  void Submit(RequestPtr request) override { channel_->Submit(std::move(request)); }
  DialPlan PlanFor(int) override { return plan_; }
  bool Learns(const cache::Error&) override { return false; }
  bool is_cluster() const override { return false; }
  void Close(const cache::Error& error) override { channel_->Close(error); }

 private:
  // How often a request may meet one who is no master.
  static constexpr int kRedirectionsMax = 5;

  bool SendElsewhere(const RequestPtr& request);

  const DialPlan plan_;
  std::shared_ptr<Channel> channel_;
};

}  // namespace cairn::client

#endif  // CAIRN_CLIENT_SINGLE_ROUTER_H_
