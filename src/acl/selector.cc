// SPDX-License-Identifier: BSD-3-Clause
// Rules in, rights and their description out.
#include "acl/selector.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/glob.h"
#include "base/text.h"
#include "command/category.h"

namespace cairn::acl {
namespace {

using command::Denial;
using command::DenialReason;

// Neither is quoted in a description, so a pattern with one could not be read again.
bool HasBlanks(std::string_view text) {
  constexpr std::string_view kBlanks(" \t\n\v\f\r\0", 7);
  return text.find_first_of(kBlanks) != std::string_view::npos;
}

// Which arguments name channels that the user needs rights on.
struct Channels {
  std::size_t first = 0;  // 0: none
  bool to_the_end = false;
  ChannelUse use = ChannelUse::kName;
};

Channels ChannelsOf(const Catalog::Command& command) {
  if (command.spec->row.group != command::Group::kPubsub) [[likely]]
    return {};
  const std::string_view name = command.full_name;
  if (name == "publish" || name == "spublish") return {.first = 1};
  if (name == "subscribe" || name == "ssubscribe") return {.first = 1, .to_the_end = true};
  if (name == "psubscribe") return {.first = 1, .to_the_end = true, .use = ChannelUse::kPattern};
  return {};
}

// What every text that matches begins with, and the pattern from its first sign that is none.
struct GlobStart {
  std::string literal;
  std::string_view rest;
};

GlobStart StartOf(std::string_view pattern) {
  GlobStart start;
  std::size_t at = 0;
  for (; at < pattern.size(); ++at) {
    constexpr std::string_view kSigns = "*?[";
    if (kSigns.contains(pattern[at])) break;
    if (pattern[at] == '\\' && at + 1 < pattern.size()) ++at;
    start.literal += pattern[at];
  }
  start.rest = pattern.substr(at);
  return start;
}

// Whether a user's pattern matches all that a call's matches: it is the same, or "literal*" where
// the call's begins with the literal. Where it is neither we do not know, and say no.
bool Covers(std::string_view allowed, const GlobStart& start, std::string_view text,
            command::ScopeKind kind) {
  if (kind == command::ScopeKind::kPattern && allowed == text) return true;
  const GlobStart allowed_start = StartOf(allowed);
  return allowed_start.rest == "*" && start.literal.starts_with(allowed_start.literal);
}

}  // namespace

bool AllowsChannel(std::span<const std::string> patterns, std::string_view channel,
                   ChannelUse use) {
  return std::ranges::any_of(patterns, [&](const std::string& pattern) {
    return use == ChannelUse::kPattern ? pattern == channel : GlobMatch(pattern, channel);
  });
}

std::span<const command::KeyAt> CallKeys::Get() {
  if (!keys_) {
    keys_.emplace();
    // What does not fit has no keys: the command itself says what is wrong.
    (void)command::FindKeysWithFlags(*command_.spec, args_, *keys_);
  }
  return *keys_;
}

std::span<const command::ScopeAt> CallKeys::Scopes() {
  if (!scopes_) command_.spec->row.find_scopes(args_, scopes_.emplace());
  return *scopes_;
}

Selector Selector::OfEverything() {
  Selector selector(ChannelsAtFirst::kAll);
  selector.all_keys_ = true;
  selector.SetAllCommands(true);
  return selector;
}

// --- Rules ---

Fault Selector::Apply(std::string_view rule, const Catalog& catalog) {
  if (ApplyKeyword(rule)) return Fault::kNone;
  const char sign = rule.empty() ? '\0' : rule[0];
  if (sign == '~' || sign == '%') return AddKeyPattern(rule);
  if (sign == '&') return AddChannel(rule.substr(1));
  if (sign != '+' && sign != '-') return Fault::kSyntax;
  if (rule.size() > 1 && rule[1] == '@') return SetCategory(rule, catalog);
  return SetNamed(rule, catalog);
}

Fault Selector::SetNamed(std::string_view rule, const Catalog& catalog) {
  if (command_rules_.size() >= kCommandRulesMax) return Fault::kTooMany;
  const bool allows = rule[0] == '+';
  const std::string_view name = rule.substr(1);
  if (catalog.IsMissing(name)) {
    AddCommandRule(name, allows);
    return Fault::kNone;
  }
  return allows ? Allow(name, catalog) : Forbid(name, catalog);
}

// About everything or nothing of a kind. False: it is another rule.
bool Selector::ApplyKeyword(std::string_view rule) {
  const auto is = [rule](std::string_view word) { return EqualsIgnoreCase(rule, word); };
  if (is("allkeys") || is("~*") || is("resetkeys")) {
    all_keys_ = !is("resetkeys");
    key_patterns_.clear();
  } else if (is("allchannels") || is("&*") || is("resetchannels")) {
    all_channels_ = !is("resetchannels");
    channels_.clear();
  } else if (is("allcommands") || is("+@all")) {
    SetAllCommands(true);
  } else if (is("nocommands") || is("-@all")) {
    SetAllCommands(false);
  } else {
    return false;
  }
  return true;
}

void Selector::SetAllCommands(bool allowed) {
  allowed ? commands_.set() : commands_.reset();
  begins_with_all_ = allowed;
  command_rules_.clear();
  first_args_.clear();
}

// "~pattern", "%R~pattern", "%W~pattern", "%RW~pattern".
Fault Selector::AddKeyPattern(std::string_view rule) {
  if (all_keys_) return Fault::kAfterAllKeys;
  std::uint8_t uses = kReads | kWrites;
  std::size_t at = 1;
  if (rule[0] == '%') {
    uses = 0;
    for (; at < rule.size() && rule[at] != '~'; ++at) {
      const char letter = rule[at] | 0x20;
      const std::uint8_t use = letter == 'r' ? kReads : letter == 'w' ? kWrites : 0;
      if (use == 0 || (uses & use) != 0) return Fault::kSyntax;
      uses |= use;
    }
    if (uses == 0) return Fault::kSyntax;
    // "%R" without a tilde is taken for "%R~".
    at = std::min(at + 1, rule.size());
  }
  const std::string_view text = rule.substr(at);
  if (HasBlanks(text)) return Fault::kSyntax;
  const auto known = std::ranges::find(key_patterns_, text, &KeyPattern::text);
  if (known != key_patterns_.end()) uses |= known->uses;
  // "%RW~*", or "%R~*" and "%W~*": told as "~*", which is all keys when it is read again.
  if (text == "*" && uses == (kReads | kWrites)) {
    ApplyKeyword("allkeys");
    return Fault::kNone;
  }
  if (known != key_patterns_.end()) {
    known->uses = uses;
    return Fault::kNone;
  }
  if (key_patterns_.size() >= kPatternsMax) return Fault::kTooMany;
  key_patterns_.push_back({uses, std::string(text)});
  return Fault::kNone;
}

Fault Selector::AddChannel(std::string_view pattern) {
  if (all_channels_) return Fault::kAfterAllChannels;
  if (HasBlanks(pattern)) return Fault::kSyntax;
  if (std::ranges::find(channels_, pattern) != channels_.end()) return Fault::kNone;
  if (channels_.size() >= kPatternsMax) return Fault::kTooMany;
  channels_.emplace_back(pattern);
  return Fault::kNone;
}

Fault Selector::Allow(std::string_view name, const Catalog& catalog) {
  const std::size_t bar = name.rfind('|');
  if (bar != std::string_view::npos) return AllowPart(name, bar, catalog);
  const Catalog::Command* command = catalog.Find(name);
  if (command == nullptr) return Fault::kUnknownName;
  SetCommand(*command, true);
  AddCommandRule(command->full_name, true);
  return Fault::kNone;
}

// A subcommand, or a command with one first argument: "select|0".
Fault Selector::AllowPart(std::string_view name, std::size_t bar, const Catalog& catalog) {
  const Catalog::Command* whole = catalog.Find(name.substr(0, bar));
  const std::string_view part = name.substr(bar + 1);
  if (whole == nullptr) return Fault::kUnknownName;
  if (!whole->spec->container.empty()) return Fault::kFirstArgOfSubcommand;
  if (part.empty()) return Fault::kSyntax;
  if (whole->is_container) {
    const Catalog::Command* subcommand = catalog.Find(name);
    if (subcommand == nullptr) return Fault::kUnknownName;
    SetCommand(*subcommand, true);
  } else {
    // Nor could it be read again.
    if (HasBlanks(part)) return Fault::kSyntax;
    first_args_[whole->index].insert(ToLower(part));
  }
  AddCommandRule(name, true);
  return Fault::kNone;
}

Fault Selector::Forbid(std::string_view name, const Catalog& catalog) {
  const Catalog::Command* command = catalog.Find(name);
  if (command == nullptr) return Fault::kUnknownName;
  SetCommand(*command, false);
  AddCommandRule(command->full_name, false);
  return Fault::kNone;
}

Fault Selector::SetCategory(std::string_view rule, const Catalog& catalog) {
  if (command_rules_.size() >= kCommandRulesMax) return Fault::kTooMany;
  const bool allows = rule[0] == '+';
  const command::Categories category = command::CategoryNamed(rule.substr(2));
  if (category == 0) return Fault::kUnknownName;
  AddCommandRule(rule.substr(1), allows);
  // A container comes before its subcommands, which may be in another category than it is.
  for (const Catalog::Command& command : catalog.all()) {
    if (command.spec->container.empty() && (command.categories & category) != 0)
      SetCommand(command, allows);
  }
  for (const Catalog::Command& command : catalog.all()) {
    if (!command.spec->container.empty() && (command.categories & category) != 0)
      SetCommand(command, allows);
  }
  return Fault::kNone;
}

// With its subcommands.
void Selector::SetCommand(const Catalog::Command& command, bool allowed) {
  SetBit(command, allowed);
  first_args_.erase(command.index);
  for (const Catalog::Command& subcommand : command.subcommands) SetBit(subcommand, allowed);
}

void Selector::SetBit(const Catalog::Command& command, bool allowed) {
  commands_.set(command.index, allowed);
}

// What a rule says of a command makes void what earlier ones said of it and of its subcommands.
void Selector::AddCommandRule(std::string_view given_name, bool allows) {
  const std::string name = ToLower(given_name);
  const std::string part = name + "|";
  std::erase_if(command_rules_, [&](const CommandRule& rule) {
    return rule.name == name || rule.name.starts_with(part);
  });
  command_rules_.push_back({allows, name});
}

// --- Rights ---

Denial Selector::Check(const Catalog::Command& command, std::span<const std::string_view> args,
                       CallKeys& keys) const {
  if (!AllowsCommand(command, args)) return {.reason = DenialReason::kCommand};
  if (!all_keys_) {
    if (Denial denial = CheckKeys(command, args, keys)) return denial;
  }
  return all_channels_ ? Denial() : CheckChannels(command, args);
}

Denial Selector::CheckKeys(const Catalog::Command& command, std::span<const std::string_view> args,
                           CallKeys& keys) const {
  if (command.key_plan != command::CommandTable::KeyPlan::kNone) {
    for (const command::KeyAt& key : keys.Get()) {
      if (!AllowsKey(args[key.index], key.flags))
        return {.reason = DenialReason::kKey, .argument = key.index};
    }
  }
  if (command.spec->row.find_scopes != nullptr) {
    for (const command::ScopeAt& scope : keys.Scopes()) {
      if (!AllowsScope(scope, args[scope.index]))
        return {.reason = DenialReason::kKey, .argument = scope.index};
    }
  }
  return {};
}

bool Selector::AllowsCommand(const Catalog::Command& command,
                             std::span<const std::string_view> args) const {
  if (commands_.test(command.index)) return true;
  // AUTH and its like: who may not say them could not become somebody who may.
  if ((command.flags & command::kNoAuth) != 0) return true;
  const auto found = first_args_.find(command.index);
  return found != first_args_.end() && args.size() >= 2 && found->second.contains(ToLower(args[1]));
}

// A key that is neither read nor written (EXISTS) needs only a pattern that it fits.
bool Selector::AllowsKey(std::string_view key, std::uint16_t key_flags) const {
  const std::uint8_t uses = UsesOf(key_flags);
  return std::ranges::any_of(key_patterns_, [&](const KeyPattern& pattern) {
    return (pattern.uses & uses) == uses && GlobMatch(pattern.text, key);
  });
}

Denial Selector::CheckChannels(const Catalog::Command& command,
                               std::span<const std::string_view> args) const {
  const Channels named = ChannelsOf(command);
  if (named.first == 0) [[likely]]
    return {};
  const std::size_t end = named.to_the_end ? args.size() : named.first + 1;
  for (std::size_t i = named.first; i < end; ++i) {
    if (!AllowsChannel(channels_, args[i], named.use))
      return {.reason = DenialReason::kChannel, .argument = static_cast<std::uint32_t>(i)};
  }
  return {};
}

std::uint8_t Selector::UsesOf(std::uint16_t key_flags) {
  constexpr std::uint16_t kChanges =
      command::kKeyInsert | command::kKeyDelete | command::kKeyUpdate;
  return ((key_flags & command::kKeyAccess) != 0 ? kReads : 0) |
         ((key_flags & kChanges) != 0 ? kWrites : 0);
}

bool Selector::AllowsScope(const command::ScopeAt& scope, std::string_view text) const {
  if (all_keys_) return true;
  if (scope.kind == command::ScopeKind::kName) return AllowsKey(text, scope.flags);
  const GlobStart start = scope.kind == command::ScopeKind::kPattern
                              ? StartOf(text)
                              : GlobStart{.literal = std::string(text), .rest = "*"};
  // Not a pattern at all, but a key.
  if (start.rest.empty()) return AllowsKey(start.literal, scope.flags);
  const std::uint8_t uses = UsesOf(scope.flags);
  return std::ranges::any_of(key_patterns_, [&](const KeyPattern& pattern) {
    return (pattern.uses & uses) == uses && Covers(pattern.text, start, text, scope.kind);
  });
}

bool Selector::MayReadAllKeys() const {
  return all_keys_ || std::ranges::any_of(key_patterns_, [](const KeyPattern& pattern) {
           return (pattern.uses & kReads) != 0 && pattern.text == "*";
         });
}

// --- Description ---

std::string Selector::DescribeCommands() const {
  std::string text = begins_with_all_ ? "+@all" : "-@all";
  for (const CommandRule& rule : command_rules_)
    text.append(rule.allows ? " +" : " -").append(rule.name);
  return text;
}

std::string Selector::KeyPattern::Describe() const {
  const std::string_view sign = uses == (kReads | kWrites) ? "~" : uses == kReads ? "%R~" : "%W~";
  return std::string(sign) + text;
}

std::string Selector::DescribeKeys() const {
  if (all_keys_) return "~*";
  std::string text;
  for (const KeyPattern& pattern : key_patterns_)
    text.append(text.empty() ? "" : " ").append(pattern.Describe());
  return text;
}

std::string Selector::DescribeChannels() const {
  if (all_channels_) return "&*";
  std::string text;
  for (const std::string& pattern : channels_)
    text.append(text.empty() ? "&" : " &").append(pattern);
  return text;
}

// Of keys and channels, each with a blank behind it.
template <class Quote>
std::string Selector::DescribePatterns(Quote quote) const {
  std::string text = all_keys_ ? "~* " : "";
  for (const KeyPattern& pattern : key_patterns_) text += quote(pattern.Describe()) + " ";
  text += all_channels_ ? "&* " : "resetchannels ";
  for (const std::string& pattern : channels_) text += quote("&" + pattern) + " ";
  return text;
}

std::string Selector::Describe() const {
  return DescribePatterns([](const std::string& word) { return word; }) + DescribeCommands();
}

std::string Selector::DescribeInside() const {
  const auto quote = [](const std::string& word) {
    return word.find_first_of("\"'()") == std::string::npos ? word : QuoteString(word);
  };
  return DescribePatterns(quote) + DescribeCommands();
}

}  // namespace cairn::acl
