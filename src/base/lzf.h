// SPDX-License-Identifier: BSD-3-Clause
// LZF: light compression, as Redis applies it to the inner nodes of lists and to strings in RDB
// files.
//
// The adapter of liblzf. Pure functions; safe from any thread. The compressor needs half a megabyte
// of stack.
#ifndef CAIRN_BASE_LZF_H_
#define CAIRN_BASE_LZF_H_

#include <cstddef>
#include <span>
#include <string_view>

namespace cairn {

// Writes the compressed form and returns its length; 0 when it does not fit in `to`.
std::size_t CompressLzf(std::string_view from, std::span<char> to);

// True when `from` is the compressed form of exactly to.size() bytes, which are written then.
bool DecompressLzf(std::string_view from, std::span<char> to);

}  // namespace cairn

#endif  // CAIRN_BASE_LZF_H_
