// SPDX-License-Identifier: BSD-3-Clause
// Wiring, start and stop.
//
// Gates stand in Redis's order: protected commands, authentication, rights, memory. Order of
// stopping: listeners, workers (each finishes its pass), then the engine with its keeper.
#include "server/server.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "base/random.h"
#include "base/text.h"
#include "command/errors.h"
#include "commands/namespaces.h"
#include "io/listener.h"
#include "io/socket.h"
#include "server/connection.h"
#include "server/families.h"
#include "server/memory.h"
#include "server/redact.h"
#include "server/signals.h"
#include "server/statistics.h"
#include "server/version.h"
#include "server/worker.h"

namespace cairn::server {
namespace {

// How often the main thread looks for signals, the end of a pause, and samples rates and the
// memory's peak.
constexpr std::int64_t kHousekeepingUs = 100'000;

constexpr std::int64_t kHttpReportsApartUs = 60'000'000;

std::string ExecutablePath() {
  char path[4096];
  const ssize_t size = ::readlink("/proc/self/exe", path, sizeof(path));
  return size > 0 ? std::string(path, static_cast<std::size_t>(size)) : std::string();
}

}  // namespace

// Commands that could be used to break into the machine or to break the server: only for those whom
// their directive names.
class Server::ProtectedGate final : public command::Gate {
 public:
  explicit ProtectedGate(Server& server) : server_(server) {}
  bool Admit(command::Call& call) override {
    if ((call.command().spec->row.flags & command::kProtected) == 0) [[likely]]
      return true;
    const bool is_module = call.command().spec->container == "MODULE";
    const auto allowed =
        server_.config_.Choice<ProtectedAction>(is_module ? ChoiceConfigId("enable-module-command")
                                                          : ChoiceConfigId("enable-debug-command"));
    if (allowed == ProtectedAction::kYes) return true;
    if (allowed == ProtectedAction::kLocal && Connection::Of(call).info().is_local) return true;
    const std::string option = is_module ? "enable-module-command" : "enable-debug-command";
    call.Error(std::string(is_module ? "ERR MODULE" : "ERR DEBUG") +
               " command not allowed. If the " + option +
               " option is set to \"local\", you can run it from a local connection, otherwise you "
               "need to set this option in the configuration file, and then restart the server.");
    return false;
  }

 private:
  Server& server_;
};

// Commands before AUTH: only those that may. A password that has been taken away is not asked for,
// not even of those who came while there was one.
class Server::AuthGate final : public command::Gate {
 public:
  explicit AuthGate(const Server& server) : server_(server) {}
  bool Admit(command::Call& call) override {
    if (call.session().authenticated() || (call.command().spec->row.flags & command::kNoAuth) != 0)
        [[likely]] {
      return true;
    }
    if (!server_.RequiresPassword()) return true;
    call.Refuse(command::errors::kNoAuth);
    return false;
  }

 private:
  const Server& server_;
};

class Server::SlowSink final : public command::SlowObserver {
 public:
  explicit SlowSink(Server& server) : server_(server) {}
  void OnSlow(command::Call& call, std::uint64_t duration_us) override {
    server_.latency_.Record(
        (call.command().spec->row.flags & command::kFast) != 0 ? "fast-command" : "command",
        static_cast<std::int64_t>(duration_us / 1000), call.now_ms() / 1000);
    const std::int64_t threshold_us = server_.config_.Int("slowlog-log-slower-than");
    if (threshold_us < 0 || static_cast<std::int64_t>(duration_us) < threshold_us) return;
    if ((call.command().spec->row.flags & command::kSkipSlowlog) != 0) return;
    SlowEntry entry;
    entry.unix_seconds = call.now_ms() / 1000;
    entry.duration_us = static_cast<std::int64_t>(duration_us);
    if (call.in_script()) {
      entry.client_address = "?:0";
    } else {
      server_.clients_.With(call.session().id(), [&](ClientInfo& info) {
        entry.client_address = info.texts.address;
        entry.client_name = info.texts.name;
      });
    }
    server_.slow_log_.Add(WithoutSecrets(call.command().full_name, call.args()), std::move(entry));
  }

