// SPDX-License-Identifier: BSD-3-Clause
// Wiring, start and stop.
//
// Gates stand in Redis's order: protected commands, authentication, memory. Order of stopping:
// listeners, workers (each finishes its pass), then the engine with its keeper.
#include "server/server.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "base/random.h"
#include "base/text.h"
#include "command/errors.h"
#include "io/listener.h"
#include "io/socket.h"
#include "server/families.h"
#include "server/memory.h"
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

// Commands before AUTH: only those that may.
class Server::AuthGate final : public command::Gate {
 public:
  bool Admit(command::Call& call) override {
    if (call.session().authenticated() || (call.command().spec->row.flags & command::kNoAuth) != 0)
        [[likely]] {
      return true;
    }
    call.Error(command::errors::kNoAuth);
    return false;
  }
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
    server_.clients_.With(call.session().id(), [&](ClientInfo& info) {
      entry.client_address = info.texts.address;
      entry.client_name = info.texts.name;
    });
    server_.slow_log_.Add(call.args(), std::move(entry));
  }

 private:
  Server& server_;
};

Server::Server(Config& config, const Clock& clock)
    : config_(config),
      run_id_(SecureRandomHex(40)),
      started_ms_(clock.NowUnixMs()),
      executable_(ExecutablePath()),
      engine_({.stripe_count = static_cast<std::size_t>(config.Int("cairn-stripes")),
               .database_count = static_cast<std::uint32_t>(config.Int("databases")),
               .clock = &clock,
               .more_families = ServerFamilies()}),
      slow_sink_(std::make_unique<SlowSink>(*this)),
      auth_gate_(std::make_unique<AuthGate>()) {
  command::Shared& shared = engine_.shared();
  shared.gates.insert(shared.gates.begin(), auth_gate_.get());
  shared.slow_observer = slow_sink_.get();
  WireConfig();
}

Server::~Server() = default;

// One line for each directive that changes something while the server runs.
void Server::WireConfig() {
  keyspace::Tunables& tunables = engine_.keyspace().tunables();
  const auto on_change = [this](ConfigId id, auto apply) {
    apply();
    config_.OnChange(id, [apply](const Config&) {
      apply();
      return Status();
    });
  };
  const auto copy_int = [&](ConfigId id, IntConfigId typed, auto* target) {
    on_change(id, [this, typed, target] {
      using Value = std::remove_reference_t<decltype(target->load())>;
      target->store(static_cast<Value>(config_.Int(typed)), std::memory_order_relaxed);
    });
  };
  copy_int("maxmemory", "maxmemory", &tunables.maxmemory_bytes);
  copy_int("maxmemory-samples", "maxmemory-samples", &tunables.maxmemory_samples);
  copy_int("lfu-log-factor", "lfu-log-factor", &tunables.lfu_log_factor);
  copy_int("lfu-decay-time", "lfu-decay-time", &tunables.lfu_decay_minutes);
  copy_int("hll-sparse-max-bytes", "hll-sparse-max-bytes", &tunables.hll_sparse_bytes_max);
  copy_int("proto-max-bulk-len", "proto-max-bulk-len", &tunables.string_bytes_max);
  on_change("maxmemory-policy", [this, &tunables] {
    tunables.policy.store(config_.Choice<keyspace::EvictionPolicy>("maxmemory-policy"),
                          std::memory_order_relaxed);
  });
  on_change("requirepass", [this] {
    requires_password_.store(!config_.Text("requirepass").empty(), std::memory_order_relaxed);
  });
  on_change("loglevel", [this] { log_.SetLevel(config_.Choice<LogLevel>("loglevel")); });
  on_change("slowlog-max-len", [this] {
    slow_log_.SetLengthMax(static_cast<std::size_t>(config_.Int("slowlog-max-len")));
  });
  on_change("latency-tracking", [this] {
    engine_.shared().track_latency.store(config_.Bool("latency-tracking"),
                                         std::memory_order_relaxed);
  });
  on_change("slowlog-log-slower-than", [this] { SetSlowThreshold(); });
  on_change("latency-monitor-threshold", [this] {
    latency_.SetThresholdMs(config_.Int("latency-monitor-threshold"));
    SetSlowThreshold();
  });
}

