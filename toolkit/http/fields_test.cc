// SPDX-License-Identifier: BSD-3-Clause
// Parsers of headers: rows of input and what is read, the RFCs' own examples among them, and each
// named limit at its edge.
#include "cairn/http/fields.h"

#include <gtest/gtest.h>

#include "cairn/http/conditional.h"
#include "cairn/http/cookie.h"
#include "http/negotiation.h"
#include "http/scan.h"

namespace cairn::cache::http {
namespace {

using namespace std::chrono_literals;

constexpr UnixTime kNow{std::chrono::milliseconds(1'767'225'600'000)};  // 2026-01-01

TEST(HttpFields, ListsDivideOutsideQuotes) {
  const auto items = SplitList(" a , \"b,\\\"c\" ,, d=\"e,f\"");
  ASSERT_TRUE(items.has_value());
  EXPECT_EQ(*items, (std::vector<std::string_view>{"a", "\"b,\\\"c\"", "d=\"e,f\""}));
  EXPECT_FALSE(SplitList("a, \"b").has_value());
  EXPECT_TRUE(SplitList("")->empty());
}

TEST(HttpFields, ListsOfMoreThanTheLimitAreNotRead) {
  std::string items;
  for (std::size_t i = 0; i < kListItemsMax; ++i) items += "a,";
  EXPECT_EQ(SplitList(items)->size(), kListItemsMax);
  EXPECT_FALSE(SplitList(items + "a").has_value());
  EXPECT_TRUE(SplitList(std::string(kFieldBytesMax, 'a')).has_value());
  EXPECT_FALSE(SplitList(std::string(kFieldBytesMax + 1, 'a')).has_value());
}

TEST(HttpFields, EntityTags) {
  struct Row {
    std::string_view text;
    std::optional<EntityTag> tag;
  };
  const Row rows[] = {
      {"\"xyzzy\"", EntityTag{"xyzzy", false}},
      {"W/\"xyzzy\"", EntityTag{"xyzzy", true}},
      {"\"\"", EntityTag{"", false}},
      {"\"a\\\"", EntityTag{"a\\", false}},
      {"w/\"a\"", std::nullopt},
      {"xyzzy", std::nullopt},
      {"\"", std::nullopt},
      {"\"a b\"", std::nullopt},
      {"\"a\"b\"", std::nullopt},
      {"\"a\x7F\"", std::nullopt},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(EntityTag::Parse(row.text), row.tag) << row.text;
    if (row.tag) EXPECT_EQ(row.tag->text(), row.text);
  }
}

// RFC 9110, 8.8.3.2: the table of its example.
TEST(HttpFields, EntityTagsCompareAsInTheRfc) {
  struct Row {
    EntityTag one;
    EntityTag other;
    bool is_strong;
    bool is_weak;
  };
  const Row rows[] = {
      {{"1", true}, {"1", true}, false, true},
      {{"1", true}, {"2", true}, false, false},
      {{"1", true}, {"1", false}, false, true},
      {{"1", false}, {"1", false}, true, true},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(row.one.MatchesStrongly(row.other), row.is_strong);
    EXPECT_EQ(row.one.MatchesWeakly(row.other), row.is_weak);
  }
}

TEST(HttpFields, ListsOfEntityTags) {
  const auto list = EntityTagList::Parse("\"a\", W/\"b,c\" ,, \"d\\\", \"e\"");
  ASSERT_TRUE(list.has_value());
  ASSERT_EQ(list->tags.size(), 4u);
  EXPECT_EQ(list->tags[1].opaque, "b,c");
  EXPECT_EQ(list->tags[2].opaque, "d\\");
  EXPECT_TRUE(EntityTagList::Parse(" * ")->is_any);
  for (const std::string_view text : {"a", "\"a\" \"b\"", "\"a\", *", "\"a\", \"b", "W/", "\"a\"b"})
    EXPECT_FALSE(EntityTagList::Parse(text).has_value()) << text;
  std::string most;
  for (std::size_t i = 0; i < kListItemsMax; ++i) most += "\"a\",";
  EXPECT_EQ(EntityTagList::Parse(most)->tags.size(), kListItemsMax);
  EXPECT_FALSE(EntityTagList::Parse(most + "\"a\"").has_value());
}

TEST(HttpFields, EntityTagsOfContent) {
  const EntityTag tag = EntityTag::Of("text/html", "hello");
  EXPECT_EQ(tag.opaque.size(), 32u);
  EXPECT_FALSE(tag.is_weak);
  EXPECT_EQ(tag, EntityTag::Of("text/html", "hello"));
  EXPECT_NE(tag, EntityTag::Of("text/plain", "hello"));
  EXPECT_NE(tag, EntityTag::Of("text/htmlh", "ello"));
}

// RFC 9110, 5.6.7: one moment in three forms.
TEST(HttpFields, Dates) {
  const UnixTime moment{784'111'777s};
  EXPECT_EQ(FormatDate(moment), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(ParseDate("Sun, 06 Nov 1994 08:49:37 GMT", kNow), moment);
  EXPECT_EQ(ParseDate("Sunday, 06-Nov-94 08:49:37 GMT", kNow), moment);
  EXPECT_EQ(ParseDate("Sun Nov  6 08:49:37 1994", kNow), moment);
  EXPECT_EQ(ParseDate(FormatDate(kNow), kNow), kNow);
  EXPECT_EQ(FormatDate(*ParseDate("Friday, 01-Jan-70 00:00:00 GMT", kNow)),
            "Wed, 01 Jan 2070 00:00:00 GMT");
  for (const std::string_view text :
       {"", "0", "Sun, 6 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 CET",
        "Sun, 31 Feb 1994 08:49:37 GMT", "Sun, 06 Nov 1994 24:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:61 GMT", "Sun, 06 Nov 1994 08:49:37 GMT ",
        "Sun, 06 nov 1994 08:49:37 GMT", "784111777"})
    EXPECT_FALSE(ParseDate(text, kNow).has_value()) << text;
}

TEST(HttpFields, CacheControl) {
  const auto control = CacheControl::Parse(
      "Public, MAX-AGE=60, s-maxage=\"30\", must-revalidate, stale-while-revalidate=5, x=\",\"");
  EXPECT_TRUE(control.is_public);
  EXPECT_TRUE(control.must_revalidate);
  EXPECT_FALSE(control.no_store);
  EXPECT_EQ(control.max_age, 60s);
  EXPECT_EQ(control.s_maxage, 30s);
  EXPECT_EQ(control.stale_while_revalidate, 5s);
  EXPECT_TRUE(CacheControl::Parse("private=\"Set-Cookie, X\"").is_private);
  EXPECT_TRUE(CacheControl::Parse("no-cache=\"a\"").no_cache);
  EXPECT_TRUE(CacheControl::Parse("only-if-cached").only_if_cached);
  EXPECT_TRUE(CacheControl::Parse("proxy-revalidate").must_revalidate);
}

// Whatever is unclear is taken so that less is kept.
TEST(HttpFields, CacheControlThatIsUnclearIsStrict) {
  EXPECT_EQ(CacheControl::Parse("max-age=60, max-age=10").max_age, 10s);
  EXPECT_EQ(CacheControl::Parse("min-fresh=60, min-fresh=10").min_fresh, 60s);
  EXPECT_EQ(CacheControl::Parse("max-age").max_age, 0s);
  EXPECT_EQ(CacheControl::Parse("max-age=-1").max_age, 0s);
  EXPECT_EQ(CacheControl::Parse("max-age=1.5").max_age, 0s);
  EXPECT_EQ(CacheControl::Parse("max-age=99999999999999999999").max_age, CacheControl::kSecondsMax);
  EXPECT_TRUE(CacheControl::Parse("max-age=60, x=\"").no_store);
  EXPECT_TRUE(CacheControl::Parse(std::string(kFieldBytesMax + 1, ',')).no_store);
}

TEST(HttpFields, PreferredValues) {
  const std::vector<std::string> languages = {"en", "de"};
  EXPECT_EQ(Preferred("de-CH, de;q=0.9, en;q=0.8", languages), "de");
  EXPECT_EQ(Preferred("fr, en;q=0.2", languages), "en");
  EXPECT_EQ(Preferred("*", languages), "en");
  EXPECT_EQ(Preferred("*, en;q=0", languages), "de");
  EXPECT_EQ(Preferred("en;q=0.5, DE;q=0.5", languages), "en");
  EXPECT_EQ(Preferred("fr", languages), std::nullopt);
  EXPECT_EQ(Preferred("en;q=0", languages), std::nullopt);
  EXPECT_EQ(Preferred("en;q=2", languages), std::nullopt);
  EXPECT_EQ(Preferred("en;q=0.1234", languages), std::nullopt);
  EXPECT_EQ(Preferred("english", languages), std::nullopt);
  EXPECT_EQ(Preferred("", languages), std::nullopt);
  EXPECT_EQ(Preferred("text/*;q=0.3, text/html;q=0.1, */*;q=0.2",
                      {"text/html", "text/plain", "image/png"}),
            "text/plain");
}

Precondition Ask(Headers headers, const Validators& current, std::string method = "GET") {
  Request request{.method = std::move(method), .target = "/", .host = {}};
  request.headers = std::move(headers);
  return Evaluate(request, current, kNow);
}

TEST(HttpConditional, InTheOrderOfTheRfc) {
  const Validators current{.etag = EntityTag{"1", false}, .last_modified = UnixTime(784'111'777s)};
  const std::string same = "Sun, 06 Nov 1994 08:49:37 GMT";
  const std::string before = "Sun, 06 Nov 1994 08:49:36 GMT";
  using enum Precondition;
  struct Row {
    Headers headers;
    Precondition outcome;
  };
  const Row rows[] = {
      {{}, kProceed},
      {{{"If-None-Match", "\"1\""}}, kNotModified},
      {{{"If-None-Match", "W/\"1\""}}, kNotModified},
      {{{"If-None-Match", "\"0\", \"1\""}}, kNotModified},
      {{{"If-None-Match", "\"0\""}, {"If-None-Match", "\"1\""}}, kNotModified},
      {{{"If-None-Match", "*"}}, kNotModified},
      {{{"If-None-Match", "\"2\""}}, kProceed},
      {{{"If-None-Match", "1"}}, kProceed},
      // With an entity-tag the date does not count.
      {{{"If-None-Match", "\"2\""}, {"If-Modified-Since", same}}, kProceed},
      {{{"If-Modified-Since", same}}, kNotModified},
      {{{"If-Modified-Since", before}}, kProceed},
      {{{"If-Modified-Since", "yesterday"}}, kProceed},
      {{{"If-Match", "\"1\""}}, kProceed},
      {{{"If-Match", "W/\"1\""}}, kFailed},
      {{{"If-Match", "\"2\""}}, kFailed},
      {{{"If-Match", "nonsense"}}, kFailed},
      {{{"If-Match", "*"}}, kProceed},
      {{{"If-Match", "\"2\""}, {"If-None-Match", "\"1\""}}, kFailed},
      {{{"If-Unmodified-Since", same}}, kProceed},
      {{{"If-Unmodified-Since", before}}, kFailed},
      {{{"If-Match", "\"1\""}, {"If-Unmodified-Since", before}}, kProceed},
  };
  for (const Row& row : rows) {
    const auto shown = row.headers.empty() ? "" : row.headers.begin()->value;
    EXPECT_EQ(Ask(row.headers, current), row.outcome) << shown;
  }
  EXPECT_EQ(Ask({{"If-None-Match", "*"}}, current, "PUT"), kFailed);
  EXPECT_EQ(Ask({{"If-None-Match", "\"1\""}}, current, "HEAD"), kNotModified);
  EXPECT_EQ(Ask({{"If-None-Match", "\"1\""}}, {}), kProceed);
}

TEST(HttpConditional, RangesOfTheSameRepresentationOnly) {
  Validators current{.etag = EntityTag{"1", false},
                     .last_modified = UnixTime(784'111'777s + 300ms),
                     .date = UnixTime(784'111'778s)};
  const auto may = [&](std::string value) {
    Request request;
    request.headers.Set("If-Range", value);
    return MayServeRange(request, current, kNow);
  };
  EXPECT_TRUE(MayServeRange({}, current, kNow));
  EXPECT_TRUE(may("\"1\""));
  EXPECT_FALSE(may("W/\"1\""));
  EXPECT_FALSE(may("\"2\""));
  EXPECT_TRUE(may("Sun, 06 Nov 1994 08:49:37 GMT"));
  EXPECT_FALSE(may("Sun, 06 Nov 1994 08:49:38 GMT"));
  EXPECT_FALSE(may("nonsense"));
  // RFC 9110, 8.8.2.2: a date of the second in which it was sent is weak: it may have changed
  // since.
  current.date = UnixTime(784'111'777s);
  EXPECT_FALSE(may("Sun, 06 Nov 1994 08:49:37 GMT"));
  current.date = {};
  EXPECT_FALSE(may("Sun, 06 Nov 1994 08:49:37 GMT"));
  const Headers headers = {{"Date", "Sun, 06 Nov 1994 08:49:37 GMT"}};
  EXPECT_EQ(Validators::Of(headers, kNow).date, UnixTime(784'111'777s));
}

TEST(HttpConditional, NotModifiedKeepsWhatCachesNeed) {
  Response response{.status = 200, .headers = {}, .body = "x"};
  response.headers = {
      {"ETag", "\"1\""}, {"Content-Type", "text/plain"}, {"vary", "A"}, {"Set-Cookie", "a=b"}};
  const Response answer = NotModified(response);
  EXPECT_EQ(answer.status, 304);
  EXPECT_TRUE(answer.body.empty());
  EXPECT_EQ(answer.headers, (Headers{{"ETag", "\"1\""}, {"vary", "A"}}));
}

TEST(HttpCookie, FindsByName) {
  Request request;
  request.headers.Add("Cookie", "a=1; b=x=y;c=; A=2;nonsense;  d = 3 ");
  request.headers.Add("cookie", "e=4; a=5");
  EXPECT_EQ(FindCookie(request, "a"), "1");
  EXPECT_EQ(FindCookie(request, "A"), "2");
  EXPECT_EQ(FindCookie(request, "b"), "x=y");
  EXPECT_EQ(FindCookie(request, "c"), "");
  EXPECT_EQ(FindCookie(request, "d"), "3");
  EXPECT_EQ(FindCookie(request, "e"), "4");
  EXPECT_EQ(FindCookie(request, "nonsense"), std::nullopt);
}

TEST(HttpCookie, NoMoreThanTheLimitAreLookedAt) {
  for (const std::size_t before : {kCookiesMax - 1, kCookiesMax}) {
    Request request;
    std::string cookies;
    for (std::size_t i = 0; i < before; ++i) cookies += "x=0;";
    request.headers.Add("Cookie", cookies + "a=1");
    EXPECT_EQ(FindCookie(request, "a").has_value(), before < kCookiesMax);
  }
}

TEST(HttpCookie, IsSafeByDefault) {
  EXPECT_EQ(*(SetCookie{.name = "__Host-id", .value = "x"}.Text()),
            "__Host-id=x; Path=/; Secure; HttpOnly; SameSite=Lax");
  SetCookie cookie{.name = "id", .value = "", .path = "/a", .domain = "a.example"};
  cookie.max_age = 0s;
  cookie.is_secure = false;
  cookie.is_http_only = false;
  cookie.same_site = SameSite::kStrict;
  EXPECT_EQ(*cookie.Text(), "id=; Path=/a; Domain=a.example; Max-Age=0; SameSite=Strict");
  cookie.max_age = 500 * 24h;
  EXPECT_NE(cookie.Text()->find("Max-Age=34560000;"), std::string::npos);
}

TEST(HttpCookie, WhatBrowsersRefuseIsAnError) {
  SetCookie good{.name = "__Host-id", .value = "x"};
  const auto code = [&](auto change) {
    SetCookie cookie = good;
    change(cookie);
    const Result<std::string> text = cookie.Text();
    return text ? std::optional<Errc>() : text.error().code;
  };
  EXPECT_EQ(code([](SetCookie&) {}), std::nullopt);
  EXPECT_EQ(code([](SetCookie& c) { c.is_secure = false; }), Errc::kInvalid);
  EXPECT_EQ(code([](SetCookie& c) { c.path = "/a"; }), Errc::kInvalid);
  EXPECT_EQ(code([](SetCookie& c) { c.domain = "a.example"; }), Errc::kInvalid);
  EXPECT_EQ(code([](SetCookie& c) { c.name = "__host-id", c.path = "/a"; }), Errc::kInvalid);
  EXPECT_EQ(code([](SetCookie& c) { c.name = "__Secure-id", c.is_secure = false; }),
            Errc::kInvalid);
  EXPECT_EQ(code([](SetCookie& c) { c.name = "a b"; }), Errc::kInvalid);
  EXPECT_EQ(code([](SetCookie& c) { c.name = ""; }), Errc::kInvalid);
  EXPECT_EQ(code([](SetCookie& c) { c.value = "a; Domain=evil"; }), Errc::kInvalid);
  EXPECT_EQ(code([](SetCookie& c) { c.value = "a\r\nSet-Cookie: b=c"; }), Errc::kInvalid);
  EXPECT_EQ(code([](SetCookie& c) { c.name = "id", c.path = "/;x"; }), Errc::kInvalid);
  EXPECT_EQ(code([](SetCookie& c) {
              c.name = "id";
              c.is_secure = false;
              c.same_site = SameSite::kNone;
            }),
            Errc::kInvalid);
  const std::size_t room = kCookieBytesMax - good.name.size();
  EXPECT_EQ(code([&](SetCookie& c) { c.value.assign(room, 'a'); }), std::nullopt);
  EXPECT_EQ(code([&](SetCookie& c) { c.value.assign(room + 1, 'a'); }), Errc::kLimit);
}

}  // namespace
}  // namespace cairn::cache::http
