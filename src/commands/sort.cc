// SPDX-License-Identifier: BSD-3-Clause
// SORT and SORT_RO: the elements of a list, a set or a sorted set in order, their own or that of
// other keys, as they are or as the keys they lead to.
//
//     SORT ids BY weight_* GET # GET object_*->name LIMIT 0 10 DESC STORE names
//
// Locks: what BY and GET lead to is known only once the elements are read, and lies anywhere; no
// stripe may be added to those a call holds (KeyLocks). So a call with such patterns runs under all
// stripes, any other one under those of its keys. Huge ones go to the heavy lane, where the
// elements are read in parts (steady_read.h), sorted with no lock held, and what they lead to is
// looked up in batches, each under its own stripes only: docs/decisions/0012-huge-sorts.md.
//
// Elements are copied first: looking up a key may remove it, if it has expired, and that may move
// whatever was found before.
#include <algorithm>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "command/call.h"
#include "command/errors.h"
#include "commands/collections.h"
#include "commands/families.h"
#include "commands/heavy.h"
#include "commands/sort_elements.h"
#include "commands/sort_options.h"
#include "commands/sort_pattern.h"
#include "commands/steady_read.h"
#include "value/scored_members.h"

namespace cairn::commands {
namespace {

using value::List;
using value::ListEnd;

constexpr std::string_view kNotNumbers = "ERR One or more scores can't be converted into double";

List MakeList(Call& call, std::span<const std::string_view> texts) {
  List list;
  const value::ListLimits limits = LimitsOf<List>(call);
  if (!texts.empty()) list.Push(ListEnd::kBack, texts, limits);
  list.Normalize(limits);
  return list;
}

void StoreList(Call& call, const SortOptions& options, List&& list) {
  const std::size_t size = list.size();
  const bool is_gone = size == 0;
  const keyspace::KeyRef key = call.keyspace().Ref(*options.store);
  Found found = call.txn().Find(key, Access::kPeek);
  const bool is_change = found || !is_gone;
  if (is_change) {
    call.txn().SetCollection(key, found, std::move(list));
    call.txn().Notify(is_gone ? keyspace::kEventGeneric : keyspace::kEventList,
                      is_gone ? "del" : "sortstore", key);
    call.LogVerbatim();
    call.txn().CountAs(is_gone ? 1 : static_cast<std::int64_t>(size));
  } else {
    call.txn().OverruleAbsence(key);
  }
  call.reply().Integer(static_cast<std::int64_t>(size));
}

std::span<SortElement> AnswerOf(const SortPlan& plan, std::vector<SortElement>& elements) {
  return std::span(elements).subspan(plan.answer().start, plan.answer().count);
}

void Reply(Call& call, const SortOptions& options, std::span<const SortElement> answer) {
  PatternReader reader(call);
  call.reply().Array(answer.size() * std::max<std::size_t>(options.gets.size(), 1));
  for (const SortElement& element : answer) {
    if (options.gets.empty()) call.reply().Bulk(element.text);
    for (const KeyPattern& get : options.gets) {
      const std::optional<std::string_view> column = reader.Read(get, element.text);
      column ? call.reply().Bulk(*column) : call.reply().Null();
    }
  }
}

// What leads nowhere is stored as an empty element.
void Store(Call& call, const SortOptions& options, std::span<const SortElement> answer) {
  PatternReader reader(call);
  std::vector<std::string> texts;
  for (const SortElement& element : answer) {
    if (options.gets.empty()) texts.push_back(element.text);
    for (const KeyPattern& get : options.gets)
      texts.emplace_back(reader.Read(get, element.text).value_or(std::string_view()));
  }
  StoreList(call, options,
            MakeList(call, std::vector<std::string_view>(texts.begin(), texts.end())));
}

// False if an element should be a number and is none.
bool Weigh(Call& call, const SortOptions& options, std::vector<SortElement>& elements) {
  PatternReader reader(call);
  bool are_numbers = true;
  for (SortElement& element : elements) {
    std::optional<std::string_view> weight;
    if (options.by) weight = reader.Read(*options.by, element.text);
    are_numbers &= WeighElement(options, weight, element);
  }
  return are_numbers;
}

void SortWith(Call& call, Storing storing) {
  SortOptions options;
  if (!ParseSort(call, storing, options)) return;
  const Found found = call.txn().Find(call.key(0), Access::kRead);
  if (!IsSortable(found)) return call.Error(command::errors::kWrongType);
  const SortPlan plan(found, options);
  const std::uint64_t weight = found ? WeightOf(*found.entry) : 1;
  if (call.Defer(plan.size() * (weight + options.lookups()))) return;
  std::vector<SortElement> elements;
  elements.reserve(plan.size());
  plan.VisitSome(found, 0, SIZE_MAX, [&](std::string_view text) { elements.emplace_back(text); });
  if (options.is_sorted) {
    if (!Weigh(call, options, elements)) return call.Error(kNotNumbers);
    plan.Order(options, elements);
  }
  options.store ? Store(call, options, AnswerOf(plan, elements))
                : Reply(call, options, AnswerOf(plan, elements));
}

// ---- Huge ones ---------------------------------------------------------------------------------

class HeavySort final : public SteadyCommand {
 public:
  explicit HeavySort(SortOptions options) : options_(std::move(options)) {}

