// SPDX-License-Identifier: BSD-3-Clause
// What the caching commands (CACHE.*, TAG.*) read from their arguments, and how they name their
// effects. Times are milliseconds; every number has a range, and one out of it is an error.
#ifndef CAIRN_COMMANDS_CACHE_ARGS_H_
#define CAIRN_COMMANDS_CACHE_ARGS_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "command/call.h"
#include "keyspace/txn.h"

namespace cairn::commands {

inline constexpr std::int64_t kCacheTtlMsMax = std::int64_t{100} * 366 * 24 * 3600 * 1000;
inline constexpr std::int64_t kLeaseMsMax = 600'000;
// A lease's memory is in no client's account, so that of a long key is not to be had.
inline constexpr std::size_t kLeasedKeyBytesMax = 1024;
inline constexpr std::int64_t kLoadCostMsMax = 3'600'000;
inline constexpr std::int64_t kNegativeTtlMsDefault = 60'000;
inline constexpr std::int64_t kTombstoneMsDefault = keyspace::Txn::kTombstoneMs;
inline constexpr std::int64_t kTombstoneMsMax = 24 * 3'600'000;
// Of a log of writes that go behind.
inline constexpr std::int64_t kLogEntriesDefault = 1 << 16;
inline constexpr std::int64_t kLogEntriesMax = 1 << 24;
inline constexpr std::int64_t kCoalesceMsDefault = 1000;
inline constexpr std::int64_t kCoalesceMsMax = 600'000;
inline constexpr std::size_t kLogNameBytesMax = 1024;  // each pin has it

// Of a stamp, or the number of a bump or a clear, that comes from a file or a log. The count of
// bumps goes on behind it, and what is logged then has to be an integer still.
inline constexpr std::int64_t kStampMax = std::int64_t{1} << 62;

inline constexpr std::string_view kTooManyTags = "ERR a value has at most 64 tags";
inline constexpr std::string_view kTagTooLong = "ERR a tag has at most 1024 bytes";
inline constexpr std::string_view kLogNameTooLong = "ERR a log's name has at most 1024 bytes";

// Those of notes in an effect.
inline constexpr std::string_view kNoteOptions =
    "VER COST TAGS CREATED STALEAT PXAT STAMP PIN STRETCH";

// Options that were not given.
inline constexpr std::int64_t kNotGiven = -1;
static_assert(kNotGiven == keyspace::Pin::kNeverCoalesced);

struct CacheOptions {
  // of a reader
  std::int64_t lease_ms = kNotGiven;
  std::int64_t wait_ms = kNotGiven;
  std::int64_t min_version = kNotGiven;
  bool takes_stale = false;
  bool wants_tags = false;
  // of a fill
  std::int64_t token = kNotGiven;
  std::int64_t version = kNotGiven;
  std::int64_t ttl_ms = kNotGiven;
  std::int64_t stale_ms = kNotGiven;
  std::int64_t jitter_percent = kNotGiven;
  std::int64_t cost_ms = kNotGiven;
  std::vector<std::string_view> tags;
  // of a delete
  std::int64_t tombstone_ms = kNotGiven;
  // of a failure
  std::int64_t retry_ms = kNotGiven;
  // of an effect in the log: moments rather than durations
  std::int64_t created_at = kNotGiven;
  std::int64_t stale_at = kNotGiven;
  std::int64_t expires_at = kNotGiven;
  std::int64_t stamp = kNotGiven;
  std::optional<keyspace::Pin> pin;
  std::int64_t stretch_ms = kNotGiven;  // of a log's
  bool appends = false;                 // to the pin's log
  std::optional<value::StreamId> replaces;
  // of a write that goes behind
  std::optional<std::string_view> behind;
  std::int64_t log_entries_max = kNotGiven;
  std::int64_t coalesce_ms = kNotGiven;

  bool goes_behind() const { return behind.has_value() || appends; }
  bool is_effect() const { return stamp != kNotGiven; }
};

// What the words say, of the options named in `allowed` ("TTL STALE TAGS").
Result<CacheOptions> ReadCacheOptions(std::span<const std::string_view> words,
                                      std::string_view allowed);
// The same of the arguments from `first` on. Nothing, with the error replied, if they are wrong.
std::optional<CacheOptions> ParseCacheOptions(command::Call& call, std::size_t first,
                                              std::string_view allowed);

// Notes as an effect tells of them. REQUIRES: options.is_effect().
std::unique_ptr<keyspace::CacheNotes> NotesOf(const CacheOptions& options, keyspace::Tags& tags);

// Row::find_scopes of a call whose options begin at `first`: who names a tag needs the right to
// read it. See docs/caching-commands/tags.md.
void FindTags(std::span<const std::string_view> args, std::size_t first,
              std::vector<command::ScopeAt>& scopes);
inline constexpr std::uint16_t kTagNamed = command::kKeyAccess;

// An effect, put together: a name, then words and numbers.
class EffectWords {
 public:
  EffectWords(std::string_view name, std::string_view key) : words_{std::string(name)} { Add(key); }
  EffectWords& Add(std::string_view word) {
    words_.emplace_back(word);
    return *this;
  }
  EffectWords& Add(std::string_view word, std::int64_t number);
  // Notes as options. Those that say nothing are left out. The expiry of what is pinned is kNever.
  EffectWords& Add(const keyspace::CacheNotes& notes, UnixMs expires_at);
  void Log(keyspace::Txn& txn) const;
  std::vector<std::string_view> views() const { return {words_.begin(), words_.end()}; }

 private:
  std::vector<std::string> words_;
};

}  // namespace cairn::commands

#endif  // CAIRN_COMMANDS_CACHE_ARGS_H_
