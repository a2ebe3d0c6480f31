// SPDX-License-Identifier: BSD-3-Clause
// A visit to the shop. By default everything is in this process; the same runs on servers:
//
//   example_shop [STORE [DATABASE]]
//   example_shop redis://127.0.0.1:6379 postgresql://shop@localhost/shop
#include <cstdio>
#include <string>

#include "shop/shop.h"

namespace {

using shop::Result;

Result<void> Visit(shop::Shop& shop) {
  for (int i = 0; i < 2; ++i) {
    const auto tea = shop.Look(1);
    if (!tea) return std::unexpected(tea.error());
    std::printf("%s, %.2f, %d in stock (%s)\n", tea->value->name.c_str(),
                static_cast<double>(tea->value->cents) / 100, static_cast<int>(tea->value->stock),
                std::string(cairn::cache::OutcomeName(tea->outcome)).c_str());
  }
  const Result<std::string> session = shop.SignIn("ada");
  if (!session) return std::unexpected(session.error());
  for (const shop::Item item : {shop::Item{1, 2}, shop::Item{2, 1}}) {
    if (Result<void> added = shop.AddToCart(*session, item); !added) return added;
  }
  const Result<std::int64_t> paid = shop.Order(*session);
  if (!paid) return std::unexpected(paid.error());
  std::printf("ada has paid %.2f\n", static_cast<double>(*paid) / 100);
  const auto tea = shop.Look(1);
  if (!tea) return std::unexpected(tea.error());
  std::printf("tea: %d in stock\n", static_cast<int>(tea->value->stock));
  const auto sellers = shop.BestSellers(3);
  if (!sellers) return std::unexpected(sellers.error());
  for (const auto& row : *sellers)
    std::printf("%d. %s, %.0f sold\n", static_cast<int>(row.rank.value), row.member.c_str(),
                row.score);
  return {};
}

}  // namespace

int main(int argument_count, char** arguments) {
  const auto shop = shop::Shop::Open(argument_count > 1 ? arguments[1] : "embedded:",
                                     argument_count > 2 ? arguments[2] : "sqlite::memory:");
  const Result<void> done = shop ? Visit(**shop) : Result<void>(std::unexpected(shop.error()));
  if (done) return 0;
  std::fprintf(stderr, "%s\n", done.error().detail.c_str());
  return 1;
}
