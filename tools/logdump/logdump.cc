// SPDX-License-Identifier: BSD-3-Clause
// A group's end is known only from its beginning, so every file is read from its first byte on,
// whatever is asked for.
#include "logdump/logdump.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "base/glob.h"
#include "command/key_finder.h"
#include "persist/aof_replay.h"
#include "persist/file_source.h"
#include "persist/rdb_check.h"
#include "persist/shown.h"

namespace cairn::logdump {
namespace {

using codec::AofReader;
using codec::RdbItem;
using persist::Shown;

// An AOF that was copied alone is still one if what follows its preamble looks like it.
bool BeginsCommands(io::File& file, std::uint64_t offset) {
  char first = 0;
  const Result<std::size_t> read = file.ReadAt(offset, &first, 1);
  return read.value_or(0) == 1 && (first == '*' || first == '#');
}

}  // namespace

Status LogDump::Run() {
  const Result<persist::AofParts> parts = persist::PartsOf(disk_, options_.path);
  if (!parts) return parts.error();
  for (const persist::AofPart& part : parts->parts) {
    say_(fmt::format("# {}: {} bytes{}", part.name, part.bytes, part.is_base ? ", base" : ""));
    if (part.bytes == 0) continue;
    if (Status status = ShowPart(part); !status.ok()) return status.Annotate(part.path);
  }
  return {};
}

Status LogDump::ShowPart(const persist::AofPart& part) {
  const Result<std::unique_ptr<io::File>> file = disk_.Open(part.path, io::OpenMode::kRead);
  if (!file) return file.error();
  std::uint64_t begin = 0;
  if (part.form == persist::FileForm::kRdb) {
    const Result<Image> image = ShowRdb(**file);
    if (!image) return image.error();
    begin = image->end;
    if (!part.is_base && !image->is_of_aof && !BeginsCommands(**file, begin)) {
      if (begin < part.bytes) say_("# " + persist::ShownBehindRdb(begin, part.bytes));
      return {};
    }
  }
  const auto each = [this](const AofReader& reader) {
    ShowGroup(reader);
    return !IsBehind(reader.group_begin(), AofReader::kNoTime);
  };
  const Result<persist::WalkedCommands> walked = persist::WalkCommands(**file, begin, each);
  if (!walked) return walked.error();
  if (walked->outcome == AofReader::Outcome::kEnd || walked->outcome == AofReader::Outcome::kGroup)
    return {};
  const bool is_torn = walked->outcome == AofReader::Outcome::kTorn;
  return {StatusCode::kCorrupt, fmt::format("{} at {}: {}", is_torn ? "torn" : "damaged",
                                            walked->good_end, walked->trouble)};
}

Result<LogDump::Image> LogDump::ShowRdb(io::File& file) {
  persist::FileSource source(file);
  const value::TableHome home{.arena = &arena_, .seed = HashSeed(1)};
  codec::RdbReader reader(
      source, [&home](std::string_view) { return home; },
      {.limits = persist::kLimitsToLook, .module_aux = codec::RdbModuleAux::kSkip});
  RdbItem item;
  DbId db{0};
  Image image;
  do {
    const std::uint64_t begin = reader.offset();
    if (const Status status = reader.Next(&item); !status.ok()) return std::unexpected(status);
    if (item.kind == RdbItem::Kind::kDb) db = item.db;
    if (item.kind == RdbItem::Kind::kKey) ShowKey(db, item, begin, reader.offset() - begin);
    // Redis 7 writes the one, those before the other.
    if (item.kind == RdbItem::Kind::kAux)
      image.is_of_aof |=
          (item.name == "aof-base" || item.name == "aof-preamble") && item.text == "1";
    if (item.kind == RdbItem::Kind::kAux)
      say_(fmt::format("# {} = {}", Shown(item.name), Shown(item.text)));
    if (item.kind == RdbItem::Kind::kFunction)
      say_(fmt::format("# a library of functions: {} bytes", item.text.size()));
  } while (item.kind != RdbItem::Kind::kEnd);
  image.end = reader.offset();
  return image;
}

void LogDump::ShowKey(DbId db, const RdbItem& item, std::uint64_t offset, std::uint64_t bytes) {
  if (!IsWanted(db, offset, AofReader::kNoTime)) return;
  if (options_.key && !GlobMatch(*options_.key, item.name)) return;
  std::string line =
      fmt::format("{} - db{} rdb {} {} {} elements={} bytes={}", offset, db.value,
                  Shown(item.name, options_.arg_bytes_max), persist::WordsOf(item.type).type,
                  persist::EncodingOf(item.value), persist::ElementsOf(item.value), bytes);
  if (item.expiry != kNever) line += " expires=" + persist::ShownTime(item.expiry / 1000);
  say_(line);
}

void LogDump::ShowGroup(const AofReader& reader) {
  for (std::size_t i = 0; i < reader.group().size(); ++i) {
    const log::EffectView& command = reader.group()[i];
    if (!IsWanted(command.db, reader.command_begins()[i], reader.time_s())) continue;
    if (!options_.key || HasWantedKey(command.args)) ShowCommand(reader, i);
  }
}

void LogDump::ShowCommand(const AofReader& reader, std::size_t index) {
  const log::EffectView& command = reader.group()[index];
  const bool has_time = reader.time_s() != AofReader::kNoTime;
  std::string line = fmt::format("{} {} db{} {}/{}", reader.command_begins()[index],
                                 has_time ? persist::ShownTime(reader.time_s()) : "-",
                                 command.db.value, index + 1, reader.group().size());
  for (const std::string_view arg : command.args) line += " " + Shown(arg, options_.arg_bytes_max);
  say_(line);
}

// Behind the last that is wanted of this file. Clocks may go back, so no time is.
bool LogDump::IsBehind(std::uint64_t offset, std::int64_t time_s) const {
  return (options_.to.offset && offset > *options_.to.offset) ||
         (options_.to.time_s && time_s > *options_.to.time_s);
}

// What has no time was before all that has.
bool LogDump::IsWanted(DbId db, std::uint64_t offset, std::int64_t time_s) const {
  if (options_.db && db.value != *options_.db) return false;
  if (options_.from.offset && offset < *options_.from.offset) return false;
  if (options_.from.time_s && time_s < *options_.from.time_s) return false;
  return !IsBehind(offset, time_s);
}

// A command without keys, such as FLUSHALL, concerns every key; of one that nobody knows every
// argument may be one.
bool LogDump::HasWantedKey(std::span<const std::string_view> args) {
  const auto matches = [this](std::string_view arg) { return GlobMatch(*options_.key, arg); };
  const command::CommandTable::Command* command = commands_.Find(args[0]);
  if (command != nullptr && command->is_container && args.size() > 1)
    command = commands_.FindSubcommand(*command, args[1]);
  if (command == nullptr) return std::any_of(args.begin() + 1, args.end(), matches);
  keys_.clear();
  if (!command::FindKeys(*command->spec, args, keys_) || keys_.empty()) return true;
  return std::any_of(keys_.begin(), keys_.end(),
                     [&](std::uint32_t index) { return matches(args[index]); });
}

}  // namespace cairn::logdump
