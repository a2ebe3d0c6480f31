// SPDX-License-Identifier: BSD-3-Clause
// A feature for some users, who was active today, and how many came: bitmaps of dense numbers, and
// a sketch a day.
//
//   example_flags [URI]
#include <cstdio>
#include <string>
#include <vector>

#include "cairn/bitmaps.h"
#include "cairn/unique_counter.h"

using namespace cairn::cache;

int main(int argument_count, char** arguments) {
  const Result<Store> store = Store::Open(argument_count > 1 ? arguments[1] : "embedded:");
  if (!store) {
    std::fprintf(stderr, "%s\n", store.error().detail.c_str());
    return 1;
  }
  const DenseIds ids(*store, {.prefix = "users"});
  const FeatureFlags flags(*store, {.prefix = "flags"});
  const DailyActives actives(*store, {.prefix = "active"});
  const UniqueCounter visitors(*store, {.prefix = "visitors"});
  const std::vector<std::string> users = {"ada@example.org", "bob@example.org", "eve@example.org"};
  for (const std::string& user : users) {
    const Result<DenseId> id = ids.Of(user);
    if (!id) {
      std::fprintf(stderr, "%s\n", id.error().detail.c_str());
      return 1;
    }
    // Every second one gets the new cart.
    (void)flags.Set("new-cart", *id, id->value % 2 == 0);
    (void)actives.Mark(*id);
    const std::vector<std::string> items(1, user);
    (void)visitors.Add(items);
    std::printf("%s: new cart %s\n", user.c_str(),
                flags.IsOn("new-cart", *id).value_or(false) ? "on" : "off");
  }
  std::printf("on for %d, active today %d, in seven days %d, unique %d\n",
              static_cast<int>(flags.Count("new-cart").value_or(0)),
              static_cast<int>(actives.CountAny().value_or(0)),
              static_cast<int>(actives.CountAny({.periods = 7}).value_or(0)),
              static_cast<int>(visitors.Count().value_or(0)));
  return 0;
}
