// SPDX-License-Identifier: BSD-3-Clause
// Where the passwords stand: behind AUTH, behind HELLO's word AUTH (with the user's name, which
// Redis hides too), behind those of MIGRATE, in the rules of ACL SETUSER (with the names of users,
// as there), and in the values of directives whose rows say so.
#include "server/redact.h"

#include <algorithm>

#include "base/text.h"
#include "server/config.h"
#include "server/config_row.h"

namespace cairn::server {
namespace {

using Args = std::vector<std::string_view>;

void RedactHello(Args& args) {
  for (std::size_t i = 2; i + 2 < args.size(); ++i) {
    if (!EqualsIgnoreCase(args[i], "AUTH")) continue;
    args[i + 1] = args[i + 2] = kRedacted;
    return;
  }
}

void RedactMigrate(Args& args) {
  constexpr std::size_t kOptionsAt = 6;
  for (std::size_t i = kOptionsAt; i < args.size(); ++i) {
    if (EqualsIgnoreCase(args[i], "KEYS")) return;
    std::size_t secrets = EqualsIgnoreCase(args[i], "AUTH") ? 1 : 0;
    if (EqualsIgnoreCase(args[i], "AUTH2")) secrets = 2;
    for (; secrets > 0 && i + 1 < args.size(); --secrets) args[++i] = kRedacted;
  }
}

void RedactConfigSet(Args& args) {
  for (std::size_t i = 2; i + 1 < args.size(); i += 2) {
    const ConfigRow* row = FindConfigRow(args[i]);
    if (row != nullptr && row->secret) args[i + 1] = kRedacted;
  }
}

}  // namespace

std::vector<std::string_view> WithoutSecrets(std::string_view full_name,
                                             std::span<const std::string_view> args) {
  Args shown(args.begin(), args.end());
  if (full_name == "auth") std::fill(shown.begin() + 1, shown.end(), kRedacted);
  const bool names_users =
      full_name == "acl|setuser" || full_name == "acl|deluser" || full_name == "acl|getuser";
  if (names_users && shown.size() > 2) std::fill(shown.begin() + 2, shown.end(), kRedacted);
  if (full_name == "hello") RedactHello(shown);
  if (full_name == "migrate") RedactMigrate(shown);
  if (full_name == "config|set") RedactConfigSet(shown);
  return shown;
}

}  // namespace cairn::server
