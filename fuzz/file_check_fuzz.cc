// SPDX-License-Identifier: BSD-3-Clause
// Arbitrary bytes as files that cairn-check is given: a dump, an append only file, a manifest.
//
// Whatever they are, it comes to an end and says something. What it mends is a prefix of what was
// there, is sound afterwards, and holds the same groups that were readable before; without leave
// nothing is changed. The first byte says what the rest is.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "first_byte.h"
#include "io/sim_disk.h"
#include "persist/aof_check.h"
#include "persist/aof_files.h"
#include "persist/aof_parts.h"
#include "persist/rdb_check.h"

namespace {

using cairn::io::SimDisk;
using cairn::persist::AofCheckOptions;
using cairn::persist::CheckAof;

constexpr std::size_t kFileBytesMax = 1 << 20;
const char* const kPath = "./file";

void Store(SimDisk& disk, const char* path, std::string_view bytes) {
  const auto file = disk.Open(path, cairn::io::OpenMode::kReplace);
  CHECK(file.has_value());
  CHECK((*file)->Append(bytes).ok());
}

std::string Content(SimDisk& disk) {
  const auto bytes = cairn::io::ReadWhole(disk, kPath, kFileBytesMax);
  CHECK(bytes.has_value());
  return *bytes;
}

bool Check(SimDisk& disk, const AofCheckOptions& options, bool agrees) {
  std::size_t lines = 0;
  const auto say = [&](std::string_view) { ++lines; };
  const auto ask = [&](std::string_view) { return agrees; };
  const bool is_sound = CheckAof(disk, kPath, options, 0, say, ask);
  CHECK(lines > 0);
  return is_sound;
}

void CheckAppendOnlyFile(std::string_view bytes) {
  SimDisk disk(1);
  Store(disk, kPath, bytes);
  const bool was_sound = Check(disk, {}, true);
  CHECK(Check(disk, {.fix = true}, false) == was_sound);
  CHECK(Content(disk) == bytes);
  const bool is_sound = Check(disk, {.fix = true, .cuts_damage = true}, true);
  CHECK(is_sound || !was_sound);
  const std::string left = Content(disk);
  CHECK(bytes.starts_with(left));
  CHECK(!was_sound || left == bytes);
  if (!is_sound) return;
  CHECK(Check(disk, {}, false));
  const bool has_been_cut = Check(disk, {.until_s = 1'000'000'000}, false);
  CHECK(left.starts_with(Content(disk)));
  if (has_been_cut) CHECK(Check(disk, {}, false));
}

void CheckDump(std::string_view bytes) {
  SimDisk disk(1);
  Store(disk, kPath, bytes);
  cairn::persist::CheckRdbFile(disk, kPath, 0, [](std::string_view) {});
  CHECK(Content(disk) == bytes);
}

// Names that it may give are there, so that it is followed; a server must not die of it, either.
void CheckManifest(std::string_view bytes) {
  SimDisk disk(1);
  CHECK(disk.MakeDirectory("./appendonlydir").ok());
  for (const char* path : {"./appendonlydir/a", "./appendonlydir/b", "./a", "./b"})
    Store(disk, path, "*1\r\n$4\r\nPING\r\n");
  Store(disk, kPath, bytes);
  Check(disk, {}, false);
  CHECK(Content(disk) == bytes);
  Store(disk, "./appendonlydir/appendonly.aof.manifest", bytes);
  const auto files = cairn::persist::AofFiles::Open(disk, {});
  CHECK(files.has_value() || !files.error().message().empty());
  if (files) CHECK((*files)->ToLoad().has_value());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return cairn::fuzz::RunOneOf({CheckDump, CheckAppendOnlyFile, CheckManifest}, data, size);
}
