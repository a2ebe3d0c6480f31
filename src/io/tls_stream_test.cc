// SPDX-License-Identifier: BSD-3-Clause
// Goal: what goes in comes out, however little the socket takes and however the peer cuts its
// records; data that OpenSSL holds is told of; the end is told as an end. Method: a stream on one
// end of a socket pair, OpenSSL's own client on the other, a loop turned by hand. Real sockets,
// certificates and reloads are in tests/tls.
#include "io/tls_stream.h"

#include <gtest/gtest.h>
#include <openssl/ssl.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "io/socket.h"
#include "io/tls_test_papers.h"

namespace cairn::io {
namespace {

std::pair<Fd, Fd> SocketPair() {
  int fds[2];
  EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
  return {Fd(fds[0]), Fd(fds[1])};
}

std::string Bytes(std::size_t size) {
  std::string bytes(size, '\0');
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>('a' + (i * 7 + i / 256) % 26);
  return bytes;
}

class Counter final : public Watcher {
 public:
  void OnReady(bool readable, bool, bool) override { reads += readable ? 1 : 0; }
  int reads = 0;
};

class TlsStreamTest : public ::testing::Test {
 protected:
  TlsStreamTest() : loop_(EventLoop::Create(clock_).value()) { Connect(); }
  ~TlsStreamTest() override {
    SSL_free(client_);
    SSL_CTX_free(client_context_);
  }

  void Connect(ClientCertificate wanted = ClientCertificate::kNotAsked) {
    auto [ours, theirs] = SocketPair();
    theirs_ = std::move(theirs);
    stream_ = std::make_unique<TlsStream>(std::move(ours), *loop_, papers_.MakeContext(), wanted);
    SSL_free(client_);
    client_ = SSL_new(client_context_);
    SSL_set_fd(client_, theirs_.get());
    SSL_set_connect_state(client_);
  }
  Transfer::State Shake() {
    for (int i = 0; i < 10; ++i) {
      SSL_do_handshake(client_);
      const Transfer step = stream_->Handshake();
      if (step.state != Transfer::State::kWouldBlock) return step.state;
    }
    return Transfer::State::kWouldBlock;
  }
  void ClientWrites(std::string_view bytes) {
    ASSERT_EQ(SSL_write(client_, bytes.data(), static_cast<int>(bytes.size())),
              static_cast<int>(bytes.size()));
  }
  std::string ClientReads() {
    char room[1 << 16];
    const int size = SSL_read(client_, room, sizeof(room));
    return {room, room + std::max(size, 0)};
  }
  // As many, unless there are fewer.
  std::string ClientReadsUpTo(std::size_t size) {
    std::string got;
    for (std::string more; got.size() < size; got += more) {
      more = ClientReads();
      if (more.empty()) break;
    }
    return got;
  }
  // Offers `size` bytes of `all` from `at` on.
  Transfer Offer(const std::string& all, std::size_t at, std::size_t size) {
    const iovec piece{const_cast<char*>(all.data() + at), size};
    return stream_->Write({&piece, 1});
  }
  // Writes of `all` until a full record is blocked; what the socket has taken before it.
  std::size_t FillSocket(const std::string& all) {
    std::size_t sent = 0;
    while (sent < all.size()) {
      const Transfer written = Offer(all, sent, TlsStream::kRecordBytes);
      if (!written.done()) {
        EXPECT_EQ(written.state, Transfer::State::kWouldBlock);
        return sent;
      }
      sent += written.bytes;
    }
    ADD_FAILURE() << "the socket takes everything";
    return sent;
  }