// The runner asks one threshold; the sink then sorts out who wanted to know.
void Server::SetSlowThreshold() {
  const std::int64_t slow_us = config_.Int("slowlog-log-slower-than");
  const std::int64_t latency_ms = config_.Int("latency-monitor-threshold");
  std::int64_t threshold_us = slow_us >= 0 ? slow_us : INT64_MAX;
  if (latency_ms > 0) threshold_us = std::min(threshold_us, latency_ms * 1000);
  engine_.shared().slow_threshold_us.store(threshold_us, std::memory_order_relaxed);
}

Status Server::Start() {
  if (Status opened = log_.Open(config_.Text("logfile")); !opened.ok()) return opened;
  log_.Notice(fmt::format("Cairn {} (redis {}), 64 bit, standalone, port: {}, PID: {}",
                          kCairnVersion, kRedisVersion, config_.Int("port"), ::getpid()));
  config_.ReportIgnored([this](std::string_view name, std::string_view why) {
    log_.Notice(fmt::format("'{}' is taken and has no effect here: {}", name, why));
  });
  const std::int64_t worker_count = config_.Int("io-threads");
  for (std::int64_t i = 0; i < worker_count; ++i) {
    Result<std::unique_ptr<io::EventLoop>> loop = io::EventLoop::Create(engine_.clock());
    if (!loop) return loop.error().Annotate("starting a worker");
    workers_.push_back(
        std::make_unique<Worker>(*this, static_cast<std::size_t>(i), std::move(*loop)));
  }
  log_.Notice("Server initialized");
  if (Status listening = Listen(); !listening.ok()) return listening;
  base_bytes_ = AllocatorStatistics::Ask().allocated;
  for (const std::unique_ptr<Worker>& worker : workers_) worker->Start();
  log_.Notice("Ready to accept connections");
  return {};
}

// All listeners live on the first worker's loop; connections are dealt to the workers in turn.
Status Server::Listen() {
  std::vector<io::Dealer::Target> targets;
  for (const std::unique_ptr<Worker>& worker : workers_) {
    targets.push_back(
        {&worker->loop(), [this, raw = worker.get()](io::Fd socket, io::PeerInfo peer) {
           Accept(*raw, std::move(socket), std::move(peer));
         }});
  }
  dealer_ = std::make_unique<io::Dealer>(workers_[0]->loop(), std::move(targets));
  const int backlog = static_cast<int>(config_.Int("tcp-backlog"));
  const auto port = static_cast<std::uint16_t>(config_.Int("port"));
  if (port != 0) {
    std::vector<std::string> notices;
    Result<std::vector<io::Fd>> sockets =
        io::ListenAll(config_.BindAddresses(), port, backlog, &notices);
    for (const std::string& notice : notices) log_.Warning(notice);
    if (!sockets)
      return sockets.error().Annotate("Failed listening on port " + std::to_string(port) +
                                      " (tcp), aborting");
    for (io::Fd& socket : *sockets) {
      if (Status added = AddListener(std::move(socket)); !added.ok()) return added;
    }
  }
  if (const std::string path = config_.Text("unixsocket"); !path.empty()) {
    const std::int64_t mode = config_.Int("unixsocketperm");
    Result<io::Fd> socket = io::ListenUnix(
        path,
        mode != 0 ? std::optional<std::uint32_t>(static_cast<std::uint32_t>(mode)) : std::nullopt,
        backlog);
    if (!socket) return socket.error().Annotate("Failed opening Unix socket");
    return AddListener(std::move(*socket));
  }
  return {};
}

Status Server::AddListener(io::Fd socket) {
  Result<std::unique_ptr<io::Listener>> listener =
      io::Listener::Create(workers_[0]->loop(), std::move(socket), *dealer_);
  if (!listener) return listener.error();
  listeners_.push_back(std::move(*listener));
  return {};
}

void Server::Accept(Worker& worker, io::Fd socket, io::PeerInfo peer) {
  std::string_view error;
  if (Refuses(peer, &error)) {
    counters_.connections_rejected.Add(1);
    // The peer is told if it can be told at once; it is closed either way.
    if (const Status told = io::WriteAll(socket.get(), error); !told.ok())
      log_.Verbose(told.message());
    return;
  }
  counters_.connections_received.Add(1);
  open_connections_.Add(1);
  if (!peer.is_unix) {
    io::SetNoDelay(socket.get());
    if (const std::int64_t seconds = config_.Int("tcp-keepalive"); seconds > 0) {
      io::SetKeepAlive(socket.get(), static_cast<int>(seconds));
    }
  }
  worker.Adopt(std::move(socket), std::move(peer));
}

