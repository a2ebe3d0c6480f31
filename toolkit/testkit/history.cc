// SPDX-License-Identifier: BSD-3-Clause
// The record, and the checks that compare pairs of operations.
#include "cairn/testkit/history.h"

#include <algorithm>
#include <map>
#include <utility>

#include "testkit/history_keys.h"

namespace cairn::cache {
namespace {

using Kind = Operation::Kind;
using Fate = Operation::Fate;

std::string_view NameOf(Kind kind) {
  switch (kind) {
    case Kind::kRead:
      return "read";
    case Kind::kWrite:
      return "write";
    case Kind::kDelete:
      return "delete";
    case Kind::kInvalidate:
      return "invalidate";
    case Kind::kLoad:
      return "load";
    case Kind::kVoid:
      return "void";
    case Kind::kAcquire:
      return "acquire";
    case Kind::kRenew:
      return "renew";
    case Kind::kRelease:
      return "release";
    case Kind::kGuarded:
      return "guarded";
    case Kind::kLog:
      return "log";
    case Kind::kApply:
      return "apply";
  }
  return "";
}

std::string_view NameOf(Fate fate) {
  switch (fate) {
    case Fate::kOk:
      return "ok";
    case Fate::kRefused:
      return "refused";
    case Fate::kFailed:
      return "failed";
    case Fate::kUnknown:
      return "unknown";
  }
  return "";
}

std::string Shown(TimePoint time) {
  if (time == TimePoint::max()) return "?";
  const std::int64_t us =
      std::chrono::floor<std::chrono::microseconds>(time.time_since_epoch()).count();
  std::string fraction = std::to_string(us % 1000);
  fraction.insert(0, 3 - fraction.size(), '0');
  return std::to_string(us / 1000) + "." + fraction + "ms";
}

std::string Both(std::string what, const Operation& first, const Operation& second) {
  return what + ":\n  " + ToString(first) + "\n  " + ToString(second);
}

// Of those that ended well, in the order of their ends: what the greatest number is of all that
// ended by some moment.
class Highest {
 public:
  void Add(const Operation& operation) { by_end_.push_back(&operation); }
  void Order() {
    std::ranges::stable_sort(by_end_, {}, &Operation::end);
    for (const Operation* operation : by_end_) {
      const Operation* last = best_.empty() ? operation : best_.back();
      best_.push_back(operation->number > last->number ? operation : last);
    }
  }
  // Null: none had ended before then.
  const Operation* EndedBefore(TimePoint moment) const {
    const auto next = std::ranges::lower_bound(by_end_, moment, {}, &Operation::end);
    const auto count = static_cast<std::size_t>(next - by_end_.begin());
    return count == 0 ? nullptr : best_[count - 1];
  }

