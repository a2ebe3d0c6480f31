// SPDX-License-Identifier: BSD-3-Clause
// ReplyHold: which of a client's replies wait until the log is safe (appendfsync always).
//
//     pending output:  [ free | first: waits for P1 | rest: waits for P2 ]
//                                                   ^ end of first       ^ end of rest
//
// Two parts are enough: what is replied while the first waits is covered by the sync after the one
// that the first waits for, at the latest. With one part a client that pipelines without end would
// move its own goal away for ever. What comes behind (messages) goes with what is before it.
//
// Belongs to the connection, on its worker's thread.
#ifndef CAIRN_SERVER_REPLY_HOLD_H_
#define CAIRN_SERVER_REPLY_HOLD_H_

#include <cstddef>

#include "base/ids.h"

namespace cairn::server {

class ReplyHold {
 public:
  bool empty() const { return first_.end == 0; }

  // All that is pending, `pending_bytes`, waits for `position`, unless it waits for an earlier one.
  // Positions never fall.
  void Add(std::size_t pending_bytes, Lsn position) {
    Part& part = empty() || first_.position == position ? first_ : rest_;
    part = {.end = pending_bytes, .position = position};
  }

  // Lets go of what `may_go` says is safe. How many bytes of the output may be sent, given that
  // something waits.
  template <class MayGo>  // bool(Lsn)
  std::size_t Release(MayGo may_go) {
    while (!empty() && may_go(first_.position)) {
      free_ = first_.end;
      first_ = rest_;
      rest_ = {};
    }
    return free_;
  }

  // So many bytes of the output have been sent.
  void Consume(std::size_t bytes) {
    free_ -= bytes < free_ ? bytes : free_;
    if (empty()) return;
    first_.end -= bytes;
    if (rest_.end != 0) rest_.end -= bytes;
  }

 private:
  struct Part {
    std::size_t end = 0;  // 0: there is none
    Lsn position{};
  };

  std::size_t free_ = 0;
  Part first_;
  Part rest_;
};

}  // namespace cairn::server

#endif  // CAIRN_SERVER_REPLY_HOLD_H_
