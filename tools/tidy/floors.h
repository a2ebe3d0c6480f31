// SPDX-License-Identifier: BSD-3-Clause
// Floors and dead files: rules about how the files of the tree hang together.
//
// A folder of src/ includes itself and lower floors, as src/FLOORS lists them; one of toolkit/
// itself, lower ones of toolkit/FLOORS, and what is public; public headers and examples what is
// public only. A source that no build rule picks up and a header that nobody includes are dead.
#ifndef CAIRN_TOOLS_TIDY_FLOORS_H_
#define CAIRN_TOOLS_TIDY_FLOORS_H_

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tidy/source.h"

namespace cairn::tidy {

using Floors = std::map<std::string, int, std::less<>>;  // folder -> floor

// Reads "floor folder" rows; '#' begins a comment.
Floors ParseFloors(std::string_view text);

// Quoted includes of a file: sideways, upwards, to a folder without a floor, or, of a public header
// or an example, to anything that is not public.
std::vector<Finding> CheckFloors(const Source& source, const Floors& floors);

// Sources outside of every glob of the build, and headers under src/ that nobody includes.
std::vector<Finding> CheckDeadFiles(std::span<const Source* const> sources, const Floors& floors);

}  // namespace cairn::tidy

#endif  // CAIRN_TOOLS_TIDY_FLOORS_H_
