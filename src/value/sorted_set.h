// SPDX-License-Identifier: BSD-3-Clause
// SortedSet: distinct members, each with a score, in the order of score and then bytes; one word.
//
//     few, short --> ds::PackedList   member, score, member, score, ... in order
//     else       --> ScoredTable      members in slabs, found by hash, ordered by a ds::ScoreTree
//
// It goes from the small form to the large one exactly where Redis 7.2 does, and never back. The
// small form is byte for byte Redis's: an integral score up to 2^62 is an integer (so -0 becomes 0
// there), any other the text of base/text.h. Limits are those of the configuration, home is where
// a table lives: both matter only to calls that may convert.
//
// All ranges are ranks. FindScores and FindMembers turn bounds into ranks, once; what is done with
// a range (count, visit in either direction, remove) goes by rank:
//
//   RankRange range = set.FindScores({.min = 1, .max = 5, .exclude_max = true});
//   set.ForEachIn(range.Limit(offset, count, Direction::kUp), Direction::kUp, reply);
//
// Invariants
//   (1) Members are distinct; no score is NaN. 0 and -0 are equal, the infinities are scores.
//   (2) The order is that of (score, bytes).
//
// Members are handed to callbacks as views that live until the callback returns; callbacks must not
// change the set. A set that was emptied is of no use to a keyspace but stays a valid empty one.
// Guarded by its stripe. Cost: the small form is walked; in the large one everything is O(log n)
// and the members visited, a score O(1); memory_bytes() always is constant.
#ifndef CAIRN_VALUE_SORTED_SET_H_
#define CAIRN_VALUE_SORTED_SET_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "base/function_ref.h"
#include "base/random.h"
#include "ds/packed_list.h"
#include "value/node_table.h"
#include "value/sorted_set_range.h"
#include "value/tagged_word.h"

namespace cairn::value {

class ScoredTable;

// zset-max-listpack-entries, zset-max-listpack-value.
struct SortedSetLimits {
  std::size_t packed_entries;
  std::size_t packed_value_bytes;
};

// What ZADD's flags ask of one member. By default its score is set.
struct ScoreRule {
  bool only_new = false;       // NX
  bool only_existing = false;  // XX
  bool only_greater = false;   // GT: of members that are there; new ones come in
  bool only_less = false;      // LT
  bool increment = false;      // INCR: the score is added to the one that is there
};

enum class ScoreOutcome : std::uint8_t {
  kAdded,
  kUpdated,
  kUnchanged,   // it had this score
  kSkipped,     // the rule forbids it; ZADD INCR replies nil
  kNotANumber,  // the score is NaN, or the sum of the infinities would be
};
struct ScoreChange {
  ScoreOutcome outcome;
  double score = 0;  // the member's now; REQUIRES: neither skipped nor not a number
};

struct MemberScore {
  std::string_view member;
  double score;
};

class SortedSet {
 public:
  using EntryFn = FunctionRef<void(std::string_view member, double score)>;
  struct Place {
    std::uint64_t rank;  // from the bottom; from the top it is size() - 1 - rank
    double score;
  };

  SortedSet() = default;
  SortedSet(SortedSet&& other) noexcept : word_(other.word_.Take()) {}
  SortedSet& operator=(SortedSet&& other) noexcept;
  ~SortedSet() { Clear(); }
  // Any number of members in any order, as ZUNIONSTORE or GEOSEARCHSTORE compute them. REQUIRES:
  // they are distinct; no score is NaN.
  static SortedSet FromMembers(std::span<const MemberScore> members, const SortedSetLimits& limits,
                               const TableHome& home);

  std::size_t size() const;
  bool empty() const { return size() == 0; }
  std::size_t memory_bytes() const;
  // "listpack" or "skiplist".
  std::string_view encoding() const;
  bool is_packed() const { return word_.form() == Form::kPacked; }
  // A table's copy lives in the same home.
  SortedSet Clone() const;
  // Frees about so many members; true once there is none. Nothing else may be asked in between.
  bool FreeStep(std::size_t members);

  ScoreChange Add(std::string_view member, double score, const ScoreRule& rule,
                  const SortedSetLimits& limits, const TableHome& home);
  // Says what is to be added next: up to `count` members, the longest of so many bytes. Redis
  // chooses the form by that, too; call it before the Adds of one ZADD.
  void Expect(std::size_t count, std::size_t longest_bytes, const SortedSetLimits& limits,
              const TableHome& home);
  // True if it was there.
  bool Remove(std::string_view member);

  // Ask for the memory that a lookup of the member will touch: the first for several members, then
  // the second for each, then look up.
  void PrefetchBucket(std::string_view member) const;
  void PrefetchNode(std::string_view member) const;

  std::optional<double> Score(std::string_view member) const;
  std::optional<Place> Rank(std::string_view member) const;

  // Valid until the next change.
  RankRange FindScores(const ScoreRange& range) const;
  // Goes by the members alone, which is an order where all scores are equal. Else Redis's reply is
  // unspecified, and so is this one.
  RankRange FindMembers(const MemberRange& range) const;

  // REQUIRES: range.end <= size().
  void ForEachIn(const RankRange& range, Direction direction, EntryFn fn) const;
  void ForEach(EntryFn fn) const { ForEachIn({0, size()}, Direction::kUp, fn); }
  // Removes and hands out, ascending. REQUIRES: range.end <= size().
  void RemoveRange(const RankRange& range, EntryFn removed);
  // Removes up to `count` from the bottom, ascending (kUp: ZPOPMIN), or the top, descending.
  void Pop(std::size_t count, Direction direction, EntryFn popped);

  // Each as likely. REQUIRES: !empty().
  void RandomMember(Random& random, EntryFn fn) const;
  // `count` different ones, or all, ascending.
  void RandomMembers(Random& random, std::size_t count, EntryFn fn) const;

  // Visits at least about `count` members and returns the cursor to go on with, 0 at the end. Start
  // with 0. Members that are there from the first call to the last are visited at least once. The
  // small form is visited as a whole.
  std::uint64_t Scan(std::uint64_t cursor, std::size_t count, EntryFn fn) const;

  // The small form as it lies in memory, for codecs. REQUIRES: is_packed().
  std::string_view packed_bytes() const { return packed().bytes(); }
  // The way back. REQUIRES: members and scores as this class keeps them, in order, each once.
  static SortedSet AdoptPacked(ds::PackedList list);
  // What a cut of the large form works on; its nodes are ds::ScoredMembers. Null in the small form.
  ds::SegmentTableBase* cut_table() const;
  // Stops the process if anything is not as it must be. Linear: for tests.
  void CheckInvariants() const;

 private:
  friend class SortedSetBuilder;
  enum class Form : std::uint8_t { kPacked, kTable };

  void Clear();
  ds::PackedView packed() const { return ds::PackedView(word_.pointer()); }
  ScoredTable& table() const { return *static_cast<ScoredTable*>(word_.pointer()); }
  void ToTable(const TableHome& home);
  bool MayPack(const MemberScore& added, const SortedSetLimits& limits) const;
  ScoreChange AddNew(const MemberScore& added, const SortedSetLimits& limits,
                     const TableHome& home);
  ScoreChange AddToPacked(const MemberScore& entry, const ScoreRule& rule,
                          const SortedSetLimits& limits, const TableHome& home);
  ScoreChange AddToTable(const MemberScore& entry, const ScoreRule& rule);

  TaggedWord<Form> word_;
};
static_assert(sizeof(SortedSet) == 8);

}  // namespace cairn::value

#endif  // CAIRN_VALUE_SORTED_SET_H_
