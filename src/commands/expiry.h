// SPDX-License-Identifier: BSD-3-Clause
// Expiry arguments: EX, PX, EXAT, PXAT and the EXPIRE family turned into one absolute moment, with
// Redis's checks.
#ifndef CAIRN_COMMANDS_EXPIRY_H_
#define CAIRN_COMMANDS_EXPIRY_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/ids.h"
#include "command/call.h"

namespace cairn::commands {

enum class TimeUnit : std::uint8_t { kSeconds, kMilliseconds };
enum class TimeBase : std::uint8_t { kRelative, kAbsolute };

struct ExpiryForm {
  TimeUnit unit;
  TimeBase base;
  bool operator==(const ExpiryForm&) const = default;
};

// The form that an option token names ("EX", "px", "EXAT", "PXAT"); nothing if it is none of them.
std::optional<ExpiryForm> ParseExpiryToken(std::string_view token);

// `amount` in `form` as milliseconds since the epoch; nothing if that overflows.
std::optional<UnixMs> AbsoluteMs(std::int64_t amount, ExpiryForm form, UnixMs now_ms);

// kNever means "no expiry", so the very last moment is kept as the one before it and shown as what
// the client said.
inline constexpr UnixMs kLastMoment = kNever - 1;
UnixMs ShownMs(UnixMs at_ms);

// Gives the key of `found` this expiry and logs it as PEXPIREAT; a moment that has passed deletes
// the key and logs DEL.
void ExpireAt(command::Call& call, const keyspace::KeyRef& key, keyspace::Found found,
              UnixMs at_ms);

}  // namespace cairn::commands

#endif  // CAIRN_COMMANDS_EXPIRY_H_