 private:
  Server& server_;
};

Server::Server(Config& config, const Clock& clock)
    : config_(config),
      run_id_(SecureRandomHex(40)),
      started_ms_(clock.NowUnixMs()),
      executable_(ExecutablePath()),
      log_(clock),
      exchange_({.worker_count = static_cast<std::size_t>(config.Int("io-threads")),
                 .hash_seed = SecureRandomUint64(),
                 .wake = [this](std::size_t worker) { workers_[worker]->WakeForMessages(); }}),
      notifier_(exchange_),
      engine_({.stripe_count = static_cast<std::size_t>(config.Int("cairn-stripes")),
               .database_count = static_cast<std::uint32_t>(config.Int("databases")),
               .clock = &clock,
               .more_families = ServerFamilies()}),
      persistence_(disk_, engine_.keyspace(), clock, MakePersistenceHooks()),
      aof_(MakeAofParts()),
      access_(*this),
      slow_sink_(std::make_unique<SlowSink>(*this)),
      protected_gate_(std::make_unique<ProtectedGate>(*this)),
      auth_gate_(std::make_unique<AuthGate>(*this)),
      disk_gate_(persistence_, aof_),
      loading_gate_(persistence_),
      monitors_(*this) {
  command::Shared& shared = engine_.shared();
  shared.gates.insert(shared.gates.begin(),
                      {protected_gate_.get(), auth_gate_.get(), &access_.gate()});
  shared.gates.push_back(&disk_gate_);
  shared.gates.push_back(&pubsub_gate_);
  shared.gates.push_back(&loading_gate_);
  shared.gates.push_back(&monitor_gate_);
  shared.gates.push_back(&busy_gate_);
  engine_.keyspace().SetEventSink(&notifier_);
  shared.slow_observer = slow_sink_.get();
  shared.denial_observer = &access_;
  flush_sink_ = MakeFlushSink();
  shared.flush_observer = flush_sink_.get();
  WireConfig();
}

// A start that failed half-way leaves the AOF open.
Server::~Server() { (void)aof_.Stop(); }

Status Server::Start() {
  Status started = OpenAndLoad();
  // Of a load it was told when it failed.
  if (!started.ok() && load_failure_.ok()) log_.Warning(started.message());
  return started;
}

Status Server::OpenAndLoad() {
  if (Status opened = log_.Open(config_.Text("logfile")); !opened.ok()) return opened;
  if (Status opened = audit_.Open(config_.Text("cairn-audit-log")); !opened.ok()) return opened;
  if (audit_.is_on()) engine_.shared().auditor = &audit_sink_;
  log_.Notice(fmt::format("Cairn {} (redis {}), 64 bit, standalone, port: {}, PID: {}",
                          kCairnVersion, kRedisVersion, config_.Int("port"), ::getpid()));
  config_.ReportIgnored([this](std::string_view name, std::string_view why) {
    log_.Notice("Directive '" + std::string(name) + "' is ignored: " + std::string(why));
  });
  WarnOfUnbuilt();
  const std::string namespaces = config_.Text("cairn-namespaces");
  if (Status declared = commands::DeclareConfigured(engine_.keyspace(), namespaces); !declared.ok())
    return declared.Annotate("cairn-namespaces");
  Result<std::unique_ptr<io::EventLoop>> main_loop = io::EventLoop::Create(engine_.clock());
  if (!main_loop) return main_loop.error().Annotate("starting the main loop");
  main_loop_ = std::move(*main_loop);
  engine_.StartLane([this](command::Parked& parked) {
    return pause_.active() && pause_.Parks(parked.command(), parked.session());
  });
  const std::int64_t worker_count = config_.Int("io-threads");
  for (std::int64_t i = 0; i < worker_count; ++i) {
    Result<std::unique_ptr<io::EventLoop>> loop = io::EventLoop::Create(engine_.clock());
    if (!loop) return loop.error().Annotate("starting a worker");
    workers_.push_back(
        std::make_unique<Worker>(*this, static_cast<std::size_t>(i), std::move(*loop)));
  }
  persistence_.turn().steps().set_wanted(worker_count >= config_.cores());
  log_.Notice("Server initialized");
  MakeDealer();
  if (Status loaded = LoadTls(); !loaded.ok()) return loaded;
  engine_.shared().peers = &cluster_peers_;
  if (Status listening = Listen(); !listening.ok()) return listening;
  WireServerConfig();
  if (Status users = access_.LoadAtStart(); !users.ok()) return users;
  WireAof();
  base_bytes_ = AllocatorStatistics::Ask().allocated;
  engine_.other_bytes().Add(base_bytes_);
  persistence_.libraries().CountIn(engine_.other_bytes());
  WireScripts();
  BeginLoading();
  for (const std::unique_ptr<Worker>& worker : workers_) worker->Start();
  Status loaded = LoadQuietly();
  if (!loaded.ok()) StopAll();
  return loaded;
}

void Server::OnSignal(SignalAction action) {
  switch (action) {
    case SignalAction::kNone:
      return;
    case SignalAction::kTerminate:
    case SignalAction::kInterrupt: {
      const bool is_interrupt = action == SignalAction::kInterrupt;
      log_.Warning(
          fmt::format("Received {} scheduling shutdown...", is_interrupt ? "SIGINT" : "SIGTERM"));
      const std::int64_t options =
          is_interrupt ? config_.Int("shutdown-on-sigint") : config_.Int("shutdown-on-sigterm");
      ShutdownHow how{.is_forced = (options & kShutdownForce) != 0};
      if ((options & kShutdownSave) != 0) how.save = ShutdownHow::Save::kYes;
      if ((options & kShutdownNoSave) != 0) how.save = ShutdownHow::Save::kNo;
      TryShutdown(how);
      return;
    }
    case SignalAction::kReopen:
      if (const Status reopened = log_.Reopen(); !reopened.ok()) log_.Warning(reopened.message());
      audit_.AskToReopen();
      ReloadTls();
      return;
  }
}

void Server::Housekeep() {
  OnSignal(TakeSignal());
  persistence_.Tick();
  rates_.Sample(Traffic(*this), engine_.clock().NowMonotonicUs());
  NotePeakMemory(UsedMemory());
  EvictClients();
  aof_.Advance();
  if (pause_.kind() != Pause::Kind::kNone && engine_.clock().NowUnixMs() >= pause_.end_ms())
    EndPause();
  main_loop_->AddTimer(kHousekeepingUs, [this] { Housekeep(); });
}

int Server::RunUntilShutdown() {
  Housekeep();
  if (const Status ended = main_loop_->Run(); !ended.ok()) log_.Warning(ended.message());
  StopAll();
  if (!load_failure_.ok()) return 1;
  // Who waits for this line (Redis's own tests, scripts around them) looks for its second half; the
  // first is the product's name in Redis too, "Sentinel" when it is one.
  log_.Notice("Cairn is now ready to exit, bye bye...");
  return 0;
}

void Server::StopAll() {
  persistence_.load_progress().AskToStop();
  if (loader_.joinable()) loader_.Join();
  tcp_listeners_.clear();
  tls_listeners_.clear();
  unix_listener_.reset();
  for (const std::unique_ptr<Worker>& worker : workers_) worker->Stop();
  // An expiring key is told of to the workers, and what the lane has run, and the end of a save:
  // nobody may do that any more when they go.
  persistence_.Stop();
  engine_.keeper().Stop();
  engine_.StopLane();
  if (const Status stopped = aof_.Stop(); !stopped.ok())
    log_.Warning("The AOF is incomplete: " + std::string(stopped.message()));
  workers_.clear();
  audit_.Stop();
  if (const std::string path = config_.Text("unixsocket"); !path.empty()) ::unlink(path.c_str());
}

Status Server::RenameCommands(std::span<const ConfigLine> lines) {
  for (const ConfigLine& line : lines) {
    if (line.words.size() != 3)
      return {StatusCode::kInvalid, QuoteLine(line) + "wrong number of arguments"};
    const Status renamed = engine_.RenameCommand(line.words[1], line.words[2]);
    if (!renamed.ok()) return {renamed.code(), QuoteLine(line) + std::string(renamed.message())};
  }
  return {};
}

// The largest go first, as Redis does; those that asked for it (CLIENT NO-EVICT) stay.
void Server::EvictClients() {
  const std::int64_t limit = config_.ClientsMemoryMax();
  std::int64_t used = ClientsMemory();
  if (limit <= 0 || used <= limit) return;
  struct Candidate {
    std::int64_t bytes;
    ClientId id;
    std::size_t worker;
  };
  std::vector<Candidate> candidates;
  clients_.ForEach([&](const ClientInfo& info) {
    if (info.no_evict.load(std::memory_order_relaxed)) return;
    candidates.push_back({info.memory_bytes.load(std::memory_order_relaxed), info.id, info.worker});
  });
  std::ranges::sort(candidates,
                    [](const Candidate& a, const Candidate& b) { return a.bytes > b.bytes; });
  for (const Candidate& candidate : candidates) {
    if (used <= limit) break;
    used -= candidate.bytes;
    counters_.evicted_clients.Add(1);
    // Who does not get it is asked again in 100 ms.
    workers_[candidate.worker]->Offer(
        [worker = workers_[candidate.worker].get(), id = candidate.id] {
          if (Connection* connection = worker->FindToClose(id)) connection->CloseNow();
        });
  }
}

resp::Limits Server::ParserLimits(bool authenticated) const {
  resp::Limits limits;
  limits.bulk_bytes_max = std::min(config_.Int("proto-max-bulk-len"), keyspace::kStringBytesMax);
  limits.authenticated = authenticated;
  return limits;
}

void Server::PauseUntil(Pause::Kind kind, UnixMs end_ms) { pause_.Begin(kind, end_ms); }

void Server::EndPause() {
  pause_.End();
  ResumeHeldBack();
}

void Server::ResumeHeldBack() {
  engine_.lane()->AskAgain();
  for (const std::unique_ptr<Worker>& worker : workers_) {
    worker->Post([raw = worker.get()] { raw->ResumeAll(); });
  }
}

void Server::ReportHttp(ClientInfo& info) {
  if (!http_reported_.IsDue(engine_.clock().NowMonotonicUs(), kHttpReportsApartUs)) return;
  log_.Warning(
      "Possible SECURITY ATTACK detected: a client sends POST or Host: as commands, as a web page "
      "does that makes a browser talk to this server. Connection from " +
      AddressOf(info) + " aborted.");
}

std::string Server::AddressOf(const ClientInfo& info) {
  std::string address;
  clients_.With(info.id, [&](const ClientInfo& found) { address = found.texts.address; });
  return address;
}

void Server::NoteClosed() { open_connections_.Add(-1); }

std::int64_t Server::UsedMemory() {
  keyspace::Keyspace& keyspace = engine_.keyspace();
  return keyspace.used_bytes() + keyspace.trash().spare_bytes() + engine_.other_bytes().value();
}

std::int64_t Server::StatisticsMemory() {
  return engine_.shared().key_statistics.memory_bytes() +
         engine_.keyspace().big_keys().memory_bytes();
}

std::int64_t Server::ClientsMemory() {
  // Between the two, a load may put other libraries in place.
  return std::max<std::int64_t>(0, engine_.other_bytes().value() - base_bytes_ -
                                       persistence_.libraries().memory_bytes() -
                                       StatisticsMemory());
}

std::int64_t Server::NotePeakMemory(std::int64_t used_bytes) {
  std::int64_t peak = peak_bytes_.load(std::memory_order_relaxed);
  while (peak < used_bytes &&
         !peak_bytes_.compare_exchange_weak(peak, used_bytes, std::memory_order_relaxed)) {
  }
  return std::max(peak, used_bytes);
}

}  // namespace cairn::server