  ManualClock clock_{0};
  std::unique_ptr<EventLoop> loop_;
  testing::TlsTestPapers papers_{"somebody"};
  SSL_CTX* client_context_ = SSL_CTX_new(TLS_client_method());
  SSL* client_ = nullptr;
  Fd theirs_;
  std::unique_ptr<TlsStream> stream_;
  char room_[1 << 16];
};

TEST_F(TlsStreamTest, BothWays) {
  ASSERT_EQ(Shake(), Transfer::State::kDone);
  EXPECT_EQ(stream_->Read(room_).state, Transfer::State::kWouldBlock);
  ClientWrites("hello");
  EXPECT_EQ(std::string_view(room_, stream_->Read(room_).bytes), "hello");
  iovec pieces[] = {
      {const_cast<char*>("a"), 1}, {const_cast<char*>(""), 0}, {const_cast<char*>("bc"), 2}};
  EXPECT_EQ(stream_->Write(pieces).bytes, 3u);
  EXPECT_EQ(ClientReads(), "abc") << "one record";
  EXPECT_EQ(stream_->ClientCommonName(), "");
}

// The peer reads now and then, a little; pieces are small, large and empty in turn, and what is
// offered again is cut otherwise, with more behind it.
TEST_F(TlsStreamTest, FullSocketLosesNothing) {
  ASSERT_EQ(Shake(), Transfer::State::kDone);
  const std::string all = Bytes(3'000'000);
  std::size_t sent = 0;
  std::string got;
  int blocked = 0;
  for (std::size_t turn = 0; got.size() < all.size(); ++turn) {
    ASSERT_LT(turn, 100'000u);
    std::vector<iovec> pieces;
    const std::size_t limit = std::min(all.size(), sent + 200'000);
    for (std::size_t at = sent; at < limit;) {
      const std::size_t size =
          std::min(limit - at, std::size_t{1} << ((turn + 3 * pieces.size()) % 18));
      pieces.push_back({const_cast<char*>(all.data() + at), size});
      at += size;
    }
    if (!pieces.empty()) {
      const Transfer written = stream_->Write(pieces);
      ASSERT_NE(written.state, Transfer::State::kFailed);
      blocked += written.state == Transfer::State::kWouldBlock ? 1 : 0;
      sent += written.bytes;
    }
    if (turn % 3 == 0) got += ClientReads();
  }
  EXPECT_EQ(got, all);
  EXPECT_GT(blocked, 10);
}

// OpenSSL has the record and wants it whole; a writer who offers less has to wait, not to fail.
TEST_F(TlsStreamTest, LessThanTheBlockedRecordWaits) {
  ASSERT_EQ(Shake(), Transfer::State::kDone);
  const std::string all = Bytes(4'000'000);
  std::size_t sent = FillSocket(all);
  EXPECT_EQ(Offer(all, sent, 1).state, Transfer::State::kWouldBlock);
  std::string got = ClientReads();
  EXPECT_EQ(Offer(all, sent, 1).state, Transfer::State::kWouldBlock) << "room, but not the record";
  EXPECT_EQ(Offer(all, sent, TlsStream::kRecordBytes - 1).state, Transfer::State::kWouldBlock);
  got += ClientReadsUpTo(sent - got.size());
  const Transfer written = Offer(all, sent, TlsStream::kRecordBytes);
  ASSERT_EQ(written.state, Transfer::State::kDone);
  EXPECT_EQ(written.bytes, TlsStream::kRecordBytes);
  sent += written.bytes;
  got += ClientReadsUpTo(sent - got.size());
  EXPECT_TRUE(got == all.substr(0, sent));
}

// The record was of one large piece and comes again as small ones, with more behind it: it goes as
// it was, and what follows goes as what follows.
TEST_F(TlsStreamTest, BlockedRecordIsOfferedInOtherPieces) {
  ASSERT_EQ(Shake(), Transfer::State::kDone);
  const std::string all = Bytes(4'000'000);
  std::size_t sent = FillSocket(all);
  std::string got;
  got += ClientReadsUpTo(sent - got.size());
  std::vector<iovec> pieces;
  const std::size_t piece_bytes = TlsStream::kRecordBytes / 32;
  for (std::size_t at = sent; at < sent + 40 * piece_bytes; at += piece_bytes)
    pieces.push_back({const_cast<char*>(all.data() + at), piece_bytes});
  const Transfer written = stream_->Write(pieces);
  ASSERT_EQ(written.state, Transfer::State::kDone);
  EXPECT_EQ(written.bytes, 40 * piece_bytes);
  sent += written.bytes;
  EXPECT_EQ(ClientReads().size(), TlsStream::kRecordBytes) << "the record that was blocked";
  EXPECT_EQ(ClientReads().size(), 8 * piece_bytes);
}

// Once it is gone, the next may be as small as it likes; until it is, nothing counts as sent.
TEST_F(TlsStreamTest, BlockedRecordIsForgottenWhenItIsSent) {
  ASSERT_EQ(Shake(), Transfer::State::kDone);
  const std::string all = Bytes(4'000'000);
  for (int round = 0; round < 3; ++round) {
    std::size_t sent = FillSocket(all);
    for (int i = 0; i < 3; ++i) EXPECT_EQ(Offer(all, sent, all.size() - sent).bytes, 0u);
    std::string got;
    got += ClientReadsUpTo(sent - got.size());
    sent += Offer(all, sent, TlsStream::kRecordBytes).bytes;
    EXPECT_EQ(Offer(all, sent, 1).bytes, 1u);
    ++sent;
    got += ClientReadsUpTo(sent - got.size());
    ASSERT_TRUE(got == all.substr(0, sent)) << "in round " << round;
  }
}

// The socket is empty, the stream is not.
TEST_F(TlsStreamTest, HeldInputIsToldOf) {
  ASSERT_EQ(Shake(), Transfer::State::kDone);
  Counter watcher;
  ASSERT_TRUE(stream_->Watch(&watcher, Interest::kRead).ok());
  const std::string all = Bytes(10'000);
  ClientWrites(all);
  ASSERT_TRUE(loop_->RunOnce(0).ok());
  EXPECT_EQ(watcher.reads, 1);
  std::string got;
  for (int turn = 2; got.size() < all.size(); ++turn) {
    ASSERT_LT(turn, 100);
    const Transfer read = stream_->Read({room_, 600});
    ASSERT_TRUE(read.done());
    got.append(room_, read.bytes);
    ASSERT_TRUE(loop_->RunOnce(0).ok());
    // Who does not read is told again, like one whose socket is full.
    ASSERT_TRUE(loop_->RunOnce(0).ok());
  }
  EXPECT_EQ(got, all);
  EXPECT_GE(watcher.reads, 2 * 10'000 / 600);
  // Nobody is told while he does not want to be.
  ASSERT_EQ(stream_->Read(room_).state, Transfer::State::kWouldBlock);
  watcher.reads = 0;
  ASSERT_TRUE(loop_->RunOnce(0).ok());
  EXPECT_EQ(watcher.reads, 0);
}

TEST_F(TlsStreamTest, PausedReaderIsToldWhenItGoesOn) {
  ASSERT_EQ(Shake(), Transfer::State::kDone);
  Counter watcher;
  ASSERT_TRUE(stream_->Watch(&watcher, Interest::kRead).ok());
  ClientWrites("0123456789");
  ASSERT_EQ(stream_->Read({room_, 4}).bytes, 4u);
  ASSERT_TRUE(stream_->Watch(&watcher, Interest::kNone).ok());
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(loop_->RunOnce(0).ok());
  EXPECT_EQ(watcher.reads, 0);
  ASSERT_TRUE(stream_->Watch(&watcher, Interest::kRead).ok());
  ASSERT_TRUE(loop_->RunOnce(0).ok());
  EXPECT_EQ(watcher.reads, 1);
  EXPECT_EQ(stream_->Read(room_).bytes, 6u);
}

TEST_F(TlsStreamTest, NoticeIsAnEnd) {
  ASSERT_EQ(Shake(), Transfer::State::kDone);
  ClientWrites("last");
  SSL_shutdown(client_);
  EXPECT_EQ(stream_->Read(room_).bytes, 4u);
  EXPECT_EQ(stream_->Read(room_).state, Transfer::State::kEnd);
}

TEST_F(TlsStreamTest, EndOfTheSocketIsAnEnd) {
  ASSERT_EQ(Shake(), Transfer::State::kDone);
  ClientReads();  // the tickets: what is unread at the end makes it a reset
  theirs_.Close();
  EXPECT_EQ(stream_->Read(room_).state, Transfer::State::kEnd);
}

TEST_F(TlsStreamTest, JunkFails) {
  ASSERT_EQ(Shake(), Transfer::State::kDone);
  ASSERT_TRUE(WriteAll(theirs_.get(), Bytes(100)).ok());
  EXPECT_EQ(stream_->Read(room_).state, Transfer::State::kFailed);
  EXPECT_EQ(stream_->Read(room_).state, Transfer::State::kFailed);
}

TEST_F(TlsStreamTest, HandshakeFailuresHaveReasons) {
  ASSERT_TRUE(WriteAll(theirs_.get(), "*1\r\n$4\r\nPING\r\n").ok());
  EXPECT_EQ(Shake(), Transfer::State::kFailed);
  EXPECT_EQ(stream_->failure(), "wrong version number (is it a client without TLS?)");
  Connect(ClientCertificate::kRequired);
  EXPECT_EQ(Shake(), Transfer::State::kFailed);
  EXPECT_EQ(stream_->failure(), "peer did not return a certificate");
}

TEST_F(TlsStreamTest, CommonNameOfTheClient) {
  Connect(ClientCertificate::kOptional);
  ASSERT_EQ(SSL_use_certificate_file(client_, papers_.cert().c_str(), SSL_FILETYPE_PEM), 1);
  ASSERT_EQ(SSL_use_PrivateKey_file(client_, papers_.key().c_str(), SSL_FILETYPE_PEM), 1);
  ASSERT_EQ(Shake(), Transfer::State::kDone) << stream_->failure();
  EXPECT_EQ(stream_->ClientCommonName(), "somebody");
}

// Records without data, one after the other, do not keep a read from ending.
TEST_F(TlsStreamTest, KeyUpdatesDoNotHoldTheWorker) {
  ASSERT_EQ(Shake(), Transfer::State::kDone);
  BIO* sealed = BIO_new(BIO_s_mem());
  SSL_set0_wbio(client_, sealed);
  for (int i = 0; i < 5000; ++i) {
    SSL_key_update(client_, SSL_KEY_UPDATE_NOT_REQUESTED);
    ASSERT_EQ(SSL_do_handshake(client_), 1);
  }
  char* bytes = nullptr;
  const auto size = static_cast<std::size_t>(BIO_get_mem_data(sealed, &bytes));
  ASSERT_GT(size, TlsStream::kOverheadBytes + 50'000);
  const iovec piece{bytes, size};
  ASSERT_EQ(WriteVec(theirs_.get(), {&piece, 1}).bytes, size);
  EXPECT_EQ(stream_->Read({room_, 1}).state, Transfer::State::kWouldBlock);
  int left = 0;
  ASSERT_EQ(::ioctl(stream_->descriptor(), FIONREAD, &left), 0);
  EXPECT_GT(left, 0) << "the rest waits in the socket";
}

}  // namespace
}  // namespace cairn::io
