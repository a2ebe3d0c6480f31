// SPDX-License-Identifier: BSD-3-Clause
// What the server does with persistence: settings, loading at start, the last save.
//
// Loading. Listeners are open and workers run, so that clients are told LOADING and INFO answers;
// but clients are taken in only after kQuietLoadUs, so that nobody notices a short load. (Redis,
// too, looks after its clients only after some megabytes.)
//
//     main:    Start ----wait----+-> "Ready to accept connections" at once,
//     loader:      load---------+    or by mail to the main loop, or the end with status 1
//
// Ending. Commands are held back for good; when the workers and the lane have ended what they were
// in, nothing changes any more, and what is saved then is everything that anybody was told. If it
// cannot be saved, the server goes on.
#include <fmt/format.h>
#include <signal.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

#include "base/check.h"
#include "command/lane.h"
#include "server/connection.h"
#include "server/server.h"
#include "server/signals.h"
#include "server/statistics.h"
#include "server/version.h"
#include "server/worker.h"

namespace cairn::server {
namespace {

constexpr std::int64_t kQuietLoadUs = 100'000;
constexpr std::int64_t kLookUs = 1000;

bool IsAlive(std::int64_t pid) { return ::kill(static_cast<pid_t>(pid), 0) == 0 || errno == EPERM; }

}  // namespace

// FLUSHALL is answered when the file is as empty as the memory.
class Server::FlushSink final : public command::FlushObserver {
 public:
  explicit FlushSink(persist::Persistence& persistence) : persistence_(persistence) {}
  bool OnFlushAll(command::Call& call) override {
    persistence_.GiveUpBackground();
    if (!persistence_.has_save_points()) return false;
    const std::shared_ptr<command::Parked> client = call.AnswerLater();
    persistence_.SaveFlushed([client](bool) {
      if (client != nullptr) AnswerParked(client, [](resp::Writer& reply) { reply.Ok(); });
    });
    return client != nullptr;
  }

