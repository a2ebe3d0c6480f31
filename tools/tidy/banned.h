// SPDX-License-Identifier: BSD-3-Clause
// Banned names: what the house does not call, and what it calls instead.
//
// A row says the name, the replacement that the message offers, and the places that may use it:
// they are the one door each thing comes through.
#ifndef CAIRN_TOOLS_TIDY_BANNED_H_
#define CAIRN_TOOLS_TIDY_BANNED_H_

#include <span>
#include <string_view>
#include <vector>

#include "tidy/source.h"

namespace cairn::tidy {

struct Ban {
  // A type or word is written as used ("std::mutex", "throw"). A function ends in '(' and matches a
  // call of it, plain or with :: or std:: before it, but no member or other namespace's function.
  // An include begins with '<'. A trailing '*' matches any ending of the word.
  std::string_view name;
  std::string_view instead;
  std::vector<std::string_view> allowed;  // path prefixes; "tests" stands for every test's source
                                          // and "users" for what stands on include/ alone
};

std::span<const Ban> Bans();
std::vector<Finding> CheckBanned(const Source& source);

}  // namespace cairn::tidy

#endif  // CAIRN_TOOLS_TIDY_BANNED_H_
