// SPDX-License-Identifier: BSD-3-Clause
// One Runner and one session, which is behind the times on purpose.
#include "persist/aof_player.h"

#include "base/random.h"
#include "command/spec.h"

namespace cairn::persist {
namespace {

constexpr int kProtocol = 2;
constexpr std::size_t kFailureShownMax = 128;

// PFCOUNT is a read that keeps what it has counted.
bool MayChangeData(const command::CommandTable::Command& command) {
  constexpr std::uint32_t kKeepsResult = command::kReadonly | command::kMayReplicate;
  return (command.flags & command::kWrite) != 0 || (command.flags & kKeepsResult) == kKeepsResult;
}

Status Corrupt(std::string what) { return {StatusCode::kCorrupt, std::move(what)}; }

}  // namespace

AofPlayer::AofPlayer(keyspace::Keyspace& keyspace, const command::CommandTable& table)
    : keyspace_(keyspace),
      shared_{.keyspace = keyspace, .table = table, .gates = {}},
      runner_(shared_, SecureRandomUint64()),
      session_(ClientId(0), SecureRandomUint64()) {
  shared_.track_latency.store(false, std::memory_order_relaxed);
  session_.BeginReplay();
}

Status AofPlayer::Play(std::span<const log::EffectView> group) {
  // All are looked at before the first is done: what belongs together happens, or nothing.
  for (const log::EffectView& effect : group) {
    if (Status status = Check(effect); !status.ok()) return status;
  }
  for (const log::EffectView& effect : group) PlayOne(effect);
  return {};
}

Status AofPlayer::Check(const log::EffectView& effect) const {
  const std::string_view name = effect.args[0];
  const command::CommandTable::Command* command = shared_.table.Find(name);
  if (command != nullptr && command->is_container && effect.args.size() > 1)
    command = shared_.table.FindSubcommand(*command, effect.args[1]);
  if (command == nullptr) return Corrupt("unknown command '" + std::string(name) + "'");
  if (!MayChangeData(*command))
    return Corrupt("'" + std::string(name) + "' is no command that writes");
  if (effect.db.value >= keyspace_.database_count()) {
    return Corrupt("database " + std::to_string(effect.db.value) + " where there are " +
                   std::to_string(keyspace_.database_count()));
  }
  return {};
}

void AofPlayer::PlayOne(const log::EffectView& effect) {
  session_.set_db(effect.db);
  resp::Writer reply(reply_, kProtocol);
  runner_.Run(session_, effect.args, reply);
  ++played_;
  if (reply.error_count() > 0 && failed_++ == 0)
    first_failure_ =
        std::string(effect.args[0]) + ": " + reply_.ToString().substr(0, kFailureShownMax);
  reply_.Clear();
}

}  // namespace cairn::persist
