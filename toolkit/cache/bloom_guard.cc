// SPDX-License-Identifier: BSD-3-Clause
// A blocked filter (Putze, Sanders, Singler, "Cache-, Hash- and Space-Efficient Bloom Filters",
// 2007): all bits of a key lie in one cache line, so a question costs one miss. Blocks fill
// unevenly, so it takes some more bits than a plain filter for the same rate: how many is
// calculated, by the number of keys in a block being Poisson's.
//
// No bit of the current filter is ever cleared, and a filter takes its place only when it has all
// that the source has and all that was added since its reading began. So a "no" is never wrong:
//   - a key whose Creation ended before the new filter was put up was committed before the source
//     was read;
//   - one whose Creation lived then was put into it at that moment;
//   - one that came later went into both.
#include "cairn/bloom_guard.h"

#define XXH_INLINE_ALL
#include <sys/random.h>
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cmath>
#include <mutex>
#include <tuple>
#include <unordered_map>

#include "cairn/internal/cache_core.h"

namespace cairn::cache {
namespace internal {
namespace {

constexpr std::size_t kBlockBits = 512;
constexpr std::size_t kWordBits = 64;
constexpr std::size_t kBlockWords = kBlockBits / kWordBits;
constexpr int kPlaceBits = 9;  // of a bit within its block
static_assert(std::size_t{1} << kPlaceBits == kBlockBits);
// From two 64-bit numbers, seven places each.
constexpr int kPlacesANumber = 64 / kPlaceBits;
constexpr int kProbesMax = 2 * kPlacesANumber;

struct alignas(64) Block {
  // Relaxed: who adds a key tells others of it by other means.
  std::array<std::atomic<std::uint64_t>, kBlockWords> words = {};
};
static_assert(sizeof(Block) * 8 == kBlockBits);

// That all probes of a key that is not there hit, in a block with so many keys.
double RateOfBlock(double keys, int probes) {
  const double set =
      1 - std::pow(1 - 1.0 / static_cast<double>(kBlockBits), keys * static_cast<double>(probes));
  return std::pow(set, probes);
}

// In blocks that have so many keys each on the average.
double RateOf(double keys_a_block, int probes) {
  const double most = keys_a_block + 10 * std::sqrt(keys_a_block) + 20;
  double part = std::exp(-keys_a_block);  // of blocks with `keys` keys
  double rate = 0;
  for (double keys = 0; keys <= most; ++keys) {
    rate += part * RateOfBlock(keys, probes);
    part *= keys_a_block / (keys + 1);
  }
  return rate;
}

struct Shape {
  std::size_t blocks = 1;
  int probes = 1;
};

// The fewest blocks, to some percent, by which the rate is kept.
Shape ShapeFor(std::size_t capacity, double rate) {
  constexpr double kBitsMin = 1;
  constexpr double kStep = 1.02;
  for (double bits = kBitsMin;; bits *= kStep) {
    const double keys_a_block = static_cast<double>(kBlockBits) / bits;
    const int probes =
        std::clamp(static_cast<int>(std::lround(bits * std::log(2.0) * 0.9)), 1, kProbesMax);
    if (RateOf(keys_a_block, probes) > rate) continue;
    const double blocks = std::ceil(static_cast<double>(capacity) / keys_a_block);
    return {.blocks = std::max<std::size_t>(static_cast<std::size_t>(blocks), 1), .probes = probes};
  }
}

std::uint64_t AnySeed() {
  std::uint64_t seed = 0;
  // What it cannot give is no harm but to who is attacked.
  return getrandom(&seed, sizeof(seed), 0) == sizeof(seed) ? seed : 0;
}

std::uint64_t Mixed(std::uint64_t number) {
  number = (number ^ (number >> 30)) * 0xBF58476D1CE4E5B9;
  number = (number ^ (number >> 27)) * 0x94D049BB133111EB;
  return number ^ (number >> 31);
}

class Filter {
 public:
  Filter(std::size_t capacity, double rate)
      : capacity_(capacity),
        shape_(ShapeFor(capacity, rate)),
        blocks_(std::make_unique<Block[]>(shape_.blocks)) {}

  std::size_t capacity() const { return capacity_; }
  std::size_t keys() const { return keys_.load(std::memory_order_relaxed); }
  std::size_t bytes() const { return shape_.blocks * sizeof(Block); }

