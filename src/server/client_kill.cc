// SPDX-License-Identifier: BSD-3-Clause
// CLIENT KILL: reads the filters, marks those that fit, and tells their workers.
//
// A mark (kill_requested) stops a client at once: its worker runs no further command of it, and
// CLIENT LIST does not show it any more. The worker closes the socket when it gets to it. The
// caller itself is answered first and then closed.
#include "server/client_kill.h"

#include <optional>
#include <string>
#include <vector>

#include "base/text.h"
#include "command/errors.h"
#include "server/client_line.h"
#include "server/connection.h"
#include "server/server.h"
#include "server/worker.h"

namespace cairn::server {
namespace {

using command::Call;

constexpr std::string_view kDefaultUser = "default";

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
  if (value != kDefaultUser)
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

struct Victim {
  ClientId id;
  std::size_t worker;
};

// Marks and closes; returns how many. `caller_fits` says whether the caller is among them.
std::int64_t Kill(Call& call, const KillFilter& filter, bool* caller_fits) {
  Server& server = Connection::Of(call).server();
  const ClientId caller = call.session().id();
  std::vector<Victim> victims;
  *caller_fits = false;
  server.clients().ForEach([&](ClientInfo& info) {
    if (!Fits(info, filter, call.now_ms())) return;
    if (info.id == caller) {
      *caller_fits = !filter.skip_caller;
      return;
    }
    // exchange: of two that kill the same client, one counts it.
    if (info.kill_requested.exchange(true, std::memory_order_relaxed)) return;
    victims.push_back({info.id, info.worker});
  });
  for (const Victim& victim : victims) {
    Worker* worker = server.workers()[victim.worker].get();
    worker->Post([worker, id = victim.id] {
      if (Connection* connection = worker->FindConnection(id); connection != nullptr)
        connection->CloseNow();
    });
  }
  return static_cast<std::int64_t>(victims.size()) + (*caller_fits ? 1 : 0);
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
  bool caller_fits = false;
  const std::int64_t killed = Kill(call, filter, &caller_fits);
  if (!old_form) {
    call.reply().Integer(killed);
  } else if (killed == 0) {
    call.Error("ERR No such client");
  } else {
    call.reply().Ok();
  }
  if (caller_fits) Connection::Of(call).CloseAfterReplies();
}

}  // namespace cairn::server
