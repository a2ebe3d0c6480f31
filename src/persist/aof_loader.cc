// SPDX-License-Identifier: BSD-3-Clause
// File after file. The RDB part goes the loader's way, the commands the player's.
#include "persist/aof_loader.h"

#include <array>
#include <memory>
#include <vector>

#include "persist/aof_player.h"
#include "persist/aof_replay.h"
#include "persist/file_source.h"

namespace cairn::persist {
namespace {

constexpr std::string_view kRdbMagic = "REDIS";
constexpr std::uint64_t kGroupsPerLook = 128;

// The expirer stays away while this lives.
class Replaying {
 public:
  explicit Replaying(keyspace::Keyspace& keyspace) : flag_(keyspace.tunables().is_replaying) {
    flag_.store(true, std::memory_order_release);
  }
  ~Replaying() { flag_.store(false, std::memory_order_release); }
  Replaying(const Replaying&) = delete;
  Replaying& operator=(const Replaying&) = delete;

 private:
  std::atomic<bool>& flag_;
};

class AofLoad {
 public:
  AofLoad(io::Disk& disk, keyspace::Keyspace& keyspace, const command::CommandTable& table,
          const AofLoadOptions& options, LoadProgress& progress, scripting::LibrarySet& libraries)
      : disk_(disk),
        keyspace_(keyspace),
        options_(options),
        progress_(progress),
        libraries_(libraries),
        player_(keyspace, table, libraries) {}

  Status Run(const std::vector<AofSource>& sources, std::uint64_t bytes_total) {
    const Replaying replaying(keyspace_);
    progress_.Begin(keyspace_.clock().NowUnixMs(), bytes_total);
    for (const AofSource& source : sources) {
      const MonotonicUs began_us = keyspace_.clock().NowMonotonicUs();
      if (Status status = LoadFile(source); !status.ok()) return status;
      const std::int64_t ms = (keyspace_.clock().NowMonotonicUs() - began_us) / 1000;
      options_.on_note("DB loaded from " + std::string(source.is_base ? "base" : "incr") +
                       " file " + source.path + ": " + std::to_string(ms) + " ms");
    }
    if (!libraries_.empty()) {
      options_.on_note(std::to_string(libraries_.size()) + " libraries of functions loaded.");
    }
    if (player_.failed() > 0) {
      options_.on_warning(
          std::to_string(player_.failed()) +
          " commands of the append only file were answered by an error, the first: " +
          player_.first_failure());
    }
    return {};
  }

 private:
  Status LoadFile(const AofSource& source) {
    const Result<std::uint64_t> commands_at = LoadPreamble(source.path);
    if (!commands_at) return commands_at.error();
    const Result<AofReplayed> replayed =
        ReplayAof(disk_, source, *commands_at,
                  [this](const codec::AofReader& reader) { return Play(reader); });
    if (!replayed) return replayed.error();
    bytes_before_ += replayed->good_end;
    return replayed->is_torn ? CutTail(source.path, *replayed) : Status();
  }

  // Where the commands begin.
  Result<std::uint64_t> LoadPreamble(const std::string& path) {
    Result<std::unique_ptr<io::File>> file = disk_.Open(path, io::OpenMode::kRead);
    if (!file) return std::unexpected(file.error());
    std::array<char, kRdbMagic.size()> magic;
    const Result<std::size_t> got = (*file)->ReadAt(0, magic.data(), magic.size());
    if (!got) return std::unexpected(got.error());
    if (std::string_view(magic.data(), *got) != kRdbMagic) return 0;
    FileSource bytes(**file);
    const LoadOptions options{.verify_checksum = options_.verify_checksum,
                              .expired = LoadOptions::Expired::kKeep,
                              .key_delay_us = options_.key_delay_us,
                              .libraries = &libraries_};
    const Result<Loaded> loaded = LoadRdb(keyspace_, bytes, options, progress_);
    if (loaded) return loaded->end;
    const bool is_named = loaded.error().code() == StatusCode::kIo;
    return std::unexpected(is_named ? loaded.error() : loaded.error().Annotate(path));
  }

  Status Play(const codec::AofReader& reader) {
    if (++groups_ % kGroupsPerLook == 0) progress_.set_bytes(bytes_before_ + reader.good_end());
    if (progress_.is_stopping()) return {StatusCode::kClosed, "the load was given up"};
    if (options_.key_delay_us > 0) progress_.Sleep(options_.key_delay_us);
    return player_.Play(reader.group());
  }

  Status CutTail(const std::string& path, const AofReplayed& replayed) {
    const std::string where = path + ": " + replayed.trouble;
    if (!options_.cuts_torn_tail) {
      return {StatusCode::kCorrupt,
              where +
                  ". The file ends in the middle of a command, as a crash leaves it: set "
                  "aof-load-truncated to yes to have it cut at byte " +
                  std::to_string(replayed.good_end)};
    }
    options_.on_warning("Truncating the AOF at byte " + std::to_string(replayed.good_end) + ": " +
                        where);
    return CutAofTail(disk_, path, replayed.good_end);
  }

  io::Disk& disk_;
  keyspace::Keyspace& keyspace_;
  const AofLoadOptions& options_;
  LoadProgress& progress_;
  scripting::LibrarySet& libraries_;
  AofPlayer player_;
  std::uint64_t groups_ = 0;
  std::uint64_t bytes_before_ = 0;  // of the files before the one at hand
};

}  // namespace

Status LoadAof(io::Disk& disk, const AofFiles& files, keyspace::Keyspace& keyspace,
               const command::CommandTable& table, const AofLoadOptions& options,
               LoadProgress& progress, scripting::LibrarySet& libraries) {
  const Result<std::vector<AofSource>> sources = files.ToLoad();
  if (!sources) return sources.error();
  const Result<std::uint64_t> bytes = files.TotalBytes();
  if (!bytes) return bytes.error();
  return AofLoad(disk, keyspace, table, options, progress, libraries).Run(*sources, *bytes);
}

}  // namespace cairn::persist
