// SPDX-License-Identifier: BSD-3-Clause
// LOLWUT: a picture, and the version, which clients read from its last line.
#include <optional>
#include <string>

#include "base/text.h"
#include "command/call.h"
#include "command/errors.h"
#include "server/cairn_art.h"
#include "server/families.h"
#include "server/version.h"

namespace cairn::server {
namespace {

using command::Call;
using command::Group;
using command::Spec;

constexpr std::int64_t kColumns = 32;
constexpr std::int64_t kStones = 7;

// LOLWUT [VERSION version] [columns [stones]]; words that are none of these are drawn for all the
// same, but for a number that cannot be read.
void Lolwut(Call& call) {
  std::int64_t numbers[] = {kColumns, kStones};
  std::size_t next = 1;
  const bool with_version = call.argc() >= 3 && EqualsIgnoreCase(call.arg(1), "VERSION");
  if (with_version) {
    if (!ParseInt64(call.arg(2))) return call.Error(command::errors::kNotAnInteger);
    next = 3;
  }
  for (std::size_t i = 0; i < std::size(numbers) && next + i < call.argc(); ++i) {
    const std::optional<std::int64_t> number = ParseInt64(call.arg(next + i));
    if (!number && with_version) return call.Error(command::errors::kNotAnInteger);
    if (number) numbers[i] = *number;
  }
  std::string text = DrawCairn(numbers[0], numbers[1], call.session().random());
  text += "\nA cairn shows the way where there is no road. Redis ver. ";
  text += kRedisVersion;
  text += '\n';
  call.reply().Verbatim("txt", text);
}

constexpr Spec kSpecs[] = {
    Spec({.syntax = "LOLWUT [VERSION version]",
          .since = "5.0.0",
          .group = Group::kServer,
          .flags = command::kReadonly | command::kFast,
          .complexity = "",
          .summary = "Draws a picture and tells the version.",
          .arity = -1,
          .run = &Lolwut}),
};

}  // namespace

std::span<const Spec> LolwutFamily() { return kSpecs; }

}  // namespace cairn::server
