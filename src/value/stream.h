// SPDX-License-Identifier: BSD-3-Clause
// Stream: entries in the order of their ids, and the groups that read them.
//
//     Stream ── Body ── nodes by their first id ── StreamNode (100 entries or 4 KB) ...
//                  └─── groups by name ── pending entries, consumers
//
// One word; a stream that never held anything owns nothing. Nodes hold what Redis's would, entry
// for entry, so that trimming by whole nodes removes the same entries. Deleting marks an entry; a
// node goes with its last live entry.
//
// The counters that clients see (first and last id, greatest deleted id, entries ever added) are
// kept by the rules of Redis 7.2, by which a group's lag is known or unknown.
//
// Cost: appending is constant and allocates once in a node's time; finding an id is a binary search
// and a walk within its node. Times come from the caller. No thread safety of its own.
//
// Who saves it can read it as it is while it changes: StreamFreeze.
#ifndef CAIRN_VALUE_STREAM_H_
#define CAIRN_VALUE_STREAM_H_

#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/function_ref.h"
#include "base/ids.h"
#include "base/status.h"
#include "ds/block_map.h"
#include "ds/slab.h"
#include "value/stream_group.h"
#include "value/stream_id.h"
#include "value/stream_node.h"
#include "value/stream_part.h"

namespace cairn::value {

class StreamFreeze;

// stream-node-max-bytes and stream-node-max-entries; 0 is no limit.
struct StreamLimits {
  std::size_t node_bytes = 4096;
  std::size_t node_entries = 100;
};

enum class StreamAppendError : std::uint8_t {
  kExhausted,   // the last id there is, is taken
  kIdTooSmall,  // not above the last id
  kTooLarge,    // the entry does not fit into a node
};

// What becomes of groups that still hold an entry which is to be deleted: KEEPREF, DELREF, ACKED.
enum class StreamReferences : std::uint8_t {
  kKeep,          // they keep the id
  kDrop,          // it leaves their pending entries
  kAcknowledged,  // then the entry stays: only what all have read and acknowledged is deleted
};

enum class StreamDeleteResult : std::uint8_t { kMissing, kDeleted, kReferenced };

struct StreamTrim {
  enum class Kind : std::uint8_t { kMaxLength, kMinId };
  enum class Precision : std::uint8_t { kExact, kWholeNodes };
  Kind kind = Kind::kMaxLength;
  Precision precision = Precision::kExact;
  StreamReferences references = StreamReferences::kKeep;
  std::uint64_t max_length = 0;
  StreamId min_id{};
  std::uint64_t limit = 0;  // no more entries than these; 0 is no limit
};

struct StreamTrimmed {
  std::uint64_t deleted = 0;
  // Whether entries were left in place because groups hold them; then `last` is the last of those
  // deleted, and which these are is not told by their number.
  bool passed_over = false;
  StreamId last{};
};

enum class StreamSetIdError : std::uint8_t {
  kBelowTop,          // the stream has a greater id
  kAddedBelowLength,  // fewer entries added than there are
};

// The counters, as XSETID and a snapshot's reader set them.
struct StreamCounters {
  StreamId last_id{};
  StreamId max_deleted_id{};
  std::uint64_t entries_added = 0;
};

// Whether reading leaves entries pending: XREADGROUP's NOACK.
enum class StreamAcknowledge : std::uint8_t { kByConsumer, kAtOnce };

struct StreamClaim {
  UnixMs now = 0;
  std::int64_t min_idle_ms = 0;
  UnixMs delivery_time = 0;
  std::optional<std::uint64_t> retry_count = std::nullopt;
  bool force = false;    // what nobody has pending, too
  bool just_id = false;  // does not count as a delivery
};

enum class StreamClaimResult : std::uint8_t {
  kNotPending,
  kTooYoung,
  kVanished,  // the entry was deleted: it is pending no more
  kClaimed,
};

struct StreamAutoClaim {
  UnixMs now = 0;
  std::int64_t min_idle_ms = 0;
  StreamId start{};
  std::size_t count = 100;  // of claimed and vanished entries
  bool just_id = false;
};

struct StreamAutoClaimed {
  StreamId next{};  // where to go on; 0-0 at the end
  std::vector<StreamId> claimed;
  std::vector<StreamId> vanished;
};

class Stream {
 public:
  using Nodes = ds::BlockMap<StreamId, StreamNode*>;
  using Groups = std::vector<std::unique_ptr<StreamGroup>>;

