// SPDX-License-Identifier: BSD-3-Clause
// Every line is read, so that all errors are told at once; but not more than kErrorBytesMax of
// them.
#include "acl/user_file.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "acl/rule_words.h"
#include "base/text.h"

namespace cairn::acl {
namespace {

// A reply, and a line of the log.
constexpr std::size_t kErrorBytesMax = 16 * 1024;

std::string_view Trim(std::string_view text, std::string_view blanks) {
  const std::size_t first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

std::vector<std::string_view> SplitAtBlanks(std::string_view line) {
  std::vector<std::string_view> words;
  while (true) {
    const std::size_t end = line.find(' ');
    words.push_back(line.substr(0, end));
    if (end == std::string_view::npos) return words;
    line.remove_prefix(end + 1);
  }
}

class Reader {
 public:
  Reader(std::string_view path, const Rulebook& book) : path_(path), book_(book) {}

  void ReadLine(std::string_view line, std::int64_t number) {
    place_ = std::string(path_) + ":" + Int64ToString(number);
    const std::vector<std::string_view> words = SplitAtBlanks(line);
    if (words[0] != "user" || words.size() < 2)
      return Refuse(place_ + ": line should start with user keyword followed by the username. ");
    const std::string_view name = words[1];
    if (!IsUserName(name)) {
      return Refuse("'" + place_ + ": username '" + std::string(name) +
                    "' contains invalid characters. ");
    }
    if (parsed_.profiles.contains(name)) {
      return Refuse("WARNING: Duplicate user '" + std::string(name) + "' found on line " +
                    Int64ToString(number) + ". ");
    }
    if (parsed_.profiles.size() >= kUsersMax) return Refuse(place_ + ": too many users. ");
    parsed_.profiles.emplace(name, ReadRules(std::span(words).subspan(2)));
  }

  ParsedUsers Take() { return std::move(parsed_); }

 private:
  std::shared_ptr<const Profile> ReadRules(std::span<const std::string_view> words) {
    auto profile = std::make_shared<Profile>(book_.channels);
    std::size_t open_at = 0;
    const std::optional<std::vector<std::string>> rules = JoinSelectors(words, &open_at);
    if (!rules) Refuse(place_ + ": Unmatched parenthesis in selector definition.");
    bool is_told = false;
    for (const std::string& rule : rules.value_or(std::vector<std::string>())) {
      const Fault fault = profile->Apply(Trim(rule, "\t\r\n"), book_);
      if (fault == Fault::kNone) continue;
      // A name is no secret. Any other rule may be one, and what follows it may be wrong because of
      // it.
      if (fault == Fault::kUnknownName) {
        Refuse(place_ + ": Error in applying operation '" + rule +
               "': " + std::string(TextOf(fault)) + ". ");
      } else if (!is_told) {
        Refuse(place_ + ": " + std::string(TextOf(fault)) + ". ");
        is_told = true;
      }
    }
    return profile;
  }

  void Refuse(std::string_view why) {
    if (parsed_.errors.size() < kErrorBytesMax) parsed_.errors += why;
  }

  const std::string_view path_;
  const Rulebook& book_;
  std::string place_;
  ParsedUsers parsed_;
};

}  // namespace

ParsedUsers ParseUserFile(std::string_view text, std::string_view path, const Rulebook& book) {
  Reader reader(path, book);
  for (std::int64_t number = 1; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = Trim(text.substr(0, end), " \t\r\n");
    text.remove_prefix(std::min(end + 1, text.size()));
    if (!line.empty()) reader.ReadLine(line, number);
  }
  ParsedUsers parsed = reader.Take();
  if (!parsed.errors.empty()) {
    parsed.errors +=
        "WARNING: ACL errors detected, no change to the previously active ACL rules was performed";
  }
  return parsed;
}

std::string UserLine(std::string_view name, const Profile& profile) {
  return "user " + std::string(name) + " " + profile.Describe();
}

}  // namespace cairn::acl
