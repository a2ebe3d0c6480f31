// SPDX-License-Identifier: BSD-3-Clause
// Sessions: what holds on every store.
#include <atomic>
#include <set>
#include <string>
#include <vector>

#include "base/thread.h"
#include "cairn/sessions.h"
#include "toolkit/toolkit_check.h"

namespace cairn::cache::checks {
namespace {

bool IsAlive(const Sessions& sessions, const std::string& id) {
  const Sessions::Found found = sessions.Get(id);
  return found && found->has_value();
}

void Lives(const Store& store, Complaints& say) {
  const Sessions sessions(store, "session:lives", {.idle = 100s, .cap = 1000s});
  const Result<Session> session = sessions.Create("ada", {{"role", "admin"}});
  if (!session) return say.Check(false, session.error().detail);
  const Sessions::Found touched = sessions.Touch(session->id);
  say.Check(touched && *touched && (*touched)->user == "ada" &&
                (*touched)->claims.at("role") == "admin" && (*touched)->left > 50s,
            "it is found, and used");
  const Sessions::Found rotated = SyncWait(sessions.CoRotate(session->id));
  say.Check(rotated && *rotated && (*rotated)->end == session->end, "rotated");
  say.Check(!IsAlive(sessions, session->id), "the old id is dead");
  if (!rotated || !*rotated) return;
  say.Check(sessions.Destroy((*rotated)->id).value_or(false), "destroyed");
  say.Check(!IsAlive(sessions, (*rotated)->id), "and gone");
  const Sessions::Found updated = sessions.Update(**rotated);
  say.Check(updated && !*updated, "what is gone is not changed");
}

void ExpiresByItself(const Store& store, Complaints& say) {
  const Sessions sessions(store, "session:short", {.idle = 150ms, .cap = 10s});
  const Result<Session> session = sessions.Create("ada");
  if (!session) return say.Check(false, session.error().detail);
  say.Check(Eventually([&] { return !IsAlive(sessions, session->id); }), "gone unless used");
  const Sessions capped(store, "session:capped", {.idle = 10s, .cap = 150ms});
  const Result<Session> other = capped.Create("ada");
  if (!other) return say.Check(false, other.error().detail);
  say.Check(Eventually([&] {
              const Sessions::Found found = capped.Touch(other->id);
              return found && !*found;
            }),
            "gone by its end, although it is used");
}

void AllOfAUser(const Store& store, Complaints& say) {
  const Sessions sessions(store, "session:user", {.idle = 100s, .cap = 1000s});
  std::set<std::string> ids;
  for (int i = 0; i < 5; ++i) {
    if (const Result<Session> session = sessions.Create("ada")) ids.insert(session->id);
    say.Check(sessions.Create("user" + std::to_string(i)).has_value(), "another's");
  }
  say.Equal(ids.size(), std::size_t{5}, "five ids");
  const auto list = sessions.Of("ada");
  say.Check(list && list->size() == 5, "five in the list");
  if (!list || ids.size() != 5) return;
  say.Check(sessions.DestroyOne("ada", (*list)[0].handle).value_or(false), "one of them");
  say.Equal(sessions.DestroyAll("ada", *ids.begin()).value_or(-1) >= 3, true, "the others");
  say.Check(sessions.DestroyAll("ada").value_or(-1) <= 1, "and the one that was kept");
  for (const std::string& id : ids) say.Check(!IsAlive(sessions, id), "logged out everywhere");
  say.Check(sessions.Of("user1").value().size() == 1, "another's is untouched");
}

void NoUpdateIsLost(const Store& store, Complaints& say) {
  const Sessions sessions(store, "session:updates");
  const Result<Session> session = sessions.Create("ada", {{"n", ""}});
  if (!session) return say.Check(false, session.error().detail);
  std::atomic<std::size_t> applied{0};
  std::vector<Thread> threads;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back("editor", [&] {
      for (int i = 0; i < 20; ++i) {
        const auto add = [](Claims& claims) { claims["n"] += "x"; };
        if (sessions.Modify(session->id, add)) ++applied;
      }
    });
  }
  for (Thread& thread : threads) thread.Join();
  const Sessions::Found found = sessions.Get(session->id);
  say.Check(applied > 0 && found && *found && (*found)->claims.at("n").size() == applied,
            "as many as were acknowledged");
}

}  // namespace

Cases SessionCases(const std::vector<std::string>& uris) {
  const auto make = [&](std::string_view name, void (*run)(const Store&, Complaints&)) {
    return Case{name, [uri = uris[0], run](Complaints& say) { run(OpenOrDie(uri), say); }};
  };
  return {make("Lives", Lives), make("ExpiresByItself", ExpiresByItself),
          make("AllOfAUser", AllOfAUser), make("NoUpdateIsLost", NoUpdateIsLost)};
}

}  // namespace cairn::cache::checks
