// SPDX-License-Identifier: BSD-3-Clause
// KeySampler and KeyStatistics: which keys, and which prefixes of keys, clients ask for most.
//
// Each Runner has a sampler. It counts the keys of whole batches and looks closely at one of every
// `gap` of them, so a command pays a fraction of an instruction. What it sees goes into SpaceSaving
// tables over a sliding period, with the gap as its weight; KeyStatistics, which all runners of an
// engine share, adds the tables up when somebody asks.
//
//     keys of a batch     . . . . . . . . | . . . . . . . . . . | . . . .
//     skipped             ----------------^ ----------------^ ---  as if each were taken by 1 / gap
//
// Bias, and what is done about it
//   (1) Keys are skipped, not batches or passes: a key in a long pipeline is as likely to be taken
//   as one that comes alone. (2) The skip is drawn at random, from a geometric distribution, so no
//   rhythm of the clients falls in step with it. (3) The gap follows the traffic (few keys: each is
//   taken), but by what has passed, never by what comes; the skip is drawn anew then, which a
//   geometric one bears: so a key's weights add up to its calls on average. (4) What a
//   sample does not see: keys of requests so large that they are found in the lane, and what a
//   script calls (the keys it declares are seen, as read). Refused and queued commands count when
//   they come. (5) Hits and times are looked at without waiting: a key whose stripe is busy is
//   counted, but neither as hit nor as miss.
// Errors: SpaceSaving's bounds are certain; that of sampling is twice its standard deviation, the
// variance of a key being the sum of w (w - 1) over its samples of weight w. It is 0 at gap 1.
//
// Whether a write leaves a key without a time is seen a sample later, when an EXPIRE behind it has
// come as well.
//
// Threads: a sampler counts on its runner's thread; its tables are guarded by a lock that this
// thread only tries, and drops the sample if somebody reads them. KeyStatistics: any thread.
#ifndef CAIRN_COMMAND_KEY_SAMPLER_H_
#define CAIRN_COMMAND_KEY_SAMPLER_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/counter.h"
#include "base/ids.h"
#include "base/mutex.h"
#include "base/random.h"
#include "base/sliding_window.h"
#include "ds/space_saving.h"
#include "keyspace/keyspace.h"

namespace cairn::command {

class KeySampler;

// A prefix ends after one of the first kPrefixDepths ':' of a key, and is at most kPrefixBytesMax
// long; a key without has the empty one, at depth 1. Each depth has a table of its own, so that ids
// in the second part do not crowd the first parts out.
inline constexpr char kPrefixEnd = ':';
inline constexpr std::size_t kPrefixDepths = 3;
inline constexpr std::size_t kPrefixBytesMax = 64;

// Sums of weights, so estimates of how many keys were asked for; see KeySampler for their error.
struct PrefixTally {
  std::uint64_t reads = 0;
  std::uint64_t hits = 0;
  std::uint64_t misses = 0;
  std::uint64_t writes = 0;
  std::uint64_t written_bytes = 0;  // arguments of writes, shared among their keys
  std::uint64_t kept_writes = 0;    // of which the key was still there a sample later,
  std::uint64_t without_ttl = 0;    // and had no time
  std::uint64_t variance = 0;
  PrefixTally& operator+=(const PrefixTally& other);
};

struct HotKeyTally {
  DbId db;
  std::uint64_t variance = 0;
  HotKeyTally& operator+=(const HotKeyTally& other);
};

// What is asked of KeyStatistics. Of `calls`: at least `calls_min`, at most `calls_max`, with 95 %
// certainty.
struct CallBounds {
  std::uint64_t calls = 0;
  std::uint64_t calls_min = 0;
  std::uint64_t calls_max = 0;
};
struct HotKey {
  std::string name;  // cut at KeySampler::kNameBytesMax
  DbId db;
  CallBounds calls;
};
struct PrefixUse {
  std::string prefix;
  CallBounds calls;
  PrefixTally tally;
};
template <class Row>
struct KeyReport {
  std::int64_t period_ms = 0;    // that it covers
  std::uint64_t calls = 0;       // all of them
  std::uint64_t others_max = 0;  // no name that is not counted has more
  std::vector<Row> rows;         // the most called first
};

enum class KeyUse : std::uint8_t { kRead, kWrite };

class KeyStatistics {
 public:
  struct Settings {
    std::atomic<bool> enabled{true};
    std::atomic<std::size_t> hot_keys{128};  // counted by each thread, and each slice of the period
    std::atomic<std::int64_t> hot_keys_period_ms{60'000};
    std::atomic<std::size_t> prefixes{128};  // the same, at each depth
    std::atomic<std::int64_t> prefixes_period_ms{3'600'000};
  };

  // `total` counts the memory that the tables take, too. Before there are runners.
  void CountIn(SharedCounter* total) { total_bytes_ = total; }
  std::int64_t memory_bytes() const { return memory_bytes_.value(); }
  Settings& settings() { return settings_; }
  const Settings& settings() const { return settings_; }

