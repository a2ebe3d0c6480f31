// SPDX-License-Identifier: BSD-3-Clause
// Reply: one answer of a server as a tree, for tests.
//
// This is the tests' own reading of RESP2 and RESP3, apart from the server's parser on purpose: a
// fault in the shared code would otherwise hide itself. It favours plainness over speed: a reply
// that is not whole is parsed again from its start when more bytes are there.
//
// What the wire tells apart stays apart: the two nulls of RESP2 and the one of RESP3, a simple
// string and a bulk one, a map and the flat array that stands for it. Expectations decide what of
// that matters (pattern.h).
#ifndef CAIRN_TESTS_SUPPORT_REPLY_H_
#define CAIRN_TESTS_SUPPORT_REPLY_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace cairn::testing {

enum class ReplyType : std::uint8_t {
  kSimple,
  kError,
  kInteger,
  kBulk,
  kNullBulk,  // $-1
  kArray,
  kNullArray,  // *-1
  kNull,       // _
  kDouble,
  kBoolean,
  kBigNumber,
  kBlobError,
  kVerbatim,
  kMap,
  kSet,
  kPush,
  kAttribute,
};

struct Reply {
  ReplyType type = ReplyType::kNull;
  // Scalars: the text as it stood on the wire ("t" and "f" for booleans, "txt:..." for verbatim).
  std::string text;
  // Aggregates: the items; keys and values in turn for maps and attributes. An attribute's last
  // item is the reply it precedes.
  std::vector<Reply> items;

  bool operator==(const Reply&) const = default;
};

bool IsScalar(ReplyType type);
bool IsNull(ReplyType type);

inline constexpr int kReplyDepthMax = 32;
inline constexpr std::int64_t kReplyItemsMax = 16 * 1024 * 1024;

struct Decoded {
  Reply reply;
  std::size_t size = 0;  // bytes it took
};

// The first reply in `bytes`; nothing if it is not whole yet; an error if it is no RESP.
Result<std::optional<Decoded>> DecodeReply(std::string_view bytes);

// A command as clients send it: an array of bulk strings.
std::string EncodeCommand(const std::vector<std::string>& args);

// What RESP2 makes of a RESP3 reply: maps flat, sets arrays, doubles and verbatim text bulk
// strings, booleans integers, null the bulk null.
Reply Downgrade(const Reply& reply);

}  // namespace cairn::testing

#endif  // CAIRN_TESTS_SUPPORT_REPLY_H_
