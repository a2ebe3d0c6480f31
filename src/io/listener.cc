// SPDX-License-Identifier: BSD-3-Clause
// Accepting and dealing. Accepted connections are non-blocking from the start (accept4), and their
// names are asked for here, once, while they are surely connected.
#include "io/listener.h"

#include <fcntl.h>

#include <utility>

#include "base/check.h"

namespace cairn::io {
namespace {

Fd OpenSpare() { return Fd(::open("/dev/null", O_RDONLY | O_CLOEXEC)); }

}  // namespace

Dealer::Dealer(EventLoop& own_loop, std::vector<Target> targets)
    : own_loop_(own_loop), targets_(std::move(targets)) {
  CHECK(!targets_.empty());
}

bool Dealer::Deal(Fd fd, Spoken spoken) {
  const Target& target = targets_[next_];
  next_ = (next_ + 1) % targets_.size();
  PeerInfo peer = DescribePeer(fd.get());
  peer.is_tls = spoken == Spoken::kTls;
  if (target.loop == &own_loop_) {
    target.deliver(std::move(fd), std::move(peer));
    return true;
  }
  // The targets outlive the loops' tasks: a server stops its loops before it lets the dealer go.
  return target.loop->Post(
      [deliver = &target.deliver, fd = std::move(fd), peer = std::move(peer)]() mutable {
        (*deliver)(std::move(fd), std::move(peer));
      });
}

Listener::Listener(EventLoop& loop, Fd fd, Dealer& dealer, Spoken spoken)
    : loop_(loop), dealer_(dealer), spoken_(spoken), fd_(std::move(fd)), spare_(OpenSpare()) {}

Result<std::unique_ptr<Listener>> Listener::Create(EventLoop& loop, Fd fd, Dealer& dealer,
                                                   Spoken spoken) {
  std::unique_ptr<Listener> listener(new Listener(loop, std::move(fd), dealer, spoken));
  const Status status = loop.poller().Add(listener->fd_.get(), Interest::kRead, listener.get());
  if (!status.ok()) {
    listener->fd_.Close();
    return std::unexpected(status);
  }
  return listener;
}

Listener::~Listener() {
  if (fd_.valid()) loop_.poller().Remove(fd_.get());
}

void Listener::OnReady(bool, bool, bool) {
  for (int i = 0; i < kAcceptsPerPass; ++i) {
    if (!AcceptOne()) return;
  }
}

bool Listener::AcceptOne() {
  auto accepted = AcceptNonBlocking(fd_.get());
  if (!accepted) {
    if (accepted.error().code() != StatusCode::kLimit) return false;
    RefuseOne();
    return false;
  }
  if (!accepted->has_value()) return false;
  if (dealer_.Deal(std::move(**accepted), spoken_)) {
    accepted_.Add(1);
  } else {
    refused_.Add(1);
  }
  return true;
}

void Listener::RefuseOne() {
  refused_.Add(1);
  spare_.Close();
  // Accepted and hung up at once, by the end of this statement.
  [[maybe_unused]] const auto turned_away = AcceptNonBlocking(fd_.get());
  spare_ = OpenSpare();
}

}  // namespace cairn::io
