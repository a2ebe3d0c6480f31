// SPDX-License-Identifier: BSD-3-Clause
// PackedList: a short row of texts and integers in one block of bytes, laid out as Redis's
// listpack.
//
//     total bytes: 4 | count: 2 | element ... element | 0xff         numbers little-endian
//     element = encoding and length | bytes | length of both, written so that it is read backwards
//
// The bytes are exactly Redis's, so that DUMP, RDB files and replicas take them as they are
// (packed_element.h). A text that is the canonical form of a signed 64-bit number is
// stored as that number, as Redis does. Small hashes, sets, sorted sets and lists are one of these;
// large lists and streams are chains of them.
//
// PackedView reads such bytes and owns nothing; PackedList owns them and changes them. Both are one
// word, so that a class of one tagged word can keep the pointer itself:
//
//     auto list = PackedList::Adopt(pointer);  list.Append("x");  pointer = list.Release();
//     for (auto at = list.First(); at != PackedList::kNone; at = list.Next(at)) Use(list.At(at));
//
// Invariants
//   (1) An empty list is a null pointer; its bytes() are those of an empty listpack all the same.
//   (2) The block is as large as the allocator makes one of bytes().size() bytes: no capacity is
//       stored, appends reallocate only where that changes, and memory_bytes() needs no field.
//   (3) The block is aligned to 16 bytes: four low bits of the pointer are the owner's to use.
//   (4) bytes() never exceeds kPackedListBytesMax. Growing beyond is the caller's error: ask Fits.
//   (5) The count field is 65535 where the count is at least that, or was once: then it is walked.
//
// Positions are byte offsets; they and views of texts stay valid until the next change. Texts that
// are handed in must not lie in the same list. Thread safety: as a std::string's. Cost: ends, Next
// and Prev are constant; Seek and Find walk; a change moves the bytes behind it.
#ifndef CAIRN_DS_PACKED_LIST_H_
#define CAIRN_DS_PACKED_LIST_H_

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

#include "base/status.h"
#include "base/text.h"

namespace cairn::ds {

// Redis's limit for one listpack; where it is hit, Redis starts another form or refuses.
inline constexpr std::size_t kPackedListBytesMax = std::size_t{1} << 30;

// An element, on its way in or out: text, or a number that stands for its decimal text.
class PackedValue {
 public:
  // Where the digits of a number go when its text is wanted.
  struct Scratch {
    char digits[kInt64TextMax];
  };

  // Text that is a canonical number becomes one.
  template <class Text>
    requires std::convertible_to<const Text&, std::string_view>
  PackedValue(const Text& text)  // NOLINT: meant to convert
      : PackedValue(FromText(std::string_view(text))) {}
  PackedValue(int number) : number_(number), is_integer_(true) {}        // NOLINT: meant to convert
  PackedValue(long number) : number_(number), is_integer_(true) {}       // NOLINT: meant to convert
  PackedValue(long long number) : number_(number), is_integer_(true) {}  // NOLINT: meant to convert
  // Text as it is, number or not: what foreign bytes may hold.
  static PackedValue Verbatim(std::string_view text) { return {text, 0, false}; }

  bool is_integer() const { return is_integer_; }
  // REQUIRES: is_integer()
  std::int64_t integer() const { return number_; }
  // REQUIRES: !is_integer()
  std::string_view text() const { return text_; }

  // The element's bytes: its text, or the digits of its number written to `scratch`.
  std::string_view Text(Scratch& scratch) const {
    if (!is_integer_) return text_;
    const char* end = FormatInt64(scratch.digits, number_);
    return {scratch.digits, static_cast<std::size_t>(end - scratch.digits)};
  }
  bool Equals(const PackedValue& other) const;

 private:
  PackedValue(std::string_view text, std::int64_t number, bool is_integer)
      : text_(text), number_(number), is_integer_(is_integer) {}
  static PackedValue FromText(std::string_view text);

  std::string_view text_;
  std::int64_t number_ = 0;
  bool is_integer_ = false;
};

class PackedView {
 public:
  using Value = PackedValue;
  using Position = std::uint32_t;
  static constexpr Position kNone = 0;

