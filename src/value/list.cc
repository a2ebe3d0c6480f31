// SPDX-License-Identifier: BSD-3-Clause
// The two forms of a list and the way between them. What a chain does inside is list_chain.cc's.
#include "value/list.h"

#include <limits>
#include <memory>

#include "base/check.h"

namespace cairn::value {
namespace {

using Position = ds::PackedView::Position;
constexpr Position kNone = ds::PackedView::kNone;
constexpr Position kPlainPosition = 1;

Position EndOf(const ds::PackedView& list, ListEnd end) {
  return end == ListEnd::kFront ? list.First() : list.Last();
}

// LREM's count without its sign, which 64 bits cannot hold for the lowest number.
std::size_t Magnitude(std::int64_t count) {
  if (count == 0) return std::numeric_limits<std::size_t>::max();
  return count > 0 ? static_cast<std::size_t>(count) : ~static_cast<std::size_t>(count) + 1;
}

std::size_t RemoveFrom(ds::PackedList& list, std::string_view text, std::size_t limit,
                       ListEnd from) {
  const ds::PackedValue wanted = text;
  std::size_t removed = 0;
  for (Position at = EndOf(list, from); at != kNone && removed < limit;) {
    const bool is_match = list.At(at).Equals(wanted);
    const Position before = from == ListEnd::kBack ? list.Prev(at) : kNone;
    const Position behind = is_match ? list.Erase(at) : list.Next(at);
    removed += is_match ? 1 : 0;
    at = from == ListEnd::kBack ? before : behind;
  }
  return removed;
}

}  // namespace

List& List::operator=(List&& other) noexcept {
  if (this != &other) {
    List old(std::move(*this));
    word_ = std::exchange(other.word_, 0);
  }
  return *this;
}

List::~List() {
  if (is_packed()) {
    ds::PackedList::Adopt(reinterpret_cast<void*>(word_)).Clear();
  } else {
    std::unique_ptr<ListChain> owned(chain());
  }
}

List List::Clone() const {
  List copy;
  if (is_packed()) {
    ds::PackedList list = ds::PackedList::Adopt(reinterpret_cast<void*>(word_));
    copy.word_ = reinterpret_cast<std::uintptr_t>(list.Clone().Release());
    list.Release();
  } else {
    copy.word_ = reinterpret_cast<std::uintptr_t>(chain()->Clone().release()) | kIsChain;
  }
  return copy;
}

std::size_t List::size() const { return is_packed() ? packed().size() : chain()->size(); }

std::size_t List::memory_bytes() const {
  return is_packed() ? packed().memory_bytes() : chain()->memory_bytes();
}

bool List::FreeStep(std::size_t elements) {
  if (!is_packed()) {
    chain()->FreeBack(elements);
    if (chain()->size() > 0) return false;
  }
  *this = List();
  return true;
}

template <class Change>
void List::EditPacked(Change change) {
  DCHECK(is_packed());
  ds::PackedList list = ds::PackedList::Adopt(reinterpret_cast<void*>(word_));
  change(list);
  word_ = reinterpret_cast<std::uintptr_t>(list.Release());
}

void List::ToChain(const ListLimits& limits) {
  auto new_chain = std::make_unique<ListChain>(limits);
  ds::PackedList list = ds::PackedList::Adopt(reinterpret_cast<void*>(word_));
  const std::size_t count = list.size();
  if (count > 0) new_chain->AppendNode(ListNode::Packed(std::move(list), count));
  word_ = reinterpret_cast<std::uintptr_t>(new_chain.release()) | kIsChain;
}

void List::DropIfEmpty() {
  if (!is_packed() && chain()->size() == 0) *this = List();
}

// `bytes` of texts in `count` elements are about to come.
void List::BeforeGrowth(std::size_t bytes, std::size_t count, const ListLimits& limits) {
  if (!is_packed()) return;
  const ds::PackedView list = packed();
  if (!ListNodeExceeds(limits.node_fill, list.bytes().size() + bytes, list.size() + count)) return;
  ToChain(limits);
}

void List::ToPackedWithin(ListNodeLimit limit) {
  if (chain()->node_count() != 1) return;
  const ListNode& node = chain()->node(0);
  if (node.is_plain() || node.bytes() > limit.bytes || node.count() > limit.count) return;
  const std::unique_ptr<ListChain> owned(chain());
  ds::PackedList list = owned->TakeOnlyNode();
  word_ = reinterpret_cast<std::uintptr_t>(list.Release());
}

// Only at half the limit, lest a list at its border change its form with every other command.
void List::AfterShrinking(const ListLimits& limits) {
  if (is_packed()) return;
  DropIfEmpty();
  if (is_packed()) return;
  const ListNodeLimit limit = ListNodeLimitOf(limits.node_fill);
  ToPackedWithin({limit.bytes / 2, limit.count / 2});
}

void List::Normalize(const ListLimits& limits) {
  if (is_packed()) {
    BeforeGrowth(0, 0, limits);
    DropIfEmpty();
  } else {
    ToPackedWithin(ListNodeLimitOf(limits.node_fill));
  }
}

void List::PushOne(ListEnd end, std::string_view text, const ListLimits& limits) {
  if (!is_packed()) {
    chain()->Push(end, ListElement(text, limits));
    return;
  }
  EditPacked([&](ds::PackedList& list) {
    end == ListEnd::kFront ? list.Prepend(text) : list.Append(text);
  });
}

void List::Push(ListEnd end, std::span<const std::string_view> texts, const ListLimits& limits) {
  std::size_t bytes = 0;
  for (const std::string_view text : texts) bytes += text.size();
  BeforeGrowth(bytes, texts.size(), limits);
  for (const std::string_view text : texts) PushOne(end, text, limits);
}

void List::PushMoved(ListEnd end, std::string_view text, const ListLimits& limits) {
  BeforeGrowth(ds::PackedValue(text).is_integer() ? 0 : text.size(), 1, limits);
  PushOne(end, text, limits);
}

void List::PopOne(ListEnd end) {
  DCHECK(!empty());
  if (!is_packed()) {
    chain()->EraseRange(end == ListEnd::kFront ? 0 : chain()->size() - 1, 1);
    return;
  }
  EditPacked([&](ds::PackedList& list) { list.Erase(EndOf(list, end)); });
}

void List::Pop(ListEnd end, const ListLimits& limits) {
  PopOne(end);
  AfterShrinking(limits);
}

void List::Rotate(ListEnd from, ListEnd to, const ListLimits& limits) {
  ds::PackedValue::Scratch scratch;
  const std::string text(End(from).Text(scratch));
  PopOne(from);
  PushMoved(to, text, limits);
  AfterShrinking(limits);
}

ds::PackedValue List::End(ListEnd end) const {
  DCHECK(!empty());
  if (is_packed()) return packed().At(EndOf(packed(), end));
  // Always open (ListChain's invariant 2), so that nothing is expanded into the scratch.
  std::string scratch;
  const std::size_t last = chain()->node_count() - 1;
  const ListNodeView node = chain()->node(end == ListEnd::kFront ? 0 : last).View(scratch);
  if (node.is_plain) return ds::PackedValue::Verbatim(node.plain);
  return node.packed.At(EndOf(node.packed, end));
}

ds::PackedValue List::At(std::size_t index, std::string& scratch) const {
  if (is_packed()) return packed().At(packed().Seek(static_cast<std::int64_t>(index)));
  const ListChain::Place place = chain()->Locate(index);
  return chain()->node(place.node).At(place.offset, scratch);
}

bool List::Set(std::int64_t index, std::string_view text, const ListLimits& limits) {
  BeforeGrowth(text.size(), 1, limits);
  const auto count = static_cast<std::int64_t>(size());
  if (index >= count || index < -count) return false;
  const auto place = static_cast<std::size_t>(index < 0 ? index + count : index);
  if (is_packed()) {
    EditPacked([&](ds::PackedList& list) {
      list.Replace(list.Seek(static_cast<std::int64_t>(place)), text);
    });
  } else {
    chain()->Replace(chain()->Locate(place), ListElement(text, limits));
    AfterShrinking(limits);
  }
  return true;
}

bool List::Insert(std::string_view pivot, ListSide side, std::string_view text,
                  const ListLimits& limits) {
  BeforeGrowth(text.size(), 1, limits);
  if (!is_packed()) {
    const auto place = chain()->Find(pivot);
    if (!place) return false;
    chain()->Insert(*place, side, ListElement(text, limits));
    return true;
  }
  const Position at = packed().Find(pivot);
  if (at == kNone) return false;
  EditPacked([&](ds::PackedList& list) {
    side == ListSide::kBefore ? list.InsertBefore(at, text) : list.InsertAfter(at, text);
  });
  return true;
}

std::size_t List::Remove(std::string_view text, std::int64_t count, const ListLimits& limits) {
  const ListEnd from = count < 0 ? ListEnd::kBack : ListEnd::kFront;
  std::size_t removed = 0;
  if (is_packed()) {
    EditPacked(
        [&](ds::PackedList& list) { removed = RemoveFrom(list, text, Magnitude(count), from); });
  } else {
    removed = chain()->Remove(text, Magnitude(count), from);
    if (removed > 0) AfterShrinking(limits);
  }
  return removed;
}

void List::EraseSome(std::size_t start, std::size_t count) {
  if (count == 0) return;
  if (!is_packed()) {
    chain()->EraseRange(start, count);
    return;
  }
  EditPacked([&](ds::PackedList& list) {
    list.EraseRange(list.Seek(static_cast<std::int64_t>(start)), count);
  });
}

void List::EraseRange(std::size_t start, std::size_t count, const ListLimits& limits) {
  EraseSome(start, count);
  AfterShrinking(limits);
}

void List::Trim(std::size_t start, std::size_t count, const ListLimits& limits) {
  EraseSome(start + count, size() - start - count);
  EraseSome(0, start);
  AfterShrinking(limits);
}

std::vector<std::size_t> List::Positions(std::string_view text, const ListSearch& search) const {
  const ds::PackedValue wanted = text;
  std::vector<std::size_t> found;
  const bool is_forward = search.rank >= 0;
  const std::size_t total = size();
  std::size_t to_skip = search.rank == 0 ? 0 : Magnitude(search.rank) - 1;
  const std::size_t first = is_forward || total == 0 ? 0 : total - 1;
  const std::size_t looked_max = search.elements == 0 ? total : search.elements;
  ListCursor at(*this, first, is_forward ? ListEnd::kBack : ListEnd::kFront);
  for (std::size_t k = 0; !at.done() && k < looked_max; ++k, at.Advance()) {
    if (!at.value().Equals(wanted)) continue;
    if (to_skip > 0) {
      --to_skip;
      continue;
    }
    found.push_back(is_forward ? k : total - 1 - k);
    if (search.count != 0 && found.size() >= search.count) break;
  }
  return found;
}

List List::AdoptPacked(ds::PackedList node) {
  List list;
  list.word_ = reinterpret_cast<std::uintptr_t>(node.Release());
  return list;
}

void List::AppendNode(ds::PackedList node, const ListLimits& limits) {
  if (is_packed()) ToChain(limits);
  const std::size_t count = node.size();
  chain()->AppendNode(ListNode::Packed(std::move(node), count));
}

void List::AppendPlainNode(std::string_view text, const ListLimits& limits) {
  if (is_packed()) ToChain(limits);
  chain()->AppendNode(ListNode::Plain(text));
}

ListCursor::ListCursor(const List& list, std::size_t index, ListEnd towards)
    : is_forward_(towards == ListEnd::kBack) {
  if (list.is_packed()) {
    node_.packed = list.packed();
    at_ = node_.packed.Seek(static_cast<std::int64_t>(index));
    return;
  }
  if (index >= list.size()) return;
  chain_ = list.chain();
  const ListChain::Place place = chain_->Locate(index);
  EnterNode(place.node);
  if (!node_.is_plain) at_ = node_.packed.Seek(static_cast<std::int64_t>(place.offset));
}

// Stands on the node's first element of this direction.
void ListCursor::EnterNode(std::size_t i) {
  node_index_ = i;
  node_ = chain_->node(i).View(scratch_);
  at_ = node_.is_plain ? kPlainPosition
                       : EndOf(node_.packed, is_forward_ ? ListEnd::kFront : ListEnd::kBack);
}

void ListCursor::Advance() {
  DCHECK(!done());
  if (node_.is_plain) {
    at_ = kNone;
  } else {
    at_ = is_forward_ ? node_.packed.Next(at_) : node_.packed.Prev(at_);
  }
  if (at_ != kNone || chain_ == nullptr) return;
  if (is_forward_ ? node_index_ + 1 < chain_->node_count() : node_index_ > 0) {
    EnterNode(is_forward_ ? node_index_ + 1 : node_index_ - 1);
  }
}

}  // namespace cairn::value