  Stream();
  Stream(Stream&& other) noexcept;
  Stream& operator=(Stream&& other) noexcept;
  ~Stream();

  std::size_t size() const;
  bool empty() const { return size() == 0; }
  std::size_t memory_bytes() const;
  // Of it, the entries', without what is pending at the groups.
  std::size_t entry_bytes() const;
  std::string_view encoding() const { return "stream"; }
  // At most one node and no groups.
  bool is_packed() const;
  Stream Clone() const;
  // After the first step the stream is good for nothing but further ones.
  bool FreeStep(std::size_t elements);

  // 0-0 where there is none.
  StreamId last_id() const;
  StreamId first_id() const;
  StreamId max_deleted_id() const;
  std::uint64_t entries_added() const;
  std::size_t node_count() const;
  // How many nodes the radix tree would have in which Redis keeps these nodes by their first ids:
  // XINFO shows that. Walks all nodes.
  std::size_t RadixTreeNodes() const;
  // The greatest id that is there; 0-0 in an empty stream.
  StreamId TopId() const;

  // The stream keeps its nodes in the arena of its first one's making, which outlives it.
  std::expected<StreamId, StreamAppendError> Append(const NewStreamId& id, StreamFields fields,
                                                    UnixMs now, const StreamLimits& limits,
                                                    ds::SlabArena& arena);
  std::optional<StreamEntry> Find(StreamId id) const;

  StreamDeleteResult Delete(StreamId id, StreamReferences references = StreamReferences::kKeep);
  // XACKDEL: acknowledges for the group, then deletes; kMissing if the group did not have it
  // pending.
  StreamDeleteResult AcknowledgeAndDelete(StreamGroup& group, StreamId id,
                                          StreamReferences references);
  // How many entries went.
  std::uint64_t Trim(const StreamTrim& trim) { return TrimTraced(trim).deleted; }
  StreamTrimmed TrimTraced(const StreamTrim& trim);
  // XSETID. A max_deleted_id of 0-0 and no entries_added leave what is.
  std::expected<void, StreamSetIdError> SetId(StreamId last_id,
                                              std::optional<std::uint64_t> entries_added,
                                              StreamId max_deleted_id);

  // Groups, in the order of their names.
  std::span<const std::unique_ptr<StreamGroup>> groups() const;
  StreamGroup* FindGroup(std::string_view name) const;
  // Null if there is one of that name.
  StreamGroup* CreateGroup(std::string_view name, StreamId last_id, std::int64_t entries_read);
  bool DestroyGroup(std::string_view name);
  // Whether a group has yet to read the entry, or to acknowledge it.
  bool IsReferenced(StreamId id) const;
  // How many entries the group has yet to read; nullopt where deletions made it unknowable.
  std::optional<std::int64_t> Lag(const StreamGroup& group) const;

  // XREADGROUP with ">": hands at most `count` (0: all) new entries to fn(const StreamEntry&) and
  // makes them the consumer's. How many these were.
  template <class Fn>
  std::size_t ReadNew(StreamGroup& group, StreamConsumer& consumer, std::size_t count,
                      StreamAcknowledge acknowledge, UnixMs now, Fn fn);
  // What ReadNew does for each entry.
  void NoteRead(StreamGroup& group, StreamConsumer& consumer, StreamId id,
                StreamAcknowledge acknowledge, UnixMs now);
  // XREADGROUP with an id: hands at most `count` (0: all) of the consumer's pending entries after
  // `after` to fn(StreamId, const std::optional<StreamEntry>&), which gets nothing for one that was
  // deleted. The others count as delivered again.
  template <class Fn>
  std::size_t ReadHistory(StreamGroup& group, const StreamConsumer& consumer, StreamId after,
                          std::size_t count, UnixMs now, Fn fn);
  StreamClaimResult Claim(StreamGroup& group, StreamConsumer& consumer, StreamId id,
                          const StreamClaim& claim);
  StreamAutoClaimed AutoClaim(StreamGroup& group, StreamConsumer& consumer,
                              const StreamAutoClaim& claim);

