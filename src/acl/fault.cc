// SPDX-License-Identifier: BSD-3-Clause
// The words, which clients and operators know from Redis.
#include "acl/fault.h"

namespace cairn::acl {

std::string_view TextOf(Fault fault) {
  switch (fault) {
    case Fault::kNone:
      break;
    case Fault::kUnknownName:
      return "Unknown command or category name in ACL";
    case Fault::kSyntax:
      return "Syntax error";
    case Fault::kAfterAllKeys:
      return "Adding a pattern after the * pattern (or the 'allkeys' flag) is not valid and does "
             "not have any effect. Try 'resetkeys' to start with an empty list of patterns";
    case Fault::kAfterAllChannels:
      return "Adding a pattern after the * pattern (or the 'allchannels' flag) is not valid and "
             "does not have any effect. Try 'resetchannels' to start with an empty list of "
             "channels";
    case Fault::kNoSuchPassword:
      return "The password you are trying to remove from the user does not exist";
    case Fault::kBadHash:
      return "The password hash must be exactly 64 characters and contain only lowercase "
             "hexadecimal characters";
    case Fault::kFirstArgOfSubcommand:
      return "Allowing first-arg of a subcommand is not supported";
    case Fault::kTooMany:
      return "A user has too many of these already";
  }
  return {};
}

}  // namespace cairn::acl
