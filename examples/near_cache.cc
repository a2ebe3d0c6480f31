// SPDX-License-Identifier: BSD-3-Clause
// Two levels: copies in this process, kept right by what the server tells of changes.
//
//   example_near_cache [URI]        such as redis://localhost; within the process it is off
#include <cstdio>
#include <string>

#include "cairn/cache.h"

using namespace cairn::cache;

namespace {

using PageKey = Key<"example_page:{*}", std::string>;
using Pages = TypedCache<std::string, PageKey>;

int Fail(const Error& error) {
  std::fprintf(stderr, "%s\n", error.detail.c_str());
  return 1;
}

}  // namespace

int main(int argument_count, char** arguments) {
  Result<Store> store = Store::Open(argument_count > 1 ? arguments[1] : "embedded:");
  if (!store) return Fail(store.error());
  Result<NearCache> near = NearCache::Open(*store, {.max_bytes = std::size_t{16} << 20});
  if (!near) return Fail(near.error());
  std::printf("changes are %s\n", near->is_told() ? "told" : "not told: every read asks the store");

  // Caches over one near cache share its memory and its connection.
  const Policy policy{.ttl = std::chrono::minutes(10), .near_ttl = std::chrono::seconds(30)};
  const Pages pages(*store, {.policy = policy, .near = *near});
  const PageKey home("home");
  if (Result<Mark> put = pages.Put(home, "<h1>hello</h1>"); !put) return Fail(put.error());
  for (int i = 0; i < 3; ++i) {
    const Result<Entry<std::string>> entry = pages.Get(home);
    if (!entry) return Fail(entry.error());
    std::printf("%s\n", std::string(OutcomeName(entry->outcome)).c_str());
  }
  // What this process writes is read back at once; others are told.
  if (Result<Mark> put = pages.Put(home, "<h1>new</h1>"); !put) return Fail(put.error());
  const Result<Entry<std::string>> changed = pages.Get(home);
  if (!changed) return Fail(changed.error());
  std::printf("%s\n", changed->value.value_or("").c_str());
  return 0;
}
