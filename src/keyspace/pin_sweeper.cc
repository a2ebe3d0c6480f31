// SPDX-License-Identifier: BSD-3-Clause
// The check of each log, and the walk. A key and its log lie in two stripes, so a step notes what
// is pinned under one, and looks at each of these again under both.
#include "keyspace/pin_sweeper.h"

#include <utility>

#include "keyspace/txn.h"

namespace cairn::keyspace {
namespace {

// The stream of that name, or null.
const value::Stream* StreamOf(Keyspace& keyspace, DbId db, const KeyRef& key) {
  const Found found = internal::Lookup(keyspace.stripe(key.stripe), db, key);
  return found && found.entry->type() == Type::kStream ? &found.entry->as<value::Stream>()
                                                       : nullptr;
}

// What pins the log, which is itself; null if there is no such log.
Pin* PinOfLog(Keyspace& keyspace, DbId db, const KeyRef& key) {
  const Found found = internal::Lookup(keyspace.stripe(key.stripe), db, key);
  if (!found || found.entry->type() != Type::kStream || found.entry->pin() == nullptr)
    return nullptr;
  Pin* pin = found.entry->notes()->pin();
  return pin->is_of_log() ? pin : nullptr;
}

std::int64_t GoneFrom(const value::Stream& stream) {
  return static_cast<std::int64_t>(stream.entries_added()) -
         static_cast<std::int64_t>(stream.size());
}

}  // namespace

void PinSweeper::Tick() {
  if (!is_walking_) {
    if (keyspace_.write_logs().count() == 0 && !keyspace_.write_logs().is_doubtful()) return;
    const UnixMs now_ms = keyspace_.clock().NowUnixMs();
    if (now_ms < next_check_ms_) return;
    next_check_ms_ = now_ms + kCheckMs;
    Check();
  }
  for (std::size_t i = 0; i < kStepsATick && is_walking_; ++i) {
    if (!Step()) return;
  }
}

void PinSweeper::Check() {
  suspects_.clear();
  is_walking_ = keyspace_.write_logs().TakeDoubt();
  for (WriteLogs::Log& log : keyspace_.write_logs().all()) {
    const KeyRef key = keyspace_.Ref(log.name);
    const TryWalkLock hold(keyspace_, keyspace_.stripe(key.stripe));
    if (!hold.held()) continue;
    const Pin* pin = PinOfLog(keyspace_, log.db, key);
    const std::int64_t unsettled =
        pin == nullptr ? 0 : GoneFrom(*StreamOf(keyspace_, log.db, key)) - pin->settled;
    if (pin != nullptr && unsettled == 0) continue;
    suspects_.push_back({.log = std::move(log), .unsettled = unsettled, .is_gone = pin == nullptr});
  }
  is_walking_ |= !suspects_.empty();
}

bool PinSweeper::Step() {
  if (!has_collected_) {
    KeyLocks locks(keyspace_);
    if (!locks.TryAcquireStripe(walk_.stripe())) return false;
    Collect();
    locks.Release();
    has_collected_ = true;
  }
  while (!pinned_.empty()) {
    if (!Settle(pinned_.back())) return false;
    pinned_.pop_back();
  }
  has_collected_ = false;
  if (walk_.Advance(next_cursor_)) EndWalk();
  return true;
}

void PinSweeper::Collect() {
  const Shard* shard = keyspace_.stripe(walk_.stripe()).shard(walk_.db());
  next_cursor_ = 0;
  if (shard == nullptr || shard->table.size() == 0) return;
  next_cursor_ = shard->table.ScanNodes(walk_.cursor(), kHomes, [&](const Entry* entry) {
    const Pin* pin = entry->pin();
    if (pin == nullptr) return;
    if (!pin->is_of_log())
      pinned_.push_back({.key = std::string(entry->key()), .pin = *pin});
    else  // SWAPDB has brought it here
      keyspace_.write_logs().Add(walk_.db(), entry->key());
  });
}

bool PinSweeper::Settle(const Pinned& pinned) {
  const bool is_shadow = keyspace_.IsShadow(walk_.db());
  const DbId db(is_shadow ? walk_.db().value - keyspace_.database_count() : walk_.db().value);
  const std::string id = value::StreamIdToString(pinned.pin.id);
  const std::string_view effect[] = {"CACHE.ACK", pinned.pin.log, id, pinned.key};
  log::CommandLog& log = keyspace_.log();
  const std::size_t credit = log.active() ? 2 * log::CommandLog::RecordBytes(effect) : 0;
  if (credit > 0 && !log.TakeCredit(credit)) return false;
  const KeyRef keys[] = {keyspace_.Ref(pinned.pin.log), keyspace_.Ref(pinned.key)};
  KeyLocks locks(keyspace_);
  const bool held = locks.TryAcquire(keys);
  if (held) {
    const value::Stream* stream = StreamOf(keyspace_, db, keys[0]);
    if (stream == nullptr || !stream->Find(pinned.pin.id)) {
      const Viewer viewer(db, keyspace_.clock().NowUnixMs(), random_);
      Txn txn(keyspace_, locks, viewer);
      Found found = is_shadow ? txn.FindShadow(keys[1]) : txn.Find(keys[1], Access::kPeek);
      const Pin* pin = found ? found.entry->pin() : nullptr;
      if (pin != nullptr && pin->id == pinned.pin.id) {
        txn.Log(effect);
        txn.Unpin(keys[1], found);
      }
    }
    locks.Release();
  }
  if (credit > 0) log.ReturnCredit(credit);
  return held;
}

// What the walk has seen to is settled; a log that is not there has none left.
void PinSweeper::EndWalk() {
  is_walking_ = false;
  for (const Suspect& suspect : suspects_) {
    const KeyRef key = keyspace_.Ref(suspect.log.name);
    KeyLocks locks(keyspace_);
    locks.AcquireStripe(key.stripe);
    Pin* pin = PinOfLog(keyspace_, suspect.log.db, key);
    if (pin != nullptr && !suspect.is_gone) pin->settled += suspect.unsettled;
    if (pin == nullptr) keyspace_.write_logs().Remove(suspect.log);
    locks.Release();
  }
}

}  // namespace cairn::keyspace
