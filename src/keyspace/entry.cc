// SPDX-License-Identifier: BSD-3-Clause
// Making, measuring and freeing entries. The layout is drawn in entry.h.
#include "keyspace/entry.h"

#include <memory>
#include <utility>

#include "base/check.h"
#include "keyspace/tunables.h"

namespace cairn::keyspace {
void Entry::Init(Type type, Encoding encoding, std::string_view key, std::size_t value_size,
                 CacheNotes* notes) {
  const bool wide = key.size() > kKeySizeMax || value_size > kValueSizeMax || notes != nullptr;
  kind_ = static_cast<std::uint32_t>(type) | static_cast<std::uint32_t>(encoding) << 3 |
          (wide ? kWideBit : 0);
  if (wide) {
    static_assert(kStringBytesMax < std::int64_t{kNotesBit});
    sizes_ = 0;
    const std::uint32_t sizes[2] = {static_cast<std::uint32_t>(key.size()),
                                    static_cast<std::uint32_t>(value_size)};
    std::memcpy(const_cast<char*>(bytes(kHeaderBytes)), sizes, sizeof(sizes));
    if (notes != nullptr) SetNotes(notes);
  } else {
    sizes_ = static_cast<std::uint32_t>(key.size()) | static_cast<std::uint32_t>(value_size) << 8;
  }
  std::memcpy(const_cast<char*>(bytes(KeyOffset())), key.data(), key.size());
}

Entry* Entry::CreateInline(ds::SlabArena& arena, std::string_view key, std::size_t value_size,
                           Encoding encoding) {
  CHECK(std::cmp_less_equal(key.size(), kStringBytesMax));
  CHECK(std::cmp_less_equal(value_size, kStringBytesMax));
  auto* entry = static_cast<Entry*>(arena.Allocate(InlineBytes(key.size(), value_size)));
  entry->Init(Type::kString, encoding, key, value_size);
  return entry;
}

std::string_view NameOf(Type type) {
  switch (type) {
    case Type::kString:
      return "string";
    case Type::kList:
      return "list";
    case Type::kSet:
      return "set";
    case Type::kSortedSet:
      return "zset";
    case Type::kHash:
      return "hash";
    case Type::kStream:
      return "stream";
  }
  return "none";
}

Entry* Entry::CreateString(ds::SlabArena& arena, std::string_view key, std::string_view value,
                           Encoding encoding) {
  if (value.size() >= kBlobThreshold) {
    return CreateBlob(arena, key, Blob::Create(value, value.size(), value.size()));
  }
  Entry* entry = CreateInline(arena, key, value.size(), encoding);
  if (!value.empty()) std::memcpy(entry->mutable_inline_value(), value.data(), value.size());
  return entry;
}

Entry* Entry::CreateBlob(ds::SlabArena& arena, std::string_view key, Blob* blob) {
  CHECK(std::cmp_less_equal(key.size(), kStringBytesMax));
  auto* entry = static_cast<Entry*>(arena.Allocate(InlineBytes(key.size(), 0) + sizeof(blob)));
  entry->Init(Type::kString, Encoding::kBlob, key, 0);
  std::memcpy(const_cast<char*>(entry->bytes(entry->PointerOffset())), &blob, sizeof(blob));
  return entry;
}

Entry* Entry::CreateCollection(ds::SlabArena& arena, std::string_view key, Type type) {
  return CreateEmpty(arena, key, type, Encoding::kCollection);
}

Entry* Entry::CreateTimedHash(ds::SlabArena& arena, std::string_view key) {
  Entry* entry = CreateEmpty(arena, key, Type::kHash, Encoding::kTimed);
  entry->SetTimedWord(kNever);
  return entry;
}

Entry* Entry::CreateEmpty(ds::SlabArena& arena, std::string_view key, Type type,
                          Encoding encoding) {
  CHECK(std::cmp_less_equal(key.size(), kStringBytesMax));
  const std::size_t words = sizeof(void*) + (encoding == Encoding::kTimed ? sizeof(UnixMs) : 0);
  auto* entry = static_cast<Entry*>(arena.Allocate(InlineBytes(key.size(), 0) + words));
  entry->Init(type, encoding, key, 0);
  entry->Visit([]<class V>(V& place) { std::construct_at(&place); });
  return entry;
}

Entry* Entry::WithNotes(ds::SlabArena& arena, Entry* entry, std::unique_ptr<CacheNotes> notes) {
  const std::string_view key = entry->key();
  const bool is_inline = (entry->kind_ & kPointerBit) == 0;
  const std::string_view value = is_inline ? entry->value() : std::string_view();
  const std::size_t words = entry->KeyOffset() - entry->PointerOffset();
  const bool wide = key.size() > kKeySizeMax || value.size() > kValueSizeMax || notes != nullptr;
  const std::size_t head = kHeaderBytes + (wide ? kWideBytes : 0) + (notes ? sizeof(notes) : 0);
  auto* made = static_cast<Entry*>(arena.Allocate(head + words + key.size() + value.size()));
  made->Init(entry->type(), entry->encoding(), key, value.size(), notes.release());
  // A value class is one word, a tagged pointer, which moves as bytes do.
  std::memcpy(const_cast<char*>(made->bytes(made->PointerOffset())),
              entry->bytes(entry->PointerOffset()), words);
  if (!value.empty()) std::memcpy(made->mutable_inline_value(), value.data(), value.size());
  made->set_access(entry->access());
  made->set_volatile(entry->is_volatile());
  const std::unique_ptr<CacheNotes> old(entry->notes());
  arena.Free(entry, entry->own_bytes());
  return made;
}

Entry* Entry::CloneAs(ds::SlabArena& arena, std::string_view key) const {
  Entry* clone;
  if (is_collection()) {
    clone = CreateEmpty(arena, key, type(), Encoding::kCollection);
    Visit([clone]<class V>(const V& from) { clone->as<V>() = from.Clone(); });
  } else if (Blob* shared = blob(); shared != nullptr) {
    shared->AddRef();
    clone = CreateBlob(arena, key, shared);
  } else {
    clone = CreateString(arena, key, value(), encoding());
  }
  clone->set_access(access());
  return clone;
}

Entry* Entry::MoveAs(ds::SlabArena& arena, std::string_view key) {
  if (!is_collection()) return CloneAs(arena, key);
  Entry* moved = CreateEmpty(arena, key, type(), Encoding::kCollection);
  Visit([moved]<class V>(V& from) { moved->as<V>() = std::move(from); });
  moved->set_access(access());
  return moved;
}

void Entry::MakeImage(void* room) const {
  std::memcpy(room, this, own_bytes());
  auto* image = static_cast<Entry*>(room);
  if (const CacheNotes* own = notes(); own != nullptr)
    image->SetNotes(std::make_unique<CacheNotes>(*own).release());
  if (is_collection()) {
    Visit([image]<class V>(const V& from) { std::construct_at(&image->as<V>(), from.Clone()); });
  } else if (Blob* shared = blob(); shared != nullptr) {
    shared->AddRef();
  }
}

void Entry::MakeImageWithoutElements(void* room) const {
  std::memcpy(room, this, own_bytes());
  auto* image = static_cast<Entry*>(room);
  if (const CacheNotes* own = notes(); own != nullptr)
    image->SetNotes(std::make_unique<CacheNotes>(*own).release());
  image->Visit([]<class V>(V& place) { std::construct_at(&place); });
}

void Entry::DropImage() {
  const std::unique_ptr<CacheNotes> own(notes());
  if (is_collection()) {
    Visit([]<class V>(V& value) { value.~V(); });
  } else if (Blob* out_of_line = blob(); out_of_line != nullptr) {
    out_of_line->Release();
  }
}

void Entry::Destroy(ds::SlabArena& arena) {
  const std::size_t own = own_bytes();
  if (!is_compact()) DropImage();
  arena.Free(this, own);
}

std::size_t Entry::key_size() const {
  if (!is_wide()) return sizes_ & 0xFF;
  return WideKeySize() & ~kNotesBit;
}

CacheNotes* Entry::WideNotes() const {
  if (!has_notes()) return nullptr;
  CacheNotes* notes;
  std::memcpy(&notes, bytes(kHeaderBytes + kWideBytes), sizeof(notes));
  return notes;
}

void Entry::SetNotes(CacheNotes* notes) {
  const std::uint32_t size = WideKeySize() | kNotesBit;
  std::memcpy(const_cast<char*>(bytes(kHeaderBytes)), &size, sizeof(size));
  std::memcpy(const_cast<char*>(bytes(kHeaderBytes + kWideBytes)), &notes, sizeof(notes));
}

std::string_view Entry::SlowValue() const {
  if (const Blob* out_of_line = blob(); out_of_line != nullptr) return out_of_line->view();
  std::uint32_t size;
  std::memcpy(&size, bytes(kHeaderBytes + 4), sizeof(size));
  return {bytes(KeyOffset()) + key_size(), size};
}

std::size_t Entry::SlowOwnBytes() const {
  if ((kind_ & kPointerBit) != 0) return KeyOffset() + key_size();
  return KeyOffset() + key_size() + value().size();
}

std::size_t Entry::beside_bytes() const {
  const CacheNotes* own = notes();
  return ValueBytesBeside() + (own != nullptr ? own->memory_bytes() : 0);
}

std::size_t Entry::ValueBytesBeside() const {
  if (is_collection()) return Visit([](const auto& value) { return value.memory_bytes(); });
  const Blob* out_of_line = blob();
  return out_of_line != nullptr ? out_of_line->allocated_bytes() : 0;
}

}  // namespace cairn::keyspace