  PackedView() = default;
  // REQUIRES: null, or what PackedList::Release gave, or bytes that were validated.
  explicit PackedView(const void* raw) : data_(static_cast<const char*>(raw)) {}

  bool empty() const { return First() == kNone; }
  // Walks the list where the count field does not know (invariant 5).
  std::size_t size() const;
  std::string_view bytes() const;
  const void* raw() const { return data_; }
  // Whether a list that has these bytes can take `more`, as PackedList::EncodedBytes counts them.
  bool Fits(std::size_t more) const;
  // What the allocator set aside for the block. REQUIRES: the block is a PackedList's.
  std::size_t memory_bytes() const;

  Position First() const;
  Position Last() const;
  // kNone beyond the ends. REQUIRES: a position of this list, not kNone.
  Position Next(Position at) const;
  Position Prev(Position at) const;
  // Index 0 is the first, -1 the last; walks from the nearer end. kNone out of range.
  Position Seek(std::int64_t index) const;
  // REQUIRES: as Next.
  Value At(Position at) const;
  // The bytes that the element takes, with its lengths.
  std::size_t BytesAt(Position at) const;

  // The first element equal to `text` among `from`, and then every one after `skip` others: skip is
  // 1 to look at the fields of a hash alone. `from` may be kNone.
  Position Find(std::string_view text, Position from, std::size_t skip = 0) const;
  Position Find(std::string_view text) const { return Find(text, First()); }

 protected:
  const char* data_ = nullptr;
};

class PackedList : public PackedView {
 public:
  PackedList() = default;
  PackedList(PackedList&& other) noexcept : PackedView(std::exchange(other.data_, nullptr)) {}
  PackedList& operator=(PackedList&& other) noexcept;
  ~PackedList();

  // Takes over what Release gave. Null is the empty list.
  static PackedList Adopt(void* raw) { return PackedList(static_cast<const char*>(raw)); }
  // The block, for the caller to keep; this list is empty then.
  void* Release() { return const_cast<char*>(std::exchange(data_, nullptr)); }

  // A copy of bytes that nobody vouches for: kCorrupt, with the offset, unless they are a listpack
  // in every byte; kLimit above kPackedListBytesMax. Texts that are numbers stay texts.
  static Result<PackedList> FromBytes(std::string_view bytes);
  // What FromBytes says of them, without the copy.
  static Status Check(std::string_view bytes);
  PackedList Clone() const;

  // What an element takes in a list, with its lengths.
  static std::size_t EncodedBytes(const Value& value);
  // An upper bound for any text of that length.
  static constexpr std::size_t EncodedBytesMax(std::size_t text_bytes) {
    return 5 + text_bytes + 5;
  }

  // Each returns where the new element lies. REQUIRES: Fits; positions as for Next.
  Position Append(const Value& value);
  Position Prepend(const Value& value);
  // Prepends to a list in the caller's bytes, which begins EncodedBytes(value) before `list` then.
  // REQUIRES: it is not empty, Fits, and there is so much room in front.
  static void PrependInto(char* list, const Value& value);
  // Takes the first element off such a list, which begins that many bytes later then. REQUIRES: it
  // has another.
  static std::size_t DropFirstOf(char* list);
  Position InsertBefore(Position at, const Value& value);
  Position InsertAfter(Position at, const Value& value);
  Position Replace(Position at, const Value& value);

  // All elements of `other` behind those of this list. REQUIRES: Fits, and another list.
  void AppendAll(PackedView other);

  // Each returns where the element that followed lies now, or kNone.
  Position Erase(Position at) { return EraseRange(at, 1); }
  // `count` elements from `at` on, or all that there are.
  Position EraseRange(Position at, std::size_t count);
  void Clear();

 private:
  explicit PackedList(const char* data) : PackedView(data) {}
  static PackedList CopyOf(std::string_view bytes);
  char* data() { return const_cast<char*>(data_); }
  // Makes [at, at + removed) a hole of `added` bytes, keeps the total right and the count not.
  char* Splice(Position at, std::size_t removed, std::size_t added);
  void AddToCount(std::int64_t difference);
  Position InsertAt(Position at, const Value& value);
};

static_assert(sizeof(PackedList) == sizeof(void*));

}  // namespace cairn::ds

#endif  // CAIRN_DS_PACKED_LIST_H_
