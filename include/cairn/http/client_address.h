// SPDX-License-Identifier: BSD-3-Clause
// Who sent a request: the address at the other end of the connection, or, if that is a proxy of
// ours, the one that the proxy names.
//
//   Result<TrustedProxies> proxies = TrustedProxies::Of({"10.0.0.0/8", "::1"});
//   IpAddress client = ClientAddress(request, *proxies);
//   client.LimitKey();                                   // "192.0.2.7", "2001:db8:1:2::/64"
//
// A proxy adds the address it was called from at the right of Forwarded (RFC 7239) or
// X-Forwarded-For; what is to the left of that was sent by the caller, who may write anything. So
// the list is read from the right, as long as the one who wrote the entry is trusted: the first
// address that is no proxy of ours is the client. An entry that is no address ends the walk: then
// the last one known counts. Only the header that our proxies write is looked at, since the other
// is passed on by them as the client wrote it.
//
// Without trusted proxies, the default, no header counts.
//
// Errors: kInvalid of what is no network. Thread safety: values. Lifetimes: nothing is kept of a
// request. Cost: linear in the header, which is read up to kHopsMax entries.
#ifndef CAIRN_HTTP_CLIENT_ADDRESS_H_
#define CAIRN_HTTP_CLIENT_ADDRESS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cairn/http/message.h"
#include "cairn/result.h"

namespace cairn::cache::http {

// Entries that are walked over, from the right.
inline constexpr std::size_t kHopsMax = 16;

class IpAddress {
 public:
  IpAddress() = default;  // ::
  // "192.0.2.1", "2001:db8::1"; no port, no zone. An IPv4 address in IPv6 is the IPv4 address.
  static std::optional<IpAddress> Parse(std::string_view text);
  std::string text() const;
  bool is_v4() const;
  // What one client has: an IPv4 address, or an IPv6 network of 64 bits, of which a single machine
  // can use every address.
  std::string LimitKey() const;
  bool operator==(const IpAddress&) const = default;

 private:
  friend class IpNetwork;
  // IPv4 as ::ffff:a.b.c.d.
  std::array<std::uint8_t, 16> bytes_{};
};

class IpNetwork {
 public:
  // "10.0.0.0/8", "2001:db8::/32", or one address.
  static std::optional<IpNetwork> Parse(std::string_view text);
  bool Contains(const IpAddress& address) const;

 private:
  IpAddress first_;
  std::size_t bits_ = 128;
};

enum class ForwardedBy : std::uint8_t { kXForwardedFor, kForwarded };

class TrustedProxies {
 public:
  TrustedProxies() = default;  // none
  static Result<TrustedProxies> Of(const std::vector<std::string>& networks,
                                   ForwardedBy header = ForwardedBy::kXForwardedFor);
  bool Contains(const IpAddress& address) const;
  ForwardedBy header() const { return header_; }

 private:
  std::vector<IpNetwork> networks_;
  ForwardedBy header_ = ForwardedBy::kXForwardedFor;
};

// "::" if the request's peer is no address (a Unix socket's). Of "fe80::1%eth0" the zone is left
// out.
IpAddress ClientAddress(const Request& request, const TrustedProxies& proxies);

}  // namespace cairn::cache::http

#endif  // CAIRN_HTTP_CLIENT_ADDRESS_H_
