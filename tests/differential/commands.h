// SPDX-License-Identifier: BSD-3-Clause
// The commands that random sequences are made of, and their grammars from a server.
//
// Left out: what blocks, what is about the connection or the server, and what answers with the
// server's own figures.
#ifndef CAIRN_TESTS_DIFFERENTIAL_COMMANDS_H_
#define CAIRN_TESTS_DIFFERENTIAL_COMMANDS_H_

#include <optional>
#include <string_view>

#include "differential/grammar.h"
#include "support/channel.h"

namespace cairn::differential {

inline constexpr std::string_view kCommands[] = {
    "append",
    "bitcount",
    "bitfield",
    "bitfield_ro",
    "bitop",
    "bitpos",
    "copy",
    "dbsize",
    "decr",
    "decrby",
    "del",
    "echo",
    "exists",
    "expire",
    "expireat",
    "expiretime",
    "flushdb",
    "get",
    "getbit",
    "getdel",
    "getex",
    "getrange",
    "getset",
    "incr",
    "incrby",
    "incrbyfloat",
    "keys",
    "lcs",
    "mget",
    "move",
    "mset",
    "msetnx",
    "persist",
    "pexpire",
    "pexpireat",
    "pexpiretime",
    "pfadd",
    "pfcount",
    "pfmerge",
    "ping",
    "psetex",
    "pttl",
    "randomkey",
    "rename",
    "renamenx",
    "scan",
    "select",
    "set",
    "setbit",
    "setex",
    "setnx",
    "setrange",
    "strlen",
    "substr",
    "swapdb",
    "touch",
    "ttl",
    "type",
    "unlink",
    "xack",
    "xadd",
    "xautoclaim",
    "xclaim",
    "xdel",
    "xgroup|create",
    "xgroup|createconsumer",
    "xgroup|delconsumer",
    "xgroup|destroy",
    "xgroup|setid",
    "xinfo|groups",
    "xinfo|stream",
    "xlen",
    "xpending",
    "xrange",
    "xread",
    "xreadgroup",
    "xrevrange",
    "xsetid",
    "xtrim",
    "object|encoding",
    "object|refcount",
};

// What COMMAND DOCS says of the command; nothing if the server does not know it. `channel` speaks
// RESP3.
std::optional<CommandGrammar> AskGrammar(testing::Channel& channel, std::string_view name);

}  // namespace cairn::differential

#endif  // CAIRN_TESTS_DIFFERENTIAL_COMMANDS_H_
