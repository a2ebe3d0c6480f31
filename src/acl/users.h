// SPDX-License-Identifier: BSD-3-Clause
// Users: who there is, and what each may do.
//
//     name --> command::User, the one that sessions hold, and its Profile
//
// Changing a user gives his command::User another profile, which his sessions see at their next
// command; a deleted one has a profile that allows nothing, until his connections are closed. What
// has changed is told by Change: whoever changes users passes it on to the sessions.
//
// Invariants
//   (1) There is always a user "default".
//   (2) A change is whole or not at all; sessions see a profile before it or after it.
//
// Made by the server; any thread. What takes long, reading rules and going through all users, is
// done under change_mu_ only, so that nobody who authenticates waits for it. change_mu_ is taken
// before mu_, that before the users'.
#ifndef CAIRN_ACL_USERS_H_
#define CAIRN_ACL_USERS_H_

#include <atomic>
#include <cstddef>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "acl/catalog.h"
#include "acl/profile.h"
#include "acl/user_file.h"
#include "base/mutex.h"
#include "base/status.h"
#include "command/rights.h"

namespace cairn::acl {

inline constexpr std::string_view kDefaultUser = "default";

// What has become of a user whom sessions may have.
struct Change {
  std::shared_ptr<command::User> user;
  std::shared_ptr<const Profile> before;
  std::shared_ptr<const Profile> after;  // null: deleted
};

class Users {
 public:
  explicit Users(const command::CommandTable& table);
  Users(const Users&) = delete;
  Users& operator=(const Users&) = delete;

  const Catalog& catalog() const { return catalog_; }
  // acl-pubsub-default: what users and selectors that are made from now on begin with.
  void SetChannelsAtFirst(ChannelsAtFirst channels) {
    channels_at_first_.store(channels, std::memory_order_relaxed);
  }

  // Whom new sessions have; always the same one.
  const std::shared_ptr<command::User>& default_user() const { return default_user_; }
  // Whether a new session has to say who it is. Its thread need not take a lock for that.
  bool default_needs_auth() const { return default_needs_auth_.load(std::memory_order_relaxed); }
  // Whether the default user takes any password.
  bool default_is_nopass() const { return default_is_nopass_.load(std::memory_order_relaxed); }

  // Null if there is none of that name.
  std::shared_ptr<const Profile> Find(std::string_view name) const EXCLUDES(mu_);
  // Null if there is no such user, he is off, or the password is wrong: as slow in each case.
  std::shared_ptr<command::User> Authenticate(std::string_view name,
                                              std::string_view password) const EXCLUDES(mu_);
  // The user of that name, if he is on, without a password: who he is has been proved otherwise, by
  // a certificate. Null: there is none.
  std::shared_ptr<command::User> Trusted(std::string_view name) const EXCLUDES(mu_);
  // As they are between two changes.
  Profiles All() const EXCLUDES(change_mu_);
  std::size_t count() const EXCLUDES(mu_);

  // ACL SETUSER: all rules or none. The error is without "ERR ".
  Status Set(std::string_view name, std::span<const std::string_view> rules,
             std::vector<Change>* changes) EXCLUDES(change_mu_, mu_);
  // A user line of the configuration: the same of a new user, or of "default", which begins anew.
  Status Declare(std::string_view name, std::span<const std::string_view> rules)
      EXCLUDES(change_mu_, mu_);
  // requirepass: the default user's only password; empty: he needs none.
  void SetDefaultPassword(std::string_view password) EXCLUDES(change_mu_, mu_);
  // Not "default". False if there is none of that name.
  bool Delete(std::string_view name, std::vector<Change>* changes) EXCLUDES(change_mu_, mu_);
  // ACL LOAD: these and no others, but for "default", who is as new if they have none. Who is what
  // he was has not changed.
  void Replace(const Profiles& profiles, std::vector<Change>* changes) EXCLUDES(change_mu_, mu_);

  Rulebook rulebook() const {
    return {catalog_, channels_at_first_.load(std::memory_order_relaxed)};
  }

 private:
  struct Known {
    std::shared_ptr<command::User> user;
    std::shared_ptr<const Profile> profile;
  };
  using Map = std::map<std::string, Known, std::less<>>;

  // Writers hold both mutexes, so that with this one alone the users can be read, for long.
  const Map& Unchanging() const REQUIRES(change_mu_) NO_THREAD_SAFETY_ANALYSIS { return users_; }
  void Put(std::string_view name, std::shared_ptr<const Profile> profile,
           std::vector<Change>* changes) REQUIRES(mu_);
  static void GiveRights(const Change& change);
  void NoteDefault(const Profile& profile);

  const Catalog catalog_;
  std::atomic<ChannelsAtFirst> channels_at_first_{ChannelsAtFirst::kNone};
  std::atomic<bool> default_needs_auth_{false};
  std::atomic<bool> default_is_nopass_{true};
  const std::shared_ptr<command::User> default_user_;
  mutable Mutex change_mu_;  // one change at a time
  mutable Mutex mu_;
  Map users_ GUARDED_BY(mu_);
};

}  // namespace cairn::acl

#endif  // CAIRN_ACL_USERS_H_
