// SPDX-License-Identifier: BSD-3-Clause
// Narrowing gathers heads and texts in a room of its own, since how large they are is known at the
// end, and packs the texts from there into the block. Widening needs no room: each text is read
// where it is.
#include "ds/narrow_list.h"

#include <cstdint>
#include <cstring>

#include "base/check.h"
#include "base/load_store.h"
#include "ds/ascii_pack.h"
#include "ds/packed_element.h"
#include "ds/raw_memory.h"

namespace cairn::ds {
namespace {

using namespace packed_element;

struct Sizes {
  std::uint32_t heads;
  std::uint32_t texts;

  std::size_t all() const { return sizeof(Sizes) + heads + AsciiPackedBytes(texts); }
};

// Heads go to `heads`, texts to `texts`, filled up for PackAscii.
Sizes Gather(std::string_view list, char* heads, char* texts) {
  const char* heads_begin = heads;
  const char* texts_begin = texts;
  for (const char* at = list.data() + kHeaderBytes; ByteAt(at) != kEnd;) {
    const std::size_t head_bytes = HeadBytes(ByteAt(at));
    const std::size_t text_bytes = TextBytes(at);
    std::memcpy(heads, at, head_bytes);
    std::memcpy(texts, at + head_bytes, text_bytes);
    heads += head_bytes;
    texts += text_bytes;
    at += head_bytes + text_bytes + BackBytes(head_bytes + text_bytes);
  }
  std::memset(texts, 0, kAsciiStretches);
  return {static_cast<std::uint32_t>(heads - heads_begin),
          static_cast<std::uint32_t>(texts - texts_begin)};
}

// Most lists of other texts have one first.
bool BeginsInAscii(PackedView list) {
  const PackedValue first = list.At(list.First());
  return first.is_integer() || IsAscii(first.text());
}

// Null if the texts are not ASCII, or too little is gained.
char* Narrow(Sizes sizes, std::size_t list_bytes, const char* heads, const char* texts) {
  if (AllocatedBytes(sizes.all()) >= AllocatedBytes(list_bytes)) return nullptr;
  auto* narrow = static_cast<char*>(AllocateRaw(sizes.all()));
  Store(narrow, sizes);
  std::memcpy(narrow + sizeof(Sizes), heads, sizes.heads);
  if (PackAscii({texts, AsciiFilledBytes(sizes.texts)},
                {narrow + sizeof(Sizes) + sizes.heads, AsciiPackedBytes(sizes.texts)}))
    return narrow;
  FreeRaw(narrow);
  return nullptr;
}

}  // namespace

char* NarrowListOf(PackedView list) {
  DCHECK(!list.empty());
  const std::string_view bytes = list.bytes();
  // A count that was too large once is not the number of heads.
  if (Load<std::uint16_t>(bytes.data() + 4) == kCountUnknown) return nullptr;
  if (!BeginsInAscii(list)) return nullptr;
  auto* room = static_cast<char*>(AllocateRaw(2 * bytes.size() + kAsciiStretches));
  char* texts = room + bytes.size();
  char* narrow = Narrow(Gather(bytes, room, texts), bytes.size(), room, texts);
  FreeRaw(room);
  return narrow;
}

std::size_t NarrowListBytes(const char* narrow) { return Load<Sizes>(narrow).all(); }

void WidenList(const char* narrow, std::span<char> list) {
  const auto sizes = Load<Sizes>(narrow);
  const char* head = narrow + sizeof(Sizes);
  const char* heads_end = head + sizes.heads;
  const std::span<const char> texts = {heads_end, AsciiPackedBytes(sizes.texts)};
  char* to = list.data() + kHeaderBytes;
  std::size_t text_at = 0;
  std::uint16_t count = 0;
  for (; head != heads_end; ++count) {
    const std::size_t head_bytes = HeadBytes(ByteAt(head));
    const std::size_t text_bytes = TextBytes(head);
    std::memcpy(to, head, head_bytes);
    UnpackAscii(texts, text_at, {to + head_bytes, text_bytes});
    to = WriteBack(to + head_bytes + text_bytes, head_bytes + text_bytes);
    head += head_bytes;
    text_at += text_bytes;
  }
  *to = static_cast<char>(kEnd);
  CHECK(to + 1 == list.data() + list.size());
  Store(list.data(), static_cast<std::uint32_t>(list.size()));
  Store(list.data() + 4, count);
}

PackedValue NarrowListAt(const char* narrow, std::size_t index, std::string& scratch) {
  const auto sizes = Load<Sizes>(narrow);
  const char* head = narrow + sizeof(Sizes);
  const char* heads_end = head + sizes.heads;
  std::size_t text_at = 0;
  for (; index > 0; --index) {
    text_at += TextBytes(head);
    head += HeadBytes(ByteAt(head));
    DCHECK(head < heads_end);
  }
  if (!IsText(ByteAt(head))) return static_cast<long long>(ReadNumber(head));
  scratch.resize(TextBytes(head));
  UnpackAscii({heads_end, AsciiPackedBytes(sizes.texts)}, text_at, scratch);
  return PackedValue::Verbatim(scratch);
}

}  // namespace cairn::ds
