// SPDX-License-Identifier: BSD-3-Clause
// The lists, sorted, searched by halves after the name was put into capitals on the stack.
#include "client/command_class.h"

#include <algorithm>
#include <array>
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

constexpr std::array kConnection = std::to_array<std::string_view>(
    {"ASKING", "AUTH", "DISCARD", "EXEC", "HELLO", "MONITOR", "MULTI", "PSYNC", "QUIT", "READONLY",
     "READWRITE", "REPLCONF", "RESET", "SELECT", "SYNC", "UNWATCH", "WATCH"});
static_assert(std::ranges::is_sorted(kConnection));

constexpr std::array kSubscribing = std::to_array<std::string_view>(
    {"PSUBSCRIBE", "PUNSUBSCRIBE", "SSUBSCRIBE", "SUBSCRIBE", "SUNSUBSCRIBE", "UNSUBSCRIBE"});
static_assert(std::ranges::is_sorted(kSubscribing));

constexpr std::array kWaiting =
    std::to_array<std::string_view>({"BLMOVE", "BLMPOP", "BLPOP", "BRPOP", "BRPOPLPUSH", "BZMPOP",
                                     "BZPOPMAX", "BZPOPMIN", "WAIT", "WAITAOF"});
static_assert(std::ranges::is_sorted(kWaiting));

// Those that wait if one of their arguments says so.
struct WaitsWith {
  std::string_view name;
  std::string_view word;
};
constexpr std::array kWaitsWith = std::to_array<WaitsWith>(
    {{"CACHE.GET", "WAIT"}, {"LOCK.ACQUIRE", "WAIT"}, {"XREAD", "BLOCK"}, {"XREADGROUP", "BLOCK"}});

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

bool Waits(const Command& command) {
  if (command.empty()) return false;
  const Capitals name(command[0]);
  if (Has(kWaiting, name.view())) return true;
  const auto row = std::ranges::find(kWaitsWith, name.view(), &WaitsWith::name);
  if (row == kWaitsWith.end()) return false;
  for (std::size_t i = 1; i < command.size(); ++i) {
    if (EqualsIgnoreCase(command[i], row->word)) return true;
  }
  return false;
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

}  // namespace cairn::client
