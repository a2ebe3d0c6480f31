// SPDX-License-Identifier: BSD-3-Clause
// The response cache: a typed cache of answers, and of marks that a target's answers are not kept.
//
// An answer that may not be kept never gets out of the load that made it: the load gives the mark
// in its place, which is stored, and which whoever waited for it is served. So nobody can be handed
// another's cookie, whether or not the store is there. The answer itself goes to its caller by
// Run::own.
#include "cairn/http/response_cache.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <span>
#include <utility>

#include "cairn/cache.h"
#include "cairn/http/conditional.h"
#include "cairn/http/fields.h"
#include "http/negotiation.h"
#include "http/scan.h"

namespace cairn::cache::http {
namespace {

using Seconds = CacheControl::Seconds;
// Prefix, host and target, variant.
using ResponseKey = Key<"http:*:{*}:*", std::string, std::string, std::string>;

struct Kept {
  bool is_pass = false;  // a mark, and no answer
  bool must_revalidate = false;
  std::int64_t ttl_ms = 0;                         // that was left when it came
  std::optional<std::int64_t> initial_age_s = {};  // that it had then
  std::int32_t status = 0;
  std::vector<std::string> headers = {};  // name, value, name, value
  std::string body = {};
  static constexpr auto Fields() {
    return FieldsOf("cairn.http.response/1", Field("p", &Kept::is_pass),
                    Field("r", &Kept::must_revalidate), Field("t", &Kept::ttl_ms),
                    Field("a", &Kept::initial_age_s), Field("s", &Kept::status),
                    Field("h", &Kept::headers), Field("b", &Kept::body));
  }
};
using Responses = TypedCache<Kept, ResponseKey>;

// RFC 9111, 3.1, what a server computes itself, and what is one client's.
constexpr std::string_view kNotKept[] = {"Connection",
                                         "Content-Length",
                                         "Keep-Alive",
                                         "Proxy-Authenticate",
                                         "Proxy-Authentication-Info",
                                         "Proxy-Connection",
                                         "TE",
                                         "Trailer",
                                         "Transfer-Encoding",
                                         "Upgrade",
                                         "RateLimit",
                                         "RateLimit-Policy",
                                         "Cache-Tag"};

bool IsAmong(std::string_view name, std::span<const std::string_view> names) {
  return std::ranges::any_of(
      names, [&](std::string_view known) { return EqualsIgnoringCase(known, name); });
}

bool IsSafe(std::string_view method) {
  return method == "GET" || method == "HEAD" || method == "OPTIONS" || method == "TRACE";
}

bool IsKeptStatus(int status, bool has_time) {
  constexpr int kAlways[] = {200, 203, 204, 300, 301, 308};
  if (std::ranges::find(kAlways, status) != std::end(kAlways)) return true;
  return has_time && (status == 404 || status == 410);
}

CacheControl ControlOf(const Headers& headers) {
  const auto field = headers.List("Cache-Control");
  return field ? CacheControl::Parse(*field) : CacheControl();
}

// What a browser writes into Host: RFC 3986, 3.2.2, without what no name or address needs. Above
// all no byte by which it could be taken for a part of the target.
bool IsHost(std::string_view host) {
  return host.size() <= kHostBytesMax && std::ranges::all_of(host, [](char byte) {
           return IsDigit(byte) || IsAlpha(byte) ||
                  std::string_view("-._:[]").find(byte) != std::string_view::npos;
         });
}
// RFC 9112, 3.2.1.
bool IsTarget(std::string_view target) {
  return target.starts_with('/') && target.size() <= kTargetBytesMax &&
         target.find('#') == target.npos;
}

bool MayHaveBody(int status) {
  return status >= 200 && status != 204 && status != 205 && status != 304;
}

std::size_t BytesOf(const Headers& headers) {
  std::size_t bytes = 0;
  for (const Header& header : headers) bytes += header.name.size() + header.value.size();
  return bytes;
}

// RFC 9111, 5.1: the first one counts, and one that cannot be read does not.
Seconds SaidAge(const Headers& headers) {
  std::string_view text = headers.Find("Age").value_or("");
  text = TrimBlanks(text.substr(0, text.find(',')));
  const auto control = CacheControl::Parse("max-age=" + std::string(text));
  return control.max_age.value_or(Seconds(0));
}

Kept KeptOf(const Response& response) {
  Kept kept{.status = response.status, .body = response.body};
  for (const Header& header : response.headers) {
    if (IsAmong(header.name, kNotKept)) continue;
    kept.headers.push_back(header.name);
    kept.headers.push_back(header.value);
  }
  return kept;
}

Response ResponseOf(Kept kept) {
  Response response{.status = kept.status, .headers = {}, .body = std::move(kept.body)};
  for (std::size_t i = 0; i + 1 < kept.headers.size(); i += 2)
    response.headers.Add(kept.headers[i], kept.headers[i + 1]);
  return response;
}

// An answer of our own, to who waited in vain.
Response Unavailable(int status) {
  Response response{.status = status, .headers = {}, .body = {}};
  response.headers.Add("Cache-Control", "no-store");
  if (status == 503) response.headers.Add("Retry-After", "1");
  return response;
}

}  // namespace

class ResponseCache::Body {
 public:
  Body(const Store& store, ResponseCacheOptions options)
      : options_(std::move(options)),
        store_(store),
        responses_(store, {.policy = options_.policy, .executor = options_.executor}) {}

