// SPDX-License-Identifier: BSD-3-Clause
// Entry: a key and its value in one allocation.
//
//      0        4        8      (wide)        (out of line)
//     +--------+--------+------+------+------+-------------+-----------+-------------+
//     | kind   | sizes  | key size    | value size         | 8 B       | key bytes | value bytes
//     +--------+--------+------+------+------+-------------+-----------+-------------+
//     kind   type:3 | encoding:3 | volatile:1 | wide:1 | access:24
//     sizes  key size:8 | value size:24             (both in two further u32 when `wide`)
//
// Strings are kept as text. A short string's bytes follow the key; one of kBlobThreshold bytes or
// more is a Blob behind the pointer, so that replies can share it. Whether OBJECT ENCODING says
// int, embstr or raw follows from the text and from Encoding::kRaw, which marks strings that were
// edited in place (Redis reports those as raw). Collections will hang off the pointer.
//
// Invariants
//   (1) An entry is referenced by exactly one slot of one table, so it may move under its stripe
//   lock. (2) `is_volatile()` is true exactly if the table holds an expiry for its slot; only
//   Stripe's helpers set the two. (3) The access field is Redis's: 24 bits of seconds (LRU), or 16
//   bits of minutes and 8 bits of logarithmic counter (LFU).
// Thread safety: only under the lock of its stripe.
#ifndef CAIRN_KEYSPACE_ENTRY_H_
#define CAIRN_KEYSPACE_ENTRY_H_

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "base/blob.h"
#include "base/hash.h"
#include "base/text.h"
#include "ds/slab.h"

namespace cairn::keyspace {

enum class Type : std::uint8_t { kString, kList, kSet, kSortedSet, kHash, kStream };

// kText: reported as embstr even where the text is an integer's, as INCRBYFLOAT leaves it.
// Those with bit 2 keep the value behind a pointer.
enum class Encoding : std::uint8_t { kPlain, kRaw, kText, kBlob = 4 };

class Entry {
 public:
  static constexpr std::size_t kHeaderBytes = 8;
  static constexpr std::size_t kWideBytes = 8;
  static constexpr std::uint32_t kAccessMask = 0xFFFFFF;

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
  // The same value under another key (not volatile, same access); a blob is shared.
  Entry* CloneAs(ds::SlabArena& arena, std::string_view key) const;
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
  // Neither wide nor with a pointer: key and value follow the header.
  bool is_compact() const { return (kind_ & (kWideBit | kPointerBit)) == 0; }

  // Is it a string whose value follows header and key, as nearly all are?
  bool is_compact_string() const { return (kind_ & (7 | kWideBit | kPointerBit)) == 0; }
  // REQUIRES: is_compact_string().
  std::string_view compact_value() const {
    return {bytes(kHeaderBytes) + (sizes_ & 0xFF), sizes_ >> 8};
  }

  // Bytes asked from the arena for this entry (without a blob).
  std::size_t own_bytes() const;
  // All bytes charged for this entry, the blob included.
  std::size_t charged_bytes() const;

 private:
  static constexpr std::uint32_t kVolatileBit = 1u << 6;
  static constexpr std::uint32_t kWideBit = 1u << 7;
  static constexpr std::uint32_t kPointerBit = 1u << 5;  // of Encoding
  static constexpr std::size_t kKeySizeMax = 0xFF;
  static constexpr std::size_t kValueSizeMax = 0xFFFFFF;

  const char* bytes(std::size_t offset) const {
    return reinterpret_cast<const char*>(this) + offset;
  }
  std::size_t PointerOffset() const { return kHeaderBytes + (is_wide() ? kWideBytes : 0); }
  std::size_t KeyOffset() const {
    return PointerOffset() + (encoding() == Encoding::kBlob ? sizeof(Blob*) : 0);
  }
  std::size_t key_size() const;
  std::string_view SlowValue() const;
  void Init(Type type, Encoding encoding, std::string_view key, std::size_t value_size);

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
