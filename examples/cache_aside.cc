// SPDX-License-Identifier: BSD-3-Clause
// Cache-aside: rows of a database behind a typed cache; loaded once, invalidated after the commit.
//
//   example_cache_aside [URI]
#include <cstdio>
#include <map>
#include <string>

#include "cairn/cache.h"

using namespace cairn::cache;

namespace {

struct User {
  std::int64_t id = 0;
  std::string name;
  static constexpr auto Fields() {
    return FieldsOf("user/1", Field("id", &User::id), Field("name", &User::name));
  }
};
using UserKey = Key<"example_user:{*}", std::int64_t>;
using Users = TypedCache<User, UserKey>;

void Show(const char* what, const Result<Entry<User>>& entry) {
  if (!entry) {
    std::printf("%s: %s\n", what, entry.error().detail.c_str());
    return;
  }
  std::printf("%s: %s (%s)\n", what, entry->value ? entry->value->name.c_str() : "no such row",
              std::string(OutcomeName(entry->outcome)).c_str());
}

}  // namespace

int main(int argument_count, char** arguments) {
  Result<Store> store = Store::Open(argument_count > 1 ? arguments[1] : "embedded:");
  if (!store) {
    std::fprintf(stderr, "%s\n", store.error().detail.c_str());
    return 1;
  }
  std::map<std::int64_t, std::string> table = {{1, "ada"}};
  const auto select = [&](Users::Loading& context) -> Result<std::optional<User>> {
    const auto row = table.find(context.key.part<0>());
    if (row == table.end()) return std::nullopt;
    return User{row->first, row->second};
  };

  const Users users(*store, {.policy = {.ttl = std::chrono::minutes(10),
                                        .stale_for = std::chrono::hours(1),
                                        .jitter_percent = 10,
                                        .negative_ttl = std::chrono::seconds(30)}});
  if (!users.Invalidate(1) || !users.Invalidate(2)) return 1;
  Show("first", users.GetOrLoad(1, select));
  Show("second", users.GetOrLoad(1, select));
  Show("absent", users.GetOrLoad(2, select));
  table[1] = "eve";                    // commit first,
  if (!users.Invalidate(1)) return 1;  // then invalidate
  Show("changed", users.GetOrLoad(1, select));
  const CacheFigures figures = users.figures();
  std::printf("%llu loads of 4 reads\n", static_cast<unsigned long long>(figures.loads));
  return 0;
}
