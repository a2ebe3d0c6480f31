// SPDX-License-Identifier: BSD-3-Clause
// Publishing under one lock, waking after it.
//
// Patterns are matched by the publisher because its reply is the number of receivers. The road not
// taken: a list of patterns published as a snapshot that readers follow without a lock. A
// publisher that still reads the old one while a client unsubscribes would post a message that it
// counted and nobody takes.
#include "pubsub/exchange.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/glob.h"

namespace cairn::pubsub {
namespace {

// Up to here a message is written under the lock, where it is known whether anybody wants it;
// beyond, before it, so that nobody waits for the copy.
constexpr std::size_t kEncodeLockedMax = 1024;

}  // namespace

// The locks of all shards, ascending.
class Exchange::AllShards {
 public:
  // The analysis knows no sets of locks.
  explicit AllShards(Shard (&shards)[kShardCount]) NO_THREAD_SAFETY_ANALYSIS : shards_(shards) {
    for (Shard& shard : shards_) shard.mu.Lock();
  }
  ~AllShards() NO_THREAD_SAFETY_ANALYSIS {
    for (Shard& shard : shards_) shard.mu.Unlock();
  }
  AllShards(const AllShards&) = delete;
  AllShards& operator=(const AllShards&) = delete;

 private:
  Shard (&shards_)[kShardCount];
};

// One message on its way to all its topics. Wakes their workers when it ends, which is after the
// shard's lock is gone.
class Exchange::Posting {
 public:
  Posting(Exchange& exchange, Kind kind, const HashedName& channel, std::string_view payload,
          TakeTail take_tail)
      : exchange_(exchange),
        kind_(kind),
        channel_(channel),
        payload_(payload),
        take_tail_(take_tail) {
    if (payload.size() > kEncodeLockedMax) Encode();
  }
  ~Posting() {
    for (const std::size_t worker : to_wake_) exchange_.wake_(worker);
  }
  Posting(const Posting&) = delete;
  Posting& operator=(const Posting&) = delete;

  // `pattern` is null for the channel's own subscribers.
  void Post(const Topic& topic, const Pattern* pattern) {
    Encode();
    for (const Share& share : topic.shares) {
      Delivery delivery{.tail = tail_.bytes.Share(),
                        .pattern_header = {},
                        .hash = channel_.hash,
                        .name_at = tail_.name_at,
                        .name_size = static_cast<std::uint32_t>(channel_.name.size()),
                        .kind = kind_};
      if (pattern != nullptr) {
        delivery.pattern_header = pattern->header.bytes.Share();
        delivery.hash = pattern->hash;
        delivery.name_at = pattern->header.name_at;
        delivery.name_size = static_cast<std::uint32_t>(pattern->name.size());
        delivery.kind = Kind::kPattern;
      }
      if (exchange_.inbox(share.worker).Post(std::move(delivery))) to_wake_.push_back(share.worker);
    }
    receivers_ += topic.total;
  }
  std::size_t receivers() const { return receivers_; }

 private:
  void Encode() {
    if (tail_.bytes.get() != nullptr) return;
    Blob* taken = take_tail_();
    tail_ = taken == nullptr ? EncodeTail(channel_.name, payload_) : TailOf(taken, channel_.name);
  }

