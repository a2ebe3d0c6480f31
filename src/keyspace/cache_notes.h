// SPDX-License-Identifier: BSD-3-Clause
// CacheNotes: what a caching client has said of a value, beside the value.
//
// Made by CACHE.SET and its kin, and for all that lies in a namespace (namespaces.h). An entry with
// notes is in the wide form and points to them (entry.h), so what has none pays nothing. They go
// with the value: copied where it is copied, and dropped where it is overwritten; an edit in place
// keeps tags and times, and drops the version. A pin (pin.h) is the key's own: no copy under
// another name has it.
//
//     created ----------- stale_at -------------------- the key's expiry
//        fresh               stale: may be served          gone
//
// Thread safety: as the entry's: under its stripe's lock.
#ifndef CAIRN_KEYSPACE_CACHE_NOTES_H_
#define CAIRN_KEYSPACE_CACHE_NOTES_H_

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "keyspace/pin.h"
#include "keyspace/tags.h"

namespace cairn::keyspace {

class Namespace;

class CacheNotes {
 public:
  static constexpr std::size_t kTagsMax = 64;

  UnixMs created_at = 0;
  UnixMs stale_at = kNever;
  std::uint64_t version = 0;  // of the row that it was made from; 0: not known
  std::uint64_t stamp = 0;    // see tags.h
  // A load has failed: nobody is to try again before. Not data: neither logged nor saved.
  UnixMs retry_at = 0;
  std::uint32_t cost_ms = 0;  // how long its load took
  // In a shadow: it is known that there is no such row. Else the version is that of a deleted one.
  bool is_negative = false;

  CacheNotes() = default;
  // The tags' references are counted once more. The namespace is the same, but counts only those
  // that say what they stand beside (Count).
  CacheNotes(const CacheNotes& other);
  CacheNotes& operator=(const CacheNotes&) = delete;
  ~CacheNotes() {
    if (counted_bytes_ != 0) Uncount();
  }

  std::span<const Tags::Ref> tags() const { return {tags_.get(), tag_count_}; }
  // REQUIRES: at most kTagsMax.
  void set_tags(std::vector<Tags::Ref> tags);

  // The key's, or null.
  Namespace* space() const { return space_; }
  void set_space(Namespace* space);
  // The entry that they stand beside takes so many bytes: for the namespace's books.
  void Count(std::size_t bytes);

  // What holds it until a write has reached the database, or null.
  const Pin* pin() const { return pin_.get(); }
  Pin* pin() { return pin_.get(); }
  void set_pin(std::unique_ptr<Pin> pin) { pin_ = std::move(pin); }

  // Whether a tag was bumped so since its load began.
  bool IsBumped(Bump kind) const;
  // Or its namespace was cleared. Neither reaches what is pinned.
  bool IsDead() const;
  // The same; one that is not is a hit for its namespace, if it counts.
  bool IsDeadElseHit(bool counts) const;
  bool IsStale(UnixMs now_ms) const {
    return pin_ == nullptr && (stale_at <= now_ms || IsBumped(Bump::kSoft));
  }

  // As the allocator counts.
  std::size_t memory_bytes() const;

 private:
  void Uncount();

  std::uint8_t tag_count_ = 0;
  static_assert(kTagsMax <= UINT8_MAX);
  std::unique_ptr<Tags::Ref[]> tags_;
  Namespace* space_ = nullptr;
  std::unique_ptr<Pin> pin_;
  std::size_t counted_bytes_ = 0;
};

}  // namespace cairn::keyspace

#endif  // CAIRN_KEYSPACE_CACHE_NOTES_H_
