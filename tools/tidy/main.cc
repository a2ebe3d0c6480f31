// SPDX-License-Identifier: BSD-3-Clause
// tidy [ROOT]: prints what is wrong with the tree at ROOT (default: here), one finding a line.
// Exit status 1 if there was any.
#include <cstdio>
#include <string>
#include <vector>

#include "tidy/tree.h"

int main(int argument_count, char** arguments) {
  const std::string root = argument_count > 1 ? arguments[1] : ".";
  const std::vector<cairn::tidy::Finding> findings =
      cairn::tidy::CheckTree(cairn::tidy::ReadTree(root));
  for (const auto& finding : findings) {
    std::puts(cairn::tidy::Describe(finding).c_str());
  }
  return findings.empty() ? 0 : 1;
}
