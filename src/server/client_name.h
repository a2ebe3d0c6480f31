// SPDX-License-Identifier: BSD-3-Clause
// Naming a client: CLIENT SETNAME and HELLO SETNAME obey the same rule.
#ifndef CAIRN_SERVER_CLIENT_NAME_H_
#define CAIRN_SERVER_CLIENT_NAME_H_

#include <string_view>

#include "command/call.h"

namespace cairn::server {

// Printable, no spaces: "!" to "~". What CLIENT LIST shows must stay one word.
bool IsClientWord(std::string_view text);
// Names the calling client; false, with the error replied, if the name has characters that it may
// not have. An empty name removes it.
bool SetClientName(command::Call& call, std::string_view name);

}  // namespace cairn::server

#endif  // CAIRN_SERVER_CLIENT_NAME_H_
