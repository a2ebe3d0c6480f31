// SPDX-License-Identifier: BSD-3-Clause
// The bytes of a message, sized first and written once.
#include "pubsub/delivery.h"

#include <cstring>

#include "base/check.h"
#include "base/text.h"

namespace cairn::pubsub {
namespace {

constexpr std::string_view kMessageHeader = "3\r\n$7\r\nmessage\r\n";
constexpr std::string_view kShardMessageHeader = "3\r\n$8\r\nsmessage\r\n";
constexpr std::string_view kPatternMessageHeader = "4\r\n$8\r\npmessage\r\n";

// "$", digits, "\r\n", the text, "\r\n".
class BulkText {
 public:
  explicit BulkText(std::string_view text)
      : text_(text),
        length_(digits_, FormatInt64(digits_, static_cast<std::int64_t>(text.size()))) {}
  BulkText(const BulkText&) = delete;  // length_ points into digits_
  BulkText& operator=(const BulkText&) = delete;
  std::size_t size() const { return 1 + length_.size() + 2 + text_.size() + 2; }
  std::size_t text_at() const { return 1 + length_.size() + 2; }
  char* Write(char* to) const {
    *to++ = '$';
    to = Put(to, length_);
    to = Put(to, "\r\n");
    to = Put(to, text_);
    return Put(to, "\r\n");
  }
  static char* Put(char* to, std::string_view bytes) {
    if (!bytes.empty()) std::memcpy(to, bytes.data(), bytes.size());
    return to + bytes.size();
  }

 private:
  char digits_[kInt64TextMax];
  const std::string_view text_;
  const std::string_view length_;
};

EncodedName Encode(std::string_view prefix, const BulkText& name, const BulkText* more) {
  const std::size_t size = prefix.size() + name.size() + (more == nullptr ? 0 : more->size());
  Blob* blob = Blob::Create({}, size, size);
  char* to = BulkText::Put(blob->mutable_bytes(), prefix);
  to = name.Write(to);
  if (more != nullptr) to = more->Write(to);
  DCHECK(to == blob->bytes() + size);
  EncodedName encoded{.bytes = BlobRef(blob),
                      .name_at = static_cast<std::uint32_t>(prefix.size() + name.text_at())};
  blob->Release();
  return encoded;
}

}  // namespace

std::string_view Delivery::header() const {
  switch (kind) {
    case Kind::kChannel:
      return kMessageHeader;
    case Kind::kShard:
      return kShardMessageHeader;
    case Kind::kPattern:
      return pattern_header.get()->view();
    case Kind::kInvalidation:
    case Kind::kReceiverGone:
    case Kind::kObservation:
      break;
  }
  return {};
}

EncodedName EncodeTail(std::string_view channel, std::string_view payload) {
  const BulkText more(payload);
  return Encode({}, BulkText(channel), &more);
}

EncodedName TailOf(Blob* tail, std::string_view channel) {
  EncodedName encoded{.bytes = BlobRef(tail),
                      .name_at = static_cast<std::uint32_t>(channel.data() - tail->bytes())};
  tail->Release();
  DCHECK(tail->view().substr(encoded.name_at, channel.size()) == channel);
  return encoded;
}

EncodedName EncodePatternHeader(std::string_view pattern) {
  return Encode(kPatternMessageHeader, BulkText(pattern), nullptr);
}

}  // namespace cairn::pubsub
