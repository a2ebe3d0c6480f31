// SPDX-License-Identifier: BSD-3-Clause
// TlsHandshakes: connections of one worker that are not clients yet: TLS is being agreed on.
//
//     Begin --the peer's steps--> on_done(stream)
//        |----junk, a bad certificate, the peer gone-----> closed, said in the log
//        |----silent for kTimeoutMs, or kInProgressMax others came after it--> the same
//
// A handshake takes an honest peer milliseconds. So when there is no room it is the one that has
// taken longest that goes: who opens connections and says nothing keeps nobody out.
//
// Owned by its Worker; that worker's thread only.
#ifndef CAIRN_SERVER_TLS_HANDSHAKES_H_
#define CAIRN_SERVER_TLS_HANDSHAKES_H_

#include <cstddef>
#include <functional>
#include <list>
#include <memory>
#include <string_view>

#include "base/clock.h"
#include "io/socket.h"
#include "io/tls_stream.h"

namespace cairn::server {

class TlsHandshakes {
 public:
  static constexpr std::size_t kInProgressMax = 1024;  // of one worker; about 50 KiB each
  static constexpr UnixMs kTimeoutMs = 10'000;         // looked at once a second

  struct Hooks {
    std::function<void(std::unique_ptr<io::TlsStream>, io::PeerInfo)> on_done;
    // The connection is closed when this returns.
    std::function<void(const io::PeerInfo&, std::string_view why)> on_failed;
  };

  explicit TlsHandshakes(Hooks hooks);
  TlsHandshakes(const TlsHandshakes&) = delete;
  TlsHandshakes& operator=(const TlsHandshakes&) = delete;
  ~TlsHandshakes();

  void Begin(std::unique_ptr<io::TlsStream> stream, io::PeerInfo peer, UnixMs now_ms);
  // Ends those that have begun before `now_ms` less kTimeoutMs.
  void Tick(UnixMs now_ms);
  // Ends all, without a word.
  void Clear();
  std::size_t in_progress() const { return entries_.size(); }

 private:
  class Entry;
  using Entries = std::list<std::unique_ptr<Entry>>;

  // Takes the next step; the entry may be gone afterwards.
  void Step(Entries::iterator at);
  void Fail(Entries::iterator at, std::string_view why);

  const Hooks hooks_;
  Entries entries_;  // the oldest first
};

}  // namespace cairn::server

#endif  // CAIRN_SERVER_TLS_HANDSHAKES_H_
