// SPDX-License-Identifier: BSD-3-Clause
// RunGroup and what the cases share.
#include "store_checks/store_checks.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "base/mutex.h"

namespace cairn::cache::checks {

int RunGroup(std::span<const Group> groups, int argument_count, char** arguments) {
  const auto group = argument_count < 3
                         ? groups.end()
                         : std::ranges::find(groups, std::string_view(arguments[1]), &Group::name);
  if (group == groups.end()) {
    std::string names;
    for (const Group& each : groups) names += " " + std::string(each.name);
    std::fprintf(stderr, "a group and URIs are wanted; the groups are:%s\n", names.c_str());
    return 2;
  }
  for (const Case& entry : group->cases({arguments + 2, arguments + argument_count})) {
    Complaints complaints;
    entry.run(complaints);
    const std::string name(entry.name);
    if (complaints.text().empty()) {
      std::printf("ok %s\n", name.c_str());
    } else {
      std::printf("FAIL %s: %s\n", name.c_str(), complaints.text().c_str());
    }
    std::fflush(stdout);
  }
  return 0;
}

std::string Show(const Result<Reply>& reply) {
  if (!reply)
    return "<" + std::string(ErrcName(reply.error().code)) + ": " + reply.error().detail + ">";
  if (const auto number = reply->AsInteger()) return std::to_string(*number);
  return reply->is_null() ? "(null)" : std::string(reply->text());
}

Store OpenOrDie(std::string_view uri, StoreOptions options) {
  Result<Store> store = Store::Open(uri, options);
  if (store) return *std::move(store);
  std::fprintf(stderr, "%s\n", store.error().detail.c_str());
  std::abort();
}

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
