// SPDX-License-Identifier: BSD-3-Clause
// The text of an ACL file: one user a line, as ACL LIST shows it.
//
//     user alice on sanitize-payload #2bd8... ~cache:* resetchannels -@all +@read
//
// Words are parted by one blank and not quoted. Empty lines are nothing; there are no comments. A
// text with an error in any line is no set of users at all.
#ifndef CAIRN_ACL_USER_FILE_H_
#define CAIRN_ACL_USER_FILE_H_

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "acl/profile.h"

namespace cairn::acl {

// ACL SETUSER makes no more, and a file may have no more.
inline constexpr std::size_t kUsersMax = 1'000'000;

// By name, in the order in which ACL LIST shows them.
using Profiles = std::map<std::string, std::shared_ptr<const Profile>, std::less<>>;

struct ParsedUsers {
  Profiles profiles;   // without "default", if that has no line
  std::string errors;  // in Redis's words, with `path` and line; empty: none
};

ParsedUsers ParseUserFile(std::string_view text, std::string_view path, const Rulebook& book);
// "user alice on ...", without the line's end.
std::string UserLine(std::string_view name, const Profile& profile);

}  // namespace cairn::acl

#endif  // CAIRN_ACL_USER_FILE_H_