  KeyReport<HotKey> HotKeys(KeyUse use, UnixMs now_ms, std::size_t limit) const;
  // REQUIRES: depth from 1 to kPrefixDepths.
  KeyReport<PrefixUse> Prefixes(std::size_t depth, UnixMs now_ms, std::size_t limit) const;
  void ResetHotKeys();
  void ResetPrefixes();

 private:
  friend class KeySampler;

  void Enter(KeySampler* sampler);
  void Leave(KeySampler* sampler);
  void CountMemory(std::int64_t bytes);

  Settings settings_;
  SharedCounter memory_bytes_;
  SharedCounter* total_bytes_ = nullptr;
  mutable Mutex mu_;  // taken before a sampler's
  std::vector<KeySampler*> samplers_ GUARDED_BY(mu_);
};

class KeySampler {
 public:
  // Of a longer key the beginning is kept; its hash keeps it apart from others.
  static constexpr std::size_t kNameBytesMax = 256;
  // With full traffic; a sample costs about 800 instructions.
  static constexpr std::int64_t kGapMax = 4096;
  // Samples in about a second: below the first the gap is halved, at each of the others doubled.
  static constexpr int kSamplesMin = 128;
  static constexpr int kSamplesToDouble = 256;

  KeySampler(KeyStatistics& statistics, keyspace::Keyspace& keyspace, std::uint64_t seed);
  ~KeySampler();
  KeySampler(const KeySampler&) = delete;
  KeySampler& operator=(const KeySampler&) = delete;

  // So many keys pass by. True: call Next for the position among them of each that is to be taken.
  bool Pass(std::size_t keys) {
    to_skip_ -= static_cast<std::int64_t>(keys);
    return to_skip_ < 0;
  }
  // The position of the next key to be taken of `keys`, which have just passed, or -1.
  std::int64_t Next(std::size_t keys);

  struct Sample {
    const keyspace::KeyRef& key;
    DbId db;
    KeyUse use;
    std::uint64_t written_bytes = 0;
  };
  // No stripe is locked but by a script that lets others be served.
  void Take(const Sample& sample, UnixMs now_ms);
  // About once a second, by a thread that has a timer: adapts the gap to little traffic.
  void Tick();
  std::int64_t gap() const { return gap_; }

 private:
  friend class KeyStatistics;

  struct HotTables {
    explicit HotTables(std::size_t capacity) : reads(capacity), writes(capacity) {}
    ds::SpaceSaving<HotKeyTally> reads;
    ds::SpaceSaving<HotKeyTally> writes;
  };
  using PrefixTable = ds::SpaceSaving<PrefixTally>;
  struct PrefixTables {
    explicit PrefixTables(std::size_t capacity)
        : by_depth{PrefixTable(capacity), PrefixTable(capacity), PrefixTable(capacity)} {}
    std::array<PrefixTable, kPrefixDepths> by_depth;
  };

  void DrawSkip();
  void TakeHotKey(const Sample& sample, UnixMs now_ms) REQUIRES(mu_);
  void TakePrefixes(const Sample& sample, UnixMs now_ms) REQUIRES(mu_);
  void JudgeWrite(UnixMs now_ms) REQUIRES(mu_);
  PrefixTables& Prefixes(UnixMs now_ms) REQUIRES(mu_);
  void SettleMemory() REQUIRES(mu_);
  void ClearHotKeys();
  void ClearPrefixes();

  KeyStatistics& statistics_;
  keyspace::Keyspace& keyspace_;
  // Of the runner's thread:
  std::int64_t to_skip_ = 0;
  std::int64_t gap_ = kGapMax;
  std::uint64_t weight_ = 1;  // of the sample that Next has named last
  int samples_ = 0;           // since the last tick, or since the gap was doubled
  Random random_;
  // A write whose key is looked at with the next sample; weight 0: none.
  std::string written_name_;
  DbId written_db_;
  std::uint64_t written_weight_ = 0;

  mutable Mutex mu_;  // a leaf but for stripes that are tried
  SlidingWindow<HotTables> hot_keys_ GUARDED_BY(mu_);
  SlidingWindow<PrefixTables> prefixes_ GUARDED_BY(mu_);
  std::int64_t memory_bytes_ GUARDED_BY(mu_) = 0;
};

// Calls fn with the prefix of each depth that the key has, from depth 1 on.
template <class Fn>
void ForEachPrefix(std::string_view key, Fn&& fn) {
  key = key.substr(0, kPrefixBytesMax);
  std::size_t end = 0;
  for (std::size_t depth = 0; depth < kPrefixDepths; ++depth) {
    const std::size_t at = key.find(kPrefixEnd, end);
    if (at == std::string_view::npos) {
      if (depth == 0) fn(depth, std::string_view());
      return;
    }
    end = at + 1;
    fn(depth, key.substr(0, end));
  }
}

}  // namespace cairn::command

#endif  // CAIRN_COMMAND_KEY_SAMPLER_H_
