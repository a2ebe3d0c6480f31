// SPDX-License-Identifier: BSD-3-Clause
// NearTable: what a near cache keeps, whatever its type. Part of cairn/near_cache.h, not for users.
//
// Everything that is told or written here takes the next number of one count, and notes it by its
// name: in a floor that names of like hash share, then in the tag of that name if there is one,
// then by taking the copy out. A read takes a ticket - the count and the epoch - *before* it is
// sent. Its copy is kept if neither its key's floor nor one of its tags' is above the ticket, and
// the epoch still is the ticket's; the test is made under the lock under which copies are taken
// out.
//
//     count 41 ........ 42 ........... 43
//     read  ticket 41 ..... reply ....... Keep: floor(key) = 42 > 41: refused
//     told             key
//
// Invariants
//   (1) The floor is raised before the copy is looked for, so a Keep sees the one or is undone by
//       the other.
//   (2) A copy with tags is served only while none of them has a number above its ticket.
//   (3) A collision of floors refuses a copy too many, never one too few.
//
// Floors bound the memory of what is under way: no mark is left behind by a read that never ends.
//
// With a promotion, a read is counted before it is sent, and only that of a hot key takes a ticket.
// One question after what the server counts as hot is under way at a time: timer, question, reply,
// timer; what each holds is weak, so nothing keeps a table that its users have let go.
//
// Thread safety: any thread; names are told on the client's. Cost: O(1) each, whatever carries a
// tag; an epoch or a clear is O(copies).
#ifndef CAIRN_INTERNAL_NEAR_TABLE_H_
#define CAIRN_INTERNAL_NEAR_TABLE_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "cairn/cache_policy.h"
#include "cairn/internal/heat_sketch.h"
#include "cairn/near_cache.h"
#include "cairn/store.h"

namespace cairn::cache::internal {

// Names a type of values: a copy is only for those who would decode to the same.
using TypeName = const void*;
template <class T, class C>
inline constexpr char kTypeMarker = 0;
template <class T, class C>
constexpr TypeName TypeNameOf() {
  return &kTypeMarker<T, C>;
}

struct NearCopy {
  std::shared_ptr<const void> value = {};  // null: known to be absent
  Version version = 0;
  TimePoint read_at = {};
  Millis age{0};  // when it was read
};

struct NearTicket {
  std::uint64_t count = 0;
  std::uint64_t epoch = 0;
  TimePoint taken_at = {};
};

struct NearFill {
  NearCopy copy = {};
  TypeName type = nullptr;
  TimePoint fresh_until = {};
  std::size_t bytes = 0;  // of the value
  std::vector<std::string> tags = {};
};

// A key with its hash.
class NearName {
 public:
  explicit NearName(std::string_view text)
      : text_(text), hash_(std::hash<std::string_view>()(text)) {}
  std::string_view text() const { return text_; }
  std::size_t hash() const { return hash_; }

 private:
  std::string_view text_;
  std::size_t hash_;
};

class NearTable : public std::enable_shared_from_this<NearTable> {
 public:
  static constexpr std::size_t kShards = 16;
  // What a copy costs beside its key and value.
  static constexpr std::size_t kEntryBytes = 256;
  // Tags that copies have; beyond it values with others are not kept.
  static constexpr std::size_t kTagsMax = 65'536;
  // Prefixes of caches; of further ones what the server says is not heard.
  static constexpr std::size_t kPrefixesMax = 256;
  // What the server is asked for at a time, the hottest.
  static constexpr int kHotKeysAsked = 64;

  NearTable(Store store, const NearOptions& options);
  ~NearTable();
  NearTable(const NearTable&) = delete;
  NearTable& operator=(const NearTable&) = delete;

  // Asks the server to tell. Nothing if it cannot.
  Result<void> Track();
  // What it tells.
  void OnInvalidation(const Invalidation& told);

  // Where reads go whose values may be kept; null: nobody tells at the moment.
  Tracking* tracking() const { return is_told() ? tracking_.get() : nullptr; }
  bool is_told() const { return epoch_.load(std::memory_order_acquire) != 0; }

