// SPDX-License-Identifier: BSD-3-Clause
// A Journey is an errand that is under way by callbacks; the Gate is what its timers ask whether
// the client is there still.
#include "foreign/foreign_client.h"

#include <algorithm>
#include <atomic>
#include <set>
#include <utility>

#include "base/mutex.h"
#include "base/text.h"
#include "client/command_class.h"
#include "client/command_keys.h"
#include "client/handlers.h"
#include "foreign/foreign_connection.h"

namespace cairn::foreign {

using cache::CallOptions;
using cache::Command;
using cache::Errc;
using cache::Error;
using cache::Fail;
using cache::Replies;
using cache::Reply;
using cache::Result;
using Then = Errand::Then;

struct ForeignClient::Journey {
  ForeignClient& client;
  std::shared_ptr<Gate> gate;  // shared with the client
  std::shared_ptr<Errand> errand;
  CallOptions options;
  cache::Executor* executor;
  Starter start;
  cache::ReplyCallback done;

  void Finish(Result<Reply> result) {
    if (executor == nullptr) return std::exchange(done, {})(std::move(result));
    executor->Post([done = std::move(done), result = std::move(result)]() mutable {
      done(std::move(result));
    });
  }
};

struct ForeignClient::Gate {
  Mutex mutex;
  bool is_closed GUARDED_BY(mutex) = false;
  int active GUARDED_BY(mutex) = 0;
  std::vector<std::shared_ptr<Journey>> waiting GUARDED_BY(mutex);
  Event left;

