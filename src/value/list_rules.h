// SPDX-License-Identifier: BSD-3-Clause
// The rules by which Redis 7.2 cuts a list into nodes. OBJECT ENCODING tells clients about them, so
// they are kept to the byte.
#ifndef CAIRN_VALUE_LIST_RULES_H_
#define CAIRN_VALUE_LIST_RULES_H_

#include <cstddef>
#include <string_view>

#include "ds/packed_list.h"

namespace cairn::value {

// The options as the user set them; they are looked at when a list may change its form.
struct ListLimits {
  // list-max-listpack-size: elements a node, or -1..-5 for 4, 8, 16, 32, 64 KiB.
  int node_fill = -2;
  // list-compress-depth: nodes at each end that stay uncompressed; 0 compresses none.
  int compress_depth = 0;
  // Elements from here on are nodes of their own (DEBUG QUICKLIST-PACKED-THRESHOLD).
  std::size_t plain_bytes = ds::kPackedListBytesMax;
};

// What a node may hold whose size is given in elements, lest it become slow to change.
inline constexpr std::size_t kListCountedNodeBytesMax = 8192;
// What Redis reckons an element takes besides its text, at most.
inline constexpr std::size_t kListElementOverhead = 8;
// A listpack without elements.
inline constexpr std::size_t kListEmptyNodeBytes = 7;
// The options are kept in 16 bits once a list has become a chain.
inline constexpr int kListFillMax = 32767;
inline constexpr int kListFillMin = -5;
inline constexpr int kListDepthMax = 65535;

// No element can be longer: nodes count their bytes in 32 bits.
inline constexpr std::size_t kListElementBytesMax = 0xffffffff;

struct ListNodeLimit {
  std::size_t bytes;
  std::size_t count;
};

// The limit that a fill stands for; the other of the two is without bound.
ListNodeLimit ListNodeLimitOf(int node_fill);

// Whether a node of that size would be too large.
bool ListNodeExceeds(int node_fill, std::size_t bytes, std::size_t count);

// An element on its way in.
struct ListElement {
  ListElement(std::string_view element, const ListLimits& limits);

  std::string_view text;
  bool is_plain;
};

}  // namespace cairn::value

#endif  // CAIRN_VALUE_LIST_RULES_H_
