// SPDX-License-Identifier: BSD-3-Clause
// Tree: all files of a checkout that tidy has a rule for, and all rules over them.
#ifndef CAIRN_TOOLS_TIDY_TREE_H_
#define CAIRN_TOOLS_TIDY_TREE_H_

#include <memory>
#include <string>
#include <vector>

#include "tidy/source.h"

namespace cairn::tidy {

// Rows that tools/tidy/long_functions.txt may have. It may be lowered, never raised.
inline constexpr std::size_t kBaselineRowsMax = 0;

struct Tree {
  std::vector<std::unique_ptr<Source>> sources;
  std::string floors;    // src/FLOORS and toolkit/FLOORS
  std::string baseline;  // tools/tidy/long_functions.txt
};

// Reads the checkout at `root`; folders of builds and of version control are left out. A missing
// root gives an empty tree, which CheckTree complains of.
Tree ReadTree(const std::string& root);

// Every finding of every rule, by file and line.
std::vector<Finding> CheckTree(const Tree& tree);

}  // namespace cairn::tidy

#endif  // CAIRN_TOOLS_TIDY_TREE_H_
