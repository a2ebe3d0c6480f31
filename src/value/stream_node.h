// SPDX-License-Identifier: BSD-3-Clause
// StreamNode: a run of consecutive entries of a stream in one allocation.
//
// Redis keeps such a run in a listpack, which spends a back length on every element and three
// elements on an entry's frame. Here an entry is
//
//     | flags and widths: 1 | ms: 0..8 | seq: 0..8 | length of the rest: 0..5 | values |
//
// where a single value, whose own head has its length, goes without the other; and values have no
// back lengths: 20 bytes for a 16-byte value where a listpack takes 27. The rest is Redis's: ids
// relative to the first one's, the field names of the first entry written once, deletion as a flag.
// Where nodes end is visible to clients (XTRIM ~ drops whole ones, DUMP shows them), so a node
// knows what it would take as a listpack, and ToPacked makes exactly Redis's bytes.
//
//     header | field names | entry entry entry ... | room
//
// Entries are found by walking: the length makes a step a few instructions. Backward iteration
// walks the node once and remembers the places. A node never learns about its stream; Append and
// Trimmed may move it. No thread safety of its own.
//
// Nodes lie in a slab arena, whose classes are 64 bytes apart where the allocator's next to 4 KiB
// are 512: a full node of 64-byte values takes 3.7 KiB and not 4. Whoever keeps the node knows the
// arena.
#ifndef CAIRN_VALUE_STREAM_NODE_H_
#define CAIRN_VALUE_STREAM_NODE_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "ds/packed_list.h"
#include "ds/slab.h"
#include "value/stream_id.h"

namespace cairn::value {

// Field, value, field, value. REQUIRES, wherever it is a parameter: an even, positive number.
using StreamFields = std::span<const std::string_view>;

class StreamNode {
 public:
  // An entry's place in its node, and what its frame says.
  struct Place {
    std::uint32_t at = 0;
    std::uint32_t next = 0;
    std::uint32_t values_at = 0;
    StreamId id;
    bool deleted = false;
    bool same_fields = false;
  };

  // What a node of more than one entry takes as a listpack at most: deleting some may make the two
  // counts in front of them longer.
  static constexpr std::size_t kPackedBytesMax = ds::kPackedListBytesMax - 2 * 4;

  // A node with its first entry, and room for `room` bytes in all if that is more.
  static StreamNode* New(ds::SlabArena& arena, StreamId id, StreamFields fields, std::size_t room);
  static void Free(ds::SlabArena& arena, StreamNode* node);
  // Adds an entry; returns where the node lies now. REQUIRES: the greatest id.
  static StreamNode* Append(ds::SlabArena& arena, StreamNode* node, StreamId id,
                            StreamFields fields);
  // The node without the room it does not need.
  static StreamNode* Trimmed(ds::SlabArena& arena, StreamNode* node);
  static StreamNode* Clone(ds::SlabArena& arena, const StreamNode* node);

  // Redis's listpack of these entries, and the way back: kCorrupt unless the bytes are one that a
  // stream may hold under this id, kLimit where they are more than kPackedBytesMax. (A node without
  // live entries may exist: see Stream::Trim.)
  std::string ToPacked() const;
  // The same into packed_bytes() bytes of the caller's.
  void WritePacked(char* to) const;
  static Result<StreamNode*> FromPacked(ds::SlabArena& arena, StreamId base,
                                        std::string_view bytes);

  StreamId base() const { return base_; }
  std::uint32_t live() const { return live_; }
  std::uint32_t deleted() const { return deleted_; }
  std::size_t memory_bytes() const { return sizeof(StreamNode) + capacity_; }
  // Bytes from the node's beginning to its last entry's end.
  std::size_t used_bytes() const { return sizeof(StreamNode) + used_; }
  // The size of ToPacked().
  std::size_t packed_bytes() const;
  // An upper bound for what an entry adds to packed_bytes(), and for a node of it alone.
  static constexpr std::size_t PackedBytesMax(std::size_t text_bytes, std::size_t texts) {
    return text_bytes + 10 * texts + 128;
  }

