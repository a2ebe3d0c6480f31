// SPDX-License-Identifier: BSD-3-Clause
// AofReader: the effects in the bytes of an append only file, and what a bad end means.
//
//   AofReader reader(offset);                 // of the first byte that will be fed
//   for (;;) switch (reader.Next()) {
//     case Outcome::kGroup:    apply(reader.group()); break;       // one command, or a MULTI's
//     case Outcome::kNeedMore: read some; reader.Feed(bytes) or reader.End(); break;
//     case Outcome::kEnd:      return;                             // all whole
//     case Outcome::kTorn:     cut the file at reader.good_end();  // a crash left it so
//     case Outcome::kCorrupt:  refuse; reader.trouble() says where
//   }
//
// A tail is torn if the file ends inside a command or inside a MULTI, or if from the first wrong
// byte to its end there are only zeros (a file that had grown before its bytes came to the disk).
// Everything else that is wrong is damage. A MULTI is handed out when its EXEC has come, so no
// transaction is ever half applied, and a tear inside it cuts before it.
//
// Invariants
//   (1) Memory is taken for bytes that were fed, never for a number they announce; nor, if it is
//   known where the file ends, for what cannot fit into it.
//   (2) The same bytes give the same answers under any cutting, and each is looked at a bounded
//   number of times.
//   (3) Views are good until the next call of Feed or Next.
//   (4) After kEnd, kTorn or kCorrupt nothing more comes.
// Belongs to one thread.
#ifndef CAIRN_CODEC_AOF_READER_H_
#define CAIRN_CODEC_AOF_READER_H_

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "log/command_log.h"

namespace cairn::codec {

class AofReader {
 public:
  enum class Outcome { kGroup, kNeedMore, kEnd, kTorn, kCorrupt };

  static constexpr std::int64_t kArgsMax = INT32_MAX;      // of one command, as in Redis
  static constexpr std::int64_t kArgBytesMax = 1LL << 40;  // of one argument
  static constexpr std::size_t kAnnotationMax = 1024;      // with its line end
  static constexpr std::int64_t kDatabasesMax = INT32_MAX;
  static constexpr std::int64_t kNoTime = -1;

  // A file whose size is not known beforehand, or still grows.
  static constexpr std::uint64_t kEndUnknown = UINT64_MAX;

  // `file_end`: an argument that would reach beyond it is torn, at once and not after all that
  // follows was read and kept.
  explicit AofReader(std::uint64_t offset = 0, std::uint64_t file_end = kEndUnknown)
      : fed_(offset), file_end_(file_end), good_end_(offset) {}

  // The next bytes of the file.
  void Feed(std::string_view bytes);
  // There are no more.
  void End() { ended_ = true; }
  Outcome Next();

  // After kGroup: what is to be applied, in order, as one if it is several.
  std::span<const log::EffectView> group() const { return group_; }
  // Where the group began: its MULTI, or its one command.
  std::uint64_t group_begin() const { return group_begin_; }
  // Where each of its commands began, MULTI, EXEC and SELECT aside.
  std::span<const std::uint64_t> command_begins() const { return command_begins_; }
  // Unix seconds of the last "#TS:" before it; kNoTime without.
  std::int64_t time_s() const { return time_s_; }
  // What lies before this offset is whole.
  std::uint64_t good_end() const { return good_end_; }
  // After kTorn and kCorrupt: "offset 17: expected '$', found 'x'".
  const std::string& trouble() const { return trouble_; }

 private:
  enum class Step { kDone, kNeedMore, kFailed };
  struct Slice {
    std::size_t begin;  // in buffer_
    std::size_t size;
  };
  // One command of the group at hand: its arguments are slices_[first_slice, + arg_count).
  struct Command {
    DbId db;
    std::uint64_t begin;  // in the file
    std::size_t first_slice;
    std::size_t arg_count;
  };

  std::uint64_t OffsetOf(std::size_t at) const { return fed_ - buffer_.size() + at; }
  Step TakeItem();
  Step TakeAnnotation();
  Step TakeCommand();
  Step TakeArg();
  Step TakeNumber(char kind, std::int64_t least, std::int64_t most, std::int64_t* number);
  Step TakeLineEnd(std::size_t at);
  Step FinishCommand();
  Step Select(std::string_view number);
  std::string_view Arg(std::size_t index) const;
  bool IsNamed(std::string_view name, std::size_t arg_count) const;
  void SettleUpTo(std::size_t at);
  void HandOut();
  Step FailAt(std::size_t at, std::string_view expected);
  Step Refuse(std::string trouble);
  Outcome Ended();
  void SkipZeros();

  std::string buffer_;       // from the beginning of what is not yet settled
  std::uint64_t fed_;        // offset behind the last byte fed
  std::size_t settled_ = 0;  // in buffer_: handed out; dropped by the next Feed
  std::size_t at_ = 0;       // in buffer_: the next byte to parse
  bool ended_ = false;
  const std::uint64_t file_end_;
  bool reaches_beyond_ = false;  // an argument does

  // The command at hand.
  std::size_t command_begin_ = 0;
  std::int64_t args_left_ = 0;
  std::int64_t arg_bytes_ = kNoArg;  // of the argument at hand, once its header was read
  static constexpr std::int64_t kNoArg = -1;
  std::size_t command_slices_ = 0;  // where its arguments begin in slices_

  // The group at hand.
  bool in_multi_ = false;
  DbId db_{0};
  std::vector<Slice> slices_;
  std::vector<Command> commands_;

  std::vector<std::string_view> args_;
  std::vector<log::EffectView> group_;
  std::vector<std::uint64_t> command_begins_;
  std::uint64_t group_begin_ = 0;
  std::int64_t time_s_ = kNoTime;
  std::uint64_t good_end_;
  std::string trouble_;
  enum class State { kReads, kInZeros, kCorrupt } state_ = State::kReads;
};

}  // namespace cairn::codec

#endif  // CAIRN_CODEC_AOF_READER_H_
