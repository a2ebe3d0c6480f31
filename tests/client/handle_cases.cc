// SPDX-License-Identifier: BSD-3-Clause
// The last handle of a store may go on any thread, those of the store itself among them. That the
// store has closed then is seen by a command that waits in it.
#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "base/thread.h"
#include "client/client_check.h"

namespace cairn::cache::checks {
namespace {

constexpr std::int64_t kPatienceUs = 5'000'000;

// Shared by a case and by what it has left behind on another thread.
struct Scene {
  Event main_is_out;  // the case has no handle any more
  std::uintptr_t main = Thread::CurrentId();
  std::atomic<bool> has_closed{false};

  // An embedded store calls back at once, on the caller's own thread.
  void AwaitMain() {
    if (Thread::CurrentId() != main) main_is_out.WaitFor(kPatienceUs);
  }
};
using ScenePtr = std::shared_ptr<Scene>;

// `leave` has something of the store's that holds a handle, and lets it go when it runs.
void LastGoes(const std::string& uri, void (*leave)(const Store&, const ScenePtr&),
              Complaints& say) {
  const auto scene = std::make_shared<Scene>();
  {
    const Store store = OpenOrDie(uri);
    store.client().Start(Command("BLPOP", "{handles}none", 0), {}, [scene](Result<Reply> reply) {
      scene->has_closed.store(!reply && reply.error().code == Errc::kClosed);
    });
    leave(store, scene);
  }
  scene->main_is_out.Notify();
  say.Check(Eventually([&] { return scene->has_closed.load(); }), "the store has closed");
}

void InCallback(const Store& store, const ScenePtr& scene) {
  store.client().Start(Command("PING"), {},
                       [store, scene](const Result<Reply>&) { scene->AwaitMain(); });
}

Task<void> Ping(Store store, ScenePtr scene) {
  (void)co_await store.client().CoCall(Command("PING"));
  scene->AwaitMain();
}
void InCoroutine(const Store& store, const ScenePtr& scene) { Detach(Ping(store, scene)); }

void OnScheduler(const Store& store, const ScenePtr& scene) {
  store.scheduler().Post([store, scene] { scene->AwaitMain(); });
}

Task<void> SleepWith(Store store, ScenePtr scene) {
  co_await Sleep(store.scheduler(), Duration::zero());
  scene->AwaitMain();
}
void InSleeper(const Store& store, const ScenePtr& scene) { Detach(SleepWith(store, scene)); }

// The handler holds a handle and runs while its subscription is ended elsewhere: so it goes with
// what is left of the subscription.
void InHandler(const Store& store, const ScenePtr& scene) {
  const auto is_running = std::make_shared<Event>();
  auto heard = store.client().Subscribe({.channels = {"handles"}},
                                        [store, scene, is_running](const Message&) {
                                          is_running->Notify();
                                          scene->AwaitMain();
                                        });
  if (!heard || !store.client().Call(Command("PUBLISH", "handles", "now"))) return;
  is_running->WaitFor(kPatienceUs);
  // Its destructor waits for the handler: by another thread.
  scene->main_is_out.Notify();
  heard->reset();
}

// Work of many stores drops the last handle of each other's.
void Crosswise(const std::string& uri, Complaints& say) {
  std::vector<ScenePtr> scenes;
  for (int i = 0; i < 20; ++i) {
    const auto scene = std::make_shared<Scene>();
    const Store one = OpenOrDie(uri);
    const Store other = OpenOrDie(uri);
    one.client().Start(Command("PING"), {}, [other](const Result<Reply>&) {});
    other.client().Start(Command("PING"), {},
                         [one, scene](const Result<Reply>&) { scene->has_closed.store(true); });
    scenes.push_back(scene);
  }
  for (const ScenePtr& scene : scenes)
    say.Check(Eventually([&] { return scene->has_closed.load(); }), "was called");
}

}  // namespace

Cases HandleCases(const std::vector<std::string>& uris) {
  const auto last = [&](void (*leave)(const Store&, const ScenePtr&)) {
    return [uri = uris[0], leave](Complaints& say) { LastGoes(uri, leave, say); };
  };
  return {{"LastInCallback", last(InCallback)},
          {"LastInCoroutine", last(InCoroutine)},
          {"LastOnScheduler", last(OnScheduler)},
          {"LastInSleeper", last(InSleeper)},
          {"LastInHandler", last(InHandler)},
          {"LastCrosswise", [uri = uris[0]](Complaints& say) { Crosswise(uri, say); }}};
}

}  // namespace cairn::cache::checks
