// SPDX-License-Identifier: BSD-3-Clause
// COMMAND INFO. The order of flags, categories and fields is Redis's.
#include "commands/command_info.h"

#include <array>
#include <bit>
#include <string>

#include "base/text.h"

namespace cairn::commands {
namespace {

using command::CommandTable;
using command::KeySpec;
using command::Spec;
using resp::Writer;

struct FlagName {
  std::uint32_t flag;
  std::string_view name;
};

// Not a flag of the row: it follows from the keys.
constexpr std::uint32_t kMovableKeys = 1u << 31;

constexpr std::array<FlagName, 20> kFlagNames = {{
    {command::kWrite, "write"},
    {command::kReadonly, "readonly"},
    {command::kDenyOom, "denyoom"},
    {command::kModule, "module"},
    {command::kAdmin, "admin"},
    {command::kPubsub, "pubsub"},
    {command::kNoScript, "noscript"},
    {command::kBlocking, "blocking"},
    {command::kLoading, "loading"},
    {command::kStale, "stale"},
    {command::kSkipMonitor, "skip_monitor"},
    {command::kSkipSlowlog, "skip_slowlog"},
    {command::kAsking, "asking"},
    {command::kFast, "fast"},
    {command::kNoAuth, "no_auth"},
    {command::kNoMandatoryKeys, "no_mandatory_keys"},
    {command::kNoAsyncLoading, "no_async_loading"},
    {command::kNoMulti, "no_multi"},
    {kMovableKeys, "movablekeys"},
    {command::kAllowBusy, "allow_busy"},
}};

constexpr std::array<FlagName, 11> kKeyFlagNames = {{
    {command::kKeyRO, "RO"},
    {command::kKeyRW, "RW"},
    {command::kKeyOW, "OW"},
    {command::kKeyRM, "RM"},
    {command::kKeyAccess, "access"},
    {command::kKeyUpdate, "update"},
    {command::kKeyInsert, "insert"},
    {command::kKeyDelete, "delete"},
    {command::kKeyNotKey, "not_key"},
    {command::kKeyIncomplete, "incomplete"},
    {command::kKeyVariableFlags, "variable_flags"},
}};

template <std::size_t kSize>
void WriteNames(const std::array<FlagName, kSize>& names, std::uint32_t flags, Writer& reply) {
  std::size_t count = 0;
  for (const FlagName& known : names) count += (flags & known.flag) != 0 ? 1 : 0;
  reply.Set(count);
  for (const FlagName& known : names) {
    if ((flags & known.flag) != 0) reply.Simple(known.name);
  }
}

void WriteCategories(command::Categories categories, Writer& reply) {
  reply.Set(static_cast<std::size_t>(std::popcount(categories)));
  for (std::size_t i = 0; i < command::kCategoryNames.size(); ++i) {
    if ((categories >> i & 1) == 0) continue;
    reply.Simple(std::string("@").append(command::kCategoryNames[i]));
  }
}

void WriteTips(std::string_view tips, Writer& reply) {
  std::size_t count = 0;
  const std::size_t handle = reply.BeginArray();
  while (!tips.empty()) {
    const std::string_view tip = command::internal::CutAt(tips, ' ');
    if (tip.empty()) continue;
    reply.Bulk(tip);
    ++count;
  }
  reply.EndSet(handle, count);
}

void WriteField(std::string_view name, std::int64_t value, Writer& reply) {
  reply.Bulk(name);
  reply.Integer(value);
}

void WriteTypeAndSpec(std::string_view type, std::size_t fields, Writer& reply) {
  reply.Map(2);
  reply.Bulk("type");
  reply.Bulk(type);
  reply.Bulk("spec");
  reply.Map(fields);
}

// A specification whose place is not told: Redis leaves such keys to the command's own code.
bool IsUnknown(const KeySpec& spec) {
  return spec.begin == KeySpec::Begin::kNowhere || (spec.flags & command::kKeyConcealed) != 0;
}

void WriteBeginSearch(const KeySpec& spec, Writer& reply) {
  reply.Bulk("begin_search");
  if (IsUnknown(spec)) return WriteTypeAndSpec("unknown", 0, reply);
  if (spec.begin == KeySpec::Begin::kIndex) {
    WriteTypeAndSpec("index", 1, reply);
    return WriteField("index", spec.index, reply);
  }
  WriteTypeAndSpec("keyword", 2, reply);
  reply.Bulk("keyword");
  reply.Bulk(spec.keyword);
  WriteField("startfrom", spec.index, reply);
}

void WriteFindKeys(const KeySpec& spec, Writer& reply) {
  reply.Bulk("find_keys");
  if (IsUnknown(spec)) return WriteTypeAndSpec("unknown", 0, reply);
  if (spec.find == KeySpec::Find::kRange) {
    WriteTypeAndSpec("range", 3, reply);
    WriteField("lastkey", spec.last, reply);
    WriteField("keystep", spec.step, reply);
    return WriteField("limit", spec.limit, reply);
  }
  WriteTypeAndSpec("keynum", 3, reply);
  WriteField("keynumidx", 0, reply);
  WriteField("firstkey", spec.first, reply);
  WriteField("keystep", spec.step, reply);
}

void WriteKeySpec(const KeySpec& spec, Writer& reply) {
  reply.Map(spec.note.empty() ? 3 : 4);
  if (!spec.note.empty()) {
    reply.Bulk("notes");
    reply.Bulk(spec.note);
  }
  reply.Bulk("flags");
  WriteKeyFlags(spec.flags, reply);
  WriteBeginSearch(spec, reply);
  WriteFindKeys(spec, reply);
}

}  // namespace

void WriteKeyFlags(std::uint16_t flags, Writer& reply) { WriteNames(kKeyFlagNames, flags, reply); }

void WriteCommandInfo(const CommandTable::Command& command, Writer& reply) {
  const Spec& spec = *command.spec;
  reply.Array(10);
  reply.Bulk(command.full_name);
  reply.Integer(spec.arity);
  WriteNames(kFlagNames, spec.row.flags | (spec.movable ? kMovableKeys : 0), reply);
  reply.Integer(spec.keys.first);
  reply.Integer(spec.keys.last);
  reply.Integer(spec.keys.step);
  WriteCategories(command.categories, reply);
  WriteTips(spec.row.tips, reply);
  reply.Set(spec.key_specs.count);
  for (std::size_t i = 0; i < spec.key_specs.count; ++i) {
    WriteKeySpec(spec.key_specs.specs[i], reply);
  }
  // Redis sends an empty set where there are none, and an array of those there are.
  if (command.subcommands.empty()) return reply.Set(0);
  reply.Array(command.subcommands.size());
  for (const CommandTable::Command& subcommand : command.subcommands) {
    WriteCommandInfo(subcommand, reply);
  }
}

}  // namespace cairn::commands
