// SPDX-License-Identifier: BSD-3-Clause
// The stack of followed keys and the histogram of their distances.
//
// The stack is an array of places in the order of time. A use moves its key to the next place; a
// Fenwick tree over the places counts how many after the old one are taken. When the places are
// used up the keys are moved together, which costs some ten microseconds every 24,000 moves. A
// balanced tree would need no such step, and more memory and time for each.
#include "keyspace/miss_ratio_curve.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <optional>
#include <utility>

#include "base/check.h"

namespace cairn::keyspace {
namespace {

constexpr std::uint64_t kAll = UINT64_MAX;

// Histogram: sizes below 64 by themselves, then 64 buckets a doubling.
constexpr std::uint32_t kFineBits = 6;
constexpr std::uint32_t kFine = 1u << kFineBits;
constexpr std::uint32_t kSizeBits = 40;
constexpr std::size_t kBuckets = (kSizeBits - kFineBits + 1) * kFine;

std::size_t BucketOf(double size) {
  const double limit = static_cast<double>((std::uint64_t{1} << kSizeBits) - 1);
  const auto keys = static_cast<std::uint64_t>(std::min(size, limit));
  if (keys < kFine) return keys;
  const auto doubling = static_cast<std::uint32_t>(std::bit_width(keys)) - 1 - kFineBits;
  return (doubling + 1) * kFine + ((keys >> doubling) & (kFine - 1));
}

// The least size in a bucket.
double BucketBegin(std::size_t bucket) {
  if (bucket < kFine) return static_cast<double>(bucket);
  const std::size_t doubling = bucket / kFine - 1;
  return static_cast<double>((kFine + bucket % kFine) << doubling);
}

}  // namespace

class MissRatioCurve::Stack {
 public:
  static constexpr std::uint32_t kPlaces = 4 * kSamplesMax;
  static constexpr std::uint32_t kCells = 4 * kSamplesMax;
  static constexpr std::size_t kBytes =
      kPlaces * sizeof(std::uint64_t) + (kPlaces + 1 + kCells) * sizeof(std::uint32_t);

  std::size_t size() const { return size_; }

  // How many keys are newer, if it is there; then it is not any more.
  std::optional<std::uint32_t> Take(std::uint64_t key) {
    const std::uint32_t cell = CellOf(key);
    if (cells_[cell] == 0) return std::nullopt;
    const std::uint32_t place = cells_[cell] - 1;
    const auto newer = static_cast<std::uint32_t>(size_ - CountThrough(place));
    ClearCell(cell);
    ClearPlace(place);
    return newer;
  }
  // REQUIRES: not there, size() < kSamplesMax.
  void Push(std::uint64_t key) {
    DCHECK(size_ < kSamplesMax);
    if (next_ == kPlaces) KeepUpTo(kAll);
    places_[next_] = key;
    cells_[CellOf(key)] = next_ + 1;
    Add(next_, 1);
    ++next_;
    ++size_;
  }
  // REQUIRES: size() > 0.
  void DropOldest() {
    while (places_[oldest_] == 0) ++oldest_;
    ClearCell(CellOf(places_[oldest_]));
    ClearPlace(oldest_);
  }
  // Drops keys above the threshold, and moves the others together.
  void KeepUpTo(std::uint64_t threshold) {
    std::uint32_t to = 0;
    for (std::uint32_t from = 0; from < next_; ++from) {
      const std::uint64_t key = std::exchange(places_[from], 0);
      if (key != 0 && key <= threshold) places_[to++] = key;
    }
    std::ranges::fill(cells_, 0);
    std::ranges::fill(tree_, 0);
    for (std::uint32_t place = 0; place < to; ++place) {
      cells_[CellOf(places_[place])] = place + 1;
      Add(place, 1);
    }
    oldest_ = 0;
    next_ = to;
    size_ = to;
  }

 private:
  static std::uint32_t HomeOf(std::uint64_t key) {
    return static_cast<std::uint32_t>(key >> 1) & (kCells - 1);
  }
  // Where the key is, or where it may be put.
  std::uint32_t CellOf(std::uint64_t key) const {
    std::uint32_t cell = HomeOf(key);
    while (cells_[cell] != 0 && places_[cells_[cell] - 1] != key) cell = (cell + 1) & (kCells - 1);
    return cell;
  }
  // Those behind it that would not be found any more take its place.
  void ClearCell(std::uint32_t hole) {
    for (std::uint32_t cell = (hole + 1) & (kCells - 1); cells_[cell] != 0;
         cell = (cell + 1) & (kCells - 1)) {
      const std::uint32_t home = HomeOf(places_[cells_[cell] - 1]);
      if (((cell - home) & (kCells - 1)) < ((cell - hole) & (kCells - 1))) continue;
      cells_[hole] = cells_[cell];
      hole = cell;
    }
    cells_[hole] = 0;
  }
  void ClearPlace(std::uint32_t place) {
    places_[place] = 0;
    Add(place, -1);
    --size_;
  }
  void Add(std::uint32_t place, int delta) {
    for (std::uint32_t i = place + 1; i <= kPlaces; i += i & -i)
      tree_[i] += static_cast<std::uint32_t>(delta);
  }
  // How many are at this place or before.
  std::size_t CountThrough(std::uint32_t place) const {
    std::size_t count = 0;
    for (std::uint32_t i = place + 1; i > 0; i &= i - 1) count += tree_[i];
    return count;
  }

