// SPDX-License-Identifier: BSD-3-Clause
// The wire between two ends, behaving as TCP does where a connection can tell: bytes written before
// a close are still read, a write to a closed peer is EPIPE, a reset loses what was unread.
#include "io/pipe_stream.h"

#include <algorithm>
#include <cerrno>

#include "base/check.h"

namespace cairn::io {
namespace {

using State = Transfer::State;

bool Wants(Interest interest, Interest what) {
  return (static_cast<std::uint8_t>(interest) & static_cast<std::uint8_t>(what)) != 0;
}

}  // namespace

std::pair<std::unique_ptr<PipeStream>, std::unique_ptr<PipeStream>> PipeStream::CreatePair() {
  auto wire = std::make_shared<Wire>();
  return {std::unique_ptr<PipeStream>(new PipeStream(wire, 0)),
          std::unique_ptr<PipeStream>(new PipeStream(wire, 1))};
}

PipeStream::~PipeStream() { Close(); }

PipeRule& PipeStream::outgoing() { return Outgoing().rule; }

Transfer PipeStream::Read(std::span<char> into) {
  CHECK(!into.empty());
  if (IsClosed()) return {.state = State::kFailed, .error = EBADF};
  if (wire_->reset) return {.state = State::kFailed, .error = ECONNRESET};
  Direction& from = Incoming();
  if (from.rule.held) return {.state = State::kWouldBlock};
  if (from.bytes.empty()) return {.state = from.ended ? State::kEnd : State::kWouldBlock};
  const std::size_t count = std::min({into.size(), from.bytes.size(), from.rule.read_bytes_max});
  std::copy_n(from.bytes.data(), count, into.data());
  from.bytes.erase(0, count);
  return {.state = State::kDone, .bytes = count};
}

Transfer PipeStream::Write(std::span<const iovec> pieces) {
  if (IsClosed()) return {.state = State::kFailed, .error = EBADF};
  if (wire_->reset) return {.state = State::kFailed, .error = ECONNRESET};
  Direction& to = Outgoing();
  if (PeerIsClosed() || to.ended) return {.state = State::kFailed, .error = EPIPE};
  const std::size_t room = to.rule.room_bytes - std::min(to.rule.room_bytes, to.bytes.size());
  std::size_t left = std::min(room, to.rule.write_bytes_max);
  std::size_t written = 0;
  for (const iovec& piece : pieces) {
    const std::size_t count = std::min(left, piece.iov_len);
    // Beyond the cut the writer is told that all is well, as by a network that loses packets.
    const std::size_t kept =
        std::min(count, to.rule.cut_after - std::min(to.rule.cut_after, to.accepted));
    to.bytes.append(static_cast<const char*>(piece.iov_base), kept);
    to.accepted += count;
    written += count;
    left -= count;
  }
  if (written == 0) return {.state = State::kWouldBlock};
  return {.state = State::kDone, .bytes = written};
}

void PipeStream::Close() {
  if (IsClosed()) return;
  Outgoing().ended = true;
  Incoming().bytes.clear();
  wire_->closed[side_] = true;
  watcher_ = nullptr;
}

Status PipeStream::Watch(Watcher* watcher, Interest interest) {
  if (IsClosed()) return {StatusCode::kClosed, "stream is closed"};
  watcher_ = watcher;
  interest_ = interest;
  return {};
}

void PipeStream::ShutdownWrite() { Outgoing().ended = true; }

void PipeStream::Reset() {
  wire_->reset = true;
  for (Direction& direction : wire_->directions) direction.bytes.clear();
}

bool PipeStream::Pump() {
  if (watcher_ == nullptr) return false;
  const Direction& from = Incoming();
  const Direction& to = Outgoing();
  const bool hangup = wire_->reset || (from.ended && to.ended && !from.rule.held);
  const bool readable = Wants(interest_, Interest::kRead) && !from.rule.held &&
                        (wire_->reset || from.ended || !from.bytes.empty());
  const bool writable = Wants(interest_, Interest::kWrite) &&
                        (wire_->reset || PeerIsClosed() || to.bytes.size() < to.rule.room_bytes);
  if (!readable && !writable && !hangup) return false;
  watcher_->OnReady(readable, writable, hangup);
  return true;
}

void PipeStream::WriteText(std::string_view text) {
  while (!text.empty()) {
    const iovec piece{const_cast<char*>(text.data()), text.size()};
    const Transfer wrote = Write({&piece, 1});
    CHECK(wrote.done());
    text.remove_prefix(wrote.bytes);
  }
}

std::string PipeStream::ReadText() {
  std::string all;
  char room[4096];
  for (;;) {
    const Transfer got = Read(room);
    if (!got.done()) return all;
    all.append(room, got.bytes);
  }
}

}  // namespace cairn::io
