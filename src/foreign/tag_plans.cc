// SPDX-License-Identifier: BSD-3-Clause
// TAG.* and NAMESPACE.*. All but TAG.ADD have the one slot of tags.
#include <algorithm>
#include <utility>

#include "base/text.h"
#include "command/errors.h"
#include "commands/cache_args.h"
#include "commands/namespaces.h"
#include "foreign/plan.h"

namespace cairn::foreign {
namespace {

using cache::Reply;
using cache::Result;
using keyspace::NamespaceRules;

// At the tags' slot, with what stands behind the command's name.
Plan AtTags(ScriptId script, std::vector<std::string> arguments) {
  return {.script = script,
          .keys = {std::string(kTagsKey), std::string(kSpacesKey)},
          .arguments = std::move(arguments),
          .knows_tags = true};
}

bool AreTags(Words tags) {
  return std::ranges::none_of(
      tags, [](std::string_view tag) { return tag.size() > keyspace::Tags::kNameBytesMax; });
}

Result<Plan> PlanBump(const Planner&, Words words) {
  const bool is_hard = EqualsIgnoreCase(words[1], "HARD");
  if (!is_hard && !EqualsIgnoreCase(words[1], "SOFT")) return ServerSays(command::errors::kSyntax);
  const Words tags = words.subspan(2);
  if (!AreTags(tags)) return ServerSays(commands::kTagTooLong);
  std::vector<std::string> arguments = {is_hard ? "hard" : "soft"};
  arguments.insert(arguments.end(), tags.begin(), tags.end());
  return AtTags(ScriptId::kTagBump, std::move(arguments));
}

Result<Plan> PlanAdd(const Planner&, Words words) {
  const Words tags = words.subspan(2);
  if (!AreTags(tags)) return ServerSays(commands::kTagTooLong);
  return Plan{.script = ScriptId::kTagAdd,
              .keys = {std::string(words[1])},
              .arguments = {tags.begin(), tags.end()},
              .knows_tags = true};
}

Result<Plan> PlanTagInfo(const Planner&, Words words) {
  Plan plan = AtTags(ScriptId::kTagInfo, {std::string(words[1])});
  plan.finish = &AsMap;
  return plan;
}

constexpr std::int64_t NamespaceRules::* kRules[] = {
    &NamespaceRules::ttl_ms,         &NamespaceRules::ttl_ms_max,
    &NamespaceRules::jitter_percent, &NamespaceRules::negative_ttl_ms,
    &NamespaceRules::negatives_max,  &NamespaceRules::memory_bytes_max,
    &NamespaceRules::leases_max,
};
constexpr std::string_view kRuleNames[] = {"ttl",    "maxttl",    "jitter",   "negttl",
                                           "negmax", "maxmemory", "maxleases"};

Result<Plan> PlanSpaceSet(const Planner&, Words words) {
  constexpr std::size_t kPrefixBytesMax = 512;
  const cairn::Result<NamespaceRules> rules = commands::ReadRules(words.subspan(2));
  if (!rules) return ServerSays(rules.error().message());
  if (words[1].empty() || words[1].size() > kPrefixBytesMax)
    return ServerSays("ERR a namespace's prefix has 1 to 512 bytes");
  std::string text;
  for (const auto rule : kRules) text += (text.empty() ? "" : " ") + Int64ToString((*rules).*rule);
  return AtTags(ScriptId::kSpaceSet, {std::string(words[1]), std::move(text)});
}

Result<Plan> PlanSpaceDelete(const Planner&, Words words) {
  return AtTags(ScriptId::kSpaceDelete, {std::string(words[1])});
}
Result<Plan> PlanSpaceClear(const Planner&, Words words) {
  return AtTags(ScriptId::kSpaceClear, {std::string(words[1])});
}

Result<Plan> PlanSpaceList(const Planner&, Words) {
  Plan plan = AtTags(ScriptId::kSpaceList, {});
  plan.finish = [](Reply reply) -> Result<Reply> {
    std::vector<Reply> prefixes = std::move(reply).TakeElements();
    std::ranges::sort(prefixes, {}, [](const Reply& prefix) { return prefix.text(); });
    return Reply::Aggregate(Reply::Type::kArray, std::move(prefixes));
  };
  return plan;
}

// The rules. Nobody counts what happens there.
Result<Reply> FinishSpaceInfo(Reply reply) {
  if (reply.is_null()) return reply;
  std::vector<Reply> fields;
  std::string_view rest = reply.text();
  for (const std::string_view name : kRuleNames) {
    const std::size_t end = std::min(rest.find(' '), rest.size());
    fields.push_back(Reply::Text(std::string(name)));
    fields.push_back(Reply::Integer(ParseInt64(rest.substr(0, end)).value_or(0)));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  fields.push_back(Reply::Text("settled"));
  fields.push_back(Reply::Integer(1));
  return Reply::Aggregate(Reply::Type::kMap, std::move(fields));
}

Result<Plan> PlanSpaceInfo(const Planner&, Words words) {
  Plan plan = AtTags(ScriptId::kSpaceInfo, {std::string(words[1])});
  plan.finish = &FinishSpaceInfo;
  return plan;
}

constexpr PlanRow kRows[] = {
    {"TAG.BUMP", 3, 0, &PlanBump},
    {"TAG.ADD", 3, 0, &PlanAdd},
    {"TAG.INFO", 2, 2, &PlanTagInfo},
    {"NAMESPACE.SET", 2, 0, &PlanSpaceSet},
    {"NAMESPACE.DEL", 2, 2, &PlanSpaceDelete},
    {"NAMESPACE.CLEAR", 2, 2, &PlanSpaceClear},
    {"NAMESPACE.LIST", 1, 1, &PlanSpaceList},
    {"NAMESPACE.INFO", 2, 2, &PlanSpaceInfo},
};

}  // namespace

std::span<const PlanRow> TagPlans() { return kRows; }

}  // namespace cairn::foreign
