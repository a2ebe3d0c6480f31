// SPDX-License-Identifier: BSD-3-Clause
// ReplyCounter: how many whole RESP2 replies have come, for a load generator that does not care
// what they say.
//
// It looks at lines and counts; the bytes of bulk strings are skipped. An error is an end of the
// measurement: a benchmark of refusals measures nothing.
#ifndef CAIRN_BENCH_REPLY_COUNTER_H_
#define CAIRN_BENCH_REPLY_COUNTER_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/text.h"

namespace cairn::bench {

class ReplyCounter {
 public:
  // Adds to `replies` those that end in `bytes`. False if one is an error, which is left in
  // `problem`.
  bool Count(std::string_view bytes, std::size_t* replies) {
    while (!bytes.empty()) {
      if (skip_ > 0) {
        const std::size_t skipped = std::min(skip_, bytes.size());
        bytes.remove_prefix(skipped);
        skip_ -= skipped;
        if (skip_ == 0) EndValue(replies);
        continue;
      }
      const std::size_t end = bytes.find('\n');
      if (end == std::string_view::npos) {
        line_.append(bytes);
        return true;
      }
      line_.append(bytes.substr(0, end - (end > 0 ? 1 : 0)));
      bytes.remove_prefix(end + 1);
      if (!TakeLine(replies)) return false;
      line_.clear();
    }
    return true;
  }
  const std::string& problem() const { return line_; }

 private:
  // REQUIRES: line_ is whole; a '\r' may be left where the pieces met.
  bool TakeLine(std::size_t* replies) {
    if (line_.ends_with('\r')) line_.pop_back();
    if (line_.empty() || line_[0] == '-') return false;
    const std::int64_t number = ParseInt64(std::string_view(line_).substr(1)).value_or(0);
    if (line_[0] == '$' && number >= 0) {
      skip_ = static_cast<std::size_t>(number) + 2;
    } else if (line_[0] == '*' && number > 0) {
      awaited_ += static_cast<std::size_t>(number) - 1;
    } else {
      EndValue(replies);
    }
    return true;
  }
  void EndValue(std::size_t* replies) {
    if (--awaited_ > 0) return;
    awaited_ = 1;
    ++*replies;
  }

  std::size_t awaited_ = 1;  // values up to the end of this reply
  std::size_t skip_ = 0;     // bytes of a bulk string, its line end included
  std::string line_;         // what has come of one
};

}  // namespace cairn::bench

#endif  // CAIRN_BENCH_REPLY_COUNTER_H_
