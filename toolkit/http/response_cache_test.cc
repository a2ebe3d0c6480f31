// SPDX-License-Identifier: BSD-3-Clause
// The response cache over an embedded store: what is kept and for whom, and that one handler runs
// for many. Time is virtual.
#include "cairn/http/response_cache.h"

#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <stdexcept>
#include <thread>

#include "cairn/http/fields.h"
#include "cairn/testkit/network.h"
#include "cairn/testkit/virtual_time.h"

namespace cairn::cache::http {
namespace {

using namespace std::chrono_literals;

class HttpResponses : public testing::Test {
 protected:
  ResponseCache Make(ResponseCacheOptions options = {}) {
    options.prefix = "t";
    return ResponseCache::Open(store_, std::move(options)).value();
  }
  static Request Get(std::string target, Headers headers = {}) {
    Request request{.target = std::move(target), .host = "a.example"};
    request.headers = std::move(headers);
    return request;
  }
  // A handler that answers with these headers, and counts.
  Handler Says(Headers headers, int status = 200) {
    return [this, headers, status](const Request&) {
      ++runs_;
      Response response{.status = status, .headers = headers, .body = body_};
      return response;
    };
  }
  // How many handlers run for two requests, one after the other.
  int RunsForTwo(Request request, const Handler& handler, ResponseCacheOptions options = {}) {
    store_.client().Call(Command("FLUSHALL")).value();
    const ResponseCache cache = Make(std::move(options));
    runs_ = 0;
    for (int i = 0; i < 2; ++i) EXPECT_TRUE(cache.Serve(request, handler).has_value());
    return runs_;
  }
  static std::string StatusOf(const Response& response) {
    return std::string(response.headers.Find("Cache-Status").value_or(""));
  }

