// SPDX-License-Identifier: BSD-3-Clause
// One piece of reply is decoded where it stands; only a value that the store shares, between two
// pieces, is copied together first.
#include "store/embedded_session.h"

#include <sys/uio.h>

#include <string>
#include <utility>

#include "base/check.h"
#include "base/random.h"

namespace cairn::store {

EmbeddedSession::EmbeddedSession(engine::Engine& engine)
    : Session(engine.NextSessionId(), SecureRandomUint64()),
      runner_(engine.shared(), SecureRandomUint64()) {
  set_protocol(3);
}

cache::Result<cache::Reply> EmbeddedSession::Run(const cache::Command& command) {
  words_.clear();
  for (std::size_t i = 0; i < command.size(); ++i) words_.push_back(command[i]);
  resp::Writer writer(buffer_, protocol());
  runner_.Run(*this, words_, writer);
  return Decode();
}

cache::Result<cache::Reply> EmbeddedSession::Decode() {
  cache::Reply reply;
  iovec pieces[2];
  const std::size_t count = buffer_.FillIovecs(pieces, 2);
  using Outcome = client::ReplyDecoder::Outcome;
  Outcome outcome = Outcome::kNeedMore;
  if (count == 1) {
    outcome =
        decoder_.Next({static_cast<const char*>(pieces[0].iov_base), pieces[0].iov_len}, &reply);
  } else {
    outcome = decoder_.Next(buffer_.ToString(), &reply);
  }
  buffer_.Clear();
  if (outcome != Outcome::kValue) {
    decoder_.Reset();
    return cache::Fail(cache::Errc::kProtocol, "the engine's reply is not whole");
  }
  if (reply.is_error()) return cache::Fail(cache::Errc::kServer, std::move(reply).TakeText());
  return reply;
}

}  // namespace cairn::store
