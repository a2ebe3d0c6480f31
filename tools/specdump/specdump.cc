// SPDX-License-Identifier: BSD-3-Clause
// A reply is trusted here: it is our own, of this moment. What would break it is a bug: CHECK.
#include "specdump/specdump.h"

#include <array>
#include <cstdint>
#include <optional>

#include "base/check.h"
#include "base/text.h"
#include "commands/command_info.h"
#include "resp/reply_buffer.h"
#include "resp/writer.h"

namespace cairn::specdump {
namespace {

using command::CommandTable;

// Reads RESP3 and writes JSON; maps become objects, sets and arrays arrays.
class JsonFromResp {
 public:
  explicit JsonFromResp(std::string bytes) : bytes_(std::move(bytes)) {}

  // The header of an aggregate: its number of items (pairs, for a map).
  std::size_t TakeHeader() {
    const std::optional<std::int64_t> count = ParseInt64(TakeLine().substr(1));
    CHECK(count.has_value());
    return static_cast<std::size_t>(*count);
  }
  std::string TakeValue(int depth) {
    CHECK(position_ < bytes_.size());
    switch (bytes_[position_]) {
      case '+':
        return JsonString(TakeLine().substr(1));
      case ':':
        return std::string(TakeLine().substr(1));
      case '$':
        return JsonString(TakeBulk());
      case '*':
      case '~':
        return TakeItems(depth);
      case '%':
        return TakePairs(depth);
    }
    CHECK(false);
    return "";
  }
  // The members of a map without the braces.
  std::string TakeMembers(std::size_t count, int depth) {
    std::string text;
    for (std::size_t i = 0; i < count; ++i) {
      if (i > 0) text += ",";
      text += NewLine(depth) + TakeValue(depth) + ": ";
      text += TakeValue(depth);
    }
    return text;
  }

  static std::string NewLine(int depth) {
    return "\n" + std::string(static_cast<std::size_t>(depth) * 2, ' ');
  }

 private:
  std::string_view TakeLine() {
    const std::size_t end = bytes_.find("\r\n", position_);
    CHECK(end != std::string::npos);
    const std::string_view line = std::string_view(bytes_).substr(position_, end - position_);
    position_ = end + 2;
    return line;
  }
  std::string_view TakeBulk() {
    const std::size_t size = TakeHeader();
    CHECK(position_ + size + 2 <= bytes_.size());
    const std::string_view bulk = std::string_view(bytes_).substr(position_, size);
    position_ += size + 2;
    return bulk;
  }
  std::string TakeItems(int depth) {
    const std::size_t count = TakeHeader();
    std::string text = "[";
    for (std::size_t i = 0; i < count; ++i) {
      if (i > 0) text += ", ";
      text += TakeValue(depth + 1);
    }
    return text + "]";
  }
  std::string TakePairs(int depth) {
    const std::size_t count = TakeHeader();
    const std::string members = TakeMembers(count, depth + 1);
    return count == 0 ? "{}" : "{" + members + NewLine(depth) + "}";
  }

  const std::string bytes_;
  std::size_t position_ = 0;
};

constexpr int kMemberDepth = 2;

std::string InfoMembers(const CommandTable::Command& command) {
  constexpr std::array<std::string_view, 9> kNames = {
      "name", "arity", "flags", "first_key", "last_key", "step", "categories", "tips", "key_specs"};
  resp::ReplyBuffer buffer;
  resp::Writer writer(buffer, 3);
  commands::WriteCommandInfo(command, writer);
  JsonFromResp reader(buffer.ToString());
  CHECK(reader.TakeHeader() == kNames.size() + 1);  // the last are the subcommands
  std::string text;
  for (const std::string_view name : kNames) {
    if (!text.empty()) text += ",";
    text += JsonFromResp::NewLine(kMemberDepth) + JsonString(name) + ": " +
            reader.TakeValue(kMemberDepth);
  }
  return text;
}

std::string DocsMembers(const CommandTable::Command& command) {
  resp::ReplyBuffer buffer;
  resp::Writer writer(buffer, 3);
  // As a member of its own it has no subcommands; they are members beside it.
  CommandTable::Command alone = command;
  alone.subcommands = {};
  commands::WriteCommandDocs(alone, writer);
  JsonFromResp reader(buffer.ToString());
  reader.TakeValue(0);  // the name
  return reader.TakeMembers(reader.TakeHeader(), kMemberDepth);
}

}  // namespace

std::string JsonString(std::string_view text) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string json = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      json += '\\';
      json += c;
    } else if (byte < 0x20) {
      json += "\\u00";
      json += kHex[byte >> 4];
      json += kHex[byte & 15];
    } else {
      json += c;
    }
  }
  return json + "\"";
}

std::string CommandsJson(const CommandTable& table) {
  std::string text = "{";
  for (const CommandTable::Command& command : table.all()) {
    if (text.size() > 1) text += ",";
    text += "\n  " + JsonString(command.full_name) + ": {" + JsonFromResp::NewLine(kMemberDepth) +
            "\"syntax\": " + JsonString(command.spec->row.syntax) + "," + InfoMembers(command) +
            "," + DocsMembers(command) + "\n  }";
  }
  return text + "\n}\n";
}

}  // namespace cairn::specdump
