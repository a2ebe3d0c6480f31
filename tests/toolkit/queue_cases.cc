// SPDX-License-Identifier: BSD-3-Clause
// Work queues over every kind of store, and a worker for those who kill it.
#include <string>
#include <vector>

#include "base/text.h"
#include "base/thread.h"
#include "cairn/work_queue.h"
#include "toolkit/toolkit_check.h"

namespace cairn::cache::checks {
namespace {

// Of jobs that come back at once if they are not acknowledged in so short a time, or not at all
// while the case runs, however busy the machine is.
constexpr Millis kBrief(200);
constexpr Millis kLong(600'000);

WorkQueue Make(const Store& store, std::string prefix, Millis visibility = kLong) {
  return {store,
          {.prefix = std::move(prefix),
           .visibility = visibility,
           .retry = {.deliveries_max = 2, .pause_min = Millis(20), .jitter_percent = 0}}};
}

void ReservesAndAcknowledges(const Store& store, Complaints& say) {
  const WorkQueue queue = Make(store, "queue-plain");
  queue.Push("low", {.id = "x"}).value();
  say.Check(!queue.Push("again", {.id = "x"})->is_new, "an id once");
  queue.Push("high", {.priority = 9}).value();
  queue.Push("later", {.delay = Millis(60'000)}).value();
  const Job first = queue.Reserve()->value();
  const Job second = queue.Reserve()->value();
  say.Check(first.payload == "high" && second.payload == "low", "by priority");
  say.Check(!queue.Reserve()->has_value(), "no more");
  say.Check(queue.Ack(first) == true && queue.Ack(first) == false, "acknowledged once");
  say.Check(queue.Ack(second) == true, "both");
  const QueueSizes sizes = queue.Sizes().value();
  say.Check(sizes.ready == 0 && sizes.reserved == 0 && sizes.delayed == 1, "the sizes");
}

void ComesBackAndIsBuried(const Store& store, Complaints& say) {
  const WorkQueue queue = Make(store, "queue-lost");
  queue.Push("a").value();
  const Job lost = Make(store, "queue-lost", kBrief).Reserve()->value();
  const auto again = queue.Reserve(Millis(20'000));
  if (!again || !*again) return say.Check(false, "it comes back");
  say.Check((*again)->delivery == 2, "for the second time");
  say.Check(queue.Ack(lost) == false, "the late one is told");
  say.Check(queue.Nack(**again, {.error = "why"}) == true, "a last failure");
  const auto dead = queue.Dead(10).value();
  say.Check(dead.size() == 1 && dead[0].error == "why", "dead");
  say.Check(queue.Redrive(10) == 1u && queue.Reserve()->has_value(), "driven again");
}

void WaitersAreWoken(const Store& store, Complaints& say) {
  const WorkQueue queue = Make(store, "queue-bell");
  Result<std::optional<Job>> job;
  Thread waiter("waiter", [&] { job = queue.Reserve(Millis(20'000)); });
  queue.Push("a", {.delay = Millis(50)}).value();
  waiter.Join();
  say.Check(job && *job && (*job)->payload == "a", "woken");
}

WorkQueue Killed(const Store& store) {
  return {store,
          {.prefix = "killed", .visibility = Millis(300), .retry = {.deliveries_max = 1'000}}};
}

// Does jobs until somebody kills it.
void WorkForEver(const Store& store) {
  const WorkQueue queue = Killed(store);
  for (;;) {
    const auto job = queue.Reserve(Millis(1'000));
    if (!job || !*job) continue;
    if (store.client().Call(Command("HINCRBY", "{killed}:seen", (*job)->payload, 1)))
      (void)queue.Ack(**job);
  }
}

Case For(std::string_view name, std::string uri, void (*run)(const Store&, Complaints&)) {
  return {name, [uri = std::move(uri), run](Complaints& say) { run(OpenOrDie(uri), say); }};
}

}  // namespace

Cases QueueCases(const std::vector<std::string>& uris) {
  return {For("ReservesAndAcknowledges", uris[0], ReservesAndAcknowledges),
          For("ComesBackAndIsBuried", uris[0], ComesBackAndIsBuried),
          For("WaitersAreWoken", uris[0], WaitersAreWoken)};
}

Cases QueueWorkerCases(const std::vector<std::string>& uris) {
  return {{"WorkForEver", [uris](Complaints&) { WorkForEver(OpenOrDie(uris[0])); }}};
}

Cases QueuePusherCases(const std::vector<std::string>& uris) {
  return {{"Push", [uris](Complaints& say) {
             const WorkQueue queue = Killed(OpenOrDie(uris[0]));
             const std::int64_t first = ParseInt64(uris.at(1)).value();
             const std::int64_t end = first + ParseInt64(uris.at(2)).value();
             for (std::int64_t i = first; i < end; ++i)
               say.Check(queue.Push(std::to_string(i)).has_value(), "pushed");
           }}};
}

}  // namespace cairn::cache::checks
