// SPDX-License-Identifier: BSD-3-Clause
// Sessions over an embedded store, by virtual time. Where a guide's sessions break, its algorithm
// stands first.
#include "cairn/sessions.h"

#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "cairn/testkit/virtual_time.h"

namespace cairn::cache {
namespace {

using namespace std::chrono_literals;

class SessionStore : public testing::Test {
 protected:
  Sessions Make(SessionOptions options = {.idle = 1000ms, .cap = 5000ms}) {
    return Sessions(store_, "session", options);
  }
  Reply Call(const Command& command) { return store_.client().Call(command).value(); }
  std::int64_t Number(const Command& command) { return Call(command).AsInteger().value(); }
  std::size_t KeyCount() { return Call(Command("KEYS", "session:*")).elements().size(); }
  // Nothing of ours is ever without an expiry.
  void ExpectAllExpire() {
    const Reply keys = Call(Command("KEYS", "session:*"));
    for (const Reply& key : keys.elements()) EXPECT_GT(Number(Command("PTTL", key.text())), 0);
  }

  VirtualTime time_;
  Store store_ = Store::Open("embedded:", {.clock = &time_, .scheduler = &time_}).value();
};

TEST_F(SessionStore, CreateGetDestroy) {
  const Sessions sessions = Make();
  const Session session = sessions.Create("ada", {{"role", "admin"}}).value();
  EXPECT_EQ(session.version, 1);
  EXPECT_EQ(session.left, 1000ms);
  EXPECT_EQ(session.end - session.created, 5000ms);
  const Session found = sessions.Get(session.id)->value();
  EXPECT_EQ(found.id, session.id);
  EXPECT_EQ(found.user, "ada");
  EXPECT_EQ(found.claims.at("role"), "admin");
  ExpectAllExpire();
  EXPECT_TRUE(sessions.Destroy(session.id).value());
  EXPECT_FALSE(sessions.Destroy(session.id).value());
  EXPECT_FALSE(sessions.Get(session.id)->has_value());
  EXPECT_EQ(KeyCount(), 0u);
}

TEST_F(SessionStore, Coroutines) {
  const Sessions sessions = Make();
  const Session session = SyncWait(sessions.CoCreate("ada", {{"n", "1"}})).value();
  EXPECT_TRUE(SyncWait(sessions.CoGet(session.id))->has_value());
  EXPECT_TRUE(SyncWait(sessions.CoTouch(session.id))->has_value());
  const auto set = [](Claims& claims) { claims["n"] = "2"; };
  EXPECT_EQ(SyncWait(sessions.CoModify(session.id, set)).value()->claims.at("n"), "2");
  EXPECT_EQ(SyncWait(sessions.CoUpdate(session)).error().code, Errc::kConflict);
  const Session rotated = *SyncWait(sessions.CoRotate(session.id)).value();
  EXPECT_EQ(SyncWait(sessions.CoOf("ada"))->size(), 1u);
  EXPECT_FALSE(SyncWait(sessions.CoDestroy(session.id)).value());
  const Session other = SyncWait(sessions.CoCreate("ada")).value();
  EXPECT_EQ(SyncWait(sessions.CoDestroyAll("ada", rotated.id)).value(), 1);
  const std::string handle = SyncWait(sessions.CoOf("ada")).value()[0].handle;
  EXPECT_TRUE(SyncWait(sessions.CoDestroyOne("ada", handle)).value());
  EXPECT_EQ(KeyCount(), 0u);
  EXPECT_FALSE(SyncWait(sessions.CoGet(other.id))->has_value());
}

TEST_F(SessionStore, SlidesToItsEndAndNoFurther) {
  const Sessions sessions = Make();
  const std::string id = sessions.Create("ada")->id;
  for (int i = 0; i < 6; ++i) {
    time_.Advance(800ms);
    ASSERT_TRUE(sessions.Touch(id)->has_value());
    ExpectAllExpire();
  }
  EXPECT_EQ(sessions.Touch(id).value()->left, 200ms);  // 4.8 s of 5
  time_.Advance(200ms);
  EXPECT_FALSE(sessions.Touch(id)->has_value());
  EXPECT_EQ(KeyCount(), 0u);
}

TEST_F(SessionStore, GetProlongsNothing) {
  const Sessions sessions = Make();
  const std::string id = sessions.Create("ada")->id;
  time_.Advance(999ms);
  EXPECT_EQ(sessions.Get(id).value()->left, 1ms);
  time_.Advance(1ms);
  EXPECT_FALSE(sessions.Get(id)->has_value());
}

// The hash lives as long as its longest session; a shorter one is gone with its own time.
TEST_F(SessionStore, OneOfSeveralExpires) {
  const Sessions sessions = Make();
  const Session first = sessions.Create("ada").value();
  time_.Advance(600ms);
  const Session second = sessions.Create("ada").value();
  time_.Advance(600ms);
  EXPECT_FALSE(sessions.Get(first.id)->has_value());
  EXPECT_FALSE(sessions.Touch(first.id)->has_value());
  EXPECT_FALSE(sessions.Update(first)->has_value());
  EXPECT_FALSE(sessions.Rotate(first.id)->has_value());
  EXPECT_FALSE(sessions.Destroy(first.id).value());
  EXPECT_TRUE(sessions.Touch(second.id)->has_value());
  EXPECT_EQ(sessions.Of("ada")->size(), 1u);
}

TEST_F(SessionStore, IdsAreNotInTheStore) {
  const Sessions sessions = Make();
  const Session session = sessions.Create("ada", {{"role", "admin"}}).value();
  EXPECT_EQ(session.id.size(), 81u);
  EXPECT_NE(sessions.Create("ada")->id, session.id);
  const std::string secret = session.id.substr(33);
  const Reply keys = Call(Command("KEYS", "*"));
  ASSERT_EQ(keys.elements().size(), 1u);
  EXPECT_EQ(keys.elements()[0].text().find(secret), std::string_view::npos);
  const Reply hash = Call(Command("HGETALL", keys.elements()[0].text()));
  for (const Reply& word : hash.elements())
    EXPECT_EQ(word.text().find(secret), std::string_view::npos);
  // What is in the store opens nothing.
  const std::string handle = sessions.Of("ada").value()[0].handle;
  EXPECT_FALSE(sessions.Get(handle)->has_value());
  EXPECT_FALSE(sessions.Get(session.id.substr(0, 33) + handle + "00000000")->has_value());
}

TEST_F(SessionStore, WhatIsNoId) {
  const Sessions sessions = Make();
  Session session = sessions.Create("ada").value();
  std::string other = session.id;
  other.back() = other.back() == '0' ? '1' : '0';
  std::string forged = session.id;
  forged[0] = '}';
  for (const std::string& id :
       {std::string(), std::string("x"), other, forged, std::string(81, '\0'), session.id + "0",
        std::string(100'000, 'a')}) {
    EXPECT_FALSE(sessions.Get(id)->has_value());
    EXPECT_FALSE(sessions.Touch(id)->has_value());
    EXPECT_FALSE(sessions.Rotate(id)->has_value());
    EXPECT_FALSE(sessions.Destroy(id).value());
  }
  session.id = "x";
  EXPECT_EQ(sessions.Update(session).error().code, Errc::kInvalid);
  EXPECT_EQ(sessions.Of("").error().code, Errc::kInvalid);
  EXPECT_FALSE(sessions.DestroyOne("ada", "u").value());
  const Claims large = {{"x", std::string(kClaimsBytesMax, 'x')}};
  EXPECT_EQ(sessions.Create("ada", large).error().code, Errc::kLimit);
}

TEST_F(SessionStore, RotationKillsTheOldIdAtOnce) {
  const Sessions sessions = Make();
  const Session session = sessions.Create("ada", {{"role", "admin"}}).value();
  time_.Advance(500ms);
  const Session rotated = sessions.Rotate(session.id).value().value();
  EXPECT_NE(rotated.id, session.id);
  EXPECT_EQ(rotated.claims, session.claims);
  EXPECT_EQ(rotated.user, "ada");
  EXPECT_EQ(rotated.end, session.end);  // the absolute end stays
  EXPECT_FALSE(sessions.Get(session.id)->has_value());
  EXPECT_FALSE(sessions.Touch(session.id)->has_value());
  EXPECT_FALSE(sessions.Update(session)->has_value());
  EXPECT_FALSE(sessions.Rotate(session.id)->has_value());
  EXPECT_EQ(sessions.Of("ada")->size(), 1u);
  EXPECT_TRUE(sessions.Touch(rotated.id)->has_value());
}

TEST_F(SessionStore, AllSessionsOfAUser) {
  const Sessions sessions = Make({.idle = 10s, .cap = 100s});
  const Session first = sessions.Create("ada").value();
  time_.Advance(10ms);
  const Session second = sessions.Create("ada").value();
  time_.Advance(10ms);
  const Session third = sessions.Create("ada").value();
  const Session eve = sessions.Create("eve").value();
  time_.Advance(10ms);
  sessions.Touch(first.id).value();
  const std::vector<SessionInfo> list = sessions.Of("ada").value();
  ASSERT_EQ(list.size(), 3u);
  EXPECT_EQ(list[0].created, first.created);
  EXPECT_GT(list[0].touched, list[1].touched);
  EXPECT_EQ(list[1].created, third.created);
  EXPECT_TRUE(sessions.DestroyOne("ada", list[1].handle).value());
  EXPECT_FALSE(sessions.Get(third.id)->has_value());
  EXPECT_FALSE(sessions.DestroyOne("eve", list[0].handle).value());
  EXPECT_EQ(sessions.DestroyAll("ada", second.id).value(), 1);
  EXPECT_FALSE(sessions.Get(first.id)->has_value());
  EXPECT_TRUE(sessions.Get(second.id)->has_value());
  EXPECT_EQ(sessions.DestroyAll("ada").value(), 1);
  EXPECT_EQ(sessions.DestroyAll("ada").value(), 0);
  EXPECT_TRUE(sessions.Of("ada")->empty());
  EXPECT_TRUE(sessions.Get(eve.id)->has_value());
  EXPECT_EQ(KeyCount(), 1u);
}

TEST_F(SessionStore, TheOneUsedLongestAgoMakesRoom) {
  const Sessions sessions = Make({.idle = 10s, .cap = 100s, .per_user_max = 3});
  std::vector<std::string> ids;
  for (int i = 0; i < 3; ++i) {
    ids.push_back(sessions.Create("ada")->id);
    time_.Advance(1ms);
  }
  sessions.Touch(ids[0]).value();
  const std::string last = sessions.Create("ada")->id;
  EXPECT_FALSE(sessions.Get(ids[1])->has_value());
  for (const std::string& id : {ids[0], ids[2], last}) EXPECT_TRUE(sessions.Get(id)->has_value());
}

TEST_F(SessionStore, NobodysSessionsAreApart) {
  const Sessions sessions = Make();
  const Session first = sessions.Create("").value();
  const Session second = sessions.Create("").value();
  EXPECT_NE(first.id.substr(0, 32), second.id.substr(0, 32));
  EXPECT_EQ(KeyCount(), 2u);
  EXPECT_EQ(sessions.Get(first.id).value()->user, "");
}

// ---- The mistakes of guides --------------------------------------------------------------------

// 002: HSET, a crash, no EXPIRE: the session is immortal. No command of ours leaves one like that.
TEST_F(SessionStore, HsetThenExpireMakesImmortals) {
  Call(Command("HSET", "guide:1", "user", "ada"));  // and the process dies
  time_.Advance(24h * 365);
  EXPECT_EQ(Number(Command("EXISTS", "guide:1")), 1);
  const Sessions sessions = Make();
  const Session session = sessions.Create("ada").value();
  ExpectAllExpire();
  sessions.Touch(session.id).value();
  sessions.Update(session).value();
  sessions.Rotate(session.id).value();
  ExpectAllExpire();
  // Even one whose key was made to stay.
  const std::string key(Call(Command("KEYS", "session:*")).elements()[0].text());
  EXPECT_EQ(Number(Command("PERSIST", key)), 1);
  const std::string other = sessions.Create("ada")->id;
  ExpectAllExpire();
  time_.Advance(1000ms);
  EXPECT_FALSE(sessions.Get(other)->has_value());
  EXPECT_EQ(KeyCount(), 0u);
}

// 002: HGETALL, then EXPIRE: what ends between the two is served as if it had been prolonged.
TEST_F(SessionStore, HgetallThenExpireServesTheDead) {
  Call(Command("HSET", "guide:1", "user", "ada"));
  Call(Command("PEXPIRE", "guide:1", 1000));
  time_.Advance(999ms);
  const Reply read = Call(Command("HGETALL", "guide:1"));
  time_.Advance(1ms);
  EXPECT_EQ(Number(Command("PEXPIRE", "guide:1", 1000)), 0);
  EXPECT_EQ(read.elements().size(), 2u);  // signed in, and the next request is not
  // Ours is one command: who gets a session has it for the time that it says.
  const Sessions sessions = Make();
  const std::string id = sessions.Create("ada")->id;
  time_.Advance(999ms);
  EXPECT_TRUE(sessions.Touch(id)->has_value());
  time_.Advance(999ms);
  EXPECT_TRUE(sessions.Get(id)->has_value());
}

// 002: whoever goes on using it (or has stolen it) has it for ever.
TEST_F(SessionStore, NoAbsoluteLifetime) {
  Call(Command("HSET", "guide:1", "user", "ada"));
  const Sessions sessions = Make();
  const std::string id = sessions.Create("ada")->id;
  std::size_t touched = 0;
  for (int i = 0; i < 100; ++i) {
    Call(Command("PEXPIRE", "guide:1", 1000));
    touched += sessions.Touch(id)->has_value() ? 1 : 0;
    time_.Advance(500ms);
  }
  EXPECT_EQ(Number(Command("EXISTS", "guide:1")), 1);
  EXPECT_EQ(touched, 10u);
}

// 002: the id that was known before the sign-in is good after it.
TEST_F(SessionStore, NoRotation) {
  Call(Command("SET", "guide:planted", "nobody"));
  Call(Command("SET", "guide:planted", "ada"));                    // the sign-in
  EXPECT_EQ(Call(Command("GET", "guide:planted")).text(), "ada");  // by who has planted it
  const Sessions sessions = Make();
  const Session planted = sessions.Create("").value();
  const Session session = sessions.Create("ada", planted.claims).value();
  EXPECT_TRUE(sessions.Destroy(planted.id).value());
  EXPECT_FALSE(sessions.Get(planted.id)->has_value());
  EXPECT_TRUE(sessions.Get(session.id)->has_value());
}

// 003, update_session: GET, change, SET.
TEST_F(SessionStore, UpdateSessionLosesUpdates) {
  Call(Command("SET", "guide", ""));
  const std::string first(Call(Command("GET", "guide")).text());
  const std::string second(Call(Command("GET", "guide")).text());
  Call(Command("SET", "guide", first + "a"));
  Call(Command("SET", "guide", second + "b"));
  EXPECT_EQ(Call(Command("GET", "guide")).text(), "b");  // "a" is lost
  const Sessions sessions = Make();
  Session one = sessions.Create("ada").value();
  Session two = sessions.Get(one.id).value().value();
  one.claims["a"] = "1";
  two.claims["b"] = "1";
  EXPECT_EQ(sessions.Update(one).value()->version, 2);
  EXPECT_EQ(sessions.Update(two).error().code, Errc::kConflict);
  sessions.Modify(one.id, [](Claims& claims) { claims["b"] = "1"; }).value();
  EXPECT_EQ(sessions.Get(one.id).value()->claims, (Claims{{"a", "1"}, {"b", "1"}}));
}

// 003: a session that is destroyed in between comes back to life: the logout is undone.
TEST_F(SessionStore, UpdateSessionResurrects) {
  Call(Command("SET", "guide", "ada"));
  const std::string read(Call(Command("GET", "guide")).text());
  Call(Command("DEL", "guide"));
  Call(Command("SET", "guide", read + "+"));
  EXPECT_EQ(Number(Command("EXISTS", "guide")), 1);
  const Sessions sessions = Make();
  const Session session = sessions.Create("ada").value();
  EXPECT_TRUE(sessions.Destroy(session.id).value());
  EXPECT_FALSE(sessions.Update(session)->has_value());
  EXPECT_FALSE(sessions.Touch(session.id)->has_value());
  EXPECT_FALSE(sessions.Modify(session.id, [](Claims&) {})->has_value());
  EXPECT_EQ(KeyCount(), 0u);
  const auto edit = [&](Claims& claims) {
    claims["x"] = "1";
    sessions.DestroyAll("eve").value();  // behind its read
  };
  const Session eve = sessions.Create("eve").value();
  EXPECT_FALSE(sessions.Modify(eve.id, edit)->has_value());
  EXPECT_EQ(KeyCount(), 0u);
}

// 003, get_user_sessions: a scan of all sessions of all users, and a GET for each.
TEST_F(SessionStore, GetUserSessionsScans) {
  const Sessions sessions = Make({.idle = 1000s, .cap = 5000s});
  for (int i = 0; i < 200; ++i) {
    Call(Command("SET", "guide:" + std::to_string(i), i == 7 ? "ada" : "others"));
    sessions.Create(i == 7 ? "ada" : "others" + std::to_string(i)).value();
  }
  int calls = 0;
  int found = 0;
  const Reply keys = Call(Command("KEYS", "guide:*"));
  for (const Reply& key : keys.elements()) {
    ++calls;
    found += Call(Command("GET", key.text())).text() == "ada" ? 1 : 0;
  }
  EXPECT_EQ(found, 1);
  EXPECT_EQ(calls, 200);
  // Ours touches the user's key and no other: with all others unreadable it gives the same.
  const std::string own = "session:{" + sessions.Create("ada")->id.substr(0, 32) + "}";
  const Reply all = Call(Command("KEYS", "session:*"));
  for (const Reply& key : all.elements()) {
    if (key.text() != own) Call(Command("SET", key.text(), "no hash"));
  }
  EXPECT_EQ(sessions.Of("ada")->size(), 2u);
}

TEST(SessionThreads, ModifyLosesNothing) {
  const Store store = Store::Open("embedded:").value();
  const Sessions sessions(store, "session");
  const std::string id = sessions.Create("ada", {{"n", "0"}})->id;
  std::vector<std::thread> threads;
  std::atomic<int> applied{0};
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 50; ++i) {
        const auto add = [](Claims& claims) { claims["n"] += "x"; };
        if (sessions.Modify(id, add)) ++applied;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_GT(applied, 0);
  const std::size_t count = sessions.Get(id).value()->claims.at("n").size() - 1;
  EXPECT_EQ(count, static_cast<std::size_t>(applied));
}

TEST_F(SessionStore, TimesThatMakeNoSessionAreRefused) {
  constexpr Duration kTooLong = std::chrono::hours(24 * 366 * 200);
  const SessionOptions odd[] = {{.idle = 0ms}, {.idle = -1000ms}, {.idle = kTooLong}, {.cap = 0ms},
                                {.cap = -1ms}, {.idle = 999us},   {.per_user_max = 0}};
  const std::string id = Make().Create("ada").value().id;
  for (const SessionOptions& options : odd) {
    const Sessions sessions = Make(options);
    const Error error = sessions.Create("ada").error();
    EXPECT_EQ(error.code, Errc::kInvalid) << error.detail;
    EXPECT_NE(error.detail.find("session"), std::string::npos) << error.detail;
    EXPECT_EQ(SyncWait(sessions.CoCreate("ada")).error().code, Errc::kInvalid);
    EXPECT_EQ(sessions.Touch(id).error().code, Errc::kInvalid);
    EXPECT_EQ(SyncWait(sessions.CoRotate(id)).error().code, Errc::kInvalid);
  }
  EXPECT_TRUE(Make().Get(id)->has_value());  // nothing has touched it
}

TEST_F(SessionStore, WhatAnEditThrowsIsAnError) {
  const Sessions sessions = Make();
  const std::string id = sessions.Create("ada", {{"role", "admin"}}).value().id;
  const auto edit = [](Claims& claims) {
    claims.clear();
    std::rethrow_exception(std::make_exception_ptr(std::runtime_error("no such role")));
  };
  for (const Error& error :
       {sessions.Modify(id, edit).error(), SyncWait(sessions.CoModify(id, edit)).error()}) {
    EXPECT_EQ(error.code, Errc::kLoader);
    EXPECT_TRUE(error.cause);
    EXPECT_NE(error.detail.find("no such role"), std::string::npos) << error.detail;
  }
  EXPECT_EQ(sessions.Modify(id, nullptr).error().code, Errc::kLoader);
  EXPECT_EQ(sessions.Get(id).value()->claims, (Claims{{"role", "admin"}}));
}

}  // namespace
}  // namespace cairn::cache
