// SPDX-License-Identifier: BSD-3-Clause
// Listener: takes connections from one listening socket and deals them out to the workers.
//
// One loop accepts for all and deals in turn, so N workers differ by at most one connection:
// SO_REUSEPORT would let a hash decide, and with 50 connections and 4 workers that is often 6
// against 18. The dealer is shared by all listeners of a server (TCP, IPv6, Unix), so that they
// deal as one.
//
//     listening socket --accept--> Dealer --mailbox of the worker's loop--> deliver(Fd, PeerInfo)
//
// Out of descriptors, a level-triggered loop would spin on the connection it cannot take. The
// listener keeps one spare descriptor: it closes that, accepts, hangs up, and opens it again.
//
// Thread safety: a Listener and its Dealer belong to the accepting loop's thread; `deliver` runs on
// the thread of its own loop.
#ifndef CAIRN_IO_LISTENER_H_
#define CAIRN_IO_LISTENER_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "base/counter.h"
#include "base/status.h"
#include "io/event_loop.h"
#include "io/fd.h"
#include "io/socket.h"

namespace cairn::io {

// What is spoken at a listening socket.
enum class Spoken : bool { kPlain, kTls };

class Dealer {
 public:
  using Deliver = std::function<void(Fd, PeerInfo)>;
  struct Target {
    EventLoop* loop;  // outlives the dealer
    Deliver deliver;
  };

  // `own_loop` is where the listeners live: its target is called without a detour.
  // REQUIRES: !targets.empty()
  Dealer(EventLoop& own_loop, std::vector<Target> targets);
  // Hands the connection to the next target in turn. If its mailbox is full the connection is
  // closed: false.
  bool Deal(Fd fd, Spoken spoken);

 private:
  EventLoop& own_loop_;
  std::vector<Target> targets_;
  std::size_t next_ = 0;
};

class Listener final : public Watcher {
 public:
  static constexpr int kAcceptsPerPass = 64;

  // `loop` and `dealer` outlive the listener.
  static Result<std::unique_ptr<Listener>> Create(EventLoop& loop, Fd fd, Dealer& dealer,
                                                  Spoken spoken = Spoken::kPlain);
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  ~Listener();

  int descriptor() const { return fd_.get(); }
  // Accepted and dealt; accepted or waiting, but turned away for want of descriptors or room.
  // Any thread.
  std::int64_t accepted() const { return accepted_.value(); }
  std::int64_t refused() const { return refused_.value(); }

 private:
  Listener(EventLoop& loop, Fd fd, Dealer& dealer, Spoken spoken);
  void OnReady(bool readable, bool writable, bool hangup) override;
  // True if another connection may be waiting.
  bool AcceptOne();
  void RefuseOne();

  EventLoop& loop_;
  Dealer& dealer_;
  const Spoken spoken_;
  Fd fd_;
  Fd spare_;
  Counter accepted_;
  Counter refused_;
};

}  // namespace cairn::io

#endif  // CAIRN_IO_LISTENER_H_
