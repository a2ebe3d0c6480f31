// SPDX-License-Identifier: BSD-3-Clause
// A shard is a hash table whose nodes are also a list by age, and SIEVE's hand in it: it goes from
// the oldest on, lets live once what was read, and takes the first that was not. Unlike an LRU list
// a hit moves nothing. (Zhang et al., "SIEVE is simpler than LRU", NSDI 2024.)
#include "cairn/internal/near_table.h"

#include <algorithm>
#include <unordered_set>
#include <utility>

namespace cairn::cache {
namespace internal {
namespace {

// Never lowers it.
void Raise(std::atomic<std::uint64_t>& floor, std::uint64_t number) {
  std::uint64_t seen = floor.load(std::memory_order_relaxed);
  // seq_cst: see IsOutdated.
  while (seen < number && !floor.compare_exchange_weak(seen, number)) {
  }
}

}  // namespace

class alignas(64) NearTable::Shard {
 public:
  std::mutex mutex;
  // All below: under mutex.
  std::uint64_t evicted = 0;

  Node* Find(const NearName& name) const {
    const auto found = nodes_.find(name);
    return found == nodes_.end() ? nullptr : found->get();
  }
  void Add(std::unique_ptr<Node> node) {
    bytes_ += BytesOf(*node);
    node->older = newest_;
    if (newest_ != nullptr) newest_->newer = node.get();
    newest_ = node.get();
    if (oldest_ == nullptr) oldest_ = node.get();
    nodes_.insert(std::move(node));
  }
  std::unique_ptr<Node> Take(const NearName& name) {
    const auto found = nodes_.find(name);
    if (found == nodes_.end()) return nullptr;
    Node& node = **found;
    if (hand_ == &node) hand_ = node.newer;
    (node.older != nullptr ? node.older->newer : oldest_) = node.newer;
    (node.newer != nullptr ? node.newer->older : newest_) = node.older;
    bytes_ -= BytesOf(node);
    return std::move(nodes_.extract(found).value());
  }
  // REQUIRES: it is not empty
  std::unique_ptr<Node> Evict() {
    Node* node = hand_ != nullptr ? hand_ : oldest_;
    while (node->was_read) {
      node->was_read = false;
      node = node->newer != nullptr ? node->newer : oldest_;
    }
    hand_ = node;
    ++evicted;
    return Take(NearName(node->key));
  }
  std::unordered_set<std::unique_ptr<Node>, ByName, SameName> TakeAll() {
    newest_ = oldest_ = hand_ = nullptr;
    bytes_ = 0;
    return std::exchange(nodes_, {});
  }
  std::size_t size() const { return nodes_.size(); }
  std::size_t bytes() const { return bytes_; }
  static std::size_t BytesOf(const Node& node) {
    return kEntryBytes + node.key.size() + node.fill.bytes;
  }

