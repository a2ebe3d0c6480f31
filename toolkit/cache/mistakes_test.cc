// SPDX-License-Identifier: BSD-3-Clause
// What widely read guides to caching get wrong, each in a test of its name: the guide's algorithm,
// written here as it is described, fails a check that ours then passes. The store is embedded, time
// virtual. Objects (locks, sessions, limiters ...) have theirs beside them.
#include <gtest/gtest.h>

#include <functional>
#include <map>

#include "cairn/cache.h"
#include "cairn/testkit/network.h"
#include "cairn/testkit/virtual_time.h"

namespace cairn::cache {
namespace {

using namespace std::chrono_literals;

struct User {
  std::int64_t id = 0;
  std::string name;
  std::optional<std::string> mail;
  bool operator==(const User&) const = default;
  static constexpr auto Fields() {
    return FieldsOf("mistakes_user/1", Field("id", &User::id), Field("name", &User::name),
                    Field("mail", &User::mail));
  }
};
using UserKey = Key<"user:{*}", std::int64_t>;
using Users = TypedCache<User, UserKey>;
using Loaded = Result<std::optional<User>>;

class Mistake : public testing::Test {
 protected:
  Users Make(Policy policy = {.ttl = 1h}) {
    return Users(store_, {.policy = std::move(policy), .executor = &time_});
  }
  template <class... Words>
  Reply Call(std::string_view name, const Words&... words) {
    return store_.client().Call(Command(name, words...)).value();
  }
  // Null: a miss.
  std::optional<std::string> Get(std::string_view key) {
    const Reply reply = Call("GET", key);
    if (reply.is_null()) return std::nullopt;
    return std::string(reply.text());
  }
  auto Row() {
    return [this](Users::Loading&) -> Loaded {
      ++loads_;
      return row_;
    };
  }

