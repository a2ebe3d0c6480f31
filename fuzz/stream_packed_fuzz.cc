// SPDX-License-Identifier: BSD-3-Clause
// Arbitrary bytes as a node of a stream, which RESTORE, RDB files and a primary may hand in.
//
// Checked beyond "no crash and no bad read": what is accepted makes a listpack again that is
// accepted, and both hold the same entries; and it can be read, deleted from and appended to. A
// header that announces the right length is tried as well, since bytes rarely make one by chance.
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "value/stream.h"

namespace {

using cairn::value::Stream;
using cairn::value::StreamEntry;
using cairn::value::StreamId;
using cairn::value::StreamNode;
using cairn::value::StreamOrder;
using cairn::value::StreamRange;

constexpr StreamId kBase{5, 5};

std::vector<std::string> Contents(const Stream& stream) {
  std::vector<std::string> texts;
  StreamRange range(stream, cairn::value::kStreamIdMin, cairn::value::kStreamIdMax,
                    StreamOrder::kForward);
  StreamEntry entry;
  while (range.Next(&entry)) {
    texts.push_back(cairn::value::StreamIdToString(entry.id()));
    entry.ForEach([&](std::string_view field, std::string_view value) {
      texts.emplace_back(field);
      texts.emplace_back(value);
    });
  }
  return texts;
}

void Change(Stream& stream, cairn::ds::SlabArena& arena) {
  const std::string_view fields[] = {"field", "value"};
  // As a file must have it: not below a deleted entry either.
  cairn::value::StreamId greatest;
  stream.ForEachNode([&](const StreamNode& node) { greatest = node.LastId(); });
  stream.SetCounters({.last_id = greatest});
  const bool room = stream.last_id() < cairn::value::kStreamIdMax;
  CHECK(stream.Append({}, fields, 0, {.node_bytes = 0, .node_entries = 0}, arena).has_value() ==
        room);
  while (stream.size() > 0) {
    CHECK(stream.Delete(stream.first_id()) == cairn::value::StreamDeleteResult::kDeleted);
  }
}

void Read(std::string_view bytes) {
  cairn::ds::SlabArena arena;
  Stream stream;
  if (!stream.Adopt(kBase, bytes, arena).ok()) return;
  Stream again;
  stream.ForEachNode([&](const StreamNode& node) {
    CHECK(again.Adopt(node.base(), node.ToPacked(), arena).ok());
  });
  CHECK(Contents(stream) == Contents(again));
  Change(stream, arena);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string bytes(reinterpret_cast<const char*>(data), size);
  Read(bytes);
  if (size < 7) return 0;
  const auto total = static_cast<std::uint32_t>(size);
  std::memcpy(bytes.data(), &total, sizeof(total));
  bytes.back() = static_cast<char>(0xff);
  Read(bytes);
  return 0;
}
