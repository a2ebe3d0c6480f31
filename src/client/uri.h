// SPDX-License-Identifier: BSD-3-Clause
// Uri: where a store is and as whom we go there, from its text.
//
//   redis://[user[:password]@]host[:port][/db][?option=value&...]      rediss:// with TLS
//   redis+unix://[user[:password]@]/path/of.sock[?db=1&...]
//   redis+sentinel://[user[:password]@]host[:port],host[:port].../master[/db][?...]
//   redis+cluster://[user[:password]@]host[:port],host[:port]...[?...]
//   rediss+sentinel:// and rediss+cluster:// with TLS
//
// "redis://:password@host" has no user, as everywhere. User, password, name, path and values are
// percent-decoded; an IPv6 address stands in brackets. Options: db, name (CLIENT SETNAME),
// protocol (2 or 3), and for TLS ca, ca_dir, cert, key (files) and verify (name or chain).
//
// A value; pure. Errors name the part that is wrong and where it begins, counted from 1, but never
// what may be of a password.
#ifndef CAIRN_CLIENT_URI_H_
#define CAIRN_CLIENT_URI_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "cairn/result.h"

namespace cairn::client {

struct Endpoint {
  std::string host;  // empty: a Unix socket
  std::uint16_t port = 0;
  std::string path = {};

  // "host:port" or the path.
  std::string ToString() const;
  auto operator<=>(const Endpoint&) const = default;
};

struct Uri {
  enum class Kind : std::uint8_t { kServer, kSentinel, kCluster };
  static constexpr std::uint16_t kPortDefault = 6379;
  static constexpr std::uint16_t kSentinelPortDefault = 26379;
  static constexpr std::size_t kEndpointsMax = 64;
  static constexpr std::size_t kBytesMax = 64 * 1024;
  static constexpr std::size_t kHostBytesMax = 253;        // of a name in the DNS
  static constexpr std::size_t kSocketPathBytesMax = 107;  // sockaddr_un

  Kind kind = Kind::kServer;
  std::vector<Endpoint> endpoints = {};
  std::string user = {};
  std::string password = {};
  std::int64_t db = 0;
  std::string master = {};  // Sentinel's name of it
  std::string client_name = {};
  int protocol = 3;  // the highest to ask for
  bool tls = false;
  bool verifies_name =
      true;  // the certificate is to be the host's, not only of a trusted authority
  std::string ca_file = {};
  std::string ca_folder = {};
  std::string cert_file = {};
  std::string key_file = {};

  static cache::Result<Uri> Parse(std::string_view text);
};

}  // namespace cairn::client

#endif  // CAIRN_CLIENT_URI_H_