  const ResponseCacheOptions& options() const { return options_; }
  const Responses& responses() const { return responses_; }
  const Clock& clock() const { return store_.clock(); }
  UnixTime Now() const { return clock().UnixNow(); }

  // Names of hosts do not differ by their case.
  static std::string Lowered(std::string_view host) {
    std::string lowered;
    std::ranges::transform(host, std::back_inserter(lowered), LowerCase);
    return lowered;
  }
  // One resource has one text: no host has the '/' with which a target begins.
  static std::string Resource(std::string_view host, std::string_view target) {
    return Lowered(host).append(target);
  }
  static bool IsResource(const Request& request) {
    return IsHost(request.host) && IsTarget(request.target);
  }
  // The tag of all variants.
  std::string TagOf(std::string_view host, std::string_view target) const {
    return ResponseKey::Prefix(options_.prefix, Resource(host, target));
  }

  // What a handler is given whose answer is kept, and its key.
  struct Selected {
    Request request;
    ResponseKey key;
  };
  Selected Select(const Request& request) const {
    Request asked{.method = "GET", .target = request.target, .host = Lowered(request.host)};
    asked.headers = {{"Host", asked.host}};
    asked.peer = {};
    std::string variant;
    for (const VaryOn& vary : options_.vary) {
      if (!variant.empty()) variant += ',';
      const auto field = request.headers.List(vary.header);
      const auto value = field ? Preferred(*field, vary.values) : std::nullopt;
      variant += value ? *value : "-";
      if (value) asked.headers.Add(vary.header, *value);
    }
    return {.request = std::move(asked),
            .key = ResponseKey(options_.prefix, Resource(request.host, request.target), variant)};
  }

  // Whether this request is its handler's alone.
  bool IsPassed(const Request& request, const CacheControl& control) const {
    return !IsResource(request) || request.headers.Has("Authorization") || control.no_store ||
           (options_.cookies == CookieRule::kPass && request.headers.Has("Cookie"));
  }

  // How an answer is kept; nothing if it is not.
  struct Keeping {
    Millis ttl{0};
    Millis stale_for{0};
    Seconds initial_age{0};
    bool must_revalidate = false;
    std::vector<std::string> tags = {};
  };
  std::optional<Keeping> KeepingOf(const Response& response) const {
    const CacheControl control = ControlOf(response.headers);
    const std::optional<Seconds> time = TimeOf(response.headers, control);
    if (control.no_store || control.no_cache || control.is_private ||
        response.headers.Has("Set-Cookie") || !IsKeptStatus(response.status, time.has_value()) ||
        response.body.size() > options_.body_bytes_max ||
        response.headers.size() > kKeptHeadersMax ||
        BytesOf(response.headers) > kKeptHeaderBytesMax || !IsVaryKnown(response.headers))
      return std::nullopt;
    const Seconds age = InitialAgeOf(response.headers);
    // s-maxage forbids what is stale, as proxy-revalidate does, unless it is allowed expressly.
    const bool is_strict = control.s_maxage && !control.stale_while_revalidate;
    Keeping keeping{.ttl = (time ? Millis(*time) : options_.default_ttl) - Millis(age),
                    .initial_age = age,
                    .must_revalidate = control.must_revalidate || is_strict};
    if (keeping.ttl <= Millis(0)) return std::nullopt;
    if (control.stale_while_revalidate && !control.must_revalidate)
      keeping.stale_for = *control.stale_while_revalidate;
    if (const auto field = response.headers.List("Cache-Tag")) {
      const auto tags = SplitList(*field);
      if (!tags || tags->size() > kCacheTagsMax) return std::nullopt;
      keeping.tags.assign(tags->begin(), tags->end());
    }
    return keeping;
  }

