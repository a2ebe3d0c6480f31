// SPDX-License-Identifier: BSD-3-Clause
// What a client may be called, and calling it so.
//
// The name is kept in the registry and not in the connection, since CLIENT LIST on any other worker
// reads it; so it is written under the registry's lock.
#include "server/client_name.h"

#include <algorithm>

#include "command/errors.h"
#include "server/connection.h"
#include "server/server.h"

namespace cairn::server {

bool IsClientWord(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= '!' && c <= '~'; });
}

bool SetClientName(command::Call& call, std::string_view name) {
  if (!IsClientWord(name)) {
    call.Error(command::errors::kClientName);
    return false;
  }
  Connection& connection = Connection::Of(call);
  connection.server().clients().With(connection.id(),
                                     [&](ClientInfo& info) { info.texts.name = name; });
  return true;
}

}  // namespace cairn::server
