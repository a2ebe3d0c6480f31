// SPDX-License-Identifier: BSD-3-Clause
// CutValue: a large collection as it was when a cut began, read piece by piece.
//
// When a cut comes to a large collection, or a writer to one that the cut has not seen yet, it is
// not copied. A hash, a set or a sorted set is told to hand out its elements before they change, as
// the tables of keys do (ds/segment_table_cut.cc). Who writes to it then pays for the one or two
// that share the mark of the one it changes, and the cut's user walks the rest, some a hold.
//
//     writers --(an element or two, before a change)--+
//                                                      +--> pieces --> Next()
//     user's walk, some elements a hold of a stripe ---+
//
// A list is frozen instead (value::ListFreeze): who writes to it pays for a copy of a node, and the
// user reads the nodes without a lock. So is a stream (value::StreamFreeze), of which the user
// takes copies of some nodes, or pending entries, a hold: in order, since a file has them so.
//
// It may be renamed meanwhile, also into another stripe, which it is then guarded by (MovedTo).
// Removed or overwritten it comes here (Keep), and goes to the trash when it has been read. If it
// ends in any other way, a table hands out what is left before; what is frozen comes here.
//
// Made and owned by batches of a cut. Next belongs to the cut's user; the rest happens under the
// lock of the value's stripe.
#ifndef CAIRN_KEYSPACE_CUT_VALUE_H_
#define CAIRN_KEYSPACE_CUT_VALUE_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "base/check.h"
#include "base/function_ref.h"
#include "base/ids.h"
#include "base/mutex.h"
#include "keyspace/entry.h"

namespace cairn::keyspace {

class Keyspace;
struct Stripe;

// Some elements of a collection.
class CutPiece {
 public:
  static constexpr std::size_t kBytes = 32 * 1024;

  struct Element {
    std::string_view name = {};   // a field, a member; a list's node; the text of a stream's part
    std::string_view value = {};  // of a hash's field; of a stream's part, what it is
    bool is_plain = false;        // the node is one element, and no packed list
    UnixMs when = kNever;         // when the field expires
    double score = 0;             // of a sorted set's member

    // A stream's part, which outlives it; and the way back. REQUIRES: of a stream.
    static Element Of(const value::StreamPart& part) {
      return {.name = part.text,
              .value = {reinterpret_cast<const char*>(&part.what), sizeof(part.what)}};
    }
    value::StreamPart stream_part() const {
      value::StreamPart part = {.what = {}, .text = name};
      DCHECK(value.size() == sizeof(part.what));
      std::memcpy(&part.what, value.data(), sizeof(part.what));
      return part;
    }
    // REQUIRES: of a list.
    value::ListNodeView node() const {
      if (is_plain) return {true, {}, name};
      return {false, ds::PackedView(name.data()), {}};
    }
  };

  bool empty() const { return bytes_.empty(); }
  bool is_full() const { return bytes_.size() >= kBytes; }
  std::size_t bytes() const { return bytes_.size(); }
  void Add(const Element& element);
  template <class Fn>  // void(const Element&)
  void ForEach(Fn&& fn) const {
    for (const char* at = bytes_.data(); at != bytes_.data() + bytes_.size();) {
      Head head;
      std::memcpy(&head, at, sizeof(head));
      at += sizeof(head);
      fn(Element{.name = {at, head.name_bytes},
                 .value = {at + head.name_bytes, head.value_bytes},
                 .is_plain = head.is_plain != 0,
                 .when = head.when,
                 .score = head.score});
      at += head.name_bytes + head.value_bytes;
    }
  }

 private:
  struct Head {
    std::uint32_t name_bytes;
    std::uint32_t value_bytes : 31;  // 512 MiB at most
    std::uint32_t is_plain : 1;
    UnixMs when;
    double score;
  };
  static constexpr std::uint32_t kSizeMax = (1u << 31) - 1;

  std::string bytes_;
};

// Values that are being cut. They keep what FLUSHALL takes away from going to the trash, since one
// of them may be in it.
class CutValues {
 public:
  // Under the stripe's lock of the value.
  void Add() { count_.fetch_add(1, std::memory_order_relaxed); }
  void Remove() { count_.fetch_sub(1, std::memory_order_relaxed); }
  // Exact for who holds all stripes, and for the cut's user once no table is walked any more.
  bool empty() const { return count_.load(std::memory_order_relaxed) == 0; }

 private:
  std::atomic<std::size_t> count_{0};
};

class CutValue {
 public:
  // What takes no more is copied as a whole: some hundred elements, tens of microseconds.
  static constexpr std::size_t kWholeBytesMax = 16 * 1024;
  // Elements looked at in one hold of the stripe.
  static constexpr std::size_t kWalkStep = 512;

  // Null if the entry's value is to be copied as a whole. Under the lock of `stripe`, the entry's.
  // All others outlive it.
  static std::unique_ptr<CutValue> Begin(Keyspace& keyspace, CutValues& values, Stripe& stripe,
                                         const Entry& entry, std::size_t whole_bytes_max);
  // The one that reads this entry's value, or null. Under its stripe's lock.
  static CutValue* Of(const Entry& entry);

  // Gives up what was not read. Takes the stripe's lock.
  virtual ~CutValue();
  CutValue(const CutValue&) = delete;
  CutValue& operator=(const CutValue&) = delete;

  // Its elements (of a list or stream, nodes), and the earliest time of a hash's fields (or less),
  // kNever if none has one.
  std::uint64_t size() const { return size_; }
  UnixMs first_time() const { return first_time_; }
  // Some elements; nothing once all have been read.
  std::optional<CutPiece> Next();

  // The collection is another stripe's now. Both are locked.
  void MovedTo(Stripe& stripe) { stripe_.store(&stripe, std::memory_order_release); }
  // It would be freed otherwise. Under its stripe's lock.
  template <class V>
  void Keep(V collection) {
    kept_ = std::move(collection);
  }

 protected:
  CutValue(Keyspace& keyspace, CutValues& values, Stripe& stripe, std::uint64_t size,
           UnixMs first_time);
  // By one thread at a time.
  void Add(const CutPiece::Element& element);
  // So much is kept for this besides its pieces, or no more.
  void CountKept(std::size_t bytes);
  void CountLetGo(std::size_t bytes);
  // Calls fn under the lock of the collection's stripe.
  void Locked(FunctionRef<void()> fn);
  // Reads on; true at the end, when the collection has been let go. No lock.
  virtual bool Walk() = 0;
  // Lets the collection go. Under its stripe's lock.
  virtual void LetGo() = 0;
  // By the destructor of what derives from this.
  void End();

 private:
  std::optional<CutPiece> Pop();
  void GiveBack();

  Keyspace& keyspace_;
  CutValues& values_;
  const std::uint64_t size_;
  const UnixMs first_time_;
  // Whose lock guards the collection. release: see MovedTo.
  std::atomic<Stripe*> stripe_;
  std::variant<std::monostate, value::List, value::Set, value::SortedSet, value::Hash,
               value::Stream>
      kept_;
  std::atomic<std::size_t> kept_bytes_{0};  // relaxed: a figure
  CutPiece open_;                           // by who adds
  bool ended_ = false;                      // the user's
  Mutex mu_;                                // a leaf
  std::deque<CutPiece> pieces_ GUARDED_BY(mu_);
};

}  // namespace cairn::keyspace

#endif  // CAIRN_KEYSPACE_CUT_VALUE_H_