  const Headers kMinute = {{"Cache-Control", "max-age=60"}};
  VirtualTime time_;
  Store store_ = Store::Open("embedded:", {.clock = &time_, .scheduler = &time_}).value();
  std::string body_ = "hello";
  std::atomic<int> runs_ = 0;
};

TEST_F(HttpResponses, OneRunThenHitsWithAgeAndTag) {
  const ResponseCache cache = Make();
  const Response made = cache.Serve(Get("/"), Says(kMinute)).value();
  EXPECT_EQ(made.body, "hello");
  EXPECT_EQ(StatusOf(made), "cairn; fwd=miss; stored");
  EXPECT_FALSE(made.headers.Has("Age"));
  EXPECT_EQ(made.headers.Find("Date"), FormatDate(time_.UnixNow()));
  time_.Advance(59s);
  body_ = "later";
  const Response hit = cache.Serve(Get("/"), Says(kMinute)).value();
  EXPECT_EQ(hit.body, "hello");
  EXPECT_EQ(hit.headers.Find("Age"), "59");
  EXPECT_EQ(hit.headers.Find("ETag"), made.headers.Find("ETag"));
  EXPECT_EQ(hit.headers.Find("Cache-Control"), "max-age=60");
  EXPECT_EQ(StatusOf(hit), "cairn; hit");
  time_.Advance(2s);
  EXPECT_EQ(cache.Serve(Get("/"), Says(kMinute))->body, "later");
  EXPECT_EQ(runs_, 2);
}

TEST_F(HttpResponses, HeadAndConditionalRequestsAreServedFromIt) {
  const ResponseCache cache = Make();
  const Response made = cache.Serve(Get("/"), Says(kMinute)).value();
  const std::string tag(*made.headers.Find("ETag"));
  const Response same = cache.Serve(Get("/", {{"If-None-Match", tag}}), Says(kMinute)).value();
  EXPECT_EQ(same.status, 304);
  EXPECT_TRUE(same.body.empty());
  EXPECT_EQ(same.headers.Find("ETag"), tag);
  EXPECT_EQ(cache.Serve(Get("/", {{"If-None-Match", "\"x\""}}), Says(kMinute))->status, 200);
  EXPECT_EQ(cache.Serve(Get("/", {{"If-Match", "\"x\""}}), Says(kMinute))->status, 412);
  Request head = Get("/");
  head.method = "HEAD";
  EXPECT_EQ(StatusOf(*cache.Serve(head, Says(kMinute))), "cairn; hit");
  EXPECT_EQ(runs_, 1);
  // A handler's own tag stands.
  const Handler own = Says({{"Cache-Control", "max-age=60"}, {"ETag", "W/\"7\""}});
  EXPECT_EQ(cache.Serve(Get("/own"), own)->headers.Find("ETag"), "W/\"7\"");
}

// Rows of what an answer says, and whether it is kept: RFC 9111, 3.
TEST_F(HttpResponses, WhatIsKept) {
  struct Row {
    Headers headers;
    int status;
    bool is_kept;
  };
  const std::string now = FormatDate(time_.UnixNow());
  const std::string later = FormatDate(time_.UnixNow() + 60s);
  const std::string before = FormatDate(time_.UnixNow() - 60s);
  const Row rows[] = {
      {{{"Cache-Control", "max-age=60"}}, 200, true},
      {{{"Cache-Control", "s-maxage=60, max-age=0"}}, 200, true},
      {{{"Cache-Control", "s-maxage=0, max-age=60"}}, 200, false},
      {{}, 200, false},
      {{{"Cache-Control", "public"}}, 200, false},
      {{{"Cache-Control", "max-age=0"}}, 200, false},
      {{{"Cache-Control", "max-age=60, private"}}, 200, false},
      {{{"Cache-Control", "max-age=60, private=\"x\""}}, 200, false},
      {{{"Cache-Control", "max-age=60"}, {"cache-control", "no-store"}}, 200, false},
      {{{"Cache-Control", "max-age=60, no-cache"}}, 200, false},
      {{{"Cache-Control", "max-age=60"}, {"Set-Cookie", "a=b"}}, 200, false},
      {{{"Cache-Control", "max-age=60"}, {"Vary", "*"}}, 200, false},
      {{{"Cache-Control", "max-age=60"}, {"Vary", "User-Agent"}}, 200, false},
      {{{"Expires", later}}, 200, true},
      {{{"Expires", now}}, 200, false},
      {{{"Expires", "0"}}, 200, false},
      {{{"Expires", later}, {"Date", later}}, 200, false},
      // It was old when it came: RFC 9111, 4.2.3.
      {{{"Cache-Control", "max-age=60"}, {"Age", "59"}}, 200, true},
      {{{"Cache-Control", "max-age=60"}, {"Age", "60"}}, 200, false},
      {{{"Cache-Control", "max-age=60"}, {"Date", before}}, 200, false},
      {{{"Cache-Control", "max-age=60"}}, 301, true},
      {{{"Cache-Control", "max-age=60"}}, 302, false},
      {{{"Cache-Control", "max-age=60"}}, 404, true},
      {{}, 404, false},
      {{{"Cache-Control", "max-age=60"}}, 403, false},
      {{{"Cache-Control", "max-age=60"}}, 206, false},
      {{{"Cache-Control", "max-age=60"}}, 500, false},
  };
  for (const Row& row : rows) {
    const auto shown = row.headers.empty() ? "" : row.headers.begin()->value;
    EXPECT_EQ(RunsForTwo(Get("/"), Says(row.headers, row.status)), row.is_kept ? 1 : 2)
        << shown << ' ' << row.status;
  }
  EXPECT_EQ(RunsForTwo(Get("/"), Says({}), {.default_ttl = 1s}), 1);
  EXPECT_EQ(RunsForTwo(Get("/"), Says({}, 404), {.default_ttl = 1s}), 2);
}

TEST_F(HttpResponses, NoMoreThanTheLimitsIsKept) {
  ResponseCacheOptions small{.body_bytes_max = 5};
  EXPECT_EQ(RunsForTwo(Get("/"), Says(kMinute), small), 1);
  body_ += "!";
  EXPECT_EQ(RunsForTwo(Get("/"), Says(kMinute), small), 2);
  Headers headers = kMinute;
  while (headers.size() < kKeptHeadersMax) headers.Add("X", "x");
  EXPECT_EQ(RunsForTwo(Get("/"), Says(headers)), 1);
  headers.Add("X", "x");
  EXPECT_EQ(RunsForTwo(Get("/"), Says(headers)), 2);
  headers = kMinute;
  std::size_t bytes_before = 0;
  for (const Header& header : headers) bytes_before += header.name.size() + header.value.size();
  headers.Add("X", std::string(kKeptHeaderBytesMax - bytes_before - 1, 'x'));
  EXPECT_EQ(RunsForTwo(Get("/"), Says(headers)), 1);
  headers.Add("X", "");
  EXPECT_EQ(RunsForTwo(Get("/"), Says(headers)), 2);
  std::string tags = "t0";
  for (std::size_t i = 1; i < kCacheTagsMax; ++i) tags += ", t" + std::to_string(i);
  headers = kMinute;
  headers.Set("Cache-Tag", tags);
  EXPECT_EQ(RunsForTwo(Get("/"), Says(headers)), 1);
  headers.Set("Cache-Tag", tags + ", t");
  EXPECT_EQ(RunsForTwo(Get("/"), Says(headers)), 2);
  EXPECT_EQ(RunsForTwo(Get(std::string(kTargetBytesMax, '/')), Says(kMinute)), 1);
  EXPECT_EQ(RunsForTwo(Get(std::string(kTargetBytesMax + 1, '/')), Says(kMinute)), 2);
  Request request = Get("/");
  request.host = std::string(kHostBytesMax, 'a');
  EXPECT_EQ(RunsForTwo(request, Says(kMinute)), 1);
  request.host += 'a';
  EXPECT_EQ(RunsForTwo(request, Says(kMinute)), 2);
}

// Cache poisoning: a host that has a path in it, or a target that is no path, gives another
// target's key, and its handler's answer would be everybody's.
TEST_F(HttpResponses, HostAndTargetAreNotMixedUp) {
  const ResponseCache cache = Make();
  const Handler echo = [](const Request& asked) {
    return Response{.headers = {{"Cache-Control", "max-age=60"}}, .body = asked.target};
  };
  const auto ask = [&](std::string host, std::string target) {
    Request request{.target = std::move(target), .host = std::move(host)};
    return cache.Serve(request, echo)->body;
  };
  EXPECT_EQ(ask("a.example/x", "/y"), "/y");
  EXPECT_EQ(ask("a.example", "/x/y"), "/x/y");
  EXPECT_EQ(ask("a.exampleh", "ttp://b/"), "ttp://b/");
  EXPECT_EQ(ask("a.example", "http://b/"), "http://b/");
  EXPECT_EQ(RunsForTwo(Get("/#x"), Says(kMinute)), 2);
  for (const std::string host : {"a b", "a/b", "a?b", "a#b", "a@b", "a\\b", "a\tb", "a\xFF"}) {
    Request request{.target = "/", .host = host};
    EXPECT_EQ(RunsForTwo(request, Says(kMinute)), 2) << host;
  }
  for (const std::string host : {"a.example:8080", "[2001:db8::1]:80", "A-1_2.example", ""}) {
    Request request{.target = "/", .host = host};
    EXPECT_EQ(RunsForTwo(request, Says(kMinute)), 1) << host;
  }
}

// What others wrote into a header's value ends no line of it.
TEST_F(HttpResponses, NoHeaderHasTheEndOfALine) {
  const ResponseCache cache = Make();
  const Handler handler = [](const Request&) {
    Response response{.headers = {{"Cache-Control", "max-age=60"}, {"X-A", "1\r\nSet-Cookie: a=b"}},
                      .body = {}};
    response.headers.Add("X-B", std::string("1\n2\r3\0", 6));
    response.headers.Add("X-C: 1\r\nX-D", "4");
    response.headers.Set("", "5");
    return response;
  };
  for (int i = 0; i < 2; ++i) {
    const Response answer = cache.Serve(Get("/"), handler).value();
    EXPECT_EQ(answer.headers.Find("X-A"), "1  Set-Cookie: a=b");
    EXPECT_EQ(answer.headers.Find("X-B"), "1 2 3 ");
    for (const Header& header : answer.headers) EXPECT_TRUE(IsToken(header.name)) << header.name;
  }
}

// A body behind a status that has none is the next answer to who reads the connection.
TEST_F(HttpResponses, NoBodyWhereTheStatusHasNone) {
  const ResponseCache cache = Make();
  for (const int status : {204, 205, 304}) {
    const std::string target = "/" + std::to_string(status);
    for (int i = 0; i < 2; ++i) {
      const Response answer = cache.Serve(Get(target), Says(kMinute, status)).value();
      EXPECT_EQ(answer.status, status);
      EXPECT_EQ(answer.body, "");
    }
    Request post = Get(target);
    post.method = "POST";
    EXPECT_EQ(cache.Serve(post, Says({}, status))->body, "");
  }
}

// RFC 9111, 4.2.3: how old it was when it came counts.
TEST_F(HttpResponses, AnAnswerThatWasOldWhenItCame) {
  const ResponseCache cache = Make();
  Headers headers = kMinute;
  headers.Add("Age", "20");
  cache.Serve(Get("/"), Says(headers)).value();
  time_.Advance(39s);
  EXPECT_EQ(cache.Serve(Get("/"), Says(headers))->headers.Find("Age"), "59");
  EXPECT_EQ(runs_, 1);
  cache.Serve(Get("/", {{"Cache-Control", "max-age=58"}}), Says(kMinute)).value();
  EXPECT_EQ(runs_, 2);
}

// RFC 9111, 5.2.2.10: s-maxage alone forbids stale answers; stale-while-revalidate says otherwise.
TEST_F(HttpResponses, SMaxageIsNotOutlived) {
  const ResponseCache cache = Make();
  const auto status_after = [&](std::string target, std::string control) {
    cache.Serve(Get(target), Says({{"Cache-Control", control}})).value();
    cache.Invalidate("a.example", target, Bump::kSoft).value();
    return cache.Serve(Get(target), Says({}, 500))->status;
  };
  EXPECT_EQ(status_after("/a", "max-age=60, stale-while-revalidate=60"), 200);
  EXPECT_EQ(status_after("/b", "s-maxage=60, stale-while-revalidate=60"), 200);
  EXPECT_EQ(status_after("/c", "max-age=60"), 200);
  EXPECT_EQ(status_after("/d", "s-maxage=60"), 500);
}

// Not even where a handler that limits stands within: its figures are one client's.
TEST_F(HttpResponses, FiguresOfLimitsAreNotKept) {
  const ResponseCache cache = Make();
  Headers headers = kMinute;
  headers.Add("RateLimit", "\"default\";r=1;t=1");
  headers.Add("RateLimit-Policy", "\"default\";q=1");
  for (int i = 0; i < 2; ++i) {
    const Response answer = cache.Serve(Get("/"), Says(headers)).value();
    EXPECT_EQ(answer.headers.Has("RateLimit"), false);
    EXPECT_EQ(answer.headers.Has("RateLimit-Policy"), false);
  }
}

TEST_F(HttpResponses, RequestsThatAreTheirHandlersOwn) {
  const Handler handler = Says(kMinute);
  EXPECT_EQ(RunsForTwo(Get("/", {{"Authorization", "Basic eDp5"}}), handler), 2);
  EXPECT_EQ(RunsForTwo(Get("/", {{"Cookie", "a=b"}}), handler), 2);
  EXPECT_EQ(RunsForTwo(Get("/", {{"Cookie", "a=b"}}), handler, {.cookies = CookieRule::kIgnore}),
            1);
  EXPECT_EQ(RunsForTwo(Get("/", {{"Cache-Control", "no-store"}}), handler), 2);
  EXPECT_EQ(RunsForTwo(Get("/", {{"Cache-Control", "no-cache"}}), handler), 2);
  EXPECT_EQ(RunsForTwo(Get("/", {{"Pragma", "no-cache"}}), handler), 2);
  EXPECT_EQ(RunsForTwo(Get("/", {{"Cache-Control", "no-cache"}}), handler,
                       {.requests = RequestRule::kIgnore}),
            1);
  Request post = Get("/");
  post.method = "POST";
  EXPECT_EQ(RunsForTwo(post, handler), 2);
}

TEST_F(HttpResponses, AgesThatARequestAsksFor) {
  const ResponseCache cache = Make();
  cache.Serve(Get("/"), Says(kMinute)).value();
  time_.Advance(20s);
  const auto runs_with = [&](const std::string& control) {
    const int before = runs_;
    cache.Serve(Get("/", {{"Cache-Control", control}}), Says(kMinute)).value();
    return runs_ - before;
  };
  EXPECT_EQ(runs_with("max-age=20"), 0);
  EXPECT_EQ(runs_with("min-fresh=40"), 0);
  EXPECT_EQ(runs_with("only-if-cached"), 0);
  EXPECT_EQ(runs_with("max-age=19"), 1);
  time_.Advance(20s);
  EXPECT_EQ(runs_with("min-fresh=41"), 1);
  // What was made for them is everybody's.
  EXPECT_EQ(runs_with("max-age=0"), 0);
  EXPECT_EQ(cache.Serve(Get("/x", {{"Cache-Control", "only-if-cached"}}), Says(kMinute))->status,
            504);
}

TEST_F(HttpResponses, StaleWhileRevalidateAndNotIfItMust) {
  const ResponseCache cache = Make({.executor = &time_});
  const Headers stale = {{"Cache-Control", "max-age=1, stale-while-revalidate=60"}};
  cache.Serve(Get("/"), Says(stale)).value();
  time_.Advance(2s);
  body_ = "new";
  std::latch is_loading(1);
  std::latch may_end(1);
  std::thread loader([&] {
    const Handler slow = [&](const Request& asked) {
      is_loading.count_down();
      may_end.wait();
      return Says(stale)(asked);
    };
    EXPECT_EQ(cache.Serve(Get("/"), slow)->body, "new");
  });
  is_loading.wait();
  const Response old = cache.Serve(Get("/"), Says(stale)).value();
  EXPECT_EQ(old.body, "hello");
  EXPECT_EQ(StatusOf(old), "cairn; hit; detail=stale");
  EXPECT_EQ(old.headers.Find("Age"), "2");
  may_end.count_down();
  loader.join();
  // must-revalidate: nothing stale is kept.
  const Headers strict = {
      {"Cache-Control", "max-age=1, stale-while-revalidate=60, must-revalidate"}};
  cache.Serve(Get("/strict"), Says(strict)).value();
  time_.Advance(2s);
  EXPECT_TRUE(store_.client().Call(Command("KEYS", "http:t:*strict*"))->elements().empty());
  EXPECT_EQ(cache.Serve(Get("/strict"), Says({}, 500))->status, 500);
  // Nor is what was made stale sent in place of an error.
  cache.Serve(Get("/s"), Says(strict)).value();
  cache.Invalidate("a.example", "/s", Bump::kSoft).value();
  EXPECT_EQ(cache.Serve(Get("/s"), Says({}, 500))->status, 500);
}

TEST_F(HttpResponses, AnErrorOfTheHandlerIsAnsweredByWhatIsStale) {
  const ResponseCache cache = Make();
  const Headers stale = {{"Cache-Control", "max-age=1, stale-while-revalidate=60"}};
  cache.Serve(Get("/"), Says(stale)).value();
  time_.Advance(2s);
  const Response fallback = cache.Serve(Get("/"), Says({}, 503)).value();
  EXPECT_EQ(fallback.status, 200);
  EXPECT_EQ(fallback.body, "hello");
  EXPECT_EQ(StatusOf(fallback), "cairn; hit; detail=fallback");
  // Without one it is as it is, and not kept.
  body_ = "sorry";
  EXPECT_EQ(cache.Serve(Get("/x"), Says({{"Retry-After", "7"}}, 503))->body, "sorry");
  EXPECT_EQ(cache.Serve(Get("/x"), Says(kMinute))->status, 200);
  const Handler throws = [](const Request&) -> Response {
    std::rethrow_exception(std::make_exception_ptr(std::runtime_error("broken")));
  };
  for (const std::string target : {"/y", "/y?a"}) {
    const Result<Response> failed =
        cache.Serve(Get(target, target == "/y" ? Headers() : Headers{{"Cookie", "a"}}), throws);
    ASSERT_FALSE(failed.has_value());
    EXPECT_EQ(failed.error().code, Errc::kLoader);
    EXPECT_TRUE(failed.error().cause != nullptr);
  }
}

TEST_F(HttpResponses, VariantsByTheValuesThatAreListed) {
  const ResponseCache cache =
      Make({.vary = {{"Accept-Language", {"en", "de"}}, {"Accept-Encoding", {"gzip"}}}});
  const Handler handler = [&](const Request& asked) {
    ++runs_;
    Response response{.headers = kMinute, .body = {}};
    response.headers.Set("Vary", "accept-language");
    response.body = asked.headers.Find("Accept-Language").value_or("none");
    return response;
  };
  const auto body_for = [&](const std::string& languages) {
    Headers headers;
    if (!languages.empty()) headers.Set("Accept-Language", languages);
    headers.Set("User-Agent", languages);
    const Response response = cache.Serve(Get("/", headers), handler).value();
    EXPECT_EQ(response.headers.Find("Vary"), "accept-language, Accept-Encoding");
    return response.body;
  };
  EXPECT_EQ(body_for("de-CH, de;q=0.9, en;q=0.8"), "de");
  EXPECT_EQ(body_for("de"), "de");
  EXPECT_EQ(body_for("de-AT,fr;q=0.1"), "de");
  EXPECT_EQ(body_for("en;q=0.5"), "en");
  EXPECT_EQ(body_for("fr"), "none");
  EXPECT_EQ(body_for(""), "none");
  // Whatever clients make up: three languages.
  for (int i = 0; i < 100; ++i) body_for("xx-" + std::to_string(i));
  EXPECT_EQ(runs_, 3);
}

TEST_F(HttpResponses, NoMoreVariantsThanTheLimit) {
  std::vector<std::string> values(kVariantsMax - 1, "a");
  EXPECT_TRUE(ResponseCache::Open(store_, {.vary = {{"A", values}}}).has_value());
  values.push_back("a");
  EXPECT_FALSE(ResponseCache::Open(store_, {.vary = {{"A", values}}}).has_value());
  EXPECT_FALSE(ResponseCache::Open(store_, {.vary = {{"Cookie", {"a"}}}}).has_value());
  EXPECT_FALSE(ResponseCache::Open(store_, {.vary = {{"a b", {"a"}}}}).has_value());
  // Values that would make one key of two variants.
  for (const std::string value : {"", "-", "a,b", "a\r\nb"})
    EXPECT_FALSE(ResponseCache::Open(store_, {.vary = {{"A", {value}}}}).has_value()) << value;
}

// Cache poisoning: a header that is in no key must not get into what others are served.
TEST_F(HttpResponses, HandlersSeeOnlyWhatIsInTheKey) {
  const ResponseCache cache = Make({.cookies = CookieRule::kIgnore});
  const Handler handler = [&](const Request& asked) {
    Response response{.headers = kMinute, .body = "https://"};
    response.body += asked.headers.Find("X-Forwarded-Host").value_or(asked.host);
    response.body += asked.headers.Find("Cookie").value_or("");
    response.body += asked.peer;
    EXPECT_EQ(asked.headers.Find("Host"), asked.host);
    EXPECT_EQ(asked.target, "/");
    return response;
  };
  Request request = Get("/", {{"X-Forwarded-Host", "evil.example"}, {"Cookie", "me"}});
  request.peer = "203.0.113.5";
  EXPECT_EQ(cache.Serve(request, handler)->body, "https://a.example");
  request.host = "A.EXAMPLE";
  EXPECT_EQ(StatusOf(*cache.Serve(request, handler)), "cairn; hit");
  request.host = "B.example";
  request.headers.Set("Host", "evil.example");
  EXPECT_EQ(cache.Serve(request, handler)->body, "https://b.example");
}

TEST_F(HttpResponses, InvalidatedByTargetByTagAndByAChange) {
  const ResponseCache cache = Make({.vary = {{"Accept-Language", {"en", "de"}}}});
  Headers tagged = kMinute;
  tagged.Set("Cache-Tag", "table:products, p:1");
  const auto fill = [&] {
    for (const char* language : {"en", "de"})
      cache.Serve(Get("/p", {{"Accept-Language", language}}), Says(tagged)).value();
  };
  const auto runs_after = [&](auto invalidate) {
    fill();
    invalidate();
    const int before = runs_;
    fill();
    return runs_ - before;
  };
  EXPECT_FALSE(cache.Serve(Get("/p"), Says(tagged))->headers.Has("Cache-Tag"));
  EXPECT_EQ(runs_after([] {}), 0);
  EXPECT_EQ(runs_after([&] { cache.Invalidate("a.example", "/p").value(); }), 2);
  EXPECT_EQ(runs_after([&] { cache.Invalidate("a.example", "/q").value(); }), 0);
  EXPECT_EQ(runs_after([&] { cache.InvalidateTag("table:products", Bump::kHard).value(); }), 2);
  EXPECT_EQ(runs_after([&] { SyncWait(cache.CoInvalidateTag("p:1")).value(); }), 2);
  EXPECT_EQ(runs_after([&] { SyncWait(cache.CoInvalidate("a.example", "/p")).value(); }), 2);
  const auto change = [&](std::string method, int status) {
    return [&, method, status] {
      Request request = Get("/p");
      request.method = method;
      const Handler handler = [status](const Request&) { return Response{.status = status}; };
      EXPECT_EQ(cache.Serve(request, handler)->status, status);
    };
  };
  EXPECT_EQ(runs_after(change("POST", 303)), 2);
  EXPECT_EQ(runs_after(change("DELETE", 204)), 2);
  EXPECT_EQ(runs_after(change("PUT", 403)), 0);
  EXPECT_EQ(runs_after(change("OPTIONS", 200)), 0);
}

// 50 at once, and one handler.
TEST_F(HttpResponses, FiftyAtOnceMakeOneRun) {
  Store store = Store::Open("embedded:").value();
  const ResponseCache cache = ResponseCache::Open(store, {.prefix = "t"}).value();
  std::latch all_there(50);
  std::vector<std::jthread> threads;
  for (int i = 0; i < 50; ++i) {
    threads.emplace_back([&] {
      all_there.arrive_and_wait();
      EXPECT_EQ(cache.Serve(Get("/"), Says(kMinute))->body, "hello");
    });
  }
  threads.clear();
  EXPECT_EQ(runs_, 1);
}

// Set-Cookie is one client's, also beside those who waited for the same answer, and where the store
// grants no lease.
class PrivateAnswers : public HttpResponses, public testing::WithParamInterface<const char*> {};

TEST_P(PrivateAnswers, AreNeverShared) {
  Store store = Store::Open("embedded:").value();
  ResponseCacheOptions options{.prefix = "t"};
  if (std::string_view(GetParam()) == "no leases") {
    options.policy.lease = Millis(0);
    options.policy.wait_max = Millis(0);
  }
  const ResponseCache cache = ResponseCache::Open(store, options).value();
  std::latch all_there(20);
  std::mutex mutex;
  std::vector<std::string> cookies;
  std::vector<std::jthread> threads;
  for (int i = 0; i < 20; ++i) {
    threads.emplace_back([&, i] {
      const Handler handler = [&](const Request&) {
        Response response{.headers = kMinute, .body = {}};
        response.headers.Set("Set-Cookie", "id=" + std::to_string(i));
        return response;
      };
      all_there.arrive_and_wait();
      const Response response = cache.Serve(Get("/"), handler).value();
      EXPECT_EQ(response.headers.Find("Set-Cookie"), "id=" + std::to_string(i));
      const std::scoped_lock lock(mutex);
      cookies.push_back(std::string(*response.headers.Find("Set-Cookie")));
    });
  }
  threads.clear();
  std::ranges::sort(cookies);
  EXPECT_EQ(std::ranges::unique(cookies).size(), 0u);
}
INSTANTIATE_TEST_SUITE_P(Stores, PrivateAnswers, testing::Values("leases", "no leases"));

// A store that is down: handlers run, and what is one client's is his alone.
TEST_F(HttpResponses, WhenTheStoreIsDown) {
  const auto network = Network::Open(time_).value();
  const Store store = network->Join("a");
  const ResponseCache cache = ResponseCache::Open(store, {.prefix = "t"}).value();
  network->Crash();
  std::vector<std::string> cookies;
  const auto ask = [&](std::string target, bool is_private) -> Task<void> {
    const CoHandler handler = [&, is_private](Request) -> Task<Response> {
      const std::string number = std::to_string(++runs_);
      co_await Sleep(time_, 10ms);
      Response response{.headers = kMinute, .body = {}};
      if (is_private) response.headers.Set("Set-Cookie", number);
      co_return response;
    };
    const Result<Response> response = co_await cache.CoServe(Get(target), handler);
    EXPECT_TRUE(response.has_value());
    if (is_private) cookies.push_back(std::string(*response->headers.Find("Set-Cookie")));
  };
  for (int i = 0; i < 5; ++i) Detach(ask("/shared", false));
  time_.Advance(1s);
  EXPECT_GE(runs_, 1);
  runs_ = 0;
  for (int i = 0; i < 5; ++i) Detach(ask("/private", true));
  time_.Advance(1s);
  EXPECT_EQ(runs_, 5);
  std::ranges::sort(cookies);
  EXPECT_EQ(cookies, (std::vector<std::string>{"1", "2", "3", "4", "5"}));
  // A change cannot be told to anybody, and is counted.
  Request post = Get("/shared");
  post.method = "POST";
  const CoHandler changes = [](Request) -> Task<Response> { co_return Response{.status = 204}; };
  EXPECT_EQ(time_.Run(cache.CoServe(post, changes))->status, 204);
  EXPECT_EQ(cache.failed_invalidations(), 1u);
  ResponseCacheOptions strict{.prefix = "t"};
  strict.policy.when_store_down = WhenStoreDown::kFail;
  const ResponseCache failing = ResponseCache::Open(store, strict).value();
  EXPECT_FALSE(time_.Run(failing.CoServe(Get("/"), changes)).has_value());
}

// 003: GET and POST /cache/{key} let any caller read and write any key. Here no request names one.
TEST_F(HttpResponses, Guide003CallersReadAndWriteAnyKey) {
  Client& client = store_.client();
  const auto secret = [&] {
    return std::string(client.Call(Command("GET", "session:1")).value().text());
  };
  client.Call(Command("SET", "session:1", "secret")).value();
  // The guide's.
  const auto guide_get = [&](std::string_view target) {
    return std::string(client.Call(Command("GET", target.substr(7)))->text());
  };
  EXPECT_EQ(guide_get("/cache/session:1"), "secret");  // wrong
  // Ours: whatever is asked for, keys are the cache's own.
  const ResponseCache cache = Make();
  for (const char* target :
       {"/cache/session:1", "session:1", "/../session:1", "}:-", "*", "{", ""}) {
    EXPECT_EQ(cache.Serve(Get(target), Says(kMinute))->body, "hello");
    Request post = Get(target);
    post.method = "POST";
    EXPECT_EQ(cache.Serve(post, Says({}))->status, 200);
    EXPECT_EQ(cache.Serve(Get(target), Says(kMinute))->body, "hello");
  }
  EXPECT_EQ(secret(), "secret");
  const Reply keys = client.Call(Command("KEYS", "*")).value();
  for (const Reply& key : keys.elements())
    EXPECT_TRUE(key.text() == "session:1" || key.text().starts_with("http:t:")) << key.text();
}

// A target that is not kept is not asked for one after the other.
TEST_F(HttpResponses, HandlersOfWhatIsNotKeptRunSideBySide) {
  Store store = Store::Open("embedded:").value();
  const ResponseCache cache = ResponseCache::Open(store, {.prefix = "t"}).value();
  const Headers own = {{"Cache-Control", "private"}};
  cache.Serve(Get("/"), Says(own)).value();
  std::latch both_run(2);
  std::vector<std::jthread> threads;
  for (int i = 0; i < 2; ++i) {
    threads.emplace_back([&] {
      const Handler handler = [&](const Request& asked) {
        both_run.arrive_and_wait();
        return Says(own)(asked);
      };
      EXPECT_EQ(StatusOf(*cache.Serve(Get("/"), handler)), "cairn; fwd=bypass");
    });
  }
  threads.clear();
  EXPECT_EQ(cache.passed(), 2u);
}

TEST_F(HttpResponses, WhatIsNotKeptIsTriedAgainAfterAWhile) {
  const ResponseCache cache = Make();
  cache.Serve(Get("/"), Says({})).value();
  cache.Serve(Get("/"), Says(kMinute)).value();
  EXPECT_EQ(cache.passed(), 1u);
  time_.Advance(11s);
  cache.Serve(Get("/"), Says(kMinute)).value();
  EXPECT_EQ(StatusOf(*cache.Serve(Get("/"), Says(kMinute))), "cairn; hit");
  EXPECT_EQ(runs_, 3);
}

// A page that was made of a row before its change is not kept.
TEST_F(HttpResponses, WhatWasInvalidatedWhileItWasMadeIsNotKept) {
  const ResponseCache cache = Make();
  const Handler handler = [&](const Request& asked) {
    const Response old = Says(kMinute)(asked);
    body_ = "new";
    cache.Invalidate("a.example", "/").value();
    return old;
  };
  EXPECT_EQ(cache.Serve(Get("/"), handler)->body, "hello");
  EXPECT_EQ(cache.Serve(Get("/"), Says(kMinute))->body, "new");
}

TEST_F(HttpResponses, CoroutineHandlers) {
  const ResponseCache cache = Make();
  const CoHandler handler = [this](Request) -> Task<Response> {
    ++runs_;
    const Result<Reply> reply = co_await store_.client().CoCall(Command("PING"));
    Response response{.headers = kMinute, .body = {}};
    response.body = reply->text();
    co_return response;
  };
  EXPECT_EQ(SyncWait(cache.CoServe(Get("/"), handler))->body, "PONG");
  EXPECT_EQ(SyncWait(cache.CoServe(Get("/"), handler))->body, "PONG");
  EXPECT_EQ(runs_, 1);
  EXPECT_EQ(cache.count(Outcome::kHit), 1u);
}

}  // namespace
}  // namespace cairn::cache::http
