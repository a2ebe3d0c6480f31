// SPDX-License-Identifier: BSD-3-Clause
// What was QUEUED is finished when EXEC replies.
#include "foreign/foreign_connection.h"

#include <utility>

#include "base/text.h"
#include "foreign/errand.h"

namespace cairn::foreign {

using cache::CallOptions;
using cache::Command;
using cache::Errc;
using cache::Replies;
using cache::Reply;
using cache::Result;

Result<Command> AsSource(const Planner& planner, const ScriptBook& book, const Command& command,
                         std::optional<Plan>* plan) {
  if (command.empty() || !Planner::IsNative(command[0])) return command;
  std::vector<std::string_view> words;
  words.reserve(command.size());
  for (std::size_t i = 0; i < command.size(); ++i) words.push_back(command[i]);
  Result<Plan> made = planner.Make(words);
  if (!made) return Pass(std::move(made));
  if (planner.is_cluster() && made->knows_tags) {
    return cache::Fail(Errc::kUnsupported, std::string(command[0]) +
                                               " takes more than one step in this cluster, so a "
                                               "connection or transaction cannot have it");
  }
  *plan = *made;
  return Errand(book, planner.is_cluster(), *std::move(made)).Next(ByWhat::kSource);
}

Result<Reply> ForeignConnection::Finish(const Command& command, std::optional<Plan> plan,
                                        Result<Reply> reply) {
  if (!command.empty() &&
      (EqualsIgnoreCase(command[0], "MULTI") || EqualsIgnoreCase(command[0], "DISCARD"))) {
    queued_.clear();
    return reply;
  }
  if (!reply) return reply;
  if (reply->type() == Reply::Type::kSimple && reply->text() == "QUEUED") {
    queued_.push_back(std::move(plan));
    return reply;
  }
  if (!command.empty() && EqualsIgnoreCase(command[0], "EXEC")) {
    std::vector<std::optional<Plan>> plans = std::exchange(queued_, {});
    if (!reply->is_aggregate()) return reply;
    std::vector<Reply> elements = std::move(*reply).TakeElements();
    for (std::size_t i = 0; i < elements.size() && i < plans.size(); ++i) {
      if (plans[i]) elements[i] = Errand::Finish(*plans[i], std::move(elements[i]));
    }
    return Reply::Aggregate(Reply::Type::kArray, std::move(elements));
  }
  return plan && plan->finish ? plan->finish(*std::move(reply)) : std::move(reply);
}

Result<Reply> ForeignConnection::Call(const Command& command, const CallOptions& options) {
  std::optional<Plan> plan;
  Result<Command> step = AsSource(planner_, book_, command, &plan);
  if (!step) return Pass(std::move(step));
  return Finish(command, std::move(plan), below_->Call(*step, options));
}

Replies ForeignConnection::Pipeline(std::span<const Command> commands, const CallOptions& options) {
  std::vector<Command> steps;
  std::vector<std::optional<Plan>> plans;
  for (const Command& command : commands) {
    plans.emplace_back();
    Result<Command> step = AsSource(planner_, book_, command, &plans.back());
    // Nothing of it is sent.
    if (!step) return Replies(commands.size(), Result<Reply>(std::unexpected(step.error())));
    steps.push_back(*std::move(step));
  }
  Replies replies = below_->Pipeline(steps, options);
  for (std::size_t i = 0; i < replies.size(); ++i)
    replies[i] = Finish(commands[i], std::move(plans[i]), std::move(replies[i]));
  return replies;
}

}  // namespace cairn::foreign
