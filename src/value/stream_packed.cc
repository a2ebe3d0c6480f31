// SPDX-License-Identifier: BSD-3-Clause
// Nodes as Redis's listpacks, for DUMP, RDB files and replicas, and back.
//
//     live | deleted | n | name ... | 0 | entry | entry ...
//     entry = flags | ms | seq | value ... | how many elements these were          (same fields)
//     entry = flags | ms | seq | n | name | value ... | how many elements these were
//
// An element of a listpack is a node's with its length behind it, so both ways are one pass that
// copies; a stream of many small entries is saved and loaded by little else. A node knows what it
// takes as a listpack.
//
// Bytes that come in are anybody's: every length and count is checked as it is come to, against
// what is there. Others than XADD would have made are made so (texts that are numbers, numbers
// wider than need be). What exactly was wrong is found out by looking again.
#include <cstring>
#include <optional>
#include <utility>

#include "base/check.h"
#include "ds/packed_element.h"
#include "value/stream_element.h"
#include "value/stream_frame.h"
#include "value/stream_node.h"

namespace cairn::value {
namespace {

using ds::packed_element::BackBytes;
using ds::packed_element::kCountUnknown;
using ds::packed_element::kHeaderBytes;
using ds::packed_element::WriteBack;
constexpr char kEnd = static_cast<char>(ds::packed_element::kEnd);
constexpr std::size_t kBackBytesMax = 5;

// Copies `size` bytes where sixteen can be read and written: most elements are short, and a call
// for each would cost more than the rest.
constexpr std::size_t kShortCopy = 16;
char* PutShort(char* out, const char* from, std::size_t size) {
  std::memcpy(out, from, kShortCopy);
  return out + size;
}

// ---- Out ---------------------------------------------------------------------------------------

class Writer {
 public:
  // Elements are read before `from_end`, and the list is so many bytes.
  Writer(char* to, std::size_t bytes, const char* from_end)
      : begin_(to), end_(to + bytes), from_end_(from_end), at_(to + kHeaderBytes) {}

  void Number(std::int64_t number) {
    DCHECK(at_ < end_);
    char* const end = PutElementNumber(at_, number);
    *end = static_cast<char>(end - at_);
    at_ = end + 1;
    ++elements_;
  }
  // Elements of a node, one after another; where they end.
  const char* Elements(const char* from, std::size_t count) {
    elements_ += count;
    for (; count > 0; --count) {
      const std::size_t bytes = ElementBytes(from);
      const bool is_short =
          bytes <= kShortCopy && from_end_ - from >= kReach && end_ - at_ >= kReach;
      at_ = is_short ? PutShort(at_, from, bytes) : PutBytes(at_, from, bytes);
      at_ = WriteBack(at_, bytes);
      from += bytes;
    }
    return from;
  }
  // How many bytes it all is.
  std::size_t Finish() {
    *at_++ = kEnd;
    const auto total = static_cast<std::uint32_t>(at_ - begin_);
    const auto count =
        static_cast<std::uint16_t>(elements_ < kCountUnknown ? elements_ : kCountUnknown);
    std::memcpy(begin_, &total, sizeof(total));
    std::memcpy(begin_ + sizeof(total), &count, sizeof(count));
    return total;
  }

 private:
  static constexpr std::ptrdiff_t kReach = kShortCopy;
  char* const begin_;
  char* const end_;
  const char* const from_end_;
  char* at_;
  std::size_t elements_ = 0;
};

// Writes the entry of a node at `in`; where the next one begins. What Place tells of it would be
// read twice.
const char* WriteEntry(Writer& out, StreamId base, std::size_t names, const char* in) {
  const unsigned flags = static_cast<unsigned char>(*in++);
  const unsigned ms_width = kFrameWidths[(flags >> kFrameMsShift) & kFrameWidthMask];
  const unsigned seq_width = kFrameWidths[(flags >> kFrameSeqShift) & kFrameWidthMask];
  const std::uint64_t ms = GetFrameNumber(in, ms_width);
  const std::uint64_t seq = GetFrameNumber(in + ms_width, seq_width);
  in += ms_width + seq_width;
  const bool same_fields = (flags & kFrameSameFields) != 0;
  if (!same_fields || names != 1) {
    unsigned length_bytes = 0;
    GetFrameLength(in, &length_bytes);
    in += length_bytes;
  }
  out.Number(flags & (kFrameDeleted | kFrameSameFields));
  out.Number(static_cast<std::int64_t>(ms));
  out.Number(static_cast<std::int64_t>(ms == 0 ? seq : seq - base.seq));
  std::size_t elements = names;
  if (!same_fields) {
    ds::PackedValue fields = 0;
    GetElement(in, &fields);
    elements = 1 + 2 * static_cast<std::size_t>(fields.integer());
  }
  in = out.Elements(in, elements);
  out.Number(static_cast<std::int64_t>(3 + elements));
  return in;
}

// ---- In ----------------------------------------------------------------------------------------

// The elements of a listpack that somebody sent. After a failure everything is empty and `ok`
// false.
class Reader {
 public:
  explicit Reader(std::string_view bytes) {
    std::uint32_t total = 0;
    if (!Check(bytes.size() > kHeaderBytes && bytes.size() <= ds::kPackedListBytesMax)) return;
    std::memcpy(&total, bytes.data(), sizeof(total));
    std::memcpy(&announced_, bytes.data() + sizeof(total), sizeof(announced_));
    at_ = bytes.data() + kHeaderBytes;
    end_ = bytes.data() + bytes.size() - 1;
    Check(total == bytes.size() && *end_ == kEnd);
  }

