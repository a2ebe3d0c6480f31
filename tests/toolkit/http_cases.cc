// SPDX-License-Identifier: BSD-3-Clause
// HTTP in front of every store: answers that are kept, limits, sessions. Keys begin with
// "http:cases:" and "http-cases-".
#include <atomic>
#include <string>
#include <vector>

#include "base/thread.h"
#include "cairn/http/rate_limit.h"
#include "cairn/http/response_cache.h"
#include "cairn/http/session_cookie.h"
#include "toolkit/toolkit_check.h"

namespace cairn::cache::checks {
namespace {

http::Request Get(std::string target, std::string method = "GET") {
  http::Request request{.method = std::move(method), .target = std::move(target), .host = "a"};
  request.headers = {};
  request.peer = "192.0.2.1";
  return request;
}

// Two services over one store, and the handler of both.
struct Site {
  explicit Site(const std::string& uri)
      : one(http::ResponseCache::Open(OpenOrDie(uri), {.prefix = "cases"}).value()),
        other(uri == "embedded:"
                  ? one
                  : http::ResponseCache::Open(OpenOrDie(uri), {.prefix = "cases"}).value()) {}

  http::Handler Says(http::Headers headers, int status = 200) {
    return [this, headers, status](const http::Request&) {
      http::Response response{.status = status, .headers = headers, .body = {}};
      response.body = std::to_string(++runs);
      return response;
    };
  }
  std::string Body(const http::ResponseCache& cache, const std::string& target) {
    const http::Headers headers = {{"Cache-Control", "max-age=600"}, {"Cache-Tag", "http-cases"}};
    const auto response = cache.Serve(Get(target), Says(headers));
    return response ? response->body : response.error().detail;
  }

  http::ResponseCache one;
  http::ResponseCache other;
  std::atomic<int> runs = 0;
};

void KeptForAll(const std::string& uri, Complaints& say) {
  Site site(uri);
  say.Equal(site.Body(site.one, "/kept"), std::string("1"), "the first runs the handler");
  say.Equal(site.Body(site.other, "/kept"), std::string("1"), "the other is served what it made");
  say.Check(site.one.Invalidate("a", "/kept").has_value(), "invalidated by its target");
  say.Equal(site.Body(site.other, "/kept"), std::string("2"), "made anew for all");
  say.Equal(site.Body(site.one, "/kept"), std::string("2"), "and kept");
  say.Check(site.other.InvalidateTag("http-cases", Bump::kHard).has_value(), "by a tag");
  say.Equal(site.Body(site.one, "/kept"), std::string("3"), "made anew after the bump");
  const auto changed = site.other.Serve(Get("/kept", "POST"), site.Says({}, 204));
  say.Check(changed && changed->status == 204, "a change");
  say.Equal(site.Body(site.one, "/kept"), std::string("5"), "made anew after the change");
}

void OneRunForMany(const std::string& uri, Complaints& say) {
  Site site(uri);
  std::atomic<int> others = 0;
  std::vector<Thread> threads;
  for (int i = 0; i < 20; ++i) {
    threads.emplace_back("asks", [&, i] {
      const std::string body = site.Body(i % 2 == 0 ? site.one : site.other, "/many");
      if (body != "1") ++others;
    });
  }
  for (Thread& thread : threads) thread.Join();
  say.Equal(site.runs.load(), 1, "one run for all");
  say.Equal(others.load(), 0, "all have what it made");
}

void CookiesAreOnes(const std::string& uri, Complaints& say) {
  Site site(uri);
  const http::Handler handler =
      site.Says({{"Cache-Control", "max-age=600"}, {"Set-Cookie", "id=secret"}});
  for (const auto& cache : {site.one, site.other, site.one}) {
    const int before = site.runs;
    const auto response = cache.Serve(Get("/cookie"), handler);
    say.Check(response && response->headers.Has("Set-Cookie"), "a cookie");
    say.Equal(site.runs.load(), before + 1, "its own");
  }
}

void LimitsAndSessions(const std::string& uri, Complaints& say) {
  const Store store = OpenOrDie(uri);
  const Limiter limiter(store, "http-cases-limit",
                        {.law = LimitLaw::kFixed, .count = 2, .period = 600s},
                        LimitWhenDown::kFail);
  say.Check(limiter.Reset("192.0.2.1").has_value(), "reset");
  const http::RateLimit limit(limiter);
  for (int i = 0; i < 2; ++i) {
    const auto decision = limit.Check(Get("/"));
    say.Check(decision && !decision->refusal && decision->headers.Has("RateLimit"), "two pass");
  }
  const auto refused = limit.Check(Get("/"));
  say.Check(refused && refused->refusal && refused->refusal->status == 429, "the third is 429");
  const http::SessionCookies cookies{Sessions(store, "http-cases-session")};
  const auto with = [&](const std::string& id) {
    http::Request request = Get("/");
    request.headers.Set("Cookie", "__Host-session=" + id);
    return cookies.Of(request);
  };
  http::RequestSession first = cookies.Of(Get("/"));
  const auto signed_in = first.SignIn("ada");
  if (!signed_in) return say.Check(false, signed_in.error().detail);
  const std::string old_id = (*signed_in)->id;
  http::RequestSession second = with(old_id);
  const auto rotated = second.Rotate();
  say.Check(rotated && *rotated && (*rotated)->user == "ada", "rotated");
  say.Check(with(old_id).Load().value_or(*rotated) == nullptr, "the old id is dead");
  say.Check(second.SignOut().has_value() && second.Load().value() == nullptr, "signed out");
}

}  // namespace

Cases HttpCases(const std::vector<std::string>& uris) {
  const auto make = [&](std::string_view name, void (*run)(const std::string&, Complaints&)) {
    return Case{name, [uri = uris[0], run](Complaints& say) { run(uri, say); }};
  };
  return {make("KeptForAll", KeptForAll), make("OneRunForMany", OneRunForMany),
          make("CookiesAreOnes", CookiesAreOnes), make("LimitsAndSessions", LimitsAndSessions)};
}

}  // namespace cairn::cache::checks