 private:
  std::unordered_set<std::unique_ptr<Node>, ByName, SameName> nodes_;
  Node* newest_ = nullptr;
  Node* oldest_ = nullptr;
  Node* hand_ = nullptr;
  std::size_t bytes_ = 0;
};

NearTable::NearTable(Store store, const NearOptions& options)
    : store_(std::move(store)),
      shard_bytes_max_(options.max_bytes / kShards),
      shard_entries_max_(std::max<std::size_t>(options.entries_max / kShards, 1)),
      promotion_(options.promotion),
      shards_(std::make_unique<Shard[]>(kShards)),
      heat_(promotion_ ? std::make_unique<HeatSketch>(promotion_->period, promotion_->keys)
                       : nullptr) {}

NearTable::~NearTable() {
  if (asking_ != 0) store_.scheduler().Cancel(asking_);
}

Result<void> NearTable::Track() {
  const Capabilities& has = store_.capabilities();
  if (!has.tracking || has.kind == Capabilities::Kind::kEmbedded) return {};
  auto tracking =
      store_.client().Track({}, [this](const Invalidation& told) { OnInvalidation(told); });
  if (!tracking) return Pass(std::move(tracking));
  tracking_ = std::move(*tracking);
  // The first epoch is told before there is a place to read by.
  if (promotion_ && promotion_->ask_every > Millis(0) && has.hot_keys) AskLater();
  return {};
}

// ---- What is hot -------------------------------------------------------------------------------

bool NearTable::Admits(const NearName& name) {
  if (heat_ == nullptr) return true;
  if (heat_->Add(name.hash(), store_.clock().Now()) >= promotion_->reads_min) return true;
  cold_.fetch_add(1, std::memory_order_relaxed);
  return false;
}

void NearTable::KeepHot(std::size_t hash, TimePoint now) {
  if (heat_ != nullptr) heat_->Raise(hash, promotion_->reads_min, now);
}

void NearTable::AddPrefix(std::string prefix) {
  if (heat_ == nullptr) return;
  const std::lock_guard lock(prefixes_mutex_);
  if (prefixes_.size() == kPrefixesMax || std::ranges::find(prefixes_, prefix) != prefixes_.end())
    return;
  prefixes_.push_back(std::move(prefix));
}

void NearTable::AskLater() {
  asking_ = store_.scheduler().After(promotion_->ask_every, [weak = weak_from_this()] {
    if (const auto table = weak.lock()) table->AskWhatIsHot();
  });
}

void NearTable::AskWhatIsHot() {
  if (!is_told()) return AskLater();
  store_.client().Start(Command("CACHE.HOTKEYS", "READ", "LIMIT", kHotKeysAsked), {},
                        [weak = weak_from_this()](const Result<Reply>& reply) {
                          if (const auto table = weak.lock()) table->OnHotKeys(reply);
                        });
}

void NearTable::OnHotKeys(const Result<Reply>& reply) {
  // Who may not ask is not told the next time either.
  if (!reply && (reply.error().server_code() == "NOPERM" || reply.error().server_code() == "ERR"))
    return;
  const Reply* const reads = reply ? reply->Find("reads") : nullptr;
  if (reads != nullptr) TakeHotKeys(*reads);
  AskLater();
}

void NearTable::TakeHotKeys(const Reply& reads) {
  constexpr std::size_t kNameMax = 255;  // of longer ones the server tells the beginning
  const Reply* const period = reads.Find("period-ms");
  const Reply* const keys = reads.Find("keys");
  if (period == nullptr || keys == nullptr) return;
  const double calls_min =
      promotion_->server_rate_min * static_cast<double>(period->AsInteger().value_or(0)) / 1000;
  const TimePoint now = store_.clock().Now();
  const std::lock_guard lock(prefixes_mutex_);
  for (const Reply& row : keys->elements()) {
    const Reply* const key = row.Find("key");
    const Reply* const calls = row.Find("calls");
    if (key == nullptr || calls == nullptr || key->text().size() > kNameMax) continue;
    if (static_cast<double>(calls->AsInteger().value_or(0)) < calls_min) continue;
    const auto begins_it = [&](const std::string& prefix) {
      return key->text().starts_with(prefix);
    };
    if (std::ranges::none_of(prefixes_, begins_it)) continue;
    KeepHot(NearName(key->text()).hash(), now);
    told_hot_.fetch_add(1, std::memory_order_relaxed);
  }
}

// ---- Copies ------------------------------------------------------------------------------------

void NearTable::OnInvalidation(const Invalidation& told) {
  switch (told.kind) {
    case Invalidation::Kind::kKeys:
      for (const std::string& name : told.keys) Tell(name);
      break;
    case Invalidation::Kind::kAll:
      TellAll();
      break;
    case Invalidation::Kind::kEpoch:
      epoch_.store(told.epoch, std::memory_order_release);
      if (told.epoch != 0) epochs_.fetch_add(1, std::memory_order_relaxed);
      break;
  }
}

NearTable::Shard& NearTable::ShardOf(std::size_t hash) const {
  // The low bits choose the bucket.
  return shards_[(hash >> 48) % kShards];
}

NearTicket NearTable::Ticket() const {
  return {.count = count_.load(),
          .epoch = epoch_.load(std::memory_order_acquire),
          .taken_at = store_.clock().Now()};
}

// seq_cst: Tell raises floors, then looks for copies and tags; Keep adds them, then looks here.
bool NearTable::IsOutdated(const NearName& name, const NearTicket& ticket, const NearFill& fill) {
  if (ticket.epoch != epoch_.load(std::memory_order_acquire)) return true;
  if (FloorOf(name.hash()).load() > ticket.count || floor_of_all_.load() > ticket.count)
    return true;
  return std::ranges::any_of(fill.tags, [&](const std::string& tag) {
    return FloorOf(NearName(tag).hash()).load() > ticket.count;
  });
}

bool NearTable::FindTags(const std::vector<std::string>& names,
                         std::vector<std::shared_ptr<const Tag>>* tags) {
  if (names.empty()) return true;
  const std::lock_guard lock(tags_mutex_);
  for (const std::string& name : names) {
    const auto found = tags_.find(name);
    if (found != tags_.end()) {
      tags->push_back(found->second);
      continue;
    }
    // A tag that nothing has but the table is not needed.
    if (tags_.size() >= kTagsMax)
      std::erase_if(tags_, [](const auto& one) { return one.second.use_count() == 1; });
    if (tags_.size() >= kTagsMax) return false;
    tags->push_back(tags_.emplace(name, std::make_shared<Tag>()).first->second);
  }
  tag_count_.store(tags_.size());
  return true;
}

void NearTable::Keep(const NearName& name, const NearTicket& ticket, NearFill fill) {
  auto node = std::make_unique<Node>();
  node->key = name.text();
  node->hash = name.hash();
  node->ticket = ticket;
  const bool has_tags = FindTags(fill.tags, &node->tags);
  node->fill = std::move(fill);
  if (!has_tags || Shard::BytesOf(*node) > shard_bytes_max_) return;
  std::vector<std::unique_ptr<Node>> gone;  // destroyed without the lock
  Shard& shard = ShardOf(name.hash());
  const std::lock_guard lock(shard.mutex);
  if (IsOutdated(name, ticket, node->fill)) {
    refused_.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  node->fill.tags.clear();
  gone.push_back(shard.Take(name));
  while (shard.size() >= shard_entries_max_ ||
         (shard.size() > 0 && shard.bytes() + Shard::BytesOf(*node) > shard_bytes_max_)) {
    gone.push_back(shard.Evict());
  }
  shard.Add(std::move(node));
}

bool NearTable::Find(const NearName& name, TypeName type, TimePoint now, Version min_version,
                     NearCopy* copy) {
  const std::uint64_t epoch = epoch_.load(std::memory_order_acquire);
  if (epoch == 0) return false;
  Shard& shard = ShardOf(name.hash());
  const std::lock_guard lock(shard.mutex);
  Node* node = shard.Find(name);
  if (node == nullptr || node->fill.type != type) return false;
  const bool is_bumped = std::ranges::any_of(node->tags, [&](const auto& tag) {
    return tag->bumped.load(std::memory_order_acquire) > node->ticket.count;
  });
  if (is_bumped || node->ticket.epoch != epoch || now >= node->fill.fresh_until ||
      node->fill.copy.version < min_version) {
    if (node->was_read) KeepHot(name.hash(), now);
    return false;
  }
  node->was_read = true;
  *copy = node->fill.copy;
  return true;
}

std::optional<NearCopy> NearTable::LastKnown(const NearName& name, TypeName type) {
  Shard& shard = ShardOf(name.hash());
  const std::lock_guard lock(shard.mutex);
  const Node* node = shard.Find(name);
  if (node == nullptr || node->fill.type != type) return std::nullopt;
  for (const auto& tag : node->tags) {
    if (tag->bumped.load(std::memory_order_acquire) > node->ticket.count) return std::nullopt;
  }
  return node->fill.copy;
}

void NearTable::Tell(std::string_view told) {
  const NearName name(told);
  const std::uint64_t number = count_.fetch_add(1) + 1;
  Raise(FloorOf(name.hash()), number);
  if (tag_count_.load() > 0) {
    const std::lock_guard lock(tags_mutex_);
    const auto found = tags_.find(std::string(told));
    if (found != tags_.end()) {
      Raise(found->second->bumped, number);
      invalidated_.fetch_add(1, std::memory_order_relaxed);
    }
  }
  std::unique_ptr<Node> gone;
  Shard& shard = ShardOf(name.hash());
  {
    const std::lock_guard lock(shard.mutex);
    gone = shard.Take(name);
  }
  if (gone == nullptr) return;
  invalidated_.fetch_add(1, std::memory_order_relaxed);
  if (gone->was_read) KeepHot(gone->hash, store_.clock().Now());
}

void NearTable::TellAll() {
  Raise(floor_of_all_, count_.fetch_add(1) + 1);
  DropAll();
}

void NearTable::DropAll() {
  for (std::size_t i = 0; i < kShards; ++i) {
    std::unordered_set<std::unique_ptr<Node>, ByName, SameName> gone;
    {
      const std::lock_guard lock(shards_[i].mutex);
      gone = shards_[i].TakeAll();
    }
    invalidated_.fetch_add(gone.size(), std::memory_order_relaxed);
  }
}

NearFigures NearTable::figures() const {
  NearFigures figures{.invalidated = invalidated_.load(std::memory_order_relaxed),
                      .refused = refused_.load(std::memory_order_relaxed),
                      .epochs = epochs_.load(std::memory_order_relaxed),
                      .cold = cold_.load(std::memory_order_relaxed),
                      .told_hot = told_hot_.load(std::memory_order_relaxed)};
  for (std::size_t i = 0; i < kShards; ++i) {
    const std::lock_guard lock(shards_[i].mutex);
    figures.entries += shards_[i].size();
    figures.bytes += shards_[i].bytes();
    figures.evicted += shards_[i].evicted;
  }
  return figures;
}

}  // namespace internal

Result<NearCache> NearCache::Open(Store store, NearOptions options) {
  if (const auto& promotion = options.promotion) {
    const bool fits = promotion->reads_min >= 1 &&
                      promotion->reads_min <= internal::HeatSketch::kCountMax &&
                      promotion->period > Millis(0) && promotion->ask_every >= Millis(0) &&
                      promotion->ask_every <= promotion->period / 2 && promotion->keys >= 1 &&
                      promotion->keys <= internal::HeatSketch::kKeysMax &&
                      promotion->server_rate_min >= 0;  // which no NaN is
    if (!fits)
      return Fail(Errc::kInvalid,
                  "a promotion has 1 to 255 reads_min, a period, asks at most every half of it, "
                  "tells 1 to 4,194,304 keys apart, and has no server_rate_min below 0");
  }
  NearCache near;
  near.table_ = std::make_shared<internal::NearTable>(std::move(store), options);
  if (Result<void> tracked = near.table_->Track(); !tracked) return Pass(std::move(tracked));
  return near;
}

bool NearCache::is_told() const { return table_ != nullptr && table_->is_told(); }

NearFigures NearCache::figures() const {
  return table_ == nullptr ? NearFigures() : table_->figures();
}

void NearCache::Clear() {
  if (table_ != nullptr) table_->TellAll();
}

}  // namespace cairn::cache
