// SPDX-License-Identifier: BSD-3-Clause
// The rounds of a consumer.
//
// The back-off needs no memory of ours: an entry is due when it has been idle for the pause that
// its number of deliveries asks for, and a failure makes its idle time begin anew. So a restarted
// worker goes on where its predecessor was, and a crash counts like a failure.
#include "cairn/consumer_group.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <optional>
#include <set>
#include <utility>

#include "cairn/key.h"
#include "objects/running.h"
#include "objects/stream_scripts.h"

namespace cairn::cache {
namespace {

using internal::Arrivals;
using internal::Hop;
using internal::Pause;
using internal::ThreadPool;

// What a call that waits at the server gets beyond its own time, and the pauses of a worker whose
// store does not answer.
constexpr Millis kGrace{5'000};
constexpr Millis kErrorPauseMin{20};
constexpr Millis kErrorPauseMax{5'000};
// Of a store that cannot make a call wait.
constexpr Millis kPollPause{20};
// An error's text in a dead letter.
constexpr std::size_t kErrorBytesMax = 1'024;
// Threads, and what one command asks for.
constexpr std::size_t kParallelMax = 1'024;
constexpr std::size_t kEntriesMax = 1'000'000;
constexpr std::size_t kEffectWordsMax = 7'000;
// Letters that one step of a Redrive looks at.
constexpr std::size_t kRedriveRows = 100;
// Applied twice it is as good as once.
CallOptions Repeatable() { return {.idempotence = Idempotence::kYes}; }

Result<void> CheckOptions(const ConsumerOptions& options, const std::string& dead_stream) {
  if (options.stream.empty() || options.group.empty() || options.consumer.empty())
    return Fail(Errc::kInvalid, "a consumer has a stream, a group and a name of its own");
  if (options.parallel == 0 || options.batch_max == 0 || options.pending_max == 0)
    return Fail(Errc::kInvalid, "a consumer's limits are positive");
  if (options.parallel > kParallelMax || options.batch_max > kEntriesMax ||
      options.pending_max > kEntriesMax)
    return Fail(Errc::kInvalid, "a consumer has 1,024 handlers and 1,000,000 entries at most");
  if (options.wait <= Millis(0) || options.wait > kWaitMax || options.claim_after > kWaitMax)
    return Fail(Errc::kInvalid, "a consumer waits, and claims after, up to a year");
  if (options.retry.deliveries_max < 1 || options.retry.pause_min < Millis(0) ||
      options.claim_after <= Millis(0))
    return Fail(Errc::kInvalid, "a consumer delivers at least once and claims after some time");
  if (HashTag(options.stream) != HashTag(dead_stream))
    return Fail(Errc::kInvalid, "the dead stream is not in the slot of " + options.stream);
  return {};
}

std::string DeadStreamOf(const ConsumerOptions& options) {
  if (!options.dead_stream.empty()) return options.dead_stream;
  const bool has_tag = HashTag(options.stream).size() < options.stream.size();
  return (has_tag ? options.stream : "{" + options.stream + "}") + ":dead";
}

std::vector<std::pair<std::string, std::string>> FieldsOf(const Reply& reply) {
  std::vector<std::pair<std::string, std::string>> fields;
  const auto words = reply.elements();
  for (std::size_t i = 0; i + 1 < words.size(); i += 2)
    fields.emplace_back(words[i].text(), words[i + 1].text());
  return fields;
}

Result<std::vector<Event>> ReadTaken(Result<Reply> reply) {
  if (!reply) return Pass(std::move(reply));
  std::vector<Event> events;
  for (const Reply& row : reply->elements()) {
    const auto parts = row.elements();
    if (parts.size() != 3) return Fail(Errc::kProtocol, "not an entry that was taken");
    events.push_back({.id = std::string(parts[0].text()),
                      .fields = FieldsOf(parts[2]),
                      .deliveries = parts[1].AsInteger().value_or(1)});
  }
  return events;
}

Result<std::vector<Event>> ReadNew(Result<Reply> reply, std::string_view stream) {
  if (!reply) return Pass(std::move(reply));
  std::vector<Event> events;
  // A map in RESP3, an array of pairs in RESP2.
  const Reply* entries = reply->Find(stream);
  if (entries == nullptr && !reply->elements().empty() &&
      reply->elements()[0].elements().size() == 2)
    entries = &reply->elements()[0].elements()[1];
  if (entries == nullptr) return events;
  for (const Reply& pair : entries->elements()) {
    const auto parts = pair.elements();
    if (parts.size() != 2) return Fail(Errc::kProtocol, "not an entry of a stream");
    events.push_back({.id = std::string(parts[0].text()), .fields = FieldsOf(parts[1])});
  }
  return events;
}

// What is being worked on, renewed by a timer until the end of the round.
class Renewal : public std::enable_shared_from_this<Renewal> {
 public:
  using Renew = std::function<Task<void>(std::vector<std::string>)>;
  Renewal(Scheduler& scheduler, Millis period, Renew renew)
      : scheduler_(scheduler), period_(period), renew_(std::move(renew)) {}

  void Begin(const std::vector<Event>& events) {
    const std::lock_guard lock(mutex_);
    for (const Event& event : events) ids_.insert(event.id);
    Arm();
  }
  void Drop(const std::string& id) {
    const std::lock_guard lock(mutex_);
    ids_.erase(id);
  }
  void End() {
    const std::lock_guard lock(mutex_);
    ids_.clear();
    scheduler_.Cancel(timer_);
  }

 private:
  void Arm() {
    timer_ = scheduler_.After(period_, [self = shared_from_this()] { self->Fire(); });
  }
  void Fire() {
    std::vector<std::string> ids;
    {
      const std::lock_guard lock(mutex_);
      if (ids_.empty()) return;
      ids.assign(ids_.begin(), ids_.end());
      Arm();
    }
    Detach(renew_(std::move(ids)));
  }

  Scheduler& scheduler_;
  const Millis period_;
  const Renew renew_;
  std::mutex mutex_;
  std::set<std::string> ids_;
  TimerNumber timer_ = 0;
};

}  // namespace

const std::string* Event::Find(std::string_view name) const {
  const auto found = std::ranges::find(fields, name, &std::pair<std::string, std::string>::first);
  return found == fields.end() ? nullptr : &found->second;
}

Task<Result<void>> EventHandler::Handle(const Event& event) const {
  std::exception_ptr thrown;
  try {
    if (coroutine_) co_return co_await coroutine_(event);
    co_return function_(event);
  } catch (...) {
    thrown = std::current_exception();
  }
  co_return std::unexpected(internal::ThrownError("the handler", thrown));
}

class ConsumerGroup::Body : public std::enable_shared_from_this<Body> {
 public:
  Body(Store store, ConsumerOptions options, std::string dead_stream)
      : store_(std::move(store)),
        options_(std::move(options)),
        dead_stream_(std::move(dead_stream)) {}

  Task<Result<void>> MakeGroup();
  Task<Result<RoundReport>> Round(EventHandler handler, Millis wait, std::stop_token stop);
  Task<void> Run(EventHandler handler, std::stop_token stop);
  Task<Result<std::size_t>> Redrive(std::size_t count);
  ConsumerStats stats() const;
  const std::string& dead_stream() const { return dead_stream_; }

 private:
  // What is delivered next, and how long nothing else is.
  struct Batch {
    std::vector<Event> events = {};
    std::size_t claimed = 0;
    std::optional<Millis> next_due = {};
    bool is_full = false;     // as many are pending as may be
    bool has_waited = false;  // at the server, for new ones
  };
  // Of one round, shared by its lanes.
  struct Shift {
    const EventHandler& handler;
    std::vector<Event> events;
    std::shared_ptr<Renewal> renewal;
    Arrivals arrivals;
    std::mutex mutex = {};
    std::size_t next = 0;
    RoundReport report = {};
    std::optional<Error> error = {};
  };

  Client& client() const { return store_.client(); }
  std::vector<std::string> Names() const { return {options_.group, options_.consumer}; }
  Task<Result<std::vector<Event>>> Take(std::vector<std::string> ids);
  Task<Result<Batch>> Due();
  Task<Result<Batch>> Claim();
  Task<Result<Batch>> Next(Millis wait, std::stop_token stop);
  Task<void> Renew(std::vector<std::string> ids);
  Task<Result<RoundReport>> Process(const EventHandler& handler, Batch batch);
  Task<void> Lane(Shift& round);
  Task<void> HandleOne(Shift& round, const Event& event);
  Task<Result<void>> Acknowledge(const std::string& id);
  Task<Result<bool>> Bury(const Event& event, Error error);
  Task<void> TrimNow();
  Executor* HandlerExecutor(const EventHandler& handler);

  const Store store_;
  const ConsumerOptions options_;
  const std::string dead_stream_;

  // Hints, by who runs the rounds and who redrives; seq_cst.
  std::atomic<bool> has_group_{false};
  std::atomic<bool> has_pending_{true};  // maybe: a predecessor's

  // Of who runs the rounds.
  std::optional<TimePoint> claimed_at_;
  std::string claim_cursor_ = "0-0";
  std::optional<TimePoint> trimmed_at_;
  std::unique_ptr<ThreadPool> pool_;

  // Relaxed: only figures.
  struct {
    std::atomic<std::uint64_t> delivered{0}, redelivered{0}, handled{0}, failed{0}, dead{0},
        claimed{0}, lost{0}, errors{0};
  } counts_;
};

Task<Result<void>> ConsumerGroup::Body::MakeGroup() {
  if (has_group_) co_return Result<void>();
  const Command make("XGROUP", "CREATE", options_.stream, options_.group, "0", "MKSTREAM");
  const Result<Reply> made = co_await client().CoCall(make);
  // That it is there already is what was wanted; nothing else is.
  if (!made && made.error().server_code() != "BUSYGROUP") co_return std::unexpected(made.error());
  has_group_ = true;
  co_return Result<void>();
}

Task<Result<std::vector<Event>>> ConsumerGroup::Body::Take(std::vector<std::string> ids) {
  std::vector<std::string> arguments = Names();
  arguments.insert(arguments.end(), ids.begin(), ids.end());
  std::vector<std::string> keys(1, options_.stream);
  co_return ReadTaken(
      co_await client().CoEval(internal::TakeScript(), std::move(keys), std::move(arguments)));
}

// This consumer's own, whose back-off is over.
Task<Result<ConsumerGroup::Body::Batch>> ConsumerGroup::Body::Due() {
  Batch batch;
  // Before the question: what becomes pending behind it is not to be forgotten.
  if (!has_pending_.exchange(false)) co_return batch;
  const Command pending("XPENDING", options_.stream, options_.group, "-", "+", options_.pending_max,
                        options_.consumer);
  const Result<Reply> reply = co_await client().CoCall(pending);
  if (!reply || !reply->elements().empty()) has_pending_ = true;
  if (!reply) co_return std::unexpected(reply.error());
  batch.is_full = reply->elements().size() >= options_.pending_max;
  std::vector<std::string> due;
  for (const Reply& row : reply->elements()) {
    const auto parts = row.elements();  // id, consumer, idle, deliveries
    if (parts.size() != 4) co_return Fail(Errc::kProtocol, "not XPENDING's reply");
    const Millis idle(parts[2].AsInteger().value_or(0));
    const std::int64_t deliveries = parts[3].AsInteger().value_or(1);
    const Millis left = RetryPause(options_.retry, deliveries, parts[0].text()) - idle;
    if (left > Millis(0)) {
      batch.next_due = std::min(left, batch.next_due.value_or(left));
    } else if (due.size() < options_.batch_max) {
      due.emplace_back(parts[0].text());
    }
  }
  if (due.empty()) co_return batch;
  Result<std::vector<Event>> taken = co_await Take(std::move(due));
  if (!taken) co_return Pass(std::move(taken));
  batch.events = std::move(*taken);
  co_return batch;
}

// What others have kept for too long becomes ours, without being delivered by that.
Task<Result<ConsumerGroup::Body::Batch>> ConsumerGroup::Body::Claim() {
  Batch batch;
  const TimePoint now = store_.clock().Now();
  if (claimed_at_ && now - *claimed_at_ < options_.claim_after / 2) co_return batch;
  const Command claim("XAUTOCLAIM", options_.stream, options_.group, options_.consumer,
                      options_.claim_after.count(), claim_cursor_, "COUNT", options_.batch_max,
                      "JUSTID");
  const Result<Reply> reply = co_await client().CoCall(claim);
  if (!reply) co_return std::unexpected(reply.error());
  const auto parts = reply->elements();
  if (parts.size() < 2) co_return Fail(Errc::kProtocol, "not XAUTOCLAIM's reply");
  claim_cursor_ = std::string(parts[0].text());
  // The list is at its end: the next look is later.
  if (claim_cursor_ == "0-0") claimed_at_ = now;
  std::vector<std::string> ids;
  for (const Reply& id : parts[1].elements()) {
    if (!id.is_null()) ids.emplace_back(id.text());
  }
  if (ids.empty()) co_return batch;
  has_pending_ = true;
  Result<std::vector<Event>> taken = co_await Take(std::move(ids));
  if (!taken) co_return Pass(std::move(taken));
  batch.events = std::move(*taken);
  batch.claimed = batch.events.size();
  co_return batch;
}

// Whatever comes first: our own, another's, new.
Task<Result<ConsumerGroup::Body::Batch>> ConsumerGroup::Body::Next(Millis wait,
                                                                   std::stop_token stop) {
  Result<Batch> due = co_await Due();
  if (!due || !due->events.empty()) co_return due;
  if (!due->is_full) {
    Result<Batch> claimed = co_await Claim();
    if (!claimed || !claimed->events.empty()) co_return claimed;
  }
  Batch batch{.next_due = due->next_due, .is_full = due->is_full};
  if (due->is_full) co_return batch;
  Command read("XREADGROUP", "GROUP", options_.group, options_.consumer, "COUNT",
               options_.batch_max);
  CallOptions call{.stop = std::move(stop)};
  wait = std::min({wait, due->next_due.value_or(wait), options_.claim_after / 2});
  if (wait > Millis(0) && store_.capabilities().waiting) {
    read.Add("BLOCK").Add(wait.count());
    batch.has_waited = true;
    call.timeout = wait + kGrace;
  } else {
    call.waits = Waits::kNo;
  }
  read.Add("STREAMS").Add(options_.stream).Add(">");
  Result<Reply> reply = co_await client().CoCall(read, call);
  // What was on its way to us is pending now.
  if (!reply) has_pending_ = true;
  Result<std::vector<Event>> events = ReadNew(std::move(reply), options_.stream);
  if (!events) co_return Pass(std::move(events));
  batch.events = std::move(*events);
  co_return batch;
}

Task<Result<RoundReport>> ConsumerGroup::Body::Round(EventHandler handler, Millis wait,
                                                     std::stop_token stop) {
  const std::shared_ptr<Body> self = shared_from_this();
  if (Result<void> made = co_await MakeGroup(); !made) co_return Pass(std::move(made));
  Result<Batch> batch = co_await Next(wait, stop);
  if (!batch) {
    // The stream was deleted, and the group with it.
    if (batch.error().server_code() == "NOGROUP") has_group_ = false;
    co_return Pass(std::move(batch));
  }
  if (batch->events.empty()) {
    if (wait > Millis(0) && !batch->has_waited) {
      const Millis pause = batch->is_full ? wait : kPollPause;
      co_await Pause(store_.scheduler(), std::min(pause, batch->next_due.value_or(pause)), stop);
    }
    co_return RoundReport();
  }
  Result<RoundReport> report = co_await Process(handler, std::move(*batch));
  if (options_.trim == Trim::kAcknowledged) co_await TrimNow();
  co_return report;
}

Executor* ConsumerGroup::Body::HandlerExecutor(const EventHandler& handler) {
  if (handler.is_coroutine()) return nullptr;
  if (!pool_) pool_ = std::make_unique<ThreadPool>(options_.parallel);
  return pool_.get();
}

Task<void> ConsumerGroup::Body::Renew(std::vector<std::string> ids) {
  const std::shared_ptr<Body> self = shared_from_this();
  std::vector<std::string> arguments = Names();
  arguments.insert(arguments.end(), ids.begin(), ids.end());
  std::vector<std::string> keys(1, options_.stream);
  const Result<Reply> lost = co_await client().CoEval(internal::RenewScript(), std::move(keys),
                                                      std::move(arguments), Repeatable());
  if (!lost) counts_.errors.fetch_add(1, std::memory_order_relaxed);
  if (lost) counts_.lost.fetch_add(lost->AsInteger().value_or(0), std::memory_order_relaxed);
}

Task<Result<RoundReport>> ConsumerGroup::Body::Process(const EventHandler& handler, Batch batch) {
  const std::size_t count = batch.events.size();
  const std::size_t lanes = std::min(options_.parallel, count);
  const auto again =
      std::ranges::count_if(batch.events, [](const Event& event) { return event.deliveries > 1; });
  counts_.delivered.fetch_add(count, std::memory_order_relaxed);
  counts_.redelivered.fetch_add(static_cast<std::uint64_t>(again), std::memory_order_relaxed);
  counts_.claimed.fetch_add(batch.claimed, std::memory_order_relaxed);
  const auto renewal = std::make_shared<Renewal>(
      store_.scheduler(), options_.claim_after / 3,
      [weak = weak_from_this()](std::vector<std::string> ids) -> Task<void> {
        if (const std::shared_ptr<Body> self = weak.lock()) co_await self->Renew(std::move(ids));
      });
  Shift round{.handler = handler,
              .events = std::move(batch.events),
              .renewal = renewal,
              .arrivals = Arrivals(lanes),
              .report = {.delivered = count, .claimed = batch.claimed}};
  renewal->Begin(round.events);
  // Until the acknowledgements have come.
  has_pending_ = true;
  (void)HandlerExecutor(handler);
  for (std::size_t i = 0; i < lanes; ++i) Detach(Lane(round));
  co_await round.arrivals;
  renewal->End();
  if (round.error) co_return std::unexpected(std::move(*round.error));
  co_return round.report;
}

// Takes one entry after another until none is left.
Task<void> ConsumerGroup::Body::Lane(Shift& round) {
  for (;;) {
    const Event* event = nullptr;
    {
      const std::lock_guard lock(round.mutex);
      if (round.next < round.events.size()) event = &round.events[round.next++];
    }
    if (event == nullptr) break;
    co_await HandleOne(round, *event);
  }
  round.arrivals.Arrive();
}

Task<void> ConsumerGroup::Body::HandleOne(Shift& round, const Event& event) {
  Result<void> handled;
  // Its worker did not live to say what was wrong with it.
  const bool is_worn = event.deliveries > options_.retry.deliveries_max;
  if (is_worn) {
    handled = Fail(Errc::kLoader, "delivered too often without an answer");
  } else {
    co_await Hop(HandlerExecutor(round.handler));
    handled = co_await round.handler.Handle(event);
  }
  // Before the acknowledgement, behind which it is not ours to be renewed.
  round.renewal->Drop(event.id);
  Result<void> told;
  bool is_dead = false;
  if (handled) {
    told = co_await Acknowledge(event.id);
  } else if (event.deliveries >= options_.retry.deliveries_max ||
             handled.error().code == Errc::kCorrupt) {
    Result<bool> buried = co_await Bury(event, handled.error());
    is_dead = buried && *buried;
    if (!buried) told = Pass(std::move(buried));
  } else {
    // The back-off begins now.
    std::vector<std::string> ids(1, event.id);
    co_await Renew(std::move(ids));
  }
  const std::lock_guard lock(round.mutex);
  if (!told) {
    if (!round.error) round.error = told.error();
  } else if (handled) {
    ++round.report.handled;
    counts_.handled.fetch_add(1, std::memory_order_relaxed);
  } else {
    ++(is_dead ? round.report.dead : round.report.failed);
    (is_dead ? counts_.dead : counts_.failed).fetch_add(1, std::memory_order_relaxed);
  }
}

Task<Result<void>> ConsumerGroup::Body::Acknowledge(const std::string& id) {
  Result<Reply> reply;
  if (options_.trim == Trim::kDelete) {
    std::vector<std::string> keys(1, options_.stream);
    std::vector<std::string> arguments = {options_.group, id};
    reply = co_await client().CoEval(internal::AcknowledgeAndDeleteScript(), std::move(keys),
                                     std::move(arguments), Repeatable());
  } else {
    const Command acknowledge("XACK", options_.stream, options_.group, id);
    reply = co_await client().CoCall(acknowledge, Repeatable());
  }
  if (!reply) co_return Pass(std::move(reply));
  co_return Result<void>();
}

// False: it is another's now.
Task<Result<bool>> ConsumerGroup::Body::Bury(const Event& event, Error error) {
  std::string why = std::string(ErrcName(error.code)) + ": " + error.detail;
  why.resize(std::min(why.size(), kErrorBytesMax));
  std::vector<std::string> keys = {options_.stream, dead_stream_};
  std::vector<std::string> arguments = Names();
  arguments.push_back(event.id);
  arguments.push_back(std::move(why));
  arguments.push_back(std::to_string(options_.dead_max));
  arguments.emplace_back(options_.trim == Trim::kDelete ? "1" : "0");
  // Buried twice it counts nothing: then it is not pending.
  const Result<Reply> reply = co_await client().CoEval(internal::BuryScript(), std::move(keys),
                                                       std::move(arguments), Repeatable());
  if (!reply) co_return std::unexpected(reply.error());
  const std::int64_t verdict = reply->AsInteger().value_or(0);
  if (verdict < 0) co_return Fail(Errc::kLimit, dead_stream_ + " is full of dead letters");
  co_return verdict == 1;
}

// Idle for so long that it is due, and that another may claim it, if this consumer does not run.
Task<Result<std::size_t>> ConsumerGroup::Body::Redrive(std::size_t count) {
  const std::shared_ptr<Body> self = shared_from_this();
  if (Result<void> made = co_await MakeGroup(); !made) co_return Pass(std::move(made));
  const std::vector<std::string> keys = {options_.stream, dead_stream_};
  const std::string idle =
      std::to_string(std::max(options_.claim_after, options_.retry.pause_min).count());
  std::string from = "-";
  std::size_t moved = 0;
  while (moved < count) {
    std::vector<std::string> arguments = Names();
    for (const std::string& more : {from, std::to_string(kRedriveRows),
                                    std::to_string(std::min(count - moved, kRedriveRows)), idle})
      arguments.push_back(more);
    const Result<Reply> reply =
        co_await client().CoEval(internal::RedriveLettersScript(), keys, std::move(arguments));
    // As far as it came.
    has_pending_ = true;
    if (!reply) co_return std::unexpected(reply.error());
    const auto parts = reply->elements();
    if (parts.size() != 3) co_return Fail(Errc::kProtocol, "not what was redriven");
    moved += static_cast<std::size_t>(parts[0].AsInteger().value_or(0));
    if (parts[2].AsInteger().value_or(0) < static_cast<std::int64_t>(kRedriveRows)) break;
    from = "(" + std::string(parts[1].text());
  }
  co_return moved;
}

Task<void> ConsumerGroup::Body::TrimNow() {
  const TimePoint now = store_.clock().Now();
  if (trimmed_at_ && now - *trimmed_at_ < options_.wait) co_return;
  trimmed_at_ = now;
  std::vector<std::string> keys(1, options_.stream);
  const Result<Reply> trimmed =
      co_await client().CoEval(internal::TrimScript(), std::move(keys), {}, Repeatable());
  if (!trimmed) counts_.errors.fetch_add(1, std::memory_order_relaxed);
}

Task<void> ConsumerGroup::Body::Run(EventHandler handler, std::stop_token stop) {
  const std::shared_ptr<Body> self = shared_from_this();
  Millis pause = kErrorPauseMin;
  while (!stop.stop_requested()) {
    const Result<RoundReport> round = co_await Round(handler, options_.wait, stop);
    if (!round && round.error().code == Errc::kCancelled && stop.stop_requested()) break;
    if (!round) {
      counts_.errors.fetch_add(1, std::memory_order_relaxed);
      co_await Pause(store_.scheduler(), pause, stop);
      pause = std::min(pause * 2, kErrorPauseMax);
      continue;
    }
    pause = kErrorPauseMin;
  }
}

ConsumerStats ConsumerGroup::Body::stats() const {
  const auto read = [](const std::atomic<std::uint64_t>& count) {
    return count.load(std::memory_order_relaxed);
  };
  return {.delivered = read(counts_.delivered),
          .redelivered = read(counts_.redelivered),
          .handled = read(counts_.handled),
          .failed = read(counts_.failed),
          .dead = read(counts_.dead),
          .claimed = read(counts_.claimed),
          .lost = read(counts_.lost),
          .errors = read(counts_.errors)};
}

Result<ConsumerGroup> ConsumerGroup::Open(Store store, ConsumerOptions options) {
  return SyncWait(CoOpen(std::move(store), std::move(options)));
}

Task<Result<ConsumerGroup>> ConsumerGroup::CoOpen(Store store, ConsumerOptions options) {
  std::string dead_stream = DeadStreamOf(options);
  if (Result<void> checked = CheckOptions(options, dead_stream); !checked)
    co_return Pass(std::move(checked));
  const auto body =
      std::make_shared<Body>(std::move(store), std::move(options), std::move(dead_stream));
  if (Result<void> made = co_await body->MakeGroup(); !made) co_return Pass(std::move(made));
  co_return ConsumerGroup(body);
}

Result<RoundReport> ConsumerGroup::RunOnce(EventHandler handler) const {
  return SyncWait(CoRunOnce(std::move(handler)));
}
Task<Result<RoundReport>> ConsumerGroup::CoRunOnce(EventHandler handler) const {
  return body_->Round(std::move(handler), Millis(0), {});
}
void ConsumerGroup::Run(EventHandler handler, std::stop_token stop) const {
  SyncWait(CoRun(std::move(handler), std::move(stop)));
}
Task<void> ConsumerGroup::CoRun(EventHandler handler, std::stop_token stop) const {
  return body_->Run(std::move(handler), std::move(stop));
}
Result<std::size_t> ConsumerGroup::Redrive(std::size_t count) const {
  return SyncWait(CoRedrive(count));
}
Task<Result<std::size_t>> ConsumerGroup::CoRedrive(std::size_t count) const {
  return body_->Redrive(count);
}
ConsumerStats ConsumerGroup::stats() const { return body_->stats(); }
const std::string& ConsumerGroup::dead_stream() const { return body_->dead_stream(); }

namespace {

// What Lua passes to a call, and less: behind the record's making it would be an error.
Result<void> CheckEffects(std::span<const Command> effects) {
  for (const Command& effect : effects) {
    if (effect.empty()) return Fail(Errc::kInvalid, "an effect is a command");
    if (effect.size() > kEffectWordsMax)
      return Fail(Errc::kLimit, "an effect has 7,000 words at most");
  }
  return {};
}

std::vector<std::string> ApplyOnceKeys(const EffectRecord& record,
                                       std::span<const std::string> keys) {
  std::vector<std::string> all(1, record.key);
  all.insert(all.end(), keys.begin(), keys.end());
  return all;
}

std::vector<std::string> ApplyOnceArguments(const EffectRecord& record,
                                            std::span<const Command> effects) {
  std::vector<std::string> arguments(1, std::to_string(record.keep.count()));
  for (const Command& effect : effects) {
    arguments.push_back(std::to_string(effect.size()));
    for (std::size_t i = 0; i < effect.size(); ++i) arguments.emplace_back(effect[i]);
  }
  return arguments;
}

Result<bool> ReadApplied(Result<Reply> reply) {
  if (!reply) {
    if (reply.error().server_code() == "PARTLY") reply.error().may_have_applied = true;
    return Pass(std::move(reply));
  }
  return reply->AsInteger().value_or(0) == 1;
}

}  // namespace

Result<bool> ApplyOnce(Client& client, const EffectRecord& record,
                       std::span<const std::string> keys, std::span<const Command> effects) {
  if (Result<void> valid = CheckEffects(effects); !valid) return Pass(std::move(valid));
  return ReadApplied(client.Eval(internal::ApplyOnceScript(), ApplyOnceKeys(record, keys),
                                 ApplyOnceArguments(record, effects), Repeatable()));
}

Task<Result<bool>> CoApplyOnce(Client& client, EffectRecord record, std::vector<std::string> keys,
                               std::vector<Command> effects) {
  if (Result<void> valid = CheckEffects(effects); !valid) co_return Pass(std::move(valid));
  co_return ReadApplied(co_await client.CoEval(internal::ApplyOnceScript(),
                                               ApplyOnceKeys(record, keys),
                                               ApplyOnceArguments(record, effects), Repeatable()));
}

}  // namespace cairn::cache
