// SPDX-License-Identifier: BSD-3-Clause
// ResponseCache: answers of handlers, kept and shared as RFC 9111 lets a shared cache, in a store.
//
//   auto cache = ResponseCache::Open(store, {.prefix = "shop",
//                                            .vary = {{"Accept-Language", {"en", "de"}}}});
//   Result<Response> answer = cache->Serve(request, [](const Request& asked) {
//     Response response{.body = Render(asked.target)};
//     response.headers.Set("Cache-Control", "public, max-age=60, stale-while-revalidate=600");
//     response.headers.Set("Cache-Tag", "table:products");
//     return response;
//   });
//   cache->InvalidateTag("table:products");
//
// One handler runs for a key among all processes, by the typed cache's leases (cairn/cache.h): the
// others wait for it, or are served what is stale meanwhile. What was invalidated during that run
// is not stored.
//
// What is asked decides on nothing but what is in the key: host, target, and of the headers listed
// in `vary` the one of its values that the client likes best. A handler whose answer is to be kept
// is given a request with just these, without cookies, credentials and address, so no answer can
// depend on what others do not share, whatever it says.
//
// Not kept: what has Set-Cookie, `private`, `no-store`, `no-cache`, a Vary by another header; a
// status other than 200, 203, 204, 300, 301, 308, and 404, 410 if a time is given; what says no
// time, unless default_ttl does; what is too large. Such a target is remembered for pass_for, and
// its handler then runs for each request with all that this one said, side by side. Requests with
// Authorization, cookies (unless ignored), a method other than GET and HEAD, a host or target that
// is none go there at once; one that may have changed something, and succeeded, invalidates.
//
// An answer 5xx is none: the stale one is sent, if there is one and it may be; else who ran the
// handler has it as it is, and who waited for him 503 with Retry-After.
//
// Kept answers have an ETag (of the content if the handler gave none), Date, Age and Cache-Status
// (RFC 9211); If-None-Match and its kin are answered from them. Cache-Tag is taken out: tags are
// those of all typed caches, so a change of a table can take rows and pages with it.
//
// Errors: kInvalid from Open; kLoader with what the handler threw; those of the store as the policy
// says (by default the handler runs, uncached). Thread safety: any thread. Lifetimes: copies share
// one cache, and hold the store. Cost: a hit is one CACHE.GET and the decoding.
#ifndef CAIRN_HTTP_RESPONSE_CACHE_H_
#define CAIRN_HTTP_RESPONSE_CACHE_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "cairn/cache_policy.h"
#include "cairn/executor.h"
#include "cairn/http/message.h"
#include "cairn/store.h"
#include "cairn/task.h"

namespace cairn::cache::http {

// Of one target: the product of the listed values, and none of them, over all headers.
inline constexpr std::size_t kVariantsMax = 64;
// Of one answer; with more it is not kept.
inline constexpr std::size_t kKeptHeadersMax = 64;
inline constexpr std::size_t kKeptHeaderBytesMax = 32768;  // names and values
inline constexpr std::size_t kCacheTagsMax = 16;
// Of a target that is looked up.
inline constexpr std::size_t kTargetBytesMax = 8192;
// Of its host: a name of DNS, and a port.
inline constexpr std::size_t kHostBytesMax = 259;

// A request header on which answers depend, and its values. What the client sends is taken for a
// list of preferences ("de-CH, de;q=0.9, *;q=0.5"); the handler sees the value that was chosen, or
// no such header.
struct VaryOn {
  std::string header;
  std::vector<std::string> values;
};

enum class CookieRule : std::uint8_t {
  kPass,    // a request with cookies is its handler's
  kIgnore,  // cookies are for others: such requests are served from the cache
};
enum class RequestRule : std::uint8_t {
  kObey,    // no-cache, no-store, max-age, min-fresh, only-if-cached of a request
  kIgnore,  // for who does not let clients decide how often handlers run
};

struct ResponseCacheOptions {
  // Keys begin with "http:<prefix>:".
  std::string prefix = {};
  // Of answers that say nothing of how long. Zero: they are not kept.
  Millis default_ttl{0};
  std::vector<VaryOn> vary = {};
  CookieRule cookies = CookieRule::kPass;
  RequestRule requests = RequestRule::kObey;
  std::size_t body_bytes_max = std::size_t{4} << 20;
  // How long a target is taken to be one that is not kept, before that is tried again.
  Millis pass_for{10'000};
  // What stands first in Cache-Status; empty: no such header.
  std::string name = "cairn";
  // Jitter, leases, waiting, what to do when the store is down. Times and tags are each answer's.
  Policy policy = {};
  // Where stale answers are made anew while they are served; null: who finds one does it. Outlives
  // the store.
  Executor* executor = nullptr;
};

using Handler = std::function<Response(const Request&)>;
using CoHandler = std::function<Task<Response>(Request)>;

class ResponseCache {
 public:
  static Result<ResponseCache> Open(Store store, ResponseCacheOptions options);

  Result<Response> Serve(const Request& request, Handler handler) const;
  Task<Result<Response>> CoServe(Request request, CoHandler handler) const;

  // All variants of a target. Hard: they are gone; soft: served as stale while one is made anew.
  Result<void> Invalidate(std::string_view host, std::string_view target,
                          Bump bump = Bump::kHard) const;
  Task<Result<void>> CoInvalidate(std::string host, std::string target,
                                  Bump bump = Bump::kHard) const;
  // All that have the tag.
  Result<void> InvalidateTag(std::string_view tag, Bump bump = Bump::kSoft) const;
  Task<Result<void>> CoInvalidateTag(std::string tag, Bump bump = Bump::kSoft) const;

  // Whether handlers may run when the request that they were given for has gone.
  bool has_background() const;
  const Clock& clock() const;
  // How many answers were of that kind, of those that were looked up.
  std::uint64_t count(Outcome outcome) const;
  // Handlers that ran for one request alone.
  std::uint64_t passed() const;
  // Changes whose target could not be invalidated: the store was down.
  std::uint64_t failed_invalidations() const;

  class Body;

 private:
  explicit ResponseCache(std::shared_ptr<const Body> body) : body_(std::move(body)) {}

  std::shared_ptr<const Body> body_;  // shared by the copies, and by what runs
};

}  // namespace cairn::cache::http

#endif  // CAIRN_HTTP_RESPONSE_CACHE_H_
