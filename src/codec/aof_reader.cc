// SPDX-License-Identifier: BSD-3-Clause
// One pass over the bytes, in small steps that can stop anywhere: each either moves at_ or waits.
// The arguments of a group are remembered as places in the buffer, which may move while the group
// grows, and become views when it is whole.
#include "codec/aof_reader.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "base/text.h"

namespace cairn::codec {
namespace {

std::string Shown(char c) {
  if (c >= ' ' && c <= '~') return {'\'', c, '\''};
  constexpr char kHex[] = "0123456789abcdef";
  return {'\\', 'x', kHex[static_cast<unsigned char>(c) >> 4], kHex[c & 15]};
}

bool IsZeros(std::string_view bytes) {
  return bytes.find_first_not_of('\0') == std::string_view::npos;
}

}  // namespace

void AofReader::Feed(std::string_view bytes) {
  DCHECK(!ended_);
  if (settled_ > 0) {
    buffer_.erase(0, settled_);
    at_ -= settled_;
    command_begin_ -= std::min(command_begin_, settled_);
    for (Slice& slice : slices_) slice.begin -= settled_;
    settled_ = 0;
  }
  buffer_ += bytes;
  fed_ += bytes.size();
}

AofReader::Outcome AofReader::Next() {
  group_.clear();
  while (state_ == State::kReads) {
    switch (TakeItem()) {
      case Step::kDone:
        if (!group_.empty()) return Outcome::kGroup;
        break;
      case Step::kNeedMore:
        return ended_ || reaches_beyond_ ? Ended() : Outcome::kNeedMore;
      case Step::kFailed:
        break;
    }
  }
  if (state_ == State::kInZeros) SkipZeros();
  if (state_ == State::kCorrupt) return Outcome::kCorrupt;
  return ended_ ? Outcome::kTorn : Outcome::kNeedMore;
}

// The bytes have run out.
AofReader::Outcome AofReader::Ended() {
  if (at_ == buffer_.size() && args_left_ == 0 && !in_multi_) return Outcome::kEnd;
  trouble_ = "offset " + std::to_string(reaches_beyond_ ? file_end_ : fed_) +
             (in_multi_ ? ": the file ends inside a MULTI" : ": the file ends inside a command");
  return Outcome::kTorn;
}

// Nothing but zeros may follow; they are not kept.
void AofReader::SkipZeros() {
  if (!IsZeros(std::string_view(buffer_).substr(at_))) {
    state_ = State::kCorrupt;
    return;
  }
  buffer_.resize(at_);
}

AofReader::Step AofReader::TakeItem() {
  if (args_left_ > 0) return TakeCommand();
  if (at_ == buffer_.size()) return Step::kNeedMore;
  if (buffer_[at_] == '#') return TakeAnnotation();
  std::int64_t count;
  const std::size_t begin = at_;
  if (const Step step = TakeNumber('*', 1, kArgsMax, &count); step != Step::kDone) return step;
  command_begin_ = begin;
  command_slices_ = slices_.size();
  args_left_ = count;
  return Step::kDone;
}

AofReader::Step AofReader::TakeAnnotation() {
  const std::string_view rest = std::string_view(buffer_).substr(at_, kAnnotationMax);
  // A zero, too, ends the search: whatever stands behind it, no annotation holds one.
  const std::size_t end = rest.find_first_of(std::string_view("\n\0", 2));
  if (end == std::string_view::npos) {
    if (rest.size() < kAnnotationMax) return Step::kNeedMore;
    return FailAt(at_ + kAnnotationMax - 1, "the end of an annotation");
  }
  if (rest[end] == '\0') return FailAt(at_ + end, "the end of an annotation");
  std::string_view line = rest.substr(0, end);
  if (line.ends_with('\r')) line.remove_suffix(1);
  if (line.starts_with("#TS:")) {
    const std::optional<std::int64_t> time_s = ParseInt64(line.substr(4));
    if (!time_s || *time_s < 0) return FailAt(at_ + 4, "a time");
    time_s_ = *time_s;
  }
  at_ += end + 1;
  if (!in_multi_) SettleUpTo(at_);
  return Step::kDone;
}

AofReader::Step AofReader::TakeCommand() {
  while (args_left_ > 0) {
    if (const Step step = TakeArg(); step != Step::kDone) return step;
    --args_left_;
  }
  return FinishCommand();
}

AofReader::Step AofReader::TakeArg() {
  if (arg_bytes_ == kNoArg) {
    const Step step = TakeNumber('$', 0, kArgBytesMax, &arg_bytes_);
    if (step != Step::kDone) {
      arg_bytes_ = kNoArg;
      return step;
    }
  }
  const auto size = static_cast<std::size_t>(arg_bytes_);
  if (buffer_.size() - at_ < size) {
    if (file_end_ != kEndUnknown && size > file_end_ - std::min(file_end_, OffsetOf(at_))) {
      reaches_beyond_ = true;
    }
    return Step::kNeedMore;
  }
  if (const Step step = TakeLineEnd(at_ + size); step != Step::kDone) return step;
  slices_.push_back({.begin = at_, .size = size});
  at_ += size + 2;
  arg_bytes_ = kNoArg;
  return Step::kDone;
}

AofReader::Step AofReader::TakeLineEnd(std::size_t at) {
  if (at < buffer_.size() && buffer_[at] != '\r') return FailAt(at, "a line end");
  if (at + 1 < buffer_.size() && buffer_[at + 1] != '\n') return FailAt(at + 1, "a line end");
  return at + 1 < buffer_.size() ? Step::kDone : Step::kNeedMore;
}

// "*3\r\n"; at_ moves behind it only when it is whole.
AofReader::Step AofReader::TakeNumber(char kind, std::int64_t least, std::int64_t most,
                                      std::int64_t* number) {
  constexpr std::size_t kDigitsMax = 18;  // no overflow below
  if (at_ == buffer_.size()) return Step::kNeedMore;
  if (buffer_[at_] != kind) return FailAt(at_, Shown(kind));
  std::size_t at = at_ + 1;
  std::int64_t value = 0;
  while (at < buffer_.size() && buffer_[at] >= '0' && buffer_[at] <= '9') {
    if (at - at_ > kDigitsMax) return FailAt(at, "a smaller number");
    value = value * 10 + (buffer_[at++] - '0');
  }
  if (at == buffer_.size()) return Step::kNeedMore;
  if (at == at_ + 1) return FailAt(at, "a number");
  if (const Step step = TakeLineEnd(at); step != Step::kDone) return step;
  if (value < least || value > most)
    return Refuse("offset " + std::to_string(OffsetOf(at_)) + ": " + std::to_string(value) +
                  " is out of range");
  *number = value;
  at_ = at + 2;
  return Step::kDone;
}

std::string_view AofReader::Arg(std::size_t index) const {
  const Slice& slice = slices_[command_slices_ + index];
  return std::string_view(buffer_).substr(slice.begin, slice.size);
}

bool AofReader::IsNamed(std::string_view name, std::size_t arg_count) const {
  return slices_.size() - command_slices_ == arg_count && EqualsIgnoreCase(Arg(0), name);
}

// A command is whole: it frames others, or it belongs to the group.
AofReader::Step AofReader::FinishCommand() {
  if (IsNamed("SELECT", 2)) return Select(Arg(1));
  if (IsNamed("MULTI", 1)) {
    slices_.resize(command_slices_);
    if (in_multi_)
      return Refuse("offset " + std::to_string(OffsetOf(command_begin_)) +
                    ": a MULTI inside a MULTI");
    in_multi_ = true;
    return Step::kDone;
  }
  if (IsNamed("EXEC", 1)) {
    slices_.resize(command_slices_);
    if (!in_multi_)
      return Refuse("offset " + std::to_string(OffsetOf(command_begin_)) +
                    ": an EXEC without a MULTI");
    in_multi_ = false;
    HandOut();
    return Step::kDone;
  }
  commands_.push_back({.db = db_,
                       .begin = OffsetOf(command_begin_),
                       .first_slice = command_slices_,
                       .arg_count = slices_.size() - command_slices_});
  if (!in_multi_) HandOut();
  return Step::kDone;
}

AofReader::Step AofReader::Select(std::string_view number) {
  const std::optional<std::int64_t> db = ParseInt64(number);
  if (!db || *db < 0 || *db > kDatabasesMax)
    return Refuse("offset " + std::to_string(OffsetOf(command_begin_)) +
                  ": a SELECT of no database");
  slices_.resize(command_slices_);
  db_ = DbId(static_cast<std::uint32_t>(*db));
  if (!in_multi_) SettleUpTo(at_);
  return Step::kDone;
}

// Everything before `at` is whole and done with.
void AofReader::SettleUpTo(std::size_t at) {
  settled_ = at;
  good_end_ = OffsetOf(at);
}

void AofReader::HandOut() {
  group_begin_ = good_end_;
  args_.clear();
  for (const Slice& slice : slices_)
    args_.push_back(std::string_view(buffer_).substr(slice.begin, slice.size));
  const std::span<const std::string_view> args = args_;
  command_begins_.clear();
  for (const Command& command : commands_) {
    command_begins_.push_back(command.begin);
    group_.push_back(
        {.db = command.db, .args = args.subspan(command.first_slice, command.arg_count)});
  }
  slices_.clear();
  commands_.clear();
  SettleUpTo(at_);
}

// The byte at `at` is wrong. If it is a zero, all that follows may be zeros too.
AofReader::Step AofReader::FailAt(std::size_t at, std::string_view expected) {
  const char found = buffer_[at];
  trouble_ = "offset " + std::to_string(OffsetOf(at)) + ": expected " + std::string(expected) +
             ", found " + Shown(found);
  state_ = found == '\0' ? State::kInZeros : State::kCorrupt;
  at_ = at;
  return Step::kFailed;
}

AofReader::Step AofReader::Refuse(std::string trouble) {
  trouble_ = std::move(trouble);
  state_ = State::kCorrupt;
  return Step::kFailed;
}

}  // namespace cairn::codec
