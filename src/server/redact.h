// SPDX-License-Identifier: BSD-3-Clause
// Keeping passwords out of what is shown of a command (SLOWLOG).
#ifndef CAIRN_SERVER_REDACT_H_
#define CAIRN_SERVER_REDACT_H_

#include <span>
#include <string_view>
#include <vector>

namespace cairn::server {

inline constexpr std::string_view kRedacted = "(redacted)";

// The arguments of the command called `full_name` ("config|set"), each password among them replaced
// by kRedacted.
std::vector<std::string_view> WithoutSecrets(std::string_view full_name,
                                             std::span<const std::string_view> args);

}  // namespace cairn::server

#endif  // CAIRN_SERVER_REDACT_H_