bool Server::Refuses(const io::PeerInfo& peer, std::string_view* error) const {
  if (open_connections_.value() >= config_.Int("maxclients")) {
    *error = "-ERR max number of clients reached\r\n";
    return true;
  }
  if (config_.Bool("protected-mode") && !RequiresPassword() && !peer.is_local) {
    *error =
        "-DENIED This server runs in protected mode: it has no password, and takes connections "
        "from its own machine only. Set a "
        "password (requirepass), or connect from the machine itself and turn protected-mode off if "
        "the network is trusted.\r\n";
    return true;
  }
  return false;
}

void Server::RequestShutdown() { shutdown_.Notify(); }

int Server::RunUntilShutdown() {
  while (!shutdown_.WaitFor(kHousekeepingUs)) {
    const SignalAction action = TakeSignal();
    switch (action) {
      case SignalAction::kNone:
        break;
      case SignalAction::kTerminate:
      case SignalAction::kInterrupt:
        log_.Warning(fmt::format("Received {} scheduling shutdown...",
                                 action == SignalAction::kInterrupt ? "SIGINT" : "SIGTERM"));
        log_.Notice("User requested shutdown...");
        RequestShutdown();
        break;
      case SignalAction::kReopen:
        if (const Status reopened = log_.Reopen(); !reopened.ok()) log_.Warning(reopened.message());
        break;
    }
    rates_.Sample(Traffic(*this), engine_.clock().NowMonotonicUs());
    NotePeakMemory(UsedMemory());
    if (pause_.active() && engine_.clock().NowUnixMs() >= pause_.end_ms()) EndPause();
  }
  listeners_.clear();
  for (const std::unique_ptr<Worker>& worker : workers_) worker->Stop();
  workers_.clear();
  if (const std::string path = config_.Text("unixsocket"); !path.empty()) ::unlink(path.c_str());
  log_.Notice("Redis is now ready to exit, bye bye...");
  return 0;
}

resp::Limits Server::ParserLimits(bool authenticated) const {
  resp::Limits limits;
  limits.bulk_bytes_max = config_.Int("proto-max-bulk-len");
  limits.authenticated = authenticated;
  return limits;
}

// Compared in constant time, so that how long it takes says nothing about how much of it is right.
bool Server::CheckPassword(std::string_view password) {
  const std::string wanted = config_.Text("requirepass");
  unsigned difference = wanted.size() == password.size() ? 0 : 1;
  for (std::size_t i = 0; i < password.size(); ++i) {
    difference |= static_cast<unsigned char>(password[i]) ^
                  static_cast<unsigned char>(wanted[wanted.empty() ? 0 : i % wanted.size()]);
  }
  return difference == 0;
}

void Server::PauseUntil(Pause::Kind kind, UnixMs end_ms) { pause_.Begin(kind, end_ms); }

void Server::EndPause() {
  pause_.End();
  for (const std::unique_ptr<Worker>& worker : workers_) {
    worker->Post([raw = worker.get()] { raw->ResumeAll(); });
  }
}

void Server::ReportHttp(ClientInfo& info) {
  const std::int64_t now_us = engine_.clock().NowMonotonicUs();
  std::int64_t before_us = http_reported_us_.load(std::memory_order_relaxed);
  if (before_us > now_us - kHttpReportsApartUs) return;
  if (!http_reported_us_.compare_exchange_strong(before_us, now_us)) return;
  std::string address;
  clients_.With(info.id, [&](ClientInfo& found) { address = found.texts.address; });
  log_.Warning(
      "Possible SECURITY ATTACK detected: a client sends POST or Host: as commands, as a web page "
      "does that makes a browser talk to this server. Connection from " +
      address + " aborted.");
}

void Server::NoteClosed() { open_connections_.Add(-1); }

std::int64_t Server::UsedMemory() {
  return base_bytes_ + engine_.keyspace().used_bytes() + engine_.other_bytes().value();
}

std::int64_t Server::NotePeakMemory(std::int64_t used_bytes) {
  std::int64_t peak = peak_bytes_.load(std::memory_order_relaxed);
  while (peak < used_bytes &&
         !peak_bytes_.compare_exchange_weak(peak, used_bytes, std::memory_order_relaxed)) {
  }
  return std::max(peak, used_bytes);
}

}  // namespace cairn::server
