// SPDX-License-Identifier: BSD-3-Clause
// What each part of the shop does.
#include "shop/shop.h"

#include <charconv>
#include <chrono>
#include <optional>
#include <utility>

namespace shop {
namespace {

using namespace std::chrono_literals;
using cache::Errc;

constexpr std::string_view kSchema = R"(
  create table if not exists products(id bigint primary key, name text not null,
    cents bigint not null, stock bigint not null, row_version bigint);
  create table if not exists carts(user_name text primary key, items text not null);
  create table if not exists orders(user_name text not null, product bigint not null,
    count bigint not null);
)";
// Behind the outbox, which gives rows their versions.
constexpr std::string_view kProducts = R"(
  insert into products(id, name, cents, stock)
    values (1, 'tea', 450, 100), (2, 'cup', 900, 10), (3, 'pot', 2500, 1)
    on conflict (id) do nothing;
)";

std::string TextOf(const std::vector<Item>& items) {
  std::string text;
  for (const Item& item : items) {
    if (!text.empty()) text += ' ';
    text += std::to_string(item.product) + "*" + std::to_string(item.count);
  }
  return text;
}

std::vector<Item> ParseItems(std::string_view text) {
  std::vector<Item> items;
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at < end) {
    Item item;
    at = std::from_chars(at, end, item.product).ptr + 1;  // '*'
    if (at < end) at = std::from_chars(at, end, item.count).ptr + 1;
    if (item.count > 0) items.push_back(item);
  }
  return items;
}

// Within the transaction: what the items cost.
Result<std::int64_t> Take(sql::Session& session, const std::string& user, const Item& item) {
  const sql::Statement take(
      "update products set stock = stock - $2 where id = $1 and stock >= $2 returning cents",
      item.product, item.count);
  const Result<sql::Rows> taken = session.Execute(take);
  if (!taken) return std::unexpected(taken.error());
  if (taken->empty()) return cache::Fail(Errc::kConflict, "sold out");
  const sql::Statement note("insert into orders values ($1, $2, $3)", user, item.product,
                            item.count);
  if (const Result<sql::Rows> noted = session.Execute(note); !noted)
    return std::unexpected(noted.error());
  const Result<std::int64_t> cents = taken->Get<std::int64_t>(0, 0);
  if (!cents) return cents;
  return *cents * item.count;
}

}  // namespace

Result<std::unique_ptr<Shop>> Shop::Open(std::string_view store_uri,
                                         std::string_view database_uri) {
  Result<cache::Store> store = cache::Store::Open(store_uri);
  if (!store) return cache::Pass(std::move(store));
  Result<sql::Database> db = sql::Database::Open(database_uri);
  if (!db) return cache::Pass(std::move(db));
  auto shop = std::make_unique<Shop>(*std::move(store), *std::move(db));
  if (Result<void> done = shop->Prepare(); !done) return cache::Pass(std::move(done));
  return shop;
}

Shop::Shop(cache::Store store, sql::Database db)
    : store_(std::move(store)),
      db_(std::move(db)),
      products_(store_, sql::Table<Product>(db_, "products", {.version = "row_version"}),
                {.policy = {.ttl = 10min, .stale_for = 1h, .jitter_percent = 10}}),
      carts_(store_, sql::Table<Cart>(db_, "carts", {.key = "user_name"}),
             {.policy = {.ttl = 30min}, .log = "{cart}:log"}),
      sessions_(store_, "shop:session", {.idle = 30min, .cap = 12h}),
      orders_(store_, "shop:orders", {.count = 3, .period = 60s}, cache::LimitWhenDown::kRefuse),
      sellers_(store_, {.prefix = "shop", .period = cache::Period::kWeek}),
      sink_(carts_.Sink()),
      worker_(store_, sink_, {.consumer = "shop"}),
      relay_(store_, db_, {.keys = [](const sql::Change& change) -> std::vector<std::string> {
               return {"{product}:" + change.key};
             }}) {}

