// SPDX-License-Identifier: BSD-3-Clause
// The text is cut up by ?, ://, @, / and , in this order; each part is a view of the text, so that
// its place can be told.
#include "client/uri.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

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

bool IsBlankOrControl(char byte) {
  return static_cast<unsigned char>(byte) <= ' ' || byte == '\x7f';
}

bool IsWordByte(char byte) { return (byte >= 'a' && byte <= 'z') || byte == '_'; }

// Of one URI; what is wrong is told with its place. All parts that are handed around are within
// the text.
class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  Result<Uri> Read();

 private:
  // `part`: where it is. Its bytes are told by who calls, where they cannot be of a password.
  std::unexpected<cache::Error> Wrong(std::string_view part, const std::string& what,
                                      Errc code = Errc::kInvalid) const {
    const auto at = static_cast<std::size_t>(part.data() - text_.data());
    return Fail(code, "URI, character " + std::to_string(at + 1) + ": " + what);
  }
  Result<std::string> Decoded(std::string_view part, const std::string& what) const;
  Result<void> TakeScheme(std::string_view* rest);
  Result<void> TakeUser(std::string_view* rest);
  Result<void> SetSocket(std::string_view path);
  Result<void> SetPlace(std::string_view rest);
  Result<void> AddEndpoint(std::string_view text);
  Result<std::string_view> TakeAddress(std::string_view* text) const;
  Result<std::string_view> TakeName(std::string_view* text) const;
  Result<void> SetDb(std::string_view part);
  Result<void> SetOptions(std::string_view query);
  Result<void> SetOption(std::string_view option);
  std::string* TextOption(std::string_view name);
  Result<void> CheckTogether() const;

  std::string_view text_;
  Uri uri_ = {};
  bool is_unix_ = false;
  bool has_db_ = false;
  std::vector<std::string_view> names_ = {};  // of the options so far
};

// Without bytes that would end it early where it is handed on.
Result<std::string> Reader::Decoded(std::string_view part, const std::string& what) const {
  auto decoded = PercentDecode(part);
  if (!decoded) return Wrong(part, "behind a % two hexadecimal digits are to stand, in " + what);
  if (decoded->find('\0') != decoded->npos) return Wrong(part, "a byte 0 in " + what);
  return std::move(*decoded);
}

Result<void> Reader::TakeScheme(std::string_view* rest) {
  const std::size_t end = rest->find("://");
  if (end == rest->npos) return Wrong(*rest, "it has to begin with a scheme and ://, as redis://");
  const std::string_view name = rest->substr(0, end);
  const auto* const known = std::ranges::find_if(
      kSchemes, [&](const Scheme& scheme) { return EqualsIgnoreCase(scheme.name, name); });
  if (known == kSchemes.end()) {
    const bool is_plain =
        std::ranges::all_of(name, [](char byte) { return IsWordByte(byte) || byte == '+'; });
    return Wrong(*rest,
                 "no such kind of store" + (is_plain ? ": '" + std::string(name) + "'" : ""));
  }
  uri_.kind = known->kind;
  uri_.tls = known->tls;
  is_unix_ = known->unix_socket;
  rest->remove_prefix(end + 3);
  return {};
}

Result<void> Reader::TakeUser(std::string_view* rest) {
  const std::size_t place = rest->find('/');
  const std::size_t at = rest->substr(0, place).rfind('@');
  // The rest could be a part of the password, and is not to be taken for a host.
  if (at == rest->npos && !is_unix_ && place != rest->npos && rest->find('@') != rest->npos)
    return Wrong(rest->substr(place), "a / stands before the @: in a password it is written %2F");
  if (at == rest->npos) return {};
  std::string_view password = rest->substr(0, at);
  rest->remove_prefix(at + 1);
  const std::string_view user = TakeUntil(&password, ':');
  auto decoded_user = Decoded(user, "the user");
  if (!decoded_user) return Pass(std::move(decoded_user));
  auto decoded_password = PercentDecode(password);
  if (!decoded_password)
    return Wrong(password, "behind a % two hexadecimal digits are to stand, in the password");
  uri_.user = std::move(*decoded_user);
  uri_.password = std::move(*decoded_password);
  return {};
}

Result<void> Reader::SetSocket(std::string_view path) {
  if (!path.starts_with('/')) return Wrong(path, "a socket's path begins with /");
  auto decoded = Decoded(path, "the socket's path");
  if (!decoded) return Pass(std::move(decoded));
  if (decoded->size() > Uri::kSocketPathBytesMax)
    return Wrong(path, "the socket's path is longer than " +
                           std::to_string(Uri::kSocketPathBytesMax) + " bytes");
  uri_.endpoints.push_back({.host = {}, .port = 0, .path = std::move(*decoded)});
  return {};
}

