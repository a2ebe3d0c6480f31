// SPDX-License-Identifier: BSD-3-Clause
// Lists are checked word by word and then joined to the text that CONFIG GET shows, so that the
// text is all that must be stored, compared and written; readers cut it again, off every hot path.
#include "server/config_lists.h"

#include <charconv>
#include <optional>
#include <utility>

#include "base/text.h"
#include "server/config_enums.h"
#include "server/config_value.h"

namespace cairn::server {
namespace {

std::unexpected<Status> Refuse(std::string_view text) {
  return Fail(StatusCode::kInvalid, std::string(text));
}

// A list given as one empty word is the empty list.
bool IsEmptyList(ConfigWords words) {
  return words.empty() || (words.size() == 1 && words[0].empty());
}

std::string JoinWords(ConfigWords words) {
  std::string text;
  for (const std::string& word : words) {
    if (&word != &words.front()) text += ' ';
    text += word;
  }
  return text;
}

// Something that can be a host name or an address, and that stays one word when it is written out.
// System calls would see it only up to a zero byte.
bool IsHost(std::string_view word) {
  constexpr std::string_view kNever(" \t\r\n\0", 5);
  return !word.empty() && word.find_first_of(kNever) == std::string_view::npos;
}

std::int64_t NumberOr0(std::string_view text) { return ParseInt64(text).value_or(0); }

std::optional<OutputClass> FindOutputClass(std::string_view name) {
  if (EqualsIgnoreCase(name, "replica")) return OutputClass::kReplica;
  for (std::size_t i = 0; i < kOutputClassCount; ++i) {
    if (EqualsIgnoreCase(name, kOutputClassNames[i])) return static_cast<OutputClass>(i);
  }
  return std::nullopt;
}

std::string FormatOutputLimits(const OutputLimits& limits) {
  std::string text;
  for (std::size_t i = 0; i < kOutputClassCount; ++i) {
    if (i > 0) text += ' ';
    text += kOutputClassNames[i];
    for (const std::int64_t number :
         {limits[i].hard_bytes, limits[i].soft_bytes, limits[i].soft_seconds}) {
      text += ' ' + Int64ToString(number);
    }
  }
  return text;
}

// Six decimals, without the zeros at the end.
std::string FormatPercentile(double percentile) {
  char digits[32];  // "100.000000" at most
  const auto end =
      std::to_chars(digits, digits + sizeof(digits), percentile, std::chars_format::fixed, 6).ptr;
  std::string text(digits, end);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.ends_with('.')) text.pop_back();
  return text == "-0" ? "0" : text;
}

struct EventLetter {
  char letter;
  std::int64_t event;
};

// In the order in which they are shown, those of A first.
constexpr EventLetter kEventLetters[] = {
    {'g', kEventGeneric},  {'$', kEventString},    {'l', kEventList},    {'s', kEventSet},
    {'h', kEventHash},     {'z', kEventSortedSet}, {'x', kEventExpired}, {'e', kEventEvicted},
    {'t', kEventStream},   {'d', kEventModule},    {'n', kEventNewKey},  {'K', kEventKeyspace},
    {'E', kEventKeyevent}, {'m', kEventKeyMiss},
};

}  // namespace

Result<std::string> ParseSavePoints(ConfigWords words) {
  if (IsEmptyList(words)) return std::string();
  if (words.size() % 2 != 0) return Refuse("Invalid save parameters");
  for (std::size_t i = 0; i < words.size(); i += 2) {
    const auto seconds = ParseInt64(words[i]);
    const auto changes = ParseInt64(words[i + 1]);
    const bool are_sound =
        seconds && changes && *seconds >= 1 && *changes >= 0 && *changes <= INT32_MAX;
    if (!are_sound) return Refuse("Invalid save parameters");
  }
  return JoinWords(words);
}

std::vector<SavePoint> ReadSavePoints(std::string_view text) {
  std::vector<SavePoint> points;
  const std::vector<std::string> words = SplitAtSpaces(text);
  for (std::size_t i = 0; i + 1 < words.size(); i += 2) {
    points.push_back({NumberOr0(words[i]), NumberOr0(words[i + 1])});
  }
  return points;
}

