// SPDX-License-Identifier: BSD-3-Clause
// PFADD, PFCOUNT, PFMERGE and the debugging commands, over value/hyperloglog.h.
//
// A sparse value is edited in a copy, since its length changes; a dense one in place. PFCOUNT
// stores the count it computed in the value, as Redis does, and logs that: values stay byte-equal
// wherever the log is replayed.
#include "value/hyperloglog.h"

#include <expected>
#include <string>

#include "base/text.h"
#include "command/call.h"
#include "command/errors.h"
#include "commands/families.h"
#include "commands/heavy.h"
#include "commands/strings.h"

namespace cairn::commands {
namespace {

void ReplyHllError(Call& call, value::HllError error) {
  call.Error(error == value::HllError::kNotHll ? command::errors::kNotHyperLogLog
                                               : command::errors::kCorruptHyperLogLog);
}

// Finds the n-th key as a HyperLogLog; an absent one is fine. False with the error replied.
bool FindHll(Call& call, std::size_t n, Access access, Found* found) {
  if (!FindString(call, n, access, found)) return false;
  if (!*found) return true;
  const auto encoding = value::HllEncodingOf(StringOf(*found));
  if (!encoding) ReplyHllError(call, encoding.error());
  return encoding.has_value();
}

std::size_t SparseBytesMax(Call& call) {
  return static_cast<std::size_t>(
      call.keyspace().tunables().hll_sparse_bytes_max.load(std::memory_order_relaxed));
}

// Redis keeps these as raw strings, whatever their length.
void StoreHll(Call& call, const Found& found, std::string_view bytes) {
  const Found stored = call.txn().SetString(call.key(0), found, bytes, keyspace::Ttl::kKeep);
  stored.entry->set_encoding(keyspace::Encoding::kRaw);
}

bool IsDense(const Found& found) {
  return found && value::HllEncodingOf(StringOf(found)) == value::HllEncoding::kDense;
}

void PfAdd(Call& call) {
  Found found;
  if (!FindHll(call, 0, Access::kWrite, &found)) return;
  const std::span<const std::string_view> elements = call.args().subspan(2);
  std::size_t changes = found ? 0 : 1;
  if (IsDense(found)) {
    changes = value::HllAddDense(call.txn().EditString(call.key(0), found, 0), elements);
  } else {
    std::string bytes = found ? std::string(StringOf(found)) : value::NewHll();
    const value::HllResult<std::size_t> added =
        value::HllAdd(bytes, elements, SparseBytesMax(call));
    if (!added) return ReplyHllError(call, added.error());
    changes += *added;
    if (changes > 0) {
      value::HllMarkStale(bytes);
      StoreHll(call, found, bytes);
    }
  }
  if (changes > 0) {
    call.LogVerbatim();
    call.txn().Notify(keyspace::kEventString, "pfadd", call.key(0));
  }
  call.txn().CountAs(static_cast<std::int64_t>(changes));
  call.reply().Integer(changes > 0 ? 1 : 0);
}

// Its registers, as Call::Defer counts: about 10 us.
constexpr std::uint64_t kElementsOfHll = 100;

void CountUnion(Call& call) {
  value::HllUnion all;
  for (std::size_t n = 0; n < call.key_count(); ++n) {
    Found found;
    if (!FindHll(call, n, Access::kRead, &found)) return;
    if (!found) continue;
    if (const auto added = all.Add(StringOf(found)); !added)
      return ReplyHllError(call, added.error());
  }
  call.reply().Integer(static_cast<std::int64_t>(all.Count()));
}

void PfCount(Call& call) {
  if (call.Defer(call.key_count() * kElementsOfHll)) return;
  if (call.key_count() > 1) return CountUnion(call);
  Found found;
  if (!FindHll(call, 0, Access::kRead, &found)) return;
  if (!found) return call.reply().Integer(0);
  if (const std::optional<std::uint64_t> cached = value::HllCachedCount(StringOf(found))) {
    return call.reply().Integer(static_cast<std::int64_t>(*cached));
  }
  const value::HllResult<std::uint64_t> count = value::HllCount(StringOf(found));
  if (!count) return ReplyHllError(call, count.error());
  value::HllCacheCount(call.txn().EditString(call.key(0), found, 0), *count);
  call.LogVerbatim();
  call.reply().Integer(static_cast<std::int64_t>(*count));
}

void PfMerge(Call& call) {
  if (call.Defer(call.key_count() * kElementsOfHll)) return;
  value::HllUnion all;
  std::string destination;
  for (std::size_t n = 0; n < call.key_count(); ++n) {
    Found found;
    if (!FindHll(call, n, Access::kRead, &found)) return;
    if (!found) continue;
    if (n == 0) destination = StringOf(found);
    if (const auto added = all.Add(StringOf(found)); !added)
      return ReplyHllError(call, added.error());
  }
  const value::HllResult<std::string> merged =
      all.MergedInto(std::move(destination), SparseBytesMax(call));
  if (!merged) return ReplyHllError(call, merged.error());
  StoreHll(call, call.txn().Find(call.key(0), Access::kWrite), *merged);
  call.LogVerbatim();
  call.txn().Notify(keyspace::kEventString, "pfadd", call.key(0));
  call.reply().Ok();
}

// --- PFDEBUG ---

// Makes the value dense; false with the error replied. `changed` says whether it was sparse before.
bool MakeDense(Call& call, Found& found, bool* changed) {
  *changed = !IsDense(found);
  if (!*changed) return true;
  const value::HllResult<std::string> dense = value::HllToDense(StringOf(found));
  if (!dense) {
    ReplyHllError(call, dense.error());
    return false;
  }
  call.txn().TellNobody();
  StoreHll(call, found, *dense);
  call.LogVerbatim();
  found = call.txn().Find(call.key(0), Access::kPeek);
  return true;
}

void DebugGetReg(Call& call, Found& found) {
  bool changed = false;
  if (!MakeDense(call, found, &changed)) return;
  const auto registers = value::HllRegistersOf(StringOf(found));
  if (!registers) return ReplyHllError(call, registers.error());
  call.reply().Array(registers->size());
  for (const auto number : *registers) call.reply().Integer(number);
}

void DebugToDense(Call& call, Found& found) {
  bool changed = false;
  if (MakeDense(call, found, &changed)) call.reply().Integer(changed ? 1 : 0);
}

void PfDebug(Call& call) {
  Found found;
  if (!FindHll(call, 0, Access::kWrite, &found)) return;
  if (!found) return call.Error(command::errors::kHllAbsent);
  const std::string_view what = call.arg(1);
  if (EqualsIgnoreCase(what, "GETREG")) return DebugGetReg(call, found);
  if (EqualsIgnoreCase(what, "TODENSE")) return DebugToDense(call, found);
  if (EqualsIgnoreCase(what, "ENCODING"))
    return call.reply().Simple(IsDense(found) ? "dense" : "sparse");
  if (!EqualsIgnoreCase(what, "DECODE")) return call.Error(command::errors::UnknownPfDebug(what));
  if (IsDense(found)) return call.Error(command::errors::kHllNotSparse);
  call.reply().Bulk(value::HllRunsText(StringOf(found)));
}

void PfSelfTest(Call& call) {
  const Status tested = value::HllSelfTest(call.session().random().Next());
  tested.ok() ? call.reply().Ok() : call.Error("TESTFAILED " + std::string(tested.message()));
}

constexpr Spec kSpecs[] = {
    Spec({.syntax = "PFADD key [element [element ...]]",
          .access = "RW INSERT",
          .since = "2.8.9",
          .group = Group::kHyperloglog,
          .flags = command::kWrite | command::kDenyOom | command::kFast,
          .complexity = "O(1) for each element",
          .summary = "Adds elements to a HyperLogLog, making it if the key is absent.",
          .run = &PfAdd}),
    Spec({.syntax = "PFCOUNT key [key ...]",
          .access = "RW ACCESS",
          .since = "2.8.9",
          .group = Group::kHyperloglog,
          .flags = command::kReadonly | command::kMayReplicate,
          .complexity = "O(1) with a cached count, O(N) where N is the number of keys otherwise",
          .summary = "Estimates how many different elements the HyperLogLogs were given together.",
          .run = &PfCount}),
    Spec({.syntax = "PFMERGE destkey [sourcekey [sourcekey ...]]",
          .access = "RW ACCESS INSERT; RO ACCESS",
          .since = "2.8.9",
          .group = Group::kHyperloglog,
          .flags = command::kWrite | command::kDenyOom,
          .complexity = "O(N) where N is the number of keys",
          .summary = "Stores the union of HyperLogLogs.",
          .run = &PfMerge}),
    Spec({.syntax = "PFDEBUG subcommand key",
          .access = "RW ACCESS",
          .since = "2.8.9",
          .group = Group::kHyperloglog,
          .flags = command::kWrite | command::kDenyOom | command::kAdmin | command::kSystemCommand,
          .complexity = "O(N) where N is the number of registers",
          .summary = "Looks into a HyperLogLog.",
          .run = &PfDebug}),
    Spec({.syntax = "PFSELFTEST",
          .since = "2.8.9",
          .group = Group::kHyperloglog,
          .flags = command::kAdmin | command::kSystemCommand,
          .complexity = "O(1)",
          .summary = "Checks the HyperLogLog implementation.",
          .run = &PfSelfTest}),
};

}  // namespace

std::span<const Spec> HyperLogLogFamily() { return kSpecs; }

}  // namespace cairn::commands
