// SPDX-License-Identifier: BSD-3-Clause
// simulation: runs scenarios from seeds, and says which seed broke which promise.
//
//   simulation                               120 seeds of each scenario, and each planted bug
//   simulation --seeds 100000 [--first 1]    the long form, without planted bugs
//   simulation --scenario cache --seed 17 [--bug no-outbox] [--trace]     one run again, in full
#include <charconv>
#include <cstdio>
#include <functional>
#include <span>
#include <string>

#include "tests/simulation/world.h"

namespace cairn::simulation {
namespace {

struct Scenario {
  const char* name;
  std::unique_ptr<World> (*make)(const Order&);
  std::vector<std::string> bugs;
};

const std::vector<Scenario>& Scenarios() {
  static const std::vector<Scenario> scenarios = {
      {"cache",
       MakeCacheWorld,
       {"fill-without-lease", "invalidate-before-commit", "no-outbox", "every-miss-loads",
        "near-without-pending-mark", "near-by-another-connection", "near-over-epochs",
        "near-without-ttl"}},
      {"write-behind", MakeBehindWorld, {"ack-before-apply", "apply-without-check"}},
      {"write-behind-restart", MakeRestartingWorld, {"in-memory"}},
      {"lock", MakeLockWorld, {"no-fence-check", "release-by-anybody"}}};
  return scenarios;
}

struct Wanted {
  std::uint64_t first = 1;
  std::uint64_t seeds = 0;  // 0: the short form
  std::string scenario = {};
  std::string bug = {};
  bool is_one = false;
  bool is_traced = false;
};

constexpr std::uint64_t kSeedsShort = 120;
// So many seeds a planted bug may escape.
constexpr std::uint64_t kSeedsForBug = 400;

Verdict RunOne(const Scenario& scenario, const Order& order) { return scenario.make(order)->Run(); }

int Replay(const Scenario& scenario, const Wanted& wanted) {
  const Verdict verdict =
      RunOne(scenario, {.seed = wanted.first, .bug = wanted.bug, .is_traced = wanted.is_traced});
  std::printf("%s%s%s\n", verdict.trace.c_str(), verdict.history.c_str(),
              verdict.violation ? verdict.violation->c_str() : "no violation");
  return verdict.violation ? 1 : 0;
}

// No promise is broken.
bool Keeps(const Scenario& scenario, const Wanted& wanted, std::uint64_t seeds) {
  std::size_t operations = 0;
  for (std::uint64_t seed = wanted.first; seed < wanted.first + seeds; ++seed) {
    const Verdict verdict = RunOne(scenario, {.seed = seed});
    operations += verdict.operations;
    if (!verdict.violation) continue;
    std::printf("FAIL %s: %s\nagain by: simulation --scenario %s --seed %llu --trace\n",
                scenario.name, verdict.violation->c_str(), scenario.name,
                static_cast<unsigned long long>(seed));
    return false;
  }
  std::printf("ok %s: %llu seeds, %zu operations\n", scenario.name,
              static_cast<unsigned long long>(seeds), operations);
  return true;
}

bool Finds(const Scenario& scenario, const std::string& bug) {
  for (std::uint64_t seed = 1; seed <= kSeedsForBug; ++seed) {
    const Verdict verdict = RunOne(scenario, {.seed = seed, .bug = bug});
    if (!verdict.violation) continue;
    std::printf("ok %s finds %s: seed %llu: %s\n", scenario.name, bug.c_str(),
                static_cast<unsigned long long>(seed),
                verdict.violation->substr(0, verdict.violation->find('\n')).c_str());
    return true;
  }
  std::printf("FAIL %s does not find %s\n", scenario.name, bug.c_str());
  return false;
}

bool Repeats(const Scenario& scenario) {
  const Order order{.seed = 5, .is_traced = true};
  const Verdict first = RunOne(scenario, order);
  const Verdict second = RunOne(scenario, order);
  const bool is_same = first.history == second.history && first.trace == second.trace;
  std::printf("%s %s: one seed is one history\n", is_same ? "ok" : "FAIL", scenario.name);
  return is_same;
}

int RunAll(const Wanted& wanted) {
  int passed = 0;
  int failed = 0;
  const auto count = [&](bool is_good) { ++(is_good ? passed : failed); };
  for (const Scenario& scenario : Scenarios()) {
    if (!wanted.scenario.empty() && wanted.scenario != scenario.name) continue;
    count(Keeps(scenario, wanted, wanted.seeds == 0 ? kSeedsShort : wanted.seeds));
    if (wanted.seeds != 0) continue;
    count(Repeats(scenario));
    for (const std::string& bug : scenario.bugs) count(Finds(scenario, bug));
  }
  std::printf("%d passed, %d failed\n", passed, failed);
  return failed == 0 ? 0 : 1;
}

bool Parse(std::span<char*> arguments, Wanted& wanted) {
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string name = arguments[i];
    if (name == "--trace") {
      wanted.is_traced = true;
      continue;
    }
    if (++i == arguments.size()) return false;
    const std::string value = arguments[i];
    std::uint64_t number = 0;
    const auto parsed = std::from_chars(value.data(), value.data() + value.size(), number);
    const bool is_number = parsed.ptr == value.data() + value.size();
    if (name == "--scenario") {
      wanted.scenario = value;
    } else if (name == "--bug") {
      wanted.bug = value;
    } else if (name == "--seeds" && is_number) {
      wanted.seeds = number;
    } else if ((name == "--first" || name == "--seed") && is_number) {
      wanted.first = number;
      wanted.is_one = name == "--seed";
    } else {
      return false;
    }
  }
  return true;
}

int Main(std::span<char*> arguments) {
  Wanted wanted;
  if (!Parse(arguments, wanted)) {
    std::fprintf(stderr,
                 "simulation [--seeds n] [--first n] [--scenario name]\n"
                 "simulation --scenario name --seed n [--bug name] [--trace]\n");
    return 2;
  }
  if (!wanted.is_one) return RunAll(wanted);
  for (const Scenario& scenario : Scenarios()) {
    if (wanted.scenario == scenario.name) return Replay(scenario, wanted);
  }
  std::fprintf(stderr, "no such scenario\n");
  return 2;
}

}  // namespace
}  // namespace cairn::simulation

int main(int count, char** arguments) {
  return cairn::simulation::Main(std::span(arguments, static_cast<std::size_t>(count)).subspan(1));
}
