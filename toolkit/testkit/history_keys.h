// SPDX-License-Identifier: BSD-3-Clause
// A history's operations by their key, in the order of their beginnings.
#ifndef CAIRN_TOOLKIT_TESTKIT_HISTORY_KEYS_H_
#define CAIRN_TOOLKIT_TESTKIT_HISTORY_KEYS_H_

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "cairn/testkit/history.h"

namespace cairn::cache::testkit {

using OperationsByKey = std::map<std::string, std::vector<const Operation*>>;

inline OperationsByKey ByKey(const std::vector<Operation>& operations) {
  OperationsByKey by_key;
  for (const Operation& operation : operations) by_key[operation.key].push_back(&operation);
  for (auto& [key, own] : by_key) std::ranges::stable_sort(own, {}, &Operation::begin);
  return by_key;
}

}  // namespace cairn::cache::testkit

#endif  // CAIRN_TOOLKIT_TESTKIT_HISTORY_KEYS_H_
