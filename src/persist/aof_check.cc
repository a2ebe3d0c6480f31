// SPDX-License-Identifier: BSD-3-Clause
// File after file in the order of loading: its RDB if it begins with one, then its commands, then
// what to do about the end. The first file that stays unsound ends it.
#include "persist/aof_check.h"

#include <fmt/format.h>

#include <memory>

#include "codec/aof_reader.h"
#include "persist/aof_parts.h"
#include "persist/aof_replay.h"
#include "persist/command_figures.h"
#include "persist/rdb_check.h"

namespace cairn::persist {
namespace {

using codec::AofReader;
using Outcome = AofReader::Outcome;

class Check {
 public:
  Check(io::Disk& disk, const AofCheckOptions& options, UnixMs now, SayLine say,
        FunctionRef<bool(std::string_view question)> ask)
      : disk_(disk), options_(options), now_(now), say_(say), ask_(ask) {}

  bool Run(const std::string& path);

 private:
  // The commands of a part, as far as they are wanted.
  struct Walked {
    WalkedCommands walked;
    std::uint64_t wanted_end;  // behind the last group that is not too late
    bool has_later;            // and something follows that is
  };

  bool CheckPart(const AofPart& part);
  bool CheckPreamble(const AofPart& part, io::File& file, std::uint64_t* end);
  Result<Walked> Walk(io::File& file, std::uint64_t begin);
  bool CutLater(const AofPart& part, std::uint64_t end);
  bool Judge(const AofPart& part, const WalkedCommands& walked);
  bool Mend(const AofPart& part, const WalkedCommands& walked);
  bool Cut(const AofPart& part, std::uint64_t end);
  bool No(std::string_view line) {
    say_(line);
    return false;
  }
  std::string_view KindOf(const AofPart& part) const {
    return !has_manifest_ ? "" : part.is_base ? "BASE " : "INCR ";
  }

