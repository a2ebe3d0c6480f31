// SPDX-License-Identifier: BSD-3-Clause
// Profile: all that is said of one user: on or off, passwords, selectors.
//
// The rules' grammar is that of ACL SETUSER, one word a rule:
//
//     rule     := on | off | nopass | resetpass | >password | <password | #hash | !hash
//               | sanitize-payload | skip-sanitize-payload | reset | clearselectors
//               | "(" selector-rule... ")" | selector-rule
//     selector-rule := allkeys | ~* | resetkeys | ~pattern | %R~pattern | %W~pattern | %RW~pattern
//               | allchannels | &* | resetchannels | &pattern
//               | allcommands | nocommands | +@category | -@category | +command | -command
//               | +command|subcommand | -command|subcommand | +command|first-argument
//
// Rules apply in their order. Describe gives rules that make the same profile of a new one.
//
// A value that is built, and then shared as it is: const methods from any thread.
#ifndef CAIRN_ACL_PROFILE_H_
#define CAIRN_ACL_PROFILE_H_

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "acl/catalog.h"
#include "acl/fault.h"
#include "acl/password.h"
#include "acl/selector.h"
#include "command/rights.h"

namespace cairn::acl {

// What rules mean depends on.
struct Rulebook {
  const Catalog& catalog;
  ChannelsAtFirst channels;
};

// A user whose permissions on channels have become fewer: what he has left.
using ChannelsLeft = std::vector<std::string>;

class Profile final : public command::Rights {
 public:
  // Selectors beside the first one.
  static constexpr std::size_t kSelectorsMax = 256;
  static constexpr std::size_t kPasswordsMax = 1024;

  // A new user: off, without passwords, and nothing allowed.
  explicit Profile(ChannelsAtFirst channels) : selectors_{Selector(channels)} {}
  // The user "default" where nothing is said of him: on, nopass, everything allowed.
  static Profile OfDefaultUser();

  // One rule; an empty one says nothing.
  [[nodiscard]] Fault Apply(std::string_view rule, const Rulebook& book);

  bool is_on() const { return is_on_; }
  bool needs_no_password() const { return needs_no_password_; }
  bool HasPassword(std::string_view hash) const { return IsAmong(hash, passwords_); }
  const std::vector<std::string>& password_hashes() const { return passwords_; }
  // The first one is the one that the user's own rules are about.
  const std::vector<Selector>& selectors() const { return selectors_; }
  // "on", "nopass", "sanitize-payload": as ACL GETUSER.
  std::vector<std::string_view> flags() const;
  // What follows the name in ACL LIST.
  std::string Describe() const;

  command::Denial Check(const Catalog::Command& command,
                        std::span<const std::string_view> args) const override;
  bool MayReadAllKeys(const Catalog::Command& command,
                      std::span<const std::string_view> args) const override;
  bool MayTouch(const Catalog::Command& command, std::span<const std::string_view> args,
                const command::ScopeAt& scope, std::string_view text) const override;
  bool unrestricted() const override { return unrestricted_; }

  // What channels remain to a user who had `before`; null: he may still do all he could.
  static bool LosesChannels(const Profile& before, const Profile& after, ChannelsLeft* left);

  bool operator==(const Profile& other) const;

 private:
  bool ApplyFlag(std::string_view rule, const Rulebook& book);
  Fault ApplyPassword(std::string_view rule);
  Fault AddSelector(std::string_view rules, const Rulebook& book);
  void Reset(const Rulebook& book);
  void ForgetPasswords(bool needs_none);

  bool is_on_ = false;
  bool needs_no_password_ = false;
  bool sanitizes_payloads_ = true;
  bool unrestricted_ = false;
  std::vector<std::string> passwords_;  // hashes, in the order in which they came
  std::vector<Selector> selectors_;     // at least one
};

}  // namespace cairn::acl

#endif  // CAIRN_ACL_PROFILE_H_
