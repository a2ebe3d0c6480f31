// SPDX-License-Identifier: BSD-3-Clause
// Rules and ACL files from anybody.
//
// The first byte chooses. Whatever rules made a user, his description must make the same one again,
// as words, as a line of an ACL file and as a line of the configuration; a file that can be read
// must be the same after it was written. And who is said to be unrestricted must be denied nothing.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "acl/acl_testing.h"
#include "acl/profile.h"
#include "acl/rule_words.h"
#include "acl/user_file.h"
#include "base/check.h"
#include "base/text.h"
#include "first_byte.h"

namespace {

using cairn::acl::ChannelsAtFirst;
using cairn::acl::ParsedUsers;
using cairn::acl::Profile;
using cairn::acl::testing::Commands;
using cairn::acl::testing::Words;

const Commands& TheCommands() {
  static const Commands commands;
  return commands;
}

void CheckDescription(const Profile& profile) {
  const std::string text = profile.Describe();
  Profile again(ChannelsAtFirst::kNone);
  CHECK(cairn::acl::ApplyRules(Words(text), TheCommands().book, again).empty());
  CHECK(again == profile);
  CHECK(again.unrestricted() == profile.unrestricted());
  CHECK(again.Describe() == text);
  const ParsedUsers parsed =
      cairn::acl::ParseUserFile(cairn::acl::UserLine("u", profile), "file", TheCommands().book);
  CHECK(parsed.errors.empty());
  CHECK(*parsed.profiles.at("u") == profile);
}

void CheckRights(const Profile& profile) {
  const std::vector<std::vector<std::string_view>> calls = {
      {"get", "k"}, {"set", "", "v"}, {"copy", "a", "b"}, {"publish", "c", "m"}, {"select", "0"}};
  for (const std::vector<std::string_view>& call : calls) {
    const auto& command = *TheCommands().catalog.Find(call[0]);
    const bool may = !profile.Check(command, call);
    CHECK(may || !profile.unrestricted());
    CHECK(may || !profile.MayReadAllKeys(command, call));
  }
}

// Rules parted by line ends, so that they may hold anything else; a wrong one changes nothing.
void ApplyRules(std::string_view bytes) {
  Profile profile(ChannelsAtFirst::kNone);
  while (!bytes.empty()) {
    const std::size_t end = std::min(bytes.find('\n'), bytes.size());
    const Profile before = profile;
    const auto fault = profile.Apply(bytes.substr(0, end), TheCommands().book);
    if (fault != cairn::acl::Fault::kNone) CHECK(profile == before);
    bytes.remove_prefix(std::min(end + 1, bytes.size()));
  }
  CheckDescription(profile);
  CheckRights(profile);
}

void ReadFile(std::string_view text) {
  const ParsedUsers parsed = cairn::acl::ParseUserFile(text, "file", TheCommands().book);
  if (!parsed.errors.empty()) return;
  std::string written;
  for (const auto& [name, profile] : parsed.profiles) {
    written += cairn::acl::UserLine(name, *profile) + "\n";
    CheckDescription(*profile);
    CheckRights(*profile);
  }
  const ParsedUsers again = cairn::acl::ParseUserFile(written, "file", TheCommands().book);
  CHECK(again.errors.empty());
  CHECK(again.profiles.size() == parsed.profiles.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return cairn::fuzz::RunOneOf({ApplyRules, ReadFile}, data, size);
}
