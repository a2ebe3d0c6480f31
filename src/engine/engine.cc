// SPDX-License-Identifier: BSD-3-Clause
// Wiring of the engine; the memory gate; embedded sessions; the digest.
#include "engine/engine.h"

#include <algorithm>
#include <array>

#include "base/check.h"
#include "base/hash.h"
#include "base/random.h"
#include "command/errors.h"
#include "engine/families.h"
#include "keyspace/value_digest.h"

namespace cairn::engine {
namespace {

std::vector<std::span<const command::Spec>> AllFamilies(const EngineOptions& options) {
  std::vector<std::span<const command::Spec>> families = EngineFamilies();
  families.insert(families.end(), options.more_families.begin(), options.more_families.end());
  return families;
}

std::string HexDigits(std::uint64_t number, std::size_t digits) {
  std::string text(digits, '0');
  for (std::size_t i = digits; i-- > 0; number >>= 4) text[i] = "0123456789abcdef"[number & 15];
  return text;
}

}  // namespace

// Evicts before a command runs, and refuses commands that need memory when nothing can be evicted.
class Engine::MemoryGate final : public command::Gate {
 public:
  explicit MemoryGate(Engine& engine) : engine_(engine) {}
  bool Admit(command::Call& call) override {
    const std::int64_t limit =
        engine_.keyspace_.tunables().maxmemory_bytes.load(std::memory_order_relaxed);
    const std::int64_t used = engine_.keyspace_.used_bytes() + engine_.other_bytes_.value();
    if (limit == 0 || used <= limit) [[likely]]
      return true;
    const std::uint64_t begin_cycles = CycleNow();
    const bool admits = AdmitOverLimit(call);
    NoteWait(used - limit, CycleNow() - begin_cycles);
    return admits;
  }

 private:
  bool AdmitOverLimit(command::Call& call) {
    using IfCutIsBehind = keyspace::Evictor::IfCutIsBehind;
    const bool needs_memory = call.NeedsMemory();
    // Who may wait elsewhere does so when it comes to run, for the same cut.
    const bool waits_here = needs_memory && !call.may_wait();
    const bool has_room = call.runner().evictor().MakeRoom(
        engine_.other_bytes_.value(), waits_here ? IfCutIsBehind::kWait : IfCutIsBehind::kLeaveIt);
    if (!has_room) call.set_lacks_memory();
    if (has_room || !needs_memory) return true;
    call.Refuse(command::errors::kOutOfMemory);
    return false;
  }

  void NoteWait(std::int64_t over_bytes, std::uint64_t cycles) {
    keyspace::RemovalLags& lags = engine_.keyspace_.lags();
    lags.eviction_over_bytes.Record(static_cast<std::uint64_t>(over_bytes));
    lags.eviction_wait_ns.Record(static_cast<std::uint64_t>(static_cast<double>(cycles) * 1000 /
                                                            engine_.shared_.cycles_per_us));
  }

