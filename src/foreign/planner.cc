// SPDX-License-Identifier: BSD-3-Clause
// The table of commands. Names of no family of ours have no '.', or another word before it.
#include <algorithm>
#include <array>
#include <utility>

#include "base/text.h"
#include "client/command_keys.h"
#include "command/errors.h"
#include "foreign/plan.h"

namespace cairn::foreign {
namespace {

using cache::Errc;
using cache::Reply;
using cache::Result;

constexpr int kSlots = 16384;

const PlanRow* FindRow(std::string_view name) {
  const std::array<std::span<const PlanRow>, 4> families = {CachePlans(), TagPlans(), LimitPlans(),
                                                            LockPlans()};
  for (const std::span<const PlanRow> family : families) {
    const auto row = std::ranges::find_if(
        family, [&](const PlanRow& one) { return EqualsIgnoreCase(one.name, name); });
    if (row != family.end()) return &*row;
  }
  return nullptr;
}

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& byte : lower) {
    if (byte >= 'A' && byte <= 'Z') byte = static_cast<char>(byte - 'A' + 'a');
  }
  return lower;
}

}  // namespace

Planner::Planner(Options options) : options_(std::move(options)) {
  if (!options_.is_cluster) return;
  text_of_slot_.resize(kSlots);
  int left = kSlots;
  for (std::uint64_t n = 0; left > 0; ++n) {
    std::string text = std::to_string(n);
    std::string& place = text_of_slot_[static_cast<std::size_t>(client::SlotOfKey(text))];
    if (!place.empty()) continue;
    place = std::move(text);
    --left;
  }
}

bool Planner::IsNative(std::string_view name) {
  const std::size_t dot = name.find('.');
  if (dot == name.npos) [[likely]]
    return false;
  const std::string_view family = name.substr(0, dot);
  constexpr std::string_view kFamilies[] = {"CACHE", "TAG", "NAMESPACE", "LIMIT", "LOCK", "CL"};
  return std::ranges::any_of(kFamilies,
                             [&](std::string_view one) { return EqualsIgnoreCase(one, family); });
}

Result<Plan> Planner::Make(Words words) const {
  const PlanRow* row = FindRow(words[0]);
  if (row == nullptr)
    return cache::Fail(Errc::kUnsupported, std::string(words[0]) + " needs a server of Cairn's");
  if (words.size() < row->words_min || (row->words_max != 0 && words.size() > row->words_max))
    return ServerSays(command::errors::WrongArity(Lower(row->name)));
  return row->make(*this, words);
}

std::string Planner::Beside(std::string_view name, std::string_view key) const {
  std::string text = "cairn:" + std::string(name);
  if (!options_.is_cluster) return text;
  const auto slot = static_cast<std::size_t>(client::SlotOfKey(key));
  return text + ":{" + text_of_slot_[slot] + "}";
}

Result<Reply> AsMap(Reply reply) {
  if (!reply.is_aggregate()) return reply;
  return Reply::Aggregate(Reply::Type::kMap, std::move(reply).TakeElements());
}

}  // namespace cairn::foreign
