// SPDX-License-Identifier: BSD-3-Clause
// Set: distinct members, in one word.
//
//     integers --> ds::IntSet      a text comes, or too many numbers
//        few   --> ds::PackedList  a long member comes, or too many
//        else  --> NodeTable       | size | member | in slabs, found by hash
//
// A set goes from a small form to a larger one exactly where Redis 7.2 does, and never back but for
// PopRandomMany. Limits are those of the configuration, home is where a table lives: both matter
// only to calls that may convert. (Redis 7.0 has no packed sets: there a text makes a table.)
//
// A set that was emptied is of no use to a keyspace but stays a valid empty one.
//
// Members are handed to callbacks as views that live until the next change, numbers until the
// callback returns. Callbacks must not change the set, unless said. Thread safety: guarded by its
// stripe. Cost: the small forms walk or search, a table is constant; memory_bytes() always is.
#ifndef CAIRN_VALUE_SET_H_
#define CAIRN_VALUE_SET_H_

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

#include "base/function_ref.h"
#include "base/prefetch.h"
#include "base/random.h"
#include "ds/int_set.h"
#include "ds/packed_list.h"
#include "value/node_size.h"
#include "value/node_table.h"
#include "value/tagged_word.h"

namespace cairn::value {

// set-max-intset-entries, set-max-listpack-entries, set-max-listpack-value.
struct SetLimits {
  std::size_t int_entries;
  std::size_t packed_entries;
  std::size_t packed_value_bytes;
};

// A member of a large set.
class SetNode {
 public:
  static SetNode* Create(ds::SlabArena& arena, std::string_view member);
  std::string_view key() const {
    const char* at = reinterpret_cast<const char*>(this);
    const std::size_t size = ReadNodeSize(at);
    return {at, size};
  }
  std::size_t bytes() const;

 private:
  SetNode() = default;
};

class Set {
 public:
  using MemberFn = FunctionRef<void(std::string_view)>;
  using Table = NodeTable<SetNode>;

  Set() = default;
  Set(Set&& other) noexcept : word_(other.word_.Take()) {}
  Set& operator=(Set&& other) noexcept;
  ~Set() { Clear(); }
  // An empty set whose first member, number or not, makes it a packed one: what Redis starts the
  // results of SINTERSTORE with.
  static Set EmptyPacked();

  std::size_t size() const;
  bool empty() const { return size() == 0; }
  std::size_t memory_bytes() const;
  // "intset", "listpack" or "hashtable".
  std::string_view encoding() const;
  // The small representations.
  bool is_packed() const { return word_.form() != Form::kTable; }
  bool is_int_set() const { return word_.form() == Form::kInts; }
  // A table's copy lives in the same home.
  Set Clone() const;
  // Frees about `members` of them; true once there is none. Nothing else may be asked in between.
  bool FreeStep(std::size_t members);

  bool Contains(std::string_view member) const;
  // True if it was not there.
  bool Add(std::string_view member, const SetLimits& limits, const TableHome& home);
  // Says what is to be added next, at most `count` members of which one is `first`: Redis chooses
  // the form of a set by that, too. Call it before the Adds of one command.
  void Expect(std::string_view first, std::size_t count, const SetLimits& limits,
              const TableHome& home);
  // True if it was there.
  bool Remove(std::string_view member);
  // Makes it an intset if every member is a number and they are not too many.
  void ConvertToInts(const SetLimits& limits);

  // Ask for the memory that a lookup of the member will touch: the first for several
  // members, then the second for each, then look up.
  void PrefetchBucket(std::string_view member) const {
    if (!is_packed()) return table().PrefetchBucket(member);
    PrefetchLine(word_.pointer());
  }
  void PrefetchNode(std::string_view member) const {
    if (!is_packed()) table().PrefetchNode(member);
  }

  // Visits every member: numbers ascending, packed ones in the order in which they came.
  void ForEach(MemberFn fn) const;
  // Visits at least about `count` members and returns the cursor to go on with, 0 at the end. Start
  // with 0. Members that are there from the first call to the last are visited at least once. The
  // small forms are visited as a whole.
  std::uint64_t Scan(std::uint64_t cursor, std::size_t count, MemberFn fn) const;

  // One member, each as likely (in a table, nearly so). REQUIRES: !empty().
  void RandomMember(Random& random, MemberFn fn) const;
  // `count` different members, or all.
  void RandomMembers(Random& random, std::size_t count, MemberFn fn) const;
  // Hands out and removes one. REQUIRES: !empty().
  void PopRandom(Random& random, MemberFn fn);
  // The same with `count` different ones, or all. A table of which little is left becomes a small
  // set again, where it does in Redis.
  void PopRandomMany(Random& random, std::size_t count, const SetLimits& limits, MemberFn fn);

  // The small forms made of their bytes. REQUIRES: of a list, that each member is there once.
  static Set AdoptInts(ds::IntSet ints) { return Set({Form::kInts, ints.Release()}); }
  static Set AdoptPacked(ds::PackedList list) { return Set({Form::kPacked, list.Release()}); }
  // Makes it a table, whatever it holds.
  void ToTable(const TableHome& home);
  // The small forms as they lie in memory, and the members of the large one, for codecs and
  // algebra. REQUIRES: the form.
  std::string_view packed_bytes() const;
  const Table& table() const { return *static_cast<const Table*>(word_.pointer()); }
  // What a cut of the large form works on; its nodes are SetNodes. Null in a small form.
  ds::SegmentTableBase* cut_table() const {
    return is_packed() ? nullptr : &mutable_table().table();
  }

 private:
  enum class Form : std::uint8_t { kInts, kPacked, kTable };
  friend class SetWalk;

  explicit Set(TaggedWord<Form> word) : word_(word) {}
  void Clear();
  ds::PackedView packed() const { return ds::PackedView(word_.pointer()); }
  Table& mutable_table() const { return *static_cast<Table*>(word_.pointer()); }

  bool AddToInts(std::string_view member, const SetLimits& limits, const TableHome& home);
  bool AddToPacked(std::string_view member, const SetLimits& limits, const TableHome& home);
  bool AddToTable(std::string_view member);
  bool IntsFitPacked(std::string_view member, const SetLimits& limits) const;
  void IntsToPacked();
  void RemoveAt(std::size_t index);
  void SampleTable(Random& random, std::size_t count, MemberFn fn) const;
  void SampleWalk(Random& random, std::size_t count, MemberFn fn) const;
  void PopAllButFew(Random& random, std::size_t rest, const SetLimits& limits, MemberFn fn);

  TaggedWord<Form> word_;
};
static_assert(sizeof(Set) == 8);

}  // namespace cairn::value

#endif  // CAIRN_VALUE_SET_H_
