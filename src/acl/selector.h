// SPDX-License-Identifier: BSD-3-Clause
// Selector: one set of rules: which commands, on which keys, on which channels.
//
// A user has one that his rules are about, and any number of further ones, "(+get ~x)". A command
// may run if one of them allows all of it.
//
//   Selector selector(ChannelsAtFirst::kNone);
//   selector.Apply("+@read", catalog); selector.Apply("%R~cache:*", catalog);
//   selector.Describe();                       "%R~cache:* resetchannels -@all +@read"
//
// Commands are a set of bits, one for each row of the command table, so that a check is one test;
// what was said stands beside it as rules, since Redis shows these, in the order in which they were
// given and without those that a later one made void. Described and read again it is the same.
//
// A value; const methods from any thread. Cost of Check: a bit, then each key against the patterns.
#ifndef CAIRN_ACL_SELECTOR_H_
#define CAIRN_ACL_SELECTOR_H_

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "acl/catalog.h"
#include "acl/fault.h"
#include "command/key_finder.h"
#include "command/rights.h"

namespace cairn::acl {

// What acl-pubsub-default says of a new one.
enum class ChannelsAtFirst : std::uint8_t { kNone, kAll };

// How a channel is wanted: by its name, or by a pattern, which must then stand in the rules as it
// is.
enum class ChannelUse : std::uint8_t { kName, kPattern };

// Whether one of the patterns allows it.
bool AllowsChannel(std::span<const std::string> patterns, std::string_view channel, ChannelUse use);

// The keys of one call, found when the first selector asks for them.
class CallKeys {
 public:
  CallKeys(const Catalog::Command& command, std::span<const std::string_view> args)
      : command_(command), args_(args) {}
  std::span<const command::KeyAt> Get();
  std::span<const command::ScopeAt> Scopes();

 private:
  const Catalog::Command& command_;
  const std::span<const std::string_view> args_;
  std::optional<std::vector<command::KeyAt>> keys_;
  std::optional<std::vector<command::ScopeAt>> scopes_;
};

class Selector {
 public:
  // Of keys, and of channels.
  static constexpr std::size_t kPatternsMax = 4096;
  // Of commands, after void ones have gone.
  static constexpr std::size_t kCommandRulesMax = 4096;

  explicit Selector(ChannelsAtFirst channels) : all_channels_(channels == ChannelsAtFirst::kAll) {}

  // "allkeys allchannels allcommands".
  static Selector OfEverything();

  // One rule; on a fault nothing has changed.
  [[nodiscard]] Fault Apply(std::string_view rule, const Catalog& catalog);

  command::Denial Check(const Catalog::Command& command, std::span<const std::string_view> args,
                        CallKeys& keys) const;
  bool MayReadAllKeys() const;
  // Whether all keys that it stands for are allowed: by one pattern.
  bool AllowsScope(const command::ScopeAt& scope, std::string_view text) const;
  bool unrestricted() const { return all_keys_ && all_channels_ && commands_.all(); }
  bool all_channels() const { return all_channels_; }
  const std::vector<std::string>& channels() const { return channels_; }

  // As ACL LIST, and the three parts of it as ACL GETUSER.
  std::string Describe() const;
  // The same in parentheses: there words are quoted that could otherwise not be read again.
  std::string DescribeInside() const;
  std::string DescribeCommands() const;
  std::string DescribeKeys() const;
  std::string DescribeChannels() const;

  bool operator==(const Selector&) const = default;

 private:
  enum KeyUse : std::uint8_t { kReads = 1, kWrites = 2 };
  struct KeyPattern {
    std::uint8_t uses = 0;  // KeyUse
    std::string text;
    std::string Describe() const;
    bool operator==(const KeyPattern&) const = default;
  };
  struct CommandRule {
    bool allows = false;
    std::string name;  // "get", "config|set", "select|0", "@read"
    bool operator==(const CommandRule&) const = default;
  };

  void SetAllCommands(bool allowed);
  bool ApplyKeyword(std::string_view rule);
  Fault AddKeyPattern(std::string_view rule);
  Fault AddChannel(std::string_view pattern);
  // Both signs.
  Fault SetNamed(std::string_view rule, const Catalog& catalog);
  Fault Allow(std::string_view name, const Catalog& catalog);
  Fault AllowPart(std::string_view name, std::size_t bar, const Catalog& catalog);
  Fault Forbid(std::string_view name, const Catalog& catalog);
  Fault SetCategory(std::string_view rule, const Catalog& catalog);
  void SetCommand(const Catalog::Command& command, bool allowed);
  void SetBit(const Catalog::Command& command, bool allowed);
  void AddCommandRule(std::string_view name, bool allows);

  bool AllowsCommand(const Catalog::Command& command, std::span<const std::string_view> args) const;
  static std::uint8_t UsesOf(std::uint16_t key_flags);
  bool AllowsKey(std::string_view key, std::uint16_t key_flags) const;
  command::Denial CheckKeys(const Catalog::Command& command, std::span<const std::string_view> args,
                            CallKeys& keys) const;
  command::Denial CheckChannels(const Catalog::Command& command,
                                std::span<const std::string_view> args) const;

  template <class Quote>
  std::string DescribePatterns(Quote quote) const;

  std::bitset<kCommandsMax>
      commands_;  // by the command's index; all of them: of those to come, too
  // Whether commands that no rule names are allowed, later ones too: "+@all" came before the rules.
  bool begins_with_all_ = false;
  bool all_keys_ = false;
  bool all_channels_ = false;
  std::vector<CommandRule> command_rules_;
  // Of a command that is not allowed otherwise: the first arguments with which it is. Redis calls
  // the form deprecated. In lower case, by the command's index.
  std::map<std::uint32_t, std::set<std::string>> first_args_;
  std::vector<KeyPattern> key_patterns_;
  std::vector<std::string> channels_;
};

}  // namespace cairn::acl

#endif  // CAIRN_ACL_SELECTOR_H_
