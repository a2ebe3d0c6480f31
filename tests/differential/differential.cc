// SPDX-License-Identifier: BSD-3-Clause
// differential: random command sequences to our server and to redis-server; they must agree.
//
//   differential --ours PATH [--theirs PATH] [--seed N] [--sequences N] [--length N] [--seconds N]
//                [--only command,command] [--config FILE]
//
// With --seconds it goes on until the time is up. A difference is shrunk and printed with its seed
// and the number of its sequence; the same seed makes the same sequences. The last line is
// "N passed, N failed", one count a sequence.
#include <chrono>
#include <cstdio>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/text.h"
#include "differential/commands.h"
#include "differential/generator.h"
#include "differential/grammar.h"
#include "differential/pair.h"
#include "support/channel.h"
#include "support/server_process.h"

namespace cairn::differential {
namespace {

using testing::ServerProcess;

constexpr int kDifferencesShownMax = 12;

// A bit at offset 2^31 is a value of 256 MB: with this limit it is an error, which is as good. The
// oracle looks for ended waits "hz" times a second.
std::vector<std::string> ServerArguments() {
  return {"--save", "", "--proto-max-bulk-len", "1048576", "--hz", "500"};
}

struct Options {
  std::string ours;
  std::string theirs = "/usr/bin/redis-server";
  std::string config;
  std::string only;
  std::int64_t seed = 1;
  std::int64_t sequences = 200;
  std::int64_t length = 40;
  std::int64_t seconds = 0;
};

void Say(const std::string& line) {
  std::fputs((line + "\n").c_str(), stdout);
  std::fflush(stdout);
}

std::optional<Options> ParseOptions(const std::vector<std::string_view>& args) {
  Options options;
  const std::map<std::string_view, std::string*> texts = {{"--ours", &options.ours},
                                                          {"--theirs", &options.theirs},
                                                          {"--config", &options.config},
                                                          {"--only", &options.only}};
  const std::map<std::string_view, std::int64_t*> numbers = {{"--seed", &options.seed},
                                                             {"--sequences", &options.sequences},
                                                             {"--length", &options.length},
                                                             {"--seconds", &options.seconds}};
  for (std::size_t i = 0; i + 1 < args.size(); i += 2) {
    if (const auto text = texts.find(args[i]); text != texts.end()) {
      *text->second = args[i + 1];
    } else if (const auto number = numbers.find(args[i]); number != numbers.end()) {
      const std::optional<std::int64_t> value = ParseInt64(args[i + 1]);
      if (!value || *value < 0) return std::nullopt;
      *number->second = *value;
    } else {
      return std::nullopt;
    }
  }
  if (args.size() % 2 != 0 || options.ours.empty()) return std::nullopt;
  return options;
}

class Tester {
 public:
  explicit Tester(Options options) : options_(std::move(options)) {}

  Status Start();
  int Run();

 private:
  Status LoadGrammars();
  bool IsWanted(std::string_view command) const;
  // The next sequence; an error only if a server is gone and does not come back.
  Status RunOne(const Sequence& sequence, std::int64_t number);
  void Report(const Sequence& sequence, const Difference& difference, std::int64_t number);
  Status StartOurs();