  Exchange& exchange_;
  const Kind kind_;
  const HashedName channel_;
  const std::string_view payload_;
  const TakeTail take_tail_;
  EncodedName tail_;
  std::size_t receivers_ = 0;
  std::vector<std::size_t> to_wake_;
};

Exchange::Exchange(Options options) : seed_(options.hash_seed), wake_(std::move(options.wake)) {
  CHECK(options.worker_count >= 1);
  for (std::size_t i = 0; i < options.worker_count; ++i) {
    inboxes_.push_back(
        std::make_unique<Inbox>(options.inbox_deliveries_max, options.inbox_bytes_max));
  }
}

std::size_t Exchange::PublishTo(Kind kind, std::string_view channel, std::string_view payload,
                                TakeTail take_tail) {
  const HashedName name{channel, Hash(channel)};
  Posting posting(*this, kind, name, payload, take_tail);
  Shard& shard = ShardOf(name.hash);
  MutexLock hold(shard.mu);
  if (const Topic* topic = shard.topics(kind).Find(name); topic != nullptr) {
    posting.Post(*topic, nullptr);
  }
  if (kind == Kind::kShard) return posting.receivers();
  for (const Pattern* pattern : patterns_) {
    if (GlobMatch(pattern->name, channel)) posting.Post(pattern->topic, pattern);
  }
  return posting.receivers();
}

void Exchange::Enter(Topic& topic, std::size_t worker) {
  topic.total += 1;
  for (Share& share : topic.shares) {
    if (share.worker != worker) continue;
    share.count += 1;
    return;
  }
  topic.shares.push_back({.worker = static_cast<std::uint32_t>(worker), .count = 1});
}

void Exchange::Exit(Topic& topic, std::size_t worker) {
  CHECK(topic.total > 0);
  topic.total -= 1;
  const auto share =
      std::ranges::find(topic.shares, static_cast<std::uint32_t>(worker), &Share::worker);
  CHECK(share != topic.shares.end());
  if (--share->count > 0) return;
  *share = topic.shares.back();
  topic.shares.pop_back();
}

// `change` may be minus one, modulo 2^64.
void Exchange::AddName(Kind kind, std::size_t change) {
  names_[static_cast<std::size_t>(kind)].fetch_add(change, std::memory_order_seq_cst);
}

std::uint64_t Exchange::Join(Kind kind, std::string_view name, std::size_t worker) {
  if (kind == Kind::kPattern) return JoinPattern(name, worker);
  const HashedName hashed{name, Hash(name)};
  Shard& shard = ShardOf(hashed.hash);
  MutexLock hold(shard.mu);
  Topic& topic = *shard.topics(kind).At(hashed).value;
  if (topic.total == 0) AddName(kind, 1);
  Enter(topic, worker);
  return inbox(worker).posted();
}

std::uint64_t Exchange::Leave(Kind kind, std::string_view name, std::size_t worker) {
  if (kind == Kind::kPattern) return LeavePattern(name, worker);
  const HashedName hashed{name, Hash(name)};
  Shard& shard = ShardOf(hashed.hash);
  MutexLock hold(shard.mu);
  Topic* topic = shard.topics(kind).Find(hashed);
  CHECK(topic != nullptr);
  Exit(*topic, worker);
  if (topic->total == 0) {
    shard.topics(kind).Erase(hashed);
    AddName(kind, static_cast<std::size_t>(-1));
  }
  return inbox(worker).posted();
}

std::uint64_t Exchange::JoinPattern(std::string_view name, std::size_t worker) {
  const HashedName hashed{name, Hash(name)};
  const AllShards hold(shards_);
  std::unique_ptr<Pattern>& pattern = *patterns_by_name_.At(hashed).value;
  if (pattern == nullptr) {
    pattern = std::make_unique<Pattern>();
    pattern->name = name;
    pattern->hash = hashed.hash;
    pattern->header = EncodePatternHeader(name);
    patterns_.push_back(pattern.get());
    AddName(Kind::kPattern, 1);
  }
  Enter(pattern->topic, worker);
  return inbox(worker).posted();
}

std::uint64_t Exchange::LeavePattern(std::string_view name, std::size_t worker) {
  const HashedName hashed{name, Hash(name)};
  const AllShards hold(shards_);
  std::unique_ptr<Pattern>* pattern = patterns_by_name_.Find(hashed);
  CHECK(pattern != nullptr);
  Exit((*pattern)->topic, worker);
  if ((*pattern)->topic.total == 0) {
    std::erase(patterns_, pattern->get());
    patterns_by_name_.Erase(hashed);
    AddName(Kind::kPattern, static_cast<std::size_t>(-1));
  }
  return inbox(worker).posted();
}

std::vector<std::string> Exchange::Names(Kind kind, std::string_view pattern, bool all) {
  DCHECK(kind != Kind::kPattern);
  std::vector<std::string> names;
  for (Shard& shard : shards_) {
    MutexLock hold(shard.mu);
    shard.topics(kind).ForEach([&](std::string_view name, const Topic&) {
      if (all || GlobMatch(pattern, name)) names.emplace_back(name);
    });
  }
  return names;
}

std::size_t Exchange::SubscriberCount(Kind kind, std::string_view name) {
  DCHECK(kind != Kind::kPattern);
  const HashedName hashed{name, Hash(name)};
  Shard& shard = ShardOf(hashed.hash);
  MutexLock hold(shard.mu);
  const Topic* topic = shard.topics(kind).Find(hashed);
  return topic == nullptr ? 0 : topic->total;
}

}  // namespace cairn::pubsub
