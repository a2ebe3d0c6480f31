// SPDX-License-Identifier: BSD-3-Clause
// Sessions by a cookie: what the cookie says, when the id changes, and that nobody can be handed
// one.
#include "cairn/http/session_cookie.h"

#include <gtest/gtest.h>

#include "cairn/testkit/network.h"
#include "cairn/testkit/virtual_time.h"

namespace cairn::cache::http {
namespace {

using namespace std::chrono_literals;

class HttpSessions : public testing::Test {
 protected:
  static Request With(std::string_view id) {
    Request request;
    if (!id.empty()) request.headers.Set("Cookie", "x=y; __Host-session=" + std::string(id));
    return request;
  }
  // The id that the answer to `request` sets; "" if the cookie is taken back, "-" if nothing is
  // said.
  static std::string Told(const RequestSession& session) {
    Headers headers;
    EXPECT_TRUE(session.WriteTo(headers).has_value());
    const auto cookie = headers.Find("Set-Cookie");
    if (!cookie) return "-";
    EXPECT_EQ(headers.Find("Cache-Control"), "no-store");
    constexpr std::string_view kName = "__Host-session=";
    EXPECT_TRUE(cookie->starts_with(kName));
    const std::size_t end = cookie->find(';');
    return std::string(cookie->substr(kName.size(), end - kName.size()));
  }
  std::string SignIn(std::string_view old_id = {}) {
    RequestSession session = cookies_.Of(With(old_id));
    EXPECT_TRUE(session.SignIn("user 42", {{"role", "admin"}}).has_value());
    return Told(session);
  }
  bool IsAlive(std::string_view id) {
    RequestSession session = cookies_.Of(With(id));
    return session.Load().value() != nullptr;
  }