  // For snapshots: nodes in order, and a stream made of them. Adopt takes a listpack of Redis's,
  // whose ids all follow those adopted before; SetCounters comes after the last.
  template <class Fn>
  void ForEachNode(Fn fn) const;  // fn(const StreamNode&)
  Status Adopt(StreamId base, std::string_view packed, ds::SlabArena& arena);
  void SetCounters(const StreamCounters& counters);
  // All of it, in the order in which files have it: see StreamPart.
  void ForEachPart(FunctionRef<void(const StreamPart&)> fn) const;
  // Who reads it as it was, or null.
  StreamFreeze* freeze() const;
  // How many entries a group that stands at this id has read, as far as can be told: for groups of
  // files that are too old to say.
  std::int64_t EntriesReadAt(StreamId id) const;

 private:
  friend class StreamRange;
  friend class StreamFreeze;
  struct Body;

  Body& body();
  ds::SlabArena& ArenaOr(ds::SlabArena& arena);
  const Nodes* nodes() const;  // null without a body
  std::expected<StreamId, StreamAppendError> NextId(const NewStreamId& wanted, UnixMs now) const;
  bool TailTakes(std::size_t text_bytes, const StreamLimits& limits) const;
  void StartNode(StreamId id, StreamFields fields);
  void RemoveNode(StreamNode* node);
  StreamId FirstLiveId() const;
  void TrimWithin(StreamNode& node, const StreamTrim& trim, StreamTrimmed& trimmed);
  std::optional<std::int64_t> ReadCounterAt(StreamId id) const;
  bool HasTombstoneFrom(StreamId id) const;
  Groups::const_iterator GroupAt(std::string_view name) const;

  std::unique_ptr<Body> body_;
};

static_assert(sizeof(Stream) == sizeof(void*));

enum class StreamOrder : std::uint8_t { kForward, kBackward };

// Walks the live entries with start <= id <= end. REQUIRES: the stream does not change meanwhile
// (its groups may).
class StreamRange {
 public:
  StreamRange(const Stream& stream, StreamId start, StreamId end, StreamOrder order);
  // False at the end; the view is good until the next call.
  bool Next(StreamEntry* entry);

 private:
  bool NextForward(StreamEntry* entry);
  bool NextBackward(StreamEntry* entry);
  void EnterNode(Stream::Nodes::Position at);

  const Stream::Nodes* nodes_;  // null in a stream without any
  const StreamId start_;
  const StreamId end_;
  const StreamOrder order_;
  Stream::Nodes::Position at_;
  const StreamNode* node_ = nullptr;
  std::uint32_t entry_at_ = 0;             // forward: the next entry
  std::vector<std::uint32_t> entries_at_;  // backward: those of the node that are still to come
};

template <class Fn>
std::size_t Stream::ReadNew(StreamGroup& group, StreamConsumer& consumer, std::size_t count,
                            StreamAcknowledge acknowledge, UnixMs now, Fn fn) {
  const auto start = Successor(group.last_id());
  if (!start) return 0;
  StreamRange range(*this, *start, kStreamIdMax, StreamOrder::kForward);
  StreamEntry entry;
  std::size_t read = 0;
  while ((count == 0 || read < count) && range.Next(&entry)) {
    NoteRead(group, consumer, entry.id(), acknowledge, now);
    fn(entry);
    ++read;
  }
  return read;
}

template <class Fn>
std::size_t Stream::ReadHistory(StreamGroup& group, const StreamConsumer& consumer, StreamId after,
                                std::size_t count, UnixMs now, Fn fn) {
  const auto start = Successor(after);
  if (!start) return 0;
  const StreamConsumer::Pending& pending = consumer.pending();
  std::size_t read = 0;
  for (auto at = pending.LowerBound(*start); at != pending.End(); at = pending.Next(at)) {
    if (count != 0 && read == count) break;
    const StreamId id = pending.At(at).key;
    const std::optional<StreamEntry> entry = Find(id);
    if (entry) group.Redeliver(id, now);
    fn(id, entry);
    ++read;
  }
  return read;
}

template <class Fn>
void Stream::ForEachNode(Fn fn) const {
  if (nodes() == nullptr) return;
  nodes()->ForEach([&](const Nodes::Entry& entry) { fn(*entry.value); });
}

}  // namespace cairn::value

#endif  // CAIRN_VALUE_STREAM_H_
