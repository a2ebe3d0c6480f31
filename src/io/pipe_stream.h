// SPDX-License-Identifier: BSD-3-Clause
// PipeStream: two connected Streams in memory, for tests and simulations.
//
// What one end writes, the other reads, in the same thread and without a kernel. Nothing happens by
// itself: Pump tells the watchers of readiness, so a test decides when. A PipeRule on each
// direction makes the network bad: it splits, delays, fills up or cuts.
//
//     test end --Write--> [bytes, released by rule] --Pump--> watcher of the other end --Read-->
//
// Watchers are told level-triggered, as by the Poller, and may close either end from inside.
// One thread.
#ifndef CAIRN_IO_PIPE_STREAM_H_
#define CAIRN_IO_PIPE_STREAM_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/status.h"
#include "io/stream.h"

namespace cairn::io {

// How one direction behaves. Takes effect on the next read or write.
struct PipeRule {
  std::size_t read_bytes_max = SIZE_MAX;   // of one Read: splits what was written at once
  std::size_t write_bytes_max = SIZE_MAX;  // of one Write: partial writes
  std::size_t room_bytes = 1024UL * 1024;  // unread bytes before Write would block
  bool held = false;                       // bytes wait, unseen by the reader, until it is false
  std::size_t cut_after = SIZE_MAX;        // bytes after which the rest is lost, silently
};

class PipeStream final : public Stream {
 public:
  // Two ends that are connected. They may be destroyed in any order.
  static std::pair<std::unique_ptr<PipeStream>, std::unique_ptr<PipeStream>> CreatePair();
  PipeStream(const PipeStream&) = delete;
  PipeStream& operator=(const PipeStream&) = delete;
  ~PipeStream() override;

  Transfer Read(std::span<char> into) override;
  Transfer Write(std::span<const iovec> pieces) override;
  void Close() override;
  Status Watch(Watcher* watcher, Interest interest) override;
  int descriptor() const override { return -1; }

  // How bytes travel from this end to the other.
  PipeRule& outgoing();
  // Says that no more will be written; the other end reads to the end. Reading goes on.
  void ShutdownWrite();
  // The connection breaks: both ends fail with ECONNRESET from now on, unread bytes are lost.
  void Reset();

  // Tells this end's watcher what it is interested in and what is so, once. False if there was
  // nothing to tell.
  bool Pump();

  // For tests without patience: writes all / reads all that is there.
  void WriteText(std::string_view text);
  std::string ReadText();

 private:
  struct Direction {
    std::string bytes;         // written, not yet read
    std::size_t accepted = 0;  // bytes ever written
    bool ended = false;        // no more will come
    PipeRule rule;
  };
  struct Wire {
    Direction directions[2];
    bool closed[2] = {false, false};
    bool reset = false;
  };

  PipeStream(std::shared_ptr<Wire> wire, int side) : wire_(std::move(wire)), side_(side) {}
  Direction& Incoming() const { return wire_->directions[1 - side_]; }
  Direction& Outgoing() const { return wire_->directions[side_]; }
  bool IsClosed() const { return wire_->closed[side_]; }
  bool PeerIsClosed() const { return wire_->closed[1 - side_]; }

  std::shared_ptr<Wire> wire_;  // shared by the two ends, whichever goes last
  int side_;
  Watcher* watcher_ = nullptr;
  Interest interest_ = Interest::kNone;
};

}  // namespace cairn::io

#endif  // CAIRN_IO_PIPE_STREAM_H_
