// SPDX-License-Identifier: BSD-3-Clause
// ReplyDecoder: public Replies out of a server's byte stream.
//
// Scalars, and arrays of few of them, that are wholly in the buffer, which is nearly all that a
// cache is sent, are read straight into a Reply; all else goes through resp::ReplyParser, whose
// trees are moved over. Limits are the parser's.
//
// One decoder belongs to one connection; not thread-safe.
#ifndef CAIRN_CLIENT_REPLY_DECODER_H_
#define CAIRN_CLIENT_REPLY_DECODER_H_

#include <cstddef>
#include <string_view>

#include "cairn/reply.h"
#include "resp/reply_parser.h"

namespace cairn::client {

class ReplyDecoder {
 public:
  using Outcome = resp::ReplyParser::Outcome;

  ReplyDecoder() = default;
  explicit ReplyDecoder(const resp::ReplyParser::Limits& limits)
      : parser_(limits), bulk_bytes_max_(limits.bulk_bytes_max) {}

  // Reads on; `buffer` begins at the first byte not consumed. With kValue, `*out` is the reply.
  Outcome Next(std::string_view buffer, cache::Reply* out);
  // Bytes of the last call's `buffer` that are done with, whatever its outcome.
  std::size_t consumed() const { return consumed_; }
  // After kError: what was wrong.
  std::string_view error() const { return parser_.error(); }
  // For another connection.
  void Reset();

 private:
  bool TakeScalar(std::string_view buffer, cache::Reply* out);
  bool TakeRow(std::string_view buffer, cache::Reply* out);
  bool TakeBulk(std::string_view buffer, cache::Reply* out);

  resp::ReplyParser parser_;
  std::size_t bulk_bytes_max_ = resp::ReplyParser::Limits().bulk_bytes_max;
  std::size_t consumed_ = 0;
  bool is_midway_ = false;  // the parser holds a part of a reply
};

}  // namespace cairn::client

#endif  // CAIRN_CLIENT_REPLY_DECODER_H_
