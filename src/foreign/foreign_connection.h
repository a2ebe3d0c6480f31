// SPDX-License-Identifier: BSD-3-Clause
// ForeignConnection: a connection of one's own, on which native caching commands are sent as the
// sources of their scripts: within MULTI there is no second time. Nobody waits there.
//
// Belongs to one thread at a time.
#ifndef CAIRN_FOREIGN_FOREIGN_CONNECTION_H_
#define CAIRN_FOREIGN_FOREIGN_CONNECTION_H_

#include <memory>
#include <optional>
#include <vector>

#include "cairn/client.h"
#include "foreign/plan.h"

namespace cairn::foreign {

// The command as it is; or as EVAL, and the plan by which its reply is to be finished.
cache::Result<cache::Command> AsSource(const Planner& planner, const ScriptBook& book,
                                       const cache::Command& command, std::optional<Plan>* plan);

class ForeignConnection final : public cache::Connection {
 public:
  // Both outlive it.
  ForeignConnection(std::unique_ptr<cache::Connection> below, const Planner& planner,
                    const ScriptBook& book)
      : below_(std::move(below)), planner_(planner), book_(book) {}

  cache::Result<cache::Reply> Call(const cache::Command& command,
                                   const cache::CallOptions& options) override;
  cache::Replies Pipeline(std::span<const cache::Command> commands,
                          const cache::CallOptions& options) override;

 private:
  // A reply as the caller is to see it, of a command and its plan.
  cache::Result<cache::Reply> Finish(const cache::Command& command, std::optional<Plan> plan,
                                     cache::Result<cache::Reply> reply);

  const std::unique_ptr<cache::Connection> below_;
  const Planner& planner_;
  const ScriptBook& book_;
  std::vector<std::optional<Plan>> queued_;  // since MULTI
};

}  // namespace cairn::foreign

#endif  // CAIRN_FOREIGN_FOREIGN_CONNECTION_H_
