// SPDX-License-Identifier: BSD-3-Clause
// compat_runner: runs the compat scripts and says how many passed.
//
//   compat_runner --server PATH [--configs DIR]   our server, once under each configuration file
//   compat_runner --server PATH --tls TEXT        the same, and scripts with TEXT in their path, or
//                                                 with one of several after commas, once over TLS
//   compat_runner --engine                        the engine in this process
//   compat_runner --oracle [--record]             redis-server; --record takes its answers over
//   options: --scripts DIR  --filter TEXT  --protocol 2|3  --redis PATH  --verbose
//
// A script counts once per configuration and protocol. The last line is "N passed, N failed".
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "compat/runner.h"
#include "compat/script.h"
#include "compat/target.h"
#include "io/tls_test_papers.h"
#include "support/files.h"

namespace cairn::compat {
namespace {

constexpr std::size_t kStripeCountMax = 256;

struct Options {
  std::string server;
  std::string configs;
  std::string scripts = "tests/compat";
  std::string filter;
  std::string redis = "redis-server";
  std::string tls;  // empty: nothing
  bool engine = false;
  bool oracle = false;
  bool record = false;
  bool verbose = false;
  std::vector<int> protocols = {2, 3};
};

struct Tally {
  int passed = 0;
  int failed = 0;
  int skipped = 0;
};

void Say(const std::string& line) {
  std::fputs((line + "\n").c_str(), stdout);
  std::fflush(stdout);
}

std::optional<Options> ParseOptions(const std::vector<std::string_view>& args) {
  Options options;
  for (std::size_t i = 0; i < args.size(); ++i) {
    const std::string_view name = args[i];
    if (name == "--engine") {
      options.engine = true;
    } else if (name == "--oracle") {
      options.oracle = true;
    } else if (name == "--record") {
      options.record = true;
    } else if (name == "--verbose") {
      options.verbose = true;
    } else if (i + 1 == args.size()) {
      return std::nullopt;
    } else if (name == "--server") {
      options.server = args[++i];
    } else if (name == "--configs") {
      options.configs = args[++i];
    } else if (name == "--scripts") {
      options.scripts = args[++i];
    } else if (name == "--filter") {
      options.filter = args[++i];
    } else if (name == "--tls") {
      options.tls = args[++i];
    } else if (name == "--redis") {
      options.redis = args[++i];
    } else if (name == "--protocol") {
      options.protocols = {args[++i] == "3" ? 3 : 2};
    } else {
      return std::nullopt;
    }
  }
  return options;
}

// Where the oracle is: a path, or a name to be found in PATH; empty if nowhere.
std::string FindBinary(const std::string& name) {
  if (name.find('/') != std::string::npos) return std::filesystem::exists(name) ? name : "";
  const char* path = std::getenv("PATH");
  std::string_view rest = path == nullptr ? "" : path;
  while (!rest.empty()) {
    const std::size_t colon = std::min(rest.find(':'), rest.size());
    const std::string candidate = std::string(rest.substr(0, colon)) + "/" + name;
    if (std::filesystem::exists(candidate)) return candidate;
    rest.remove_prefix(std::min(colon + 1, rest.size()));
  }
  return {};
}

// `words` are parted by commas.
bool HasOneOf(std::string_view text, std::string_view words) {
  while (!words.empty()) {
    const std::size_t comma = std::min(words.find(','), words.size());
    if (text.contains(words.substr(0, comma))) return true;
    words.remove_prefix(std::min(comma + 1, words.size()));
  }
  return false;
}

class Session {
 public:
  explicit Session(Options options) : options_(std::move(options)) {}

  Status Load();
  void RunOracle();
  void RunEngine();
  void RunServer();
  void RunTls();
  int Finish() const;

 private:
  // Every script over every protocol; `label` names target and configuration.
  void RunAll(Result<std::unique_ptr<Target>> target, const std::string& label);
  std::vector<Outcome> RunOne(Target& target, const Script& script, int protocol,
                              const std::string& label);
  void RecordOne(Target& target, Script& script);
  void Count(const Report& report, const Script& script, const std::string& label);

