// SPDX-License-Identifier: BSD-3-Clause
// Stream: the seam between a connection and what carries its bytes.
//
// A connection talks to a Stream only. In production that is a SocketStream (io/socket_stream.h)
// or a TlsStream (io/tls_stream.h);
// in tests and simulations one end of a PipeStream pair (io/pipe_stream.h), which can split, delay,
// drop and half-close at will. One virtual call per read or write system call.
//
// Thread safety: a Stream belongs to the thread of the loop that watches it.
#ifndef CAIRN_IO_STREAM_H_
#define CAIRN_IO_STREAM_H_

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/status.h"

namespace cairn::io {

// What a watcher wants to hear of. Hang-ups and errors are always told.
enum class Interest : std::uint8_t { kNone = 0, kRead = 1, kWrite = 2, kReadWrite = 3 };

// One who is told when a descriptor or stream is ready. It may remove, close or destroy itself and
// any other watcher from inside the call.
class Watcher {
 public:
  // `readable`: a read would not block (it may answer end of stream). `hangup`: both directions
  // are gone, or an error is pending: reading and writing will say so. Level-triggered, so a
  // watcher that ignores it is called again at once.
  virtual void OnReady(bool readable, bool writable, bool hangup) = 0;

 protected:
  ~Watcher() = default;
};

// What one read or write came to.
struct Transfer {
  enum class State : std::uint8_t {
    kDone,        // `bytes` were moved, at least one
    kWouldBlock,  // nothing now; wait for readiness
    kEnd,         // reading: the peer will send no more
    kFailed       // `error` is the errno; the stream is of no more use
  };
  State state = State::kWouldBlock;
  int error = 0;
  std::size_t bytes = 0;

  bool done() const { return state == State::kDone; }
};

class Stream {
 public:
  virtual ~Stream() = default;
  // Reads what there is, up to the size of `into`. REQUIRES: !into.empty()
  virtual Transfer Read(std::span<char> into) = 0;
  // Writes as much as fits now; may be less than all. REQUIRES: not all empty.
  virtual Transfer Write(std::span<const iovec> pieces) = 0;
  // Ends both directions and stops the watching. Idempotent.
  virtual void Close() = 0;
  // Tells `watcher` of readiness from now on, or changes what it is told. The watcher outlives the
  // stream or its Close.
  virtual Status Watch(Watcher* watcher, Interest interest) = 0;
  // The descriptor, for CLIENT LIST; -1 where there is none.
  virtual int descriptor() const = 0;
  // Memory held beside this object, roughly.
  virtual std::size_t memory_bytes() const { return 0; }
};

}  // namespace cairn::io

#endif  // CAIRN_IO_STREAM_H_
