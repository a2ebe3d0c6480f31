// SPDX-License-Identifier: BSD-3-Clause
// LOCK.*: who waits asks again, in no order.
#include <utility>

#include "base/text.h"
#include "command/errors.h"
#include "foreign/plan.h"
#include "value/lock.h"

namespace cairn::foreign {
namespace {

using cache::Reply;
using cache::Result;

constexpr std::int64_t kTtlMsMax = 1'000'000'000'000;
constexpr std::int64_t kWaitMsMax = 1'000'000'000'000;
constexpr std::string_view kBadOwner = "ERR the owner must have 1 to 1024 bytes";

bool IsOwner(std::string_view owner) {
  return !owner.empty() && owner.size() <= value::kLockOwnerMax;
}

// The error, or empty.
std::string CheckTtl(std::string_view text, std::string_view command) {
  const auto ttl_ms = ParseInt64(text);
  if (!ttl_ms) return std::string(command::errors::kNotAnInteger);
  if (*ttl_ms < 1 || *ttl_ms > kTtlMsMax) return command::errors::InvalidExpireTime(command);
  return {};
}

Plan OfLock(const Planner& planner, ScriptId script, Words words) {
  return {.script = script,
          .keys = {std::string(words[1]), planner.Beside("fence", words[1])},
          .arguments = {words.begin() + 2, words.end()}};
}

Result<Plan> PlanAcquire(const Planner& planner, Words words) {
  if (!IsOwner(words[2])) return ServerSays(kBadOwner);
  if (const std::string error = CheckTtl(words[3], "lock.acquire"); !error.empty())
    return ServerSays(error);
  std::int64_t wait_ms = 0;
  if (words.size() != 4) {
    if (words.size() != 6 || !EqualsIgnoreCase(words[4], "WAIT"))
      return ServerSays(command::errors::kSyntax);
    const auto given = ParseInt64(words[5]);
    if (!given) return ServerSays(command::errors::kTimeoutNotAnInteger);
    if (*given < 0) return ServerSays(command::errors::kTimeoutNegative);
    if (*given > kWaitMsMax) return ServerSays(command::errors::kTimeoutOutOfRange);
    wait_ms = *given;
  }
  Plan plan = OfLock(planner, ScriptId::kLockAcquire, words.subspan(0, 4));
  plan.wait = cache::Millis(wait_ms);
  plan.still_waits = [](const Reply& reply, Plan&) { return reply.is_null(); };
  return plan;
}

Result<Plan> PlanRenew(const Planner& planner, Words words) {
  if (!IsOwner(words[2])) return ServerSays(kBadOwner);
  if (const std::string error = CheckTtl(words[3], "lock.renew"); !error.empty())
    return ServerSays(error);
  return OfLock(planner, ScriptId::kLockRenew, words);
}

Result<Plan> PlanRelease(const Planner& planner, Words words) {
  if (!IsOwner(words[2])) return ServerSays(kBadOwner);
  return OfLock(planner, ScriptId::kLockRelease, words);
}

Result<Plan> PlanInfo(const Planner& planner, Words words) {
  Plan plan = OfLock(planner, ScriptId::kLockInfo, words);
  plan.finish = &AsMap;
  return plan;
}

constexpr PlanRow kRows[] = {
    {"LOCK.ACQUIRE", 4, 0, &PlanAcquire},
    {"LOCK.RENEW", 4, 4, &PlanRenew},
    {"LOCK.RELEASE", 3, 3, &PlanRelease},
    {"LOCK.INFO", 2, 2, &PlanInfo},
};

}  // namespace

std::span<const PlanRow> LockPlans() { return kRows; }

}  // namespace cairn::foreign
