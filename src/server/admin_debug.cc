// SPDX-License-Identifier: BSD-3-Clause
// DEBUG: what tests and people who look for faults need. Behind enable-debug-command (the gate is
// the server's), since some of it stops the process.
//
// To Redis and its clients it is one command, not a container, so its subcommands are a table of
// their own here. Some are accepted and do nothing, since what they would switch does not exist:
// that serves test suites which set them at the start.
#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>

#include "base/check.h"
#include "base/glob.h"
#include "base/mutex.h"
#include "base/text.h"
#include "command/call.h"
#include "command/errors.h"
#include "command/parked.h"
#include "server/config_rewrite.h"
#include "server/connection.h"
#include "server/debug_data.h"
#include "server/families.h"
#include "server/server.h"

namespace cairn::server {
namespace {

using command::Call;
using command::Group;
using command::Spec;

void Ok(Call& call) { call.reply().Ok(); }

// What C's atoi makes of it, as Redis reads switches: 0 for what is not a number.
std::int64_t NumberOf(std::string_view word) {
  return std::strtol(std::string(word).c_str(), nullptr, 10);
}
bool IsOn(std::string_view word) { return NumberOf(word) != 0; }

// Holds this worker and its clients only; the other workers serve on.
void Sleep(Call& call) {
  constexpr double kSecondsMax = 86'400;
  const double seconds = std::strtod(std::string(call.arg(2)).c_str(), nullptr);
  if (seconds > 0) {
    Event never;
    never.WaitFor(static_cast<std::int64_t>(std::min(seconds, kSecondsMax) * 1e6));
  }
  call.reply().Ok();
}

void AofFlushSleep(Call& call) {
  Connection::Of(call).server().aof().SetFlushSleep(NumberOf(call.arg(2)));
  call.reply().Ok();
}

void SetActiveExpire(Call& call) {
  call.keyspace().tunables().active_expire.store(IsOn(call.arg(2)), std::memory_order_relaxed);
  call.reply().Ok();
}

void Error(Call& call) { call.Error(call.arg(2)); }

void Log(Call& call) {
  Connection::Of(call).server().log().Warning("DEBUG LOG: " + std::string(call.arg(2)));
  call.reply().Ok();
}

void PackedThreshold(Call& call) {
  constexpr std::int64_t kBytesMax = std::int64_t{4} * 1024 * 1024 * 1024;
  const std::optional<std::int64_t> bytes = ParseMemorySize(call.arg(2));
  const bool is_number = !call.arg(2).empty() && call.arg(2)[0] >= '0' && call.arg(2)[0] <= '9';
  if (!bytes || !is_number || *bytes >= kBytesMax)
    return call.Error("ERR argument must be a memory value bigger than 1 and smaller than 4gb");
  call.reply().Ok();
}

void ReplyBufferOptions(Call& call) {
  if (EqualsIgnoreCase(call.arg(2), "RESIZING")) return call.reply().Ok();
  if (!EqualsIgnoreCase(call.arg(2), "PEAK-RESET-TIME"))
    return call.Error(command::errors::SubcommandSyntax(call.arg(1), call.arg(0)));
  const bool named =
      EqualsIgnoreCase(call.arg(3), "NEVER") || EqualsIgnoreCase(call.arg(3), "RESET");
  if (!named && !ParseInt64(call.arg(3))) return call.Error(command::errors::kNotAnInteger);
  call.reply().Ok();
}

void RewriteAll(Call& call) {
  Server& server = Connection::Of(call).server();
  const std::vector<std::string> users = server.access().UserLines();
  const Status rewritten = RewriteConfig(server.config(), RewriteScope::kAll, &users);
  if (rewritten.ok()) return call.reply().Ok();
  std::string_view why = rewritten.message();
  if (why.starts_with("ERR ")) why.remove_prefix(4);
  call.Error("ERR CONFIG-REWRITE-FORCE-ALL failed: " + std::string(why));
}

void StringMatchLen(Call& call) {
  call.reply().Integer(GlobMatch(call.arg(2), call.arg(3)) ? 1 : 0);
}

void Segfault(Call&) { std::raise(SIGSEGV); }
void Panic(Call&) { CheckFailed(__FILE__, __LINE__, "DEBUG PANIC called"); }
void Assert(Call&) { CheckFailed(__FILE__, __LINE__, "DEBUG ASSERT called"); }

void LoadAof(Call& call) {
  const std::shared_ptr<command::Parked> client = call.AnswerLater();
  if (client == nullptr) return call.Error("ERR DEBUG LOADAOF cannot run inside a transaction");
  Connection::Of(call).server().RequestAofReload([client](const Status& loaded) {
    AnswerParked(client, [&](resp::Writer& reply) {
      loaded.ok() ? reply.Ok() : reply.Error("ERR " + std::string(loaded.message()));
    });
  });
}

// --- PROTOCOL ---

void ProtocolArray(resp::Writer& reply, void (resp::Writer::*header)(std::size_t)) {
  (reply.*header)(3);
  for (std::int64_t i = 0; i < 3; ++i) reply.Integer(i);
}

void ProtocolMap(resp::Writer& reply) {
  reply.Map(3);
  for (std::int64_t i = 0; i < 3; ++i) {
    reply.Integer(i);
    reply.Bool(i == 1);
  }
}

void ProtocolAttribute(resp::Writer& reply) {
  if (reply.resp3()) {
    reply.Attribute(1);
    reply.Bulk("key-popularity");
    reply.Array(2);
    reply.Bulk("key:123");
    reply.Integer(90);
  }
  reply.Bulk("Some real reply following the attribute");
}

// The push comes before the reply, as invalidation messages would.
void ProtocolPush(resp::Writer& reply) {
  if (!reply.resp3()) return reply.Error("ERR RESP2 is not supported by this command");
  reply.Push(2);
  reply.Bulk("server-cpu-usage");
  reply.Integer(42);
  reply.Bulk("Some real reply following the push reply");
}

struct ProtocolType {
  std::string_view name;
  void (*reply)(resp::Writer&);
};

constexpr ProtocolType kProtocolTypes[] = {
    {"string", [](resp::Writer& reply) { reply.Bulk("Hello World"); }},
    {"integer", [](resp::Writer& reply) { reply.Integer(12345); }},
    {"double", [](resp::Writer& reply) { reply.Double(3.141); }},
    {"null", [](resp::Writer& reply) { reply.Null(); }},
    {"array", [](resp::Writer& reply) { ProtocolArray(reply, &resp::Writer::Array); }},
    {"set", [](resp::Writer& reply) { ProtocolArray(reply, &resp::Writer::Set); }},
    {"map", &ProtocolMap},
    {"attrib", &ProtocolAttribute},
    {"push", &ProtocolPush},
    {"bignum",
     [](resp::Writer& reply) { reply.BigNumber("1234567999999999999999999999999999999"); }},
    {"verbatim", [](resp::Writer& reply) { reply.Verbatim("txt", "This is a verbatim\nstring"); }},
    {"true", [](resp::Writer& reply) { reply.Bool(true); }},
    {"false", [](resp::Writer& reply) { reply.Bool(false); }},
};

void Protocol(Call& call) {
  for (const ProtocolType& type : kProtocolTypes) {
    if (EqualsIgnoreCase(type.name, call.arg(2))) return type.reply(call.reply());
  }
  call.Error(
      "ERR Wrong protocol type name. Please use one of the following: "
      "string|integer|double|bignum|null|array|set|map|attrib|push|verbatim|true|false");
}

// --- the table ---

void Help(Call& call);

struct Subcommand {
  std::string_view syntax;  // the name first
  std::size_t words_min;    // behind the name
  std::size_t words_max;
  std::string_view summary;
  void (*run)(Call&);
  std::string_view name() const { return syntax.substr(0, syntax.find(' ')); }
};

constexpr std::size_t kAny = SIZE_MAX;
constexpr std::string_view kIgnored = "Accepted; there is nothing here that it would change.";

constexpr Subcommand kSubcommands[] = {
    {"ASSERT", 0, 0, "Ends the process as a failed check does.", &Assert},
    {"AOF-FLUSH-SLEEP <microseconds>", 1, 1,
     "Rests that long before each writing to the append only file; 0 ends it.", &AofFlushSleep},
    {"CHANGE-REPL-ID", 0, 0, kIgnored, &Ok},
    {"CONFIG-REWRITE-FORCE-ALL", 0, 0, "CONFIG REWRITE of every directive, defaults too.",
     &RewriteAll},
    {"DIGEST", 0, 0, "Returns a digest of all databases.", &DebugDigest},
    {"DIGEST-VALUE <key> [<key> ...]", 0, kAny, "Returns a digest of each key's value.",
     &DebugDigestValue},
    {"ERROR <string>", 1, 1, "Returns the string as an error.", &Error},
    {"HTSTATS <dbid>", 1, 1, "Returns figures of a database's tables.", &DebugHtStats},
    {"HTSTATS-KEY <key>", 1, 1, "The same of a key's value, if that is a table.", &DebugHtStatsKey},
    {"LOADAOF", 0, 0, "Brings the append only file to the disk and loads it anew.", &LoadAof},
    {"LOG <message>", 1, 1, "Writes a message to the server's log.", &Log},
    {"OBJECT <key>", 1, 1, "Returns how a key's value is stored.", &DebugObject},
    {"PANIC", 0, kAny, "Ends the process as a failed check does.", &Panic},
    {"PAUSE-CRON <0|1>", 1, 1, kIgnored, &Ok},
    {"POPULATE <count> [<prefix>] [<size>]", 1, 3,
     "Creates keys '<prefix>:<number>' (prefix 'key') that are not there yet.", &DebugPopulate},
    {"PROTOCOL <type>", 1, 1,
     "Returns a value of a type: string, integer, double, bignum, null, array, set, map, attrib, "
     "push, verbatim, true, false.",
     &Protocol},
    {"QUICKLIST-PACKED-THRESHOLD <size>", 1, 1, kIgnored, &PackedThreshold},
    {"RELOAD [NOSAVE] [NOFLUSH] [MERGE]", 0, kAny,
     "Saves the data to disk and loads it again; NOSAVE loads what is there, NOFLUSH keeps the "
     "data "
     "in memory too, MERGE lets the file's keys replace it.",
     &DebugReload},
    {"REPLYBUFFER <PEAK-RESET-TIME <NEVER|RESET|time>|RESIZING <0|1>>", 2, 2, kIgnored,
     &ReplyBufferOptions},
    {"SEGFAULT", 0, 0, "Ends the process by SIGSEGV.", &Segfault},
    {"SET-ACTIVE-EXPIRE <0|1>", 1, 1,
     "Chooses whether keys that nobody looks at are removed when their time comes.",
     &SetActiveExpire},
    {"SET-DISABLE-DENY-SCRIPTS <0|1>", 1, 1, kIgnored, &Ok},
    {"SET-SKIP-CHECKSUM-VALIDATION <0|1>", 1, 1, kIgnored, &Ok},
    {"SLEEP <seconds>", 1, 1, "Holds the worker of this connection. Decimals allowed.", &Sleep},
    {"STRINGMATCH-LEN <pattern> <string>", 2, 2, "Returns whether a pattern fits a string.",
     &StringMatchLen},
    {"HELP", 0, 0, "Prints this help.", &Help},
};

void Help(Call& call) {
  call.reply().Array(1 + 2 * std::size(kSubcommands));
  call.reply().Simple("DEBUG <subcommand> [<arg> [value] [opt] ...]. Subcommands are:");
  for (const Subcommand& subcommand : kSubcommands) {
    call.reply().Simple(subcommand.syntax);
    call.reply().Simple("    " + std::string(subcommand.summary));
  }
}

void Debug(Call& call) {
  const std::size_t words = call.argc() - 2;
  for (const Subcommand& subcommand : kSubcommands) {
    if (!EqualsIgnoreCase(subcommand.name(), call.arg(1))) continue;
    if (words < subcommand.words_min || words > subcommand.words_max) break;
    return subcommand.run(call);
  }
  call.Error(command::errors::SubcommandSyntax(call.arg(1), call.arg(0)));
}

constexpr Spec kSpecs[] = {
    Spec({.syntax = "DEBUG",
          .since = "1.0.0",
          .group = Group::kServer,
          .flags = command::kAdmin | command::kNoScript | command::kLoading | command::kStale |
                   command::kProtected | command::kOwnLocks | command::kSystemCommand,
          .complexity = "Depends on subcommand.",
          .summary = "A container for what tests and people who look for faults need.",
          .arity = -2,
          .run = &Debug}),
};

}  // namespace

std::span<const Spec> DebugFamily() { return kSpecs; }

}  // namespace cairn::server
