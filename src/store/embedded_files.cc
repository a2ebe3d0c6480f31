// SPDX-License-Identifier: BSD-3-Clause
// Opening in the server's order: read the directory, load, begin to append, then look after it.
#include "store/embedded_files.h"

#include <algorithm>
#include <utility>

#include "persist/loader.h"

namespace cairn::store {
namespace {

using cache::Errc;

cache::Error ErrorOf(const Status& status) {
  const bool is_corrupt =
      status.code() == StatusCode::kCorrupt || status.code() == StatusCode::kUnsupported;
  return {.code = is_corrupt ? Errc::kCorrupt : Errc::kUnreachable,
          .detail = std::string(status.message())};
}

}  // namespace

cache::Result<std::unique_ptr<EmbeddedFiles>> EmbeddedFiles::Open(engine::Engine& engine,
                                                                  Options options) {
  io::SystemDisk disk;
  if (const Status made = disk.MakeDirectory(options.directory);
      !made.ok() && made.code() != StatusCode::kExists)
    return std::unexpected(ErrorOf(made));
  Result<io::FolderLock> lock = io::FolderLock::Take(options.directory);
  if (!lock) return std::unexpected(ErrorOf(lock.error()));
  auto files = std::make_unique<EmbeddedFiles>(engine, std::move(options), *std::move(lock));
  if (const Status loaded = files->Load(); !loaded.ok()) return std::unexpected(ErrorOf(loaded));
  files->aof_.Start();
  if (const Status begun = files->AwaitFirst(); !begun.ok()) return std::unexpected(ErrorOf(begun));
  files->looker_ = Thread("embedded-aof", [raw = files.get()] { raw->Look(); });
  return files;
}

EmbeddedFiles::EmbeddedFiles(engine::Engine& engine, Options options, io::FolderLock lock)
    : engine_(engine),
      options_(std::move(options)),
      lock_(std::move(lock)),
      aof_({.disk = disk_,
            .keyspace = engine.keyspace(),
            .table = engine.table(),
            .turn = turn_,
            .libraries = libraries_,
            .place = [this] { return persist::AofPlace{.directory = options_.directory}; },
            .options = [this] { return persist::AofOptions{.policy = options_.policy}; },
            .on_progress = [this] { OnProgress(); },
            // What goes wrong is told to who calls.
            .on_note = [](std::string_view) {},
            .on_warning = [](std::string_view) {}}) {
  engine.shared().gates.push_back(&gate_);
}

EmbeddedFiles::~EmbeddedFiles() {
  is_closing_.store(true, std::memory_order_relaxed);
  look_.Notify();
  if (looker_.joinable()) looker_.Join();
  // There is nobody left to be told of an error.
  (void)aof_.Stop();
}

Status EmbeddedFiles::Load() {
  if (Status opened = aof_.Open(); !opened.ok()) return opened;
  if (aof_.has_data()) {
    if (Status loaded = aof_.Load({}, progress_); !loaded.ok()) return loaded;
  } else {
    const auto loaded = persist::LoadRdbFile(disk_, options_.directory + "/dump.rdb",
                                             engine_.keyspace(), {}, progress_);
    if (!loaded && loaded.error().code() != StatusCode::kNotFound) return loaded.error();
    has_rdb_ = loaded && loaded->keys > 0;
  }
  return aof_.Begin();
}

// What came from an RDB file is written anew first: who closed before that would find the RDB file
// again, without what he has written since.
Status EmbeddedFiles::AwaitFirst() {
  constexpr std::int64_t kLookUs = 1000;
  while (has_rdb_ && !aof_.watermark().counts()) {
    aof_.Advance();
    if (aof_.Figures().rewrites.failures_in_a_row > 0)
      return Status(StatusCode::kIo, options_.directory + ": the AOF could not be begun");
    look_.WaitFor(kLookUs);
  }
  return {};
}

// Any thread.
void EmbeddedFiles::OnProgress() {
  const bool is_failing = aof_.watermark().failing();
  if (is_failing_.exchange(is_failing, std::memory_order_relaxed) != is_failing)
    engine_.shared().guards.fetch_add(is_failing ? 1 : -1);
  moves_.fetch_add(1, std::memory_order_release);
  moves_.notify_all();
  look_.Notify();
}

void EmbeddedFiles::Look() {
  constexpr std::int64_t kLookUs = 100'000;
  while (!is_closing_.load(std::memory_order_relaxed)) {
    aof_.Advance();
    look_.WaitFor(kLookUs);
  }
}

cache::Result<void> EmbeddedFiles::AwaitSafe(Lsn own) {
  const persist::Watermark& watermark = aof_.watermark();
  const Lsn end = engine_.keyspace().log().end();
  if (watermark.Frees(end)) return {};
  aof_.Hurry();
  for (;;) {
    const std::uint64_t moves = moves_.load(std::memory_order_acquire);
    if (watermark.Frees(end)) return {};
    if (watermark.failing()) {
      if (watermark.Frees(std::min(end, own))) return {};
      return std::unexpected(
          cache::Error{.code = Errc::kServer, .detail = Trouble(), .may_have_applied = true});
    }
    moves_.wait(moves, std::memory_order_acquire);
  }
}

std::string EmbeddedFiles::Trouble() const {
  return "MISCONF Errors writing to the AOF file: " + std::string(aof_.failure().message());
}

bool EmbeddedFiles::DiskGate::Admit(command::Call& call) {
  if (!call.MayWrite() || !files_.aof_.watermark().failing()) return true;
  if (files_.aof_.failure().ok()) return true;  // it has just passed
  call.Refuse(files_.Trouble());
  return false;
}

// A script that has written goes on.
bool EmbeddedFiles::DiskGate::AdmitInScript(command::Call& call) {
  const bool is_write = (call.command().flags & command::kWrite) != 0;
  return !is_write || call.script_has_written() || Admit(call);
}

}  // namespace cairn::store
