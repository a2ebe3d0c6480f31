// SPDX-License-Identifier: BSD-3-Clause
// The append only file's place in the server: what it asks of the configuration, who is told when
// the disk has got on, and what is loaded.
#include <filesystem>
#include <string>
#include <system_error>
#include <utility>

#include "server/config_enums.h"
#include "server/server.h"
#include "server/version.h"
#include "server/worker.h"

namespace cairn::server {
namespace {

using persist::AofOptions;
using persist::FsyncPolicy;

FsyncPolicy PolicyOf(AppendFsync choice) {
  switch (choice) {
    case AppendFsync::kEverySecond:
      return FsyncPolicy::kEverySecond;
    case AppendFsync::kAlways:
      return FsyncPolicy::kAlways;
    case AppendFsync::kNo:
      return FsyncPolicy::kNo;
  }
  return FsyncPolicy::kEverySecond;
}

AofOptions OptionsOf(const Config& config) {
  AofOptions options;
  options.policy = PolicyOf(config.Choice<AppendFsync>("appendfsync"));
  options.rests_while_saving = config.Bool("no-appendfsync-on-rewrite");
  options.with_timestamps = config.Bool("aof-timestamp-enabled");
  options.with_preamble = config.Bool("aof-use-rdb-preamble");
  options.keeps_history = config.Bool("aof-disable-auto-gc");
  options.growth = {
      .percent = config.Int("auto-aof-rewrite-percentage"),
      .bytes_min = static_cast<std::uint64_t>(config.Int("auto-aof-rewrite-min-size"))};
  options.image = {.compression = config.Bool("rdbcompression") ? codec::RdbCompression::kLzf
                                                                : codec::RdbCompression::kNone,
                   .checksum = config.Bool("rdbchecksum"),
                   .syncs_on_the_way = config.Bool("aof-rewrite-incremental-fsync"),
                   .server_version = std::string(kRedisVersion),
                   .key_delay_us = config.Int("rdb-key-save-delay")};
  return options;
}

// Where the process is now: CONFIG SET dir must not part an AOF from its next files.
persist::AofPlace PlaceOf(const Config& config) {
  std::error_code error;
  const std::string here = std::filesystem::current_path(error).string();
  return {.directory = error ? "." : here,
          .folder = config.Text("appenddirname"),
          .name = config.Text("appendfilename")};
}

}  // namespace

persist::AofService::Parts Server::MakeAofParts() {
  return {.disk = disk_,
          .keyspace = engine_.keyspace(),
          .table = engine_.table(),
          .turn = persistence_.turn(),
          .libraries = persistence_.libraries(),
          .place = [this] { return PlaceOf(config_); },
          .options = [this] { return OptionsOf(config_); },
          .on_progress = [this] { OnAofProgress(); },
          .on_note = [this](std::string_view line) { log_.Notice(line); },
          .on_warning = [this](std::string_view line) { log_.Warning(line); }};
}

void Server::WireAof() {
  config_.OnChange("appendonly", [this](const Config& config) {
    const bool on = config.Bool("appendonly");
    if (on && !aof_.is_wanted() && !aof_.Probe().ok())
      return Status(StatusCode::kIo, "Unable to turn on AOF. Check server logs.");
    aof_.Want(on);
    main_loop_->PostOwed([this] { aof_.Advance(); });
    return Status();
  });
  for (const ConfigId id : {ConfigId("appendfsync"), ConfigId("aof-timestamp-enabled")}) {
    config_.OnChange(id, [this](const Config&) {
      aof_.ApplyOptions();
      return Status();
    });
  }
}

// Redis, with appendonly, does not look at the RDB file at all. Whoever comes from there, or
// switches appendonly on in the file, would find nothing.
Status Server::LoadData() {
  const bool appends = config_.Bool("appendonly");
  if (appends) {
    if (Status opened = aof_.Open(); !opened.ok()) return opened;
  }
  Status loaded;
  if (appends && aof_.has_data()) {
    loaded = LoadAof();
  } else if (const auto rdb = persistence_.Load({}); !rdb) {
    loaded = rdb.error();
  }
  const bool goes_on = loaded.ok() || loaded.code() == StatusCode::kNotFound;
  if (!appends || !goes_on) return loaded;
  if (Status begun = aof_.Begin(); !begun.ok()) return begun;
  return loaded;
}

persist::AofLoadOptions Server::AofLoading() {
  return {.cuts_torn_tail = config_.Bool("aof-load-truncated"),
          .verify_checksum = config_.Bool("rdbchecksum"),
          .key_delay_us = config_.Int("key-load-delay"),
          .on_note = [this](std::string_view line) { log_.Notice(line); },
          .on_warning = [this](std::string_view line) { log_.Warning(line); }};
}

Status Server::LoadAof() {
  Status loaded = aof_.Load(AofLoading(), persistence_.load_progress());
  // A file that the manifest names is gone again: that is not having none.
  const bool is_missing = !loaded.ok() && loaded.code() == StatusCode::kNotFound;
  return is_missing ? Status(StatusCode::kCorrupt, std::string(loaded.message())) : loaded;
}

void Server::RequestAofReload(std::move_only_function<void(const Status&)> on_done) {
  main_loop_->PostOwed([this, on_done = std::move(on_done)]() mutable {
    HoldCommands();
    const Status reloaded = ReloadAof();
    ReleaseCommands();
    on_done(reloaded);
  });
}

Status Server::ReloadAof() {
  keyspace::Keyspace& keyspace = engine_.keyspace();
  const Status reloaded = aof_.Reload(AofLoading(), persistence_.load_progress(), [&] {
    keyspace::KeyLocks locks(keyspace);
    locks.AcquireAll();
    for (std::uint32_t db = 0; db < keyspace.database_count(); ++db)
      keyspace.FlushDatabase(locks, DbId(db));
    locks.Release();
  });
  const bool is_intact = reloaded.ok() || reloaded.code() == StatusCode::kUnsupported ||
                         reloaded.code() == StatusCode::kNotFound;
  if (is_intact) return reloaded;
  load_failure_ = reloaded.Annotate("Fatal error loading the AOF");
  log_.Warning(load_failure_.message());
  main_loop_->Stop();
  return reloaded;
}

// Any thread. The workers that hold replies look again; writes are refused, or not any more.
void Server::OnAofProgress() {
  const bool failing = watermark().failing();
  if (aof_failing_.exchange(failing, std::memory_order_relaxed) != failing) UpdateGuards();
  for (const std::unique_ptr<Worker>& worker : workers_) worker->WakeForDisk();
}

}  // namespace cairn::server
