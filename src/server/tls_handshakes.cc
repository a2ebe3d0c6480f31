// SPDX-License-Identifier: BSD-3-Clause
// A list in the order of beginning, so that the oldest stands in front.
#include "server/tls_handshakes.h"

#include <iterator>
#include <string>
#include <utility>

namespace cairn::server {

class TlsHandshakes::Entry final : public io::Watcher {
 public:
  Entry(TlsHandshakes& all, std::unique_ptr<io::TlsStream> its_stream, io::PeerInfo its_peer,
        UnixMs now_ms)
      : stream(std::move(its_stream)), peer(std::move(its_peer)), begun_ms(now_ms), all_(all) {}
  void OnReady(bool, bool, bool) override { all_.Step(at); }

  std::unique_ptr<io::TlsStream> stream;
  io::PeerInfo peer;
  const UnixMs begun_ms;
  Entries::iterator at;

 private:
  TlsHandshakes& all_;
};

TlsHandshakes::TlsHandshakes(Hooks hooks) : hooks_(std::move(hooks)) {}

TlsHandshakes::~TlsHandshakes() = default;

// What the peer has sent already is read when the poller tells of it.
void TlsHandshakes::Begin(std::unique_ptr<io::TlsStream> stream, io::PeerInfo peer, UnixMs now_ms) {
  if (entries_.size() >= kInProgressMax)
    Fail(entries_.begin(), "too many handshakes in progress, this one has taken longest");
  entries_.push_back(std::make_unique<Entry>(*this, std::move(stream), std::move(peer), now_ms));
  Entry& entry = *entries_.back();
  entry.at = std::prev(entries_.end());
  const Status watched = entry.stream->Watch(&entry, io::Interest::kRead);
  if (!watched.ok()) Fail(entry.at, watched.message());
}

void TlsHandshakes::Tick(UnixMs now_ms) {
  while (!entries_.empty() && now_ms - entries_.front()->begun_ms >= kTimeoutMs)
    Fail(entries_.begin(), "the handshake takes too long");
}

void TlsHandshakes::Clear() { entries_.clear(); }

void TlsHandshakes::Step(Entries::iterator at) {
  Entry& entry = **at;
  switch (entry.stream->Handshake().state) {
    case io::Transfer::State::kWouldBlock:
      return;
    case io::Transfer::State::kEnd:
      return Fail(at, "the peer closed the connection during the handshake");
    case io::Transfer::State::kFailed: {
      const std::string why = entry.stream->failure();
      return Fail(at, why);
    }
    case io::Transfer::State::kDone:
      break;
  }
  // Destroyed at the end, after the stream has got another watcher.
  const std::unique_ptr<Entry> done = std::move(*at);
  entries_.erase(at);
  hooks_.on_done(std::move(done->stream), std::move(done->peer));
}

void TlsHandshakes::Fail(Entries::iterator at, std::string_view why) {
  const std::unique_ptr<Entry> failed = std::move(*at);
  entries_.erase(at);
  hooks_.on_failed(failed->peer, why);
}

}  // namespace cairn::server
