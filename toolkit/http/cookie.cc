// SPDX-License-Identifier: BSD-3-Clause
// Cookies: the reader takes what browsers send, the writer gives only what all of them take.
#include "cairn/http/cookie.h"

#include <algorithm>

#include "cairn/http/fields.h"
#include "http/scan.h"

namespace cairn::cache::http {
namespace {

constexpr std::string_view kHostPrefix = "__Host-";
constexpr std::string_view kSecurePrefix = "__Secure-";
// Of an attribute's value.
constexpr std::size_t kAttributeBytesMax = 1024;

// RFC 6265, 4.1.1: no blank, quote, comma, semicolon, backslash, control character.
bool IsCookieByte(char byte) {
  const auto code = static_cast<unsigned char>(byte);
  return code > 0x20 && code < 0x7F && byte != '"' && byte != ',' && byte != ';' && byte != '\\';
}
bool IsAttributeByte(char byte) {
  const auto code = static_cast<unsigned char>(byte);
  return code >= 0x20 && code < 0x7F && byte != ';';
}
bool IsAttribute(std::string_view text) {
  return text.size() <= kAttributeBytesMax && std::ranges::all_of(text, IsAttributeByte);
}

bool HasPrefix(std::string_view name, std::string_view prefix) {
  return name.size() >= prefix.size() && EqualsIgnoringCase(name.substr(0, prefix.size()), prefix);
}

Result<void> Check(const SetCookie& cookie) {
  if (!IsToken(cookie.name)) return Fail(Errc::kInvalid, "a cookie's name is a token");
  if (!std::ranges::all_of(cookie.value, IsCookieByte))
    return Fail(Errc::kInvalid, "a cookie's value has bytes that no cookie may have");
  if (cookie.name.size() + cookie.value.size() > kCookieBytesMax)
    return Fail(Errc::kLimit, "a cookie's name and value are longer than browsers take");
  if (!cookie.path.starts_with('/') || !IsAttribute(cookie.path) || !IsAttribute(cookie.domain))
    return Fail(Errc::kInvalid, "a cookie's Path or Domain is none");
  const bool is_host = HasPrefix(cookie.name, kHostPrefix);
  if ((is_host || HasPrefix(cookie.name, kSecurePrefix)) && !cookie.is_secure)
    return Fail(Errc::kInvalid, "a cookie whose name says so is to be Secure");
  if (is_host && (cookie.path != "/" || !cookie.domain.empty()))
    return Fail(Errc::kInvalid, "a __Host- cookie has the Path / and no Domain");
  if (cookie.same_site == SameSite::kNone && !cookie.is_secure)
    return Fail(Errc::kInvalid, "a cookie for other sites (SameSite=None) is to be Secure");
  return {};
}

}  // namespace

Result<std::string> SetCookie::Text() const {
  if (Result<void> checked = Check(*this); !checked) return Pass(std::move(checked));
  std::string text = name + "=" + value + "; Path=" + path;
  if (!domain.empty()) text += "; Domain=" + domain;
  if (max_age) {
    const auto age = std::clamp(*max_age, std::chrono::seconds(0), kCookieAgeMax);
    text += "; Max-Age=" + std::to_string(age.count());
  }
  if (is_secure) text += "; Secure";
  if (is_http_only) text += "; HttpOnly";
  switch (same_site) {
    case SameSite::kLax:
      return text + "; SameSite=Lax";
    case SameSite::kStrict:
      return text + "; SameSite=Strict";
    case SameSite::kNone:
      return text + "; SameSite=None";
  }
  return text;
}

std::optional<std::string> FindCookie(const Request& request, std::string_view name) {
  std::size_t seen = 0;
  // HTTP/2 may divide the cookies into several headers.
  for (const Header& header : request.headers) {
    if (!EqualsIgnoringCase(header.name, "Cookie")) continue;
    std::string_view rest = header.value;
    while (!rest.empty() && seen < kCookiesMax) {
      ++seen;
      const std::string_view pair = TrimBlanks(rest.substr(0, rest.find(';')));
      rest.remove_prefix(std::min(rest.size(), rest.find(';')));
      if (!rest.empty()) rest.remove_prefix(1);
      const std::size_t equals = pair.find('=');
      // Names of cookies are case-sensitive.
      if (equals != pair.npos && TrimBlanks(pair.substr(0, equals)) == name)
        return std::string(TrimBlanks(pair.substr(equals + 1)));
    }
  }
  return std::nullopt;
}

}  // namespace cairn::cache::http
