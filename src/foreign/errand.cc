// SPDX-License-Identifier: BSD-3-Clause
// NOSCRIPT, NEED and "nothing yet" are told apart from the reply that is meant for the caller.
#include "foreign/errand.h"

#include <algorithm>

#include "base/random.h"

namespace cairn::foreign {

using cache::Command;
using cache::Errc;
using cache::Error;
using cache::Reply;
using cache::Result;

namespace {

constexpr std::size_t kDigits = 16;

bool IsNeed(const Reply& reply) {
  return reply.type() == Reply::Type::kArray && !reply.elements().empty() &&
         reply.elements()[0].text() == "NEED";
}

}  // namespace

Errand::Errand(const ScriptBook& book, bool is_cluster, Plan plan)
    : book_(book),
      is_cluster_(is_cluster),
      plan_(std::move(plan)),
      state_(is_cluster ? "?" : ""),
      digits_(plan_.knows_tags ? SecureRandomHex(kDigits) : std::string()),
      is_looking_(is_cluster && plan_.wants_state),
      result_(Reply()) {}

Command Errand::Next(ByWhat first) const {
  const bool by_source = has_no_script_ || first == ByWhat::kSource;
  const cache::Script& script = book_[this->script()];
  Command command(by_source ? "EVAL" : "EVALSHA", by_source ? script.source() : script.digest());
  if (is_looking_) {
    command.Add(1).Add(kTagsKey).Add("").Add(digits_).Add(plan_.keys[0]).AddAll(plan_.names);
    return command;
  }
  command.Add(plan_.keys.size()).AddAll(plan_.keys);
  if (plan_.knows_tags) command.Add(state_).Add(digits_);
  return command.AddAll(plan_.arguments);
}

Errand::Then Errand::Take(Result<Reply> reply, cache::TimePoint now) {
  if (plan_.wait > cache::Duration::zero() && !wait_end_) wait_end_ = now + plan_.wait;
  if (!reply && reply.error().server_code() == "NOSCRIPT" && !has_no_script_) {
    has_no_script_ = true;
    return Then::kSend;
  }
  has_no_script_ = false;
  if (!reply) return Fail(std::move(reply).error());
  if (is_looking_) {
    is_looking_ = false;
    state_ = std::move(*reply).TakeText();
    return Then::kSend;
  }
  if (IsNeed(*reply)) {
    if (!is_cluster_ || ++looks_ == kLooksMax) {
      return Fail(
          {.code = Errc::kConflict, .detail = "the value's tags have changed again and again"});
    }
    for (const Reply& name : reply->elements().subspan(1)) {
      if (std::ranges::find(plan_.names, name.text()) == plan_.names.end())
        plan_.names.emplace_back(name.text());
    }
    is_looking_ = true;
    return Then::kSend;
  }
  if (wait_end_ && now < *wait_end_ && plan_.still_waits && plan_.still_waits(*reply, plan_)) {
    // What was known of tags is out of date by then.
    if (is_cluster_ && plan_.knows_tags) state_ = "?";
    return Then::kWait;
  }
  return Finish(std::move(*reply));
}

Errand::Then Errand::Finish(Reply reply) {
  result_ = plan_.finish ? plan_.finish(std::move(reply)) : std::move(reply);
  return Then::kDone;
}

Errand::Then Errand::Fail(Error error) {
  result_ = std::unexpected(std::move(error));
  return Then::kDone;
}

Reply Errand::Finish(const Plan& plan, Reply reply) {
  if (reply.is_error() || !plan.finish) return reply;
  Result<Reply> finished = plan.finish(std::move(reply));
  return finished ? *std::move(finished) : Reply::OfError("ERR " + finished.error().detail);
}

}  // namespace cairn::foreign