  bool Begin(Call& call) override {
    const Found found = call.txn().Find(call.key(0), Access::kPeek);
    if (!IsSortable(found)) {
      call.Error(command::errors::kWrongType);
      return false;
    }
    plan_ = SortPlan(found, options_);
    return true;
  }

  bool ReadSome(Call& call) override {
    const Found found = call.txn().Find(call.key(0), Access::kPeek);
    at_ = plan_.VisitSome(found, at_, kWorkPerHold,
                          [this](std::string_view text) { part_.Add(text, 0); });
    return at_ == 0;
  }

  void TakeIn() override {
    if (elements_.empty()) elements_.reserve(plan_.size());
    for (const value::MemberScore& entry : part_.entries()) elements_.emplace_back(entry.member);
    part_ = {};
  }

  void Prepare(Call& call) override {
    if (options_.is_sorted) {
      Weigh(call);
      if (!are_numbers_) return;
      plan_.Order(options_, elements_);
    }
    answer_ = AnswerOf(plan_, elements_);
    if (!options_.gets.empty()) ReadColumns(call);
    if (options_.store) list_ = MakeList(call, Texts());
  }

  // An effect that others are to repeat must not depend on what was looked up at other moments.
  bool StillGood(Call& call) override { return !MustBeAtOnce(call, options_); }

  void RunAtOnce(Call& call) override {
    const auto run = [&] { call.command().run(call); };
    options_.leads_elsewhere() ? call.HoldAll(run)
                               : call.Hold({&call.key(0), call.key_count()}, run);
  }

  void Answer(Call& call) override {
    if (!are_numbers_) return call.Error(kNotNumbers);
    if (options_.store) return StoreList(call, options_, std::move(list_));
    if (options_.gets.empty()) return Reply(call, options_, answer_);
    call.reply().Array(columns_.size());
    for (const std::optional<std::string>& column : columns_)
      column ? call.reply().Bulk(*column) : call.reply().Null();
  }

  static bool MustBeAtOnce(Call& call, const SortOptions& options) {
    return options.store && options.leads_elsewhere() && call.keyspace().log().active();
  }

 private:
  // How many keys are looked up in one Hold.
  static constexpr std::size_t kLookupsPerHold = 256;
  static_assert(kLookupsPerHold <= kWorkPerHold);

  // Looks up what the patterns make of the elements, and calls fn(element, what it leads to) for
  // each element and in it for each pattern; under the locks of a batch.
  template <class Fn>
  static void LookUp(Call& call, std::span<SortElement> elements,
                     std::span<const KeyPattern> patterns, Fn fn) {
    const std::size_t batch = std::max<std::size_t>(kLookupsPerHold / patterns.size(), 1);
    for (std::size_t begin = 0; begin < elements.size(); begin += batch) {
      const std::span part = elements.subspan(begin, std::min(batch, elements.size() - begin));
      std::vector<std::string> names;
      for (const SortElement& element : part) {
        for (const KeyPattern& pattern : patterns) {
          if (pattern.has_star()) pattern.KeyOf(element.text, names.emplace_back());
        }
      }
      HoldForLookups(call, names, [&] {
        PatternReader reader(call);
        for (SortElement& element : part) {
          for (const KeyPattern& pattern : patterns)
            fn(element, reader.Read(pattern, element.text));
        }
      });
    }
  }

  static void HoldForLookups(Call& call, const std::vector<std::string>& names,
                             FunctionRef<void()> look) {
    if (names.empty()) return look();
    std::vector<keyspace::KeyRef> keys;
    keys.reserve(names.size());
    for (const std::string& name : names) keys.push_back(call.keyspace().Ref(name));
    call.keyspace().Prefetch(call.session().db(), keys);
    call.Hold(keys, look);
  }

