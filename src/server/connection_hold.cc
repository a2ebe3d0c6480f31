// SPDX-License-Identifier: BSD-3-Clause
// A connection whose replies wait for the disk, and WAITAOF.
//
// Replies are held by the end of the log as it was when they had been made. That lies behind what
// the client wrote, and behind whatever others wrote that it may have read: nobody sees what a
// crash can undo. No other place needs to know what a command did.
//
// While the disk fails, only those wait whose own writes are not safe; what they have written is
// written and answered when there is room again. Reading goes on.
#include <algorithm>

#include "command/parked.h"
#include "server/connection.h"
#include "server/server.h"
#include "server/worker.h"

namespace cairn::server {

void Connection::HoldReplies() {
  const persist::Watermark& watermark = server().watermark();
  const Lsn end = server().engine().keyspace().log().end();
  const Lsn position = watermark.failing() ? std::min(end, last_write()) : end;
  if (hold_.empty() && watermark.Frees(position)) return;
  hold_.Add(output_.pending_bytes(), position);
  worker_.HurryDisk();
}

std::size_t Connection::SendableBytes() {
  const persist::Watermark& watermark = server().watermark();
  const std::size_t free = hold_.Release([&](Lsn position) {
    return watermark.Frees(watermark.failing() ? std::min(position, last_write()) : position);
  });
  if (hold_.empty()) return SIZE_MAX;
  worker_.WatchDisk(this);
  return free;
}

// Whether it still waits in `parked`, and this is who answers that.
bool Connection::ClaimWait(const std::shared_ptr<command::Parked>& parked) {
  return waiting_ == parked &&
         command::TryUnpark(server().engine().keyspace(), *parked) == command::Unparked::kDone;
}

void Connection::EndDurableWait(const std::shared_ptr<command::Parked>& parked,
                                command::TimeoutReply reply) {
  if (!ClaimWait(parked)) return;
  parked->set_timeout_reply(reply);
  parked->ReplyTimeout();
  FinishWait(parked);
}

void Connection::FailDurableWait(const std::shared_ptr<command::Parked>& parked,
                                 std::string_view error) {
  if (!ClaimWait(parked)) return;
  parked->ReplyError(error);
  FinishWait(parked);
}

}  // namespace cairn::server