  io::Disk& disk_;
  const AofCheckOptions options_;
  const UnixMs now_;
  const SayLine say_;
  const FunctionRef<bool(std::string_view question)> ask_;
  bool has_manifest_ = false;
};

bool Check::Run(const std::string& path) {
  const Result<AofParts> parts = PartsOf(disk_, path);
  if (!parts) return No(fmt::format("Cannot open file {}: {}", path, parts.error().message()));
  has_manifest_ = parts->has_manifest;
  say_(has_manifest_ ? "Start checking Multi Part AOF" : "Start checking Old-Style AOF");
  for (const AofPart& part : parts->parts) {
    if (!CheckPart(part)) return false;
  }
  if (has_manifest_) say_("All AOF files and manifest are valid");
  return true;
}

bool Check::CheckPart(const AofPart& part) {
  if (part.bytes == 0) {
    say_(fmt::format("{}AOF {} is empty", KindOf(part), part.name));
    return true;
  }
  if (part.form == FileForm::kManifest)
    return No(fmt::format("AOF {} is a manifest, and named by one", part.name));
  const Result<std::unique_ptr<io::File>> file = disk_.Open(part.path, io::OpenMode::kRead);
  if (!file) return No(fmt::format("Cannot open file {}: {}", part.path, file.error().message()));
  std::uint64_t begin = 0;
  if (part.form == FileForm::kRdb && !CheckPreamble(part, **file, &begin)) return false;
  const Result<Walked> walk = Walk(**file, begin);
  if (!walk) return No(walk.error().message());
  if (options_.until_s && walk->has_later) return CutLater(part, walk->wanted_end);
  if (options_.until_s) {
    say_(fmt::format("Truncate nothing in AOF {} to timestamp {}", part.name, *options_.until_s));
  }
  return Judge(part, walk->walked);
}

bool Check::CheckPreamble(const AofPart& part, io::File& file, std::uint64_t* end) {
  const RdbChecked checked = CheckRdb(file, part.name, now_, say_);
  *end = checked.end;
  if (!checked.is_sound) return No("RDB preamble of AOF file is not sane, aborting.");
  say_("RDB preamble is OK, proceeding with AOF tail...");
  return true;
}

Result<Check::Walked> Check::Walk(io::File& file, std::uint64_t begin) {
  CommandFigures figures;
  std::uint64_t wanted_end = begin;
  const std::optional<std::int64_t> until_s = options_.until_s;
  const auto each = [&](const AofReader& reader) {
    if (until_s && reader.time_s() > *until_s) return false;
    figures.Add(reader);
    wanted_end = reader.good_end();
    return true;
  };
  Result<WalkedCommands> walked = WalkCommands(file, begin, each);
  if (!walked) return std::unexpected(walked.error());
  figures.Say(say_);
  // A time with nothing behind it is too late, too.
  const bool has_later =
      walked->outcome == Outcome::kGroup ||
      (until_s && walked->outcome == Outcome::kEnd && walked->last_time_s > *until_s);
  return Walked{.walked = std::move(*walked), .wanted_end = wanted_end, .has_later = has_later};
}

bool Check::CutLater(const AofPart& part, std::uint64_t end) {
  const std::int64_t until_s = *options_.until_s;
  if (end == 0) {
    return No(
        fmt::format("AOF {} has nothing before timestamp {}, aborting...", part.name, until_s));
  }
  if (!part.is_last) {
    return No(fmt::format(
        "Failed to truncate AOF {} to timestamp {} to offset {} because it is not the last file: "
        "remove the later files, and their lines in the manifest, then check again",
        part.name, until_s, end));
  }
  if (!Cut(part, end)) return false;
  say_(fmt::format("Successfully truncated AOF {} to timestamp {}: {} of {} bytes are left",
                   part.name, until_s, end, part.bytes));
  return true;
}

bool Check::Judge(const AofPart& part, const WalkedCommands& walked) {
  say_(fmt::format("AOF analyzed: filename={}, size={}, ok_up_to={}, diff={}", part.name,
                   part.bytes, walked.good_end, part.bytes - walked.good_end));
  if (walked.outcome == Outcome::kEnd) {
    say_(fmt::format("{}AOF {} is valid", KindOf(part), part.name));
    return true;
  }
  const bool is_torn = walked.outcome == Outcome::kTorn;
  say_(fmt::format("AOF {}: {}: {}", part.name, is_torn ? "torn" : "damaged", walked.trouble));
  if (is_torn ? options_.fix : options_.fix && options_.cuts_damage) return Mend(part, walked);
  if (is_torn) {
    return No(
        fmt::format("AOF {} is not valid. Use the --fix option to try fixing it.", part.name));
  }
  return No(fmt::format(
      "AOF {} is not valid. This is no torn tail: something follows the wrong byte, and --fix "
      "leaves it alone. --fix --cut-damage drops it, {} bytes.",
      part.name, part.bytes - walked.good_end));
}

bool Check::Mend(const AofPart& part, const WalkedCommands& walked) {
  if (!part.is_last) {
    return No(fmt::format("Failed to truncate AOF {} because it is not the last file", part.name));
  }
  const std::string question = fmt::format(
      "This will shrink the AOF {} from {} bytes, with {} bytes, to {} bytes\n"
      "Continue? [y/N]: ",
      part.name, part.bytes, part.bytes - walked.good_end, walked.good_end);
  if (!ask_(question)) return No("Aborting...");
  if (!Cut(part, walked.good_end)) return false;
  say_(fmt::format("Successfully truncated AOF {}", part.name));
  return true;
}

bool Check::Cut(const AofPart& part, std::uint64_t end) {
  const Status status = CutAofTail(disk_, part.path, end);
  if (!status.ok()) say_(fmt::format("Failed to truncate AOF {}: {}", part.name, status.message()));
  return status.ok();
}

}  // namespace

bool CheckAof(io::Disk& disk, const std::string& path, const AofCheckOptions& options, UnixMs now,
              SayLine say, FunctionRef<bool(std::string_view question)> ask) {
  return Check(disk, options, now, say, ask).Run(path);
}

}  // namespace cairn::persist
