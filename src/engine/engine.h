// SPDX-License-Identifier: BSD-3-Clause
// Engine: the whole store as a library, without sockets.
//
// Wires log, keyspace, command table and gates, and runs the keeper thread that expires keys and
// frees what was flushed.
//
//   Engine engine({});
//   std::unique_ptr<EmbeddedSession> session = engine.NewSession();
//   std::string reply = session->Execute({"SET", "k", "v"});     // "+OK\r\n"
//
// Owned by whoever embeds it; outlives its sessions. Thread safety: the engine is thread-safe, a
// session belongs to one thread at a time.
#ifndef CAIRN_ENGINE_ENGINE_H_
#define CAIRN_ENGINE_ENGINE_H_

#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "command/runner.h"
#include "engine/keeper.h"
#include "keyspace/keyspace.h"
#include "scripting/scripts.h"

namespace cairn::engine {

struct EngineOptions {
  std::size_t stripe_count = keyspace::kStripeCountMax;
  std::uint32_t database_count = 16;
  std::size_t log_ring_bytes = log::CommandLog::kRingBytesDefault;
  // Of the keys' hash; drawn at random if absent, as whoever knows it can choose keys that collide.
  // A fixed one lets tables grow at the same keys again.
  std::optional<std::uint64_t> hash_seed = {};
  // The clock that decides expiry; the system's if null. Outlives the engine.
  const Clock* clock = nullptr;
  // Without the keeper thread nothing expires unless it is looked at, or Keeper().RunOnce() is
  // called: for tests that own the clock.
  bool with_keeper = true;
  // Command families beyond the engine's own (the server's), and gates that come before the memory
  // gate.
  std::vector<std::span<const command::Spec>> more_families = {};
};

class EmbeddedSession;

class Engine {
 public:
  explicit Engine(const EngineOptions& options);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  std::unique_ptr<EmbeddedSession> NewSession();
  // Of a session that is made elsewhere. Any thread.
  ClientId NextSessionId() {
    return ClientId(next_session_id_.fetch_add(1, std::memory_order_relaxed));
  }

  keyspace::Keyspace& keyspace() { return keyspace_; }
  const command::CommandTable& table() const { return table_; }
  // rename-command. Before any session or Runner is made.
  Status RenameCommand(std::string_view name, std::string_view new_name) {
    return table_.Rename(name, new_name);
  }
  // What every Runner of this engine shares. Gates may be added until the first Runner is made.
  command::Shared& shared() { return shared_; }
  Keeper& keeper() { return keeper_; }
  scripting::Scripts& scripts() { return *scripts_; }
  // Commands that take long are run by threads of their own from now on, for sessions that may
  // wait. Before any session or Runner is made; gates and families are complete.
  void StartLane(command::Lane::HoldsBack holds_back = {});
  // No session runs commands any more.
  void StopLane();
  // Null unless started.
  command::Lane* lane() { return shared_.lane; }
  const Clock& clock() const { return clock_; }

  // A reader of every effect from now on. Takes all stripes for a moment.
  std::unique_ptr<log::Reader> AttachLogReader(log::Lag lag);
  // What of a key's expiry a digest holds: its very time, or only that there is one (DEBUG DIGEST).
  enum class DigestExpiry { kTime, kPresence };
  // A digest of all databases: equal data sets have equal digests. 40 hex digits; zeros when empty.
  std::string Digest(DigestExpiry expiry = DigestExpiry::kTime);

  // maxmemory: eviction begins, or writes are refused, above so many bytes; 0: no limit.
  void SetMemoryLimit(std::int64_t bytes);

  // Memory beside the keyspace that maxmemory counts: client buffers, kept functions. Folded in by
  // the server.
  SharedCounter& other_bytes() { return other_bytes_; }

 private:
  class MemoryGate;

  SystemClock system_clock_;
  const Clock& clock_;
  keyspace::Keyspace keyspace_;
  command::CommandTable table_;
  std::unique_ptr<MemoryGate> memory_gate_;
  command::Shared shared_;
  scripting::Scripts* scripts_ = nullptr;  // the shared ones
  SharedCounter other_bytes_;
  std::unique_ptr<command::Lane> lane_;
  std::atomic<std::uint64_t> next_session_id_{1};
  std::unique_ptr<command::Runner> keeper_runner_;  // serves whom expiry and eviction concern
  Keeper keeper_;
};

// A client inside the process.
class EmbeddedSession final : public command::Session {
 public:
  EmbeddedSession(Engine& engine, ClientId id);
  // Runs one command and returns its reply as RESP bytes in the session's protocol version. Never
  // blocks on I/O.
  std::string Execute(std::span<const std::string_view> args);
  std::string Execute(std::initializer_list<std::string_view> args) {
    return Execute(std::span(args.begin(), args.size()));
  }
  command::CommandStats& stats() { return runner_.stats(); }

 private:
  command::Runner runner_;
  resp::ReplyBuffer buffer_;
};

}  // namespace cairn::engine

#endif  // CAIRN_ENGINE_ENGINE_H_
