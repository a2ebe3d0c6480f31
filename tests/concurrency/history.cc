// SPDX-License-Identifier: BSD-3-Clause
// Calls and returns stand in one list by time. Before the first return, any operation that was
// called may be the next in order: it is taken out, with its return, and the search goes on from
// the front. At a return whose operation is not taken yet, the last choice was wrong.
#include "concurrency/history.h"

#include <algorithm>
#include <cstddef>
#include <tuple>
#include <unordered_set>
#include <utility>

#include "base/check.h"

namespace cairn::concurrency {
namespace {

constexpr std::size_t kNone = static_cast<std::size_t>(-1);

struct Event {
  std::size_t operation = 0;
  bool is_return = false;
  std::size_t next = kNone;
  std::size_t previous = kNone;
};

class Search {
 public:
  explicit Search(const std::vector<Operation>& history) : history_(history) { LinkEvents(); }

  bool Run();

 private:
  struct Choice {
    std::size_t call;  // the event
    KeyState before;
  };

  void LinkEvents();
  std::size_t ReturnOf(std::size_t operation) const { return returns_[operation]; }
  void Unlink(std::size_t event);
  void Relink(std::size_t event);
  void Take(std::size_t call);
  void PutBack(std::size_t call);
  // Whether this set of taken operations was not yet seen with this state.
  bool IsNew(const KeyState& state);

  const std::vector<Operation>& history_;
  std::vector<Event> events_;         // [0] is the head of the list
  std::vector<std::size_t> returns_;  // event by operation
  std::string taken_;                 // a byte per operation
  std::unordered_set<std::string> seen_;
};

void Search::LinkEvents() {
  struct Moment {
    std::int64_t ns;
    Event event;
  };
  std::vector<Moment> moments;
  for (std::size_t i = 0; i < history_.size(); ++i) {
    moments.push_back({history_[i].called_ns, {.operation = i, .is_return = false}});
    moments.push_back({history_[i].returned_ns, {.operation = i, .is_return = true}});
  }
  // Of one moment, calls come first: what touches overlaps.
  std::sort(moments.begin(), moments.end(), [](const Moment& a, const Moment& b) {
    return std::tie(a.ns, a.event.is_return, a.event.operation) <
           std::tie(b.ns, b.event.is_return, b.event.operation);
  });
  events_.resize(moments.size() + 1);
  returns_.resize(history_.size());
  taken_.assign(history_.size(), '\0');
  for (std::size_t i = 0; i < moments.size(); ++i) {
    events_[i + 1] = moments[i].event;
    events_[i + 1].previous = i;
    events_[i].next = i + 1;
    if (moments[i].event.is_return) returns_[moments[i].event.operation] = i + 1;
  }
}

void Search::Unlink(std::size_t event) {
  const Event& gone = events_[event];
  events_[gone.previous].next = gone.next;
  if (gone.next != kNone) events_[gone.next].previous = gone.previous;
}

void Search::Relink(std::size_t event) {
  const Event& back = events_[event];
  events_[back.previous].next = event;
  if (back.next != kNone) events_[back.next].previous = event;
}

void Search::Take(std::size_t call) {
  Unlink(call);
  Unlink(ReturnOf(events_[call].operation));
  taken_[events_[call].operation] = '\1';
}

void Search::PutBack(std::size_t call) {
  taken_[events_[call].operation] = '\0';
  Relink(ReturnOf(events_[call].operation));
  Relink(call);
}

bool Search::IsNew(const KeyState& state) {
  return seen_.insert(taken_ + (state ? "=" + *state : std::string("-"))).second;
}

bool Search::Run() {
  KeyState state;
  std::vector<Choice> choices;
  std::size_t at = events_[0].next;
  while (at != kNone) {
    if (!events_[at].is_return) {
      const std::optional<KeyState> after = Apply(state, history_[events_[at].operation]);
      if (after) {
        Take(at);
        if (IsNew(*after)) {
          choices.push_back({.call = at, .before = std::exchange(state, *after)});
          at = events_[0].next;
          continue;
        }
        PutBack(at);
      }
      at = events_[at].next;
      continue;
    }
    // This operation has returned and found no place: undo the last choice and try the next one.
    if (choices.empty()) return false;
    const Choice last = std::move(choices.back());
    choices.pop_back();
    PutBack(last.call);
    state = last.before;
    at = events_[last.call].next;
  }
  DCHECK(choices.size() == history_.size());
  return true;
}

const char* NameOf(Action action) {
  switch (action) {
    case Action::kGet:
      return "GET";
    case Action::kSet:
      return "SET";
    case Action::kSetIfAbsent:
      return "SET NX";
    case Action::kGetSet:
      return "SET GET";
    case Action::kDelete:
      return "DEL";
    case Action::kAppend:
      return "APPEND";
  }
  return "";
}

std::optional<KeyState> If(bool holds, KeyState state) {
  if (!holds) return std::nullopt;
  return state;
}

}  // namespace

std::optional<KeyState> Apply(const KeyState& state, const Operation& operation) {
  const std::optional<std::string>& result = operation.result;
  switch (operation.action) {
    case Action::kGet:
      return If(result == state, state);
    case Action::kSet:
      return If(result == "OK", operation.argument);
    case Action::kSetIfAbsent:
      if (state) return If(!result, state);
      return If(result == "OK", operation.argument);
    case Action::kGetSet:
      return If(result == state, operation.argument);
    case Action::kDelete:
      return If(result == (state ? "1" : "0"), std::nullopt);
    case Action::kAppend: {
      const std::string after = state.value_or("") + operation.argument;
      return If(result == std::to_string(after.size()), after);
    }
  }
  return std::nullopt;
}

bool IsLinearizable(const std::vector<Operation>& history) { return Search(history).Run(); }

std::string Describe(const std::vector<Operation>& history) {
  std::vector<Operation> sorted = history;
  std::sort(sorted.begin(), sorted.end(),
            [](const Operation& a, const Operation& b) { return a.called_ns < b.called_ns; });
  const std::int64_t start = sorted.empty() ? 0 : sorted.front().called_ns;
  std::string text;
  for (const Operation& operation : sorted) {
    text += "  " + std::to_string(operation.called_ns - start) + ".." +
            std::to_string(operation.returned_ns - start) + " " + NameOf(operation.action) + " " +
            operation.argument + " -> " + operation.result.value_or("nil") + "\n";
  }
  return text;
}

}  // namespace cairn::concurrency
