// SPDX-License-Identifier: BSD-3-Clause
// What the commands about the append only file share with the workers that answer them later.
#ifndef CAIRN_SERVER_ADMIN_AOF_H_
#define CAIRN_SERVER_ADMIN_AOF_H_

#include <string_view>

namespace cairn::server {

inline constexpr std::string_view kNoLocalAof =
    "ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.";

}  // namespace cairn::server

#endif  // CAIRN_SERVER_ADMIN_AOF_H_
