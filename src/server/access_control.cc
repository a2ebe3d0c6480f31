// SPDX-License-Identifier: BSD-3-Clause
// The gate, the log, the news, the files.
#include "server/access_control.h"

#include <algorithm>
#include <atomic>
#include <utility>

#include "acl/rule_words.h"
#include "base/text.h"
#include "command/call.h"
#include "command/lane.h"
#include "command/parked.h"
#include "command/runner.h"
#include "server/client_line.h"
#include "server/config_disk.h"
#include "server/connection.h"
#include "server/server.h"
#include "server/worker.h"

namespace cairn::server {
namespace {

using command::Call;
using command::Denial;
using command::DenialContext;
using command::DenialReason;

constexpr std::string_view kNoAclFile =
    "ERR This Redis instance is not configured to use an ACL file. You may want to specify users "
    "via the ACL SETUSER command and then issue a CONFIG REWRITE (assuming you have a Redis "
    "configuration file set) in order to store users in the Redis configuration.";

// A word of a configuration line. Redis writes them bare, and cannot read some of them again.
std::string QuotedIfNeeded(std::string_view word) {
  const bool is_plain = word.find_first_of("\"'\\") == std::string_view::npos;
  return is_plain && !word.empty() ? std::string(word) : QuoteString(word);
}

std::string QuotedWords(std::string_view text) {
  std::string line;
  while (true) {
    const std::size_t end = text.find(' ');
    line.append(line.empty() ? "" : " ").append(QuotedIfNeeded(text.substr(0, end)));
    if (end == std::string_view::npos) return line;
    text.remove_prefix(end + 1);
  }
}

// Who waits until every worker has heard of a change. Shared by the tasks they are sent.
class Spreading {
 public:
  Spreading(Server& server, std::unique_ptr<const RightsNews> news,
            std::shared_ptr<command::Parked> caller, AccessControl::Answer answer)
      : lane_(*server.engine().lane()),
        shared_(server.engine().shared()),
        left_(server.workers().size()),
        news_(std::move(news)),
        caller_(std::move(caller)),
        answer_(std::move(answer)) {
    shared_.guards.fetch_add(1);
  }
  Spreading(const Spreading&) = delete;
  Spreading& operator=(const Spreading&) = delete;
  // On a worker: to free the news of many users, with their old rights, is the lane's as well.
  ~Spreading() {
    if (news_->size() >= AccessControl::kManyUsers)
      lane_.RunLater({}, [news = std::move(news_)]() mutable { news.reset(); });
  }

  const RightsNews& news() const { return *news_; }

  void WorkerIsDone() {
    // acq_rel: what every worker took away is gone for whoever sees the answer.
    if (left_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
    shared_.guards.fetch_sub(1);
    if (caller_ != nullptr)
      command::AnswerParked(caller_, [this](resp::Writer& reply) { answer_(reply); });
  }

 private:
  command::Lane& lane_;
  command::Shared& shared_;
  std::atomic<std::size_t> left_;
  std::unique_ptr<const RightsNews> news_;
  const std::shared_ptr<command::Parked> caller_;  // null: it has been answered
  const AccessControl::Answer answer_;
};

// Of a command that the lane has done.
void AnswerStatus(command::Runner& runner, const std::shared_ptr<command::Parked>& caller,
                  const Status& status) {
  command::AnswerParked(caller, [&](resp::Writer& reply) {
    if (status.ok()) return reply.Ok();
    reply.Error(status.message());
    runner.CountFailure(*caller, reply);
  });
}

}  // namespace

class AccessControl::RightsGate final : public command::Gate {
 public:
  bool Admit(Call& call) override {
    const Denial denial = Ask(
        call, call.session().queueing() ? DenialContext::kTransaction : DenialContext::kTopLevel);
    if (!denial) [[likely]]
      return true;
    call.Refuse("NOPERM " + command::DenialText(denial, call.command()));
    return false;
  }

  bool AdmitInScript(Call& call) override {
    const Denial denial = Ask(call, DenialContext::kScript);
    if (!denial) [[likely]]
      return true;
    call.Error("ERR ACL failure in script: " + command::DenialText(denial, call.command()));
    return false;
  }

