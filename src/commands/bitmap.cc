// SPDX-License-Identifier: BSD-3-Clause
// Strings as arrays of bits. The work on bytes is value/bitmap.h and value/bitfield.h; here are
// arguments, keys and replies.
#include "value/bitmap.h"

#include <optional>
#include <string>
#include <vector>

#include "base/text.h"
#include "command/call.h"
#include "command/errors.h"
#include "commands/families.h"
#include "commands/heavy.h"
#include "commands/strings.h"
#include "value/bitfield.h"

namespace cairn::commands {
namespace {

std::uint64_t StringBytesMax(Call& call) {
  return static_cast<std::uint64_t>(
      call.keyspace().tunables().string_bytes_max.load(std::memory_order_relaxed));
}

// A bit offset within the longest string allowed. Nothing, with the error replied, otherwise.
std::optional<std::uint64_t> ParseBitOffset(Call& call, std::string_view text) {
  const std::optional<std::int64_t> offset = ParseInt64(text);
  if (offset && *offset >= 0 && static_cast<std::uint64_t>(*offset) / 8 < StringBytesMax(call)) {
    return static_cast<std::uint64_t>(*offset);
  }
  call.Error(command::errors::kBitOffset);
  return std::nullopt;
}

void SetBit(Call& call) {
  const std::optional<std::uint64_t> offset = ParseBitOffset(call, call.arg(2));
  if (!offset) return;
  if (call.arg(3) != "0" && call.arg(3) != "1") return call.Error(command::errors::kBitValue);
  const bool bit = call.arg(3) == "1";
  Found found;
  if (!FindString(call, 0, Access::kWrite, &found)) return;
  const std::uint64_t bytes = value::BytesForBit(*offset);
  // A bit that is what it shall be changes nothing, unless the string has to grow for it; but
  // OBJECT ENCODING says raw from then on.
  if (found && bytes <= StringOf(found).size() && value::GetBit(StringOf(found), *offset) == bit) {
    if (found.entry->blob() == nullptr) found.entry->set_encoding(keyspace::Encoding::kRaw);
    return call.reply().Integer(bit ? 1 : 0);
  }
  if (DeferEdit(call, found, bytes)) return;
  const bool old = value::SetBit(call.txn().EditString(call.key(0), found, bytes), *offset, bit);
  call.LogVerbatim();
  call.txn().Notify(keyspace::kEventString, "setbit", call.key(0));
  call.reply().Integer(old ? 1 : 0);
}

void GetBit(Call& call) {
  const std::optional<std::uint64_t> offset = ParseBitOffset(call, call.arg(2));
  if (!offset) return;
  Found found;
  if (!FindString(call, 0, Access::kRead, &found)) return;
  call.reply().Integer(value::GetBit(StringOf(found), *offset) ? 1 : 0);
}

// BYTE or BIT at argument `i`, if it is there. False with the error replied.
bool ParseUnit(Call& call, std::size_t i, value::BitRange& range) {
  if (i >= call.argc() || EqualsIgnoreCase(call.arg(i), "BYTE")) return true;
  if (EqualsIgnoreCase(call.arg(i), "BIT")) {
    range.unit = value::BitUnit::kBit;
    return true;
  }
  call.Error(command::errors::kSyntax);
  return false;
}

// Start and end at arguments `i` and `i` + 1, as far as they are there. False with the error
// replied.
bool ParseEnds(Call& call, std::size_t i, value::BitRange& range) {
  for (std::size_t end = 0; end < 2 && i + end < call.argc(); ++end) {
    const std::optional<std::int64_t> number = ParseInt64(call.arg(i + end));
    if (!number) {
      call.Error(command::errors::kNotAnInteger);
      return false;
    }
    if (end == 0) {
      range.start = *number;
    } else {
      range.end = number;
    }
  }
  return true;
}

void BitCount(Call& call) {
  value::BitRange range;
  if (call.argc() == 3 || call.argc() > 5) return call.Error(command::errors::kSyntax);
  if (!ParseEnds(call, 2, range) || !ParseUnit(call, 4, range)) return;
  Found found;
  if (!FindString(call, 0, Access::kRead, &found)) return;
  if (call.Defer(ElementsOfBytes(StringOf(found).size()))) return;
  call.reply().Integer(static_cast<std::int64_t>(value::BitCount(StringOf(found), range)));
}

void BitPos(Call& call) {
  const std::optional<std::int64_t> bit = ParseInt64(call.arg(2));
  if (!bit) return call.Error(command::errors::kNotAnInteger);
  if (*bit != 0 && *bit != 1) return call.Error(command::errors::kBitArgument);
  if (call.argc() > 6) return call.Error(command::errors::kSyntax);
  value::BitRange range;
  if (!ParseEnds(call, 3, range) || !ParseUnit(call, 5, range)) return;
  Found found;
  if (!FindString(call, 0, Access::kRead, &found)) return;
  // An absent key is endless zeros, whatever the range.
  if (!found) return call.reply().Integer(*bit == 1 ? -1 : 0);
  if (call.Defer(ElementsOfBytes(StringOf(found).size()))) return;
  call.reply().Integer(value::BitPos(StringOf(found), *bit == 1, range));
}

struct OperationRow {
  std::string_view name;
  value::BitOperation operation;
};

constexpr OperationRow kOperations[] = {
    {"AND", value::BitOperation::kAnd},     {"OR", value::BitOperation::kOr},
    {"XOR", value::BitOperation::kXor},     {"NOT", value::BitOperation::kNot},
    {"DIFF", value::BitOperation::kDiff},   {"DIFF1", value::BitOperation::kDiff1},
    {"ANDOR", value::BitOperation::kAndOr}, {"ONE", value::BitOperation::kOne},
};

const OperationRow* FindOperation(std::string_view name) {
  for (const OperationRow& row : kOperations) {
    if (EqualsIgnoreCase(name, row.name)) return &row;
  }
  return nullptr;
}

void BitOp(Call& call) {
  const OperationRow* row = FindOperation(call.arg(1));
  if (row == nullptr) return call.Error(command::errors::kSyntax);
  const std::size_t source_count = call.key_count() - 1;
  if (row->operation == value::BitOperation::kNot && source_count != 1)
    return call.Error(command::errors::kBitopNotTakesOne);
  if (source_count < value::SourcesMin(row->operation))
    return call.Error(command::errors::BitopNeedsTwo(row->name));
  std::vector<std::string_view> sources;
  for (std::size_t n = 1; n < call.key_count(); ++n) {
    Found found;
    if (!FindString(call, n, Access::kRead, &found)) return;
    sources.push_back(StringOf(found));
  }
  if (call.Defer(ElementsOfBytes(value::CombinedSize(sources) * (sources.size() + 1)))) return;
  // The destination may be one of the sources, so the result is made beside it.
  std::string result(value::CombinedSize(sources), '\0');
  value::CombineBits(row->operation, sources, 0, result);
  Found destination = call.txn().Find(call.key(0), Access::kWrite);
  if (!result.empty()) {
    const Found stored =
        call.txn().SetString(call.key(0), destination, result, keyspace::Ttl::kDrop);
    if (stored.entry->blob() == nullptr) stored.entry->set_encoding(keyspace::Encoding::kRaw);
    call.LogVerbatim();
    call.txn().Notify(keyspace::kEventString, "set", call.key(0));
  } else if (destination) {
    call.txn().Remove(call.key(0), destination);
    call.txn().Log({"DEL", call.key(0).name});
    call.txn().Notify(keyspace::kEventGeneric, "del", call.key(0));
  } else {
    call.txn().OverruleAbsence(call.key(0));
  }
  call.reply().Integer(static_cast<std::int64_t>(result.size()));
}

// --- BITFIELD ---

enum class FieldAction : std::uint8_t { kGet, kSet, kIncrement };

struct FieldStep {
  FieldAction action;
  value::FieldType type;
  std::uint64_t offset;
  std::int64_t number;
  value::Overflow overflow;
};

class FieldParser {
 public:
  FieldParser(Call& call, bool read_only) : call_(call), read_only_(read_only) {}

