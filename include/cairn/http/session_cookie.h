// SPDX-License-Identifier: BSD-3-Clause
// SessionCookies: sessions (cairn/sessions.h) by a cookie.
//
//   const SessionCookies cookies(Sessions(store, "session", {.idle = 30min, .cap = 12h}));
//   RequestSession session = cookies.Of(request);        // asks nothing of the store yet
//   Result<const Session*> who = session.Load();         // null: nobody is signed in
//   ...
//   session.SignIn("user 42");                           // a new id, the old one is dead
//   session.SignOut();
//   session.WriteTo(response.headers);                   // Set-Cookie, if anything is new
//
// The cookie is "__Host-session": over TLS only, of this host only, not for scripts, not sent by
// other sites' forms. The session slides when it is loaded. SignIn never goes on with an id that
// was there before, so nobody can be given one beforehand (session fixation). A cookie that names
// no session (any more) is taken back. An answer that sets it is not to be kept by caches: it gets
// "Cache-Control: no-store", unless it says so itself or is `private`; ResponseCache keeps none
// with Set-Cookie. An answer for which the session was asked is `private`, if it says nothing
// itself.
//
// Errors: those of the store: a store that is down is not "signed out". Thread safety:
// SessionCookies any thread, a RequestSession its request's. Lifetimes: a RequestSession does not
// outlive its SessionCookies. Cost: one script for each of Load, SignIn (two with an old session),
// SignOut.
#ifndef CAIRN_HTTP_SESSION_COOKIE_H_
#define CAIRN_HTTP_SESSION_COOKIE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "cairn/http/cookie.h"
#include "cairn/http/message.h"
#include "cairn/sessions.h"

namespace cairn::cache::http {

struct SessionCookieOptions {
  std::string name = "__Host-session";
  SameSite same_site = SameSite::kLax;
  // False: for a test without TLS, with a name without "__Host-".
  bool is_secure = true;
  // The cookie is kept when the browser ends, until the session's absolute end.
  bool is_persistent = false;
};

class RequestSession {
 public:
  RequestSession(const Sessions& sessions, const SessionCookieOptions& options,
                 std::optional<std::string> id);

  // Who sent the request; null: nobody that is known. Asks the store once, and the session counts
  // as used now.
  Result<const Session*> Load();
  Task<Result<const Session*>> CoLoad();
  // A new session; one that there was is destroyed, after the new one is there.
  Result<const Session*> SignIn(std::string_view user, Claims claims = {});
  Task<Result<const Session*>> CoSignIn(std::string user, Claims claims = {});
  // Stores the claims; kConflict if another request has changed them, kInvalid without a session.
  Result<const Session*> Update(Claims claims);
  Task<Result<const Session*>> CoUpdate(Claims claims);
  // The same session by a new id, after each new right. Null: there was none.
  Result<const Session*> Rotate();
  Task<Result<const Session*>> CoRotate();
  Result<void> SignOut();
  Task<Result<void>> CoSignOut();

  // What the client is to be told, beside what the answer's `headers` say already: Set-Cookie if
  // the session's id has changed, and Cache-Control. Errors: kInvalid of options that browsers
  // would refuse.
  Result<void> WriteTo(Headers& headers) const;

 private:
  enum class Tell : std::uint8_t { kNothing, kId, kGone };

  const Session* session() const { return session_ ? &*session_ : nullptr; }

  const Sessions& sessions_;
  const SessionCookieOptions& options_;
  std::optional<std::string> id_;  // of the request's cookie, while it may be alive
  bool is_asked_ = false;
  bool is_loaded_ = false;
  std::optional<Session> session_ = {};
  Tell tell_ = Tell::kNothing;
};

class SessionCookies {
 public:
  explicit SessionCookies(Sessions sessions, SessionCookieOptions options = {});
  RequestSession Of(const Request& request) const;

 private:
  Sessions sessions_;
  SessionCookieOptions options_;
};

}  // namespace cairn::cache::http

#endif  // CAIRN_HTTP_SESSION_COOKIE_H_
