// SPDX-License-Identifier: BSD-3-Clause
// Whether a history of one key could be that of an object whose operations take no time.
//
// Wing and Gong's search (1993) with Lowe's memo (2017): of the operations that nothing has to come
// before, one after the other is tried as the next; what was reached once, the same operations done
// and the object in the same state, is not tried again. Operations without an end may come at any
// time, or never.
#include <algorithm>
#include <set>
#include <utility>

#include "cairn/testkit/history.h"
#include "testkit/history_keys.h"

namespace cairn::cache {
namespace {

using Kind = Operation::Kind;
using Fate = Operation::Fate;
using Operations = std::vector<const Operation*>;

// Of a register: what it holds. Of a lock: who holds it, and since which operation.
struct State {
  std::optional<std::string> value = {};
  const Operation* since = nullptr;
  auto operator<=>(const State&) const = default;
};

// How far time has come at least when all that was done is done.
using Floor = TimePoint;

// Of a lock: by how much it may end early.
using Margin = Duration;

using Apply = bool (*)(const Operation& operation, Floor floor, Margin margin, State& state);

bool ApplyToRegister(const Operation& operation, Floor, Margin, State& state) {
  switch (operation.kind) {
    case Kind::kRead:
      return operation.value == state.value;
    case Kind::kWrite:
      state.value = operation.value;
      return true;
    default:
      state.value.reset();
      return true;
  }
}

bool IsUnknown(const Operation& operation) { return operation.fate == Fate::kUnknown; }

// What is of unknown end need not have happened, so it does nothing only by not being chosen. The
// lock may have expired, or be held still, as far as its times leave that open.
bool ApplyToLock(const Operation& operation, Floor floor, Margin margin, State& state) {
  const Operation* since = state.since;
  const bool is_own = state.value == operation.client;
  const bool has_time = since != nullptr && since->ttl > Duration(0);
  const bool may_be_over =
      !state.value || (has_time && operation.end >= since->begin + since->ttl - margin);
  const bool may_be_held = state.value && (!has_time || since->end == TimePoint::max() ||
                                           floor < since->end + since->ttl);
  if (operation.fate == Fate::kRefused) {
    if (operation.kind == Kind::kAcquire) return may_be_held && !is_own;
    return !is_own || may_be_over;
  }
  if (operation.kind == Kind::kAcquire) {
    if (!is_own && !may_be_over) return false;
    state = {.value = operation.client, .since = &operation};
    return true;
  }
  if (!is_own || !may_be_held) return false;
  if (operation.kind == Kind::kRenew) {
    state.since = &operation;
  } else {
    state = {};
  }
  return true;
}

class Search {
 public:
  // More states than these are not looked at.
  static constexpr std::size_t kStatesMax = 1'000'000;

  Search(const Operations& operations, Apply apply, Margin margin)
      : operations_(operations),
        apply_(apply),
        margin_(margin),
        is_done_(operations.size(), false) {}

  enum class Outcome : std::uint8_t { kFound, kNone, kTooMany };
  Outcome Run() {
    left_ = static_cast<std::size_t>(
        std::ranges::count_if(operations_, [](const Operation* one) { return !IsUnknown(*one); }));
    const bool is_found = From({}, TimePoint::min());
    if (is_found) return Outcome::kFound;
    return seen_.size() >= kStatesMax ? Outcome::kTooMany : Outcome::kNone;
  }

 private:
  bool From(const State& state, Floor floor) {
    if (left_ == 0) return true;
    if (seen_.size() >= kStatesMax || !seen_.emplace(is_done_, state).second) return false;
    TimePoint first_end = TimePoint::max();
    for (std::size_t i = 0; i < operations_.size(); ++i) {
      if (!is_done_[i]) first_end = std::min(first_end, operations_[i]->end);
    }
    for (std::size_t i = 0; i < operations_.size() && operations_[i]->begin <= first_end; ++i) {
      if (is_done_[i]) continue;
      const Operation& next = *operations_[i];
      State after = state;
      const Floor later = std::max(floor, next.begin);
      if (!apply_(next, later, margin_, after)) continue;
      is_done_[i] = true;
      left_ -= IsUnknown(next) ? 0 : 1;
      if (From(after, later)) return true;
      left_ += IsUnknown(next) ? 0 : 1;
      is_done_[i] = false;
      // A read that fits now can as well come now: what fails after it fails without it.
      if (next.kind == Kind::kRead) return false;
    }
    return false;
  }

  const Operations& operations_;
  const Apply apply_;
  const Margin margin_;
  std::vector<bool> is_done_;
  std::size_t left_ = 0;  // that are to be done
  std::set<std::pair<std::vector<bool>, State>> seen_;
};

template <class Concerns>
Violation CheckAll(const std::vector<Operation>& all, Concerns concerns, Apply apply,
                   Margin margin) {
  for (const auto& [key, operations] : testkit::ByKey(all)) {
    Operations own;
    std::ranges::copy_if(operations, std::back_inserter(own), [&](const Operation* one) {
      // A read of unknown end says nothing.
      const bool says_nothing = one->kind == Kind::kRead && IsUnknown(*one);
      return concerns(one->kind) && one->fate != Fate::kFailed && !says_nothing;
    });
    const Search::Outcome outcome = Search(own, apply, margin).Run();
    if (outcome == Search::Outcome::kFound) continue;
    std::string text = outcome == Search::Outcome::kTooMany
                           ? "too much happened at once to say whether it has an order:"
                           : "there is no order of these:";
    for (const Operation* operation : own) text += "\n  " + ToString(*operation);
    return text;
  }
  return std::nullopt;
}

}  // namespace

Violation History::CheckRegisters() const {
  const auto concerns = [](Kind kind) {
    return kind == Kind::kRead || kind == Kind::kWrite || kind == Kind::kDelete;
  };
  return CheckAll(operations_, concerns, ApplyToRegister, Margin(0));
}

Violation History::CheckLocks(Duration margin) const {
  const auto concerns = [](Kind kind) {
    return kind == Kind::kAcquire || kind == Kind::kRenew || kind == Kind::kRelease;
  };
  return CheckAll(operations_, concerns, ApplyToLock, margin);
}

}  // namespace cairn::cache
