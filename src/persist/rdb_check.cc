// SPDX-License-Identifier: BSD-3-Clause
// The reader does the checking; here is what is said of it.
#include "persist/rdb_check.h"

#include <fmt/format.h>

#include <memory>

#include "codec/rdb_reader.h"
#include "ds/slab.h"
#include "persist/aof_parts.h"
#include "persist/file_source.h"
#include "persist/shown.h"

namespace cairn::persist {
namespace {

using codec::RdbItem;

class Check {
 public:
  Check(codec::ByteSource& source, UnixMs now, SayLine say)
      : home_{.arena = &arena_, .seed = HashSeed(1)},
        reader_(source, [this](std::string_view) { return home_; },
                {.limits = kLimitsToLook, .module_aux = codec::RdbModuleAux::kSkip}),
        say_(say),
        figures_(now) {}

  RdbChecked Run() {
    RdbItem item;
    do {
      const std::uint64_t begin = reader_.offset();
      if (const Status status = reader_.Next(&item); !status.ok()) return Broken(status, item);
      Note(item, reader_.offset() - begin);
    } while (item.kind != RdbItem::Kind::kEnd);
    return Sound();
  }

 private:
  void Note(const RdbItem& item, std::uint64_t bytes);
  RdbChecked Sound();
  RdbChecked Broken(const Status& status, const RdbItem& item);
  void SayHere(std::string_view text) {
    say_(fmt::format("[offset {}] {}", reader_.offset(), text));
  }

  ds::SlabArena arena_;
  const value::TableHome home_;
  codec::RdbReader reader_;
  const SayLine say_;
  RdbFigures figures_;
  DbId db_{0};
  std::uint64_t functions_ = 0;
};

void Check::Note(const RdbItem& item, std::uint64_t bytes) {
  switch (item.kind) {
    case RdbItem::Kind::kAux:
      SayHere(fmt::format("AUX FIELD {} = '{}'", Shown(item.name), Shown(item.text)));
      break;
    case RdbItem::Kind::kDb:
      db_ = item.db;
      SayHere(fmt::format("Selecting DB ID {}", db_.value));
      break;
    case RdbItem::Kind::kFunction:
      ++functions_;
      break;
    case RdbItem::Kind::kKey:
      figures_.Add(db_, item, bytes);
      break;
    case RdbItem::Kind::kResize:
    case RdbItem::Kind::kSlot:
    case RdbItem::Kind::kEnd:
      break;
  }
}

RdbChecked Check::Sound() {
  SayHere(reader_.has_checksum() ? "Checksum OK" : "The file has no checksum: not compared");
  SayHere("\\o/ RDB looks OK! \\o/");
  figures_.SayTotals(say_);
  say_(fmt::format("[info] version {} of the format", reader_.version()));
  if (functions_ > 0) say_(fmt::format("[info] {} libraries of functions", functions_));
  if (reader_.empty_keys() > 0) {
    say_(fmt::format("[info] {} collections without elements, which a server passes over",
                     reader_.empty_keys()));
  }
  figures_.SayDetails(say_);
  return {.is_sound = true, .end = reader_.offset()};
}

RdbChecked Check::Broken(const Status& status, const RdbItem& item) {
  say_("--- RDB ERROR DETECTED ---");
  const bool is_unknown = status.code() == StatusCode::kUnsupported;
  SayHere(fmt::format("{}{}", is_unknown ? "this server cannot read " : "", status.message()));
  if (item.kind == RdbItem::Kind::kKey) {
    const RdbTypeWords words = WordsOf(item.type);
    say_(fmt::format("[additional info] Reading key '{}' of db {}", Shown(item.name), db_.value));
    say_(fmt::format("[additional info] Reading type {} ({}, {})", static_cast<int>(item.type),
                     words.type, words.form));
  }
  figures_.SayTotals(say_);
  figures_.SayDetails(say_);
  return {.is_sound = false, .end = reader_.offset()};
}

}  // namespace

RdbChecked CheckRdb(io::File& file, std::string_view name, UnixMs now, SayLine say) {
  say(fmt::format("[offset 0] Checking RDB file {}", name));
  FileSource source(file);
  return Check(source, now, say).Run();
}

bool CheckRdbFile(io::Disk& disk, const std::string& path, UnixMs now, SayLine say) {
  const Result<std::unique_ptr<io::File>> file = disk.Open(path, io::OpenMode::kRead);
  if (!file) {
    say(fmt::format("Cannot open file {}: {}", path, file.error().message()));
    return false;
  }
  const RdbChecked checked = CheckRdb(**file, path, now, say);
  if (checked.is_sound && checked.end < (*file)->size()) {
    say("[info] " + ShownBehindRdb(checked.end, (*file)->size()));
  }
  return checked.is_sound;
}

}  // namespace cairn::persist