  bool Enter() {
    const MutexLock hold(mutex);
    if (is_closed) return false;
    ++active;
    return true;
  }
  void Leave() {
    const MutexLock hold(mutex);
    --active;
    left.Notify();
  }
  bool IsIdle() {
    const MutexLock hold(mutex);
    return active == 0;
  }
  // False: it is closed.
  bool Remember(const std::shared_ptr<Journey>& journey) {
    const MutexLock hold(mutex);
    if (is_closed) return false;
    waiting.push_back(journey);
    return true;
  }
  // False: somebody else has it.
  bool Forget(const std::shared_ptr<Journey>& journey) {
    const MutexLock hold(mutex);
    return std::erase(waiting, journey) != 0;
  }
  std::vector<std::shared_ptr<Journey>> Close() {
    const MutexLock hold(mutex);
    is_closed = true;
    return std::exchange(waiting, {});
  }
};

namespace {

Error Closed() { return {.code = Errc::kClosed, .detail = "the store was closed"}; }

std::vector<std::string_view> WordsOf(const Command& command) {
  std::vector<std::string_view> words;
  words.reserve(command.size());
  for (std::size_t i = 0; i < command.size(); ++i) words.push_back(command[i]);
  return words;
}

bool IsNative(const Command& command) { return !command.empty() && Planner::IsNative(command[0]); }

}  // namespace

ForeignClient::ForeignClient(std::unique_ptr<cache::Client> below, Planner::Options options,
                             Surroundings surroundings)
    : below_(std::move(below)),
      planner_(std::move(options)),
      surroundings_(std::move(surroundings)),
      gate_(std::make_shared<Gate>()) {}

ForeignClient::~ForeignClient() {
  constexpr std::int64_t kLookUs = 1000;
  for (const std::shared_ptr<Journey>& journey : gate_->Close())
    journey->Finish(std::unexpected(Closed()));
  while (!gate_->IsIdle()) gate_->left.WaitFor(kLookUs);
  // What it fails calls back here.
  below_.reset();
}

Result<std::shared_ptr<Errand>> ForeignClient::MakeErrand(const Command& command,
                                                          Reading reading) const {
  const std::vector<std::string_view> words = WordsOf(command);
  Result<Plan> plan = planner_.Make(words);
  if (!plan) return Pass(std::move(plan));
  // In a cluster it is another slot's; the errand reads it there, tracked as well, when it matters.
  if (reading == Reading::kTracked && plan->script == ScriptId::kGet && !planner_.is_cluster())
    plan->keys.emplace_back(kTagsKey);
  return std::make_shared<Errand>(book_, planner_.is_cluster(), *std::move(plan));
}

CallOptions ForeignClient::WithDeadline(CallOptions options, cache::Duration wait) const {
  const cache::Duration span = options.timeout.value_or(surroundings_.timeout);
  const cache::TimePoint end =
      surroundings_.clock.Now() + std::min<cache::Duration>(span, cache::kWaitMax) + wait;
  options.deadline = options.deadline ? std::min(*options.deadline, end) : end;
  options.waits = cache::Waits::kNo;
  options.executor = nullptr;
  return options;
}

// ---- Calls that wait
// -----------------------------------------------------------------------------

Result<Reply> ForeignClient::Drive(Errand& errand, Then then, const CallOptions& options,
                                   const Caller& call) {
  while (then != Then::kDone) {
    if (then == Then::kWait)
      Event().WaitFor(
          std::chrono::duration_cast<std::chrono::microseconds>(Errand::kPause).count());
    then = errand.Take(call(errand.Next(), options), surroundings_.clock.Now());
  }
  return errand.TakeResult();
}

Result<Reply> ForeignClient::RunHere(const Command& command, Reading reading,
                                     const CallOptions& options, const Caller& call) {
  auto errand = MakeErrand(command, reading);
  if (!errand) return Pass(std::move(errand));
  return Drive(**errand, Then::kSend, WithDeadline(options, (*errand)->wait()), call);
}

Result<Reply> ForeignClient::Call(const Command& command, const CallOptions& options) {
  if (!IsNative(command)) return below_->Call(command, options);
  if (IsToBeSplit(command)) return StaleOneByOne(command, options);
  return RunHere(
      command, Reading::kPlain, options,
      [this](const Command& step, const CallOptions& how) { return below_->Call(step, how); });
}

bool ForeignClient::IsToBeSplit(const Command& command) const {
  return planner_.is_cluster() && command.size() > 2 && EqualsIgnoreCase(command[0], "CACHE.STALE");
}

Result<Reply> ForeignClient::StaleOneByOne(const Command& command, const CallOptions& options) {
  std::int64_t sum = 0;
  for (std::size_t i = 1; i < command.size(); ++i) {
    Result<Reply> one = Call(Command("CACHE.STALE", command[i]), options);
    if (!one) {
      if (i > 1) one.error().may_have_applied = true;
      return one;
    }
    sum += one->AsInteger().value_or(0);
  }
  return Reply::Integer(sum);
}

// ---- Journeys
// ------------------------------------------------------------------------------------

std::shared_ptr<ForeignClient::Journey> ForeignClient::MakeJourney(std::shared_ptr<Errand> errand,
                                                                   CallOptions options,
                                                                   Starter start,
                                                                   cache::ReplyCallback done) {
  cache::Executor* executor = options.executor;
  CallOptions steps = WithDeadline(std::move(options), errand->wait());
  return std::make_shared<Journey>(*this, gate_, std::move(errand), std::move(steps), executor,
                                   std::move(start), std::move(done));
}

void ForeignClient::Run(const Command& command, Reading reading, CallOptions options, Starter start,
                        cache::ReplyCallback done) {
  auto errand = MakeErrand(command, reading);
  if (!errand) return done(Pass(std::move(errand)));
  Step(MakeJourney(*std::move(errand), std::move(options), std::move(start), std::move(done)));
}

void ForeignClient::Step(const std::shared_ptr<Journey>& journey) {
  const std::shared_ptr<Gate> gate = journey->gate;
  if (!gate->Enter()) return journey->Finish(std::unexpected(Closed()));
  journey->start(journey->errand->Next(), journey->options,
                 [journey](Result<Reply> reply) { Take(journey, std::move(reply)); });
  gate->Leave();
}

void ForeignClient::Take(const std::shared_ptr<Journey>& journey, Result<Reply> reply) {
  Go(journey, journey->errand->Take(std::move(reply), journey->client.surroundings_.clock.Now()));
}

void ForeignClient::Go(const std::shared_ptr<Journey>& journey, Then then) {
  if (then == Then::kDone) return journey->Finish(journey->errand->TakeResult());
  if (then == Then::kSend) return Step(journey);
  Wait(journey);
}

void ForeignClient::Wait(const std::shared_ptr<Journey>& journey) {
  if (!journey->gate->Remember(journey)) return journey->Finish(std::unexpected(Closed()));
  cache::Scheduler& scheduler = journey->client.surroundings_.scheduler();
  scheduler.After(Errand::kPause, [weak = std::weak_ptr<Journey>(journey), gate = journey->gate] {
    const std::shared_ptr<Journey> again = weak.lock();
    if (again != nullptr && gate->Forget(again)) Step(again);
  });
}

void ForeignClient::StartOneByOne(const Command& command, const CallOptions& options,
                                  cache::ReplyCallback done) {
  struct Gathering {
    std::atomic<std::int64_t> sum{0};
    std::atomic<std::size_t> left;
    std::atomic<bool> has_failed{false};
    cache::ReplyCallback done;
  };
  auto all = std::make_shared<Gathering>();
  all->left.store(command.size() - 1, std::memory_order_relaxed);
  all->done = std::move(done);
  for (std::size_t i = 1; i < command.size(); ++i) {
    Start(Command("CACHE.STALE", command[i]), options, [all](Result<Reply> one) {
      // acq_rel: the last to come has seen what the others have added.
      if (one) all->sum.fetch_add(one->AsInteger().value_or(0), std::memory_order_relaxed);
      const bool is_first_failure =
          !one && !all->has_failed.exchange(true, std::memory_order_acq_rel);
      const bool is_last = all->left.fetch_sub(1, std::memory_order_acq_rel) == 1;
      if (is_first_failure) {
        one.error().may_have_applied = true;
        return all->done(std::move(one));
      }
      if (is_last && !all->has_failed.load(std::memory_order_acquire))
        all->done(Reply::Integer(all->sum.load(std::memory_order_relaxed)));
    });
  }
}

void ForeignClient::Start(Command command, CallOptions options, cache::ReplyCallback done) {
  if (!IsNative(command))
    return below_->Start(std::move(command), std::move(options), std::move(done));
  if (IsToBeSplit(command)) return StartOneByOne(command, options, std::move(done));
  Run(
      command, Reading::kPlain, std::move(options),
      [this](Command step, CallOptions how, cache::ReplyCallback then) {
        below_->Start(std::move(step), std::move(how), std::move(then));
      },
      std::move(done));
}

// ---- Pipelines
// -----------------------------------------------------------------------------------

// What is sent at once, and what was found to be wrong before.
struct ForeignClient::FirstSteps {
  std::vector<Command> commands;
  std::vector<std::size_t> places;               // of these among all
  std::vector<std::shared_ptr<Errand>> errands;  // of all; null: passed through
  Replies replies;                               // of all
  std::vector<std::size_t> split;                // CACHE.STALE of several slots

