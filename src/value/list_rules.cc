// SPDX-License-Identifier: BSD-3-Clause
// Every figure here is one that clients can observe; list_rules.h names them.
#include "value/list_rules.h"

#include <algorithm>
#include <cstdint>

namespace cairn::value {
namespace {

constexpr std::size_t kFillBytesMin = 4096;
// A packed list of one such element, lengths included, is within its own limit.
constexpr std::size_t kPackedTextMax = ds::kPackedListBytesMax - 64;

}  // namespace

ListNodeLimit ListNodeLimitOf(int node_fill) {
  if (node_fill < 0) return {kFillBytesMin << (std::min(-node_fill, -kListFillMin) - 1), SIZE_MAX};
  return {SIZE_MAX, static_cast<std::size_t>(std::max(node_fill, 1))};
}

bool ListNodeExceeds(int node_fill, std::size_t bytes, std::size_t count) {
  const ListNodeLimit limit = ListNodeLimitOf(node_fill);
  if (limit.bytes != SIZE_MAX) return bytes > limit.bytes;
  return bytes > kListCountedNodeBytesMax || count > limit.count;
}

ListElement::ListElement(std::string_view element, const ListLimits& limits)
    : text(element), is_plain(element.size() >= std::min(limits.plain_bytes, kPackedTextMax)) {}

}  // namespace cairn::value
