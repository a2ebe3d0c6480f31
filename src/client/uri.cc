// SPDX-License-Identifier: BSD-3-Clause
// The text is cut from both ends: options first, then scheme, user, and the rest by its kind.
#include "client/uri.h"

#include <array>
#include <optional>

#include "base/text.h"

namespace cairn::client {
namespace {

using cache::Errc;
using cache::Fail;
using cache::Result;

struct Scheme {
  std::string_view name;
  Uri::Kind kind;
  bool tls;
  bool unix_socket;
};
constexpr std::array kSchemes = std::to_array<Scheme>({
    {"redis", Uri::Kind::kServer, false, false},
    {"rediss", Uri::Kind::kServer, true, false},
    {"redis+unix", Uri::Kind::kServer, false, true},
    {"redis+sentinel", Uri::Kind::kSentinel, false, false},
    {"rediss+sentinel", Uri::Kind::kSentinel, true, false},
    {"redis+cluster", Uri::Kind::kCluster, false, false},
    {"rediss+cluster", Uri::Kind::kCluster, true, false},
});

int HexDigit(char byte) {
  if (byte >= '0' && byte <= '9') return byte - '0';
  if (byte >= 'a' && byte <= 'f') return byte - 'a' + 10;
  if (byte >= 'A' && byte <= 'F') return byte - 'A' + 10;
  return -1;
}

std::optional<std::string> PercentDecode(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    if (i + 2 >= text.size()) return std::nullopt;
    const int high = HexDigit(text[i + 1]);
    const int low = HexDigit(text[i + 2]);
    if (high < 0 || low < 0) return std::nullopt;
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return out;
}

// Cuts off what is before the first `mark`, and the mark; all of it if there is none.
std::string_view TakeUntil(std::string_view* text, char mark) {
  const std::size_t at = text->find(mark);
  const std::string_view head = text->substr(0, at);
  text->remove_prefix(at == text->npos ? text->size() : at + 1);
  return head;
}

Result<void> SetDb(std::string_view text, Uri* uri) {
  const auto db = ParseInt64(text);
  if (!db || *db < 0) return Fail(Errc::kInvalid, "URI: the database is no number");
  uri->db = *db;
  return {};
}

Result<void> SetOption(std::string_view name, std::string value, Uri* uri) {
  if (name == "db") return SetDb(value, uri);
  if (name == "protocol") {
    if (value != "2" && value != "3") return Fail(Errc::kInvalid, "URI: protocol is 2 or 3");
    uri->protocol = value == "2" ? 2 : 3;
    return {};
  }
  if (name == "verify") {
    if (value != "name" && value != "chain")
      return Fail(Errc::kInvalid, "URI: verify is name or chain");
    uri->verifies_name = value == "name";
    return {};
  }
  const auto place = name == "name"     ? &uri->client_name
                     : name == "ca"     ? &uri->ca_file
                     : name == "ca_dir" ? &uri->ca_folder
                     : name == "cert"   ? &uri->cert_file
                     : name == "key"    ? &uri->key_file
                                        : nullptr;
  if (place == nullptr)
    return Fail(Errc::kInvalid, "URI: no such option: '" + std::string(name) + "'");
  *place = std::move(value);
  return {};
}

Result<void> SetOptions(std::string_view query, Uri* uri) {
  while (!query.empty()) {
    std::string_view value = TakeUntil(&query, '&');
    const std::string_view name = TakeUntil(&value, '=');
    auto decoded = PercentDecode(value);
    if (!decoded) return Fail(Errc::kInvalid, "URI: bad % in an option");
    if (Result<void> set = SetOption(name, std::move(*decoded), uri); !set) return set;
  }
  return {};
}

Result<void> SetUser(std::string_view userinfo, Uri* uri) {
  const std::string_view user = TakeUntil(&userinfo, ':');
  auto decoded_user = PercentDecode(user);
  auto decoded_password = PercentDecode(userinfo);
  if (!decoded_user || !decoded_password)
    return Fail(Errc::kInvalid, "URI: bad % in user or password");
  uri->user = std::move(*decoded_user);
  uri->password = std::move(*decoded_password);
  return {};
}

Result<void> AddEndpoint(std::string_view text, std::uint16_t port_default, Uri* uri) {
  Endpoint endpoint{.host = {}, .port = port_default};
  if (text.starts_with('[')) {
    text.remove_prefix(1);
    endpoint.host = TakeUntil(&text, ']');
    if (!text.empty() && !text.starts_with(':'))
      return Fail(Errc::kInvalid, "URI: something stands behind an address in brackets");
    if (!text.empty()) text.remove_prefix(1);
  } else {
    endpoint.host = TakeUntil(&text, ':');
  }
  if (endpoint.host.empty()) return Fail(Errc::kInvalid, "URI: a host is missing");
  if (!text.empty()) {
    const auto port = ParseInt64(text);
    if (!port || *port < 1 || *port > UINT16_MAX)
      return Fail(Errc::kInvalid, "URI: a port is no port");
    endpoint.port = static_cast<std::uint16_t>(*port);
  }
  if (uri->endpoints.size() == Uri::kEndpointsMax) return Fail(Errc::kLimit, "URI: too many hosts");
  uri->endpoints.push_back(std::move(endpoint));
  return {};
}

// What follows the user: hosts, then parts between slashes.
Result<void> SetPlace(std::string_view rest, Uri* uri) {
  std::string_view hosts = TakeUntil(&rest, '/');
  const bool by_sentinel = uri->kind == Uri::Kind::kSentinel;
  const std::uint16_t port = by_sentinel ? Uri::kSentinelPortDefault : Uri::kPortDefault;
  do {
    const std::string_view host = TakeUntil(&hosts, ',');
    if (Result<void> added = AddEndpoint(host, port, uri); !added) return added;
  } while (!hosts.empty());
  if (uri->kind == Uri::Kind::kServer && uri->endpoints.size() > 1)
    return Fail(Errc::kInvalid, "URI: several hosts are for a cluster or for Sentinels");
  if (by_sentinel) {
    auto master = PercentDecode(TakeUntil(&rest, '/'));
    if (!master || master->empty())
      return Fail(Errc::kInvalid, "URI: the master's name is missing");
    uri->master = std::move(*master);
  }
  if (rest.empty()) return {};
  if (uri->kind == Uri::Kind::kCluster)
    return Fail(Errc::kInvalid, "URI: a cluster has no database but 0");
  return SetDb(rest, uri);
}

}  // namespace

std::string Endpoint::ToString() const {
  if (host.empty()) return path;
  const bool is_v6 = host.find(':') != host.npos;
  return (is_v6 ? "[" + host + "]" : host) + ":" + Int64ToString(port);
}

Result<Uri> Uri::Parse(std::string_view text) {
  Uri uri;
  const std::size_t scheme_end = text.find("://");
  const std::string_view name = text.substr(0, scheme_end);
  const Scheme* scheme = nullptr;
  for (const Scheme& known : kSchemes) {
    if (known.name == name) scheme = &known;
  }
  if (scheme == nullptr || scheme_end == text.npos)
    return Fail(Errc::kInvalid, "URI: no such kind of store: '" + std::string(name) + "'");
  uri.kind = scheme->kind;
  uri.tls = scheme->tls;
  std::string_view query = text.substr(scheme_end + 3);
  std::string_view rest = TakeUntil(&query, '?');
  if (const std::size_t at = rest.rfind('@'); at != rest.npos) {
    if (Result<void> set = SetUser(rest.substr(0, at), &uri); !set) return Pass(std::move(set));
    rest.remove_prefix(at + 1);
  }
  if (scheme->unix_socket) {
    if (!rest.starts_with('/')) return Fail(Errc::kInvalid, "URI: a socket's path begins with /");
    uri.endpoints.push_back({.host = {}, .port = 0, .path = std::string(rest)});
  } else if (Result<void> set = SetPlace(rest, &uri); !set) {
    return Pass(std::move(set));
  }
  if (Result<void> set = SetOptions(query, &uri); !set) return Pass(std::move(set));
  return uri;
}

}  // namespace cairn::client
