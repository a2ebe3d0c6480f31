// SPDX-License-Identifier: BSD-3-Clause
// CLIENT KILL: reads the filters, marks those that fit, and has their workers close them.
//
// A mark (kill_requested) stops a client at once: its worker runs no further command of it, and
// CLIENT LIST does not show it any more. The worker closes the socket when it gets to it; the
// caller is answered when the last of them has done so, and nothing is left of the killed: no
// subscription, no place in a queue. Only within MULTI, where nobody can wait, the answer comes
// before. The caller itself is answered first and then closed.
#include "server/client_kill.h"

#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/text.h"
#include "command/errors.h"
#include "command/parked.h"
#include "server/client_line.h"
#include "server/connection.h"
#include "server/server.h"
#include "server/worker.h"

namespace cairn::server {
namespace {

using command::Call;

struct KillFilter {
  std::optional<std::uint64_t> id;
  std::optional<ClientClass> client_class;
  std::optional<std::string_view> address;
  std::optional<std::string_view> local_address;
  std::optional<std::string_view> user;
  std::int64_t age_min_s = 0;  // 0: any
  bool skip_caller = true;
};

bool Refuse(Call& call, std::string_view error) {
  call.Error(error);
  return false;
}

bool ParseId(Call& call, std::string_view value, KillFilter& filter) {
  const std::optional<std::int64_t> id = ParseInt64(value);
  if (!id || *id < 1) return Refuse(call, "ERR client-id should be greater than 0");
  filter.id = static_cast<std::uint64_t>(*id);
  return true;
}

bool ParseType(Call& call, std::string_view value, KillFilter& filter) {
  ClientClass client_class;
  if (!ParseClientClass(value, &client_class))
    return Refuse(call, "ERR Unknown client type '" +
                            std::string(value.substr(0, command::errors::kEchoLimit)) + "'");
  filter.client_class = client_class;
  return true;
}

bool ParseUser(Call& call, std::string_view value, KillFilter& filter) {
  if (Connection::Of(call).server().access().users().Find(value) == nullptr)
    return Refuse(call, "ERR No such user '" +
                            std::string(value.substr(0, command::errors::kEchoLimit)) + "'");
  filter.user = value;
  return true;
}

bool ParseSkipMe(Call& call, std::string_view value, KillFilter& filter) {
  const bool skip = EqualsIgnoreCase(value, "yes");
  if (!skip && !EqualsIgnoreCase(value, "no")) return Refuse(call, command::errors::kSyntax);
  filter.skip_caller = skip;
  return true;
}

bool ParseMaxAge(Call& call, std::string_view value, KillFilter& filter) {
  const std::optional<std::int64_t> age_s = ParseInt64(value);
  if (!age_s) return Refuse(call, "ERR maxage is not an integer or out of range");
  if (*age_s <= 0) return Refuse(call, "ERR maxage should be greater than 0");
  filter.age_min_s = *age_s;
  return true;
}

bool ParseOption(Call& call, std::string_view option, std::string_view value, KillFilter& filter) {
  if (EqualsIgnoreCase(option, "ID")) return ParseId(call, value, filter);
  if (EqualsIgnoreCase(option, "TYPE")) return ParseType(call, value, filter);
  if (EqualsIgnoreCase(option, "USER")) return ParseUser(call, value, filter);
  if (EqualsIgnoreCase(option, "SKIPME")) return ParseSkipMe(call, value, filter);
  if (EqualsIgnoreCase(option, "MAXAGE")) return ParseMaxAge(call, value, filter);
  if (EqualsIgnoreCase(option, "ADDR")) {
    filter.address = value;
  } else if (EqualsIgnoreCase(option, "LADDR")) {
    filter.local_address = value;
  } else {
    return Refuse(call, command::errors::kSyntax);
  }
  return true;
}

bool Fits(const ClientInfo& info, const KillFilter& filter, UnixMs now_ms) {
  if (filter.id && *filter.id != info.id.value) return false;
  if (filter.client_class && *filter.client_class != ClassOf(info)) return false;
  if (filter.address && *filter.address != info.texts.address) return false;
  if (filter.local_address && *filter.local_address != info.texts.local_address) return false;
  if (filter.user && *filter.user != info.texts.user) return false;
  return filter.age_min_s == 0 || (now_ms - info.created_ms) / 1000 >= filter.age_min_s;
}

struct Kill {
  std::map<std::size_t, std::vector<ClientId>> victims;  // by worker
  std::int64_t count = 0;                                // with the caller, if it fits
  bool caller_fits = false;
};

Kill MarkVictims(Call& call, const KillFilter& filter) {
  const ClientId caller = call.session().id();
  Kill kill;
  Connection::Of(call).server().clients().ForEach([&](ClientInfo& info) {
    if (!Fits(info, filter, call.now_ms())) return;
    if (info.id == caller) {
      kill.caller_fits = !filter.skip_caller;
      kill.count += kill.caller_fits ? 1 : 0;
      return;
    }
    // exchange: of two that kill the same client, one counts it.
    if (info.kill_requested.exchange(true, std::memory_order_relaxed)) return;
    kill.victims[info.worker].push_back(info.id);
    ++kill.count;
  });
  return kill;
}

void Reply(resp::Writer& reply, bool old_form, std::int64_t killed) {
  if (!old_form) return reply.Integer(killed);
  killed == 0 ? reply.Error("ERR No such client") : reply.Ok();
}

// Who waits until so many workers have closed their victims. Shared by the tasks they are sent; the
// last of them answers.
class Closings {
 public:
  Closings(std::size_t workers, std::shared_ptr<command::Parked> caller, bool old_form,
           std::int64_t killed)
      : left_(workers), caller_(std::move(caller)), old_form_(old_form), killed_(killed) {}