// What follows the user: hosts, then parts between slashes.
Result<void> Reader::SetPlace(std::string_view rest) {
  const std::size_t slash = std::min(rest.find('/'), rest.size());
  std::string_view hosts = rest.substr(0, slash);
  std::string_view path = rest.substr(std::min(slash + 1, rest.size()));
  for (;;) {
    const std::size_t comma = hosts.find(',');
    if (Result<void> added = AddEndpoint(hosts.substr(0, comma)); !added) return added;
    if (comma == hosts.npos) break;
    hosts.remove_prefix(comma + 1);
    if (uri_.kind == Uri::Kind::kServer)
      return Wrong(hosts, "several hosts are for a cluster or for Sentinels");
  }
  if (uri_.kind == Uri::Kind::kSentinel) {
    const std::string_view name = TakeUntil(&path, '/');
    auto master = Decoded(name, "the master's name");
    if (!master) return Pass(std::move(master));
    if (master->empty()) return Wrong(name, "behind the Sentinels /NAME of the master is missing");
    uri_.master = std::move(*master);
  }
  if (path.empty()) return {};
  return SetDb(path);
}

Result<void> Reader::AddEndpoint(std::string_view text) {
  const std::string_view whole = text;
  const bool is_address = text.starts_with('[');
  const auto host = is_address ? TakeAddress(&text) : TakeName(&text);
  if (!host) return std::unexpected(host.error());
  Endpoint endpoint{.host = std::string(*host), .port = Uri::kPortDefault};
  if (uri_.kind == Uri::Kind::kSentinel) endpoint.port = Uri::kSentinelPortDefault;
  if (!text.empty()) {
    text.remove_prefix(1);
    const bool is_number =
        std::ranges::all_of(text, [](char byte) { return byte >= '0' && byte <= '9'; });
    const auto port = is_number ? ParseInt64(text) : std::nullopt;
    // Not told: who forgot the @ has the password here.
    if (!port || *port < 1 || *port > UINT16_MAX)
      return Wrong(text, "behind a host's : a port from 1 to 65535 is to stand");
    endpoint.port = static_cast<std::uint16_t>(*port);
  }
  if (uri_.endpoints.size() == Uri::kEndpointsMax)
    return Wrong(whole, "more than " + std::to_string(Uri::kEndpointsMax) + " hosts", Errc::kLimit);
  uri_.endpoints.push_back(std::move(endpoint));
  return {};
}

// What stands in brackets. Leaves what is behind them, nothing or ":port".
Result<std::string_view> Reader::TakeAddress(std::string_view* text) const {
  const std::size_t end = text->find(']');
  if (end == text->npos) return Wrong(*text, "the bracket of an address is not closed");
  const std::string_view address = text->substr(1, end - 1);
  text->remove_prefix(end + 1);
  in6_addr parsed{};
  // A link-local address may name its interface.
  const std::string plain(address.substr(0, address.find('%')));
  if (::inet_pton(AF_INET6, plain.c_str(), &parsed) != 1)
    return Wrong(address, "in brackets an IPv6 address is to stand");
  if (!text->empty() && !text->starts_with(':'))
    return Wrong(*text, "behind an address in brackets only :PORT may stand");
  return address;
}

Result<std::string_view> Reader::TakeName(std::string_view* text) const {
  const std::string_view host = text->substr(0, text->find(':'));
  const std::string_view rest = text->substr(host.size());
  if (host.empty() && rest.size() > 1 && rest[1] == ':')
    return Wrong(host, "an IPv6 address stands in brackets");
  if (host.empty()) return Wrong(host, "a host is missing");
  if (rest.find(':', 1) != rest.npos)
    return Wrong(host, "two : behind a host; an IPv6 address stands in brackets");
  const std::size_t bad = host.find_first_of("[]<>{}|\\^`\"#%&=");
  if (bad != host.npos) return Wrong(host.substr(bad), "a byte that no host's name has");
  if (host.size() > Uri::kHostBytesMax)
    return Wrong(host,
                 "a host's name is longer than " + std::to_string(Uri::kHostBytesMax) + " bytes");
  *text = rest;
  return host;
}

