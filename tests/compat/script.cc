// SPDX-License-Identifier: BSD-3-Clause
// One pass over the lines. A step's head decides what follows: an indented line continues its reply
// and a "3<" or "redis<" line adds an expectation to it; anything else ends it.
#include "compat/script.h"

#include "base/text.h"
#include "support/notation.h"

namespace cairn::compat {
namespace {

constexpr std::size_t kColumns = 100;
constexpr std::size_t kReplyColumn = 40;  // where replies line up when the command is short enough
constexpr std::string_view kIndent = "    ";

struct SlotName {
  std::string_view token;
  Slot slot;
};
constexpr SlotName kSlotNames[] = {
    {"redis3<", Slot::kRedisResp3}, {"redis<", Slot::kRedis}, {"3<", Slot::kResp3}};

std::string_view TrimRight(std::string_view text) {
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

std::string_view Trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  return TrimRight(text);
}

// The first two blanks outside quotes: they part a command from its reply.
std::size_t FindGap(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size()) {
    if (text[at] == '"') {
      at = testing::QuotedEnd(text, at);
      if (at == std::string_view::npos) return at;
    } else if (text.substr(at, 2) == "  ") {
      return at;
    } else {
      ++at;
    }
  }
  return std::string_view::npos;
}

struct Head {
  StepKind kind;
  std::string client;
  std::string_view rest;
};

bool IsClientName(std::string_view name) {
  if (name.empty()) return true;
  if (name.front() < 'A' || name.front() > 'Z') return false;
  for (const char c : name) {
    const bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!good) return false;
  }
  return true;
}

std::optional<Head> ParseHead(std::string_view line) {
  const std::size_t sign = line.find_first_of("<>");
  if (sign == std::string_view::npos || !IsClientName(line.substr(0, sign))) return std::nullopt;
  Head head{.kind = StepKind::kRead, .client = std::string(line.substr(0, sign)), .rest = {}};
  std::size_t length = 1;
  if (line[sign] == '>') {
    const std::string_view two = line.substr(sign, 2);
    head.kind = two == ">>"   ? StepKind::kBytes
                : two == ">?" ? StepKind::kEventually
                              : StepKind::kCommand;
    length = head.kind == StepKind::kCommand ? 1 : 2;
  }
  head.rest = line.substr(sign + length);
  if (!head.rest.empty() && head.rest.front() != ' ') return std::nullopt;
  if (!head.rest.empty()) head.rest.remove_prefix(1);
  return head;
}

std::string_view Arrow(StepKind kind) {
  switch (kind) {
    case StepKind::kCommand:
      return "> ";
    case StepKind::kBytes:
      return ">> ";
    case StepKind::kEventually:
      return ">? ";
    case StepKind::kRead:
      return "< ";
  }
  return {};
}

// A long reply goes over several lines, broken behind commas outside quotes.
void AppendWrapped(std::string& out, std::string_view reply) {
  const bool is_line = reply.starts_with('+') || reply.starts_with('-');
  std::string line(kIndent);
  std::size_t begin = 0;
  std::size_t at = 0;
  const auto take = [&](std::size_t end) {
    const std::string_view word = reply.substr(begin, end - begin);
    if (line.size() > kIndent.size() && line.size() + word.size() > kColumns) {
      out += std::string(TrimRight(line)) + '\n';
      line = kIndent;
    }
    line += word;
    begin = end;
  };
  while (!is_line && at < reply.size()) {
    if (reply[at] == '"') {
      at = testing::QuotedEnd(reply, at);
    } else if (reply.substr(at, 2) == ", ") {
      at += 2;
      take(at);
    } else {
      ++at;
    }
  }
  take(reply.size());
  out += line + '\n';
}

void AppendReply(std::string& out, std::string head, std::string_view reply) {
  const std::size_t column = std::max(kReplyColumn, head.size() + 2);
  if (column + reply.size() <= kColumns) {
    head.resize(column, ' ');
    out += head + std::string(reply) + '\n';
    return;
  }
  out += std::string(TrimRight(head)) + '\n';
  AppendWrapped(out, reply);
}

void AppendStep(std::string& out, const Step& step) {
  const std::string head = step.client + std::string(Arrow(step.kind));
  if (step.kind == StepKind::kRead) {
    const std::string reply = step.At(Slot::kBase).value_or("");
    if (head.size() + reply.size() <= kColumns) {
      out += std::string(TrimRight(head + reply)) + '\n';
    } else {
      AppendReply(out, head, reply);
    }
  } else if (step.At(Slot::kBase)) {
    AppendReply(out, head + step.command, *step.At(Slot::kBase));
  } else {
    out += head + step.command + '\n';
  }
  for (const SlotName& name : kSlotNames) {
    if (step.At(name.slot)) AppendReply(out, std::string(name.token), *step.At(name.slot));
  }
}

}  // namespace

void Step::Expect(Slot slot, std::optional<std::string> text) {
  std::optional<std::string>& place = expected[static_cast<std::size_t>(slot)];
  if (place == text) return;
  place = std::move(text);
  changed = true;
}

class ScriptParser {
 public:
  explicit ScriptParser(std::string path) { script_.path_ = std::move(path); }

  Status Feed(std::string_view line);
  Script Finish() { return std::move(script_); }

