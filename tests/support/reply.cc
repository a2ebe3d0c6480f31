// SPDX-License-Identifier: BSD-3-Clause
// Recursive descent over the bytes; `Need` is thrown up the stack as a state, not an exception.
#include "support/reply.h"

#include <utility>

#include "base/text.h"

namespace cairn::testing {
namespace {

class Decoder {
 public:
  explicit Decoder(std::string_view bytes) : bytes_(bytes) {}

  enum class Outcome : std::uint8_t { kWhole, kPartial, kMalformed };

  Outcome Read(Reply& reply, int depth);
  std::size_t at() const { return at_; }
  const std::string& error() const { return error_; }

 private:
  Outcome ReadLine(std::string_view& line);
  Outcome ReadBlob(Reply& reply, std::string_view length_text);
  Outcome ReadItems(Reply& reply, std::string_view count_text, int depth);
  Outcome Malformed(std::string what) {
    error_ = std::move(what);
    return Outcome::kMalformed;
  }

  std::string_view bytes_;
  std::size_t at_ = 0;
  std::string error_;
};

std::optional<ReplyType> TypeOfMarker(char marker) {
  switch (marker) {
    case '+':
      return ReplyType::kSimple;
    case '-':
      return ReplyType::kError;
    case ':':
      return ReplyType::kInteger;
    case '$':
      return ReplyType::kBulk;
    case '*':
      return ReplyType::kArray;
    case '_':
      return ReplyType::kNull;
    case ',':
      return ReplyType::kDouble;
    case '#':
      return ReplyType::kBoolean;
    case '(':
      return ReplyType::kBigNumber;
    case '!':
      return ReplyType::kBlobError;
    case '=':
      return ReplyType::kVerbatim;
    case '%':
      return ReplyType::kMap;
    case '~':
      return ReplyType::kSet;
    case '>':
      return ReplyType::kPush;
    case '|':
      return ReplyType::kAttribute;
    default:
      return std::nullopt;
  }
}

Decoder::Outcome Decoder::ReadLine(std::string_view& line) {
  const std::size_t end = bytes_.find("\r\n", at_);
  if (end == std::string_view::npos) return Outcome::kPartial;
  line = bytes_.substr(at_, end - at_);
  at_ = end + 2;
  return Outcome::kWhole;
}

Decoder::Outcome Decoder::ReadBlob(Reply& reply, std::string_view length_text) {
  const std::optional<std::int64_t> length = ParseInt64(length_text);
  if (!length || *length < -1) return Malformed("bad length: " + std::string(length_text));
  if (*length == -1) {
    if (reply.type != ReplyType::kBulk) return Malformed("null of a type that has none");
    reply.type = ReplyType::kNullBulk;
    return Outcome::kWhole;
  }
  const auto size = static_cast<std::size_t>(*length);
  if (bytes_.size() - at_ < size + 2) return Outcome::kPartial;
  if (bytes_.substr(at_ + size, 2) != "\r\n") return Malformed("no line end after a bulk string");
  reply.text = bytes_.substr(at_, size);
  at_ += size + 2;
  return Outcome::kWhole;
}

Decoder::Outcome Decoder::ReadItems(Reply& reply, std::string_view count_text, int depth) {
  const std::optional<std::int64_t> count = ParseInt64(count_text);
  if (!count || *count < -1 || *count > kReplyItemsMax) {
    return Malformed("bad count: " + std::string(count_text));
  }
  if (*count == -1) {
    if (reply.type != ReplyType::kArray) return Malformed("null of a type that has none");
    reply.type = ReplyType::kNullArray;
    return Outcome::kWhole;
  }
  std::int64_t items = *count;
  if (reply.type == ReplyType::kMap) items *= 2;
  if (reply.type == ReplyType::kAttribute) items = items * 2 + 1;
  for (std::int64_t i = 0; i < items; ++i) {
    Reply item;
    if (const Outcome outcome = Read(item, depth + 1); outcome != Outcome::kWhole) return outcome;
    reply.items.push_back(std::move(item));
  }
  return Outcome::kWhole;
}

Decoder::Outcome Decoder::Read(Reply& reply, int depth) {
  if (depth > kReplyDepthMax) return Malformed("nested too deeply");
  std::string_view line;
  if (const Outcome outcome = ReadLine(line); outcome != Outcome::kWhole) return outcome;
  if (line.empty()) return Malformed("an empty line where a reply should begin");
  const std::optional<ReplyType> type = TypeOfMarker(line.front());
  if (!type) return Malformed("unknown reply type in: " + QuoteString(line));
  reply.type = *type;
  line.remove_prefix(1);
  switch (*type) {
    case ReplyType::kBulk:
    case ReplyType::kBlobError:
    case ReplyType::kVerbatim:
      return ReadBlob(reply, line);
    case ReplyType::kArray:
    case ReplyType::kMap:
    case ReplyType::kSet:
    case ReplyType::kPush:
    case ReplyType::kAttribute:
      return ReadItems(reply, line, depth);
    case ReplyType::kInteger:
      if (!ParseInt64(line)) return Malformed("bad integer: " + QuoteString(line));
      break;
    case ReplyType::kBoolean:
      if (line != "t" && line != "f") return Malformed("bad boolean: " + QuoteString(line));
      break;
    case ReplyType::kNull:
      if (!line.empty()) return Malformed("bad null: " + QuoteString(line));
      break;
    case ReplyType::kSimple:
    case ReplyType::kError:
    case ReplyType::kDouble:
    case ReplyType::kBigNumber:
    case ReplyType::kNullBulk:
    case ReplyType::kNullArray:
      break;
  }
  reply.text = line;
  return Outcome::kWhole;
}

}  // namespace

bool IsScalar(ReplyType type) {
  switch (type) {
    case ReplyType::kArray:
    case ReplyType::kMap:
    case ReplyType::kSet:
    case ReplyType::kPush:
    case ReplyType::kAttribute:
    case ReplyType::kNull:
    case ReplyType::kNullBulk:
    case ReplyType::kNullArray:
      return false;
    case ReplyType::kSimple:
    case ReplyType::kError:
    case ReplyType::kInteger:
    case ReplyType::kBulk:
    case ReplyType::kDouble:
    case ReplyType::kBoolean:
    case ReplyType::kBigNumber:
    case ReplyType::kBlobError:
    case ReplyType::kVerbatim:
      return true;
  }
  return false;
}

bool IsNull(ReplyType type) {
  return type == ReplyType::kNull || type == ReplyType::kNullBulk || type == ReplyType::kNullArray;
}

Result<std::optional<Decoded>> DecodeReply(std::string_view bytes) {
  Decoder decoder(bytes);
  Decoded decoded;
  switch (decoder.Read(decoded.reply, 0)) {
    case Decoder::Outcome::kPartial:
      return std::nullopt;
    case Decoder::Outcome::kMalformed:
      return Fail(StatusCode::kCorrupt, decoder.error());
    case Decoder::Outcome::kWhole:
      break;
  }
  decoded.size = decoder.at();
  return decoded;
}

std::string EncodeCommand(const std::vector<std::string>& args) {
  std::string out = "*" + std::to_string(args.size()) + "\r\n";
  for (const std::string& arg : args) {
    out += "$" + std::to_string(arg.size()) + "\r\n" + arg + "\r\n";
  }
  return out;
}

Reply Downgrade(const Reply& reply) {
  Reply flat = reply;
  switch (reply.type) {
    case ReplyType::kMap:
    case ReplyType::kSet:
    case ReplyType::kPush:
      flat.type = ReplyType::kArray;
      break;
    case ReplyType::kAttribute:
      return Downgrade(reply.items.back());
    case ReplyType::kDouble:
    case ReplyType::kBigNumber:
      flat.type = ReplyType::kBulk;
      break;
    case ReplyType::kVerbatim:
      flat.type = ReplyType::kBulk;
      flat.text = reply.text.substr(std::min<std::size_t>(4, reply.text.size()));
      break;
    case ReplyType::kBoolean:
      flat.type = ReplyType::kInteger;
      flat.text = reply.text == "t" ? "1" : "0";
      break;
    case ReplyType::kNull:
      flat.type = ReplyType::kNullBulk;
      break;
    case ReplyType::kBlobError:
      flat.type = ReplyType::kError;
      break;
    case ReplyType::kSimple:
    case ReplyType::kError:
    case ReplyType::kInteger:
    case ReplyType::kBulk:
    case ReplyType::kNullBulk:
    case ReplyType::kArray:
    case ReplyType::kNullArray:
      break;
  }
  for (Reply& item : flat.items) item = Downgrade(item);
  return flat;
}

}  // namespace cairn::testing