  // The replies that have come; the errands that have not ended, and what is next.
  std::vector<std::pair<std::size_t, Then>> Take(Replies come, cache::TimePoint now) {
    std::vector<std::pair<std::size_t, Then>> open;
    for (std::size_t n = 0; n < come.size(); ++n) {
      const std::size_t i = places[n];
      if (errands[i] == nullptr) {
        replies[i] = std::move(come[n]);
        continue;
      }
      const Then then = errands[i]->Take(std::move(come[n]), now);
      if (then == Then::kDone)
        replies[i] = errands[i]->TakeResult();
      else
        open.emplace_back(i, then);
    }
    return open;
  }
};

// The first of a script goes as its source: were it unknown, what comes behind would run before it.
ForeignClient::FirstSteps ForeignClient::MakeFirstSteps(std::span<const Command> commands) const {
  FirstSteps steps;
  steps.errands.resize(commands.size());
  steps.replies.assign(commands.size(), Result<Reply>(Reply()));
  std::set<std::pair<ScriptId, int>> told;
  for (std::size_t i = 0; i < commands.size(); ++i) {
    if (!IsNative(commands[i])) {
      steps.commands.push_back(commands[i]);
      steps.places.push_back(i);
      continue;
    }
    if (IsToBeSplit(commands[i])) {
      steps.split.push_back(i);
      continue;
    }
    auto errand = MakeErrand(commands[i], Reading::kPlain);
    if (!errand) {
      steps.replies[i] = Pass(std::move(errand));
      continue;
    }
    steps.errands[i] = *std::move(errand);
    Command first = steps.errands[i]->Next();
    const int slot = planner_.is_cluster() ? client::SlotOf(first) : 0;
    if (told.emplace(steps.errands[i]->script(), slot).second)
      first = steps.errands[i]->Next(ByWhat::kSource);
    steps.commands.push_back(std::move(first));
    steps.places.push_back(i);
  }
  return steps;
}

Replies ForeignClient::Pipeline(std::span<const Command> commands, const CallOptions& options) {
  if (std::ranges::none_of(commands, &IsNative)) return below_->Pipeline(commands, options);
  FirstSteps steps = MakeFirstSteps(commands);
  const auto open =
      steps.Take(below_->Pipeline(steps.commands, options), surroundings_.clock.Now());
  const Caller call = [this](const Command& step, const CallOptions& how) {
    return below_->Call(step, how);
  };
  for (const auto& [i, then] : open) {
    Errand& errand = *steps.errands[i];
    steps.replies[i] = Drive(errand, then, WithDeadline(options, errand.wait()), call);
  }
  for (const std::size_t i : steps.split) steps.replies[i] = StaleOneByOne(commands[i], options);
  return std::move(steps.replies);
}

void ForeignClient::StartPipeline(std::vector<Command> commands, CallOptions options,
                                  cache::RepliesCallback done) {
  if (std::ranges::none_of(commands, &IsNative))
    return below_->StartPipeline(std::move(commands), std::move(options), std::move(done));
  struct Gathering {
    FirstSteps steps;
    std::atomic<std::size_t> left{1};
    cache::RepliesCallback done;
    void LeaveOne() {
      // acq_rel: the last to come has the others' replies.
      if (left.fetch_sub(1, std::memory_order_acq_rel) == 1) done(std::move(steps.replies));
    }
  };
  auto all = std::make_shared<Gathering>();
  all->steps = MakeFirstSteps(commands);
  all->done = std::move(done);
  auto go_on = [this, all, options, commands](Replies come) {
    const auto open = all->steps.Take(std::move(come), surroundings_.clock.Now());
    all->left.fetch_add(open.size() + all->steps.split.size(), std::memory_order_relaxed);
    for (const auto& [i, then] : open) {
      const auto keep = [all, at = i](Result<Reply> reply) {
        all->steps.replies[at] = std::move(reply);
        all->LeaveOne();
      };
      Go(MakeJourney(
             all->steps.errands[i], options,
             [this](Command step, CallOptions how, cache::ReplyCallback then_do) {
               below_->Start(std::move(step), std::move(how), std::move(then_do));
             },
             keep),
         then);
    }
    for (const std::size_t i : all->steps.split) {
      Start(commands[i], options, [all, i](Result<Reply> reply) {
        all->steps.replies[i] = std::move(reply);
        all->LeaveOne();
      });
    }
    all->LeaveOne();
  };
  below_->StartPipeline(all->steps.commands, std::move(options), std::move(go_on));
}

// ---- Transactions, connections, tracking
// ---------------------------------------------------------

Result<std::vector<Reply>> ForeignClient::Transaction(std::span<const Command> commands,
                                                      const CallOptions& options) {
  std::vector<Command> steps;
  std::vector<std::optional<Plan>> plans;
  for (const Command& command : commands) {
    plans.emplace_back();
    Result<Command> step = AsSource(planner_, book_, command, &plans.back());
    if (!step) return Pass(std::move(step));
    steps.push_back(*std::move(step));
  }
  Result<std::vector<Reply>> replies = below_->Transaction(steps, options);
  if (!replies) return replies;
  for (std::size_t i = 0; i < replies->size() && i < plans.size(); ++i) {
    if (plans[i]) (*replies)[i] = Errand::Finish(*plans[i], std::move((*replies)[i]));
  }
  return replies;
}

Result<std::unique_ptr<cache::Connection>> ForeignClient::Reserve(std::string_view key,
                                                                  const CallOptions& options) {
  auto connection = below_->Reserve(key, options);
  if (!connection) return connection;
  return std::make_unique<ForeignConnection>(*std::move(connection), planner_, book_);
}

Result<std::unique_ptr<cache::Subscription>> ForeignClient::Subscribe(
    cache::SubscriptionOptions options, cache::MessageHandler handler) {
  return below_->Subscribe(std::move(options), std::move(handler));
}

namespace {

class ForeignTracking final : public cache::Tracking {
 public:
  ForeignTracking(std::unique_ptr<cache::Tracking> below, ForeignClient& client,
                  client::Scripts scripts)
      : below_(std::move(below)), client_(client), scripts_(scripts) {}

