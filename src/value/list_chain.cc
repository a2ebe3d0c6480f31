// SPDX-License-Identifier: BSD-3-Clause
// How a chain changes.
//
// Redis's ways, each of which decides where nodes end: pushes and insertions go into a node only
// while it is within the fill with the element reckoned at its text and eight bytes; a full node is
// split where the element goes, and then neighbours are joined that fit together; an insertion at
// the edge of a full node goes to the neighbour if that has room; a replacement never splits for
// the fill; an erasure never joins anything.
#include "value/list_chain.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/check.h"
#include "ds/raw_memory.h"

namespace cairn::value {
namespace {

using Position = ds::PackedView::Position;
constexpr Position kNone = ds::PackedView::kNone;

Position SeekTo(const ds::PackedView& list, std::size_t offset) {
  const Position at = list.Seek(static_cast<std::int64_t>(offset));
  DCHECK(at != kNone);
  return at;
}

bool FitsPacked(std::size_t node_bytes, std::string_view text) {
  return node_bytes + ds::PackedList::EncodedBytesMax(text.size()) <= ds::kPackedListBytesMax;
}

std::size_t RemoveForwards(ds::PackedList& list, std::string_view text, std::size_t limit) {
  std::size_t removed = 0;
  for (Position at = list.Find(text); at != kNone && removed < limit; at = list.Find(text, at)) {
    at = list.Erase(at);
    ++removed;
  }
  return removed;
}

std::size_t RemoveBackwards(ds::PackedList& list, std::string_view text, std::size_t limit) {
  const ds::PackedValue wanted = text;
  std::size_t removed = 0;
  for (Position at = list.Last(); at != kNone && removed < limit;) {
    const Position before = list.Prev(at);
    if (list.At(at).Equals(wanted)) {
      list.Erase(at);
      ++removed;
    }
    at = before;
  }
  return removed;
}

}  // namespace

ListChain::ListChain(const ListLimits& limits)
    : fill_(static_cast<std::int16_t>(std::clamp(limits.node_fill, kListFillMin, kListFillMax))),
      depth_(static_cast<std::uint16_t>(std::clamp(limits.compress_depth, 0, kListDepthMax))) {}

ListChain::~ListChain() {
  for (std::size_t i = 0; i < nodes_.size(); ++i) FreeNode(i);
  if (freeze_ != nullptr) freeze_->chain_ = nullptr;
}

// ---- Frozen nodes ------------------------------------------------------------------------------

ListFreeze::ListFreeze(ListChain& chain) : chain_(&chain) {
  CHECK(chain.freeze_ == nullptr);
  chain.freeze_ = this;
  nodes_.reserve(chain.nodes_.size());
  for (std::size_t i = 0; i < chain.nodes_.size(); ++i) {
    chain.nodes_[i].Freeze();
    nodes_.push_back(chain.nodes_[i]);
  }
}

ListFreeze::~ListFreeze() {
  DCHECK(chain_ == nullptr);
  for (ListNode& node : kept_) node.Free();
}

// The marks stay: they mean nothing without a freeze, and the next one sets them all.
void ListFreeze::Thaw() {
  if (chain_ != nullptr) chain_->freeze_ = nullptr;
  chain_ = nullptr;
}

ListNode& ListChain::Changing(std::size_t i) {
  ListNode& node = nodes_[i];
  if (freeze_ != nullptr && node.is_frozen()) [[unlikely]] {
    freeze_->TakeOver(node);
    node = node.Clone();
  }
  return node;
}

void ListChain::FreeNode(std::size_t i) {
  ListNode& node = nodes_[i];
  if (freeze_ != nullptr && node.is_frozen()) [[unlikely]] {
    freeze_->TakeOver(node);
    node = ListNode();
  }
  node.Free();
}

// ---- Reading -----------------------------------------------------------------------------------

std::size_t ListChain::memory_bytes() const {
  return ds::AllocatedBytes(sizeof(ListChain)) + nodes_.memory_bytes() + block_bytes_;
}

std::unique_ptr<ListChain> ListChain::Clone() const {
  auto copy = std::make_unique<ListChain>(ListLimits{.node_fill = fill_, .compress_depth = depth_});
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    copy->nodes_.Insert(i, nodes_[i].Clone());
  }
  copy->size_ = size_;
  copy->block_bytes_ = block_bytes_;
  return copy;
}