  void WorkerIsDone() {
    // acq_rel: what every worker took away is gone for whoever sees the answer.
    if (left_.fetch_sub(1, std::memory_order_acq_rel) != 1 || caller_ == nullptr) return;
    command::AnswerParked(caller_,
                          [this](resp::Writer& reply) { Reply(reply, old_form_, killed_); });
  }

 private:
  std::atomic<std::size_t> left_;
  const std::shared_ptr<command::Parked> caller_;  // null: it has been answered
  const bool old_form_;
  const std::int64_t killed_;
};

void CloseVictims(Server& server, Kill kill, const std::shared_ptr<Closings>& closings) {
  for (auto& victims : kill.victims) {
    Worker* worker = server.workers()[victims.first].get();
    worker->Post([worker, ids = std::move(victims.second), closings] {
      for (const ClientId id : ids) {
        if (Connection* connection = worker->FindToClose(id); connection != nullptr)
          connection->CloseNow();
      }
      worker->AfterClosing([closings] { closings->WorkerIsDone(); });
    });
  }
}

}  // namespace

void KillClients(Call& call) {
  const bool old_form = call.argc() == 3;
  KillFilter filter;
  if (old_form) {
    filter.address = call.arg(2);
    filter.skip_caller = false;
  }
  for (std::size_t i = 2; !old_form && i < call.argc(); i += 2) {
    if (i + 1 == call.argc()) return call.Error(command::errors::kSyntax);
    if (!ParseOption(call, call.arg(i), call.arg(i + 1), filter)) return;
  }
  Kill kill = MarkVictims(call, filter);
  Connection& connection = Connection::Of(call);
  const std::shared_ptr<command::Parked> caller =
      kill.victims.empty() ? nullptr : call.AnswerLater();
  if (caller == nullptr) Reply(call.reply(), old_form, kill.count);
  if (kill.caller_fits) connection.CloseAfterReplies();
  const auto closings =
      std::make_shared<Closings>(kill.victims.size(), caller, old_form, kill.count);
  CloseVictims(connection.server(), std::move(kill), closings);
}

}  // namespace cairn::server