  Options options_;
  std::unique_ptr<ServerProcess> ours_;
  std::unique_ptr<ServerProcess> theirs_;
  std::vector<CommandGrammar> grammars_;
  std::map<std::string, int> shown_;  // by command: how often it differed
  std::int64_t passed_ = 0;
  std::int64_t failed_ = 0;
};

Status Tester::StartOurs() {
  auto ours = ServerProcess::Start(
      {.binary = options_.ours, .config_path = options_.config, .arguments = ServerArguments()});
  if (!ours) return ours.error();
  ours_ = std::move(*ours);
  return {};
}

Status Tester::Start() {
  if (Status status = StartOurs(); !status.ok()) return status;
  auto theirs = ServerProcess::Start(
      {.binary = options_.theirs, .config_path = "", .arguments = ServerArguments()});
  if (!theirs) return theirs.error();
  theirs_ = std::move(*theirs);
  return LoadGrammars();
}

bool Tester::IsWanted(std::string_view command) const {
  if (options_.only.empty()) return true;
  return ("," + options_.only + ",").find("," + std::string(command) + ",") != std::string::npos;
}

Status Tester::LoadGrammars() {
  Result<std::unique_ptr<testing::Channel>> ours = testing::ConnectTcp(ours_->port());
  Result<std::unique_ptr<testing::Channel>> theirs = testing::ConnectTcp(theirs_->port());
  if (!ours) return ours.error();
  if (!theirs) return theirs.error();
  for (testing::Channel* channel : {ours->get(), theirs->get()}) {
    if (Result<testing::Reply> hello = Call(*channel, {"HELLO", "3"}); !hello) return hello.error();
  }
  std::string missing;
  for (const std::string_view name : kCommands) {
    if (!IsWanted(name)) continue;
    const std::optional<CommandGrammar> known = AskGrammar(**theirs, name);
    const std::optional<CommandGrammar> own = AskGrammar(**ours, name);
    if (!known) continue;
    if (!own) missing += " " + std::string(name);
    if (own) grammars_.push_back(Restrict(*own, Tokens(*known)));
  }
  if (!missing.empty()) Say("not compared, for our server does not document them:" + missing);
  if (grammars_.empty()) return {StatusCode::kNotFound, "no command to compare"};
  return {};
}

void Tester::Report(const Sequence& sequence, const Difference& difference, std::int64_t number) {
  ++failed_;
  if (shown_[ToLower(difference.command.front())]++ > 0) return;  // one of a kind is enough
  if (static_cast<int>(shown_.size()) > kDifferencesShownMax) return;
  Say("seed " + std::to_string(options_.seed) + ", sequence " + std::to_string(number) + ":");
  Say(Describe(sequence, difference));
}

Status Tester::RunOne(const Sequence& sequence, std::int64_t number) {
  const int protocol = number % 2 == 0 ? 2 : 3;
  Result<std::unique_ptr<Pair>> pair = Pair::Connect(ours_->port(), theirs_->port(), protocol);
  if (!pair) return pair.error();
  Result<std::optional<Difference>> difference = (*pair)->Run(sequence);
  if (difference && !*difference) {
    ++passed_;
    return {};
  }
  if (difference) {
    const Difference first = **difference;
    Result<Sequence> shorter = (*pair)->Shrink(sequence);
    if (shorter) difference = (*pair)->Run(*shorter);
    if (shorter && difference && *difference) {
      Report(*shorter, **difference, number);
      return {};
    }
    if (shorter && difference) {
      Say("seed " + std::to_string(options_.seed) + ", sequence " + std::to_string(number) +
          ": differed once, and not again:\n" + Describe(sequence, first));
      ++failed_;
      return {};
    }
  }
  // A server went away: that is the finding.
  ++failed_;
  Say("seed " + std::to_string(options_.seed) + ", sequence " + std::to_string(number) + ": " +
      std::string(difference ? "lost while shrinking" : difference.error().message()) + "\n" +
      ours_->LogTail());
  if (ours_->Alive()) return {};
  Difference end{.index = sequence.size(), .command = {}, .ours = {}, .theirs = {}};
  Say(Describe(sequence, end));
  return StartOurs();
}

int Tester::Run() {
  using std::chrono::steady_clock;
  const auto deadline = steady_clock::now() + std::chrono::seconds(options_.seconds);
  Generator generator(grammars_, static_cast<std::uint64_t>(options_.seed));
  for (std::int64_t number = 0;; ++number) {
    const bool done =
        options_.seconds > 0 ? steady_clock::now() >= deadline : number >= options_.sequences;
    if (done) break;
    const Sequence sequence = generator.NextSequence(static_cast<std::size_t>(options_.length));
    if (Status status = RunOne(sequence, number); !status.ok()) {
      Say(std::string(status.message()));
      ++failed_;
      break;
    }
  }
  if (const std::string fault = ours_->StopAndExamine(); !fault.empty()) {
    Say(fault);
    ++failed_;
  }
  for (const auto& [command, count] : shown_) {
    Say("differed " + std::to_string(count) + " times at " + command);
  }
  Say("seed " + std::to_string(options_.seed) + ", " + std::to_string(grammars_.size()) +
      " commands");
  Say(std::to_string(passed_) + " passed, " + std::to_string(failed_) + " failed");
  return failed_ == 0 ? 0 : 1;
}

int Main(const std::vector<std::string_view>& args) {
  const std::optional<Options> options = ParseOptions(args);
  if (!options) {
    std::fputs(
        "usage: differential --ours PATH [--theirs PATH] [--seed N] [--sequences N]\n"
        "  [--length N] [--seconds N] [--only a,b] [--config FILE]\n",
        stderr);
    return 2;
  }
  Tester tester(*options);
  if (Status status = tester.Start(); !status.ok()) {
    Say(std::string(status.message()));
    Say("0 passed, 1 failed");
    return 1;
  }
  return tester.Run();
}

}  // namespace
}  // namespace cairn::differential

int main(int argc, char** argv) {
  return cairn::differential::Main(std::vector<std::string_view>(argv + 1, argv + argc));
}
