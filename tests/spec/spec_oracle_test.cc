// SPDX-License-Identifier: BSD-3-Clause
// Every row against redis-server: what COMMAND INFO and COMMAND DOCS say of it here and there.
//
// Both replies are flattened to lines of text ("flags fast readonly"), sorted where the order means
// nothing, and compared line by line. Left out: summary, complexity and history (the words are our
// own), the names of choices and blocks (Redis chose them by hand), and commands that Redis 7.0
// does not have. Differences that are meant, since we follow 7.2, stand in kMeant with their
// reason. Where redis-server is not installed the tests say so and pass.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "acl/catalog.h"
#include "command/table.h"
#include "commands/command_info.h"
#include "engine/families.h"
#include "resp/reply_buffer.h"
#include "server/families.h"
#include "support/channel.h"
#include "support/server_process.h"

namespace cairn::testing {
namespace {

using command::CommandTable;

constexpr char kOracle[] = "/usr/bin/redis-server";

struct Meant {
  std::string_view command;
  std::string_view field;
  std::string_view reason;
};

constexpr Meant kMeant[] = {
    {"command|getkeys", "arity", "7.2 takes a command without arguments"},
    {"command|getkeysandflags", "arity", "7.2 takes a command without arguments"},
    {"command|getkeys", "arguments", "7.2 documents them"},
    {"command|getkeysandflags", "arguments", "7.2 documents them"},
    {"config|get", "arguments", "7.2 without a block around one argument"},
    {"client|kill", "arguments", "MAXAGE came later"},
    {"module|loadex", "arguments", "a block around one argument tells nothing"},
    {"client|list", "arguments", "7.2 without a block around the ids"},
    {"config|resetstat", "tips", "7.2"},
    {"config|rewrite", "tips", "7.2"},
    {"bitop", "arguments", "7.2 names the operations; DIFF and the like came later"},
    {"pfmerge", "arguments", "7.2: the sources are optional"},
    {"lcs", "arguments", "7.2 calls the length min-match-len"},
    {"msetnx", "tips", "7.2: it cannot be split over shards"},
    {"wait", "flags", "7.2: it blocks, in scripts it answers at once"},
    {"wait", "categories", "7.2: it blocks"},
    {"set", "arguments", "IFEQ and the like came later"},
    {"hscan", "arguments", "NOVALUES came later"},
    {"xadd", "arguments", "KEEPREF and the like came later"},
    {"xtrim", "arguments", "KEEPREF and the like came later"},
    {"xsetid", "arguments", "7.2 names them otherwise"},
    {"xclaim", "arguments", "7.2 calls the last id lastid"},
    {"xgroup|create", "arguments", "7.2 names them otherwise"},
    {"xgroup|setid", "arguments", "7.2 names them otherwise"},
    {"xgroup|destroy", "arguments", "7.2 calls the group group"},
    {"xgroup|createconsumer", "arguments", "7.2 names them otherwise"},
    {"xgroup|delconsumer", "arguments", "7.2 names them otherwise"},
    {"xinfo|consumers", "arguments", "7.2 calls the group group"},
    {"xinfo|stream", "arguments", "7.2 has a block around FULL"},
    {"setnx", "", "deprecated since 7.2"},
    {"setex", "", "deprecated since 7.2"},
    {"psetex", "", "deprecated since 7.2"},
    {"quit", "", "deprecated since 7.2"},
    {"zrank", "arity", "7.2 has WITHSCORE"},
    {"zrank", "arguments", "7.2 has WITHSCORE"},
    {"zrevrank", "arity", "7.2 has WITHSCORE"},
    {"zrevrank", "arguments", "7.2 has WITHSCORE"},
    {"geopos", "arguments", "7.2: the members are optional"},
    {"geohash", "arguments", "7.2: the members are optional"},
    {"geosearch", "arguments", "BYBOX stands before its block, not in it: the words are the same"},
    {"geosearchstore", "arguments", "BYBOX stands before its block, not in it"},
    {"bzpopmin", "flags", "7.2: not forbidden in scripts"},
    {"bzpopmax", "flags", "7.2: not forbidden in scripts"},
    {"psubscribe", "arguments", "7.2 without a block around one argument"},
    {"acl|cat", "arguments", "7.2 calls it category"},
    {"acl|deluser", "tips", "7.2"},
    {"acl|save", "tips", "7.2"},
    {"acl|setuser", "tips", "7.2"},
    {"monitor", "arity", "the filters are ours"},
    {"monitor", "arguments", "the filters are ours"},
};

// The fields that tell of deprecation are meant together: kMeant's empty field.
bool IsDeprecation(std::string_view field) {
  return field == "deprecated_since" || field == "doc_flags" || field == "replaced_by";
}

bool IsMeant(std::string_view command, std::string_view field) {
  return std::any_of(std::begin(kMeant), std::end(kMeant), [&](const Meant& meant) {
    if (meant.command != command) return false;
    return meant.field == field || (meant.field.empty() && IsDeprecation(field));
  });
}

using Fields = std::map<std::string, std::string>;

std::string Joined(std::vector<std::string> words) {
  std::sort(words.begin(), words.end());
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

std::string Names(const Reply& set) {
  std::vector<std::string> words;
  for (const Reply& item : set.items) words.push_back(item.text);
  return Joined(std::move(words));
}

// The value of `key` in a map, or null.
const Reply* Find(const Reply& map, std::string_view key) {
  for (std::size_t i = 0; i + 1 < map.items.size(); i += 2) {
    if (map.items[i].text == key) return &map.items[i + 1];
  }
  return nullptr;
}

std::string TextOf(const Reply& map, std::string_view key) {
  const Reply* value = Find(map, key);
  return value == nullptr ? "" : value->text;
}

std::string Flat(const Reply& reply) {
  if (reply.items.empty()) return reply.text;
  std::string text = "(";
  for (const Reply& item : reply.items) text += (text.size() > 1 ? " " : "") + Flat(item);
  return text + ")";
}

Fields FieldsOfInfo(const Reply& info) {
  Fields fields;
  if (info.items.size() != 10) return fields;
  fields["arity"] = info.items[1].text;
  fields["flags"] = Names(info.items[2]);
  fields["keys"] = info.items[3].text + " " + info.items[4].text + " " + info.items[5].text;
  fields["categories"] = Names(info.items[6]);
  fields["tips"] = Names(info.items[7]);
  for (std::size_t i = 0; i < info.items[8].items.size(); ++i) {
    const Reply& spec = info.items[8].items[i];
    std::string text = Names(*Find(spec, "flags"));
    for (const std::string_view part : {"begin_search", "find_keys"}) {
      text.append(" ").append(Flat(*Find(spec, part)));
    }
    fields["key spec " + std::to_string(i)] = text;
  }
  return fields;
}

// "key:key value:string {NX|XX}? ..." of a list of arguments.
std::string TreeOf(const Reply& arguments) {
  std::string text;
  for (const Reply& argument : arguments.items) {
    const std::string type = TextOf(argument, "type");
    const std::string token = TextOf(argument, "token");
    if (!text.empty()) text += " ";
    if (!token.empty()) text += token + "=";
    if (type == "oneof" || type == "block") {
      text += type + "(" + TreeOf(*Find(argument, "arguments")) + ")";
    } else if (type != "pure-token") {
      text += TextOf(argument, "name") + ":" + type;
    }
    if (const Reply* index = Find(argument, "key_spec_index")) text += "#" + index->text;
    if (const Reply* flags = Find(argument, "flags")) text += "[" + Names(*flags) + "]";
  }
  return text;
}

Fields FieldsOfDocs(const Reply& docs) {
  Fields fields;
  for (const std::string_view field : {"since", "group", "deprecated_since", "replaced_by"}) {
    fields[std::string(field)] = TextOf(docs, field);
  }
  if (const Reply* flags = Find(docs, "doc_flags")) fields["doc_flags"] = Names(*flags);
  if (const Reply* arguments = Find(docs, "arguments")) fields["arguments"] = TreeOf(*arguments);
  return fields;
}

// Both servers' answers about one command.
class SpecOracle : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::access(kOracle, X_OK) != 0) GTEST_SKIP() << kOracle << " is not installed";
    auto process = ServerProcess::Start({.binary = kOracle, .config_path = {}, .arguments = {}});
    ASSERT_TRUE(process) << process.error().message();
    process_ = std::move(*process);
    auto channel = ConnectTcp(process_->port());
    ASSERT_TRUE(channel) << channel.error().message();
    channel_ = std::move(*channel);
    ASSERT_TRUE(Call(*channel_, {"HELLO", "3"}));
    families_ = engine::EngineFamilies();
    for (const auto family : server::ServerFamilies()) families_.push_back(family);
    table_ = std::make_unique<CommandTable>(families_);
  }

