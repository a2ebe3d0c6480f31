// SPDX-License-Identifier: BSD-3-Clause
// Dial: makes a connection that is ready for commands: address, socket, TLS, greeting.
//
// For a thread that may wait, within a time and until it is told to give up. Where to go is found
// out anew each time: a Sentinel's master moves.
#ifndef CAIRN_CLIENT_DIAL_H_
#define CAIRN_CLIENT_DIAL_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/function_ref.h"
#include "base/ids.h"
#include "cairn/command.h"
#include "cairn/result.h"
#include "client/reply_decoder.h"
#include "client/transport.h"
#include "client/uri.h"
#include "io/tls_context.h"

namespace cairn::client {

struct DialPlan {
  Uri uri = {};
  std::shared_ptr<const io::TlsContext> tls = {};  // shared: connections outlive a plan
  // Where to go; empty: the URI's only endpoint, or the master that its Sentinels name.
  Endpoint endpoint = {};
  // What the greeting ends with.
  std::vector<cache::Command> extra = {};
  // Of the connecting, of the TLS handshake and of the greeting each, as a whole: who sends a byte
  // now and then gets no more time by that.
  int timeout_ms = 5000;
};

// How much of a time is left.
class Patience {
 public:
  explicit Patience(int timeout_ms)
      : until_us_(SystemClock().NowMonotonicUs() + std::int64_t{timeout_ms} * 1000) {}
  // Rounded up; 0: nothing.
  int LeftMs() const {
    const std::int64_t left_us = until_us_ - SystemClock().NowMonotonicUs();
    return left_us <= 0 ? 0 : static_cast<int>((left_us + 999) / 1000);
  }

 private:
  MonotonicUs until_us_;
};

struct Dialed {
  std::unique_ptr<Transport> transport;
  Endpoint endpoint;
  int protocol = 2;
  std::string input;  // what came behind the greeting's replies
};

using GivesUp = FunctionRef<bool()>;

// kUnreachable, or the server's own words for not having us.
cache::Result<Dialed> Dial(const DialPlan& plan, GivesUp gives_up);

// The TLS context of a URI; null for one without.
cache::Result<std::shared_ptr<const io::TlsContext>> MakeTlsContext(const Uri& uri);

// A connection on which one command after the other is answered, while its owner waits, for so long
// in all.
class Dialogue {
 public:
  // All outlive this.
  Dialogue(Transport& transport, int timeout_ms, GivesUp gives_up)
      : transport_(transport), patience_(timeout_ms), gives_up_(gives_up) {}
  cache::Result<void> Send(std::string_view bytes);
  cache::Result<cache::Reply> Receive();
  cache::Result<cache::Reply> Ask(const cache::Command& command);
  // What has come and was not asked for.
  std::string TakeInput() { return std::move(input_); }

 private:
  static constexpr std::size_t kReadBytes = 16 * 1024;

  cache::Result<void> Await(io::Interest interest);
  std::unexpected<cache::Error> Lost(const io::Transfer& transfer) const;

  Transport& transport_;
  const Patience patience_;
  GivesUp gives_up_;
  ReplyDecoder decoder_;
  std::string input_;
  bool has_heard_ = false;  // anything at all
};

// A socket to it, with the handshake done, but nothing said.
cache::Result<std::unique_ptr<Transport>> Connect(const DialPlan& plan, const Endpoint& endpoint,
                                                  GivesUp gives_up);

}  // namespace cairn::client

#endif  // CAIRN_CLIENT_DIAL_H_
