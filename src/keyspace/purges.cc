// SPDX-License-Identifier: BSD-3-Clause
// A short list under a lock: it is asked a few times in each of the keeper's steps.
#include "keyspace/purges.h"

#include <algorithm>
#include <utility>

namespace cairn::keyspace {

std::uint64_t Purges::Start(PurgeOrder order, DbId db, UnixMs now_ms) {
  MutexLock hold(mu_);
  if (running_.load(std::memory_order_relaxed) == kRunningMax) return 0;
  const std::uint64_t id = next_id_++;
  jobs_.push_back({.report = {.id = id,
                              .order = std::make_shared<const PurgeOrder>(std::move(order)),
                              .db = db},
                   .started_ms = now_ms});
  running_.fetch_add(1, std::memory_order_release);
  return id;
}

bool Purges::Cancel(std::uint64_t id, UnixMs now_ms) {
  MutexLock hold(mu_);
  Job* job = FindRunning(id);
  if (job == nullptr) return false;
  End(*job, PurgeState::kCancelled, now_ms);
  ForgetOld();
  return true;
}

std::vector<PurgeReport> Purges::Reports(UnixMs now_ms) const {
  std::vector<PurgeReport> reports;
  MutexLock hold(mu_);
  for (const Job& job : jobs_) {
    reports.push_back(job.report);
    const UnixMs until = job.report.state == PurgeState::kRunning ? now_ms : job.ended_ms;
    reports.back().elapsed_ms = std::max<std::int64_t>(0, until - job.started_ms);
  }
  return reports;
}

void Purges::NoteFlushed(DbId db, UnixMs now_ms) {
  if (!any_running()) return;
  MutexLock hold(mu_);
  for (Job& job : jobs_) {
    if (job.report.state != PurgeState::kRunning || job.report.db != db) continue;
    job.report.percent = 100;
    End(job, PurgeState::kDone, now_ms);
  }
  ForgetOld();
}

void Purges::NoteSwapped(DbId a, DbId b) {
  MutexLock hold(mu_);
  for (Job& job : jobs_) {
    if (job.report.state != PurgeState::kRunning) continue;
    DbId& db = job.report.db;
    db = db == a ? b : db == b ? a : db;
  }
}

std::optional<DbId> Purges::DatabaseOf(std::uint64_t id) const {
  MutexLock hold(mu_);
  const auto job = std::ranges::find(jobs_, id, [](const Job& j) { return j.report.id; });
  if (job == jobs_.end() || job->report.state != PurgeState::kRunning) return std::nullopt;
  return job->report.db;
}

void Purges::NoteProgress(std::uint64_t id, std::int64_t looked_at, std::int64_t removed,
                          int percent) {
  changes_.Add(removed);
  MutexLock hold(mu_);
  // One that was cancelled just now has come as far as this all the same.
  const auto job = std::ranges::find(jobs_, id, [](const Job& j) { return j.report.id; });
  if (job == jobs_.end()) return;
  job->report.looked_at += looked_at;
  job->report.removed += removed;
  if (job->report.state == PurgeState::kRunning) job->report.percent = percent;
}

void Purges::NoteDone(std::uint64_t id, UnixMs now_ms) {
  MutexLock hold(mu_);
  Job* job = FindRunning(id);
  if (job == nullptr) return;
  job->report.percent = 100;
  End(*job, PurgeState::kDone, now_ms);
  ForgetOld();
}

Purges::Job* Purges::FindRunning(std::uint64_t id) {
  const auto job = std::ranges::find(jobs_, id, [](const Job& j) { return j.report.id; });
  return job != jobs_.end() && job->report.state == PurgeState::kRunning ? &*job : nullptr;
}

void Purges::End(Job& job, PurgeState state, UnixMs now_ms) {
  job.report.state = state;
  job.ended_ms = now_ms;
  job.ended_at = ++ends_;
  running_.fetch_sub(1, std::memory_order_release);
}

void Purges::ForgetOld() {
  while (jobs_.size() - running_.load(std::memory_order_relaxed) > kEndedMax) {
    // Those that run come last.
    jobs_.erase(std::ranges::min_element(
        jobs_, {}, [](const Job& job) { return job.ended_at == 0 ? UINT64_MAX : job.ended_at; }));
  }
}

}  // namespace cairn::keyspace
