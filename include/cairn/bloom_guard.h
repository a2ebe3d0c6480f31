// SPDX-License-Identifier: BSD-3-Clause
// BloomGuard: which keys exist, so that those that surely do not are not asked for.
//
//   BloomGuard guard({.capacity = 1'000'000, .source = sql::KeysOf<UserKey>(db, "users", "id")});
//   guard.Rebuild();                                     // page by page; until then all is "maybe"
//   TypedCache<User, UserKey> users(store, {.policy = {.ttl = 1h}, .guard = guard});
//   users.GetOrLoad(-1, loader);                         // kNegative, and nobody was asked
//
//   const auto creation = guard.Create(UserKey(43));     // then INSERT, COMMIT
//
// A blocked Bloom filter over the texts of keys: "no" is certain, "maybe" is wrong for so many of
// the keys that do not exist as false_positive_rate says, while there are no more keys than
// capacity. Its hash (XXH3) has a seed of its own in each process, so that nobody can prepare keys
// that slip through.
//
// "No" is right as long as the guard hears of every key that is created, *before* others may read
// it: Create, kept until the commit, or a TypedCache's Put over it. Of what other processes create
// it has to be told (Add, by a Topic or an Outbox's relay); a reader who comes sooner than that is
// told "no". Where that is not to be borne, the guard is not for those keys: absence that is cached
// (Policy::negative_ttl) costs a round trip and knows of all creates. Deleted keys are "maybe"
// until the next Rebuild.
//
// Growth: with more keys than capacity more answers are "maybe", but none is wrong. A filter twice
// as large is then built from `source`, on `executor`, while the old one answers; what is created
// meanwhile goes into both. Without the two it is Rebuild's caller who sees to that (is_overfull).
//
// Errors: Rebuild gives the source's; kUnsupported without one; kConflict while another runs. A
// default-constructed guard is none, and says "maybe". Thread safety: any thread. Lifetimes: copies
// share one filter, which a rebuild in the background holds, and what the source refers to has to
// live on. Cost: 10 bits a key of capacity at 1 %, 16 at 0.1 %; a question is one hash and one
// cache line, behind a lock that is held for some nanoseconds. Figures walk over the filter.
#ifndef CAIRN_BLOOM_GUARD_H_
#define CAIRN_BLOOM_GUARD_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cairn/executor.h"
#include "cairn/result.h"

namespace cairn::cache {

// Texts of keys, a page a call; an empty one is the end.
using KeyPages = std::function<Result<std::vector<std::string>>()>;
// All keys that exist when it is called or soon thereafter, from the first page on.
using KeySource = std::function<Result<KeyPages>()>;

// What is outside of the bounds is taken as the nearer one.
inline constexpr std::size_t kGuardKeysMax = std::size_t{1} << 30;
inline constexpr double kGuardRateMin = 0.0001;
inline constexpr double kGuardRateMax = 0.5;

struct BloomGuardOptions {
  // Keys for which the rate holds; 1 to kGuardKeysMax.
  std::size_t capacity = 1'000'000;
  // Of keys that do not exist, the part that is "maybe" all the same.
  double false_positive_rate = 0.01;
  KeySource source = {};
  // Where it grows by itself. Outlives the guard's last copy.
  Executor* executor = nullptr;
};

struct BloomFigures {
  bool is_ready = false;  // false: never built, all is "maybe"
  std::size_t capacity = 0;
  // Keys that were added and are told apart by the filter; a few less than there are.
  std::size_t keys = 0;
  std::size_t bytes = 0;
  double fill = 0;  // the part of its bits that are set
  // What to expect of keys that do not exist, by the bits as they are.
  double false_positive_rate = 0;
  bool is_overfull = false;  // more keys than capacity
  bool is_rebuilding = false;
  std::uint64_t refused = 0;   // questions that were answered with "no"
  std::uint64_t rebuilds = 0;  // that came to their end
};

namespace internal {
class BloomBody;
}

class BloomGuard {
 public:
  // While it lives its key is in every filter, also in one that is begun meanwhile.
  class [[nodiscard]] Creation {
   public:
    Creation(Creation&& other) noexcept = default;
    Creation& operator=(Creation&&) = delete;
    ~Creation();

   private:
    friend class BloomGuard;
    Creation(std::shared_ptr<internal::BloomBody> body, std::string key);
    std::shared_ptr<internal::BloomBody> body_;  // null: moved from, or of no guard
    std::string key_;
  };

  // None.
  BloomGuard() = default;
  explicit BloomGuard(BloomGuardOptions options);

  // False: there is surely no such key.
  bool MayExist(std::string_view key) const;
  template <class KeyType>
    requires requires(const KeyType& key) { key.text(); }
  bool MayExist(const KeyType& key) const {
    return MayExist(std::string_view(key.text()));
  }

  // A key that the source has by now.
  void Add(std::string_view key) const;
  template <class KeyType>
    requires requires(const KeyType& key) { key.text(); }
  void Add(const KeyType& key) const {
    Add(std::string_view(key.text()));
  }
  // A key that the source will have: kept from before the row is written until it is committed.
  Creation Create(std::string_view key) const;
  template <class KeyType>
    requires requires(const KeyType& key) { key.text(); }
  Creation Create(const KeyType& key) const {
    return Create(std::string_view(key.text()));
  }

  // A new filter from the source; large enough for what that has: if it names more keys than there
  // is room for, it is read again, into one for as many. So a source that names a key more than
  // once may make it larger than it need be. The old one, if there is one, answers until it is
  // whole, and stays if the source fails.
  Result<void> Rebuild() const;

  BloomFigures figures() const;
  explicit operator bool() const { return body_ != nullptr; }

 private:
  std::shared_ptr<internal::BloomBody> body_;  // shared by the copies and a rebuild
};

// The keys of all numbers from `first` to `last`, both included, as a source.
template <class KeyType>
KeySource KeysOfRange(std::int64_t first, std::int64_t last) {
  constexpr std::int64_t kPageKeys = 4096;
  return [first, last]() -> Result<KeyPages> {
    return [next = first, last, is_done = last < first]() mutable {
      std::vector<std::string> page;
      while (!is_done && page.size() < kPageKeys) {
        page.push_back(KeyType(next).text());
        is_done = next == last;
        if (!is_done) ++next;
      }
      return Result<std::vector<std::string>>(std::move(page));
    };
  };
}

}  // namespace cairn::cache

#endif  // CAIRN_BLOOM_GUARD_H_