  // Whether what is read of the key now is to be kept: it counts as a read that asks the store.
  bool Admits(const NearName& name);
  // A cache over this has keys with this prefix.
  void AddPrefix(std::string prefix);

  // Before the read is sent.
  NearTicket Ticket() const;
  void Keep(const NearName& name, const NearTicket& ticket, NearFill fill);
  // What may be served; false: nothing.
  bool Find(const NearName& name, TypeName type, TimePoint now, Version min_version,
            NearCopy* copy);
  // What was last known, not invalidated since as far as was told.
  std::optional<NearCopy> LastKnown(const NearName& name, TypeName type);

  // Keys and tags of these names are no longer what they were.
  void Tell(std::string_view name);
  void TellAll();
  NearFigures figures() const;

 private:
  struct Tag {
    // relaxed: published by the lock of the map, or of the shard.
    std::atomic<std::uint64_t> bumped{0};
  };
  struct Node {
    std::string key;
    std::size_t hash = 0;
    NearFill fill;
    NearTicket ticket;
    std::vector<std::shared_ptr<const Tag>> tags;  // shared with the table of tags
    bool was_read = false;
    Node* older = nullptr;
    Node* newer = nullptr;
  };
  struct ByName {
    using is_transparent = void;
    std::size_t operator()(const NearName& name) const { return name.hash(); }
    std::size_t operator()(const std::unique_ptr<Node>& node) const { return node->hash; }
  };
  struct SameName {
    using is_transparent = void;
    static std::string_view Text(const NearName& name) { return name.text(); }
    static std::string_view Text(const std::unique_ptr<Node>& node) { return node->key; }
    template <class A, class B>
    bool operator()(const A& a, const B& b) const {
      return Text(a) == Text(b);
    }
  };
  class Shard;

  Shard& ShardOf(std::size_t hash) const;
  std::atomic<std::uint64_t>& FloorOf(std::size_t hash) { return floors_[hash % kFloors]; }
  bool IsOutdated(const NearName& name, const NearTicket& ticket, const NearFill& fill);
  bool FindTags(const std::vector<std::string>& names,
                std::vector<std::shared_ptr<const Tag>>* tags);
  void DropAll();
  // It was served from here, so it has its place again.
  void KeepHot(std::size_t hash, TimePoint now);
  void AskLater();
  void AskWhatIsHot();
  void OnHotKeys(const Result<Reply>& reply);
  void TakeHotKeys(const Reply& reads);

  static constexpr std::size_t kFloors = 4096;

  // Constant after construction.
  const Store store_;
  const std::size_t shard_bytes_max_;
  const std::size_t shard_entries_max_;
  const std::optional<NearPromotion> promotion_;
  const std::unique_ptr<Shard[]> shards_;
  const std::unique_ptr<HeatSketch> heat_;  // null without a promotion
  // Atomic: the number of what was last told, by its name's hash.
  std::atomic<std::uint64_t> count_{0};
  std::array<std::atomic<std::uint64_t>, kFloors> floors_{};
  std::atomic<std::uint64_t> floor_of_all_{0};
  std::atomic<std::uint64_t> epoch_{0};
  std::atomic<std::uint64_t> epochs_{0};
  std::atomic<std::uint64_t> invalidated_{0};
  std::atomic<std::uint64_t> refused_{0};
  std::atomic<std::uint64_t> cold_{0};
  std::atomic<std::uint64_t> told_hot_{0};
  std::mutex prefixes_mutex_;
  std::vector<std::string> prefixes_;  // under prefixes_mutex_
  TimerNumber asking_ = 0;             // whoever asks, one after the other; then the destructor
  std::mutex tags_mutex_;
  std::unordered_map<std::string, std::shared_ptr<Tag>> tags_;  // under tags_mutex_
  std::atomic<std::size_t> tag_count_{0};
  // The last member: its handler, which refers to the others, ends first.
  std::unique_ptr<Tracking> tracking_;
};

}  // namespace cairn::cache::internal

#endif  // CAIRN_INTERNAL_NEAR_TABLE_H_