  VirtualTime time_;
  Store store_ = Store::Open("embedded:", {.clock = &time_, .scheduler = &time_}).value();
  const Sessions sessions_{store_, "session", {.idle = 30min, .cap = 12h}};
  const SessionCookies cookies_{sessions_};
};

TEST_F(HttpSessions, SignInSetsASafeCookie) {
  RequestSession session = cookies_.Of(With(""));
  EXPECT_EQ(session.Load().value(), nullptr);
  EXPECT_EQ(Told(session), "-");
  const Session* signed_in = session.SignIn("user 42", {{"role", "admin"}}).value();
  ASSERT_NE(signed_in, nullptr);
  Headers headers;
  EXPECT_TRUE(session.WriteTo(headers).has_value());
  EXPECT_EQ(headers.Find("Set-Cookie"),
            "__Host-session=" + signed_in->id + "; Path=/; Secure; HttpOnly; SameSite=Lax");
  RequestSession next = cookies_.Of(With(signed_in->id));
  EXPECT_EQ(next.Load().value()->user, "user 42");
  EXPECT_EQ(next.Load().value()->claims.at("role"), "admin");
  EXPECT_EQ(Told(next), "-");
}

// A cookie that a shared cache keeps is everybody's session.
TEST_F(HttpSessions, NoCacheKeepsACookie) {
  const auto control_of = [](const RequestSession& session, std::string_view own) {
    Headers headers;
    if (!own.empty()) headers.Add("Cache-Control", own);
    EXPECT_TRUE(session.WriteTo(headers).has_value());
    return headers.List("Cache-Control").value_or("");
  };
  RequestSession session = cookies_.Of(With(""));
  EXPECT_EQ(control_of(session, ""), "");
  EXPECT_EQ(control_of(session, "public, max-age=60"), "public, max-age=60");
  // Who has asked who it is has made the answer his.
  EXPECT_EQ(session.Load().value(), nullptr);
  EXPECT_EQ(control_of(session, ""), "private");
  EXPECT_EQ(control_of(session, "public, max-age=60"), "public, max-age=60");
  RequestSession rotated = cookies_.Of(With(""));
  EXPECT_EQ(rotated.Rotate().value(), nullptr);
  EXPECT_EQ(control_of(rotated, ""), "private");
  session.SignIn("user 42").value();
  EXPECT_EQ(control_of(session, ""), "no-store");
  EXPECT_EQ(control_of(session, "public, max-age=60"), "no-store");
  EXPECT_EQ(control_of(session, "max-age=60, s-maxage=600"), "no-store");
  EXPECT_EQ(control_of(session, "private, max-age=60"), "private, max-age=60");
  EXPECT_EQ(control_of(session, "no-store"), "no-store");
}

TEST_F(HttpSessions, NothingIsAskedUntilItIsLoaded) {
  const std::string id = SignIn();
  time_.Advance(20min);
  cookies_.Of(With(id));
  time_.Advance(11min);
  // It did not slide, and has ended.
  EXPECT_FALSE(IsAlive(id));
}

TEST_F(HttpSessions, SlidesWhenItIsLoaded) {
  const std::string id = SignIn();
  for (int i = 0; i < 3; ++i) {
    time_.Advance(20min);
    EXPECT_TRUE(IsAlive(id));
  }
  time_.Advance(31min);
  EXPECT_FALSE(IsAlive(id));
}

// Session fixation: the id that somebody had before he signed in is not that of the one who has.
TEST_F(HttpSessions, SignInRotates) {
  RequestSession anonymous = cookies_.Of(With(""));
  EXPECT_TRUE(anonymous.SignIn("").has_value());
  const std::string before = Told(anonymous);
  EXPECT_TRUE(IsAlive(before));
  const std::string after = SignIn(before);
  EXPECT_NE(after, before);
  EXPECT_FALSE(IsAlive(before));
  EXPECT_TRUE(IsAlive(after));
}

TEST_F(HttpSessions, RotateEndsTheOldId) {
  const std::string before = SignIn();
  RequestSession session = cookies_.Of(With(before));
  EXPECT_EQ(session.Rotate().value()->user, "user 42");
  const std::string after = Told(session);
  EXPECT_NE(after, before);
  EXPECT_FALSE(IsAlive(before));
  EXPECT_TRUE(IsAlive(after));
  RequestSession gone = cookies_.Of(With(before));
  EXPECT_EQ(gone.Rotate().value(), nullptr);
  EXPECT_EQ(Told(gone), "");
  RequestSession none = cookies_.Of(With(""));
  EXPECT_EQ(none.Rotate().value(), nullptr);
  EXPECT_EQ(Told(none), "-");
}

TEST_F(HttpSessions, SignOutEndsItAndTakesTheCookieBack) {
  const std::string id = SignIn();
  RequestSession session = cookies_.Of(With(id));
  EXPECT_TRUE(session.SignOut().has_value());
  EXPECT_EQ(session.Load().value(), nullptr);
  Headers headers;
  EXPECT_TRUE(session.WriteTo(headers).has_value());
  EXPECT_EQ(headers.Find("Set-Cookie"),
            "__Host-session=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Lax");
  EXPECT_FALSE(IsAlive(id));
}

TEST_F(HttpSessions, ACookieOfNoSessionIsTakenBack) {
  for (const std::string_view id : {"nonsense", "00000000000000000000000000000000.x"}) {
    RequestSession session = cookies_.Of(With(id));
    EXPECT_EQ(session.Load().value(), nullptr);
    EXPECT_EQ(Told(session), "");
  }
}

// 002 and 003: an update after a logout brings the session back. Here it changes only what lives.
TEST_F(HttpSessions, UpdateDoesNotUndoASignOut) {
  const std::string id = SignIn();
  RequestSession slow = cookies_.Of(With(id));
  EXPECT_EQ(slow.Load().value()->user, "user 42");
  EXPECT_TRUE(cookies_.Of(With(id)).SignOut().has_value());
  EXPECT_EQ(slow.Update({{"role", "user"}}).value(), nullptr);
  EXPECT_EQ(Told(slow), "");
  EXPECT_FALSE(IsAlive(id));
  EXPECT_EQ(cookies_.Of(With("")).Update({}).error().code, Errc::kInvalid);
}

TEST_F(HttpSessions, UpdatesThatCollideAreConflicts) {
  const std::string id = SignIn();
  RequestSession one = cookies_.Of(With(id));
  RequestSession other = cookies_.Of(With(id));
  EXPECT_TRUE(one.Load() && other.Load());
  EXPECT_EQ(one.Update({{"a", "1"}}).value()->claims.at("a"), "1");
  EXPECT_EQ(other.Update({{"b", "1"}}).error().code, Errc::kConflict);
}

TEST_F(HttpSessions, AStoreThatIsDownIsNotSignedOut) {
  const auto network = Network::Open(time_).value();
  const SessionCookies cookies{Sessions(network->Join("a"), "session")};
  RequestSession session = cookies.Of(With(""));
  ASSERT_TRUE(time_.Run(session.CoSignIn("user 42")).has_value());
  RequestSession next = cookies.Of(With(Told(session)));
  network->Crash();
  EXPECT_FALSE(time_.Run(next.CoLoad()).has_value());
  EXPECT_FALSE(time_.Run(next.CoSignOut()).has_value());
  EXPECT_EQ(Told(next), "-");
}

TEST_F(HttpSessions, OptionsOfTheCookie) {
  const SessionCookies kept(
      sessions_,
      {.name = "id", .same_site = SameSite::kStrict, .is_secure = false, .is_persistent = true});
  RequestSession session = kept.Of(With(""));
  const Session* signed_in = session.SignIn("user 42").value();
  Headers headers = {{"Cache-Control", "private"}};
  EXPECT_TRUE(session.WriteTo(headers).has_value());
  EXPECT_EQ(headers.Find("Set-Cookie"),
            "id=" + signed_in->id + "; Path=/; Max-Age=43200; HttpOnly; SameSite=Strict");
  EXPECT_EQ(headers.Find("Cache-Control"), "private");
  // A browser would not take it.
  const SessionCookies wrong(sessions_, {.is_secure = false});
  RequestSession refused = wrong.Of(With(""));
  EXPECT_TRUE(refused.SignIn("user 42").has_value());
  EXPECT_EQ(refused.WriteTo(headers).error().code, Errc::kInvalid);
}

TEST_F(HttpSessions, Coroutines) {
  RequestSession session = cookies_.Of(With(""));
  EXPECT_TRUE(SyncWait(session.CoSignIn("user 42")).has_value());
  EXPECT_TRUE(SyncWait(session.CoUpdate({{"a", "1"}})).has_value());
  EXPECT_NE(SyncWait(session.CoRotate()).value(), nullptr);
  EXPECT_NE(SyncWait(session.CoLoad()).value(), nullptr);
  EXPECT_TRUE(SyncWait(session.CoSignOut()).has_value());
}

}  // namespace
}  // namespace cairn::cache::http