  // False with the error replied.
  bool Parse(std::vector<FieldStep>& steps) {
    for (std::size_t i = 2; i < call_.argc();) {
      if (!ParseOne(&i, steps)) return false;
    }
    return true;
  }

 private:
  bool Refuse(std::string_view error) {
    call_.Error(error);
    return false;
  }

  bool ParseOne(std::size_t* i, std::vector<FieldStep>& steps) {
    const std::string_view word = call_.arg(*i);
    const std::size_t more = call_.argc() - *i - 1;
    if (EqualsIgnoreCase(word, "OVERFLOW") && more >= 1) {
      *i += 2;
      return ParseOverflow(call_.arg(*i - 1));
    }
    FieldStep step{
        .action = FieldAction::kGet, .type = {}, .offset = 0, .number = 0, .overflow = overflow_};
    if (EqualsIgnoreCase(word, "SET") && more >= 3) {
      step.action = FieldAction::kSet;
    } else if (EqualsIgnoreCase(word, "INCRBY") && more >= 3) {
      step.action = FieldAction::kIncrement;
    } else if (!EqualsIgnoreCase(word, "GET") || more < 2) {
      return Refuse(command::errors::kSyntax);
    }
    if (!ParseField(*i + 1, step)) return false;
    if (step.action != FieldAction::kGet && read_only_)
      return Refuse(command::errors::kBitfieldReadOnly);
    *i += step.action == FieldAction::kGet ? 3 : 4;
    steps.push_back(step);
    return true;
  }

