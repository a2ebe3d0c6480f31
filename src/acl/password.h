// SPDX-License-Identifier: BSD-3-Clause
// Passwords as ACLs keep them: the SHA-256 of each, as 64 lower-case hexadecimal digits.
//
// Passwords are meant to be long and random (ACL GENPASS makes such), since every connection pays
// for the hash: a slow one would make AUTH a way to keep the server busy.
#ifndef CAIRN_ACL_PASSWORD_H_
#define CAIRN_ACL_PASSWORD_H_

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace cairn::acl {

inline constexpr std::size_t kHashDigits = 64;

std::string HashPassword(std::string_view password);
bool IsPasswordHash(std::string_view text);
// Whether `hash` is one of them. How long that takes depends on how many there are, and on nothing
// else: not on which one it is, nor on how much of it is right. REQUIRES: all have kHashDigits.
bool IsAmong(std::string_view hash, const std::vector<std::string>& hashes);

}  // namespace cairn::acl

#endif  // CAIRN_ACL_PASSWORD_H_
