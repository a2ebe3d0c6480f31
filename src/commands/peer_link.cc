// SPDX-License-Identifier: BSD-3-Clause
// Sending and waiting, on a socket that does not block, so that waiting can be given up.
#include "commands/peer_link.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <utility>

#include "base/clock.h"
#include "base/text.h"
#include "io/socket.h"

namespace cairn::commands {
namespace {

constexpr std::int64_t kPortMax = 65535;
constexpr std::size_t kReadBytes = 4096;

// No aggregate and no bulk is a reply here.
constexpr resp::ReplyParser::Limits kLimits = {.depth_max = 1,
                                               .bulk_bytes_max = 0,
                                               .line_bytes_max = PeerLink::kReplyBytesMax,
                                               .elements_max = 1};

Status Broken(std::string_view what, int error) { return io::FailErrno(what, error).error(); }

}  // namespace

void AppendPeerRequest(std::initializer_list<std::string_view> words, std::string* out) {
  out->append("*").append(Int64ToString(static_cast<std::int64_t>(words.size()))).append("\r\n");
  for (const std::string_view word : words) {
    out->append("$").append(Int64ToString(static_cast<std::int64_t>(word.size()))).append("\r\n");
    out->append(word).append("\r\n");
  }
}

PeerLink::PeerLink(io::Fd fd, Patience patience)
    : fd_(std::move(fd)), patience_(std::move(patience)), parser_(kLimits) {}

Result<PeerLink> PeerLink::Connect(std::string_view host, std::string_view port,
                                   Patience patience) {
  const std::optional<std::int64_t> number = ParseInt64(port);
  // For Redis the resolver refuses a negative one, as it does a host that nobody knows; whatever
  // else is no port is found when it is connected to.
  if (number && *number < 0) return Fail(StatusCode::kNotFound, std::string(port) + ": no port");
  if (!number || *number == 0 || *number > kPortMax)
    return Fail(StatusCode::kInvalid, std::string(port) + ": no port");
  Result<io::Fd> fd = io::ConnectTcp(host, static_cast<std::uint16_t>(*number), patience.timeout_ms,
                                     patience.gives_up);
  if (!fd) return std::unexpected(fd.error());
  io::SetNoDelay(fd->get());
  return PeerLink(std::move(*fd), std::move(patience));
}

Status PeerLink::Send(std::string_view bytes) {
  while (!bytes.empty()) {
    const iovec piece{const_cast<char*>(bytes.data()), bytes.size()};
    const io::Transfer wrote = io::WriteVec(fd_.get(), {&piece, 1});
    if (wrote.done()) {
      bytes.remove_prefix(wrote.bytes);
      continue;
    }
    if (wrote.state != io::Transfer::State::kWouldBlock) return Broken("send", wrote.error);
    Status ready = Await(io::Interest::kWrite, WaitEndUs(), "send");
    if (!ready.ok()) return ready;
  }
  return {};
}

Result<resp::Value> PeerLink::Receive() {
  const MonotonicUs end_us = WaitEndUs();
  while (true) {
    resp::Value value;
    const resp::ReplyParser::Outcome outcome = parser_.Next(received_, &value);
    received_.erase(0, parser_.consumed());
    using Type = resp::Value::Type;
    if (outcome == resp::ReplyParser::Outcome::kValue) {
      if (value.type == Type::kSimple || value.type == Type::kError) return value;
      return Fail(StatusCode::kCorrupt, "a reply is neither a status nor an error");
    }
    if (outcome == resp::ReplyParser::Outcome::kError)
      return Fail(StatusCode::kCorrupt, std::string(parser_.error()));
    if (Status read = Read(end_us); !read.ok()) return std::unexpected(read);
  }
}

MonotonicUs PeerLink::WaitEndUs() const {
  return std::min(deadline_us_,
                  clock_.NowMonotonicUs() + std::int64_t{patience_.timeout_ms} * 1000);
}

Status PeerLink::Await(io::Interest interest, MonotonicUs end_us, std::string_view what) {
  const std::int64_t left_ms = (end_us - clock_.NowMonotonicUs() + 999) / 1000;
  const auto wait_ms = static_cast<int>(std::max<std::int64_t>(left_ms, 0));
  const int error = io::AwaitReady(fd_.get(), interest, wait_ms, patience_.gives_up);
  return error == 0 ? Status() : Broken(what, error);
}

Status PeerLink::Read(MonotonicUs end_us) {
  if (Status ready = Await(io::Interest::kRead, end_us, "receive"); !ready.ok()) return ready;
  std::array<char, kReadBytes> bytes;
  const io::Transfer got = io::ReadSome(fd_.get(), bytes);
  switch (got.state) {
    case io::Transfer::State::kDone:
      received_.append(bytes.data(), got.bytes);
      return {};
    case io::Transfer::State::kWouldBlock:
      return {};
    case io::Transfer::State::kEnd:
      return Broken("receive", ECONNRESET);
    case io::Transfer::State::kFailed:
      return Broken("receive", got.error);
  }
  return {};
}

}  // namespace cairn::commands
