// SPDX-License-Identifier: BSD-3-Clause
// Listening and accepting.
//
// All listening sockets live on the main thread's loop, which has nothing else to do; connections
// are dealt to the workers in turn. Changing port or bind closes what listens first, since the new
// addresses may overlap the old; if they cannot be had, the old ones are taken back.
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "io/listener.h"
#include "io/socket.h"
#include "server/server.h"
#include "server/worker.h"

namespace cairn::server {
namespace {

// How long CONFIG SET waits for the main thread to listen anew.
constexpr std::int64_t kListenWaitUs = 5'000'000;

}  // namespace

void Server::MakeDealer() {
  std::vector<io::Dealer::Target> targets;
  targets.reserve(workers_.size());
  for (const std::unique_ptr<Worker>& worker : workers_) {
    targets.push_back(
        {&worker->loop(), [this, raw = worker.get()](io::Fd socket, io::PeerInfo peer) {
           Accept(*raw, std::move(socket), std::move(peer));
         }});
  }
  dealer_ = std::make_unique<io::Dealer>(*main_loop_, std::move(targets));
}

Result<std::unique_ptr<io::Listener>> Server::MakeListener(io::Fd socket, io::Spoken spoken) {
  return io::Listener::Create(*main_loop_, std::move(socket), *dealer_, spoken);
}

Status Server::ListenTcp() {
  tcp_listeners_.clear();
  return ListenOn(config_.Int("port"), io::Spoken::kPlain, &tcp_listeners_);
}

// Both are closed before either listens anew: where they were may be where the other goes.
Status Server::ListenBoth() {
  tls_listeners_.clear();
  if (Status listening = ListenTcp(); !listening.ok()) return listening;
  return ListenTls();
}

Status Server::ListenOn(std::int64_t port, io::Spoken spoken,
                        std::vector<std::unique_ptr<io::Listener>>* listeners) {
  if (port == 0) return {};
  std::vector<std::string> notices;
  Result<std::vector<io::Fd>> sockets =
      io::ListenAll(config_.BindAddresses(), static_cast<std::uint16_t>(port),
                    static_cast<int>(config_.Int("tcp-backlog")), &notices);
  for (const std::string& notice : notices) log_.Warning(notice);
  if (!sockets) {
    return sockets.error().Annotate("Failed listening on port " + std::to_string(port) + " (" +
                                    (spoken == io::Spoken::kTls ? "tls" : "tcp") + "), aborting");
  }
  for (io::Fd& socket : *sockets) {
    Result<std::unique_ptr<io::Listener>> listener = MakeListener(std::move(socket), spoken);
    if (!listener) return listener.error();
    listeners->push_back(std::move(*listener));
  }
  return {};
}

// At the start; later, CONFIG SET may take away the last address, as in Redis.
Status Server::Listen() {
  if (Status listening = ListenBoth(); !listening.ok()) return listening;
  if (Status listening = ListenUnix(); !listening.ok()) return listening;
  if (!tcp_listeners_.empty() || !tls_listeners_.empty() || unix_listener_ != nullptr) return {};
  return {StatusCode::kIo, "Configured to not listen anywhere, exiting."};
}

Status Server::ListenUnix() {
  const std::string path = config_.Text("unixsocket");
  if (path.empty()) return {};
  const std::int64_t mode = config_.Int("unixsocketperm");
  Result<io::Fd> socket = io::ListenUnix(
      path, mode != 0 ? std::optional(static_cast<std::uint32_t>(mode)) : std::nullopt,
      static_cast<int>(config_.Int("tcp-backlog")));
  if (!socket) return socket.error().Annotate("Failed opening Unix socket");
  Result<std::unique_ptr<io::Listener>> listener =
      MakeListener(std::move(*socket), io::Spoken::kPlain);
  if (!listener) return listener.error();
  unix_listener_ = std::move(*listener);
  return {};
}

// Runs as a hook of CONFIG SET, which undoes the change and calls the hook again if this fails: so
// failing here brings the old addresses back. `refusal` is what Redis says of the directive. What
// the waiter and the task share outlives whoever is late.
Status Server::ListenAgain(Status (Server::*listen)(), std::string_view refusal) {
  struct Answer {
    Event ready;
    Mutex mu;
    Status status GUARDED_BY(mu);
  };
  auto answer = std::make_shared<Answer>();
  const bool posted = main_loop_->Post([this, listen, answer] {
    Status listening = (this->*listen)();
    if (!listening.ok()) log_.Warning(listening.message());
    {
      MutexLock hold(answer->mu);
      answer->status = std::move(listening);
    }
    answer->ready.Notify();
  });
  if (!posted || !answer->ready.WaitFor(kListenWaitUs)) {
    return {StatusCode::kClosed, "The main thread does not answer. Check server logs."};
  }
  MutexLock hold(answer->mu);
  if (answer->status.ok()) return {};
  return {StatusCode::kIo, std::string(refusal)};
}

// A client of TLS cannot be told of maxclients: it does not listen before its handshake, which is
// what the limit spares us.
void Server::Accept(Worker& worker, io::Fd socket, io::PeerInfo peer) {
  constexpr std::string_view kFull = "-ERR max number of clients reached\r\n";
  if (open_connections_.value() >= config_.Int("maxclients")) {
    counters_.connections_rejected.Add(1);
    // The peer is told if it can be told at once; it is closed either way.
    if (peer.is_tls) return;
    if (const Status told = io::WriteAll(socket.get(), kFull); !told.ok())
      log_.Verbose(told.message());
    return;
  }
  open_connections_.Add(1);
  if (!peer.is_unix) {
    io::SetNoDelay(socket.get());
    if (const std::int64_t seconds = config_.Int("tcp-keepalive"); seconds > 0) {
      io::SetKeepAlive(socket.get(), static_cast<int>(seconds));
    }
  }
  worker.Adopt(std::move(socket), std::move(peer));
}

bool Server::Admits(io::Stream& stream, const io::PeerInfo& peer) {
  constexpr std::string_view kProtected =
      "-DENIED This server runs in protected mode: it has no password, and takes connections "
      "from its own machine only. Set a "
      "password (requirepass), or connect from the machine itself and turn protected-mode off if "
      "the network is trusted.\r\n";
  if (!config_.Bool("protected-mode") || !access_.users().default_is_nopass() || peer.is_local) {
    counters_.connections_received.Add(1);
    return true;
  }
  counters_.connections_rejected.Add(1);
  open_connections_.Add(-1);
  const iovec piece{const_cast<char*>(kProtected.data()), kProtected.size()};
  if (!stream.Write({&piece, 1}).done()) log_.Verbose("A peer could not be told that it is denied");
  return false;
}

}  // namespace cairn::server
