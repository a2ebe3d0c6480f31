// SPDX-License-Identifier: BSD-3-Clause
// In the order of RFC 9110, 13.2.2.
#include "cairn/http/conditional.h"

#include <algorithm>

namespace cairn::cache::http {
namespace {

bool IsGetOrHead(const Request& request) {
  return request.method == "GET" || request.method == "HEAD";
}

// If-Match compares strongly.
bool IsMatchFailed(std::string_view field, const Validators& current) {
  const auto asked = EntityTagList::Parse(field);
  if (!asked) return true;
  if (asked->is_any) return false;
  if (!current.etag) return true;
  return std::ranges::none_of(
      asked->tags, [&](const EntityTag& tag) { return tag.MatchesStrongly(*current.etag); });
}

// If-None-Match compares weakly.
bool IsNoneMatchFailed(std::string_view field, const Validators& current) {
  const auto asked = EntityTagList::Parse(field);
  if (!asked) return false;
  if (asked->is_any) return true;
  if (!current.etag) return false;
  return std::ranges::any_of(
      asked->tags, [&](const EntityTag& tag) { return tag.MatchesWeakly(*current.etag); });
}

// Whether the representation was modified after the date that a header names; nothing if it cannot
// be said.
std::optional<bool> IsModifiedSince(const Request& request, std::string_view name,
                                    const Validators& current, UnixTime now) {
  const auto field = request.headers.Find(name);
  if (!field || !current.last_modified) return std::nullopt;
  const auto date = ParseDate(*field, now);
  if (!date) return std::nullopt;
  return std::chrono::floor<std::chrono::seconds>(*current.last_modified) > *date;
}

}  // namespace

Validators Validators::Of(const Headers& headers, UnixTime now) {
  Validators validators;
  if (const auto etag = headers.Find("ETag")) validators.etag = EntityTag::Parse(*etag);
  if (const auto date = headers.Find("Last-Modified"))
    validators.last_modified = ParseDate(*date, now);
  if (const auto date = headers.Find("Date")) validators.date = ParseDate(*date, now);
  return validators;
}

Precondition Evaluate(const Request& request, const Validators& current, UnixTime now) {
  if (const auto field = request.headers.List("If-Match")) {
    if (IsMatchFailed(*field, current)) return Precondition::kFailed;
  } else if (IsModifiedSince(request, "If-Unmodified-Since", current, now).value_or(false)) {
    return Precondition::kFailed;
  }
  if (const auto field = request.headers.List("If-None-Match")) {
    if (!IsNoneMatchFailed(*field, current)) return Precondition::kProceed;
    return IsGetOrHead(request) ? Precondition::kNotModified : Precondition::kFailed;
  }
  const bool is_modified =
      IsModifiedSince(request, "If-Modified-Since", current, now).value_or(true);
  if (IsGetOrHead(request) && !is_modified) return Precondition::kNotModified;
  return Precondition::kProceed;
}

Response NotModified(const Response& response) {
  constexpr std::string_view kKept[] = {"Age",  "Cache-Control", "Cache-Status", "Content-Location",
                                        "Date", "ETag",          "Expires",      "Last-Modified",
                                        "Vary"};
  Response answer{.status = 304, .headers = {}, .body = {}};
  for (const Header& header : response.headers) {
    const bool is_kept = std::ranges::any_of(
        kKept, [&](std::string_view name) { return EqualsIgnoringCase(name, header.name); });
    if (is_kept) answer.headers.Add(header.name, header.value);
  }
  return answer;
}

bool MayServeRange(const Request& request, const Validators& current, UnixTime now) {
  const auto field = request.headers.Find("If-Range");
  if (!field) return true;
  if (const auto tag = EntityTag::Parse(*field))
    return current.etag && tag->MatchesStrongly(*current.etag);
  const auto date = ParseDate(*field, now);
  if (!date || !current.last_modified || !current.date) return false;
  // Strong only if the second had ended when the answer was made (RFC 9110, 8.8.2.2).
  const auto modified = std::chrono::floor<std::chrono::seconds>(*current.last_modified);
  return modified == *date && modified + std::chrono::seconds(1) <= *current.date;
}

}  // namespace cairn::cache::http