 private:
  static Denial Ask(Call& call, DenialContext context) {
    return command::CheckRights(call.runner().shared().denial_observer, call.session(),
                                call.command(), call.args(), context);
  }
};

RightsNews::RightsNews(std::span<const acl::Change> changes) {
  for (const acl::Change& change : changes) {
    OfUser& news = users_[change.user.get()];
    kept_.push_back(change.user);
    news.is_deleted = change.after == nullptr;
    acl::ChannelsLeft left;
    if (!news.is_deleted && acl::Profile::LosesChannels(*change.before, *change.after, &left))
      news.channels_left = std::move(left);
  }
}

const RightsNews::OfUser* RightsNews::Find(const command::User* user) const {
  const auto found = users_.find(user);
  return found == users_.end() ? nullptr : &found->second;
}

AccessControl::AccessControl(Server& server)
    : server_(server), users_(server.engine().table()), gate_(std::make_unique<RightsGate>()) {}

AccessControl::~AccessControl() = default;

void AccessControl::OnDenied(command::Session& session,
                             const command::CommandTable::Command& command,
                             std::span<const std::string_view> args, const Denial& denial,
                             DenialContext context) {
  const bool is_command = denial.reason == DenialReason::kCommand;
  AddEntry(session, {.reason = denial.reason,
                     .context = context,
                     .object = is_command ? command.full_name : std::string(args[denial.argument]),
                     .user = denial.user});
}

void AccessControl::AddEntry(command::Session& session, acl::DenialEntry entry) {
  const UnixMs now_ms = server_.engine().clock().NowUnixMs();
  entry.created_ms = entry.updated_ms = now_ms;
  server_.clients().With(session.id(), [&](const ClientInfo& info) {
    entry.client_line = ClientLine(info, now_ms, 0);
  });
  if (entry.client_line.ends_with('\n')) entry.client_line.pop_back();
  log_.Add(std::move(entry), static_cast<std::size_t>(server_.config().Int("acllog-max-len")));
}

std::shared_ptr<command::User> AccessControl::Authenticate(Call& call, std::string_view name,
                                                           std::string_view password) {
  std::shared_ptr<command::User> user = users_.Authenticate(name, password);
  if (user == nullptr) {
    AddEntry(call.session(), {.reason = DenialReason::kAuth,
                              .context = call.session().queueing() ? DenialContext::kTransaction
                                                                   : DenialContext::kTopLevel,
                              .object = std::string(call.arg(0)),
                              .user = std::string(name)});
  }
  return user;
}

void AccessControl::Spread(Call& call, std::span<const acl::Change> changes, Answer answer) {
  if (changes.empty()) return answer(call.reply());
  std::shared_ptr<command::Parked> caller = call.AnswerLater();
  if (caller == nullptr) answer(call.reply());
  Tell(std::move(caller), call.session().id(), changes, std::move(answer));
}

void AccessControl::Tell(std::shared_ptr<command::Parked> caller, ClientId id,
                         std::span<const acl::Change> changes, Answer answer) {
  const auto spreading = std::make_shared<Spreading>(
      server_, std::make_unique<const RightsNews>(changes), std::move(caller), std::move(answer));
  for (const std::unique_ptr<Worker>& each : server_.workers()) {
    each->Post([worker = each.get(), spreading, id] {
      worker->TakeNews(spreading->news(), id);
      worker->AfterClosing([spreading] { spreading->WorkerIsDone(); });
    });
  }
}

void AccessControl::ReplyOfAll(Call& call, Answer answer) {
  std::shared_ptr<command::Parked> caller;
  if (users_.count() >= kManyUsers) caller = call.AnswerLater();
  if (caller == nullptr) return answer(call.reply());
  server_.engine().lane()->RunLater({}, [caller = std::move(caller), answer = std::move(answer)] {
    command::AnswerParked(caller, [&](resp::Writer& reply) { answer(reply); });
  });
}

void AccessControl::ApplyPassword() {
  users_.SetDefaultPassword(server_.config().Text("requirepass"));
}

void AccessControl::ApplyChannelsAtFirst() {
  const auto choice = server_.config().Choice<AclPubsubDefault>("acl-pubsub-default");
  users_.SetChannelsAtFirst(choice == AclPubsubDefault::kAllChannels ? acl::ChannelsAtFirst::kAll
                                                                     : acl::ChannelsAtFirst::kNone);
}

Status AccessControl::Declare(std::span<const ConfigLine> lines) {
  std::vector<std::string_view> seen;
  for (const ConfigLine& line : lines) {
    const std::string& name = line.words[1];
    const auto refuse = [&](std::string_view why) -> Status {
      return {StatusCode::kInvalid, QuoteLine(line) + std::string(why)};
    };
    if (!acl::IsUserName(name)) return refuse("Spaces not allowed in ACL usernames");
    if (std::find(seen.begin(), seen.end(), name) != seen.end()) {
      return refuse("Error in user declaration '" + name +
                    "': Duplicate user found. A user can only be defined once in config files");
    }
    seen.push_back(name);
    const std::vector<std::string_view> rules(line.words.begin() + 2, line.words.end());
    if (const Status declared = users_.Declare(name, rules); !declared.ok())
      return refuse(declared.message());
  }
  has_declared_users_ = !lines.empty();
  return {};
}

std::string AccessControl::FilePath() const { return server_.config().Text("aclfile"); }

std::string AccessControl::AbsoluteFilePath() const {
  return AbsolutePath(server_.config().Text("dir"), FilePath());
}

Result<acl::ParsedUsers> AccessControl::ReadFile() const {
  const std::string path = FilePath();
  const Result<std::string> text = ReadConfigFile(AbsoluteFilePath());
  if (!text) {
    return Fail(text.error().code(), "Error loading ACLs, opening file '" + path +
                                         "': " + std::string(text.error().message()));
  }
  acl::ParsedUsers parsed = acl::ParseUserFile(*text, path, users_.rulebook());
  if (!parsed.errors.empty()) return Fail(StatusCode::kInvalid, std::move(parsed.errors));
  return parsed;
}

Status AccessControl::LoadAtStart() {
  if (FilePath().empty()) return {};
  if (has_declared_users_) {
    return {StatusCode::kInvalid,
            "Configuring Redis with users defined in redis.conf and at the same setting an ACL "
            "file path is invalid. This setup is very likely to lead to configuration errors and "
            "security holes, please define either an ACL file or declare users directly in your "
            "redis.conf, but not both."};
  }
  const Result<acl::ParsedUsers> parsed = ReadFile();
  if (!parsed) {
    return {parsed.error().code(), "Aborting Redis startup because of ACL errors: " +
                                       std::string(parsed.error().message())};
  }
  std::vector<acl::Change> nobody_is_connected;
  users_.Replace(parsed->profiles, &nobody_is_connected);
  return {};
}

void AccessControl::Load(Call& call) {
  const auto ok = [](resp::Writer& reply) { reply.Ok(); };
  std::shared_ptr<command::Parked> caller = call.AnswerLater();
  if (caller == nullptr) {
    std::vector<acl::Change> changes;
    const Status loaded = LoadFile(&changes);
    return loaded.ok() ? Spread(call, changes, ok) : call.Error(loaded.message());
  }
  server_.engine().lane()->RunLater(
      {}, [this, ok, caller, id = call.session().id()](command::Runner* runner) {
        std::vector<acl::Change> changes;
        const Status loaded = LoadFile(&changes);
        if (!loaded.ok() || changes.empty()) return AnswerStatus(*runner, caller, loaded);
        Tell(caller, id, changes, ok);
      });
}

void AccessControl::Save(Call& call) {
  std::shared_ptr<command::Parked> caller = call.AnswerLater();
  if (caller == nullptr) {
    const Status saved = SaveFile();
    return saved.ok() ? call.reply().Ok() : call.Error(saved.message());
  }
  server_.engine().lane()->RunLater(
      {}, [this, caller](command::Runner* runner) { AnswerStatus(*runner, caller, SaveFile()); });
}

Status AccessControl::LoadFile(std::vector<acl::Change>* changes) {
  if (FilePath().empty()) return {StatusCode::kInvalid, std::string(kNoAclFile)};
  const Result<acl::ParsedUsers> parsed = ReadFile();
  if (!parsed) return {parsed.error().code(), "ERR " + std::string(parsed.error().message())};
  users_.Replace(parsed->profiles, changes);
  return {};
}

Status AccessControl::SaveFile() {
  if (FilePath().empty()) return {StatusCode::kInvalid, std::string(kNoAclFile)};
  const std::string path = AbsoluteFilePath();
  std::string text;
  for (const auto& [name, profile] : users_.All()) text += acl::UserLine(name, *profile) + "\n";
  Status saved = ReplaceConfigFile(path, text);
  if (saved.ok()) return saved;
  server_.log().Warning("Saving the ACL file '" + path + "': " + std::string(saved.message()));
  return {saved.code(),
          "ERR There was an error trying to save the ACLs. Please check the server logs for more "
          "information"};
}

std::vector<std::string> AccessControl::UserLines() const {
  std::vector<std::string> lines;
  if (!FilePath().empty()) return lines;
  for (const auto& [name, profile] : users_.All())
    lines.push_back("user " + QuotedIfNeeded(name) + " " + QuotedWords(profile->Describe()));
  return lines;
}

}  // namespace cairn::server
