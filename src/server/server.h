// SPDX-License-Identifier: BSD-3-Clause
// Server: the one place that wires everything: configuration, engine, workers, listeners, gates,
// and what the admin commands need.
//
//     main thread     signals, listening sockets, statistics ten times a second, start and stop
//     worker 0..N-1   connections and their commands
//     keeper          expiry and freeing (the engine's)
//     lane 0..1       commands that take long (the engine's)
//
// Made and run by main. Thread safety: as said at each method; parts are thread-safe themselves.
#ifndef CAIRN_SERVER_SERVER_H_
#define CAIRN_SERVER_SERVER_H_

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/counter.h"
#include "base/mutex.h"
#include "base/status.h"
#include "base/thread.h"
#include "command/gate.h"
#include "engine/engine.h"
#include "io/disk.h"
#include "io/listener.h"
#include "io/tls_context.h"
#include "io/tls_stream.h"
#include "persist/aof_service.h"
#include "persist/persistence.h"
#include "pubsub/exchange.h"
#include "resp/parser.h"
#include "scripting/busy_gate.h"
#include "server/access_control.h"
#include "server/audit_log.h"
#include "server/audited_command.h"
#include "server/client_registry.h"
#include "server/config.h"
#include "server/config_file.h"
#include "server/data_gates.h"
#include "server/latency.h"
#include "server/logger.h"
#include "server/monitor_gate.h"
#include "server/monitors.h"
#include "server/notifier.h"
#include "server/pause.h"
#include "server/pubsub_gate.h"
#include "server/rates.h"
#include "server/signals.h"
#include "server/slow_log.h"

namespace cairn::server {

class Connection;
class Worker;

// Written by any worker.
struct ServerCounters {
  SharedCounter connections_received;
  SharedCounter connections_rejected;
  SharedCounter protocol_errors;
  SharedCounter query_buffer_disconnections;
  SharedCounter output_limit_disconnections;
  SharedCounter evicted_clients;
  SharedCounter writes_delayed;  // for want of room in what the disk has to take first
};

// Says whether something may be told again: not more often than once in a time.
class ReportPause {
 public:
  bool IsDue(MonotonicUs now_us, std::int64_t apart_us) {
    std::int64_t before_us = last_us_.load(std::memory_order_relaxed);
    return before_us <= now_us - apart_us && last_us_.compare_exchange_strong(before_us, now_us);
  }

 private:
  std::atomic<std::int64_t> last_us_{INT64_MIN / 2};
};

struct ShutdownHow {
  enum class Save : std::uint8_t { kByPoints, kYes, kNo };  // kByPoints: if there are save points
  Save save = Save::kByPoints;
  bool is_forced = false;  // even if the data cannot be saved
};

class Server {
 public:
  // `config` is loaded; the server outlives nothing of it.
  Server(Config& config, const Clock& clock);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // rename-command lines of the configuration. Before Start.
  Status RenameCommands(std::span<const ConfigLine> lines);
  // Called on the main thread once the data is loaded and clients are served.
  void SetOnReady(std::function<void()> on_ready) { on_ready_ = std::move(on_ready); }
  // Listens, starts the workers, and loads, or begins to. Why not, if so, is in the log then.
  Status Start();
  // Sleeps until a shutdown, handling signals meanwhile; then stops everything. Returns the exit
  // status.
  int RunUntilShutdown();
  // Saves first, as asked for; if that fails the server goes on, and `on_refused` is called on the
  // main thread. Any thread.
  using OnRefused = std::move_only_function<void()>;
  void RequestShutdown(const ShutdownHow& how, OnRefused on_refused);

