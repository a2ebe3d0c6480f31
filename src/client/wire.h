// SPDX-License-Identifier: BSD-3-Clause
// Commands as bytes, and error replies as Errors.
#ifndef CAIRN_CLIENT_WIRE_H_
#define CAIRN_CLIENT_WIRE_H_

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "base/text.h"
#include "cairn/command.h"
#include "cairn/reply.h"

namespace cairn::client {

inline char* WriteHeader(char type, std::size_t number, char* to) {
  *to++ = type;
  if (number < 10) {
    *to++ = static_cast<char>('0' + number);
  } else {
    to = FormatUint64(to, number);
  }
  *to++ = '\r';
  *to++ = '\n';
  return to;
}

// What AppendCommand appends, at most.
inline std::size_t WireBytesMax(const cache::Command& command) {
  constexpr std::size_t kHeaderBytesMax = 1 + kInt64TextMax + 2;
  return command.word_bytes() + kHeaderBytesMax + command.size() * (kHeaderBytesMax + 2);
}

// Written in place: appending piece by piece took a tenth of a pipelined GET's instructions.
inline void AppendCommand(const cache::Command& command, std::string* out) {
  const std::size_t before = out->size();
  out->resize_and_overwrite(before + WireBytesMax(command), [&](char* text, std::size_t) {
    char* to = WriteHeader('*', command.size(), text + before);
    for (std::size_t i = 0; i < command.size(); ++i) {
      const std::string_view word = command[i];
      to = WriteHeader('$', word.size(), to);
      to = std::copy(word.begin(), word.end(), to);
      *to++ = '\r';
      *to++ = '\n';
    }
    return static_cast<std::size_t>(to - text);
  });
}

// An error reply at the top is the Error of its command.
inline cache::Result<cache::Reply> AsResult(cache::Reply reply) {
  if (reply.is_error()) return cache::Fail(cache::Errc::kServer, std::move(reply).TakeText());
  return reply;
}

}  // namespace cairn::client

#endif  // CAIRN_CLIENT_WIRE_H_