  void Add(std::string_view key, std::uint64_t seed) {
    const Place place = PlaceOf(key, seed);
    bool is_new = false;
    Visit(place, [&](std::atomic<std::uint64_t>& word, std::uint64_t bit) {
      if ((word.load(std::memory_order_relaxed) & bit) == 0)
        is_new = (word.fetch_or(bit, std::memory_order_relaxed) & bit) == 0 || is_new;
      return true;
    });
    if (is_new) keys_.fetch_add(1, std::memory_order_relaxed);
  }
  bool Has(std::string_view key, std::uint64_t seed) const {
    return Visit(PlaceOf(key, seed), [](const std::atomic<std::uint64_t>& word, std::uint64_t bit) {
      return (word.load(std::memory_order_relaxed) & bit) != 0;
    });
  }
  void Tell(BloomFigures* figures) const {
    double set = 0;
    double rate = 0;
    for (std::size_t i = 0; i < shape_.blocks; ++i) {
      int ones = 0;
      for (const auto& word : blocks_[i].words)
        ones += std::popcount(word.load(std::memory_order_relaxed));
      const double part = static_cast<double>(ones) / static_cast<double>(kBlockBits);
      set += part;
      rate += std::pow(part, shape_.probes);
    }
    figures->capacity = capacity_;
    figures->keys = keys();
    figures->bytes = bytes();
    figures->fill = set / static_cast<double>(shape_.blocks);
    figures->false_positive_rate = rate / static_cast<double>(shape_.blocks);
    figures->is_overfull = keys() > capacity_;
  }

 private:
  struct Place {
    std::size_t block;
    std::array<std::uint64_t, 2> numbers;
  };
  Place PlaceOf(std::string_view key, std::uint64_t seed) const {
    const XXH128_hash_t hash = XXH3_128bits_withSeed(key.data(), key.size(), seed);
    __extension__ using Wide = unsigned __int128;
    const auto block = static_cast<std::size_t>((Wide{hash.high64} * shape_.blocks) >> 64);
    return {.block = block, .numbers = {hash.low64, Mixed(hash.low64)}};
  }
  // Until one says false.
  template <class Each>
  bool Visit(const Place& place, Each each) const {
    for (int i = 0; i < shape_.probes; ++i) {
      const std::uint64_t number = place.numbers[static_cast<std::size_t>(i / kPlacesANumber)];
      const std::uint64_t at = (number >> (i % kPlacesANumber * kPlaceBits)) % kBlockBits;
      auto& word = blocks_[place.block].words[at / kWordBits];
      if (!each(word, std::uint64_t{1} << (at % kWordBits))) return false;
    }
    return true;
  }

  const std::size_t capacity_;
  const Shape shape_;
  const std::unique_ptr<Block[]> blocks_;
  std::atomic<std::size_t> keys_{0};
};

BloomGuardOptions Bounded(BloomGuardOptions options) {
  options.capacity = std::clamp(options.capacity, std::size_t{1}, kGuardKeysMax);
  const double rate = options.false_positive_rate;
  // In this order, so that what is no number is the least.
  options.false_positive_rate = rate >= kGuardRateMax   ? kGuardRateMax
                                : rate >= kGuardRateMin ? rate
                                                        : kGuardRateMin;
  return options;
}

}  // namespace

class BloomBody : public std::enable_shared_from_this<BloomBody> {
 public:
  explicit BloomBody(BloomGuardOptions options) : options_(Bounded(std::move(options))) {}

  bool MayExist(std::string_view key) {
    std::shared_ptr<const Filter> filter;
    {
      const std::lock_guard lock(mutex_);
      filter = current_;
    }
    if (!filter || filter->Has(key, seed_)) return true;
    // relaxed: a figure.
    refused_.fetch_add(1, std::memory_order_relaxed);
    return false;
  }
  void Add(std::string_view key) {
    bool is_to_grow = false;
    {
      const std::lock_guard lock(mutex_);
      AddHeld(key);
      is_to_grow = current_ && current_->keys() > grow_at_;
    }
    if (is_to_grow) Grow();
  }
  void Begin(const std::string& key) {
    {
      const std::lock_guard lock(mutex_);
      AddHeld(key);
      ++creations_[key];
    }
    Add(key);  // and grows, perhaps
  }
  void End(const std::string& key) {
    const std::lock_guard lock(mutex_);
    const auto found = creations_.find(key);
    if (--found->second == 0) creations_.erase(found);
  }

  Result<void> Rebuild() {
    if (!options_.source) return Fail(Errc::kUnsupported, "the guard has no source of keys");
    if (is_rebuilding_.exchange(true)) return Fail(Errc::kConflict, "the guard is being rebuilt");
    return Rebuilt();
  }

  BloomFigures figures() {
    BloomFigures figures;
    std::shared_ptr<const Filter> filter;
    {
      const std::lock_guard lock(mutex_);
      filter = current_;
    }
    figures.is_ready = filter != nullptr;
    if (filter) filter->Tell(&figures);
    figures.is_rebuilding = is_rebuilding_.load();
    figures.refused = refused_.load(std::memory_order_relaxed);
    figures.rebuilds = rebuilds_.load(std::memory_order_relaxed);
    return figures;
  }

 private:
  // The source may have more keys than the last count, or than the options say.
  static constexpr int kPassesMax = 4;

  // Ends with a rebuild, also one that its executor drops.
  class Rebuilding {
   public:
    explicit Rebuilding(std::shared_ptr<BloomBody> body) : body_(std::move(body)) {}
    Rebuilding(Rebuilding&&) noexcept = default;
    Rebuilding& operator=(Rebuilding&&) = delete;
    ~Rebuilding() {
      if (body_) body_->is_rebuilding_.store(false);
    }
    BloomBody* operator->() const { return body_.get(); }

