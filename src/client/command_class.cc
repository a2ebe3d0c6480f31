// SPDX-License-Identifier: BSD-3-Clause
// The lists make one table at compile time, open-addressed: every call looks its name up, and a
// search by halves in sorted lists was a fifth of a pipelined GET's instructions.
#include "client/command_class.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <span>

#include "base/text.h"

namespace cairn::client {
namespace {

using cache::Command;

// What may be sent a second time: reads only. A write whose second time changes nothing (SET,
// PEXPIREAT) is not among them: between its two times another's write may have come, which the
// second would undo.

// Reads of the keys that they name, which say the same until one of those changes: their replies
// may be kept.
constexpr std::array kReadsOfKeys = std::to_array<std::string_view>({"BITCOUNT",
                                                                     "BITFIELD_RO",
                                                                     "BITPOS",
                                                                     "DUMP",
                                                                     "EXISTS",
                                                                     "EXPIRETIME",
                                                                     "GEODIST",
                                                                     "GEOHASH",
                                                                     "GEOPOS",
                                                                     "GEORADIUSBYMEMBER_RO",
                                                                     "GEORADIUS_RO",
                                                                     "GEOSEARCH",
                                                                     "GET",
                                                                     "GETBIT",
                                                                     "GETRANGE",
                                                                     "HEXISTS",
                                                                     "HEXPIRETIME",
                                                                     "HGET",
                                                                     "HGETALL",
                                                                     "HKEYS",
                                                                     "HLEN",
                                                                     "HMGET",
                                                                     "HPEXPIRETIME",
                                                                     "HSTRLEN",
                                                                     "HVALS",
                                                                     "LCS",
                                                                     "LINDEX",
                                                                     "LLEN",
                                                                     "LPOS",
                                                                     "LRANGE",
                                                                     "MGET",
                                                                     "PEXPIRETIME",
                                                                     "PFCOUNT",
                                                                     "SCARD",
                                                                     "SDIFF",
                                                                     "SINTER",
                                                                     "SINTERCARD",
                                                                     "SISMEMBER",
                                                                     "SMEMBERS",
                                                                     "SMISMEMBER",
                                                                     "STRLEN",
                                                                     "SUBSTR",
                                                                     "SUNION",
                                                                     "TYPE",
                                                                     "XLEN",
                                                                     "XRANGE",
                                                                     "XREVRANGE",
                                                                     "ZCARD",
                                                                     "ZCOUNT",
                                                                     "ZDIFF",
                                                                     "ZINTER",
                                                                     "ZINTERCARD",
                                                                     "ZLEXCOUNT",
                                                                     "ZMSCORE",
                                                                     "ZRANGE",
                                                                     "ZRANGEBYLEX",
                                                                     "ZRANGEBYSCORE",
                                                                     "ZRANK",
                                                                     "ZREVRANGE",
                                                                     "ZREVRANGEBYLEX",
                                                                     "ZREVRANGEBYSCORE",
                                                                     "ZREVRANK",
                                                                     "ZSCORE",
                                                                     "ZUNION"});

// Those that depend on more: the time (TTL, OBJECT, XPENDING), chance (SRANDMEMBER), keys that they
// do not name (SCAN, SORT_RO), or the server alone.
constexpr std::array kOtherReads = std::to_array<std::string_view>(
    {"CACHE.PEEK", "COMMAND",    "DBSIZE",      "ECHO",  "EVALSHA_RO", "EVAL_RO",   "FCALL_RO",
     "HPTTL",      "HRANDFIELD", "HSCAN",       "HTTL",  "INFO",       "KEYS",      "LASTSAVE",
     "MEMORY",     "OBJECT",     "PING",        "PTTL",  "PUBSUB",     "RANDOMKEY", "ROLE",
     "SCAN",       "SORT_RO",    "SRANDMEMBER", "SSCAN", "TIME",       "TOUCH",     "TTL",
     "XINFO",      "XPENDING",   "ZRANDMEMBER", "ZSCAN"});

// A read that may be kept, and yet is not sent twice: it may take a lease.
constexpr std::string_view kReadWithLease = "CACHE.GET";

constexpr std::array kScripts = std::to_array<std::string_view>(
    {"EVAL", "EVALSHA", "EVALSHA_RO", "EVAL_RO", "FCALL", "FCALL_RO"});
static_assert(std::ranges::is_sorted(kScripts));

constexpr std::array kConnection = std::to_array<std::string_view>(
    {"ASKING", "AUTH", "DISCARD", "EXEC", "HELLO", "MONITOR", "MULTI", "PSYNC", "QUIT", "READONLY",
     "READWRITE", "REPLCONF", "RESET", "SELECT", "SYNC", "UNWATCH", "WATCH"});
static_assert(std::ranges::is_sorted(kConnection));

constexpr std::array kSubscribing = std::to_array<std::string_view>(
    {"PSUBSCRIBE", "PUNSUBSCRIBE", "SSUBSCRIBE", "SUBSCRIBE", "SUNSUBSCRIBE", "UNSUBSCRIBE"});
static_assert(std::ranges::is_sorted(kSubscribing));

// Where a command that waits says for how long.
enum class WaitAt : std::uint8_t { kFirst, kLast, kAfterWord };
struct WaitRow {
  std::string_view name;
  WaitAt at;
  std::chrono::nanoseconds unit;
  std::string_view word = {};  // it waits only if this is among its arguments
};
constexpr std::chrono::nanoseconds kSecond = std::chrono::seconds(1);
constexpr std::chrono::nanoseconds kMilli = std::chrono::milliseconds(1);
constexpr std::array kWaiting = std::to_array<WaitRow>({
    {"BLMOVE", WaitAt::kLast, kSecond},
    {"BLMPOP", WaitAt::kFirst, kSecond},
    {"BLPOP", WaitAt::kLast, kSecond},
    {"BRPOP", WaitAt::kLast, kSecond},
    {"BRPOPLPUSH", WaitAt::kLast, kSecond},
    {"BZMPOP", WaitAt::kFirst, kSecond},
    {"BZPOPMAX", WaitAt::kLast, kSecond},
    {"BZPOPMIN", WaitAt::kLast, kSecond},
    {"CACHE.BARRIER", WaitAt::kAfterWord, kMilli, "WAIT"},
    {"CACHE.GET", WaitAt::kAfterWord, kMilli, "WAIT"},
    {"LOCK.ACQUIRE", WaitAt::kAfterWord, kMilli, "WAIT"},
    {"WAIT", WaitAt::kLast, kMilli},
    {"WAITAOF", WaitAt::kLast, kMilli},
    {"XREAD", WaitAt::kAfterWord, kMilli, "BLOCK"},
    {"XREADGROUP", WaitAt::kAfterWord, kMilli, "BLOCK"},
});

// Of CLIENT's subcommands, those that change the connection.
constexpr std::array kClientWords = std::to_array<std::string_view>(
    {"CACHING", "NO-EVICT", "NO-TOUCH", "REPLY", "SETINFO", "SETNAME", "TRACKING"});

// A name in capitals; empty if it is longer than any that is listed.
class Capitals {
 public:
  explicit Capitals(std::string_view name) {
    if (name.size() > text_.size()) return;
    std::ranges::transform(name, text_.begin(), [](char byte) {
      return byte >= 'a' && byte <= 'z' ? static_cast<char>(byte - 'a' + 'A') : byte;
    });
    size_ = name.size();
  }
  std::string_view view() const { return {text_.data(), size_}; }

