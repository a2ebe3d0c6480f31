// SPDX-License-Identifier: BSD-3-Clause
// Fault: what is wrong with a rule, and Redis's words for it.
#ifndef CAIRN_ACL_FAULT_H_
#define CAIRN_ACL_FAULT_H_

#include <cstdint>
#include <string_view>

namespace cairn::acl {

enum class Fault : std::uint8_t {
  kNone,
  kUnknownName,
  kSyntax,
  kAfterAllKeys,
  kAfterAllChannels,
  kNoSuchPassword,
  kBadHash,
  kFirstArgOfSubcommand,
  kTooMany,  // see the limits of Selector and Profile
};

std::string_view TextOf(Fault fault);

}  // namespace cairn::acl

#endif  // CAIRN_ACL_FAULT_H_
