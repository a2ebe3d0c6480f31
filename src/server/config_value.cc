// SPDX-License-Identifier: BSD-3-Clause
// One small function per kind of value, each way. The switches have no default, so a new kind does
// not compile before it has both.
#include "server/config_value.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <optional>
#include <utility>

#include "base/text.h"
#include "server/config_disk.h"
#include "server/config_lists.h"

namespace cairn::server {
namespace {

constexpr std::size_t kHostNameBytesMax = 255;

std::unexpected<Status> Refuse(std::string text) {
  return Fail(StatusCode::kInvalid, std::move(text));
}

Result<ConfigValue> WithNumber(Result<std::int64_t> number) {
  if (!number) return std::unexpected(std::move(number).error());
  return ConfigValue{*number, {}};
}

Result<ConfigValue> WithText(Result<std::string> text) {
  if (!text) return std::unexpected(std::move(text).error());
  return ConfigValue{0, *std::move(text)};
}

std::string ToOctal(std::int64_t number) {
  char digits[24];
  const auto end = std::to_chars(digits, digits + sizeof(digits), number, 8).ptr;
  return {digits, end};
}

// --- numbers ---

Result<ConfigValue> CheckRange(const ConfigRow& row, std::int64_t number) {
  const bool is_octal = row.kind == ConfigKind::kOctal;
  if (number < row.range.min || number > row.range.max) {
    const auto show = is_octal ? ToOctal : Int64ToString;
    return Refuse("argument must be between " + show(row.range.min) + " and " +
                  show(row.range.max) + " inclusive");
  }
  if (row.power_of_two && !std::has_single_bit(static_cast<std::uint64_t>(number))) {
    return Refuse("argument must be a power of two");
  }
  return WithNumber(std::max(row.clamp.min, std::min(row.clamp.max, number)));
}

Result<ConfigValue> ParseInteger(const ConfigRow& row, std::string_view word) {
  const auto number = ParseInt64(word);
  if (!number) return Refuse("argument couldn't be parsed into an integer");
  return CheckRange(row, *number);
}

Result<ConfigValue> ParseOctal(const ConfigRow& row, std::string_view word) {
  std::int64_t number = 0;
  const char* const end = word.data() + word.size();
  const auto [stop, error] = std::from_chars(word.data(), end, number, 8);
  const bool is_whole = error == std::errc() && stop == end;
  if (!is_whole) return Refuse("argument couldn't be parsed as an octal number");
  return CheckRange(row, number);
}

// Redis takes no digits at all for zero bytes.
std::optional<std::int64_t> ParseBytes(std::string_view word) {
  return word.empty() ? 0 : ParseMemorySize(word);
}

// `word` is "N%" with N from 0 to 100.
Result<std::int64_t> ParsePercent(std::string_view word) {
  const auto percent = ParseUint64(word.substr(0, word.size() - 1));
  if (!percent) return Refuse("argument must be a memory or percent value");
  if (*percent > 100) return Refuse("percentage argument must be less or equal to 100");
  return static_cast<std::int64_t>(*percent);
}

Result<ConfigValue> ParseMemory(const ConfigRow& row, std::string_view word) {
  const auto bytes = ParseBytes(word);
  if (!bytes) {
    return Refuse(row.kind == ConfigKind::kMemoryOfLimit
                      ? "argument must be a memory or percent value"
                      : "argument must be a memory value");
  }
  return CheckRange(row, *bytes);
}

// A percentage of maxmemory is kept as a negative number, since maxmemory may change.
Result<ConfigValue> ParseMemoryOfLimit(const ConfigRow& row, std::string_view word) {
  if (!word.ends_with('%')) return ParseMemory(row, word);
  const auto percent = ParsePercent(word);
  if (!percent) return std::unexpected(percent.error());
  return CheckRange(row, -*percent);
}

// What the machine has does not change, so this percentage becomes bytes at once.
Result<ConfigValue> ParseMemoryOfHost(const ConfigRow& row, std::string_view word,
                                      std::int64_t host_memory_bytes) {
  if (!word.ends_with('%')) return ParseMemory(row, word);
  const auto percent = ParsePercent(word);
  if (!percent) return std::unexpected(percent.error());
  if (*percent == 0) return WithNumber(0);
  // Divided first: the product may not fit.
  return ConfigValue{host_memory_bytes / 100 * *percent, std::string(word)};
}

std::string FormatMemoryOfLimit(std::int64_t number) {
  return number < 0 ? Int64ToString(-number) + "%" : Int64ToString(number);
}

// --- words ---

std::unexpected<Status> RefuseChoice(const ConfigRow& row) {
  std::string names;
  for (const ChoiceName& choice : row.choices) {
    if (!names.empty()) names += ", ";
    names += choice.name;
  }
  return Refuse("argument(s) must be one of the following: " + names);
}

const ChoiceName* FindChoice(const ConfigRow& row, std::string_view word) {
  for (const ChoiceName& choice : row.choices) {
    if (EqualsIgnoreCase(choice.name, word)) return &choice;
  }
  return nullptr;
}

Result<ConfigValue> ParseChoice(const ConfigRow& row, std::string_view word) {
  const ChoiceName* choice = FindChoice(row, word);
  if (choice == nullptr) return RefuseChoice(row);
  return WithNumber(choice->value);
}

Result<ConfigValue> ParseChoiceSet(const ConfigRow& row, ConfigWords words) {
  std::int64_t set = 0;
  for (const std::string& word : words) {
    const ChoiceName* choice = FindChoice(row, word);
    if (choice == nullptr) return RefuseChoice(row);
    set |= choice->value;
  }
  if (words.empty()) return RefuseChoice(row);
  constexpr std::int64_t kBoth = kShutdownSave | kShutdownNoSave;
  if ((set & kBoth) == kBoth) {
    return Refuse("shutdown options SAVE and NOSAVE can't be used simultaneously");
  }
  return WithNumber(set);
}

std::string FormatChoice(const ConfigRow& row, std::int64_t number) {
  for (const ChoiceName& choice : row.choices) {
    if (choice.value == number) return std::string(choice.name);
  }
  return {};
}

std::string FormatChoiceSet(const ConfigRow& row, std::int64_t set) {
  if (set == 0) return FormatChoice(row, 0);
  std::string text;
  for (const ChoiceName& choice : row.choices) {
    if ((choice.value & set) == 0) continue;
    if (!text.empty()) text += ' ';
    text += choice.name;
  }
  return text;
}

Result<ConfigValue> ParseBool(std::string_view word) {
  if (EqualsIgnoreCase(word, "yes")) return WithNumber(1);
  if (EqualsIgnoreCase(word, "no")) return WithNumber(0);
  return Refuse("argument must be 'yes' or 'no'");
}

// --- texts ---

bool IsLetterOrDigit(char byte) {
  return (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') ||
         (byte >= 'A' && byte <= 'Z');
}

bool IsHostNameByte(char byte) { return IsLetterOrDigit(byte) || byte == '-' || byte == '.'; }

// Printable, without those that nodes.conf uses between its fields.
bool IsNodeNameByte(char byte) {
  constexpr std::string_view kTaken = "!#$%&()*+:;<>?@[]^{|}~";
  return byte > ' ' && byte < 0x7f && kTaken.find(byte) == std::string_view::npos;
}

bool IsTitleVariable(std::string_view name) {
  for (const std::string_view known :
       {"title", "listen-addr", "server-mode", "port", "tls-port", "unixsocket", "config-file"}) {
    if (name == known) return true;
  }
  return false;
}

// "{name}" stands for a variable, "{{" for a brace.
bool IsTitleTemplate(std::string_view text) {
  if (text.empty()) return false;
  for (std::size_t i = text.find('{'); i != std::string_view::npos; i = text.find('{', i)) {
    if (text.substr(i).starts_with("{{")) {
      i += 2;
      continue;
    }
    const std::size_t end = text.find('}', i);
    if (end == std::string_view::npos) return false;
    if (!IsTitleVariable(text.substr(i + 1, end - i - 1))) return false;
    i = end;
  }
  return true;
}

// Redis's words for a text that breaks `rule`; empty if it does not.
std::string WhyRefused(const ConfigRow& row, std::string_view text) {
  const std::string name(row.name);
  const bool has_slash = text.find('/') != std::string_view::npos;
  switch (row.rule) {
    case TextRule::kAny:
    case TextRule::kDirectory:
      return {};
    case TextRule::kFileName:
      return has_slash ? name + " can't be a path, just a filename" : "";
    case TextRule::kNeededFileName:
      if (text.empty()) return name + " can't be empty";
      return has_slash ? name + " can't be a path, just a filename" : "";
    case TextRule::kDirectoryName:
      if (text.empty()) return name + " can't be empty";
      return has_slash ? name + " can't be a path, just a dirname" : "";
    case TextRule::kHostName:
      if (text.size() > kHostNameBytesMax) return "Hostnames must be less than 256 characters";
      for (const char byte : text) {
        if (!IsHostNameByte(byte)) {
          return "Hostnames may only contain alphanumeric characters, hyphens or dots";
        }
      }
      return {};
    case TextRule::kNodeName:
      for (const char byte : text) {
        if (!IsNodeNameByte(byte)) return "Announced human node name contained invalid character";
      }
      return {};
    case TextRule::kTitleTemplate:
      return IsTitleTemplate(text) ? ""
                                   : "template format is invalid or contains unknown variables";
  }
  return {};
}

Result<ConfigValue> ParseText(const ConfigRow& row, const std::string& text,
                              const ConfigContext& context) {
  // System calls would see such a text only up to the zero. Passwords never reach one.
  if (!row.secret && text.find('\0') != std::string::npos) {
    return Refuse("argument must not contain a zero byte");
  }
  if (row.rule == TextRule::kDirectory) return WithText(ResolveDirectory(context.directory, text));
  std::string why = WhyRefused(row, text);
  if (!why.empty()) return Refuse(std::move(why));
  return WithText(text);
}

Result<ConfigValue> ParseWord(const ConfigRow& row, const std::string& word,
                              const ConfigContext& context) {
  switch (row.kind) {
    case ConfigKind::kBool:
      return ParseBool(word);
    case ConfigKind::kInteger:
      return ParseInteger(row, word);
    case ConfigKind::kOctal:
      return ParseOctal(row, word);
    case ConfigKind::kMemory:
      return ParseMemory(row, word);
    case ConfigKind::kMemoryOfHost:
      return ParseMemoryOfHost(row, word, context.host_memory_bytes);
    case ConfigKind::kMemoryOfLimit:
      return ParseMemoryOfLimit(row, word);
    case ConfigKind::kChoice:
      return ParseChoice(row, word);
    case ConfigKind::kEvents:
      return WithNumber(ParseEvents(word));
    case ConfigKind::kText:
    case ConfigKind::kChoiceSet:
    case ConfigKind::kAddresses:
    case ConfigKind::kSavePoints:
    case ConfigKind::kOutputLimits:
    case ConfigKind::kOomValues:
    case ConfigKind::kPercentiles:
    case ConfigKind::kReplicaOf:
      return ParseText(row, word, context);
  }
  return ParseText(row, word, context);
}

}  // namespace

Result<ConfigValue> ParseConfigValue(const ConfigRow& row, ConfigWords words,
                                     const ConfigContext& context) {
  if (words.size() > kConfigWordsMax) return Refuse("wrong number of arguments");
  switch (row.kind) {
    case ConfigKind::kChoiceSet:
      return ParseChoiceSet(row, words);
    case ConfigKind::kAddresses:
      return WithText(ParseAddresses(words));
    case ConfigKind::kSavePoints:
      return WithText(ParseSavePoints(words));
    case ConfigKind::kOutputLimits:
      return WithText(ParseOutputLimits(words, context.old_limits));
    case ConfigKind::kOomValues:
      return WithText(ParseOomValues(words));
    case ConfigKind::kPercentiles:
      return WithText(ParsePercentiles(words));
    case ConfigKind::kReplicaOf:
      return WithText(ParseReplicaOf(words));
    case ConfigKind::kBool:
    case ConfigKind::kInteger:
    case ConfigKind::kOctal:
    case ConfigKind::kMemory:
    case ConfigKind::kMemoryOfHost:
    case ConfigKind::kMemoryOfLimit:
    case ConfigKind::kChoice:
    case ConfigKind::kEvents:
    case ConfigKind::kText:
      break;
  }
  if (words.size() != 1) return Refuse("wrong number of arguments");
  return ParseWord(row, words[0], context);
}

std::string FormatConfigValue(const ConfigRow& row, const ConfigValue& value) {
  switch (row.kind) {
    case ConfigKind::kBool:
      return value.number != 0 ? "yes" : "no";
    case ConfigKind::kInteger:
    case ConfigKind::kMemory:
    case ConfigKind::kMemoryOfHost:
      return Int64ToString(value.number);
    case ConfigKind::kOctal:
      return ToOctal(value.number);
    case ConfigKind::kMemoryOfLimit:
      return FormatMemoryOfLimit(value.number);
    case ConfigKind::kChoice:
      return FormatChoice(row, value.number);
    case ConfigKind::kChoiceSet:
      return FormatChoiceSet(row, value.number);
    case ConfigKind::kEvents:
      return FormatEvents(value.number);
    case ConfigKind::kText:
    case ConfigKind::kAddresses:
    case ConfigKind::kSavePoints:
    case ConfigKind::kOutputLimits:
    case ConfigKind::kOomValues:
    case ConfigKind::kPercentiles:
    case ConfigKind::kReplicaOf:
      return value.text;
  }
  return value.text;
}

std::vector<std::string> SplitAtSpaces(std::string_view text) {
  std::vector<std::string> words;
  while (true) {
    const std::size_t end = text.find(' ');
    words.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos) return words;
    text.remove_prefix(end + 1);
  }
}

}  // namespace cairn::server