  std::vector<std::uint64_t> places_ = std::vector<std::uint64_t>(kPlaces);    // 0: none
  std::vector<std::uint32_t> tree_ = std::vector<std::uint32_t>(kPlaces + 1);  // Fenwick
  std::vector<std::uint32_t> cells_ = std::vector<std::uint32_t>(kCells);      // place + 1
  std::uint32_t next_ = 0;
  std::uint32_t oldest_ = 0;
  std::size_t size_ = 0;
};

MissRatioCurve::MissRatioCurve() = default;
MissRatioCurve::~MissRatioCurve() = default;

std::size_t MissRatioCurve::memory_bytes() { return Stack::kBytes + kBuckets * sizeof(double); }

std::int64_t MissRatioCurve::CountReads() const {
  std::int64_t reads = 0;
  for (const Reads& of_stripe : reads_) reads += of_stripe.count.value();
  return reads;
}

void MissRatioCurve::Start() {
  const MutexLock hold(mu_);
  Begin();
}

void MissRatioCurve::Cover(std::size_t keys) {
  constexpr double kDepthMax = 8;  // times what is of interest
  covered_keys_.store(keys, std::memory_order_relaxed);
  const MutexLock hold(mu_);
  if (stack_ == nullptr || rate_ == 1 || keys == 0) return;
  if (kSamplesMax / rate_ > kDepthMax * static_cast<double>(keys)) Begin();
}

void MissRatioCurve::Begin() {
  stack_ = std::make_unique<Stack>();
  histogram_.assign(kBuckets, 0);
  followed_reads_ = 0;
  rate_ = 1;
  reads_before_ = static_cast<double>(CountReads());
  threshold_.store(kAll, std::memory_order_relaxed);
}

void MissRatioCurve::Stop() {
  const MutexLock hold(mu_);
  threshold_.store(0, std::memory_order_relaxed);
  stack_ = nullptr;
  histogram_ = std::vector<double>();
}

void MissRatioCurve::ReadFollowed(std::uint64_t mixed) {
  const MutexLock hold(mu_);
  if (!IsFollowed(mixed)) return;  // no more
  if (++followed_reads_ > kAgingReads) Age();
  if (const std::optional<std::uint32_t> newer = stack_->Take(mixed))
    histogram_[BucketOf(*newer / rate_ + 1)] += 1;
  Push(mixed);
}

void MissRatioCurve::WriteFollowed(std::uint64_t mixed) {
  const MutexLock hold(mu_);
  if (!IsFollowed(mixed)) return;
  stack_->Take(mixed);
  Push(mixed);
}

void MissRatioCurve::ForgetFollowed(std::uint64_t mixed) {
  const MutexLock hold(mu_);
  if (IsFollowed(mixed)) stack_->Take(mixed);
}

void MissRatioCurve::Push(std::uint64_t mixed) {
  if (stack_->size() == kSamplesMax) {
    const auto covered = static_cast<double>(covered_keys_.load(std::memory_order_relaxed));
    const bool is_deep_enough = covered > 0 && kSamplesMax / rate_ >= covered;
    if (is_deep_enough) {
      stack_->DropOldest();
    } else {
      Halve();
    }
  }
  if (stack_->size() < kSamplesMax && IsFollowed(mixed)) stack_->Push(mixed);
}

// Counts are those of followed reads, of which there will be half as many.
void MissRatioCurve::Halve() {
  const std::uint64_t half = threshold_.load(std::memory_order_relaxed) / 2;
  threshold_.store(half, std::memory_order_relaxed);
  rate_ /= 2;
  stack_->KeepUpTo(half);
  for (double& count : histogram_) count /= 2;
  followed_reads_ /= 2;
}

void MissRatioCurve::Age() {
  for (double& count : histogram_) count /= 2;
  followed_reads_ /= 2;
  reads_before_ += (static_cast<double>(CountReads()) - reads_before_) / 2;
}

MissRatioCurve::Picture MissRatioCurve::Take() const {
  const MutexLock hold(mu_);
  Picture picture;
  if (stack_ == nullptr) return picture;
  const double reads = static_cast<double>(CountReads()) - reads_before_;
  picture.reads = std::llround(reads);
  picture.sampling_rate = rate_;
  picture.samples = static_cast<std::int64_t>(stack_->size());
  picture.expected_ = reads * rate_;
  picture.followed_ = followed_reads_;
  picture.histogram_ = histogram_;
  return picture;
}

// If more reads were followed than are due at this rate, or less, a few very hot keys are among the
// followed, or not: so the difference belongs to the least distances (SHARDS-adj in the paper).
double MissRatioCurve::Picture::HitRatio(double keys) const {
  if (expected_ <= 0 || keys < 1) return 0;
  double hits = expected_ - followed_;
  for (std::size_t bucket = 0; bucket + 1 < histogram_.size(); ++bucket) {
    const double begin = BucketBegin(bucket);
    if (begin > keys) break;
    const double width = BucketBegin(bucket + 1) - begin;
    hits += histogram_[bucket] * std::min(1.0, (keys - begin + 1) / width);
  }
  return std::clamp(hits / expected_, 0.0, 1.0);
}

}  // namespace cairn::keyspace
