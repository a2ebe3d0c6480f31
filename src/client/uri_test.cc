// SPDX-License-Identifier: BSD-3-Clause
// URIs that are read, and those that are refused without telling the password.
#include "client/uri.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace cairn::client {
namespace {

TEST(Uri, Server) {
  const Uri plain = Uri::Parse("redis://localhost").value();
  EXPECT_EQ(plain.endpoints, (std::vector<Endpoint>{{"localhost", 6379}}));
  EXPECT_FALSE(plain.tls);
  const Uri full =
      Uri::Parse("rediss://us%65r:p%40ss:w@[::1]:7000/3?name=app&protocol=2&ca=/c.pem&verify=chain")
          .value();
  EXPECT_EQ(full.endpoints, (std::vector<Endpoint>{{"::1", 7000}}));
  EXPECT_EQ(full.endpoints[0].ToString(), "[::1]:7000");
  EXPECT_TRUE(full.tls);
  EXPECT_EQ(full.user, "user");
  EXPECT_EQ(full.password, "p@ss:w");
  EXPECT_EQ(full.db, 3);
  EXPECT_EQ(full.client_name, "app");
  EXPECT_EQ(full.protocol, 2);
  EXPECT_EQ(full.ca_file, "/c.pem");
  EXPECT_FALSE(full.verifies_name);
  EXPECT_EQ(Uri::Parse("redis://:secret@h").value().password, "secret");
}

TEST(Uri, OtherKinds) {
  const Uri local = Uri::Parse("redis+unix://u:p@/tmp/a.sock?db=2").value();
  EXPECT_EQ(local.endpoints[0].path, "/tmp/a.sock");
  EXPECT_EQ(local.endpoints[0].ToString(), "/tmp/a.sock");
  EXPECT_EQ(local.db, 2);
  const Uri sentinel = Uri::Parse("redis+sentinel://u:p@a,b:5000/my%20master/1").value();
  EXPECT_EQ(sentinel.kind, Uri::Kind::kSentinel);
  EXPECT_EQ(sentinel.endpoints, (std::vector<Endpoint>{{"a", 26379}, {"b", 5000}}));
  EXPECT_EQ(sentinel.master, "my master");
  EXPECT_EQ(sentinel.db, 1);
  const Uri cluster = Uri::Parse("rediss+cluster://a:1,b:2").value();
  EXPECT_EQ(cluster.kind, Uri::Kind::kCluster);
  EXPECT_EQ(cluster.endpoints.size(), 2u);
}

// RFC 3986, 3.1.
TEST(Uri, SchemesInAnyCase) {
  EXPECT_EQ(Uri::Parse("REDIS://h").value().kind, Uri::Kind::kServer);
  EXPECT_TRUE(Uri::Parse("Rediss://h").value().tls);
  EXPECT_EQ(Uri::Parse("Redis+Unix:///A.sock").value().endpoints[0].path, "/A.sock");
  EXPECT_EQ(Uri::Parse("redis+SENTINEL://h/Name").value().master, "Name");
  EXPECT_EQ(Uri::Parse("REDISS+CLUSTER://h").value().kind, Uri::Kind::kCluster);
}

struct Refusal {
  std::string text;
  std::size_t at;  // the character that is named
  std::string why;
};

// Each with "secret" where a password is, or may have been meant.
std::vector<Refusal> Refusals() {
  const std::string blank = "a blank";
  const std::string digits = "hexadecimal";
  const std::string host = "a host is missing";
  const std::string port = "a port from 1 to 65535";
  const std::string db = "a database is a number";
  const std::string brackets = "stands in brackets";
  const std::string address = "an IPv6 address is to stand";
  return {
      {"", 1, "a scheme"},
      {"redis", 1, "a scheme"},
      {"redis:", 1, "a scheme"},
      {"redis:/h", 1, "a scheme"},
      {"://h", 1, "no such kind of store: ''"},
      {"http://h", 1, "no such kind of store: 'http'"},
      {"HTTP://h", 1, "no such kind"},
      {"REDIS+TLS://h", 1, "no such kind"},
      {"redis+tls://h", 1, "no such kind of store: 'redis+tls'"},
      {"u:secret@h://", 1, "no such kind of store"},
      {"redis:// h", 9, blank},
      {"redis://h\n", 10, blank},
      {"redis://h\t:1", 10, blank},
      {std::string("redis://h\0", 10), 10, blank},
      {"redis://", 9, host},
      {"redis:///1", 9, host},
      {"redis://:1", 9, host},
      {"redis://:secret@", 17, host},
      {"redis+cluster://a,", 19, host},
      {"redis+cluster://a,,b", 19, host},
      {"redis+cluster://,a", 17, host},
      {"redis://::1", 9, brackets},
      {"redis://fe80::1:6379", 9, brackets},
      {"redis://h:1:2", 9, brackets},
      {"redis://[::1", 9, "the bracket of an address is not closed"},
      {"redis://[::1:6379/0", 9, "not closed"},
      {"redis+cluster://a:1,[::1", 21, "not closed"},
      {"redis://[]", 10, address},
      {"redis://[localhost]", 10, address},
      {"redis://[127.0.0.1]:1", 10, address},
      {"redis://[::1]x", 14, "only :PORT"},
      {"redis://[::1]6379", 14, "only :PORT"},
      {"redis://::1]", 9, brackets},
      {"redis://h]", 10, "no host's name has"},
      {"redis://h#x", 10, "no host's name has"},
      {"redis://h%41", 10, "no host's name has"},
      {"redis://" + std::string(254, 'h'), 9, "longer than 253"},
      {"redis://h:", 11, port},
      {"redis://[::1]:", 15, port},
      {"redis://h:0", 11, port},
      {"redis://h:65536", 11, port},
      {"redis://h:-1", 11, port},
      {"redis://h:+1", 11, port},
      {"redis://h:0x1", 11, port},
      {"redis://h:99999999999999999999", 11, port},
      {"redis://u:secret", 11, port},
      {"redis://a,b", 11, "several hosts"},
      {"redis://u:secret%4@h", 11, digits},
      {"redis://u:secret%@h", 11, digits},
      {"redis://%zz:secret@h", 9, digits},
      {"redis://u%00:secret@h", 9, "a byte 0"},
      {"redis://u:sec/ret@h", 14, "%2F"},
      {"redis://u:1?secret@h", 13, "%3F"},
      {"redis://h/x", 11, db},
      {"redis://h/-1", 11, db},
      {"redis://h//", 11, db},
      {"redis://h/1/2", 11, db},
      {"redis://h/99999999999999999999", 11, db},
      {"redis://h/1?db=2", 16, "said twice"},
      {"redis+cluster://a/1", 19, "no database but 0"},
      {"redis+cluster://a?db=1", 22, "no database but 0"},
      {"redis+sentinel://a", 19, "the master"},
      {"redis+sentinel://a/", 20, "the master"},
      {"redis+sentinel://a//1", 20, "the master"},
      {"redis+sentinel://a/m%4", 20, digits},
      {"redis+sentinel://a/m/x", 22, db},
      {"redis+unix://h", 14, "begins with /"},
      {"redis+unix://", 14, "begins with /"},
      {"redis+unix:///a%", 14, digits},
      {"redis+unix:///a%00b", 14, "a byte 0"},
      {"redis+unix:///" + std::string(107, 'a'), 14, "longer than 107"},
      {"redis://h?what=1", 11, "no such option: 'what'"},
      {"redis://h?db", 11, "'db' has no value"},
      {"redis://h?db=", 11, "'db' has no value"},
      {"redis://h?db=%31", 14, db},
      {"redis://h?=1", 11, "an option is missing"},
      {"redis://h?db=1&", 16, "an option is missing"},
      {"redis://h?db=1&&name=x", 16, "an option is missing"},
      {"redis://h?name=a&name=b", 18, "'name' is said twice"},
      {"redis://h?name=a%4", 16, digits},
      {"redis://h?protocol=4", 20, "protocol is 2 or 3"},
      {"rediss://h?verify=no", 19, "verify is name or chain"},
      {"redis://h?ca=/c.pem", 11, "'ca' is for TLS"},
      {"redis://h?verify=chain", 11, "'verify' is for TLS"},
      {"rediss://h?cert=/c", 11, "cert without key"},
      {"rediss://h?key=/c", 11, "key without cert"},
  };
}

TEST(Uri, RefusedWithThePlace) {
  for (const Refusal& row : Refusals()) {
    const cache::Result<Uri> uri = Uri::Parse(row.text);
    ASSERT_FALSE(uri) << row.text;
    const std::string& told = uri.error().detail;
    EXPECT_EQ(uri.error().code, cache::Errc::kInvalid) << row.text;
    EXPECT_TRUE(told.starts_with("URI, character " + std::to_string(row.at) + ": "))
        << row.text << "\n"
        << told;
    EXPECT_NE(told.find(row.why), std::string::npos) << row.text << "\n" << told;
    EXPECT_EQ(told.find("sec"), std::string::npos) << row.text << "\n" << told;
  }
}

TEST(Uri, Limits) {
  std::string many = "redis+cluster://h";
  for (std::size_t i = 1; i < Uri::kEndpointsMax; ++i) many += ",h";
  EXPECT_EQ(Uri::Parse(many).value().endpoints.size(), Uri::kEndpointsMax);
  EXPECT_EQ(Uri::Parse(many + ",h").error().code, cache::Errc::kLimit);
  const std::string long_name = "redis://h?name=";
  const std::string name(Uri::kBytesMax - long_name.size(), 'n');
  EXPECT_EQ(Uri::Parse(long_name + name).value().client_name, name);
  EXPECT_EQ(Uri::Parse(long_name + name + "n").error().code, cache::Errc::kLimit);
  const std::string host(Uri::kHostBytesMax, 'h');
  EXPECT_EQ(Uri::Parse("redis://" + host).value().endpoints[0].host, host);
  const std::string path(Uri::kSocketPathBytesMax - 1, 'p');
  EXPECT_EQ(Uri::Parse("redis+unix:///" + path).value().endpoints[0].path, "/" + path);
}

TEST(Uri, OddButGood) {
  EXPECT_EQ(Uri::Parse("redis://@h").value().user, "");
  EXPECT_EQ(Uri::Parse("redis://u:p@ss@h").value().password, "p@ss");
  EXPECT_EQ(Uri::Parse("redis://u:%00@h").value().password, std::string(1, '\0'));
  EXPECT_EQ(Uri::Parse("redis://h/?").value().db, 0);
  EXPECT_EQ(Uri::Parse("redis+cluster://h/0").value().db, 0);
  EXPECT_EQ(Uri::Parse("redis://h?name=me@host").value().client_name, "me@host");
  EXPECT_EQ(Uri::Parse("redis+unix:///run/me@host/a%20b").value().endpoints[0].path,
            "/run/me@host/a b");
  EXPECT_EQ(Uri::Parse("redis://[fe80::1%eth0]:1").value().endpoints[0].host, "fe80::1%eth0");
  EXPECT_EQ(Uri::Parse("redis://h_1.example-2").value().endpoints[0].host, "h_1.example-2");
}

}  // namespace
}  // namespace cairn::client
