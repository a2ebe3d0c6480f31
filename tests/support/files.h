// SPDX-License-Identifier: BSD-3-Clause
// Whole files as strings, for tests.
#ifndef CAIRN_TESTS_SUPPORT_FILES_H_
#define CAIRN_TESTS_SUPPORT_FILES_H_

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace cairn::testing {

Result<std::string> ReadFile(const std::string& path);
Status WriteFile(const std::string& path, std::string_view text);

// The files under `folder`, at any depth, whose names end in `suffix`; sorted.
std::vector<std::string> FilesUnder(const std::string& folder, std::string_view suffix);

}  // namespace cairn::testing

#endif  // CAIRN_TESTS_SUPPORT_FILES_H_
