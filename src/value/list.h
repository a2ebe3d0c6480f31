// SPDX-License-Identifier: BSD-3-Clause
// List: Redis's list.
//
// One word: a packed list while that is within list-max-listpack-size ("listpack"), else a chain of
// nodes ("quicklist"). Which of them it is agrees with Redis 7.2 after every command, in both
// directions: growth is judged before elements go in, by the bytes of their texts, even where none
// goes in at last; after something was taken out, a chain of one node goes back at half the limit.
// That is why the calls are cut as the commands are, and take the limits.
//
//     List list;
//     list.Push(ListEnd::kBack, texts, limits);                    // RPUSH
//     for (ListCursor at(list, 0, ListEnd::kFront); !at.done(); at.Advance()) Use(at.value());
//
// Invariants
//   (1) The low bit of the word tells a chain; an empty list is the null word and owns nothing.
//   (2) memory_bytes() is what the allocator set aside for everything the list owns.
//
// Texts must not be views into the list itself, nor longer than kListElementBytesMax. Owned by an
// entry; guarded by its stripe. Cost: both ends constant; an index O(nodes passed over), 16 bytes
// each, and one node; searches touch it all.
#ifndef CAIRN_VALUE_LIST_H_
#define CAIRN_VALUE_LIST_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ds/packed_list.h"
#include "value/list_chain.h"
#include "value/list_node.h"
#include "value/list_rules.h"

namespace cairn::value {

// What LPOS asks for.
struct ListSearch {
  std::int64_t rank = 1;       // the how manieth match is the first wanted; negative: from the back
  std::uint64_t count = 1;     // matches wanted; 0 for all
  std::uint64_t elements = 0;  // elements to look at; 0 for all
};

class List {
 public:
  List() = default;
  List(List&& other) noexcept : word_(std::exchange(other.word_, 0)) {}
  List& operator=(List&& other) noexcept;
  ~List();
  List Clone() const;

  std::size_t size() const;
  bool empty() const { return word_ == 0; }
  std::size_t memory_bytes() const;
  // "listpack" or "quicklist".
  std::string_view encoding() const { return is_packed() ? "listpack" : "quicklist"; }
  bool is_packed() const { return (word_ & kIsChain) == 0; }
  // Frees about that many elements at the back; true when nothing is left. The list must not be
  // used for anything else any more.
  bool FreeStep(std::size_t elements);

  // LPUSH, RPUSH: one after the other, so that the last of `texts` is outermost.
  void Push(ListEnd end, std::span<const std::string_view> texts, const ListLimits& limits);
  // The second half of LMOVE. Redis does not reckon with the bytes of numbers there.
  void PushMoved(ListEnd end, std::string_view text, const ListLimits& limits);
  // LPOP, RPOP of one. REQUIRES: !empty().
  void Pop(ListEnd end, const ListLimits& limits);
  // LMOVE within the list. REQUIRES: !empty().
  void Rotate(ListEnd from, ListEnd to, const ListLimits& limits);
  // The element at that end, readable until the next change. REQUIRES: !empty().
  ds::PackedValue End(ListEnd end) const;
  // One element, readable until the list or `scratch` changes. REQUIRES: index < size().
  ds::PackedValue At(std::size_t index, std::string& scratch) const;

  // LSET; false where there is no such index. Negative ones count from the end.
  bool Set(std::int64_t index, std::string_view text, const ListLimits& limits);
  // LINSERT beside the first element equal to `pivot`; false where there is none.
  bool Insert(std::string_view pivot, ListSide side, std::string_view text,
              const ListLimits& limits);
  // LREM: count > 0 from the front, < 0 from the back, 0 all. Returns how many were erased.
  std::size_t Remove(std::string_view text, std::int64_t count, const ListLimits& limits);
  // LPOP and RPOP with a count. REQUIRES: start + count <= size().
  void EraseRange(std::size_t start, std::size_t count, const ListLimits& limits);
  // LTRIM: keeps [start, start + count). REQUIRES: start + count <= size().
  void Trim(std::size_t start, std::size_t count, const ListLimits& limits);

  // LPOS: indexes from the front, in the order in which they are met.
  std::vector<std::size_t> Positions(std::string_view text, const ListSearch& search) const;

  // What a ListFreeze is made of; null in the small form.
  ListChain* large_form() const { return is_packed() ? nullptr : chain(); }
  // For dumps and files: every node, open, in order.
  template <class Visit>  // void(const ListNodeView&)
  void ForEachNode(Visit visit) const;
  std::size_t node_count() const { return is_packed() ? (empty() ? 0 : 1) : chain()->node_count(); }
  // For loading: a node as it was stored, behind the others; Normalize when all are in.
  // REQUIRES: not empty.
  void AppendNode(ds::PackedList node, const ListLimits& limits);
  void AppendPlainNode(std::string_view text, const ListLimits& limits);
  // A list of one such node. It is small until Normalize.
  static List AdoptPacked(ds::PackedList node);
  // The form that the size asks for, whatever happened before: loading, SORT ... STORE.
  void Normalize(const ListLimits& limits);

 private:
  friend class ListCursor;
  static constexpr std::uintptr_t kIsChain = 1;

  ListChain* chain() const { return reinterpret_cast<ListChain*>(word_ & ~kIsChain); }
  ds::PackedView packed() const { return ds::PackedView(reinterpret_cast<const void*>(word_)); }
  template <class Change>
  void EditPacked(Change change);
  void ToChain(const ListLimits& limits);
  void DropIfEmpty();
  void PushOne(ListEnd end, std::string_view text, const ListLimits& limits);
  void PopOne(ListEnd end);
  void EraseSome(std::size_t start, std::size_t count);
  void BeforeGrowth(std::size_t bytes, std::size_t count, const ListLimits& limits);
  void AfterShrinking(const ListLimits& limits);
  void ToPackedWithin(ListNodeLimit limit);

  std::uintptr_t word_ = 0;
};

static_assert(sizeof(List) == 8);

// A walk over a list that does not change meanwhile.
class ListCursor {
 public:
  // Begins at `index`, which may be size(): done at once. `towards` kBack walks forwards.
  ListCursor(const List& list, std::size_t index, ListEnd towards);
  ListCursor(const ListCursor&) = delete;
  ListCursor& operator=(const ListCursor&) = delete;

  bool done() const { return at_ == ds::PackedView::kNone; }
  // Readable until Advance. REQUIRES: !done().
  ds::PackedValue value() const {
    return node_.is_plain ? ds::PackedValue::Verbatim(node_.plain) : node_.packed.At(at_);
  }
  void Advance();

 private:
  void EnterNode(std::size_t i);

  const ListChain* chain_ = nullptr;
  std::size_t node_index_ = 0;
  bool is_forward_;
  ListNodeView node_;
  ds::PackedView::Position at_ = ds::PackedView::kNone;  // 1 in a plain node
  std::string scratch_;
};

template <class Visit>
void List::ForEachNode(Visit visit) const {
  if (empty()) return;
  if (is_packed()) {
    visit(ListNodeView{false, packed(), {}});
    return;
  }
  std::string scratch;
  for (std::size_t i = 0; i < chain()->node_count(); ++i) visit(chain()->node(i).View(scratch));
}

}  // namespace cairn::value

#endif  // CAIRN_VALUE_LIST_H_
