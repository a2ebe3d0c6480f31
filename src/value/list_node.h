// SPDX-License-Identifier: BSD-3-Clause
// ListNode: a stretch of a long list, in one block of memory.
//
//     packed       a PackedList of `count` elements
//     plain        one element too large for a PackedList: its bytes alone
//     room first   a packed list at the end of a block with room in front of it, so that a push to
//                  the front moves nothing (half a node, 4 KiB, before)
//     compressed   packed or plain, through LZF: length of the compressed form: 4 | compressed form
//     narrow       a packed list whose texts are ASCII, with seven bits a character
//                  (ds/narrow_list.h)
//
// The first three are open: read and changed in place. The others are closed: nobody may see them,
// View and Expand give what they were made of. A plain node is never narrow: elements from 1 GiB
// on are not worth the code.
//
// A node is a handle of two words which moves by copying; whoever keeps it (ListChain) frees it.
// bytes() is what the node has when open, by which Redis's rules decide.
#ifndef CAIRN_VALUE_LIST_NODE_H_
#define CAIRN_VALUE_LIST_NODE_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "ds/packed_list.h"

namespace cairn::value {

// Nodes below are left alone, and so are those that would not become smaller by so much: Redis's
// figures.
inline constexpr std::size_t kListCompressBytesMin = 48;
inline constexpr std::size_t kListCompressGainMin = 8;

// Nodes below are not narrowed, since that takes as long as several pushes; nor are those above,
// since whoever reads or changes an inner element may have to widen its node, under the lock. That
// takes time by the element and by the byte: within these limits some 3 us (list_bench). Full nodes
// of the default fill are narrow from texts of 14 bytes on.
inline constexpr std::size_t kListNarrowBytesMin = 512;
inline constexpr std::size_t kListNarrowBytesMax = 16 * 1024;
inline constexpr std::size_t kListNarrowElementsMax = 512;

// What a node holds, for reading: `packed`, or for a plain node its only element.
struct ListNodeView {
  bool is_plain = false;
  ds::PackedView packed;
  std::string_view plain;
};

class ListNode {
 public:
  ListNode() = default;
  static ListNode Packed(ds::PackedList list, std::size_t count);
  static ListNode Plain(std::string_view text);

  std::uint32_t count() const { return count_; }
  // A mark for whoever keeps the node: see ListFreeze. A clone has none.
  bool is_frozen() const { return frozen_ != 0; }
  void Freeze() { frozen_ = 1; }
  std::uint32_t bytes() const { return bytes_; }
  bool is_plain() const { return (word_ & kPlain) != 0; }
  bool is_open() const { return form() == kOpen || form() == kRoomFirst; }
  std::size_t memory_bytes() const;

  // Views stay valid until the node changes; a closed one is expanded into `scratch`.
  ListNodeView View(std::string& scratch) const;

  // One element, as long as View's would be. REQUIRES: index < count().
  ds::PackedValue At(std::size_t index, std::string& scratch) const;

  // An open node's closed forms, as nodes of their own; nothing where little is to be won.
  std::optional<ListNode> Compressed() const;
  std::optional<ListNode> Narrowed() const;
  // Opens a closed node; the second one so that the first elements can be popped without moving the
  // others, where room for that costs nothing.
  void Expand();
  void ExpandAtFront();

  // The list of a packed, open node, to be changed and put back with its new count.
  ds::PackedList Take();
  // An element in front of the others of a packed, open node. The block doubles as it fills;
  // returns by how much memory_bytes() has grown.
  std::size_t PushFront(std::string_view text);
  // Takes the first element off, if the node has room in front that stays of the same size; false,
  // and nothing done, else. REQUIRES: more than one element.
  bool PopFront();
  // No element will come in front any more: gives back room that is worth it, and says how much.
  std::size_t TrimFront();
  void Put(ds::PackedList list, std::size_t count);

  ListNode Clone() const;
  void Free();

 private:
  enum Form : std::uintptr_t { kOpen = 0, kCompressed = 2, kRoomFirst = 4, kNarrow = 6 };
  static constexpr std::uintptr_t kPlain = 1;
  static constexpr std::uintptr_t kForms = 6;
  static constexpr std::uintptr_t kTags = 7;
  // Each element takes two bytes or more of at most 4 GiB.
  static constexpr std::uint32_t kCountMax = (1u << 31) - 1;

  Form form() const { return static_cast<Form>(word_ & kForms); }
  char* block() const { return reinterpret_cast<char*>(word_ & ~kTags); }
  // Where the packed list or the text of an open node begins.
  char* content() const;
  // REQUIRES: closed, and bytes() of room.
  void ExpandInto(char* bytes) const;
  void ExpandTo(Form form);
  // The block holds what it has and nothing before it.
  void Straighten();
  std::string_view compressed() const;
  std::size_t block_bytes() const;
  ListNode ClosedAs(char* block, Form form) const;
  void SetBlock(void* block, std::uintptr_t tags) {
    word_ = reinterpret_cast<std::uintptr_t>(block) | tags;
  }

  std::uintptr_t word_ = 0;
  std::uint32_t count_ : 31 = 0;
  std::uint32_t frozen_ : 1 = 0;
  std::uint32_t bytes_ = 0;
};

static_assert(sizeof(ListNode) == 16, "four nodes a cache line");

}  // namespace cairn::value

#endif  // CAIRN_VALUE_LIST_NODE_H_
