// SPDX-License-Identifier: BSD-3-Clause
// Router: which connection a request goes to.
//
// On the reactor's thread; owned by the client.
#ifndef CAIRN_CLIENT_ROUTER_H_
#define CAIRN_CLIENT_ROUTER_H_

#include "cairn/result.h"
#include "client/dial.h"
#include "client/request.h"

namespace cairn::client {

class Router {
 public:
  virtual ~Router() = default;
  // From here on the request is finished, sooner or later.
  virtual void Submit(RequestPtr request) = 0;
  // Where a connection of one's own goes, for keys of a slot; -1: any.
  virtual DialPlan PlanFor(int slot) = 0;
  // A server has refused a command with this. True: it said where to go instead, which is known
  // now.
  virtual bool Learns(const cache::Error& error) = 0;
  // Whether a command may have to be cut up by the slots of its keys.
  virtual bool is_cluster() const = 0;
  virtual void Close(const cache::Error& error) = 0;
};

}  // namespace cairn::client

#endif  // CAIRN_CLIENT_ROUTER_H_
