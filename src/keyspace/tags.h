// SPDX-License-Identifier: BSD-3-Clause
// Tags: names under which values of many keys are declared out of date at once.
//
// Bumps are numbered by one count for the whole keyspace, and a tag knows the numbers of its last
// ones. Who begins to load a value remembers where the count stood (its stamp); a value carries its
// stamp and its tags, so it is out of date if a tag of it was bumped since. Bumping costs the same
// whatever number of values there are, needs no clock, and beats loads that are under way, also
// those whose tags nobody knows yet.
//
//     count   ... 41 ........ 42 ............ 43 ...
//     load A  begins, stamp 41 ......... stored: tag bumped at 42 > 41, out of date
//     bump                    tag = 42
//     load B                      begins, stamp 42 ........ stored: up to date
//
// A tag that nothing carries is kept until kIdleTagsMax others of its shelf have come after it;
// then the number of its bump goes into a floor that it shares with the tags of like hash. A fill
// that began before that floor is refused (GetUnlessBumped), though it may be another tag's.
//
// Tags are of the whole keyspace, whatever the database, as tracked keys are: SWAPDB moves values.
//
// Thread safety: any thread; may be called with stripes locked: the shelves' mutexes are leaves.
#ifndef CAIRN_KEYSPACE_TAGS_H_
#define CAIRN_KEYSPACE_TAGS_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/counter.h"
#include "base/ids.h"
#include "base/mutex.h"

namespace cairn::keyspace {

class Tracker;

// kSoft: values become stale, and may be served as such. kHard: they are gone.
enum class Bump : std::uint8_t { kSoft, kHard };

class Tags {
 private:
  struct Shelf;

 public:
  static constexpr std::size_t kIdleTagsMax = 256;  // a shelf
  static constexpr std::size_t kShelves = 16;
  static constexpr std::size_t kFloors = 4096;
  static constexpr std::size_t kNameBytesMax = 1024;

  // Kept while a Ref refers to it.
  class Tag {
   public:
    Tag(Shelf& shelf, const std::string& name) : shelf_(shelf), name_(name) {}
    const std::string& name() const { return name_; }
    // 0: never. Who stores a value later than a bump has its number as his stamp, or a later one.
    std::uint64_t last(Bump kind) const {
      return bumps_[static_cast<int>(kind)].load(std::memory_order_acquire);
    }

   private:
    friend class Tags;
    Shelf& shelf_;
    const std::string& name_;  // the map's key
    // acquire/release: what was done before the bump is seen by who sees its number.
    std::array<std::atomic<std::uint64_t>, 2> bumps_{};
    // Who caches values with it outside the server; under the shelf's mutex.
    std::vector<std::shared_ptr<Tracker>> trackers_;
    std::uint32_t refs_ = 0;  // under the shelf's mutex
    bool is_idle_ = false;    // the same: stands among the idle ones
  };

  // A value's hold on a tag.
  class Ref {
   public:
    Ref() = default;
    Ref(const Ref& other);
    Ref(Ref&& other) noexcept : tag_(std::exchange(other.tag_, nullptr)) {}
    Ref& operator=(Ref other) noexcept {
      std::swap(tag_, other.tag_);
      return *this;
    }
    ~Ref();
    explicit operator bool() const { return tag_ != nullptr; }
    const Tag& operator*() const { return *tag_; }
    const Tag* operator->() const { return tag_; }

   private:
    friend class Tags;
    explicit Ref(Tag* tag) : tag_(tag) {}
    Tag* tag_ = nullptr;
  };

  // What is asked about one tag.
  struct State {
    std::uint32_t carriers = 0;  // values and copies of them
    std::uint64_t soft_bump = 0;
    std::uint64_t hard_bump = 0;
  };

  Tags();
  ~Tags();
  Tags(const Tags&) = delete;
  Tags& operator=(const Tags&) = delete;

  // Where the count stands: the stamp of a load that begins now.
  std::uint64_t Now() const { return count_.load(std::memory_order_acquire); }
  // A number that came from a file or a log: the count goes on behind it.
  void AtLeast(std::uint64_t count);

  // The tag of that name, made if there is none.
  Ref Get(std::string_view name);
  // The same, or nothing if it was, or may have been, bumped after `stamp`.
  Ref GetUnlessBumped(std::string_view name, std::uint64_t stamp);

  // The number of a bump to come.
  std::uint64_t Draw() { return count_.fetch_add(1, std::memory_order_acq_rel) + 1; }
  // O(1), whatever carries the tag. Who reads such values and caches them (CLIENT TRACKING) is told
  // once, of the tag. `by`: whose bump it is.
  void BumpAt(std::string_view name, Bump kind, std::uint64_t number, ClientId by = {});
  // Who has read a value with this stamp and tag is to be told of its next bump; at once, if that
  // has been. Of kTrackersMax the first makes room: it is told as if the tag had been bumped.
  void Remember(const Ref& tag, std::uint64_t stamp, const std::shared_ptr<Tracker>& reader);
  static constexpr std::size_t kTrackersMax = 10'000;
  // Hard bumps of tags that something carried.
  std::uint64_t hard_bumps() const { return hard_bumps_.load(std::memory_order_relaxed); }
  State Look(std::string_view name);

  std::size_t size() const;
  // Of the tags themselves: what grows with their number.
  std::int64_t memory_bytes() const { return bytes_.value(); }

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view name) const {
      return std::hash<std::string_view>()(name);
    }
  };
  struct Shelf {
    Mutex mu;  // a leaf
    std::unordered_map<std::string, std::unique_ptr<Tag>, Hash, std::equal_to<>> tags
        GUARDED_BY(mu);
    // Some may have been taken up again since.
    std::deque<Tag*> idle GUARDED_BY(mu);
    Tags* owner = nullptr;
  };

  Shelf& ShelfOf(std::string_view name) { return shelves_[Hash()(name) % kShelves]; }
  std::atomic<std::uint64_t>& FloorOf(std::string_view name) {
    return floors_[Hash()(name) / kShelves % kFloors];
  }
  static Tag* Ensure(Shelf& shelf, std::string_view name) REQUIRES(shelf.mu);
  static void SetAside(Shelf& shelf, Tag* tag) REQUIRES(shelf.mu);
  static void Drop(Shelf& shelf, Tag* tag) REQUIRES(shelf.mu);
  static void Release(Tag* tag);
  static std::size_t BytesOf(const std::string& name);

  std::atomic<std::uint64_t> count_{0};
  std::atomic<std::uint64_t> hard_bumps_{0};  // relaxed: who asks looks again soon
  SharedCounter bytes_;
  std::array<Shelf, kShelves> shelves_;
  // The largest number of those bumps whose tags are forgotten.
  std::array<std::atomic<std::uint64_t>, kFloors> floors_{};
};

}  // namespace cairn::keyspace

#endif  // CAIRN_KEYSPACE_TAGS_H_