Result<void> Reader::SetDb(std::string_view part) {
  const bool is_number =
      std::ranges::all_of(part, [](char byte) { return byte >= '0' && byte <= '9'; });
  const auto db = is_number ? ParseInt64(part) : std::nullopt;
  if (!db) return Wrong(part, "a database is a number, 0 or more");
  if (std::exchange(has_db_, true)) return Wrong(part, "the database is said twice");
  if (uri_.kind == Uri::Kind::kCluster && *db != 0)
    return Wrong(part, "a cluster has no database but 0");
  uri_.db = *db;
  return {};
}

Result<void> Reader::SetOptions(std::string_view query) {
  if (query.empty()) return {};
  for (;;) {
    const std::size_t end = query.find('&');
    if (Result<void> set = SetOption(query.substr(0, end)); !set) return set;
    if (end == query.npos) return {};
    query.remove_prefix(end + 1);
  }
}

Result<void> Reader::SetOption(std::string_view option) {
  std::string_view value = option;
  const std::string_view name = TakeUntil(&value, '=');
  if (name.empty()) return Wrong(option, "an option is missing");
  // Not told then: who wrote ? within the password has the rest of it here.
  if (!std::ranges::all_of(name, IsWordByte))
    return Wrong(option, "an option's name is of letters; a ? in a password is written %3F");
  const std::string word(name);
  if (std::ranges::find(names_, name) != names_.end())
    return Wrong(option, "the option '" + word + "' is said twice");
  names_.push_back(name);
  std::string* const place = TextOption(name);
  if (place == nullptr && name != "db" && name != "protocol" && name != "verify")
    return Wrong(option, "no such option: '" + word + "'");
  if (value.empty()) return Wrong(option, "the option '" + word + "' has no value");
  if (name == "db") return SetDb(value);
  auto decoded = Decoded(value, "the option '" + word + "'");
  if (!decoded) return Pass(std::move(decoded));
  const bool is_of_tls = name == "verify" || (place != nullptr && name != "name");
  // Whoever names papers believes that nobody listens.
  if (is_of_tls && !uri_.tls)
    return Wrong(option, "'" + word + "' is for TLS: rediss:// rather than redis://");
  if (place != nullptr) {
    *place = std::move(*decoded);
  } else if (name == "protocol") {
    if (*decoded != "2" && *decoded != "3") return Wrong(value, "protocol is 2 or 3");
    uri_.protocol = *decoded == "2" ? 2 : 3;
  } else {
    if (*decoded != "name" && *decoded != "chain") return Wrong(value, "verify is name or chain");
    uri_.verifies_name = *decoded == "name";
  }
  return {};
}

// Where an option goes that is taken as it is; null: it is none.
std::string* Reader::TextOption(std::string_view name) {
  if (name == "name") return &uri_.client_name;
  if (name == "ca") return &uri_.ca_file;
  if (name == "ca_dir") return &uri_.ca_folder;
  if (name == "cert") return &uri_.cert_file;
  if (name == "key") return &uri_.key_file;
  return nullptr;
}

Result<void> Reader::CheckTogether() const {
  if (uri_.cert_file.empty() == uri_.key_file.empty()) return {};
  const std::string which = uri_.key_file.empty() ? "cert without key" : "key without cert";
  return Wrong(text_.substr(text_.find('?')), which);
}

Result<Uri> Reader::Read() {
  if (text_.size() > Uri::kBytesMax)
    return Wrong(text_, "more than " + std::to_string(Uri::kBytesMax) + " bytes", Errc::kLimit);
  const auto odd = std::ranges::find_if(text_, IsBlankOrControl);
  if (odd != text_.end())
    return Wrong(text_.substr(static_cast<std::size_t>(odd - text_.begin())),
                 "a blank or a control character; a blank is written %20");
  std::string_view query = text_;
  std::string_view rest = TakeUntil(&query, '?');
  Result<void> done = TakeScheme(&rest);
  if (done) done = TakeUser(&rest);
  if (done) done = is_unix_ ? SetSocket(rest) : SetPlace(rest);
  if (done) done = SetOptions(query);
  if (done) done = CheckTogether();
  if (!done) return Pass(std::move(done));
  return std::move(uri_);
}

}  // namespace

std::string Endpoint::ToString() const {
  if (host.empty()) return path;
  const bool is_v6 = host.find(':') != host.npos;
  return (is_v6 ? "[" + host + "]" : host) + ":" + Int64ToString(port);
}

Result<Uri> Uri::Parse(std::string_view text) { return Reader(text).Read(); }

}  // namespace cairn::client
