// SPDX-License-Identifier: BSD-3-Clause
// Hash: fields with values, and with times for those that expire, in one word.
//
//     few, short  --> ds::PackedList  field, value, field, value, ...
//       a time    --> ds::PackedList  field, value, time, ...     by time, those without (0) last
//     many, long  --> NodeTable       | sizes | field | value | in slabs, times in the table's own
//                                     columns
//
// A hash goes from a small form to a larger one exactly where Redis 7.2 does, and never back; the
// form with times is Redis 7.4's ("listpackex"). A hash that never had a time pays no byte for
// them: packed ones are as in 7.2, and a table allocates its columns with the first time.
//
// Limits are those of the configuration, home is where a table lives: both matter only to calls
// that may convert.
//
// Times. A field is there until TakeExpired takes it, whatever its time: a caller that asks for
// anything at a time `now` takes what has expired by then before, and then every answer is exact.
//
// Fields and values are handed out as views that live until the next change, numbers until the
// callback returns. Texts handed in must not be such views of the same hash. Callbacks must not
// change the hash. Thread safety: guarded by its stripe. Cost: the small forms walk, a table is
// constant; memory_bytes() always is.
#ifndef CAIRN_VALUE_HASH_H_
#define CAIRN_VALUE_HASH_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/function_ref.h"
#include "base/ids.h"
#include "base/prefetch.h"
#include "base/random.h"
#include "ds/packed_list.h"
#include "value/node_table.h"
#include "value/tagged_word.h"

namespace cairn::value {

// hash-max-listpack-entries, hash-max-listpack-value.
struct HashLimits {
  std::size_t packed_entries;
  std::size_t packed_value_bytes;
};

// A field of a large hash.
class HashNode {
 public:
  static HashNode* Create(ds::SlabArena& arena, std::string_view field, std::string_view value);
  std::string_view key() const;
  std::string_view value() const;
  std::size_t bytes() const;
  // Writes the value over the old one, if it fits the allocation and its size the node's layout.
  bool SetInPlace(std::string_view value);

 private:
  struct Parts {
    std::string_view field;
    std::string_view value;
  };
  HashNode() = default;
  Parts Split() const;
};

class Hash {
 public:
  using FieldFn = FunctionRef<void(std::string_view field, std::string_view value)>;
  using Table = NodeTable<HashNode>;

  Hash() = default;
  Hash(Hash&& other) noexcept : word_(other.word_.Take()) {}
  Hash& operator=(Hash&& other) noexcept;
  ~Hash() { Clear(); }

  std::size_t size() const;
  bool empty() const { return size() == 0; }
  std::size_t memory_bytes() const;
  // "listpack", "listpackex" or "hashtable".
  std::string_view encoding() const;
  // The small representations.
  bool is_packed() const { return word_.form() != Form::kTable; }
  // A table's copy lives in the same home.
  Hash Clone() const;
  // Frees about `fields` of them; true once there is none. Nothing else may be asked in between.
  bool FreeStep(std::size_t fields);

  bool Contains(std::string_view field) const;
  std::optional<ds::PackedValue> Get(std::string_view field) const;
  // True if the field is new. The time of one that is not stays: HSET clears it, HINCRBY does not.
  bool Set(std::string_view field, std::string_view value, const HashLimits& limits,
           const TableHome& home);
  // The same, but a field that is there is left alone, and false.
  bool Add(std::string_view field, std::string_view value, const HashLimits& limits,
           const TableHome& home);
  // Says what is to be set next, at most `fields` of them, and the longest of their texts: Redis
  // chooses the form of a hash by that, too. Call it before the Sets of one command.
  void Expect(std::size_t fields, std::size_t longest_bytes, const HashLimits& limits,
              const TableHome& home);
  // True if it was there.
  bool Remove(std::string_view field);

  // Ask for the memory that a lookup of the field will touch: the first for several fields, then
  // the second for each, then look up.
  void PrefetchBucket(std::string_view field) const {
    if (!is_packed()) return table().PrefetchBucket(field);
    PrefetchLine(word_.pointer());
  }
  void PrefetchNode(std::string_view field) const {
    if (!is_packed()) table().PrefetchNode(field);
  }

