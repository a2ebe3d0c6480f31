// SPDX-License-Identifier: BSD-3-Clause
// BGREWRITEAOF and WAITAOF.
//
// WAITAOF asks for the sync that it waits for, so that it need not wait for everysec's. It waits
// for what this connection wrote, or for a little more: see Session::last_write.
#include "server/admin_aof.h"

#include <optional>
#include <string_view>

#include "base/text.h"
#include "command/call.h"
#include "command/errors.h"
#include "command/parked.h"
#include "server/connection.h"
#include "server/families.h"
#include "server/server.h"
#include "server/worker.h"

namespace cairn::server {
namespace {

using command::Call;
using command::Group;
using command::Spec;
using command::TimeoutReply;
using persist::AofService;

constexpr std::string_view kCannotRewrite =
    "ERR Can't execute an AOF background rewriting. Please check the server logs for more "
    "information.";

void BgRewriteAof(Call& call) {
  // A rewrite within EXEC would miss what the rest of it writes.
  const bool in_exec = Connection::Of(call).IsNested(call);
  AofService& aof = Connection::Of(call).server().aof();
  if (!in_exec && !aof.Probe().ok()) return call.Error(kCannotRewrite);
  const auto when = in_exec ? AofService::When::kSoon : AofService::When::kNow;
  switch (aof.RequestRewrite(when)) {
    case AofService::Requested::kStarted:
      return call.reply().Simple("Background append only file rewriting started");
    case AofService::Requested::kScheduled:
      return call.reply().Simple("Background append only file rewriting scheduled");
    case AofService::Requested::kIsRunning:
      return call.Error("ERR Background append only file rewriting already in progress");
  }
}

struct DurableWish {
  bool local;
  std::int64_t replicas;
  std::int64_t timeout_ms;
};

// Nothing, and an error replied, if the words are no wish.
std::optional<DurableWish> ParseWish(Call& call) {
  const auto refuse = [&](std::string_view error) {
    call.Error(error);
    return std::nullopt;
  };
  const std::optional<std::int64_t> local = ParseInt64(call.arg(1));
  if (!local) return refuse(command::errors::kNotAnInteger);
  if (*local < 0 || *local > 1)
    return refuse("ERR value is out of range, value must between 0 and 1");
  const std::optional<std::int64_t> replicas = ParseInt64(call.arg(2));
  if (!replicas || *replicas < 0) return refuse(command::errors::kMustBePositive);
  const std::optional<std::int64_t> timeout_ms = ParseInt64(call.arg(3));
  if (!timeout_ms) return refuse(command::errors::kTimeoutNotAnInteger);
  if (*timeout_ms < 0) return refuse(command::errors::kTimeoutNegative);
  return DurableWish{.local = *local == 1, .replicas = *replicas, .timeout_ms = *timeout_ms};
}

void WaitAof(Call& call) {
  const std::optional<DurableWish> wish = ParseWish(call);
  if (!wish) return;
  Connection& connection = Connection::Of(call);
  Server& server = connection.server();
  if (wish->local && !server.aof().is_wanted()) return call.Error(kNoLocalAof);
  const Lsn position = connection.last_write();
  const bool is_safe = server.watermark().Covers(position);
  const TimeoutReply now = is_safe ? TimeoutReply::kOneAndZero : TimeoutReply::kTwoZeros;
  // There are no replicas.
  if (wish->replicas == 0 && (is_safe || !wish->local))
    return command::WriteTimeoutReply(call.reply(), now);
  call.Block(keyspace::Type::kString, wish->timeout_ms, now);
  const bool waits = connection.waiting() != nullptr;
  if (waits && !is_safe)
    connection.worker().AwaitDurable(connection, position, wish->replicas == 0);
}

constexpr Spec kSpecs[] = {
    Spec({.syntax = "BGREWRITEAOF",
          .since = "1.0.0",
          .group = Group::kServer,
          .flags = command::kAdmin | command::kNoScript | command::kNoAsyncLoading,
          .complexity = "O(1)",
          .summary = "Writes the append only file anew in the background, as short as it can be.",
          .run = &BgRewriteAof}),
    Spec({.syntax = "WAITAOF numlocal numreplicas timeout",
          .since = "7.2.0",
          .group = Group::kGeneric,
          .flags = command::kBlocking,
          .categories = "connection -keyspace",
          .complexity = "O(1)",
          .summary = "Waits until the writes of this connection are in the append only file here "
                     "and on so many replicas; answers how many have them.",
          .tips = "request_policy:all_shards response_policy:agg_min",
          .run = &WaitAof}),
};

}  // namespace

std::span<const Spec> AofFamily() { return kSpecs; }

}  // namespace cairn::server
