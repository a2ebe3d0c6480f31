// SPDX-License-Identifier: BSD-3-Clause
// One table says which options there are and what their numbers may be.
#include "commands/cache_args.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/text.h"
#include "command/errors.h"

namespace cairn::commands {
namespace {

struct Number {
  std::string_view name;
  std::int64_t CacheOptions::* place;
  std::int64_t min;
  std::int64_t max;
};

constexpr Number kNumbers[] = {
    {"LEASE", &CacheOptions::lease_ms, 1, kLeaseMsMax},
    {"WAIT", &CacheOptions::wait_ms, 0, kLeaseMsMax},
    {"MINVER", &CacheOptions::min_version, 1, INT64_MAX},
    {"TOKEN", &CacheOptions::token, 1, INT64_MAX},
    {"VER", &CacheOptions::version, 1, INT64_MAX},
    {"TTL", &CacheOptions::ttl_ms, 1, kCacheTtlMsMax},
    {"STALE", &CacheOptions::stale_ms, 0, kCacheTtlMsMax},
    {"JITTER", &CacheOptions::jitter_percent, 0, 100},
    {"COST", &CacheOptions::cost_ms, 0, kLoadCostMsMax},
    {"TOMBSTONE", &CacheOptions::tombstone_ms, 1, kTombstoneMsMax},
    {"RETRY", &CacheOptions::retry_ms, 1, kLeaseMsMax},
    {"CREATED", &CacheOptions::created_at, 0, kNever - 1},
    {"STALEAT", &CacheOptions::stale_at, 0, kNever - 1},
    {"PXAT", &CacheOptions::expires_at, 1, kNever - 1},
    {"STAMP", &CacheOptions::stamp, 0, kStampMax},
    {"STRETCH", &CacheOptions::stretch_ms, 0, kCoalesceMsMax},
    {"MAXLEN", &CacheOptions::log_entries_max, 1, kLogEntriesMax},
    {"COALESCE", &CacheOptions::coalesce_ms, 0, kCoalesceMsMax},
};

bool IsAmong(std::string_view words, std::string_view wanted) {
  while (!words.empty()) {
    const std::size_t end = std::min(words.find(' '), words.size());
    if (EqualsIgnoreCase(words.substr(0, end), wanted)) return true;
    words.remove_prefix(std::min(end + 1, words.size()));
  }
  return false;
}

class Parser {
 public:
  Parser(std::span<const std::string_view> words, std::string_view allowed)
      : words_(words), allowed_(allowed) {}

  Result<CacheOptions> Parse() {
    for (at_ = 0; at_ < words_.size() && error_.empty(); ++at_) ParseOne(words_[at_]);
    if (!error_.empty()) return Fail(StatusCode::kInvalid, error_);
    return std::move(options_);
  }

 private:
  void ParseOne(std::string_view name) {
    // STALE alone is a reader's consent; with a number it is a fill's.
    if (EqualsIgnoreCase(name, "STALE") && IsAmong(allowed_, "LEASE")) {
      options_.takes_stale = true;
      return;
    }
    if (EqualsIgnoreCase(name, "WITHTAGS") && IsAmong(allowed_, "WITHTAGS")) {
      options_.wants_tags = true;
      return;
    }
    if (EqualsIgnoreCase(name, "TAGS") && IsAmong(allowed_, "TAGS")) return ParseTags();
    if (EqualsIgnoreCase(name, "BEHIND") && IsAmong(allowed_, "BEHIND")) return ParseBehind();
    if (EqualsIgnoreCase(name, "PIN") && IsAmong(allowed_, "PIN")) return ParsePin();
    if (EqualsIgnoreCase(name, "REPLACES") && IsAmong(allowed_, "REPLACES")) return ParseReplaces();
    if (EqualsIgnoreCase(name, "APPEND") && IsAmong(allowed_, "APPEND")) {
      options_.appends = true;
      return;
    }
    for (const Number& number : kNumbers) {
      if (EqualsIgnoreCase(name, number.name) && IsAmong(allowed_, number.name))
        return ParseNumber(number);
    }
    error_ = command::errors::kSyntax;
  }

  void ParseNumber(const Number& number) {
    std::int64_t& place = options_.*number.place;
    if (++at_ == words_.size() || place != kNotGiven) {
      error_ = command::errors::kSyntax;
      return;
    }
    const std::optional<std::int64_t> value = ParseInt64(words_[at_]);
    if (value && *value >= number.min && *value <= number.max) {
      place = *value;
      return;
    }
    error_ = "ERR " + std::string(number.name) + " must be an integer from " +
             Int64ToString(number.min) + " to " + Int64ToString(number.max);
  }

  void ParseTags() {
    const std::optional<std::int64_t> count =
        ++at_ < words_.size() ? ParseInt64(words_[at_]) : std::nullopt;
    const auto left = static_cast<std::int64_t>(words_.size()) - static_cast<std::int64_t>(at_) - 1;
    if (!count || *count < 1 || *count > left || !options_.tags.empty()) {
      error_ = command::errors::kSyntax;
      return;
    }
    if (std::cmp_greater(*count, keyspace::CacheNotes::kTagsMax)) {
      error_ = kTooManyTags;
      return;
    }
    for (std::int64_t n = 0; n < *count; ++n) {
      options_.tags.push_back(words_[++at_]);
      if (options_.tags.back().size() > keyspace::Tags::kNameBytesMax) error_ = kTagTooLong;
    }
  }

  // The word after this one, or null with the error set.
  const std::string_view* NextWord(bool is_given_already) {
    if (++at_ < words_.size() && !is_given_already) return &words_[at_];
    error_ = command::errors::kSyntax;
    return nullptr;
  }

