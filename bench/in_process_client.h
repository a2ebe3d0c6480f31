// SPDX-License-Identifier: BSD-3-Clause
// InProcessClient: a connection of the server on a stream of memory, driven by hand.
//
//     requests made before --Read--> Connection --> parser, Runner, replies --Write--> counted
//
// It is the server's own Connection on a Worker that is never started: all that a request costs in
// user space is there, but for the event loop; system calls are not. One thread uses it; several on
// one Server are its workers.
#ifndef CAIRN_BENCH_IN_PROCESS_CLIENT_H_
#define CAIRN_BENCH_IN_PROCESS_CLIENT_H_

#include <fmt/core.h>

#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/random.h"
#include "io/event_loop.h"
#include "io/stream.h"
#include "server/connection.h"
#include "server/server.h"
#include "server/worker.h"

namespace cairn::bench {

// Gives one batch of requests a read and swallows replies.
class MemoryStream final : public io::Stream {
 public:
  void Offer(std::string_view batch) { offered_ = batch; }
  std::uint64_t written_bytes() const { return written_bytes_; }

  io::Transfer Read(std::span<char> into) override {
    if (offered_.empty()) return {};
    CHECK(into.size() >= offered_.size());
    std::memcpy(into.data(), offered_.data(), offered_.size());
    const std::size_t bytes = std::exchange(offered_, {}).size();
    return {.state = io::Transfer::State::kDone, .bytes = bytes};
  }
  io::Transfer Write(std::span<const iovec> pieces) override {
    std::size_t bytes = 0;
    for (const iovec& piece : pieces) bytes += piece.iov_len;
    written_bytes_ += bytes;
    return {.state = io::Transfer::State::kDone, .bytes = bytes};
  }
  void Close() override {}
  Status Watch(io::Watcher*, io::Interest) override { return {}; }
  int descriptor() const override { return -1; }

 private:
  std::string_view offered_;
  std::uint64_t written_bytes_ = 0;
};

class InProcessClient {
 public:
  InProcessClient(server::Server& server, const Clock& clock, std::size_t number)
      : worker_(server, number, CreateLoop(clock)) {
    auto stream = std::make_unique<MemoryStream>();
    stream_ = stream.get();
    connection_ = std::make_unique<server::Connection>(worker_, std::move(stream),
                                                       server.NextClientId(), number + 1);
  }

  // One pass of the worker: reads the batch, runs it, sends the replies. The connection stays on
  // the worker's list of those to flush, which nobody walks here.
  void RunPass(std::string_view batch) {
    stream_->Offer(batch);
    connection_->OnReady(true, false, false);
    connection_->Flush();
  }
  std::uint64_t reply_bytes() const { return stream_->written_bytes(); }

 private:
  static std::unique_ptr<io::EventLoop> CreateLoop(const Clock& clock) {
    Result<std::unique_ptr<io::EventLoop>> loop = io::EventLoop::Create(clock);
    CHECK(loop.has_value());
    return std::move(*loop);
  }

  server::Worker worker_;
  MemoryStream* stream_;  // the connection's
  std::unique_ptr<server::Connection> connection_;
};

// Keys and values as bench/load's: 16 and 64 bytes.
inline void AppendGet(std::string& batch, std::uint64_t key) {
  fmt::format_to(std::back_inserter(batch), "*2\r\n$3\r\nGET\r\n$16\r\nkey:{:012}\r\n", key);
}
inline void AppendSet(std::string& batch, std::uint64_t key) {
  fmt::format_to(std::back_inserter(batch),
                 "*3\r\n$3\r\nSET\r\n$16\r\nkey:{:012}\r\n$64\r\n{:v<64}\r\n", key, "");
}

inline void AppendSetEx(std::string& batch, std::uint64_t key) {
  fmt::format_to(
      std::back_inserter(batch),
      "*5\r\n$3\r\nSET\r\n$16\r\nkey:{:012}\r\n$64\r\n{:v<64}\r\n$2\r\nEX\r\n$6\r\n{}\r\n", key, "",
      100'000 + key % 100'000);
}
inline void AppendDel(std::string& batch, std::uint64_t key) {
  fmt::format_to(std::back_inserter(batch), "*2\r\n$3\r\nDEL\r\n$16\r\nkey:{:012}\r\n", key);
}

// SETs every key below `keys` once.
inline void Fill(InProcessClient& client, std::uint64_t keys,
                 void (*append)(std::string&, std::uint64_t) = AppendSet) {
  constexpr std::uint64_t kBatch = 32;
  std::string batch;
  for (std::uint64_t key = 0; key < keys;) {
    batch.clear();
    for (std::uint64_t i = 0; i < kBatch && key < keys; ++i) append(batch, key++);
    client.RunPass(batch);
  }
}

}  // namespace cairn::bench

#endif  // CAIRN_BENCH_IN_PROCESS_CLIENT_H_
