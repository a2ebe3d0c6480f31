// SPDX-License-Identifier: BSD-3-Clause
// SAVE, BGSAVE, LASTSAVE and DEBUG RELOAD.
//
// A client that says SAVE waits for the file; the others are served meanwhile, which Redis cannot.
// What the file holds is the same: the data of one moment.
#include <memory>
#include <string>
#include <utility>

#include "base/text.h"
#include "command/call.h"
#include "command/errors.h"
#include "server/connection.h"
#include "server/debug_data.h"
#include "server/families.h"
#include "server/server.h"

namespace cairn::server {
namespace {

using command::Call;
using command::Group;
using command::Parked;
using command::Spec;
using persist::Persistence;

// What Redis says where the log says more.
constexpr std::string_view kSomeError = "ERR";

Persistence& PersistenceOf(Call& call) { return Connection::Of(call).server().persistence(); }

void Save(Call& call) {
  Persistence& persistence = PersistenceOf(call);
  if (persistence.is_saving_in_background()) return call.Error(command::errors::kSaveInProgress);
  const std::shared_ptr<Parked> client = call.AnswerLater();
  if (client == nullptr) return call.Error(kSomeError);
  persistence.Save([client](bool saved) {
    AnswerParked(client,
                 [saved](resp::Writer& reply) { saved ? reply.Ok() : reply.Error(kSomeError); });
  });
}

void BgSave(Call& call) {
  const bool may_wait = call.argc() == 2 && EqualsIgnoreCase(call.arg(1), "SCHEDULE");
  if (call.argc() > 1 && !may_wait) return call.Error(command::errors::kSyntax);
  Persistence& persistence = PersistenceOf(call);
  // The moment of an EXEC is not in its middle.
  if (Connection::Of(call).IsNested(call) && !persistence.is_saving_in_background()) {
    persistence.ScheduleSave();
    return call.reply().Simple("Background saving scheduled");
  }
  using IfBusy = Persistence::IfBusy;
  switch (persistence.SaveInBackground(call.txn().locks(),
                                       may_wait ? IfBusy::kSchedule : IfBusy::kRefuse)) {
    case Persistence::Begun::kStarted:
      return call.reply().Simple("Background saving started");
    case Persistence::Begun::kScheduled:
      return call.reply().Simple("Background saving scheduled");
    case Persistence::Begun::kIsSaving:
      return call.Error(command::errors::kSaveInProgress);
    case Persistence::Begun::kIsBusyOtherwise:
      return call.Error(command::errors::kBusyOtherwise);
  }
}

void LastSave(Call& call) { call.reply().Integer(PersistenceOf(call).last_save_s()); }

// False, with an error replied, if a word is unknown.
bool ParseReload(Call& call, Persistence::Reload* how) {
  for (std::size_t i = 2; i < call.argc(); ++i) {
    if (EqualsIgnoreCase(call.arg(i), "MERGE")) {
      how->merges = true;
    } else if (EqualsIgnoreCase(call.arg(i), "NOFLUSH")) {
      how->flushes = false;
    } else if (EqualsIgnoreCase(call.arg(i), "NOSAVE")) {
      how->saves = false;
    } else {
      call.Error("ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.");
      return false;
    }
  }
  return true;
}

void WriteReloaded(resp::Writer& reply, Persistence::Reloaded reloaded) {
  switch (reloaded) {
    case Persistence::Reloaded::kDone:
      return reply.Ok();
    case Persistence::Reloaded::kNotSaved:
      return reply.Error(kSomeError);
    case Persistence::Reloaded::kNotLoaded:
      return reply.Error("ERR Error trying to load the RDB dump, check server logs.");
  }
}

constexpr Spec kSpecs[] = {
    Spec({.syntax = "SAVE",
          .since = "1.0.0",
          .group = Group::kServer,
          .flags =
              command::kAdmin | command::kNoScript | command::kNoAsyncLoading | command::kNoMulti,
          .complexity = "O(N) where N is the total number of keys in all databases",
          .summary = "Saves the data of all databases to disk, and waits for the end.",
          .run = &Save}),
    Spec({.syntax = "BGSAVE [SCHEDULE]",
          .since = "1.0.0",
          .group = Group::kServer,
          .flags = command::kAdmin | command::kNoScript | command::kNoAsyncLoading |
                   command::kAllStripes,
          .complexity = "O(1)",
          .summary = "Begins to save the data of all databases to disk.",
          .history = "3.2.2: Added the option SCHEDULE.",
          .run = &BgSave}),
    Spec({.syntax = "LASTSAVE",
          .since = "1.0.0",
          .group = Group::kServer,
          .flags = command::kLoading | command::kStale | command::kFast,
          .categories = "admin dangerous",
          .complexity = "O(1)",
          .summary = "Returns when data was last saved to disk, in Unix seconds.",
          .tips = "nondeterministic_output",
          .run = &LastSave}),
};

}  // namespace

void DebugReload(Call& call) {
  Persistence::Reload how;
  if (!ParseReload(call, &how)) return;
  if (PersistenceOf(call).is_loading()) return call.Error(command::errors::kLoading);
  const std::shared_ptr<Parked> client = call.AnswerLater();
  if (client == nullptr) return call.Error("ERR DEBUG RELOAD cannot run inside a transaction");
  PersistenceOf(call).BeginReload(how, [client](Persistence::Reloaded reloaded) {
    AnswerParked(client, [reloaded](resp::Writer& reply) { WriteReloaded(reply, reloaded); });
  });
}

std::span<const Spec> PersistenceFamily() { return kSpecs; }

}  // namespace cairn::server
