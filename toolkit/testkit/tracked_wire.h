// SPDX-License-Identifier: BSD-3-Clause
// TrackedWire: Client::Track over the network: a wire of its own, dialled again whenever it is
// lost.
//
//     kDown --dial, a delay--> store: Track --its first word--> kUp: an epoch begins
//       ^-- redial, later ---------- lost: the epoch ends ---------'
//
// What the store tells travels among the replies of the wire, in their order. A store that is gone
// behind a partition is noticed by the first read that comes through, as over TCP: until then the
// epoch lives, and nothing is told. The thread that moves the time.
#ifndef CAIRN_TOOLKIT_TESTKIT_TRACKED_WIRE_H_
#define CAIRN_TOOLKIT_TESTKIT_TRACKED_WIRE_H_

#include <cstdint>
#include <memory>

#include "testkit/network_state.h"

namespace cairn::cache::testkit {

class TrackedWire : public std::enable_shared_from_this<TrackedWire> {
 public:
  static constexpr Duration kRedial = std::chrono::milliseconds(20);

  TrackedWire(std::shared_ptr<Network::State> state, std::shared_ptr<Link> link,
              TrackingOptions options, InvalidationHandler handler);

  void Open();
  // The handler is called no more.
  void Close();

  std::uint64_t epoch() const { return epoch_; }
  bool is_over() const { return is_closed_ || link_->is_dead; }
  void Start(Command command, const CallOptions& options, ReplyCallback done);

 private:
  enum class Stage : std::uint8_t { kDown, kDialling, kAccepted, kUp };

  void Dial();
  void DialLater();
  void Accept();  // at the store
  void TellAtStore(const Invalidation& told);
  void BeginEpoch();
  void OnLost();

  const std::shared_ptr<Network::State> state_;
  const std::shared_ptr<Link> link_;
  const TrackingOptions options_;
  InvalidationHandler handler_;
  std::size_t wire_ = 0;
  Stage stage_ = Stage::kDown;
  std::uint64_t epoch_ = 0;
  std::uint64_t last_epoch_ = 0;
  bool is_closed_ = false;
};

}  // namespace cairn::cache::testkit

#endif  // CAIRN_TOOLKIT_TESTKIT_TRACKED_WIRE_H_