  Options options_;
  std::vector<Script> scripts_;
  Tally tally_;
  bool must_revive_ = false;  // the last script left its target dead or in disorder
};

// Nobody's path holds the filter's text: what there is to choose from.
Status NoSuchScript(const Options& options, const std::vector<std::string>& paths) {
  std::string message = "no script under " + options.scripts + " has '" + options.filter +
                        "' in its path; the scripts are:";
  for (const std::string& path : paths) message += "\n  " + path;
  return {StatusCode::kNotFound, message};
}

Status Session::Load() {
  std::vector<std::string> paths = testing::FilesUnder(options_.scripts, ".txt");
  std::erase_if(paths, [](const std::string& path) { return path.ends_with("/CMakeLists.txt"); });
  for (const std::string& path : paths) {
    if (path.find(options_.filter) == std::string::npos) continue;
    Result<std::string> text = testing::ReadFile(path);
    if (!text) return text.error();
    Result<Script> script = Script::Parse(path, *text);
    if (!script) return script.error();
    scripts_.push_back(std::move(*script));
  }
  return scripts_.empty() ? NoSuchScript(options_, paths) : Status();
}

void Session::Count(const Report& report, const Script& script, const std::string& label) {
  for (const std::string& failure : report.failures) Say("[" + label + "] " + failure);
  if (!report.failures.empty()) {
    ++tally_.failed;
  } else if (report.sections_run == 0) {
    ++tally_.skipped;
  } else {
    ++tally_.passed;
  }
  if (!options_.verbose) return;
  for (const std::string& skip : report.skips) {
    Say("[" + label + "] " + script.path() + ": skipped " + skip);
  }
}

std::vector<Outcome> Session::RunOne(Target& target, const Script& script, int protocol,
                                     const std::string& label) {
  Status status = must_revive_ ? target.Revive() : Status();
  Runner runner(target, protocol, options_.record ? Runner::Mode::kRecord : Runner::Mode::kCheck);
  if (status.ok()) status = runner.Prepare();
  Report report;
  if (status.ok()) {
    report = runner.Run(script);
  } else {
    report.outcomes.resize(script.step_count());
    report.failures.push_back(script.path() + ": " + std::string(status.message()));
    report.aborted = true;
  }
  must_revive_ = report.aborted;
  if (!options_.record) Count(report, script, label + " RESP" + std::to_string(protocol));
  return std::move(report.outcomes);
}

void Session::RecordOne(Target& target, Script& script) {
  const std::vector<Outcome> resp2 = RunOne(target, script, 2, "record");
  const std::vector<Outcome> resp3 = RunOne(target, script, 3, "record");
  Record(script, resp2, resp3);
  if (!script.changed()) return;
  Status status = testing::WriteFile(script.path(), script.Text());
  Say(script.path() + (status.ok() ? ": recorded" : std::string(status.message())));
}

void Session::RunAll(Result<std::unique_ptr<Target>> target, const std::string& label) {
  if (!target) {
    Say("[" + label + "] " + std::string(target.error().message()));
    ++tally_.failed;
    return;
  }
  must_revive_ = false;
  for (Script& script : scripts_) {
    if (options_.record) {
      RecordOne(**target, script);
      continue;
    }
    for (const int protocol : options_.protocols) RunOne(**target, script, protocol, label);
  }
  if (const std::string fault = (*target)->Close(); !fault.empty()) {
    Say("[" + label + "] " + fault);
    ++tally_.failed;
  }
}

void Session::RunOracle() {
  const std::string binary = FindBinary(options_.redis);
  if (binary.empty()) {
    Say("no " + options_.redis + " here: nothing was compared with the oracle");
    return;
  }
  RunAll(
      StartServer(ServerKind::kOracle, {.binary = binary,
                                        .config_path = "",
                                        .arguments = {"--save", "", "--enable-debug-command", "yes",
                                                      "--enable-protected-configs", "yes"}}),
      "oracle");
  if (!options_.record) return;
  // What was recorded must hold when it is run again.
  options_.record = false;
  scripts_.clear();
  if (Status status = Load(); status.ok()) RunOracle();
}

void Session::RunEngine() {
  RunAll(StartEngine(kStripeCountMax), "engine");
  RunAll(StartEngine(1), "engine one_stripe");
}

void Session::RunServer() {
  std::vector<std::string> configs = testing::FilesUnder(options_.configs, ".conf");
  if (configs.empty()) configs.emplace_back();
  for (const std::string& config : configs) {
    const std::string label =
        config.empty() ? "server" : std::filesystem::path(config).stem().string();
    RunAll(StartServer(ServerKind::kCairn,
                       {.binary = options_.server,
                        .config_path = config,
                        .arguments = {"--save", "", "--enable-debug-command", "yes",
                                      "--enable-protected-configs", "yes"}}),
           label);
  }
}

void Session::RunTls() {
  std::erase_if(scripts_,
                [&](const Script& script) { return !HasOneOf(script.path(), options_.tls); });
  if (scripts_.empty()) return;
  const io::testing::TlsTestPapers papers;
  RunAll(
      StartServer(ServerKind::kCairn,
                  {.binary = options_.server,
                   .config_path = "",
                   .arguments = {"--save", "", "--enable-debug-command", "yes",
                                 "--enable-protected-configs", "yes", "--tls-auth-clients", "no",
                                 "--tls-cert-file", papers.cert(), "--tls-key-file", papers.key()},
                   .has_tls = true}),
      "tls");
}

int Session::Finish() const {
  if (tally_.skipped > 0) Say(std::to_string(tally_.skipped) + " skipped");
  Say(std::to_string(tally_.passed) + " passed, " + std::to_string(tally_.failed) + " failed");
  return tally_.failed == 0 ? 0 : 1;
}

int Main(const std::vector<std::string_view>& args) {
  const std::optional<Options> options = ParseOptions(args);
  if (!options || (!options->engine && !options->oracle && options->server.empty())) {
    std::fputs("usage: compat_runner --server PATH | --engine | --oracle [--record]\n", stderr);
    return 2;
  }
  Session session(*options);
  if (Status status = session.Load(); !status.ok()) {
    std::fputs((std::string(status.message()) + "\n").c_str(), stderr);
    return 2;
  }
  if (options->oracle) session.RunOracle();
  if (options->engine) session.RunEngine();
  if (!options->server.empty()) session.RunServer();
  if (!options->server.empty() && !options->tls.empty()) session.RunTls();
  return session.Finish();
}

}  // namespace
}  // namespace cairn::compat

int main(int argc, char** argv) {
  return cairn::compat::Main(std::vector<std::string_view>(argv + 1, argv + argc));
}
