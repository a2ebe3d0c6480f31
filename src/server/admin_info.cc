// SPDX-License-Identifier: BSD-3-Clause
// INFO: one function per section, in Redis's order and with Redis's field names, so that exporters
// parse it.
//
// Fields about things that Cairn does otherwise (forks, replicas, saving) say what is true of it:
// no forks, no replicas. Our own fields stand at the end of their section: server_name,
// cairn_version, expire_lag_ms_*, eviction_wait_us_*,
// eviction_over_bytes_*, clients_waiting_for_room, writes_delayed.
#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <vector>

#include "base/random.h"
#include "base/text.h"
#include "command/call.h"
#include "keyspace/access.h"
#include "scripting/scripts.h"
#include "server/connection.h"
#include "server/families.h"
#include "server/memory_figures.h"
#include "server/server.h"
#include "server/statistics.h"
#include "server/version.h"
#include "server/worker.h"

namespace cairn::server {
namespace {

using command::Call;
using command::Group;
using command::Spec;

constexpr std::string_view kPolicyName[] = {"maxmemory-policy"};

class Section {
 public:
  explicit Section(std::string_view title) : text_(fmt::format("# {}\r\n", title)) {}
  template <class Value>
  void Add(std::string_view name, const Value& value) {
    text_ += fmt::format("{}:{}\r\n", name, value);
  }
  void AddRatio(std::string_view name, double value) {
    text_ += fmt::format("{}:{:.2f}\r\n", name, value);
  }
  void AddZeros(std::initializer_list<std::string_view> names) {
    for (const std::string_view name : names) Add(name, 0);
  }
  std::string Take() { return std::move(text_); }

