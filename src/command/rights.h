// SPDX-License-Identifier: BSD-3-Clause
// Rights: what a user may do, as far as the way of a command has to know it.
//
//     Session --user()--> User --rights()--> Rights::Check(command, arguments) -> Denial
//
// What users are made of (passwords, selectors, the rules' grammar) is acl's. Here stands what
// whoever runs commands needs: the gate in front of all of them, EXEC for each that was queued, the
// serving of a command that waited, scripts. They all ask CheckRights.
//
// Rights never change; a change gives the user other ones. A session keeps those it has seen last
// and asks one number whether they are still the user's, so a check takes no lock. A user whose
// rights say no to nothing is not checked at all: Session::guarded() leaves the gates out.
//
// Thread safety: Rights are constants. A User may be asked and changed by any thread.
#ifndef CAIRN_COMMAND_RIGHTS_H_
#define CAIRN_COMMAND_RIGHTS_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/mutex.h"
#include "command/table.h"

namespace cairn::command {

class Session;

// Why not. Of several that apply the later one is told (a user has several sets of rules).
enum class DenialReason : std::uint8_t { kNone, kCommand, kKey, kAuth, kChannel };

struct Denial {
  DenialReason reason = DenialReason::kNone;
  std::uint32_t argument = 0;  // which one is the key or the channel
  std::string user = {};       // filled in by CheckRights
  explicit operator bool() const { return reason != DenialReason::kNone; }
};

class Rights {
 public:
  Rights() = default;
  virtual ~Rights() = default;

  // Why a command may not run with these arguments. REQUIRES: their number fits.
  virtual Denial Check(const CommandTable::Command& command,
                       std::span<const std::string_view> args) const = 0;
  // Whether it may, and read any key beside those it names: SORT's BY and GET.
  virtual bool MayReadAllKeys(const CommandTable::Command& command,
                              std::span<const std::string_view> args) const = 0;
  // Whether it may, and touch keys that are told by `scope` (whose `index` does not count) and
  // `text`, too.
  virtual bool MayTouch(const CommandTable::Command& command,
                        std::span<const std::string_view> args, const ScopeAt& scope,
                        std::string_view text) const = 0;
  // Check says no to nothing.
  virtual bool unrestricted() const = 0;

 protected:
  Rights(const Rights&) = default;
  Rights& operator=(const Rights&) = default;
};

class User {
 public:
  User(std::string name, std::shared_ptr<const Rights> rights)
      : name_(std::move(name)), rights_(std::move(rights)) {}
  User(const User&) = delete;
  User& operator=(const User&) = delete;

  const std::string& name() const { return name_; }
  // Another one whenever the rights are other ones. Never 0.
  std::uint64_t version() const { return version_.load(std::memory_order_acquire); }
  std::shared_ptr<const Rights> rights() const {
    MutexLock hold(mu_);
    return rights_;
  }
  void set_rights(std::shared_ptr<const Rights> rights) {
    MutexLock hold(mu_);
    rights_ = std::move(rights);
    // release: who sees the number takes the lock after us.
    version_.fetch_add(1, std::memory_order_release);
  }

 private:
  const std::string name_;
  std::atomic<std::uint64_t> version_{1};
  mutable Mutex mu_;                                      // a leaf
  std::shared_ptr<const Rights> rights_ GUARDED_BY(mu_);  // shared with the sessions that have it
};

// Where a command was to run.
enum class DenialContext : std::uint8_t { kTopLevel, kTransaction, kScript };

// Told of every denial, on the thread that ran the command; stripes may be locked. Thread-safe.
class DenialObserver {
 public:
  virtual ~DenialObserver() = default;
  virtual void OnDenied(Session& session, const CommandTable::Command& command,
                        std::span<const std::string_view> args, const Denial& denial,
                        DenialContext context) = 0;
};

// Whether the session's user may run this, now; a denial is told to `observer`, unless that is
// null. REQUIRES: the number of arguments fits.
Denial CheckRights(DenialObserver* observer, Session& session, const CommandTable::Command& command,
                   std::span<const std::string_view> args, DenialContext context);

// Whether the call, which may run, may touch these keys, too; see Rights::MayTouch.
bool MayTouch(Session& session, const CommandTable::Command& command,
              std::span<const std::string_view> args, const ScopeAt& scope, std::string_view text);

// "User x has no permissions to run the 'get' command": what follows "NOPERM ".
std::string DenialText(const Denial& denial, const CommandTable::Command& command);
// The whole error that stands in EXEC's reply for a command that was still allowed when queued.
std::string RightsChangedText(const Denial& denial);

}  // namespace cairn::command

#endif  // CAIRN_COMMAND_RIGHTS_H_