  // The headers that answers to this target have beside their own.
  void AddVary(Headers& headers) const {
    std::string names = headers.List("Vary").value_or("");
    const auto known = SplitList(names);
    for (const VaryOn& vary : options_.vary) {
      if (known && IsAmong(vary.header, *known)) continue;
      if (!names.empty()) names += ", ";
      names += vary.header;
    }
    if (!names.empty()) headers.Set("Vary", names);
  }
  void AddStatus(Headers& headers, std::string_view status) const {
    if (!options_.name.empty())
      headers.Set("Cache-Status", options_.name + "; " + std::string(status));
  }

  void CountPassed() const { passed_.fetch_add(1, std::memory_order_relaxed); }
  void CountFailed() const { failed_.fetch_add(1, std::memory_order_relaxed); }
  std::uint64_t passed() const { return passed_.load(std::memory_order_relaxed); }
  std::uint64_t failed() const { return failed_.load(std::memory_order_relaxed); }

 private:
  // RFC 9111, 4.2.1: for a shared cache.
  std::optional<Seconds> TimeOf(const Headers& headers, const CacheControl& control) const {
    if (control.s_maxage) return control.s_maxage;
    if (control.max_age) return control.max_age;
    const auto expires = headers.Find("Expires");
    if (!expires) return std::nullopt;
    // What is no date has expired.
    const auto end = ParseDate(*expires, Now());
    if (!end) return Seconds(0);
    const auto date = headers.Find("Date");
    const auto begin = date ? ParseDate(*date, Now()) : std::nullopt;
    return std::chrono::floor<Seconds>(*end - begin.value_or(Now()));
  }
  // RFC 9111, 4.2.3.
  Seconds InitialAgeOf(const Headers& headers) const {
    const auto date = headers.Find("Date");
    const auto begin = date ? ParseDate(*date, Now()) : std::nullopt;
    const auto apparent = begin ? std::chrono::floor<Seconds>(Now() - *begin) : Seconds(0);
    return std::max({Seconds(0), apparent, SaidAge(headers)});
  }
  bool IsVaryKnown(const Headers& headers) const {
    const auto field = headers.List("Vary");
    if (!field) return true;
    const auto names = SplitList(*field);
    return names && std::ranges::all_of(*names, [&](std::string_view name) {
             return std::ranges::any_of(options_.vary, [&](const VaryOn& vary) {
               return EqualsIgnoringCase(vary.header, name);
             });
           });
  }

  const ResponseCacheOptions options_;
  const Store store_;
  const Responses responses_;
  // Relaxed: only figures.
  mutable std::atomic<std::uint64_t> passed_{0};
  mutable std::atomic<std::uint64_t> failed_{0};
};

namespace {

using Body = std::shared_ptr<const ResponseCache::Body>;
using Loaded = Result<std::optional<Kept>>;

// One request on its way.
struct Run {
  Body body;
  Request request;
  CoHandler handler;
  CacheControl control = {};
  // What this request's load has made and nobody else may have. Shared with a load that goes on
  // in the background.
  std::shared_ptr<std::optional<Response>> own = std::make_shared<std::optional<Response>>();
};

// The answer as it is kept: with an ETag, a Date, all of Vary.
void Complete(const ResponseCache::Body& body, Response& response) {
  Headers& headers = response.headers;
  if (!headers.Has("ETag") && response.status == 200) {
    std::string kind(headers.Find("Content-Type").value_or(""));
    kind += '\n';
    kind += headers.Find("Content-Encoding").value_or("");
    headers.Add("ETag", EntityTag::Of(kind, response.body).text());
  }
  if (!headers.Has("Date")) headers.Add("Date", FormatDate(body.Now()));
  body.AddVary(headers);
}

// What the typed cache runs. It may outlive the request.
struct Load {
  Body body;
  Request asked;
  CoHandler handler;
  std::shared_ptr<std::optional<Response>> own;

