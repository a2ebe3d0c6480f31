// SPDX-License-Identifier: BSD-3-Clause
// A blocking socket with poll for the time limits. A server that closes with our bytes unread sends
// a reset: what it had written before is still read, then the reset counts as closed. TLS, if it is
// spoken, lies between the socket and the two buffers, and is done as bytes come and go.
#include "support/channel.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <utility>

#include "support/tls_client.h"

namespace cairn::testing {
namespace {

constexpr std::size_t kReadBytes = 64u * 1024;
constexpr int kSendTimeoutMs = 30'000;

Status IoError(std::string_view what) {
  return {StatusCode::kIo, std::string(what) + ": " + std::strerror(errno)};
}

class SocketChannel final : public Channel {
 public:
  explicit SocketChannel(int fd) : fd_(fd) {}
  SocketChannel(const SocketChannel&) = delete;
  SocketChannel& operator=(const SocketChannel&) = delete;
  ~SocketChannel() override { ::close(fd_); }

  Status SendBytes(std::string_view bytes) override;
  Status SendCommand(const std::vector<std::string>& args) override {
    return SendBytes(EncodeCommand(args));
  }
  Result<std::optional<Reply>> Receive(int timeout_ms) override;
  std::string address() const override;
  Status BeginTls();

 private:
  Status SendRaw(std::string_view bytes);
  // Reads what is there within the time; whether anything came.
  Result<bool> Fill(int timeout_ms);

  int fd_;
  bool closed_ = false;
  std::unique_ptr<TlsClient> tls_;  // null: none is spoken
  std::string input_;
};

Status SocketChannel::SendBytes(std::string_view bytes) {
  return tls_ == nullptr ? SendRaw(bytes) : SendRaw(tls_->Seal(bytes));
}

Status SocketChannel::BeginTls() {
  tls_ = std::make_unique<TlsClient>();
  while (!tls_->is_open()) {
    if (Status sent = SendRaw(tls_->TakeOutput()); !sent.ok()) return sent;
    const Result<bool> filled = Fill(kSendTimeoutMs);
    if (!filled) return filled.error();
    if (!*filled || closed_) return {StatusCode::kClosed, "no TLS handshake"};
  }
  return SendRaw(tls_->TakeOutput());
}

Status SocketChannel::SendRaw(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(sent));
      continue;
    }
    if (errno != EAGAIN && errno != EINTR) return {StatusCode::kClosed, "send failed"};
    // The server may be writing to us while we write to it: take what it says, or both wait.
    pollfd wait{.fd = fd_, .events = POLLOUT | POLLIN, .revents = 0};
    if (::poll(&wait, 1, kSendTimeoutMs) <= 0) return IoError("send");
    if ((wait.revents & POLLIN) != 0) {
      if (Result<bool> filled = Fill(0); !filled) return filled.error();
      if (closed_) return {StatusCode::kClosed, "closed while sending"};
    }
  }
  return {};
}

Result<bool> SocketChannel::Fill(int timeout_ms) {
  pollfd wait{.fd = fd_, .events = POLLIN, .revents = 0};
  const int ready = ::poll(&wait, 1, timeout_ms);
  if (ready == 0) return false;
  if (ready < 0) {
    if (errno == EINTR) return false;
    return std::unexpected(IoError("poll"));
  }
  const std::size_t old_size = input_.size();
  input_.resize(old_size + kReadBytes);
  const ssize_t got = ::recv(fd_, input_.data() + old_size, kReadBytes, 0);
  input_.resize(old_size + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
  if (got <= 0) closed_ = true;
  if (tls_ == nullptr || got <= 0) return true;
  const std::string plain = tls_->Open(std::string_view(input_).substr(old_size));
  input_.replace(old_size, std::string::npos, plain);
  closed_ = tls_->has_ended();
  return true;
}

std::string SocketChannel::address() const {
  sockaddr_in own = {};
  socklen_t size = sizeof(own);
  if (::getsockname(fd_, reinterpret_cast<sockaddr*>(&own), &size) != 0) return {};
  return "127.0.0.1:" + std::to_string(ntohs(own.sin_port));
}

Result<std::optional<Reply>> SocketChannel::Receive(int timeout_ms) {
  using std::chrono::steady_clock;
  const auto deadline = steady_clock::now() + std::chrono::milliseconds(timeout_ms);
  for (;;) {
    if (!input_.empty()) {
      Result<std::optional<Decoded>> decoded = DecodeReply(input_);
      if (!decoded) return std::unexpected(decoded.error());
      if (*decoded) {
        input_.erase(0, (*decoded)->size);
        return std::move((*decoded)->reply);
      }
    }
    if (closed_) return Fail(StatusCode::kClosed, "the server closed the connection");
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - steady_clock::now());
    Result<bool> filled = Fill(static_cast<int>(std::max<std::int64_t>(0, left.count())));
    if (!filled) return std::unexpected(filled.error());
    if (!*filled && steady_clock::now() >= deadline) return std::nullopt;
  }
}

}  // namespace

namespace {

Result<std::unique_ptr<SocketChannel>> Connect(int port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return std::unexpected(IoError("socket"));
  auto channel = std::make_unique<SocketChannel>(fd);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    return std::unexpected(IoError("connect"));
  }
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  return channel;
}

}  // namespace

Result<std::unique_ptr<Channel>> ConnectTcp(int port) { return Connect(port); }

Result<std::unique_ptr<Channel>> ConnectTls(int port) {
  Result<std::unique_ptr<SocketChannel>> channel = Connect(port);
  if (!channel) return std::unexpected(channel.error());
  if (Status begun = (*channel)->BeginTls(); !begun.ok()) return std::unexpected(begun);
  return std::move(*channel);
}

Result<Reply> Call(Channel& channel, const std::vector<std::string>& args, int timeout_ms) {
  if (Status status = channel.SendCommand(args); !status.ok()) return std::unexpected(status);
  Result<std::optional<Reply>> reply = channel.Receive(timeout_ms);
  if (!reply) return std::unexpected(reply.error());
  if (!*reply) return Fail(StatusCode::kIo, "no reply to " + args.front() + " in time");
  return std::move(**reply);
}

}  // namespace cairn::testing
