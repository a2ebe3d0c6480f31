// SPDX-License-Identifier: BSD-3-Clause
// The directives that are lists with a form of their own: save points, output limits, percentiles,
// scores, events, addresses, the primary.
//
// Each has a Parse from the words of a file or CONFIG SET, with Redis's error texts, to the text
// that CONFIG GET shows, and a Read from that text to numbers for the code that obeys it.
#ifndef CAIRN_SERVER_CONFIG_LISTS_H_
#define CAIRN_SERVER_CONFIG_LISTS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace cairn::server {

using ConfigWords = std::span<const std::string>;

inline constexpr std::size_t kBindAddressesMax = 16;
// Values with more words are refused: nothing sensible needs them, and a file may not eat memory.
inline constexpr std::size_t kConfigWordsMax = 1024;

struct SavePoint {
  std::int64_t seconds;
  std::int64_t changes;
  bool operator==(const SavePoint&) const = default;
};
Result<std::string> ParseSavePoints(ConfigWords words);
std::vector<SavePoint> ReadSavePoints(std::string_view text);

enum class OutputClass : std::uint8_t { kNormal, kReplica, kPubsub };
inline constexpr std::size_t kOutputClassCount = 3;
// The names in CONFIG GET and in files; "replica" is understood as well.
inline constexpr std::array<std::string_view, kOutputClassCount> kOutputClassNames = {
    "normal", "slave", "pubsub"};
struct OutputLimit {
  std::int64_t hard_bytes = 0;  // 0: none
  std::int64_t soft_bytes = 0;
  std::int64_t soft_seconds = 0;
  bool operator==(const OutputLimit&) const = default;
};
using OutputLimits = std::array<OutputLimit, kOutputClassCount>;
// Classes that `words` does not name keep what `old` says.
Result<std::string> ParseOutputLimits(ConfigWords words, std::string_view old);
OutputLimits ReadOutputLimits(std::string_view text);

Result<std::string> ParsePercentiles(ConfigWords words);
std::vector<double> ReadPercentiles(std::string_view text);

Result<std::string> ParseOomValues(ConfigWords words);

// Letters of notify-keyspace-events to bits of config_enums.h and back.
Result<std::int64_t> ParseEvents(std::string_view letters);
std::string FormatEvents(std::int64_t events);

Result<std::string> ParseAddresses(ConfigWords words);
Result<std::string> ParseReplicaOf(ConfigWords words);

}  // namespace cairn::server

#endif  // CAIRN_SERVER_CONFIG_LISTS_H_
