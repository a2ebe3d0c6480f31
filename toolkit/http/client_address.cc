// SPDX-License-Identifier: BSD-3-Clause
// Addresses by inet_pton, which takes no octal, no missing parts and no blanks; the walk from the
// right goes over a header's end alone, whatever its length.
#include "cairn/http/client_address.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <span>

#include "cairn/http/fields.h"
#include "http/scan.h"

namespace cairn::cache::http {
namespace {

constexpr std::array<std::uint8_t, 12> kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};

// "192.0.2.43", "192.0.2.43:4711", "[2001:db8::1]", "[2001:db8::1]:4711", "2001:db8::1".
std::optional<IpAddress> AddressOfNode(std::string_view node) {
  if (node.starts_with('[')) {
    const std::size_t close = node.find(']');
    if (close == node.npos) return std::nullopt;
    const std::string_view rest = node.substr(close + 1);
    if (!rest.empty() && !rest.starts_with(':')) return std::nullopt;
    return IpAddress::Parse(node.substr(1, close - 1));
  }
  if (std::ranges::count(node, ':') == 1) node = node.substr(0, node.find(':'));
  return IpAddress::Parse(node);
}

// Of one element of Forwarded: what its "for" says.
std::optional<IpAddress> AddressOfElement(std::string_view element) {
  const auto pairs = SplitOutsideQuotes(element, ';');
  if (!pairs) return std::nullopt;
  for (const std::string_view pair : *pairs) {
    const std::size_t equals = pair.find('=');
    if (equals == pair.npos || !EqualsIgnoringCase(pair.substr(0, equals), "for")) continue;
    return AddressOfNode(Unquoted(pair.substr(equals + 1)));
  }
  return std::nullopt;
}

// The system says of a link-local peer by which link: "fe80::1%eth0".
std::optional<IpAddress> AddressOfPeer(std::string_view peer) {
  const std::size_t zone = peer.find('%');
  if (zone != peer.npos && peer.find(':') == peer.npos) return std::nullopt;
  return IpAddress::Parse(peer.substr(0, zone));
}

}  // namespace

std::optional<IpAddress> IpAddress::Parse(std::string_view text) {
  // inet_pton wants an end; no address is longer.
  std::array<char, INET6_ADDRSTRLEN> copy{};
  if (text.empty() || text.size() >= copy.size() || text.find('\0') != text.npos)
    return std::nullopt;
  std::ranges::copy(text, copy.begin());
  IpAddress address;
  if (text.find(':') != text.npos) {
    if (inet_pton(AF_INET6, copy.data(), address.bytes_.data()) != 1) return std::nullopt;
    return address;
  }
  std::ranges::copy(kMapped, address.bytes_.begin());
  if (inet_pton(AF_INET, copy.data(), address.bytes_.data() + kMapped.size()) != 1)
    return std::nullopt;
  return address;
}

bool IpAddress::is_v4() const { return std::ranges::equal(kMapped, std::span(bytes_).first(12)); }

std::string IpAddress::text() const {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const int family = is_v4() ? AF_INET : AF_INET6;
  const std::uint8_t* bytes = is_v4() ? bytes_.data() + kMapped.size() : bytes_.data();
  inet_ntop(family, bytes, text.data(), text.size());
  return text.data();
}

std::string IpAddress::LimitKey() const {
  if (is_v4()) return text();
  IpAddress network = *this;
  std::fill(network.bytes_.begin() + 8, network.bytes_.end(), std::uint8_t{0});
  return network.text() + "/64";
}

std::optional<IpNetwork> IpNetwork::Parse(std::string_view text) {
  const std::size_t slash = text.find('/');
  const auto first = IpAddress::Parse(text.substr(0, slash));
  if (!first) return std::nullopt;
  IpNetwork network;
  network.first_ = *first;
  if (slash == text.npos) return network;
  // Of IPv4 the bits count from where it begins within IPv6.
  const bool is_v4 = text.find(':') == text.npos;
  const std::size_t bits_before = is_v4 ? 96 : 0;
  const std::string_view digits = text.substr(slash + 1);
  std::size_t bits = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), bits);
  if (error != std::errc() || end != digits.data() + digits.size() || bits + bits_before > 128)
    return std::nullopt;
  network.bits_ = bits + bits_before;
  return network;
}

bool IpNetwork::Contains(const IpAddress& address) const {
  for (std::size_t i = 0; i * 8 < bits_; ++i) {
    const std::size_t bits_here = std::min<std::size_t>(8, bits_ - i * 8);
    const auto mask = static_cast<std::uint8_t>(0xFF << (8 - bits_here));
    if ((address.bytes_[i] & mask) != (first_.bytes_[i] & mask)) return false;
  }
  return true;
}

Result<TrustedProxies> TrustedProxies::Of(const std::vector<std::string>& networks,
                                          ForwardedBy header) {
  TrustedProxies proxies;
  proxies.header_ = header;
  for (const std::string& text : networks) {
    const auto network = IpNetwork::Parse(text);
    if (!network) return Fail(Errc::kInvalid, "'" + text + "' is no address and no network");
    proxies.networks_.push_back(*network);
  }
  return proxies;
}

bool TrustedProxies::Contains(const IpAddress& address) const {
  return std::ranges::any_of(networks_,
                             [&](const IpNetwork& network) { return network.Contains(address); });
}

IpAddress ClientAddress(const Request& request, const TrustedProxies& proxies) {
  IpAddress client = AddressOfPeer(request.peer).value_or(IpAddress());
  const bool is_forwarded = proxies.header() == ForwardedBy::kForwarded;
  const auto field = request.headers.List(is_forwarded ? "Forwarded" : "X-Forwarded-For");
  if (!field) return client;
  std::string_view rest = *field;
  for (std::size_t hop = 0; hop < kHopsMax && proxies.Contains(client); ++hop) {
    // Our proxies write no commas into quoted strings, so a comma divides even if a quote is open
    // to the left of it: else a client's could swallow the entries behind it.
    const std::size_t comma = rest.rfind(',');
    const std::size_t begin = comma == rest.npos ? 0 : comma + 1;
    const std::string_view element = TrimBlanks(rest.substr(begin));
    const auto named = is_forwarded ? AddressOfElement(element) : AddressOfNode(element);
    if (!named) break;
    client = *named;
    if (comma == rest.npos) break;
    rest = rest.substr(0, comma);
  }
  return client;
}

}  // namespace cairn::cache::http
