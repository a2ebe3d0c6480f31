// SPDX-License-Identifier: BSD-3-Clause
// One Runner and one session, which is behind the times on purpose.
#include "persist/aof_player.h"

#include <memory>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "base/text.h"
#include "command/spec.h"
#include "scripting/scripts.h"
#include "value/lock.h"

namespace cairn::persist {
namespace {

constexpr int kProtocol = 2;
constexpr std::size_t kFailureShownMax = 128;

std::unique_ptr<const command::CommandTable> WithOwnNames(const command::CommandTable& table) {
  std::vector<std::span<const command::Spec>> rows;
  for (const command::CommandTable::Command& command : table.top_level())
    rows.emplace_back(command.spec, 1);
  return std::make_unique<const command::CommandTable>(rows);
}

// PFCOUNT is a read that keeps what it has counted. Redis before 7 logged scripts instead of what
// they did.
bool MayChangeData(const command::CommandTable::Command& command) {
  constexpr std::uint32_t kKeepsResult = command::kReadonly | command::kMayReplicate;
  constexpr std::uint32_t kChanges = command::kWrite | command::kRunsScript;
  return (command.flags & kChanges) != 0 || (command.flags & kKeepsResult) == kKeepsResult ||
         command.full_name == "script|load";
}

// It changes the libraries that the loader keeps, not those of the engine.
bool IsFunctionChange(const log::EffectView& effect) {
  return EqualsIgnoreCase(effect.args[0], "function") &&
         scripting::LibrarySet::IsChange(effect.args.subspan(1));
}

Status Corrupt(std::string what) { return {StatusCode::kCorrupt, std::move(what)}; }

}  // namespace

AofPlayer::AofPlayer(keyspace::Keyspace& keyspace, const command::CommandTable& table,
                     scripting::LibrarySet& libraries)
    : keyspace_(keyspace),
      libraries_(libraries),
      renamed_(table),
      table_(WithOwnNames(table)),
      shared_{.keyspace = keyspace, .table = *table_, .gates = {}},
      runner_(shared_, SecureRandomUint64()),
      session_(ClientId(0), SecureRandomUint64()) {
  shared_.scripts = std::make_unique<scripting::Scripts>();
  shared_.track_latency.store(false, std::memory_order_relaxed);
  session_.BeginReplay();
}

Status AofPlayer::Play(std::span<const log::EffectView> group) {
  // All are looked at before the first is done: what belongs together happens, or nothing.
  for (const log::EffectView& effect : group) {
    if (Status status = Check(effect); !status.ok()) return status;
  }
  for (const log::EffectView& effect : group) {
    if (Status status = PlayOne(effect); !status.ok()) return status;
  }
  return {};
}

Status AofPlayer::Check(const log::EffectView& effect) const {
  if (IsFunctionChange(effect)) return {};
  const std::string_view name = effect.args[0];
  if (table_->Narrow(Find(name), effect.args) == nullptr)
    return Corrupt("unknown command '" + std::string(name) + "'");
  if (effect.db.value >= keyspace_.database_count()) {
    return Corrupt("database " + std::to_string(effect.db.value) + " where there are " +
                   std::to_string(keyspace_.database_count()));
  }
  return {};
}

Status AofPlayer::PlayOne(const log::EffectView& effect) {
  if (IsFunctionChange(effect)) return PlayFunction(effect);
  const command::CommandTable::Command& command = *Find(effect.args[0]);
  // Somebody's PING or GET: Redis runs it, and nobody hears the answer.
  if (!MayChangeData(*table_->Narrow(&command, effect.args))) return {};
  session_.set_db(effect.db);
  NoteFence(effect);
  resp::Writer reply(reply_, kProtocol);
  const std::string_view own_name = command.full_name;
  if (EqualsIgnoreCase(effect.args[0], own_name)) {
    runner_.Run(session_, effect.args, reply);
  } else {
    std::vector<std::string_view> args(effect.args.begin(), effect.args.end());
    args[0] = own_name;
    runner_.Run(session_, args, reply);
  }
  ++played_;
  if (reply.error_count() > 0) NoteFailure(effect, reply_.ToString());
  reply_.Clear();
  return {};
}

const command::CommandTable::Command* AofPlayer::Find(std::string_view name) const {
  const command::CommandTable::Command* own = table_->Find(name);
  if (own != nullptr) return own;
  const command::CommandTable::Command* renamed = renamed_.Find(name);
  return renamed == nullptr ? nullptr : table_->Find(renamed->full_name);
}

// Every grant of a lock is a SET in the log, also of one that is gone by its end.
void AofPlayer::NoteFence(const log::EffectView& effect) {
  if (effect.args.size() < 3 || !EqualsIgnoreCase(effect.args[0], "set")) return;
  if (const auto lock = value::ParseLock(effect.args[2]))
    keyspace_.fences().ExceedLoaded(lock->fence, keyspace_.clock().NowUnixMs());
}

Status AofPlayer::PlayFunction(const log::EffectView& effect) {
  Status applied = libraries_.Apply(effect.args.subspan(1));
  ++played_;
  if (applied.ok()) return {};
  if (applied.code() == StatusCode::kUnsupported) return applied;
  NoteFailure(effect, applied.message());
  return {};
}

void AofPlayer::NoteFailure(const log::EffectView& effect, std::string_view answer) {
  if (failed_++ > 0) return;
  first_failure_ =
      std::string(effect.args[0]) + ": " + std::string(answer.substr(0, kFailureShownMax));
}

}  // namespace cairn::persist
