// SPDX-License-Identifier: BSD-3-Clause
// How a connection begins and ends: HELLO, AUTH, RESET, QUIT.
#include <optional>
#include <string>

#include "base/text.h"
#include "command/call.h"
#include "command/errors.h"
#include "server/client_name.h"
#include "server/connection.h"
#include "server/families.h"
#include "server/server.h"
#include "server/version.h"

namespace cairn::server {
namespace {

using command::Call;
using command::Group;
using command::Spec;

// A wrong name and a wrong password are told alike.
bool Authenticate(Call& call, std::string_view name, std::string_view password) {
  Connection& connection = Connection::Of(call);
  std::shared_ptr<command::User> user =
      connection.server().access().Authenticate(call, name, password);
  if (user == nullptr) {
    call.Error(command::errors::kWrongPass);
    return false;
  }
  connection.BecomeUser(std::move(user));
  return true;
}

void Auth(Call& call) {
  if (call.argc() > 3) return call.Error(command::errors::kSyntax);
  const acl::Users& users = Connection::Of(call).server().access().users();
  if (call.argc() == 2 && users.default_is_nopass())
    return call.Error(command::errors::kNoPassword);
  const bool with_user = call.argc() == 3;
  if (Authenticate(call, with_user ? call.arg(1) : acl::kDefaultUser, call.arg(call.argc() - 1)))
    call.reply().Ok();
}

void ReplyHello(Call& call) {
  resp::Writer reply(call.reply().buffer(), call.session().protocol());
  reply.Map(7);
  reply.Bulk("server");
  reply.Bulk("redis");
  reply.Bulk("version");
  reply.Bulk(kRedisVersion);
  reply.Bulk("proto");
  reply.Integer(call.session().protocol());
  reply.Bulk("id");
  reply.Integer(static_cast<std::int64_t>(call.session().id().value));
  reply.Bulk("mode");
  reply.Bulk("standalone");
  reply.Bulk("role");
  reply.Bulk("master");
  reply.Bulk("modules");
  reply.Array(0);
}

struct HelloOptions {
  std::optional<int> protocol;
  std::optional<std::pair<std::string_view, std::string_view>> credentials;
  std::optional<std::string_view> name;
};

bool ParseHello(Call& call, HelloOptions& options) {
  if (call.argc() == 1) return true;
  const std::optional<std::int64_t> protocol = ParseInt64(call.arg(1));
  if (!protocol) {
    call.Error(command::errors::kProtocolNotAnInteger);
    return false;
  }
  if (*protocol < 2 || *protocol > 3) {
    call.Error(command::errors::kNoProto);
    return false;
  }
  options.protocol = static_cast<int>(*protocol);
  for (std::size_t i = 2; i < call.argc(); ++i) {
    const std::size_t more = call.argc() - i - 1;
    if (EqualsIgnoreCase(call.arg(i), "AUTH") && more >= 2) {
      options.credentials = {call.arg(i + 1), call.arg(i + 2)};
      i += 2;
    } else if (EqualsIgnoreCase(call.arg(i), "SETNAME") && more >= 1) {
      options.name = call.arg(++i);
      // Told before the credentials are looked at.
      if (!IsClientWord(*options.name)) {
        call.Error(command::errors::kClientName);
        return false;
      }
    } else {
      call.Error("ERR Syntax error in HELLO option '" + std::string(call.arg(i)) + "'");
      return false;
    }
  }
  return true;
}

void Hello(Call& call) {
  HelloOptions options;
  if (!ParseHello(call, options)) return;
  if (options.credentials &&
      !Authenticate(call, options.credentials->first, options.credentials->second))
    return;
  if (!call.session().authenticated()) return call.Error(command::errors::kHelloNoAuth);
  if (options.name && !SetClientName(call, *options.name)) return;
  if (options.protocol) call.session().set_protocol(*options.protocol);
  ReplyHello(call);
}

void Reset(Call& call) {
  Connection::Of(call).ResetSession();
  call.reply().Simple("RESET");
}

void Quit(Call& call) {
  call.reply().Ok();
  Connection::Of(call).CloseAfterReplies();
}

constexpr std::uint32_t kAlways = command::kNoScript | command::kLoading | command::kStale |
                                  command::kFast | command::kNoAuth | command::kAllowBusy;

constexpr Spec kSpecs[] = {
    Spec({.syntax = "AUTH [username] password",
          .since = "1.0.0",
          .group = Group::kConnection,
          .flags = kAlways,
          .complexity = "O(1)",
          .summary = "Authenticates the connection.",
          .history = "6.0.0: Added the user name.",
          .run = &Auth}),
    Spec({.syntax = "HELLO [protover [AUTH username password] [SETNAME clientname]]",
          .since = "6.0.0",
          .group = Group::kConnection,
          .flags = kAlways,
          .complexity = "O(1)",
          .summary = "Greets the server, chooses the protocol version, authenticates and names the "
                     "connection in one step.",
          .history = "6.2.0: protover became optional.",
          .run = &Hello}),
    Spec({.syntax = "RESET",
          .since = "6.2.0",
          .group = Group::kConnection,
          .flags = kAlways | command::kNeverQueued,
          .complexity = "O(1)",
          .summary = "Puts the connection back to what a new one is.",
          .run = &Reset}),
    Spec({.syntax = "QUIT",
          .since = "1.0.0",
          .group = Group::kConnection,
          .flags = kAlways | command::kNeverQueued,
          .complexity = "O(1)",
          .summary = "Closes the connection.",
          .deprecated = "7.2.0|just closing the connection",
          .arity = -1,  // whatever else is said, the client wants to go
          .run = &Quit}),
};

}  // namespace

std::span<const Spec> HandshakeFamily() { return kSpecs; }

}  // namespace cairn::server
