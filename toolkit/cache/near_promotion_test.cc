// SPDX-License-Identifier: BSD-3-Clause
// Promotion: only hot keys have a place near. The store is an embedded one that counts who asks by
// which connection; what a server counts as hot is the test's to say. Over the wire:
// tests/toolkit/near_cases.cc.
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "cairn/cache.h"
#include "cairn/internal/heat_sketch.h"
#include "cairn/testkit/virtual_time.h"

namespace cairn::cache {
namespace {

using namespace std::chrono_literals;
using internal::HeatSketch;

using ItemKey = Key<"item:{*}", std::int64_t>;
using Items = TypedCache<std::string, ItemKey>;

class Server final : public Client {
 public:
  explicit Server(Store store) : store_(std::move(store)) {}

  Result<Reply> Call(const Command& command, const CallOptions& options) override {
    if (command[0] == "CACHE.GET") ++untracked;
    return below().Call(command, options);
  }
  void Start(Command command, CallOptions options, ReplyCallback done) override {
    if (command[0] == "CACHE.HOTKEYS") {
      ++asked;
      return done(hot_keys);
    }
    if (command[0] == "CACHE.GET") ++untracked;
    below().Start(std::move(command), std::move(options), std::move(done));
  }
  Replies Pipeline(std::span<const Command> commands, const CallOptions& options) override {
    return below().Pipeline(commands, options);
  }
  void StartPipeline(std::vector<Command> commands, CallOptions options,
                     RepliesCallback done) override {
    below().StartPipeline(std::move(commands), std::move(options), std::move(done));
  }
  using Client::Transaction;
  Result<std::vector<Reply>> Transaction(std::span<const Command> commands,
                                         const CallOptions& options) override {
    return below().Transaction(commands, options);
  }
  Result<std::unique_ptr<Connection>> Reserve(std::string_view key,
                                              const CallOptions& options) override {
    return below().Reserve(key, options);
  }
  Result<std::unique_ptr<Subscription>> Subscribe(SubscriptionOptions options,
                                                  MessageHandler handler) override {
    return below().Subscribe(std::move(options), std::move(handler));
  }
  Result<std::unique_ptr<Tracking>> Track(TrackingOptions, InvalidationHandler handler) override {
    tell = std::move(handler);
    tell({.kind = Invalidation::Kind::kEpoch, .epoch = 1});
    return std::make_unique<Reads>(*this);
  }

  void Tell(const std::string& key) {
    const std::vector<std::string> keys = {key};
    tell({.kind = Invalidation::Kind::kKeys, .keys = keys, .epoch = 1});
  }
  // Of a minute.
  void SetHot(const std::vector<std::pair<std::string, int>>& rows) {
    const auto map = [](std::vector<Reply> parts) {
      return Reply::Aggregate(Reply::Type::kMap, std::move(parts));
    };
    std::vector<Reply> keys;
    for (const auto& [key, calls] : rows) {
      keys.push_back(
          map({Reply::Text("key"), Reply::Text(key), Reply::Text("calls"), Reply::Integer(calls)}));
    }
    hot_keys = map({Reply::Text("reads"),
                    map({Reply::Text("period-ms"), Reply::Integer(60'000), Reply::Text("keys"),
                         Reply::Aggregate(Reply::Type::kArray, std::move(keys))})});
  }

  int tracked = 0;
  int untracked = 0;
  int asked = 0;
  Result<Reply> hot_keys = Reply();
  InvalidationHandler tell;

 private:
  class Reads final : public Tracking {
   public:
    explicit Reads(Server& server) : server_(server) {}
    std::uint64_t epoch() const override { return 1; }
    void Start(Command command, CallOptions options, ReplyCallback done) override {
      ++server_.tracked;
      server_.below().Start(std::move(command), std::move(options), std::move(done));
    }
    Result<Reply> Call(const Command& command, const CallOptions& options) override {
      ++server_.tracked;
      return server_.below().Call(command, options);
    }

   private:
    Server& server_;
  };

  Client& below() { return store_.client(); }

  const Store store_;
};

class Promotion : public testing::Test {
 protected:
  Promotion() {
    const StoreOptions options{.clock = &time_, .scheduler = &time_};
    Store embedded = Store::Open("embedded:", options).value();
    Capabilities capabilities = embedded.capabilities();
    capabilities.kind = Capabilities::Kind::kCairn;
    capabilities.tracking = true;
    server_ = std::make_shared<Server>(std::move(embedded));
    store_.emplace(Store::Over(server_, std::move(capabilities), options));
  }
  Items Open(std::optional<NearPromotion> promotion) {
    near_ = NearCache::Open(*store_, {.promotion = promotion}).value();
    Items items(*store_, {.policy = {.ttl = 10min, .near_ttl = 1min}, .near = near_});
    for (std::int64_t id = 0; id < 10; ++id) items.Put(id, "value").value();
    return items;
  }
  static Outcome Read(const Items& items, std::int64_t id) { return items.Get(id)->outcome; }