  Task<Loaded> operator()(Responses::Loading& context) {
    if (context.stale != nullptr && context.stale->must_revalidate)
      context.policy.fail_safe = false;
    Response response = co_await handler(asked);
    context.tags.push_back(body->TagOf(asked.host, asked.target));
    if (response.status >= 500) {
      own->emplace(std::move(response));
      co_return Fail(Errc::kLoader, "the handler's answer is an error of the server");
    }
    const auto keeping = body->KeepingOf(response);
    if (!keeping) {
      own->emplace(std::move(response));
      context.policy.ttl = body->options().pass_for;
      context.policy.stale_for = Millis(0);
      co_return std::optional<Kept>(Kept{.is_pass = true});
    }
    Complete(*body, response);
    context.policy.ttl = keeping->ttl;
    context.policy.stale_for = keeping->stale_for;
    context.tags.insert(context.tags.end(), keeping->tags.begin(), keeping->tags.end());
    Kept kept = KeptOf(response);
    kept.must_revalidate = keeping->must_revalidate;
    kept.ttl_ms = keeping->ttl.count();
    kept.initial_age_s = keeping->initial_age.count();
    co_return std::optional<Kept>(std::move(kept));
  }
};

std::string_view StatusOf(const Entry<Kept>& entry) {
  switch (entry.outcome) {
    case Outcome::kHit:
      return "hit";
    case Outcome::kStale:
      return "hit; detail=stale";
    case Outcome::kFallback:
      return "hit; detail=fallback";
    case Outcome::kWaited:
      return "fwd=miss; collapsed";
    default:
      return entry.is_cached ? "fwd=miss; stored" : "fwd=miss";
  }
}

bool IsFromStore(const Entry<Kept>& entry) {
  return entry.outcome == Outcome::kHit || entry.outcome == Outcome::kStale ||
         entry.outcome == Outcome::kFallback;
}

Millis AgeOf(const Entry<Kept>& entry) {
  return entry.age + Seconds(entry.value->initial_age_s.value_or(0));
}

// Whether the request asks for something newer than there is.
bool IsTooOld(const Entry<Kept>& entry, const CacheControl& control) {
  if (entry.outcome != Outcome::kHit && entry.outcome != Outcome::kStale) return false;
  if (control.no_cache || (control.max_age && AgeOf(entry) > *control.max_age)) return true;
  const Millis left = Millis(entry.value->ttl_ms) - entry.age;
  return control.min_fresh && left < *control.min_fresh;
}

// As the request wants it: 304, 412, or all of it.
Response Finish(const Run& run, Entry<Kept> entry) {
  const std::string_view status = StatusOf(entry);
  const auto age = std::chrono::floor<Seconds>(AgeOf(entry));
  Response response = ResponseOf(std::move(*entry.value));
  if (IsFromStore(entry)) response.headers.Set("Age", std::to_string(age.count()));
  run.body->AddStatus(response.headers, status);
  if (response.status != 200) return response;
  const UnixTime now = run.body->Now();
  switch (Evaluate(run.request, Validators::Of(response.headers, now), now)) {
    case Precondition::kNotModified:
      return NotModified(response);
    case Precondition::kFailed:
      return Unavailable(412);
    case Precondition::kProceed:
      return response;
  }
  return response;
}

// What the handler throws ends here.
Task<Result<Response>> Pass(const Run& run, std::string_view status) {
  std::exception_ptr cause;
  run.body->CountPassed();
  try {
    Response response = co_await run.handler(run.request);
    run.body->AddStatus(response.headers, status);
    response.headers.Remove("Cache-Tag");
    co_return response;
  } catch (...) {
    cause = std::current_exception();
  }
  co_return std::unexpected(internal::LoaderError(cause));
}

Task<Result<Response>> Change(const Run& run) {
  Result<Response> response = co_await Pass(run, "fwd=method");
  if (!response || IsSafe(run.request.method) || response->status >= 400 ||
      !ResponseCache::Body::IsResource(run.request))
    co_return response;
  const std::string tag = run.body->TagOf(run.request.host, run.request.target);
  const Result<void> invalidated = co_await run.body->responses().CoInvalidateTag(tag, Bump::kHard);
  if (!invalidated) run.body->CountFailed();
  co_return response;
}

Task<Result<Response>> Look(const Run& run) {
  const ResponseCache::Body::Selected selected = run.body->Select(run.request);
  const Responses& responses = run.body->responses();
  if (run.control.only_if_cached) {
    Result<Entry<Kept>> entry = co_await responses.CoGet(selected.key);
    const bool is_there = entry && entry->value && !entry->value->is_pass &&
                          entry->outcome == Outcome::kHit && !IsTooOld(*entry, run.control);
    if (!is_there) co_return Unavailable(504);
    co_return Finish(run, std::move(*entry));
  }
  const Load load{
      .body = run.body, .asked = selected.request, .handler = run.handler, .own = run.own};
  Result<Entry<Kept>> entry = co_await responses.CoGetOrLoad(selected.key, load);
  if (entry && entry->value && !entry->value->is_pass && IsTooOld(*entry, run.control)) {
    co_await responses.CoExpire(selected.key);
    entry = co_await responses.CoGetOrLoad(selected.key, load);
    // Another makes it anew.
    if (entry && entry->outcome == Outcome::kStale) co_return co_await Pass(run, "fwd=request");
  }
  const bool is_kept = entry && entry->value && !entry->value->is_pass;
  if (is_kept) co_return Finish(run, std::move(*entry));
  if (*run.own) {
    Response response = std::move(**run.own);
    run.body->AddVary(response.headers);
    run.body->AddStatus(response.headers, "fwd=miss");
    response.headers.Remove("Cache-Tag");
    co_return response;
  }
  if (entry) co_return co_await Pass(run, "fwd=bypass");
  const bool is_handlers = entry.error().code == Errc::kLoader && !entry.error().cause;
  if (is_handlers) co_return Unavailable(503);
  co_return std::unexpected(std::move(entry).error());
}

Task<Result<Response>> Answer(const Run& run) {
  if (run.request.method != "GET" && run.request.method != "HEAD") co_return co_await Change(run);
  if (run.body->IsPassed(run.request, run.control)) co_return co_await Pass(run, "fwd=bypass");
  co_return co_await Look(run);
}

// Values are parts of keys, between commas; "-" is none.
bool IsVariant(const std::string& value) {
  return !value.empty() && value != "-" && value.find_first_of(",\r\n") == value.npos;
}

}  // namespace

Result<ResponseCache> ResponseCache::Open(Store store, ResponseCacheOptions options) {
  std::size_t variants = 1;
  for (const VaryOn& vary : options.vary) {
    if (!IsToken(vary.header)) return Fail(Errc::kInvalid, "a header's name is a token");
    if (IsAmong(vary.header, std::array<std::string_view, 2>{"Cookie", "Authorization"}))
      return Fail(Errc::kInvalid, "answers by cookies or credentials are not shared");
    if (!std::ranges::all_of(vary.values, IsVariant))
      return Fail(Errc::kInvalid, "a value to vary on is not empty, not '-', and has no comma");
    variants *= vary.values.size() + 1;
    if (variants > kVariantsMax)
      return Fail(Errc::kInvalid, "a target would have too many variants");
  }
  return ResponseCache(std::make_shared<const Body>(store, std::move(options)));
}

Task<Result<Response>> ResponseCache::CoServe(Request request, CoHandler handler) const {
  Run run{.body = body_, .request = std::move(request), .handler = std::move(handler)};
  const bool is_obeyed = body_->options().requests == RequestRule::kObey;
  if (is_obeyed) {
    run.control = ControlOf(run.request.headers);
    // Of HTTP/1.0.
    if (!run.request.headers.Has("Cache-Control") &&
        EqualsIgnoringCase(run.request.headers.Find("Pragma").value_or(""), "no-cache"))
      run.control.no_cache = true;
  }
  Result<Response> answer = co_await Answer(run);
  // Who reads the connection would take it for the next answer.
  if (answer && !MayHaveBody(answer->status)) answer->body.clear();
  co_return answer;
}

Result<Response> ResponseCache::Serve(const Request& request, Handler handler) const {
  CoHandler waiting = [handler = std::move(handler)](Request asked) -> Task<Response> {
    co_return handler(asked);
  };
  return SyncWait(CoServe(request, std::move(waiting)));
}

Result<void> ResponseCache::Invalidate(std::string_view host, std::string_view target,
                                       Bump bump) const {
  return body_->responses().InvalidateTag(body_->TagOf(host, target), bump);
}

Task<Result<void>> ResponseCache::CoInvalidate(std::string host, std::string target,
                                               Bump bump) const {
  return body_->responses().CoInvalidateTag(body_->TagOf(host, target), bump);
}

Result<void> ResponseCache::InvalidateTag(std::string_view tag, Bump bump) const {
  return body_->responses().InvalidateTag(tag, bump);
}

Task<Result<void>> ResponseCache::CoInvalidateTag(std::string tag, Bump bump) const {
  return body_->responses().CoInvalidateTag(std::move(tag), bump);
}

bool ResponseCache::has_background() const { return body_->options().executor != nullptr; }
const Clock& ResponseCache::clock() const { return body_->clock(); }
std::uint64_t ResponseCache::count(Outcome outcome) const {
  return body_->responses().count(outcome);
}
std::uint64_t ResponseCache::passed() const { return body_->passed(); }
std::uint64_t ResponseCache::failed_invalidations() const { return body_->failed(); }

}  // namespace cairn::cache::http
