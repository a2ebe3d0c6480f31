// SPDX-License-Identifier: BSD-3-Clause
// CACHE.*: options are read by the server's own parser, so that errors are the server's.
#include <algorithm>
#include <utility>

#include "base/random.h"
#include "base/text.h"
#include "command/errors.h"
#include "commands/cache_args.h"
#include "commands/stream_args.h"
#include "foreign/plan.h"
#include "value/stream_id.h"

namespace cairn::foreign {
namespace {

using cache::Errc;
using cache::Fail;
using cache::Reply;
using cache::Result;
using commands::CacheOptions;
using commands::kNotGiven;

std::string Text(std::int64_t option) {
  return option == kNotGiven ? std::string() : Int64ToString(option);
}
std::string TextOr(std::int64_t option, std::int64_t otherwise) {
  return Int64ToString(option == kNotGiven ? otherwise : option);
}

Result<CacheOptions> ReadOptions(Words words, std::size_t first, std::string_view allowed) {
  cairn::Result<CacheOptions> options = commands::ReadCacheOptions(words.subspan(first), allowed);
  if (!options) return ServerSays(options.error().message());
  const bool is_log_told =
      options->log_entries_max != kNotGiven || options->coalesce_ms != kNotGiven;
  const bool fits = options->behind ? options->token == kNotGiven : !is_log_told;
  if (!fits) return ServerSays(command::errors::kSyntax);
  return std::move(*options);
}

// Texts of digits, which the script has kept from becoming doubles.
Reply AsNumber(Reply reply) {
  if (reply.type() != Reply::Type::kText) return reply;
  const auto number = reply.AsInteger();
  return number ? Reply::Integer(*number) : reply;
}

constexpr std::size_t kToken = 2;
constexpr std::size_t kVersion = 3;

Result<Reply> FinishGet(Reply reply) {
  if (reply.elements().size() < 6) return Fail(Errc::kProtocol, "not what the script replies");
  std::vector<Reply> elements = std::move(reply).TakeElements();
  elements[kToken] = AsNumber(std::move(elements[kToken]));
  elements[kVersion] = AsNumber(std::move(elements[kVersion]));
  return Reply::Aggregate(Reply::Type::kArray, std::move(elements));
}

Result<Plan> PlanGet(const Planner&, Words words) {
  const auto options = ReadOptions(words, 2, "LEASE WAIT MINVER WITHTAGS");
  if (!options) return std::unexpected(options.error());
  Plan plan{.script = ScriptId::kGet,
            .keys = {std::string(words[1])},
            .arguments = {Text(options->lease_ms), Text(options->min_version),
                          options->takes_stale ? "1" : "", options->wants_tags ? "1" : ""},
            .knows_tags = true,
            .finish = &FinishGet};
  if (options->wait_ms > 0) {
    plan.wait = cache::Millis(options->wait_ms);
    plan.still_waits = [](const Reply& reply, Plan&) {
      return !reply.elements().empty() && reply.elements()[0].text() == "loading";
    };
  }
  return plan;
}

// The log, and what is kept beside it.
Result<void> AddLog(const Planner& planner, const CacheOptions& options, Plan* plan) {
  if (!options.behind) return {};
  if (!planner.no_write_behind().empty())
    return Fail(Errc::kUnsupported, planner.no_write_behind());
  const std::string log(*options.behind);
  plan->keys.push_back(log);
  plan->keys.push_back(planner.Beside("stretch", log) + ":" + log);
  return {};
}

Result<Plan> PlanFill(const Planner& planner, Words words, std::string_view kind,
                      std::string_view allowed) {
  const bool has_value = kind == "set";
  const auto options = ReadOptions(words, has_value ? 3 : 2, allowed);
  if (!options) return std::unexpected(options.error());
  constexpr int kRandomBits = 31;
  Plan plan{
      .script = ScriptId::kFill,
      .keys = {std::string(words[1])},
      .arguments = {std::string(kind), has_value ? std::string(words[2]) : std::string(),
                    Text(options->token), Text(options->version), Text(options->ttl_ms),
                    Text(options->stale_ms), Text(options->jitter_percent), Text(options->cost_ms),
                    std::to_string(SecureRandomUint64() >> (64 - kRandomBits)),
                    TextOr(options->log_entries_max, commands::kLogEntriesDefault),
                    TextOr(options->coalesce_ms, commands::kCoalesceMsDefault)},
      .knows_tags = true,
      .wants_state = true};
  for (const std::string_view tag : options->tags) {
    plan.arguments.emplace_back(tag);
    plan.names.push_back("t:" + std::string(tag));
  }
  if (Result<void> may = AddLog(planner, *options, &plan); !may) return Pass(std::move(may));
  return plan;
}

constexpr std::string_view kFillOptions = "TOKEN VER TTL STALE JITTER COST TAGS";

Result<Plan> PlanSet(const Planner& planner, Words words) {
  return PlanFill(planner, words, "set",
                  "TOKEN VER TTL STALE JITTER COST TAGS BEHIND MAXLEN COALESCE");
}
Result<Plan> PlanAbsent(const Planner& planner, Words words) {
  return PlanFill(planner, words, "absent", kFillOptions);
}
Result<Plan> PlanTouch(const Planner& planner, Words words) {
  return PlanFill(planner, words, "touch", kFillOptions);
}

Result<Plan> PlanDelete(const Planner& planner, Words words) {
  const auto options = ReadOptions(words, 2, "VER TOMBSTONE BEHIND MAXLEN COALESCE");
  if (!options) return std::unexpected(options.error());
  if (options->tombstone_ms != kNotGiven && options->version == kNotGiven && !options->behind)
    return ServerSays("ERR TOMBSTONE needs a VER");
  Plan plan{.script = ScriptId::kDelete,
            .keys = {std::string(words[1])},
            .arguments = {Text(options->version),
                          TextOr(options->tombstone_ms, commands::kTombstoneMsDefault),
                          TextOr(options->log_entries_max, commands::kLogEntriesDefault),
                          TextOr(options->coalesce_ms, commands::kCoalesceMsDefault)},
            .knows_tags = true,
            .wants_state = options->behind.has_value()};
  if (Result<void> may = AddLog(planner, *options, &plan); !may) return Pass(std::move(may));
  return plan;
}

Result<Plan> PlanStale(const Planner&, Words words) {
  Plan plan{.script = ScriptId::kStale, .knows_tags = true};
  for (const std::string_view key : words.subspan(1)) plan.keys.emplace_back(key);
  return plan;
}

Result<Plan> PlanForget(const Planner&, Words words) {
  return Plan{.script = ScriptId::kForget, .keys = {std::string(words[1])}, .knows_tags = true};
}

Result<Plan> PlanFail(const Planner&, Words words) {
  const auto token = ParseInt64(words[2]);
  if (!token || *token < 1) return ServerSays(command::errors::kNotAnInteger);
  const auto options = ReadOptions(words, 3, "RETRY");
  if (!options) return std::unexpected(options.error());
  return Plan{.script = ScriptId::kFail,
              .keys = {std::string(words[1])},
              .arguments = {Int64ToString(*token), Text(options->retry_ms)},
              .knows_tags = true};
}

Result<Reply> FinishInfo(Reply reply) {
  constexpr std::size_t kVersionAt = 3;
  if (!reply.is_aggregate()) return reply;
  std::vector<Reply> elements = std::move(reply).TakeElements();
  if (elements.size() > kVersionAt)
    elements[kVersionAt] = AsNumber(std::move(elements[kVersionAt]));
  return Reply::Aggregate(Reply::Type::kMap, std::move(elements));
}

Result<Plan> PlanInfo(const Planner&, Words words) {
  return Plan{.script = ScriptId::kInfo,
              .keys = {std::string(words[1])},
              .knows_tags = true,
              .finish = &FinishInfo};
}

Result<Plan> PlanAck(const Planner&, Words words) {
  if (words.size() % 2 != 0) return ServerSays(command::errors::WrongArity("cache.ack"));
  Plan plan{.script = ScriptId::kAck, .keys = {std::string(words[1])}, .knows_tags = true};
  for (std::size_t i = 2; i < words.size(); i += 2) {
    const auto id = value::ParseStreamId(words[i], 0, value::StreamIdForm::kStrict);
    if (!id) return ServerSays(commands::stream_errors::kInvalidId);
    plan.arguments.push_back(value::StreamIdToString(*id));
    plan.keys.emplace_back(words[i + 1]);
  }
  return plan;
}

Result<Reply> FinishBarrier(Reply reply) {
  if (reply.is_aggregate()) return Reply::Null();
  return reply;
}

// What is waited for does not change while it is.
bool BarrierWaits(const Reply& reply, Plan& plan) {
  if (reply.elements().size() < 2) return false;
  plan.arguments[0] = reply.elements()[1].text();
  return true;
}

Result<Plan> PlanBarrier(const Planner& planner, Words words) {
  std::string until;
  std::int64_t wait_ms = 0;
  for (std::size_t i = 2; i < words.size(); i += 2) {
    if (i + 1 == words.size()) return ServerSays(command::errors::kSyntax);
    if (EqualsIgnoreCase(words[i], "UNTIL")) {
      const auto id =
          value::ParseStreamId(words[i + 1], value::kStreamSeqMax, value::StreamIdForm::kStrict);
      if (!id) return ServerSays(commands::stream_errors::kInvalidId);
      until = value::StreamIdToString(*id);
    } else if (EqualsIgnoreCase(words[i], "WAIT")) {
      const auto given = ParseInt64(words[i + 1]);
      if (!given || *given < 0 || *given > commands::kLeaseMsMax)
        return ServerSays("ERR WAIT must be an integer from 0 to 600000");
      wait_ms = *given;
    } else {
      return ServerSays(command::errors::kSyntax);
    }
  }
  const std::string log(words[1]);
  return Plan{.script = ScriptId::kBarrier,
              .keys = {log, planner.Beside("stretch", log) + ":" + log},
              .arguments = {until},
              .knows_tags = true,
              .finish = &FinishBarrier,
              .wait = cache::Millis(wait_ms),
              .still_waits = &BarrierWaits};
}

constexpr PlanRow kRows[] = {
    {"CACHE.GET", 2, 0, &PlanGet},         {"CACHE.SET", 3, 0, &PlanSet},
    {"CACHE.ABSENT", 2, 0, &PlanAbsent},   {"CACHE.TOUCH", 2, 0, &PlanTouch},
    {"CACHE.DEL", 2, 0, &PlanDelete},      {"CACHE.STALE", 2, 0, &PlanStale},
    {"CACHE.FORGET", 2, 2, &PlanForget},   {"CACHE.FAIL", 3, 0, &PlanFail},
    {"CACHE.INFO", 2, 2, &PlanInfo},       {"CACHE.ACK", 4, 0, &PlanAck},
    {"CACHE.BARRIER", 2, 0, &PlanBarrier},
};

}  // namespace

std::span<const PlanRow> CachePlans() { return kRows; }

}  // namespace cairn::foreign
