// SPDX-License-Identifier: BSD-3-Clause
// Desk: a worker's share of publish and subscribe: which of its clients want what, and the handing
// out of what its inbox brings.
//
//     inbox --Take--> [taken_ ... next_ ...] --name--> subscribers[0..n) --Deliver--> each client
//
// Invariants
//   (1) Messages are handed out in the order of the inbox. A client that subscribes gets exactly
//   those from the position on that Exchange::Join gave; before it is entered, all earlier ones are
//   handed out. One that unsubscribes is given all messages before Leave's position first. So each
//   message that Publish counted for a client comes to it, once, before the confirmation of its
//   unsubscribing, and none after.
//   (2) While a message has been handed to some of its subscribers only (partial_), leaving clients
//   are struck out and their places closed later; nobody is skipped or served twice.
// Limits: Drain hands out a bounded number of messages, so that a worker with many subscribers
// serves its other clients in between.
//
// Belongs to one worker's thread.
#ifndef CAIRN_PUBSUB_DESK_H_
#define CAIRN_PUBSUB_DESK_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "pubsub/exchange.h"

namespace cairn::pubsub {

class Subscriber;

namespace internal {
// A name that clients of this worker subscribe to.
struct DeskTopic {
  HashedName name;                       // the map's own copy
  std::vector<Subscriber*> subscribers;  // null: left while the message was being handed out
};
}  // namespace internal

// One client, as the desk sees it. Owned by the client; Desk::Leave before it goes.
class Subscriber {
 public:
  Subscriber() = default;
  virtual ~Subscriber() = default;
  Subscriber(const Subscriber&) = delete;
  Subscriber& operator=(const Subscriber&) = delete;

  // A message: '*' or '>', then `header`, then the bytes of `tail`. Must not subscribe or leave.
  virtual void Deliver(std::string_view header, const BlobRef& tail) = 0;
  // Messages were dropped that may have been for this client.
  virtual void OnLost() = 0;

  std::size_t count(Kind kind) const { return topics_[static_cast<std::size_t>(kind)].size(); }
  bool empty() const {
    return count(Kind::kChannel) + count(Kind::kPattern) + count(Kind::kShard) == 0;
  }
  // Names of one kind, in no order. Good until the next change.
  std::vector<std::string_view> Names(Kind kind) const;

 private:
  friend class Desk;
  // Where this client stands in the topic's list.
  using Topics = std::unordered_map<internal::DeskTopic*, std::uint32_t>;
  Topics& topics(Kind kind) { return topics_[static_cast<std::size_t>(kind)]; }
  std::array<Topics, kKindCount> topics_;
};

// Who takes what is for one client, whether it subscribes to anything or not.
class DirectReceiver {
 public:
  virtual ~DirectReceiver() = default;
  // Must not drain the desk.
  virtual void OnDirect(const Delivery& delivery) = 0;
  // Deliveries were dropped that may have been for any client.
  virtual void OnDirectLost() = 0;
};

class Desk {
 public:
  Desk(Exchange& exchange, std::size_t worker, DirectReceiver* direct = nullptr)
      : exchange_(exchange), worker_(worker), direct_(direct) {}
  // What waits goes with it: the blobs' taker need not outlive the exchange (Blob::HandTo).
  ~Desk();
  Desk(const Desk&) = delete;
  Desk& operator=(const Desk&) = delete;

  // False if it is subscribed already.
  bool Subscribe(Subscriber& subscriber, Kind kind, std::string_view name);
  // False if it is not subscribed. `name` may be one of the subscriber's own.
  bool Unsubscribe(Subscriber& subscriber, Kind kind, std::string_view name);
  // From everything, without being given what is on its way: the client is gone.
  void Leave(Subscriber& subscriber);

  // Whether messages wait.
  bool pending() const { return exchange_.inbox(worker_).posted() != position(); }
  // Hands out messages until `deliveries_max` copies were made; true if nothing is left.
  bool Drain(std::size_t deliveries_max);
  // All that was posted before this call.
  void DrainAll() { DrainTo(exchange_.inbox(worker_).posted()); }
  // All before a position of the inbox.
  void DrainTo(std::uint64_t position_end);

  Exchange& exchange() { return exchange_; }

 private:
  using Topic = internal::DeskTopic;
  // Memory of the list of deliveries that is kept between bursts.
  static constexpr std::size_t kTakenKept = 1024;

  NameMap<Topic>& topics(Kind kind) { return topics_[static_cast<std::size_t>(kind)]; }
  // The position of the first message that has not been handed out to all.
  std::uint64_t position() const { return taken_end_ - (taken_.size() - next_); }
  // Hands the first message to at most `copies_max` of its subscribers; returns to how many.
  std::size_t HandOut(std::size_t copies_max);
  void Refill();
  void FinishDelivery();
  static void CloseGaps(Topic& topic, Kind kind);
  void Remove(Subscriber& subscriber, Kind kind, Topic& topic);

  Exchange& exchange_;
  const std::size_t worker_;
  DirectReceiver* const direct_;  // may be null
  std::array<NameMap<Topic>, kKindCount> topics_;
  std::vector<Delivery> taken_;
  std::size_t next_ = 0;         // the first of taken_ that is not done with
  std::uint64_t taken_end_ = 0;  // the inbox's position behind taken_
  Topic* partial_ = nullptr;     // of taken_[next_], when it was handed to the first partial_next_
  std::size_t partial_next_ = 0;
  bool partial_has_gaps_ = false;
};

}  // namespace cairn::pubsub

#endif  // CAIRN_PUBSUB_DESK_H_
