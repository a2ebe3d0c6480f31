// SPDX-License-Identifier: BSD-3-Clause
// Shown: what stands in files, as people can read it. For the tools that check and print files.
#ifndef CAIRN_PERSIST_SHOWN_H_
#define CAIRN_PERSIST_SHOWN_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "codec/rdb_format.h"

namespace cairn::persist {

// Of a name in a report.
inline constexpr std::size_t kShownBytesMax = 128;

// A word that prints and needs no quotes as it is, others in quotes with escapes; of longer ones
// than `bytes_max` the beginning, and how long they are: "abc"...(3000 bytes).
std::string Shown(std::string_view bytes, std::size_t bytes_max = kShownBytesMax);

// "2026-11-21T17:45:29Z"; what no calendar has, as a number.
std::string ShownTime(std::int64_t unix_s);

// What both tools say of an RDB that ends at `end` in a longer file which is no AOF.
std::string ShownBehindRdb(std::uint64_t end, std::uint64_t file_bytes);

// "hash" and "ziplist", as they stand in a file.
struct RdbTypeWords {
  std::string_view type;
  std::string_view form;
};
RdbTypeWords WordsOf(codec::RdbType type);

}  // namespace cairn::persist

#endif  // CAIRN_PERSIST_SHOWN_H_
