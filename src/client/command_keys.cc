// SPDX-License-Identifier: BSD-3-Clause
// A short list of those whose key is not the first argument.
#include "client/command_keys.h"

#include <algorithm>
#include <array>
#include <map>
#include <string>
#include <utility>

#include "base/hash.h"
#include "base/text.h"

namespace cairn::client {
namespace {

using cache::Command;
using cache::Reply;
using cache::Result;

enum class At : std::uint8_t { kNowhere, kSecond, kAfterCount1, kAfterCount2, kAfterStreams };
struct Row {
  std::string_view name;
  At at;
};
constexpr std::array kRows = std::to_array<Row>({
    {"ACL", At::kNowhere},
    {"BGREWRITEAOF", At::kNowhere},
    {"BGSAVE", At::kNowhere},
    {"BITOP", At::kSecond},
    {"BLMPOP", At::kAfterCount2},
    {"BZMPOP", At::kAfterCount2},
    {"CLIENT", At::kNowhere},
    {"CLUSTER", At::kNowhere},
    {"COMMAND", At::kNowhere},
    {"CONFIG", At::kNowhere},
    {"DBSIZE", At::kNowhere},
    {"DEBUG", At::kSecond},
    {"ECHO", At::kNowhere},
    {"EVAL", At::kAfterCount2},
    {"EVALSHA", At::kAfterCount2},
    {"EVALSHA_RO", At::kAfterCount2},
    {"EVAL_RO", At::kAfterCount2},
    {"EXEC", At::kNowhere},
    {"FCALL", At::kAfterCount2},
    {"FCALL_RO", At::kAfterCount2},
    {"FLUSHALL", At::kNowhere},
    {"FLUSHDB", At::kNowhere},
    {"FUNCTION", At::kNowhere},
    {"INFO", At::kNowhere},
    {"KEYS", At::kNowhere},
    {"LASTSAVE", At::kNowhere},
    {"LATENCY", At::kNowhere},
    {"LMPOP", At::kAfterCount1},
    {"MEMORY", At::kSecond},
    {"MULTI", At::kNowhere},
    {"NAMESPACE", At::kNowhere},
    {"OBJECT", At::kSecond},
    {"PING", At::kNowhere},
    {"PUBLISH", At::kNowhere},
    {"PUBSUB", At::kNowhere},
    {"RANDOMKEY", At::kNowhere},
    {"ROLE", At::kNowhere},
    {"SAVE", At::kNowhere},
    {"SCAN", At::kNowhere},
    {"SCRIPT", At::kNowhere},
    {"SINTERCARD", At::kAfterCount1},
    {"SLOWLOG", At::kNowhere},
    {"TIME", At::kNowhere},
    {"WAIT", At::kNowhere},
    {"WAITAOF", At::kNowhere},
    {"XGROUP", At::kSecond},
    {"XINFO", At::kSecond},
    {"XREAD", At::kAfterStreams},
    {"XREADGROUP", At::kAfterStreams},
    {"ZDIFF", At::kAfterCount1},
    {"ZINTER", At::kAfterCount1},
    {"ZINTERCARD", At::kAfterCount1},
    {"ZMPOP", At::kAfterCount1},
    {"ZUNION", At::kAfterCount1},
});

const Row* FindRow(std::string_view name) {
  const auto found =
      std::ranges::find_if(kRows, [&](const Row& row) { return EqualsIgnoreCase(row.name, name); });
  return found == kRows.end() ? nullptr : &*found;
}

// Its first key's place; 0 if it has none.
std::size_t FirstKey(const Command& command) {
  if (command.size() < 2) return 0;
  const Row* row = FindRow(command[0]);
  if (row == nullptr) return 1;
  const auto key_behind = [&](std::size_t count_at) -> std::size_t {
    const bool has_keys = command.size() > count_at + 1 && command[count_at] != "0";
    return has_keys ? count_at + 1 : 0;
  };
  switch (row->at) {
    case At::kNowhere:
      return 0;
    case At::kSecond:
      return command.size() > 2 ? 2 : 0;
    case At::kAfterCount1:
      return key_behind(1);
    case At::kAfterCount2:
      return key_behind(2);
    case At::kAfterStreams:
      break;
  }
  for (std::size_t i = 1; i + 1 < command.size(); ++i) {
    if (EqualsIgnoreCase(command[i], "STREAMS")) return i + 1;
  }
  return 0;
}

bool IsName(const Command& command, std::string_view name) {
  return EqualsIgnoreCase(command[0], name);
}

}  // namespace

int SlotOfKey(std::string_view key) { return static_cast<int>(KeySlot(key).value); }

int SlotOf(const Command& command) {
  const std::size_t place = FirstKey(command);
  return place == 0 ? -1 : SlotOfKey(command[place]);
}

bool MaySpanSlots(const Command& command) {
  if (command.size() <= 2) return false;
  if (IsName(command, "MSET")) return command.size() > 3 && command.size() % 2 == 1;
  return IsName(command, "MGET") || IsName(command, "DEL") || IsName(command, "UNLINK") ||
         IsName(command, "EXISTS") || IsName(command, "TOUCH");
}

SlotSplit::SlotSplit(const Command& command) {
  if (IsName(command, "MGET")) kind_ = Kind::kValues;
  if (IsName(command, "MSET")) kind_ = Kind::kOk;
  const std::size_t step = kind_ == Kind::kOk ? 2 : 1;
  std::map<int, std::size_t> part_of;  // by slot
  for (std::size_t i = 1; i < command.size(); i += step) {
    const int slot = SlotOfKey(command[i]);
    const auto [place, is_new] = part_of.emplace(slot, parts_.size());
    if (is_new) parts_.push_back({.command = Command(command[0]), .places = {}});
    Part& part = parts_[place->second];
    part.command.Add(command[i]);
    if (step == 2) part.command.Add(command[i + 1]);
    part.places.push_back(key_count_++);
  }
}

Result<Reply> SlotSplit::Merge(cache::Replies replies) const {
  for (std::size_t i = 0; i < replies.size(); ++i) {
    if (replies[i]) continue;
    // Another part of a write may have come through.
    cache::Error error = std::move(replies[i]).error();
    error.may_have_applied |= kind_ != Kind::kValues && replies.size() > 1;
    return std::unexpected(std::move(error));
  }
  if (kind_ == Kind::kOk) return std::move(replies[0]);
  std::vector<Reply> values(kind_ == Kind::kValues ? key_count_ : 0);
  std::int64_t count = 0;
  for (std::size_t i = 0; i < replies.size(); ++i) {
    if (kind_ == Kind::kCounts) {
      Result<std::int64_t> part = replies[i]->AsInteger();
      if (!part) return Pass(std::move(part));
      count += *part;
      continue;
    }
    std::vector<Reply> part = std::move(*replies[i]).TakeElements();
    if (part.size() != parts_[i].places.size())
      return cache::Fail(cache::Errc::kProtocol, "MGET gave another number of values");
    for (std::size_t n = 0; n < part.size(); ++n) values[parts_[i].places[n]] = std::move(part[n]);
  }
  if (kind_ == Kind::kCounts) return Reply::Integer(count);
  return Reply::Aggregate(Reply::Type::kArray, std::move(values));
}

}  // namespace cairn::client
