// SPDX-License-Identifier: BSD-3-Clause
// URIs that are read, and those that are refused without telling the password.
#include "client/uri.h"

#include <gtest/gtest.h>

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

TEST(Uri, Refused) {
  for (const char* text :
       {"", "redis:", "redis://", "http://h", "redis://h:0", "redis://h:70000", "redis://h:x",
        "redis://h/x", "redis://h/-1", "redis://a,b", "redis://u:p%4@h", "redis://h?what=1",
        "redis://h?protocol=4", "redis://h?verify=no", "redis+unix://h", "redis+sentinel://a",
        "redis+cluster://a/1", "redis://[::1]x", "redis://%zz:secret@h"}) {
    const cache::Result<Uri> uri = Uri::Parse(text);
    ASSERT_FALSE(uri) << text;
    EXPECT_EQ(uri.error().code, cache::Errc::kInvalid) << text;
    EXPECT_EQ(uri.error().detail.find("secret"), std::string::npos) << text;
  }
  std::string many = "redis+cluster://h";
  for (std::size_t i = 0; i < Uri::kEndpointsMax; ++i) many += ",h";
  EXPECT_EQ(Uri::Parse(many).error().code, cache::Errc::kLimit);
}

}  // namespace
}  // namespace cairn::client