  Config& config() { return config_; }
  engine::Engine& engine() { return engine_; }
  persist::Persistence& persistence() { return persistence_; }
  pubsub::Exchange& exchange() { return exchange_; }
  ClientRegistry& clients() { return clients_; }
  Logger& log() { return log_; }
  Monitors& monitors() { return monitors_; }
  Pause& pause() { return pause_; }
  SlowLog& slow_log() { return slow_log_; }
  AuditLog& audit() { return audit_; }
  LatencyMonitor& latency() { return latency_; }
  AccessControl& access() { return access_; }
  persist::AofService& aof() { return aof_; }
  // DEBUG LOADAOF: `on_done` is called on the main thread, which ends the server if the keyspace is
  // lost.
  void RequestAofReload(std::move_only_function<void(const Status&)> on_done);
  // How far what was logged is safe.
  const persist::Watermark& watermark() const { return aof_.watermark(); }
  ServerCounters& counters() { return counters_; }
  std::vector<std::unique_ptr<Worker>>& workers() { return workers_; }
  const std::string& run_id() const { return run_id_; }
  UnixMs started_ms() const { return started_ms_; }
  // Memory in use when the server had started: what `used_memory` counts beside the keyspace and
  // the clients.
  std::int64_t base_bytes() const { return base_bytes_; }

  ClientId NextClientId() {
    return ClientId(next_client_id_.fetch_add(1, std::memory_order_relaxed));
  }
  resp::Limits ParserLimits(bool authenticated) const;
  bool RequiresPassword() const { return access_.users().default_needs_auth(); }
  // Ends a pause: every worker asks its parked connections again.
  void EndPause();
  void PauseUntil(Pause::Kind kind, UnixMs end_ms);
  void NoteClosed();
  // Warns, at most once a minute, of a client that speaks HTTP and is being closed.
  void ReportHttp(ClientInfo& info);
  // TLS (server_tls.cc). For a connection that has been accepted; on its worker.
  std::unique_ptr<io::TlsStream> MakeTlsStream(io::Fd socket, io::EventLoop& loop);
  void NoteHandshakeFailed(const io::PeerInfo& peer, std::string_view why);
  // tls-auth-clients-user: the user whose name the client's certificate has, if there is one.
  void LogInByCertificate(Connection& connection, std::string_view common_name);
  // Whether input begins as a TLS client's does; warns of such a client, which is being closed.
  static bool IsClientHello(std::string_view input);
  void ReportTlsOnPlain(ClientInfo& info);
  // Told whatever `peer` may be told before it is a client. False if it is not to be one.
  bool Admits(io::Stream& stream, const io::PeerInfo& peer);
  // What maxmemory is held against, and INFO's used_memory: keyspace, clients, libraries of
  // functions and the base.
  std::int64_t UsedMemory();
  // Of all clients' buffers.
  std::int64_t ClientsMemory();
  // Tables of hot, big and prefixes of keys.
  std::int64_t StatisticsMemory();
  // Raises the peak to `used_bytes` if that is more, and returns it.
  std::int64_t NotePeakMemory(std::int64_t used_bytes);
  const RateMeter& rates() const { return rates_; }
  const std::string& executable() const { return executable_; }

 private:
  class ProtectedGate;
  class AuthGate;
  class SlowSink;
  class FlushSink;

  void WireConfig();
  void WireStatistics();
  void WireServerConfig();
  void WireScripts();
  void WarnOfUnbuilt();
  // The append only file (server_aof.cc).
  persist::AofService::Parts MakeAofParts();
  void WireAof();
  // On the loader's thread: the AOF if there is one to be had, else the RDB file.
  Status LoadData();
  Status LoadAof();
  persist::AofLoadOptions AofLoading();
  Status ReloadAof();
  void OnAofProgress();
  void SetSlowThreshold();
  // Main thread: ten times a second.
  void Housekeep();
  void OnSignal(SignalAction action);
  void StopAll();
  void ResumeHeldBack();
  // Persistence (server_persistence.cc). Main thread, but for the first four.
  std::unique_ptr<command::FlushObserver> MakeFlushSink();
  persist::PersistenceHooks MakePersistenceHooks();
  persist::PersistenceSettings AskPersistenceSettings();
  void UpdateGuards();
  Status OpenAndLoad();
  void BeginLoading();
  Status LoadQuietly();
  void EndLoading();
  bool TryShutdown(ShutdownHow how);
  bool SaveAtTheEnd(const ShutdownHow& how);
  void HoldCommands();
  void ReleaseCommands();
  // CONFIG SET of port or bind: closes what listens and listens anew, on the main thread; any
  // thread waits for it.
  Status ListenAgain(Status (Server::*listen)(), std::string_view refusal);
  Status Listen();
  Status ListenTcp();
  Status ListenTls();
  Status ListenBoth();
  Status ListenOn(std::int64_t port, io::Spoken spoken,
                  std::vector<std::unique_ptr<io::Listener>>* listeners);
  Status ListenUnix();
  // tls-cluster, for commands that connect to other servers.
  class ClusterPeers final : public command::Peers {
   public:
    explicit ClusterPeers(Server& server) : server_(server) {}
    std::shared_ptr<const io::TlsContext> TlsOfCluster() override;