 private:
  persist::Persistence& persistence_;
};

std::unique_ptr<command::FlushObserver> Server::MakeFlushSink() {
  return std::make_unique<FlushSink>(persistence_);
}

persist::PersistenceSettings Server::AskPersistenceSettings() {
  persist::PersistenceSettings settings;
  // Whole, for who reads the log. If it has gone, what is tried in it fails and says so.
  std::error_code error;
  if (const auto here = std::filesystem::current_path(error); !error)
    settings.directory = here.string();
  settings.file_name = config_.Text("dbfilename");
  for (const SavePoint& point : config_.SavePoints())
    settings.save_points.push_back({.seconds = point.seconds, .changes = point.changes});
  settings.stop_writes_on_error = config_.Bool("stop-writes-on-bgsave-error");
  settings.format = {.compression = config_.Bool("rdbcompression") ? codec::RdbCompression::kLzf
                                                                   : codec::RdbCompression::kNone,
                     .checksum = config_.Bool("rdbchecksum"),
                     .syncs_on_the_way = config_.Bool("rdb-save-incremental-fsync"),
                     .server_version = std::string(kRedisVersion),
                     .used_memory = UsedMemory(),
                     .key_delay_us = config_.Int("rdb-key-save-delay")};
  settings.verify_checksum = config_.Bool("rdbchecksum");
  settings.load_delay_us = config_.Int("key-load-delay");
  return settings;
}

persist::PersistenceHooks Server::MakePersistenceHooks() {
  return {.settings = [this] { return AskPersistenceSettings(); },
          .changes = [this] { return Changes(*this); },
          .log =
              [this](persist::Severity severity, std::string_view text) {
                severity == persist::Severity::kWarning ? log_.Warning(text) : log_.Notice(text);
              },
          .on_gates = [this] { UpdateGuards(); }};
}

// A gate is asked about commands only while it may have something to say.
void Server::UpdateGuards() {
  MutexLock hold(guards_mu_);
  const int wanted = (persistence_.has_failed() ? 1 : 0) + (persistence_.is_loading() ? 1 : 0) +
                     (watermark().failing() ? 1 : 0);
  engine_.shared().guards.fetch_add(wanted - persistence_guards_);
  persistence_guards_ = wanted;
}

// ---- Loading -----------------------------------------------------------------------------------

// Before workers run: nobody shall find the data set empty.
void Server::BeginLoading() {
  persistence_.Start(&IsAlive);
  load_began_us_ = engine_.clock().NowMonotonicUs();
  persistence_.BeginLoading();
}

Status Server::LoadQuietly() {
  loader_ = Thread("loader", [this] {
    Status loaded = LoadData();
    {
      MutexLock hold(load_mu_);
      load_status_ = std::move(loaded);
      is_load_over_ = true;
    }
    load_event_.Notify();
    main_loop_->PostOwed([this] { EndLoading(); });
  });
  load_event_.WaitFor(kQuietLoadUs);
  EndLoading();
  return load_failure_;
}

// Main thread. Does nothing before the load is over, and the second time.
void Server::EndLoading() {
  if (!loader_.joinable()) return;
  Status status;
  {
    MutexLock hold(load_mu_);
    if (!is_load_over_) return;
    status = load_status_;
  }
  loader_.Join();
  const bool is_there = status.ok();
  if (!is_there && status.code() != StatusCode::kNotFound) {
    // Given up by a shutdown: that is under way.
    if (status.code() == StatusCode::kClosed) return;
    load_failure_ = status.Annotate("Fatal error loading the DB");
    log_.Warning(load_failure_.message());
    log_.Warning("Exiting: the file was not changed. cairn-check tells where a file is damaged.");
    main_loop_->Stop();
    return;
  }
  persistence_.EndLoading();
  aof_.Start();
  if (is_there) {
    const std::int64_t us = engine_.clock().NowMonotonicUs() - load_began_us_;
    log_.Notice(
        fmt::format("DB loaded from disk: {:.3f} seconds", static_cast<double>(us) / 1'000'000));
  }
  log_.Notice("Ready to accept connections");
  if (on_ready_) on_ready_();
}

// ---- Ending ------------------------------------------------------------------------------------

// Every command that has begun has ended, and none begins.
void Server::HoldCommands() {
  pause_.BeginEnding();
  // What is posted runs between two passes.
  struct Passes {
    std::atomic<std::size_t> to_come;
    Event all_over;
  };
  const auto passes = std::make_shared<Passes>(workers_.size());
  for (const std::unique_ptr<Worker>& worker : workers_) {
    worker->Post([passes] {
      if (passes->to_come.fetch_sub(1) == 1) passes->all_over.Notify();
    });
  }
  while (passes->to_come.load() > 0) passes->all_over.WaitFor(kLookUs);
  Event never;
  while (engine_.lane()->RunsHeldBack()) never.WaitFor(kLookUs);
}

void Server::ReleaseCommands() {
  pause_.EndEnding();
  ResumeHeldBack();
}

void Server::RequestShutdown(const ShutdownHow& how, OnRefused on_refused) {
  main_loop_->PostOwed([this, how, on_refused = std::move(on_refused)]() mutable {
    if (!TryShutdown(how) && on_refused) on_refused();
  });
}

bool Server::TryShutdown(ShutdownHow how) {
  log_.Notice("User requested shutdown...");
  if (persistence_.is_loading()) {
    // What is there is half of what the file has.
    how.save = ShutdownHow::Save::kNo;
    persistence_.load_progress().AskToStop();
  }
  persistence_.GiveUpBackground();
  aof_.GiveUpRewrite();
  using Ends = scripting::Scripts::Ends;
  const Ends ends = how.save == ShutdownHow::Save::kNo ? Ends::kAll : Ends::kWithoutWrites;
  engine_.scripts().EndRuns(ends);
  const bool saves = how.save == ShutdownHow::Save::kYes ||
                     (how.save == ShutdownHow::Save::kByPoints && persistence_.has_save_points());
  if (saves && !SaveAtTheEnd(how)) return false;
  // Workers wait for theirs when they stop.
  engine_.scripts().EndRunsFromNow(ends);
  main_loop_->Stop();
  return true;
}

bool Server::SaveAtTheEnd(const ShutdownHow& how) {
  log_.Notice("Saving the final RDB snapshot before exiting.");
  engine_.lane()->InterruptPeers(true);
  HoldCommands();
  if (persistence_.SaveLast()) return true;
  if (how.is_forced) {
    log_.Warning("Error trying to save the DB, but forced to exit.");
    return true;
  }
  NoteShutdownIsRefused();
  log_.Warning("Error trying to save the DB, can't exit.");
  log_.Warning("Errors trying to shut down the server. Check the logs for more information.");
  engine_.lane()->InterruptPeers(false);
  ReleaseCommands();
  return false;
}

}  // namespace cairn::server