ListChain::Place ListChain::Locate(std::size_t index) const {
  DCHECK(index < size_);
  if (index <= size_ / 2) {
    std::size_t i = 0;
    for (; index >= nodes_[i].count(); ++i) index -= nodes_[i].count();
    return {i, index};
  }
  std::size_t from_back = size_ - index;  // 1 for the last element
  std::size_t i = nodes_.size() - 1;
  for (; from_back > nodes_[i].count(); --i) from_back -= nodes_[i].count();
  return {i, nodes_[i].count() - from_back};
}

std::optional<ListChain::Place> ListChain::Find(std::string_view text) const {
  std::string scratch;
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    const ListNodeView view = nodes_[i].View(scratch);
    if (view.is_plain) {
      if (view.plain == text) return Place{i, 0};
      continue;
    }
    const Position found = view.packed.Find(text);
    if (found == kNone) continue;
    std::size_t offset = 0;
    for (Position at = view.packed.First(); at != found; at = view.packed.Next(at)) ++offset;
    return Place{i, offset};
  }
  return std::nullopt;
}

bool ListChain::AllowsInsert(std::size_t i, const ListElement& element) const {
  if (i >= nodes_.size()) return false;
  const ListNode& node = nodes_[i];
  if (node.is_plain() || element.is_plain) return false;
  const std::size_t bytes = node.bytes() + element.text.size() + kListElementOverhead;
  return !ListNodeExceeds(fill_, bytes, node.count() + std::size_t{1});
}

// Whether nodes i and i + 1 may become one.
bool ListChain::AllowsMerge(std::size_t i) const {
  if (i >= nodes_.size() || i + 1 >= nodes_.size()) return false;
  const ListNode& a = nodes_[i];
  const ListNode& b = nodes_[i + 1];
  if (a.is_plain() || b.is_plain()) return false;
  const std::size_t bytes = std::size_t{a.bytes()} + b.bytes() - kListEmptyNodeBytes;
  return !ListNodeExceeds(fill_, bytes, std::size_t{a.count()} + b.count());
}

// Calls `change` with the list of a packed node, which must answer how many elements it has now.
template <class Change>
void ListChain::Edit(std::size_t i, Change change) {
  ListNode& node = Changing(i);
  block_bytes_ -= node.memory_bytes();
  node.Expand();
  const std::size_t old_count = node.count();
  ds::PackedList list = node.Take();
  const std::size_t count = change(list, old_count);
  node.Put(std::move(list), count);
  block_bytes_ += node.memory_bytes();
  size_ = size_ - old_count + count;
  if (FromEnd(i) >= open_ends()) Settle(i);  // at an end, where most edits are, it stays open
}

// Brings node i into the state that its place asks for.
void ListChain::Settle(std::size_t i) {
  if (i >= nodes_.size()) return;
  const bool is_end = FromEnd(i) < open_ends();
  if (FromEnd(i) == open_ends() || nodes_[i].is_open() == is_end) return;
  if (is_end) {
    ListNode& node = Changing(i);
    block_bytes_ -= node.memory_bytes();
    i == 0 ? node.ExpandAtFront() : node.Expand();
    block_bytes_ += node.memory_bytes();
    return;
  }
  const ListNode& node = nodes_[i];
  const std::optional<ListNode> closed = depth_ > 0 ? node.Compressed() : node.Narrowed();
  if (!closed) return;
  block_bytes_ = block_bytes_ - node.memory_bytes() + closed->memory_bytes();
  FreeNode(i);
  nodes_[i] = *closed;
}

// After a node came as number i: those behind it are farther from the front than they were, those
// before it from the back, by one. So one node at most has come to be an inner one on either side,
// and one that cannot be closed is tried once for each time that it becomes one.
void ListChain::CloseBehindEnds(std::size_t i) {
  const std::size_t front = open_ends() + 1;
  if (i < front) Settle(front);
  // With fewer nodes this one would lie before the front.
  if (nodes_.size() > front && i > nodes_.size() - 1 - front) Settle(nodes_.size() - 1 - front);
}

// After `count` nodes went anywhere: as many at most have come to be among the ends.
void ListChain::OpenEnds(std::size_t count) {
  for (std::size_t k = 0; k < std::min(count, open_ends()); ++k) {
    Settle(open_ends() - 1 - k);
    Settle(nodes_.size() - open_ends() + k);  // beyond the end, as above
  }
}

void ListChain::InsertNode(std::size_t i, ListNode node) {
  nodes_.Insert(i, node);
  size_ += node.count();
  block_bytes_ += node.memory_bytes();
  Settle(i);
  CloseBehindEnds(i);
}

void ListChain::InsertElementNode(std::size_t i, const ListElement& element) {
  if (element.is_plain) {
    InsertNode(i, ListNode::Plain(element.text));
    return;
  }
  ds::PackedList list;
  list.Append(element.text);
  InsertNode(i, ListNode::Packed(std::move(list), 1));
}