  bool ParseOverflow(std::string_view word) {
    if (EqualsIgnoreCase(word, "WRAP")) {
      overflow_ = value::Overflow::kWrap;
    } else if (EqualsIgnoreCase(word, "SAT")) {
      overflow_ = value::Overflow::kSaturate;
    } else if (EqualsIgnoreCase(word, "FAIL")) {
      overflow_ = value::Overflow::kFail;
    } else {
      return Refuse(command::errors::kBitfieldOverflow);
    }
    return true;
  }

  bool ParseField(std::size_t i, FieldStep& step) {
    const std::optional<value::FieldType> type = value::ParseFieldType(call_.arg(i));
    if (!type) return Refuse(command::errors::kBitfieldType);
    const std::optional<std::uint64_t> offset =
        value::ParseFieldOffset(call_.arg(i + 1), *type, StringBytesMax(call_));
    if (!offset) return Refuse(command::errors::kBitOffset);
    step.type = *type;
    step.offset = *offset;
    if (step.action == FieldAction::kGet) return true;
    const std::optional<std::int64_t> number = ParseInt64(call_.arg(i + 2));
    if (!number) return Refuse(command::errors::kNotAnInteger);
    step.number = *number;
    return true;
  }

  Call& call_;
  const bool read_only_;
  value::Overflow overflow_ = value::Overflow::kWrap;
};

void ReplyStep(Call& call, std::optional<std::int64_t> number) {
  number ? call.reply().Integer(*number) : call.reply().Null();
}

// What a write made of a field.
enum class FieldWrite : std::uint8_t { kRefused, kSame, kChanged };

// Writes one field; SET answers the old number, INCRBY the new one, both null if FAIL forbids it.
FieldWrite RunWrite(Call& call, const FieldStep& step, std::span<char> bytes) {
  const std::int64_t old = value::GetField({bytes.data(), bytes.size()}, step.type, step.offset);
  const bool sets = step.action == FieldAction::kSet;
  const std::optional<std::int64_t> number =
      sets ? value::FitField(step.type, step.number, step.overflow)
           : value::AddToField(step.type, old, step.number, step.overflow);
  if (number) value::SetField(bytes, step.type, step.offset, *number);
  ReplyStep(call, number && sets ? std::optional<std::int64_t>(old) : number);
  if (!number) return FieldWrite::kRefused;
  return *number == old ? FieldWrite::kSame : FieldWrite::kChanged;
}

void RunBitField(Call& call, bool read_only) {
  std::vector<FieldStep> steps;
  if (!FieldParser(call, read_only).Parse(steps)) return;
  std::uint64_t bytes_needed = 0;
  for (const FieldStep& step : steps) {
    if (step.action != FieldAction::kGet) {
      bytes_needed = std::max(bytes_needed, value::BytesForField(step.type, step.offset));
    }
  }
  Found found;
  if (!FindString(call, 0, bytes_needed > 0 ? Access::kWrite : Access::kRead, &found)) return;
  const bool grows = bytes_needed > StringOf(found).size();
  if (bytes_needed > 0 && DeferEdit(call, found, bytes_needed)) return;
  std::int64_t changes = 0;
  std::span<char> bytes;
  call.txn().TellNobody();
  if (bytes_needed > 0) bytes = call.txn().EditString(call.key(0), found, bytes_needed);
  call.reply().Array(steps.size());
  for (const FieldStep& step : steps) {
    if (step.action == FieldAction::kGet) {
      call.reply().Integer(value::GetField(StringOf(found), step.type, step.offset));
    } else {
      // Where the string grew every write counts, as in Redis, whatever was there.
      const FieldWrite write = RunWrite(call, step, bytes);
      if (write == FieldWrite::kChanged || (grows && write == FieldWrite::kSame)) ++changes;
    }
  }
  if (changes == 0 && !grows) return;
  call.LogVerbatim();
  call.txn().CountAs(changes);
  if (changes == 0) return;
  call.txn().TellOf(call.key(0), found);
  call.txn().Notify(keyspace::kEventString, "setbit", call.key(0));
}

void BitField(Call& call) { RunBitField(call, false); }
void BitFieldRo(Call& call) { RunBitField(call, true); }

constexpr Spec kSpecs[] = {
    Spec({.syntax = "SETBIT key offset value:integer",
          .access = "RW ACCESS UPDATE",
          .since = "2.2.0",
          .group = Group::kBitmap,
          .flags = command::kWrite | command::kDenyOom,
          .complexity = "O(1)",
          .summary =
              "Sets or clears a bit of a string, lengthening it where needed; answers the old bit.",
          .run = &SetBit}),
    Spec({.syntax = "GETBIT key offset",
          .access = "RO ACCESS",
          .since = "2.2.0",
          .group = Group::kBitmap,
          .flags = command::kReadonly | command::kFast,
          .complexity = "O(1)",
          .summary = "Returns a bit of a string.",
          .run = &GetBit}),
    Spec({.syntax = "BITCOUNT key [start end [BYTE | BIT]]",
          .access = "RO ACCESS",
          .since = "2.6.0",
          .group = Group::kBitmap,
          .flags = command::kReadonly,
          .complexity = "O(N) where N is the number of bytes looked at",
          .summary = "Counts the bits that are set in a string or a part of it.",
          .history = "7.0.0: Added BYTE and BIT.",
          .run = &BitCount}),
    Spec({.syntax = "BITPOS key bit [start [end [BYTE | BIT]]]",
          .access = "RO ACCESS",
          .since = "2.8.7",
          .group = Group::kBitmap,
          .flags = command::kReadonly,
          .complexity = "O(N) where N is the number of bytes looked at",
          .summary = "Finds the first set or clear bit of a string or a part of it.",
          .history = "7.0.0: Added BYTE and BIT.",
          .run = &BitPos}),
    Spec({.syntax =
              "BITOP <AND | OR | XOR | NOT | DIFF | DIFF1 | ANDOR | ONE> destkey key [key ...]",
          .access = "OW UPDATE; RO ACCESS",
          .since = "2.6.0",
          .group = Group::kBitmap,
          .flags = command::kWrite | command::kDenyOom,
          .complexity = "O(N) where N is the length of the longest string",
          .summary = "Combines strings bit by bit and stores the result.",
          .history = "8.2.0: Added DIFF, DIFF1, ANDOR and ONE.",
          .run = &BitOp}),
    Spec({.syntax = "BITFIELD key [GET encoding offset | [OVERFLOW <WRAP | SAT | FAIL>] <SET "
                    "encoding offset value:integer | "
                    "INCRBY encoding offset increment> [GET encoding offset | [OVERFLOW <WRAP | "
                    "SAT | FAIL>] "
                    "<SET encoding offset value:integer | INCRBY encoding offset increment> ...]]",
          .access = "RW ACCESS UPDATE VARIABLE_FLAGS, RO ACCESS WITHOUT SET INCRBY",
          .since = "3.2.0",
          .group = Group::kBitmap,
          .flags = command::kWrite | command::kDenyOom,
          .complexity = "O(1) for each step",
          .summary = "Reads and writes integers of any width at any bit of a string.",
          .run = &BitField}),
    Spec({.syntax = "BITFIELD_RO key [GET encoding offset [GET encoding offset ...]]",
          .access = "RO ACCESS",
          .since = "6.0.0",
          .group = Group::kBitmap,
          .flags = command::kReadonly | command::kFast,
          .complexity = "O(1) for each step",
          .summary = "Reads integers of any width at any bit of a string.",
          .run = &BitFieldRo}),
};

}  // namespace

std::span<const Spec> BitmapFamily() { return kSpecs; }

}  // namespace cairn::commands
