// SPDX-License-Identifier: BSD-3-Clause
// A service that answers so many requests a second for each user, and so many for all of a
// tenant's.
//
//   example_limiter [URI]
#include "cairn/limiter.h"

#include <cstdio>
#include <string>

using namespace cairn::cache;
using namespace std::chrono_literals;

namespace {

Result<void> Run(const Store& store) {
  // Open: requests are answered when the store is down. For passwords it would be kRefuse.
  const Limiter limiter(store, "limit:api", {.count = 5, .period = 60s}, LimitWhenDown::kAllow);
  int answered = 0;
  Verdict last;
  for (int i = 0; i < 8; ++i) {
    const Result<Verdict> verdict = limiter.Take("user 42");
    if (!verdict) return std::unexpected(verdict.error());
    answered += verdict->allowed ? 1 : 0;
    last = *verdict;
  }
  std::printf(
      "%d of 8 answered; Retry-After: %lld\n", answered,
      static_cast<long long>(std::chrono::ceil<std::chrono::seconds>(last.retry_after).count()));
  const CompositeLimiter both(
      store,
      {{"limit:user", {.count = 10, .period = 1s}},
       {"limit:tenant", {.law = LimitLaw::kFixed, .count = 1000, .period = 24h}}},
      LimitWhenDown::kAllow);
  const std::vector<CompositeLimiter::Share> shares = {{.who = "user 42"}, {.who = "acme"}};
  const Result<CompositeVerdict> verdict = both.Take("acme", shares);
  if (!verdict) return std::unexpected(verdict.error());
  std::printf("both agree: %s\n", verdict->whole.allowed ? "yes" : "no");
  return limiter.Reset("user 42");
}

}  // namespace

int main(int argument_count, char** arguments) {
  Result<Store> store = Store::Open(argument_count > 1 ? arguments[1] : "embedded:");
  Result<void> done = store ? Run(*store) : Result<void>(std::unexpected(store.error()));
  if (done) return 0;
  std::fprintf(stderr, "%s\n", done.error().detail.c_str());
  return 1;
}
