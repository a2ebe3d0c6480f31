// SPDX-License-Identifier: BSD-3-Clause
// SHUTDOWN: ends the process with status 0.
//
// It is the main thread that saves and stops; the client waits, and learns of success by the
// connection's end, as from Redis. There are no replicas to wait for, which is what ABORT is about.
#include <memory>

#include "base/text.h"
#include "command/call.h"
#include "command/errors.h"
#include "scripting/script_kill.h"
#include "server/connection.h"
#include "server/families.h"
#include "server/server.h"

namespace cairn::server {
namespace {

using command::Call;
using command::Group;
using command::Spec;

struct ShutdownOptions {
  bool save = false;
  bool no_save = false;
  bool now = false;
  bool force = false;
  bool abort = false;
};

// False if the words are none that SHUTDOWN takes, or not together.
bool Parse(std::span<const std::string_view> words, ShutdownOptions& options) {
  for (const std::string_view word : words) {
    if (EqualsIgnoreCase(word, "SAVE")) {
      options.save = true;
    } else if (EqualsIgnoreCase(word, "NOSAVE")) {
      options.no_save = true;
    } else if (EqualsIgnoreCase(word, "NOW")) {
      options.now = true;
    } else if (EqualsIgnoreCase(word, "FORCE")) {
      options.force = true;
    } else if (EqualsIgnoreCase(word, "ABORT")) {
      options.abort = true;
    } else {
      return false;
    }
  }
  const bool others = options.save || options.no_save || options.now || options.force;
  return !(options.abort && others) && !(options.save && options.no_save);
}

void Shutdown(Call& call) {
  ShutdownOptions options;
  if (!Parse(call.args().subspan(1), options)) return call.Error(command::errors::kSyntax);
  if (options.abort) return call.Error("ERR No shutdown in progress.");
  if (!options.no_save && scripting::IsBusy(call)) return;
  ShutdownHow how{.is_forced = options.force};
  if (options.save) how.save = ShutdownHow::Save::kYes;
  if (options.no_save) how.save = ShutdownHow::Save::kNo;
  const std::shared_ptr<command::Parked> client = call.AnswerLater();
  Connection::Of(call).server().RequestShutdown(how, [client] {
    if (client == nullptr) return;
    AnswerParked(client, [](resp::Writer& reply) {
      reply.Error("ERR Errors trying to SHUTDOWN. Check logs.");
    });
  });
}

constexpr Spec kSpecs[] = {
    Spec({.syntax = "SHUTDOWN [NOSAVE | SAVE] [NOW] [FORCE] [ABORT]",
          .since = "1.0.0",
          .group = Group::kServer,
          .flags = command::kAdmin | command::kNoScript | command::kLoading | command::kStale |
                   command::kNoMulti | command::kAllowBusy,
          .complexity = "O(N) when saving, where N is the total number of keys in all databases "
                        "when saving data, otherwise O(1)",
          .summary = "Ends the server.",
          .history = "7.0.0: Added `NOW`, `FORCE` and `ABORT`.",
          .run = &Shutdown}),
};

}  // namespace

std::span<const Spec> ShutdownFamily() { return kSpecs; }

}  // namespace cairn::server
