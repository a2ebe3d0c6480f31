// SPDX-License-Identifier: BSD-3-Clause
// What a changed directive does to the running server: one line for each that does anything at
// once.
//
// The others are read where they are used. Hooks run on the worker that CONFIG SET came in by.
#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>

#include "server/memory.h"
#include "server/server.h"

namespace cairn::server {
namespace {

// Descriptors that are not clients': listeners, epoll and event descriptors, files.
constexpr std::int64_t kOwnDescriptors = 32;

// Lets this process have a descriptor for each client. Fails if the system does not.
Status RaiseDescriptorLimit(std::int64_t clients) {
  const auto wanted = static_cast<rlim_t>(clients + kOwnDescriptors);
  rlimit limit;
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted) return {};
  const rlimit raised = {.rlim_cur = wanted, .rlim_max = std::max(limit.rlim_max, wanted)};
  if (::setrlimit(RLIMIT_NOFILE, &raised) == 0) return {};
  const auto most = static_cast<std::int64_t>(limit.rlim_cur) - kOwnDescriptors;
  return {StatusCode::kLimit,
          "The operating system is not able to handle the specified number of clients, try with " +
              std::to_string(most)};
}

Status ChangeDirectory(const std::string& path) {
  if (::chdir(path.c_str()) == 0) return {};
  return {StatusCode::kIo, std::strerror(errno)};
}

// What the server may learn about its use, at some cost.
void WireAdvisors(Config& config, keyspace::Keyspace& keyspace) {
  const auto switches = [&config](BoolConfigId id, auto set) {
    set(config.Bool(id));
    config.OnChange(ConfigId(id.position()), [id, set](const Config& changed) {
      set(changed.Bool(id));
      return Status();
    });
  };
  switches("cairn-miss-ratio-curve", [&keyspace](bool on) { keyspace.DrawCurve(on); });
  switches("cairn-ttl-advisor", [&keyspace](bool on) { keyspace.WatchReloads(on); });
}

}  // namespace

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
  on_change("maxmemory", [this] { engine_.SetMemoryLimit(config_.Int("maxmemory")); });
  copy_int("maxmemory-samples", "maxmemory-samples", &tunables.maxmemory_samples);
  copy_int("lfu-log-factor", "lfu-log-factor", &tunables.lfu_log_factor);
  copy_int("lfu-decay-time", "lfu-decay-time", &tunables.lfu_decay_minutes);
  copy_int("hll-sparse-max-bytes", "hll-sparse-max-bytes", &tunables.hll_sparse_bytes_max);
  on_change("rdbcompression", [this, &tunables] {
    tunables.compress_dumps.store(config_.Bool("rdbcompression"), std::memory_order_relaxed);
  });
  copy_int("list-max-listpack-size", "list-max-listpack-size", &tunables.list_node_fill);
  copy_int("list-compress-depth", "list-compress-depth", &tunables.list_compress_depth);
  copy_int("hash-max-listpack-entries", "hash-max-listpack-entries", &tunables.hash_packed_entries);
  copy_int("hash-max-listpack-value", "hash-max-listpack-value", &tunables.hash_packed_value_bytes);
  copy_int("set-max-intset-entries", "set-max-intset-entries", &tunables.set_int_entries);
  copy_int("set-max-listpack-entries", "set-max-listpack-entries", &tunables.set_packed_entries);
  copy_int("set-max-listpack-value", "set-max-listpack-value", &tunables.set_packed_value_bytes);
  copy_int("zset-max-listpack-entries", "zset-max-listpack-entries",
           &tunables.sorted_set_packed_entries);
  copy_int("zset-max-listpack-value", "zset-max-listpack-value",
           &tunables.sorted_set_packed_value_bytes);
  copy_int("stream-node-max-bytes", "stream-node-max-bytes", &tunables.stream_node_bytes);
  copy_int("stream-node-max-entries", "stream-node-max-entries", &tunables.stream_node_entries);
  on_change("proto-max-bulk-len", [this, &tunables] {
    tunables.string_bytes_max.store(
        std::min(config_.Int("proto-max-bulk-len"), keyspace::kStringBytesMax),
        std::memory_order_relaxed);
  });
  WireAdvisors(config_, engine_.keyspace());
  on_change("maxmemory-policy", [this, &tunables] {
    tunables.SetPolicy(config_.Choice<keyspace::EvictionPolicy>("maxmemory-policy"));
  });
  on_change("notify-keyspace-events", [this, &tunables] {
    auto classes = static_cast<keyspace::EventClass>(config_.Int("notify-keyspace-events"));
    // Without one of the two forms there is nothing to tell.
    if ((classes & (keyspace::kEventKeyspace | keyspace::kEventKeyevent)) == 0) classes = 0;
    tunables.event_classes.store(classes, std::memory_order_relaxed);
  });
  copy_int("tracking-table-max-keys", "tracking-table-max-keys", &tunables.tracked_keys_max);
  on_change("requirepass", [this] { access_.ApplyPassword(); });
  on_change("acl-pubsub-default", [this] { access_.ApplyChannelsAtFirst(); });
  on_change("loglevel", [this] { log_.SetLevel(config_.Choice<LogLevel>("loglevel")); });
  on_change("slowlog-max-len", [this] {
    slow_log_.SetLengthMax(static_cast<std::size_t>(config_.Int("slowlog-max-len")));
  });
  on_change("latency-tracking", [this] {
    engine_.shared().track_latency.store(config_.Bool("latency-tracking"),
                                         std::memory_order_relaxed);
  });
  WireStatistics();
  on_change("slowlog-log-slower-than", [this] { SetSlowThreshold(); });
  on_change("latency-monitor-threshold", [this] {
    latency_.SetThresholdMs(config_.Int("latency-monitor-threshold"));
    SetSlowThreshold();
  });
}

