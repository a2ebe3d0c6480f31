// SPDX-License-Identifier: BSD-3-Clause
// The set of users. A change builds on what there is, so it keeps other changes out until it is
// made.
#include "acl/users.h"

#include <utility>

#include "acl/password.h"
#include "acl/rule_words.h"
#include "base/check.h"

namespace cairn::acl {

Users::Users(const command::CommandTable& table)
    : catalog_(table),
      default_user_(std::make_shared<command::User>(
          std::string(kDefaultUser), std::make_shared<Profile>(Profile::OfDefaultUser()))) {
  auto profile = std::make_shared<Profile>(Profile::OfDefaultUser());
  MutexLock hold(mu_);
  default_user_->set_rights(profile);
  users_.emplace(kDefaultUser, Known{default_user_, std::move(profile)});
}

std::shared_ptr<const Profile> Users::Find(std::string_view name) const {
  MutexLock hold(mu_);
  const auto found = users_.find(name);
  return found == users_.end() ? nullptr : found->second.profile;
}

std::size_t Users::count() const {
  MutexLock hold(mu_);
  return users_.size();
}

Profiles Users::All() const {
  MutexLock unchanged(change_mu_);
  Profiles all;
  for (const auto& [name, known] : Unchanging()) all.emplace_hint(all.end(), name, known.profile);
  return all;
}

std::shared_ptr<command::User> Users::Authenticate(std::string_view name,
                                                   std::string_view password) const {
  const std::string hash = HashPassword(password);
  Known known;
  {
    MutexLock hold(mu_);
    if (const auto found = users_.find(name); found != users_.end()) known = found->second;
  }
  if (known.profile == nullptr) return nullptr;
  const bool is_right = known.profile->HasPassword(hash) || known.profile->needs_no_password();
  return is_right && known.profile->is_on() ? known.user : nullptr;
}

std::shared_ptr<command::User> Users::Trusted(std::string_view name) const {
  MutexLock hold(mu_);
  const auto found = users_.find(name);
  return found != users_.end() && found->second.profile->is_on() ? found->second.user : nullptr;
}

Status Users::Set(std::string_view name, std::span<const std::string_view> rules,
                  std::vector<Change>* changes) {
  MutexLock one_at_a_time(change_mu_);
  const Rulebook book = rulebook();
  const std::shared_ptr<const Profile> before = Find(name);
  if (before == nullptr && count() >= kUsersMax)
    return {StatusCode::kLimit, "There are too many users already"};
  auto profile = before == nullptr ? std::make_shared<Profile>(book.channels)
                                   : std::make_shared<Profile>(*before);
  std::string error = ApplyRules(rules, book, *profile);
  if (!error.empty()) return {StatusCode::kInvalid, std::move(error)};
  MutexLock hold(mu_);
  Put(name, std::move(profile), changes);
  return {};
}

Status Users::Declare(std::string_view name, std::span<const std::string_view> rules) {
  MutexLock one_at_a_time(change_mu_);
  const Rulebook book = rulebook();
  if (count() >= kUsersMax) return {StatusCode::kLimit, "There are too many users already"};
  auto profile = std::make_shared<Profile>(book.channels);
  std::string error = ApplyRules(rules, book, *profile);
  if (!error.empty()) return {StatusCode::kInvalid, std::move(error)};
  std::vector<Change> nobody_has_it;
  MutexLock hold(mu_);
  Put(name, std::move(profile), &nobody_has_it);
  return {};
}

void Users::SetDefaultPassword(std::string_view password) {
  MutexLock one_at_a_time(change_mu_);
  const Rulebook book = rulebook();
  const std::string rule = password.empty() ? "nopass" : ">" + std::string(password);
  auto profile = std::make_shared<Profile>(*Find(kDefaultUser));
  for (const std::string_view each : {std::string_view("resetpass"), std::string_view(rule)}) {
    const Fault fault = profile->Apply(each, book);
    CHECK(fault == Fault::kNone);
  }
  std::vector<Change> of_passwords_only;
  MutexLock hold(mu_);
  Put(kDefaultUser, std::move(profile), &of_passwords_only);
}

bool Users::Delete(std::string_view name, std::vector<Change>* changes) {
  MutexLock one_at_a_time(change_mu_);
  MutexLock hold(mu_);
  const auto found = users_.find(name);
  if (found == users_.end() || name == kDefaultUser) return false;
  changes->push_back({found->second.user, found->second.profile, nullptr});
  GiveRights(changes->back());
  users_.erase(found);
  return true;
}

// A million users take seconds: what there will be is made beside what there is.
void Users::Replace(const Profiles& profiles, std::vector<Change>* changes) {
  MutexLock one_at_a_time(change_mu_);
  const Map& now = Unchanging();
  std::shared_ptr<const Profile> of_default;
  if (!profiles.contains(kDefaultUser))
    of_default = std::make_shared<Profile>(Profile::OfDefaultUser());
  Map next;
  const auto add = [&](std::string_view name, const std::shared_ptr<const Profile>& profile) {
    const auto found = now.find(name);
    if (found == now.end()) {
      auto user = std::make_shared<command::User>(std::string(name), profile);
      next.emplace(name, Known{std::move(user), profile});
    } else if (*found->second.profile == *profile) {
      next.insert(*found);
    } else {
      changes->push_back({found->second.user, found->second.profile, profile});
      next.emplace(name, Known{found->second.user, profile});
    }
  };
  for (const auto& [name, profile] : profiles) add(name, profile);
  if (of_default != nullptr) add(kDefaultUser, of_default);
  for (const auto& [name, known] : now)
    if (!next.contains(name)) changes->push_back({known.user, known.profile, nullptr});
  NoteDefault(*next.find(kDefaultUser)->second.profile);
  {
    MutexLock hold(mu_);
    users_.swap(next);
  }
  // Who authenticates between the two is told of like all others.
  for (const Change& change : *changes) GiveRights(change);
}

// Sessions of a deleted user may do nothing any more.
void Users::GiveRights(const Change& change) {
  change.user->set_rights(
      change.after != nullptr ? change.after : std::make_shared<Profile>(ChannelsAtFirst::kNone));
}

void Users::Put(std::string_view name, std::shared_ptr<const Profile> profile,
                std::vector<Change>* changes) {
  if (name == kDefaultUser) NoteDefault(*profile);
  const auto found = users_.find(name);
  if (found == users_.end()) {
    auto user = std::make_shared<command::User>(std::string(name), profile);
    users_.emplace(name, Known{std::move(user), std::move(profile)});
    return;
  }
  Known& known = found->second;
  changes->push_back({known.user, known.profile, profile});
  GiveRights(changes->back());
  known.profile = std::move(profile);
}

void Users::NoteDefault(const Profile& profile) {
  default_is_nopass_.store(profile.needs_no_password(), std::memory_order_relaxed);
  default_needs_auth_.store(!profile.needs_no_password() || !profile.is_on(),
                            std::memory_order_relaxed);
}

}  // namespace cairn::acl
