// SPDX-License-Identifier: BSD-3-Clause
// Ziplists and zipmaps, in which Redis kept small collections before version 7 (and 2.6), as packed
// lists.
//
// Both are checked in every byte: kCorrupt, with the offset, for what is none; kLimit for what a
// packed list cannot hold. Pure functions.
#ifndef CAIRN_CODEC_OLD_PACKED_H_
#define CAIRN_CODEC_OLD_PACKED_H_

#include <string_view>

#include "base/status.h"
#include "ds/packed_list.h"

namespace cairn::codec {

// total bytes: 4 | offset of the last element: 4 | count: 2 | element ... | 0xff
Result<ds::PackedList> PackedFromZiplist(std::string_view bytes);

// count: 1 | (length | field | length | free: 1 | value | free bytes) ... | 0xff
Result<ds::PackedList> PackedFromZipmap(std::string_view bytes);

}  // namespace cairn::codec

#endif  // CAIRN_CODEC_OLD_PACKED_H_