  void Weigh(Call& call) {
    are_numbers_ = true;
    const auto weigh = [this](SortElement& element, std::optional<std::string_view> weight) {
      are_numbers_ &= WeighElement(options_, weight, element);
    };
    if (options_.by) return LookUp(call, elements_, {&*options_.by, 1}, weigh);
    for (SortElement& element : elements_) weigh(element, std::nullopt);
  }

  void ReadColumns(Call& call) {
    columns_.reserve(answer_.size() * options_.gets.size());
    LookUp(call, answer_, options_.gets,
           [this](SortElement&, std::optional<std::string_view> column) {
             column ? columns_.emplace_back(*column) : columns_.emplace_back();
           });
  }

  std::vector<std::string_view> Texts() const {
    std::vector<std::string_view> texts;
    if (options_.gets.empty()) {
      for (const SortElement& element : answer_) texts.emplace_back(element.text);
    }
    for (const std::optional<std::string>& column : columns_)
      texts.push_back(column ? std::string_view(*column) : std::string_view());
    return texts;
  }

  SortOptions options_;
  SortPlan plan_;
  std::uint64_t at_ = 0;
  value::ScoredMembers part_;  // without scores
  std::vector<SortElement> elements_;
  std::span<SortElement> answer_;
  bool are_numbers_ = true;
  std::vector<std::optional<std::string>> columns_;
  List list_;
};

void SortHeavily(Call& call, Storing storing) {
  SortOptions options;
  if (!ParseSort(call, storing, options)) return;
  if (HeavySort::MustBeAtOnce(call, options)) return call.HoldAll([&] { SortWith(call, storing); });
  const Stores stores = options.store ? Stores::kYes : Stores::kNo;
  RunSteadily(call, {&call.key(0), 1}, stores,
              [&] { return std::make_unique<HeavySort>(options); });
}

void Sort(Call& call) { SortWith(call, Storing::kAllowed); }
void SortHeavy(Call& call) { SortHeavily(call, Storing::kAllowed); }
void SortRo(Call& call) { SortWith(call, Storing::kRefused); }
void SortRoHeavy(Call& call) { SortHeavily(call, Storing::kRefused); }

constexpr Spec kSpecs[] = {
    Spec({.syntax = "SORT key [BY pattern] [LIMIT offset count] [GET pattern [GET pattern ...]] "
                    "[ASC | DESC] [ALPHA] [STORE destination]",
          .access = "RO ACCESS; RO ACCESS UNKNOWN: For the optional BY/GET keyword. It is marked "
                    "'unknown' because the key names derive from the content of the key we sort; "
                    "OW UPDATE CONCEALED: For the optional STORE keyword. It is marked 'unknown' "
                    "because the keyword can appear anywhere in the argument array",
          .since = "1.0.0",
          .group = Group::kGeneric,
          .flags = command::kWrite | command::kDenyOom,
          .categories = "set sortedset list dangerous -keyspace",
          .complexity = "O(N+M*log(M)) where N is the number of elements and M how many of them "
                        "are wanted; O(N) if they are not sorted",
          .summary = "Sorts the elements of a list, a set or a sorted set, and returns them, or "
                     "what they lead to, or stores them as a list.",
          .run = &Sort,
          .run_heavy = &SortHeavy,
          .takes_all_stripes = &SortTakesAllStripes,
          .find_keys = &FindSortKeys}),
    Spec({.syntax = "SORT_RO key [BY pattern] [LIMIT offset count] [GET pattern [GET pattern ...]] "
                    "[ASC | DESC] [ALPHA]",
          .access = "RO ACCESS; RO ACCESS UNKNOWN: For the optional BY/GET keyword. It is marked "
                    "'unknown' because the key names derive from the content of the key we sort",
          .since = "7.0.0",
          .group = Group::kGeneric,
          .flags = command::kReadonly,
          .categories = "set sortedset list dangerous -keyspace",
          .complexity = "O(N+M*log(M)) where N is the number of elements and M how many of them "
                        "are wanted; O(N) if they are not sorted",
          .summary = "Sorts the elements of a list, a set or a sorted set, and returns them or "
                     "what they lead to.",
          .run = &SortRo,
          .run_heavy = &SortRoHeavy,
          .takes_all_stripes = &SortTakesAllStripes}),
};

}  // namespace

std::span<const Spec> SortFamily() { return kSpecs; }

}  // namespace cairn::commands