  bool ok() const { return ok_; }
  bool at_end() const { return at_ == end_; }
  std::size_t left() const { return static_cast<std::size_t>(end_ - at_); }
  std::size_t elements_read() const { return elements_read_; }
  // How much shorter what was read could be.
  std::size_t waste() const { return waste_; }
  void AddWaste(std::size_t bytes) { waste_ += bytes; }
  // REQUIRES: at_end().
  bool IsCountRight() const { return announced_ == kCountUnknown || announced_ == elements_read_; }
  bool Check(bool condition) {
    ok_ = ok_ && condition;
    return ok_;
  }

  // The next element, without the length behind it.
  std::string_view Take() {
    const std::size_t bytes = ok_ ? LengthHere() : 0;
    if (!Check(bytes > 0)) return {};
    const char* const element = at_;
    at_ += bytes + BackBytes(bytes);
    ++elements_read_;
    return {element, bytes};
  }
  std::int64_t Number() {
    const std::string_view element = Take();
    if (!ok_) return 0;
    const auto head = static_cast<unsigned char>(element[0]);
    if (head < kShortText) return head;
    ds::PackedValue value = 0;
    GetElement(element.data(), &value);
    if (!Check(value.is_integer())) return 0;
    waste_ += element.size() - NumberBytes(value.integer());
    return value.integer();
  }
  std::size_t Count() {
    const std::int64_t number = Number();
    return Check(number >= 0 && number <= std::int64_t{UINT32_MAX})
               ? static_cast<std::size_t>(number)
               : 0;
  }

 private:
  // Of the element that begins here; 0 unless a whole one does.
  std::size_t LengthHere() const {
    const std::size_t left = this->left();
    const auto head = static_cast<unsigned char>(*at_);
    // A head of two bytes lies before the end mark or has it as its second.
    if (left == 0 || head > kNumber64 || (head == kLongText && left < 5)) return 0;
    const std::size_t bytes = ElementBytes(at_);
    if (bytes >= left) return 0;
    if (bytes <= 127) [[likely]]
      return static_cast<unsigned char>(at_[bytes]) == bytes ? bytes : 0;
    char back[kBackBytesMax];
    const std::size_t back_bytes = static_cast<std::size_t>(WriteBack(back, bytes) - back);
    const bool is_right =
        back_bytes <= left - bytes && std::memcmp(back, at_ + bytes, back_bytes) == 0;
    return is_right ? bytes : 0;
  }

  const char* at_ = nullptr;
  const char* end_ = nullptr;  // at the end mark
  std::size_t waste_ = 0;
  std::uint16_t announced_ = 0;
  std::size_t elements_read_ = 0;
  bool ok_ = true;
};

// Puts an element as XADD would have. REQUIRES: it is not as most are.
char* PutOdd(char* out, std::string_view element, Reader& in) {
  ds::PackedValue value = 0;
  GetElement(element.data(), &value);
  if (!value.is_integer()) value = ds::PackedValue(value.text());
  in.AddWaste(element.size() + BackBytes(element.size()) - PackedElementBytes(value));
  return PutElement(out, value);
}

// Takes an element and puts it as XADD would have. REQUIRES: room for all that is left.
char* PutNext(char* out, Reader& in) {
  const bool has_reach = in.left() >= kShortCopy;
  const std::string_view element = in.Take();
  if (!in.ok()) return out;
  const auto head = static_cast<unsigned char>(element[0]);
  if (head < kShortText) {
    *out = element[0];
    return out + 1;
  }
  const bool is_plain = head > kShortText && head < kNumber13 && element[1] > '9';
  if (!is_plain) return PutOdd(out, element, in);
  return has_reach && element.size() <= kShortCopy ? PutShort(out, element.data(), element.size())
                                                   : PutBytes(out, element.data(), element.size());
}

}  // namespace

void StreamNode::WritePacked(char* to) const {
  Writer out(to, packed_bytes(), bytes() + capacity_);
  out.Number(live_);
  out.Number(deleted_);
  out.Number(fields_);
  out.Elements(bytes(), fields_);
  out.Number(0);
  const char* const end = bytes() + used_;
  for (const char* in = bytes() + entries_at_; in != end;) in = WriteEntry(out, base_, fields_, in);
  const std::size_t written = out.Finish();
  CHECK(written == packed_bytes());
}

std::string StreamNode::ToPacked() const {
  std::string packed;
  const std::size_t size = packed_bytes();
  packed.resize_and_overwrite(size, [&](char* to, std::size_t) {
    WritePacked(to);
    return size;
  });
  return packed;
}

// A node being made of a listpack. It has room for all that may follow, which is never longer in a
// node, frames aside: these may be, where an id is far from the first one's.
class StreamNode::Unpacking {
 public:
  Unpacking(ds::SlabArena& arena, StreamId base, std::string_view bytes)
      : arena_(arena), bytes_(bytes.size()), in_(bytes) {
    if (in_.ok()) node_ = NewEmpty(arena, base, sizeof(StreamNode) + bytes.size() + kFrameBytesMax);
  }
  ~Unpacking() {
    if (node_ != nullptr) Free(arena_, node_);
  }
  Unpacking(const Unpacking&) = delete;
  Unpacking& operator=(const Unpacking&) = delete;

