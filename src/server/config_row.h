// SPDX-License-Identifier: BSD-3-Clause
// ConfigRow: all there is to know about one directive, in one place.
//
// A new directive is one row in a config_rows_*.h. From the row follow parsing, limits, error
// texts, CONFIG GET, SET and REWRITE, the page docs/configuration.md, and the compile-time check of
// every `config.Int("name")` in the tree. The default is written as it would be in a file, and
// parsed like one.
//
//   Integer("maxmemory-samples", "5", {1, kInt32Max}).Applied().Does("keys looked at per ...")
//
// What becomes of a value, so that documentation and log are honest:
//   Applied   the server obeys it
//   Kept      parsed, checked, shown and rewritten; the feature that reads it is not built yet
//   Ignored   cannot matter to Cairn; accepted for old files, and the log says so once
#ifndef CAIRN_SERVER_CONFIG_ROW_H_
#define CAIRN_SERVER_CONFIG_ROW_H_

#include <cstdint>
#include <span>
#include <string_view>

#include "server/config_enums.h"

namespace cairn::server {

enum class ConfigKind : std::uint8_t {
  kBool,           // yes, no
  kInteger,        // decimal
  kOctal,          // file permissions
  kMemory,         // bytes, or with a unit
  kMemoryOfHost,   // the same, or a percentage of the memory this process may use
  kMemoryOfLimit,  // the same, or a percentage of maxmemory
  kChoice,         // one word of a list
  kChoiceSet,      // several words of a list
  kEvents,         // letters of notify-keyspace-events
  kText,           // any bytes; StringRule says more
  kAddresses,      // host names and addresses to listen on
  kSavePoints,     // pairs of seconds and changes
  kOutputLimits,   // per class of client: hard limit, soft limit, seconds
  kOomValues,      // three scores
  kPercentiles,    // numbers between 0 and 100
  kReplicaOf,      // host and port
};

enum class TextRule : std::uint8_t {
  kAny,
  kFileName,        // no slash, or nothing
  kNeededFileName,  // no slash
  kDirectoryName,   // no slash
  kDirectory,       // exists; kept as its absolute path
  kHostName,
  kNodeName,
  kTitleTemplate,
};

enum class ConfigEffect : std::uint8_t { kApplied, kKept, kIgnored };

// What the typed accessors of Config tell apart.
enum class ConfigShape : std::uint8_t { kBool, kInt, kChoice, kText };

// Both ends included.
struct ConfigRange {
  std::int64_t min = 0;
  std::int64_t max = INT64_MAX;
};

inline constexpr std::int64_t kInt32Max = INT32_MAX;
inline constexpr std::int64_t kInt32Min = INT32_MIN;
inline constexpr std::int64_t kUint32Max = UINT32_MAX;
inline constexpr std::int64_t kInt64Max = INT64_MAX;

struct ConfigRow {
  std::string_view name;
  std::string_view alias;  // an older name, or empty
  std::string_view default_text;
  std::string_view summary;
  ConfigRange range;
  ConfigRange clamp{INT64_MIN, INT64_MAX};  // values inside `range` but outside this are moved in
  std::span<const ChoiceName> choices;
  ConfigKind kind = ConfigKind::kText;
  TextRule rule = TextRule::kAny;
  ConfigEffect effect = ConfigEffect::kKept;
  bool immutable = false;    // only at start
  bool guarded = false;      // CONFIG SET needs enable-protected-configs
  bool hidden = false;       // CONFIG GET answers to its exact name only
  bool secret = false;       // must not show in SLOWLOG or MONITOR
  bool drops_empty = false;  // REWRITE writes no line for ""
  bool power_of_two = false;

