// SPDX-License-Identifier: BSD-3-Clause
// ForeignClient: a client of a Redis or Valkey that has no native caching commands, above the
// client that reaches it. CACHE.*, TAG.*, NAMESPACE.*, LIMIT.*, LOCK.* and CL.THROTTLE are answered
// by scripts; every other command passes through, at the cost of a look at its name.
//
//     Call, Start --'.' in the name?-- no --> the client below
//                          '---------- yes -> Planner --> Errand --> the client below, once or more
//
// In transactions and on connections of one's own scripts are sent as source, since EVALSHA would
// fail there for good; nobody waits there. In a cluster CACHE.*, TAG.* and NAMESPACE.* cannot be
// had in a transaction (kUnsupported): the state of tags lies in another slot.
//
// Thread safety: any thread. Its destruction fails what is under way with kClosed.
#ifndef CAIRN_FOREIGN_FOREIGN_CLIENT_H_
#define CAIRN_FOREIGN_FOREIGN_CLIENT_H_

#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "cairn/client.h"
#include "cairn/store.h"
#include "foreign/errand.h"
#include "foreign/plan.h"

namespace cairn::foreign {

class ForeignClient final : public cache::Client {
 public:
  struct Surroundings {
    const cache::Clock& clock;
    // Asked for when somebody waits.
    std::function<cache::Scheduler&()> scheduler;
    cache::Duration timeout;
  };
  ForeignClient(std::unique_ptr<cache::Client> below, Planner::Options options,
                Surroundings surroundings);
  ~ForeignClient() override;

  cache::Result<cache::Reply> Call(const cache::Command& command,
                                   const cache::CallOptions& options) override;
  void Start(cache::Command command, cache::CallOptions options,
             cache::ReplyCallback done) override;
  cache::Replies Pipeline(std::span<const cache::Command> commands,
                          const cache::CallOptions& options) override;
  void StartPipeline(std::vector<cache::Command> commands, cache::CallOptions options,
                     cache::RepliesCallback done) override;
  using Client::Transaction;
  cache::Result<std::vector<cache::Reply>> Transaction(std::span<const cache::Command> commands,
                                                       const cache::CallOptions& options) override;
  cache::Result<std::unique_ptr<cache::Connection>> Reserve(
      std::string_view key, const cache::CallOptions& options) override;
  cache::Result<std::unique_ptr<cache::Subscription>> Subscribe(
      cache::SubscriptionOptions options, cache::MessageHandler handler) override;
  cache::Result<std::unique_ptr<cache::Tracking>> Track(
      cache::TrackingOptions options, cache::InvalidationHandler handler) override;

  const Planner& planner() const { return planner_; }
  const ScriptBook& book() const { return book_; }

  // Something that starts a command below: the client, or a tracked connection.
  using Starter = std::function<void(cache::Command, cache::CallOptions, cache::ReplyCallback)>;
  using Caller =
      std::function<cache::Result<cache::Reply>(const cache::Command&, const cache::CallOptions&)>;
  // Whether a near cache is to be told of what changes a value that is read, its tags' bumps too:
  // the server remembers the keys that a script declares, up to 7.0 no others.
  enum class Reading : std::uint8_t { kPlain, kTracked };
  // A translated command, from step to step.
  void Run(const cache::Command& command, Reading reading, cache::CallOptions options,
           Starter start, cache::ReplyCallback done);
  cache::Result<cache::Reply> RunHere(const cache::Command& command, Reading reading,
                                      const cache::CallOptions& options, const Caller& call);

 private:
  struct Journey;
  struct Gate;

  cache::Result<std::shared_ptr<Errand>> MakeErrand(const cache::Command& command,
                                                    Reading reading) const;
  cache::CallOptions WithDeadline(cache::CallOptions options, cache::Duration wait) const;
  cache::Result<cache::Reply> Drive(Errand& errand, Errand::Then then,
                                    const cache::CallOptions& options, const Caller& call);
  // The keys of CACHE.STALE in a cluster, one by one, and their sum.
  bool IsToBeSplit(const cache::Command& command) const;
  cache::Result<cache::Reply> StaleOneByOne(const cache::Command& command,
                                            const cache::CallOptions& options);
  void StartOneByOne(const cache::Command& command, const cache::CallOptions& options,
                     cache::ReplyCallback done);
  static void Step(const std::shared_ptr<Journey>& journey);
  static void Take(const std::shared_ptr<Journey>& journey, cache::Result<cache::Reply> reply);
  static void Go(const std::shared_ptr<Journey>& journey, Errand::Then then);
  static void Wait(const std::shared_ptr<Journey>& journey);
  std::shared_ptr<Journey> MakeJourney(std::shared_ptr<Errand> errand, cache::CallOptions options,
                                       Starter start, cache::ReplyCallback done);
  // A pipeline's first steps.
  struct FirstSteps;
  FirstSteps MakeFirstSteps(std::span<const cache::Command> commands) const;

  std::unique_ptr<cache::Client> below_;
  const Planner planner_;
  const ScriptBook book_;
  const Surroundings surroundings_;
  const std::shared_ptr<Gate> gate_;  // shared with journeys, whose timers may outlive this
};

}  // namespace cairn::foreign

#endif  // CAIRN_FOREIGN_FOREIGN_CLIENT_H_
