// SPDX-License-Identifier: BSD-3-Clause
// Versions: our own, and the Redis version whose behaviour we announce (clients switch features by
// it).
#ifndef CAIRN_SERVER_VERSION_H_
#define CAIRN_SERVER_VERSION_H_

#include <string_view>

namespace cairn::server {

inline constexpr std::string_view kCairnVersion = "0.1.0";
inline constexpr std::string_view kRedisVersion = "7.2.4";

}  // namespace cairn::server

#endif  // CAIRN_SERVER_VERSION_H_
