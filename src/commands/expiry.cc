// SPDX-License-Identifier: BSD-3-Clause
// The arithmetic refuses to wrap: seconds that do not fit as milliseconds, or that pass the end of
// time once the present is added.
#include "commands/expiry.h"

#include "base/text.h"

namespace cairn::commands {

std::optional<ExpiryForm> ParseExpiryToken(std::string_view token) {
  if (EqualsIgnoreCase(token, "EX")) return ExpiryForm{TimeUnit::kSeconds, TimeBase::kRelative};
  if (EqualsIgnoreCase(token, "PX"))
    return ExpiryForm{TimeUnit::kMilliseconds, TimeBase::kRelative};
  if (EqualsIgnoreCase(token, "EXAT")) return ExpiryForm{TimeUnit::kSeconds, TimeBase::kAbsolute};
  if (EqualsIgnoreCase(token, "PXAT"))
    return ExpiryForm{TimeUnit::kMilliseconds, TimeBase::kAbsolute};
  return std::nullopt;
}

std::optional<UnixMs> AbsoluteMs(std::int64_t amount, ExpiryForm form, UnixMs now_ms) {
  UnixMs at_ms = amount;
  if (form.unit == TimeUnit::kSeconds &&
      __builtin_mul_overflow(amount, std::int64_t{1000}, &at_ms)) {
    return std::nullopt;
  }
  if (form.base == TimeBase::kRelative && __builtin_add_overflow(at_ms, now_ms, &at_ms))
    return std::nullopt;
  if (at_ms == kNever) return kLastMoment;
  return at_ms;
}

UnixMs ShownMs(UnixMs at_ms) { return at_ms == kLastMoment ? kNever : at_ms; }

void ExpireAt(command::Call& call, const keyspace::KeyRef& key, keyspace::Found found,
              UnixMs at_ms) {
  keyspace::Txn& txn = call.txn();
  if (call.IsPast(at_ms)) {
    txn.Remove(key, found);
    txn.Log({"DEL", key.name});
    return txn.Notify(keyspace::kEventGeneric, "del", key);
  }
  txn.SetExpiry(key, found, at_ms);
  char digits[kInt64TextMax];
  const char* end = FormatInt64(digits, at_ms);
  txn.Log(
      {"PEXPIREAT", key.name, std::string_view(digits, static_cast<std::size_t>(end - digits))});
  txn.Notify(keyspace::kEventGeneric, "expire", key);
}

}  // namespace cairn::commands
