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

Result<PeerLink> PeerLink::Connect(std::string_view host, std::string_view port, Patience patience,
                                   std::shared_ptr<const io::TlsContext> tls) {
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
  PeerLink link(std::move(*fd), std::move(patience));
  if (tls == nullptr) return link;
  if (Status agreed = link.AgreeOnTls(std::move(tls)); !agreed.ok()) return std::unexpected(agreed);
  return link;
}

Status PeerLink::AgreeOnTls(std::shared_ptr<const io::TlsContext> tls) {
  tls_ = std::make_unique<io::TlsLink>(fd_.get(), std::move(tls));
  const MonotonicUs end_us = WaitEndUs();
  while (true) {
    const io::Transfer step = tls_->Handshake();
    if (step.done()) return {};
    if (step.state != io::Transfer::State::kWouldBlock)
      return {StatusCode::kCorrupt, "TLS: " + tls_->failure()};
    if (Status ready = Await(tls_->awaited(), end_us, "TLS"); !ready.ok()) return ready;
  }
}

io::Transfer PeerLink::Write(std::string_view bytes) {
  if (tls_ != nullptr) return tls_->Write(bytes);
  const iovec piece{const_cast<char*>(bytes.data()), bytes.size()};
  return io::WriteVec(fd_.get(), {&piece, 1});
}

io::Transfer PeerLink::ReadNow(std::span<char> into) {
  return tls_ != nullptr ? tls_->Read(into) : io::ReadSome(fd_.get(), into);
}

Status PeerLink::Send(std::string_view bytes) {
  while (!bytes.empty()) {
    const io::Transfer wrote = Write(bytes);
    if (wrote.done()) {
      bytes.remove_prefix(wrote.bytes);
      continue;
    }
    if (wrote.state != io::Transfer::State::kWouldBlock) return Broken("send", wrote.error);
    Status ready = Await(Awaited(io::Interest::kWrite), WaitEndUs(), "send");
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

// What there is; or it waits until there may be something.
Status PeerLink::Read(MonotonicUs end_us) {
  std::array<char, kReadBytes> bytes;
  const io::Transfer got = ReadNow(bytes);
  switch (got.state) {
    case io::Transfer::State::kDone:
      received_.append(bytes.data(), got.bytes);
      return {};
    case io::Transfer::State::kWouldBlock:
      return Await(Awaited(io::Interest::kRead), end_us, "receive");
    case io::Transfer::State::kEnd:
      return Broken("receive", ECONNRESET);
    case io::Transfer::State::kFailed:
      return Broken("receive", got.error);
  }
  return {};
}

}  // namespace cairn::commands
