// SPDX-License-Identifier: BSD-3-Clause
// Cookies, as RFC 6265bis (draft 15) has them: read from a request, written into a response.
//
//   std::optional<std::string> id = FindCookie(request, "__Host-id");
//   Result<std::string> text = SetCookie{.name = "__Host-id", .value = "7"}.Text();
//   // "__Host-id=7; Path=/; Secure; HttpOnly; SameSite=Lax"
//
// A cookie says by default what a session's should: only over TLS, not to scripts, not from other
// sites' forms. What browsers would refuse is an error here: a name with "__Host-" that is not
// Secure, has a Domain or another Path; SameSite=None without Secure; too many bytes.
//
// Errors: kInvalid of what browsers refuse, kLimit of too many bytes. Thread safety: values.
// Lifetimes: what is found is a copy. Cost: linear in the header, up to kCookiesMax cookies.
#ifndef CAIRN_HTTP_COOKIE_H_
#define CAIRN_HTTP_COOKIE_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "cairn/http/message.h"
#include "cairn/result.h"

namespace cairn::cache::http {

// Of one request, beyond which cookies are not looked at.
inline constexpr std::size_t kCookiesMax = 64;
// Name and value together: browsers take no more.
inline constexpr std::size_t kCookieBytesMax = 4096;
// Browsers take no longer Max-Age.
inline constexpr std::chrono::seconds kCookieAgeMax = std::chrono::days(400);

enum class SameSite : std::uint8_t { kLax, kStrict, kNone };

struct SetCookie {
  std::string name;
  std::string value;
  std::string path = "/";
  std::string domain = {};                           // empty: this host only
  std::optional<std::chrono::seconds> max_age = {};  // unset: until the browser ends; 0: delete it
  bool is_secure = true;
  bool is_http_only = true;
  SameSite same_site = SameSite::kLax;

  // What stands behind "Set-Cookie: ".
  Result<std::string> Text() const;
};

// The first of that name: browsers send the one with the longest path first.
std::optional<std::string> FindCookie(const Request& request, std::string_view name);

}  // namespace cairn::cache::http

#endif  // CAIRN_HTTP_COOKIE_H_
