// SPDX-License-Identifier: BSD-3-Clause
// A few commands, one of each kind that rules tell apart.
#ifndef CAIRN_ACL_ACL_TESTING_H_
#define CAIRN_ACL_ACL_TESTING_H_

#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "acl/profile.h"
#include "command/spec.h"
#include "command/table.h"

namespace cairn::acl::testing {

inline void DoNothing(command::Call&) {}

inline constexpr command::Spec kConfigSubcommands[] = {
    command::Spec({.syntax = "CONFIG GET parameter",
                   .since = "1",
                   .group = command::Group::kServer,
                   .flags = command::kAdmin,
                   .complexity = "-",
                   .summary = "-",
                   .run = &DoNothing}),
    command::Spec({.syntax = "CONFIG SET parameter value",
                   .since = "1",
                   .group = command::Group::kServer,
                   .flags = command::kAdmin,
                   .complexity = "-",
                   .summary = "-",
                   .run = &DoNothing}),
};

inline constexpr command::Spec kSpecs[] = {
    command::Spec({.syntax = "AUTH password",
                   .since = "1",
                   .group = command::Group::kConnection,
                   .flags = command::kNoAuth | command::kFast,
                   .complexity = "-",
                   .summary = "-",
                   .run = &DoNothing}),
    command::Spec({.syntax = "CONFIG",
                   .since = "1",
                   .group = command::Group::kServer,
                   .complexity = "-",
                   .summary = "-",
                   .subcommands = kConfigSubcommands}),
    command::Spec({.syntax = "COPY source destination",
                   .access = "RO ACCESS; OW INSERT",
                   .since = "1",
                   .group = command::Group::kGeneric,
                   .flags = command::kWrite,
                   .complexity = "-",
                   .summary = "-",
                   .run = &DoNothing}),
    command::Spec({.syntax = "EXISTS key [key ...]",
                   .access = "RO",
                   .since = "1",
                   .group = command::Group::kGeneric,
                   .flags = command::kReadonly | command::kFast,
                   .complexity = "-",
                   .summary = "-",
                   .run = &DoNothing}),
    command::Spec({.syntax = "GET key",
                   .access = "RO ACCESS",
                   .since = "1",
                   .group = command::Group::kString,
                   .flags = command::kReadonly | command::kFast,
                   .complexity = "-",
                   .summary = "-",
                   .run = &DoNothing}),
    command::Spec({.syntax = "PSUBSCRIBE pattern [pattern ...]",
                   .since = "1",
                   .group = command::Group::kPubsub,
                   .flags = command::kPubsub,
                   .complexity = "-",
                   .summary = "-",
                   .run = &DoNothing}),
    command::Spec({.syntax = "PUBLISH channel message",
                   .since = "1",
                   .group = command::Group::kPubsub,
                   .flags = command::kPubsub | command::kFast,
                   .complexity = "-",
                   .summary = "-",
                   .run = &DoNothing}),
    command::Spec({.syntax = "SELECT index:integer",
                   .since = "1",
                   .group = command::Group::kConnection,
                   .flags = command::kFast,
                   .complexity = "-",
                   .summary = "-",
                   .run = &DoNothing}),
    command::Spec({.syntax = "SET key value",
                   .access = "OW UPDATE",
                   .since = "1",
                   .group = command::Group::kString,
                   .flags = command::kWrite,
                   .complexity = "-",
                   .summary = "-",
                   .run = &DoNothing}),
    command::Spec({.syntax = "SUBSCRIBE channel [channel ...]",
                   .since = "1",
                   .group = command::Group::kPubsub,
                   .flags = command::kPubsub,
                   .complexity = "-",
                   .summary = "-",
                   .run = &DoNothing}),
};

inline constexpr std::span<const command::Spec> kFamilies[] = {kSpecs};

// The table of these commands, and the rules by which users are made.
struct Commands {
  command::CommandTable table{kFamilies};
  Catalog catalog{table};
  Rulebook book{catalog, ChannelsAtFirst::kNone};
};

// "on ~a* (+get ~b)" as words.
inline std::vector<std::string_view> Words(std::string_view text) {
  std::vector<std::string_view> words;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    words.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return words;
}

}  // namespace cairn::acl::testing

#endif  // CAIRN_ACL_ACL_TESTING_H_