  void ParseBehind() {
    const std::string_view* log = NextWord(options_.behind.has_value());
    if (log == nullptr) return;
    if (log->size() > kLogNameBytesMax) error_ = kLogNameTooLong;
    options_.behind = *log;
  }

  void ParsePin() {
    const std::string_view* log = NextWord(options_.pin.has_value());
    const std::string_view* id = log == nullptr ? nullptr : NextWord(false);
    const std::string_view* until = id == nullptr ? nullptr : NextWord(false);
    if (until == nullptr) return;
    const auto parsed = value::ParseStreamId(*id, 0, value::StreamIdForm::kStrict);
    const std::optional<std::int64_t> at = ParseInt64(*until);
    if (!parsed || !at || *at < 0 || *at > kNever || log->size() > kLogNameBytesMax) {
      error_ = command::errors::kSyntax;
      return;
    }
    options_.pin = {.log = std::string(*log), .id = *parsed, .expires_at = *at == 0 ? kNever : *at};
  }

  void ParseReplaces() {
    const std::string_view* text = NextWord(options_.replaces.has_value());
    if (text == nullptr) return;
    options_.replaces = value::ParseStreamId(*text, 0, value::StreamIdForm::kStrict);
    if (!options_.replaces) error_ = command::errors::kSyntax;
  }

  const std::span<const std::string_view> words_;
  const std::string_view allowed_;
  CacheOptions options_;
  std::size_t at_ = 0;
  std::string error_;
};

}  // namespace

Result<CacheOptions> ReadCacheOptions(std::span<const std::string_view> words,
                                      std::string_view allowed) {
  return Parser(words, allowed).Parse();
}

std::optional<CacheOptions> ParseCacheOptions(command::Call& call, std::size_t first,
                                              std::string_view allowed) {
  Result<CacheOptions> options = ReadCacheOptions(call.args().subspan(first), allowed);
  if (options) return std::move(*options);
  call.Error(options.error().message());
  return std::nullopt;
}

std::unique_ptr<keyspace::CacheNotes> NotesOf(const CacheOptions& options, keyspace::Tags& tags) {
  const auto given = [](std::int64_t option, std::int64_t otherwise) {
    return option == kNotGiven ? otherwise : option;
  };
  auto notes = std::make_unique<keyspace::CacheNotes>();
  notes->created_at = given(options.created_at, 0);
  notes->stale_at = given(options.stale_at, kNever);
  notes->version = static_cast<std::uint64_t>(given(options.version, 0));
  notes->cost_ms = static_cast<std::uint32_t>(given(options.cost_ms, 0));
  notes->stamp = static_cast<std::uint64_t>(options.stamp);
  std::vector<keyspace::Tags::Ref> refs;
  for (const std::string_view name : options.tags) refs.push_back(tags.Get(name));
  notes->set_tags(std::move(refs));
  if (options.pin) {
    notes->set_pin(std::make_unique<keyspace::Pin>(*options.pin));
    notes->pin()->stretch_ms = options.stretch_ms;
  }
  return notes;
}

EffectWords& EffectWords::Add(std::string_view word, std::int64_t number) {
  return Add(word).Add(Int64ToString(number));
}

EffectWords& EffectWords::Add(const keyspace::CacheNotes& notes, UnixMs expires_at) {
  Add("CREATED", notes.created_at);
  // The numbers of bumps are not told: what they have made stale is stale.
  const UnixMs stale_at = notes.IsBumped(keyspace::Bump::kSoft) ? 0 : notes.stale_at;
  if (stale_at != kNever) Add("STALEAT", stale_at);
  if (expires_at != kNever) Add("PXAT", expires_at);
  if (notes.version != 0) Add("VER", static_cast<std::int64_t>(notes.version));
  if (notes.cost_ms != 0) Add("COST", notes.cost_ms);
  Add("STAMP", static_cast<std::int64_t>(notes.stamp));
  if (const keyspace::Pin* pin = notes.pin(); pin != nullptr) {
    Add("PIN").Add(pin->log).Add(value::StreamIdToString(pin->id));
    Add(Int64ToString(pin->expires_at == kNever ? 0 : pin->expires_at));
    if (pin->stretch_ms != keyspace::Pin::kNeverCoalesced) Add("STRETCH", pin->stretch_ms);
  }
  if (notes.tags().empty()) return *this;
  Add("TAGS", static_cast<std::int64_t>(notes.tags().size()));
  for (const keyspace::Tags::Ref& tag : notes.tags()) Add(tag->name());
  return *this;
}

void FindTags(std::span<const std::string_view> args, std::size_t first,
              std::vector<command::ScopeAt>& scopes) {
  for (std::size_t at = first; at + 1 < args.size(); ++at) {
    if (!EqualsIgnoreCase(args[at], "TAGS")) continue;
    const std::size_t begin = at + 2;
    const std::optional<std::int64_t> count = ParseInt64(args[at + 1]);
    if (!count || *count < 1 || std::cmp_greater(*count, args.size() - begin)) return;
    for (std::size_t n = 0; std::cmp_less(n, *count); ++n)
      scopes.push_back({.index = static_cast<std::uint32_t>(begin + n), .flags = kTagNamed});
    at = begin + static_cast<std::size_t>(*count) - 1;
  }
}

void EffectWords::Log(keyspace::Txn& txn) const {
  const std::vector<std::string_view> words(words_.begin(), words_.end());
  txn.Log(words);
}

}  // namespace cairn::commands
