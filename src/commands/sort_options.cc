// SPDX-License-Identifier: BSD-3-Clause
// SORT's words. Any order, any number of times; of most the last counts.
#include "commands/sort_options.h"

#include <algorithm>

#include "base/text.h"
#include "command/errors.h"

namespace cairn::commands {
namespace {

using command::Call;

bool ParseLimit(Call& call, std::size_t at, SortOptions& options) {
  const std::optional<std::int64_t> offset = ParseInt64(call.arg(at));
  const std::optional<std::int64_t> count = ParseInt64(call.arg(at + 1));
  if (!offset || !count) {
    call.Error(command::errors::kNotAnInteger);
    return false;
  }
  options.offset = *offset;
  options.count = *count;
  return true;
}

// An option that one word follows. False: it is none.
bool ParseWithWord(std::string_view name, std::string_view word, Storing storing,
                   SortOptions& options) {
  if (EqualsIgnoreCase(name, "BY")) {
    options.by = KeyPattern(word);
    // One such pattern is enough, wherever it stands.
    options.is_sorted = options.is_sorted && options.by->has_star();
  } else if (EqualsIgnoreCase(name, "GET")) {
    options.gets.emplace_back(word);
  } else if (storing == Storing::kAllowed && EqualsIgnoreCase(name, "STORE")) {
    options.store = word;
  } else {
    return false;
  }
  return true;
}

bool ParseFlag(std::string_view name, SortOptions& options) {
  if (EqualsIgnoreCase(name, "ASC")) {
    options.is_descending = false;
  } else if (EqualsIgnoreCase(name, "DESC")) {
    options.is_descending = true;
  } else if (EqualsIgnoreCase(name, "ALPHA")) {
    options.by_text = true;
  } else {
    return false;
  }
  return true;
}

// What BY and GET lead to is not among the keys that the user's rights were asked about, so they
// are for those who may read all keys; GET # too, as in Redis. (BY without a star leads nowhere.)
bool IsDenied(Call& call, std::string_view name, std::string_view word) {
  const bool is_by = EqualsIgnoreCase(name, "BY");
  if (!is_by && !EqualsIgnoreCase(name, "GET")) return false;
  if (is_by && !word.contains('*')) return false;
  const command::Rights* rights = call.session().rights();
  if (rights == nullptr || rights->MayReadAllKeys(call.command(), call.args())) return false;
  call.Error(is_by ? "ERR BY option of SORT denied due to insufficient ACL permissions."
                   : "ERR GET option of SORT denied due to insufficient ACL permissions.");
  return true;
}

}  // namespace

bool ParseSort(Call& call, Storing storing, SortOptions& options) {
  for (std::size_t i = 2; i < call.argc(); ++i) {
    const std::string_view name = call.arg(i);
    const std::size_t words = call.argc() - i - 1;
    if (ParseFlag(name, options)) continue;
    if (words >= 1 && IsDenied(call, name, call.arg(i + 1))) return false;
    if (words >= 2 && EqualsIgnoreCase(name, "LIMIT")) {
      if (!ParseLimit(call, i + 1, options)) return false;
      i += 2;
    } else if (words >= 1 && ParseWithWord(name, call.arg(i + 1), storing, options)) {
      ++i;
    } else {
      call.Error(command::errors::kSyntax);
      return false;
    }
  }
  return true;
}

bool SortOptions::leads_elsewhere() const { return lookups() > 0; }

std::size_t SortOptions::lookups() const {
  const auto is_lookup = [](const KeyPattern& get) { return !get.is_element() && get.has_star(); };
  const auto columns = static_cast<std::size_t>(std::count_if(gets.begin(), gets.end(), is_lookup));
  return columns + (is_sorted && by && by->has_star() ? 1 : 0);
}

// A word that stands where an option may is taken for one.
bool SortTakesAllStripes(std::span<const std::string_view> args) {
  for (std::size_t i = 2; i + 1 < args.size(); ++i) {
    const bool is_pattern = EqualsIgnoreCase(args[i], "BY") || EqualsIgnoreCase(args[i], "GET");
    if (is_pattern && args[i + 1].contains('*')) return true;
  }
  return false;
}

// As ParseSort reads them, but past words that it refuses.
void FindSortKeys(std::span<const std::string_view> args, std::vector<std::uint32_t>& keys) {
  if (args.size() < 2) return;
  keys.push_back(1);
  std::size_t target = 0;
  for (std::size_t i = 2; i + 1 < args.size(); ++i) {
    const bool is_store = EqualsIgnoreCase(args[i], "STORE");
    if (is_store) target = i + 1;
    if (EqualsIgnoreCase(args[i], "LIMIT")) {
      i += 2;
    } else if (is_store || EqualsIgnoreCase(args[i], "BY") || EqualsIgnoreCase(args[i], "GET")) {
      ++i;
    }
  }
  if (target != 0) keys.push_back(static_cast<std::uint32_t>(target));
}

}  // namespace cairn::commands
