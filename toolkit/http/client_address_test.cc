// SPDX-License-Identifier: BSD-3-Clause
// Whose address a request counts for, and that nobody can choose it who is not a proxy of ours.
#include "cairn/http/client_address.h"

#include <gtest/gtest.h>

namespace cairn::cache::http {
namespace {

std::string Client(std::string peer, Headers headers, const TrustedProxies& proxies) {
  Request request;
  request.peer = std::move(peer);
  request.headers = std::move(headers);
  return ClientAddress(request, proxies).text();
}

TEST(HttpAddress, ParsesWhatIsOne) {
  for (const std::string_view text :
       {"192.0.2.1", "0.0.0.0", "::", "::1", "2001:db8::1", "1:2:3:4:5:6:7:8"})
    EXPECT_EQ(IpAddress::Parse(text)->text(), text);
  EXPECT_EQ(IpAddress::Parse("::ffff:192.0.2.1")->text(), "192.0.2.1");
  EXPECT_EQ(IpAddress::Parse("2001:DB8:0::1")->text(), "2001:db8::1");
  using namespace std::string_view_literals;
  for (const std::string_view text :
       {""sv, "1"sv, "192.0.2"sv, "192.0.2.256"sv, "192.0.2.01"sv, "192.0.2.1 "sv, "fe80::1%eth0"sv,
        "unknown"sv, "192.0.2.1\0"sv, "1:2:3:4:5:6:7:8:9"sv})
    EXPECT_FALSE(IpAddress::Parse(text).has_value()) << text;
}

TEST(HttpAddress, NetworksContain) {
  struct Row {
    std::string_view network;
    std::string_view address;
    bool contains;
  };
  const Row rows[] = {
      {"10.0.0.0/8", "10.255.0.1", true},
      {"10.0.0.0/8", "11.0.0.1", false},
      {"192.0.2.128/25", "192.0.2.128", true},
      {"192.0.2.128/25", "192.0.2.127", false},
      {"192.0.2.7", "192.0.2.7", true},
      {"192.0.2.7", "192.0.2.8", false},
      {"0.0.0.0/0", "1.2.3.4", true},
      {"0.0.0.0/0", "::1", false},
      {"::/0", "1.2.3.4", true},
      {"2001:db8::/32", "2001:db8:1::", true},
      {"2001:db8::/32", "2001:db9::", false},
      {"10.0.0.0/8", "::ffff:10.1.2.3", true},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(IpNetwork::Parse(row.network)->Contains(*IpAddress::Parse(row.address)), row.contains)
        << row.network << ' ' << row.address;
  }
  for (const std::string_view text : {"10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0.0/8x", "x/8"})
    EXPECT_FALSE(IpNetwork::Parse(text).has_value()) << text;
  EXPECT_FALSE(TrustedProxies::Of({"10.0.0.0/8", "x"}).has_value());
}

TEST(HttpAddress, KeysOfLimitsAreOneClients) {
  EXPECT_EQ(IpAddress::Parse("192.0.2.7")->LimitKey(), "192.0.2.7");
  EXPECT_EQ(IpAddress::Parse("2001:db8:1:2:3:4:5:6")->LimitKey(), "2001:db8:1:2::/64");
}

TEST(HttpAddress, HeadersOfStrangersDoNotCount) {
  const Headers spoofed = {{"X-Forwarded-For", "198.51.100.9"},
                           {"Forwarded", "for=198.51.100.9"},
                           {"X-Real-IP", "198.51.100.9"}};
  EXPECT_EQ(Client("203.0.113.5", spoofed, {}), "203.0.113.5");
  const auto proxies = TrustedProxies::Of({"10.0.0.0/8"}).value();
  EXPECT_EQ(Client("203.0.113.5", spoofed, proxies), "203.0.113.5");
  EXPECT_EQ(Client("", spoofed, proxies), "::");
}

TEST(HttpAddress, TheListIsReadFromTheRight) {
  const auto proxies = TrustedProxies::Of({"10.0.0.0/8", "::1"}).value();
  struct Row {
    std::string_view list;
    std::string_view client;
  };
  const Row rows[] = {
      {"203.0.113.5", "203.0.113.5"},
      // The client wrote the first one itself, and pretends to be a proxy of ours.
      {"198.51.100.9, 203.0.113.5", "203.0.113.5"},
      {"10.9.9.9, 203.0.113.5, 10.0.0.2", "203.0.113.5"},
      {"203.0.113.5:4711, 10.0.0.2:80", "203.0.113.5"},
      {"[2001:db8::1]:4711", "2001:db8::1"},
      {"2001:db8::1", "2001:db8::1"},
      {"10.0.0.3, 10.0.0.2", "10.0.0.3"},
      {"unknown", "10.0.0.1"},
      {"203.0.113.5, unknown", "10.0.0.1"},
      {"203.0.113.5, unknown, 10.0.0.2", "10.0.0.2"},
      {"", "10.0.0.1"},
      {"\"203.0.113.5, 203.0.113.6", "203.0.113.6"},
  };
  for (const Row& row : rows) {
    const Headers headers = {{"X-Forwarded-For", std::string(row.list)}};
    EXPECT_EQ(Client("10.0.0.1", headers, proxies), row.client) << row.list;
  }
  EXPECT_EQ(Client("::1", {{"X-Forwarded-For", "198.51.100.9"}, {"X-Forwarded-For", "203.0.113.5"}},
                   proxies),
            "203.0.113.5");
}

// The system names the link of a link-local peer; what headers say of one is not ours.
TEST(HttpAddress, AZoneIsThePeersOnly) {
  const auto proxies = TrustedProxies::Of({"fe80::/64"}).value();
  EXPECT_EQ(Client("fe80::1%eth0", {}, {}), "fe80::1");
  EXPECT_EQ(Client("fe80::1%eth0", {{"X-Forwarded-For", "203.0.113.5"}}, proxies), "203.0.113.5");
  EXPECT_EQ(Client("fe80::1", {{"X-Forwarded-For", "2001:db8::1%eth0"}}, proxies), "fe80::1");
  EXPECT_EQ(Client("192.0.2.1%eth0", {}, {}), "::");
}

// RFC 7239, 4 and 6.
TEST(HttpAddress, Forwarded) {
  const auto proxies = TrustedProxies::Of({"10.0.0.0/8"}, ForwardedBy::kForwarded).value();
  struct Row {
    std::string_view list;
    std::string_view client;
  };
  const Row rows[] = {
      {"for=192.0.2.60;proto=http;by=203.0.113.43", "192.0.2.60"},
      {"For=\"[2001:db8:cafe::17]:4711\"", "2001:db8:cafe::17"},
      {"for=192.0.2.43, for=198.51.100.17", "198.51.100.17"},
      {"for=192.0.2.43 , for=\"10.0.0.2:1\"", "192.0.2.43"},
      {"for=_hidden, for=10.0.0.2", "10.0.0.2"},
      {"for=\"_mdn\"", "10.0.0.1"},
      {"by=192.0.2.43", "10.0.0.1"},
      {"for=198.51.100.9;x=\", for=192.0.2.43", "192.0.2.43"},
  };
  for (const Row& row : rows) {
    const Headers headers = {{"Forwarded", std::string(row.list)},
                             {"X-Forwarded-For", "198.51.100.99"}};
    EXPECT_EQ(Client("10.0.0.1", headers, proxies), row.client) << row.list;
  }
}

TEST(HttpAddress, NoMoreHopsThanTheLimit) {
  const auto proxies = TrustedProxies::Of({"10.0.0.0/8"}).value();
  for (const std::size_t hops : {kHopsMax - 1, kHopsMax}) {
    std::string list = "203.0.113.5";
    for (std::size_t i = 0; i < hops; ++i) list += ", 10.0.0.2";
    EXPECT_EQ(Client("10.0.0.1", {{"X-Forwarded-For", list}}, proxies),
              hops < kHopsMax ? "203.0.113.5" : "10.0.0.2");
  }
}

}  // namespace
}  // namespace cairn::cache::http
