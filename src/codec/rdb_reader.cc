// SPDX-License-Identifier: BSD-3-Clause
// A file is a row of parts that begin with a byte: an opcode, or the type of a key's value. Expiry,
// idle time and frequency are opcodes before the key that they are of.
#include "codec/rdb_reader.h"

#include <algorithm>
#include <limits>

#include "base/text.h"

namespace cairn::codec {
namespace {

// Databases have 32-bit numbers here; Redis's have positive ints.
constexpr std::uint64_t kDbMax = std::numeric_limits<std::int32_t>::max();

// "no expiry" is -1 in Redis's files, though it writes none then.
constexpr std::int64_t kNoExpiry = -1;

void Forget(RdbItem* item) {
  item->kind = RdbItem::Kind::kEnd;
  item->type = {};
  item->name.clear();
  item->expiry = kNever;
  item->idle_seconds.reset();
  item->frequency.reset();
  item->value = std::string_view();
  item->text = {};
}

// kNever is no expiry, so the very last moment is the one before.
UnixMs ExpiryOf(std::int64_t at_ms) {
  return at_ms == kNoExpiry ? kNever : std::min(at_ms, kNever - 1);
}

}  // namespace

Status RdbReader::Next(RdbItem* item) {
  if (version_ == 0) ReadHeader();
  Forget(item);
  if (in_.ok()) ReadPart(item);
  return in_.status();
}

void RdbReader::ReadHeader() {
  const std::string_view header = in_.Raw(kRdbMagic.size() + kRdbVersionDigits);
  if (!in_.ok() && in_.status().code() == StatusCode::kIo) return;
  const std::string digits(header.substr(std::min(header.size(), kRdbMagic.size())));
  const bool is_number =
      !digits.empty() && std::all_of(digits.begin(), digits.end(),
                                     [](char digit) { return digit >= '0' && digit <= '9'; });
  if (!header.starts_with(kRdbMagic) || !is_number)
    return in_.Corrupt("no RDB file: it does not begin with \"REDIS\" and a version,");
  int version = 0;
  for (const char digit : digits) version = 10 * version + (digit - '0');
  if (version < kRdbVersionMin || version > kRdbVersionMax) {
    return in_.Fail(StatusCode::kUnsupported,
                    "version " + std::to_string(version) + " of the RDB format,");
  }
  version_ = version;
}

// Until there is something to hand out.
void RdbReader::ReadPart(RdbItem* item) {
  while (in_.ok()) {
    const std::uint8_t code = in_.Byte();
    if (!in_.ok()) return;
    if (code <= kRdbTypeMax ? ReadKey(code, item) : ReadOpcode(code, item)) return;
  }
}

// True if the item is complete.
bool RdbReader::ReadOpcode(std::uint8_t code, RdbItem* item) {
  switch (static_cast<RdbOpcode>(code)) {
    case RdbOpcode::kEnd:
      ReadEnd(item);
      return true;
    case RdbOpcode::kSelectDb: {
      const std::uint64_t db = in_.Length();
      if (db > kDbMax) in_.Corrupt("a database's number out of range");
      item->kind = RdbItem::Kind::kDb;
      item->db = DbId(static_cast<std::uint32_t>(db));
      return true;
    }
    case RdbOpcode::kResizeDb:
      item->kind = RdbItem::Kind::kResize;
      item->keys = in_.Length();
      item->volatile_keys = in_.Length();
      return true;
    case RdbOpcode::kAux:
      ReadAux(item);
      return true;
    case RdbOpcode::kFunction:
      item->kind = RdbItem::Kind::kFunction;
      item->text = in_.Text();
      return true;
    case RdbOpcode::kSlotInfo:
      ReadSlot(item);
      return true;
    case RdbOpcode::kModuleAux:
      ReadModuleAux();
      return false;
    case RdbOpcode::kFunctionPreRelease:
      in_.Fail(StatusCode::kUnsupported, "functions as only a pre-release of Redis 7 wrote them,");
      return false;
    case RdbOpcode::kExpiryMs:
    case RdbOpcode::kExpirySeconds:
    case RdbOpcode::kIdle:
    case RdbOpcode::kFrequency:
      return ReadKeyOpcode(static_cast<RdbOpcode>(code), item);
  }
  in_.Corrupt("an unknown part, " + std::to_string(code) + ",");
  return false;
}

// What is said of a key before it comes.
bool RdbReader::ReadKeyOpcode(RdbOpcode opcode, RdbItem* item) {
  if (opcode == RdbOpcode::kExpiryMs) {
    item->expiry = ExpiryOf(static_cast<std::int64_t>(in_.Word64()));
  } else if (opcode == RdbOpcode::kExpirySeconds) {
    const auto seconds = static_cast<std::int32_t>(in_.Word32());
    item->expiry = seconds == kNoExpiry ? kNever : std::int64_t{seconds} * 1000;
  } else if (opcode == RdbOpcode::kIdle) {
    item->idle_seconds = in_.Length();
  } else {
    item->frequency = in_.Byte();
  }
  return false;
}

bool RdbReader::ReadKey(std::uint8_t type, RdbItem* item) {
  item->kind = RdbItem::Kind::kKey;
  item->type = static_cast<RdbType>(type);
  item->name.assign(in_.Text());
  if (!in_.ok()) return true;
  const value::TableHome home = home_of_(item->name);
  item->value = values_.Read(type, home);
  if (!in_.ok() || !RdbIsEmpty(item->value)) return true;
  ++empty_keys_;
  Forget(item);
  return false;
}

void RdbReader::ReadAux(RdbItem* item) {
  item->kind = RdbItem::Kind::kAux;
  item->name.assign(in_.Text());
  item->text = in_.Text();
}

void RdbReader::ReadSlot(RdbItem* item) {
  item->kind = RdbItem::Kind::kSlot;
  in_.Length();  // the slot
  item->keys = in_.Length();
  item->volatile_keys = in_.Length();
}

void RdbReader::ReadModuleAux() {
  const std::string name = RdbModuleName(in_.Length());
  if (options_.module_aux == RdbModuleAux::kRefuse)
    return in_.Fail(StatusCode::kUnsupported, "data of the module '" + name + "'");
  in_.Length();  // says that a number follows
  in_.Length();  // when the module wrote it
  while (in_.ok()) {
    switch (static_cast<RdbModuleOpcode>(in_.Length())) {
      case RdbModuleOpcode::kEnd:
        return;
      case RdbModuleOpcode::kSigned:
      case RdbModuleOpcode::kUnsigned:
        in_.Length();
        continue;
      case RdbModuleOpcode::kFloat:
        in_.Word32();
        continue;
      case RdbModuleOpcode::kDouble:
        in_.Word64();
        continue;
      case RdbModuleOpcode::kText:
        in_.Text();
        continue;
    }
    in_.Corrupt("data of the module '" + name + "' of no known kind");
  }
}

// A checksum of 0 says that there is none.
void RdbReader::ReadEnd(RdbItem* item) {
  item->kind = RdbItem::Kind::kEnd;
  if (version_ < kRdbVersionChecksum) return;
  const std::uint64_t sum = options_.verify_checksum ? in_.checksum() : 0;
  const std::uint64_t expected = in_.Word64();
  has_checksum_ = expected != 0;
  if (in_.ok() && options_.verify_checksum && expected != 0 && expected != sum)
    in_.Corrupt("the checksum does not fit the file,");
}

}  // namespace cairn::codec
