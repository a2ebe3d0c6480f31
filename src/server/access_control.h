// SPDX-License-Identifier: BSD-3-Clause
// AccessControl: who may do what on this server: its users, the gate in front of commands, what ACL
// LOG shows, and how a change of rights reaches the connections.
//
//     ACL SETUSER --acl::Users--> the user's new profile, at once
//                 --Spread--> each worker, about its own connections: asked by the gates or not;
//                             of a deleted user, or listening to what it may hear no more: closed
//                 <--the last worker is done-- the caller gets its reply
//
// What goes through all users, or waits for a file, runs on a thread of the lane (command/lane.h):
// a hundred thousand of them take some tenths of a second.
//
// Until all workers have heard of it the gates are asked about every command, so a change counts
// for the next command of every client.
//
// Made by the Server. Thread safety: any worker.
#ifndef CAIRN_SERVER_ACCESS_CONTROL_H_
#define CAIRN_SERVER_ACCESS_CONTROL_H_

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "acl/denial_log.h"
#include "acl/users.h"
#include "base/status.h"
#include "command/gate.h"
#include "command/rights.h"
#include "server/config_file.h"

namespace cairn::server {

class Server;

// What a change of users means for their connections. A constant, shared by all workers.
class RightsNews {
 public:
  struct OfUser {
    bool is_deleted = false;
    // If they are fewer than before.
    std::optional<acl::ChannelsLeft> channels_left;
  };
  explicit RightsNews(std::span<const acl::Change> changes);
  // Null: nothing has changed for them.
  const OfUser* Find(const command::User* user) const;
  std::size_t size() const { return kept_.size(); }

 private:
  std::unordered_map<const command::User*, OfUser> users_;
  std::vector<std::shared_ptr<command::User>> kept_;  // so that no other one has the same address
};

class AccessControl final : public command::DenialObserver {
 public:
  explicit AccessControl(Server& server);
  ~AccessControl() override;
  AccessControl(const AccessControl&) = delete;
  AccessControl& operator=(const AccessControl&) = delete;

  acl::Users& users() { return users_; }
  const acl::Users& users() const { return users_; }
  acl::DenialLog& log() { return log_; }
  command::Gate& gate() { return *gate_; }

  void OnDenied(command::Session& session, const command::CommandTable::Command& command,
                std::span<const std::string_view> args, const command::Denial& denial,
                command::DenialContext context) override;
  // Logs a failed AUTH, or HELLO with AUTH. Null: not known, or the wrong password.
  std::shared_ptr<command::User> Authenticate(command::Call& call, std::string_view name,
                                              std::string_view password);
  // A call has changed users: `answer` is its reply, once every connection knows.
  using Answer = std::function<void(resp::Writer&)>;
  void Spread(command::Call& call, std::span<const acl::Change> changes, Answer answer);
  // A reply about all users. With so many that it takes a millisecond, the lane writes it, and the
  // caller waits while its worker serves others.
  static constexpr std::size_t kManyUsers = 500;
  void ReplyOfAll(command::Call& call, Answer answer);

  // The directives requirepass and acl-pubsub-default, as they are now.
  void ApplyPassword();
  void ApplyChannelsAtFirst();
  // user lines of the configuration. The error tells the line.
  Status Declare(std::span<const ConfigLine> lines);
  // At the start: the file that `aclfile` names, if any.
  Status LoadAtStart();
  // ACL LOAD and SAVE, on the lane: they wait for files.
  void Load(command::Call& call);
  void Save(command::Call& call);
  // The lines for CONFIG REWRITE; none if an ACL file has the users.
  std::vector<std::string> UserLines() const;

 private:
  class RightsGate;

  // The errors are whole replies.
  Status LoadFile(std::vector<acl::Change>* changes);
  Status SaveFile();
  // `caller`: null if it has been answered.
  void Tell(std::shared_ptr<command::Parked> caller, ClientId id,
            std::span<const acl::Change> changes, Answer answer);
  std::string FilePath() const;  // as configured; empty: none
  std::string AbsoluteFilePath() const;
  Result<acl::ParsedUsers> ReadFile() const;
  void AddEntry(command::Session& session, acl::DenialEntry entry);

  Server& server_;
  acl::Users users_;
  acl::DenialLog log_;
  const std::unique_ptr<command::Gate> gate_;
  bool has_declared_users_ = false;  // before Start
};

}  // namespace cairn::server

#endif  // CAIRN_SERVER_ACCESS_CONTROL_H_
