// SPDX-License-Identifier: BSD-3-Clause
// Entry: a key and its value in one allocation.
//
//      0        4        8      (wide)        (out of line)
//     +--------+--------+------+------+------+-------------+-----------+-------------+
//     | kind   | sizes  | key size    | value size [notes] | 8 or 16 B | key bytes | value bytes
//     +--------+--------+------+------+------+-------------+-----------+-------------+
//     kind   type:3 | encoding:3 | volatile:1 | wide:1 | access:24
//     sizes  key size:8 | value size:24             (both in two further u32 when `wide`)
//
// A wide entry may have notes (cache_notes.h): the topmost bit of its key size says so, and a
// pointer to them stands behind the sizes. So what has none pays nothing for them.
//
// Strings are kept as text. A short string's bytes follow the key; one of kBlobThreshold bytes or
// more is a Blob behind the pointer, so that replies can share it. Whether OBJECT ENCODING says
// int, embstr or raw follows from the text and from Encoding::kRaw, which marks strings that were
// edited in place (Redis reports those as raw). A collection is the one word of its value type
// (value/list.h and its kin), in the pointer's place. A hash whose fields have times has the key's
// own expiry behind that word, since the table's column then holds whatever is due first.
//
// Invariants
//   (1) An entry is referenced by exactly one slot of one table, so it may move under its stripe
//   lock. (2) `is_volatile()` is true exactly if the table holds a time for its slot; only
//   Stripe's helpers set the two. (3) The access field is Redis's: 24 bits of seconds (LRU), or 16
//   bits of minutes and 8 bits of logarithmic counter (LFU).
// Thread safety: only under the lock of its stripe.
#ifndef CAIRN_KEYSPACE_ENTRY_H_
#define CAIRN_KEYSPACE_ENTRY_H_

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>

#include "base/blob.h"
#include "base/check.h"
#include "base/hash.h"
#include "base/ids.h"
#include "base/text.h"
#include "ds/slab.h"
#include "keyspace/cache_notes.h"
#include "value/hash.h"
#include "value/list.h"
#include "value/set.h"
#include "value/sorted_set.h"
#include "value/stream.h"

namespace cairn::keyspace {

enum class Type : std::uint8_t { kString, kList, kSet, kSortedSet, kHash, kStream };
// As TYPE answers it and SCAN's option names it.
std::string_view NameOf(Type type);

// kText: reported as embstr even where the text is an integer's, as INCRBYFLOAT leaves it.
// Those with bit 2 have a pointer's place. kTimed: a hash whose fields have times.
enum class Encoding : std::uint8_t { kPlain, kRaw, kText, kBlob = 4, kCollection = 5, kTimed = 6 };

// The type that a value class stands for.
template <class V>
inline constexpr Type kTypeOf = Type::kString;
template <>
inline constexpr Type kTypeOf<value::List> = Type::kList;
template <>
inline constexpr Type kTypeOf<value::Set> = Type::kSet;
template <>
inline constexpr Type kTypeOf<value::SortedSet> = Type::kSortedSet;
template <>
inline constexpr Type kTypeOf<value::Hash> = Type::kHash;
template <>
inline constexpr Type kTypeOf<value::Stream> = Type::kStream;

class Entry {
 public:
  static constexpr std::size_t kHeaderBytes = 8;
  static constexpr std::size_t kWideBytes = 8;

  // A string entry; the value is stored inline below kBlobThreshold bytes, as a Blob from there on.
  // REQUIRES: key and value at most 512 MiB (the protocol's bound is checked before).
  static Entry* CreateString(ds::SlabArena& arena, std::string_view key, std::string_view value,
                             Encoding encoding);
  // An inline string entry with room for `value_size` bytes whose content the caller writes at
  // once.
  static Entry* CreateInline(ds::SlabArena& arena, std::string_view key, std::size_t value_size,
                             Encoding encoding);
  // Takes over the caller's reference to `blob`.
  static Entry* CreateBlob(ds::SlabArena& arena, std::string_view key, Blob* blob);
  // The same entry with notes, which it takes over, in the place of those it has, or without any.
  // `entry` is freed, its value moved.
  static Entry* WithNotes(ds::SlabArena& arena, Entry* entry, std::unique_ptr<CacheNotes> notes);
  // A collection without elements. REQUIRES: type != Type::kString.
  static Entry* CreateCollection(ds::SlabArena& arena, std::string_view key, Type type);
  // A hash that is about to have fields with times; its own expiry is kNever.
  static Entry* CreateTimedHash(ds::SlabArena& arena, std::string_view key);
  // The same value under another key (not volatile, same access, no notes); a blob is shared, a
  // collection copied.
  Entry* CloneAs(ds::SlabArena& arena, std::string_view key) const;
  // The same, but a collection moves: this entry keeps an empty one.
  Entry* MoveAs(ds::SlabArena& arena, std::string_view key);
  // The same entry once more, for reading, in `room` of own_bytes() bytes at a multiple of 8; a
  // blob is shared, a collection copied. DropImage gives back what hangs off it, not the room.
  void MakeImage(void* room) const;
  // The same, but the image's collection is an empty one. REQUIRES: is_collection().
  void MakeImageWithoutElements(void* room) const;
  void DropImage();
  // Gives back the entry and what hangs off it.
  void Destroy(ds::SlabArena& arena);

