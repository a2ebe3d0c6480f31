// SPDX-License-Identifier: BSD-3-Clause
// MODULE: there are none, and none can be loaded. Tools ask for the list; who may not load any is
// told so by the gate (enable-module-command), as in Redis.
#include <string>

#include "command/call.h"
#include "command/help.h"
#include "server/connection.h"
#include "server/families.h"
#include "server/server.h"

namespace cairn::server {
namespace {

using command::Call;
using command::Group;
using command::Spec;

void List(Call& call) { call.reply().Array(0); }

void Load(Call& call) {
  Connection::Of(call).server().log().Warning("MODULE: Cairn loads no modules");
  call.Error("ERR Error loading the extension. Please check the server logs.");
}

void Unload(Call& call) { call.Error("ERR Error unloading module: no such module with that name"); }

constexpr std::uint32_t kFlags = command::kAdmin | command::kNoScript;
constexpr std::uint32_t kLoads = kFlags | command::kNoAsyncLoading | command::kProtected;

constexpr Spec kSubcommands[] = {
    Spec({.syntax = "MODULE LIST",
          .since = "4.0.0",
          .group = Group::kServer,
          .flags = kFlags,
          .complexity = "O(1)",
          .summary = "Returns the modules that are loaded: none.",
          .tips = "nondeterministic_output_order",
          .run = &List}),
    Spec({.syntax = "MODULE LOAD path [arg [arg ...]]",
          .since = "4.0.0",
          .group = Group::kServer,
          .flags = kLoads,
          .complexity = "O(1)",
          .summary = "Fails: there are no modules.",
          .run = &Load}),
    Spec({.syntax = "MODULE LOADEX path [CONFIG name value [CONFIG name value ...]] "
                    "[ARGS arg [arg ...]]",
          .since = "7.0.0",
          .group = Group::kServer,
          .flags = kLoads,
          .complexity = "O(1)",
          .summary = "Fails: there are no modules.",
          .run = &Load}),
    Spec({.syntax = "MODULE UNLOAD name",
          .since = "4.0.0",
          .group = Group::kServer,
          .flags = kLoads,
          .complexity = "O(1)",
          .summary = "Fails: there are no modules.",
          .run = &Unload}),
    Spec({.syntax = "MODULE HELP",
          .since = "5.0.0",
          .group = Group::kServer,
          .flags = command::kLoading | command::kStale,
          .complexity = "O(1)",
          .summary = "Returns this text.",
          .run = &command::ReplyHelp}),
};

constexpr Spec kSpecs[] = {
    Spec({.syntax = "MODULE",
          .since = "4.0.0",
          .group = Group::kServer,
          .complexity = "Depends on subcommand.",
          .summary = "A container for commands about modules.",
          .subcommands = kSubcommands}),
};

}  // namespace

std::span<const Spec> ModuleFamily() { return kSpecs; }

}  // namespace cairn::server
