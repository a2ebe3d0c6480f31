// SPDX-License-Identifier: BSD-3-Clause
// The socket calls, each wrapped once.
#include "io/socket.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <memory>

#include "base/clock.h"
#include "base/text.h"

namespace cairn::io {
namespace {

struct AddressListFree {
  void operator()(addrinfo* list) const { ::freeaddrinfo(list); }
};
using AddressList = std::unique_ptr<addrinfo, AddressListFree>;

// A failed step: which one, and why.
struct Failure {
  std::string_view step;
  int error = 0;
  std::string text() const { return std::string(step) + ": " + ErrnoText(error); }
};

void SetOption(int fd, int level, int option, int value) {
  // Each use says why failing is harmless, or checks by other means.
  [[maybe_unused]] const int result = ::setsockopt(fd, level, option, &value, sizeof(value));
}

std::expected<AddressList, std::string> Resolve(const char* host, std::uint16_t port, int family,
                                                int flags) {
  addrinfo hints{};
  hints.ai_family = family;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = flags;
  addrinfo* list = nullptr;
  const std::string service = Int64ToString(port);
  const int error = ::getaddrinfo(host, service.c_str(), &hints, &list);
  if (error != 0) return std::unexpected(std::string(::gai_strerror(error)));
  return AddressList(list);
}

std::expected<Fd, Failure> ListenOn(const addrinfo& address, int backlog, ReusePort reuse_port) {
  Fd fd(::socket(address.ai_family, address.ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC,
                 address.ai_protocol));
  if (!fd.valid()) return std::unexpected(Failure{"socket", errno});
  SetOption(fd.get(), SOL_SOCKET, SO_REUSEADDR, 1);  // else bind says so
  if (reuse_port == ReusePort::kYes) SetOption(fd.get(), SOL_SOCKET, SO_REUSEPORT, 1);
  if (address.ai_family == AF_INET6) SetOption(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, 1);
  if (::bind(fd.get(), address.ai_addr, address.ai_addrlen) != 0) {
    return std::unexpected(Failure{"bind", errno});
  }
  if (::listen(fd.get(), backlog) != 0) return std::unexpected(Failure{"listen", errno});
  return fd;
}

bool IsMissingFamily(int error) {
  return error == ENOPROTOOPT || error == EPROTONOSUPPORT || error == ESOCKTNOSUPPORT ||
         error == EPFNOSUPPORT || error == EAFNOSUPPORT;
}

// `error_out` gets the errno of what failed, 0 if it was no system call.
Result<Fd> ListenTcpOrSay(std::string_view address, std::uint16_t port, int backlog,
                          ReusePort reuse_port, int* error_out) {
  *error_out = 0;
  const std::string where = std::string(address) + ":" + Int64ToString(port);
  // As Redis does: a colon makes it IPv6, and nothing else does.
  const int family = address.find(':') != std::string_view::npos ? AF_INET6 : AF_INET;
  const bool any = address == "*" || address == "::*";
  const std::string host(address);
  auto list = Resolve(any ? nullptr : host.c_str(), port, family, AI_PASSIVE);
  if (!list) return Fail(StatusCode::kIo, where + ": " + list.error());

  Failure last{"bind", EADDRNOTAVAIL};
  for (const addrinfo* entry = list->get(); entry != nullptr; entry = entry->ai_next) {
    auto fd = ListenOn(*entry, backlog, reuse_port);
    if (fd) return std::move(*fd);
    last = fd.error();
    if (last.step != "socket") break;  // try the next address only if this one cannot exist
  }
  *error_out = last.error;
  return Fail(StatusCode::kIo, where + ": " + last.text());
}

bool FillUnixAddress(const std::string& path, sockaddr_un* address) {
  *address = {};
  address->sun_family = AF_UNIX;
  if (path.size() >= sizeof(address->sun_path)) return false;
  std::memcpy(address->sun_path, path.c_str(), path.size() + 1);
  return true;
}

// A socket's address as text.
std::string NameOf(const sockaddr_storage& address) {
  char text[INET6_ADDRSTRLEN];
  if (address.ss_family == AF_INET) {
    const auto* v4 = reinterpret_cast<const sockaddr_in*>(&address);
    ::inet_ntop(AF_INET, &v4->sin_addr, text, sizeof(text));
    return std::string(text) + ":" + Int64ToString(ntohs(v4->sin_port));
  }
  if (address.ss_family == AF_INET6) {
    const auto* v6 = reinterpret_cast<const sockaddr_in6*>(&address);
    ::inet_ntop(AF_INET6, &v6->sin6_addr, text, sizeof(text));
    return "[" + std::string(text) + "]:" + Int64ToString(ntohs(v6->sin6_port));
  }
  return "?:0";
}

// A Unix client has no name of its own; both ends are called by the listener's path.
std::string UnixName(int fd) {
  for (const auto ask : {::getsockname, ::getpeername}) {
    sockaddr_un address{};
    socklen_t size = sizeof(address);
    if (ask(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) continue;
    if (address.sun_path[0] != '\0') return std::string(address.sun_path) + ":0";
  }
  return "?:0";
}

std::string NameFrom(int fd, int (*ask)(int, sockaddr*, socklen_t*)) {
  sockaddr_storage address{};
  socklen_t size = sizeof(address);
  if (ask(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) return "?:0";
  return address.ss_family == AF_UNIX ? UnixName(fd) : NameOf(address);
}

Transfer Moved(ssize_t bytes) {
  if (bytes > 0) {
    return {.state = Transfer::State::kDone, .bytes = static_cast<std::size_t>(bytes)};
  }
  if (bytes == 0) return {.state = Transfer::State::kEnd};
  if (errno == EAGAIN || errno == EWOULDBLOCK) return {.state = Transfer::State::kWouldBlock};
  return {.state = Transfer::State::kFailed, .error = errno};
}

bool FinishConnect(int fd, int timeout_ms, FunctionRef<bool()> gives_up) {
  errno = AwaitReady(fd, Interest::kWrite, timeout_ms, gives_up);
  if (errno != 0) return false;
  errno = SocketError(fd);
  return errno == 0;
}

}  // namespace

Result<Fd> ListenTcp(std::string_view address, std::uint16_t port, int backlog,
                     ReusePort reuse_port) {
  int error = 0;
  return ListenTcpOrSay(address, port, backlog, reuse_port, &error);
}

Result<std::vector<Fd>> ListenAll(std::span<const std::string> addresses, std::uint16_t port,
                                  int backlog, std::vector<std::string>* notices) {
  std::vector<Fd> listeners;
  for (const std::string& entry : addresses) {
    std::string_view address = entry;
    const bool optional = address.starts_with('-');
    if (optional) address.remove_prefix(1);
    int error = 0;
    auto fd = ListenTcpOrSay(address, port, backlog, ReusePort::kNo, &error);
    if (fd) {
      listeners.push_back(std::move(*fd));
      continue;
    }
    const bool may_miss = (optional && error == EADDRNOTAVAIL) || IsMissingFamily(error);
    if (!may_miss) return std::unexpected(fd.error());
    notices->push_back(std::string(fd.error().message()));
  }
  if (listeners.empty() && !addresses.empty()) {
    return Fail(StatusCode::kIo, "none of the addresses to listen on exists");
  }
  return listeners;
}

Result<Fd> ListenUnix(const std::string& path, std::optional<std::uint32_t> mode, int backlog) {
  sockaddr_un address;
  if (!FillUnixAddress(path, &address)) return Fail(StatusCode::kInvalid, path + ": path too long");
  Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return FailErrno(path + ": socket", errno);
  ::unlink(path.c_str());  // if it cannot go, bind says so
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    return FailErrno(path + ": bind", errno);
  }
  if (mode && ::chmod(path.c_str(), *mode) != 0) return FailErrno(path + ": chmod", errno);
  if (::listen(fd.get(), backlog) != 0) return FailErrno(path + ": listen", errno);
  return fd;
}

std::uint16_t LocalPort(int fd) {
  sockaddr_storage address{};
  socklen_t size = sizeof(address);
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) return 0;
  if (address.ss_family == AF_INET) {
    return ntohs(reinterpret_cast<const sockaddr_in*>(&address)->sin_port);
  }
  if (address.ss_family == AF_INET6) {
    return ntohs(reinterpret_cast<const sockaddr_in6*>(&address)->sin6_port);
  }
  return 0;
}

Result<std::optional<Fd>> AcceptNonBlocking(int listener) {
  for (;;) {
    Fd fd(::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (fd.valid()) return std::optional<Fd>(std::move(fd));
    switch (errno) {
      case EINTR:
      case ECONNABORTED:  // that one is gone; there may be another
        continue;
      case EAGAIN:
        return std::optional<Fd>();
      case EMFILE:
      case ENFILE:
      case ENOBUFS:
      case ENOMEM:
        return Fail(StatusCode::kLimit, "accept: " + ErrnoText(errno));
      default:
        return FailErrno("accept", errno);
    }
  }
}

int AwaitReady(int fd, Interest interest, int timeout_ms, FunctionRef<bool()> gives_up) {
  const auto events = static_cast<short>(interest == Interest::kWrite ? POLLOUT : POLLIN);
  pollfd waiting{.fd = fd, .events = events, .revents = 0};
  const SystemClock clock;  // the kernel's waiting has no other
  const MonotonicUs deadline_us = clock.NowMonotonicUs() + std::int64_t{timeout_ms} * 1000;
  while (true) {
    if (gives_up()) return ECANCELED;
    const std::int64_t left_ms = (deadline_us - clock.NowMonotonicUs() + 999) / 1000;
    const auto slice = std::clamp<std::int64_t>(left_ms, 0, kGiveUpEveryMs);
    const int ready = ::poll(&waiting, 1, static_cast<int>(slice));
    if (ready > 0) return 0;
    if (ready < 0 && errno != EINTR) return errno;
    if (left_ms <= 0) return ETIMEDOUT;
  }
}

Result<Fd> ConnectTcp(std::string_view host, std::uint16_t port, int timeout_ms) {
  return ConnectTcp(host, port, timeout_ms, [] { return false; });
}

Result<Fd> ConnectTcp(std::string_view host, std::uint16_t port, int timeout_ms,
                      FunctionRef<bool()> gives_up) {
  const std::string where = std::string(host) + ":" + Int64ToString(port);
  auto list = Resolve(std::string(host).c_str(), port, AF_UNSPEC, 0);
  if (!list) return Fail(StatusCode::kNotFound, where + ": " + list.error());
  int error = EADDRNOTAVAIL;
  for (const addrinfo* entry = list->get(); entry != nullptr; entry = entry->ai_next) {
    Fd fd(::socket(entry->ai_family, entry->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC,
                   entry->ai_protocol));
    const bool connected =
        fd.valid() && (::connect(fd.get(), entry->ai_addr, entry->ai_addrlen) == 0 ||
                       (errno == EINPROGRESS && FinishConnect(fd.get(), timeout_ms, gives_up)));
    if (connected) return fd;
    error = errno;
  }
  if (error == ETIMEDOUT || error == ECANCELED)
    return Fail(StatusCode::kLimit, where + ": connect: " + ErrnoText(error));
  return FailErrno(where + ": connect", error);
}

Result<Fd> ConnectUnix(const std::string& path) {
  sockaddr_un address;
  if (!FillUnixAddress(path, &address)) return Fail(StatusCode::kInvalid, path + ": path too long");
  Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return FailErrno(path + ": socket", errno);
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    return FailErrno(path + ": connect", errno);
  }
  return fd;
}

// Fails on Unix sockets, which have no delay to begin with.
void SetNoDelay(int fd) { SetOption(fd, IPPROTO_TCP, TCP_NODELAY, 1); }

// Fails on Unix sockets, whose peers cannot vanish unseen.
void SetKeepAlive(int fd, int seconds) {
  constexpr int kProbes = 3;
  SetOption(fd, SOL_SOCKET, SO_KEEPALIVE, seconds > 0 ? 1 : 0);
  if (seconds <= 0) return;
  SetOption(fd, IPPROTO_TCP, TCP_KEEPIDLE, seconds);
  SetOption(fd, IPPROTO_TCP, TCP_KEEPINTVL, std::max(1, seconds / 3));
  SetOption(fd, IPPROTO_TCP, TCP_KEEPCNT, kProbes);
}

bool SetBlocking(int fd, bool blocking) {
  const int flags = ::fcntl(fd, F_GETFL);
  if (flags < 0) return false;
  return ::fcntl(fd, F_SETFL, blocking ? flags & ~O_NONBLOCK : flags | O_NONBLOCK) == 0;
}

int SocketError(int fd) {
  int error = 0;
  socklen_t size = sizeof(error);
  if (::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) return errno;
  return error;
}

std::string PeerName(int fd) { return NameFrom(fd, ::getpeername); }
std::string LocalName(int fd) { return NameFrom(fd, ::getsockname); }

PeerInfo DescribePeer(int fd) {
  PeerInfo peer{.address = PeerName(fd), .local_address = LocalName(fd)};
  sockaddr_storage address{};
  socklen_t size = sizeof(address);
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0) {
    peer.is_unix = address.ss_family == AF_UNIX;
  }
  peer.is_local =
      peer.is_unix || peer.address.starts_with("127.") || peer.address.starts_with("[::1]:");
  return peer;
}

