// SPDX-License-Identifier: BSD-3-Clause
// Replies to Lua values and back.
//
// RESP to Lua in one pass, straight onto the stack; Lua to RESP into a Writer. Both follow Redis
// 7.2 type by type; neither calls a metamethod. Depth is limited by the Lua stack, as in Redis:
// what lies deeper than some 8000 values is the error "reached lua stack limit".
#ifndef CAIRN_SCRIPTING_LUA_REPLY_H_
#define CAIRN_SCRIPTING_LUA_REPLY_H_

#include <lua.hpp>
#include <string_view>

#include "resp/writer.h"

namespace cairn::scripting {

// Pushes one value. `reply` is one whole reply; what is none, or is cut short, is an error object.
// Returns whether the reply itself is an error. May raise (memory).
// REQUIRES: upvalues 1 and 2 of the running function are "ok" and "OK".
bool PushReply(lua_State* L, std::string_view reply);

// Writes the value at the top of the stack and pops it. `script_protocol`: what redis.setresp said,
// on which the type of booleans hangs.
void WriteReply(lua_State* L, int script_protocol, resp::Writer& out);

}  // namespace cairn::scripting

#endif  // CAIRN_SCRIPTING_LUA_REPLY_H_
