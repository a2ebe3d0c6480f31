// SPDX-License-Identifier: BSD-3-Clause
// EXECABORT says less than the command that it is for, so that one's error is given.
#include "client/exec_reply.h"

#include <utility>

namespace cairn::client {

cache::Result<std::vector<cache::Reply>> TakeExecReply(cache::Replies replies) {
  cache::Result<cache::Reply>& exec = replies.back();
  if (!exec) {
    for (cache::Result<cache::Reply>& reply : replies) {
      if (!reply && reply.error().code == cache::Errc::kServer) return Pass(std::move(reply));
    }
    return Pass(std::move(exec));
  }
  if (exec->is_null()) return cache::Fail(cache::Errc::kConflict, "a watched key was changed");
  return std::move(*exec).TakeElements();
}

}  // namespace cairn::client
