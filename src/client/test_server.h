// SPDX-License-Identifier: BSD-3-Clause
// TestServer: a server on a loopback port that answers as a test wants it to, bytes and all.
//
//   TestServer server([](TestServer::Peer& peer, const TestServer::Words& words) {
//     if (!Greets(peer, words)) peer.Send("$5\r\nab");
//   });
//
// The function runs on the server's thread, for each command of each connection. A Peer is good
// while the server is.
#ifndef CAIRN_CLIENT_TEST_SERVER_H_
#define CAIRN_CLIENT_TEST_SERVER_H_

#include <poll.h>
#include <sys/socket.h>

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/text.h"
#include "base/thread.h"
#include "io/socket.h"

namespace cairn::client {

class TestServer {
 public:
  using Words = std::vector<std::string>;
  class Peer {
   public:
    explicit Peer(io::Fd fd) : fd_(std::move(fd)) {}
    // Who has gone meanwhile is not told.
    void Send(std::string_view bytes) {
      if (fd_.valid()) (void)io::WriteAll(fd_.get(), bytes);
    }
    void Close() { fd_.Close(); }

   private:
    friend TestServer;
    io::Fd fd_;
    std::string input_;
  };
  using Answers = std::function<void(Peer&, const Words&)>;

  explicit TestServer(Answers answers)
      : answers_(std::move(answers)),
        listener_(io::ListenTcp("127.0.0.1", 0, 128, io::ReusePort::kNo).value()),
        port_(io::LocalPort(listener_.get())),
        thread_("test-server", [this] { Run(); }) {}
  ~TestServer() {
    is_over_.store(true, std::memory_order_relaxed);
    thread_.Join();
  }

  std::uint16_t port() const { return port_; }
  std::string place() const { return "127.0.0.1:" + std::to_string(port_); }

 private:
  void Run() {
    while (!is_over_.load(std::memory_order_relaxed)) {
      std::vector<pollfd> waiting = {{.fd = listener_.get(), .events = POLLIN, .revents = 0}};
      // A descriptor of -1 is passed over.
      for (const auto& peer : peers_)
        waiting.push_back({.fd = peer->fd_.get(), .events = POLLIN, .revents = 0});
      constexpr int kLookMs = 20;  // for the end
      if (::poll(waiting.data(), waiting.size(), kLookMs) <= 0) continue;
      if (waiting[0].revents != 0) {
        io::Fd accepted(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
        if (accepted.valid()) io::SetNoDelay(accepted.get());
        if (accepted.valid()) peers_.push_back(std::make_unique<Peer>(std::move(accepted)));
      }
      for (std::size_t i = 1; i < waiting.size(); ++i) {
        if (waiting[i].revents != 0) Read(*peers_[i - 1]);
      }
    }
  }

  void Read(Peer& peer) {
    char buffer[16 * 1024];
    const ssize_t got = ::recv(peer.fd_.get(), buffer, sizeof(buffer), 0);
    if (got <= 0) return peer.Close();
    peer.input_.append(buffer, static_cast<std::size_t>(got));
    while (const std::optional<Words> words = Take(&peer.input_)) answers_(peer, *words);
  }

  // What clients send: arrays of bulks.
  static std::optional<Words> Take(std::string* input) {
    std::string_view rest = *input;
    const auto number = [&]() -> std::optional<std::size_t> {
      const std::size_t end = rest.find("\r\n");
      if (end == rest.npos) return std::nullopt;
      const auto found = ParseInt64(rest.substr(1, end - 1));
      rest.remove_prefix(end + 2);
      return static_cast<std::size_t>(found.value_or(0));
    };
    const auto count = number();
    if (!count) return std::nullopt;
    Words words;
    while (words.size() < *count) {
      const auto size = number();
      if (!size || rest.size() < *size + 2) return std::nullopt;
      words.emplace_back(rest.substr(0, *size));
      rest.remove_prefix(*size + 2);
    }
    input->erase(0, input->size() - rest.size());
    return words;
  }

  const Answers answers_;
  const io::Fd listener_;
  const std::uint16_t port_;
  std::vector<std::unique_ptr<Peer>> peers_;  // its thread
  std::atomic<bool> is_over_{false};
  Thread thread_;
};

// What every server says to HELLO and PING. False: it is another command.
inline bool Greets(TestServer::Peer& peer, const TestServer::Words& words) {
  if (words[0] == "HELLO") peer.Send("%1\r\n+proto\r\n:3\r\n");
  if (words[0] == "PING") peer.Send("+PONG\r\n");
  return words[0] == "HELLO" || words[0] == "PING";
}

}  // namespace cairn::client

#endif  // CAIRN_CLIENT_TEST_SERVER_H_
