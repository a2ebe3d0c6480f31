// SPDX-License-Identifier: BSD-3-Clause
// The rounds of a worker, and what becomes of an entry that the database refuses.
//
// How often an entry was delivered, the store counts: a worker that dies of an entry leaves the
// count to its successor.
#include "cairn/sql/write_behind_worker.h"

#include <algorithm>
#include <utility>

#include "sql/pause.h"

namespace cairn::cache::sql {
namespace {

// In the log's slot of a cluster, where one step can take an entry from the one to the other.
std::string DeadLogOf(const std::string& log) {
  const std::size_t open = log.find('{');
  const bool has_tag =
      open != log.npos && log.find('}', open) > open + 1 && log.find('}', open) != log.npos;
  return (has_tag ? log : "{" + log + "}") + ":dead";
}

Result<LogEntry> EntryOf(const Reply& pair) {
  const auto parts = pair.elements();
  std::vector<std::string_view> fields;
  for (const Reply& field : parts[1].elements()) fields.push_back(field.text());
  return ParseLogEntry(std::string(parts[0].text()), fields);
}

}  // namespace

WriteBehindWorker::WriteBehindWorker(Store store, LogSink& sink, WorkerOptions options)
    : store_(std::move(store)),
      sink_(sink),
      options_(std::move(options)),
      batch_max_(std::clamp(options_.batch_max, std::size_t{1}, kWorkerBatchMax)),
      dead_log_(options_.dead_log.empty() ? DeadLogOf(sink.log()) : options_.dead_log) {}

WriteBehindWorker::Stats WriteBehindWorker::stats() const {
  return {.written = written_.load(std::memory_order_relaxed),
          .acknowledged = acknowledged_.load(std::memory_order_relaxed),
          .dead = dead_.load(std::memory_order_relaxed),
          .failures = failures_.load(std::memory_order_relaxed)};
}

Result<void> WriteBehindWorker::MakeGroup() {
  if (has_group_) return {};
  // From 0, not $: what was written before the first worker came is to be carried, too.
  const Command make("XGROUP", "CREATE", sink_.log(), options_.group, "0", "MKSTREAM");
  const Result<Reply> made = store_.client().Call(make);
  if (!made && made.error().server_code() != "BUSYGROUP") return std::unexpected(made.error());
  has_group_ = true;
  return {};
}

namespace {

// [[id, [field, value, ...]], ...]; a null instead of the fields: the entry is not there any more.
template <class Batch>
Result<Batch> BatchOf(const Reply& entries) {
  Batch batch;
  for (const Reply& pair : entries.elements()) {
    if (pair.elements().size() != 2) return Fail(Errc::kProtocol, "not an entry of a stream");
    if (pair.elements()[1].is_null()) {
      batch.gone.emplace_back(pair.elements()[0].text());
      continue;
    }
    Result<LogEntry> entry = EntryOf(pair);
    if (!entry) return Pass(std::move(entry));
    batch.entries.push_back(std::move(*entry));
  }
  return batch;
}

}  // namespace

Result<WriteBehindWorker::Batch> WriteBehindWorker::Read(std::string_view from) {
  const Command read("XREADGROUP", "GROUP", options_.group, options_.consumer, "COUNT", batch_max_,
                     "STREAMS", sink_.log(), from);
  const Result<Reply> reply = store_.client().Call(read);
  if (!reply) {
    // The log was deleted, and the group with it.
    if (reply.error().server_code() == "NOGROUP") has_group_ = false;
    return std::unexpected(reply.error());
  }
  if (reply->is_null()) return Batch();
  // A map in RESP3, an array of pairs in RESP2.
  const Reply* entries = reply->Find(sink_.log());
  if (entries == nullptr && !reply->elements().empty() &&
      reply->elements()[0].elements().size() == 2)
    entries = &reply->elements()[0].elements()[1];
  if (entries == nullptr) return Batch();
  return BatchOf<Batch>(*entries);
}

Result<WriteBehindWorker::Batch> WriteBehindWorker::Claim() {
  const auto idle_ms =
      std::chrono::duration_cast<std::chrono::milliseconds>(options_.claim_after).count();
  const Command claim("XAUTOCLAIM", sink_.log(), options_.group, options_.consumer, idle_ms, "0",
                      "COUNT", batch_max_);
  const Result<Reply> reply = store_.client().Call(claim);
  if (!reply) return std::unexpected(reply.error());
  if (reply->elements().size() < 2) return Fail(Errc::kProtocol, "not XAUTOCLAIM's reply");
  return BatchOf<Batch>(reply->elements()[1]);
}

// Whatever comes first: our own, a dead one's, new.
Result<WriteBehindWorker::Batch> WriteBehindWorker::Next() {
  if (has_pending_) {
    Result<Batch> own = Read("0");
    if (!own || !own->entries.empty() || !own->gone.empty()) return own;
    has_pending_ = false;
  }
  const TimePoint now = store_.clock().Now();
  if (!claimed_at_ || now - *claimed_at_ >= options_.claim_after / 2) {
    claimed_at_ = now;
    Result<Batch> claimed = Claim();
    if (!claimed || !claimed->entries.empty()) return claimed;
  }
  return Read(">");
}

Result<RoundReport> WriteBehindWorker::RunOnce(std::stop_token stop) {
  if (Result<void> made = MakeGroup(); !made) return Pass(std::move(made));
  Result<Batch> batch = Next();
  if (!batch) return Pass(std::move(batch));
  RoundReport report{.delivered = batch->entries.size()};
  if (report.delivered == 0 && batch->gone.empty()) return report;
  // An error on the way leaves it with us.
  const bool had_pending = std::exchange(has_pending_, true);
  if (Result<void> done = Process(*batch, std::move(stop), report); !done)
    return Pass(std::move(done));
  has_pending_ = had_pending || report.refused > 0;
  return report;
}

Result<void> WriteBehindWorker::Process(const Batch& batch, std::stop_token stop,
                                        RoundReport& report) {
  std::vector<bool> is_kept(batch.entries.size(), false);
  if (!batch.entries.empty()) {
    const Result<Applied> applied = sink_.Apply(batch.entries, {.stop = std::move(stop)});
    if (!applied) return std::unexpected(applied.error());
    report.written = applied->written;
    written_.fetch_add(applied->written, std::memory_order_relaxed);
    for (const Applied::Refusal& refusal : applied->refused) {
      is_kept[refusal.entry] = true;
      const LogEntry& entry = batch.entries[refusal.entry];
      const Result<std::int64_t> deliveries = Deliveries(entry.id);
      if (!deliveries) return std::unexpected(deliveries.error());
      if (*deliveries < options_.deliveries_max) {
        ++report.refused;
        continue;
      }
      if (Result<void> buried = Bury(entry, refusal.error); !buried) return buried;
      ++report.dead;
      dead_.fetch_add(1, std::memory_order_relaxed);
    }
  }
  return Acknowledge(batch, is_kept, report);
}

Result<void> WriteBehindWorker::Acknowledge(const Batch& batch, const std::vector<bool>& is_kept,
                                            RoundReport& report) {
  Command acknowledge("CACHE.ACK", sink_.log());
  std::size_t count = 0;
  for (std::size_t i = 0; i < batch.entries.size(); ++i) {
    if (is_kept[i]) continue;
    acknowledge.Add(batch.entries[i].id).Add(batch.entries[i].key);
    ++count;
  }
  if (count > 0) {
    // Applied twice it counts nothing.
    const Result<Reply> reply =
        store_.client().Call(acknowledge, {.idempotence = Idempotence::kYes});
    if (!reply) return std::unexpected(reply.error());
    report.acknowledged = count;
    acknowledged_.fetch_add(count, std::memory_order_relaxed);
  }
  if (!batch.gone.empty()) {
    Command forget("XACK", sink_.log(), options_.group);
    forget.AddAll(batch.gone);
    const Result<Reply> reply = store_.client().Call(forget, {.idempotence = Idempotence::kYes});
    if (!reply) return std::unexpected(reply.error());
  }
  return {};
}

Result<std::int64_t> WriteBehindWorker::Deliveries(const std::string& id) {
  const Command pending("XPENDING", sink_.log(), options_.group, id, id, 1);
  const Result<Reply> reply = store_.client().Call(pending);
  if (!reply) return std::unexpected(reply.error());
  // [[id, consumer, idle, deliveries]]
  if (reply->elements().empty() || reply->elements()[0].elements().size() < 4) return 0;
  return reply->elements()[0].elements()[3].AsInteger();
}

Result<void> WriteBehindWorker::Bury(const LogEntry& entry, const Error& error) {
  const Command letter("XADD", dead_log_, "*", "id", entry.id, "op",
                       entry.is_delete ? "del" : "set", "key", entry.key, "ver", entry.version,
                       "value", entry.value, "error", error.detail);
  const Command acknowledge("CACHE.ACK", sink_.log(), entry.id, entry.key);
  // In one transaction: neither lost between the two, nor buried twice.
  const std::vector<Command> both = {letter, acknowledge};
  const Result<std::vector<Reply>> done = store_.client().Transaction(both);
  if (!done) return std::unexpected(done.error());
  for (const Reply& reply : *done) {
    if (reply.is_error()) return Fail(Errc::kServer, std::string(reply.text()));
  }
  return {};
}

void WriteBehindWorker::Run(const std::stop_token& stop) {
  Duration pause = options_.pause_min;
  while (!stop.stop_requested()) {
    // The token is not handed on: a batch that has begun is finished and acknowledged.
    const Result<RoundReport> round = RunOnce();
    if (!round) {
      failures_.fetch_add(1, std::memory_order_relaxed);
      has_pending_ = true;
      Pause(pause, stop);
      pause = std::min(pause * 2, options_.pause_max);
      continue;
    }
    // What is refused is tried again no faster than what fails.
    const bool is_stuck = round->refused > 0 && round->acknowledged == 0;
    pause = is_stuck ? std::min(pause * 2, options_.pause_max) : options_.pause_min;
    if (round->delivered == 0 || is_stuck) Pause(pause, stop);
  }
}

}  // namespace cairn::cache::sql