 private:
  Status Directive(std::string_view line);
  Status BeginStep(const Head& head, std::string_view line);
  void BeginSection(std::string_view title);
  Status Continue(std::string_view line);
  Status AddSlot(const SlotName& name, std::string_view line);
  Status Bad(std::string_view what) const {
    return {StatusCode::kInvalid,
            script_.path_ + ":" + std::to_string(number_) + ": " + std::string(what)};
  }
  Step* open_step() { return in_step_ ? &script_.steps_.back() : nullptr; }
  Directives& directives() {
    return script_.sections_.empty() ? file_directives_ : script_.sections_.back().directives;
  }

  Script script_;
  Directives file_directives_;
  std::size_t number_ = 0;
  bool in_step_ = false;
  Slot open_slot_ = Slot::kBase;  // where a continued line belongs
};

Status ScriptParser::Feed(std::string_view line) {
  ++number_;
  line = TrimRight(line);
  if (in_step_ && line.starts_with(' ')) return Continue(line);
  if (in_step_) {
    for (const SlotName& name : kSlotNames) {
      if (line.starts_with(name.token)) return AddSlot(name, line);
    }
  }
  if (!line.empty() && line.front() != '#' && line.front() != '@' && !line.starts_with("==")) {
    const std::optional<Head> head = ParseHead(line);
    if (!head) return Bad("neither a step nor a directive: " + std::string(line));
    return BeginStep(*head, line);
  }
  in_step_ = false;
  script_.pieces_.push_back({.line = std::string(line), .step = std::nullopt});
  if (line.starts_with("==")) BeginSection(Trim(line.substr(2)));
  if (line.starts_with('@')) return Directive(line);
  return {};
}

void ScriptParser::BeginSection(std::string_view title) {
  script_.sections_.push_back(
      {.title = std::string(title), .line = number_, .directives = file_directives_, .steps = {}});
}

Status ScriptParser::BeginStep(const Head& head, std::string_view line) {
  if (script_.sections_.empty()) BeginSection("");
  Step step;
  step.kind = head.kind;
  step.client = head.client;
  step.line = number_;
  step.source.emplace_back(line);
  if (head.kind == StepKind::kRead) {
    if (const std::string_view reply = Trim(head.rest); !reply.empty()) {
      step.expected[0] = std::string(reply);
    }
  } else {
    const std::size_t gap = FindGap(head.rest);
    step.command = TrimRight(head.rest.substr(0, gap));
    if (step.command.empty()) return Bad("no command");
    if (gap != std::string_view::npos) step.expected[0] = std::string(Trim(head.rest.substr(gap)));
  }
  const bool closes = step.expected[0] == "closed";
  if (head.kind == StepKind::kBytes || closes) {
    script_.sections_.back().directives.over_wire = true;
  }
  script_.pieces_.push_back({.line = {}, .step = script_.steps_.size()});
  script_.sections_.back().steps.push_back(script_.steps_.size());
  script_.steps_.push_back(std::move(step));
  in_step_ = true;
  open_slot_ = Slot::kBase;
  return {};
}

Status ScriptParser::Continue(std::string_view line) {
  Step& step = *open_step();
  step.source.emplace_back(line);
  std::optional<std::string>& text = step.expected[static_cast<std::size_t>(open_slot_)];
  if (!text || text->empty()) {
    text = std::string(Trim(line));
  } else {
    *text += " " + std::string(Trim(line));
  }
  return {};
}

Status ScriptParser::AddSlot(const SlotName& name, std::string_view line) {
  Step& step = *open_step();
  step.source.emplace_back(line);
  open_slot_ = name.slot;
  step.expected[static_cast<std::size_t>(name.slot)] =
      std::string(Trim(line.substr(name.token.size())));
  return {};
}

Status ScriptParser::Directive(std::string_view line) {
  const std::optional<std::vector<std::string>> words = SplitWords(line.substr(1));
  if (!words || words->empty()) return Bad("a bad directive");
  const std::string& name = words->front();
  if (name == "needs" && words->size() > 1) {
    auto& needs = directives().needs;
    needs.insert(needs.end(), words->begin() + 1, words->end());
    return {};
  }
  if (name == "config" && words->size() == 3) {
    directives().config.emplace_back((*words)[1], (*words)[2]);
    return {};
  }
  if (name == "wire" && words->size() == 1) {
    directives().over_wire = true;
    return {};
  }
  if (words->size() != 2) return Bad("a bad directive");
  const std::string& value = words->back();
  if (name == "only" && (value == "cairn" || value == "redis")) {
    directives().only = value;
  } else if (name == "since") {
    directives().since = value;
  } else if (name == "before") {
    directives().before = value;
  } else if (name == "proto" && (value == "2" || value == "3")) {
    directives().protocol = value == "2" ? 2 : 3;
  } else {
    return Bad("an unknown directive");
  }
  return {};
}

Result<Script> Script::Parse(std::string path, std::string_view text) {
  ScriptParser parser(std::move(path));
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    if (Status status = parser.Feed(text.substr(0, end)); !status.ok()) {
      return std::unexpected(status);
    }
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return parser.Finish();
}

bool Script::changed() const {
  for (const Step& step : steps_) {
    if (step.changed) return true;
  }
  return false;
}

std::string Script::Text() const {
  std::string out;
  for (const Piece& piece : pieces_) {
    if (!piece.step) {
      out += piece.line + '\n';
      continue;
    }
    const Step& step = steps_[*piece.step];
    if (step.changed) {
      AppendStep(out, step);
      continue;
    }
    for (const std::string& line : step.source) out += line + '\n';
  }
  return out;
}

}  // namespace cairn::compat
