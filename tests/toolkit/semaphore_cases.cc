// SPDX-License-Identifier: BSD-3-Clause
// Semaphores: what holds on every store.
#include <atomic>
#include <string>
#include <vector>

#include "base/thread.h"
#include "cairn/semaphore.h"
#include "toolkit/toolkit_check.h"

namespace cairn::cache::checks {
namespace {

void SoManyAtOnce(const Store& store, Complaints& say) {
  for (const bool is_fair : {false, true}) {
    const std::string name = is_fair ? "semaphore:fair" : "semaphore:plain";
    const Semaphore semaphore(store, name, {.permits = 2, .ttl = 20s, .is_fair = is_fair});
    std::atomic<int> inside{0};
    std::atomic<int> wrong{0};
    std::vector<Thread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back("holder", [&] {
        for (int i = 0; i < 4; ++i) {
          Result<Permit> permit = semaphore.Acquire({.timeout = 30s});
          if (!permit || inside.fetch_add(1) > 1) ++wrong;
          if (!permit) return;
          inside.fetch_sub(1);
          if (!permit->Release().value_or(false)) ++wrong;
        }
      });
    }
    for (Thread& thread : threads) thread.Join();
    say.Equal(wrong.load(), 0, name + ": two at once, and each is given back");
  }
}

void TheDeadsComeBack(const Store& store, Complaints& say) {
  const Semaphore semaphore(store, "semaphore:dead", {.permits = 1, .ttl = 2s, .renews = false});
  Result<Permit> held = semaphore.Acquire();
  if (!held) return say.Check(false, held.error().detail);
  const auto other = semaphore.TryAcquire();
  // Unless the machine has stood still for so long.
  say.Check(other && (!*other || !held->is_held()), "taken");
  Result<Permit> next = semaphore.Acquire({.timeout = 20s});
  say.Check(next.has_value(), "it comes back");
  say.Check(held->lost().stop_requested(), "and its holder was told");
  say.Check(!held->Release().value_or(true), "no success");
  say.Check(next && next->Release().value_or(false), "the next one's is not touched");
}

}  // namespace

Cases SemaphoreCases(const std::vector<std::string>& uris) {
  const auto make = [&](std::string_view name, void (*run)(const Store&, Complaints&)) {
    return Case{name, [uri = uris[0], run](Complaints& say) { run(OpenOrDie(uri), say); }};
  };
  return {make("SoManyAtOnce", SoManyAtOnce), make("TheDeadsComeBack", TheDeadsComeBack)};
}

}  // namespace cairn::cache::checks
