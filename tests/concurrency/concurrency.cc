// SPDX-License-Identifier: BSD-3-Clause
// concurrency: the checks, each against a server with 1, 2, 4 and 8 workers.
//
//   concurrency --server PATH [--milliseconds N] [--seed N] [--only Check] [--oracle]
//
// --oracle leaves out what only our server understands: redis-server must pass, too. A report of a
// sanitizer in the server's log is a failure. The last line is "N passed, N failed".
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/text.h"
#include "concurrency/checks.h"
#include "support/channel.h"
#include "support/server_process.h"

namespace cairn::concurrency {
namespace {

using testing::ServerProcess;

struct Options {
  std::string server;
  std::string only;
  std::int64_t milliseconds = 1500;
  std::int64_t seed = 1;
  bool oracle = false;
};

void Say(const std::string& line) {
  std::fputs((line + "\n").c_str(), stdout);
  std::fflush(stdout);
}

std::optional<Options> ParseOptions(const std::vector<std::string_view>& args) {
  Options options;
  for (std::size_t i = 0; i < args.size(); ++i) {
    const std::string_view name = args[i];
    if (name == "--oracle") {
      options.oracle = true;
      continue;
    }
    if (++i == args.size()) return std::nullopt;
    if (name == "--server") {
      options.server = args[i];
    } else if (name == "--only") {
      options.only = args[i];
    } else if (name == "--milliseconds" || name == "--seed") {
      const std::optional<std::int64_t> number = ParseInt64(args[i]);
      if (!number || *number < 1) return std::nullopt;
      (name == "--seed" ? options.seed : options.milliseconds) = *number;
    } else {
      return std::nullopt;
    }
  }
  if (options.server.empty()) return std::nullopt;
  return options;
}

struct Tally {
  int passed = 0;
  int failed = 0;
};

void RunCheck(const Options& options, const Check& check, const std::string& workers,
              Tally& tally) {
  std::vector<std::string> arguments = {"--save", ""};
  if (!options.oracle) arguments.insert(arguments.end(), {"--io-threads", workers});
  const std::string label = std::string(check.name) + ", " + workers + " workers";
  Result<std::unique_ptr<ServerProcess>> server =
      ServerProcess::Start({.binary = options.server, .config_path = "", .arguments = arguments});
  if (!server) {
    Say("FAIL " + label + ": " + std::string(server.error().message()));
    ++tally.failed;
    return;
  }
  const Finding finding = check.run({.port = (*server)->port(),
                                     .milliseconds = static_cast<int>(options.milliseconds),
                                     .seed = static_cast<std::uint64_t>(options.seed)});
  std::string fault = (*server)->StopAndExamine();
  if (fault.empty()) fault = finding.fault;
  ++(fault.empty() ? tally.passed : tally.failed);
  if (fault.empty()) {
    Say("ok   " + label + ": " + finding.shown);
  } else {
    Say("FAIL " + label + ", seed " + std::to_string(options.seed) + ": " + fault);
  }
}

int Main(const std::vector<std::string_view>& args) {
  const std::optional<Options> options = ParseOptions(args);
  if (!options) {
    std::fputs(
        "usage: concurrency --server PATH [--milliseconds N] [--seed N] [--only Check]\n"
        "  [--oracle]\n",
        stderr);
    return 2;
  }
  Tally tally;
  std::vector<std::string> worker_counts = {"1", "2", "4", "8"};
  if (options->oracle) worker_counts = {"1"};
  for (const std::string& workers : worker_counts) {
    for (const Check& check : Checks()) {
      if (!options->only.empty() && options->only != check.name) continue;
      if (options->oracle && check.is_ours) continue;
      RunCheck(*options, check, workers, tally);
    }
  }
  Say(std::to_string(tally.passed) + " passed, " + std::to_string(tally.failed) + " failed");
  return tally.failed == 0 ? 0 : 1;
}

}  // namespace
}  // namespace cairn::concurrency

int main(int argc, char** argv) {
  return cairn::concurrency::Main(std::vector<std::string_view>(argv + 1, argv + argc));
}
