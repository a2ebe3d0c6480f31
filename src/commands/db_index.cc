// SPDX-License-Identifier: BSD-3-Clause
// Redis tells three faults apart: no number, a number beyond 32 bits, and no such database.
#include "commands/db_index.h"

#include <cstdint>

#include "base/text.h"
#include "command/errors.h"

namespace cairn::commands {

std::optional<DbId> ParseDbIndex(command::Call& call, std::string_view argument) {
  const std::optional<std::int64_t> number = ParseInt64(argument);
  if (!number) {
    call.Error(command::errors::kNotAnInteger);
    return std::nullopt;
  }
  if (*number < INT32_MIN || *number > INT32_MAX) {
    call.Error(command::errors::kNotAnInt32);
    return std::nullopt;
  }
  if (*number < 0 || *number >= call.keyspace().database_count()) {
    call.Error(command::errors::kDbIndexOutOfRange);
    return std::nullopt;
  }
  return DbId(static_cast<std::uint32_t>(*number));
}

}  // namespace cairn::commands
