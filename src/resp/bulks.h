// SPDX-License-Identifier: BSD-3-Clause
// Arguments as they were sent. What a client sends has the form of what a client gets: a message's
// channel and payload are passed on as they came in, headers and all.
#ifndef CAIRN_RESP_BULKS_H_
#define CAIRN_RESP_BULKS_H_

#include <span>
#include <string_view>

namespace cairn::resp {

// The bytes "$3\r\nfoo\r\n$3\r\nbar\r\n" of `args` in `input`, if that is where they stand, one
// behind the other and written so; else nothing. (The parser does not look at what follows an
// argument, and words of a line have no headers.)
std::string_view BulksWithin(std::string_view input, std::span<const std::string_view> args);

}  // namespace cairn::resp

#endif  // CAIRN_RESP_BULKS_H_
