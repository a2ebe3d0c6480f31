// SPDX-License-Identifier: BSD-3-Clause
// Shop: a catalogue, carts, sessions, a limit on orders and best sellers, over any store and
// database.
//
//   catalogue      read-through, and invalidated by what commits, whoever it is (an outbox)
//   carts          write-behind: a click costs the store alone, the table learns of it later
//   sessions       sliding, to an absolute end
//   orders         a transaction of the database; a limit for each user
//   best sellers   this week's leaderboard
#ifndef CAIRN_EXAMPLES_SHOP_SHOP_H_
#define CAIRN_EXAMPLES_SHOP_SHOP_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "cairn/leaderboard.h"
#include "cairn/limiter.h"
#include "cairn/sessions.h"
#include "cairn/sql/cached_table.h"
#include "cairn/sql/outbox.h"
#include "cairn/sql/write_behind_worker.h"

namespace shop {

using cairn::cache::Result;
namespace cache = cairn::cache;
namespace sql = cairn::cache::sql;

struct Product {
  std::int64_t id = 0;
  std::string name = {};
  std::int64_t cents = 0;
  std::int64_t stock = 0;
  static constexpr auto Fields() {
    return cache::FieldsOf(
        "product/1", cache::Field("id", &Product::id), cache::Field("name", &Product::name),
        cache::Field("cents", &Product::cents), cache::Field("stock", &Product::stock));
  }
};
using ProductKey = cache::Key<"{product}:*", std::int64_t>;

struct Cart {
  std::string user = {};
  std::string items = {};  // "product*count ...", such as "1*2 3*1"
  static constexpr auto Fields() {
    return cache::FieldsOf("cart/1", cache::Field("user_name", &Cart::user),
                           cache::Field("items", &Cart::items));
  }
};
using CartKey = cache::Key<"{cart}:*", std::string>;

struct Item {
  std::int64_t product = 0;
  std::int64_t count = 0;
};

class Shop {
 public:
  // Makes the tables, if they are not there, with a few products.
  static Result<std::unique_ptr<Shop>> Open(std::string_view store_uri,
                                            std::string_view database_uri);
  Shop(cache::Store store, sql::Database db);

  Result<std::string> SignIn(std::string_view user);  // the session's id
  Result<cache::Entry<Product>> Look(std::int64_t product);
  Result<void> AddToCart(std::string_view session, Item item);
  // What was paid, in cents. kConflict: something is sold out; kLimit: too many orders.
  Result<std::int64_t> Order(std::string_view session);
  Result<cache::Leaderboard<std::string>::Rows> BestSellers(std::size_t count);

 private:
  Result<void> Prepare();
  Result<std::string> UserOf(std::string_view session);
  Result<std::vector<Item>> ItemsOf(const std::string& user);
  Result<std::int64_t> Sell(const std::string& user, const std::vector<Item>& items);

  const cache::Store store_;
  const sql::Database db_;
  const sql::CachedTable<Product, ProductKey> products_;
  const sql::CachedTable<Cart, CartKey> carts_;
  const cache::Sessions sessions_;
  const cache::Limiter orders_;
  const cache::Leaderboard<std::string> sellers_;
  sql::WriteBehindSink<Cart> sink_;
  sql::WriteBehindWorker worker_;
  sql::OutboxRelay relay_;
  // Stopped and joined before what they run.
  std::jthread carrying_;
  std::jthread relaying_;
};

}  // namespace shop

#endif  // CAIRN_EXAMPLES_SHOP_SHOP_H_
