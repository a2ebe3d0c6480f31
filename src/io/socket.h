// SPDX-License-Identifier: BSD-3-Clause
// Sockets: listening, accepting, connecting, and what can be asked of one.
//
// Addresses are written as in Redis's `bind`: "127.0.0.1", "::1", a host name, "*" for all of
// IPv4, "::*" for all of IPv6; a leading '-' (ListenAll only) marks an address that need not
// exist. An IPv6 socket never takes IPv4 traffic. All descriptors are non-blocking and closed on
// exec. Thread safety: plain functions over descriptors.
#ifndef CAIRN_IO_SOCKET_H_
#define CAIRN_IO_SOCKET_H_

#include <sys/uio.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/function_ref.h"
#include "base/status.h"
#include "io/fd.h"
#include "io/stream.h"

namespace cairn::io {

enum class ReusePort : bool { kNo, kYes };

// `port` 0 lets the kernel choose; see LocalPort. Errors read "ADDRESS:PORT: bind: reason".
Result<Fd> ListenTcp(std::string_view address, std::uint16_t port, int backlog,
                     ReusePort reuse_port = ReusePort::kNo);
// One socket for each of `addresses`. Passes over those that are optional and not there, and over
// address families that the machine lacks; any other failure fails the whole, and so does having
// nothing left to listen on. `notices` gets one line for each address passed over.
Result<std::vector<Fd>> ListenAll(std::span<const std::string> addresses, std::uint16_t port,
                                  int backlog, std::vector<std::string>* notices);
// Removes a socket file left at `path` by an earlier run. `mode`: permissions (unixsocketperm),
// nothing to leave them to the umask.
Result<Fd> ListenUnix(const std::string& path, std::optional<std::uint32_t> mode, int backlog);

// The port a bound socket has; 0 for Unix sockets.
std::uint16_t LocalPort(int fd);

// One waiting connection. nullopt if none waits (or it is gone again); otherwise kLimit when out of
// descriptors, kIo for the rest.
Result<std::optional<Fd>> AcceptNonBlocking(int listener);

// Connects, waiting at most `timeout_ms` for each address of a host that has several. For clients,
// tests and tools; not for a loop's thread.
Result<Fd> ConnectTcp(std::string_view host, std::uint16_t port, int timeout_ms);
// The same for who may have to stop waiting: `gives_up` is asked every kGiveUpEveryMs. Of errors
// kNotFound is that of a name, kLimit that of time, kIo a refusal.
inline constexpr int kGiveUpEveryMs = 50;
Result<Fd> ConnectTcp(std::string_view host, std::uint16_t port, int timeout_ms,
                      FunctionRef<bool()> gives_up);
Result<Fd> ConnectUnix(const std::string& path);

// The two never fail in a way that a caller could act on; a peer that is gone shows on reading.
void SetNoDelay(int fd);
// As Redis's tcp-keepalive: first probe after `seconds`, then every third of that, three times.
// 0 turns it off.
void SetKeepAlive(int fd, int seconds);
bool SetBlocking(int fd, bool blocking);
// The pending error of a socket, 0 if none.
int SocketError(int fd);

// "127.0.0.1:5000", "[::1]:5000", "/tmp/x.sock:0"; "?:0" if the socket cannot say. A Unix socket
// gives the listener's path for both ends, as CLIENT LIST does.
std::string PeerName(int fd);
std::string LocalName(int fd);

// Who connected.
struct PeerInfo {
  std::string address;        // PeerName
  std::string local_address;  // LocalName
  bool is_unix = false;
  bool is_local = false;  // from this machine: Unix socket or loopback (protected mode)
  bool is_tls = false;    // by a port on which TLS is spoken
};
PeerInfo DescribePeer(int fd);

Transfer ReadSome(int fd, std::span<char> into);
// Never raises SIGPIPE. At most IOV_MAX pieces are looked at.
Transfer WriteVec(int fd, std::span<const iovec> pieces);
// Waits until the socket may be read from or written to (`interest` is one of both). 0, or the
// errno: ETIMEDOUT, ECANCELED if `gives_up` says so.
int AwaitReady(int fd, Interest interest, int timeout_ms, FunctionRef<bool()> gives_up);

// From a blocking socket's point of view, for clients: all of it, or an error.
Status WriteAll(int fd, std::string_view bytes);

}  // namespace cairn::io

#endif  // CAIRN_IO_SOCKET_H_