Result<void> Shop::Prepare() {
  if (Result<void> made = db_.RunScript(kSchema); !made) return made;
  if (Result<void> made = sql::Outbox(db_).Watch({.table = "products"}); !made) return made;
  if (Result<void> made = db_.RunScript(kProducts); !made) return made;
  if (Result<void> made = sink_.Prepare(); !made) return made;
  // The products that were just made are changes, too.
  Result<std::size_t> relayed = 1;
  while (relayed && *relayed > 0) relayed = relay_.RunOnce();
  if (!relayed) return cache::Pass(std::move(relayed));
  carrying_ = std::jthread([this](const std::stop_token& stop) { worker_.Run(stop); });
  relaying_ = std::jthread([this](const std::stop_token& stop) { relay_.Run(stop); });
  return {};
}

Result<std::string> Shop::SignIn(std::string_view user) {
  Result<cache::Session> session = sessions_.Create(user);
  if (!session) return cache::Pass(std::move(session));
  return session->id;
}

Result<std::string> Shop::UserOf(std::string_view session) {
  const cache::Sessions::Found found = sessions_.Touch(session);
  if (!found) return std::unexpected(found.error());
  if (!*found) return cache::Fail(Errc::kInvalid, "sign in again");
  return (*found)->user;
}

Result<cache::Entry<Product>> Shop::Look(std::int64_t product) { return products_.Get(product); }

Result<std::vector<Item>> Shop::ItemsOf(const std::string& user) {
  const Result<cache::Entry<Cart>> cart = carts_.Get(user);
  if (!cart) return std::unexpected(cart.error());
  return cart->value ? ParseItems(cart->value->items) : std::vector<Item>();
}

// One user fills his cart by one click after the other; two at once would want a lock or a script.
Result<void> Shop::AddToCart(std::string_view session, Item item) {
  const Result<std::string> user = UserOf(session);
  if (!user) return std::unexpected(user.error());
  Result<std::vector<Item>> items = ItemsOf(*user);
  if (!items) return cache::Pass(std::move(items));
  items->push_back(item);
  Result<std::string> saved = carts_.SaveBehind({.user = *user, .items = TextOf(*items)});
  if (!saved) return cache::Pass(std::move(saved));
  return {};
}

Result<std::int64_t> Shop::Order(std::string_view session) {
  const Result<std::string> user = UserOf(session);
  if (!user) return std::unexpected(user.error());
  const Result<cache::Verdict> verdict = orders_.Take(*user);
  if (!verdict) return std::unexpected(verdict.error());
  if (!verdict->allowed)
    return cache::Fail(Errc::kLimit, "too many orders: again in " +
                                         std::to_string(verdict->retry_after.count()) + " ms");
  const Result<std::vector<Item>> items = ItemsOf(*user);
  if (!items) return std::unexpected(items.error());
  Result<std::int64_t> cents = Sell(*user, *items);
  if (!cents) return cents;
  // Sold. What follows is the store's: the outbox repeats it, should this process die here.
  for (const Item& item : *items) {
    products_.cache().Invalidate(item.product).value();
    sellers_.Add(Look(item.product).value().value->name, static_cast<double>(item.count)).value();
  }
  if (Result<std::string> emptied = carts_.RemoveBehind(*user); !emptied)
    return cache::Pass(std::move(emptied));
  return cents;
}

Result<std::int64_t> Shop::Sell(const std::string& user, const std::vector<Item>& items) {
  return db_.Transact([&](sql::Session& session) -> Result<std::int64_t> {
    std::int64_t cents = 0;
    for (const Item& item : items) {
      const Result<std::int64_t> cost = Take(session, user, item);
      if (!cost) return cost;
      cents += *cost;
    }
    return cents;
  });
}

Result<cache::Leaderboard<std::string>::Rows> Shop::BestSellers(std::size_t count) {
  return sellers_.Top(count);
}

}  // namespace shop
