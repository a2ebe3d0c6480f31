// SPDX-License-Identifier: BSD-3-Clause
// Namespaces: prefixes of keys that have been declared, with rules for the keys below them.
//
// Of several prefixes that a key begins with the longest counts. What is stored under a declared
// prefix gets notes (cache_notes.h) that name the namespace: so hits, bytes and deaths are found
// from the entry, and a key that is in no namespace pays nothing. What was there before is given
// its notes by a sweep (namespace_sweeper.h).
//
//     declared ---- sweep: all below has notes ---- CLEAR: one number raised ---- sweep: buried
//                                                     |
//                              what has an older stamp is dead from here on
//
// Clearing draws a number from the count that tags are bumped by (tags.h): entries carry a stamp of
// that count, and so does a load under way, which is refused when it comes.
//
// Namespaces are of the whole keyspace, whatever the database. One that was declared is never freed
// while the keyspace lives: notes point to it. Undeclared, it counts what is left of it.
//
// Thread safety: what is declared, and its rules, change under all stripes and are read under any
// one of them. Counts are atomic, relaxed: each is read by itself.
#ifndef CAIRN_KEYSPACE_NAMESPACES_H_
#define CAIRN_KEYSPACE_NAMESPACES_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/counter.h"
#include "base/status.h"

namespace cairn::keyspace {

// Why a key is not there.
enum class Loss : std::uint8_t { kAbsent, kExpired, kEvicted, kInvalidated };
inline constexpr std::size_t kLosses = 4;

// 0: no such rule.
struct NamespaceRules {
  std::int64_t ttl_ms = 0;      // of what is stored without a time
  std::int64_t ttl_ms_max = 0;  // from now, whatever is asked for
  std::int64_t jitter_percent = 0;
  std::int64_t negative_ttl_ms = 0;
  std::int64_t negatives_max = 0;
  std::int64_t memory_bytes_max = 0;
  std::int64_t leases_max = 0;
  bool operator==(const NamespaceRules&) const = default;
};

// What is counted, summed up.
struct NamespaceFigures {
  std::int64_t hits = 0;
  std::int64_t negative_hits = 0;  // it was known that there is no such row
  std::array<std::int64_t, kLosses> misses{};
  std::int64_t keys = 0;
  std::int64_t negatives = 0;
  std::int64_t bytes = 0;
  std::int64_t evicted = 0;
  std::int64_t loads = 0;
  std::int64_t load_ms = 0;
};

class Namespace {
 public:
  explicit Namespace(std::string_view prefix) : prefix_(prefix) {}
  Namespace(const Namespace&) = delete;
  Namespace& operator=(const Namespace&) = delete;

  const std::string& prefix() const { return prefix_; }
  const NamespaceRules& rules() const { return rules_; }
  bool is_declared() const { return is_declared_; }
  // Its rules are those of the configuration, and in no file of data.
  bool is_configured() const { return is_configured_; }

  // What has an older stamp is dead. acquire: see Tags::Tag::last.
  std::uint64_t cleared_at() const { return cleared_at_.load(std::memory_order_acquire); }
  void ClearAt(std::uint64_t number);

  void CountHit(const void* near) { ShareOf(near).hits.Add(1); }
  void CountNegativeHit(const void* near) { ShareOf(near).negative_hits.Add(1); }
  // By what is remembered of the key's going.
  void CountMiss(std::uint64_t key_hash);
  void CountEviction(const void* near) { ShareOf(near).evicted.Add(1); }
  void CountLoad(std::int64_t took_ms);
  // By the notes of entries.
  void CountEntries(const void* near, bool is_negative, std::int64_t entries, std::int64_t bytes);
  void NoteLoss(std::uint64_t key_hash, Loss loss);

  // A lease may be had, and counts from now on. Never more than leases_max at once.
  bool TakeLease();
  void ReturnLease() { leases_.fetch_sub(1, std::memory_order_relaxed); }
  void CountVoided() { leases_voided_.Add(1); }
  void CountTimedOut() { leases_timed_out_.Add(1); }
  std::int64_t leases() const { return leases_.load(std::memory_order_relaxed); }
  std::int64_t leases_granted() const { return leases_granted_.value(); }
  std::int64_t leases_voided() const { return leases_voided_.value(); }
  std::int64_t leases_timed_out() const { return leases_timed_out_.value(); }
  std::int64_t leases_capped() const { return leases_capped_.value(); }

