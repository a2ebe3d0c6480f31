// SPDX-License-Identifier: BSD-3-Clause
// The rounds of a steady read. Refused: copying the sources as they are in one hold (a million
// members take 60 ms to copy), and remembering versions of keys (every write would pay for it).
#include "commands/steady_read.h"

#include "command/watches.h"

namespace cairn::commands {
namespace {

using command::Call;
using keyspace::KeyRef;

enum class Outcome { kAnswered, kChanged };

class Attempt {
 public:
  Attempt(Call& call, std::span<const KeyRef> sources, SteadyCommand& steady)
      : call_(call), sources_(sources), steady_(steady), watches_(call.keyspace()) {}

  Outcome Run(Stores stores) {
    do {
      call_.Hold(sources_, [this] { ReadPart(); });
      if (step_ == Step::kChanged) return Outcome::kChanged;
      if (step_ == Step::kRefused) return Outcome::kAnswered;
      steady_.TakeIn();
    } while (step_ != Step::kRead);
    steady_.Prepare(call_);
    if (stores == Stores::kNo) {
      steady_.Answer(call_);
      return Outcome::kAnswered;
    }
    call_.Hold(Keys(), [this] { Store(); });
    return step_ == Step::kChanged ? Outcome::kChanged : Outcome::kAnswered;
  }

 private:
  enum class Step { kNew, kReading, kRead, kRefused, kChanged };

  std::span<const KeyRef> Keys() const { return {&call_.key(0), call_.key_count()}; }

  // What is due goes when it is looked at, which is a change as any other.
  bool HaveChanged() {
    for (const KeyRef& key : sources_) call_.txn().Find(key, keyspace::Access::kPeek);
    return watches_.dirty();
  }

  void ReadPart() {
    if (HaveChanged()) {
      step_ = Step::kChanged;
      return;
    }
    if (step_ == Step::kNew) {
      if (!steady_.Begin(call_)) {
        step_ = Step::kRefused;
        return;
      }
      for (const KeyRef& key : sources_) watches_.Watch(call_.txn().db(), key);
    }
    step_ = steady_.ReadSome(call_) ? Step::kRead : Step::kReading;
  }

  // The watches end first: the command's own change is none of their business.
  void Store() {
    const bool changed = HaveChanged() || !steady_.StillGood(call_);
    watches_.UnwatchLocked();
    if (changed) {
      step_ = Step::kChanged;
    } else {
      steady_.Answer(call_);
    }
  }

  Call& call_;
  const std::span<const KeyRef> sources_;
  SteadyCommand& steady_;
  command::Watches watches_;
  Step step_ = Step::kNew;
};

}  // namespace

void SteadyCommand::RunAtOnce(Call& call) {
  call.Hold({&call.key(0), call.key_count()}, [&] { call.command().run(call); });
}

void RunSteadily(Call& call, std::span<const KeyRef> sources, Stores stores, MakeSteady make) {
  for (int i = 0; i < kAttempts; ++i) {
    const std::unique_ptr<SteadyCommand> steady = make();
    Attempt attempt(call, sources, *steady);
    if (attempt.Run(stores) == Outcome::kAnswered) return;
  }
  make()->RunAtOnce(call);
}

}  // namespace cairn::commands