 private:
  std::array<char, 32> text_;  // not cleared: only size_ of it is read
  std::size_t size_ = 0;
};

struct NameRow {
  std::string_view name;
  CommandKind kind = CommandKind::kOther;
  const WaitRow* wait = nullptr;
  bool may_be_kept = false;
};

// All lists by name.
class NameTable {
 public:
  constexpr NameTable() {
    for (const std::string_view name : kReadsOfKeys) {
      At(name).kind = CommandKind::kIdempotent;
      At(name).may_be_kept = true;
    }
    for (const std::string_view name : kOtherReads) At(name).kind = CommandKind::kIdempotent;
    for (const std::string_view name : kConnection) At(name).kind = CommandKind::kConnection;
    for (const std::string_view name : kSubscribing) At(name).kind = CommandKind::kSubscribing;
    for (const WaitRow& row : kWaiting) At(row.name).wait = &row;
    At(kReadWithLease).may_be_kept = true;
  }
  // Null: it is in no list.
  const NameRow* Find(std::string_view name) const {
    const NameRow& row = rows_[PlaceOf(name)];
    return row.name.empty() ? nullptr : &row;
  }

 private:
  static constexpr std::size_t kPlaces = 512;
  static_assert((kReadsOfKeys.size() + kOtherReads.size() + kConnection.size() +
                 kSubscribing.size() + kWaiting.size()) *
                    2 <
                kPlaces);