  // The first entry and the one after `place`, deleted ones too; false at the end.
  bool First(Place* place) const { return ReadAt(entries_at_, place); }
  bool Next(const Place& place, Place* next) const { return ReadAt(place.next, next); }
  bool ReadAt(std::uint32_t at, Place* place) const;
  std::uint32_t first_at() const { return entries_at_; }
  // Every entry's `at`, in order, without looking at the entries: much less than reading them.
  std::vector<std::uint32_t> AllAt() const;
  // The id of the last entry, deleted or not.
  StreamId LastId() const;

  // Marks an entry. REQUIRES: a place of this node, not deleted.
  void MarkDeleted(const Place& place);

  // A number for whoever keeps the node: see StreamFreeze. 0 at first, and of a clone.
  std::uint32_t freezes() const { return freezes_; }
  void set_freezes(std::uint32_t freezes) { freezes_ = freezes; }

 private:
  friend class StreamFieldReader;
  friend class StreamEntry;
  class Unpacking;

  // Where an entry's values begin, and the next entry.
  struct Extent {
    std::uint32_t values_at;
    std::uint32_t next;
  };

  StreamNode() = default;
  Extent ExtentAt(std::uint32_t at) const;
  // Whether an entry is a single value.
  bool IsSingle(bool same_fields) const { return same_fields && fields_ == 1; }
  char* bytes() { return reinterpret_cast<char*>(this + 1); }
  const char* bytes() const { return reinterpret_cast<const char*>(this + 1); }
  static StreamNode* Allocate(ds::SlabArena& arena, std::size_t bytes);
  // A node without names and entries yet, of so many bytes in all.
  static StreamNode* NewEmpty(ds::SlabArena& arena, StreamId base, std::size_t bytes);
  // Its names have been written, up to `end`; `packed` is what they take as a listpack.
  void EndNames(char* end, std::uint32_t fields, std::size_t packed);
  // The node with room for so many more.
  static StreamNode* Reserve(ds::SlabArena& arena, StreamNode* node, std::size_t bytes);
  static StreamNode* Resize(ds::SlabArena& arena, StreamNode* node, std::size_t bytes);
  bool HasFields(StreamFields fields) const;
  void Write(StreamId id, StreamFields fields, bool same_fields);

  StreamId base_;
  std::uint32_t live_;
  std::uint32_t deleted_;
  std::uint32_t fields_;        // of the first entry: their names stand in front
  std::uint32_t entries_at_;    // behind these names
  std::uint32_t last_at_;       // the last entry
  std::uint32_t used_;          // bytes of names and entries
  std::uint32_t capacity_;      // room for them
  std::uint32_t packed_bytes_;  // as a listpack, but for its first two numbers (live and deleted)
  std::uint32_t freezes_;       // where the words before leave room
};

// A live entry, as iteration shows it. A view: good until the stream's next change.
class StreamEntry {
 public:
  StreamEntry() = default;
  StreamEntry(const StreamNode* node, const StreamNode::Place& place);

  StreamId id() const { return place_.id; }
  // How many fields, each with a value.
  std::uint32_t size() const { return size_; }
  // Calls fn(field, value); the views live until it returns.
  template <class Fn>
  void ForEach(Fn fn) const;

 private:
  friend class StreamFieldReader;
  const StreamNode* node_ = nullptr;
  StreamNode::Place place_;
  std::uint32_t size_ = 0;
  std::uint32_t values_at_ = 0;
};

// Walks the fields of an entry. Views live until the next step.
class StreamFieldReader {
 public:
  explicit StreamFieldReader(const StreamEntry& entry);
  bool Next(std::string_view* field, std::string_view* value);

 private:
  const char* names_;  // null where each value has its field's name before it
  const char* values_;
  std::uint32_t left_;
  ds::PackedValue::Scratch field_digits_;
  ds::PackedValue::Scratch value_digits_;
};

template <class Fn>
void StreamEntry::ForEach(Fn fn) const {
  StreamFieldReader reader(*this);
  std::string_view field;
  std::string_view value;
  while (reader.Next(&field, &value)) fn(field, value);
}

}  // namespace cairn::value

#endif  // CAIRN_VALUE_STREAM_NODE_H_
