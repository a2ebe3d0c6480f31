// SPDX-License-Identifier: BSD-3-Clause
// What a cache reads back: frames, MessagePack and JSON of any bytes end in a value or an error,
// and a value that was read comes back the same.
//
//     input = mode-byte bytes      0: a frame as it is; 1, 2: a payload of MessagePack, JSON
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "cairn/codec.h"

namespace {

using cairn::cache::Field;
using cairn::cache::FieldsOf;

struct Node {
  std::int64_t number = 0;
  std::optional<std::string> text;
  std::vector<Node> nodes;
  std::map<std::string, std::uint8_t> map;
  bool operator==(const Node&) const = default;
  static constexpr auto Fields() {
    return FieldsOf("node/1", Field("n", &Node::number), Field("t", &Node::text),
                    Field("l", &Node::nodes), Field("m", &Node::map));
  }
};

template <class C>
void ReadPayload(std::string_view bytes) {
  const Node* type = nullptr;
  const cairn::cache::Result<Node> node = C::Decode(bytes, type);
  if (!node) return;
  // What a payload said, text of any bytes among it, MessagePack says again.
  const auto payload = cairn::cache::MessagePack::Encode(*node);
  CHECK(payload.has_value());
  const auto again = cairn::cache::MessagePack::Decode(*payload, type);
  CHECK(again.has_value());
  CHECK(*again == *node);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  constexpr std::size_t kSizeMax = 1 << 20;
  switch (data[0] % 3) {
    case 0:
      (void)cairn::cache::OpenFrame({.codec = 1, .schema = 5}, bytes, kSizeMax);
      break;
    case 1:
      ReadPayload<cairn::cache::MessagePack>(bytes);
      break;
    case 2:
      ReadPayload<cairn::cache::Json>(bytes);
      break;
  }
  return 0;
}