 private:
  std::string text_;
};

// "894.91K", as Redis shows sizes to people.
std::string Human(std::int64_t bytes) {
  const auto amount = static_cast<double>(bytes);
  if (bytes < 1024) return fmt::format("{}B", bytes);
  if (bytes < 1024 * 1024) return fmt::format("{:.2f}K", amount / 1024);
  if (bytes < 1024LL * 1024 * 1024) return fmt::format("{:.2f}M", amount / (1024 * 1024));
  if (bytes < 1024LL * 1024 * 1024 * 1024)
    return fmt::format("{:.2f}G", amount / (1024LL * 1024 * 1024));
  return fmt::format("{:.2f}T", amount / (1024.0 * 1024 * 1024 * 1024));
}

void AddWithHuman(Section& section, std::string_view name, std::int64_t bytes) {
  section.Add(name, bytes);
  section.Add(std::string(name) + "_human", Human(bytes));
}

// What is listened on, in Redis's order.
void AddListeners(Section& section, const Config& config) {
  int count = 0;
  const auto add = [&](std::string_view name, std::span<const std::string> places,
                       std::int64_t port) {
    std::string line = "name=" + std::string(name);
    for (const std::string& place : places) line += ",bind=" + place;
    if (port != 0) line += ",port=" + std::to_string(port);
    section.Add("listener" + std::to_string(count++), line);
  };
  const std::vector<std::string> addresses = config.BindAddresses();
  if (const std::int64_t port = config.Int("port"); port != 0) add("tcp", addresses, port);
  if (const std::string path = config.Text("unixsocket"); !path.empty()) add("unix", {{path}}, 0);
  if (const std::int64_t port = config.Int("tls-port"); port != 0) add("tls", addresses, port);
}

std::string ServerSection(Server& server) {
  Section section("Server");
  utsname system;
  ::uname(&system);
  const std::int64_t now_us = server.engine().clock().NowUnixUs();
  const std::int64_t uptime_s = (now_us / 1000 - server.started_ms()) / 1000;
  section.Add("redis_version", kRedisVersion);
  section.Add("server_name", "cairn");
  section.Add("cairn_version", kCairnVersion);
  section.Add("redis_git_sha1", "00000000");
  section.Add("redis_git_dirty", 0);
  section.Add("redis_build_id", "0");
  section.Add("redis_mode", "standalone");
  section.Add("os", fmt::format("{} {} {}", system.sysname, system.release, system.machine));
  section.Add("arch_bits", 64);
  section.Add("monotonic_clock", "POSIX clock_gettime");
  section.Add("multiplexing_api", "epoll");
  section.Add("atomicvar_api", "c11-builtin");
  section.Add("gcc_version",
              fmt::format("{}.{}.{}", __GNUC__, __GNUC_MINOR__, __GNUC_PATCHLEVEL__));
  section.Add("process_id", ::getpid());
  section.Add("process_supervised", "no");
  section.Add("run_id", server.run_id());
  const std::int64_t port = server.config().Int("port");
  section.Add("tcp_port", port != 0 ? port : server.config().Int("tls-port"));
  section.Add("server_time_usec", now_us);
  section.Add("uptime_in_seconds", uptime_s);
  section.Add("uptime_in_days", uptime_s / 86400);
  section.Add("hz", server.config().Int("hz"));
  section.Add("configured_hz", server.config().Int("hz"));
  section.Add("lru_clock", keyspace::LruAccess(now_us / 1000));
  section.Add("executable", server.executable());
  section.Add("config_file", server.config().file());
  section.Add("io_threads_active", server.workers().size() > 1 ? 1 : 0);
  section.Add("workers", server.workers().size());
  AddListeners(section, server.config());
  return section.Take();
}

std::string ClientsSection(Server& server) {
  Section section("Clients");
  section.Add("connected_clients", server.clients().count());
  section.Add("cluster_connections", 0);
  section.Add("maxclients", server.config().Int("maxclients"));
  std::int64_t largest_input = 0;
  std::int64_t largest_output = 0;
  std::int64_t subscribed = 0;
  std::int64_t blocked = 0;
  std::int64_t blocked_for_a_time = 0;
  std::int64_t watching = 0;
  std::int64_t waiting_for_room = 0;
  server.clients().ForEach([&](const ClientInfo& info) {
    largest_input = std::max(largest_input, info.input_bytes.load(std::memory_order_relaxed));
    largest_output = std::max(largest_output, info.output_bytes.load(std::memory_order_relaxed));
    subscribed += info.subscribed() ? 1 : 0;
    const bool is_blocked = IsBlocked(info);
    blocked += is_blocked || info.is_paused.load(std::memory_order_relaxed) ? 1 : 0;
    blocked_for_a_time += is_blocked && info.wait_is_timed.load(std::memory_order_relaxed) ? 1 : 0;
    waiting_for_room += info.waits_for_room.load(std::memory_order_relaxed) ? 1 : 0;
    watching += info.watched_keys.load(std::memory_order_relaxed) != 0 ? 1 : 0;
  });
  section.Add("client_recent_max_input_buffer", largest_input);
  section.Add("client_recent_max_output_buffer", largest_output);
  section.Add("blocked_clients", blocked);
  section.Add("tracking_clients", server.engine().keyspace().tracking().client_count());
  section.Add("pubsub_clients", subscribed);
  const keyspace::InterestTotals keys = server.engine().keyspace().CountInterest();
  section.Add("watching_clients", watching);
  section.Add("clients_in_timeout_table", blocked_for_a_time);
  section.Add("total_watched_keys", keys.watched_keys);
  section.Add("total_blocking_keys", keys.blocking_keys);
  section.Add("total_blocking_keys_on_nokey", keys.blocking_keys_on_loss);
  section.Add("clients_waiting_for_room", waiting_for_room);
  return section.Take();
}

void AddAllocator(Section& section, const MemoryFigures& figures) {
  const AllocatorStatistics& allocator = figures.allocator;
  section.AddRatio("allocator_frag_ratio", MemoryRatio(allocator.active, allocator.allocated));
  section.Add("allocator_frag_bytes", allocator.active - allocator.allocated);
  section.AddRatio("allocator_rss_ratio", MemoryRatio(allocator.resident, allocator.active));
  section.Add("allocator_rss_bytes", allocator.resident - allocator.active);
  section.AddRatio("rss_overhead_ratio", MemoryRatio(figures.resident, allocator.resident));
  section.Add("rss_overhead_bytes", figures.resident - allocator.resident);
  section.AddRatio("mem_fragmentation_ratio", MemoryRatio(figures.resident, figures.used));
  section.Add("mem_fragmentation_bytes", figures.resident - figures.used);
}

std::string MemorySection(Server& server) {
  Section section("Memory");
  const MemoryFigures figures = MemoryFigures::Take(server);
  const AllocatorStatistics& allocator = figures.allocator;
  keyspace::Keyspace& keyspace = server.engine().keyspace();
  AddWithHuman(section, "used_memory", figures.used);
  AddWithHuman(section, "used_memory_rss", figures.resident);
  AddWithHuman(section, "used_memory_peak", figures.peak);
  section.Add("used_memory_peak_perc",
              fmt::format("{:.2f}%", MemoryRatio(figures.used, figures.peak) * 100));
  section.Add("used_memory_overhead", figures.overhead());
  section.Add("used_memory_startup", figures.base);
  section.Add("used_memory_dataset", figures.dataset());
  section.Add(
      "used_memory_dataset_perc",
      fmt::format("{:.2f}%", MemoryRatio(figures.dataset(), figures.used - figures.base) * 100));
  section.Add("allocator_allocated", allocator.allocated);
  section.Add("allocator_active", allocator.active);
  section.Add("allocator_resident", allocator.resident);
  AddWithHuman(section, "total_system_memory", TotalSystemBytes());
  section.Add("used_memory_lua", figures.eval_vm);
  section.Add("used_memory_vm_eval", figures.eval_vm);
  section.Add("used_memory_lua_human", Human(figures.eval_vm));
  section.Add("used_memory_scripts_eval", figures.scripts);
  section.Add("number_of_cached_scripts", server.engine().scripts().cache().count());
  section.Add("number_of_functions", server.engine().scripts().function_count());
  section.Add("number_of_libraries", server.engine().scripts().shelf().Get()->size());
  section.Add("used_memory_vm_functions", figures.function_vm);
  AddWithHuman(section, "used_memory_vm_total", figures.eval_vm + figures.function_vm);
  section.Add("used_memory_functions", figures.functions);
  AddWithHuman(section, "used_memory_scripts", figures.scripts + figures.functions);
  AddWithHuman(section, "maxmemory", server.config().Int("maxmemory"));
  section.Add("maxmemory_policy", server.config().Get(kPolicyName).at(0).value);
  AddAllocator(section, figures);
  section.AddZeros({"mem_not_counted_for_evict", "mem_replication_backlog",
                    "mem_total_replication_buffers", "mem_clients_slaves"});
  section.Add("mem_clients_normal", figures.clients);
  section.Add("mem_eviction_ghosts", server.engine().keyspace().ghost_bytes());
  section.Add("mem_leases", figures.leases);
  section.AddZeros({"mem_cluster_links", "mem_aof_buffer"});
  section.Add("mem_allocator", AllocatorName());
  section.Add("active_defrag_running", 0);
  section.Add("lazyfree_pending_objects", keyspace.trash().pending());
  section.Add("lazyfreed_objects", keyspace.trash().freed());
  return section.Take();
}

void AddAof(Section& section, const persist::AofFigures& aof) {
  section.Add("aof_enabled", aof.is_enabled ? 1 : 0);
  section.Add("aof_rewrite_in_progress", aof.is_rewriting ? 1 : 0);
  section.Add("aof_rewrite_scheduled", aof.is_scheduled ? 1 : 0);
  section.Add("aof_last_rewrite_time_sec", aof.rewrites.last_s);
  section.Add("aof_current_rewrite_time_sec", aof.rewrites.current_s);
  section.Add("aof_last_bgrewrite_status", aof.rewrites.last_ok ? "ok" : "err");
  section.Add("aof_rewrites", aof.rewrites.begun);
  section.Add("aof_rewrites_consecutive_failures", aof.rewrites.failures_in_a_row);
  section.Add("aof_last_write_status", aof.last_write_ok ? "ok" : "err");
}

void AddAofFiles(Section& section, const persist::AofFigures& aof) {
  section.Add("aof_current_size", aof.current_bytes);
  section.Add("aof_base_size", aof.base_bytes);
  section.Add("aof_pending_rewrite", 0);
  section.Add("aof_buffer_length", aof.buffer_bytes);
  section.Add("aof_pending_bio_fsync", aof.pending_syncs);
  section.Add("aof_delayed_fsync", aof.delayed_syncs);
}

double Percent(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? 0 : 100 * static_cast<double>(part) / static_cast<double>(whole);
}

void AddLoading(Section& section, Server& server) {
  const persist::LoadProgress& progress = server.persistence().load_progress();
  const std::uint64_t bytes = progress.bytes();
  const std::uint64_t total = std::max(progress.bytes_total(), bytes);
  const auto took_s =
      static_cast<double>(server.engine().clock().NowUnixMs() - progress.began_ms()) / 1000;
  const double bytes_per_s = took_s > 0 ? static_cast<double>(bytes) / took_s : 0;
  section.Add("loading_start_time", progress.began_ms() / 1000);
  section.Add("loading_total_bytes", total);
  section.Add("loading_rdb_used_mem", progress.used_memory());
  section.Add("loading_loaded_bytes", bytes);
  section.AddRatio("loading_loaded_perc", Percent(bytes, total));
  section.Add("loading_eta_seconds",
              bytes_per_s > 0
                  ? static_cast<std::int64_t>(static_cast<double>(total - bytes) / bytes_per_s)
                  : 1);
}

std::string PersistenceSection(Server& server) {
  Section section("Persistence");
  const persist::RdbFigures rdb = server.persistence().figures();
  section.Add("loading", server.persistence().is_loading() ? 1 : 0);
  section.Add("async_loading", 0);
  // What writers have changed and the save still has to write: all that it costs in memory.
  section.Add("current_cow_peak", rdb.copied_bytes_peak);
  section.Add("current_cow_size", rdb.copied_bytes);
  section.Add("current_cow_size_age", 0);
  section.AddRatio("current_fork_perc", Percent(rdb.keys_saved, rdb.keys_to_save));
  section.Add("current_save_keys_processed", rdb.keys_saved);
  section.Add("current_save_keys_total", rdb.keys_to_save);
  section.Add("rdb_changes_since_last_save", rdb.changes_since_save);
  section.Add("rdb_bgsave_in_progress", rdb.is_saving_in_background ? 1 : 0);
  section.Add("rdb_last_save_time", rdb.last_save_s);
  section.Add("rdb_last_bgsave_status", rdb.last_save_failed ? "err" : "ok");
  section.Add("rdb_last_bgsave_time_sec", rdb.last_background_s);
  section.Add("rdb_current_bgsave_time_sec", rdb.current_background_s);
  section.Add("rdb_saves", rdb.saves);
  section.Add("rdb_last_cow_size", rdb.last_copied_bytes);
  section.Add("rdb_last_load_keys_expired", rdb.keys_expired);
  section.Add("rdb_last_load_keys_loaded", rdb.keys_loaded);
  const persist::AofFigures aof = server.aof().Figures();
  AddAof(section, aof);
  section.AddZeros({"aof_last_cow_size", "module_fork_in_progress", "module_fork_last_cow_size"});
  if (aof.is_enabled) AddAofFiles(section, aof);
  if (server.persistence().is_loading()) AddLoading(section, server);
  section.Add("writes_delayed", server.counters().writes_delayed.value());
  return section.Take();
}

// Percentiles in `unit` of what is recorded, the last being the most that there may have been.
void AddPercentiles(Section& section, const std::string& name,
                    const SharedLatencyHistogram& histogram, std::uint64_t unit) {
  std::vector<std::int64_t> counts;
  AddHistogram(histogram, counts);
  section.Add(name + "_p50", PercentileNs(counts, 50) / unit);
  section.Add(name + "_p99", PercentileNs(counts, 99) / unit);
  section.Add(name + "_p999", PercentileNs(counts, 99.9) / unit);
  section.Add(name + "_p100", PercentileNs(counts, 100) / unit);
}

void AddLags(Section& section, const keyspace::RemovalLags& lags) {
  AddPercentiles(section, "expire_lag_ms", lags.expiry_ns, keyspace::RemovalLags::kNsPerMs);
  AddPercentiles(section, "eviction_wait_us", lags.eviction_wait_ns, 1000);
  AddPercentiles(section, "eviction_over_bytes", lags.eviction_over_bytes, 1);
}

void AddExpiry(Section& section, const keyspace::KeyspaceTotals& totals,
               std::int64_t evicted_clients) {
  section.Add("expired_keys", totals.expired);
  section.Add("expired_stale_perc", "0.00");
  section.AddZeros({"expired_time_cap_reached_count", "expire_cycle_cpu_milliseconds"});
  section.Add("evicted_keys", totals.evicted);
  section.Add("evicted_keys_met_again", totals.ghosts_met);
  section.Add("evicted_clients", evicted_clients);
  section.AddZeros({"total_eviction_exceeded_time", "current_eviction_exceeded_time"});
  section.Add("keyspace_hits", totals.hits);
  section.Add("keyspace_misses", totals.misses);
}

std::string StatsSection(Server& server) {
  Section section("Stats");
  const TrafficTotals traffic = Traffic(server);
  const Rates rates = server.rates().Now();
  const keyspace::KeyspaceTotals totals = server.engine().keyspace().Totals();
  section.Add("total_connections_received", server.counters().connections_received.value());
  section.Add("total_commands_processed", traffic.commands);
  section.Add("instantaneous_ops_per_sec", rates.commands_per_second);
  section.Add("total_net_input_bytes", traffic.input_bytes);
  section.Add("total_net_output_bytes", traffic.output_bytes);
  section.AddZeros({"total_net_repl_input_bytes", "total_net_repl_output_bytes"});
  section.AddRatio("instantaneous_input_kbps", rates.input_kib_per_second);
  section.AddRatio("instantaneous_output_kbps", rates.output_kib_per_second);
  section.Add("instantaneous_input_repl_kbps", "0.00");
  section.Add("instantaneous_output_repl_kbps", "0.00");
  section.Add("rejected_connections", server.counters().connections_rejected.value());
  section.AddZeros({"sync_full", "sync_partial_ok", "sync_partial_err"});
  AddExpiry(section, totals, server.counters().evicted_clients.value());
  section.Add("pubsub_channels", server.exchange().NameCount(pubsub::Kind::kChannel));
  section.Add("pubsub_patterns", server.exchange().NameCount(pubsub::Kind::kPattern));
  section.Add("pubsubshard_channels", server.exchange().NameCount(pubsub::Kind::kShard));
  section.AddZeros({"latest_fork_usec", "total_forks", "migrate_cached_sockets",
                    "slave_expires_tracked_keys", "active_defrag_hits", "active_defrag_misses",
                    "active_defrag_key_hits", "active_defrag_key_misses",
                    "total_active_defrag_time", "current_active_defrag_time"});
  const keyspace::Tracking& tracking = server.engine().keyspace().tracking();
  section.Add("tracking_total_keys", tracking.key_count());
  section.Add("tracking_total_items", tracking.item_count());
  section.Add("tracking_total_prefixes", tracking.prefix_count());
  section.AddZeros({"unexpected_error_replies"});
  section.Add("total_error_replies", traffic.errors);
  section.Add("audit_log_dropped", server.audit().dropped());
  section.Add("dump_payload_sanitizations", 0);
  section.Add("total_reads_processed", traffic.passes);
  section.Add("total_writes_processed", traffic.passes);
  section.AddZeros({"io_threaded_reads_processed", "io_threaded_writes_processed",
                    "reply_buffer_shrinks", "reply_buffer_expands"});
  const acl::DenialLog& denials = server.access().log();
  using command::DenialReason;
  section.Add("acl_access_denied_auth", denials.CountOf(DenialReason::kAuth));
  section.Add("acl_access_denied_cmd", denials.CountOf(DenialReason::kCommand));
  section.Add("acl_access_denied_key", denials.CountOf(DenialReason::kKey));
  section.Add("acl_access_denied_channel", denials.CountOf(DenialReason::kChannel));
  section.Add("client_query_buffer_limit_disconnections",
              server.counters().query_buffer_disconnections.value());
  section.Add("client_output_buffer_limit_disconnections",
              server.counters().output_limit_disconnections.value());
  section.Add("expire_lag_ms_max", totals.expire_lag_ms_max);
  section.AddRatio("expire_lag_ms_avg", MemoryRatio(totals.expire_lag_ms_sum, totals.expired));
  AddLags(section, server.engine().keyspace().lags());
  return section.Take();
}

// What the caching commands have made; see docs/caching-commands.
std::string CachingSection(Server& server) {
  Section section("Caching");
  keyspace::Keyspace& keyspace = server.engine().keyspace();
  const keyspace::LeaseBook& leases = keyspace.leases();
  section.Add("leases_held", leases.held());
  section.Add("leases_granted", leases.granted());
  section.Add("leases_voided", leases.voided());
  section.Add("leases_timed_out", leases.timed_out());
  section.Add("tags", keyspace.tags().size());
  section.Add("keys_invalidated", keyspace.Totals().invalidated);
  return section.Take();
}

std::string ReplicationSection(Server& server) {
  Section section("Replication");
  section.Add("role", "master");
  section.Add("connected_slaves", 0);
  section.Add("master_failover_state", "no-failover");
  section.Add("master_replid", server.run_id());
  section.Add("master_replid2", std::string(40, '0'));
  section.Add("master_repl_offset", 0);
  section.Add("second_repl_offset", -1);
  section.Add("repl_backlog_active", 0);
  section.Add("repl_backlog_size", server.config().Int("repl-backlog-size"));
  section.AddZeros({"repl_backlog_first_byte_offset", "repl_backlog_histlen"});
  return section.Take();
}

double Seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

std::string CpuSection(Server&) {
  Section section("CPU");
  rusage self;
  rusage main_thread;
  ::getrusage(RUSAGE_SELF, &self);
  ::getrusage(RUSAGE_THREAD, &main_thread);
  const auto add = [&](std::string_view name, const timeval& time) {
    section.Add(name, fmt::format("{:.6f}", Seconds(time)));
  };
  add("used_cpu_sys", self.ru_stime);
  add("used_cpu_user", self.ru_utime);
  add("used_cpu_sys_children", timeval{});
  add("used_cpu_user_children", timeval{});
  add("used_cpu_sys_main_thread", main_thread.ru_stime);
  add("used_cpu_user_main_thread", main_thread.ru_utime);
  return section.Take();
}

std::string ModulesSection(Server&) { return Section("Modules").Take(); }

std::string CommandStatsSection(Server& server) {
  Section section("Commandstats");
  for (const CommandTotals& totals : TotalsByCommand(server)) {
    section.Add(
        "cmdstat_" + totals.full_name,
        fmt::format("calls={},usec={},usec_per_call={:.2f},rejected_calls={},failed_calls={}",
                    totals.calls, totals.ns / 1000, MemoryRatio(totals.ns, totals.calls) / 1000,
                    totals.rejected, totals.failed));
  }
  return section.Take();
}

std::string ErrorStatsSection(Server& server) {
  Section section("Errorstats");
  for (const auto& [code, count] : server.engine().shared().errors.Snapshot()) {
    section.Add("errorstat_" + code, fmt::format("count={}", count));
  }
  return section.Take();
}

std::string LatencyStatsSection(Server& server) {
  Section section("Latencystats");
  const std::vector<double> percentiles = server.config().LatencyPercentiles();
  for (const CommandTotals& totals : TotalsByCommand(server)) {
    if (totals.histogram.empty() || totals.calls == 0) continue;
    std::string line;
    for (const double percent : percentiles) {
      line += fmt::format("{}p{:g}={:.3f}", line.empty() ? "" : ",", percent,
                          PercentileUs(totals, percent));
    }
    section.Add("latency_percentiles_usec_" + totals.full_name, line);
  }
  return section.Take();
}

std::string ClusterSection(Server&) {
  Section section("Cluster");
  section.Add("cluster_enabled", 0);
  return section.Take();
}

// Of a sample: up to kTtlSamples volatile keys of each stripe. Redis's figure is an estimate as
// well.
std::int64_t AverageTtlMs(Server& server, DbId db) {
  constexpr std::size_t kTtlSamples = 4;
  keyspace::Keyspace& keyspace = server.engine().keyspace();
  const UnixMs now_ms = keyspace.clock().NowUnixMs();
  Random random(static_cast<std::uint64_t>(now_ms));
  std::int64_t samples = 0;
  double sum_ms = 0;
  for (std::size_t i = 0; i < keyspace.stripe_count(); ++i) {
    keyspace::Stripe& stripe = keyspace.stripe(StripeId(static_cast<std::uint16_t>(i)));
    const keyspace::TryWalkLock hold(keyspace, stripe);
    if (!hold.held()) continue;
    keyspace::Shard* shard = stripe.shard(db);
    if (shard == nullptr || shard->expiring_keys() == 0) continue;
    shard->table.SampleVolatileFrom(
        random, kTtlSamples, [&](keyspace::Position at, const keyspace::Entry* entry) {
          const UnixMs expiry = keyspace::internal::ExpiryOf(shard->table, at, *entry);
          if (expiry <= now_ms || expiry == kNever) return;
          sum_ms += static_cast<double>(expiry - now_ms);
          ++samples;
        });
  }
  return samples == 0 ? 0 : static_cast<std::int64_t>(sum_ms / static_cast<double>(samples));
}

std::string KeyspaceSection(Server& server) {
  Section section("Keyspace");
  for (std::uint32_t db = 0; db < server.engine().keyspace().database_count(); ++db) {
    const keyspace::DatabaseSize size = server.engine().keyspace().Size(DbId(db));
    if (size.keys == 0) continue;
    section.Add(
        fmt::format("db{}", db),
        fmt::format("keys={},expires={},avg_ttl={},subexpiry={}", size.keys, size.volatile_keys,
                    AverageTtlMs(server, DbId(db)), size.hashes_with_times));
  }
  return section.Take();
}

struct SectionRow {
  std::string_view name;
  bool by_default;
  std::string (*make)(Server&);
};

constexpr SectionRow kSections[] = {
    {"server", true, &ServerSection},
    {"clients", true, &ClientsSection},
    {"memory", true, &MemorySection},
    {"persistence", true, &PersistenceSection},
    {"stats", true, &StatsSection},
    {"replication", true, &ReplicationSection},
    {"cpu", true, &CpuSection},
    {"modules", true, &ModulesSection},
    {"commandstats", false, &CommandStatsSection},
    {"errorstats", true, &ErrorStatsSection},
    {"latencystats", false, &LatencyStatsSection},
    {"cluster", true, &ClusterSection},
    {"caching", true, &CachingSection},
    {"keyspace", true, &KeyspaceSection},
};

bool IsWanted(const SectionRow& row, std::span<const std::string_view> names) {
  if (names.empty()) return row.by_default;
  return std::any_of(names.begin(), names.end(), [&](std::string_view name) {
    if (EqualsIgnoreCase(name, "all") || EqualsIgnoreCase(name, "everything")) return true;
    return EqualsIgnoreCase(name, "default") ? row.by_default : EqualsIgnoreCase(name, row.name);
  });
}

void Info(Call& call) {
  Server& server = Connection::Of(call).server();
  scripting::CountFunctions(call);
  std::string text;
  for (const SectionRow& row : kSections) {
    if (!IsWanted(row, call.args().subspan(1))) continue;
    if (!text.empty()) text += "\r\n";
    text += row.make(server);
  }
  call.reply().Verbatim("txt", text);
}

constexpr Spec kSpecs[] = {
    Spec({.syntax = "INFO [section [section ...]]",
          .since = "1.0.0",
          .group = Group::kServer,
          .flags = command::kLoading | command::kStale,
          .categories = "dangerous",
          .complexity = "O(1)",
          .summary = "Returns what there is to know about the server, by section.",
          .history = "7.0.0: Accepts several sections.",
          .tips = "nondeterministic_output request_policy:all_shards response_policy:special",
          .run = &Info}),
};

}  // namespace

std::span<const Spec> InfoFamily() { return kSpecs; }

}  // namespace cairn::server