Result<std::string> ParseOutputLimits(ConfigWords words, std::string_view old) {
  if (IsEmptyList(words)) return std::string(old);
  if (words.size() % 4 != 0) {
    return Refuse("Wrong number of arguments in buffer limit configuration.");
  }
  OutputLimits limits = ReadOutputLimits(old);
  for (std::size_t i = 0; i < words.size(); i += 4) {
    const auto output_class = FindOutputClass(words[i]);
    if (!output_class) {
      return Refuse("Invalid client class specified in buffer limit configuration.");
    }
    const auto hard = ParseMemorySize(words[i + 1]);
    const auto soft = ParseMemorySize(words[i + 2]);
    const auto seconds = ParseInt64(words[i + 3]);
    const bool are_sound = hard && soft && seconds && *seconds >= 0;
    if (!are_sound) {
      return Refuse("Error in hard, soft or soft_seconds setting in buffer limit configuration.");
    }
    limits[static_cast<std::size_t>(*output_class)] = {*hard, *soft, *seconds};
  }
  return FormatOutputLimits(limits);
}

OutputLimits ReadOutputLimits(std::string_view text) {
  OutputLimits limits{};
  const std::vector<std::string> words = SplitAtSpaces(text);
  for (std::size_t i = 0; i < kOutputClassCount && (i + 1) * 4 <= words.size(); ++i) {
    limits[i] = {NumberOr0(words[i * 4 + 1]), NumberOr0(words[i * 4 + 2]),
                 NumberOr0(words[i * 4 + 3])};
  }
  return limits;
}

Result<std::string> ParsePercentiles(ConfigWords words) {
  if (IsEmptyList(words)) return std::string();
  std::string text;
  for (const std::string& word : words) {
    const auto percentile = ParseDouble(word);
    if (!percentile) return Refuse("Invalid latency-tracking-info-percentiles parameters");
    const bool is_inside = *percentile >= 0.0 && *percentile <= 100.0;
    if (!is_inside) {
      return Refuse("latency-tracking-info-percentiles parameters should sit between [0.0,100.0]");
    }
    if (!text.empty()) text += ' ';
    text += FormatPercentile(*percentile);
  }
  return text;
}

std::vector<double> ReadPercentiles(std::string_view text) {
  std::vector<double> percentiles;
  for (const std::string& word : SplitAtSpaces(text)) {
    if (const auto percentile = ParseDouble(word)) percentiles.push_back(*percentile);
  }
  return percentiles;
}

Result<std::string> ParseOomValues(ConfigWords words) {
  if (words.size() != 3) return Refuse("wrong number of arguments");
  for (const std::string& word : words) {
    const auto score = ParseInt64(word);
    const bool is_sound = score && *score >= -2000 && *score <= 2000;
    if (!is_sound) {
      return Refuse("Invalid oom-score-adj-values, elements must be between -2000 and 2000.");
    }
  }
  return JoinWords(words);
}

Result<std::int64_t> ParseEvents(std::string_view letters) {
  std::int64_t events = 0;
  for (const char letter : letters) {
    std::int64_t event = letter == 'A' ? kEventAll : 0;
    for (const EventLetter& known : kEventLetters) {
      if (known.letter == letter) event = known.event;
    }
    if (event == 0) return Refuse("Invalid event class character. Use 'Ag$lshzxeKEtmdn'.");
    events |= event;
  }
  return events;
}

// Redis 7.0 forgets the n beside an A, and so loses it in a rewrite; here it stays.
std::string FormatEvents(std::int64_t events) {
  const bool has_all = (events & kEventAll) == kEventAll;
  std::string letters = has_all ? "A" : "";
  for (const EventLetter& known : kEventLetters) {
    const bool is_in_all = (known.event & kEventAll) != 0;
    if (has_all && is_in_all) continue;
    if ((events & known.event) != 0) letters += known.letter;
  }
  return letters;
}

Result<std::string> ParseAddresses(ConfigWords words) {
  if (IsEmptyList(words)) return std::string();
  if (words.size() > kBindAddressesMax) return Refuse("Too many bind addresses specified.");
  for (const std::string& word : words) {
    if (!IsHost(word)) return Refuse("Failed to bind to specified addresses.");
  }
  return JoinWords(words);
}

Result<std::string> ParseReplicaOf(ConfigWords words) {
  if (words.size() != 2) return Refuse("wrong number of arguments");
  if (EqualsIgnoreCase(words[0], "no") && EqualsIgnoreCase(words[1], "one")) return std::string();
  const auto port = ParseInt64(words[1]);
  const bool is_port = port && *port >= 0 && *port <= 65535;
  if (!is_port) return Refuse("Invalid master port");
  if (!IsHost(words[0])) return Refuse("Invalid master host");
  return JoinWords(words);
}

}  // namespace cairn::server
