// SPDX-License-Identifier: BSD-3-Clause
// A session by its cookie. The synchronous forms run the coroutines.
#include "cairn/http/session_cookie.h"

#include <utility>

#include "cairn/http/fields.h"

namespace cairn::cache::http {

RequestSession::RequestSession(const Sessions& sessions, const SessionCookieOptions& options,
                               std::optional<std::string> id)
    : sessions_(sessions), options_(options), id_(std::move(id)) {}

Task<Result<const Session*>> RequestSession::CoLoad() {
  is_asked_ = true;
  if (is_loaded_ || !id_) co_return session();
  Sessions::Found found = co_await sessions_.CoTouch(*id_);
  if (!found) co_return Pass(std::move(found));
  is_loaded_ = true;
  session_ = std::move(*found);
  if (!session_) {
    id_.reset();
    tell_ = Tell::kGone;
  }
  co_return session();
}

Task<Result<const Session*>> RequestSession::CoSignIn(std::string user, Claims claims) {
  Result<Session> created = co_await sessions_.CoCreate(std::move(user), std::move(claims));
  if (!created) co_return Pass(std::move(created));
  const std::optional<std::string> old = std::exchange(id_, created->id);
  session_ = std::move(*created);
  is_loaded_ = true;
  tell_ = Tell::kId;
  if (old) {
    Result<bool> destroyed = co_await sessions_.CoDestroy(*old);
    if (!destroyed) co_return Pass(std::move(destroyed));
  }
  co_return session();
}

Task<Result<const Session*>> RequestSession::CoUpdate(Claims claims) {
  Result<const Session*> loaded = co_await CoLoad();
  if (!loaded) co_return loaded;
  if (!session_) co_return Fail(Errc::kInvalid, "there is no session to be updated");
  Session changed = *session_;
  changed.claims = std::move(claims);
  Sessions::Found found = co_await sessions_.CoUpdate(std::move(changed));
  if (!found) co_return Pass(std::move(found));
  session_ = std::move(*found);
  if (!session_) {
    id_.reset();
    tell_ = Tell::kGone;
  }
  co_return session();
}

Task<Result<const Session*>> RequestSession::CoRotate() {
  is_asked_ = true;
  if (!id_) co_return session();
  Sessions::Found found = co_await sessions_.CoRotate(*id_);
  if (!found) co_return Pass(std::move(found));
  is_loaded_ = true;
  session_ = std::move(*found);
  tell_ = session_ ? Tell::kId : Tell::kGone;
  id_.reset();
  if (session_) id_ = session_->id;
  co_return session();
}

Task<Result<void>> RequestSession::CoSignOut() {
  if (!id_) co_return Result<void>();
  Result<bool> destroyed = co_await sessions_.CoDestroy(*id_);
  if (!destroyed) co_return Pass(std::move(destroyed));
  is_loaded_ = true;
  session_.reset();
  id_.reset();
  tell_ = Tell::kGone;
  co_return Result<void>();
}

Result<const Session*> RequestSession::Load() { return SyncWait(CoLoad()); }
Result<const Session*> RequestSession::SignIn(std::string_view user, Claims claims) {
  return SyncWait(CoSignIn(std::string(user), std::move(claims)));
}
Result<const Session*> RequestSession::Update(Claims claims) {
  return SyncWait(CoUpdate(std::move(claims)));
}
Result<const Session*> RequestSession::Rotate() { return SyncWait(CoRotate()); }
Result<void> RequestSession::SignOut() { return SyncWait(CoSignOut()); }

Result<void> RequestSession::WriteTo(Headers& headers) const {
  if (tell_ == Tell::kNothing) {
    if (is_asked_ && !headers.Has("Cache-Control")) headers.Add("Cache-Control", "private");
    return {};
  }
  SetCookie cookie{.name = options_.name, .value = {}};
  cookie.is_secure = options_.is_secure;
  cookie.same_site = options_.same_site;
  if (tell_ == Tell::kGone) {
    cookie.max_age = std::chrono::seconds(0);
  } else {
    cookie.value = session_->id;
    if (options_.is_persistent)
      cookie.max_age = std::chrono::floor<std::chrono::seconds>(session_->end - session_->created);
  }
  Result<std::string> text = cookie.Text();
  if (!text) return Pass(std::move(text));
  headers.Add("Set-Cookie", *text);
  const auto control = CacheControl::Parse(headers.List("Cache-Control").value_or(""));
  if (!control.is_private && !control.no_store) headers.Set("Cache-Control", "no-store");
  return {};
}

SessionCookies::SessionCookies(Sessions sessions, SessionCookieOptions options)
    : sessions_(std::move(sessions)), options_(std::move(options)) {}

RequestSession SessionCookies::Of(const Request& request) const {
  return RequestSession(sessions_, options_, FindCookie(request, options_.name));
}

}  // namespace cairn::cache::http