  std::uint64_t epoch() const override { return below_->epoch(); }
  void Start(Command command, CallOptions options, cache::ReplyCallback done) override {
    if (Result<void> may = client::CheckMayBeKept(command, scripts_); !may)
      return done(Pass(std::move(may)));
    if (!IsNative(command))
      return below_->Start(std::move(command), std::move(options), std::move(done));
    client_.Run(
        command, ForeignClient::Reading::kTracked, std::move(options),
        [this](Command step, CallOptions how, cache::ReplyCallback then) {
          below_->Start(std::move(step), std::move(how), std::move(then));
        },
        std::move(done));
  }
  Result<Reply> Call(const Command& command, const CallOptions& options) override {
    if (Result<void> may = client::CheckMayBeKept(command, scripts_); !may)
      return Pass(std::move(may));
    if (!IsNative(command)) return below_->Call(command, options);
    return client_.RunHere(
        command, ForeignClient::Reading::kTracked, options,
        [this](const Command& step, const CallOptions& how) { return below_->Call(step, how); });
  }

 private:
  const std::unique_ptr<cache::Tracking> below_;
  ForeignClient& client_;
  const client::Scripts scripts_;
};

}  // namespace

// A bump changes the one key of all tags: whatever has tags may be out of date.
Result<std::unique_ptr<cache::Tracking>> ForeignClient::Track(cache::TrackingOptions options,
                                                              cache::InvalidationHandler handler) {
  if (Result<void> may = client::CheckTracking(handler); !may) return Pass(std::move(may));
  if (!options.prefixes.empty()) options.prefixes.emplace_back(kTagsKey);
  auto tell = [handler = std::move(handler)](const cache::Invalidation& told) mutable {
    if (std::ranges::find(told.keys, kTagsKey) == told.keys.end()) return handler(told);
    handler({.kind = cache::Invalidation::Kind::kAll, .keys = {}, .epoch = told.epoch});
  };
  const auto scripts = options.scripts ? client::Scripts::kTaken : client::Scripts::kRefused;
  options.scripts = true;  // what CACHE.GET becomes
  auto tracking = below_->Track(std::move(options), std::move(tell));
  if (!tracking) return tracking;
  return std::make_unique<ForeignTracking>(*std::move(tracking), *this, scripts);
}

}  // namespace cairn::foreign
