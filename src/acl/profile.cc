// SPDX-License-Identifier: BSD-3-Clause
// The rules about the user himself; those about commands, keys and channels go to a selector.
#include "acl/profile.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/text.h"

namespace cairn::acl {

using command::Denial;
using command::DenialReason;

Profile Profile::OfDefaultUser() {
  Profile profile(ChannelsAtFirst::kAll);
  profile.is_on_ = profile.needs_no_password_ = true;
  profile.selectors_ = {Selector::OfEverything()};
  profile.unrestricted_ = true;
  return profile;
}

Fault Profile::Apply(std::string_view rule, const Rulebook& book) {
  if (rule.empty() || ApplyFlag(rule, book)) return Fault::kNone;
  constexpr std::string_view kPasswordSigns = "><#!";
  if (kPasswordSigns.contains(rule[0])) return ApplyPassword(rule);
  const bool is_selector = rule.size() >= 2 && rule.front() == '(' && rule.back() == ')';
  const Fault fault = is_selector ? AddSelector(rule.substr(1, rule.size() - 2), book)
                                  : selectors_[0].Apply(rule, book.catalog);
  unrestricted_ = std::ranges::any_of(selectors_, &Selector::unrestricted);
  return fault;
}

bool Profile::ApplyFlag(std::string_view rule, const Rulebook& book) {
  const auto is = [rule](std::string_view word) { return EqualsIgnoreCase(rule, word); };
  if (is("on") || is("off")) {
    is_on_ = is("on");
  } else if (is("nopass") || is("resetpass")) {
    ForgetPasswords(is("nopass"));
  } else if (is("sanitize-payload") || is("skip-sanitize-payload")) {
    sanitizes_payloads_ = is("sanitize-payload");
  } else if (is("clearselectors")) {
    selectors_.resize(1, selectors_[0]);
    unrestricted_ = selectors_[0].unrestricted();
  } else if (is("reset")) {
    Reset(book);
  } else {
    return false;
  }
  return true;
}

void Profile::ForgetPasswords(bool needs_none) {
  needs_no_password_ = needs_none;
  passwords_.clear();
}

void Profile::Reset(const Rulebook& book) { *this = Profile(book.channels); }

// '>' and '#' add one, '<' and '!' take one away; given as it is, or by its hash.
Fault Profile::ApplyPassword(std::string_view rule) {
  const char sign = rule[0];
  const std::string_view given = rule.substr(1);
  const bool is_hash = sign == '#' || sign == '!';
  if (is_hash && !IsPasswordHash(given)) return Fault::kBadHash;
  std::string hash = is_hash ? std::string(given) : HashPassword(given);
  const auto known = std::ranges::find(passwords_, hash);
  if (sign == '<' || sign == '!') {
    if (known == passwords_.end()) return Fault::kNoSuchPassword;
    passwords_.erase(known);
    return Fault::kNone;
  }
  if (known == passwords_.end()) {
    if (passwords_.size() >= kPasswordsMax) return Fault::kTooMany;
    passwords_.push_back(std::move(hash));
  }
  needs_no_password_ = false;
  return Fault::kNone;
}

Fault Profile::AddSelector(std::string_view rules, const Rulebook& book) {
  if (selectors_.size() > kSelectorsMax) return Fault::kTooMany;
  const std::optional<std::vector<std::string>> words = SplitWords(rules);
  if (!words) return Fault::kSyntax;
  Selector selector(book.channels);
  for (const std::string& word : *words) {
    const Fault fault = selector.Apply(word, book.catalog);
    if (fault != Fault::kNone) return fault;
  }
  selectors_.push_back(std::move(selector));
  return Fault::kNone;
}

// If no selector allows the command, that is told; else the last key or channel that none allows.
Denial Profile::Check(const Catalog::Command& command,
                      std::span<const std::string_view> args) const {
  CallKeys keys(command, args);
  Denial worst{.reason = DenialReason::kCommand};
  for (const Selector& selector : selectors_) {
    Denial denial = selector.Check(command, args, keys);
    if (!denial) return denial;
    const bool is_worse = denial.reason > worst.reason ||
                          (denial.reason == worst.reason && denial.argument > worst.argument);
    if (is_worse) worst = std::move(denial);
  }
  return worst;
}

bool Profile::MayReadAllKeys(const Catalog::Command& command,
                             std::span<const std::string_view> args) const {
  CallKeys keys(command, args);
  return std::ranges::any_of(selectors_, [&](const Selector& selector) {
    return selector.MayReadAllKeys() && !selector.Check(command, args, keys);
  });
}

bool Profile::MayTouch(const Catalog::Command& command, std::span<const std::string_view> args,
                       const command::ScopeAt& scope, std::string_view text) const {
  CallKeys keys(command, args);
  return std::ranges::any_of(selectors_, [&](const Selector& selector) {
    return selector.AllowsScope(scope, text) && !selector.Check(command, args, keys);
  });
}

bool Profile::LosesChannels(const Profile& before, const Profile& after, ChannelsLeft* left) {
  if (std::ranges::any_of(after.selectors_, &Selector::all_channels)) return false;
  left->clear();
  for (const Selector& selector : after.selectors_)
    left->insert(left->end(), selector.channels().begin(), selector.channels().end());
  return std::ranges::any_of(before.selectors_, [left](const Selector& selector) {
    return selector.all_channels() ||
           std::ranges::any_of(selector.channels(), [left](const std::string& channel) {
             return std::ranges::find(*left, channel) == left->end();
           });
  });
}

std::vector<std::string_view> Profile::flags() const {
  std::vector<std::string_view> names = {is_on_ ? "on" : "off"};
  if (needs_no_password_) names.emplace_back("nopass");
  names.emplace_back(sanitizes_payloads_ ? "sanitize-payload" : "skip-sanitize-payload");
  return names;
}

std::string Profile::Describe() const {
  std::string text;
  for (const std::string_view flag : flags()) text.append(flag).append(" ");
  for (const std::string& hash : passwords_) text.append("#").append(hash).append(" ");
  text += selectors_[0].Describe();
  for (const Selector& selector : std::span(selectors_).subspan(1))
    text.append(" (").append(selector.DescribeInside()).append(")");
  return text;
}

bool Profile::operator==(const Profile& other) const {
  return is_on_ == other.is_on_ && needs_no_password_ == other.needs_no_password_ &&
         sanitizes_payloads_ == other.sanitizes_payloads_ && passwords_ == other.passwords_ &&
         selectors_ == other.selectors_;
}

}  // namespace cairn::acl