  // Bytes that an inline entry takes from the arena.
  static std::size_t InlineBytes(std::size_t key_size, std::size_t value_size) {
    const bool wide = key_size > kKeySizeMax || value_size > kValueSizeMax;
    return kHeaderBytes + (wide ? kWideBytes : 0) + key_size + value_size;
  }

  Type type() const { return static_cast<Type>(kind_ & 7); }
  Encoding encoding() const { return static_cast<Encoding>(kind_ >> 3 & 7); }
  void set_encoding(Encoding encoding) {
    kind_ = (kind_ & ~(7u << 3)) | static_cast<std::uint32_t>(encoding) << 3;
  }
  bool is_volatile() const { return (kind_ & kVolatileBit) != 0; }
  void set_volatile(bool value) { kind_ = value ? kind_ | kVolatileBit : kind_ & ~kVolatileBit; }
  std::uint32_t access() const { return kind_ >> 8; }
  void set_access(std::uint32_t access) { kind_ = (kind_ & 0xFF) | access << 8; }

  std::string_view key() const {
    if (is_compact()) [[likely]]
      return {bytes(kHeaderBytes), sizes_ & 0xFF};
    return {bytes(KeyOffset()), key_size()};
  }
  // REQUIRES: type() == Type::kString
  std::string_view value() const {
    if (is_compact()) [[likely]]
      return {bytes(kHeaderBytes) + (sizes_ & 0xFF), sizes_ >> 8};
    return SlowValue();
  }
  // The out-of-line value, or null if it is inline.
  Blob* blob() const {
    if (encoding() != Encoding::kBlob) return nullptr;
    Blob* blob;
    std::memcpy(&blob, bytes(PointerOffset()), sizeof(blob));
    return blob;
  }
  // Takes over the caller's reference; the old one is the caller's to release. REQUIRES: blob() !=
  // nullptr.
  void set_blob(Blob* blob) {
    std::memcpy(const_cast<char*>(bytes(PointerOffset())), &blob, sizeof(blob));
  }
  // REQUIRES: the value is inline.
  char* mutable_inline_value() { return const_cast<char*>(bytes(KeyOffset())) + key_size(); }
  // REQUIRES: inline, not wide, and the allocation's size class fits the new size.
  void set_inline_value_size(std::size_t size) {
    sizes_ = (sizes_ & 0xFF) | static_cast<std::uint32_t>(size) << 8;
  }
  bool is_wide() const { return (kind_ & kWideBit) != 0; }
  // Whether it may be that it is not there any more, and has to be looked at: it has a time, or
  // perhaps notes.
  bool may_be_over() const { return (kind_ & (kVolatileBit | kWideBit)) != 0; }
  // What caching clients said of it, or null.
  CacheNotes* notes() const {
    if (!is_wide()) [[likely]]
      return nullptr;
    return WideNotes();
  }
  // What keeps it from expiring and from being evicted, or null.
  const Pin* pin() const {
    const CacheNotes* own = notes();
    return own == nullptr ? nullptr : own->pin();
  }
  // Neither wide nor with a pointer: key and value follow the header.
  bool is_compact() const { return (kind_ & (kWideBit | kPointerBit)) == 0; }

  // Is it a string whose value follows header and key, as nearly all are?
  bool is_compact_string() const { return (kind_ & (7 | kWideBit | kPointerBit)) == 0; }
  // REQUIRES: is_compact_string().
  std::string_view compact_value() const {
    return {bytes(kHeaderBytes) + (sizes_ & 0xFF), sizes_ >> 8};
  }

  // REQUIRES: type() == kTypeOf<V>.
  template <class V>
  V& as() {
    return *reinterpret_cast<V*>(const_cast<char*>(bytes(PointerOffset())));
  }
  template <class V>
  const V& as() const {
    return const_cast<Entry*>(this)->as<V>();
  }
  bool is_collection() const { return encoding() >= Encoding::kCollection; }
  // Calls fn with the collection by its class. REQUIRES: is_collection().
  template <class Fn>
  decltype(auto) Visit(Fn&& fn) {
    switch (type()) {
      case Type::kList:
        return fn(as<value::List>());
      case Type::kSet:
        return fn(as<value::Set>());
      case Type::kSortedSet:
        return fn(as<value::SortedSet>());
      case Type::kHash:
        return fn(as<value::Hash>());
      case Type::kStream:
      case Type::kString:
        break;
    }
    DCHECK(type() == Type::kStream);
    return fn(as<value::Stream>());
  }
  template <class Fn>
  decltype(auto) Visit(Fn&& fn) const {
    return const_cast<Entry*>(this)->Visit([&](const auto& collection) { return fn(collection); });
  }
  // Elements of a collection, 1 for a string: what freeing it costs.
  std::size_t element_count() const {
    return is_collection() ? Visit([](const auto& value) { return value.size(); }) : 1;
  }

