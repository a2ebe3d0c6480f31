// SPDX-License-Identifier: BSD-3-Clause
// client_check GROUP URI...: runs a group of cases, a line each: "ok NAME" or "FAIL NAME: why".
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "tests/client/checks.h"

namespace cairn::cache::checks {

bool Eventually(const std::function<bool()>& condition) {
  constexpr int kTimes = 2000;
  Event never;
  for (int i = 0; i < kTimes; ++i) {
    if (condition()) return true;
    never.WaitFor(10'000);
  }
  return false;
}

}  // namespace cairn::cache::checks

int main(int argument_count, char** arguments) {
  using namespace cairn::cache::checks;
  if (argument_count < 3) return 2;
  const std::string group = arguments[1];
  const std::vector<std::string> uris(arguments + 2, arguments + argument_count);
  const std::vector<Case> cases = group == "basic"      ? BasicCases(uris)
                                  : group == "faults"   ? FaultCases(uris)
                                  : group == "push"     ? PushCases(uris)
                                  : group == "sentinel" ? SentinelCases(uris)
                                                        : ClusterCases(uris);
  for (const Case& entry : cases) {
    Complaints complaints;
    entry.run(complaints);
    if (complaints.text().empty()) {
      std::printf("ok %s\n", std::string(entry.name).c_str());
    } else {
      std::printf("FAIL %s: %s\n", std::string(entry.name).c_str(), complaints.text().c_str());
    }
    std::fflush(stdout);
  }
  return 0;
}