  VirtualTime time_;
  std::shared_ptr<Server> server_;
  std::optional<Store> store_;
  NearCache near_;
};

constexpr NearPromotion kByItself{.reads_min = 3, .period = 10s, .ask_every = 0ms};

TEST_F(Promotion, WithoutItWhatIsReadIsKept) {
  const Items items = Open(std::nullopt);
  EXPECT_EQ(Read(items, 1), Outcome::kHit);
  EXPECT_EQ(Read(items, 1), Outcome::kNearHit);
  EXPECT_EQ(server_->tracked, 1);
}

// A cold key is read by the store's other connections, so that the server does not remember it.
TEST_F(Promotion, OnlyWhatThisProcessReadsOftenHasAPlace) {
  const Items items = Open(kByItself);
  for (std::int64_t id = 0; id < 10; ++id) EXPECT_EQ(Read(items, id), Outcome::kHit);
  EXPECT_EQ(server_->untracked, 10);
  EXPECT_EQ(near_.figures().cold, 10u);
  EXPECT_EQ(Read(items, 1), Outcome::kHit);
  EXPECT_EQ(server_->tracked, 0);
  EXPECT_EQ(Read(items, 1), Outcome::kHit);  // the third: it is kept
  EXPECT_EQ(server_->tracked, 1);
  EXPECT_EQ(Read(items, 1), Outcome::kNearHit);
  EXPECT_EQ(SyncWait(items.CoGet(1))->outcome, Outcome::kNearHit);
  EXPECT_EQ(near_.figures().entries, 1u);
}

TEST_F(Promotion, ReadsOfLongAgoDoNotCount) {
  const Items items = Open(kByItself);
  for (int i = 0; i < 12; ++i) {
    EXPECT_EQ(Read(items, 1), Outcome::kHit);
    time_.Advance(5s);
  }
  EXPECT_EQ(near_.figures().entries, 0u);
}

// It would have to ask three times again.
TEST_F(Promotion, WhatWasServedFromNearHasItsPlaceAgain) {
  const Items items = Open(kByItself);
  for (int i = 0; i < 3; ++i) Read(items, 1);
  ASSERT_EQ(Read(items, 1), Outcome::kNearHit);
  time_.Advance(30s);  // its reads are forgotten
  ASSERT_EQ(Read(items, 1), Outcome::kNearHit);
  server_->Tell(ItemKey(1).text());
  EXPECT_EQ(Read(items, 1), Outcome::kHit);
  EXPECT_EQ(Read(items, 1), Outcome::kNearHit);
  time_.Advance(1min);  // near_ttl
  EXPECT_EQ(Read(items, 1), Outcome::kHit);
  EXPECT_EQ(Read(items, 1), Outcome::kNearHit);
}

TEST_F(Promotion, CopiesThatNobodyReadEarnNoPlace) {
  const Items items = Open(kByItself);
  for (int i = 0; i < 3; ++i) Read(items, 1);
  time_.Advance(30s);
  server_->Tell(ItemKey(1).text());
  EXPECT_EQ(Read(items, 1), Outcome::kHit);
  EXPECT_EQ(Read(items, 1), Outcome::kHit);
}

TEST_F(Promotion, BulkReadsKeepTheHotOnes) {
  const Items items = Open(kByItself);
  for (int i = 0; i < 3; ++i) Read(items, 1);
  time_.Advance(1s);
  server_->Tell(ItemKey(1).text());
  const std::vector<ItemKey> keys = {1, 2, 3};
  const auto rows =
      [](BulkContext<ItemKey>& context) -> Result<std::vector<std::optional<std::string>>> {
    return std::vector<std::optional<std::string>>(context.keys.size());
  };
  server_->tracked = server_->untracked = 0;
  const auto entries = items.GetOrLoadMany(keys, rows).value();
  for (const Entry<std::string>& entry : entries) EXPECT_EQ(entry.value, "value");
  EXPECT_EQ(server_->tracked, 1);
  EXPECT_EQ(server_->untracked, 2);
  EXPECT_EQ(Read(items, 1), Outcome::kNearHit);
  EXPECT_EQ(near_.figures().entries, 1u);
}

TEST_F(Promotion, WhatTheServerSaysIsHotIsKeptAtItsFirstRead) {
  const Items items = Open(NearPromotion{.period = 10s, .ask_every = 5s, .server_rate_min = 100});
  server_->SetHot({{ItemKey(1).text(), 6'000},        // 100 a second
                   {ItemKey(2).text(), 5'999},        // less
                   {"other:{3}", 1'000'000},          // of no cache over this
                   {std::string(256, 'i'), 9'000}});  // told in part
  EXPECT_EQ(Read(items, 1), Outcome::kHit);
  EXPECT_EQ(server_->tracked, 0);
  time_.Advance(5s);
  EXPECT_EQ(server_->asked, 1);
  EXPECT_EQ(near_.figures().told_hot, 1u);
  EXPECT_EQ(Read(items, 1), Outcome::kHit);
  EXPECT_EQ(Read(items, 1), Outcome::kNearHit);
  EXPECT_EQ(Read(items, 2), Outcome::kHit);
  EXPECT_EQ(Read(items, 2), Outcome::kHit);
  // What is not hot any more is as cold as before, a period later.
  server_->SetHot({});
  time_.Advance(20s);
  EXPECT_EQ(server_->asked, 5);
  near_.Clear();
  EXPECT_EQ(Read(items, 1), Outcome::kHit);
  EXPECT_EQ(Read(items, 1), Outcome::kHit);
}

// From one question to the next it stays hot, wherever in the period the answers fall.
TEST_F(Promotion, TheServersWordLastsUntilTheNext) {
  const Items items = Open(NearPromotion{.period = 10s, .ask_every = 5s});
  server_->SetHot({{ItemKey(1).text(), 60'000}});
  time_.Advance(5s);
  for (int i = 0; i < 40; ++i) {
    server_->tracked = 0;
    near_.Clear();
    EXPECT_EQ(Read(items, 1), Outcome::kHit);
    EXPECT_EQ(server_->tracked, 1) << i;
    time_.Advance(999ms);
  }
}

TEST_F(Promotion, WhoMayNotAskDoesNotAskAgain) {
  const Items items = Open(NearPromotion{.period = 10s, .ask_every = 5s});
  server_->hot_keys = Fail(Errc::kTimeout, "a slow moment");
  time_.Advance(20s);
  EXPECT_EQ(server_->asked, 4);
  server_->hot_keys = Fail(Errc::kServer, "NOPERM this user has no permissions");
  time_.Advance(20s);
  EXPECT_EQ(server_->asked, 5);
}

TEST_F(Promotion, NothingIsAskedWhereNobodySays) {
  Capabilities capabilities = store_->capabilities();
  capabilities.hot_keys = false;
  store_.emplace(Store::Over(server_, capabilities, {.clock = &time_, .scheduler = &time_}));
  const Items items = Open(NearPromotion{.reads_min = 2, .period = 10s, .ask_every = 5s});
  time_.Advance(20s);
  EXPECT_EQ(server_->asked, 0);
  Read(items, 1);
  Read(items, 1);
  EXPECT_EQ(Read(items, 1), Outcome::kNearHit);
}

TEST_F(Promotion, TheQuestionsEndWithTheCache) {
  {
    const Items items = Open(NearPromotion{});
    time_.Advance(5s);
    EXPECT_EQ(server_->asked, 1);
    near_ = NearCache();
  }
  time_.Advance(1min);
  EXPECT_EQ(server_->asked, 1);
  EXPECT_EQ(time_.pending(), 0u);
}

TEST_F(Promotion, OptionsThatDoNotFitAreRefused) {
  for (const NearPromotion& wrong :
       {NearPromotion{.reads_min = 0}, NearPromotion{.reads_min = 256},
        NearPromotion{.period = 0ms, .ask_every = 0ms},
        NearPromotion{.period = 10s, .ask_every = 5001ms}, NearPromotion{.ask_every = -1ms},
        NearPromotion{.server_rate_min = -1}, NearPromotion{.server_rate_min = std::nan("")}}) {
    const auto refused = NearCache::Open(*store_, {.promotion = wrong});
    EXPECT_EQ(refused ? Errc::kServer : refused.error().code, Errc::kInvalid);
  }
}

// Against a map that forgets nothing: never fewer, and with a tenth as many names as cells hardly
// ever more.
TEST(HeatSketch, CountsNoFewerAndFewMore) {
  HeatSketch sketch(10s, 4'096);
  std::map<std::size_t, std::uint32_t> counts;
  std::uint64_t state = 7;
  for (int i = 0; i < 20'000; ++i) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    const std::size_t hash = std::hash<std::string>()(std::to_string(state >> 33 & 2047));
    sketch.Add(hash, TimePoint(1h));
    ++counts[hash];
  }
  std::size_t wrong = 0;
  for (const auto& [hash, count] : counts) {
    EXPECT_GE(sketch.Count(hash, TimePoint(1h)), count);
    wrong += sketch.Count(hash, TimePoint(1h)) > count ? 1 : 0;
  }
  EXPECT_LT(wrong, counts.size() / 50);
}

// As many keys as it is to tell apart, each read once: hardly one seems to have been read thrice.
TEST(HeatSketch, KeysThatAreReadOnceStayCold) {
  constexpr std::size_t kKeys = 65'536;
  HeatSketch sketch(10s, kKeys);
  std::size_t hot = 0;
  for (std::size_t i = 0; i < kKeys; ++i) {
    const std::size_t hash = std::hash<std::string>()("key:" + std::to_string(i));
    hot += sketch.Add(hash, TimePoint(1h)) >= 3 ? 1 : 0;
  }
  EXPECT_LT(hot, kKeys / 1'000);
}

TEST(HeatSketch, HoldsItsLargestCountAndForgets) {
  HeatSketch sketch(10s, 4'096);
  for (int i = 0; i < 1'000; ++i) sketch.Add(5, TimePoint(1h));
  EXPECT_EQ(sketch.Count(5, TimePoint(1h)), HeatSketch::kCountMax);
  EXPECT_EQ(sketch.Count(5, TimePoint(1h + 5s)), HeatSketch::kCountMax);
  EXPECT_EQ(sketch.Count(5, TimePoint(1h + 10s)), 0u);
  sketch.Raise(5, 40, TimePoint(2h));
  sketch.Raise(5, 30, TimePoint(2h));
  EXPECT_EQ(sketch.Add(5, TimePoint(2h)), 41u);
}

}  // namespace
}  // namespace cairn::cache