  // Null if this is not the listpack of a stream.
  StreamNode* Read() {
    if (!in_.ok()) return nullptr;
    const std::size_t live = in_.Count();
    const std::size_t deleted = in_.Count();
    ReadNames();
    while (in_.ok() && !in_.at_end()) ReadEntry();
    const bool is_whole = in_.ok() && in_.IsCountRight() && last_id_.has_value() &&
                          node_->live_ == live && node_->deleted_ == deleted;
    if (!is_whole) return nullptr;
    node_->packed_bytes_ =
        static_cast<std::uint32_t>(bytes_ - in_.waste() - PackedNumberBytes(node_->live_) -
                                   PackedNumberBytes(node_->deleted_));
    return std::exchange(node_, nullptr);
  }

 private:
  void ReadNames() {
    const std::size_t count = in_.Count();
    in_.Check(count > 0);
    char* const end = PutTexts(node_->bytes(), count);
    in_.Check(in_.Number() == 0);
    if (in_.ok()) node_->EndNames(end, static_cast<std::uint32_t>(count), 0);
  }

  // No more than there are: the count is only a claim.
  char* PutTexts(char* out, std::size_t count) {
    for (; count > 0 && in_.ok(); --count) out = PutNext(out, in_);
    return out;
  }

  void ReadEntry() {
    node_ = Reserve(arena_, node_, kFrameBytesMax + in_.left());
    const std::size_t before = in_.elements_read();
    const std::int64_t flags = in_.Number();
    in_.Check((flags & ~std::int64_t{kFrameDeleted | kFrameSameFields}) == 0);
    StreamId id = node_->base_;
    id.ms += static_cast<std::uint64_t>(in_.Number());
    id.seq += static_cast<std::uint64_t>(in_.Number());
    if (!in_.Check(last_id_.has_value() ? *last_id_ < id : node_->base_ <= id)) return;
    last_id_ = id;
    const bool same_fields = (flags & kFrameSameFields) != 0;
    const std::size_t fields = same_fields ? node_->fields_ : in_.Count();
    if (!in_.Check(fields > 0)) return;
    char* const frame = node_->bytes() + node_->used_;
    char* const length_at = PutFrame(frame, static_cast<unsigned>(flags), node_->base_, id);
    const bool is_single = node_->IsSingle(same_fields);
    char* const values = is_single ? length_at : length_at + 1;
    char* const end =
        same_fields
            ? PutTexts(values, fields)
            : PutTexts(PutElementNumber(values, static_cast<std::int64_t>(fields)), 2 * fields);
    const std::size_t elements = in_.elements_read() - before;
    if (!in_.Check(in_.Count() == elements)) return;
    ++((flags & kFrameDeleted) != 0 ? node_->deleted_ : node_->live_);
    node_->last_at_ = node_->used_;
    node_->used_ = static_cast<std::uint32_t>(
        (is_single ? end : PutLength(length_at, values, end)) - node_->bytes());
    DCHECK(node_->used_ <= node_->capacity_);
  }

  // The length of the values is known only now: where it takes more than the byte that was left for
  // it, they make room.
  static char* PutLength(char* at, char* values, const char* end) {
    const auto length = static_cast<std::size_t>(end - values);
    const unsigned length_bytes = FrameLengthBytes(length);
    if (length_bytes > 1) std::memmove(at + length_bytes, values, length);
    PutFrameLength(at, length, length_bytes);
    return at + length_bytes + length;
  }

  ds::SlabArena& arena_;
  const std::size_t bytes_;
  Reader in_;
  StreamNode* node_ = nullptr;
  std::optional<StreamId> last_id_;
};

Result<StreamNode*> StreamNode::FromPacked(ds::SlabArena& arena, StreamId base,
                                           std::string_view bytes) {
  StreamNode* const node = Unpacking(arena, base, bytes).Read();
  if (node == nullptr) {
    if (Status checked = ds::PackedList::Check(bytes); !checked.ok())
      return std::unexpected(std::move(checked));
    return Fail(StatusCode::kCorrupt, "not the listpack of a stream");
  }
  if (node->packed_bytes() > kPackedBytesMax) {
    Free(arena, node);
    return Fail(StatusCode::kLimit, "a listpack of a stream that leaves no room for its counts");
  }
  return Trimmed(arena, node);
}

}  // namespace cairn::value
