// SPDX-License-Identifier: BSD-3-Clause
// The check that all ways to a command share, and its words.
#include "command/rights.h"

#include "command/session.h"

namespace cairn::command {

Denial CheckRights(DenialObserver* observer, Session& session, const CommandTable::Command& command,
                   std::span<const std::string_view> args, DenialContext context) {
  const Rights* rights = session.rights();
  if (rights == nullptr || rights->unrestricted()) return {};
  Denial denial = rights->Check(command, args);
  if (!denial) return denial;
  denial.user = session.user()->name();
  if (observer != nullptr) observer->OnDenied(session, command, args, denial, context);
  return denial;
}

bool MayTouch(Session& session, const CommandTable::Command& command,
              std::span<const std::string_view> args, const ScopeAt& scope, std::string_view text) {
  const Rights* rights = session.rights();
  return rights == nullptr || rights->unrestricted() ||
         rights->MayTouch(command, args, scope, text);
}

// Of keys and channels only that it was one: which one could be a secret of another client.
std::string DenialText(const Denial& denial, const CommandTable::Command& command) {
  switch (denial.reason) {
    case DenialReason::kKey:
      return "No permissions to access a key";
    case DenialReason::kChannel:
      return "No permissions to access a channel";
    case DenialReason::kNone:
    case DenialReason::kAuth:
    case DenialReason::kCommand:
      break;
  }
  return "User " + denial.user + " has no permissions to run the '" + command.full_name +
         "' command";
}

std::string RightsChangedText(const Denial& denial) {
  std::string text =
      "NOPERM ACLs rules changed between the moment the transaction was accumulated and the EXEC "
      "call. This command is no longer allowed for the following reason: ";
  switch (denial.reason) {
    case DenialReason::kCommand:
      return text + "no permission to execute the command or subcommand";
    case DenialReason::kKey:
      return text + "no permission to touch the specified keys";
    case DenialReason::kChannel:
      return text + "no permission to access one of the channels used as arguments";
    case DenialReason::kNone:
    case DenialReason::kAuth:
      break;
  }
  return text + "no permission";
}

}  // namespace cairn::command