   private:
    Server& server_;
  };

  // Makes the TLS contexts that new connections take, from the configuration. Any thread.
  Status LoadTls() EXCLUDES(tls_mu_);
  void ReloadTls() EXCLUDES(tls_mu_);
  void WireTlsConfig();
  std::string AddressOf(const ClientInfo& info);
  void MakeDealer();
  Result<std::unique_ptr<io::Listener>> MakeListener(io::Fd socket, io::Spoken spoken);
  // maxmemory-clients: asks the largest clients to go until the rest fits.
  void EvictClients();
  // On the worker that is to have it.
  void Accept(Worker& worker, io::Fd socket, io::PeerInfo peer);

  // constant after construction
  Config& config_;
  const std::string run_id_;
  const UnixMs started_ms_;
  const std::string executable_;
  std::int64_t base_bytes_ = 0;

  Logger log_;
  pubsub::Exchange exchange_;
  Notifier notifier_;
  engine::Engine engine_;
  io::SystemDisk disk_;
  persist::Persistence persistence_;
  persist::AofService aof_;
  ClientRegistry clients_;
  Pause pause_;
  SlowLog slow_log_;
  AuditLog audit_;
  AuditSink audit_sink_{*this};
  LatencyMonitor latency_;
  AccessControl access_;
  ServerCounters counters_;
  std::unique_ptr<SlowSink> slow_sink_;
  std::unique_ptr<command::FlushObserver> flush_sink_;
  std::unique_ptr<ProtectedGate> protected_gate_;
  std::unique_ptr<AuthGate> auth_gate_;
  DiskGate disk_gate_;
  PubsubGate pubsub_gate_;
  LoadingGate loading_gate_;
  MonitorGate monitor_gate_;
  scripting::BusyGate busy_gate_;
  Monitors monitors_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::unique_ptr<io::Dealer> dealer_;
  std::unique_ptr<io::EventLoop> main_loop_;
  std::vector<std::unique_ptr<io::Listener>> tcp_listeners_;  // main thread
  std::vector<std::unique_ptr<io::Listener>> tls_listeners_;  // main thread
  Mutex tls_mu_;                                              // a leaf
  std::shared_ptr<const io::TlsContext> tls_context_ GUARDED_BY(tls_mu_);
  std::shared_ptr<const io::TlsContext> tls_peer_context_ GUARDED_BY(tls_mu_);
  ClusterPeers cluster_peers_{*this};
  std::unique_ptr<io::Listener> unix_listener_;
  std::atomic<std::uint64_t> next_client_id_{1};
  SharedCounter open_connections_;
  RateMeter rates_;
  std::atomic<std::int64_t> peak_bytes_{0};
  ReportPause http_reported_;
  ReportPause tls_reported_;
  ReportPause tls_on_plain_reported_;
  Mutex guards_mu_;  // a leaf
  int persistence_guards_ GUARDED_BY(guards_mu_) = 0;
  std::atomic<bool> aof_failing_{false};  // relaxed: whether to look at the guards again
  // Loading. Main thread, but for what is guarded.
  std::function<void()> on_ready_;
  Thread loader_;
  MonotonicUs load_began_us_ = 0;
  Status load_failure_;
  Event load_event_;
  Mutex load_mu_;
  Status load_status_ GUARDED_BY(load_mu_);
  bool is_load_over_ GUARDED_BY(load_mu_) = false;
};

}  // namespace cairn::server

#endif  // CAIRN_SERVER_SERVER_H_