  Engine& engine_;
};

Engine::Engine(const EngineOptions& options)
    : clock_(options.clock != nullptr ? *options.clock : system_clock_),
      keyspace_(clock_, {.stripe_count = options.stripe_count,
                         .database_count = options.database_count,
                         .hash_seed = options.hash_seed.value_or(SecureRandomUint64()),
                         .log_ring_bytes = options.log_ring_bytes}),
      table_(AllFamilies(options)),
      memory_gate_(std::make_unique<MemoryGate>(*this)),
      shared_{.keyspace = keyspace_,
              .table = table_,
              .gates = {memory_gate_.get()},
              .cycles_per_us = MeasureCyclesPerUs()},
      keeper_(keyspace_) {
  shared_.key_statistics.CountIn(&other_bytes_);
  keyspace_.big_keys().CountIn(&other_bytes_);
  auto scripts = std::make_unique<scripting::Scripts>();
  scripts_ = scripts.get();
  shared_.scripts = std::move(scripts);
  keeper_.SetServe([this] {
    // Made late: gates and families are complete by now.
    if (keeper_runner_ == nullptr)
      keeper_runner_ = std::make_unique<command::Runner>(shared_, SecureRandomUint64());
    keeper_runner_->ReadClock();
    keeper_runner_->serving().ServeLeft();
  });
  if (options.with_keeper) keeper_.Start();
}

void Engine::SetMemoryLimit(std::int64_t bytes) {
  const std::int64_t before = keyspace_.tunables().maxmemory_bytes.load(std::memory_order_relaxed);
  keyspace_.SetMemoryLimit(bytes);
  shared_.guards.fetch_add((bytes > 0 ? 1 : 0) - (before > 0 ? 1 : 0));
}

void Engine::StartLane(command::Lane::HoldsBack holds_back) {
  lane_ = std::make_unique<command::Lane>(shared_);
  if (holds_back) lane_->SetHoldsBack(std::move(holds_back));
  shared_.lane = lane_.get();
  keyspace_.SetHelper(lane_.get());
  lane_->Start();
}

void Engine::StopLane() {
  if (lane_ != nullptr) lane_->Stop();
}

Engine::~Engine() {
  keeper_.Stop();
  StopLane();
}

std::unique_ptr<EmbeddedSession> Engine::NewSession() {
  return std::make_unique<EmbeddedSession>(*this, NextSessionId());
}

std::unique_ptr<log::Reader> Engine::AttachLogReader(log::Lag lag) {
  keyspace::KeyLocks locks(keyspace_);
  locks.AcquireAll();
  std::unique_ptr<log::Reader> reader = keyspace_.log().Attach(lag);
  locks.Release();
  return reader;
}

// Order-free: the sum over all keys of a hash of database, key, value and expiry.
std::string Engine::Digest(DigestExpiry expiry_part) {
  const UnixMs now_ms = clock_.NowUnixMs();
  std::array<std::uint64_t, 3> sums{};
  keyspace::KeyLocks locks(keyspace_);
  locks.AcquireAll();
  for (std::size_t i = 0; i < keyspace_.stripe_count(); ++i) {
    keyspace::Stripe& stripe = keyspace_.stripe(StripeId(static_cast<std::uint16_t>(i)));
    for (std::uint32_t db = 0; db < keyspace_.database_count(); ++db) {
      keyspace::Shard* shard = stripe.shard(DbId(db));
      if (shard == nullptr) continue;
      shard->table.ForEach([&](keyspace::Position position, const keyspace::Entry* entry) {
        const UnixMs expiry = keyspace::internal::ExpiryOf(shard->table, position, *entry);
        if (expiry <= now_ms || keyspace::internal::IsDead(*entry)) return;
        const bool as_flag = expiry_part == DigestExpiry::kPresence && expiry != kNever;
        const std::uint64_t parts[] = {db, Xxh3(entry->key()), keyspace::ValueDigest(*entry),
                                       as_flag ? 0 : static_cast<std::uint64_t>(expiry)};
        for (std::size_t sum = 0; sum < sums.size(); ++sum) {
          const HashSeed seed(sum + 1);
          sums[sum] += seed.Hash({reinterpret_cast<const char*>(parts), sizeof(parts)});
        }
      });
    }
  }
  locks.Release();
  return HexDigits(sums[0], 16) + HexDigits(sums[1], 16) + HexDigits(sums[2], 8);
}

EmbeddedSession::EmbeddedSession(Engine& engine, ClientId id)
    : Session(id, SecureRandomUint64()), runner_(engine.shared(), SecureRandomUint64()) {}

std::string EmbeddedSession::Execute(std::span<const std::string_view> args) {
  CHECK(!args.empty());
  resp::Writer reply(buffer_, protocol());
  runner_.Run(*this, args, reply);
  std::string bytes = buffer_.ToString();
  buffer_.Clear();
  return bytes;
}

}  // namespace cairn::engine
