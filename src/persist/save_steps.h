// SPDX-License-Identifier: BSD-3-Clause
// SaveSteps: steps of a save that the threads that serve clients take at the end of their passes.
//
// A save by itself never sleeps. Where it has no core of its own, its thread and theirs take turns
// that last until the kernel's next tick, milliseconds, and who is put aside with a stripe locked
// keeps the others waiting, too. So they take its steps, some ten microseconds each, and its thread
// does what may take long: it writes the file, and values that are large (docs/decisions/0016).
//
//     saver    Offer(step) --+-- Rest, then what is left to it, or a step --+-- end
//     worker                 '-- Help: step, step ... for kHelpUs ----------'
//
// Whoever is at it holds mu(). Who helps waits for nobody.
// Thread safety: Help from any thread; the rest is the saver's.
#ifndef CAIRN_PERSIST_SAVE_STEPS_H_
#define CAIRN_PERSIST_SAVE_STEPS_H_

#include <atomic>
#include <cstdint>

#include "base/clock.h"
#include "base/function_ref.h"
#include "base/mutex.h"

namespace cairn::persist {

class SaveSteps {
 public:
  // A pass is made longer by that, and by what is left of a step then.
  static constexpr MonotonicUs kHelpUs = 50;
  // While others help the saver takes a step of its own that often.
  static constexpr std::int64_t kRestUs = 500;

  SaveSteps() = default;
  SaveSteps(const SaveSteps&) = delete;
  SaveSteps& operator=(const SaveSteps&) = delete;

  // Whether others are to help: where the saver has a core to itself it is faster alone. Counts
  // from the next save on; false until it is called.
  void set_wanted(bool is_wanted) { is_wanted_.store(is_wanted, std::memory_order_relaxed); }

  // Takes steps, if some are offered and nobody else is at it.
  void Help() {
    if (is_open_.load(std::memory_order_relaxed)) [[unlikely]]
      HelpNow();
  }

  // False: there is nothing for a helper to do now.
  using Step = FunctionRef<bool()>;
  // Lets others take steps for as long as it lives. One at a time.
  class Offer {
   public:
    // They outlive it, and what the step refers to.
    Offer(SaveSteps& steps, Step step);
    ~Offer();
    Offer(const Offer&) = delete;
    Offer& operator=(const Offer&) = delete;

   private:
    SaveSteps& steps_;
    const Step step_;
  };
  // Between two steps: lets others have the core, and sleeps if they have helped since the last
  // call. True if Wake has ended that, false if the next step is to be taken.
  bool Rest();
  // By a step: something is left to the saver.
  void Wake() { wake_.Notify(); }
  Mutex& mu() { return mu_; }

  // By helpers, of all saves.
  std::uint64_t steps_helped() const { return steps_helped_.load(std::memory_order_relaxed); }

 private:
  void HelpNow();

  const SystemClock clock_;
  // relaxed, all of them: hints, and a figure.
  std::atomic<bool> is_wanted_{false};
  std::atomic<bool> is_open_{false};
  std::atomic<bool> has_helpers_{false};
  std::atomic<std::uint64_t> steps_helped_{0};
  Event wake_;
  Mutex mu_;  // taken before stripes
  const Step* step_ GUARDED_BY(mu_) = nullptr;
};

}  // namespace cairn::persist

#endif  // CAIRN_PERSIST_SAVE_STEPS_H_