  std::int64_t bytes() const;
  std::int64_t negatives() const;
  bool is_over_budget() const {
    return rules_.memory_bytes_max != 0 && bytes() > rules_.memory_bytes_max;
  }
  NamespaceFigures Figures() const;
  // But for what is there now.
  void ResetStatistics();

 private:
  friend class Namespaces;

  static constexpr std::size_t kShares = 8;
  // Keys whose going is remembered: by some bits of their hash, the last one of a slot.
  static constexpr std::size_t kLossSlots = 4096;

  // Threads that count at once seldom meet in one.
  struct alignas(128) Share {
    SharedCounter hits;
    SharedCounter negative_hits;
    std::array<SharedCounter, kLosses> misses;
    SharedCounter keys;
    SharedCounter negatives;
    SharedCounter bytes;
    SharedCounter evicted;
    SharedCounter loads;
    SharedCounter load_ms;
  };
  // Anything that differs from key to key will do.
  Share& ShareOf(const void* near) {
    return shares_[(reinterpret_cast<std::uintptr_t>(near) >> 6) % kShares];
  }
  Share& ShareOf(std::uint64_t key_hash) { return shares_[(key_hash >> 40) % kShares]; }

  // constant after construction
  const std::string prefix_;
  // under the stripes' locks
  NamespaceRules rules_;
  bool is_declared_ = false;
  bool is_configured_ = false;
  std::optional<NamespaceRules> configured_rules_;  // also while a command has replaced them
  const Namespace* outer_ = nullptr;  // the longest declared one that this one begins with

  std::atomic<std::uint64_t> cleared_at_{0};
  std::array<Share, kShares> shares_;
  std::atomic<std::int64_t> leases_{0};
  SharedCounter leases_granted_;
  SharedCounter leases_voided_;
  SharedCounter leases_timed_out_;
  SharedCounter leases_capped_;
  // relaxed: a miss that finds a wrong reason is one that counts as another.
  std::array<std::atomic<std::uint32_t>, kLossSlots> losses_{};
};

class Namespaces {
 public:
  static constexpr std::size_t kDeclaredMax = 256;
  // Prefixes that were ever declared: their counts stay.
  static constexpr std::size_t kKnownMax = 4096;
  static constexpr std::size_t kPrefixBytesMax = 512;

  // Whether a namespace was ever declared. Any thread.
  bool any() const { return any_.load(std::memory_order_relaxed); }
  // The one that the key is in, or null. REQUIRES: a stripe locked, as for all that follows.
  Namespace* Of(std::string_view key) const;
  // Declared, by its prefix; or null.
  Namespace* Find(std::string_view prefix) const;
  // By prefix, ascending.
  const std::vector<Namespace*>& declared() const { return declared_; }

  // REQUIRES: every stripe held. An error is a client's.
  Result<Namespace*> Declare(std::string_view prefix, const NamespaceRules& rules,
                             bool is_configured);
  // Where a command has replaced the rules of the configuration these come back. False if there is
  // none. REQUIRES: it is not as configured.
  bool Undeclare(std::string_view prefix);

  // Numbers of what a sweep has to do: it goes over everything once more if this has changed since
  // it began. Any thread.
  std::uint64_t changes() const { return changes_.load(std::memory_order_acquire); }
  // After a clear; a change of what is declared says so itself.
  void NoteChange() { changes_.fetch_add(1, std::memory_order_release); }
  // The last change of what is declared has been swept, so all entries have their notes.
  bool is_settled() const {
    return swept_.load(std::memory_order_acquire) >=
           declared_change_.load(std::memory_order_acquire);
  }
  // By the sweep: a walk over everything that began at `changes` has ended.
  void NoteSwept(std::uint64_t changes);

  std::size_t memory_bytes() const;

 private:
  void Relink();

  std::vector<std::unique_ptr<Namespace>> known_;
  std::vector<Namespace*> declared_;
  std::atomic<bool> any_{false};
  std::atomic<std::uint64_t> changes_{0};
  std::atomic<std::uint64_t> declared_change_{0};
  std::atomic<std::uint64_t> swept_{0};
};

}  // namespace cairn::keyspace

#endif  // CAIRN_KEYSPACE_NAMESPACES_H_
