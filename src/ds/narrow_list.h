// SPDX-License-Identifier: BSD-3-Clause
// NarrowList: a packed list that nobody changes, in at most seven eighths of its bytes.
//
//     bytes of heads: 4 | bytes of texts: 4 | heads | texts, seven bits a character (ascii_pack.h)
//     heads = how each element begins, one after another; a number whole      (packed_element.h)
//
// What is gone is what follows from the rest: the top bit of every character, so that all texts
// must be ASCII; the backward lengths; the count. Widening gives the same bytes back.
//
// A narrow list exists only where it takes less of the allocator than the packed list: its classes
// are an eighth apart just below a power of two, as seven eighths are.
//
// Pure functions over bytes that are only ever our own: nothing here reads what came from outside.
// Cost (list_bench): 8 KiB are narrowed in 0.3 to 0.9 us, and widened in 0.5 us where texts have 64
// bytes, in 2 us where they have 10.
#ifndef CAIRN_DS_NARROW_LIST_H_
#define CAIRN_DS_NARROW_LIST_H_

#include <cstddef>
#include <span>
#include <string>

#include "ds/packed_list.h"

namespace cairn::ds {

// The narrow form of a list, a block of AllocateRaw; null if a text is not ASCII or nothing would
// be gained. REQUIRES: not empty.
char* NarrowListOf(PackedView list);

// What was asked of the allocator for it.
std::size_t NarrowListBytes(const char* narrow);

// Writes the packed list that it was made of. REQUIRES: list.size() is that one's bytes().size().
void WidenList(const char* narrow, std::span<char> list);

// The element number `index`, without the others; a text is put into `scratch`. REQUIRES: there is
// one.
PackedValue NarrowListAt(const char* narrow, std::size_t index, std::string& scratch);

}  // namespace cairn::ds

#endif  // CAIRN_DS_NARROW_LIST_H_
