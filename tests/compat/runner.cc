// SPDX-License-Identifier: BSD-3-Clause
// Silence ("~") is the one expectation that costs time: nothing may come for kQuietMs, from when
// the server says that a blocking command blocks. Everything else waits for a reply and goes on at
// once.
#include "compat/runner.h"

#include <poll.h>

#include <algorithm>
#include <chrono>

#include "base/text.h"
#include "support/pattern.h"

namespace cairn::compat {
namespace {

using testing::Call;
using testing::Notate;
using testing::Pattern;
using testing::Reply;
using testing::ReplyType;

constexpr int kReplyTimeoutMs = 10'000;
constexpr int kRecordTimeoutMs = 3000;  // a recorded step with no expectation may bring nothing
constexpr int kQuietMs = 20;
constexpr int kRetryMs = 5;
constexpr std::size_t kShownBytes = 1500;
constexpr const char* kLatestVersion = "99";  // ours has every later command it knows

// Whether dotted version `a` is below `b`.
bool IsBelow(std::string_view a, std::string_view b) {
  while (!a.empty() || !b.empty()) {
    const auto take = [](std::string_view& text) {
      const std::size_t dot = std::min(text.find('.'), text.size());
      const std::int64_t number = ParseInt64(text.substr(0, dot)).value_or(0);
      text.remove_prefix(std::min(dot + 1, text.size()));
      return number;
    };
    const std::int64_t left = take(a);
    const std::int64_t right = take(b);
    if (left != right) return left < right;
  }
  return false;
}

std::string Shorten(std::string text) {
  if (text.size() > kShownBytes) text = text.substr(0, kShownBytes) + " ...";
  return text;
}

std::string InfoField(std::string_view info, std::string_view field) {
  const std::size_t at = info.find(std::string(field) + ":");
  if (at == std::string_view::npos) return {};
  const std::string_view rest = info.substr(at + field.size() + 1);
  return std::string(rest.substr(0, rest.find('\r')));
}

// Whether a command that brings no reply is one that waits for something.
bool MayBlock(std::string_view command) {
  constexpr std::string_view kBlocking[] = {
      "blmove",   "blmovem", "blmpop",   "blpop",   "brpop", "brpoplpush", "bzmpop",
      "bzpopmax", "wait",    "bzpopmin", "waitaof", "xread", "xreadgroup"};
  return std::ranges::find(kBlocking, ToLower(command.substr(0, command.find(' ')))) !=
         std::end(kBlocking);
}

// Whether CLIENT LIST shows the client at the address as one that blocks.
bool IsBlocked(std::string_view list, const std::string& address) {
  const std::size_t at = list.find(" addr=" + address + " ");
  if (at == std::string_view::npos) return false;
  std::string_view line = list.substr(at);
  line = line.substr(0, line.find('\n'));
  const std::size_t flags = line.find(" flags=");
  return line.substr(flags + 7, line.find(' ', flags + 7) - flags - 7).contains('b');
}

}  // namespace

std::string Describe(const Outcome& outcome) {
  switch (outcome.kind) {
    case Outcome::Kind::kNotRun:
      return "(not run)";
    case Outcome::Kind::kReply:
      return Notate(outcome.reply);
    case Outcome::Kind::kSilence:
      return "~";
    case Outcome::Kind::kClosed:
      return "closed";
    case Outcome::Kind::kBroken:
      return "broken: " + outcome.error;
  }
  return {};
}

Runner::Runner(Target& target, int protocol, Mode mode)
    : target_(target), protocol_(protocol), mode_(mode) {}

Status Runner::Prepare() {
  Result<std::unique_ptr<testing::Channel>> admin = target_.Open(2);
  if (!admin) return admin.error();
  admin_ = std::move(*admin);
  version_ = kLatestVersion;
  if (!target_.is_oracle()) return {};
  const Result<Reply> info = Call(*admin_, {"INFO", "server"});
  if (!info) return info.error();
  version_ = InfoField(info->text, "redis_version");
  return {};
}

bool Runner::Knows(const std::string& command) {
  const auto found = known_commands_.find(command);
  if (found != known_commands_.end()) return found->second;
  return known_commands_[command] = target_.Knows(*admin_, command);
}

std::string Runner::ReasonToSkip(const Script& script, const Section& section) {
  const Directives& directives = section.directives;
  const bool is_oracle = target_.is_oracle();
  if (directives.only == (is_oracle ? "cairn" : "redis")) return "only " + directives.only;
  if (!directives.since.empty() && IsBelow(version_, directives.since)) {
    return "since " + directives.since;
  }
  if (!directives.before.empty() && !IsBelow(version_, directives.before)) {
    return "before " + directives.before;
  }
  if (directives.protocol != 0 && directives.protocol != protocol_) {
    return "only RESP" + std::to_string(directives.protocol);
  }
  if (directives.over_wire && !target_.over_wire()) return "needs a wire";
  for (const std::string& command : directives.needs) {
    if (!Knows(command)) return "needs " + command;
  }
  if (!directives.config.empty() && !Knows("config")) return "needs config";
  if (target_.over_wire()) return {};
  // The engine alone lacks what belongs to a server: such sections are not for it.
  for (const std::size_t index : section.steps) {
    const std::string& command = script.step(index).command;
    const std::string name = ToLower(command.substr(0, command.find(' ')));
    if (!name.empty() && name.front() != '@' && !Knows(name)) return "needs " + name;
  }
  return {};
}

Report Runner::Run(const Script& script) {
  Report report;
  report.outcomes.resize(script.step_count());
  for (const Section& section : script.sections()) {
    if (section.steps.empty()) continue;
    if (std::string why = ReasonToSkip(script, section); !why.empty()) {
      report.skips.push_back(section.title.empty() ? why : section.title + ": " + why);
      continue;
    }
    ++report.sections_run;
    Status status = RunSection(script, section, report);
    clients_.clear();
    if (std::string why; !target_.Healthy(why)) status = {StatusCode::kClosed, why};
    if (status.ok()) status = AwaitAlone();
    if (status.ok()) status = LeaveSection();
    if (status.ok()) continue;
    report.failures.push_back(script.path() + ":" + std::to_string(section.line) + ": " +
                              std::string(status.message()));
    saved_config_.clear();
    report.aborted = true;
    return report;
  }
  return report;
}

Result<Reply> Runner::AdminCall(const std::vector<std::string>& args) {
  Result<Reply> reply = Call(*admin_, args);
  if (reply || reply.error().code() != StatusCode::kClosed) return reply;
  Result<std::unique_ptr<testing::Channel>> again = target_.Open(2);
  if (!again) return std::unexpected(again.error());
  admin_ = std::move(*again);
  return Call(*admin_, args);
}

Status Runner::AwaitBlocked(const Client& client) {
  using std::chrono::steady_clock;
  const auto deadline = steady_clock::now() + std::chrono::milliseconds(kReplyTimeoutMs);
  while (steady_clock::now() < deadline) {
    const Result<Reply> list = AdminCall({"CLIENT", "LIST"});
    if (!list) return list.error().Annotate("CLIENT LIST");
    if (IsBlocked(list->text, client.channel->address())) break;
    ::poll(nullptr, 0, kRetryMs);
  }
  return {};  // one that came too late brings a reply, or will: the step shows it
}

Status Runner::AwaitAlone() {
  using std::chrono::steady_clock;
  const auto deadline = steady_clock::now() + std::chrono::milliseconds(kReplyTimeoutMs);
  while (target_.over_wire()) {
    const Result<Reply> list = AdminCall({"CLIENT", "LIST"});
    if (!list) return list.error().Annotate("CLIENT LIST");
    if (std::ranges::count(list->text, '\n') == 1) break;
    if (steady_clock::now() >= deadline) return {StatusCode::kIo, "clients stay: " + list->text};
    ::poll(nullptr, 0, kRetryMs);
  }
  return {};
}

Status Runner::EnterSection(const Directives& directives) {
  Result<Reply> flushed = AdminCall({"FLUSHALL"});
  if (!flushed) return flushed.error().Annotate("FLUSHALL");
  for (const auto& [name, value] : directives.config) {
    Result<Reply> old = AdminCall({"CONFIG", "GET", name});
    if (!old) return old.error().Annotate("CONFIG GET");
    if (old->items.size() != 2) return {StatusCode::kInvalid, "no config named " + name};
    saved_config_.emplace_back(name, old->items[1].text);
    Result<Reply> set = AdminCall({"CONFIG", "SET", name, value});
    if (!set) return set.error().Annotate("CONFIG SET");
    if (set->type == ReplyType::kError) return {StatusCode::kInvalid, set->text};
  }
  variables_.clear();
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto now_ms = std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
  variables_["now"] = std::to_string(now_ms / 1000);
  variables_["now_ms"] = std::to_string(now_ms);
  return {};
}

Status Runner::LeaveSection() {
  while (!saved_config_.empty()) {
    const auto [name, value] = saved_config_.back();
    saved_config_.pop_back();
    Result<Reply> set = AdminCall({"CONFIG", "SET", name, value});
    if (!set) return set.error().Annotate("CONFIG SET");
    if (set->type == ReplyType::kError) return {StatusCode::kInvalid, set->text};
  }
  return {};
}

Status Runner::RunSection(const Script& script, const Section& section, Report& report) {
  if (Status status = EnterSection(section.directives); !status.ok()) return status;
  for (const std::size_t index : section.steps) {
    const Step& step = script.step(index);
    Outcome& outcome = report.outcomes[index];
    outcome = RunStep(step);
    if (!outcome.fits) {
      const std::optional<std::string>& expected = Expectation(step, outcome.protocol);
      report.failures.push_back(script.path() + ":" + std::to_string(step.line) + ": " +
                                Shorten(step.command) + "\n  expected " +
                                Shorten(expected.value_or("(nothing recorded)")) + "\n  got      " +
                                Shorten(Describe(outcome)));
    }
    if (outcome.kind == Outcome::Kind::kBroken) return {StatusCode::kIo, outcome.error};
    // A reply that did not come may come later, as the reply to something else: nothing that
    // follows would mean anything.
    if (!outcome.fits && outcome.kind == Outcome::Kind::kSilence && mode_ == Mode::kCheck) break;
  }
  return {};
}

Result<Runner::Client*> Runner::ClientNamed(const std::string& name) {
  const auto found = clients_.find(name);
  if (found != clients_.end()) return &found->second;
  Result<std::unique_ptr<testing::Channel>> channel = target_.Open(protocol_);
  if (!channel) return std::unexpected(channel.error());
  Client client{.channel = std::move(*channel), .protocol = protocol_};
  return &clients_.emplace(name, std::move(client)).first->second;
}

const std::optional<std::string>& Runner::Expectation(const Step& step, int protocol) const {
  if (target_.is_oracle()) {
    if (protocol == 3 && step.At(Slot::kRedisResp3)) return step.At(Slot::kRedisResp3);
    if (step.At(Slot::kRedis)) return step.At(Slot::kRedis);
  }
  return protocol == 3 && step.At(Slot::kResp3) ? step.At(Slot::kResp3) : step.At(Slot::kBase);
}

int Runner::TimeoutFor(const Step& step) const {
  const std::optional<std::string>& expected = Expectation(step, protocol_);
  if (expected == "~") return kQuietMs;
  return !expected && mode_ == Mode::kRecord ? kRecordTimeoutMs : kReplyTimeoutMs;
}

Status Runner::Send(const Step& step, Client& client) {
  Result<std::vector<std::string>> words = testing::ParseWords(step.command, variables_);
  if (!words) return words.error();
  if (step.kind != StepKind::kBytes) return client.channel->SendCommand(*words);
  std::string bytes;
  for (const std::string& word : *words) bytes += word;
  return client.channel->SendBytes(bytes);
}

Outcome Runner::ReadOutcome(Client& client, int timeout_ms) {
  Outcome outcome;
  outcome.protocol = client.protocol;
  Result<std::optional<Reply>> reply = client.channel->Receive(timeout_ms);
  if (!reply && reply.error().code() == StatusCode::kClosed) {
    outcome.kind = Outcome::Kind::kClosed;
  } else if (!reply) {
    outcome.kind = Outcome::Kind::kBroken;
    outcome.error = reply.error().message();
  } else if (!*reply) {
    outcome.kind = Outcome::Kind::kSilence;
  } else {
    outcome.kind = Outcome::Kind::kReply;
    outcome.reply = std::move(**reply);
  }
  return outcome;
}

Outcome Runner::RunStep(const Step& step) {
  Outcome outcome;
  Result<Client*> client = ClientNamed(step.client);
  if (!client) {
    outcome.kind = Outcome::Kind::kBroken;
    outcome.error = client.error().message();
    return outcome;
  }
  if (step.command == "@close") {
    clients_.erase(step.client);
    outcome.fits = true;
    return outcome;
  }
  if (step.kind == StepKind::kEventually) return RunEventually(step, **client);
  if (step.kind != StepKind::kRead) {
    Status status = Send(step, **client);
    // A server that closed while we wrote may have left a reply: read on.
    if (!status.ok() && status.code() != StatusCode::kClosed) {
      outcome.kind = Outcome::Kind::kBroken;
      outcome.error = status.message();
      return outcome;
    }
  }
  if (Expectation(step, (*client)->protocol) == "unread") {
    outcome.fits = true;
    return outcome;
  }
  if (TimeoutFor(step) == kQuietMs && target_.over_wire() && MayBlock(step.command)) {
    if (Status status = AwaitBlocked(**client); !status.ok()) {
      outcome.kind = Outcome::Kind::kBroken;
      outcome.error = status.message();
      return outcome;
    }
  }
  outcome = ReadOutcome(**client, TimeoutFor(step));
  // HELLO and RESET change the protocol of the connection, from their own reply on.
  if (outcome.kind == Outcome::Kind::kReply && outcome.reply.type != ReplyType::kError) {
    const std::optional<std::vector<std::string>> words = SplitWords(step.command);
    if (words && words->size() > 1 && EqualsIgnoreCase((*words)[0], "hello")) {
      (*client)->protocol = (*words)[1] == "3" ? 3 : 2;
    }
    if (words && words->size() == 1 && EqualsIgnoreCase((*words)[0], "reset")) {
      (*client)->protocol = 2;
    }
  }
  outcome.protocol = (*client)->protocol;
  // Whoever uses the name again gets a new connection.
  if (outcome.kind == Outcome::Kind::kClosed) clients_.erase(step.client);
  Judge(step, outcome);
  return outcome;
}

Outcome Runner::RunEventually(const Step& step, Client& client) {
  using std::chrono::steady_clock;
  const auto deadline = steady_clock::now() + std::chrono::milliseconds(kReplyTimeoutMs);
  for (;;) {
    Outcome outcome;
    if (Status status = Send(step, client); !status.ok()) {
      outcome.kind = Outcome::Kind::kBroken;
      outcome.error = status.message();
      return outcome;
    }
    outcome = ReadOutcome(client, kReplyTimeoutMs);
    Judge(step, outcome);
    if (outcome.fits || outcome.kind != Outcome::Kind::kReply) return outcome;
    if (steady_clock::now() >= deadline) return outcome;
    ::poll(nullptr, 0, kRetryMs);
  }
}

void Runner::Judge(const Step& step, Outcome& outcome) {
  const std::optional<std::string>& expected = Expectation(step, outcome.protocol);
  if (!expected) return;
  if (*expected == "~" || *expected == "closed") {
    const auto wanted = *expected == "~" ? Outcome::Kind::kSilence : Outcome::Kind::kClosed;
    outcome.fits = outcome.kind == wanted;
    return;
  }
  if (outcome.kind != Outcome::Kind::kReply) return;
  Result<Pattern> pattern = Pattern::Parse(*expected, variables_);
  if (!pattern) {
    outcome.kind = Outcome::Kind::kBroken;
    outcome.error = pattern.error().message();
    return;
  }
  outcome.fits = pattern->Matches(outcome.reply, outcome.protocol, variables_);
}

namespace {

bool Covers(const std::string& text, const Outcome& outcome) {
  if (outcome.kind != Outcome::Kind::kReply) return text == Describe(outcome);
  testing::Variables none;
  const Result<Pattern> pattern = Pattern::Parse(text, none);
  return pattern && pattern->Matches(outcome.reply, outcome.protocol, none);
}

void RecordStep(Step& step, const Outcome& resp2, const Outcome& resp3) {
  const bool ran2 = resp2.kind != Outcome::Kind::kNotRun;
  const bool ran3 = resp3.kind != Outcome::Kind::kNotRun;
  if ((!ran2 || resp2.fits) && (!ran3 || resp3.fits)) return;
  // A line for the oracle alone stays one: ours is not the oracle's to change.
  const bool for_oracle = step.At(Slot::kRedis).has_value();
  const Slot base = for_oracle ? Slot::kRedis : Slot::kBase;
  const Slot newer = for_oracle ? Slot::kRedisResp3 : Slot::kResp3;
  const std::string text2 = Describe(resp2);
  const std::string text3 = Describe(resp3);
  if (!ran3 || (ran2 && Covers(text2, resp3))) {
    step.Expect(base, text2);
    step.Expect(newer, std::nullopt);
  } else if (!ran2 || Covers(text3, resp2)) {
    step.Expect(base, text3);
    step.Expect(newer, std::nullopt);
  } else {
    if (!resp2.fits) step.Expect(base, text2);
    if (!resp3.fits) step.Expect(newer, text3);
  }
}

}  // namespace

void Record(Script& script, const std::vector<Outcome>& resp2, const std::vector<Outcome>& resp3) {
  for (std::size_t i = 0; i < script.step_count(); ++i) {
    if (script.step(i).command != "@close") RecordStep(script.step(i), resp2[i], resp3[i]);
  }
}

}  // namespace cairn::compat
