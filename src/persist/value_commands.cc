// SPDX-License-Identifier: BSD-3-Clause
// Elements are collected until there are enough of them for a command. What is collected must stay
// where it is meanwhile, so numbers that become text get a place of their own in it.
#include "persist/value_commands.h"

#include <array>
#include <deque>
#include <initializer_list>
#include <string>
#include <vector>

#include "base/check.h"
#include "base/text.h"
#include "codec/dump.h"

namespace cairn::persist {
namespace {

using Emit = FunctionRef<void(std::span<const std::string_view>)>;

// One command after another with the same beginning.
class Command {
 public:
  Command(std::initializer_list<std::string_view> head, Emit emit)
      : args_(head), head_size_(head.size()), emit_(emit) {}
  ~Command() { Flush(); }
  Command(const Command&) = delete;
  Command& operator=(const Command&) = delete;

  void Add(std::string_view arg) { args_.push_back(arg); }
  void AddCopy(std::string_view arg) { args_.push_back(copies_.emplace_back(arg)); }
  // An element is complete.
  void EndItem() {
    if (++items_ == kItemsMax) Flush();
  }

 private:
  void Flush() {
    if (items_ > 0) emit_(args_);
    items_ = 0;
    args_.resize(head_size_);
    copies_.clear();
  }

  std::vector<std::string_view> args_;
  const std::size_t head_size_;
  std::deque<std::string> copies_;
  std::size_t items_ = 0;
  Emit emit_;
};

void EmitValue(std::string_view key, const value::List& list, Emit emit) {
  Command push({"RPUSH", key}, emit);
  ds::PackedValue::Scratch scratch;
  for (value::ListCursor at(list, 0, value::ListEnd::kBack); !at.done(); at.Advance()) {
    push.AddCopy(at.value().Text(scratch));
    push.EndItem();
  }
}

void EmitValue(std::string_view key, const value::Set& set, Emit emit) {
  Command add({"SADD", key}, emit);
  set.ForEach([&](std::string_view member) {
    add.AddCopy(member);
    add.EndItem();
  });
}

void AddScored(Command& add, std::string_view member, double score) {
  char text[kDoubleTextMax];
  const char* const end = FormatDouble(text, score);
  add.AddCopy({text, static_cast<std::size_t>(end - text)});
  add.AddCopy(member);
  add.EndItem();
}

void EmitValue(std::string_view key, const value::SortedSet& set, Emit emit) {
  Command add({"ZADD", key}, emit);
  set.ForEach([&](std::string_view member, double score) { AddScored(add, member, score); });
}

void EmitFieldTime(std::string_view key, std::string_view field, UnixMs at_ms, Emit emit) {
  if (at_ms == kNever) return;
  const std::string moment = Int64ToString(at_ms);
  emit(std::array<std::string_view, 6>{"HPEXPIREAT", key, moment, "FIELDS", "1", field});
}

// Times come after all fields, each by itself: fields seldom share one.
void EmitValue(std::string_view key, const value::Hash& hash, Emit emit) {
  {
    Command set({"HMSET", key}, emit);
    hash.ForEach([&](std::string_view field, std::string_view value) {
      set.AddCopy(field);
      set.AddCopy(value);
      set.EndItem();
    });
  }
  if (!hash.has_times()) return;
  hash.ForEachWithTime([&](std::string_view field, std::string_view, UnixMs at_ms) {
    EmitFieldTime(key, field, at_ms, emit);
  });
}

void EmitValue(std::string_view key, const value::Stream& stream, Emit emit) {
  const std::string payload = codec::DumpOf(stream, codec::RdbCompression::kNone);
  emit(std::array<std::string_view, 4>{"RESTORE", key, "0", payload});
}

using keyspace::CutPiece;

void EmitFields(std::string_view key, const CutPiece& piece, Emit emit) {
  {
    Command set({"HMSET", key}, emit);
    piece.ForEach([&](const CutPiece::Element& field) {
      set.Add(field.name);
      set.Add(field.value);
      set.EndItem();
    });
  }
  piece.ForEach(
      [&](const CutPiece::Element& field) { EmitFieldTime(key, field.name, field.when, emit); });
}

void EmitMembers(std::string_view key, const CutPiece& piece, Emit emit) {
  Command add({"SADD", key}, emit);
  piece.ForEach([&](const CutPiece::Element& member) {
    add.Add(member.name);
    add.EndItem();
  });
}

void EmitScored(std::string_view key, const CutPiece& piece, Emit emit) {
  Command add({"ZADD", key}, emit);
  piece.ForEach(
      [&](const CutPiece::Element& member) { AddScored(add, member.name, member.score); });
}

void EmitNodes(std::string_view key, const CutPiece& piece, Emit emit) {
  Command push({"RPUSH", key}, emit);
  ds::PackedValue::Scratch scratch;
  piece.ForEach([&](const CutPiece::Element& element) {
    const value::ListNodeView node = element.node();
    if (node.is_plain) {
      push.Add(node.plain);
      return push.EndItem();
    }
    for (auto at = node.packed.First(); at != ds::PackedView::kNone; at = node.packed.Next(at)) {
      push.AddCopy(node.packed.At(at).Text(scratch));
      push.EndItem();
    }
  });
}

}  // namespace

void ForEachCommandOf(const keyspace::Entry& entry, const CutPiece& piece, Emit emit) {
  switch (entry.type()) {
    case keyspace::Type::kHash:
      return EmitFields(entry.key(), piece, emit);
    case keyspace::Type::kSet:
      return EmitMembers(entry.key(), piece, emit);
    case keyspace::Type::kSortedSet:
      return EmitScored(entry.key(), piece, emit);
    case keyspace::Type::kList:
      return EmitNodes(entry.key(), piece, emit);
    case keyspace::Type::kString:
    case keyspace::Type::kStream:
      break;
  }
  CHECK(false);
}

void ForEachCommandOfExpiry(std::string_view key, UnixMs expiry, Emit emit) {
  if (expiry == kNever) return;
  const std::string moment = Int64ToString(expiry);
  emit(std::array<std::string_view, 3>{"PEXPIREAT", key, moment});
}

void ForEachCommandOf(const keyspace::Entry& entry, UnixMs expiry, Emit emit) {
  const std::string_view key = entry.key();
  if (entry.is_collection()) {
    entry.Visit([&](const auto& value) { EmitValue(key, value, emit); });
  } else {
    emit(std::array<std::string_view, 3>{"SET", key, entry.value()});
  }
  ForEachCommandOfExpiry(key, expiry, emit);
}

}  // namespace cairn::persist
