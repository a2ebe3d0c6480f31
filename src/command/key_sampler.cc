// SPDX-License-Identifier: BSD-3-Clause
// Taking samples, and adding them up. The road not taken: a count beside each key, as LFU has one;
// to find the largest one would walk the keyspace, and it knows no period.
#include "command/key_sampler.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "keyspace/key_look.h"

namespace cairn::command {
namespace {

// While sampling is off so many keys pass before that is looked at again.
constexpr std::int64_t kSkipWhileOff = 1 << 20;

// Keys of one name in two databases are two.
std::uint64_t HashIn(DbId db, std::uint64_t hash) {
  constexpr std::uint64_t kOdd = 0x9E3779B97F4A7C15;
  return hash ^ (db.value * kOdd);
}

template <class Tally>
CallBounds BoundsOf(const typename ds::SpaceSavingSum<Tally>::Estimate& estimate) {
  const auto deviation = 2 * std::sqrt(static_cast<double>(estimate.tally.variance));
  const auto margin = static_cast<std::uint64_t>(std::ceil(deviation));
  return {.calls = estimate.low + (estimate.high - estimate.low) / 2,
          .calls_min = estimate.low - std::min(estimate.low, margin),
          .calls_max = estimate.high + margin};
}

template <class Row, class Tally>
KeyReport<Row> ReportOf(const ds::SpaceSavingSum<Tally>& sum, std::int64_t period_ms) {
  return {.period_ms = period_ms, .calls = sum.total(), .others_max = sum.floor(), .rows = {}};
}

}  // namespace

PrefixTally& PrefixTally::operator+=(const PrefixTally& other) {
  reads += other.reads;
  hits += other.hits;
  misses += other.misses;
  writes += other.writes;
  written_bytes += other.written_bytes;
  kept_writes += other.kept_writes;
  without_ttl += other.without_ttl;
  variance += other.variance;
  return *this;
}

HotKeyTally& HotKeyTally::operator+=(const HotKeyTally& other) {
  db = other.db;
  variance += other.variance;
  return *this;
}

void KeyStatistics::Enter(KeySampler* sampler) {
  const MutexLock hold(mu_);
  samplers_.push_back(sampler);
}

void KeyStatistics::Leave(KeySampler* sampler) {
  const MutexLock hold(mu_);
  std::erase(samplers_, sampler);
}

void KeyStatistics::CountMemory(std::int64_t bytes) {
  memory_bytes_.Add(bytes);
  if (total_bytes_ != nullptr) total_bytes_->Add(bytes);
}

KeyReport<HotKey> KeyStatistics::HotKeys(KeyUse use, UnixMs now_ms, std::size_t limit) const {
  const std::int64_t period_ms = settings_.hot_keys_period_ms.load(std::memory_order_relaxed);
  ds::SpaceSavingSum<HotKeyTally> sum;
  UnixMs begin_ms = now_ms;
  const MutexLock hold(mu_);
  for (const KeySampler* sampler : samplers_) {
    const MutexLock hold_tables(sampler->mu_);
    sampler->hot_keys_.ForEachRecent(now_ms, period_ms,
                                     [&](UnixMs slice_ms, const KeySampler::HotTables& tables) {
                                       begin_ms = std::min(begin_ms, slice_ms);
                                       sum.Add(use == KeyUse::kRead ? tables.reads : tables.writes);
                                     });
  }
  auto report = ReportOf<HotKey>(sum, now_ms - begin_ms);
  for (auto& estimate : sum.Top(limit))
    report.rows.push_back({.name = std::move(estimate.name),
                           .db = estimate.tally.db,
                           .calls = BoundsOf<HotKeyTally>(estimate)});
  return report;
}

KeyReport<PrefixUse> KeyStatistics::Prefixes(std::size_t depth, UnixMs now_ms,
                                             std::size_t limit) const {
  const std::int64_t period_ms = settings_.prefixes_period_ms.load(std::memory_order_relaxed);
  ds::SpaceSavingSum<PrefixTally> sum;
  UnixMs begin_ms = now_ms;
  const MutexLock hold(mu_);
  for (const KeySampler* sampler : samplers_) {
    const MutexLock hold_tables(sampler->mu_);
    sampler->prefixes_.ForEachRecent(now_ms, period_ms,
                                     [&](UnixMs slice_ms, const KeySampler::PrefixTables& tables) {
                                       begin_ms = std::min(begin_ms, slice_ms);
                                       sum.Add(tables.by_depth[depth - 1]);
                                     });
  }
  auto report = ReportOf<PrefixUse>(sum, now_ms - begin_ms);
  for (auto& estimate : sum.Top(limit))
    report.rows.push_back({.prefix = std::move(estimate.name),
                           .calls = BoundsOf<PrefixTally>(estimate),
                           .tally = estimate.tally});
  return report;
}

void KeyStatistics::ResetHotKeys() {
  const MutexLock hold(mu_);
  for (KeySampler* sampler : samplers_) sampler->ClearHotKeys();
}

void KeyStatistics::ResetPrefixes() {
  const MutexLock hold(mu_);
  for (KeySampler* sampler : samplers_) sampler->ClearPrefixes();
}

KeySampler::KeySampler(KeyStatistics& statistics, keyspace::Keyspace& keyspace, std::uint64_t seed)
    : statistics_(statistics), keyspace_(keyspace), random_(seed) {
  DrawSkip();
  statistics_.Enter(this);
}

KeySampler::~KeySampler() {
  statistics_.Leave(this);
  ClearHotKeys();
  ClearPrefixes();
}

void KeySampler::DrawSkip() {
  const double passes = 1 - 1 / static_cast<double>(gap_);
  const double drawn = 1 - random_.NextDouble();  // not 0
  to_skip_ += gap_ == 1 ? 0 : static_cast<std::int64_t>(std::log(drawn) / std::log(passes));
}

std::int64_t KeySampler::Next(std::size_t keys) {
  if (to_skip_ >= 0) return -1;
  if (!statistics_.settings_.enabled.load(std::memory_order_relaxed)) {
    to_skip_ = kSkipWhileOff;
    return -1;
  }
  const std::int64_t position = static_cast<std::int64_t>(keys) + to_skip_;
  to_skip_ += 1;
  weight_ = static_cast<std::uint64_t>(gap_);
  if (++samples_ >= kSamplesToDouble) {
    gap_ = std::min(2 * gap_, kGapMax);
    samples_ = 0;
  }
  DrawSkip();
  return position;
}

void KeySampler::Tick() {
  if (samples_ < kSamplesMin) gap_ = std::max<std::int64_t>(gap_ / 2, 1);
  samples_ = 0;
  to_skip_ = 0;
  DrawSkip();
}

void KeySampler::Take(const Sample& sample, UnixMs now_ms) {
  if (!mu_.TryLock()) return;
  TakeHotKey(sample, now_ms);
  TakePrefixes(sample, now_ms);
  SettleMemory();
  mu_.Unlock();
}

void KeySampler::TakeHotKey(const Sample& sample, UnixMs now_ms) {
  const KeyStatistics::Settings& settings = statistics_.settings_;
  const std::size_t capacity = settings.hot_keys.load(std::memory_order_relaxed);
  if (capacity == 0) return;
  HotTables& tables =
      hot_keys_.At(now_ms, settings.hot_keys_period_ms.load(std::memory_order_relaxed),
                   [&] { return HotTables(capacity); });
  auto& table = sample.use == KeyUse::kRead ? tables.reads : tables.writes;
  HotKeyTally& tally = table.Add(sample.key.name.substr(0, kNameBytesMax),
                                 HashIn(sample.db, sample.key.hash), weight_);
  tally.db = sample.db;
  tally.variance += weight_ * (weight_ - 1);
}

KeySampler::PrefixTables& KeySampler::Prefixes(UnixMs now_ms) {
  const KeyStatistics::Settings& settings = statistics_.settings_;
  return prefixes_.At(now_ms, settings.prefixes_period_ms.load(std::memory_order_relaxed), [&] {
    return PrefixTables(settings.prefixes.load(std::memory_order_relaxed));
  });
}

void KeySampler::TakePrefixes(const Sample& sample, UnixMs now_ms) {
  if (statistics_.settings_.prefixes.load(std::memory_order_relaxed) == 0) return;
  using State = keyspace::KeyLook::State;
  JudgeWrite(now_ms);
  const bool is_read = sample.use == KeyUse::kRead;
  State state = State::kUnknown;
  if (is_read) state = keyspace::TryLookAt(keyspace_, sample.db, sample.key, now_ms).state;
  PrefixTables& tables = Prefixes(now_ms);
  ForEachPrefix(sample.key.name, [&](std::size_t depth, std::string_view prefix) {
    PrefixTally& tally = tables.by_depth[depth].Add(prefix, keyspace_.seed().Hash(prefix), weight_);
    (is_read ? tally.reads : tally.writes) += weight_;
    tally.hits += state == State::kPresent ? weight_ : 0;
    tally.misses += state == State::kAbsent ? weight_ : 0;
    tally.written_bytes += weight_ * sample.written_bytes;
    tally.variance += weight_ * (weight_ - 1);
  });
  if (is_read || sample.key.name.size() > kNameBytesMax) return;
  written_name_ = sample.key.name;
  written_db_ = sample.db;
  written_weight_ = weight_;
}

void KeySampler::JudgeWrite(UnixMs now_ms) {
  using State = keyspace::KeyLook::State;
  const std::uint64_t weight = std::exchange(written_weight_, 0);
  if (weight == 0) return;
  const keyspace::KeyLook look =
      keyspace::TryLookAt(keyspace_, written_db_, keyspace_.Ref(written_name_), now_ms);
  if (look.state != State::kPresent) return;
  PrefixTables& tables = Prefixes(now_ms);
  ForEachPrefix(written_name_, [&](std::size_t depth, std::string_view prefix) {
    PrefixTally* tally = tables.by_depth[depth].TallyOf(prefix, keyspace_.seed().Hash(prefix));
    if (tally == nullptr) return;
    tally->kept_writes += weight;
    tally->without_ttl += look.expiry == kNever ? weight : 0;
  });
}

void KeySampler::SettleMemory() {
  std::size_t bytes = 0;
  hot_keys_.ForEach([&](const HotTables& tables) {
    bytes += tables.reads.memory_bytes() + tables.writes.memory_bytes();
  });
  prefixes_.ForEach([&](const PrefixTables& tables) {
    for (const PrefixTable& table : tables.by_depth) bytes += table.memory_bytes();
  });
  const std::int64_t before = std::exchange(memory_bytes_, static_cast<std::int64_t>(bytes));
  if (memory_bytes_ != before) statistics_.CountMemory(memory_bytes_ - before);
}

void KeySampler::ClearHotKeys() {
  const MutexLock hold(mu_);
  hot_keys_.Clear();
  SettleMemory();
}

void KeySampler::ClearPrefixes() {
  const MutexLock hold(mu_);
  prefixes_.Clear();
  SettleMemory();
}

}  // namespace cairn::command
