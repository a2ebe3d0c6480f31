// SPDX-License-Identifier: BSD-3-Clause
// Arbitrary bytes as a packed list, which RESTORE, RDB files and a primary may hand in.
//
// Checked beyond "no crash and no bad read": what is accepted is kept byte for byte, reads the same
// from both ends, and stays valid under every kind of change. A header that announces the right
// length is tried as well, since bytes rarely make one by chance.
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "ds/packed_list.h"

namespace {

using cairn::ds::PackedList;
using cairn::ds::PackedValue;
using cairn::ds::PackedView;

constexpr auto kNone = PackedView::kNone;

std::vector<std::string> Contents(const PackedView& list) {
  std::vector<std::string> texts;
  PackedValue::Scratch scratch;
  for (auto at = list.First(); at != kNone; at = list.Next(at)) {
    texts.emplace_back(list.At(at).Text(scratch));
  }
  return texts;
}

void CheckBackwards(const PackedView& list, const std::vector<std::string>& texts) {
  auto at = list.Last();
  for (std::size_t i = texts.size(); i-- > 0; at = list.Prev(at)) {
    CHECK(at != kNone);
    CHECK(list.At(at).Equals(texts[i]));
    CHECK(list.Find(texts[i], at) == at);
  }
  CHECK(at == kNone);
  CHECK(list.size() == texts.size());
}

void Change(PackedList list, std::size_t index, std::string_view text) {
  const auto at = list.Seek(static_cast<std::int64_t>(index));
  list.InsertBefore(at, text);
  list.Replace(list.Seek(static_cast<std::int64_t>(index) + 1), text);
  list.Append(text);
  list.Prepend(text);
  list.EraseRange(list.Seek(static_cast<std::int64_t>(index / 2)), 1 + index / 2);
  CHECK(PackedList::FromBytes(list.bytes()).has_value());
  CheckBackwards(list, Contents(list));
}

// From memory of exactly that size, so that the sanitizer sees a read behind it.
void Read(std::string_view bytes) {
  const std::unique_ptr<char[]> exact(new char[bytes.size()]);
  if (!bytes.empty()) std::memcpy(exact.get(), bytes.data(), bytes.size());
  const auto list = PackedList::FromBytes({exact.get(), bytes.size()});
  if (!list) return;
  if (!list->empty()) CHECK(list->bytes() == bytes);
  const std::vector<std::string> texts = Contents(*list);
  CheckBackwards(*list, texts);
  for (std::size_t i = 0; i < texts.size() && i < 8; ++i) {
    Change(list->Clone(), i, texts[texts.size() - 1 - i]);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  Read(input);
  std::string framed(4, '\0');
  const auto total = static_cast<std::uint32_t>(size + 7);
  std::memcpy(framed.data(), &total, sizeof(total));
  framed.append("\xff\xff", 2).append(input).push_back('\xff');
  Read(framed);
  return 0;
}
