// SPDX-License-Identifier: BSD-3-Clause
// Exchange: who, of all workers, wants which messages; the way from a publisher to their inboxes.
//
// Subscriptions are kept on two floors. The exchange knows only how many clients of each worker
// subscribe to a name; which ones they are is the business of that worker's Desk. So a publisher's
// work under a lock is bounded by the number of workers (and patterns), not of subscribers, and
// the fan-out runs on all workers at once.
//
//     Publish("news") --hash--> shard 17 --+--> topic news: worker 0 x 3, worker 2 x 1 --> inboxes
//                                          +--> every pattern that fits
//
// Invariants
//   (1) A message is posted, to all its workers, under the lock of its channel's shard. So two
//   messages of one channel come to every worker in the same order, and those of one publisher
//   whatever their channels.
//   (2) Join and Leave change a topic under the same lock (a pattern's under the locks of all
//   shards, ascending) and read the inbox's position there: messages before it do not know of the
//   change, those from it on do. What Publish counted is exactly what was posted.
//   (3) Under a shard's lock only inboxes are locked.
//
// Thread safety: all methods from any thread; a shard's lock may be taken under stripe locks, and
// is never held while anything waits. Cost of Publish: nothing but two loads while nobody
// subscribes to anything; else a lock and a lookup, one match per pattern, one post per worker.
#ifndef CAIRN_PUBSUB_EXCHANGE_H_
#define CAIRN_PUBSUB_EXCHANGE_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/function_ref.h"
#include "base/hash.h"
#include "base/mutex.h"
#include "pubsub/inbox.h"
#include "pubsub/name_map.h"

namespace cairn::pubsub {

class Exchange {
 public:
  static constexpr std::size_t kShardCount = 64;

  struct Options {
    std::size_t worker_count = 1;
    std::uint64_t hash_seed = 0;
    std::size_t inbox_deliveries_max = Inbox::kDeliveriesMax;
    std::size_t inbox_bytes_max = Inbox::kBytesMax;
    // Wakes a worker, whose Desk then drains its inbox. Any thread; must not wait.
    std::function<void(std::size_t worker)> wake;
  };
  explicit Exchange(Options options);
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  // Whether a message on a channel could reach anybody.
  bool HasSubscribers() const { return !empty(Kind::kChannel) || !empty(Kind::kPattern); }
  // Gives a message's tail (see delivery.h) as a blob in which `channel` lies, a new reference,
  // where the publisher has it; else null, and it is made. Called at most once, perhaps under a
  // shard's lock.
  using TakeTail = FunctionRef<Blob*()>;
  static constexpr auto kHasNoTail = []() -> Blob* { return nullptr; };
  // To the subscribers of the channel and of all patterns that fit it. Returns to how many: a
  // client counts once for each of its subscriptions.
  std::size_t Publish(std::string_view channel, std::string_view payload,
                      TakeTail take_tail = kHasNoTail) {
    return HasSubscribers() ? PublishTo(Kind::kChannel, channel, payload, take_tail) : 0;
  }
  std::size_t PublishToShard(std::string_view channel, std::string_view payload,
                             TakeTail take_tail = kHasNoTail) {
    return empty(Kind::kShard) ? 0 : PublishTo(Kind::kShard, channel, payload, take_tail);
  }

  // One more, or one less, of the worker's clients subscribes to the name. Returns the position in
  // the worker's inbox from which on messages know of it. REQUIRES, of Leave: a Join before.
  std::uint64_t Join(Kind kind, std::string_view name, std::size_t worker);
  std::uint64_t Leave(Kind kind, std::string_view name, std::size_t worker);

  // What PUBSUB tells: distinct names, those that match, subscribers of one name.
  std::size_t NameCount(Kind kind) const {
    return names_[static_cast<std::size_t>(kind)].load(std::memory_order_relaxed);
  }
  // Takes each shard's lock in turn; an empty pattern means all. `kind` is not kPattern.
  std::vector<std::string> Names(Kind kind, std::string_view pattern, bool all);
  std::size_t SubscriberCount(Kind kind, std::string_view name);

  // To the client that the delivery names, of that worker. Any thread, under stripe locks, too.
  void Send(std::size_t worker, Delivery delivery) {
    if (inbox(worker).Post(std::move(delivery))) wake_(worker);
  }
  Inbox& inbox(std::size_t worker) { return *inboxes_[worker]; }
  std::uint64_t Hash(std::string_view name) const { return seed_.Hash(name); }

 private:
  struct Share {
    std::uint32_t worker = 0;
    std::uint32_t count = 0;
  };
  struct Topic {
    std::vector<Share> shares;  // of workers with subscribers, in no order
    std::size_t total = 0;
  };
  struct Pattern {
    std::string name;
    std::uint64_t hash = 0;
    EncodedName header;
    Topic topic;
  };
  struct alignas(64) Shard {
    Mutex mu;
    NameMap<Topic> channels GUARDED_BY(mu);
    NameMap<Topic> shard_channels GUARDED_BY(mu);
    NameMap<Topic>& topics(Kind kind) REQUIRES(mu) {
      return kind == Kind::kShard ? shard_channels : channels;
    }
  };
  class AllShards;
  class Posting;

  bool empty(Kind kind) const { return NameCount(kind) == 0; }
  Shard& ShardOf(std::uint64_t hash) { return shards_[hash % kShardCount]; }
  std::size_t PublishTo(Kind kind, std::string_view channel, std::string_view payload,
                        TakeTail take_tail);
  void AddName(Kind kind, std::size_t change);
  static void Enter(Topic& topic, std::size_t worker);
  static void Exit(Topic& topic, std::size_t worker);
  std::uint64_t JoinPattern(std::string_view name, std::size_t worker);
  std::uint64_t LeavePattern(std::string_view name, std::size_t worker);

  // constant after construction
  const HashSeed seed_;
  const std::function<void(std::size_t worker)> wake_;
  std::vector<std::unique_ptr<Inbox>> inboxes_;

  Shard shards_[kShardCount];
  // Read under the lock of any shard, changed under those of all: publishers do not queue up for
  // one lock, and changing a pattern is rare. The order is that of first subscription.
  std::vector<Pattern*> patterns_;
  NameMap<std::unique_ptr<Pattern>> patterns_by_name_;
  // atomic, written under the shards' locks: how many distinct names there are, by kind
  std::atomic<std::size_t> names_[kKindCount] = {};
};

}  // namespace cairn::pubsub

#endif  // CAIRN_PUBSUB_EXCHANGE_H_