void ListChain::AppendNode(ListNode node) {
  DCHECK(node.count() > 0);
  InsertNode(nodes_.size(), node);
}

ds::PackedList ListChain::TakeOnlyNode() {
  DCHECK(nodes_.size() == 1);
  DCHECK(!nodes_[0].is_plain());
  ds::PackedList list = Changing(0).Take();
  nodes_.Erase(0, 1);
  size_ = 0;
  block_bytes_ = 0;
  return list;
}

void ListChain::DropNodes(std::size_t i, std::size_t count) {
  for (std::size_t k = i; k < i + count; ++k) {
    size_ -= nodes_[k].count();
    block_bytes_ -= nodes_[k].memory_bytes();
    FreeNode(k);
  }
  nodes_.Erase(i, count);
}

void ListChain::EraseNodes(std::size_t i, std::size_t count) {
  if (count == 0) return;
  DropNodes(i, count);
  OpenEnds(count);
}

void ListChain::Push(ListEnd end, const ListElement& element) {
  const bool is_front = end == ListEnd::kFront;
  const std::size_t i = is_front ? 0 : nodes_.size() - 1;
  if (!AllowsInsert(i, element)) {
    if (is_front && nodes_.size() > 0) block_bytes_ -= Changing(0).TrimFront();
    InsertElementNode(is_front ? 0 : nodes_.size(), element);
    return;
  }
  if (is_front) {
    block_bytes_ += Changing(0).PushFront(element.text);
    ++size_;
    return;
  }
  Edit(i, [&](ds::PackedList& list, std::size_t count) {
    list.Append(element.text);
    return count + 1;
  });
}

void ListChain::Insert(Place place, ListSide side, const ListElement& element) {
  const bool is_after = side == ListSide::kAfter;
  const bool is_edge =
      is_after ? place.offset + 1 == nodes_[place.node].count() : place.offset == 0;
  const std::size_t neighbour = is_after ? place.node + 1 : place.node - 1;
  if (AllowsInsert(place.node, element)) {
    Edit(place.node, [&](ds::PackedList& list, std::size_t count) {
      const Position at = SeekTo(list, place.offset);
      is_after ? list.InsertAfter(at, element.text) : list.InsertBefore(at, element.text);
      return count + 1;
    });
  } else if (!is_edge) {
    SplitAndInsert(place, side, element);
  } else if (AllowsInsert(neighbour, element)) {
    Edit(neighbour, [&](ds::PackedList& list, std::size_t count) {
      is_after ? list.Prepend(element.text) : list.Append(element.text);
      return count + 1;
    });
  } else {
    InsertElementNode(is_after ? place.node + 1 : place.node, element);
  }
}

// The new element goes to the half that does not have its neighbour.
void ListChain::SplitAndInsert(Place place, ListSide side, const ListElement& element) {
  const bool is_after = side == ListSide::kAfter;
  Split(place.node, is_after ? place.offset + 1 : place.offset);
  const std::size_t half = is_after ? place.node + 1 : place.node;
  if (element.is_plain || !FitsPacked(nodes_[half].bytes(), element.text)) {
    InsertElementNode(place.node + 1, element);
    return;
  }
  Edit(half, [&](ds::PackedList& list, std::size_t count) {
    is_after ? list.Prepend(element.text) : list.Append(element.text);
    return count + 1;
  });
  MergeAround(is_after ? place.node : place.node + 1);
}

// Node i keeps its first `count` elements, the others become node i + 1.
void ListChain::Split(std::size_t i, std::size_t count) {
  ds::PackedList tail;
  std::size_t tail_count = 0;
  Edit(i, [&](ds::PackedList& list, std::size_t old_count) {
    DCHECK(count > 0);
    DCHECK(count < old_count);
    tail = list.Clone();
    tail.EraseRange(tail.First(), count);
    tail_count = old_count - count;
    list.EraseRange(SeekTo(list, count), tail_count);
    return count;
  });
  InsertNode(i + 1, ListNode::Packed(std::move(tail), tail_count));
}

// Node i takes in node i + 1, if they fit together.
void ListChain::Merge(std::size_t i) {
  if (!AllowsMerge(i)) return;
  const std::size_t more = nodes_[i + 1].count();
  std::string scratch;
  const ListNodeView other = nodes_[i + 1].View(scratch);
  Edit(i, [&](ds::PackedList& list, std::size_t count) {
    list.AppendAll(other.packed);
    return count + more;
  });
  EraseNodes(i + 1, 1);
}