  // Of the row, or of the empty one where it would be.
  constexpr std::size_t PlaceOf(std::string_view name) const {
    std::uint32_t hash = 2'166'136'261;  // FNV-1a
    for (const char byte : name) hash = (hash ^ static_cast<unsigned char>(byte)) * 16'777'619;
    std::size_t place = hash % kPlaces;
    while (!rows_[place].name.empty() && rows_[place].name != name) place = (place + 1) % kPlaces;
    return place;
  }
  constexpr NameRow& At(std::string_view name) {
    NameRow& row = rows_[PlaceOf(name)];
    row.name = name;
    return row;
  }

  std::array<NameRow, kPlaces> rows_{};
};
constexpr NameTable kNames;

const NameRow* FindRow(const Command& command) {
  if (command.empty()) return nullptr;
  return kNames.Find(Capitals(command[0]).view());
}

bool ChangesConnection(const Command& client_command) {
  return client_command.size() > 1 &&
         std::ranges::binary_search(kClientWords, Capitals(client_command[1]).view());
}

// The argument that says how long; 0 if there is none.
std::size_t WaitPlace(const WaitRow& row, const Command& command) {
  if (row.at == WaitAt::kFirst) return command.size() > 1 ? 1 : 0;
  if (row.at == WaitAt::kLast) return command.size() - 1;
  for (std::size_t i = 1; i + 1 < command.size(); ++i) {
    if (EqualsIgnoreCase(command[i], row.word)) return i + 1;
  }
  return 0;
}

}  // namespace

CommandClass ClassOf(const Command& command) {
  const NameRow* row = FindRow(command);
  if (row == nullptr) {
    const bool is_client = !command.empty() && EqualsIgnoreCase(command[0], "CLIENT");
    const bool changes = is_client && ChangesConnection(command);
    return {.kind = changes ? CommandKind::kConnection : CommandKind::kOther};
  }
  return {.kind = row->kind, .waits = row->wait != nullptr && WaitPlace(*row->wait, command) != 0};
}

std::optional<cache::Duration> OwnWait(const Command& command) {
  const NameRow* named = FindRow(command);
  if (named == nullptr || named->wait == nullptr) return std::nullopt;
  const WaitRow* row = named->wait;
  const std::size_t place = WaitPlace(*row, command);
  if (place == 0) return std::nullopt;
  const auto number = ParseDouble(command[place]);
  constexpr double kYear = 365.0 * 24 * 3600;
  if (!number || *number < 0 || *number * static_cast<double>(row->unit.count()) > kYear * 1e9)
    return std::nullopt;
  return cache::Duration(
      static_cast<std::int64_t>(*number * static_cast<double>(row->unit.count())));
}

ConnectionEffect EffectOnConnection(const Command& command) {
  if (ClassOf(command).kind != CommandKind::kConnection) return ConnectionEffect::kNone;
  const Capitals name(command[0]);
  if (name.view() == "WATCH" || name.view() == "MULTI") return ConnectionEffect::kWatches;
  if (name.view() == "EXEC" || name.view() == "DISCARD" || name.view() == "UNWATCH")
    return ConnectionEffect::kEndsWatch;
  return ConnectionEffect::kLasting;
}

cache::Result<void> CheckFitsConnection(const Command& command) {
  using cache::Errc;
  if (command.empty()) return cache::Fail(Errc::kInvalid, "a command has no words");
  if (ClassOf(command).kind != CommandKind::kSubscribing) return {};
  return cache::Fail(Errc::kInvalid, std::string(command[0]) + " is what Client::Subscribe is for");
}

cache::Result<void> CheckFitsClient(const Command& command, CommandKind kind) {
  if (command.empty() || kind == CommandKind::kSubscribing) return CheckFitsConnection(command);
  if (kind != CommandKind::kConnection) return {};
  return cache::Fail(cache::Errc::kInvalid, std::string(command[0]) +
                                                " changes its connection, which others share: "
                                                "Client::Reserve gives one of one's own");
}

cache::Result<void> CheckMayBeKept(const Command& command, Scripts scripts) {
  if (command.empty()) return CheckFitsConnection(command);
  const Capitals name(command[0]);
  if (scripts == Scripts::kTaken && std::ranges::binary_search(kScripts, name.view())) return {};
  const NameRow* row = kNames.Find(name.view());
  if (row != nullptr && row->may_be_kept && !ClassOf(command).waits) return {};
  return cache::Fail(cache::Errc::kInvalid,
                     std::string(command[0]) +
                         " gives no reply that may be kept until its keys change: Client::Call "
                         "takes it");
}

}  // namespace cairn::client