  constexpr ConfigRow Alias(std::string_view old_name) const {
    ConfigRow row = *this;
    row.alias = old_name;
    return row;
  }
  constexpr ConfigRow Immutable() const {
    ConfigRow row = *this;
    row.immutable = true;
    return row;
  }
  constexpr ConfigRow Guarded() const {
    ConfigRow row = *this;
    row.guarded = true;
    return row;
  }
  constexpr ConfigRow Hidden() const {
    ConfigRow row = *this;
    row.hidden = true;
    return row;
  }
  constexpr ConfigRow Secret() const {
    ConfigRow row = *this;
    row.secret = true;
    return row;
  }
  constexpr ConfigRow DropsEmpty() const {
    ConfigRow row = *this;
    row.drops_empty = true;
    return row;
  }
  constexpr ConfigRow Applied() const {
    ConfigRow row = *this;
    row.effect = ConfigEffect::kApplied;
    return row;
  }
  constexpr ConfigRow Ignored() const {
    ConfigRow row = *this;
    row.effect = ConfigEffect::kIgnored;
    return row;
  }
  constexpr ConfigRow Within(ConfigRange bounds) const {
    ConfigRow row = *this;
    row.range = bounds;
    return row;
  }
  constexpr ConfigRow ClampedTo(ConfigRange bounds) const {
    ConfigRow row = *this;
    row.clamp = bounds;
    return row;
  }
  constexpr ConfigRow PowerOfTwo() const {
    ConfigRow row = *this;
    row.power_of_two = true;
    return row;
  }
  constexpr ConfigRow OneOf(std::span<const ChoiceName> names) const {
    ConfigRow row = *this;
    row.choices = names;
    return row;
  }
  constexpr ConfigRow Does(std::string_view text) const {
    ConfigRow row = *this;
    row.summary = text;
    return row;
  }

  // The value is several words: CONFIG SET cuts it at spaces, a file may give them one by one.
  constexpr bool TakesManyWords() const {
    switch (kind) {
      case ConfigKind::kChoiceSet:
      case ConfigKind::kAddresses:
      case ConfigKind::kSavePoints:
      case ConfigKind::kOutputLimits:
      case ConfigKind::kOomValues:
      case ConfigKind::kPercentiles:
      case ConfigKind::kReplicaOf:
        return true;
      case ConfigKind::kBool:
      case ConfigKind::kInteger:
      case ConfigKind::kOctal:
      case ConfigKind::kMemory:
      case ConfigKind::kMemoryOfHost:
      case ConfigKind::kMemoryOfLimit:
      case ConfigKind::kChoice:
      case ConfigKind::kEvents:
      case ConfigKind::kText:
        return false;
    }
    return false;
  }

  constexpr ConfigShape shape() const {
    switch (kind) {
      case ConfigKind::kBool:
        return ConfigShape::kBool;
      case ConfigKind::kInteger:
      case ConfigKind::kOctal:
      case ConfigKind::kMemory:
      case ConfigKind::kMemoryOfHost:
      case ConfigKind::kMemoryOfLimit:
      case ConfigKind::kChoiceSet:
      case ConfigKind::kEvents:
        return ConfigShape::kInt;
      case ConfigKind::kChoice:
        return ConfigShape::kChoice;
      case ConfigKind::kText:
      case ConfigKind::kAddresses:
      case ConfigKind::kSavePoints:
      case ConfigKind::kOutputLimits:
      case ConfigKind::kOomValues:
      case ConfigKind::kPercentiles:
      case ConfigKind::kReplicaOf:
        return ConfigShape::kText;
    }
    return ConfigShape::kText;
  }
};

// The makers of rows. `text` is the default.
namespace rows {

constexpr ConfigRow Row(std::string_view name, std::string_view text, ConfigKind kind) {
  ConfigRow row;
  row.name = name;
  row.default_text = text;
  row.kind = kind;
  return row;
}

constexpr ConfigRow Bool(std::string_view name, std::string_view text) {
  return Row(name, text, ConfigKind::kBool);
}

constexpr ConfigRow Integer(std::string_view name, std::string_view text, ConfigRange range) {
  ConfigRow row = Row(name, text, ConfigKind::kInteger);
  row.range = range;
  return row;
}

constexpr ConfigRow Memory(std::string_view name, std::string_view text, ConfigRange range) {
  ConfigRow row = Row(name, text, ConfigKind::kMemory);
  row.range = range;
  return row;
}

constexpr ConfigRow Choice(std::string_view name, std::string_view text,
                           std::span<const ChoiceName> choices) {
  ConfigRow row = Row(name, text, ConfigKind::kChoice);
  row.choices = choices;
  return row;
}

constexpr ConfigRow Text(std::string_view name, std::string_view text,
                         TextRule rule = TextRule::kAny) {
  ConfigRow row = Row(name, text, ConfigKind::kText);
  row.rule = rule;
  return row;
}

}  // namespace rows

}  // namespace cairn::server

#endif  // CAIRN_SERVER_CONFIG_ROW_H_
