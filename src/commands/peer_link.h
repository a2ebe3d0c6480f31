// SPDX-License-Identifier: BSD-3-Clause
// PeerLink: a connection to another server, of which one asks and waits for the answer (MIGRATE).
//
//   Result<PeerLink> link = PeerLink::Connect(host, port, patience);
//   std::string request;
//   AppendPeerRequest({"SELECT", "0"}, &request);
//   link->Send(request);
//   Result<resp::Value> reply = link->Receive();
//
// It waits, so it is for threads that may: those of the lane that are for peers.
//
// Invariants
//   (1) Nothing waits longer than patience.timeout_ms: for the connection; over TLS, for all of the
//       handshake; for the next byte that
//       the peer takes; for the next whole reply. A peer that dribbles bytes gains no time by it.
//       And nothing waits beyond the deadline, if one is set, for whatever it is.
//   (2) Of a reply at most kReplyBytesMax are kept; a longer one, or one that is no simple line, is
//       an error: whoever asks here expects "+OK" or "-ERR ...".
//   (3) Once anything has failed the link is of no more use.
//
// Belongs to one thread.
#ifndef CAIRN_COMMANDS_PEER_LINK_H_
#define CAIRN_COMMANDS_PEER_LINK_H_

#include <functional>
#include <initializer_list>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/ids.h"
#include "base/status.h"
#include "io/fd.h"
#include "io/stream.h"
#include "io/tls_context.h"
#include "io/tls_link.h"
#include "resp/reply_parser.h"

namespace cairn::commands {

// A request in the form of the protocol, added to `out`.
void AppendPeerRequest(std::initializer_list<std::string_view> words, std::string* out);

class PeerLink {
 public:
  static constexpr std::size_t kReplyBytesMax = 16 * 1024;

  struct Patience {
    int timeout_ms;
    std::function<bool()> gives_up;  // asked from time to time
  };

  // `host`: a name or an address. Errors name both. `tls`: null for none; a handshake that fails
  // while the peer is there is kCorrupt, and the message says why.
  static Result<PeerLink> Connect(std::string_view host, std::string_view port, Patience patience,
                                  std::shared_ptr<const io::TlsContext> tls);

  // Of all that is sent and received from now on.
  void set_deadline(MonotonicUs at_us) { deadline_us_ = at_us; }

  Status Send(std::string_view bytes);
  // Of type kSimple or kError.
  Result<resp::Value> Receive();

 private:
  PeerLink(io::Fd fd, Patience patience);

  // The moment at which a wait that begins now has to end.
  MonotonicUs WaitEndUs() const;
  Status AgreeOnTls(std::shared_ptr<const io::TlsContext> tls);
  io::Transfer Write(std::string_view bytes);
  io::Transfer ReadNow(std::span<char> into);
  // What a call waits for that would have blocked: over TLS not always what it is about.
  io::Interest Awaited(io::Interest about) const { return tls_ ? tls_->awaited() : about; }
  Status Await(io::Interest interest, MonotonicUs end_us, std::string_view what);
  Status Read(MonotonicUs end_us);

  const SystemClock clock_;  // the kernel's waiting has no other
  io::Fd fd_;
  std::unique_ptr<io::TlsLink> tls_;  // over fd_; null without
  Patience patience_;
  MonotonicUs deadline_us_ = std::numeric_limits<MonotonicUs>::max();
  resp::ReplyParser parser_;
  std::string received_;
};

}  // namespace cairn::commands

#endif  // CAIRN_COMMANDS_PEER_LINK_H_
