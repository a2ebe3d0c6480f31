// SPDX-License-Identifier: BSD-3-Clause
// The promise, and who breaks it.
#include "tests/simulation/near_promise.h"

#include <algorithm>

#include "cairn/internal/first_of.h"

namespace cairn::simulation {

void NearPromise::OnEvent(const NetworkEvent& event) {
  using Kind = NetworkEvent::Kind;
  if (event.kind == Kind::kCrash) {
    for (auto& [client, trouble] : troubles_) trouble.is_left |= trouble.is_partitioned;
    return;
  }
  if (event.kind != Kind::kPartition && event.kind != Kind::kHeal) return;
  Trouble& trouble = troubles_[std::string(event.client)];
  trouble.is_partitioned = event.kind == Kind::kPartition;
  if (trouble.is_partitioned) {
    trouble.began = std::min(trouble.began, clock_.Now());
  } else {
    trouble.healed = clock_.Now();
  }
}

void NearPromise::OnAnswered(const std::string& key, std::int64_t number, const LifePtr& by) {
  answered_[key].push_back({number, clock_.Now(), by});
}

// Epochs are counted, not timed: that of now began after the last look that did not see it.
void NearPromise::Look(Life& life) const {
  const std::uint64_t epochs = life.epochs();
  if (std::exchange(life.epochs_seen, epochs) != epochs) life.epoch_floor = life.looked_at;
  life.looked_at = clock_.Now();
}

TimePoint NearPromise::TrustedUntil(const Life& life) {
  Trouble& trouble = troubles_[life.name];
  const TimePoint now = clock_.Now();
  if (trouble.began == TimePoint::max()) return now;
  if (life.epoch_floor > trouble.healed) trouble.is_left = false;
  if (trouble.is_partitioned || trouble.is_left || now <= trouble.healed + delivery_)
    return trouble.began;
  trouble.began = TimePoint::max();
  return now;
}

void NearPromise::OnServed(const LifePtr& life, const std::string& key, std::int64_t number) {
  ++served_;
  if (violation_) return;
  const TimePoint now = clock_.Now();
  const TimePoint certain =
      std::max({TrustedUntil(*life) - delivery_, TimePoint(now - near_ttl_), life->epoch_floor});
  for (const Answered& one : answered_[key]) {
    if (one.number <= number || (one.by != life && one.at >= certain)) continue;
    const auto us = [](TimePoint at) {
      return std::to_string(
          std::chrono::floor<std::chrono::microseconds>(at.time_since_epoch()).count());
    };
    violation_ = life->name + " is given a near copy of " + key + ", version " +
                 std::to_string(number) + ", at " + us(now) + " us: " + std::to_string(one.number) +
                 " was answered at " + us(one.at);
    return;
  }
}

// ---- Naive -------------------------------------------------------------------------------------

void NaiveNear::Open() {
  TrackingOptions options;
  if (has("near-by-another-connection")) options.prefixes = {"row:", "tag:"};
  auto tracking =
      store_.client().Track(options, [weak = weak_from_this()](const Invalidation& told) {
        if (const auto self = weak.lock()) self->OnTold(told);
      });
  if (tracking) tracking_ = *std::move(tracking);
}

void NaiveNear::OnTold(const Invalidation& told) {
  if (told.kind == Invalidation::Kind::kEpoch) {
    is_told_ = told.epoch != 0;
    if (is_told_) ++epochs_;
    if (has("near-over-epochs")) return;
  }
  const bool is_tag = std::ranges::any_of(
      told.keys, [](const std::string& key) { return key.starts_with("tag:"); });
  if (told.kind != Invalidation::Kind::kKeys || is_tag) {
    ++all_changes_;
    copies_.clear();
  }
  for (const std::string& key : told.keys) Forget(key);
}

std::optional<std::int64_t> NaiveNear::Find(const std::string& key) {
  const auto found = copies_.find(key);
  if (!is_told_ || found == copies_.end()) return std::nullopt;
  if (store_.clock().Now() - found->second.read_at >= near_ttl_ && !has("near-without-ttl"))
    return std::nullopt;
  return found->second.version;
}

Task<void> NaiveNear::Fill(std::string key) {
  if (!is_told_) co_return;
  const auto self = shared_from_this();
  const std::uint64_t change = changes_[key];
  const std::uint64_t all = all_changes_;
  const TimePoint began = store_.clock().Now();
  auto answer = std::make_shared<internal::FirstOf<Result<Reply>>>();
  Command get("CACHE.GET", key);
  const auto done = [answer](Result<Reply> reply) { answer->Give(std::move(reply)); };
  if (has("near-by-another-connection")) {
    store_.client().Start(std::move(get), {}, done);
  } else {
    tracking_->Start(std::move(get), {}, done);
  }
  const Result<Reply> reply = co_await *answer;
  if (!reply || reply->elements()[0].text() != "fresh") co_return;
  const bool is_untouched = changes_[key] == change && all_changes_ == all;
  const bool has_marks = !has("near-without-pending-mark") && !has("near-by-another-connection");
  if (!is_untouched && has_marks) co_return;
  copies_[key] = {reply->elements()[3].AsInteger().value_or(0), began};
}

void NaiveNear::Forget(const std::string& key) {
  ++changes_[key];
  copies_.erase(key);
}

}  // namespace cairn::simulation
