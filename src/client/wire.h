// SPDX-License-Identifier: BSD-3-Clause
// Commands as bytes, and error replies as Errors.
#ifndef CAIRN_CLIENT_WIRE_H_
#define CAIRN_CLIENT_WIRE_H_

#include <string>
#include <utility>

#include "base/text.h"
#include "cairn/command.h"
#include "cairn/reply.h"

namespace cairn::client {

inline void AppendHeader(char type, std::size_t number, std::string* out) {
  char text[1 + kInt64TextMax + 2];
  text[0] = type;
  char* end = FormatUint64(text + 1, number);
  *end++ = '\r';
  *end++ = '\n';
  out->append(text, end);
}

inline void AppendCommand(const cache::Command& command, std::string* out) {
  AppendHeader('*', command.size(), out);
  for (std::size_t i = 0; i < command.size(); ++i) {
    AppendHeader('$', command[i].size(), out);
    out->append(command[i]).append("\r\n");
  }
}

// An error reply at the top is the Error of its command.
inline cache::Result<cache::Reply> AsResult(cache::Reply reply) {
  if (reply.is_error()) return cache::Fail(cache::Errc::kServer, std::move(reply).TakeText());
  return reply;
}

}  // namespace cairn::client

#endif  // CAIRN_CLIENT_WIRE_H_
