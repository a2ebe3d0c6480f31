// SPDX-License-Identifier: BSD-3-Clause
// COMMAND DOCS: the row's texts and the tree of its syntax line, which is read again here.
#include <array>
#include <cstddef>
#include <string>
#include <string_view>

#include "command/syntax.h"
#include "commands/command_info.h"

namespace cairn::commands {
namespace {

using command::CommandTable;
using command::Group;
using command::kNoNode;
using command::Node;
using command::NodeId;
using command::NodeKind;
using command::Row;
using command::Syntax;
using resp::Writer;

constexpr std::array<std::string_view, 17> kGroupNames = {
    "generic", "string",       "list",       "set",    "sorted-set", "hash",
    "pubsub",  "transactions", "connection", "server", "scripting",  "hyperloglog",
    "cluster", "sentinel",     "geo",        "stream", "bitmap",
};
static_assert(kGroupNames.size() == static_cast<std::size_t>(Group::kBitmap) + 1);

void WriteText(std::string_view name, std::string_view value, Writer& reply) {
  reply.Bulk(name);
  reply.Bulk(value);
}

std::size_t CountParts(std::string_view text, char separator) {
  std::size_t count = 0;
  while (!text.empty()) {
    command::internal::CutAt(text, separator);
    ++count;
  }
  return count;
}

// Writes the arguments of one line, in order.
class ArgumentWriter {
 public:
  ArgumentWriter(const Syntax& syntax, const command::KeySpecs& specs, Writer& reply)
      : syntax_(syntax), reply_(reply) {
    for (std::size_t i = 0; i < specs.count; ++i) {
      if ((specs.specs[i].flags & command::kKeyUnknown) != 0) pattern_spec_ = static_cast<int>(i);
    }
  }

  void WriteSequence(NodeId first) {
    std::size_t count = 0;
    for (NodeId id = first; id != kNoNode; id = syntax_.node(id).next) ++count;
    reply_.Array(count);
    for (NodeId id = first; id != kNoNode; id = syntax_.node(id).next) WriteNode(id);
  }

 private:
  void WriteNode(NodeId id) {
    const Node& node = syntax_.node(id);
    const std::string name = command::NodeName(syntax_, id);
    const std::string_view type = command::TypeName(node);
    const bool leaf = node.kind == NodeKind::kArgument || node.kind == NodeKind::kToken;
    const std::size_t handle = reply_.BeginArray();
    std::size_t pairs = 2;
    const auto text = [&](std::string_view key, std::string_view value) {
      WriteText(key, value, reply_);
      ++pairs;
    };
    WriteText("name", name, reply_);
    WriteText("type", type, reply_);
    if (leaf) text("display_text", name);
    pairs += WriteKeySpecIndex(node, type) ? 1 : 0;
    if (node.kind == NodeKind::kToken) text("token", command::TokenText(node.text));
    if (!node.token.empty()) text("token", command::TokenText(node.token));
    pairs += WriteFlags(node) ? 1 : 0;
    if (!leaf) {
      reply_.Bulk("arguments");
      ++pairs;
      WriteSequence(node.child);
    }
    reply_.EndMap(handle, pairs);
  }

  // Keys come in the order of their specifications; key2 shares that of key1. What patterns lead to
  // has one specification for all of them (SORT).
  bool WriteKeySpecIndex(const Node& node, std::string_view type) {
    const bool is_pattern = type == "pattern" && pattern_spec_ != kNoSpec;
    if (type != "key" && !is_pattern) return false;
    if (!is_pattern && node.text != "key2") ++key_spec_;
    if (!is_pattern && key_spec_ == pattern_spec_) ++key_spec_;
    reply_.Bulk("key_spec_index");
    reply_.Integer(is_pattern ? pattern_spec_ : key_spec_);
    return true;
  }

  bool WriteFlags(const Node& node) {
    const int count =
        (node.optional ? 1 : 0) + (node.multiple ? 1 : 0) + (node.multiple_token ? 1 : 0);
    if (count == 0) return false;
    reply_.Bulk("flags");
    reply_.Set(static_cast<std::size_t>(count));
    if (node.optional) reply_.Simple("optional");
    if (node.multiple) reply_.Simple("multiple");
    if (node.multiple_token) reply_.Simple("multiple_token");
    return true;
  }

  const Syntax& syntax_;
  Writer& reply_;
  static constexpr int kNoSpec = -1;
  int key_spec_ = kNoSpec;      // of the last key written
  int pattern_spec_ = kNoSpec;  // of the keys that patterns lead to
};

// doc_flags and, of a deprecated command, since when and what replaces it.
std::size_t WriteStanding(const Row& row, Writer& reply) {
  const bool deprecated = !row.deprecated.empty();
  const bool system = (row.flags & command::kSystemCommand) != 0;
  if (!deprecated && !system) return 0;
  reply.Bulk("doc_flags");
  reply.Set((deprecated ? 1 : 0) + (system ? 1 : 0));
  if (deprecated) reply.Simple("deprecated");
  if (system) reply.Simple("syscmd");
  if (!deprecated) return 1;
  std::string_view replaced_by = row.deprecated;
  WriteText("deprecated_since", command::internal::CutAt(replaced_by, '|'), reply);
  if (replaced_by.empty()) return 2;
  WriteText("replaced_by", replaced_by, reply);
  return 3;
}

std::size_t WriteHistory(std::string_view history, Writer& reply) {
  if (history.empty()) return 0;
  reply.Bulk("history");
  reply.Set(CountParts(history, '\n'));
  while (!history.empty()) {
    std::string_view change = command::internal::CutAt(history, '\n');
    const std::string_view since = command::internal::CutAt(change, ':');
    while (change.starts_with(' ')) change.remove_prefix(1);
    reply.Array(2);
    reply.Bulk(since);
    reply.Bulk(change);
  }
  return 1;
}

}  // namespace

void WriteCommandDocs(const CommandTable::Command& command, Writer& reply) {
  const Row& row = command.spec->row;
  const Syntax syntax(row.syntax);
  reply.Bulk(command.full_name);
  const std::size_t handle = reply.BeginArray();
  std::size_t pairs = 3;
  WriteText("summary", row.summary, reply);
  WriteText("since", row.since, reply);
  WriteText("group", kGroupNames[static_cast<std::size_t>(row.group)], reply);
  if (!row.complexity.empty()) {
    WriteText("complexity", row.complexity, reply);
    ++pairs;
  }
  pairs += WriteStanding(row, reply);
  pairs += WriteHistory(row.history, reply);
  if (syntax.first() != kNoNode) {
    reply.Bulk("arguments");
    ArgumentWriter(syntax, command.spec->key_specs, reply).WriteSequence(syntax.first());
    ++pairs;
  }
  if (!command.subcommands.empty()) {
    reply.Bulk("subcommands");
    reply.Map(command.subcommands.size());
    for (const CommandTable::Command& subcommand : command.subcommands) {
      WriteCommandDocs(subcommand, reply);
    }
    ++pairs;
  }
  reply.EndMap(handle, pairs);
}

}  // namespace cairn::commands
