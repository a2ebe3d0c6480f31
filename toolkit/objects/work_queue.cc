// SPDX-License-Identifier: BSD-3-Clause
// The calls of a work queue: a script each. Who waits for a job waits for the bell, a short list
// into which every push puts a stroke; a stroke that is lost or too many does no harm, because the
// waiting ends in time for whatever becomes ready by itself.
#include "cairn/work_queue.h"

#include <algorithm>
#include <utility>

#include "objects/periods.h"
#include "objects/running.h"
#include "objects/work_queue_scripts.h"

namespace cairn::cache {
namespace {

using internal::Pause;

// Beyond the time that a call waits at the server.
constexpr Millis kGrace{5'000};
// Of a store that cannot make a call wait.
constexpr Millis kPollPause{20};
constexpr std::size_t kRowsMax = 1'000;
CallOptions Repeatable() { return {.idempotence = Idempotence::kYes}; }

struct Reserved {
  std::optional<Job> job = {};
  std::optional<Millis> next = {};  // when something may be ready
};

Result<Pushed> ReadPushed(Result<Reply> reply) {
  if (!reply) return Pass(std::move(reply));
  const auto parts = reply->elements();
  if (parts.size() != 2) return Fail(Errc::kLimit, "the queue is full");
  return Pushed{.id = std::string(parts[0].text()), .is_new = parts[1].AsInteger() == 1};
}

Result<Reserved> ReadReserved(Result<Reply> reply) {
  if (!reply) return Pass(std::move(reply));
  Reserved reserved;
  const auto parts = reply->elements();
  if (parts.size() == 4) {
    reserved.job = Job{.id = std::string(parts[0].text()),
                       .payload = std::string(parts[1].text()),
                       .delivery = parts[2].AsInteger().value_or(1),
                       .token = parts[3].AsInteger().value_or(0)};
    return reserved;
  }
  const std::int64_t left = reply->AsInteger().value_or(-1);
  if (left >= 0) reserved.next = Millis(left);
  return reserved;
}

Result<bool> ReadYes(Result<Reply> reply) {
  if (!reply) return Pass(std::move(reply));
  return reply->AsInteger().value_or(0) == 1;
}

Result<QueueSizes> ReadSizes(Result<Reply> reply) {
  if (!reply) return Pass(std::move(reply));
  const auto parts = reply->elements();
  if (parts.size() != 5) return Fail(Errc::kProtocol, "not the sizes of a queue");
  const auto size = [&](std::size_t i) {
    return static_cast<std::size_t>(parts[i].AsInteger().value_or(0));
  };
  return QueueSizes{.ready = size(0),
                    .delayed = size(1),
                    .reserved = size(2),
                    .dead = size(3),
                    .lag = Millis(parts[4].AsInteger().value_or(0))};
}

Result<std::vector<DeadJob>> ReadDead(Result<Reply> reply) {
  if (!reply) return Pass(std::move(reply));
  std::vector<DeadJob> jobs;
  const auto words = reply->elements();
  for (std::size_t i = 0; i + 2 < words.size(); i += 3) {
    jobs.push_back({.id = std::string(words[i].text()),
                    .payload = std::string(words[i + 1].text()),
                    .error = std::string(words[i + 2].text())});
  }
  return jobs;
}

Result<std::size_t> ReadCount(Result<Reply> reply) {
  if (!reply) return Pass(std::move(reply));
  return static_cast<std::size_t>(reply->AsInteger().value_or(0));
}

// For no time at all every worker would have it at once.
Result<void> CheckVisibility(Millis visibility) {
  if (visibility < Millis(1))
    return Fail(Errc::kInvalid, "a job is reserved for a visibility of 1 ms or more");
  return {};
}

std::vector<std::string> HolderArguments(const Job& job) {
  return {job.id, std::to_string(job.token)};
}

// Who goes may have taken the stroke that was for whoever would do the job.
void PassOn(Client& client, const std::vector<std::string>& keys) {
  static constexpr std::string_view kRing =
      "if redis.call('LLEN', KEYS[1]) < 8 then redis.call('RPUSH', KEYS[1], '1') end return 1";
  client.Start(Command("EVAL", kRing, 1, keys.back()), {}, [](const Result<Reply>&) {});
}

std::vector<std::string> CountArguments(std::size_t count) {
  return {std::to_string(std::min(count, kRowsMax))};
}

}  // namespace

WorkQueue::WorkQueue(Store store, WorkQueueOptions options)
    : store_(std::move(store)), options_(std::move(options)) {
  options_.prefix = internal::Braced(options_.prefix);
}

std::vector<std::string> WorkQueue::Keys() const {
  std::vector<std::string> keys;
  for (const char* name : {"ready", "delayed", "reserved", "dead", "payloads", "places",
                           "deliveries", "holders", "errors", "sequence", "bell"})
    keys.push_back(options_.prefix + ":" + name);
  return keys;
}

Result<std::vector<std::string>> WorkQueue::PushArguments(std::string_view payload,
                                                          const PushOptions& options) const {
  if (options.priority < 0 || options.priority > kPriorityMax)
    return Fail(Errc::kInvalid, "a priority is 0 to " + std::to_string(kPriorityMax));
  if (options.id.starts_with('#')) return Fail(Errc::kInvalid, "'#' begins ids that are made");
  return std::vector<std::string>{
      std::string(payload), options.id, std::to_string(options.delay.count()),
      std::to_string(options.priority), std::to_string(options_.jobs_max)};
}

Result<Pushed> WorkQueue::Push(std::string_view payload, PushOptions options) const {
  return SyncWait(CoPush(std::string(payload), std::move(options)));
}
Task<Result<Pushed>> WorkQueue::CoPush(std::string payload, PushOptions options) const {
  Result<std::vector<std::string>> arguments = PushArguments(payload, options);
  if (!arguments) co_return Pass(std::move(arguments));
  // With an id of its own a second push changes nothing.
  CallOptions call;
  if (!options.id.empty()) call.idempotence = Idempotence::kYes;
  co_return ReadPushed(
      co_await store_.client().CoEval(internal::PushScript(), Keys(), std::move(*arguments), call));
}

Result<std::optional<Job>> WorkQueue::Reserve(Millis wait, std::stop_token stop) const {
  return SyncWait(CoReserve(wait, std::move(stop)));
}
Task<Result<std::optional<Job>>> WorkQueue::CoReserve(Millis wait, std::stop_token stop) const {
  if (Result<void> valid = CheckVisibility(options_.visibility); !valid)
    co_return Pass(std::move(valid));
  const Store store = store_;
  const TimePoint end = store.clock().Now() + std::clamp(wait, Millis(0), kWaitMax);
  // Not for longer: a worker may die meanwhile.
  const Millis nap_max = std::clamp(options_.visibility / 2, Millis(1), kWaitMax);
  const std::vector<std::string> keys = Keys();
  const std::vector<std::string> arguments = {std::to_string(options_.visibility.count()),
                                              std::to_string(options_.retry.deliveries_max)};
  bool has_stroke = false;
  for (;;) {
    CallOptions call;
    call.stop = stop;
    Result<Reserved> reserved = ReadReserved(
        co_await store.client().CoEval(internal::ReserveScript(), keys, arguments, call));
    if (!reserved && has_stroke) PassOn(store.client(), keys);
    if (!reserved) co_return Pass(std::move(reserved));
    if (reserved->job) co_return std::move(reserved->job);
    const auto left = std::chrono::ceil<Millis>(end - store.clock().Now());
    if (left <= Millis(0)) co_return std::nullopt;
    const Millis nap = std::min({left, nap_max, reserved->next.value_or(nap_max)});
    if (!store.capabilities().waiting) {
      co_await Pause(store.scheduler(), std::min(nap, kPollPause), stop);
      if (stop.stop_requested()) co_return Fail(Errc::kCancelled, "the stop token said so");
      continue;
    }
    call.timeout = nap + kGrace;
    const Command listen("BLPOP", keys.back(), static_cast<double>(nap.count()) / 1000.0);
    Result<Reply> rung = co_await store.client().CoCall(listen, call);
    if (!rung && stop.stop_requested()) PassOn(store.client(), keys);
    if (!rung) co_return Pass(std::move(rung));
    has_stroke = !rung->is_null();
  }
}

Result<bool> WorkQueue::Ack(const Job& job) const { return SyncWait(CoAck(job)); }
Task<Result<bool>> WorkQueue::CoAck(Job job) const {
  co_return ReadYes(
      co_await store_.client().CoEval(internal::AckScript(), Keys(), HolderArguments(job)));
}

std::vector<std::string> WorkQueue::NackArguments(const Job& job,
                                                  const NackOptions& options) const {
  std::vector<std::string> arguments = HolderArguments(job);
  const Millis delay = options.delay.value_or(RetryPause(options_.retry, job.delivery, job.id));
  arguments.push_back(std::to_string(delay.count()));
  arguments.push_back(std::to_string(options_.retry.deliveries_max));
  arguments.push_back(options.error);
  return arguments;
}

Result<bool> WorkQueue::Nack(const Job& job, NackOptions options) const {
  return SyncWait(CoNack(job, std::move(options)));
}
Task<Result<bool>> WorkQueue::CoNack(Job job, NackOptions options) const {
  co_return ReadYes(
      co_await store_.client().CoEval(internal::NackScript(), Keys(), NackArguments(job, options)));
}

Result<bool> WorkQueue::Extend(const Job& job, Millis visibility) const {
  return SyncWait(CoExtend(job, visibility));
}
Task<Result<bool>> WorkQueue::CoExtend(Job job, Millis visibility) const {
  if (Result<void> valid = CheckVisibility(visibility); !valid) co_return Pass(std::move(valid));
  std::vector<std::string> arguments = HolderArguments(job);
  arguments.push_back(std::to_string(visibility.count()));
  co_return ReadYes(co_await store_.client().CoEval(internal::ExtendScript(), Keys(),
                                                    std::move(arguments), Repeatable()));
}

Result<QueueSizes> WorkQueue::Sizes() const { return SyncWait(CoSizes()); }
Task<Result<QueueSizes>> WorkQueue::CoSizes() const {
  std::vector<std::string> none;
  co_return ReadSizes(co_await store_.client().CoEval(internal::SizesScript(), Keys(),
                                                      std::move(none), Repeatable()));
}

Result<std::vector<DeadJob>> WorkQueue::Dead(std::size_t count) const {
  return SyncWait(CoDead(count));
}
Task<Result<std::vector<DeadJob>>> WorkQueue::CoDead(std::size_t count) const {
  co_return ReadDead(co_await store_.client().CoEval(internal::DeadScript(), Keys(),
                                                     CountArguments(count), Repeatable()));
}

Result<std::size_t> WorkQueue::Redrive(std::size_t count) const {
  return SyncWait(CoRedrive(count));
}
Task<Result<std::size_t>> WorkQueue::CoRedrive(std::size_t count) const {
  co_return ReadCount(
      co_await store_.client().CoEval(internal::RedriveScript(), Keys(), CountArguments(count)));
}

}  // namespace cairn::cache
