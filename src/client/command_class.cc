// SPDX-License-Identifier: BSD-3-Clause
// The lists, sorted, searched by halves after the name was put into capitals on the stack.
#include "client/command_class.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <span>

#include "base/text.h"

namespace cairn::client {
namespace {

using cache::Command;

// Reads only. A write whose second time changes nothing (SET, PEXPIREAT) is not among them: between
// its two times another's write may have come, which the second would undo.
constexpr std::array kIdempotent = std::to_array<std::string_view>({"BITCOUNT",
                                                                    "BITFIELD_RO",
                                                                    "BITPOS",
                                                                    "CACHE.PEEK",
                                                                    "COMMAND",
                                                                    "DBSIZE",
                                                                    "DUMP",
                                                                    "ECHO",
                                                                    "EVALSHA_RO",
                                                                    "EVAL_RO",
                                                                    "EXISTS",
                                                                    "EXPIRETIME",
                                                                    "FCALL_RO",
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
                                                                    "HPTTL",
                                                                    "HRANDFIELD",
                                                                    "HSCAN",
                                                                    "HSTRLEN",
                                                                    "HTTL",
                                                                    "HVALS",
                                                                    "INFO",
                                                                    "KEYS",
                                                                    "LASTSAVE",
                                                                    "LCS",
                                                                    "LINDEX",
                                                                    "LLEN",
                                                                    "LPOS",
                                                                    "LRANGE",
                                                                    "MEMORY",
                                                                    "MGET",
                                                                    "OBJECT",
                                                                    "PEXPIRETIME",
                                                                    "PFCOUNT",
                                                                    "PING",
                                                                    "PTTL",
                                                                    "PUBSUB",
                                                                    "RANDOMKEY",
                                                                    "ROLE",
                                                                    "SCAN",
                                                                    "SCARD",
                                                                    "SDIFF",
                                                                    "SINTER",
                                                                    "SINTERCARD",
                                                                    "SISMEMBER",
                                                                    "SMEMBERS",
                                                                    "SMISMEMBER",
                                                                    "SORT_RO",
                                                                    "SRANDMEMBER",
                                                                    "SSCAN",
                                                                    "STRLEN",
                                                                    "SUBSTR",
                                                                    "SUNION",
                                                                    "TIME",
                                                                    "TOUCH",
                                                                    "TTL",
                                                                    "TYPE",
                                                                    "XINFO",
                                                                    "XLEN",
                                                                    "XPENDING",
                                                                    "XRANGE",
                                                                    "XREVRANGE",
                                                                    "ZCARD",
                                                                    "ZCOUNT",
                                                                    "ZDIFF",
                                                                    "ZINTER",
                                                                    "ZINTERCARD",
                                                                    "ZLEXCOUNT",
                                                                    "ZMSCORE",
                                                                    "ZRANDMEMBER",
                                                                    "ZRANGE",
                                                                    "ZRANGEBYLEX",
                                                                    "ZRANGEBYSCORE",
                                                                    "ZRANK",
                                                                    "ZREVRANGE",
                                                                    "ZREVRANGEBYLEX",
                                                                    "ZREVRANGEBYSCORE",
                                                                    "ZREVRANK",
                                                                    "ZSCAN",
                                                                    "ZSCORE",
                                                                    "ZUNION"});
static_assert(std::ranges::is_sorted(kIdempotent));

// Reads whose replies may be kept. Not among them: what depends on the time (TTL, OBJECT,
// XPENDING), on chance (SRANDMEMBER), on keys that it does not name (SCAN, SORT ... GET), or on the
// server alone.
constexpr std::array kMayBeKept = std::to_array<std::string_view>({"BITCOUNT",
                                                                   "BITFIELD_RO",
                                                                   "BITPOS",
                                                                   "CACHE.GET",
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
static_assert(std::ranges::is_sorted(kMayBeKept));

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
  std::array<char, 32> text_{};
  std::size_t size_ = 0;
};

bool Has(std::span<const std::string_view> names, std::string_view name) {
  return std::ranges::binary_search(names, name);
}

}  // namespace

CommandKind KindOf(const Command& command) {
  if (command.empty()) return CommandKind::kOther;
  const Capitals name(command[0]);
  if (Has(kIdempotent, name.view())) return CommandKind::kIdempotent;
  if (Has(kConnection, name.view())) return CommandKind::kConnection;
  if (Has(kSubscribing, name.view())) return CommandKind::kSubscribing;
  if (name.view() == "CLIENT" && command.size() > 1 &&
      Has(kClientWords, Capitals(command[1]).view()))
    return CommandKind::kConnection;
  return CommandKind::kOther;
}

namespace {

const WaitRow* FindWaitRow(const Command& command) {
  if (command.empty()) return nullptr;
  const Capitals name(command[0]);
  const auto row = std::ranges::find(kWaiting, name.view(), &WaitRow::name);
  return row == kWaiting.end() ? nullptr : &*row;
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

bool Waits(const Command& command) {
  const WaitRow* row = FindWaitRow(command);
  return row != nullptr && WaitPlace(*row, command) != 0;
}

std::optional<cache::Duration> OwnWait(const Command& command) {
  const WaitRow* row = FindWaitRow(command);
  if (row == nullptr) return std::nullopt;
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
  if (KindOf(command) != CommandKind::kConnection) return ConnectionEffect::kNone;
  const Capitals name(command[0]);
  if (name.view() == "WATCH" || name.view() == "MULTI") return ConnectionEffect::kWatches;
  if (name.view() == "EXEC" || name.view() == "DISCARD" || name.view() == "UNWATCH")
    return ConnectionEffect::kEndsWatch;
  return ConnectionEffect::kLasting;
}

cache::Result<void> CheckFitsConnection(const Command& command) {
  using cache::Errc;
  if (command.empty()) return cache::Fail(Errc::kInvalid, "a command has no words");
  if (KindOf(command) != CommandKind::kSubscribing) return {};
  return cache::Fail(Errc::kInvalid, std::string(command[0]) + " is what Client::Subscribe is for");
}

cache::Result<void> CheckFitsClient(const Command& command) {
  if (command.empty() || KindOf(command) == CommandKind::kSubscribing)
    return CheckFitsConnection(command);
  if (KindOf(command) != CommandKind::kConnection) return {};
  return cache::Fail(cache::Errc::kInvalid, std::string(command[0]) +
                                                " changes its connection, which others share: "
                                                "Client::Reserve gives one of one's own");
}

cache::Result<void> CheckMayBeKept(const Command& command, Scripts scripts) {
  if (command.empty()) return CheckFitsConnection(command);
  const Capitals name(command[0]);
  if (scripts == Scripts::kTaken && Has(kScripts, name.view())) return {};
  if (Has(kMayBeKept, name.view()) && !Waits(command)) return {};
  return cache::Fail(cache::Errc::kInvalid,
                     std::string(command[0]) +
                         " gives no reply that may be kept until its keys change: Client::Call "
                         "takes it");
}

}  // namespace cairn::client
