// SPDX-License-Identifier: BSD-3-Clause
// The rules of a namespace as words, as NAMESPACE.SET, the configuration and files have them.
#ifndef CAIRN_COMMANDS_NAMESPACES_H_
#define CAIRN_COMMANDS_NAMESPACES_H_

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "keyspace/keyspace.h"

namespace cairn::commands {

// "TTL 60000 MAXLEASES 10"; what is not named is no rule. An error is a client's.
Result<keyspace::NamespaceRules> ReadRules(std::span<const std::string_view> words);
// The words that say the same.
std::vector<std::string> WordsOfRules(const keyspace::NamespaceRules& rules);

// "user: TTL 60000 MAXLEASES 10; session: TTL 1000": the configuration's. Before there are clients.
Status DeclareConfigured(keyspace::Keyspace& keyspace, std::string_view text);
// One namespace of a file of data.
Status DeclareLoaded(keyspace::Keyspace& keyspace, std::span<const std::string_view> words);
// Of all that are not the configuration's: the prefix and the words of its rules.
std::vector<std::vector<std::string>> DeclaredByCommand(keyspace::Keyspace& keyspace);

}  // namespace cairn::commands

#endif  // CAIRN_COMMANDS_NAMESPACES_H_
