// SPDX-License-Identifier: BSD-3-Clause
// Signing in, using a session, changing it, and logging out everywhere.
//
//   example_sessions [URI]
#include <cstdio>
#include <string>

#include "cairn/sessions.h"

using namespace cairn::cache;
using namespace std::chrono_literals;

namespace {

Result<void> Run(const Store& store) {
  const Sessions sessions(store, "session", {.idle = 30min, .cap = 12h});
  const Result<Session> laptop = sessions.Create("ada", {{"theme", "dark"}});
  if (!laptop) return std::unexpected(laptop.error());
  const Result<Session> phone = sessions.Create("ada");
  if (!phone) return std::unexpected(phone.error());

  // Each request: the cookie's id. Nothing found: sign in again.
  Sessions::Found session = sessions.Touch(laptop->id);
  if (!session) return std::unexpected(session.error());
  std::printf("user %s, theme %s\n", (*session)->user.c_str(),
              (*session)->claims.at("theme").c_str());

  // A new right: the claims change, and the id with it.
  session = sessions.Modify(laptop->id, [](Claims& claims) { claims["role"] = "admin"; });
  if (session) session = sessions.Rotate(laptop->id);
  if (!session) return std::unexpected(session.error());
  std::printf("old id %s\n", sessions.Get(laptop->id).value() ? "good" : "dead");

  const auto list = sessions.Of("ada");
  const auto gone = sessions.DestroyAll("ada");
  if (!list || !gone) return std::unexpected(list ? gone.error() : list.error());
  std::printf("logged out of %d of %d sessions\n", static_cast<int>(*gone),
              static_cast<int>(list->size()));
  return {};
}

}  // namespace

int main(int argument_count, char** arguments) {
  Result<Store> store = Store::Open(argument_count > 1 ? arguments[1] : "embedded:");
  Result<void> done = store ? Run(*store) : Result<void>(std::unexpected(store.error()));
  if (done) return 0;
  std::fprintf(stderr, "%s\n", done.error().detail.c_str());
  return 1;
}
