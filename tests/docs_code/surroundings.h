// SPDX-License-Identifier: BSD-3-Clause
// What stands around the code of a guide page: the things that a page takes for granted, declared
// and never defined, since the code is only compiled. Each block of a page is a function behind it.
#ifndef CAIRN_TESTS_DOCS_CODE_SURROUNDINGS_H_
#define CAIRN_TESTS_DOCS_CODE_SURROUNDINGS_H_

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "cairn/bitmaps.h"
#include "cairn/bloom_guard.h"
#include "cairn/cache.h"
#include "cairn/consumer_group.h"
#include "cairn/geo_lookup.h"
#include "cairn/http/rate_limit.h"
#include "cairn/http/response_cache.h"
#include "cairn/http/session_cookie.h"
#include "cairn/leaderboard.h"
#include "cairn/limiter.h"
#include "cairn/lock.h"
#include "cairn/memoise.h"
#include "cairn/metrics.h"
#include "cairn/near_cache.h"
#include "cairn/quorum_lock.h"
#include "cairn/semaphore.h"
#include "cairn/sessions.h"
#include "cairn/shard_ring.h"
#include "cairn/sql/cached_table.h"
#include "cairn/sql/database.h"
#include "cairn/sql/outbox.h"
#include "cairn/sql/table_keys.h"
#include "cairn/sql/write_behind_worker.h"
#include "cairn/store.h"
#include "cairn/testkit/history.h"
#include "cairn/testkit/network.h"
#include "cairn/testkit/seeded_random.h"
#include "cairn/testkit/virtual_time.h"
#include "cairn/timeline.h"
#include "cairn/topic.h"
#include "cairn/trace.h"
#include "cairn/unique_counter.h"
#include "cairn/warmer.h"
#include "cairn/work_queue.h"
#if __has_include(<httplib.h>)
#include "cairn/http/httplib.h"
#endif

#define EXPECT_EQ(one, other) static_cast<void>((one) == (other))

// Not the global one, where "time" is taken.
namespace docs {

using namespace cairn::cache;
using namespace std::chrono_literals;

// What a block returns, whatever that is.
struct Answer {
  Answer() = default;
  template <class T>
  Answer(T&&) {}
};
Answer Complain(std::string_view detail);
Answer TooManyRequests(Millis retry_after);

using UserId = std::int64_t;
struct User {
  std::int64_t id = 0;
  std::string name;
  static constexpr auto Fields() {
    return FieldsOf("user/1", Field("id", &User::id), Field("name", &User::name));
  }
};
struct Page {
  std::string html;
  static constexpr auto Fields() { return FieldsOf("page/1", Field("html", &Page::html)); }
};
struct PriceChange {
  std::int64_t product = 0;
  std::int64_t cents = 0;
  static constexpr auto Fields() {
    return FieldsOf("price_change/1", Field("product", &PriceChange::product),
                    Field("cents", &PriceChange::cents));
  }
};
using Cart = User;
using Money = std::int64_t;
using UserKey = Key<"user:{*}", UserId>;
using CartKey = Key<"cart:{*}", std::int64_t>;
using PageKey = Key<"page:{*}", std::string>;
using Users = TypedCache<User, UserKey>;

extern Store store;
extern Client& client;
extern const sql::Database db;
extern const Users users;
extern std::map<std::string, Store> stores;
extern std::stop_token stop;
extern Executor& pool;
extern VirtualTime time;
extern const ShardRing with_one_more;
extern const Cart cart;
extern const User user;
extern const std::string cookie;
extern const std::string key;
extern const std::string value;
extern const std::string payload;
extern const std::vector<std::string> words;
extern const std::vector<std::string> followers;
extern const Store first;
extern const Store second;
extern const Store third;
extern const Users orders;
extern const UniqueCounter visitors;
extern const std::uint64_t seed;
extern Network& network;
extern const sql::Table<User> table;
extern sql::WriteBehindSink<User> sink;
extern const std::vector<sql::LogEntry> entries;
extern const SpanContext request_span;
extern const http::Request request;
extern http::Response response;
extern const http::RateLimit limit;
extern const http::ResponseCache cache;
extern const http::SessionCookies cookies;
extern const std::int64_t player;
extern const Version version;
extern const Event event;
extern const std::vector<std::int64_t> popular;
extern std::vector<UserKey> keys;

// A loader, and loaders of many.
Result<std::optional<User>> SelectUser(const sql::Database& from, UserId id);
using SelectedUsers = Task<Result<std::vector<std::optional<User>>>>;
struct SelectsUsers {
  SelectedUsers operator()(const std::vector<UserKey>& wanted) const;
  SelectedUsers operator()(BulkContext<UserKey>& context) const;
};
inline constexpr SelectsUsers SelectUsers;
inline constexpr auto loader = [](LoadContext<User, UserKey>&) -> Result<std::optional<User>> {
  return std::nullopt;
};
Money PriceOf(const std::string& product, std::int64_t count);

struct Work {
  bool Next();
  bool Next(std::int64_t fence);
  std::string text() const;
};
extern docs::Work work;
extern docs::Work job;
struct SpanQueue {
  void Push(FinishedSpan span);
};
extern SpanQueue queue;
struct Exports final : SpanSink {
  void Take(FinishedSpan span) override;
};
extern Exports exporter;
void Undo();
void Log(std::size_t keys);
bool Send(std::string_view payload);
Result<void> Bill(const Event& event);
void Renew();
std::string Render();
std::string Render(std::string_view page);
bool IsPassword(const auto& request);

}  // namespace docs

#endif  // CAIRN_TESTS_DOCS_CODE_SURROUNDINGS_H_