// The two before, the two behind, then the node itself with what is left of them.
void ListChain::MergeAround(std::size_t i) {
  if (i >= 2 && AllowsMerge(i - 2)) {
    Merge(i - 2);
    --i;
  }
  Merge(i + 1);
  if (i >= 1 && AllowsMerge(i - 1)) {
    Merge(i - 1);
    --i;
  }
  Merge(i);
}

void ListChain::Replace(Place place, const ListElement& given) {
  const bool was_plain = nodes_[place.node].is_plain();
  ListElement element = given;
  // A packed node may be of any size that a packed list may have, if it was loaded so.
  if (!was_plain && !FitsPacked(nodes_[place.node].bytes(), element.text)) element.is_plain = true;
  if (!was_plain && !element.is_plain) {
    Edit(place.node, [&](ds::PackedList& list, std::size_t count) {
      list.Replace(SeekTo(list, place.offset), element.text);
      return count;
    });
  } else if (was_plain && element.is_plain) {
    InsertElementNode(place.node, element);
    EraseNodes(place.node + 1, 1);
  } else {
    // In every case the old element ends up last in the node it was in.
    Insert(place, ListSide::kAfter, element);
    EraseWithin(place.node, place.offset, 1);
  }
}

// REQUIRES: offset + count <= the node's count.
void ListChain::EraseWithin(std::size_t i, std::size_t offset, std::size_t count) {
  if (count == nodes_[i].count()) {
    EraseNodes(i, 1);
    return;
  }
  if (i == 0 && offset == 0 && count == 1 && Changing(i).PopFront()) {
    --size_;
    return;
  }
  Edit(i, [&](ds::PackedList& list, std::size_t old_count) {
    list.EraseRange(SeekTo(list, offset), count);
    return old_count - count;
  });
}

// At most one node loses its back, those behind it go, and the next loses its front. The ones that
// go do so first: one that comes to be at an end is not closed for a moment when it has been
// changed.
void ListChain::EraseRange(std::size_t start, std::size_t count) {
  if (count == 0) return;
  DCHECK(start + count <= size_);
  const Place first = Locate(start);
  const bool is_cut = first.offset > 0;
  const std::size_t from_first =
      is_cut ? std::min(count, nodes_[first.node].count() - first.offset) : 0;
  count -= from_first;
  const std::size_t next = is_cut ? first.node + 1 : first.node;
  std::size_t whole = 0;
  for (; count > 0 && nodes_[next + whole].count() <= count; ++whole)
    count -= nodes_[next + whole].count();
  if (whole > 0) DropNodes(next, whole);
  if (from_first > 0) EraseWithin(first.node, first.offset, from_first);
  if (count > 0) EraseWithin(next, 0, count);
  OpenEnds(whole);
}

// Returns how many were erased; the node may be empty then.
std::size_t ListChain::RemoveWithin(std::size_t i, std::string_view text, std::size_t limit,
                                    ListEnd from, std::string& scratch) {
  const ListNodeView view = nodes_[i].View(scratch);
  if (view.is_plain) {
    if (view.plain != text) return 0;
    block_bytes_ -= nodes_[i].memory_bytes();
    FreeNode(i);
    --size_;
    return 1;
  }
  if (view.packed.Find(text) == kNone) return 0;
  std::size_t removed = 0;
  Edit(i, [&](ds::PackedList& list, std::size_t count) {
    removed = from == ListEnd::kFront ? RemoveForwards(list, text, limit)
                                      : RemoveBackwards(list, text, limit);
    return count - removed;
  });
  return removed;
}

// Emptied nodes are dropped together at the end: one by one, each would move its neighbours.
std::size_t ListChain::Remove(std::string_view text, std::size_t limit, ListEnd from) {
  std::size_t removed = 0;
  bool is_any_empty = false;
  std::string scratch;
  for (std::size_t k = 0; k < nodes_.size() && removed < limit; ++k) {
    const std::size_t i = from == ListEnd::kFront ? k : nodes_.size() - 1 - k;
    removed += RemoveWithin(i, text, limit - removed, from, scratch);
    if (nodes_[i].count() == 0) is_any_empty = true;
  }
  if (is_any_empty) OpenEnds(nodes_.DropEmpty());
  return removed;
}

void ListChain::FreeBack(std::size_t elements) {
  std::size_t count = 0;
  std::size_t freed = 0;
  while (count < nodes_.size() && freed < elements) {
    freed += nodes_[nodes_.size() - 1 - count].count();
    ++count;
  }
  // Nobody will read what comes to the end: it may stay closed.
  DropNodes(nodes_.size() - count, count);
}

}  // namespace cairn::value
