// SPDX-License-Identifier: BSD-3-Clause
// toolkit_check GROUP URI...: one conformance suite for stores of every kind.
#include "toolkit/toolkit_check.h"

int main(int argument_count, char** arguments) {
  using namespace cairn::cache::checks;
  // One a line, by the alphabet; tests/toolkit/run has the same.
  constexpr Group kGroups[] = {
      {"behind_prepare", BehindPrepareCases},
      {"behind_worker", BehindWorkerCases},
      {"cache", CacheCases},
      {"foreign", ForeignCases},
      {"foreign_store", ForeignStoreCases},
      {"http", HttpCases},
      {"leaderboard", LeaderboardCases},
      {"limiter", LimiterCases},
      {"lock", LockCases},
      {"lock_heir", LockHeirCases},
      {"lock_holder", LockHolderCases},
      {"lock_taker", LockTakerCases},
      {"lock_unreplicated", LockUnreplicatedCases},
      {"near", NearCases},
      {"outage", OutageCases},
      {"queue", QueueCases},
      {"queue_pusher", QueuePusherCases},
      {"queue_worker", QueueWorkerCases},
      {"semaphore", SemaphoreCases},
      {"session", SessionCases},
      {"store", StoreCases},
      {"stream_worker", StreamWorkerCases},
      {"streams", StreamsCases},
      {"structures", StructuresCases},
      {"warmer", WarmerCases},
  };
  return RunGroup(kGroups, argument_count, arguments);
}