Transfer ReadSome(int fd, std::span<char> into) {
  for (;;) {
    const ssize_t bytes = ::recv(fd, into.data(), into.size(), 0);
    if (bytes >= 0 || errno != EINTR) return Moved(bytes);
  }
}

Transfer WriteVec(int fd, std::span<const iovec> pieces) {
  for (;;) {
    ssize_t bytes = 0;
    if (pieces.size() == 1) {
      bytes = ::send(fd, pieces[0].iov_base, pieces[0].iov_len, MSG_NOSIGNAL);
    } else {
      msghdr message{};
      message.msg_iov = const_cast<iovec*>(pieces.data());  // sendmsg only reads them
      message.msg_iovlen = std::min<std::size_t>(pieces.size(), IOV_MAX);
      bytes = ::sendmsg(fd, &message, MSG_NOSIGNAL);
    }
    if (bytes >= 0 || errno != EINTR) return Moved(bytes);
  }
}

Status WriteAll(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const iovec piece{const_cast<char*>(bytes.data()), bytes.size()};
    const Transfer wrote = WriteVec(fd, {&piece, 1});
    if (wrote.done()) {
      bytes.remove_prefix(wrote.bytes);
    } else if (wrote.state == Transfer::State::kWouldBlock) {
      pollfd waiting{.fd = fd, .events = POLLOUT, .revents = 0};
      ::poll(&waiting, 1, -1);
    } else {
      return FailErrno("send", wrote.error).error();
    }
  }
  return {};
}

}  // namespace cairn::io
