// SPDX-License-Identifier: BSD-3-Clause
// As in the clients' guidelines of Redis Sentinel.
#include "client/sentinel.h"

#include <string>
#include <utility>

#include "base/text.h"

namespace cairn::client {
namespace {

using cache::Command;
using cache::Errc;
using cache::Fail;
using cache::Reply;
using cache::Result;

Result<Endpoint> AskSentinel(const DialPlan& plan, const Endpoint& sentinel, GivesUp gives_up) {
  auto transport = Connect(plan, sentinel, gives_up);
  if (!transport) return Pass(std::move(transport));
  Dialogue dialogue(**transport, plan.timeout_ms, gives_up);
  Result<Reply> reply =
      dialogue.Ask(Command("SENTINEL", "get-master-addr-by-name", plan.uri.master));
  if (!reply) {
    reply.error().detail.insert(0, sentinel.ToString() + ": ");
    return Pass(std::move(reply));
  }
  const std::span<const Reply> parts = reply->elements();
  if (parts.size() != 2)
    return Fail(Errc::kUnreachable, sentinel.ToString() + " knows no '" + plan.uri.master + "'");
  const auto port = parts[1].AsInteger();
  if (!port || *port < 1 || *port > UINT16_MAX)
    return Fail(Errc::kProtocol, sentinel.ToString() + " names no port");
  if (parts[0].text().empty()) return Fail(Errc::kProtocol, sentinel.ToString() + " names no host");
  return Endpoint{.host = std::string(parts[0].text()), .port = static_cast<std::uint16_t>(*port)};
}

Result<void> CheckIsMaster(const DialPlan& plan, const Endpoint& master, GivesUp gives_up) {
  DialPlan direct = plan;
  direct.endpoint = master;
  direct.extra = {};
  auto dialed = Dial(direct, gives_up);
  if (!dialed) return Pass(std::move(dialed));
  Dialogue dialogue(*dialed->transport, plan.timeout_ms, gives_up);
  Result<Reply> role = dialogue.Ask(Command("ROLE"));
  if (!role) {
    role.error().detail.insert(0, master.ToString() + ": ");
    return Pass(std::move(role));
  }
  if (!role->elements().empty() && role->elements()[0].text() == "master") return {};
  return Fail(Errc::kUnreachable, master.ToString() + " is no master (any more)");
}

}  // namespace

Result<Endpoint> FindMaster(const DialPlan& plan, GivesUp gives_up) {
  std::string why;
  for (const Endpoint& sentinel : plan.uri.endpoints) {
    if (gives_up()) break;
    Result<Endpoint> master = AskSentinel(plan, sentinel, gives_up);
    Result<void> is_master;
    if (master) is_master = CheckIsMaster(plan, *master, gives_up);
    if (master && is_master) return master;
    why += why.empty() ? "" : "; ";
    why += master ? is_master.error().detail : master.error().detail;
  }
  return Fail(Errc::kUnreachable, "no Sentinel names a master: " + why);
}

}  // namespace cairn::client