  static Reply Ours(const CommandTable::Command& command,
                    void (*write)(const CommandTable::Command&, resp::Writer&)) {
    resp::ReplyBuffer buffer;
    resp::Writer writer(buffer, 3);
    writer.Array(2);  // DOCS writes a name and a map; of INFO the second is a filler
    write(command, writer);
    if (write == &commands::WriteCommandInfo) writer.Integer(0);
    auto decoded = DecodeReply(buffer.ToString());
    EXPECT_TRUE(decoded && *decoded) << command.full_name;
    return decoded && *decoded ? (*decoded)->reply : Reply();
  }

  void Compare(const std::string& name, const Fields& ours, const Fields& theirs) {
    std::set<std::string> all;
    for (const auto& [field, value] : ours) all.insert(field);
    for (const auto& [field, value] : theirs) all.insert(field);
    for (const std::string& field : all) {
      const auto value = [&](const Fields& fields) {
        const auto found = fields.find(field);
        return found == fields.end() ? std::string() : found->second;
      };
      if (value(ours) == value(theirs) || IsMeant(name, field)) continue;
      ADD_FAILURE() << name << " " << field << "\n  ours   " << value(ours) << "\n  theirs "
                    << value(theirs);
    }
  }

  std::unique_ptr<ServerProcess> process_;
  std::unique_ptr<Channel> channel_;
  std::vector<std::span<const command::Spec>> families_;
  std::unique_ptr<CommandTable> table_;
};

