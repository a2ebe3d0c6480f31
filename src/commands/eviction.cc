// SPDX-License-Identifier: BSD-3-Clause
// CACHE.MRC: what the server has learnt about the memory it has, and the memory
// it has not. docs/caching-commands/eviction.md says what is promised.
#include <algorithm>
#include <iterator>
#include <string_view>

#include "base/text.h"
#include "command/errors.h"
#include "commands/families.h"
#include "keyspace/miss_ratio_curve.h"

namespace cairn::commands {
namespace {

constexpr double kFactors[] = {0.25, 0.5, 1, 2, 4};

void ReplyNumber(resp::Writer &reply, std::string_view name,
                 std::int64_t number) {
  reply.Bulk(name);
  reply.Integer(number);
}

void ReplyDouble(resp::Writer &reply, std::string_view name, double number) {
  reply.Bulk(name);
  reply.Double(number);
}

bool IsReset(Call &call) {
  return call.args().size() == 2 && EqualsIgnoreCase(call.arg(1), "RESET");
}

// One point: with so many times the memory. What is beside the keys takes the
// same in any case.
void ReplyPoint(Call &call, const keyspace::Keyspace::LimitSize &size,
                const keyspace::MissRatioCurve::Picture &curve, double factor) {
  const double bytes = factor * static_cast<double>(size.bytes);
  const auto other = static_cast<double>(size.other_bytes);
  const double now = static_cast<double>(size.bytes) - other;
  const double keys =
      now > 0 ? static_cast<double>(size.keys) * (bytes - other) / now : 0;
  resp::Writer &reply = call.reply();
  reply.Map(4);
  ReplyDouble(reply, "factor", factor);
  ReplyNumber(reply, "memory", static_cast<std::int64_t>(bytes));
  ReplyNumber(reply, "keys",
              std::max<std::int64_t>(0, static_cast<std::int64_t>(keys)));
  ReplyDouble(reply, "hit-ratio", curve.HitRatio(keys));
}

void CacheMrc(Call &call) {
  keyspace::Keyspace &keyspace = call.keyspace();
  if (call.args().size() > 1) {
    if (!IsReset(call))
      return call.Error(command::errors::kSyntax);
    if (keyspace.curve().is_on())
      keyspace.curve().Start();
    return call.reply().Ok();
  }
  const keyspace::MissRatioCurve::Picture curve = keyspace.curve().Take();
  const keyspace::Keyspace::LimitSize size = keyspace.SizeAtLimit();
  resp::Writer &reply = call.reply();
  reply.Map(5);
  ReplyNumber(reply, "enabled", keyspace.curve().is_on() ? 1 : 0);
  ReplyNumber(reply, "reads", curve.reads);
  ReplyDouble(reply, "sampling-rate", curve.sampling_rate);
  ReplyNumber(reply, "sampled-keys", curve.samples);
  reply.Bulk("curve");
  reply.Array(std::size(kFactors));
  for (const double factor : kFactors)
    ReplyPoint(call, size, curve, factor);
}

constexpr std::uint32_t kAboutTheServer =
    command::kAdmin | command::kNoScript | command::kLoading | command::kStale;

constexpr Spec kSpecs[] = {
    Spec({.syntax = "CACHE.MRC [RESET]",
          .since = "0.1.0",
          .group = Group::kServer,
          .flags = kAboutTheServer,
          .complexity = "O(S) where S is the number of stripes",
          .summary =
              "Returns the hit ratio that other amounts of memory would give.",
          .tips = "nondeterministic_output",
          .run = &CacheMrc}),
};

} // namespace

std::span<const Spec> EvictionFamily() { return kSpecs; }

} // namespace cairn::commands
