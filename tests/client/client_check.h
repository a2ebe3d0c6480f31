// SPDX-License-Identifier: BSD-3-Clause
// The groups of client_check.
#ifndef CAIRN_TESTS_CLIENT_CLIENT_CHECK_H_
#define CAIRN_TESTS_CLIENT_CLIENT_CHECK_H_

#include <string>
#include <vector>

#include "store_checks/store_checks.h"

namespace cairn::cache::checks {

Cases BasicCases(const std::vector<std::string>& uris);
Cases FaultCases(const std::vector<std::string>& uris);
Cases PushCases(const std::vector<std::string>& uris);
Cases HandleCases(const std::vector<std::string>& uris);
Cases SentinelCases(const std::vector<std::string>& uris);
Cases RefusalCases(const std::vector<std::string>& uris);
Cases ClusterCases(const std::vector<std::string>& uris);

}  // namespace cairn::cache::checks

#endif  // CAIRN_TESTS_CLIENT_CLIENT_CHECK_H_