  // Visits every field: packed ones in the order in which they came (or by time, if any has one).
  void ForEach(FieldFn fn) const;
  // Visits at least about `count` fields and returns the cursor to go on with, 0 at the end. Start
  // with 0. Fields that are there from the first call to the last are visited at least once. The
  // small forms are visited as a whole.
  std::uint64_t Scan(std::uint64_t cursor, std::size_t count, FieldFn fn) const;

  // One field, each as likely (in a table, nearly so). REQUIRES: !empty().
  void RandomField(Random& random, FieldFn fn) const;
  // `count` different fields, or all.
  void RandomFields(Random& random, std::size_t count, FieldFn fn) const;

  // False if there is no such field. A table is made only where a packed list cannot be longer.
  // REQUIRES: 0 < when < kNever.
  bool SetExpiry(std::string_view field, UnixMs when, const TableHome& home);
  // False if there is no such field, or it has no time.
  bool ClearExpiry(std::string_view field);
  // kNever if the field has no time; nothing if there is no such field.
  std::optional<UnixMs> ExpiryOf(std::string_view field) const;
  bool has_times() const { return MinExpiry() != kNever; }
  // No time is earlier; kNever if there is none. In a table it is a bound that is exact after a
  // TakeExpired that finished.
  UnixMs MinExpiry() const;
  // Removes fields whose time is at most `now`, about `max` of them, and hands them out. False if
  // there may be more. (Redis's fields live through their last millisecond: pass now - 1.)
  bool TakeExpired(UnixMs now, std::size_t max, FieldFn fn);

  // The small forms as they lie in memory. REQUIRES: is_packed().
  std::string_view packed_bytes() const { return packed().bytes(); }
  bool is_packed_with_times() const { return word_.form() == Form::kTimed; }
  // The way back. REQUIRES: fields (and values, and times in order) as this class keeps them, each
  // field once.
  static Hash AdoptPacked(ds::PackedList list) { return Hash({Form::kPacked, list.Release()}); }
  static Hash AdoptPackedWithTimes(ds::PackedList list) {
    return Hash({Form::kTimed, list.Release()});
  }
  // Visits every field with its time, kNever where it has none.
  using TimedFieldFn =
      FunctionRef<void(std::string_view field, std::string_view value, UnixMs when)>;
  void ForEachWithTime(TimedFieldFn fn) const;
  // The fields of the large form. REQUIRES: !is_packed().
  const Table& table() const { return *static_cast<const Table*>(word_.pointer()); }
  // What a cut of the large form works on; its nodes are HashNodes. Null in a small form.
  ds::SegmentTableBase* cut_table() const {
    return is_packed() ? nullptr : &mutable_table().table();
  }

 private:
  enum class Form : std::uint8_t { kPacked, kTimed, kTable };
  enum class Present : std::uint8_t { kReplace, kKeep };
  using Position = ds::PackedView::Position;

  explicit Hash(TaggedWord<Form> word) : word_(word) {}
  void Clear();
  ds::PackedView packed() const { return ds::PackedView(word_.pointer()); }
  Table& mutable_table() const { return *static_cast<Table*>(word_.pointer()); }

  // Elements of a packed list for each field.
  std::size_t stride() const { return word_.form() == Form::kTimed ? 3 : 2; }
  Position FindPacked(std::string_view field) const;
  Position NextField(Position field) const;
  static void Show(ds::PackedView list, Position field, FieldFn fn);
  bool Put(std::string_view field, std::string_view value, Present present,
           const HashLimits& limits, const TableHome& home);
  bool PutPacked(Position at, std::string_view field, std::string_view value);
  bool PutInTable(std::string_view field, std::string_view value, Present present);
  void ToTable(const TableHome& home);
  bool ToTimed();
  UnixMs TimeAt(Position field) const;
  void MoveTo(Position field, UnixMs when);
  bool TakeExpiredPacked(UnixMs now, std::size_t max, FieldFn fn);
  void SampleWalk(Random& random, std::size_t count, FieldFn fn) const;
  void SampleTable(Random& random, std::size_t count, FieldFn fn) const;

  TaggedWord<Form> word_;
};
static_assert(sizeof(Hash) == 8);

}  // namespace cairn::value

#endif  // CAIRN_VALUE_HASH_H_
