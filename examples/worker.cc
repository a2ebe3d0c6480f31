// SPDX-License-Identifier: BSD-3-Clause
// A consumer group's worker: an order that fails once is tried again, one that is nonsense becomes
// a dead letter, and each is billed once, however often it is delivered. And a queue of jobs.
//
//   example_worker [URI]
#include <cstdio>
#include <map>
#include <string>

#include "cairn/consumer_group.h"
#include "cairn/work_queue.h"

using namespace cairn::cache;

namespace {

int Complain(const Error& error) {
  std::fprintf(stderr, "%s\n", error.detail.c_str());
  return 1;
}

int BillOrders(const Store& store) {
  Client& client = store.client();
  (void)client.Call(Command("DEL", "{orders}", "{orders}:dead", "{orders}:sum"));
  Result<ConsumerGroup> group =
      ConsumerGroup::Open(store, {.stream = "{orders}",
                                  .group = "billing",
                                  .consumer = "billing-1",
                                  .retry = {.deliveries_max = 3, .pause_min = Millis(10)},
                                  .wait = Millis(50)});
  if (!group) return Complain(group.error());
  for (const char* cents : {"100", "250", "nonsense"})
    (void)client.Call(Command("XADD", "{orders}", "*", "cents", cents));

  std::stop_source stop;
  int failures = 1;
  std::size_t ended = 0;
  const auto bill = [&](const Event& event) -> Result<void> {
    const std::string& cents = *event.Find("cents");
    if (cents == "nonsense") {
      if (++ended == 3) stop.request_stop();
      return Fail(Errc::kCorrupt, "no amount");
    }
    if (failures-- > 0) return Fail(Errc::kUnreachable, "the bank is away");
    // The sum and the note that this order is in it, in one step.
    const EffectRecord record{.key = "{orders}:done:" + event.id};
    const std::vector<std::string> keys = {"{orders}:sum"};
    const std::vector<Command> effects = {Command("INCRBY", keys[0], cents)};
    Result<bool> applied = ApplyOnce(client, record, keys, effects);
    if (!applied) return Pass(std::move(applied));
    if (++ended == 3) stop.request_stop();
    return {};
  };
  group->Run(bill, stop.get_token());
  const ConsumerStats stats = group->stats();
  std::printf("billed %s cents; %d handled, %d tried again, %d dead\n",
              std::string(client.Call(Command("GET", "{orders}:sum"))->text()).c_str(),
              static_cast<int>(stats.handled), static_cast<int>(stats.redelivered),
              static_cast<int>(stats.dead));
  return 0;
}

int SendMails(const Store& store) {
  const WorkQueue mails(store, {.prefix = "mails"});
  for (const char* who : {"ada", "eve"}) {
    const Result<Pushed> pushed =
        mails.Push(std::string("welcome ") + who, {.id = std::string("welcome:") + who});
    if (!pushed) return Complain(pushed.error());
  }
  for (;;) {
    const Result<std::optional<Job>> job = mails.Reserve();
    if (!job) return Complain(job.error());
    if (!*job) return 0;
    std::printf("mail: %s\n", (*job)->payload.c_str());
    (void)mails.Ack(**job);
  }
}

}  // namespace

int main(int argument_count, char** arguments) {
  const Result<Store> store = Store::Open(argument_count > 1 ? arguments[1] : "embedded:");
  if (!store) return Complain(store.error());
  const int status = BillOrders(*store);
  return status != 0 ? status : SendMails(*store);
}
