// SPDX-License-Identifier: BSD-3-Clause
// Runner: one script against one target over one protocol.
//
// Every section starts with FLUSHALL and new clients; what its @config lines change is put back at
// its end. A step that does not fit is reported and the section goes on, unless its client is gone.
//
// One Runner per target and protocol, on one thread.
#ifndef CAIRN_TESTS_COMPAT_RUNNER_H_
#define CAIRN_TESTS_COMPAT_RUNNER_H_

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "compat/script.h"
#include "compat/target.h"
#include "support/notation.h"

namespace cairn::compat {

// What a step brought.
struct Outcome {
  enum class Kind : std::uint8_t { kNotRun, kReply, kSilence, kClosed, kBroken };
  Kind kind = Kind::kNotRun;
  testing::Reply reply;
  std::string error;  // kBroken
  int protocol = 2;   // under which it came
  bool fits = false;
};

std::string Describe(const Outcome& outcome);

struct Report {
  std::size_t sections_run = 0;
  std::vector<std::string> failures;
  std::vector<std::string> skips;  // why sections were left out
  std::vector<Outcome> outcomes;   // by step index
  bool aborted = false;            // the target is in a state that nothing can be said of
};

class Runner {
 public:
  enum class Mode : std::uint8_t { kCheck, kRecord };

  Runner(Target& target, int protocol, Mode mode);
  // Connects and asks the target for its version and commands.
  Status Prepare();
  Report Run(const Script& script);

 private:
  struct Client {
    std::unique_ptr<testing::Channel> channel;
    int protocol = 2;
  };

  // Why the section is not for this target; empty if it is.
  std::string ReasonToSkip(const Script& script, const Section& section);
  bool Knows(const std::string& command);
  Status RunSection(const Script& script, const Section& section, Report& report);
  Status EnterSection(const Directives& directives);
  Status LeaveSection();
  // On the runner's own connection, which a script may cost us (timeout, CLIENT KILL).
  Result<testing::Reply> AdminCall(const std::vector<std::string>& args);
  Result<Client*> ClientNamed(const std::string& name);
  // Until the server has what the client sent and lets it wait. The next client may come then.
  Status AwaitBlocked(const Client& client);
  // Until the server knows nobody but ourselves.
  Status AwaitAlone();
  Outcome RunStep(const Step& step);
  Outcome RunEventually(const Step& step, Client& client);
  Status Send(const Step& step, Client& client);
  Outcome ReadOutcome(Client& client, int timeout_ms);
  void Judge(const Step& step, Outcome& outcome);
  const std::optional<std::string>& Expectation(const Step& step, int protocol) const;
  int TimeoutFor(const Step& step) const;

  Target& target_;
  int protocol_;
  Mode mode_;
  std::string version_;
  std::unique_ptr<testing::Channel> admin_;
  std::map<std::string, bool> known_commands_;
  std::map<std::string, Client> clients_;
  testing::Variables variables_;
  std::vector<std::pair<std::string, std::string>> saved_config_;
};

// Takes what the oracle answered over RESP2 and RESP3 into the script's expectations: only where
// they did not fit, and as one line for both protocols where one can say both.
void Record(Script& script, const std::vector<Outcome>& resp2, const std::vector<Outcome>& resp3);

}  // namespace cairn::compat

#endif  // CAIRN_TESTS_COMPAT_RUNNER_H_
