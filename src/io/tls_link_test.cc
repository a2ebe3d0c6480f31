// SPDX-License-Identifier: BSD-3-Clause
// A TlsLink at one end of a socket pair, a TlsStream of the server's side at the other: who is
// trusted, what goes through, what is to be waited for, how it ends. Servers are in tests/tls.
#include "io/tls_link.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <string>
#include <utility>

#include "io/socket.h"
#include "io/tls_stream.h"
#include "io/tls_test_papers.h"

namespace cairn::io {
namespace {

class TlsLinkTest : public ::testing::Test {
 protected:
  TlsLinkTest() : loop_(EventLoop::Create(clock_).value()) {
    int fds[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
    ours_ = Fd(fds[0]);
    theirs_ = Fd(fds[1]);
  }

  static std::shared_ptr<const TlsContext> ContextFor(const testing::TlsTestPapers& own,
                                                      const testing::TlsTestPapers& trusted) {
    TlsSettings settings;
    settings.cert_file = own.cert();
    settings.key_file = own.key();
    settings.ca_cert_file = trusted.cert();
    return TlsContext::CreateForPeers(settings).value();
  }
  void Listen(ClientCertificate wanted = ClientCertificate::kNotAsked) {
    stream_ =
        std::make_unique<TlsStream>(std::move(theirs_), *loop_, papers_.MakeContext(), wanted);
  }
  Transfer::State Shake(TlsLink& link) {
    for (int i = 0; i < 10; ++i) {
      const Transfer step = link.Handshake();
      (void)stream_->Handshake();
      if (step.state != Transfer::State::kWouldBlock) return step.state;
    }
    return Transfer::State::kWouldBlock;
  }
  std::string StreamReads() {
    char room[1 << 16];
    const Transfer read = stream_->Read(room);
    return {room, read.bytes};
  }

  ManualClock clock_{0};
  std::unique_ptr<EventLoop> loop_;
  testing::TlsTestPapers papers_{"server"};
  testing::TlsTestPapers others_{"others"};
  Fd ours_;
  Fd theirs_;
  std::unique_ptr<TlsStream> stream_;
};

TEST_F(TlsLinkTest, BytesGoBothWays) {
  Listen();
  TlsLink link(ours_.get(), ContextFor(papers_, papers_));
  ASSERT_EQ(Shake(link), Transfer::State::kDone);
  EXPECT_EQ(link.Write("hello").bytes, 5u);
  EXPECT_EQ(StreamReads(), "hello");
  char room[4];
  EXPECT_EQ(link.Read(room).state, Transfer::State::kWouldBlock);
  EXPECT_EQ(link.awaited(), Interest::kRead);
  const iovec piece{const_cast<char*>("answer"), 6};
  EXPECT_TRUE(stream_->Write({&piece, 1}).done());
  EXPECT_EQ(std::string(room, link.Read(room).bytes), "answ");
  // The socket has none of this any more.
  EXPECT_EQ(std::string(room, link.Read(room).bytes), "er");
  stream_->Close();
  EXPECT_EQ(link.Read(room).state, Transfer::State::kEnd);
}

TEST_F(TlsLinkTest, WaitsForRoomAndGoesOnWhereItWas) {
  Listen();
  TlsLink link(ours_.get(), ContextFor(papers_, papers_));
  ASSERT_EQ(Shake(link), Transfer::State::kDone);
  std::string all(4 << 20, 'x');
  for (std::size_t i = 0; i < all.size(); i += 1000) all[i] = static_cast<char>('a' + i % 23);
  std::string got;
  bool has_waited = false;
  for (std::string_view rest = all; !rest.empty();) {
    const Transfer written = link.Write(rest);
    rest.remove_prefix(written.bytes);
    if (written.done()) continue;
    ASSERT_EQ(written.state, Transfer::State::kWouldBlock);
    EXPECT_EQ(link.awaited(), Interest::kWrite);
    has_waited = true;
    got += StreamReads();
  }
  for (std::string more = StreamReads(); !more.empty(); more = StreamReads()) got += more;
  EXPECT_TRUE(has_waited);
  EXPECT_TRUE(got == all);
}

TEST_F(TlsLinkTest, TrustsItsAuthoritiesOnly) {
  Listen();
  TlsLink link(ours_.get(), ContextFor(papers_, others_));
  EXPECT_EQ(Shake(link), Transfer::State::kFailed);
  EXPECT_TRUE(link.failure().starts_with("certificate verify failed: ")) << link.failure();
  EXPECT_FALSE(link.Write("secret").done());
  char room[4];
  EXPECT_FALSE(link.Read(room).done());
}

TEST_F(TlsLinkTest, TakesTheHostsCertificate) {
  Listen();
  TlsLink link(ours_.get(), ContextFor(papers_, papers_));
  link.ExpectHost("server");
  EXPECT_EQ(Shake(link), Transfer::State::kDone);
}

TEST_F(TlsLinkTest, RefusesThatOfAnotherHost) {
  Listen();
  TlsLink link(ours_.get(), ContextFor(papers_, papers_));
  link.ExpectHost("elsewhere");
  EXPECT_EQ(Shake(link), Transfer::State::kFailed);
}

TEST_F(TlsLinkTest, RefusesANameForAnAddress) {
  Listen();
  TlsLink link(ours_.get(), ContextFor(papers_, papers_));
  link.ExpectHost("127.0.0.1");
  EXPECT_EQ(Shake(link), Transfer::State::kFailed);
}

TEST_F(TlsLinkTest, NeedsNoCertificateOfItsOwn) {
  Listen();
  TlsSettings settings;
  settings.ca_cert_file = papers_.cert();
  TlsLink link(ours_.get(), TlsContext::CreateForPeers(settings).value());
  EXPECT_EQ(Shake(link), Transfer::State::kDone);
}

TEST_F(TlsLinkTest, ShowsItsOwnCertificate) {
  Listen(ClientCertificate::kRequired);
  TlsLink link(ours_.get(), ContextFor(papers_, papers_));
  ASSERT_EQ(Shake(link), Transfer::State::kDone);
  EXPECT_EQ(stream_->ClientCommonName(), "server");
}

TEST_F(TlsLinkTest, OneThatSpeaksNoTlsFails) {
  TlsLink link(ours_.get(), ContextFor(papers_, papers_));
  EXPECT_EQ(link.Handshake().state, Transfer::State::kWouldBlock);
  ASSERT_TRUE(WriteAll(theirs_.get(), "-ERR unknown command\r\n").ok());
  EXPECT_EQ(link.Handshake().state, Transfer::State::kFailed);
  EXPECT_EQ(link.failure(), "wrong version number (does the peer speak TLS?)");
}

TEST_F(TlsLinkTest, OneThatGoesInTheHandshakeFails) {
  TlsLink link(ours_.get(), ContextFor(papers_, papers_));
  EXPECT_EQ(link.Handshake().state, Transfer::State::kWouldBlock);
  theirs_.Close();
  EXPECT_NE(link.Handshake().state, Transfer::State::kWouldBlock);
  EXPECT_FALSE(link.failure().empty());
}

}  // namespace
}  // namespace cairn::io
