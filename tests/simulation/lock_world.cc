// SPDX-License-Identifier: BSD-3-Clause
// Processes that want one lock, pause for longer than they have it, and write to what it guards.
//
// Promises: nobody believes to hold the lock while another does; fences grow; what is guarded, and
// checks them, is written in the order of the grants.
#include "tests/simulation/world.h"

namespace cairn::simulation {
namespace {

using Kind = Operation::Kind;
using Fate = Operation::Fate;

constexpr Millis kTtl{80};
constexpr std::string_view kLock = "lock";

class LockWorld final : public World {
 public:
  explicit LockWorld(const Order& order) : World(order, "embedded:", 4) {}

 private:
  void Start(const ProcessPtr& process) override { Detach(HoldOften(process)); }
  bool IsAtRest() override { return true; }

  Operation Of(Kind kind, const std::string& owner, std::int64_t fence = 0) const {
    return {.kind = kind, .client = owner, .key = std::string(kLock), .number = fence, .ttl = kTtl};
  }

  Task<void> HoldOften(ProcessPtr process) {
    while (Goes(process)) {
      co_await Pause(0ms, 40ms);
      if (!Goes(process)) break;
      const std::string owner = process->name + "-" + std::to_string(++holds_);
      const auto acquire = history_.Begin(Of(Kind::kAcquire, owner));
      const Command command("LOCK.ACQUIRE", kLock, owner, kTtl.count(), "WAIT",
                            random_.Below(2) * 40);
      const Result<Reply> fence = co_await process->store.client().CoCall(command);
      if (!fence) {
        history_.End(acquire, EndOf(fence.error()));
        continue;
      }
      if (fence->is_null()) {
        history_.End(acquire, {.fate = Fate::kRefused});
        continue;
      }
      const std::int64_t number = fence->AsInteger().value();
      history_.End(acquire, {.number = number});
      co_await Hold(process, owner, number);
    }
  }

  Task<void> Hold(ProcessPtr process, std::string owner, std::int64_t fence) {
    const std::uint64_t writes = 1 + random_.Below(3);
    for (std::uint64_t i = 0; i < writes; ++i) {
      const bool is_paused = random_.Chance(0.1);
      co_await Pause(0ms, is_paused ? 200ms : 10ms);
      if (!process->is_alive) co_return;
      Guarded(owner, fence);
      if (random_.Chance(0.3)) {
        const Command renew("LOCK.RENEW", kLock, owner, kTtl.count());
        co_await Ask(process, renew, Kind::kRenew, owner);
      }
    }
    const Command release("LOCK.RELEASE", kLock, owner);
    const Command plain("DEL", kLock);
    co_await Ask(process, has("release-by-anybody") ? plain : release, Kind::kRelease, owner);
  }

  // RENEW and RELEASE.
  Task<void> Ask(ProcessPtr process, Command command, Kind kind, std::string owner) {
    if (!process->is_alive) co_return;
    const auto asked = history_.Begin(Of(kind, owner));
    const Result<Reply> reply = co_await process->store.client().CoCall(std::move(command));
    if (!reply) {
      history_.End(asked, EndOf(reply.error()));
      co_return;
    }
    const bool is_lost = reply->is_aggregate() && reply->elements()[0].text() == "LOST";
    history_.End(asked, {.fate = is_lost ? Fate::kRefused : Fate::kOk});
  }

  // UPDATE ... SET fence = $1 WHERE fence <= $1
  void Guarded(const std::string& owner, std::int64_t fence) {
    const bool is_taken = fence >= row_fence_ || has("no-fence-check");
    if (is_taken) row_fence_ = fence;
    history_.Note(Of(Kind::kGuarded, owner, fence),
                  {.fate = is_taken ? Fate::kOk : Fate::kRefused});
  }

  Violation Check() override {
    if (Violation violation = history_.CheckFences()) return violation;
    if (Violation violation = history_.CheckHolders(1ms)) return violation;
    return history_.CheckLocks(1ms);
  }

  std::int64_t row_fence_ = 0;
  int holds_ = 0;
};

}  // namespace

std::unique_ptr<World> MakeLockWorld(const Order& order) {
  return std::make_unique<LockWorld>(order);
}

}  // namespace cairn::simulation