  bool is_timed() const { return encoding() == Encoding::kTimed; }
  // When the key itself expires. REQUIRES: is_timed().
  UnixMs own_expiry() const { return static_cast<UnixMs>(TimedWord() & ~kHasTimesBit); }
  void set_own_expiry(UnixMs at_ms) {
    DCHECK(at_ms >= 0);
    SetTimedWord(static_cast<std::uint64_t>(at_ms) | (TimedWord() & kHasTimesBit));
  }
  // Whether a field had a time when the hash was last settled (its Shard counts it then): the hash
  // itself may since have been moved out or edited.
  bool has_times() const { return is_timed() && (TimedWord() & kHasTimesBit) != 0; }
  // REQUIRES: is_timed().
  void set_has_times(bool has) {
    SetTimedWord(static_cast<std::uint64_t>(own_expiry()) | (has ? kHasTimesBit : 0));
  }

  // Bytes asked from the arena for this entry (without a blob).
  std::size_t own_bytes() const {
    if (is_compact()) [[likely]]
      return kHeaderBytes + (sizes_ & 0xFF) + (sizes_ >> 8);
    return SlowOwnBytes();
  }
  // All bytes charged for this entry, with what lies beside it.
  std::size_t charged_bytes() const {
    const std::size_t own = ds::SlabArena::AllocatedSize(own_bytes());
    return is_compact() ? own : own + beside_bytes();
  }
  // Of a collection, or a blob, and of notes.
  std::size_t beside_bytes() const;

 private:
  static constexpr std::uint32_t kVolatileBit = 1u << 6;
  static constexpr std::uint32_t kWideBit = 1u << 7;
  static constexpr std::uint32_t kPointerBit = 1u << 5;                  // of Encoding
  static constexpr std::uint64_t kHasTimesBit = std::uint64_t{1} << 63;  // of the timed word
  static constexpr std::size_t kKeySizeMax = 0xFF;
  static constexpr std::size_t kValueSizeMax = 0xFFFFFF;
  static constexpr std::uint32_t kNotesBit = 1u << 31;  // of a wide entry's key size

  const char* bytes(std::size_t offset) const {
    return reinterpret_cast<const char*>(this) + offset;
  }
  std::size_t PointerOffset() const {
    return kHeaderBytes + (is_wide() ? kWideBytes + (has_notes() ? sizeof(CacheNotes*) : 0) : 0);
  }
  std::uint32_t WideKeySize() const {
    std::uint32_t size;
    std::memcpy(&size, bytes(kHeaderBytes), sizeof(size));
    return size;
  }
  // REQUIRES: is_wide().
  bool has_notes() const { return (WideKeySize() & kNotesBit) != 0; }
  std::size_t SlowOwnBytes() const;
  std::size_t ValueBytesBeside() const;
  CacheNotes* WideNotes() const;
  void SetNotes(CacheNotes* notes);
  std::size_t KeyOffset() const {
    if ((kind_ & kPointerBit) == 0) return PointerOffset();
    return PointerOffset() + sizeof(void*) + (is_timed() ? sizeof(UnixMs) : 0);
  }
  std::uint64_t TimedWord() const {
    std::uint64_t word;
    std::memcpy(&word, bytes(PointerOffset() + sizeof(void*)), sizeof(word));
    return word;
  }
  void SetTimedWord(std::uint64_t word) {
    std::memcpy(const_cast<char*>(bytes(PointerOffset() + sizeof(void*))), &word, sizeof(word));
  }
  std::size_t key_size() const;
  std::string_view SlowValue() const;
  static Entry* CreateEmpty(ds::SlabArena& arena, std::string_view key, Type type,
                            Encoding encoding);
  void Init(Type type, Encoding encoding, std::string_view key, std::size_t value_size,
            CacheNotes* notes = nullptr);

  std::uint32_t kind_;
  std::uint32_t sizes_;
};
static_assert(sizeof(Entry) == Entry::kHeaderBytes);

// How the segment table sees entries.
struct EntryTraits {
  using Node = Entry;
  static bool Matches(const Entry* entry, std::string_view key) {
    const std::string_view own = entry->key();
    return own.size() == key.size() && EqualBytes(own.data(), key.data(), key.size());
  }
  static std::uint64_t Hash(const Entry* entry, const HashSeed& seed) {
    return seed.Hash(entry->key());
  }
};

}  // namespace cairn::keyspace

#endif  // CAIRN_KEYSPACE_ENTRY_H_
