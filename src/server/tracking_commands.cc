// SPDX-License-Identifier: BSD-3-Clause
// CLIENT TRACKING, TRACKINGINFO, CACHING and GETREDIR: reading the options, and refusing those that
// do not go together, in Redis's order.
#include "server/tracking_commands.h"

#include <algorithm>
#include <optional>
#include <ranges>
#include <string>
#include <utility>
#include <vector>

#include "base/text.h"
#include "command/errors.h"
#include "server/client_tracking.h"
#include "server/connection.h"
#include "server/server.h"

namespace cairn::server {
namespace {

using command::Call;

bool Refuse(Call& call, std::string_view error) {
  call.Error(error);
  return false;
}

bool ParseRedirect(Call& call, std::string_view word, TrackingOptions& options) {
  if (options.redirect != ClientId())
    return Refuse(call, "ERR A client can only redirect to a single other client");
  const std::optional<std::int64_t> id = ParseInt64(word);
  if (!id) return Refuse(call, command::errors::kNotAnInteger);
  const bool known = Connection::Of(call).server().clients().With(
      ClientId(static_cast<std::uint64_t>(*id)), [&](ClientInfo& info) {
        options.redirect = info.id;
        options.redirect_worker = info.worker;
        info.hears_others.store(true, std::memory_order_relaxed);
      });
  return known || Refuse(call, "ERR The client ID you want redirect to does not exist");
}

bool ParseOptions(Call& call, TrackingOptions& options) {
  for (std::size_t i = 3; i < call.argc(); ++i) {
    const std::string_view word = call.arg(i);
    const bool has_more = i + 1 < call.argc();
    if (EqualsIgnoreCase(word, "redirect") && has_more) {
      if (!ParseRedirect(call, call.arg(++i), options)) return false;
    } else if (EqualsIgnoreCase(word, "bcast")) {
      options.broadcast = true;
    } else if (EqualsIgnoreCase(word, "optin")) {
      options.opt_in = true;
    } else if (EqualsIgnoreCase(word, "optout")) {
      options.opt_out = true;
    } else if (EqualsIgnoreCase(word, "noloop")) {
      options.no_loop = true;
    } else if (EqualsIgnoreCase(word, "prefix") && has_more) {
      options.prefixes.emplace_back(call.arg(++i));
    } else {
      return Refuse(call, command::errors::kSyntax);
    }
  }
  return true;
}

bool Overlap(std::string_view a, std::string_view b) {
  return a.starts_with(b) || b.starts_with(a);
}

// The first of `prefixes` that overlaps with another one, or with one of `before`; prefixes.size()
// if none does. In order, those that begin with a text follow it at once.
std::size_t FirstOverlapping(const std::vector<std::string>& prefixes,
                             const std::vector<std::string>& before) {
  using Place = std::pair<std::string_view, std::size_t>;
  const std::size_t count = prefixes.size();
  std::vector<Place> sorted;
  sorted.reserve(count + before.size());
  for (std::size_t i = 0; i < count; ++i) sorted.emplace_back(prefixes[i], i);
  for (const std::string& old : before) sorted.emplace_back(old, count);
  std::ranges::sort(sorted);
  std::size_t first = count;
  const Place* root = nullptr;
  for (const Place& place : sorted) {
    if (root != nullptr && place.first.starts_with(root->first)) {
      first = std::min({first, root->second, place.second});
    } else {
      root = &place;
    }
  }
  return first;
}

bool RefusePrefix(Call& call, const std::string& prefix, std::string_view whose,
                  const std::string& other) {
  return Refuse(call, "ERR Prefix '" + prefix + "' overlaps with " + std::string(whose) +
                          " prefix '" + other +
                          "'. Prefixes for a single client must not overlap.");
}

// A client is told once of each change, so its prefixes must be apart. There may be very many.
bool CheckPrefixes(Call& call, const std::vector<std::string>& prefixes,
                   const std::vector<std::string>& before) {
  const std::size_t first = FirstOverlapping(prefixes, before);
  if (first == prefixes.size()) return true;
  const auto overlaps = [&](const std::string& other) { return Overlap(prefixes[first], other); };
  if (const auto old = std::ranges::find_if(before, overlaps); old != before.end())
    return RefusePrefix(call, prefixes[first], "an existing", *old);
  const auto rest = std::ranges::subrange(prefixes.begin() + static_cast<std::ptrdiff_t>(first) + 1,
                                          prefixes.end());
  return RefusePrefix(call, prefixes[first], "another provided",
                      *std::ranges::find_if(rest, overlaps));
}

// `before` is what the client has now, if tracking is on.
bool CheckModes(Call& call, const TrackingOptions& options, const TrackingOptions* before) {
  if (!options.broadcast && !options.prefixes.empty())
    return Refuse(call, "ERR PREFIX option requires BCAST mode to be enabled");
  if (before != nullptr && before->broadcast != options.broadcast) {
    return Refuse(call,
                  "ERR You can't switch BCAST mode on/off before disabling tracking for this "
                  "client, and then re-enabling it with a different mode.");
  }
  if (options.broadcast && (options.opt_in || options.opt_out))
    return Refuse(call, "ERR OPTIN and OPTOUT are not compatible with BCAST");
  if (options.opt_in && options.opt_out)
    return Refuse(call, "ERR You can't specify both OPTIN mode and OPTOUT mode");
  const bool switches = before != nullptr && ((options.opt_in && before->opt_out) ||
                                              (options.opt_out && before->opt_in));
  if (switches) {
    return Refuse(call,
                  "ERR You can't switch OPTIN/OPTOUT mode before disabling tracking for this "
                  "client, and then re-enabling it with a different mode.");
  }
  if (!options.broadcast) return true;
  static const std::vector<std::string> kNone;
  return CheckPrefixes(call, options.prefixes, before == nullptr ? kNone : before->prefixes);
}

// The connection's tracking while it is on, else null.
ClientTracking* ActiveTracking(Call& call) {
  ClientTracking* tracking = Connection::Of(call).tracking();
  return tracking != nullptr && tracking->on() ? tracking : nullptr;
}

std::vector<std::string_view> Flags(const ClientTracking* tracking) {
  if (tracking == nullptr) return {"off"};
  const TrackingOptions& options = tracking->options();
  std::vector<std::string_view> flags = {"on"};
  if (options.broadcast) flags.push_back("bcast");
  if (options.opt_in) flags.push_back("optin");
  if (options.opt_in && tracking->caching_given()) flags.push_back("caching-yes");
  if (options.opt_out) flags.push_back("optout");
  if (options.opt_out && tracking->caching_given()) flags.push_back("caching-no");
  if (options.no_loop) flags.push_back("noloop");
  if (tracking->broken()) flags.push_back("broken_redirect");
  return flags;
}

}  // namespace

void ClientTrackingSwitch(Call& call) {
  TrackingOptions options;
  if (!ParseOptions(call, options)) return;
  ClientTracking* active = ActiveTracking(call);
  if (EqualsIgnoreCase(call.arg(2), "on")) {
    if (!CheckModes(call, options, active == nullptr ? nullptr : &active->options())) return;
    Connection::Of(call).EnsureTracking().Start(std::move(options));
  } else if (EqualsIgnoreCase(call.arg(2), "off")) {
    if (active != nullptr) active->Stop();
  } else {
    return call.Error(command::errors::kSyntax);
  }
  call.reply().Ok();
}

void ClientTrackingInfo(Call& call) {
  const ClientTracking* tracking = ActiveTracking(call);
  resp::Writer& reply = call.reply();
  reply.Map(3);
  reply.Bulk("flags");
  const std::vector<std::string_view> flags = Flags(tracking);
  reply.Set(flags.size());
  for (const std::string_view flag : flags) reply.Bulk(flag);
  reply.Bulk("redirect");
  reply.Integer(
      tracking == nullptr ? -1 : static_cast<std::int64_t>(tracking->options().redirect.value));
  reply.Bulk("prefixes");
  reply.Array(tracking == nullptr ? 0 : tracking->options().prefixes.size());
  if (tracking == nullptr) return;
  for (const std::string& prefix : tracking->options().prefixes) reply.Bulk(prefix);
}

void ClientCaching(Call& call) {
  ClientTracking* tracking = ActiveTracking(call);
  if (tracking == nullptr) {
    return call.Error(
        "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or "
        "OPTOUT mode enabled");
  }
  const TrackingOptions& options = tracking->options();
  if (EqualsIgnoreCase(call.arg(2), "yes")) {
    if (!options.opt_in) {
      return call.Error(
          "ERR CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode.");
    }
  } else if (EqualsIgnoreCase(call.arg(2), "no")) {
    if (!options.opt_out) {
      return call.Error(
          "ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode.");
    }
  } else {
    return call.Error(command::errors::kSyntax);
  }
  tracking->GiveCaching();
  call.reply().Ok();
}

void ClientGetRedir(Call& call) {
  const ClientTracking* tracking = ActiveTracking(call);
  call.reply().Integer(
      tracking == nullptr ? -1 : static_cast<std::int64_t>(tracking->options().redirect.value));
}

}  // namespace cairn::server
