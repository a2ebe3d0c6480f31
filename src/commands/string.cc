// SPDX-License-Identifier: BSD-3-Clause
// Reading strings and editing them in place. Storing whole strings is string_set.cc, counting is
// string_counter.cc.
#include <algorithm>
#include <cstring>
#include <optional>
#include <span>
#include <vector>

#include "base/text.h"
#include "command/call.h"
#include "command/errors.h"
#include "commands/expiry.h"
#include "commands/families.h"
#include "commands/heavy.h"
#include "commands/strings.h"
#include "value/lcs.h"
#include "value/string_value.h"

namespace cairn::commands {
namespace {

// A reply shares the bytes of a string if it is at least one of so many parts of it.
constexpr std::size_t kSharedPart = 8;

// The longest string a client may build: proto-max-bulk-len.
bool CheckLength(Call& call, std::size_t size) {
  const auto limit = static_cast<std::size_t>(
      call.keyspace().tunables().string_bytes_max.load(std::memory_order_relaxed));
  if (size <= limit) return true;
  call.Error(command::errors::kStringTooLong);
  return false;
}

[[gnu::noinline]] void ReadOtherString(const keyspace::Entry* entry, resp::Writer& reply) {
  if (entry == nullptr) return reply.Null();
  if (entry->type() != keyspace::Type::kString) return reply.Error(command::errors::kWrongType);
  if (const Blob* blob = entry->blob(); blob != nullptr) return reply.BulkBlob(blob);
  reply.Bulk(entry->value());
}

void ReadString(const keyspace::Entry* entry, resp::Writer& reply) {
  if (entry == nullptr || !entry->is_compact_string()) [[unlikely]]
    return ReadOtherString(entry, reply);
  reply.Bulk(entry->compact_value());
}

void Get(Call& call) {
  ReadString(call.txn().Find(call.key(0), Access::kRead).entry, call.reply());
}

void MGet(Call& call) {
  call.reply().Array(call.key_count());
  for (std::size_t n = 0; n < call.key_count(); ++n) {
    const Found found = call.txn().Find(call.key(n), Access::kRead);
    // A key of another type is answered like an absent one.
    ReplyString(call, found && found.entry->type() == keyspace::Type::kString ? found : Found{});
  }
}

void GetDel(Call& call) {
  Found found;
  if (!FindString(call, 0, Access::kRead, &found)) return;
  ReplyString(call, found);
  if (!found) return call.txn().OverruleAbsence(call.key(0));
  call.txn().Remove(call.key(0), found);
  call.txn().Log({"DEL", call.key(0).name});
  call.txn().Notify(keyspace::kEventGeneric, "del", call.key(0));
}

struct GetExOptions {
  bool persist = false;
  std::optional<ExpiryForm> form;
  std::string_view amount;
};

bool ParseGetEx(Call& call, GetExOptions& options) {
  for (std::size_t i = 2; i < call.argc(); ++i) {
    const std::optional<ExpiryForm> form = ParseExpiryToken(call.arg(i));
    const bool persist = EqualsIgnoreCase(call.arg(i), "PERSIST");
    // The same option may stand twice; the last one counts.
    if (persist ? options.form.has_value() : options.persist) return false;
    if (options.form && form != options.form) return false;
    if (!persist && (!form || i + 1 >= call.argc())) return false;
    options.persist = persist;
    options.form = form;
    if (form) options.amount = call.arg(++i);
  }
  return true;
}

void GetEx(Call& call) {
  GetExOptions options;
  if (!ParseGetEx(call, options)) return call.Error(command::errors::kSyntax);
  Found found;
  if (!FindString(call, 0, Access::kRead, &found)) return;
  if (!found) return call.reply().Null();
  std::optional<UnixMs> at_ms;
  if (options.form) {
    const std::optional<std::int64_t> amount = ParseInt64(options.amount);
    if (!amount) return call.Error(command::errors::kNotAnInteger);
    if (*amount > 0) at_ms = AbsoluteMs(*amount, *options.form, call.now_ms());
    if (!at_ms) return call.Error(command::errors::InvalidExpireTime("getex"));
  }
  ReplyString(call, found);
  if (at_ms) return ExpireAt(call, call.key(0), found, *at_ms);
  if (options.persist && found.entry->is_volatile()) {
    call.txn().ClearExpiry(call.key(0), found);
    call.txn().Log({"PERSIST", call.key(0).name});
    call.txn().Notify(keyspace::kEventGeneric, "persist", call.key(0));
  }
}

void StrLen(Call& call) {
  Found found;
  if (FindString(call, 0, Access::kRead, &found)) {
    call.reply().Integer(static_cast<std::int64_t>(StringOf(found).size()));
  }
}

// Both ends may count from the back; what lies outside is cut off.
void GetRange(Call& call) {
  const std::optional<std::int64_t> first = ParseInt64(call.arg(2));
  const std::optional<std::int64_t> last = ParseInt64(call.arg(3));
  if (!first || !last) return call.Error(command::errors::kNotAnInteger);
  Found found;
  if (!FindString(call, 0, Access::kRead, &found)) return;
  const std::string_view text = StringOf(found);
  const auto size = static_cast<std::int64_t>(text.size());
  if (*first < 0 && *last < 0 && *first > *last) return call.reply().Bulk({});
  const std::int64_t begin = std::max<std::int64_t>(*first < 0 ? *first + size : *first, 0);
  const std::int64_t end =
      std::min(std::max<std::int64_t>(*last < 0 ? *last + size : *last, 0), size - 1);
  if (begin > end || size == 0) return call.reply().Bulk({});
  const auto length = static_cast<std::size_t>(end - begin + 1);
  const std::string_view part = text.substr(static_cast<std::size_t>(begin), length);
  // Until it is sent a part keeps all of the bytes: a small one is copied.
  const Blob* blob = found.entry->blob();
  if (blob != nullptr && length >= text.size() / kSharedPart)
    return call.reply().BulkBlob(blob, part);
  if (call.Defer(ElementsOfBytes(length))) return;
  call.reply().Bulk(part);
}

void SetRange(Call& call) {
  const std::optional<std::int64_t> offset = ParseInt64(call.arg(2));
  if (!offset) return call.Error(command::errors::kNotAnInteger);
  if (*offset < 0) return call.Error(command::errors::kOffsetOutOfRange);
  Found found;
  if (!FindString(call, 0, Access::kWrite, &found)) return;
  const std::string_view patch = call.arg(3);
  if (patch.empty()) return call.reply().Integer(static_cast<std::int64_t>(StringOf(found).size()));
  const auto begin = static_cast<std::size_t>(*offset);
  if (!CheckLength(call, begin + patch.size())) return;
  const std::size_t size = begin + patch.size();
  if (DeferEdit(call, found, size)) return;
  const std::span<char> bytes = call.txn().EditString(call.key(0), found, size);
  std::memcpy(bytes.data() + begin, patch.data(), patch.size());
  call.LogVerbatim();
  call.txn().Notify(keyspace::kEventString, "setrange", call.key(0));
  call.reply().Integer(static_cast<std::int64_t>(bytes.size()));
}

void Append(Call& call) {
  Found found;
  if (!FindString(call, 0, Access::kWrite, &found)) return;
  const std::string_view tail = call.arg(2);
  const std::size_t old_size = StringOf(found).size();
  if (!CheckLength(call, old_size + tail.size())) return;
  if (found && DeferEdit(call, found, old_size + tail.size())) return;
  if (!found) {
    // A new key made by APPEND is a plain string: OBJECT ENCODING may say int or embstr.
    call.txn().SetString(call.key(0), found, tail, keyspace::Ttl::kDrop);
  } else {
    const std::span<char> bytes = call.txn().EditString(call.key(0), found, old_size + tail.size());
    if (!tail.empty()) std::memcpy(bytes.data() + old_size, tail.data(), tail.size());
  }
  call.LogVerbatim();
  call.txn().Notify(keyspace::kEventString, "append", call.key(0));
  call.reply().Integer(static_cast<std::int64_t>(old_size + tail.size()));
}

void Digest(Call& call) {
  Found found;
  if (!FindString(call, 0, Access::kRead, &found)) return;
  if (!found) return call.reply().Null();
  if (call.Defer(ElementsRead(StringOf(found).size()))) return;
  call.reply().Bulk(value::Digest(found.entry->value()));
}

struct LcsOptions {
  bool length_only = false;
  bool indices = false;
  bool with_match_lengths = false;
  std::int64_t match_length_min = 0;
};

bool ParseLcs(Call& call, LcsOptions& options) {
  for (std::size_t i = 3; i < call.argc(); ++i) {
    const std::string_view token = call.arg(i);
    if (EqualsIgnoreCase(token, "LEN")) {
      options.length_only = true;
    } else if (EqualsIgnoreCase(token, "IDX")) {
      options.indices = true;
    } else if (EqualsIgnoreCase(token, "WITHMATCHLEN")) {
      options.with_match_lengths = true;
    } else if (EqualsIgnoreCase(token, "MINMATCHLEN") && i + 1 < call.argc()) {
      const std::optional<std::int64_t> length = ParseInt64(call.arg(++i));
      if (!length) {
        call.Error(command::errors::kNotAnInteger);
        return false;
      }
      options.match_length_min = std::max<std::int64_t>(*length, 0);
    } else {
      call.Error(command::errors::kSyntax);
      return false;
    }
  }
  if (!options.length_only || !options.indices) return true;
  call.Error(command::errors::kLcsLenAndIdx);
  return false;
}

void ReplyRange(Call& call, std::uint64_t start, std::uint64_t length) {
  call.reply().Array(2);
  call.reply().Integer(static_cast<std::int64_t>(start));
  call.reply().Integer(static_cast<std::int64_t>(start + length - 1));
}

void ReplyLcsMatches(Call& call, std::span<const value::LcsMatch> matches,
                     const LcsOptions& options) {
  resp::Writer& reply = call.reply();
  reply.Map(2);
  reply.Bulk("matches");
  const std::size_t array = reply.BeginArray();
  std::size_t shown = 0;
  std::uint64_t length = 0;
  for (const value::LcsMatch& match : matches) {
    length += match.length;
    if (match.length < static_cast<std::uint64_t>(options.match_length_min)) continue;
    ++shown;
    reply.Array(options.with_match_lengths ? 3 : 2);
    ReplyRange(call, match.start_a, match.length);
    ReplyRange(call, match.start_b, match.length);
    if (options.with_match_lengths) reply.Integer(static_cast<std::int64_t>(match.length));
  }
  reply.EndArray(array, shown);
  reply.Bulk("len");
  reply.Integer(static_cast<std::int64_t>(length));
}

bool CheckLcsSize(Call& call, std::string_view a, std::string_view b) {
  const std::int64_t limit =
      call.keyspace().tunables().string_bytes_max.load(std::memory_order_relaxed);
  switch (value::LcsCheck(a.size(), b.size(), static_cast<std::uint64_t>(limit))) {
    case value::LcsLimit::kWithin:
      return true;
    case value::LcsLimit::kBeyondBulk:
      call.Error(command::errors::kLcsTooLarge);
      return false;
    case value::LcsLimit::kBeyondTrace:
      call.Error(command::errors::kLcsOutOfMemory);
      return false;
  }
  return false;
}

void Lcs(Call& call) {
  const Found found_a = call.txn().Find(call.key(0), Access::kRead);
  const Found found_b = call.txn().Find(call.key(1), Access::kRead);
  for (const Found& found : {found_a, found_b}) {
    if (found && found.entry->type() != keyspace::Type::kString) {
      return call.Error(command::errors::kLcsNotStrings);
    }
  }
  LcsOptions options;
  if (!ParseLcs(call, options)) return;
  const std::string_view a = StringOf(found_a);
  const std::string_view b = StringOf(found_b);
  if (!CheckLcsSize(call, a, b)) return;
  if (call.Defer(ElementsOfBytes(a.size() * b.size() / 8))) return;
  if (options.length_only)
    return call.reply().Integer(static_cast<std::int64_t>(value::LcsLength(a, b)));
  const std::vector<value::LcsMatch> matches = value::LcsMatches(a, b);
  if (options.indices) return ReplyLcsMatches(call, matches, options);
  call.reply().Bulk(value::LcsText(a, matches));
}

constexpr Spec kSpecs[] = {
    Spec({.syntax = "GET key",
          .access = "RO ACCESS",
          .since = "1.0.0",
          .group = Group::kString,
          .flags = command::kReadonly | command::kFast,
          .complexity = "O(1)",
          .summary = "Returns the string stored under a key.",
          .run = &Get,
          .read = &ReadString}),
    Spec({.syntax = "MGET key [key ...]",
          .access = "RO ACCESS",
          .since = "1.0.0",
          .group = Group::kString,
          .flags = command::kReadonly | command::kFast,
          .complexity = "O(N) where N is the number of keys",
          .summary = "Returns the strings stored under several keys, at one moment.",
          .tips = "request_policy:multi_shard",
          .run = &MGet}),
    Spec({.syntax = "GETEX key [EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT "
                    "unix-time-milliseconds | "
                    "PERSIST]",
          .access = "RW ACCESS UPDATE",
          .since = "6.2.0",
          .group = Group::kString,
          .flags = command::kWrite | command::kFast,
          .complexity = "O(1)",
          .summary = "Returns the string stored under a key and sets or removes its expiry.",
          .run = &GetEx}),
    Spec({.syntax = "GETDEL key",
          .access = "RW ACCESS DELETE",
          .since = "6.2.0",
          .group = Group::kString,
          .flags = command::kWrite | command::kFast,
          .complexity = "O(1)",
          .summary = "Returns the string stored under a key and deletes the key.",
          .run = &GetDel}),
    Spec({.syntax = "STRLEN key",
          .access = "RO",
          .since = "2.2.0",
          .group = Group::kString,
          .flags = command::kReadonly | command::kFast,
          .complexity = "O(1)",
          .summary = "Returns the length of a string in bytes.",
          .run = &StrLen}),
    Spec({.syntax = "GETRANGE key start end",
          .access = "RO ACCESS",
          .since = "2.4.0",
          .group = Group::kString,
          .flags = command::kReadonly,
          .complexity = "O(N) where N is the length of the returned part",
          .summary = "Returns a part of a string.",
          .run = &GetRange}),
    Spec({.syntax = "SUBSTR key start end",
          .access = "RO ACCESS",
          .since = "1.0.0",
          .group = Group::kString,
          .flags = command::kReadonly,
          .complexity = "O(N) where N is the length of the returned part",
          .summary = "Returns a part of a string.",
          .deprecated = "2.0.0|`GETRANGE`",
          .run = &GetRange}),
    Spec({.syntax = "SETRANGE key offset value",
          .access = "RW UPDATE",
          .since = "2.2.0",
          .group = Group::kString,
          .flags = command::kWrite | command::kDenyOom,
          .complexity = "O(1), or O(N) in the string's length when it has to move",
          .summary = "Overwrites a part of a string, lengthening it with zero bytes where needed.",
          .run = &SetRange}),
    Spec({.syntax = "APPEND key value",
          .access = "RW INSERT",
          .since = "2.0.0",
          .group = Group::kString,
          .flags = command::kWrite | command::kDenyOom | command::kFast,
          .complexity = "O(1) amortized",
          .summary = "Appends to a string, making it if the key is absent.",
          .run = &Append}),
    Spec({.syntax = "DIGEST key",
          .access = "RO ACCESS",
          .since = "8.4.0",
          .group = Group::kString,
          .flags = command::kReadonly | command::kFast,
          .complexity = "O(N) where N is the length of the string",
          .summary = "Returns the XXH3 hash of a string as 16 hexadecimal digits.",
          .run = &Digest}),
    Spec({.syntax = "LCS key1 key2 [LEN] [IDX] [MINMATCHLEN min-match-len] [WITHMATCHLEN]",
          .access = "RO ACCESS",
          .since = "7.0.0",
          .group = Group::kString,
          .flags = command::kReadonly,
          .complexity = "O(N*M) where N and M are the lengths of the strings",
          .summary = "Finds the longest common subsequence of two strings.",
          .run = &Lcs}),
};

}  // namespace

std::span<const Spec> StringFamily() { return kSpecs; }

}  // namespace cairn::commands
