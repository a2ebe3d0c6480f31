// SPDX-License-Identifier: BSD-3-Clause
// Delivery: one published message on its way to one worker.
//
// What all receivers of a message get alike is encoded once, by the publisher, into a blob that
// everybody shares; RESP2 and RESP3 differ in the first byte only:
//
//     '*' or '>'  |  3 message      |  $4 chan $5 hello      first byte by the client's protocol,
//                 |  3 smessage     |                        header by the kind of subscription (a
//                 |  4 pmessage pat |                        pattern's: made once a pattern), tail
//                    header              tail                once a message
//
// A Delivery is moved, never copied: the tail's reference count is all that workers share.
#ifndef CAIRN_PUBSUB_DELIVERY_H_
#define CAIRN_PUBSUB_DELIVERY_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/blob.h"

namespace cairn::pubsub {

// What one subscribes to. Channels and shard channels of the same name are two things.
enum class Kind : std::uint8_t {
  kChannel,
  kPattern,
  kShard,
  // Not subscribed to, but sent to one client (see DirectReceiver):
  kInvalidation,  // the array of keys in `tail`; all keys, if that is null
  kReceiverGone,  // to the origin of an invalidation: whom it redirects to is gone
  kObservation,   // a line of MONITOR
};
inline constexpr std::size_t kKindCount = 3;  // of those subscribed to

struct Delivery {
  BlobRef tail;
  BlobRef pattern_header;  // null unless kPattern
  std::uint64_t hash = 0;  // of the name subscribed to; if it is for one client, that one's id
  std::uint32_t name_at = 0;
  std::uint32_t name_size = 0;
  Kind kind = Kind::kChannel;
  bool own = false;                 // kInvalidation: by a command of the receiver itself
  std::uint32_t origin_worker = 0;  // kInvalidation: where the client is whose keys they are...
  std::uint64_t origin = 0;         // ...and its id, if it redirects; else 0

  bool is_direct() const { return static_cast<std::size_t>(kind) >= kKindCount; }
  // The channel or pattern subscribed to.
  std::string_view name() const {
    const BlobRef& bytes = kind == Kind::kPattern ? pattern_header : tail;
    return bytes.get()->view().substr(name_at, name_size);
  }
  // What stands before the tail, without the first byte.
  std::string_view header() const;
};

// A blob made of two parts, of which the second is a name that can be found in it.
struct EncodedName {
  BlobRef bytes;
  std::uint32_t name_at = 0;
};
// "$n\r\nchannel\r\n$m\r\npayload\r\n".
EncodedName EncodeTail(std::string_view channel, std::string_view payload);
// The same of a tail that there is already, with the channel in it; takes over a reference.
EncodedName TailOf(Blob* tail, std::string_view channel);
// "4\r\n$8\r\npmessage\r\n$n\r\npattern\r\n".
EncodedName EncodePatternHeader(std::string_view pattern);

}  // namespace cairn::pubsub

#endif  // CAIRN_PUBSUB_DELIVERY_H_
