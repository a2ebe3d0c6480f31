// SPDX-License-Identifier: BSD-3-Clause
// Changes of a packed list; the code points are in packed_element.h.
//
// All changes go through Splice, which resizes the block only where the allocator's size changes.
#include "ds/packed_list.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "base/check.h"
#include "base/load_store.h"
#include "ds/packed_element.h"
#include "ds/raw_memory.h"

namespace cairn::ds {
namespace {

using namespace packed_element;
using Position = PackedView::Position;

constexpr std::string_view kEmptyList("\x07\0\0\0\0\0\xff", kEmptyBytes);

// The longest beginning (kText32 and its length) and the longest end of an element.
constexpr std::size_t kHeadBytesMax = 9;
constexpr std::size_t kBackBytesMax = 5;

std::uint32_t TotalOf(const char* list) { return Load<std::uint32_t>(list); }

// `at` is just behind the last byte of an element.
std::size_t ReadBack(const char* at) {
  std::size_t length = 0;
  for (std::size_t shift = 0; shift < 7 * kBackBytesMax; shift += 7) {
    const std::uint8_t byte = ByteAt(--at);
    length |= std::size_t{byte & 127U} << shift;
    if ((byte & 128) == 0) break;
  }
  return length;
}

// All of an element but its backward length.
std::size_t LengthOf(const char* element) {
  return HeadBytes(ByteAt(element)) + TextBytes(element);
}

std::size_t WholeLength(const char* element) {
  const std::size_t length = LengthOf(element);
  return length + BackBytes(length);
}

// The head of an element: its beginning without the text.
struct Head {
  char bytes[kHeadBytesMax];
  std::size_t size;
};

Head Wide(std::uint8_t first, std::int64_t number, std::size_t number_bytes) {
  Head head = {{}, 1 + number_bytes};
  head.bytes[0] = static_cast<char>(first);
  std::memcpy(head.bytes + 1, &number, number_bytes);
  return head;
}

Head NumberHead(std::int64_t number) {
  if (number >= 0 && number <= 127) return {{static_cast<char>(number)}, 1};
  if (number >= -4096 && number <= 4095) {
    const auto bits = static_cast<std::uint64_t>(number) & 0x1fff;
    return {{static_cast<char>(0xc0 | bits >> 8), static_cast<char>(bits & 0xff)}, 2};
  }
  if (number >= INT16_MIN && number <= INT16_MAX) return Wide(kInt16, number, 2);
  if (number >= -(1 << 23) && number < (1 << 23)) return Wide(kInt24, number, 3);
  if (number >= INT32_MIN && number <= INT32_MAX) return Wide(kInt32, number, 4);
  return Wide(kInt64, number, 8);
}

Head TextHead(std::size_t bytes) {
  if (bytes < 64) return {{static_cast<char>(0x80 | bytes)}, 1};
  if (bytes < 4096) {
    return {{static_cast<char>(0xe0 | bytes >> 8), static_cast<char>(bytes & 0xff)}, 2};
  }
  return Wide(kText32, static_cast<std::int64_t>(bytes), 4);
}

Head HeadOf(const PackedValue& value) {
  return value.is_integer() ? NumberHead(value.integer()) : TextHead(value.text().size());
}

std::string_view BodyOf(const PackedValue& value) {
  return value.is_integer() ? std::string_view() : value.text();
}

void WriteElement(char* to, const Head& head, std::string_view body) {
  std::memcpy(to, head.bytes, head.size);
  if (!body.empty()) std::memcpy(to + head.size, body.data(), body.size());
  WriteBack(to + head.size + body.size(), head.size + body.size());
}

Status Corrupt(std::size_t at, const char* what) {
  return {StatusCode::kCorrupt,
          std::string("packed list: ") + what + " at byte " + std::to_string(at)};
}

// Whether a whole element lies in [at, end) of `bytes`: its length, or 0.
std::size_t ValidElement(std::string_view bytes, std::size_t at, std::size_t end) {
  const std::size_t head = HeadBytes(ByteAt(bytes.data() + at));
  if (head == 0 || head > end - at) return 0;
  const std::size_t length = head + TextBytes(bytes.data() + at);
  const std::size_t back_bytes = BackBytes(length);
  if (length > end - at || back_bytes > end - at - length) return 0;
  // Of one byte, as nearly always: loading a stream spent a third of its time on what follows.
  if (back_bytes == 1) return ByteAt(bytes.data() + at + length) == length ? length + 1 : 0;
  char back[kBackBytesMax];
  WriteBack(back, length);
  if (std::memcmp(back, bytes.data() + at + length, back_bytes) != 0) return 0;
  return length + back_bytes;
}

}  // namespace

PackedValue PackedValue::FromText(std::string_view text) {
  if (text.empty() || text.size() > kInt64TextMax || text[0] > '9') return Verbatim(text);
  const auto number = ParseInt64(text);
  return number ? PackedValue({}, *number, true) : Verbatim(text);
}

// A number equals a text only if that was kept verbatim.
bool PackedValue::Equals(const PackedValue& other) const {
  if (is_integer_ != other.is_integer_) {
    Scratch scratch;
    const std::string_view text = is_integer_ ? other.text_ : text_;
    if (text.empty() || text.size() > kInt64TextMax || text[0] > '9') return false;
    return text == (is_integer_ ? *this : other).Text(scratch);
  }
  return is_integer_ ? number_ == other.number_ : text_ == other.text_;
}

std::size_t PackedView::size() const {
  if (data_ == nullptr) return 0;
  const auto count = Load<std::uint16_t>(data_ + 4);
  if (count != kCountUnknown) return count;
  std::size_t walked = 0;
  for (Position at = First(); at != kNone; at = Next(at)) ++walked;
  return walked;
}

std::string_view PackedView::bytes() const {
  return data_ == nullptr ? kEmptyList : std::string_view(data_, TotalOf(data_));
}

bool PackedView::Fits(std::size_t more) const {
  const std::size_t total = bytes().size();
  return more <= kPackedListBytesMax && total + more <= kPackedListBytesMax;
}

std::size_t PackedView::memory_bytes() const {
  return data_ == nullptr ? 0 : AllocatedBytes(TotalOf(data_));
}

Position PackedView::First() const {
  if (data_ == nullptr || ByteAt(data_ + kHeaderBytes) == kEnd) return kNone;
  return kHeaderBytes;
}

Position PackedView::Last() const { return data_ == nullptr ? kNone : Prev(TotalOf(data_) - 1); }

Position PackedView::Next(Position at) const {
  DCHECK(at >= kHeaderBytes);
  const auto next = static_cast<Position>(at + WholeLength(data_ + at));
  DCHECK(next < TotalOf(data_));
  return ByteAt(data_ + next) == kEnd ? kNone : next;
}

Position PackedView::Prev(Position at) const {
  DCHECK(at >= kHeaderBytes);
  if (at == kHeaderBytes) return kNone;
  const std::size_t length = ReadBack(data_ + at);
  return static_cast<Position>(at - length - BackBytes(length));
}

Position PackedView::Seek(std::int64_t index) const {
  if (data_ == nullptr) return kNone;
  const auto count = Load<std::uint16_t>(data_ + 4);
  if (count != kCountUnknown) {
    if (index >= count || index < -std::int64_t{count}) return kNone;
    if (index > count / 2) index -= count;
    if (index < -(count / 2)) index += count;
  }
  Position at = index >= 0 ? First() : Last();
  for (; index > 0 && at != kNone; --index) at = Next(at);
  for (; index < -1 && at != kNone; ++index) at = Prev(at);
  return at;
}

PackedValue PackedView::At(Position at) const {
  DCHECK(at >= kHeaderBytes);
  const char* element = data_ + at;
  const std::uint8_t first = ByteAt(element);
  if (!IsText(first)) return static_cast<long long>(ReadNumber(element));
  return Value::Verbatim({element + HeadBytes(first), TextBytes(element)});
}

std::size_t PackedView::BytesAt(Position at) const { return WholeLength(data_ + at); }

Position PackedView::Find(std::string_view text, Position from, std::size_t skip) const {
  const Value wanted = text;
  for (Position at = from; at != kNone;) {
    const char* element = data_ + at;
    const std::uint8_t first = ByteAt(element);
    if (IsText(first)) {
      // A number kept as text, which foreign bytes may hold, is found as well.
      const std::size_t bytes = TextBytes(element);
      if (bytes == text.size() && std::memcmp(element + HeadBytes(first), text.data(), bytes) == 0)
        return at;
    } else if (wanted.is_integer() && ReadNumber(element) == wanted.integer()) {
      return at;
    }
    at = Next(at);
    for (std::size_t i = 0; i < skip && at != kNone; ++i) at = Next(at);
  }
  return kNone;
}

PackedList& PackedList::operator=(PackedList&& other) noexcept {
  if (this != &other) {
    Clear();
    data_ = std::exchange(other.data_, nullptr);
  }
  return *this;
}

PackedList::~PackedList() { FreeRaw(data()); }

void PackedList::Clear() { FreeRaw(Release()); }

Status PackedList::Check(std::string_view bytes) {
  if (bytes.size() > kPackedListBytesMax)
    return {StatusCode::kLimit, "packed list: more than 1 GiB"};
  if (bytes.size() < kEmptyBytes) return Corrupt(bytes.size(), "the header is cut off");
  if (TotalOf(bytes.data()) != bytes.size()) return Corrupt(0, "another length is announced");
  const std::size_t end = bytes.size() - 1;
  if (ByteAt(bytes.data() + end) != kEnd) return Corrupt(end, "no end mark");
  std::size_t count = 0;
  for (std::size_t at = kHeaderBytes; at < end; ++count) {
    const std::size_t length = ValidElement(bytes, at, end);
    if (length == 0) return Corrupt(at, "no element");
    at += length;
  }
  const auto announced = Load<std::uint16_t>(bytes.data() + 4);
  if (announced != kCountUnknown && announced != count)
    return Corrupt(4, "another count is announced");
  return {};
}

Result<PackedList> PackedList::FromBytes(std::string_view bytes) {
  if (Status checked = Check(bytes); !checked.ok()) return std::unexpected(std::move(checked));
  return bytes.size() == kEmptyBytes ? PackedList() : CopyOf(bytes);
}

PackedList PackedList::Clone() const { return data_ == nullptr ? PackedList() : CopyOf(bytes()); }

PackedList PackedList::CopyOf(std::string_view bytes) {
  auto* copy = static_cast<char*>(AllocateRaw(AllocatedBytes(bytes.size())));
  std::memcpy(copy, bytes.data(), bytes.size());
  return PackedList(copy);
}

std::size_t PackedList::EncodedBytes(const Value& value) {
  const std::size_t length = HeadOf(value).size + BodyOf(value).size();
  return length + BackBytes(length);
}

char* PackedList::Splice(Position at, std::size_t removed, std::size_t added) {
  const std::size_t total = bytes().size();
  const std::size_t new_total = total - removed + added;
  CHECK(new_total <= kPackedListBytesMax);
  DCHECK(at + removed < total);
  char* block = data();
  const std::size_t moved = total - at - removed;
  const std::size_t old_block_bytes = block == nullptr ? 0 : AllocatedBytes(total);
  const std::size_t block_bytes = AllocatedBytes(new_total);
  if (new_total < total) std::memmove(block + at + added, block + at + removed, moved);
  if (block_bytes != old_block_bytes) block = static_cast<char*>(ReallocateRaw(block, block_bytes));
  if (old_block_bytes == 0) std::memcpy(block, kEmptyList.data(), kEmptyBytes);
  if (new_total > total) std::memmove(block + at + added, block + at + removed, moved);
  Store(block, static_cast<std::uint32_t>(new_total));
  data_ = block;
  return block + at;
}

void PackedList::AddToCount(std::int64_t difference) {
  const auto count = Load<std::uint16_t>(data_ + 4);
  if (count == kCountUnknown) return;
  const std::int64_t sum = count + difference;
  Store(data() + 4, static_cast<std::uint16_t>(std::min<std::int64_t>(sum, kCountUnknown)));
}

Position PackedList::InsertAt(Position at, const Value& value) {
  const Head head = HeadOf(value);
  const std::string_view body = BodyOf(value);
  const std::size_t length = head.size + body.size();
  WriteElement(Splice(at, 0, length + BackBytes(length)), head, body);
  AddToCount(1);
  return at;
}

Position PackedList::Append(const Value& value) {
  return InsertAt(static_cast<Position>(bytes().size() - 1), value);
}

Position PackedList::Prepend(const Value& value) { return InsertAt(kHeaderBytes, value); }

void PackedList::PrependInto(char* list, const Value& value) {
  const Head head = HeadOf(value);
  const std::string_view body = BodyOf(value);
  const std::size_t length = head.size + body.size();
  const std::size_t added = length + BackBytes(length);
  const std::size_t total = TotalOf(list) + added;
  CHECK(total <= kPackedListBytesMax);
  const auto count = Load<std::uint16_t>(list + 4);
  char* begin = list - added;
  Store(begin, static_cast<std::uint32_t>(total));
  Store(begin + 4, static_cast<std::uint16_t>(count == kCountUnknown ? count : count + 1));
  WriteElement(begin + kHeaderBytes, head, body);
}

std::size_t PackedList::DropFirstOf(char* list) {
  const std::size_t dropped = WholeLength(list + kHeaderBytes);
  const auto total = static_cast<std::uint32_t>(TotalOf(list) - dropped);
  DCHECK(total > kEmptyBytes);
  const auto count = Load<std::uint16_t>(list + 4);
  char* begin = list + dropped;
  Store(begin, total);
  Store(begin + 4, static_cast<std::uint16_t>(count == kCountUnknown ? count : count - 1));
  return dropped;
}

Position PackedList::InsertBefore(Position at, const Value& value) {
  DCHECK(at >= kHeaderBytes);
  return InsertAt(at, value);
}

Position PackedList::InsertAfter(Position at, const Value& value) {
  DCHECK(at >= kHeaderBytes);
  return InsertAt(static_cast<Position>(at + BytesAt(at)), value);
}

Position PackedList::Replace(Position at, const Value& value) {
  DCHECK(at >= kHeaderBytes);
  const Head head = HeadOf(value);
  const std::string_view body = BodyOf(value);
  const std::size_t length = head.size + body.size();
  WriteElement(Splice(at, BytesAt(at), length + BackBytes(length)), head, body);
  return at;
}

void PackedList::AppendAll(PackedView other) {
  if (other.empty()) return;
  DCHECK(other.raw() != data_);
  const std::string_view elements =
      other.bytes().substr(kHeaderBytes, other.bytes().size() - kEmptyBytes);
  const std::size_t count = other.size();
  char* to = Splice(static_cast<Position>(bytes().size() - 1), 0, elements.size());
  std::memcpy(to, elements.data(), elements.size());
  AddToCount(static_cast<std::int64_t>(count));
}

Position PackedList::EraseRange(Position at, std::size_t count) {
  DCHECK(at >= kHeaderBytes);
  std::size_t end = at;
  std::size_t erased = 0;
  for (; erased < count && ByteAt(data_ + end) != kEnd; ++erased) end += WholeLength(data_ + end);
  const bool is_last = ByteAt(data_ + end) == kEnd;
  if (is_last && at == kHeaderBytes) {
    Clear();
    return kNone;
  }
  Splice(at, end - at, 0);
  AddToCount(-static_cast<std::int64_t>(erased));
  return is_last ? kNone : at;
}

}  // namespace cairn::ds
