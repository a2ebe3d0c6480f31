// SPDX-License-Identifier: BSD-3-Clause
// The frame around values. The end's checksum for another header follows from the sums of the two
// headers, moved by as many bytes as follow them: sums are linear.
#include "codec/rdb_writer.h"

#include "base/hash.h"

namespace cairn::codec {

std::string RdbHeader(int version) {
  std::string digits = std::to_string(version);
  digits.insert(0, kRdbVersionDigits - digits.size(), '0');
  return std::string(kRdbMagic) + digits;
}

RdbWriter::RdbWriter(ByteSink& sink, const RdbWriterOptions& options)
    : out_(sink, options.compression), options_(options) {
  DCHECK(options.version >= kRdbVersionChecksum);
  DCHECK(options.version <= kRdbVersionMax);
  out_.Raw(RdbHeader(options.version));
}

void RdbWriter::Aux(std::string_view name, std::string_view text) {
  Opcode(RdbOpcode::kAux);
  out_.Text(name);
  out_.Text(text);
}

void RdbWriter::SelectDb(DbId db) {
  Opcode(RdbOpcode::kSelectDb);
  out_.Length(db.value);
}

void RdbWriter::ResizeDb(std::uint64_t keys, std::uint64_t volatile_keys) {
  Opcode(RdbOpcode::kResizeDb);
  out_.Length(keys);
  out_.Length(volatile_keys);
}

void RdbWriter::Function(std::string_view text) {
  Opcode(RdbOpcode::kFunction);
  out_.Text(text);
}

void RdbWriter::Begin(const RdbKey& key, RdbType type) {
  DCHECK(pieces_left_ == 0);
  NeedVersion(RdbVersionOf(type));
  if (key.expiry != kNever) {
    Opcode(RdbOpcode::kExpiryMs);
    out_.Word64(static_cast<std::uint64_t>(key.expiry));
  }
  if (key.idle_seconds) {
    Opcode(RdbOpcode::kIdle);
    out_.Length(*key.idle_seconds);
  }
  if (key.frequency) {
    Opcode(RdbOpcode::kFrequency);
    out_.Byte(*key.frequency);
  }
  out_.Byte(static_cast<std::uint8_t>(type));
  out_.Text(key.key);
}

void RdbWriter::BeginTimedHash(const RdbKey& key, std::uint64_t count, UnixMs times_base) {
  Begin(key, RdbType::kHashTimes);
  pieces_of_ = RdbType::kHashTimes;
  pieces_left_ = count;
  times_base_ = times_base;
  WriteTimedHead(out_, count, times_base);
}

Status RdbWriter::End(int version) {
  DCHECK(pieces_left_ == 0);
  Opcode(RdbOpcode::kEnd);
  std::uint64_t checksum = 0;
  if (options_.checksum) {
    checksum = out_.checksum();
  }
  if (options_.checksum && version != options_.version) {
    const std::uint64_t behind = out_.bytes_written() - kRdbHeaderBytes;
    const std::uint64_t swapped =
        Crc64(0, RdbHeader(options_.version)) ^ Crc64(0, RdbHeader(version));
    checksum = Crc64Combine(swapped, checksum, behind);
  }
  out_.Word64(checksum);
  return out_.Flush();
}

}  // namespace cairn::codec