 private:
  std::vector<const Operation*> by_end_;
  std::vector<const Operation*> best_;
};

bool Voids(const Operation& operation, const std::string& key) {
  switch (operation.kind) {
    case Kind::kVoid:
      return operation.key.empty() || operation.key == key;
    case Kind::kWrite:
    case Kind::kDelete:
    case Kind::kInvalidate:
      return operation.fate != Fate::kFailed && operation.key == key;
    case Kind::kRead:
    case Kind::kLoad:
    case Kind::kAcquire:
    case Kind::kRenew:
    case Kind::kRelease:
    case Kind::kGuarded:
    case Kind::kLog:
    case Kind::kApply:
      return false;
  }
  return false;
}

// A belief to hold a lock.
struct Hold {
  const Operation* acquired;
  TimePoint from;
  TimePoint until;
};

// In the order in which they begin. What one client does it does in turn.
std::vector<Hold> HoldsOf(const std::vector<const Operation*>& operations, Duration margin) {
  std::vector<Hold> holds;
  std::map<std::string_view, std::size_t> current;  // by client
  for (const Operation* operation : operations) {
    const bool is_ok = operation->fate == Fate::kOk;
    const auto held = current.find(operation->client);
    if (operation->kind == Kind::kAcquire && is_ok) {
      current[operation->client] = holds.size();
      holds.push_back({operation, operation->end, operation->begin + operation->ttl - margin});
    } else if (held == current.end()) {
      continue;
    } else if (operation->kind == Kind::kRenew && is_ok) {
      Hold& hold = holds[held->second];
      // Renewed only once the belief was over: a gap, then a hold again.
      if (operation->end > hold.until) {
        current[operation->client] = holds.size();
        holds.push_back({operation, operation->end, operation->begin + operation->ttl - margin});
      } else {
        hold.until = std::max(hold.until, operation->begin + operation->ttl - margin);
      }
    } else if (operation->kind == Kind::kRelease ||
               (operation->kind == Kind::kRenew && operation->fate == Fate::kRefused)) {
      Hold& hold = holds[held->second];
      const bool is_release = operation->kind == Kind::kRelease;
      hold.until = std::min(hold.until, is_release ? operation->begin : operation->end);
      current.erase(held);
    }
  }
  return holds;
}

// The newest invalidation must not be undercut by who begins after its bound.
Violation Undercut(const std::vector<const Operation*>& operations, Kind floor, Kind checked,
                   Duration bound, const char* what) {
  Highest highest;
  for (const Operation* operation : operations) {
    if (operation->kind == floor && operation->fate == Fate::kOk) highest.Add(*operation);
  }
  highest.Order();
  for (const Operation* operation : operations) {
    if (operation->kind != checked || operation->fate != Fate::kOk || operation->number == 0)
      continue;
    const Operation* newest = highest.EndedBefore(operation->begin - bound);
    if (newest != nullptr && newest != operation && newest->number > operation->number)
      return Both(what, *newest, *operation);
  }
  return std::nullopt;
}

Violation CheckLoadsOf(const std::vector<const Operation*>& loads,
                       const std::vector<const Operation*>& voids, Duration grant_delay) {
  std::map<std::int64_t, const Operation*> by_lease;
  for (const Operation* load : loads) {
    const auto [place, is_new] = by_lease.try_emplace(load->number, load);
    if (!is_new) return Both("two loads by one lease", *place->second, *load);
  }
  for (std::size_t i = 0; i < loads.size(); ++i) {
    const Operation& first = *loads[i];
    const TimePoint until = std::min(first.end, first.begin + first.ttl);
    for (std::size_t j = i + 1; j < loads.size() && loads[j]->begin < until; ++j) {
      const Operation& second = *loads[j];
      const bool is_excused = std::ranges::any_of(voids, [&](const Operation* one) {
        return one->begin <= second.begin && one->end >= first.begin - grant_delay;
      });
      if (!is_excused) return Both("two loads within one lease", first, second);
    }
  }
  return std::nullopt;
}

Violation CheckWriteBehindOf(const std::vector<const Operation*>& operations) {
  std::map<std::int64_t, const Operation*> logged;
  std::vector<const Operation*> unknown;  // their places nobody knows
  const Operation* last_answered = nullptr;
  const Operation* last_applied = nullptr;
  for (const Operation* operation : operations) {
    if (operation->kind != Kind::kLog || operation->fate == Fate::kFailed) continue;
    if (operation->fate != Fate::kOk) {
      unknown.push_back(operation);
      continue;
    }
    const auto [place, is_new] = logged.try_emplace(operation->number, operation);
    if (!is_new) return Both("two writes at one place", *place->second, *operation);
    if (last_answered == nullptr || operation->number > last_answered->number)
      last_answered = operation;
  }
  for (const Operation* operation : operations) {
    if (operation->kind != Kind::kApply || operation->fate != Fate::kOk) continue;
    if (last_applied != nullptr && operation->number == last_applied->number)
      return Both("a write applied twice", *last_applied, *operation);
    if (last_applied != nullptr && operation->number < last_applied->number)
      return Both("writes applied in the wrong order", *last_applied, *operation);
    last_applied = operation;
    const auto known = logged.find(operation->number);
    if (known != logged.end()) {
      if (operation->value != known->second->value)
        return Both("another value was applied than was written", *known->second, *operation);
      continue;
    }
    const bool is_explained = std::ranges::any_of(unknown, [&](const Operation* one) {
      return one->begin <= operation->end && one->value == operation->value;
    });
    if (!is_explained) return "a write applied that nobody has made:\n  " + ToString(*operation);
  }
  if (last_answered == nullptr) return std::nullopt;
  if (last_applied == nullptr || last_applied->number < last_answered->number)
    return "an answered write was lost:\n  " + ToString(*last_answered);
  return std::nullopt;
}

}  // namespace

std::string ToString(const Operation& operation) {
  std::string text = Shown(operation.begin) + ".." + Shown(operation.end) + " ";
  text += operation.client + " ";
  text += NameOf(operation.kind);
  text += " " + operation.key;
  if (operation.value) text += " '" + *operation.value + "'";
  if (operation.number != 0) text += " #" + std::to_string(operation.number);
  text += " ";
  text += NameOf(operation.fate);
  return text;
}

History::Number History::Begin(Operation operation) {
  operation.begin = clock_.Now();
  operations_.push_back(std::move(operation));
  return operations_.size() - 1;
}

void History::End(Number operation, Ending ending) {
  Operation& ended = operations_[operation];
  ended.fate = ending.fate;
  if (ending.value) ended.value = std::move(ending.value);
  if (ending.number) ended.number = *ending.number;
  // Of what may yet have its effect nobody knows the end.
  if (ending.fate != Fate::kUnknown) ended.end = clock_.Now();
}

void History::Note(Operation operation, Ending ending) {
  End(Begin(std::move(operation)), std::move(ending));
}

std::string History::ToString() const {
  std::string text;
  for (const Operation& operation : operations_) text += cache::ToString(operation) + "\n";
  return text;
}

Violation History::CheckFreshness(Duration bound) const {
  for (const auto& [key, operations] : testkit::ByKey(operations_)) {
    const Violation violation = Undercut(operations, Kind::kInvalidate, Kind::kRead, bound,
                                         "a version was read that had been invalidated");
    if (violation) return violation;
  }
  return std::nullopt;
}

Violation History::CheckLoads(Duration grant_delay) const {
  for (const auto& [key, operations] : testkit::ByKey(operations_)) {
    std::vector<const Operation*> loads;
    for (const Operation* operation : operations) {
      if (operation->kind == Kind::kLoad && operation->number != 0) loads.push_back(operation);
    }
    std::vector<const Operation*> voids;
    for (const Operation& operation : operations_) {
      if (Voids(operation, key)) voids.push_back(&operation);
    }
    if (Violation violation = CheckLoadsOf(loads, voids, grant_delay)) return violation;
  }
  return std::nullopt;
}

Violation History::CheckFences() const {
  for (const auto& [key, operations] : testkit::ByKey(operations_)) {
    std::map<std::int64_t, const Operation*> grants;
    for (const Operation* operation : operations) {
      if (operation->kind != Kind::kAcquire || operation->fate != Fate::kOk) continue;
      const auto [place, is_new] = grants.try_emplace(operation->number, operation);
      if (!is_new) return Both("one fence was given twice", *place->second, *operation);
    }
    Violation violation =
        Undercut(operations, Kind::kAcquire, Kind::kAcquire, Duration(0), "a fence has gone back");
    if (!violation)
      violation = Undercut(operations, Kind::kGuarded, Kind::kGuarded, Duration(0),
                           "an older fence was let through");
    if (violation) return violation;
  }
  return std::nullopt;
}

Violation History::CheckHolders(Duration margin) const {
  for (const auto& [key, operations] : testkit::ByKey(operations_)) {
    std::vector<Hold> holds = HoldsOf(operations, margin);
    std::ranges::stable_sort(holds, {}, &Hold::from);
    const Hold* longest = nullptr;
    for (const Hold& hold : holds) {
      if (hold.until <= hold.from) continue;  // it was over before it was known
      if (longest != nullptr && longest->until > hold.from &&
          longest->acquired->client != hold.acquired->client)
        return Both("two hold one lock", *longest->acquired, *hold.acquired);
      if (longest == nullptr || hold.until > longest->until) longest = &hold;
    }
  }
  return std::nullopt;
}

Violation History::CheckWriteBehind() const {
  for (const auto& [key, operations] : testkit::ByKey(operations_)) {
    if (Violation violation = CheckWriteBehindOf(operations)) return violation;
  }
  return std::nullopt;
}

}  // namespace cairn::cache
