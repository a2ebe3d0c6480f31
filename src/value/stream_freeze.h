// SPDX-License-Identifier: BSD-3-Clause
// StreamFreeze: a stream as it was at one moment, read part by part while it changes.
//
//     nodes     | read | changed, new | frozen | frozen ...     each older than the freeze
//     kept               | as it was |
//     groups    heads, copied at once; pending entries: ds::BlockFreeze
//
// At the beginning the counters and the heads of groups and consumers are copied; nodes and pending
// entries are not, however many they are. Before a frozen node changes, a copy of it comes here;
// one that is removed comes here itself. So who writes pays for a node, or for a block of 2 KiB of
// what is pending. A group or a consumer that is deleted leaves its blocks here, and a stream that
// ends, all of it.
//
// Reading is in order, some nodes or pending entries a call, under the lock of the stream. What is
// read counts as kept no more.
#ifndef CAIRN_VALUE_STREAM_FREEZE_H_
#define CAIRN_VALUE_STREAM_FREEZE_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/function_ref.h"
#include "ds/block_freeze.h"
#include "value/stream.h"
#include "value/stream_part.h"

namespace cairn::value {

class StreamFreeze : private ds::KeptBytes {
 public:
  StreamFreeze(const StreamFreeze&) = delete;
  StreamFreeze& operator=(const StreamFreeze&) = delete;

  std::size_t node_count() const { return node_count_; }

 protected:
  // Nodes as they were, for who takes them to free.
  class Taken {
   public:
    Taken() = default;
    ~Taken();
    Taken(const Taken&) = delete;
    Taken& operator=(const Taken&) = delete;
    void ForEach(FunctionRef<void(const StreamPart&)> fn) const;

   private:
    friend class StreamFreeze;
    std::vector<StreamNode*> nodes_;
    ds::SlabArena* arena_ = nullptr;
  };

  // REQUIRES: nobody else reads it; it has held something.
  explicit StreamFreeze(const Stream& stream);
  virtual ~StreamFreeze();

  // First the nodes, with at most about so many bytes. False if there are no more; perhaps there
  // are though none was taken.
  bool TakeNodes(std::size_t bytes, Taken* taken);
  // Then the rest, by at most about so many entries. True at the end.
  bool ReadGroups(std::size_t entries, FunctionRef<void(const StreamPart&)> fn);
  // The stream is told no more; idempotent. What came here goes with this.
  void Thaw();

 private:
  friend class Stream;
  struct Consumer {
    Consumer(StreamConsumer& consumer, ds::KeptBytes& kept);
    const std::string name;
    const StreamPart::Consumer head;
    ds::BlockFreeze<StreamId, ds::NoValue> own;
  };
  struct Group {
    Group(StreamGroup& group, ds::KeptBytes& kept);
    const std::string name;
    const StreamPart::Group head;
    ds::BlockFreeze<StreamId, StreamDelivery> pending;
    std::deque<Consumer> consumers;
  };
  enum class Stage : std::uint8_t { kCounters, kGroup, kPending, kConsumer, kOwn, kEnd };

  void Keeps(std::size_t bytes) override = 0;
  void LetsGo(std::size_t bytes) override = 0;

  // The stream tells: before a node changes, when one goes, and when all of it does.
  void KeepCopy(StreamNode* node);
  void FreeOrKeep(StreamNode* node);
  void TakeOver(Stream&& stream);
  void Keep(StreamNode* node);
  StreamNode* TakeKept();
  // How much it looked at.
  std::size_t ReadOn(FunctionRef<void(const StreamPart&)> fn);
  std::size_t ReadGroup(Group& group, FunctionRef<void(const StreamPart&)> fn);

  Stream::Body* body_;  // null when thawed
  Stream own_;          // *body_, if it has ended elsewhere
  ds::SlabArena* const arena_;
  const std::uint32_t number_;  // of this freeze, among those of the stream
  const std::size_t node_count_;
  const StreamPart::Counters counters_;
  std::size_t nodes_left_;
  StreamId from_ = kStreamIdMin;          // no frozen node's base is below it
  std::map<StreamId, StreamNode*> kept_;  // by their bases
  std::deque<Group> groups_;              // which do not move
  // Where ReadGroups is.
  Stage stage_ = Stage::kCounters;
  std::size_t group_at_ = 0;
  std::size_t consumer_at_ = 0;
};

}  // namespace cairn::value

#endif  // CAIRN_VALUE_STREAM_FREEZE_H_