  VirtualTime time_;
  Store store_ = Store::Open("embedded:", {.clock = &time_, .scheduler = &time_}).value();
  std::optional<User> row_ = User{1, "ada", {}};
  int loads_ = 0;
};

// A mutex around the load, and the cache is never read: each of the callers loads, also when it is
// warm.
TEST_F(Mistake, MutexThatNeverReadsTheCache) {
  const auto guide = [&] {
    while (Call("SET", "lock:user:1", "1", "NX", "PX", 30'000).is_null()) {
    }
    ++loads_;
    Call("SET", "guide:user:1", row_->name, "EX", 3'600);
    Call("DEL", "lock:user:1");
    return row_->name;
  };
  for (int i = 0; i < 20; ++i) guide();
  EXPECT_EQ(loads_, 20);
  loads_ = 0;
  const Users users = Make();
  for (int i = 0; i < 20; ++i) EXPECT_EQ(users.GetOrLoad(1, Row())->value, row_);
  EXPECT_EQ(loads_, 1);
  // At once: the others wait for the one.
  users.Invalidate(1).value();
  std::vector<Task<Result<Entry<User>>>> callers;
  const auto slow = [this](Users::Loading&) -> Task<Loaded> {
    ++loads_;
    co_return row_;
  };
  for (int i = 0; i < 20; ++i) callers.push_back(users.CoGetOrLoad(1, slow));
  for (const auto& entry : SyncWaitAll(std::move(callers))) EXPECT_EQ(entry->value, row_);
  EXPECT_EQ(loads_, 2);
}

// The release is a GET and a DEL: the lock that it deletes may be another's by then. And the write
// after the lock's expiry is not fenced.
TEST_F(Mistake, WriteOfAnExpiredLockHolder) {
  Call("SET", "lock", "first", "NX", "PX", 1'000);
  const std::string old_row = row_->name;
  time_.Advance(1s);  // the load takes longer
  Call("SET", "lock", "second", "NX", "PX", 1'000);
  row_->name = "eve";
  Call("SET", "guide", row_->name);
  Call("SET", "guide", old_row);  // the first is done
  EXPECT_EQ(Get("guide"), "ada");

  // By the machine's time: the second waits at the server until the first one's lease is over.
  const Store store = Store::Open("embedded:").value();
  const Users first(store, {.policy = {.ttl = 1h, .lease = 1ms}});
  const Users second(store, {.policy = {.ttl = 1h, .lease = 1min}});
  row_->name = "ada";
  const auto slow = [&](Users::Loading&) -> Loaded {
    const User read = *row_;
    row_->name = "eve";
    EXPECT_EQ(second.GetOrLoad(1, Row())->value->name, "eve");
    return read;
  };
  EXPECT_FALSE(first.GetOrLoad(1, slow)->is_cached);
  EXPECT_EQ(first.Get(1)->value->name, "eve");
}

// Cache-aside: a reader misses and loads the old row, a writer commits and deletes, the reader
// stores the old row.
TEST_F(Mistake, StaleSetAfterAnInvalidation) {
  EXPECT_FALSE(Get("guide"));
  const std::string read = row_->name;
  row_->name = "eve";
  Call("DEL", "guide");
  Call("SETEX", "guide", 3'600, read);
  EXPECT_EQ(Get("guide"), "ada");

  row_->name = "ada";
  const Users users = Make();
  const auto raced = [&](Users::Loading&) -> Loaded {
    const User old = *row_;
    row_->name = "eve";
    users.Invalidate(1).value();
    return old;
  };
  EXPECT_FALSE(users.GetOrLoad(1, raced)->is_cached);
  EXPECT_EQ(users.GetOrLoad(1, Row())->value->name, "eve");
}

// Write-through, "always fresh": two writers commit in one order and SET in the other.
TEST_F(Mistake, WriteThroughLeavesTheOlderOfTwo) {
  // The database has A, then B.
  Call("SET", "guide", "B");
  Call("SET", "guide", "A");
  EXPECT_EQ(Get("guide"), "A");

  const Users users = Make();
  EXPECT_TRUE(users.Put(1, {1, "B", {}}, {.version = 2})->is_applied);
  EXPECT_FALSE(users.Put(1, {1, "A", {}}, {.version = 1})->is_applied);
  EXPECT_EQ(users.Get(1)->value->name, "B");
}

// `if val:` takes an empty list, 0, False and {} for a miss.
TEST_F(Mistake, EmptyValuesCountAsMisses) {
  const auto guide = [&](std::string_view key, std::string_view row) {
    const auto cached = Get(key);
    const bool is_true = cached && *cached != "[]" && *cached != "0" && *cached != "false";
    if (is_true) return *cached;
    ++loads_;
    Call("SETEX", key, 3'600, row);
    return std::string(row);
  };
  for (int i = 0; i < 5; ++i) {
    guide("guide:list", "[]");
    guide("guide:number", "0");
    guide("guide:flag", "false");
  }
  EXPECT_EQ(loads_, 15);
  loads_ = 0;
  const TypedCache<std::vector<int>, Key<"list:*", int>> lists(store_);
  const TypedCache<std::int64_t, Key<"number:*", int>> numbers(store_);
  const TypedCache<bool, Key<"flag:*", int>> flags(store_);
  for (int i = 0; i < 5; ++i) {
    const auto list = [&](auto&) -> Result<std::optional<std::vector<int>>> {
      ++loads_;
      return std::vector<int>();
    };
    const auto number = [&](auto&) -> Result<std::optional<std::int64_t>> {
      ++loads_;
      return 0;
    };
    const auto flag = [&](auto&) -> Result<std::optional<bool>> {
      ++loads_;
      return false;
    };
    EXPECT_TRUE(lists.GetOrLoad(1, list)->value->empty());
    EXPECT_EQ(numbers.GetOrLoad(1, number)->value, 0);
    EXPECT_EQ(flags.GetOrLoad(1, flag)->value, false);
  }
  EXPECT_EQ(loads_, 3);
}

// json.dumps(None): an absent row is cached as "null" for the full hour, and who creates it does
// not invalidate it.
TEST_F(Mistake, AbsentRowsAreCachedForTheFullTime) {
  Call("SETEX", "guide", 3'600, "null");
  time_.Advance(59min);
  EXPECT_EQ(Get("guide"), "null");

  const Users users = Make({.ttl = 1h, .negative_ttl = 10s});
  row_.reset();
  EXPECT_EQ(users.GetOrLoad(1, Row())->outcome, Outcome::kNegative);
  time_.Advance(10s);
  row_ = User{1, "new", {}};
  EXPECT_EQ(users.GetOrLoad(1, Row())->value, row_);
  row_.reset();
  EXPECT_EQ(users.GetOrLoad(2, Row())->outcome, Outcome::kNegative);
  row_ = User{2, "two", {}};
  users.Invalidate(2).value();  // as any writer does
  EXPECT_EQ(users.GetOrLoad(2, Row())->value, row_);
}

// Penetration: rows that are not there are asked of the database each time.
TEST_F(Mistake, AbsentRowsAreNeverCached) {
  const auto guide = [&] {
    if (Get("guide")) return;
    ++loads_;  // no such row, so nothing is stored
  };
  for (int i = 0; i < 10; ++i) guide();
  EXPECT_EQ(loads_, 10);
  loads_ = 0;
  row_.reset();
  const Users users = Make();
  for (int i = 0; i < 10; ++i) EXPECT_FALSE(users.GetOrLoad(1, Row())->value);
  EXPECT_EQ(loads_, 1);
}

// One function reads `user:1` with GET, another writes it with HSET.
TEST_F(Mistake, TwoTypesUnderOneKey) {
  Call("SET", "guide:user:1", "{\"name\": \"ada\"}");
  const auto update = store_.client().Call(Command("HSET", "guide:user:1", "name", "eve"));
  EXPECT_EQ(update.error().server_code(), "WRONGTYPE");
  Call("HSET", "guide:user:2", "name", "eve");  // and the other way round
  const auto get = store_.client().Call(Command("GET", "guide:user:2"));
  EXPECT_EQ(get.error().server_code(), "WRONGTYPE");

  const Users users = Make();
  users.GetOrLoad(1, Row()).value();
  users.Put(1, {1, "eve", {}}).value();
  EXPECT_EQ(users.Get(1)->value->name, "eve");
  // What is of another schema is a miss that is loaded anew, not a crash.
  const TypedCache<std::int64_t, UserKey> numbers(store_);
  const auto number = [](auto&) -> Result<std::optional<std::int64_t>> { return 7; };
  EXPECT_EQ(numbers.GetOrLoad(1, number)->value, 7);
}

// "early_expire": whoever reads the key near its end prolongs it, so that a hot key is never loaded
// anew.
TEST_F(Mistake, EarlyExpiryThatProlongs) {
  Call("SET", "guide", "ada", "PX", 5'000);
  for (int i = 0; i < 5; ++i) {
    time_.Advance(4s);
    const std::int64_t left = Call("PTTL", "guide").AsInteger().value();
    if (left < 10'000) Call("PEXPIRE", "guide", left + 10'000);
  }
  EXPECT_TRUE(Get("guide"));  // 20 s later

  const Users users = Make({.ttl = 5s, .refresh_part = 0.3});
  users.GetOrLoad(1, Row()).value();
  row_->name = "eve";
  time_.Advance(4s);
  EXPECT_EQ(users.GetOrLoad(1, Row())->value->name, "ada");  // at once, and a load behind it
  time_.RunReady();
  EXPECT_EQ(users.GetOrLoad(1, Row())->value->name, "eve");
  const Users idle = Make({.ttl = 5s, .refresh_ahead = false});
  idle.Put(2, *row_).value();
  time_.Advance(4s);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(idle.Get(2)->outcome, Outcome::kHit);
  time_.Advance(1s);
  EXPECT_EQ(idle.Get(2)->outcome, Outcome::kMiss);
}

// "Probabilistic early expiration" that is stale-while-revalidate: it begins when the value has
// ended, and its first reader is given what is out of date. Early refresh has ended by then.
TEST_F(Mistake, EarlyExpirationThatBeginsTooLate) {
  auto guide = [&, name = row_->name, until = time_.Now() + 10s]() mutable {
    const std::string served = name;
    if (time_.Now() >= until) name = row_->name;  // in the background
    return served;
  };
  const Users users = Make({.ttl = 10s, .stale_for = 10s, .refresh_part = 0.3});
  users.GetOrLoad(1, Row()).value();
  row_->name = "eve";
  for (int i = 0; i < 9; ++i) {
    time_.Advance(1s);
    EXPECT_EQ(guide(), "ada");
    EXPECT_EQ(users.GetOrLoad(1, Row())->outcome, Outcome::kHit);
    time_.RunReady();
  }
  time_.Advance(1s);
  EXPECT_EQ(guide(), "ada");  // at its end, and later if nobody asks until then
  const Entry<User> entry = users.GetOrLoad(1, Row()).value();
  EXPECT_EQ(entry.outcome, Outcome::kHit);
  EXPECT_EQ(entry.value->name, "eve");
}

// A replica that lags: behind the invalidation the old row is read of it, and cached.
TEST_F(Mistake, ReplicaThatLagsIsCached) {
  const std::string replica = "ada";
  row_->name = "eve";  // at the primary, and the key is deleted
  Call("DEL", "guide");
  if (!Get("guide")) Call("SETEX", "guide", 3'600, replica);
  EXPECT_EQ(Get("guide"), "ada");

  const Users users = Make();
  users.Invalidate(1, 2).value();  // by the version of the new row
  const auto lagging = [&](Users::Loading& context) -> Loaded {
    EXPECT_GE(context.min_version, 2);
    context.version = 1;
    return User{1, replica, {}};
  };
  const Entry<User> read = users.GetOrLoad(1, lagging, {.min_version = 2}).value();
  EXPECT_EQ(read.value->name, "ada");  // the caller's, and nobody else's
  EXPECT_FALSE(read.is_cached);
  EXPECT_EQ(users.GetOrLoad(1, Row())->value->name, "eve");
}

// Delayed double delete: a reader who is slower than the delay stores the old row all the same.
// Ours has no such thing to offer: the lease is void, however late the reader comes.
TEST_F(Mistake, DelayedDoubleDeleteIsOvertaken) {
  const std::string read = row_->name;
  row_->name = "eve";
  Call("DEL", "guide");
  time_.Advance(500ms);
  Call("DEL", "guide");  // the second one
  Call("SETEX", "guide", 3'600, read);
  EXPECT_EQ(Get("guide"), "ada");

  row_->name = "ada";
  const Users users = Make({.ttl = 1h, .lease = 1min});
  const auto slow = [&](Users::Loading&) -> Loaded {
    const User old = *row_;
    row_->name = "eve";
    users.Invalidate(1).value();  // once
    time_.Advance(10s);
    return old;
  };
  EXPECT_FALSE(users.GetOrLoad(1, slow)->is_cached);
  EXPECT_EQ(users.GetOrLoad(1, Row())->value->name, "eve");
}

// DEL of what SCAN finds by a pattern with an id in it: the id's signs of a glob are the pattern's.
TEST_F(Mistake, IdsInPatternsAreNotEscaped) {
  using Page = Key<"page:*:*", std::string, int>;
  const auto purge = [&](std::string_view pattern) {
    const Reply found = Call("SCAN", 0, "MATCH", pattern, "COUNT", 1'000);
    for (const Reply& key : found.elements()[1].elements()) Call("DEL", key.text());
  };
  Call("SET", "page:alice:1", "x");
  const std::string id = "*";
  purge("page:" + id + ":*");
  EXPECT_FALSE(Get("page:alice:1"));

  const TypedCache<std::string, Page> pages(store_);
  pages.Put({"alice", 1}, "x").value();
  pages.Put({id, 1}, "y").value();
  purge(Page::Glob(id));
  EXPECT_EQ(pages.Get({"alice", 1})->outcome, Outcome::kHit);
  EXPECT_EQ(pages.Get({id, 1})->outcome, Outcome::kMiss);
}

// Invalidation by a pattern reads all keys of the server for those it deletes (and one exact key is
// scanned for, too), in many steps: what is stored behind the cursor outlives it, old. A tag's bump
// is one command, whatever there is, and what is loaded meanwhile is refused.
TEST_F(Mistake, PatternInvalidationScansAllAndMissesSome) {
  const auto network = Network::Open(time_).value();
  const Store store = network->Join("a");
  Client& client = network->store()->client();
  for (int i = 0; i < 1'000; ++i) client.Call(Command("SET", "other:" + std::to_string(i), "x"));
  client.Call(Command("SET", "guide:user:1", "old")).value();
  std::map<std::string, int> sent;
  network->Watch([&](const NetworkEvent& event) {
    if (event.kind == NetworkEvent::Kind::kSent) ++sent[std::string((*event.command)[0])];
  });
  std::string cursor = "0";
  do {
    const Reply page =
        store.client().Call(Command("SCAN", cursor, "MATCH", "guide:user:1")).value();
    for (const Reply& key : page.elements()[1].elements())
      store.client().Call(Command("DEL", key.text())).value();
    cursor = page.elements()[0].text();
  } while (cursor != "0");
  client.Call(Command("SET", "guide:user:1", "old")).value();  // by who has loaded it before
  EXPECT_GT(sent["SCAN"], 50);
  EXPECT_EQ(client.Call(Command("GET", "guide:user:1"))->text(), "old");

  sent.clear();
  const Users users(store, {.policy = {.ttl = 1h, .tags = {"users"}}});
  time_.Run(users.CoPut(2, *row_)).value();
  const auto raced = [&](Users::Loading&) -> Task<Loaded> {
    EXPECT_TRUE(co_await users.CoInvalidateTag("users", Bump::kHard));
    co_return row_;
  };
  EXPECT_FALSE(time_.Run(users.CoGetOrLoad(1, raced))->is_cached);
  EXPECT_EQ(time_.Run(users.CoGet(1))->outcome, Outcome::kMiss);
  EXPECT_EQ(time_.Run(users.CoGet(2))->outcome, Outcome::kMiss);
  EXPECT_EQ(sent["TAG.BUMP"], 1);
  EXPECT_EQ(sent["SCAN"] + sent["KEYS"] + sent["DEL"], 0);
}

// Versioned keys: no version reads as 1, and the first INCR gives 1, so that the first invalidation
// does nothing; a version key that was evicted begins anew, and with it the old entries; and the
// version is read after the load, so that an old row lands under the new one.
TEST_F(Mistake, VersionsInKeysOfTheirOwn) {
  const auto version = [&] { return Get("version").value_or("1"); };
  Call("SET", "guide:" + version(), "old");
  Call("INCR", "version");
  EXPECT_EQ(Get("guide:" + version()), "old");  // the first invalidation
  Call("INCR", "version");
  Call("DEL", "version");  // evicted
  EXPECT_EQ(Get("guide:" + version()), "old");
  const std::string read = "old";
  Call("INCR", "version");
  Call("INCR", "version");
  Call("SET", "guide:" + version(), read);  // loaded before the invalidation
  EXPECT_EQ(Get("guide:" + version()), "old");

  const Users users = Make({.ttl = 1h, .tags = {"users"}});
  users.GetOrLoad(1, Row()).value();
  users.InvalidateTag("users", Bump::kHard).value();  // the first one
  EXPECT_EQ(users.Get(1)->outcome, Outcome::kMiss);
  const auto raced = [&](Users::Loading&) -> Loaded {
    users.InvalidateTag("users", Bump::kHard).value();
    return row_;
  };
  EXPECT_FALSE(users.GetOrLoad(1, raced)->is_cached);
  EXPECT_EQ(users.Get(1)->outcome, Outcome::kMiss);
  // No key holds the count, so none can be evicted; all of a schema is one number, too.
  Call("NAMESPACE.SET", UserKey::Prefix());
  users.GetOrLoad(1, Row()).value();
  users.Clear().value();
  EXPECT_EQ(users.Get(1)->outcome, Outcome::kMiss);
}

// Large values under `key:gz`, small ones under `key`: what has shrunk is shadowed by its old twin.
TEST_F(Mistake, CompressedTwinShadowsTheValue) {
  const auto set = [&](std::string_view value) {
    if (value.size() > 1'024) {
      Call("SET", "guide:gz", value);
    } else {
      Call("SET", "guide", value);
    }
  };
  const auto get = [&] {
    const auto packed = Get("guide:gz");
    return packed ? packed : Get("guide");
  };
  const std::string large(10'000, 'x');
  set(large);
  set("small");
  EXPECT_EQ(get(), large);

  const TypedCache<std::string, Key<"blob:*", int>> blobs(store_);
  blobs.Put(1, large).value();
  EXPECT_LT(Call("STRLEN", "blob:1").AsInteger().value(), 5'000);
  EXPECT_EQ(blobs.Get(1)->value, large);
  blobs.Put(1, "small").value();
  EXPECT_EQ(blobs.Get(1)->value, "small");
}

// Compressed bytes through a client that takes all replies for UTF-8; and the twin is asked for in
// a round trip of its own. Ours are bytes, flags are in the value's header, and one command reads
// it.
TEST_F(Mistake, CompressedValuesAreReadAsText) {
  const auto is_text = [](std::string_view bytes) {
    const auto part = [](char byte) { return (static_cast<unsigned char>(byte) & 0xc0) == 0x80; };
    std::size_t i = 0;
    while (i < bytes.size()) {
      const auto lead = static_cast<unsigned char>(bytes[i]);
      const std::size_t parts = lead < 0x80 ? 0 : lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3;
      if (part(bytes[i]) || i + parts >= bytes.size()) return false;
      for (std::size_t j = 1; j <= parts; ++j) {
        if (!part(bytes[i + j])) return false;
      }
      i += parts + 1;
    }
    return true;
  };
  EXPECT_TRUE(is_text("p\xc3\xb6t"));
  const std::string gzip("\x1f\x8b\x08\x00", 4);  // as every one begins
  Call("SET", "guide:gz", gzip);
  EXPECT_FALSE(is_text(*Get("guide:gz")));  // UnicodeDecodeError, at each read

  const auto network = Network::Open(time_).value();
  const TypedCache<std::string, Key<"blob:*", int>> blobs(network->Join("a"));
  const std::string large = std::string(5'000, 'x') + gzip;
  time_.Run(blobs.CoPut(1, large)).value();
  EXPECT_FALSE(is_text(network->store()->client().Call(Command("GET", "blob:1"))->text()));
  int sent = 0;
  network->Watch([&](const NetworkEvent& event) {
    if (event.kind == NetworkEvent::Kind::kSent) ++sent;
  });
  EXPECT_EQ(time_.Run(blobs.CoGet(1))->value, large);
  EXPECT_EQ(sent, 1);
}

// The set of a tag's keys takes the TTL of the entry that came last: what lives longer outlives it,
// and is not invalidated.
TEST_F(Mistake, TagSetTakesTheLastEntrysTtl) {
  const auto set = [&](std::string_view key, int seconds) {
    Call("SETEX", key, seconds, "value");
    Call("SADD", "tag:users", key);
    Call("EXPIRE", "tag:users", seconds);
  };
  const auto invalidate = [&] {
    const Reply members = Call("SMEMBERS", "tag:users");
    for (const Reply& key : members.elements()) Call("DEL", key.text());
    Call("DEL", "tag:users");
  };
  set("guide:1", 3'600);
  set("guide:2", 10);
  time_.Advance(11s);
  invalidate();
  EXPECT_TRUE(Get("guide:1"));

  const Users lasting = Make({.ttl = 1h, .tags = {"users"}});
  const Users brief = Make({.ttl = 10s, .tags = {"users"}});
  lasting.GetOrLoad(1, Row()).value();
  brief.GetOrLoad(2, Row()).value();
  time_.Advance(11s);
  lasting.InvalidateTag("users", Bump::kHard).value();
  EXPECT_EQ(lasting.Get(1)->outcome, Outcome::kMiss);
}

// SMEMBERS, then DEL: a key that is added between is lost to the tag, and lives on.
TEST_F(Mistake, KeysAddedBetweenSmembersAndDelAreLost) {
  Call("SET", "guide:1", "old");
  Call("SADD", "tag", "guide:1");
  const Reply members = Call("SMEMBERS", "tag");
  Call("SET", "guide:2", "old");  // a reader's, loaded before the change
  Call("SADD", "tag", "guide:2");
  for (const Reply& key : members.elements()) Call("DEL", key.text());
  Call("DEL", "tag");
  EXPECT_EQ(Get("guide:2"), "old");

  const Users users = Make({.ttl = 1h, .tags = {"users"}});
  const auto raced = [&](Users::Loading&) -> Loaded {
    const User old = *row_;
    users.InvalidateTag("users", Bump::kHard).value();
    return old;
  };
  EXPECT_FALSE(users.GetOrLoad(2, raced)->is_cached);
  EXPECT_EQ(users.Get(2)->outcome, Outcome::kMiss);
}

// An entry that is stored anew with other tags stays in the sets of the old ones, whose members
// never expire.
TEST_F(Mistake, RetaggingNeverRemoves) {
  const auto set = [&](std::string_view value, std::string_view tag) {
    Call("SET", "guide", value);
    Call("SADD", tag, "guide");
  };
  set("one", "tag:red");
  set("two", "tag:blue");
  const Reply members = Call("SMEMBERS", "tag:red");
  for (const Reply& key : members.elements()) Call("DEL", key.text());
  EXPECT_FALSE(Get("guide"));  // and is not red any more

  const Users users = Make();
  users.Put(1, *row_, {.tags = {"red"}}).value();
  users.Put(1, *row_, {.tags = {"blue"}}).value();
  users.InvalidateTag("red", Bump::kHard).value();
  EXPECT_EQ(users.Get(1)->outcome, Outcome::kHit);
  users.InvalidateTag("blue", Bump::kHard).value();
  EXPECT_EQ(users.Get(1)->outcome, Outcome::kMiss);
}

// What has expired stays in the sets of its tags: they grow for as long as the server runs. A tag
// of ours is a number, whatever had it.
TEST_F(Mistake, MembersOfATagNeverExpire) {
  const TypedCache<int, Key<"page:*", int>> pages(store_,
                                                  {.policy = {.ttl = 1s, .tags = {"pages"}}});
  for (int i = 0; i < 500; ++i) {
    const std::string key = "guide:" + std::to_string(i);
    Call("SET", key, "x", "PX", 1'000);
    Call("SADD", "tag:guide", key);
    pages.Put(i, i).value();
  }
  time_.Advance(1h);
  EXPECT_EQ(Call("SCARD", "tag:guide").AsInteger().value(), 500);
  for (int i = 0; i < 500; ++i) EXPECT_EQ(pages.Get(i)->outcome, Outcome::kMiss);
  Call("DEL", "tag:guide");
  EXPECT_TRUE(Call("KEYS", "*").elements().empty());
}

// All of a tag's keys are dropped at once: each reader of each of them is at the database.
TEST_F(Mistake, AllKeysOfATagAtOnceAreAHerd) {
  Call("SET", "guide", "old");
  Call("DEL", "guide");
  for (int i = 0; i < 10; ++i) loads_ += Get("guide") ? 0 : 1;  // before the first has stored it
  EXPECT_EQ(loads_, 10);
  loads_ = 0;
  // Soft, the default: one loads, the others are served meanwhile.
  const Users users = Make({.ttl = 1h, .stale_for = 1h, .tags = {"users"}});
  users.GetOrLoad(1, Row()).value();
  users.InvalidateTag("users").value();
  loads_ = 0;
  const auto first = [&](Users::Loading&) -> Loaded {
    ++loads_;
    for (int i = 0; i < 10; ++i) EXPECT_EQ(users.GetOrLoad(1, Row())->outcome, Outcome::kStale);
    return row_;
  };
  EXPECT_EQ(users.GetOrLoad(1, first)->outcome, Outcome::kLoaded);
  EXPECT_EQ(loads_, 1);
}

// An object as a hash: to update one field of a cold key makes a partial object, without a TTL; a
// field that was taken away stays; a miss is an empty object; numbers come back as text.
TEST_F(Mistake, ObjectsAsHashesArePartial) {
  Call("HSET", "guide", "name", "eve");  // cold
  EXPECT_EQ(Call("HGETALL", "guide").elements().size(), 2u);
  EXPECT_EQ(Call("PTTL", "guide").AsInteger().value(), -1);
  Call("HSET", "guide", "id", 1, "name", "eve", "mail", "eve@example");
  Call("HSET", "guide", "id", 1, "name", "eve");  // without a mail now
  EXPECT_EQ(Call("HGET", "guide", "mail").text(), "eve@example");
  EXPECT_TRUE(Call("HGETALL", "nobody").elements().empty());
  EXPECT_EQ(Call("HGET", "guide", "id").type(), Reply::Type::kText);

  const Users users = Make({.ttl = 10s});
  users.Put(1, {1, "eve", "eve@example"}).value();
  users.Put(1, {1, "eve", {}}).value();
  const Entry<User> entry = users.Get(1).value();
  EXPECT_EQ(entry.value, (User{1, "eve", {}}));
  EXPECT_GT(Call("PTTL", UserKey(1).text()).AsInteger().value(), 0);
  EXPECT_FALSE(users.Get(2)->value);  // a miss, said as such
  EXPECT_EQ(users.Get(2)->outcome, Outcome::kMiss);
}

// "A pipeline is atomic on its node": it is a batch, of which each command stands alone. What is to
// happen whole or not at all is a transaction, a script, or one command.
TEST_F(Mistake, PipelineIsNotATransaction) {
  const auto batch = [](const std::string& key) {
    return std::vector{Command("SET", key + ":a", "new"), Command("NOSUCH", key),
                       Command("SET", key + ":b", "new")};
  };
  (void)store_.client().Pipeline(batch("{guide}"));
  EXPECT_EQ(Get("{guide}:a"), "new");  // wrong: half of it is there
  EXPECT_FALSE(store_.client().Transaction(batch("{ours}")));
  EXPECT_FALSE(Get("{ours}:a") || Get("{ours}:b"));
}

// `ttl or default`: a TTL of 0 is an hour.
TEST_F(Mistake, TtlOfZeroBecomesTheDefault) {
  const auto guide = [&](int ttl) { Call("SETEX", "guide", ttl != 0 ? ttl : 3'600, "value"); };
  guide(0);
  EXPECT_TRUE(Get("guide"));

  const Users users = Make({.ttl = 0s});
  EXPECT_EQ(users.GetOrLoad(1, Row())->value, row_);
  EXPECT_EQ(users.Get(1)->outcome, Outcome::kMiss);
}

// Write-through: the commit is done, the cache cannot be reached, and the error says as much as
// that nothing was written.
TEST_F(Mistake, CacheFailureLooksLikeAFailedWrite) {
  bool is_committed = false;
  const auto guide = [&]() -> Result<void> {
    is_committed = true;
    Result<Reply> put = store_.client().Call(Command("SET", "guide"));  // fails
    if (!put) return Pass(std::move(put));
    return {};
  };
  EXPECT_FALSE(guide());
  EXPECT_TRUE(is_committed);

  // Ours are two results: the commit's is the database's, and the put's is a Mark or an Error of
  // its own, which says whether it may have been applied; a version makes it safe to try again.
  const Users users = Make();
  Call("LPUSH", UserKey(1).text(), "x");
  const Result<Mark> first = users.Put(1, *row_, {.version = 5});
  ASSERT_TRUE(first);
  EXPECT_TRUE(users.Put(1, *row_, {.version = 5})->version == 5);
  EXPECT_EQ(users.Get(1)->value, row_);
}

// "Randomised TTLs" are mixed up with early refresh: entries that were stored together expire
// together.
TEST_F(Mistake, EntriesOfOneMomentExpireTogether) {
  for (int i = 0; i < 50; ++i) Call("SET", "guide:" + std::to_string(i), "x", "PX", 100'000);
  time_.Advance(99s);
  int left = 0;
  for (int i = 0; i < 50; ++i) left += Get("guide:" + std::to_string(i)) ? 1 : 0;
  EXPECT_EQ(left, 50);
  time_.Advance(1s);
  for (int i = 0; i < 50; ++i) left -= Get("guide:" + std::to_string(i)) ? 0 : 1;
  EXPECT_EQ(left, 0);

  const Users users = Make({.ttl = 100s, .jitter_percent = 50});
  for (int i = 0; i < 50; ++i) users.Put(i, *row_).value();
  time_.Advance(75s);
  left = 0;
  for (int i = 0; i < 50; ++i) left += users.Get(i)->value ? 1 : 0;
  EXPECT_GT(left, 5);
  EXPECT_LT(left, 45);
}

}  // namespace
}  // namespace cairn::cache
