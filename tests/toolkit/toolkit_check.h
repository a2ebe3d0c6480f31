// SPDX-License-Identifier: BSD-3-Clause
// The groups of toolkit_check. Each case opens the first URI, which reaches the store; the keys
// that it uses begin with a prefix of its own.
#ifndef CAIRN_TESTS_TOOLKIT_TOOLKIT_CHECK_H_
#define CAIRN_TESTS_TOOLKIT_TOOLKIT_CHECK_H_

#include <string>
#include <vector>

#include "store_checks/store_checks.h"

namespace cairn::cache::checks {

// The table that the workers need; no part of the suite.
Cases BehindPrepareCases(const std::vector<std::string>& uris);
// Until it is killed; no part of it either.
Cases BehindWorkerCases(const std::vector<std::string>& uris);
Cases CacheCases(const std::vector<std::string>& uris);
Cases ForeignCases(const std::vector<std::string>& uris);
Cases HttpCases(const std::vector<std::string>& uris);
Cases LeaderboardCases(const std::vector<std::string>& uris);
Cases LimiterCases(const std::vector<std::string>& uris);
Cases LockCases(const std::vector<std::string>& uris);
// Until it is killed; no part of the suite.
Cases LockHolderCases(const std::vector<std::string>& uris);
// At a replica that was promoted; the other words are the fences of what LockTaker had.
Cases LockHeirCases(const std::vector<std::string>& uris);
// Until the server is killed.
Cases LockTakerCases(const std::vector<std::string>& uris);
// At a master whose replica stands still.
Cases LockUnreplicatedCases(const std::vector<std::string>& uris);
Cases NearCases(const std::vector<std::string>& uris);
Cases OutageCases(const std::vector<std::string>& uris);
Cases ForeignStoreCases(const std::vector<std::string>& uris);
Cases SemaphoreCases(const std::vector<std::string>& uris);
Cases SessionCases(const std::vector<std::string>& uris);
Cases QueueCases(const std::vector<std::string>& uris);
// So many jobs from that number on, for the workers; no part of the suite either.
Cases QueuePusherCases(const std::vector<std::string>& uris);
// Until it is killed, too.
Cases QueueWorkerCases(const std::vector<std::string>& uris);
Cases StoreCases(const std::vector<std::string>& uris);
// The same; the second word is the consumer's name.
Cases StreamWorkerCases(const std::vector<std::string>& uris);
Cases StreamsCases(const std::vector<std::string>& uris);
Cases StructuresCases(const std::vector<std::string>& uris);
Cases WarmerCases(const std::vector<std::string>& uris);

}  // namespace cairn::cache::checks

#endif  // CAIRN_TESTS_TOOLKIT_TOOLKIT_CHECK_H_