void Server::WireStatistics() {
  command::KeyStatistics::Settings& keys = engine_.shared().key_statistics.settings();
  const auto apply = [this, &keys](const Config&) {
    const auto copy = [](auto value, auto& target) {
      target.store(static_cast<decltype(target.load())>(value), std::memory_order_relaxed);
    };
    copy(config_.Bool("cairn-key-statistics"), keys.enabled);
    copy(config_.Int("cairn-hot-keys"), keys.hot_keys);
    copy(config_.Int("cairn-hot-keys-period") * 1000, keys.hot_keys_period_ms);
    copy(config_.Int("cairn-prefixes"), keys.prefixes);
    copy(config_.Int("cairn-prefixes-period") * 1000, keys.prefixes_period_ms);
    engine_.keyspace().big_keys().SetCapacity(
        static_cast<std::size_t>(config_.Int("cairn-big-keys")));
    return Status();
  };
  for (const ConfigId id : {ConfigId("cairn-big-keys"), ConfigId("cairn-key-statistics"),
                            ConfigId("cairn-hot-keys"), ConfigId("cairn-hot-keys-period"),
                            ConfigId("cairn-prefixes"), ConfigId("cairn-prefixes-period")}) {
    config_.OnChange(id, apply);
  }
  (void)apply(config_);
}

// What a server is trusted to obey and nothing here reads yet: said aloud, lest somebody believe
// that his data is guarded or copied.
void Server::WarnOfUnbuilt() {
  const auto warn = [this](std::string_view name, std::string_view why) {
    log_.Warning("Directive '" + std::string(name) + "' has no effect yet: " + std::string(why));
  };
  if (config_.Bool("cluster-enabled")) warn("cluster-enabled", "there is no cluster, it is alone");
  if (!config_.Text("replicaof").empty())
    warn("replicaof", "there is no replication, nothing is copied and writes are taken");
  if (config_.Int("min-replicas-to-write") != 0)
    warn("min-replicas-to-write", "there is no replication, writes are taken");
}

// Hooks that may fail, and that need a server that is already up.
void Server::WireServerConfig() {
  config_.OnChange("port", [this](const Config&) {
    return ListenAgain(&Server::ListenTcp, "Unable to listen on this port. Check server logs.");
  });
  config_.OnChange("bind", [this](const Config&) {
    return ListenAgain(&Server::ListenBoth, "Failed to bind to specified addresses.");
  });
  WireTlsConfig();
  config_.OnChange("maxclients", [](const Config& config) {
    return RaiseDescriptorLimit(config.Int("maxclients"));
  });
  config_.OnChange("jemalloc-bg-thread", [](const Config& config) {
    SetBackgroundPurge(config.Bool("jemalloc-bg-thread"));
    return Status();
  });
  SetBackgroundPurge(config_.Bool("jemalloc-bg-thread"));
  config_.OnChange("dir", [](const Config& config) { return ChangeDirectory(config.Text("dir")); });
  if (const Status changed = ChangeDirectory(config_.Text("dir")); !changed.ok())
    log_.Warning(changed.message());
  const Status raised = RaiseDescriptorLimit(config_.Int("maxclients"));
  if (!raised.ok()) log_.Warning(raised.message());
}

// The runner asks one threshold; the sink then sorts out who wanted to know.
void Server::SetSlowThreshold() {
  const std::int64_t slow_us = config_.Int("slowlog-log-slower-than");
  const std::int64_t latency_ms = config_.Int("latency-monitor-threshold");
  std::int64_t threshold_us = slow_us >= 0 ? slow_us : INT64_MAX;
  if (latency_ms > 0) threshold_us = std::min(threshold_us, latency_ms * 1000);
  engine_.shared().slow_threshold_ns.store(threshold_us < INT64_MAX / 1000
                                               ? static_cast<std::uint64_t>(threshold_us) * 1000
                                               : UINT64_MAX,
                                           std::memory_order_relaxed);
}

}  // namespace cairn::server