   private:
    std::shared_ptr<BloomBody> body_;
  };

  // REQUIRES: mutex_ is held.
  void AddHeld(std::string_view key) {
    if (current_) current_->Add(key, seed_);
    if (next_) next_->Add(key, seed_);
  }

  void Grow() {
    if (options_.executor == nullptr || !options_.source || is_rebuilding_.exchange(true)) return;
    options_.executor->Post([rebuilding = Rebuilding(shared_from_this())]() mutable {
      // Its failure is seen by is_overfull; the next key tries again.
      std::ignore = rebuilding->Fill();
    });
  }
  Result<void> Rebuilt() {
    const Rebuilding rebuilding(shared_from_this());
    return Fill();
  }

  // REQUIRES: is_rebuilding_ is this caller's.
  Result<void> Fill() {
    std::size_t keys = 0;
    {
      const std::lock_guard lock(mutex_);
      if (current_) keys = current_->keys();
    }
    std::size_t capacity = options_.capacity;
    for (int pass = 1;; ++pass) {
      while (capacity < keys + keys / 4 && capacity < kGuardKeysMax) capacity *= 2;
      const auto filter =
          std::make_shared<Filter>(std::min(capacity, kGuardKeysMax), options_.false_positive_rate);
      PutUp(filter);
      Result<std::size_t> read = Read(*filter);
      if (!read) {
        GiveUp();
        return Pass(std::move(read));
      }
      if (filter->keys() <= filter->capacity() || pass == kPassesMax ||
          filter->capacity() == kGuardKeysMax)
        break;
      // One that is overfull tells few of the others apart: what it was given counts.
      keys = std::max(filter->keys(), *read);
    }
    const std::lock_guard lock(mutex_);
    current_ = std::move(next_);
    next_ = nullptr;
    grow_at_ =
        current_->keys() > current_->capacity() ? current_->keys() * 2 : current_->capacity();
    rebuilds_.fetch_add(1, std::memory_order_relaxed);
    return {};
  }
  void PutUp(std::shared_ptr<Filter> filter) {
    const std::lock_guard lock(mutex_);
    next_ = std::move(filter);
    for (const auto& [key, count] : creations_) next_->Add(key, seed_);
  }
  // Some keys later it is tried again.
  void GiveUp() {
    const std::lock_guard lock(mutex_);
    next_ = nullptr;
    const std::size_t keys = current_ ? current_->keys() : 0;
    grow_at_ = std::max(grow_at_, keys + keys / 16 + 1);
  }
  // How many keys the source named. What it throws ends here.
  Result<std::size_t> Read(Filter& filter) {
    try {
      return ReadAll(filter);
    } catch (...) {
      return std::unexpected(LoaderError(std::current_exception()));
    }
  }
  Result<std::size_t> ReadAll(Filter& filter) {
    std::size_t keys = 0;
    Result<KeyPages> pages = options_.source();
    if (!pages) return Pass(std::move(pages));
    while (true) {
      Result<std::vector<std::string>> page = (*pages)();
      if (!page) return Pass(std::move(page));
      if (page->empty()) return keys;
      keys += page->size();
      for (const std::string& key : *page) filter.Add(key, seed_);
    }
  }

  const BloomGuardOptions options_;
  const std::uint64_t seed_ = AnySeed();
  // Not a lock that readers share: theirs could keep a writer out for as long as they come.
  std::mutex mutex_;
  // All below: under mutex_, as pointers; of a filter all may be done at any time.
  std::shared_ptr<Filter> current_;  // null: never built
  std::shared_ptr<Filter> next_;     // being filled; what is added goes into both
  std::size_t grow_at_ = 0;          // keys
  std::unordered_map<std::string, int> creations_;
  std::atomic<bool> is_rebuilding_{false};
  std::atomic<std::uint64_t> refused_{0};
  std::atomic<std::uint64_t> rebuilds_{0};
};

}  // namespace internal

BloomGuard::Creation::Creation(std::shared_ptr<internal::BloomBody> body, std::string key)
    : body_(std::move(body)), key_(std::move(key)) {
  if (body_) body_->Begin(key_);
}

BloomGuard::Creation::~Creation() {
  if (body_) body_->End(key_);
}

BloomGuard::BloomGuard(BloomGuardOptions options)
    : body_(std::make_shared<internal::BloomBody>(std::move(options))) {}

bool BloomGuard::MayExist(std::string_view key) const { return !body_ || body_->MayExist(key); }

void BloomGuard::Add(std::string_view key) const {
  if (body_) body_->Add(key);
}

BloomGuard::Creation BloomGuard::Create(std::string_view key) const {
  return Creation(body_, std::string(key));
}

Result<void> BloomGuard::Rebuild() const {
  if (!body_) return Fail(Errc::kUnsupported, "there is no guard");
  return body_->Rebuild();
}

BloomFigures BloomGuard::figures() const { return body_ ? body_->figures() : BloomFigures(); }

}  // namespace cairn::cache
