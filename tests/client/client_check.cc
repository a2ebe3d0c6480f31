// SPDX-License-Identifier: BSD-3-Clause
// client_check GROUP URI...: the client against real servers.
#include "client/client_check.h"

int main(int argument_count, char** arguments) {
  using namespace cairn::cache::checks;
  constexpr Group kGroups[] = {{"basic", BasicCases},       {"faults", FaultCases},
                               {"push", PushCases},         {"handles", HandleCases},
                               {"sentinel", SentinelCases}, {"cluster", ClusterCases},
                               {"refusals", RefusalCases}};
  return RunGroup(kGroups, argument_count, arguments);
}