TEST_F(SpecOracle, CommandInfo) {
  int compared = 0;
  for (const CommandTable::Command& command : table_->all()) {
    const Result<Reply> theirs = Call(*channel_, {"COMMAND", "INFO", command.full_name});
    ASSERT_TRUE(theirs) << theirs.error().message();
    ASSERT_EQ(theirs->items.size(), 1u);
    if (theirs->items[0].items.empty()) continue;  // not in 7.0
    ++compared;
    Compare(command.full_name, FieldsOfInfo(Ours(command, &commands::WriteCommandInfo).items[0]),
            FieldsOfInfo(theirs->items[0]));
  }
  EXPECT_GE(compared, 60);
}

// Both ways, for every category; and what we do not have rules may at least name.
TEST_F(SpecOracle, AclCat) {
  const acl::Catalog catalog(*table_);
  std::set<std::string> theirs_known;
  const auto names_in = [&](std::string_view category) {
    const Result<Reply> reply = Call(*channel_, {"ACL", "CAT", std::string(category)});
    std::set<std::string> names;
    if (reply)
      for (const Reply& item : reply->items) names.insert(item.text);
    return names;
  };
  for (const std::string_view category : command::kCategoryNames)
    theirs_known.merge(names_in(category));
  ASSERT_GE(theirs_known.size(), 300u);
  for (const std::string_view category : command::kCategoryNames) {
    std::set<std::string> ours;
    for (const auto* command : catalog.InCategory(command::CategoryNamed(category)))
      ours.insert(command->full_name);
    const std::set<std::string> theirs = names_in(category);
    for (const std::string& name : theirs) {
      const bool is_there = catalog.Find(name) != nullptr;
      EXPECT_TRUE(is_there ? ours.contains(name) : catalog.IsMissing(name))
          << category << " " << name;
    }
    for (const std::string& name : ours) {
      if (!theirs_known.contains(name) || IsMeant(name, "categories")) continue;  // not in 7.0
      EXPECT_TRUE(theirs.contains(name)) << category << " " << name;
    }
  }
}

TEST_F(SpecOracle, CommandDocs) {
  int compared = 0;
  for (const CommandTable::Command& command : table_->all()) {
    const Result<Reply> theirs = Call(*channel_, {"COMMAND", "DOCS", command.full_name});
    ASSERT_TRUE(theirs) << theirs.error().message();
    if (theirs->items.size() != 2) continue;
    ++compared;
    Compare(command.full_name, FieldsOfDocs(Ours(command, &commands::WriteCommandDocs).items[1]),
            FieldsOfDocs(theirs->items[1]));
  }
  EXPECT_GE(compared, 60);
}

}  // namespace
}  // namespace cairn::testing
