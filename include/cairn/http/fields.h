// SPDX-License-Identifier: BSD-3-Clause
// What stands in headers: entity-tags, dates, Cache-Control, lists; as RFC 9110 and RFC 9111 have
// them.
//
//   EntityTag::Parse("W/\"7\"");                      // weak, opaque "7"
//   CacheControl::Parse("max-age=60, public").max_age;  // 60s
//   FormatDate(store.clock().UnixNow());              // "Sun, 06 Nov 1994 08:49:37 GMT"
//
// Input is whatever a client sends: parsers take what the grammar says, and of anything else, or of
// more than the named limits, they say that it cannot be read. Who asks then does what is safe (no
// 304, nothing stored).
//
// Errors: std::nullopt of what cannot be read. Thread safety: functions of their arguments.
// Lifetimes: SplitList gives views of its field; all else owns its text. Cost: linear.
#ifndef CAIRN_HTTP_FIELDS_H_
#define CAIRN_HTTP_FIELDS_H_

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cairn/clock.h"

namespace cairn::cache::http {

// Of one header; a longer one is not read.
inline constexpr std::size_t kFieldBytesMax = 8192;
// Elements of one list; a longer one is not read.
inline constexpr std::size_t kListItemsMax = 64;

// The elements of a comma-separated list without the blanks around them; commas in quoted strings
// do not divide, and empty elements are skipped (RFC 9110, 5.6.1). Nothing: too long, too many, or
// a quote is open. They point into `field`.
std::optional<std::vector<std::string_view>> SplitList(std::string_view field);
// RFC 9110, 5.6.2: what a name may be made of; not empty.
bool IsToken(std::string_view text);

struct EntityTag {
  std::string opaque = {};  // without its quotes
  bool is_weak = false;

  static std::optional<EntityTag> Parse(std::string_view text);
  // Strong, of these bytes and of what else makes the representation another one (its type, its
  // encoding): 128 bits of SHA-256.
  static EntityTag Of(std::string_view kind, std::string_view body);
  std::string text() const;
  // RFC 9110, 8.8.3.2.
  bool MatchesStrongly(const EntityTag& other) const {
    return !is_weak && !other.is_weak && opaque == other.opaque;
  }
  bool MatchesWeakly(const EntityTag& other) const { return opaque == other.opaque; }
  bool operator==(const EntityTag&) const = default;
};

// If-Match and If-None-Match: "*", or a list.
struct EntityTagList {
  bool is_any = false;
  std::vector<EntityTag> tags = {};

  static std::optional<EntityTagList> Parse(std::string_view field);
};

// All three forms of RFC 9110, 5.6.7. `now` decides on the century of the two-digit year.
std::optional<UnixTime> ParseDate(std::string_view text, UnixTime now);
std::string FormatDate(UnixTime moment);

// Of a request or of a response: directives that a shared cache obeys. Those it does not know are
// skipped; "private" and "no-cache" of some fields only count for all. One that stands there twice
// counts by its stricter value, and a number that is none is 0.
struct CacheControl {
  using Seconds = std::chrono::seconds;
  // Longer times are as long as that (RFC 9111, 1.2.2).
  static constexpr Seconds kSecondsMax{2'147'483'648};

  bool no_store = false;  // also of what cannot be read
  bool no_cache = false;
  bool is_private = false;
  bool is_public = false;
  bool must_revalidate = false;  // also proxy-revalidate
  bool only_if_cached = false;
  std::optional<Seconds> max_age = {};
  std::optional<Seconds> s_maxage = {};
  std::optional<Seconds> min_fresh = {};
  std::optional<Seconds> stale_while_revalidate = {};  // RFC 5861

  static CacheControl Parse(std::string_view field);
};

}  // namespace cairn::cache::http

#endif  // CAIRN_HTTP_FIELDS_H_
