// SPDX-License-Identifier: BSD-3-Clause
// Layout: how a single file must look, whatever it says.
//
// Licence line and story, header guard, own header first, 100 columns, 800 lines, typed TODOs; the
// contract of a public header; one title a Markdown file; no path that exists on one machine only.
#ifndef CAIRN_TOOLS_TIDY_LAYOUT_H_
#define CAIRN_TOOLS_TIDY_LAYOUT_H_

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "tidy/source.h"

namespace cairn::tidy {

inline constexpr std::size_t kColumnsMax = 100;
inline constexpr std::size_t kFileLinesMax = 800;
inline constexpr std::size_t kStoryLinesMax = 40;
inline constexpr std::size_t kStoryWordsMin = 4;

// All of the rules below, as far as they apply to this kind of file.
std::vector<Finding> CheckLayout(const Source& source);

// The guard that a header at this path has: src/base/blob.h -> CAIRN_BASE_BLOB_H_.
std::string GuardName(std::string_view path);

}  // namespace cairn::tidy

#endif  // CAIRN_TOOLS_TIDY_LAYOUT_H_
