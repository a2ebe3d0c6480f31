// SPDX-License-Identifier: BSD-3-Clause
// RdbWriter: an RDB file, from its first byte to its checksum, into a sink.
//
//   RdbWriter writer(sink, {.version = kRdbVersionUsual});
//   writer.Aux("redis-ver", "7.2.4");
//   writer.SelectDb(0);  writer.ResizeDb(keys, volatile_keys);
//   writer.Key({.key = "k", .expiry = at}, hash);              // a string_view, List, Set, ...
//   writer.BeginHash({.key = "large"}, count);                 // or in pieces:
//   for (...) writer.Field(field, value);                      // exactly `count` of them
//   Status done = writer.End();
//
// What comes in pieces may come in several calls, at any pace: at most RdbOutput's buffer is held
// back in between, and nothing of the values. A piece is written when it is handed in, so views of
// it need not last.
//
// Versions. A file says its version first, and whether it needs a newer one than the usual is known
// only when all is written. version_needed() tells then; a file that turns out to need another is
// made right by overwriting its first kRdbHeaderBytes with RdbHeader(version) and ending it with
// End(version): the checksum is then that of the file as it will be. Readers since Redis 7.0 know
// types, not versions, so that even a file that was not made right is read by whoever can.
//
// One thread at a time. Cost: see bench/codec_bench.cc.
#ifndef CAIRN_CODEC_RDB_WRITER_H_
#define CAIRN_CODEC_RDB_WRITER_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "base/check.h"
#include "base/ids.h"
#include "base/status.h"
#include "codec/byte_sink.h"
#include "codec/rdb_format.h"
#include "codec/rdb_output.h"
#include "codec/rdb_value_writer.h"

namespace cairn::codec {

inline constexpr std::size_t kRdbHeaderBytes = kRdbMagic.size() + kRdbVersionDigits;
// "REDIS0010".
std::string RdbHeader(int version);

struct RdbWriterOptions {
  int version = kRdbVersionUsual;
  RdbCompression compression = RdbCompression::kLzf;
  bool checksum = true;  // rdbchecksum; without it the file ends with zeros
};

// What a file says of a key besides its value. At most one of idle time and frequency is kept:
// whichever the eviction policy has.
struct RdbKey {
  std::string_view key;
  UnixMs expiry = kNever;
  std::optional<std::uint64_t> idle_seconds{};
  std::optional<std::uint8_t> frequency{};
};

class RdbWriter {
 public:
  // The header is written at once. The sink outlives the writer.
  RdbWriter(ByteSink& sink, const RdbWriterOptions& options);

  void Aux(std::string_view name, std::string_view text);
  void SelectDb(DbId db);
  // Of the selected database; hints for a reader.
  void ResizeDb(std::uint64_t keys, std::uint64_t volatile_keys);
  // The source text of a library of functions.
  void Function(std::string_view text);

  // A value as a whole: std::string_view or one of the collections.
  template <class V>
  void Key(const RdbKey& key, const V& value) {
    Begin(key, RdbTypeOf(value));
    WriteValue(out_, value);
  }

  // A value in pieces: begin it, then exactly `count` calls of what belongs to it.
  void BeginList(const RdbKey& key, std::uint64_t count) { Begin(key, RdbType::kList, count); }
  void Element(std::string_view text) {
    TakePiece(RdbType::kList);
    out_.Text(text);
  }
  void BeginListNodes(const RdbKey& key, std::uint64_t nodes) {
    Begin(key, RdbType::kListNodes, nodes);
  }
  void ListNode(const value::ListNodeView& node) {
    TakePiece(RdbType::kListNodes);
    WriteListNode(out_, node);
  }
  void BeginSet(const RdbKey& key, std::uint64_t count) { Begin(key, RdbType::kSet, count); }
  void Member(std::string_view member) {
    TakePiece(RdbType::kSet);
    out_.Text(member);
  }
  void BeginSortedSet(const RdbKey& key, std::uint64_t count) {
    Begin(key, RdbType::kSortedSet, count);
  }
  void Scored(std::string_view member, double score) {
    TakePiece(RdbType::kSortedSet);
    WriteScored(out_, member, score);
  }
  void BeginHash(const RdbKey& key, std::uint64_t count) { Begin(key, RdbType::kHash, count); }
  void Field(std::string_view field, std::string_view value) {
    TakePiece(RdbType::kHash);
    WriteField(out_, field, value);
  }
  // REQUIRES: no field has an earlier time than `times_base`.
  void BeginTimedHash(const RdbKey& key, std::uint64_t count, UnixMs times_base);
  // `when` is kNever where the field has none.
  void TimedField(std::string_view field, std::string_view value, UnixMs when) {
    TakePiece(RdbType::kHashTimes);
    WriteTimedField(out_, times_base_, field, value, when);
  }
  // Then all of its parts: so many nodes, and behind them what says itself how much of it follows.
  void BeginStream(const RdbKey& key, std::uint64_t nodes) { Begin(key, RdbType::kStream2, nodes); }
  void StreamPart(const value::StreamPart& part) {
    const bool is_node = std::holds_alternative<value::StreamPart::Node>(part.what);
    if (is_node) TakePiece(RdbType::kStream2);
    DCHECK(is_node || (pieces_of_ == RdbType::kStream2 && pieces_left_ == 0));
    WriteStreamPart(out_, part);
  }

  // Everything so far is with the sink. Costs a call of it, so not for every key.
  Status Flush() { return out_.Flush(); }
  // Of the sink: once it has failed, nothing that is written matters.
  const Status& status() const { return out_.status(); }
  std::uint64_t bytes_written() const { return out_.bytes_written(); }

  // The lowest version that has all that was written.
  int version_needed() const { return version_needed_; }
  // Ends the file; `version` is what its header will say.
  Status End(int version);
  Status End() { return End(options_.version); }

 private:
  void Begin(const RdbKey& key, RdbType type);
  void Begin(const RdbKey& key, RdbType type, std::uint64_t count) {
    Begin(key, type);
    pieces_of_ = type;
    pieces_left_ = count;
    out_.Length(count);
  }
  void TakePiece([[maybe_unused]] RdbType type) {
    DCHECK(pieces_of_ == type);
    DCHECK(pieces_left_ > 0);
    --pieces_left_;
  }
  void Opcode(RdbOpcode opcode) { out_.Byte(static_cast<std::uint8_t>(opcode)); }
  void NeedVersion(int version) { version_needed_ = std::max(version_needed_, version); }

  RdbOutput out_;
  const RdbWriterOptions options_;
  int version_needed_ = kRdbVersionUsual;
  // Of the value that is coming in pieces.
  RdbType pieces_of_ = RdbType::kString;
  std::uint64_t pieces_left_ = 0;
  UnixMs times_base_ = 0;
};

}  // namespace cairn::codec

#endif  // CAIRN_CODEC_RDB_WRITER_H_
